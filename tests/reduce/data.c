/* data.c - random rows and the answer that a naive program gives: see data.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "operators.h"

static unsigned long long mix(unsigned long long seed)
{
    struct unit_random random = {seed};

    return unit_random_next(&random);
}

/* Texts of 0 to 40 bytes, any bytes, each in memory of its own size. */
static sheaf_text make_text(size_t which)
{
    size_t size = (size_t)(mix(which) % 41);
    char *bytes = malloc(size + 9);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)mix(which * 64 + i);
    if (which % 7 == 0) /* long ones that differ at the end alone */
        size = 0;
    for (; which % 7 == 0 && size < 30 && which % 2; size++)
        bytes = realloc(bytes, 64), bytes[size] = 'x';
    memcpy(bytes + size, &which, which % 7 == 0 ? 3 : 0);
    size += which % 7 == 0 ? 3 : 0;
    return (sheaf_text){.bytes = realloc(bytes, size ? size : 1), .size = (uint32_t)size};
}

static double make_f64(size_t which)
{
    static const double odd[] = {0.0, -0.0, (double)INFINITY, -1e300, 1e-310};

    if (which < 5)
        return odd[which];
    if (which == 5 || which == 6)
        return which == 5 ? (double)NAN : copysign((double)NAN, -1);
    return (double)which / 8 - 100;
}

static void set_value(sheaf_type type, void *values, size_t row, size_t which)
{
    int64_t number = (int64_t)which - 20;

    switch (type) {
    case SHEAF_TEXT:
    case SHEAF_BYTES:
        ((sheaf_text *)values)[row] = make_text(which);
        break;
    case SHEAF_F64:
        ((double *)values)[row] = make_f64(which);
        break;
    case SHEAF_F32:
        ((float *)values)[row] = (float)make_f64(which);
        break;
    case SHEAF_I64:
        if (which % 3 == 1) /* far apart, the ends of the range among them */
            number = (int64_t)(mix(which) | 1);
        if (which < 2)
            number = which ? INT64_MIN : INT64_MAX;
        ((int64_t *)values)[row] = number;
        break;
    case SHEAF_BOOL:
        ((uint8_t *)values)[row] = which & 1;
        break;
    default:
        if (sheaf_type_size(type) == 8)
            ((int64_t *)values)[row] = number;
        else if (sheaf_type_size(type) == 4)
            ((int32_t *)values)[row] = (int32_t)number;
        else if (sheaf_type_size(type) == 2)
            ((int16_t *)values)[row] = (int16_t)number;
        else
            ((int8_t *)values)[row] = (int8_t)number;
    }
}

static sheaf_column make_column(sheaf_kind kind, size_t rows, size_t distinct, unsigned holes,
                                struct unit_random *random)
{
    sheaf_column column = {.type = kind.type, .scale = kind.scale};
    char *values = calloc(rows + 1, sheaf_type_size(kind.type));
    uint64_t *present = holes ? calloc(rows / 64 + 1, sizeof *present) : NULL;

    for (size_t row = 0; row < rows; row++) {
        if (holes && unit_random_below(random, holes) == 0)
            continue;
        if (present)
            present[row / 64] |= 1ull << (row % 64);
        set_value(kind.type, values, row, unit_random_below(random, (unsigned)distinct));
    }
    column.values = values;
    column.present = present;
    return column;
}

struct data data_make(const sheaf_kind *kinds, size_t keys, size_t rows, size_t distinct,
                      unsigned holes, struct unit_random *random)
{
    struct data data = {.rows = rows, .keys = keys};

    for (size_t i = 0; i < keys; i++) {
        data.kinds[i] = kinds[i];
        data.key[i] = make_column(kinds[i], rows, distinct, holes, random);
    }
    for (size_t i = 0; i < DATA_FRAME; i++) { /* times are small numbers here */
        data.frame[i] = make_column((sheaf_kind){SHEAF_TIME, 0}, rows, 1000, i ? 0 : holes, random);
        data.frame[i].type = SHEAF_I64;
    }
    return data;
}

