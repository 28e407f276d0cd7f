/*
 * shared.c - shared memory in small and large pieces: see sheaf/shared.h
 *
 * One arena for a family of processes, cut into blocks of 2^k * 64 bytes: a list
 * of free blocks for each size, and a top that only grows.  Every change that
 * counts is one store of one word, so a process killed inside leaks a block at
 * most, and never leaves a torn list.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sheaf/shared.h>

#include "process/arena.h"
#include "process/shared_heap.h"

enum { UNIT = 64, CLASSES = 40 };
enum { UNUSED, USED, LEAVING /* being wiped, which takes its time */ };

static const uint64_t mark = UINT64_C(0x736865616662746B);

struct block { /* stands in the 64 bytes before the memory of the user */
    uint64_t mark;
    uint64_t class;
    uint64_t next; /* offset of the next free block of the class */
    uint64_t in_use;
    uint64_t goes_with; /* the process id whose end frees it; 0: only sheaf_shared_free() does */
    uint64_t child;     /* the process id of the child that it is about, or 0 */
    uint64_t unused[2];
};

struct heap { /* at the begin of the arena */
    sheaf_mutex lock;
    uint64_t top;
    uint64_t free[CLASSES];
    uint64_t corner; /* offset of what the library itself keeps here, for good */
};

static struct sheaf_arena arena = {.fd = -1};
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static struct heap *heap(void)
{
    return (struct heap *)(void *)arena.bytes;
}

