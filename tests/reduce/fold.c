/* fold.c - what operators are shown, and what becomes of their refusals and their hunger */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "operators.h"

enum { ROWS = 1000 };

static int64_t key_values[ROWS], values[ROWS], others[ROWS];
static uint64_t present[ROWS / 64 + 1], other_present[ROWS / 64 + 1];
static const sheaf_kind i64_key = {.type = SHEAF_I64};

/* Keys 0..6 in turn, values 0, 1, 2 ..., all there. */
static void fill(void)
{
    for (int64_t row = 0; row < ROWS; row++) {
        key_values[row] = row % 7;
        values[row] = row;
        others[row] = 1;
    }
    memset(present, 0xFF, sizeof present);
    memset(other_present, 0xFF, sizeof other_present);
}

static void clear_bit(uint64_t *bits, size_t row)
{
    bits[row / 64] &= ~(1ull << (row % 64));
}

static sheaf_status fold_with(const sheaf_operator *op, size_t keys, size_t limit, size_t rows,
                              struct sheaf_string *flat, sheaf_error *error)
{
    struct sheaf_bound bound[1] = {bind(op, "op", 0, 1)};
    struct sheaf_aggregate aggregate = aggregate_of(bound, 1);
    struct sheaf_table_plan plan = {
        .key_kinds = &i64_key, .keys = keys, .aggregate = &aggregate, .memory_limit = limit};
    sheaf_column key = {.type = SHEAF_I64, .i64 = key_values};
    sheaf_column frame[2] = {{.type = SHEAF_I64, .i64 = values, .present = present},
                             {.type = SHEAF_I64, .i64 = others, .present = other_present}};
    struct sheaf_table *table = NULL;
    sheaf_status status = sheaf_table_open(&plan, &table, error);

    if (status == SHEAF_OK)
        status = sheaf_table_fold(table, &key, frame, rows, error);
    if (status == SHEAF_OK && flat)
        status = sheaf_table_answer(table, flat, error);
    sheaf_table_close(table);
    return status;
}

static void refused_row_is_named_where_it_was(void)
{
    for (size_t keys = 0; keys < 2; keys++)
        for (size_t bad = 5; bad < ROWS; bad += 331)
            for (size_t hole = 1; hole < ROWS; hole += 400) {
                sheaf_error error;

                fill();
                clear_bit(present, 0);
                if (hole != bad)
                    clear_bit(present, hole);
                values[bad] = -1;
                CU_ASSERT_EQUAL(fold_with(&refuse_op, keys, 0, ROWS, NULL, &error), SHEAF_REFUSED);
                CU_ASSERT_EQUAL(error.row, (int64_t)bad);
                CU_ASSERT_EQUAL(error.code, 501);
                CU_ASSERT_STRING_EQUAL(error.message, "op: no such value: -1 (E501)");
            }
}

static void earliest_refusal_is_told_whatever_its_key(void)
{
    sheaf_error error;

    fill();
    values[8] = -8; /* key 1 is folded before key 3 */
    values[3] = -3;
    CU_ASSERT_EQUAL(fold_with(&refuse_op, 1, 0, ROWS, NULL, &error), SHEAF_REFUSED);
    CU_ASSERT_EQUAL(error.row, 3);
    CU_ASSERT_STRING_EQUAL(error.message, "op: no such value: -3 (E501)");
}

static void missing_row_is_not_refused(void)
{
    sheaf_error error;

    fill();
    values[10] = -1;
    clear_bit(present, 10);
    UNIT_OK(fold_with(&refuse_op, 1, 0, ROWS, NULL, &error), &error);
}