static void free_column(sheaf_column *column, size_t rows)
{
    for (size_t row = 0; row < rows && column->type >= SHEAF_TEXT; row++)
        free((void *)(uintptr_t)column->text[row].bytes);
    free((void *)(uintptr_t)column->values);
    free((void *)(uintptr_t)column->present);
}

void data_free(struct data *data)
{
    for (size_t i = 0; i < data->keys; i++)
        free_column(&data->key[i], data->rows);
    for (size_t i = 0; i < DATA_FRAME; i++)
        free_column(&data->frame[i], data->rows);
}

/* Texts are shared with the whole: only what cut_free() frees is new. */
static sheaf_column cut_column(const sheaf_column *column, size_t first, size_t count)
{
    size_t size = sheaf_type_size(column->type);
    sheaf_column cut = {.type = column->type, .scale = column->scale};

    cut.values = data_copy((const char *)column->values + first * size, count * size);
    if (column->present) {
        uint64_t *present = calloc(count / 64 + 1, sizeof *present);

        for (size_t row = 0; row < count; row++)
            present[row / 64] |= (uint64_t)sheaf_present(column, first + row) << (row % 64);
        cut.present = present;
    }
    return cut;
}

struct data data_cut(const struct data *data, size_t first, size_t count)
{
    struct data cut = {.rows = count, .keys = data->keys};

    for (size_t i = 0; i < data->keys; i++)
        cut.key[i] = cut_column(&data->key[i], first, count);
    for (size_t i = 0; i < DATA_FRAME; i++)
        cut.frame[i] = cut_column(&data->frame[i], first, count);
    return cut;
}

static void cut_free(struct data *cut)
{
    cut->rows = 0; /* its texts are not its own */
    data_free(cut);
}

sheaf_status data_fold(struct sheaf_table *table, const struct data *data, size_t first, size_t end,
                       size_t most, sheaf_error *error)
{
    sheaf_status status = SHEAF_OK;

    for (; first < end && status == SHEAF_OK; first += most) {
        size_t count = end - first < most ? end - first : most;
        struct data cut = data_cut(data, first, count);

        status = sheaf_table_fold(table, cut.key, cut.frame, count, error);
        cut_free(&cut);
    }
    return status;
}

static void number_words(const sheaf_column *column, size_t row, struct sheaf_string *words)
{
    int64_t number;

    switch (sheaf_type_size(column->type)) {
    case 1:
        number = column->i8[row];
        break;
    case 2:
        number = column->i16[row];
        break;
    case 4:
        number = column->i32[row];
        break;
    default:
        number = column->i64[row];
    }
    sheaf_string_append_format(words, "%lld", (long long)number);
}

void data_key(const sheaf_column *columns, size_t count, size_t row, struct sheaf_string *words)
{
    for (size_t i = 0; i < count; i++) {
        const sheaf_column *column = &columns[i];
        double f64 = 0;

        if (!sheaf_present(column, row)) {
            sheaf_string_append(words, "missing;");
            continue;
        }
        if (column->type == SHEAF_F64 || column->type == SHEAF_F32) {
            f64 = column->type == SHEAF_F64 ? column->f64[row] : (double)column->f32[row];
            sheaf_string_append_format(words, "%a", isnan(f64) ? (double)NAN : f64 + 0);
        } else if (column->type >= SHEAF_TEXT) {
            sheaf_text text = column->text[row];

            sheaf_string_append_char(words, '"');
            for (uint32_t at = 0; at < text.size; at++)
                sheaf_string_append_format(words, "%02x", (unsigned char)text.bytes[at]);
        } else {
            number_words(column, row, words);
        }
        sheaf_string_append_char(words, ';');
    }
}

/* -- the naive answer ----------------------------------------------------------------------- */

struct group {
    struct sheaf_string key, list;
    int64_t rows, values, sum, products;
};

static int64_t naive_value(const sheaf_column *column, size_t row)
{
    return column->i64[row];
}

