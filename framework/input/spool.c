/* spool.c - bytes that come in order and are read at random: see spool.h */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "input/spool.h"

/* Long enough to cost nothing, short enough that a lost wake-up is not noticed. */
static const struct timespec slice = {0, 100000000};

static void sleep_until_moved(struct sheaf_spool *spool, uint32_t seen)
{
    syscall(SYS_futex, &spool->moved, FUTEX_WAIT, seen, &slice, NULL, 0);
}

static void tell(struct sheaf_spool *spool)
{
    atomic_fetch_add(&spool->moved, 1);
    syscall(SYS_futex, &spool->moved, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

sheaf_status sheaf_spool_open(struct sheaf_file *file, sheaf_error *error)
{
    void *memory =
        mmap(NULL, sizeof *file->spool, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: cannot share %zu bytes",
                               sizeof *file->spool);
    file->spool = memory;
    atomic_store(&file->spool->ahead, SHEAF_SPOOL_AHEAD);
    file->spool_fd = memfd_create("sheaf-spool", MFD_CLOEXEC);
    if (file->spool_fd < 0)
        return sheaf_error_errno(error, "cannot make shared memory for %s", file->path);
    return SHEAF_OK;
}

void sheaf_spool_close(struct sheaf_file *file)
{
    if (file->spool_fd >= 0)
        close(file->spool_fd);
    if (file->spool)
        munmap(file->spool, sizeof *file->spool);
    file->spool_fd = -1;
    file->spool = NULL;
}

/* -- the feeder ------------------------------------------------------------------------------ */

static bool has_room(struct sheaf_spool *spool, size_t size)
{
    uint64_t end = atomic_load(&spool->decoded) + size;
    uint64_t ahead = atomic_load(&spool->ahead);
    uint64_t consumed = atomic_load(&spool->consumed);

    return ahead == UINT64_MAX || end <= consumed + ahead ||
           atomic_load(&spool->decoded) < atomic_load(&spool->wanted);
}

static sheaf_status wait_for_room(const struct sheaf_file *file, size_t size, sheaf_error *error)
{
    struct sheaf_spool *spool = file->spool;
    pid_t parent = getppid();

    for (;;) {
        uint32_t seen = atomic_load(&spool->moved);
        if (has_room(spool, size))
            return SHEAF_OK;
        if (getppid() != parent)
            return sheaf_error_set(error, SHEAF_LOST, "%s: no one is left to read it", file->path);
        sleep_until_moved(spool, seen);
    }
}

sheaf_status sheaf_spool_append(struct sheaf_file *file, const char *bytes, size_t size,
                                sheaf_error *error)
{
    uint64_t at = atomic_load(&file->spool->decoded);

    SHEAF_TRY(wait_for_room(file, size, error));
    for (size_t done = 0; done < size;) {
        ssize_t written = pwrite(file->spool_fd, bytes + done, size - done, (off_t)(at + done));
        if (written < 0 && errno != EINTR)
            return sheaf_error_errno(error, "%s: cannot keep %zu decoded bytes in memory",
                                     file->path, size);
        if (written > 0)
            done += (size_t)written;
    }
    atomic_store(&file->spool->decoded,
                 at + size); /* after the bytes: readers look at this first */
    tell(file->spool);
    return SHEAF_OK;
}

void sheaf_spool_end(struct sheaf_file *file, const sheaf_error *failed)
{
    struct sheaf_spool *spool = file->spool;

    if (atomic_load(&spool->ended) != SHEAF_SPOOL_OPEN)
        return;
    if (failed)
        spool->error = *failed;
    atomic_store(&spool->ended, failed ? SHEAF_SPOOL_FAILED : SHEAF_SPOOL_COMPLETE);
    tell(spool);
}

void sheaf_dataset_feeder_gone(sheaf_dataset *dataset, const sheaf_error *why)
{
    sheaf_error lost;

    for (size_t i = 0; i < dataset->file_count; i++) {
        struct sheaf_file *file = &dataset->files[i];
        if (!file->spool)
            continue;
        sheaf_error_set(&lost, SHEAF_LOST, "%s: the process that decodes it has ended", file->path);
        sheaf_spool_end(file, why ? why : &lost);
    }
}

/* -- readers ----------------------------------------------------------------------------------- */

static void want(struct sheaf_spool *spool, uint64_t needed)
{
    uint64_t wanted = atomic_load(&spool->wanted);

    while (wanted < needed)
        if (atomic_compare_exchange_weak(&spool->wanted, &wanted, needed)) {
            tell(spool);
            return;
        }
}

sheaf_status sheaf_spool_wait(const struct sheaf_file *file, uint64_t needed, uint64_t *decoded,
                              bool *final, sheaf_error *error)
{
    struct sheaf_spool *spool = file->spool;
    pid_t parent = getppid();

    for (;;) {
        uint32_t seen = atomic_load(&spool->moved);
        uint32_t ended = atomic_load(&spool->ended); /* before `decoded`, which it makes final */
        *decoded = atomic_load(&spool->decoded);
        *final = ended == SHEAF_SPOOL_COMPLETE;
        if (*decoded >= needed || *final)
            return SHEAF_OK;
        if (ended == SHEAF_SPOOL_FAILED) {
            if (error)
                *error = spool->error;
            return spool->error.status;
        }
        if (getppid() != parent)
            return sheaf_error_set(error, SHEAF_LOST, "%s: no one is left to decode it",
                                   file->path);
        want(spool, needed);
        sleep_until_moved(spool, seen);
    }
}

void sheaf_file_consumed(struct sheaf_file *file, uint64_t offset)
{
    struct sheaf_spool *spool = file->spool;

    if (!spool || offset <= atomic_load(&spool->consumed))
        return;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t from = atomic_load(&spool->consumed) / page * page, to = offset / page * page;
    /* Failing to give memory back is no reason to fail: then it is given back at the end. */
    if (to > from)
        (void)fallocate(file->spool_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
                        (off_t)(to - from));
    atomic_store(&spool->consumed, offset);
    tell(spool);
}

void sheaf_dataset_read_ahead(sheaf_dataset *dataset, uint64_t bytes)
{
    for (size_t i = 0; i < dataset->file_count; i++)
        if (dataset->files[i].spool) {
            atomic_store(&dataset->files[i].spool->ahead, bytes);
            tell(dataset->files[i].spool);
        }
}

bool sheaf_dataset_needs_feeder(const sheaf_dataset *dataset)
{
    for (size_t i = 0; i < dataset->file_count; i++)
        if (dataset->files[i].spool &&
            atomic_load(&dataset->files[i].spool->ended) == SHEAF_SPOOL_OPEN)
            return true;
    return false;
}
