/* check.c - broken promises are found, kept ones are not doubted */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bound.h"
#include "operator/check.h"

struct state {
    double sum, mean;
    int64_t count;
    uintptr_t self;
};

static void fold(void *state, const sheaf_batch *batch)
{
    struct state *s = state;

    s->sum += sheaf_sum_f64(batch->columns[0].f64, batch->rows);
    s->count += (int64_t)batch->rows;
}

static void combine(void *state, const void *later)
{
    struct state *s = state;
    const struct state *more = later;

    s->sum += more->sum;
    s->count += more->count;
}

static void finish(void *state)
{
    struct state *s = state;

    s->mean = s->count ? s->sum / (double)s->count : (double)NAN;
}

static void combine_forgets_the_count(void *state, const void *later)
{
    ((struct state *)state)->sum += ((const struct state *)later)->sum;
}

static void combine_takes_empty_states_for_full(void *state, const void *later)
{
    combine(state, later);
    ((struct state *)state)->sum += ((const struct state *)later)->count == 0;
}

/* The mean of means: right only if all parts have the same size. */
static void fold_means(void *state, const sheaf_batch *batch)
{
    struct state *s = state;
    double mean = sheaf_sum_f64(batch->columns[0].f64, batch->rows) / (double)batch->rows;

    s->sum = s->count ? (s->sum + mean) / 2 : mean;
    s->count++;
}

static void fold_counts_batches(void *state, const sheaf_batch *batch)
{
    fold(state, batch);
    ((struct state *)state)->count -= (int64_t)batch->rows - 1;
}

static void fold_keeps_its_address(void *state, const sheaf_batch *batch)
{
    struct state *s = state;

    fold(state, batch);
    if (s->self && s->self != (uintptr_t)s)
        s->sum += 1;
    s->self = (uintptr_t)s;
}

static void fold_refuses(void *state, const sheaf_batch *batch)
{
    (void)state;
    for (size_t row = 0; row < batch->rows; row++)
        if (batch->columns[0].f64[row] > 90)
            sheaf_fail(batch, row, "%g is too much", batch->columns[0].f64[row]);
}

static void keyed(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++) {
        struct state *s = (struct state *)((char *)states + key[row] * stride);
        s->sum += batch->columns[0].f64[row];
        s->count++;
    }
}

static void keyed_mixes_keys(void *states, size_t stride, const uint32_t *key,
                             const sheaf_batch *batch)
{
    keyed(states, stride, key, batch);
    ((struct state *)states)->sum += 1;
}

static sheaf_operator honest(void)
{
    return (sheaf_operator){
        .about = "mean",
        .inputs = {{"x", SHEAF_F64}},
        .outputs = {SHEAF_OUTPUT(struct state, sum), SHEAF_OUTPUT_IF(struct state, mean, count),
                    SHEAF_OUTPUT(struct state, count)},
        .state_size = sizeof(struct state),
        .fold = fold,
        .fold_keyed = keyed,
        .combine = combine,
        .finish = finish,
    };
}

static double values[10000];

/* Whether the law was refuted on `rows` values; the finding goes to report. */
static sheaf_status check(const sheaf_operator *op, size_t rows, struct sheaf_check_report *report,
                          sheaf_error *error)
{
    struct sheaf_bound bound = bound_to(op, "probe", (sheaf_kind){SHEAF_F64, 0}, "");
    sheaf_column column = {.type = SHEAF_F64, .f64 = values};
    sheaf_batch batch = {.rows = rows, .columns = &column};
    struct sheaf_check_options options = {.seed = rows};
    sheaf_status status = sheaf_check_operator(&bound, &batch, 1, &options, report, error);

    bound_free(&bound);
    return status;
}

static void must_refute(sheaf_operator op, const char *word)
{
    struct sheaf_check_report report;
    sheaf_error error = {0};

    UNIT_OK(check(&op, 3000, &report, &error), &error);
    CU_ASSERT_TRUE(report.refuted);
    if (!strstr(report.finding, word))
        printf("\n\"%s\" lacks \"%s\"\n", report.finding, word);
    CU_ASSERT_PTR_NOT_NULL(strstr(report.finding, word));
}