static void naive_row(struct group *group, const struct data *data, size_t row)
{
    group->rows++;
    if (!sheaf_present(&data->frame[0], row))
        return;
    int64_t x = naive_value(&data->frame[0], row), y = naive_value(&data->frame[1], row);
    group->values++;
    group->sum += x;
    group->products += x * y;
    sheaf_string_append_format(&group->list, "%lld,", (long long)x);
}

static size_t naive_hash(const struct sheaf_string *key)
{
    size_t hash = 5381;

    for (size_t i = 0; i < key->size; i++)
        hash = hash * 33 + (unsigned char)key->bytes[i];
    return hash * 0x9E3779B97F4A7C15u >> 20;
}

static void line(struct sheaf_string *words, const struct group *group)
{
    long long rows = group->rows, values = group->values, sum = group->sum;

    sheaf_string_append_bytes(words, group->key.bytes, group->key.size);
    sheaf_string_append_format(words, "|%lld|%lld %lld|%lld %lld|%s|%lld %lld %lld|%lld %lld\n",
                               rows, sum, values + 1000, sum, values,
                               group->list.size ? group->list.bytes : "missing", values,
                               rows - values, sum, (long long)group->products, values);
}

void data_expect(const struct data *data, struct sheaf_string *words)
{
    size_t slots = 1;
    struct group *groups = calloc(data->rows + 1, sizeof *groups);
    size_t count = 0, *table;

    while (slots < 4 * data->rows + 4)
        slots *= 2;
    table = calloc(slots, sizeof *table);
    for (size_t row = 0; row < data->rows; row++) {
        struct sheaf_string key = {0};
        size_t at;

        data_key(data->key, data->keys, row, &key);
        for (at = naive_hash(&key) % slots; table[at]; at = (at + 1) % slots)
            if (groups[table[at] - 1].key.size == key.size &&
                (key.size == 0 ||
                 memcmp(groups[table[at] - 1].key.bytes, key.bytes, key.size) == 0))
                break;
        if (table[at]) {
            sheaf_string_free(&key);
        } else {
            groups[count].key = key;
            table[at] = ++count;
        }
        naive_row(&groups[table[at] - 1], data, row);
    }
    if (data->keys == 0 && count == 0)
        count = 1;
    for (size_t i = 0; i < count; i++) {
        line(words, &groups[i]);
        sheaf_string_free(&groups[i].key);
        sheaf_string_free(&groups[i].list);
    }
    free(groups);
    free(table);
}

static void cell_words(const sheaf_column *column, size_t row, struct sheaf_string *words)
{
    if (!sheaf_present(column, row))
        sheaf_string_append(words, "missing");
    else if (column->type == SHEAF_TEXT)
        sheaf_string_append_bytes(words, column->text[row].bytes, column->text[row].size);
    else
        number_words(column, row, words);
}

void data_answer(const sheaf_column *columns, size_t keys, size_t rows, struct sheaf_string *words)
{
    static const char before[] = "|| | ||  | \n";

    for (size_t row = 0; row < rows; row++) {
        data_key(columns, keys, row, words);
        for (size_t i = 0; i < 11; i++) {
            sheaf_string_append_char(words, before[i]);
            cell_words(&columns[keys + i], row, words);
        }
        sheaf_string_append_char(words, '\n');
    }
}

struct sheaf_aggregate data_aggregate(struct sheaf_bound *bound)
{
    bound[0] = bind(&count_op, "count", 0, 0);
    bound[1] = bind(&sum_op, "sum", 0, 0);
    bound[2] = bind(&keyed_op, "keyed", 0, 0);
    bound[3] = bind(&list_op, "list", 0, 0);
    bound[4] = bind(&missing_op, "missing", 0, 0);
    bound[5] = bind(&pair_op, "pair", 0, 1);
    return aggregate_of(bound, DATA_OPERATORS);
}

void *data_copy(const void *bytes, size_t size)
{
    char *copy = malloc(size ? size : 1);

    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}
