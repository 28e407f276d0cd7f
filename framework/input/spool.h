/*
 * spool.h - bytes that come in order and are read at random: pipes, and what is compressed
 *
 * The feeder appends to a memfd, which readers map like a file.  What no one
 * needs any more is punched out of it, and the feeder waits when it is too far ahead,
 * so the memory is bounded whatever the size of the data.
 *
 * No one waits for ever: all sleep in slices, look again, and give up when the process
 * that started them is gone.
 */
#ifndef SHEAF_INPUT_SPOOL_H
#define SHEAF_INPUT_SPOOL_H

#include "input/dataset.h"

/* How far the feeder may be ahead unless sheaf_dataset_read_ahead() says otherwise. */
#define SHEAF_SPOOL_AHEAD ((uint64_t)128 << 20)

/* Give a file its spool. */
SHEAF_CHECKED sheaf_status sheaf_spool_open(struct sheaf_file *file, sheaf_error *error);
void sheaf_spool_close(struct sheaf_file *file);

/* The feeder's side: `append` waits for room first. */
SHEAF_CHECKED sheaf_status sheaf_spool_append(struct sheaf_file *file, const char *bytes,
                                              size_t size, sheaf_error *error);
void sheaf_spool_end(struct sheaf_file *file, const sheaf_error *failed); /* NULL: complete */

/*
 * The readers' side: wait until `needed` bytes are decoded or no more will come.  *decoded is
 * what is there, *final whether that is all.  Fails with the feeder's error if it failed before.
 */
SHEAF_CHECKED sheaf_status sheaf_spool_wait(const struct sheaf_file *file, uint64_t needed,
                                            uint64_t *decoded, bool *final, sheaf_error *error);

#endif
