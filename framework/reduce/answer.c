/*
 * answer.c - states into columns: the keys, the outputs, the number of the first row
 *
 * All states are finished before a text is looked at, for finishing one may move
 * the heap in which the texts of the others lie.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "operator/rows.h"
#include "reduce/flat.h"
#include "reduce/order.h"
#include "reduce/pieces.h"
#include "reduce/state.h"
#include "reduce/word.h"

/* Columns on their way into a flat piece. */
struct answer {
    const struct sheaf_table *table;
    const uint32_t *numbers; /* the key of each row */
    size_t rows;
    sheaf_column *columns;
    uint64_t **bits; /* of each column, allocated with its values */
    size_t count;
    size_t room;
};

static sheaf_status answer_open(struct answer *answer, const struct sheaf_table *table,
                                const uint32_t *numbers, size_t rows, size_t room,
                                sheaf_error *error)
{
    *answer = (struct answer){.table = table, .numbers = numbers, .rows = rows, .room = room};
    SHEAF_TRY(sheaf_allocate(&answer->columns, room, sizeof *answer->columns, error));
    return sheaf_allocate(&answer->bits, room, sizeof *answer->bits, error);
}

static void answer_close(struct answer *answer)
{
    for (size_t i = 0; answer->bits && i < answer->count; i++)
        free(answer->bits[i]);
    free(answer->bits);
    free(answer->columns);
}

/* A new column in which all is missing; *values is its room for values, all zero. */
static sheaf_status add_column(struct answer *answer, sheaf_kind kind, void *values,
                               sheaf_error *error)
{
    size_t words = (answer->rows + 63) / 64;
    size_t size = sheaf_type_size(kind.type);
    sheaf_column *column = &answer->columns[answer->count];
    char *memory;

    words += words % 2; /* so that 128-bit values are aligned */
    SHEAF_TRY(sheaf_allocate(&memory, words * 8 + answer->rows * size, 1, error));
    answer->bits[answer->count++] = (void *)memory;
    *column = (sheaf_column){.type = kind.type, .scale = kind.scale};
    column->values = memory + words * 8;
    column->present = (void *)memory;
    memcpy(values, &column->values, sizeof column->values);
    return SHEAF_OK;
}

static void set_present(uint64_t *bits, size_t row)
{
    bits[row / 64] |= UINT64_C(1) << (row % 64);
}

/* -- keys ----------------------------------------------------------------------------------- */

static sheaf_status add_word_keys(struct answer *answer, sheaf_error *error)
{
    const struct sheaf_keys *keys = &answer->table->keys;
    uint64_t *bits;
    char *values;

    SHEAF_TRY(add_column(answer, keys->kinds[0], &values, error));
    bits = answer->bits[answer->count - 1];
    for (size_t row = 0; row < answer->rows; row++) {
        uint32_t number = answer->numbers[row];

        if (number + 1 == keys->missing_word)
            continue;
        sheaf_word_store(keys->kinds[0].type, keys->words[number], values, row);
        set_present(bits, row);
    }
    return SHEAF_OK;
}

static sheaf_status add_text_keys(struct answer *answer, sheaf_error *error)
{
    const struct sheaf_keys *keys = &answer->table->keys;
    sheaf_text *values;
    uint64_t *bits;

    SHEAF_TRY(add_column(answer, keys->kinds[0], &values, error));
    bits = answer->bits[answer->count - 1];
    for (size_t row = 0; row < answer->rows; row++) {
        struct sheaf_key key = sheaf_keys_get(keys, answer->numbers[row]);

        if (key.size == SHEAF_KEY_MISSING)
            continue;
        values[row] = (sheaf_text){.bytes = key.bytes, .size = key.size};
        set_present(bits, row);
    }
    return SHEAF_OK;
}

