/*
 * file.c - write beside the destination, then take its place: see file.h
 *
 * The file without a name (O_TMPFILE) vanishes with its last descriptor, so even
 * SIGKILL leaves nothing behind.  A name is given to it at the very end only: its own, by
 * link(2), when nothing stands there; else an odd one for the moment between link and rename.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "output/file.h"

#define CODE      301
#define WRITE_MAX ((size_t)1 << 30) /* bytes in one call; the kernel takes 2 GiB at most */

struct sheaf_output {
    char *path;       /* as the user wrote it */
    const char *leaf; /* inside path: the name in its folder */
    int folder;       /* -1 for streams */
    int fd;
    bool owned; /* the descriptor is ours to close */
    bool committed;
    bool exists; /* something stands at the destination */
    struct stat former;
    uint64_t written;
    char odd[48]; /* the name of the file while it is not the destination's; empty: none */
};

/* -- messages ------------------------------------------------------------------------------ */

static sheaf_status refuse(sheaf_error *error, const char *path, const char *what, int number)
{
    if (number)
        sheaf_error_set(error, SHEAF_BAD_OUTPUT, "%s: %s: %s (E%d)", path, what, strerror(number),
                        CODE);
    else
        sheaf_error_set(error, SHEAF_BAD_OUTPUT, "%s: %s (E%d)", path, what, CODE);
    if (error) {
        error->system = number;
        error->code = CODE;
    }
    return SHEAF_BAD_OUTPUT;
}

static void tell_free_space(const struct sheaf_output *output, sheaf_error *error)
{
    struct statvfs disk;

    if (fstatvfs(output->fd, &disk) == 0 && disk.f_frsize > 0)
        sheaf_error_help(error, "Free there: %llu bytes.  Write elsewhere: -o FILE",
                         (unsigned long long)disk.f_bavail * disk.f_frsize);
}

/* An error in the middle of writing or of committing: the destination keeps what it had. */
static sheaf_status fail(const struct sheaf_output *output, const char *what, int number,
                         sheaf_error *error)
{
    refuse(error, output->path, what, number);
    if (!error)
        return SHEAF_BAD_OUTPUT;
    if (output->folder >= 0)
        sheaf_error_help(
            error, "%llu bytes had been written; %s", (unsigned long long)output->written,
            output->exists ? "the file that was there is unchanged" : "nothing is left of them");
    else
        sheaf_error_help(error, "%llu bytes had been written before",
                         (unsigned long long)output->written);
    if (number == ENOSPC || number == EDQUOT)
        tell_free_space(output, error);
    return SHEAF_BAD_OUTPUT;
}

static sheaf_status refuse_input(const char *path, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s: the output is one of the inputs", path);
    sheaf_error_help(error, "Write to another file: -o FILE");
    return SHEAF_BAD_ARGUMENT;
}

/* -- opening ------------------------------------------------------------------------------- */

static bool is_input(const struct stat *file, const struct sheaf_identity *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (inputs[i].device == file->st_dev && inputs[i].inode == file->st_ino)
            return true;
    return false;
}

