/* rows.c - where map and answer put their rows: see rows.h */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/string.h"
#include "operator/rows.h"

/* One output column.  Texts are copied one after another into `bytes`, which moves when it grows,
 * so until the rows are viewed `values` holds the places of texts in it. */
struct output {
    sheaf_type type;
    int32_t scale;
    size_t value_size;
    size_t count;
    char *values;
    size_t capacity;
    uint64_t *present;
    size_t words;
    bool some_missing;
    struct sheaf_string bytes;
    sheaf_text *texts;
    size_t text_capacity;
};

struct text_place {
    uint64_t offset, size;
};
_Static_assert(sizeof(struct text_place) == sizeof(sheaf_text), "both are the value of a text");

struct sheaf_rows {
    size_t count;
    struct output *outputs;
    sheaf_column *columns;
    sheaf_status trouble; /* the first thing that went wrong while appending */
    size_t trouble_column;
    sheaf_type trouble_type;
};

static bool is_allowed(sheaf_type type)
{
    return type == SHEAF_BOOL || type == SHEAF_I64 || type == SHEAF_F64 || type == SHEAF_TEXT;
}

sheaf_status sheaf_rows_open(const sheaf_kind *kinds, size_t count, sheaf_rows **rows,
                             sheaf_error *error)
{
    sheaf_rows *opened = NULL;
    sheaf_status status;

    for (size_t i = 0; i < count; i++)
        if (!is_allowed(kinds[i].type))
            return sheaf_error_set(error, SHEAF_BAD_OPERATOR,
                                   "rows can hold bool, i64, f64 and text, not %s",
                                   sheaf_type_name(kinds[i].type));
    status = sheaf_allocate(&opened, 1, sizeof *opened, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&opened->outputs, count, sizeof *opened->outputs, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&opened->columns, count, sizeof *opened->columns, error);
    if (status != SHEAF_OK) {
        sheaf_rows_close(opened);
        return status;
    }
    opened->count = count;
    for (size_t i = 0; i < count; i++) {
        opened->outputs[i].type = kinds[i].type;
        opened->outputs[i].scale = kinds[i].scale;
        opened->outputs[i].value_size = sheaf_type_size(kinds[i].type);
    }
    *rows = opened;
    return SHEAF_OK;
}

void sheaf_rows_clear(sheaf_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct output *output = &rows->outputs[i];

        output->count = 0;
        output->some_missing = false;
        sheaf_string_clear(&output->bytes);
        output->bytes.failed = false;
    }
    rows->trouble = SHEAF_OK;
}

void sheaf_rows_close(sheaf_rows *rows)
{
    if (!rows)
        return;
    for (size_t i = 0; i < rows->count; i++) { /* 0 while the opening is not complete */
        free(rows->outputs[i].values);
        free(rows->outputs[i].present);
        free(rows->outputs[i].texts);
        sheaf_string_free(&rows->outputs[i].bytes);
    }
    free(rows->outputs);
    free(rows->columns);
    free(rows);
}

static void remember(sheaf_rows *rows, sheaf_status trouble, size_t column, sheaf_type type)
{
    if (rows->trouble != SHEAF_OK)
        return;
    rows->trouble = trouble;
    rows->trouble_column = column;
    rows->trouble_type = type;
}

/* Append a value, or SHEAF_NONE for none.  Operators can not be told that this failed: what went
 * wrong first is remembered and comes out when the rows are viewed. */
static void append(sheaf_rows *rows, size_t column, sheaf_type type, const void *value)
{
    struct output *output;
    size_t word;

    if (rows->trouble != SHEAF_OK)
        return;
    if (column >= rows->count || (type != SHEAF_NONE && type != rows->outputs[column].type)) {
        remember(rows, SHEAF_BAD_OPERATOR, column, type);
        return;
    }
    output = &rows->outputs[column];
    word = output->count / 64;
    if (sheaf_grow(&output->values, &output->capacity, output->count + 1, output->value_size,
                   NULL) != SHEAF_OK ||
        sheaf_grow(&output->present, &output->words, word + 1, sizeof(uint64_t), NULL) !=
            SHEAF_OK) {
        remember(rows, SHEAF_NO_MEMORY, column, type);
        return;
    }
    if (output->count % 64 == 0)
        output->present[word] = 0;
    if (value) {
        memcpy(output->values + output->count * output->value_size, value, output->value_size);
        output->present[word] |= UINT64_C(1) << (output->count % 64);
    } else {
        memset(output->values + output->count * output->value_size, 0, output->value_size);
        output->some_missing = true;
    }
    output->count++;
}

