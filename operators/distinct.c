/* distinct.c - how many different values a column has
 *
 *     sheaf run distinct orders.csv --bind value=customer
 *
 * Exact, so the state holds every value once.
 */
#include "set.h"

static void fold(void *state, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++)
        set_add(state, batch, row);
}

static void fold_keyed(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++)
        set_add((struct set *)((char *)states + key[row] * stride), batch, row);
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    set_join(state, later, with);
}

SHEAF_OPERATOR(distinct) = {
    .about = "how many different values a column has",
    .inputs = {{"value", SHEAF_ANY}},
    .outputs = {{"distinct", SHEAF_I64, offsetof(struct set, count), 0}},
    .state_size = sizeof(struct set),
    .exact = true,
    .fold = fold,
    .fold_keyed = fold_keyed,
    .combine_with = combine_with,
};
