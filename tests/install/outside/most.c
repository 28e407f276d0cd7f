/* most.c - the greatest amount, and whose it is with --by */
#include <sheaf/operator.h>

struct most {
    double most;
    int64_t orders;
};

static void fold(void *state, const sheaf_batch *batch)
{
    struct most *most = state;

    for (size_t row = 0; row < batch->rows; row++) {
        double amount = batch->columns[0].f64[row];
        if (most->orders++ == 0 || amount > most->most)
            most->most = amount;
    }
}

static void combine(void *state, const void *later)
{
    struct most *most = state;
    const struct most *more = later;

    if (most->orders == 0 || (more->orders > 0 && more->most > most->most))
        most->most = more->most;
    most->orders += more->orders;
}

SHEAF_OPERATOR(most) = {
    .about = "the greatest amount",
    .inputs = {{"amount", SHEAF_F64}},
    .outputs = {SHEAF_OUTPUT_IF(struct most, most, orders)},
    .state_size = sizeof(struct most),
    .fold = fold,
    .combine = combine,
};
