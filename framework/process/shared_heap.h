/*
 * shared_heap.h - what the rest of the room asks of the shared heap
 *
 * A block can go with a process: the library's own, of which nobody else knows.
 * When that process is killed, whoever reaps it frees them (process.c).  What the
 * user allocates may be used by others and stays.
 */
#ifndef SHEAF_PROCESS_SHARED_HEAP_H
#define SHEAF_PROCESS_SHARED_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <sheaf/error.h>

/* Whether the address lies in memory from sheaf_shared_alloc(). */
bool sheaf_shared_contains(const void *memory);

/* The one block, zeros at first, that a family of processes keeps for its pipes.  NULL: no room. */
void *sheaf_shared_corner(size_t size);

/* As sheaf_shared_alloc(), for a block that goes with the calling process. */
void *sheaf_shared_alloc_own(size_t count, size_t size, sheaf_error *error);

#define SHEAF_NOT_NOTED ((pid_t)-1)

/* Note the child that the block, of its parent, is about; SHEAF_NOT_NOTED as long as there may be
 * one whose id is not known. */
void sheaf_shared_note_child(void *memory, pid_t child);

/* The next block after *memory (NULL: the first) that goes with this process, and the child noted
 * in it or 0; false at the end. */
bool sheaf_shared_next_of(pid_t owner, void **memory, pid_t *child);

/* Free such a block, also if the dead was about to do that. */
void sheaf_shared_free_of_dead(void *memory);

/* Bytes of the heap that were ever in use: what must not grow. */
size_t sheaf_shared_used(void);

#endif
