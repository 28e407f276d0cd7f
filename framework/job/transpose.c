/* transpose.c - one wide row of statistics into a row for each column: see result.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "column/format.h"
#include "job/result.h"
#include "reduce/flat.h"

struct transposing {
    const struct sheaf_result *from;
    size_t rows, outputs;
    struct sheaf_schema schema;
    sheaf_column *columns;
    char *values; /* of all columns, 16 bytes a value */
    uint64_t *present;
    size_t words; /* of `present` for one column */
    struct sheaf_string text;
};

/* Append a text and let column c of `row` be it. */
static void set_text(struct transposing *t, size_t c, size_t row, size_t begin)
{
    sheaf_text *texts = (void *)(t->values + 16 * c * t->rows);

    texts[row].size = (uint32_t)(t->text.size - begin);
    /* An offset for now: the bytes may still move. */
    texts[row].bytes = (const char *)(uintptr_t)begin;
}

static void settle_texts(struct transposing *t)
{
    for (size_t c = 0; c < t->schema.count; c++) {
        sheaf_text *texts = (void *)(t->values + 16 * c * t->rows);
        if (t->schema.fields[c].kind.type == SHEAF_TEXT)
            for (size_t row = 0; row < t->rows; row++)
                texts[row].bytes = t->text.bytes + (uintptr_t)texts[row].bytes;
    }
}

static sheaf_kind common_kind(const struct transposing *t, size_t output)
{
    const struct sheaf_field *fields = t->from->schema.fields;
    sheaf_kind kind = fields[output].kind;

    for (size_t row = 1; row < t->rows; row++) {
        sheaf_kind other = fields[row * t->outputs + output].kind;
        if (other.type != kind.type || other.scale != kind.scale)
            return (sheaf_kind){SHEAF_TEXT, 0};
    }
    return kind;
}

static void fill_output(struct transposing *t, size_t output)
{
    size_t c = output + 2;
    sheaf_kind kind = t->schema.fields[c].kind;
    size_t size = sheaf_type_size(kind.type);

    for (size_t row = 0; row < t->rows; row++) {
        const sheaf_column *value = &t->from->columns[row * t->outputs + output];
        size_t begin = t->text.size;
        bool present =
            sheaf_present(value, 0) && !(value->type == SHEAF_F64 && isnan(value->f64[0]));

        t->present[c * t->words + row / 64] |= (uint64_t)present << (row % 64);
        if (kind.type == SHEAF_TEXT) {
            if (present)
                sheaf_format_append(&t->text, value, 0);
            set_text(t, c, row, begin);
        } else {
            memcpy(t->values + 16 * c * t->rows + row * size, value->values, size);
        }
    }
}

/* "amount.min" -> "amount", by the length of the output's own name. */
static size_t base_size(const struct transposing *t, size_t row)
{
    const char *name = t->from->schema.fields[row * t->outputs].name;
    const char *dot = strrchr(name, '.');

    return dot ? (size_t)(dot - name) : strlen(name);
}

static void fill_names(struct transposing *t, const sheaf_kind *kinds)
{
    for (size_t row = 0; row < t->rows; row++) {
        size_t begin = t->text.size;
        sheaf_string_append_bytes(&t->text, t->from->schema.fields[row * t->outputs].name,
                                  base_size(t, row));
        set_text(t, 0, row, begin);
        begin = t->text.size;
        sheaf_kind_print(kinds[row], &t->text);
        set_text(t, 1, row, begin);
    }
    for (size_t word = 0; word < 2 * t->words; word++)
        t->present[word] = UINT64_MAX;
}

static sheaf_status name_columns(struct transposing *t, sheaf_error *error)
{
    size_t count = t->outputs + 2;

    SHEAF_TRY(sheaf_allocate(&t->schema.fields, count, sizeof *t->schema.fields, error));
    for (size_t c = 0; c < count; c++) {
        const char *name = c == 0 ? "column" : "type";
        sheaf_kind kind = {SHEAF_TEXT, 0};
        if (c >= 2) {
            name = strrchr(t->from->schema.fields[c - 2].name, '.');
            name = name ? name + 1 : t->from->schema.fields[c - 2].name;
            kind = common_kind(t, c - 2);
        }
        SHEAF_TRY(sheaf_copy_string(name, &t->schema.fields[c].name, error));
        t->schema.fields[c].kind = kind;
        t->schema.count++;
    }
    return SHEAF_OK;
}

static sheaf_status fill(struct transposing *t, const sheaf_kind *kinds, sheaf_error *error)
{
    SHEAF_TRY(name_columns(t, error));
    t->words = (t->rows + 63) / 64;
    SHEAF_TRY(sheaf_allocate(&t->columns, t->schema.count, sizeof *t->columns, error));
    SHEAF_TRY(sheaf_allocate(&t->values, t->schema.count * t->rows, 16, error));
    SHEAF_TRY(sheaf_allocate(&t->present, t->schema.count * t->words, sizeof *t->present, error));
    fill_names(t, kinds);
    for (size_t output = 0; output < t->outputs; output++)
        fill_output(t, output);
    SHEAF_TRY(sheaf_string_check(&t->text, error));
    settle_texts(t);
    for (size_t c = 0; c < t->schema.count; c++) {
        t->columns[c] = (sheaf_column){.type = t->schema.fields[c].kind.type,
                                       .scale = t->schema.fields[c].kind.scale};
        t->columns[c].values = t->values + 16 * c * t->rows;
        t->columns[c].present = t->present + c * t->words;
    }
    return SHEAF_OK;
}

/* Data without a column: no rows, but the same names as ever. */
static sheaf_status take_nothing(struct sheaf_result *result, sheaf_error *error)
{
    struct sheaf_schema schema = {0};
    struct sheaf_string flat = {0};

    SHEAF_TRY(sheaf_schema_parse("column:text,type:text,count:i64,missing:i64,distinct:i64,"
                                 "min:text,max:text,mean:f64,deviation:f64",
                                 &schema, error));
    sheaf_status status = sheaf_result_take(result, &schema, &flat, error);
    sheaf_schema_free(&schema);
    return status;
}

sheaf_status sheaf_result_transpose(struct sheaf_result *result, size_t columns,
                                    const sheaf_kind *kinds, sheaf_error *error)
{
    struct transposing t = {.from = result, .rows = columns};
    struct sheaf_string flat = {0};

    if (columns == 0)
        return take_nothing(result, error);
    if (result->rows != 1)
        return SHEAF_OK;
    t.outputs = result->schema.count / columns;
    sheaf_status status = fill(&t, kinds, error);
    if (status == SHEAF_OK) {
        sheaf_flat_append(&flat, t.columns, t.schema.count, t.rows);
        status = sheaf_string_check(&flat, error);
    }
    if (status == SHEAF_OK)
        status = sheaf_result_take(result, &t.schema, &flat, error);
    sheaf_schema_free(&t.schema);
    sheaf_string_free(&flat);
    sheaf_string_free(&t.text);
    free(t.columns);
    free(t.values);
    free(t.present);
    return status;
}
