/* source.c - the files of a dataset as bytes: see source.h */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "input/gunzip.h"
#include "input/source.h"
#include "input/spool.h"

enum { MARGIN = 64, CHUNK = 256 * 1024 };

/* -- opening --------------------------------------------------------------------------------- */

/* Raises the soft limit of this process when there are too many. */
static int open_one_more(const char *path)
{
    struct rlimit limit;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 || errno != EMFILE)
        return fd;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max) {
        errno = EMFILE;
        return -1;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
}

static sheaf_status cannot_open(const char *path, sheaf_error *error)
{
    int number = errno;

    sheaf_error_errno(error, "cannot read %s", path);
    if (number == EMFILE)
        sheaf_error_help(error, "Allow more open files: ulimit -n 65536");
    return SHEAF_SYSTEM;
}

static void identify(const struct stat *status, struct sheaf_file_identity *identity)
{
    *identity = (struct sheaf_file_identity){.device = status->st_dev,
                                             .inode = status->st_ino,
                                             .size = status->st_size,
                                             .modified = status->st_mtim};
}

/* A file that says it is empty and is not: those of /proc. */
static bool tells_no_size(int fd)
{
    char byte;

    return pread(fd, &byte, 1, 0) == 1;
}

static bool is_gzip(int fd)
{
    unsigned char magic[2];

    return pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
}

static sheaf_status find_source(struct sheaf_file *file, sheaf_error *error)
{
    struct stat status;

    if (fstat(file->fd, &status) < 0)
        return cannot_open(file->path, error);
    identify(&status, &file->identity);
    if (S_ISDIR(status.st_mode))
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s is a folder, not a file", file->path);
    if (!S_ISREG(status.st_mode) || (status.st_size == 0 && tells_no_size(file->fd))) {
        file->source = SHEAF_SOURCE_STREAM;
        file->size = UINT64_MAX;
    } else if (is_gzip(file->fd)) {
        file->source = SHEAF_SOURCE_GZIP;
        file->size = UINT64_MAX;
    } else {
        file->source = SHEAF_SOURCE_FILE;
        file->size = (uint64_t)status.st_size;
    }
    return file->source == SHEAF_SOURCE_FILE ? SHEAF_OK : sheaf_spool_open(file, error);
}

sheaf_status sheaf_source_open(struct sheaf_file *file, const char *path, sheaf_error *error)
{
    bool standard = strcmp(path, "-") == 0;

    *file = (struct sheaf_file){.fd = -1, .spool_fd = -1};
    SHEAF_TRY(sheaf_copy_string(standard ? "standard input" : path, &file->path, error));
    file->fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open_one_more(path);
    if (file->fd < 0)
        return cannot_open(file->path, error);
    return find_source(file, error);
}

void sheaf_source_rest(struct sheaf_file *file)
{
    if (file->source == SHEAF_SOURCE_STREAM || file->fd < 0)
        return;
    close(file->fd);
    file->fd = -1;
}

/* Of the files that rest, the one that this process has open just now. */
static struct {
    const struct sheaf_file *file;
    int fd;
} awake = {NULL, -1};

static bool is_same(const struct stat *status, const struct sheaf_file_identity *was)
{
    return status->st_dev == was->device && status->st_ino == was->inode &&
           status->st_size == was->size && status->st_mtim.tv_sec == was->modified.tv_sec &&
           status->st_mtim.tv_nsec == was->modified.tv_nsec;
}

static sheaf_status replaced(const struct sheaf_file *file, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_CHANGED,
                    "%s is not the file any more that it was when the job began (E406)", file->path);
    sheaf_error_help(error, "Nothing was written.  Run again when no one writes to the files");
    if (error)
        error->code = 406;
    return SHEAF_CHANGED;
}

sheaf_status sheaf_file_descriptor(const struct sheaf_file *file, int *fd, sheaf_error *error)
{
    struct stat status;

    if (file->fd >= 0 || (awake.file == file && awake.fd >= 0)) {
        *fd = file->fd >= 0 ? file->fd : awake.fd;
        return SHEAF_OK;
    }
    if (awake.fd >= 0)
        close(awake.fd);
    awake.file = NULL;
    awake.fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (awake.fd < 0)
        return errno == ENOENT ? replaced(file, error) : cannot_open(file->path, error);
    if (fstat(awake.fd, &status) < 0 || !is_same(&status, &file->identity))
        return replaced(file, error);
    awake.file = file;
    *fd = awake.fd;
    return SHEAF_OK;
}

