/* binding.c - columns, options, tables and rows meet as the headers say */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "operator/bind.h"
#include "operator/call.h"
#include "operator/contract.h"
#include "operator/describe.h"
#include "operator/plugin.h"
#include "operator/rows.h"
#include "unit.h"

/* -- kinds ----------------------------------------------------------------------------------- */

enum { NO = -1 };

/* What an input of type `wanted` sees of a column; NO: refused. */
static const struct {
    sheaf_type wanted, have;
    int sees;
} table[] = {
    {SHEAF_NUMBER, SHEAF_I64, SHEAF_I64},
    {SHEAF_NUMBER, SHEAF_U8, SHEAF_I64},
    {SHEAF_NUMBER, SHEAF_F32, SHEAF_F64},
    {SHEAF_NUMBER, SHEAF_DECIMAL, SHEAF_DECIMAL},
    {SHEAF_NUMBER, SHEAF_TEXT, NO},
    {SHEAF_NUMBER, SHEAF_DATE, NO},
    {SHEAF_NUMBER, SHEAF_BOOL, NO},
    {SHEAF_NUMBER, SHEAF_BYTES, NO},
    {SHEAF_ANY, SHEAF_I16, SHEAF_I64},
    {SHEAF_ANY, SHEAF_F32, SHEAF_F64},
    {SHEAF_ANY, SHEAF_DATE, SHEAF_DATE},
    {SHEAF_ANY, SHEAF_TEXT, SHEAF_TEXT},
    {SHEAF_ANY, SHEAF_BYTES, SHEAF_BYTES},
    {SHEAF_ANY, SHEAF_BOOL, SHEAF_BOOL},
    {SHEAF_ANY, SHEAF_NONE, NO},
    {SHEAF_ANY, SHEAF_WIDE, NO},
    {SHEAF_F64, SHEAF_DECIMAL, SHEAF_F64},
    {SHEAF_F64, SHEAF_I64, SHEAF_F64},
    {SHEAF_F64, SHEAF_F32, SHEAF_F64},
    {SHEAF_F64, SHEAF_TEXT, NO},
    {SHEAF_I64, SHEAF_I8, SHEAF_I64},
    {SHEAF_I64, SHEAF_U64, SHEAF_I64},
    {SHEAF_I64, SHEAF_DECIMAL, NO},
    {SHEAF_I64, SHEAF_F64, NO},
    {SHEAF_I32, SHEAF_I16, SHEAF_I32},
    {SHEAF_I32, SHEAF_U16, SHEAF_I32},
    {SHEAF_I32, SHEAF_U32, NO},
    {SHEAF_I32, SHEAF_I64, NO},
    {SHEAF_U16, SHEAF_U8, SHEAF_U16},
    {SHEAF_U16, SHEAF_I8, NO},
    {SHEAF_DECIMAL, SHEAF_I64, SHEAF_DECIMAL},
    {SHEAF_DECIMAL, SHEAF_F64, NO},
    {SHEAF_TEXT, SHEAF_I64, SHEAF_TEXT},
    {SHEAF_TEXT, SHEAF_TIME, SHEAF_TEXT},
    {SHEAF_TEXT, SHEAF_I32, NO},
    {SHEAF_BYTES, SHEAF_TEXT, SHEAF_BYTES},
    {SHEAF_DATE, SHEAF_DATE, SHEAF_DATE},
    {SHEAF_DATE, SHEAF_TIME, NO},
    {SHEAF_TIME, SHEAF_DATE, NO},
    {SHEAF_BOOL, SHEAF_I64, NO},
    {SHEAF_F32, SHEAF_F32, SHEAF_F32},
    {SHEAF_F32, SHEAF_F64, NO},
};

