/*
 * total.h - the exact sum of a column of numbers, for sum and mean
 *
 * Integers and decimals are added as integers of 128 bits, doubles by
 * sheaf_exact; nothing is rounded, so it does not matter where the data is cut.
 */
#ifndef SHEAF_OPERATORS_TOTAL_H
#define SHEAF_OPERATORS_TOTAL_H

#include "load.h"

struct total {
    union {
        sheaf_int128 wide;
        sheaf_exact exact;
        double number; /* the answer, once it is finished */
    };
    int64_t count;
    sheaf_type type; /* of the column; SHEAF_NONE while no row was seen */
    int32_t scale;
};

static inline void total_add(struct total *total, const sheaf_batch *batch)
{
    const sheaf_column *value = &batch->columns[0];

    total->type = value->type;
    total->scale = value->scale;
    total->count += (int64_t)batch->rows;
    if (value->type == SHEAF_F64)
        sheaf_exact_add(&total->exact, batch->heap, value->f64, batch->rows);
    else
        total->wide += sheaf_sum_i64(value->i64, batch->rows);
}

static inline struct total *total_at(void *states, size_t stride, uint32_t key)
{
    return (struct total *)((char *)states + key * stride);
}

/* The state of a key, made ready for one more value of this column. */
static inline struct total *total_count(void *states, size_t stride, uint32_t key, sheaf_type type,
                                        int32_t scale)
{
    struct total *total = total_at(states, stride, key);

    total->type = type;
    total->scale = scale;
    total->count++;
    return total;
}

static inline void total_add_keyed(void *states, size_t stride, const uint32_t *key,
                                   const sheaf_batch *batch)
{
    const sheaf_column *value = &batch->columns[0];
    sheaf_type type = value->type;
    int32_t scale = value->scale;

    if (type == SHEAF_F64) {
        _Static_assert(offsetof(struct total, exact) == 0, "sums lie where states do");
        for (size_t row = 0; row < batch->rows; row++)
            total_count(states, stride, key[row], type, scale);
        sheaf_exact_add_keyed(states, stride, key, batch->heap, value->f64, batch->rows);
    } else
        for (size_t row = 0; row < batch->rows; row++)
            total_count(states, stride, key[row], type, scale)->wide += load_i64(value, row);
}

static inline void total_join(struct total *total, const struct total *later,
                              const sheaf_gluing *with)
{
    if (later->type == 0)
        return;
    total->type = later->type;
    total->scale = later->scale;
    total->count += later->count;
    if (later->type == SHEAF_F64)
        sheaf_exact_join(&total->exact, with->heap, &later->exact, with->later_heap);
    else
        total->wide += later->wide;
}

#endif
