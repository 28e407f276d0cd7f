/* arena.c - one stretch of shared memory without a name: see arena.h */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/arena.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

int sheaf_arena_lack;

/* A file in memory that has no name, or -1 if this machine knows none. */
static int open_nameless(const char *name)
{
    int fd = -1;

    if (sheaf_arena_lack < 1)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 && sheaf_arena_lack < 2)
        fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd;
}

static void *map(int fd, size_t size, int protection)
{
    int flags = MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
    void *bytes = mmap(NULL, size, protection, flags, fd, 0);

    return bytes == MAP_FAILED ? NULL : bytes;
}

sheaf_status sheaf_arena_open(const char *name, size_t size, size_t least,
                              struct sheaf_arena *arena, sheaf_error *error)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = open_nameless(name);

    *arena = (struct sheaf_arena){.fd = -1};
    if (least < page)
        least = page;
    if (size < least)
        size = least;
    for (;;) {
        size = (size + page - 1) / page * page;
        if (fd < 0 || ftruncate(fd, (off_t)size) == 0)
            arena->bytes = map(fd, size, PROT_READ | PROT_WRITE);
        if (arena->bytes || size <= least)
            break;
        size = size / 2 < least ? least : size / 2;
    }
    if (!arena->bytes) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return sheaf_error_set(error, SHEAF_NO_MEMORY,
                               "cannot reserve %zu bytes of shared memory: %s", size,
                               strerror(number));
    }
    if (fd >= 0)
        fcntl(fd, F_ADD_SEALS, SEALS); /* refused by O_TMPFILE, which nobody else can open */
    arena->fd = fd;
    arena->size = size;
    return SHEAF_OK;
}

sheaf_status sheaf_arena_map(int fd, bool writable, struct sheaf_arena *arena, sheaf_error *error)
{
    struct stat file;
    int seals = fcntl(fd, F_GET_SEALS);

    *arena = (struct sheaf_arena){.fd = -1};
    if (fstat(fd, &file) < 0)
        return sheaf_error_errno(error, "cannot map a shared arena");
    if (sheaf_arena_lack < 1 && seals >= 0 && !(seals & F_SEAL_SHRINK))
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "shared memory of %lld bytes is not sealed: it could shrink",
                               (long long)file.st_size);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return sheaf_error_errno(error, "cannot keep a shared arena");
    arena->bytes = map(copy, (size_t)file.st_size, PROT_READ | (writable ? PROT_WRITE : 0));
    if (!arena->bytes) {
        sheaf_error_errno(error, "cannot map %lld bytes of shared memory", (long long)file.st_size);
        close(copy);
        return SHEAF_SYSTEM;
    }
    arena->fd = copy;
    arena->size = (size_t)file.st_size;
    return SHEAF_OK;
}

void sheaf_arena_discard(const struct sheaf_arena *arena, size_t offset, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t begin = (offset + page - 1) / page * page;
    size_t end = (offset + size) / page * page;

    if (end <= begin)
        return;
    /* Both punch a hole in the shared object, so that no other process keeps the pages.  The
     * second is for read-only mappings. */
    if (madvise(arena->bytes + begin, end - begin, MADV_REMOVE) == 0)
        return;
    if (arena->fd < 0 || fallocate(arena->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   (off_t)begin, (off_t)(end - begin)) < 0)
        memset(arena->bytes + begin, 0, end - begin); /* zeros at least, if not memory */
}

void sheaf_arena_close(struct sheaf_arena *arena)
{
    if (arena->bytes)
        munmap(arena->bytes, arena->size);
    if (arena->fd >= 0)
        close(arena->fd);
    *arena = (struct sheaf_arena){.fd = -1};
}
