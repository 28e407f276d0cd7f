/* check.c - an operator's law, attacked at random: see check.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "operator/check.h"
#include "operator/trial.h"

enum { TRIALS = 200, PIECES_MAX = 6, KEYS = 3, KEYED_ROWS = 2000, SHRINKS = 300, SINGLES = 12 };

struct check {
    struct sheaf_trial trial;
    struct sheaf_check_report *report;
    uint64_t random;
    sheaf_rows *expected, *got;
};

/* -- chance ---------------------------------------------------------------------------------- */

static uint64_t next_random(struct check *check)
{
    uint64_t z = check->random += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t below(struct check *check, size_t limit)
{
    return limit ? (size_t)(next_random(check) % limit) : 0;
}

/* A number up to `most`, small ones as likely as large ones. */
static size_t some(struct check *check, size_t most)
{
    size_t scale = (size_t)1 << below(check, 16);

    return below(check, (most < scale ? most : scale) + 1);
}

/* -- comparing ------------------------------------------------------------------------------- */

/* Doubles may differ by rounding, measured by the largest number around: what cancels to nearly
 * nothing keeps the error of what it was made of. */
static bool is_close(double a, double b, double scale)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (a == b)
        return true;
    return fabs(a - b) <= 1e-9 * fmax(scale, fmax(fabs(a), fabs(b)));
}

static double largest(const sheaf_column *column, size_t rows)
{
    double most = 0;

    for (size_t row = 0; row < rows; row++)
        if (isfinite(column->f64[row]))
            most = fmax(most, fabs(column->f64[row]));
    return most;
}

static void show(const sheaf_column *column, size_t row, char *text, size_t room)
{
    if (!sheaf_present(column, row))
        snprintf(text, room, "missing");
    else if (column->type == SHEAF_F64)
        snprintf(text, room, "%.17g", column->f64[row]);
    else if (column->type == SHEAF_I64)
        snprintf(text, room, "%lld", (long long)column->i64[row]);
    else if (column->type == SHEAF_BOOL)
        snprintf(text, room, "%s", column->boolean[row] ? "true" : "false");
    else
        snprintf(text, room, "\"%.*s\"",
                 column->text[row].size < 60 ? (int)column->text[row].size : 60,
                 column->text[row].bytes);
}

static bool is_equal(const sheaf_column *a, const sheaf_column *b, size_t row, bool exact,
                     double scale)
{
    if (sheaf_present(a, row) != sheaf_present(b, row))
        return false;
    if (!sheaf_present(a, row))
        return true;
    if (a->type == SHEAF_F64)
        return exact ? a->f64[row] == b->f64[row] || (isnan(a->f64[row]) && isnan(b->f64[row]))
                     : is_close(a->f64[row], b->f64[row], scale);
    if (a->type == SHEAF_TEXT)
        return a->text[row].size == b->text[row].size &&
               memcmp(a->text[row].bytes, b->text[row].bytes, a->text[row].size) == 0;
    size_t size = sheaf_type_size(a->type);
    return memcmp((const char *)a->values + row * size, (const char *)b->values + row * size,
                  size) == 0;
}

/* Compare the answers; where they differ, the finding ends with how. */
static sheaf_status compare(struct check *check, const char *done, double scale, bool *same,
                            sheaf_error *error)
{
    const struct sheaf_bound *bound = check->trial.bound;
    struct sheaf_check_report *report = check->report;
    const sheaf_column *expected, *got;
    size_t expected_rows, got_rows;
    char should[100], is[100];

    SHEAF_TRY(sheaf_rows_view(check->expected, &expected_rows, &expected, error));
    SHEAF_TRY(sheaf_rows_view(check->got, &got_rows, &got, error));
    *same = expected_rows == got_rows;
    if (!*same)
        snprintf(report->finding, sizeof report->finding, "%s gives %zu rows, not %zu", done,
                 got_rows, expected_rows);
    for (uint32_t i = 0; *same && i < bound->outputs; i++) {
        if (expected[i].type == SHEAF_F64)
            scale = fmax(scale, largest(&expected[i], expected_rows));
        for (size_t row = 0; *same && row < expected_rows; row++) {
            *same = is_equal(&expected[i], &got[i], row, bound->op->exact, scale);
            if (*same)
                continue;
            show(&expected[i], row, should, sizeof should);
            show(&got[i], row, is, sizeof is);
            snprintf(report->finding, sizeof report->finding, "%s gives %s = %s, not %s", done,
                     bound->op->outputs[i].name, is, should);
        }
    }
    report->refuted |= !*same;
    return SHEAF_OK;
}

