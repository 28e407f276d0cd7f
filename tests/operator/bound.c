/* bound.c - operators bound and run in a test: see bound.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "bound.h"
#include "column/format.h"

const sheaf_operator *bound_builtin(const char *name)
{
    for (const struct sheaf_builtin *at = sheaf_builtins; at->name; at++)
        if (strcmp(at->name, name) == 0)
            return at->op;
    CU_FAIL("no such built-in");
    return NULL;
}

struct sheaf_bound bound_to(const sheaf_operator *op, const char *name, sheaf_kind kind,
                            const char *set)
{
    struct sheaf_bound bound = {.op = op, .name = name};
    sheaf_error error = {0};

    UNIT_OK(sheaf_bind_options(name, op, set, &bound.options, &error), &error);
    if (op->inputs[0].name) {
        bound.inputs = 1;
        UNIT_OK(sheaf_bind_kind(name, &op->inputs[0], "x", kind, &bound.input_kind[0], &error),
                &error);
    }
    if (!op->map)
        UNIT_OK(sheaf_bind_state(&bound, op->measure ? op->measure(bound.options) : op->state_size,
                                 &error),
                &error);
    sheaf_bind_outputs(&bound);
    return bound;
}

void bound_free(struct sheaf_bound *bound)
{
    free(bound->options);
}

/* -- data ------------------------------------------------------------------------------------ */

static int64_t some_integer(struct unit_random *random)
{
    switch (unit_random_below(random, 8)) {
    case 0:
        return INT64_MIN;
    case 1:
        return INT64_MAX;
    case 2:
        return (int64_t)unit_random_next(random);
    default:
        return (int64_t)unit_random_below(random, 2000) - 1000;
    }
}

static double some_double(struct unit_random *random, bool special)
{
    unsigned choice = unit_random_below(random, special ? 40 : 32);

    if (choice == 39)
        return (double)NAN;
    if (choice == 38)
        return INFINITY;
    if (choice == 37)
        return -INFINITY;
    if (choice == 36)
        return -0.0;
    if (choice > 30)
        return ldexp((double)unit_random_next(random), (int)unit_random_below(random, 1900) - 1080);
    if (choice > 20)
        return ((double)unit_random_next(random) - 0x1p63) * 0x1p-40;
    return ((double)unit_random_below(random, 2000) - 1000) / 10;
}

/* The texts of a column lie in one piece, each of 0 to 39 bytes. */
static void make_texts(struct data *data, struct unit_random *random)
{
    sheaf_text *texts = data->values;

    data->texts = malloc(40 * data->rows + 1);
    for (size_t row = 0; row < data->rows; row++) {
        char *text = data->texts + 40 * row;
        unsigned size = unit_random_below(random, 6) ? unit_random_below(random, 4)
                                                     : unit_random_below(random, 40);
        for (unsigned i = 0; i < size; i++)
            text[i] = "abz\xC3\xA9\0, "[unit_random_below(random, 8)];
        texts[row] = (sheaf_text){text, size, 0};
    }
}

struct data data_make(sheaf_kind kind, size_t rows, unsigned missing, struct unit_random *random)
{
    struct data data = {.column = {.type = kind.type, .scale = kind.scale}, .rows = rows};
    bool special = unit_random_below(random, 2);
    char *values = calloc(rows + 8, 16);

    data.values = values;
    if (kind.type == SHEAF_TEXT)
        make_texts(&data, random);
    for (size_t row = 0; row < rows; row++) {
        if (kind.type == SHEAF_BOOL)
            ((uint8_t *)data.values)[row] = (uint8_t)unit_random_below(random, 2);
        else if (kind.type == SHEAF_DATE)
            ((int32_t *)data.values)[row] = (int32_t)unit_random_below(random, 40000) - 20000;
        else if (kind.type == SHEAF_F64)
            ((double *)data.values)[row] = some_double(random, special);
        else if (kind.type != SHEAF_TEXT)
            ((int64_t *)data.values)[row] = some_integer(random);
    }
    data.column.values = values;
    if (missing) {
        size_t size = sheaf_type_size(kind.type);

        data.present = calloc(rows / 64 + 1, 8);
        for (size_t row = 0; row < rows; row++)
            if (unit_random_below(random, missing))
                data.present[row / 64] |= UINT64_C(1) << (row % 64);
            else
                memset(values + row * size, 0, size);
        data.column.present = data.present;
    }
    return data;
}

