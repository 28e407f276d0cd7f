/* sort.c - the rows of an answer by the values of some columns: see result.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/result.h"
#include "job/words.h"
#include "reduce/flat.h"

struct sort_key {
    const sheaf_column *column;
    bool down;
};

struct sorting {
    const struct sort_key *keys;
    size_t count;
};

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

static int compare_text(const sheaf_text *a, const sheaf_text *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int order = size ? memcmp(a->bytes, b->bytes, size) : 0;

    return order ? order : COMPARE(a->size, b->size);
}

/* NaN counts as missing, so it never gets here. */
static int compare_values(const sheaf_column *column, size_t a, size_t b)
{
    switch (column->type) {
    case SHEAF_BOOL:
    case SHEAF_U8:
        return COMPARE(column->u8[a], column->u8[b]);
    case SHEAF_I8:
        return COMPARE(column->i8[a], column->i8[b]);
    case SHEAF_I16:
        return COMPARE(column->i16[a], column->i16[b]);
    case SHEAF_U16:
        return COMPARE(column->u16[a], column->u16[b]);
    case SHEAF_I32:
    case SHEAF_DATE:
        return COMPARE(column->i32[a], column->i32[b]);
    case SHEAF_U32:
        return COMPARE(column->u32[a], column->u32[b]);
    case SHEAF_U64:
        return COMPARE(column->u64[a], column->u64[b]);
    case SHEAF_F32:
        return COMPARE(column->f32[a], column->f32[b]);
    case SHEAF_F64:
        return COMPARE(column->f64[a], column->f64[b]);
    case SHEAF_WIDE:
        return COMPARE(column->wide[a], column->wide[b]);
    case SHEAF_TEXT:
    case SHEAF_BYTES:
        return compare_text(&column->text[a], &column->text[b]);
    default:
        return COMPARE(column->i64[a], column->i64[b]);
    }
}

static bool is_missing(const sheaf_column *column, size_t row)
{
    if (!sheaf_present(column, row))
        return true;
    if (column->type == SHEAF_F64)
        return isnan(column->f64[row]);
    return column->type == SHEAF_F32 && isnan(column->f32[row]);
}

static int compare_rows(const void *left, const void *right, void *context)
{
    const struct sorting *sorting = context;
    uint32_t a, b;

    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    for (size_t i = 0; i < sorting->count; i++) {
        const sheaf_column *column = sorting->keys[i].column;
        bool a_missing = is_missing(column, a), b_missing = is_missing(column, b);
        if (a_missing != b_missing)
            return a_missing ? 1 : -1;
        int order = a_missing ? 0 : compare_values(column, a, b);
        if (order)
            return sorting->keys[i].down ? -order : order;
    }
    return COMPARE(a, b);
}

/* One column with its rows in another order, in memory that the caller frees. */
static sheaf_status permute(const sheaf_column *from, const uint32_t *order, size_t rows,
                            sheaf_column *to, void **values, uint64_t **present, sheaf_error *error)
{
    size_t size = sheaf_type_size(from->type);

    SHEAF_TRY(sheaf_allocate(values, rows, size, error));
    for (size_t row = 0; row < rows; row++)
        memcpy((char *)*values + row * size, (const char *)from->values + (size_t)order[row] * size,
               size);
    *to = *from;
    to->values = *values;
    if (!from->present)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_allocate(present, (rows + 63) / 64, sizeof **present, error));
    for (size_t row = 0; row < rows; row++)
        (*present)[row / 64] |= (uint64_t)sheaf_present(from, order[row]) << (row % 64);
    to->present = *present;
    return SHEAF_OK;
}

static sheaf_status apply(struct sheaf_result *result, const uint32_t *order, sheaf_error *error)
{
    size_t count = result->schema.count;
    sheaf_column *columns = NULL;
    void **values = NULL;
    uint64_t **present = NULL;
    struct sheaf_string flat = {0};
    struct sheaf_schema schema = {0};

    sheaf_status status = sheaf_allocate(&columns, count, sizeof *columns, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&values, count, sizeof *values, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&present, count, sizeof *present, error);
    for (size_t i = 0; status == SHEAF_OK && i < count; i++)
        status = permute(&result->columns[i], order, result->rows, &columns[i], &values[i],
                         &present[i], error);
    if (status == SHEAF_OK) {
        sheaf_flat_append(&flat, columns, count, result->rows);
        status = sheaf_string_check(&flat, error);
    }
    if (status == SHEAF_OK)
        status = sheaf_schema_copy(&result->schema, &schema, error);
    if (status == SHEAF_OK)
        status = sheaf_result_take(result, &schema, &flat, error);
    sheaf_schema_free(&schema);
    sheaf_string_free(&flat);
    for (size_t i = 0; i < count; i++) {
        if (values)
            free(values[i]);
        if (present)
            free(present[i]);
    }
    free(values);
    free(present);
    free(columns);
    return status;
}

static sheaf_status find_key(const struct sheaf_result *result, const char *name,
                             struct sort_key *key, sheaf_error *error)
{
    key->down = name[0] == '-';
    if (name[0] == '-' || name[0] == '+')
        name++;
    int index = sheaf_schema_find(&result->schema, name, strlen(name));
    if (index >= 0) {
        key->column = &result->columns[index];
        return SHEAF_OK;
    }
    struct sheaf_string names = {0};
    for (size_t i = 0; i < result->schema.count; i++)
        sheaf_string_append_format(&names, "%s%s", i ? ", " : "", result->schema.fields[i].name);
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "sort: the answer has no column \"%s\" (E234)",
                    name);
    sheaf_error_help(error, "The columns are: %.400s", names.bytes ? names.bytes : "none");
    sheaf_string_free(&names);
    return SHEAF_BAD_ARGUMENT;
}

sheaf_status sheaf_result_sort(struct sheaf_result *result, const char *text, sheaf_error *error)
{
    struct sheaf_items items;
    struct sort_key *keys = NULL;
    uint32_t *order = NULL;

    SHEAF_TRY(sheaf_words_items(text, "sort", &items, error));
    sheaf_status status = sheaf_allocate(&keys, items.count, sizeof *keys, error);
    for (size_t i = 0; status == SHEAF_OK && i < items.count; i++)
        status = find_key(result, items.items[i].text, &keys[i], error);
    if (status == SHEAF_OK && result->rows > UINT32_MAX)
        status = sheaf_error_set(error, SHEAF_LIMIT, "sort: more than 4294967295 rows (E602)");
    if (status == SHEAF_OK)
        status = sheaf_allocate(&order, result->rows, sizeof *order, error);
    if (status == SHEAF_OK && result->rows > 0) {
        struct sorting sorting = {keys, items.count};
        for (size_t row = 0; row < result->rows; row++)
            order[row] = (uint32_t)row;
        qsort_r(order, result->rows, sizeof *order, compare_rows, &sorting);
        status = apply(result, order, error);
    }
    free(order);
    free(keys);
    sheaf_words_items_free(&items);
    return status;
}