/* -- one trial ------------------------------------------------------------------------------- */

/* What is done to rows begin to end - 1: cut before cuts[i], folded `batch` rows at a time. */
struct plan {
    size_t begin, end;
    size_t cuts[PIECES_MAX];
    size_t pieces;
    size_t batch;
};

static void describe(const struct plan *plan, char *text, size_t room)
{
    int used = snprintf(text, room, "rows %zu to %zu", plan->begin + 1, plan->end);

    if (plan->begin == plan->end)
        used = snprintf(text, room, "no rows");
    if (plan->pieces > 1)
        used += snprintf(text + used, room - (size_t)used, ", folded in %zu parts", plan->pieces);
    for (size_t i = 1; i < plan->pieces; i++)
        used += snprintf(text + used, room - (size_t)used, "%s%zu",
                         i > 1 ? ", " : " (cut after row ", plan->cuts[i]);
    if (plan->pieces > 1)
        used += snprintf(text + used, room - (size_t)used, ") and combined,");
    if (plan->pieces == 1)
        snprintf(text + used, room - (size_t)used, ", folded in batches of %zu,", plan->batch);
}

static void make_plan(struct check *check, size_t most, size_t pieces, struct plan *plan)
{
    size_t rows = check->trial.rows, length = some(check, rows < most ? rows : most);

    plan->begin = below(check, rows - length + 1);
    plan->end = plan->begin + length;
    plan->pieces = pieces;
    plan->batch = 1 + some(check, SHEAF_BATCH_ROWS - 1);
    plan->cuts[0] = plan->begin;
    for (size_t i = 1; i < pieces; i++)
        plan->cuts[i] = plan->begin + below(check, length + 1);
    for (size_t i = 1; i < pieces; i++) /* in order */
        for (size_t j = i; j > 1 && plan->cuts[j] < plan->cuts[j - 1]; j--) {
            size_t cut = plan->cuts[j];
            plan->cuts[j] = plan->cuts[j - 1];
            plan->cuts[j - 1] = cut;
        }
}

/* Neighbours are combined in random order, as they are in a tree of any shape. */
static sheaf_status glue(struct check *check, struct sheaf_states *states, size_t count,
                         sheaf_error *error)
{
    for (; count > 1; count--) {
        size_t at = below(check, count - 1);

        SHEAF_TRY(sheaf_trial_combine(&check->trial, &states[at], &states[at + 1], error));
        sheaf_states_close(&states[at + 1]);
        memmove(&states[at + 1], &states[at + 2], (count - at - 2) * sizeof *states);
        states[count - 1] = (struct sheaf_states){0};
    }
    return SHEAF_OK;
}

static sheaf_status fold_pieces(struct check *check, const struct plan *plan, sheaf_rows *rows,
                                bool move, sheaf_error *error)
{
    struct sheaf_states states[PIECES_MAX] = {{0}};
    sheaf_status status = SHEAF_OK;

    for (size_t i = 0; i < plan->pieces && status == SHEAF_OK; i++) {
        size_t end = i + 1 < plan->pieces ? plan->cuts[i + 1] : plan->end;

        status = sheaf_states_open(&check->trial, 1, &states[i], error);
        if (status == SHEAF_OK)
            status = sheaf_trial_fold(&check->trial, &states[i], plan->cuts[i], end, plan->batch,
                                      NULL, move, error);
    }
    if (status == SHEAF_OK)
        status = glue(check, states, plan->pieces, error);
    if (status == SHEAF_OK)
        status = sheaf_trial_answer(&check->trial, &states[0], 0, rows, error);
    for (size_t i = 0; i < PIECES_MAX; i++)
        sheaf_states_close(&states[i]);
    return status;
}