sheaf_status sheaf_file_bytes(const struct sheaf_file *file, int *fd, sheaf_error *error)
{
    *fd = file->spool_fd;
    return file->spool ? SHEAF_OK : sheaf_file_descriptor(file, fd, error);
}

void sheaf_source_close(struct sheaf_file *file)
{
    sheaf_spool_close(file);
    if (file->gunzip)
        sheaf_gunzip_close(file->gunzip);
    free(file->gunzip);
    file->gunzip = NULL;
    if (file->fd >= 0)
        close(file->fd);
    if (awake.file == file) {
        close(awake.fd);
        awake.file = NULL;
        awake.fd = -1;
    }
    free(file->path);
    file->fd = -1;
    file->path = NULL;
}

sheaf_status sheaf_file_verify(const struct sheaf_file *file, sheaf_error *error)
{
    struct stat status;
    const struct sheaf_file_identity *was = &file->identity;

    int fd;

    if (file->source == SHEAF_SOURCE_STREAM)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_file_descriptor(file, &fd, error));
    if (fstat(fd, &status) < 0)
        return cannot_open(file->path, error);
    if (status.st_size == was->size && status.st_mtim.tv_sec == was->modified.tv_sec &&
        status.st_mtim.tv_nsec == was->modified.tv_nsec)
        return SHEAF_OK;
    sheaf_error_set(error, SHEAF_CHANGED,
                    "%s changed while it was read: it had %lld bytes, now it has %lld (E406)",
                    file->path, (long long)was->size, (long long)status.st_size);
    sheaf_error_help(
        error, "Nothing was written.  Run again when no one writes to the file, or on a copy");
    if (error)
        error->code = 406;
    return SHEAF_CHANGED;
}

uint64_t sheaf_file_size(const struct sheaf_file *file)
{
    if (file->spool && atomic_load(&file->spool->ended) == SHEAF_SPOOL_COMPLETE)
        return atomic_load(&file->spool->decoded);
    return file->size;
}

/* -- bytes ----------------------------------------------------------------------------------- */

static sheaf_status read_raw(const struct sheaf_file *file, char *to, size_t size, size_t *got,
                             sheaf_error *error)
{
    ssize_t count;

    for (;;) {
        count = read(file->fd, to, size);
        if (count >= 0)
            break;
        if (errno == EAGAIN) { /* whoever shares it with us made it non-blocking */
            struct pollfd ready = {.fd = file->fd, .events = POLLIN};
            (void)poll(&ready, 1, 1000);
        } else if (errno != EINTR) {
            return cannot_open(file->path, error);
        }
    }
    *got = (size_t)count;
    return SHEAF_OK;
}

/*
 * The first bytes of a stream say whether it is gzip.  The decoder lives on the heap
 * of this process; the feeder, which is forked later, goes on with its copy.
 */
static sheaf_status begin_stream(struct sheaf_file *file, char *to, size_t *got, sheaf_error *error)
{
    size_t more = 1;

    *got = 0;
    while (*got < 2 && more > 0) {
        SHEAF_TRY(read_raw(file, to + *got, 2 - *got, &more, error));
        *got += more;
    }
    file->begun = true;
    if (*got < 2 || memcmp(to, "\x1f\x8b", 2) != 0)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_allocate(&file->gunzip, 1, sizeof *file->gunzip, error));
    SHEAF_TRY(sheaf_gunzip_stream(file->gunzip, file->path, file->fd, to, *got, error));
    return SHEAF_OK;
}

sheaf_status sheaf_stream_read(struct sheaf_file *file, char *to, size_t size, size_t *got,
                               sheaf_error *error)
{
    if (!file->begun) {
        SHEAF_TRY(begin_stream(file, to, got, error));
        if (!file->gunzip)
            return SHEAF_OK;
    }
    if (file->gunzip)
        return sheaf_gunzip_read(file->gunzip, to, size, got, error);
    return read_raw(file, to, size, got, error);
}

