/* count.c - how many rows there are
 *
 *     sheaf run count orders.csv --by customer
 *
 * The smallest operator: it reads no column, and any two counts add up.
 */
#include <sheaf/operator.h>

struct count {
    int64_t count;
};

static void fold(void *state, const sheaf_batch *batch)
{
    ((struct count *)state)->count += (int64_t)batch->rows;
}

static void fold_keyed(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++)
        ((struct count *)((char *)states + key[row] * stride))->count++;
}

static void combine(void *state, const void *later)
{
    ((struct count *)state)->count += ((const struct count *)later)->count;
}

SHEAF_OPERATOR(count) = {
    .about = "how many rows there are",
    .outputs = {SHEAF_OUTPUT(struct count, count)},
    .state_size = sizeof(struct count),
    .exact = true,
    .fold = fold,
    .fold_keyed = fold_keyed,
    .combine = combine,
};