static void an_honest_operator_is_not_refuted(void)
{
    sheaf_operator op = honest();
    struct sheaf_check_report report;
    sheaf_error error = {0};

    for (size_t rows = 0; rows <= 10000; rows = 7 * rows + 1) {
        UNIT_OK(check(&op, rows, &report, &error), &error);
        if (report.refuted)
            printf("\n%s\n", report.finding);
        CU_ASSERT_FALSE(report.refuted);
        CU_ASSERT_EQUAL(report.trials, 200);
        CU_ASSERT_EQUAL(report.rows, rows);
    }
}

static void broken_laws_are_found(void)
{
    sheaf_operator op = honest();

    op.combine = combine_forgets_the_count;
    must_refute(op, "combined, gives ");
    op.combine = combine_takes_empty_states_for_full;
    must_refute(op, "gives ");
    op = honest();
    op.fold = fold_means;
    op.fold_keyed = NULL;
    must_refute(op, "sum = ");
    op.fold = fold_counts_batches;
    must_refute(op, "gives ");
    op = honest();
    op.fold = fold_keeps_its_address;
    must_refute(op, "sum = ");
    op = honest();
    op.fold_keyed = keyed_mixes_keys;
    must_refute(op, "fold_keyed");
}

static void a_counterexample_is_short(void)
{
    sheaf_operator op = honest();
    struct sheaf_check_report report;
    sheaf_error error = {0};
    unsigned long first, last;

    op.combine = combine_forgets_the_count;
    UNIT_OK(check(&op, 3000, &report, &error), &error);
    CU_ASSERT_EQUAL(sscanf(report.finding, "rows %lu to %lu", &first, &last), 2);
    CU_ASSERT(last - first < 4);
}

/* Sums of doubles depend on where they are cut: the claim to be exact is refuted. */
static void a_false_claim_to_be_exact_is_found(void)
{
    sheaf_operator op = honest();

    for (size_t i = 0; i < 10000; i++)
        values[i] = 1 / (double)(i + 1);
    op.exact = true;
    must_refute(op, "sum = ");
    for (size_t i = 0; i < 10000; i++)
        values[i] = (double)(i % 100);
}

static void a_refused_row_ends_the_check(void)
{
    sheaf_operator op = honest();
    struct sheaf_check_report report;
    sheaf_error error = {0};

    op.fold = fold_refuses;
    CU_ASSERT_EQUAL(check(&op, 3000, &report, &error), SHEAF_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "is too much"));
}

/* What nearly cancels keeps the error of what it was made of; that is no broken law. */
static void cancelling_sums_are_no_finding(void)
{
    sheaf_operator op = honest();
    struct sheaf_check_report report;
    sheaf_error error = {0};

    for (size_t i = 0; i < 10000; i++)
        values[i] = (i % 2 ? -1 : 1) * (1e15 + (double)i / 7);
    UNIT_OK(check(&op, 10000, &report, &error), &error);
    if (report.refuted)
        printf("\n%s\n", report.finding);
    CU_ASSERT_FALSE(report.refuted);
    for (size_t i = 0; i < 10000; i++)
        values[i] = (double)(i % 100);
}

static void map_every_second_row(sheaf_rows *rows, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row += 2)
        sheaf_append_f64(rows, 0, batch->columns[0].f64[row]);
}

static void a_map_that_looks_at_its_batch_is_found(void)
{
    sheaf_operator op = {.about = "every second row",
                         .inputs = {{"x", SHEAF_F64}},
                         .outputs = {{"x", SHEAF_F64, 0, 0}},
                         .map = map_every_second_row};

    must_refute(op, "mapped in batches of");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(an_honest_operator_is_not_refuted),
        UNIT(broken_laws_are_found),
        UNIT(a_counterexample_is_short),
        UNIT(a_false_claim_to_be_exact_is_found),
        UNIT(a_refused_row_ends_the_check),
        UNIT(cancelling_sums_are_no_finding),
        UNIT(a_map_that_looks_at_its_batch_is_found),
        {0},
    };

    for (size_t i = 0; i < 10000; i++)
        values[i] = (double)(i % 100);
    return unit_run("operator check", tests);
}
