/* budget.c - arrays that grow within the memory a table may take: see budget.h */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reduce/budget.h"

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

sheaf_status sheaf_budget_exceeded(const struct sheaf_budget *budget, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_LIMIT,
                    "the keys and their states need more than %zu KiB in one worker (E601)",
                    budget->limit >> 10);
    if (error)
        error->code = 601;
    sheaf_error_help(error, "Allow more with --memory, or have fewer workers at a time: -j");
    return SHEAF_LIMIT;
}

/* Whether the array may have `count` items, given that it has `capacity` now. */
static bool affordable(const struct sheaf_budget *budget, size_t capacity, size_t count,
                       size_t size)
{
    size_t bytes, total;

    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(budget->used - capacity * size, bytes, &total))
        return false;
    return !budget->limit || total <= budget->limit;
}

sheaf_status sheaf_budget_grow(struct sheaf_budget *budget, void *memory, size_t *capacity,
                               size_t needed, size_t size, sheaf_error *error)
{
    size_t wanted = *capacity < 32 ? 64 : 2 * *capacity;
    void *grown;

    if (needed <= *capacity)
        return SHEAF_OK;
    if (wanted < needed || !affordable(budget, *capacity, wanted, size))
        wanted = needed;
    if (!affordable(budget, *capacity, wanted, size))
        return sheaf_budget_exceeded(budget, error);
    grown = realloc(get_pointer(memory), wanted * size);
    if (!grown)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: %zu times %zu bytes refused",
                               wanted, size);
    set_pointer(memory, grown);
    budget->used += (wanted - *capacity) * size;
    *capacity = wanted;
    return SHEAF_OK;
}

sheaf_status sheaf_budget_renew(struct sheaf_budget *budget, void *memory, size_t *capacity,
                                size_t count, size_t size, sheaf_error *error)
{
    void *fresh;

    if (!affordable(budget, *capacity, count, size))
        return sheaf_budget_exceeded(budget, error);
    SHEAF_TRY(sheaf_allocate(&fresh, count, size, error));
    free(get_pointer(memory));
    set_pointer(memory, fresh);
    budget->used += count * size - *capacity * size;
    *capacity = count;
    return SHEAF_OK;
}

void sheaf_budget_free(struct sheaf_budget *budget, void *memory, size_t *capacity, size_t size)
{
    free(get_pointer(memory));
    set_pointer(memory, NULL);
    budget->used -= *capacity * size;
    *capacity = 0;
}