static void inputs_take_what_loses_nothing(void)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        sheaf_input input = {"x", table[i].wanted};
        sheaf_kind kind = {SHEAF_NONE, 0};
        sheaf_status status =
            sheaf_bind_kind("op", &input, "c", (sheaf_kind){table[i].have, 0}, &kind, NULL);
        int sees = status == SHEAF_OK ? (int)kind.type : NO;

        if (sees != table[i].sees)
            printf("\n%s of %s\n", sheaf_type_name(table[i].wanted),
                   sheaf_type_name(table[i].have));
        CU_ASSERT_EQUAL(sees, table[i].sees);
    }
}

static void scales_go_with_their_types(void)
{
    sheaf_input number = {"x", SHEAF_NUMBER}, exact = {"x", SHEAF_F64}, any = {"x", SHEAF_ANY};
    sheaf_kind kind;

    CU_ASSERT_EQUAL(sheaf_bind_kind("o", &number, "c", (sheaf_kind){SHEAF_DECIMAL, 3}, &kind, NULL),
                    SHEAF_OK);
    CU_ASSERT_EQUAL(kind.scale, 3);
    CU_ASSERT_EQUAL(sheaf_bind_kind("o", &exact, "c", (sheaf_kind){SHEAF_DECIMAL, 3}, &kind, NULL),
                    SHEAF_OK);
    CU_ASSERT_EQUAL(kind.scale, 0);
    CU_ASSERT_EQUAL(sheaf_bind_kind("o", &any, "c", (sheaf_kind){SHEAF_TIME, 1}, &kind, NULL),
                    SHEAF_OK);
    CU_ASSERT_EQUAL(kind.scale, 1);
}

static void a_refused_column_is_named_with_a_remedy(void)
{
    sheaf_input input = {"value", SHEAF_NUMBER};
    sheaf_error error = {0};
    sheaf_kind kind;

    CU_ASSERT_EQUAL(
        sheaf_bind_kind("mean", &input, "station", (sheaf_kind){SHEAF_TEXT, 0}, &kind, &error),
        SHEAF_BAD_ARGUMENT);
    CU_ASSERT_STRING_EQUAL(error.message, "mean: input \"value\" wants a number, but column "
                                          "\"station\" is text (E223)");
    CU_ASSERT_STRING_EQUAL(error.help, "Read another column: --bind value=COLUMN\n"
                                       "Or say what the column holds: --schema 'station:f64'");
    CU_ASSERT_EQUAL(error.code, 223);
}

