/*
 * memory.h - allocation that checks its arithmetic and reports failure
 *
 * All of these return SHEAF_NO_MEMORY with a message when memory is refused or
 * count * size overflows.  What they give is released with free().
 */
#ifndef SHEAF_BASE_MEMORY_H
#define SHEAF_BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

#include <sheaf/error.h>

/* *memory = count * size zero bytes; one byte at least, so it is never NULL on success. */
SHEAF_CHECKED sheaf_status sheaf_allocate(void *memory, size_t count, size_t size,
                                          sheaf_error *error);

/*
 * Make *memory (NULL or from here) hold at least `needed` items of `size` bytes.
 * *capacity counts items and grows at least by half, so that appending one by
 * one costs linear time.  New bytes are not set.  On failure nothing changed.
 */
SHEAF_CHECKED sheaf_status sheaf_grow(void *memory, size_t *capacity, size_t needed, size_t size,
                                      sheaf_error *error);

/* A copy of the string (of its first `size` bytes, zero added) that the caller frees. */
SHEAF_CHECKED sheaf_status sheaf_copy_string(const char *string, char **copy, sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_copy_bytes(const void *bytes, size_t size, char **copy,
                                            sheaf_error *error);

#endif
