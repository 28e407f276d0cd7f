/* last.c - the last value of a column, in the order of the data
 *
 *     sheaf run last prices.csv --bind value=price --by share
 */
#include "kept.h"

struct last {
    struct kept kept;
    int64_t seen;
    sheaf_type type;
    int32_t reserved;
};

static void keep(struct last *last, const sheaf_batch *batch, size_t row)
{
    last->seen = 1;
    last->type = batch->columns[0].type;
    kept_set(&last->kept, batch, row);
}

static void fold(void *state, const sheaf_batch *batch)
{
    keep(state, batch, batch->rows - 1);
}

static void fold_keyed(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++)
        keep((struct last *)((char *)states + key[row] * stride), batch, row);
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    struct last *last = state;
    const struct last *more = later;

    if (!more->seen)
        return;
    last->seen = 1;
    last->type = more->type;
    kept_copy(&last->kept, &more->kept, more->type, with);
}

static void finish_with(void *state, const sheaf_gluing *with)
{
    struct last *last = state;

    kept_finish(&last->kept, last->type, with);
}

SHEAF_OPERATOR(last) = {
    .about = "the last value of a column, in the order of the data",
    .inputs = {{"value", SHEAF_ANY}},
    .outputs = {{"last", SHEAF_SAME, offsetof(struct last, kept), 1 + offsetof(struct last, seen)}},
    .state_size = sizeof(struct last),
    .exact = true,
    .fold = fold,
    .fold_keyed = fold_keyed,
    .combine_with = combine_with,
    .finish_with = finish_with,
};