static sheaf_status make_room(struct sheaf_sample *sample, size_t size, sheaf_error *error)
{
    *sample = (struct sheaf_sample){0};
    SHEAF_TRY(sheaf_allocate(&sample->memory, size + 2 * MARGIN, 1, error));
    sample->bytes = sample->memory + MARGIN;
    return SHEAF_OK;
}

void sheaf_sample_free(struct sheaf_sample *sample)
{
    free(sample->memory);
    *sample = (struct sheaf_sample){0};
}

static sheaf_status read_at(const char *path, int fd, uint64_t from, size_t size,
                            struct sheaf_sample *sample, sheaf_error *error)
{
    while (sample->size < size) {
        ssize_t got = pread(fd, sample->bytes + sample->size, size - sample->size,
                            (off_t)(from + sample->size));
        if (got < 0 && errno != EINTR)
            return cannot_open(path, error);
        if (got == 0)
            break;
        if (got > 0)
            sample->size += (size_t)got;
    }
    return SHEAF_OK;
}

sheaf_status sheaf_sample_at(const struct sheaf_file *file, uint64_t from, size_t size,
                             struct sheaf_sample *sample, sheaf_error *error)
{
    uint64_t total = file->size;
    bool final = true;
    int fd;

    *sample = (struct sheaf_sample){0};
    SHEAF_TRY(sheaf_file_bytes(file, &fd, error));
    if (file->spool)
        SHEAF_TRY(sheaf_spool_wait(file, from + size, &total, &final, error));
    uint64_t rest = total > from ? total - from : 0;
    if (size >= rest)
        size = (size_t)rest;
    SHEAF_TRY(make_room(sample, size, error));
    SHEAF_TRY(read_at(file->path, fd, from, size, sample, error));
    sample->whole = final && sample->size == rest;
    return SHEAF_OK;
}

/* The first bytes of a stream can be read once only, so they go to the spool. */
static sheaf_status read_stream_to(struct sheaf_file *file, size_t wanted, sheaf_error *error)
{
    char *chunk = NULL;
    size_t got = 1;
    sheaf_status status = sheaf_allocate(&chunk, CHUNK, 1, error);

    while (status == SHEAF_OK && got > 0 && atomic_load(&file->spool->decoded) < wanted &&
           atomic_load(&file->spool->ended) == SHEAF_SPOOL_OPEN) {
        status = sheaf_stream_read(file, chunk, CHUNK, &got, error);
        if (status == SHEAF_OK && got > 0)
            status = sheaf_spool_append(file, chunk, got, error);
        else if (status == SHEAF_OK)
            sheaf_spool_end(file, NULL);
    }
    free(chunk);
    return status;
}

static sheaf_status sample_gzip(struct sheaf_file *file, size_t wanted, struct sheaf_sample *sample,
                                sheaf_error *error)
{
    struct sheaf_gunzip gunzip;
    sheaf_status status;
    size_t got = 1;
    int fd;

    SHEAF_TRY(sheaf_file_descriptor(file, &fd, error));
    SHEAF_TRY(make_room(sample, wanted, error));
    SHEAF_TRY(sheaf_gunzip_open(&gunzip, file->path, fd, error));
    do {
        status = sheaf_gunzip_read(&gunzip, sample->bytes + sample->size, wanted - sample->size,
                                   &got, error);
        sample->size += status == SHEAF_OK ? got : 0;
    } while (status == SHEAF_OK && got > 0 && sample->size < wanted);
    sample->whole = got == 0;
    sheaf_gunzip_close(&gunzip);
    return status;
}

sheaf_status sheaf_sample_read(struct sheaf_file *file, size_t wanted, struct sheaf_sample *sample,
                               sheaf_error *error)
{
    sheaf_status status;

    *sample = (struct sheaf_sample){0};
    if (file->source == SHEAF_SOURCE_STREAM)
        SHEAF_TRY(read_stream_to(file, wanted, error));
    if (file->source == SHEAF_SOURCE_GZIP)
        status = sample_gzip(file, wanted, sample, error);
    else
        status = sheaf_sample_at(file, 0, wanted, sample, error);
    if (status != SHEAF_OK)
        sheaf_sample_free(sample);
    return status;
}