static void outputs_follow_the_first_input(void)
{
    sheaf_operator op = {
        .inputs = {{"x", SHEAF_ANY}},
        .outputs = {{"same", SHEAF_SAME, 0, 0}, {"sum", SHEAF_WIDE, 0, 0}, {"n", SHEAF_I64, 0, 0}}};
    struct sheaf_bound bound = {.op = &op, .inputs = 1};
    static const struct {
        sheaf_kind in, same, sum;
    } cases[] = {
        {{SHEAF_I64, 0}, {SHEAF_I64, 0}, {SHEAF_WIDE, 0}},
        {{SHEAF_DECIMAL, 4}, {SHEAF_DECIMAL, 4}, {SHEAF_WIDE, 4}},
        {{SHEAF_F64, 0}, {SHEAF_F64, 0}, {SHEAF_F64, 0}},
        {{SHEAF_TIME, 1}, {SHEAF_TIME, 1}, {SHEAF_WIDE, 0}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bound.input_kind[0] = cases[i].in;
        sheaf_bind_outputs(&bound);
        CU_ASSERT_EQUAL(bound.outputs, 3);
        CU_ASSERT(memcmp(&bound.output_kind[0], &cases[i].same, sizeof(sheaf_kind)) == 0);
        CU_ASSERT(memcmp(&bound.output_kind[1], &cases[i].sum, sizeof(sheaf_kind)) == 0);
        CU_ASSERT_EQUAL(bound.output_kind[2].type, SHEAF_I64);
    }
}

static void states_lie_side_by_side(void)
{
    struct sheaf_aggregate aggregate = {.count = 3};
    static const size_t sizes[] = {1, 40, 16};

    UNIT_OK(sheaf_allocate(&aggregate.bound, 3, sizeof *aggregate.bound, NULL),
            (sheaf_error *)NULL);
    for (int i = 0; i < 3; i++)
        aggregate.bound[i].state_size = sizes[i];
    sheaf_aggregate_layout(&aggregate);
    CU_ASSERT_EQUAL(aggregate.bound[0].state_offset, 0);
    CU_ASSERT_EQUAL(aggregate.bound[1].state_offset, 16);
    CU_ASSERT_EQUAL(aggregate.bound[2].state_offset, 64);
    CU_ASSERT_EQUAL(aggregate.stride, 80);
    sheaf_aggregate_free(&aggregate);
}

/* -- options --------------------------------------------------------------------------------- */

struct options {
    bool loud;
    int32_t bins;
    int64_t many;
    float rough;
    double low;
    const char *label;
};

static const sheaf_operator optional = {
    .options = {SHEAF_OPTION(struct options, loud, "no", "say more"),
                SHEAF_OPTION(struct options, bins, "10", "how many"),
                SHEAF_OPTION(struct options, many, "-1", "more of them"),
                SHEAF_OPTION(struct options, rough, "0.5", "about"),
                SHEAF_OPTION(struct options, low, NULL, "where it begins"),
                SHEAF_OPTION(struct options, label, "none", "what to call it")},
    .options_size = sizeof(struct options),
};

static void options_have_values_or_standards(void)
{
    struct options *options = NULL;
    sheaf_error error = {0};

    UNIT_OK(sheaf_bind_options("o", &optional, "low=-1.5e3,loud=yes", (void **)&options, &error),
            &error);
    CU_ASSERT(options->loud && options->bins == 10 && options->many == -1);
    CU_ASSERT(options->rough == 0.5f && options->low == -1500);
    CU_ASSERT_STRING_EQUAL(options->label, "none");
    free(options);
    UNIT_OK(sheaf_bind_options(
                "o", &optional,
                "label=\"a, \"\"b\"\"=c\",low=0,bins=-2147483648,many=9223372036854775807",
                (void **)&options, &error),
            &error);
    CU_ASSERT_STRING_EQUAL(options->label, "a, \"b\"=c");
    CU_ASSERT(options->bins == INT32_MIN && options->many == INT64_MAX);
    free(options);
    UNIT_OK(sheaf_bind_options("o", &optional, "low=1,label=", (void **)&options, &error), &error);
    CU_ASSERT_STRING_EQUAL(options->label, "");
    free(options);
}

static void wrong_options_are_refused_with_what_exists(void)
{
    static const struct {
        const char *set, *message;
    } cases[] = {
        {"", "option low must be set"},
        {"low=x", "option low wants a value of type f64, got \"x\""},
        {"low=", "wants a value of type f64"},
        {"low=1,bins=1.5", "option bins wants a value of type i32"},
        {"low=1,bins=2147483648", "option bins wants a value of type i32"},
        {"low=1,loud=maybe", "type bool"},
        {"low=1,high=2", "no option \"high\""},
        {"low", "expected option=value, got \"low\""},
        {"low=1,,", "expected option=value"},
        {"low=1,low=2", "set twice"},
        {"low=1,label=\"x", "expected option=value"},
        {"low=1,label=\"x\"y", "expected option=value"},
        {"=3", "no option \"\""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sheaf_error error = {0};
        void *options = &error;

        CU_ASSERT_EQUAL(sheaf_bind_options("o", &optional, cases[i].set, &options, &error),
                        SHEAF_BAD_ARGUMENT);
        if (!strstr(error.message, cases[i].message))
            printf("\n%s -> %s\n", cases[i].set, error.message);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, cases[i].message));
        CU_ASSERT(error.help[0] != '\0' && error.code == 222);
        CU_ASSERT_PTR_NULL(options);
    }
    static const sheaf_operator none = {0};
    sheaf_error error = {0};
    void *options = NULL;
    CU_ASSERT_EQUAL(sheaf_bind_options("o", &none, "a=1", &options, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_STRING_EQUAL(error.help, "It has no options.");
    UNIT_OK(sheaf_bind_options("o", &none, NULL, &options, &error), &error);
    CU_ASSERT_PTR_NULL(options);
}

/* -- tables ---------------------------------------------------------------------------------- */

static void no_fold(void *state, const sheaf_batch *batch)
{
    (void)state, (void)batch;
}

static void no_combine(void *state, const void *later)
{
    (void)state, (void)later;
}

static void no_combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    (void)state, (void)later, (void)with;
}

static void no_map(sheaf_rows *rows, const sheaf_batch *batch)
{
    (void)rows, (void)batch;
}

static const sheaf_operator good = {
    .about = "fine",
    .inputs = {{"x", SHEAF_F64}, {"y", SHEAF_TEXT}},
    .outputs = {{"n", SHEAF_I64, 0, 0}, {"t", SHEAF_TEXT, 8, 1}},
    .options = {{"k", SHEAF_I64, 0, "1", "a number"}},
    .options_size = 8,
    .state_size = 24,
    .fold = no_fold,
    .combine = no_combine,
};

static void spoil(int which, sheaf_operator *op)
{
    switch (which) {
    case 0:
        op->about = NULL;
        break;
    case 1:
        op->fold = NULL;
        break;
    case 2:
        op->combine = NULL;
        break;
    case 3:
        op->combine_with = no_combine_with;
        break;
    case 4:
        op->state_size = 0;
        break;
    case 5:
        op->state_size = 23;
        break;
    case 6:
        op->inputs[1].name = "x";
        break;
    case 7:
        op->inputs[0].type = SHEAF_NONE;
        break;
    case 8:
        op->inputs[0].type = SHEAF_SAME;
        break;
    case 9:
        op->outputs[1].name = "n";
        break;
    case 10:
        op->outputs[0].name = NULL;
        break;
    case 11:
        op->outputs[0].type = SHEAF_ANY;
        break;
    case 12:
        op->outputs[1].present = 18;
        break;
    case 13:
        op->options[0].about = NULL;
        break;
    case 14:
        op->options_size = 7;
        break;
    case 15:
        op->options[0].type = SHEAF_DATE;
        break;
    case 16:
        op->options[0].name = "a=b";
        break;
    case 17:
        op->map = no_map;
        break;
    case 18:
        op->inputs[0].name = "a\nb";
        break;
    case 19:
        op->outputs[0].offset = SIZE_MAX - 3;
        break;
    case 20:
        op->inputs[0].name = NULL;
        op->outputs[0].type = SHEAF_SAME;
        break;
    case 21:
        op->state_size = SIZE_MAX;
        break;
    default:
        break;
    }
}

static const char *const complaints[] = {
    "has no description",
    "has no .fold",
    "has no .combine",
    "both .combine and .combine_with",
    "state has no bytes",
    "bytes 8 to 24 of a state of 23",
    "two inputs are called \"x\"",
    "input \"x\" has no type",
    "a type that no column has",
    "two outputs are called \"n\"",
    "has no outputs",
    "output \"n\" has a type",
    "whether output \"t\" is missing",
    "option \"k\" has no description",
    "outside the 7 bytes of options",
    "a type that options can not have",
    "the name of option 0",
    "has .map and other functions",
    "the name of input 0",
    "output \"n\" lies at",
    "output \"n\" has a type",
    "larger than 1 GiB",
};

static void each_mistake_in_a_table_is_told_with_what_to_write(void)
{
    sheaf_error error = {0};

    UNIT_OK(sheaf_contract_check("o", &good, &error), &error);
    for (int i = 0; i < (int)(sizeof complaints / sizeof complaints[0]); i++) {
        sheaf_operator op = good;

        spoil(i, &op);
        CU_ASSERT_EQUAL(sheaf_contract_check("o", &op, &error), SHEAF_BAD_OPERATOR);
        if (!strstr(error.message, complaints[i]))
            printf("\ncase %d: %s\n", i, error.message);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, complaints[i]));
        CU_ASSERT(error.help[0] != '\0' && error.code == 706);
    }
    sheaf_operator map = {.about = "m", .map = no_map, .outputs = {{"d", SHEAF_DATE, 0, 0}}};
    CU_ASSERT_EQUAL(sheaf_contract_check("m", &map, &error), SHEAF_BAD_OPERATOR);
    map.outputs[0].type = SHEAF_TEXT;
    UNIT_OK(sheaf_contract_check("m", &map, &error), &error);
    CU_ASSERT_EQUAL(sheaf_contract_check("", &good, &error), SHEAF_BAD_OPERATOR);
}