/* Take the key of one row apart, into the columns from `first` on. */
static sheaf_status take_apart(struct answer *answer, char *const *values, size_t row,
                               sheaf_error *error)
{
    const struct sheaf_keys *keys = &answer->table->keys;
    struct sheaf_key key = sheaf_keys_get(keys, answer->numbers[row]);
    const char *at = key.bytes;

    for (size_t column = 0; column < keys->columns; column++) {
        sheaf_type type = keys->kinds[column].type;
        struct sheaf_key_record_cell cell;

        if (!sheaf_key_record_read(type, &at, key.bytes + key.size, &cell))
            return sheaf_error_set(error, SHEAF_INTERNAL, "a key of several columns is damaged");
        if (!cell.present)
            continue;
        set_present(answer->bits[column], row);
        if (sheaf_word_text(type))
            memcpy(values[column] + row * sizeof cell.text, &cell.text, sizeof cell.text);
        else
            sheaf_word_store(type, cell.word, values[column], row);
    }
    return SHEAF_OK;
}

static sheaf_status add_record_keys(struct answer *answer, sheaf_error *error)
{
    const struct sheaf_keys *keys = &answer->table->keys;
    sheaf_status status = SHEAF_OK;
    char **values;

    SHEAF_TRY(sheaf_allocate(&values, keys->columns, sizeof *values, error));
    for (size_t i = 0; i < keys->columns && status == SHEAF_OK; i++)
        status = add_column(answer, keys->kinds[i], &values[i], error);
    for (size_t row = 0; row < answer->rows && status == SHEAF_OK; row++)
        status = take_apart(answer, values, row, error);
    free(values);
    return status;
}

/* The key columns come first. */
static sheaf_status add_keys(struct answer *answer, sheaf_error *error)
{
    switch (answer->table->keys.mode) {
    case SHEAF_KEYS_WORD:
        return add_word_keys(answer, error);
    case SHEAF_KEYS_TEXT:
        return add_text_keys(answer, error);
    case SHEAF_KEYS_RECORD:
        return add_record_keys(answer, error);
    default:
        return SHEAF_OK;
    }
}

static sheaf_status add_first_rows(struct answer *answer, sheaf_error *error)
{
    int64_t *values;

    SHEAF_TRY(add_column(answer, (sheaf_kind){.type = SHEAF_I64}, &values, error));
    for (size_t row = 0; row < answer->rows; row++)
        values[row] = (int64_t)answer->table->keys.origin[answer->numbers[row]].first_row;
    answer->columns[answer->count - 1].present = NULL;
    return SHEAF_OK;
}

/* -- outputs that are members of the state -------------------------------------------------- */

static bool is_nan(sheaf_type type, const void *member)
{
    double f64;
    float f32;

    if (type == SHEAF_F64) {
        memcpy(&f64, member, sizeof f64);
        return isnan(f64);
    }
    if (type == SHEAF_F32) {
        memcpy(&f32, member, sizeof f32);
        return isnan(f32);
    }
    return false;
}

static bool output_present(const sheaf_output *output, sheaf_type type, const char *state)
{
    int64_t count;

    if (output->present == 0)
        return !is_nan(type, state + output->offset);
    memcpy(&count, state + output->present - 1, sizeof count);
    return count != 0;
}

/* The text of a block.  Blocks may come from elsewhere, so they are not believed. */
static bool block_text(const sheaf_heap *heap, const char *member, sheaf_text *text)
{
    sheaf_block block;
    uint64_t end;

    memcpy(&block, member, sizeof block);
    if (__builtin_add_overflow(block.offset, block.size, &end) || end > heap->size ||
        block.size >= SHEAF_KEY_MISSING)
        return block.size == 0;
    text->bytes = block.size ? heap->bytes + block.offset : NULL;
    text->size = (uint32_t)block.size;
    return true;
}

static sheaf_status add_output(struct answer *answer, const struct sheaf_bound *bound,
                               uint32_t index, sheaf_error *error)
{
    const struct sheaf_table *table = answer->table;
    const sheaf_output *output = &bound->op->outputs[index];
    sheaf_type type = bound->output_kind[index].type;
    size_t size = sheaf_type_size(type);
    uint64_t *bits;
    char *values;

    SHEAF_TRY(add_column(answer, bound->output_kind[index], &values, error));
    bits = answer->bits[answer->count - 1];
    for (size_t row = 0; row < answer->rows; row++) {
        const char *state = sheaf_table_state(table, answer->numbers[row]);
        const char *member = state + bound->state_offset + output->offset;
        sheaf_text text = {0};

        if (!output_present(output, type, state + bound->state_offset))
            continue;
        set_present(bits, row);
        if (type == SHEAF_BOOL)
            values[row] = *member != 0;
        else if (!sheaf_word_text(type))
            memcpy(values + row * size, member, size);
        else if (block_text(&table->heap, member, &text))
            memcpy(values + row * size, &text, sizeof text);
        else
            return sheaf_error_set(error, SHEAF_BAD_OPERATOR,
                                   "%s: output \"%s\" lies outside the heap", bound->name,
                                   output->name);
    }
    return SHEAF_OK;
}

