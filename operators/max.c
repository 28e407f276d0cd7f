/* max.c - the greatest value of a column of any type
 *
 *     sheaf run max weather.csv --bind value=temperature --by station
 */
#include "extreme.h"

enum { GREATEST = true };

static void fold(void *state, const sheaf_batch *batch)
{
    extreme_add_rows(state, batch, 0, batch->rows, GREATEST);
}

static void fold_keyed(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch)
{
    extreme_add_keyed(states, stride, key, batch, GREATEST);
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    extreme_join(state, later, with, GREATEST);
}

static void finish_with(void *state, const sheaf_gluing *with)
{
    struct extreme *extreme = state;

    kept_finish(&extreme->kept, extreme->type, with);
}

SHEAF_OPERATOR(max) = {
    .about = "the greatest value of a column of any type",
    .inputs = {{"value", SHEAF_ANY}},
    .outputs = {{"max", SHEAF_SAME, offsetof(struct extreme, kept),
                 1 + offsetof(struct extreme, seen)}},
    .state_size = sizeof(struct extreme),
    .exact = true,
    .fold = fold,
    .fold_keyed = fold_keyed,
    .combine_with = combine_with,
    .finish_with = finish_with,
};
