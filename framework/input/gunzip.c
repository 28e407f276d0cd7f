/* gunzip.c - what is inside a gzip file, in order: see gunzip.h */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "input/gunzip.h"

enum { INPUT_BYTES = 256 * 1024 };

sheaf_status sheaf_gunzip_open(struct sheaf_gunzip *gunzip, const char *path, int fd,
                               sheaf_error *error)
{
    *gunzip = (struct sheaf_gunzip){.path = path, .fd = fd, .between = true};
    SHEAF_TRY(sheaf_allocate(&gunzip->input, INPUT_BYTES, 1, error));
    if (inflateInit2(&gunzip->stream, 16 + MAX_WBITS) != Z_OK) {
        free(gunzip->input);
        gunzip->input = NULL;
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: cannot decode %s", path);
    }
    return SHEAF_OK;
}

sheaf_status sheaf_gunzip_stream(struct sheaf_gunzip *gunzip, const char *path, int fd,
                                 const void *bytes, size_t size, sheaf_error *error)
{
    SHEAF_TRY(sheaf_gunzip_open(gunzip, path, fd, error));
    gunzip->stream_only = true;
    memcpy(gunzip->input, bytes, size);
    gunzip->read = size;
    gunzip->stream.next_in = gunzip->input;
    gunzip->stream.avail_in = (uInt)size;
    return SHEAF_OK;
}

void sheaf_gunzip_close(struct sheaf_gunzip *gunzip)
{
    if (gunzip->input)
        inflateEnd(&gunzip->stream);
    free(gunzip->input);
    gunzip->input = NULL;
}

/* Offset in the file of the next byte that is not decoded yet. */
static uint64_t place(const struct sheaf_gunzip *gunzip)
{
    return gunzip->read - gunzip->stream.avail_in;
}

static sheaf_status damaged(const struct sheaf_gunzip *gunzip, const char *what, sheaf_error *error)
{
    sheaf_error_set(
        error, SHEAF_BAD_DATA, "%s: %s at byte %llu of the file, after %llu decoded bytes (E407)",
        gunzip->path, what, (unsigned long long)place(gunzip), (unsigned long long)gunzip->decoded);
    sheaf_error_help(error, "The file is damaged or was not written to its end; gzip -t tells the "
                            "same.  Get it again");
    if (error) {
        error->code = 407;
        error->byte = (int64_t)place(gunzip);
    }
    return SHEAF_BAD_DATA;
}

/* *got is 0 at the end of the file. */
static sheaf_status fill(struct sheaf_gunzip *gunzip, size_t *got, sheaf_error *error)
{
    ssize_t count = -1;

    do {
        struct pollfd ready = {.fd = gunzip->fd, .events = POLLIN};
        if (gunzip->stream_only && poll(&ready, 1, -1) < 0 && errno == EINTR)
            continue;
        count = gunzip->stream_only
                    ? read(gunzip->fd, gunzip->input, INPUT_BYTES)
                    : pread(gunzip->fd, gunzip->input, INPUT_BYTES, (off_t)gunzip->read);
    } while (count < 0 && (errno == EINTR || (gunzip->stream_only && errno == EAGAIN)));
    if (count < 0)
        return sheaf_error_errno(error, "cannot read %s at byte %llu", gunzip->path,
                                 (unsigned long long)gunzip->read);
    gunzip->read += (uint64_t)count;
    gunzip->stream.next_in = gunzip->input;
    gunzip->stream.avail_in = (uInt)count;
    *got = (size_t)count;
    return SHEAF_OK;
}

static sheaf_status pass_padding(struct sheaf_gunzip *gunzip, sheaf_error *error)
{
    z_stream *stream = &gunzip->stream;

    for (; stream->avail_in > 0; stream->avail_in--, stream->next_in++)
        if (*stream->next_in != 0)
            return damaged(gunzip, "something that is not gzip stands behind the end", error);
    return SHEAF_OK;
}

/* There is input between two members: another member, or filling. */
static sheaf_status begin_member(struct sheaf_gunzip *gunzip, sheaf_error *error)
{
    if (gunzip->members > 0 && *gunzip->stream.next_in == 0)
        gunzip->padded = true;
    if (gunzip->padded)
        return pass_padding(gunzip, error);
    if (*gunzip->stream.next_in != 0x1f)
        return damaged(gunzip, "something that is not gzip stands behind the end", error);
    gunzip->between = false;
    gunzip->members++;
    if (inflateReset(&gunzip->stream) != Z_OK)
        return sheaf_error_set(error, SHEAF_INTERNAL, "zlib can not be reset");
    return SHEAF_OK;
}

/* The end of the file: fine between members only. */
static sheaf_status end(struct sheaf_gunzip *gunzip, sheaf_error *error)
{
    gunzip->ended = true;
    return gunzip->between ? SHEAF_OK
                           : damaged(gunzip, "the file ends inside a gzip member", error);
}

static sheaf_status inflate_some(struct sheaf_gunzip *gunzip, sheaf_error *error)
{
    switch (inflate(&gunzip->stream, Z_NO_FLUSH)) {
    case Z_STREAM_END:
        gunzip->between = true;
        return SHEAF_OK;
    case Z_OK:
    case Z_BUF_ERROR:
        return SHEAF_OK;
    case Z_MEM_ERROR:
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: cannot decode %s",
                               gunzip->path);
    default:
        return damaged(gunzip, gunzip->stream.msg ? gunzip->stream.msg : "not gzip", error);
    }
}

sheaf_status sheaf_gunzip_read(struct sheaf_gunzip *gunzip, char *to, size_t size, size_t *got,
                               sheaf_error *error)
{
    z_stream *stream = &gunzip->stream;
    size_t filled;

    if (size > INT_MAX)
        size = INT_MAX;
    stream->next_out = (Bytef *)to;
    stream->avail_out = (uInt)size;
    *got = 0;
    while (*got == 0 && !gunzip->ended) {
        if (stream->avail_in == 0) {
            SHEAF_TRY(fill(gunzip, &filled, error));
            if (filled == 0)
                return end(gunzip, error);
        }
        if (gunzip->between)
            SHEAF_TRY(begin_member(gunzip, error));
        if (gunzip->between)
            continue; /* filling was passed */
        sheaf_status status = inflate_some(gunzip, error);
        gunzip->decoded += size - stream->avail_out - *got;
        *got = size - stream->avail_out;
        SHEAF_TRY(status);
    }
    return SHEAF_OK;
}
