/*
 * source.h - the files of a dataset as bytes: what they are, their first bytes, whether they
 * changed
 *
 * Planning reads copies (pread) and never maps: a file that is cut short at that
 * moment is an error there, not a signal.
 */
#ifndef SHEAF_INPUT_SOURCE_H
#define SHEAF_INPUT_SOURCE_H

#include "input/dataset.h"

/* Open `path` ("-" is standard input), see what kind of source it is, note its identity. */
SHEAF_CHECKED sheaf_status sheaf_source_open(struct sheaf_file *file, const char *path,
                                             sheaf_error *error);
void sheaf_source_close(struct sheaf_file *file);
/* Close the descriptor of a file that can be opened again by its path. */
void sheaf_source_rest(struct sheaf_file *file);

/* The first bytes of what a file holds, decoded.  64 zero bytes stand before and after them. */
struct sheaf_sample {
    char *bytes;
    size_t size;
    bool whole; /* there is nothing behind them */
    char *memory;
};

/* At least `wanted` bytes if there are so many.  A stream waits until they have come. */
SHEAF_CHECKED sheaf_status sheaf_sample_read(struct sheaf_file *file, size_t wanted,
                                             struct sheaf_sample *sample, sheaf_error *error);
/* Bytes [from, from + size) of a plain file or a spool, fewer at its end. */
SHEAF_CHECKED sheaf_status sheaf_sample_at(const struct sheaf_file *file, uint64_t from,
                                           size_t size, struct sheaf_sample *sample,
                                           sheaf_error *error);
void sheaf_sample_free(struct sheaf_sample *sample);

/* Read what is there, at least one byte, up to `size`; *got is 0 at the end. */
SHEAF_CHECKED sheaf_status sheaf_stream_read(struct sheaf_file *file, char *to, size_t size,
                                             size_t *got, sheaf_error *error);

#endif