void data_free(struct data *data)
{
    free(data->values);
    free(data->present);
    free(data->texts);
}

/* -- answers --------------------------------------------------------------------------------- */

static void print_rows(sheaf_rows *rows, const struct sheaf_bound *bound, struct sheaf_string *text)
{
    const sheaf_column *columns;
    sheaf_error error = {0};
    size_t count = 0;

    UNIT_OK(sheaf_rows_view(rows, &count, &columns, &error), &error);
    for (size_t row = 0; row < count; row++) {
        if (row > 0)
            sheaf_string_append(text, "\n");
        for (uint32_t i = 0; i < bound->outputs; i++) {
            sheaf_string_append_format(text, "%s%s=", i ? " " : "", bound->op->outputs[i].name);
            if (columns[i].type == SHEAF_F64 && isnan(columns[i].f64[row]))
                continue; /* missing */
            sheaf_format_append(text, &columns[i], row);
        }
    }
}

const char *bound_answer(const char *name, const char *set, const struct data *data)
{
    static char buffer[4000];
    struct sheaf_bound bound = bound_to(bound_builtin(name), name,
                                        (sheaf_kind){data->column.type, data->column.scale}, set);
    sheaf_batch batch = {.rows = data->rows, .columns = &data->column};
    struct sheaf_string text = {0};
    struct sheaf_states states = {0};
    struct sheaf_trial trial;
    sheaf_rows *rows = NULL;
    sheaf_error error = {0};

    UNIT_OK(sheaf_trial_open(&bound, &batch, 1, &trial, &error), &error);
    UNIT_OK(sheaf_trial_rows(&trial, &rows, &error), &error);
    if (bound.op->map) {
        UNIT_OK(sheaf_trial_map(&trial, 0, trial.rows, SHEAF_BATCH_ROWS, rows, &error), &error);
    } else {
        UNIT_OK(sheaf_states_open(&trial, 1, &states, &error), &error);
        UNIT_OK(
            sheaf_trial_fold(&trial, &states, 0, trial.rows, SHEAF_BATCH_ROWS, NULL, false, &error),
            &error);
        UNIT_OK(sheaf_trial_answer(&trial, &states, 0, rows, &error), &error);
    }
    print_rows(rows, &bound, &text);
    buffer[0] = '\0';
    strncat(buffer, text.size ? text.bytes : "", sizeof buffer - 1);
    sheaf_string_free(&text);
    sheaf_rows_close(rows);
    sheaf_states_close(&states);
    sheaf_trial_close(&trial);
    bound_free(&bound);
    return buffer;
}

const char *bound_answer_f64(const char *name, const char *set, const double *values, size_t rows)
{
    struct data data = {.column = {.type = SHEAF_F64, .f64 = values}, .rows = rows};

    return bound_answer(name, set, &data);
}

const char *bound_answer_i64(const char *name, const char *set, sheaf_kind kind,
                             const int64_t *values, size_t rows)
{
    struct data data = {.column = {.type = kind.type, .scale = kind.scale, .i64 = values},
                        .rows = rows};

    return bound_answer(name, set, &data);
}

const char *bound_answer_text(const char *name, const char *const *values, size_t rows)
{
    sheaf_text texts[64];
    struct data data = {.column = {.type = SHEAF_TEXT, .text = texts}, .rows = rows};

    for (size_t row = 0; row < rows; row++)
        texts[row] = (sheaf_text){values[row], (uint32_t)strlen(values[row]), 0};
    return bound_answer(name, "", &data);
}