static void flat_tables_come_back_as_they_were(void)
{
    for (const struct sheaf_builtin *at = sheaf_builtins; at->name; at++) {
        struct sheaf_string flat = {0}, again = {0};
        struct sheaf_described described;

        sheaf_table_flatten(at->op, &flat);
        CU_ASSERT_TRUE_FATAL(sheaf_table_unflatten(flat.bytes, flat.size, &described));
        sheaf_table_flatten(&described.op, &again);
        CU_ASSERT(flat.size == again.size && memcmp(flat.bytes, again.bytes, flat.size) == 0);
        CU_ASSERT_STRING_EQUAL(described.op.about, at->op->about);
        CU_ASSERT_EQUAL(!described.op.fold, !at->op->fold);
        free(described.texts);
        sheaf_string_free(&flat);
        sheaf_string_free(&again);
    }
}

static void hostile_flat_tables_are_refused_or_harmless(void)
{
    struct unit_random random = {9};
    struct sheaf_string flat = {0};
    struct sheaf_described described;

    sheaf_table_flatten(sheaf_builtins[9].op, &flat);
    for (size_t size = 0; size <= flat.size; size++) {
        char *cut = malloc(size + !size);

        memcpy(cut, flat.bytes, size);
        CU_ASSERT_EQUAL(sheaf_table_unflatten(cut, size, &described), size == flat.size);
        free(described.texts);
        free(cut);
    }
    for (int round = 0; round < 20000; round++) {
        char *copy = malloc(flat.size);

        memcpy(copy, flat.bytes, flat.size);
        for (unsigned i = 0, n = 1 + unit_random_below(&random, 3); i < n; i++)
            copy[unit_random_below(&random, (unsigned)flat.size)] =
                (char)(unit_random_below(&random, 3) ? unit_random_below(&random, 256) : 255);
        if (sheaf_table_unflatten(copy, flat.size, &described)) {
            sheaf_error error;
            if (sheaf_contract_check("o", &described.op, &error) != SHEAF_OK)
                CU_ASSERT_EQUAL_FATAL(error.status, SHEAF_BAD_OPERATOR);
            free(described.texts);
        }
        free(copy);
    }
    sheaf_string_free(&flat);
}

