/*
 * gunzip.h - what is inside a gzip file, in order
 *
 * A file may be several members one after another; zero bytes behind the last are
 * filling.  Anything else that is wrong - a member cut short, a checksum that does not
 * fit, bytes behind the end - is SHEAF_BAD_DATA (E407) with the offsets in the file and in what was
 * decoded, even if all data could be read: whoever wrote it did not finish, or it was damaged.
 */
#ifndef SHEAF_INPUT_GUNZIP_H
#define SHEAF_INPUT_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <sheaf/error.h>

struct sheaf_gunzip {
    const char *path;
    int fd;
    bool stream_only; /* it can only be read in order: a pipe */
    uint64_t read;    /* offset of the next byte to read from the file */
    uint64_t decoded; /* bytes given out */
    uint64_t members; /* begun */
    bool between;     /* at the begin of a member, or behind the last */
    bool padded;      /* only zeros may follow */
    bool ended;
    z_stream stream;
    unsigned char *input;
};

/* `path` is for messages; it and fd must stay. */
SHEAF_CHECKED sheaf_status sheaf_gunzip_open(struct sheaf_gunzip *gunzip, const char *path, int fd,
                                             sheaf_error *error);

/* The same for what can only be read in order, of which `size` bytes (at most a few) were read. */
SHEAF_CHECKED sheaf_status sheaf_gunzip_stream(struct sheaf_gunzip *gunzip, const char *path,
                                               int fd, const void *bytes, size_t size,
                                               sheaf_error *error);

/* At most `size` bytes more; *got is 0 only at the end. */
SHEAF_CHECKED sheaf_status sheaf_gunzip_read(struct sheaf_gunzip *gunzip, char *to, size_t size,
                                             size_t *got, sheaf_error *error);
void sheaf_gunzip_close(struct sheaf_gunzip *gunzip);

#endif
