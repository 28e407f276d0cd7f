/* operators.c - small operators for tests: see operators.h */
#include <stdio.h>
#include <string.h>

#include "operators.h"

struct sum {
    int64_t sum, rows;
};

static void count_fold(void *state, const sheaf_batch *batch)
{
    struct sum *sum = state;

    sum->rows += batch->columns ? -1000000 : (int64_t)batch->rows;
}

static void sum_begin(void *state, const void *options)
{
    struct sum *sum = state;

    (void)options;
    sum->rows = 1000;
}

static void sum_fold(void *state, const sheaf_batch *batch)
{
    struct sum *sum = state;

    for (size_t row = 0; row < batch->rows; row++)
        sum->sum += batch->columns[0].present ? 1 << 20 : batch->columns[0].i64[row];
    sum->rows += (int64_t)batch->rows;
}

static void sum_fold_keyed(void *states, size_t stride, const uint32_t *key,
                           const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++) {
        struct sum *sum = (void *)((char *)states + key[row] * stride);

        sum->sum += batch->columns[0].i64[row];
        sum->rows++;
    }
}

static void sum_combine(void *state, const void *later)
{
    struct sum *sum = state;
    const struct sum *more = later;

    sum->sum += more->sum;
    sum->rows += more->rows;
}

static void begun_sum_combine(void *state, const void *later)
{
    struct sum *sum = state;
    const struct sum *more = later;

    sum->sum += more->sum;
    sum->rows += more->rows - 1000;
}

const sheaf_operator count_op = {
    .about = "rows",
    .outputs = {SHEAF_OUTPUT(struct sum, rows)},
    .state_size = sizeof(struct sum),
    .fold = count_fold,
    .combine = sum_combine,
};

const sheaf_operator sum_op = {
    .about = "sum by fold",
    .inputs = {{"value", SHEAF_I64}},
    .outputs = {SHEAF_OUTPUT(struct sum, sum), SHEAF_OUTPUT(struct sum, rows)},
    .state_size = sizeof(struct sum),
    .begin = sum_begin,
    .fold = sum_fold,
    .combine = begun_sum_combine,
};

const sheaf_operator keyed_op = {
    .about = "sum by fold_keyed",
    .inputs = {{"value", SHEAF_I64}},
    .outputs = {SHEAF_OUTPUT(struct sum, sum), SHEAF_OUTPUT(struct sum, rows)},
    .state_size = sizeof(struct sum),
    .fold = sum_fold,
    .fold_keyed = sum_fold_keyed,
    .combine = sum_combine,
};

struct list {
    sheaf_block text;
    int64_t used;
};

static void list_add(struct list *list, sheaf_heap *heap, const char *bytes, size_t size)
{
    char *to;

    if ((size_t)list->used + size > list->text.size)
        sheaf_block_resize(heap, &list->text, ((size_t)list->used + size) * 2);
    to = sheaf_block_bytes(heap, &list->text);
    memcpy(to + list->used, bytes, size);
    list->used += (int64_t)size;
}

static void list_fold(void *state, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++) {
        char word[32];
        int size = snprintf(word, sizeof word, "%lld,", (long long)batch->columns[0].i64[row]);

        list_add(state, batch->heap, word, (size_t)size);
    }
}

static void list_combine(void *state, const void *later, const sheaf_gluing *with)
{
    const struct list *more = later;

    if (more->used > 0)
        list_add(state, with->heap, sheaf_block_bytes(with->later_heap, &more->text),
                 (size_t)more->used);
}

static void list_finish(void *state, const sheaf_gluing *with)
{
    struct list *list = state;

    sheaf_block_resize(with->heap, &list->text, (size_t)list->used);
}

const sheaf_operator list_op = {
    .about = "all values",
    .inputs = {{"value", SHEAF_I64}},
    .outputs = {SHEAF_OUTPUT_IF(struct list, text, used)},
    .state_size = sizeof(struct list),
    .fold = list_fold,
    .combine_with = list_combine,
    .finish_with = list_finish,
};

struct missing {
    int64_t values, missing, sum;
};

static void missing_fold(void *state, const sheaf_batch *batch)
{
    struct missing *missing = state;

    for (size_t row = 0; row < batch->rows; row++)
        if (sheaf_present(&batch->columns[0], row)) {
            missing->values++;
            missing->sum += batch->columns[0].i64[row];
        } else {
            missing->missing++;
        }
}

static void missing_combine(void *state, const void *later)
{
    struct missing *missing = state;
    const struct missing *more = later;

    missing->values += more->values;
    missing->missing += more->missing;
    missing->sum += more->sum;
}

const sheaf_operator missing_op = {
    .about = "values and holes",
    .inputs = {{"value", SHEAF_I64}},
    .outputs = {SHEAF_OUTPUT(struct missing, values), SHEAF_OUTPUT(struct missing, missing),
                SHEAF_OUTPUT(struct missing, sum)},
    .state_size = sizeof(struct missing),
    .keep_missing = true,
    .fold = missing_fold,
    .combine = missing_combine,
};