static sheaf_status scale_of(struct check *check, size_t begin, size_t end, double *scale,
                             sheaf_error *error)
{
    struct plan plan = {begin, end, {begin}, 1, SHEAF_BATCH_ROWS};
    const sheaf_column *columns;
    size_t rows;

    sheaf_rows_clear(check->got);
    SHEAF_TRY(fold_pieces(check, &plan, check->got, false, error));
    SHEAF_TRY(sheaf_rows_view(check->got, &rows, &columns, error));
    for (uint32_t i = 0; i < check->trial.bound->outputs; i++)
        if (columns[i].type == SHEAF_F64)
            *scale = fmax(*scale, largest(&columns[i], rows));
    return SHEAF_OK;
}

/* The largest number that any part, or one of some single rows, answers alone: the scale of what
 * may cancel. */
static sheaf_status scale_of_parts(struct check *check, const struct plan *plan, double *scale,
                                   sheaf_error *error)
{
    *scale = 0;
    for (size_t i = 0; i < plan->pieces; i++)
        SHEAF_TRY(scale_of(check, plan->cuts[i],
                           i + 1 < plan->pieces ? plan->cuts[i + 1] : plan->end, scale, error));
    for (int i = 0; i < SINGLES && plan->begin < plan->end; i++) {
        size_t row = plan->begin + below(check, plan->end - plan->begin);

        SHEAF_TRY(scale_of(check, row, row + 1, scale, error));
    }
    return SHEAF_OK;
}

static sheaf_status try_fold(struct check *check, const struct plan *plan, bool *same,
                             sheaf_error *error)
{
    struct plan whole = {plan->begin, plan->end, {plan->begin}, 1, SHEAF_BATCH_ROWS};
    double scale = 0;
    char done[300];

    if (!check->trial.bound->op->exact)
        SHEAF_TRY(scale_of_parts(check, plan, &scale, error));
    sheaf_rows_clear(check->expected);
    sheaf_rows_clear(check->got);
    SHEAF_TRY(fold_pieces(check, &whole, check->expected, false, error));
    SHEAF_TRY(fold_pieces(check, plan, check->got, true, error));
    describe(plan, done, sizeof done);
    return compare(check, done, scale, same, error);
}

static sheaf_status try_map(struct check *check, const struct plan *plan, bool *same,
                            sheaf_error *error)
{
    char done[300];

    sheaf_rows_clear(check->expected);
    sheaf_rows_clear(check->got);
    SHEAF_TRY(sheaf_trial_map(&check->trial, plan->begin, plan->end, SHEAF_BATCH_ROWS,
                              check->expected, error));
    SHEAF_TRY(
        sheaf_trial_map(&check->trial, plan->begin, plan->end, plan->batch, check->got, error));
    snprintf(done, sizeof done, "rows %zu to %zu, mapped in batches of %zu,", plan->begin + 1,
             plan->end, plan->batch);
    return compare(check, done, 0, same, error);
}

static sheaf_status try_plan(struct check *check, const struct plan *plan, bool *same,
                             sheaf_error *error)
{
    return check->trial.bound->op->map ? try_map(check, plan, same, error)
                                       : try_fold(check, plan, same, error);
}

/* Look for a shorter counterexample; the finding of the last one stays. */
static sheaf_status shrink(struct check *check, sheaf_error *error)
{
    static const size_t lengths[] = {1, 2, 4, 16, 64};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (unsigned attempt = 0; attempt < SHRINKS / 5; attempt++) {
            struct plan plan;
            bool same;

            make_plan(check, lengths[i], 1 + below(check, 2), &plan);
            SHEAF_TRY(try_plan(check, &plan, &same, error));
            if (!same)
                return SHEAF_OK;
        }
    return SHEAF_OK;
}

/* -- keys ------------------------------------------------------------------------------------ */