/* -- rows ------------------------------------------------------------------------------------ */

static void rows_grow_and_are_viewed_again_and_again(void)
{
    static const sheaf_kind kinds[] = {
        {SHEAF_TEXT, 0}, {SHEAF_I64, 0}, {SHEAF_F64, 0}, {SHEAF_BOOL, 0}};
    const sheaf_column *columns;
    sheaf_rows *rows = NULL;
    sheaf_error error = {0};
    char text[30];
    size_t count;

    UNIT_OK(sheaf_rows_open(kinds, 4, &rows, &error), &error);
    for (int round = 0; round < 2; round++) {
        sheaf_rows_clear(rows);
        for (size_t row = 0; row < 3000; row++) {
            snprintf(text, sizeof text, "text %zu", row);
            if (row % 5 == 0)
                sheaf_append_missing(rows, 0);
            else
                sheaf_append_text(rows, 0, text, row % 7 ? strlen(text) : 0);
            sheaf_append_i64(rows, 1, (int64_t)row);
            sheaf_append_f64(rows, 2, (double)row / 2);
            sheaf_append_bool(rows, 3, row & 1);
            if (row % 1000 == 7)
                UNIT_OK(sheaf_rows_view(rows, &count, &columns, &error), &error);
        }
        UNIT_OK(sheaf_rows_view(rows, &count, &columns, &error), &error);
        CU_ASSERT_EQUAL(count, 3000);
        for (size_t row = 0; row < count; row++) {
            snprintf(text, sizeof text, "text %zu", row);
            size_t size = row % 5 && row % 7 ? strlen(text) : 0;
            CU_ASSERT_EQUAL(sheaf_present(&columns[0], row), row % 5 != 0);
            CU_ASSERT_EQUAL(columns[0].text[row].size, size);
            CU_ASSERT(memcmp(columns[0].text[row].bytes, text, size) == 0);
            CU_ASSERT(columns[1].i64[row] == (int64_t)row &&
                      columns[2].f64[row] == (double)row / 2);
            CU_ASSERT_EQUAL(columns[3].boolean[row], row & 1);
        }
        CU_ASSERT_PTR_NULL(columns[1].present);
    }
    sheaf_rows_close(rows);
}