static void pair_fold(void *state, const sheaf_batch *batch)
{
    struct sum *sum = state;

    for (size_t row = 0; row < batch->rows; row++)
        sum->sum += batch->columns[0].i64[row] * batch->columns[1].i64[row];
    sum->rows += (int64_t)batch->rows;
}

const sheaf_operator pair_op = {
    .about = "sum of products",
    .inputs = {{"x", SHEAF_I64}, {"y", SHEAF_I64}},
    .outputs = {SHEAF_OUTPUT(struct sum, sum), SHEAF_OUTPUT(struct sum, rows)},
    .state_size = sizeof(struct sum),
    .fold = pair_fold,
    .combine = sum_combine,
};

static void refuse_fold(void *state, const sheaf_batch *batch)
{
    sum_fold(state, batch);
    for (size_t row = 0; row < batch->rows; row++)
        if (batch->columns[0].i64[row] < 0)
            sheaf_fail(batch, row, "no such value: %lld", (long long)batch->columns[0].i64[row]);
}

const sheaf_operator refuse_op = {
    .about = "refuses what is negative",
    .inputs = {{"value", SHEAF_I64}},
    .outputs = {SHEAF_OUTPUT(struct sum, sum)},
    .state_size = sizeof(struct sum),
    .fold = refuse_fold,
    .combine = sum_combine,
};

static void rows_answer(sheaf_rows *rows, const void *state, const sheaf_gluing *with)
{
    const struct list *list = state;
    const char *at = list->used ? sheaf_block_bytes(with->heap, &list->text) : NULL;
    const char *end = at + list->used;

    for (int64_t index = 0; at && at < end; index++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));

        if (index % 5 == 4)
            sheaf_append_missing(rows, 0);
        else
            sheaf_append_i64(rows, 0, index);
        sheaf_append_text(rows, 1, at, (size_t)(comma - at));
        at = comma + 1;
    }
}

const sheaf_operator rows_op = {
    .about = "values, one in each row",
    .inputs = {{"value", SHEAF_I64}},
    .outputs = {{"index", SHEAF_I64, 0, 0}, {"value", SHEAF_TEXT, 0, 0}},
    .state_size = sizeof(struct list),
    .fold = list_fold,
    .combine_with = list_combine,
    .answer = rows_answer,
};

static void greedy_fold(void *state, const sheaf_batch *batch)
{
    struct list *list = state;

    sheaf_block_resize(batch->heap, &list->text, (size_t)1 << 60);
}

const sheaf_operator greedy_op = {
    .about = "wants too much",
    .outputs = {SHEAF_OUTPUT(struct list, used)},
    .state_size = sizeof(struct list),
    .fold = greedy_fold,
    .combine_with = list_combine,
};

struct odd {
    double nothing;
    int64_t rows;
    int64_t never;
    double here;
    bool yes;
};

static void odd_fold(void *state, const sheaf_batch *batch)
{
    struct odd *odd = state;

    odd->rows += (int64_t)batch->rows;
    odd->nothing = (double)NAN;
    odd->here = (double)NAN;
    odd->yes = true;
}

static void odd_combine(void *state, const void *later)
{
    (void)state;
    (void)later;
}

const sheaf_operator odd_op = {
    .about = "outputs that may be missing",
    .outputs = {SHEAF_OUTPUT(struct odd, nothing), SHEAF_OUTPUT_IF(struct odd, rows, never),
                SHEAF_OUTPUT_IF(struct odd, here, rows), SHEAF_OUTPUT(struct odd, yes)},
    .state_size = sizeof(struct odd),
    .fold = odd_fold,
    .combine = odd_combine,
};

struct sheaf_bound bind(const sheaf_operator *op, const char *name, int first, int second)
{
    struct sheaf_bound bound = {.op = op, .name = name, .input = {first, second}};

    while (bound.inputs < SHEAF_FIELDS_MAX && op->inputs[bound.inputs].name)
        bound.input_kind[bound.inputs++] = (sheaf_kind){.type = SHEAF_I64};
    for (; op->outputs[bound.outputs].name; bound.outputs++)
        bound.output_kind[bound.outputs] = (sheaf_kind){.type = op->outputs[bound.outputs].type};
    bound.state_size = (op->state_size + 15) & ~(size_t)15;
    return bound;
}

struct sheaf_aggregate aggregate_of(struct sheaf_bound *bound, size_t count)
{
    struct sheaf_aggregate aggregate = {.bound = bound, .count = count};

    for (size_t i = 0; i < count; i++) {
        bound[i].state_offset = aggregate.stride;
        aggregate.stride += bound[i].state_size;
    }
    return aggregate;
}