static sheaf_status finish_operators(struct sheaf_table *table, void *argument, sheaf_error *error)
{
    (void)argument;
    (void)error;
    for (size_t i = 0; i < table->aggregate->count; i++) {
        const struct sheaf_bound *bound = &table->aggregate->bound[i];
        sheaf_gluing with = {.options = bound->options, .heap = &table->heap};

        for (size_t key = 0; key < table->state_count; key++) {
            char *state = (char *)sheaf_table_state(table, key) + bound->state_offset;

            if (bound->op->finish_with)
                bound->op->finish_with(state, &with);
            else if (bound->op->finish)
                bound->op->finish(state);
        }
    }
    return SHEAF_OK;
}

static size_t count_columns(const struct sheaf_table *table)
{
    size_t columns = table->keys.columns + 1;

    for (size_t i = 0; i < table->aggregate->count; i++)
        columns += table->aggregate->bound[i].outputs;
    return columns;
}

static sheaf_status answer_states(struct sheaf_table *table, const uint32_t *order,
                                  struct sheaf_string *flat, sheaf_error *error)
{
    struct answer answer;
    sheaf_status status;

    SHEAF_TRY(sheaf_table_guard(table, finish_operators, NULL, error));
    status = answer_open(&answer, table, order, table->keys.count, count_columns(table), error);
    if (status == SHEAF_OK)
        status = add_keys(&answer, error);
    for (size_t i = 0; i < table->aggregate->count; i++)
        for (uint32_t j = 0; j < table->aggregate->bound[i].outputs && status == SHEAF_OK; j++)
            status = add_output(&answer, &table->aggregate->bound[i], j, error);
    if (status == SHEAF_OK)
        status = add_first_rows(&answer, error);
    if (status == SHEAF_OK) {
        sheaf_flat_append(flat, answer.columns, answer.count, answer.rows);
        status = sheaf_string_check(flat, error);
    }
    answer_close(&answer);
    return status;
}

/* -- an operator that answers in rows ------------------------------------------------------- */

/* The rows of all keys, a piece for each key, and the key of each row. */
struct answered {
    const uint32_t *order;
    sheaf_rows *rows;
    struct sheaf_string flat;
    uint32_t *numbers;
    size_t count;
    size_t capacity;
};

static sheaf_status take_rows(const struct sheaf_bound *bound, struct answered *answered,
                              uint32_t number, sheaf_error *error)
{
    const sheaf_column *columns;
    size_t rows;

    SHEAF_TRY(sheaf_rows_view(answered->rows, &rows, &columns, error));
    SHEAF_TRY(sheaf_grow(&answered->numbers, &answered->capacity, answered->count + rows,
                         sizeof *answered->numbers, error));
    for (size_t i = 0; i < rows; i++)
        answered->numbers[answered->count++] = number;
    sheaf_flat_append(&answered->flat, columns, bound->outputs, rows);
    sheaf_rows_clear(answered->rows);
    return sheaf_string_check(&answered->flat, error);
}

static sheaf_status ask_operator(struct sheaf_table *table, void *argument, sheaf_error *error)
{
    struct answered *answered = argument;
    const struct sheaf_bound *bound = &table->aggregate->bound[0];
    sheaf_gluing with = {.options = bound->options, .heap = &table->heap};

    for (size_t i = 0; i < table->state_count; i++) {
        uint32_t number = answered->order[i];
        const char *state = sheaf_table_state(table, number);

        bound->op->answer(answered->rows, state + bound->state_offset, &with);
        SHEAF_TRY(take_rows(bound, answered, number, error));
    }
    return SHEAF_OK;
}

/* All pieces, one after the other, as one. */
static sheaf_status join_pieces(const struct sheaf_string *many, size_t columns,
                                struct sheaf_string *one, sheaf_error *error)
{
    size_t count = 0, rows = 0, room = 0, row_room = 0;
    struct sheaf_piece_row *order = NULL;
    struct sheaf_piece *pieces = NULL;
    sheaf_status status = SHEAF_OK;