static void mistakes_with_rows_are_told_at_the_end(void)
{
    static const sheaf_kind kinds[] = {{SHEAF_TEXT, 0}, {SHEAF_I64, 0}};
    static const sheaf_kind date = {SHEAF_DATE, 0};
    const sheaf_column *columns;
    sheaf_rows *rows = NULL;
    sheaf_error error = {0};
    size_t count;

    CU_ASSERT_EQUAL(sheaf_rows_open(&date, 1, &rows, &error), SHEAF_BAD_OPERATOR);
    UNIT_OK(sheaf_rows_open(kinds, 2, &rows, &error), &error);
    sheaf_append_text(rows, 0, "a", 1);
    CU_ASSERT_EQUAL(sheaf_rows_view(rows, &count, &columns, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "output 1 0 values, but output 0 has 1"));
    sheaf_append_f64(rows, 1, 1.5);
    CU_ASSERT_EQUAL(sheaf_rows_view(rows, &count, &columns, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "type f64 to output 1, which is i64"));
    sheaf_rows_clear(rows);
    sheaf_append_text(rows, 5, "a", 1);
    CU_ASSERT_EQUAL(sheaf_rows_view(rows, &count, &columns, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "column 5"));
    sheaf_rows_clear(rows);
    UNIT_OK(sheaf_rows_view(rows, &count, &columns, &error), &error);
    CU_ASSERT_EQUAL(count, 0);
    sheaf_rows_close(rows);
}

static void only_the_first_refusal_counts(void)
{
    struct sheaf_invocation call = {.operator_name = "o"};
    sheaf_batch batch = {.rows = 9, .call = &call};

    sheaf_fail(&batch, 4, "not %s", "this");
    sheaf_fail(&batch, 2, "nor this");
    CU_ASSERT(call.failed && call.row == 4);
    CU_ASSERT_STRING_EQUAL(call.message, "not this");
    batch.call = NULL;
    sheaf_fail(&batch, 1, "nobody listens");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(inputs_take_what_loses_nothing),
        UNIT(scales_go_with_their_types),
        UNIT(a_refused_column_is_named_with_a_remedy),
        UNIT(outputs_follow_the_first_input),
        UNIT(states_lie_side_by_side),
        UNIT(options_have_values_or_standards),
        UNIT(wrong_options_are_refused_with_what_exists),
        UNIT(each_mistake_in_a_table_is_told_with_what_to_write),
        UNIT(flat_tables_come_back_as_they_were),
        UNIT(hostile_flat_tables_are_refused_or_harmless),
        UNIT(rows_grow_and_are_viewed_again_and_again),
        UNIT(mistakes_with_rows_are_told_at_the_end),
        UNIT(only_the_first_refusal_counts),
        {0},
    };

    return unit_run("operator binding", tests);
}
