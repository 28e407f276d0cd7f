/*
 * arena.h - one stretch of shared memory, large, sparse and without a name
 *
 * It is a memfd, sealed so that nobody can change its size under a mapping.
 * Only pages that were touched cost memory, so it may be reserved generously.
 * It goes when the last mapping and descriptor go: after any end of all its
 * processes nothing is left.
 */
#ifndef SHEAF_PROCESS_ARENA_H
#define SHEAF_PROCESS_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include <sheaf/error.h>

struct sheaf_arena {
    unsigned char *bytes; /* NULL while closed */
    size_t size;
    int fd; /* to be passed to others; -1 where only anonymous shared memory was to be had */
};

/*
 * Reserve `size` zero bytes, or less, halving, where the machine refuses that
 * much, but never below `least`.  Mapped for reading and writing, also in every
 * process that is forked later, at the same address.
 */
SHEAF_CHECKED sheaf_status sheaf_arena_open(const char *name, size_t size, size_t least,
                                            struct sheaf_arena *arena, sheaf_error *error);

/*
 * Map an arena again by its descriptor, e.g. read-only or in a process that
 * received it; the descriptor is duplicated.  SHEAF_BAD_ARGUMENT unless it is
 * sealed against shrinking: a mapping of it could be pulled away.
 */
SHEAF_CHECKED sheaf_status sheaf_arena_map(int fd, bool writable, struct sheaf_arena *arena,
                                           sheaf_error *error);

/* Give the whole pages inside the range back to the machine; they read as zeros afterwards. */
void sheaf_arena_discard(const struct sheaf_arena *arena, size_t offset, size_t size);

/* Unmap it here.  Closing a closed (zeroed with fd -1) arena does nothing. */
void sheaf_arena_close(struct sheaf_arena *arena);

/* For tests: behave like a machine without memfd_create (1), and without O_TMPFILE (2). */
extern int sheaf_arena_lack;

#endif