    for (size_t at = 0; at < many->size && status == SHEAF_OK;) {
        status = sheaf_grow(&pieces, &room, count + 1, sizeof *pieces, error);
        if (status == SHEAF_OK)
            status = sheaf_piece_open(many->bytes + at, many->size - at, &pieces[count], error);
        if (status == SHEAF_OK)
            status = sheaf_grow(&order, &row_room, rows + pieces[count].rows, sizeof *order, error);
        if (status != SHEAF_OK)
            break;
        for (size_t i = 0; i < pieces[count].rows; i++)
            order[rows++] = (struct sheaf_piece_row){(uint32_t)count, (uint32_t)i};
        at += sheaf_flat_size(many->bytes + at, many->size - at);
        count++;
    }
    if (status == SHEAF_OK)
        status = sheaf_piece_gather(pieces, count, order, rows, count ? columns : 0, one, error);
    free(order);
    free(pieces);
    return status;
}

/* Keys, rows and first rows side by side. */
static sheaf_status put_together(const struct sheaf_table *table, const struct answered *answered,
                                 const struct sheaf_string *outputs, struct sheaf_string *flat,
                                 sheaf_error *error)
{
    sheaf_column *columns;
    size_t count, rows;
    struct answer answer;
    sheaf_status status;

    SHEAF_TRY(sheaf_flat_view(outputs->bytes, outputs->size, &columns, &count, &rows, error));
    status = answer_open(&answer, table, answered->numbers, rows, count_columns(table), error);
    if (status == SHEAF_OK)
        status = add_keys(&answer, error);
    for (size_t i = 0; i < count && status == SHEAF_OK; i++)
        answer.columns[answer.count++] = columns[i];
    if (status == SHEAF_OK)
        status = add_first_rows(&answer, error);
    if (status == SHEAF_OK) {
        sheaf_flat_append(flat, answer.columns, answer.count, rows);
        status = sheaf_string_check(flat, error);
    }
    answer_close(&answer);
    free(columns);
    return status;
}

/* Without a key no operator was asked, but the columns are there all the same. */
static void append_empty(const struct sheaf_bound *bound, struct sheaf_string *flat)
{
    sheaf_column columns[SHEAF_FIELDS_MAX] = {{.type = SHEAF_NONE}};

    for (uint32_t i = 0; i < bound->outputs; i++)
        columns[i] = (sheaf_column){.type = bound->output_kind[i].type,
                                    .scale = bound->output_kind[i].scale};
    sheaf_flat_append(flat, columns, bound->outputs, 0);
}

static sheaf_status answer_rows(struct sheaf_table *table, const uint32_t *order,
                                struct sheaf_string *flat, sheaf_error *error)
{
    const struct sheaf_bound *bound = &table->aggregate->bound[0];
    struct answered answered = {.order = order};
    struct sheaf_string outputs = {0};
    sheaf_status status;

    SHEAF_TRY(sheaf_rows_open(bound->output_kind, bound->outputs, &answered.rows, error));
    status = sheaf_table_guard(table, ask_operator, &answered, error);
    if (status == SHEAF_OK && table->state_count == 0)
        append_empty(bound, &answered.flat);
    if (status == SHEAF_OK)
        status = join_pieces(&answered.flat, bound->outputs, &outputs, error);
    if (status == SHEAF_OK)
        status = put_together(table, &answered, &outputs, flat, error);
    sheaf_string_free(&outputs);
    sheaf_string_free(&answered.flat);
    free(answered.numbers);
    sheaf_rows_close(answered.rows);
    return status;
}

sheaf_status sheaf_table_answer(struct sheaf_table *table, struct sheaf_string *flat,
                                sheaf_error *error)
{
    bool in_rows = table->aggregate->count == 1 && table->aggregate->bound[0].op->answer;
    uint32_t *order;
    sheaf_status status;

    SHEAF_TRY(sheaf_keys_order(&table->keys, &order, error));
    if (in_rows)
        status = answer_rows(table, order, flat, error);
    else
        status = answer_states(table, order, flat, error);
    free(order);
    return status;
}
