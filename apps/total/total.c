/* total.c - total amount and number of orders
 *
 *     sheaf run total.c orders.csv --by customer
 */
#include <sheaf/operator.h>

struct total {
    double amount;
    int64_t orders;
};

static void fold(void *state, const sheaf_batch *batch)
{
    struct total *total = state;

    total->amount += sheaf_sum_f64(batch->columns[0].f64, batch->rows);
    total->orders += (int64_t)batch->rows;
}

static void combine(void *state, const void *later)
{
    struct total *total = state;
    const struct total *more = later;

    total->amount += more->amount;
    total->orders += more->orders;
}

SHEAF_OPERATOR(total) = {
    .about = "total amount and number of orders",
    .inputs = {{"amount", SHEAF_F64}},
    .outputs = {SHEAF_OUTPUT(struct total, amount), SHEAF_OUTPUT(struct total, orders)},
    .state_size = sizeof(struct total),
    .fold = fold,
    .combine = combine,
};