/* Rows of one key go to a state one by one: what fold_keyed must equal. */
static sheaf_status fold_one_key(struct check *check, size_t begin, size_t end, const uint32_t *key,
                                 uint32_t which, sheaf_error *error)
{
    struct sheaf_states state;
    sheaf_status status = sheaf_states_open(&check->trial, 1, &state, error);

    for (size_t row = begin; row < end && status == SHEAF_OK; row++)
        if (key[row - begin] == which)
            status = sheaf_trial_fold(&check->trial, &state, row, row + 1, 1, NULL, false, error);
    if (status == SHEAF_OK)
        status = sheaf_trial_answer(&check->trial, &state, 0, check->expected, error);
    sheaf_states_close(&state);
    return status;
}

static sheaf_status try_keys(struct check *check, bool *same, sheaf_error *error)
{
    size_t rows = check->trial.rows, length = some(check, rows < KEYED_ROWS ? rows : KEYED_ROWS);
    size_t begin = below(check, rows - length + 1), end = begin + length;
    struct sheaf_states states = {0};
    uint32_t *key = NULL;
    char done[200];
    sheaf_status status = sheaf_allocate(&key, length, sizeof *key, error);

    for (size_t i = 0; i < length && status == SHEAF_OK; i++)
        key[i] = (uint32_t)below(check, KEYS);
    sheaf_rows_clear(check->expected);
    sheaf_rows_clear(check->got);
    if (status == SHEAF_OK)
        status = sheaf_states_open(&check->trial, KEYS, &states, error);
    if (status == SHEAF_OK)
        status = sheaf_trial_fold(&check->trial, &states, begin, end, SHEAF_BATCH_ROWS, key, false,
                                  error);
    for (uint32_t i = 0; i < KEYS && status == SHEAF_OK; i++) {
        status = fold_one_key(check, begin, end, key, i, error);
        if (status == SHEAF_OK)
            status = sheaf_trial_answer(&check->trial, &states, i, check->got, error);
    }
    snprintf(done, sizeof done, "fold_keyed, with rows %zu to %zu and %d keys at random,",
             begin + 1, end, KEYS);
    if (status == SHEAF_OK)
        status = compare(check, done, 0, same, error);
    sheaf_states_close(&states);
    free(key);
    return status;
}

/* -- all ------------------------------------------------------------------------------------- */

static sheaf_status run_trials(struct check *check, unsigned trials, sheaf_error *error)
{
    bool keyed = check->trial.bound->op->fold_keyed != NULL;

    for (unsigned i = 0; i < trials; i++) {
        struct plan plan;
        bool same;

        check->report->trials = i + 1;
        if (keyed && i % 4 == 3) {
            SHEAF_TRY(try_keys(check, &same, error));
            if (!same)
                return SHEAF_OK;
            continue;
        }
        make_plan(check, check->trial.rows, 1 + below(check, PIECES_MAX), &plan);
        SHEAF_TRY(try_plan(check, &plan, &same, error));
        if (!same)
            return shrink(check, error);
    }
    return SHEAF_OK;
}

sheaf_status sheaf_check_operator(const struct sheaf_bound *bound, const sheaf_batch *batches,
                                  size_t count, const struct sheaf_check_options *options,
                                  struct sheaf_check_report *report, sheaf_error *error)
{
    struct check check = {.report = report, .random = options ? options->seed : 0};
    unsigned trials = options && options->trials ? options->trials : TRIALS;
    sheaf_status status;

    *report = (struct sheaf_check_report){0};
    SHEAF_TRY(sheaf_trial_open(bound, batches, count, &check.trial, error));
    report->rows = check.trial.rows;
    status = sheaf_trial_rows(&check.trial, &check.expected, error);
    if (status == SHEAF_OK)
        status = sheaf_trial_rows(&check.trial, &check.got, error);
    if (status == SHEAF_OK)
        status = run_trials(&check, trials, error);
    sheaf_rows_close(check.expected);
    sheaf_rows_close(check.got);
    sheaf_trial_close(&check.trial);
    return status;
}