static void rows_missing_in_either_input_are_left_out(void)
{
    struct sheaf_string flat = {0};
    sheaf_column *columns = NULL;
    size_t count, rows;
    sheaf_error error;
    int64_t sum = 0;

    fill();
    clear_bit(present, 3);
    clear_bit(other_present, 999);
    for (int64_t row = 0; row < ROWS; row++)
        sum += row == 3 || row == 999 ? 0 : row;
    UNIT_OK(fold_with(&pair_op, 0, 0, ROWS, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL(count, 3);
    CU_ASSERT_EQUAL(columns[0].i64[0], sum);
    CU_ASSERT_EQUAL(columns[1].i64[0], ROWS - 2);
    free(columns);
    sheaf_string_free(&flat);
}

static void key_with_nothing_to_fold_has_a_state_all_the_same(void)
{
    struct sheaf_string flat = {0};
    sheaf_column *columns = NULL;
    size_t count, rows = 0;
    sheaf_error error;

    fill();
    memset(present, 0, sizeof present);
    UNIT_OK(fold_with(&sum_op, 1, 0, ROWS, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL(rows, 7);
    CU_ASSERT_EQUAL(columns[2].i64[6], 1000); /* as begin left it */
    free(columns);
    sheaf_string_free(&flat);
}

static void refused_memory_ends_the_fold_with_a_message(void)
{
    sheaf_error error;

    fill();
    for (size_t keys = 0; keys < 2; keys++) {
        CU_ASSERT_EQUAL(fold_with(&greedy_op, keys, 0, ROWS, NULL, &error), SHEAF_NO_MEMORY);
        CU_ASSERT_EQUAL(fold_with(&greedy_op, keys, 1 << 20, ROWS, NULL, &error), SHEAF_LIMIT);
        CU_ASSERT_EQUAL(error.code, 601);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "--memory"));
    }
}

static void table_stays_within_its_limit_or_says_so(void)
{
    size_t least = 0;
    sheaf_error error;

    fill();
    for (size_t row = 0; row < ROWS; row++)
        key_values[row] = (int64_t)(row * row * row * 1001);
    for (size_t limit = 1000; limit < 1 << 20; limit += limit / 4) {
        sheaf_status status = fold_with(&list_op, 1, limit, ROWS, NULL, &error);

        CU_ASSERT(status == SHEAF_LIMIT || (status == SHEAF_OK && limit > 60000));
        if (status == SHEAF_OK && !least)
            least = limit;
        CU_ASSERT(!least || status == SHEAF_OK);
    }
    CU_ASSERT(least > 0);
}

static void outputs_are_missing_by_their_rules(void)
{
    struct sheaf_string flat = {0};
    sheaf_column *columns = NULL;
    size_t count = 0, rows;
    sheaf_error error;

    fill();
    UNIT_OK(fold_with(&odd_op, 0, 0, ROWS, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL_FATAL(count, 5);
    CU_ASSERT(!sheaf_present(&columns[0], 0)); /* NaN, and no member to say it is there */
    CU_ASSERT_EQUAL(columns[0].i64[0], 0);
    CU_ASSERT(!sheaf_present(&columns[1], 0)); /* its count is 0 */
    CU_ASSERT(sheaf_present(&columns[2], 0));  /* NaN that is there */
    CU_ASSERT(isnan(columns[2].f64[0]));
    CU_ASSERT(sheaf_present(&columns[3], 0) && columns[3].boolean[0] == 1);
    free(columns);
    sheaf_string_free(&flat);
}

static void answer_in_rows_repeats_the_key(void)
{
    struct sheaf_string flat = {0};
    sheaf_column *columns = NULL;
    size_t count = 0, rows = 0, at = 0;
    sheaf_error error;

    fill();
    UNIT_OK(fold_with(&rows_op, 1, 0, 30, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL_FATAL(count, 4);
    CU_ASSERT_EQUAL_FATAL(rows, 30);
    for (int64_t key = 0; key < 7; key++)
        for (int64_t value = key, index = 0; value < 30; value += 7, index++, at++) {
            char word[8];
            int size = snprintf(word, sizeof word, "%d", (int)value);

            CU_ASSERT_EQUAL(columns[0].i64[at], key);
            CU_ASSERT_EQUAL(sheaf_present(&columns[1], at), index != 4);
            CU_ASSERT_EQUAL(columns[1].i64[at], index == 4 ? 0 : index);
            CU_ASSERT_EQUAL(columns[2].text[at].size, (uint32_t)size);
            CU_ASSERT_EQUAL(memcmp(columns[2].text[at].bytes, word, (size_t)size), 0);
            CU_ASSERT_EQUAL(columns[3].i64[at], key);
        }
    free(columns);
    sheaf_string_clear(&flat);
    UNIT_OK(fold_with(&rows_op, 1, 0, 0, &flat, &error), &error); /* no keys at all */
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL(count, 4);
    CU_ASSERT_EQUAL(rows, 0);
    free(columns);
    sheaf_string_free(&flat);
}

static void what_can_not_be_asked_is_refused(void)
{
    sheaf_kind wide = {.type = SHEAF_WIDE};
    struct sheaf_bound bound[2] = {bind(&rows_op, "rows", 0, 0), bind(&count_op, "count", 0, 0)};
    struct sheaf_aggregate aggregate = aggregate_of(bound, 2);
    struct sheaf_table_plan plan = {.key_kinds = &i64_key, .keys = 1, .aggregate = &aggregate};
    struct sheaf_table *table = NULL;
    sheaf_error error;

    CU_ASSERT_EQUAL(sheaf_table_open(&plan, &table, &error), SHEAF_BAD_ARGUMENT);
    aggregate.count = 1;
    plan.key_kinds = &wide;
    CU_ASSERT_EQUAL(sheaf_table_open(&plan, &table, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_PTR_NULL(table);
}

static void keys_alone_are_an_answer_too(void)
{
    struct sheaf_aggregate none = {.count = 0};
    struct sheaf_table_plan plan = {.key_kinds = &i64_key, .keys = 1, .aggregate = &none};
    sheaf_column key = {.type = SHEAF_I64, .i64 = key_values}, *columns = NULL;
    struct sheaf_table *table = NULL;
    struct sheaf_string flat = {0};
    size_t count = 0, rows = 0;
    sheaf_error error;

    fill();
    UNIT_OK(sheaf_table_open(&plan, &table, &error), &error);
    UNIT_OK(sheaf_table_fold(table, &key, NULL, ROWS, &error), &error);
    UNIT_OK(sheaf_table_answer(table, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(rows, 7);
    free(columns);
    sheaf_string_free(&flat);
    sheaf_table_close(table);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(refused_row_is_named_where_it_was),
        UNIT(earliest_refusal_is_told_whatever_its_key),
        UNIT(missing_row_is_not_refused),
        UNIT(rows_missing_in_either_input_are_left_out),
        UNIT(key_with_nothing_to_fold_has_a_state_all_the_same),
        UNIT(refused_memory_ends_the_fold_with_a_message),
        UNIT(table_stays_within_its_limit_or_says_so),
        UNIT(outputs_are_missing_by_their_rules),
        UNIT(answer_in_rows_repeats_the_key),
        UNIT(what_can_not_be_asked_is_refused),
        UNIT(keys_alone_are_an_answer_too),
        {0},
    };
    return unit_run("reduce_fold", tests);
}
