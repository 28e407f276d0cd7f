/* memory.c - allocation that checks its arithmetic and reports failure: see memory.h */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

/* `memory` is the address of a pointer of any object type; memcpy keeps that legal C. */
static void *get_pointer(const void *memory)
{
    void *pointer;

    memcpy(&pointer, memory, sizeof pointer);
    return pointer;
}

static void set_pointer(void *memory, void *pointer)
{
    memcpy(memory, &pointer, sizeof pointer);
}

sheaf_status sheaf_allocate(void *memory, size_t count, size_t size, sheaf_error *error)
{
    void *bytes = calloc(count ? count : 1, size ? size : 1);

    if (!bytes)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: %zu times %zu bytes refused",
                               count, size);
    set_pointer(memory, bytes);
    return SHEAF_OK;
}

sheaf_status sheaf_grow(void *memory, size_t *capacity, size_t needed, size_t size,
                        sheaf_error *error)
{
    size_t wanted = *capacity + *capacity / 2 + 16;
    size_t bytes;
    void *grown;

    if (needed <= *capacity)
        return SHEAF_OK;
    if (wanted < needed)
        wanted = needed;
    if (__builtin_mul_overflow(wanted, size, &bytes) ||
        (grown = realloc(get_pointer(memory), bytes)) == NULL)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: %zu times %zu bytes refused",
                               wanted, size);
    set_pointer(memory, grown);
    *capacity = wanted;
    return SHEAF_OK;
}

sheaf_status sheaf_copy_bytes(const void *bytes, size_t size, char **copy, sheaf_error *error)
{
    SHEAF_TRY(sheaf_allocate(copy, size + 1, 1, error));
    if (size > 0)
        memcpy(*copy, bytes, size);
    return SHEAF_OK;
}

sheaf_status sheaf_copy_string(const char *string, char **copy, sheaf_error *error)
{
    return sheaf_copy_bytes(string, strlen(string), copy, error);
}
