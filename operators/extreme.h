/*
 * extreme.h - the least or the greatest value of a column, for min, max and stats
 *
 * `greatest` is a constant wherever these are called, so each loop is made for
 * one of the two.  Texts are ordered by their bytes, which for UTF-8 is the order
 * of its characters; false is before true.  A NaN is neither less nor greater
 * than anything and is passed over; of 0 and -0 the answer is 0.
 */
#ifndef SHEAF_OPERATORS_EXTREME_H
#define SHEAF_OPERATORS_EXTREME_H

#include "kept.h"

struct extreme {
    struct kept kept;
    int64_t seen; /* 0 while there is none */
    sheaf_type type;
    int32_t reserved;
};

static inline bool text_is_before(sheaf_text a, sheaf_text b)
{
    uint32_t both = a.size < b.size ? a.size : b.size;
    int order = both ? memcmp(a.bytes, b.bytes, both) : 0;

    return order ? order < 0 : a.size < b.size;
}

static inline void extreme_i64(struct extreme *extreme, int64_t value, bool greatest)
{
    int64_t kept = extreme->kept.i64;

    extreme->kept.i64 = extreme->seen && (greatest ? kept > value : kept < value) ? kept : value;
    extreme->seen = 1;
}

static inline void extreme_i32(struct extreme *extreme, int32_t value, bool greatest)
{
    int32_t kept = extreme->kept.i32;

    extreme->kept.i32 = extreme->seen && (greatest ? kept > value : kept < value) ? kept : value;
    extreme->seen = 1;
}

static inline void extreme_f64(struct extreme *extreme, double value, bool greatest)
{
    double kept = extreme->kept.f64;

    if (isnan(value))
        return;
    value += 0.0; /* -0 becomes 0 */
    extreme->kept.f64 = extreme->seen && (greatest ? kept > value : kept < value) ? kept : value;
    extreme->seen = 1;
}

static inline void extreme_bool(struct extreme *extreme, uint8_t value, bool greatest)
{
    uint8_t kept = extreme->kept.boolean;

    extreme->kept.boolean =
        extreme->seen && (greatest ? kept > value : kept < value) ? kept : value;
    extreme->seen = 1;
}

static inline void extreme_text(struct extreme *extreme, sheaf_heap *heap, sheaf_text text,
                                bool greatest)
{
    if (extreme->seen) {
        sheaf_text kept = kept_text(&extreme->kept, heap);
        if (greatest ? !text_is_before(kept, text) : !text_is_before(text, kept))
            return;
    }
    kept_set_text(&extreme->kept, heap, text);
    extreme->seen = 1;
}

/* One row. */
static inline void extreme_add(struct extreme *extreme, const sheaf_batch *batch, size_t row,
                               bool greatest)
{
    const sheaf_column *column = &batch->columns[0];

    extreme->type = column->type;
    if (column->type == SHEAF_F64)
        extreme_f64(extreme, load_f64(column, row), greatest);
    else if (is_text(column->type))
        extreme_text(extreme, batch->heap, column->text[row], greatest);
    else if (column->type == SHEAF_BOOL)
        extreme_bool(extreme, column->boolean[row], greatest);
    else if (column->type == SHEAF_DATE)
        extreme_i32(extreme, load_i32(column, row), greatest);
    else
        extreme_i64(extreme, load_i64(column, row), greatest);
}

/* Rows [begin, end): numbers by the kernels, all else one by one. */
static inline void extreme_add_rows(struct extreme *extreme, const sheaf_batch *batch, size_t begin,
                                    size_t end, bool greatest)
{
    const sheaf_column *column = &batch->columns[0];
    size_t rows = end - begin;

    extreme->type = column->type;
    if (column->type == SHEAF_F64) {
        const double *x = column->f64 + begin;
        double found = greatest ? sheaf_max_f64(x, rows) : sheaf_min_f64(x, rows);
        /* The kernels say infinity where all are NaN; only looking tells. */
        if (!isinf(found))
            extreme_f64(extreme, found, greatest);
        else
            for (size_t row = begin; row < end; row++)
                extreme_f64(extreme, load_f64(column, row), greatest);
    } else if (column->type == SHEAF_I64 || column->type == SHEAF_DECIMAL ||
               column->type == SHEAF_TIME) {
        const int64_t *x = column->i64 + begin;
        extreme_i64(extreme, greatest ? sheaf_max_i64(x, rows) : sheaf_min_i64(x, rows), greatest);
    } else {
        for (size_t row = begin; row < end; row++)
            extreme_add(extreme, batch, row, greatest);
    }
}

static inline struct extreme *extreme_at(void *states, size_t stride, uint32_t key)
{
    return (struct extreme *)((char *)states + key * stride);
}

static inline void extreme_add_keyed(void *states, size_t stride, const uint32_t *key,
                                     const sheaf_batch *batch, bool greatest)
{
    const sheaf_column *column = &batch->columns[0];
    sheaf_type type = column->type;

    if (type == SHEAF_I64 || type == SHEAF_DECIMAL || type == SHEAF_TIME)
        for (size_t row = 0; row < batch->rows; row++) {
            struct extreme *extreme = extreme_at(states, stride, key[row]);
            extreme->type = type;
            extreme_i64(extreme, load_i64(column, row), greatest);
        }
    else if (type == SHEAF_F64)
        for (size_t row = 0; row < batch->rows; row++) {
            struct extreme *extreme = extreme_at(states, stride, key[row]);
            extreme->type = type;
            extreme_f64(extreme, load_f64(column, row), greatest);
        }
    else
        for (size_t row = 0; row < batch->rows; row++)
            extreme_add(extreme_at(states, stride, key[row]), batch, row, greatest);
}

static inline void extreme_join(struct extreme *extreme, const struct extreme *later,
                                const sheaf_gluing *with, bool greatest)
{
    if (!later->seen)
        return;
    extreme->type = later->type;
    if (later->type == SHEAF_F64)
        extreme_f64(extreme, later->kept.f64, greatest);
    else if (is_text(later->type))
        extreme_text(extreme, with->heap, kept_text(&later->kept, with->later_heap), greatest);
    else if (later->type == SHEAF_BOOL)
        extreme_bool(extreme, later->kept.boolean, greatest);
    else if (later->type == SHEAF_DATE)
        extreme_i32(extreme, later->kept.i32, greatest);
    else
        extreme_i64(extreme, later->kept.i64, greatest);
}

#endif
