/* window.c - a part of a file in memory: see window.h */
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input/window.h"

/*
 * All windows of the process, for a signal handler, hence without a lock: a slot is taken by
 * storing its begin, and given back by storing zero.  A handler may see an old end for
 * a moment, but never while the thread that it interrupts reads that window.
 */
enum { WINDOWS = 1024 };
static struct {
    _Atomic uintptr_t begin, end;
} windows[WINDOWS];

bool sheaf_window_covers(const void *address)
{
    uintptr_t place = (uintptr_t)address;

    for (int i = 0; i < WINDOWS; i++)
        if (place >= atomic_load(&windows[i].begin) && place < atomic_load(&windows[i].end) &&
            atomic_load(&windows[i].begin) != 0)
            return true;
    return false;
}

static void note(struct sheaf_window *window)
{
    uintptr_t begin = (uintptr_t)window->space;

    for (int i = 0; i < WINDOWS && window->slot == 0; i++) {
        uintptr_t none = 0;
        if (atomic_compare_exchange_strong(&windows[i].begin, &none, begin))
            window->slot = i + 1;
    }
    if (window->slot > 0)
        atomic_store(&windows[window->slot - 1].end, begin + window->space_size);
}

static void forget(struct sheaf_window *window)
{
    if (window->slot > 0) {
        atomic_store(&windows[window->slot - 1].end, 0);
        atomic_store(&windows[window->slot - 1].begin, 0);
    }
    window->slot = 0;
}

void sheaf_window_close(struct sheaf_window *window)
{
    forget(window);
    if (window->space)
        munmap(window->space, window->space_size);
    *window = (struct sheaf_window){0};
}

static sheaf_status reserve(struct sheaf_window *window, size_t size, sheaf_error *error)
{
    if (size <= window->space_size)
        return SHEAF_OK;
    sheaf_window_close(window);
    void *space = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        return sheaf_error_set(error, SHEAF_NO_MEMORY,
                               "out of memory: %zu bytes of address space refused", size);
    window->space = space;
    window->space_size = size;
    note(window);
    return SHEAF_OK;
}

/* Zeros again where an older, longer window reached further than this one. */
static sheaf_status clear_behind(struct sheaf_window *window, size_t size, sheaf_error *error)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (window->mapped > size &&
        mmap(window->space + page + size, window->mapped - size, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return sheaf_error_errno(error, "cannot map memory");
    window->mapped = size;
    return SHEAF_OK;
}

sheaf_status sheaf_window_map(struct sheaf_window *window, int fd, uint64_t from, uint64_t to,
                              sheaf_error *error)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t first = from / page * page;
    size_t size = (size_t)((to - first + page - 1) / page * page);

    if (to <= from)
        size = 0;
    SHEAF_TRY(reserve(window, size + 2 * page, error));
    if (size > 0) {
        if (mmap(window->space + page, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, (off_t)first) ==
            MAP_FAILED)
            return sheaf_error_errno(error, "cannot map bytes %llu to %llu of the input",
                                     (unsigned long long)from, (unsigned long long)to);
        if (window->mapped < size)
            window->mapped = size;
    }
    SHEAF_TRY(clear_behind(window, size, error));
    window->bytes = window->space + page + (size > 0 ? from - first : 0);
    window->from = from;
    window->to = to > from ? to : from;
    return SHEAF_OK;
}
