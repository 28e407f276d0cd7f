/* stats.c - what a column of any type holds
 *
 *     sheaf run stats orders.csv --bind value=amount
 *
 * Mean and deviation are missing where the values are no numbers.  Counting
 * different values takes memory for each of them: --set distinct=no leaves that out.
 */
#include "extreme.h"
#include "powers.h"
#include "set.h"

enum { DEGREE = 2 };

struct options {
    bool distinct;
};

struct stats {
    int64_t count, missing;
    int64_t numbers; /* rows of a type that has a mean */
    int64_t counted; /* 1: different values were counted */
    double mean, deviation;
    struct extreme min, max;
    struct set set;
    struct powers powers;
};

static bool is_number(sheaf_type type)
{
    return type == SHEAF_I64 || type == SHEAF_DECIMAL || type == SHEAF_F64;
}

/* Rows [begin, end), all of which have a value. */
static void add(struct stats *stats, const sheaf_batch *batch, size_t begin, size_t end)
{
    const struct options *options = batch->options;
    int64_t rows = (int64_t)(end - begin);

    stats->count += rows;
    extreme_add_rows(&stats->min, batch, begin, end, false);
    extreme_add_rows(&stats->max, batch, begin, end, true);
    if (is_number(batch->columns[0].type)) {
        stats->numbers += rows;
        powers_add(&stats->powers, batch->heap, DEGREE, &batch->columns[0], begin, end);
    }
    if (options->distinct) {
        for (size_t row = begin; row < end; row++)
            set_add(&stats->set, batch, row);
    }
}

static void fold(void *state, const sheaf_batch *batch)
{
    const sheaf_column *column = &batch->columns[0];
    struct stats *stats = state;

    for (size_t row = 0; row < batch->rows;) {
        size_t begin = row;

        while (row < batch->rows && sheaf_present(column, row))
            row++;
        if (row > begin)
            add(stats, batch, begin, row);
        begin = row;
        while (row < batch->rows && !sheaf_present(column, row))
            row++;
        stats->missing += (int64_t)(row - begin);
    }
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    struct stats *stats = state;
    const struct stats *more = later;

    stats->count += more->count;
    stats->missing += more->missing;
    stats->numbers += more->numbers;
    extreme_join(&stats->min, &more->min, with, false);
    extreme_join(&stats->max, &more->max, with, true);
    set_join(&stats->set, &more->set, with);
    powers_join(&stats->powers, &more->powers, DEGREE, with);
}

static void finish_with(void *state, const sheaf_gluing *with)
{
    const struct options *options = with->options;
    struct stats *stats = state;
    double variance;

    stats->counted = options->distinct; /* whether the output is there: none is a count too */
    kept_finish(&stats->min.kept, stats->min.type, with);
    kept_finish(&stats->max.kept, stats->max.type, with);
    stats->mean = powers_mean(&stats->powers, with->heap);
    powers_spread(&stats->powers, with->heap, &variance, &stats->deviation);
}

SHEAF_OPERATOR(stats) = {
    .about = "count, missing, distinct, min, max, mean and deviation of a column of any type",
    .inputs = {{"value", SHEAF_ANY}},
    .outputs = {SHEAF_OUTPUT(struct stats, count),
                SHEAF_OUTPUT(struct stats, missing),
                {"distinct", SHEAF_I64, offsetof(struct stats, set.count),
                 1 + offsetof(struct stats, counted)},
                {"min", SHEAF_SAME, offsetof(struct stats, min.kept),
                 1 + offsetof(struct stats, min.seen)},
                {"max", SHEAF_SAME, offsetof(struct stats, max.kept),
                 1 + offsetof(struct stats, max.seen)},
                SHEAF_OUTPUT_IF(struct stats, mean, numbers),
                SHEAF_OUTPUT_IF(struct stats, deviation, numbers)},
    .options = {SHEAF_OPTION(struct options, distinct, "yes", "count different values")},
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct stats),
    .keep_missing = true,
    .exact = true,
    .fold = fold,
    .combine_with = combine_with,
    .finish_with = finish_with,
};
