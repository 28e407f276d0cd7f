/* sum.c - the exact sum of a column of numbers
 *
 *     sheaf run sum orders.csv --bind value=amount --by customer
 *
 * Integers and decimals give all digits; doubles are rounded once, at the end.
 */
#include "total.h"

static void fold(void *state, const sheaf_batch *batch)
{
    total_add(state, batch);
}

static void fold_keyed(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch)
{
    total_add_keyed(states, stride, key, batch);
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    total_join(state, later, with);
}

static void finish_with(void *state, const sheaf_gluing *with)
{
    struct total *total = state;

    if (total->type == SHEAF_F64)
        total->number = sheaf_exact_round(&total->exact, with->heap);
}

SHEAF_OPERATOR(sum) = {
    .about = "the exact sum of a column of numbers",
    .inputs = {{"value", SHEAF_NUMBER}},
    /* SHEAF_WIDE: a wide integer with the scale of the input, or a double if that is one. */
    .outputs = {{"sum", SHEAF_WIDE, offsetof(struct total, wide), 0}},
    .state_size = sizeof(struct total),
    .exact = true,
    .fold = fold,
    .fold_keyed = fold_keyed,
    .combine_with = combine_with,
    .finish_with = finish_with,
};