void sheaf_append_bool(sheaf_rows *rows, size_t column, bool value)
{
    uint8_t byte = value;

    append(rows, column, SHEAF_BOOL, &byte);
}

void sheaf_append_i64(sheaf_rows *rows, size_t column, int64_t value)
{
    append(rows, column, SHEAF_I64, &value);
}

void sheaf_append_f64(sheaf_rows *rows, size_t column, double value)
{
    append(rows, column, SHEAF_F64, &value);
}

void sheaf_append_text(sheaf_rows *rows, size_t column, const char *bytes, size_t size)
{
    struct text_place place = {.size = size};

    if (column < rows->count && rows->outputs[column].type == SHEAF_TEXT) {
        struct sheaf_string *kept = &rows->outputs[column].bytes;

        place.offset = kept->size;
        if (size > UINT32_MAX)
            kept->failed = true;
        sheaf_string_append_bytes(kept, bytes, size);
        if (kept->failed) {
            remember(rows, SHEAF_NO_MEMORY, column, SHEAF_TEXT);
            return;
        }
    }
    append(rows, column, SHEAF_TEXT, &place);
}

void sheaf_append_missing(sheaf_rows *rows, size_t column)
{
    append(rows, column, SHEAF_NONE, NULL);
}

static sheaf_status explain(const sheaf_rows *rows, sheaf_error *error)
{
    size_t column = rows->trouble_column;

    if (rows->trouble == SHEAF_NO_MEMORY)
        return sheaf_error_set(error, SHEAF_NO_MEMORY,
                               "out of memory while an operator appended rows");
    if (column >= rows->count) {
        sheaf_error_set(error, SHEAF_BAD_OPERATOR,
                        "the operator appended to column %zu, but it has %zu outputs", column,
                        rows->count);
        sheaf_error_help(error, "Columns are counted from 0, in the order of .outputs.");
        return SHEAF_BAD_OPERATOR;
    }
    sheaf_error_set(error, SHEAF_BAD_OPERATOR,
                    "the operator appended a value of type %s to output %zu, which is %s",
                    sheaf_type_name(rows->trouble_type), column,
                    sheaf_type_name(rows->outputs[column].type));
    sheaf_error_help(error,
                     "Write sheaf_append_%s(rows, %zu, ...), or change the type in .outputs.",
                     sheaf_type_name(rows->outputs[column].type), column);
    return SHEAF_BAD_OPERATOR;
}

/* Offsets become addresses, in an array of their own, so that appending can go on afterwards. */
static sheaf_status place_texts(struct output *output, sheaf_error *error)
{
    const struct text_place *places = (const void *)output->values;

    SHEAF_TRY(sheaf_grow(&output->texts, &output->text_capacity, output->count, sizeof(sheaf_text),
                         error));
    for (size_t row = 0; row < output->count; row++)
        output->texts[row] =
            (sheaf_text){.bytes = places[row].size ? output->bytes.bytes + places[row].offset : "",
                         .size = (uint32_t)places[row].size};
    return SHEAF_OK;
}

sheaf_status sheaf_rows_view(sheaf_rows *rows, size_t *count, const sheaf_column **columns,
                             sheaf_error *error)
{
    if (rows->trouble != SHEAF_OK)
        return explain(rows, error);
    for (size_t i = 0; i < rows->count; i++) {
        struct output *output = &rows->outputs[i];

        if (output->count != rows->outputs[0].count) {
            sheaf_error_set(error, SHEAF_BAD_OPERATOR,
                            "the operator gave output %zu %zu values, but output 0 has %zu", i,
                            output->count, rows->outputs[0].count);
            sheaf_error_help(error,
                             "Append one value to each output for every row; where there is "
                             "none, sheaf_append_missing(rows, %zu).",
                             i);
            return SHEAF_BAD_OPERATOR;
        }
        if (output->type == SHEAF_TEXT)
            SHEAF_TRY(place_texts(output, error));
        rows->columns[i] = (sheaf_column){
            .type = output->type,
            .scale = output->scale,
            .values = output->type == SHEAF_TEXT ? (const void *)output->texts : output->values,
            .present = output->some_missing ? output->present : NULL,
        };
    }
    *count = rows->count ? rows->outputs[0].count : 0;
    *columns = rows->columns;
    return SHEAF_OK;
}
