/* mean.c - the mean of a column of numbers
 *
 *     sheaf run mean weather.csv --bind value=temperature --by station
 *
 * The exact sum divided by the count, rounded once: the mean of ten times 0.1 is 0.1.
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
    uint64_t count = (uint64_t)total->count;

    if (count == 0)
        return;
    if (total->type == SHEAF_F64)
        total->number = sheaf_exact_mean(&total->exact, with->heap, count);
    else
        total->number = sheaf_wide_mean(total->wide, total->scale, count);
}

SHEAF_OPERATOR(mean) = {
    .about = "the mean of a column of numbers",
    .inputs = {{"value", SHEAF_NUMBER}},
    .outputs = {{"mean", SHEAF_F64, offsetof(struct total, number),
                 1 + offsetof(struct total, count)}},
    .state_size = sizeof(struct total),
    .exact = true,
    .fold = fold,
    .fold_keyed = fold_keyed,
    .combine_with = combine_with,
    .finish_with = finish_with,
};