/* The descriptor that a path stands for, whatever is behind it; -1 if it stands for none. */
static int descriptor_of(const char *path)
{
    int number = 0, used = 0;

    if (!path || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    if (sscanf(path, "/dev/fd/%9d%n", &number, &used) == 1 && !path[used] && number >= 0)
        return number;
    return -1;
}

static sheaf_status open_descriptor(struct sheaf_output *output, int fd,
                                    const struct sheaf_identity *inputs, size_t count,
                                    sheaf_error *error)
{
    struct stat file;

    if (fstat(fd, &file) < 0)
        return refuse(error, output->path, "cannot write", errno);
    if (S_ISREG(file.st_mode) && is_input(&file, inputs, count))
        return refuse_input(output->path, error);
    output->fd = fd;
    return SHEAF_OK;
}

static sheaf_status open_stream(struct sheaf_output *output, sheaf_error *error)
{
    int fd;

    do
        fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return refuse(error, output->path, "cannot open for writing", errno);
    output->fd = fd;
    output->owned = true;
    return SHEAF_OK;
}

/* The folder is held by a descriptor, so that nobody can exchange it while we write. */
static sheaf_status open_folder(struct sheaf_output *output, sheaf_error *error)
{
    const char *slash = strrchr(output->path, '/');
    char *folder = NULL;

    output->leaf = slash ? slash + 1 : output->path;
    if (!*output->leaf)
        return refuse(error, output->path, "is a folder, not a file", 0);
    if (!slash)
        SHEAF_TRY(sheaf_copy_string(".", &folder, error));
    else if (slash == output->path)
        SHEAF_TRY(sheaf_copy_string("/", &folder, error));
    else
        SHEAF_TRY(sheaf_copy_bytes(output->path, (size_t)(slash - output->path), &folder, error));
    output->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int number = errno;
    free(folder);
    if (output->folder < 0)
        return refuse(error, output->path, "cannot open its folder", number);
    return SHEAF_OK;
}

/* 128 random bits, so that nobody can have put something there before us. */
static bool invent_name(char name[48])
{
    uint64_t bits[2];
    ssize_t got;

    do
        got = getrandom(bits, sizeof bits, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof bits)
        return false;
    snprintf(name, 48, ".sheaf-%016llx%016llx", (unsigned long long)bits[0],
             (unsigned long long)bits[1]);
    return true;
}

static bool can_link_unnamed(void)
{
    return access("/proc/self/fd", X_OK) == 0;
}

static sheaf_status open_beside(struct sheaf_output *output, sheaf_error *error)
{
    /* The mode is 0666 at once, so that the kernel applies umask and default ACLs; there is no
     * name by which others could open it. */
    if (can_link_unnamed())
        output->fd = openat(output->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (output->fd < 0) {
        if (!invent_name(output->odd))
            return refuse(error, output->path, "cannot get random bytes", errno);
        output->fd = openat(output->folder, output->odd,
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (output->fd < 0) {
            int number = errno;
            output->odd[0] = '\0';
            return refuse(error, output->path, "cannot create a file in its folder", number);
        }
    }
    output->owned = true;
    return SHEAF_OK;
}

static sheaf_status open_path(struct sheaf_output *output, const struct sheaf_identity *inputs,
                              size_t count, sheaf_error *error)
{
    struct stat file;
    bool follows = stat(output->path, &file) == 0;

    if (follows && is_input(&file, inputs, count))
        return refuse_input(output->path, error);
    if (follows && S_ISDIR(file.st_mode))
        return refuse(error, output->path, "is a folder, not a file", 0);
    if (follows && S_ISSOCK(file.st_mode))
        return refuse(error, output->path, "is a socket, not a file", 0);
    if (follows && !S_ISREG(file.st_mode))
        return open_stream(output, error);
    if (follows && faccessat(AT_FDCWD, output->path, W_OK, AT_EACCESS) < 0)
        return refuse(error, output->path, "may not be replaced", errno);
    SHEAF_TRY(open_folder(output, error));
    output->exists =
        fstatat(output->folder, output->leaf, &output->former, AT_SYMLINK_NOFOLLOW) == 0;
    return open_beside(output, error);
}

sheaf_status sheaf_output_open(const char *path, const struct sheaf_identity *inputs,
                               size_t input_count, struct sheaf_output **output, sheaf_error *error)
{
    struct sheaf_output *opened = NULL;
    int fd = descriptor_of(path);

    if (path && !*path)
        return refuse(error, "-o", "the name of the file is empty", 0);
    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    opened->folder = opened->fd = -1;
    sheaf_status status = sheaf_copy_string(path && strcmp(path, "-") ? path : "standard output",
                                            &opened->path, error);
    if (status == SHEAF_OK)
        status = fd >= 0 ? open_descriptor(opened, fd, inputs, input_count, error)
                         : open_path(opened, inputs, input_count, error);
    if (status != SHEAF_OK) {
        sheaf_output_close(opened);
        return status;
    }
    *output = opened;
    return SHEAF_OK;
}

bool sheaf_output_is_terminal(const struct sheaf_output *output)
{
    return isatty(output->fd) == 1;
}

/* -- writing ------------------------------------------------------------------------------- */

/*
 * Write without the signals that the kernel sends along with EPIPE and EFBIG.
 * They are blocked for this thread, and taken back if it was us who caused them.
 */
static ssize_t write_quietly(int fd, const char *bytes, size_t size)
{
    static const struct timespec now = {0};
    sigset_t loud, before, pending;
    bool was_pending;

    sigemptyset(&loud);
    sigaddset(&loud, SIGPIPE);
    sigaddset(&loud, SIGXFSZ);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1 || sigismember(&pending, SIGXFSZ) == 1;
    pthread_sigmask(SIG_BLOCK, &loud, &before);
    ssize_t done = write(fd, bytes, size);
    int number = errno;
    if (done < 0 && (number == EPIPE || number == EFBIG) && !was_pending)
        while (sigtimedwait(&loud, NULL, &now) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = number;
    return done;
}

static sheaf_status write_failed(const struct sheaf_output *output, int number, sheaf_error *error)
{
    if (number == EPIPE) {
        sheaf_error_set(error, SHEAF_INTERRUPTED, "%s: the reader has left", output->path);
        if (error)
            error->system = SIGPIPE;
        return SHEAF_INTERRUPTED;
    }
    return fail(output, "cannot write", number, error);
}

sheaf_status sheaf_output_write(void *output, const void *bytes, size_t size, sheaf_error *error)
{
    struct sheaf_output *to = output;
    const char *at = bytes;

    while (size > 0) {
        ssize_t done = write_quietly(to->fd, at, size < WRITE_MAX ? size : WRITE_MAX);
        if (done > 0) {
            at += done;
            size -= (size_t)done;
            to->written += (uint64_t)done;
        } else if (done == 0) {
            return write_failed(to, EIO, error); /* no progress, and no reason given */
        } else if (errno == EAGAIN) {
            /* Someone made the stream non-blocking: wait until it takes more. */
            struct pollfd ready = {.fd = to->fd, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return write_failed(to, errno, error);
        }
    }
    return SHEAF_OK;
}

/* -- committing ---------------------------------------------------------------------------- */

static mode_t umask_now(void)
{
    mode_t mask = umask(077);

    umask(mask);
    return mask;
}

/* A replaced file keeps its permissions and, as far as we may, its owner. */
static bool dress(const struct sheaf_output *output)
{
    if (output->exists && S_ISREG(output->former.st_mode)) {
        if (geteuid() == 0 &&
            fchown(output->fd, output->former.st_uid, output->former.st_gid) < 0 &&
            errno != EPERM && errno != EINVAL)
            return false;
        return fchmod(output->fd, output->former.st_mode & 0777) == 0;
    }
    return !output->odd[0] || fchmod(output->fd, 0666 & ~umask_now()) == 0;
}

static bool link_unnamed(const struct sheaf_output *output, const char *name)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", output->fd);
    return linkat(AT_FDCWD, path, output->folder, name, AT_SYMLINK_FOLLOW) == 0;
}

/* Where nothing stands the file gets its name at once; else it needs another one to be renamed. */
static bool take_place(struct sheaf_output *output)
{
    if (!output->odd[0]) {
        if (!output->exists && link_unnamed(output, output->leaf))
            return true;
        if (!output->exists && errno != EEXIST)
            return false;
        char name[48];
        if (!invent_name(name) || !link_unnamed(output, name))
            return false;
        memcpy(output->odd, name, sizeof name);
    }
    if (renameat(output->folder, output->odd, output->folder, output->leaf) < 0)
        return false;
    output->odd[0] = '\0';
    return true;
}

static sheaf_status commit_file(struct sheaf_output *output, sheaf_error *error)
{
    if (!dress(output))
        return fail(output, "cannot set its permissions", errno, error);
    /* A failed fsync is final: a second one could report success for bytes that are lost. */
    if (fsync(output->fd) < 0)
        return fail(output, "cannot bring it to the disk", errno, error);
    if (!take_place(output))
        return fail(output, "cannot put it in its place", errno, error);
    output->committed = true;
    if (close(output->fd) < 0 && errno != EINTR) {
        output->fd = -1;
        return refuse(error, output->path, "is replaced, but closing it failed", errno);
    }
    output->fd = -1;
    if (fsync(output->folder) < 0 && errno != EINVAL && errno != ENOTSUP)
        return refuse(error, output->path, "is replaced, but its folder could not be synced",
                      errno);
    return SHEAF_OK;
}

/* Some file systems report a failed write only when a descriptor is closed. */
static sheaf_status commit_stream(struct sheaf_output *output, sheaf_error *error)
{
    int fd = output->owned ? output->fd : dup(output->fd);

    if (fd < 0)
        return fail(output, "cannot finish writing", errno, error);
    output->committed = true;
    if (output->owned)
        output->fd = -1;
    if (close(fd) < 0 && errno != EINTR)
        return refuse(error, output->path, "cannot finish writing", errno);
    return SHEAF_OK;
}

sheaf_status sheaf_output_commit(struct sheaf_output *output, sheaf_error *error)
{
    return output->folder >= 0 ? commit_file(output, error) : commit_stream(output, error);
}

void sheaf_output_close(struct sheaf_output *output)
{
    if (!output)
        return;
    if (output->odd[0])
        unlinkat(output->folder, output->odd, 0);
    if (output->owned && output->fd >= 0)
        close(output->fd);
    if (output->folder >= 0)
        close(output->folder);
    free(output->path);
    free(output);
}
