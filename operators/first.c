/* first.c - the first value of a column, in the order of the data
 *
 *     sheaf run first prices.csv --bind value=price --by share
 */
#include "kept.h"

struct first {
    struct kept kept;
    int64_t seen;
    sheaf_type type;
    int32_t reserved;
};

static void keep(struct first *first, const sheaf_batch *batch, size_t row)
{
    if (first->seen)
        return;
    first->seen = 1;
    first->type = batch->columns[0].type;
    kept_set(&first->kept, batch, row);
}

static void fold(void *state, const sheaf_batch *batch)
{
    keep(state, batch, 0);
}

static void fold_keyed(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++)
        keep((struct first *)((char *)states + key[row] * stride), batch, row);
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    struct first *first = state;
    const struct first *more = later;

    if (first->seen || !more->seen)
        return;
    first->seen = 1;
    first->type = more->type;
    kept_copy(&first->kept, &more->kept, more->type, with);
}

static void finish_with(void *state, const sheaf_gluing *with)
{
    struct first *first = state;

    kept_finish(&first->kept, first->type, with);
}

SHEAF_OPERATOR(first) = {
    .about = "the first value of a column, in the order of the data",
    .inputs = {{"value", SHEAF_ANY}},
    .outputs = {{"first", SHEAF_SAME, offsetof(struct first, kept),
                 1 + offsetof(struct first, seen)}},
    .state_size = sizeof(struct first),
    .exact = true,
    .fold = fold,
    .fold_keyed = fold_keyed,
    .combine_with = combine_with,
    .finish_with = finish_with,
};