static sheaf_status open_heap(sheaf_error *error)
{
    sheaf_status status = SHEAF_OK;

    pthread_mutex_lock(&opening);
    if (!__atomic_load_n(&arena.bytes, __ATOMIC_ACQUIRE)) {
        struct sheaf_arena opened;
        status = sheaf_arena_open("sheaf-heap", (size_t)64 << 30, (size_t)1 << 20, &opened, error);
        if (status == SHEAF_OK) {
            struct heap *fresh = (struct heap *)(void *)opened.bytes;
            fresh->top = (sizeof *fresh + UNIT - 1) / UNIT * UNIT;
            madvise(opened.bytes, opened.size, MADV_DONTDUMP);
            if (opened.fd >= 0)
                close(opened.fd); /* the mapping keeps it; a child might reuse the number */
            arena.size = opened.size;
            __atomic_store_n(&arena.bytes, opened.bytes, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&opening);
    return status;
}

static struct block *block_at(uint64_t offset)
{
    return (struct block *)(void *)(arena.bytes + offset);
}

static size_t block_size(unsigned class)
{
    return (size_t)UNIT << class;
}

/* A block taken from the list or the top; NULL when the arena is full.  The lock is held. */
static struct block *cut(unsigned class, pid_t owner)
{
    struct heap *all = heap();
    uint64_t offset = all->free[class];
    struct block *block;

    if (offset) {
        block = block_at(offset);
        all->free[class] = block->next;
    } else {
        offset = all->top;
        if (block_size(class) > arena.size - offset)
            return NULL;
        block = block_at(offset);
        block->mark = mark;
        block->class = class;
        __atomic_store_n(&all->top, offset + block_size(class), __ATOMIC_RELEASE);
    }
    block->goes_with = (uint64_t)owner;
    block->child = 0;
    __atomic_store_n(&block->in_use, USED, __ATOMIC_RELEASE);
    return block;
}

static void *allocate(size_t count, size_t size, pid_t owner, sheaf_error *error)
{
    size_t bytes;
    unsigned class = 0;

    if (!__atomic_load_n(&arena.bytes, __ATOMIC_ACQUIRE) && open_heap(error) != SHEAF_OK)
        return NULL;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > arena.size - sizeof(struct block)) {
        sheaf_error_set(error, SHEAF_NO_MEMORY, "%zu times %zu bytes is more than can be shared",
                        count, size);
        return NULL;
    }
    bytes += sizeof(struct block);
    while (block_size(class) < bytes)
        class ++;
    /* Abandoned is as good as locked: see above. */
    sheaf_status status = sheaf_mutex_lock(&heap()->lock, SHEAF_FOREVER, error);
    if (status != SHEAF_OK && status != SHEAF_ABANDONED)
        return NULL;
    struct block *block = cut(class, owner);
    sheaf_mutex_unlock(&heap()->lock);
    if (!block) {
        sheaf_error_set(error, SHEAF_NO_MEMORY, "the %zu bytes of shared memory are used up",
                        arena.size);
        return NULL;
    }
    return block + 1;
}

void *sheaf_shared_alloc(size_t count, size_t size, sheaf_error *error)
{
    return allocate(count, size, 0, error);
}

void *sheaf_shared_alloc_own(size_t count, size_t size, sheaf_error *error)
{
    return allocate(count, size, getpid(), error);
}

/* Zeros for the next user: now, while it is in the cache, or by giving the pages back. */
static void wipe(struct block *block)
{
    unsigned char *memory = (unsigned char *)(block + 1);
    size_t size = block_size((unsigned)block->class) - sizeof *block;
    size_t edge = size < 65536 ? size : 8192;

    memset(memory, 0, edge);
    if (edge < size) {
        memset(memory + size - 4096, 0, 4096);
        sheaf_arena_discard(&arena, (size_t)(memory + 4096 - arena.bytes), size - 4096);
    }
}

static void give_back(struct block *block)
{
    wipe(block);
    sheaf_status status = sheaf_mutex_lock(&heap()->lock, SHEAF_FOREVER, NULL);
    if (status != SHEAF_OK && status != SHEAF_ABANDONED)
        return;
    __atomic_store_n(&block->in_use, UNUSED, __ATOMIC_RELEASE);
    block->next = heap()->free[block->class];
    heap()->free[block->class] = (uint64_t)((unsigned char *)block - arena.bytes);
    sheaf_mutex_unlock(&heap()->lock);
}

void sheaf_shared_free(void *memory)
{
    struct block *block = memory ? (struct block *)memory - 1 : NULL;
    uint64_t used = USED;

    if (block && block->mark == mark &&
        __atomic_compare_exchange_n(&block->in_use, &used, LEAVING, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        give_back(block);
}

void sheaf_shared_free_of_dead(void *memory)
{
    give_back((struct block *)memory - 1);
}

int64_t sheaf_counter_add(sheaf_counter *counter, int64_t amount)
{
    return __atomic_add_fetch(&counter->value, amount, __ATOMIC_SEQ_CST);
}

int64_t sheaf_counter_get(const sheaf_counter *counter)
{
    return __atomic_load_n(&counter->value, __ATOMIC_SEQ_CST);
}

void sheaf_counter_set(sheaf_counter *counter, int64_t value)
{
    __atomic_store_n(&counter->value, value, __ATOMIC_SEQ_CST);
}

bool sheaf_shared_contains(const void *memory)
{
    const unsigned char *bytes = __atomic_load_n(&arena.bytes, __ATOMIC_ACQUIRE);
    const unsigned char *at = memory;

    return bytes && at >= bytes && at < bytes + arena.size;
}

void *sheaf_shared_corner(size_t size)
{
    uint64_t none = 0;
    unsigned char *made = NULL;

    if (!__atomic_load_n(&arena.bytes, __ATOMIC_ACQUIRE) && open_heap(NULL) != SHEAF_OK)
        return NULL;
    if (!__atomic_load_n(&heap()->corner, __ATOMIC_ACQUIRE) &&
        (made = sheaf_shared_alloc(1, size, NULL)) &&
        !__atomic_compare_exchange_n(&heap()->corner, &none, (uint64_t)(made - arena.bytes), false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        sheaf_shared_free(made); /* another was faster */
    uint64_t corner = __atomic_load_n(&heap()->corner, __ATOMIC_ACQUIRE);
    return corner ? arena.bytes + corner : NULL;
}

void sheaf_shared_note_child(void *memory, pid_t child)
{
    __atomic_store_n(&((struct block *)memory - 1)->child, (uint64_t)child, __ATOMIC_RELEASE);
}

bool sheaf_shared_next_of(pid_t owner, void **memory, pid_t *child)
{
    uint64_t offset = (sizeof(struct heap) + UNIT - 1) / UNIT * UNIT;

    if (!__atomic_load_n(&arena.bytes, __ATOMIC_ACQUIRE))
        return false;
    if (*memory) {
        struct block *before = (struct block *)*memory - 1;
        offset =
            (uint64_t)((unsigned char *)before - arena.bytes) + block_size((unsigned)before->class);
    }
    while (offset < __atomic_load_n(&heap()->top, __ATOMIC_ACQUIRE)) {
        struct block *block = block_at(offset);
        if (__atomic_load_n(&block->in_use, __ATOMIC_ACQUIRE) &&
            __atomic_load_n(&block->goes_with, __ATOMIC_ACQUIRE) == (uint64_t)owner) {
            *memory = block + 1;
            *child = (pid_t)__atomic_load_n(&block->child, __ATOMIC_ACQUIRE);
            return true;
        }
        offset += block_size((unsigned)block->class);
    }
    return false;
}

size_t sheaf_shared_used(void)
{
    return __atomic_load_n(&arena.bytes, __ATOMIC_ACQUIRE) ? (size_t)heap()->top : 0;
}
