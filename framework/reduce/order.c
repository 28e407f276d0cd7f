/*
 * order.c - keys in the order of their first rows
 *
 * Keys of one shard are in order already.  Others are sorted byte by byte from
 * the last, leaving out the bytes in which all first rows agree.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reduce/order.h"

struct item {
    uint64_t first_row;
    uint32_t number;
    uint32_t reserved;
};

/* The bits in which first rows differ; 0 too if they ascend. */
static uint64_t bits_to_sort(const struct sheaf_keys *keys)
{
    uint64_t bits = 0;
    bool ascending = true;

    for (size_t i = 1; i < keys->count; i++) {
        bits |= keys->origin[i].first_row ^ keys->origin[0].first_row;
        ascending &= keys->origin[i - 1].first_row <= keys->origin[i].first_row;
    }
    return ascending ? 0 : bits;
}

static void sort_by_byte(const struct item *from, struct item *to, size_t count, unsigned shift)
{
    size_t next[256] = {0};
    size_t at = 0;

    for (size_t i = 0; i < count; i++)
        next[from[i].first_row >> shift & 255]++;
    for (size_t byte = 0; byte < 256; byte++) {
        size_t size = next[byte];

        next[byte] = at;
        at += size;
    }
    for (size_t i = 0; i < count; i++)
        to[next[from[i].first_row >> shift & 255]++] = from[i];
}

static sheaf_status sort(const struct sheaf_keys *keys, uint64_t bits, uint32_t *numbers,
                         sheaf_error *error)
{
    struct item *from = NULL, *to;
    size_t count = keys->count;
    struct item *memory;

    SHEAF_TRY(sheaf_allocate(&memory, count, 2 * sizeof *memory, error));
    from = memory;
    to = memory + count;
    for (size_t i = 0; i < count; i++)
        from[i] = (struct item){.first_row = keys->origin[i].first_row, .number = (uint32_t)i};
    for (unsigned shift = 0; shift < 64; shift += 8)
        if (bits >> shift & 255) {
            struct item *sorted = to;

            sort_by_byte(from, to, count, shift);
            to = from;
            from = sorted;
        }
    for (size_t i = 0; i < count; i++)
        numbers[i] = from[i].number;
    free(memory);
    return SHEAF_OK;
}

sheaf_status sheaf_keys_order(const struct sheaf_keys *keys, uint32_t **numbers, sheaf_error *error)
{
    uint64_t bits = bits_to_sort(keys);
    uint32_t *order = NULL;
    sheaf_status status;

    SHEAF_TRY(sheaf_allocate(&order, keys->count, sizeof *order, error));
    for (size_t i = 0; i < keys->count; i++)
        order[i] = (uint32_t)i;
    if (bits && (status = sort(keys, bits, order, error)) != SHEAF_OK) {
        free(order);
        return status;
    }
    *numbers = order;
    return SHEAF_OK;
}
