/*
 * fold.c - rows into states
 *
 * First every row gets the number of its key.  Then, operator by operator: rows
 * in which an input is missing are left out, and what remains is folded in one
 * call where the operator can (fold_keyed, or no keys), else gathered key by key
 * and folded in one call for each key that is there.  Keys come in the order of
 * their first row in the batch, so the calls follow from the data alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/wide.h"
#include "reduce/state.h"

enum {
    WORDS = SHEAF_BATCH_ROWS / 64,
    BEHIND = 64,         /* bytes that may be read behind a column */
    FAR_STATES = 1 << 19 /* bytes of states that no first or second cache keeps */
};

/* Rows of a batch, those of one key together. */
struct groups {
    size_t count;
    uint32_t key[SHEAF_BATCH_ROWS];
    uint32_t end[SHEAF_BATCH_ROWS + 1]; /* of the group, in row[] */
    uint32_t row[SHEAF_BATCH_ROWS];     /* index into the selection, in order within a group */
};

struct sheaf_fold_scratch {
    uint32_t number[SHEAF_BATCH_ROWS];   /* key of each row */
    uint32_t selected[SHEAF_BATCH_ROWS]; /* rows in which nothing is missing */
    uint32_t key[SHEAF_BATCH_ROWS];      /* their keys */
    uint32_t source[SHEAF_BATCH_ROWS];   /* the row that each gathered one was */
    uint32_t group_of[SHEAF_BATCH_ROWS];
    struct groups groups;
    uint32_t *seen; /* for each key: group + 1 while grouping, else 0 */
    size_t seen_capacity;
    size_t inputs; /* the most that an operator has */
    sheaf_column *columns;
    sheaf_column *part; /* of the columns, for one key */
    char *values;       /* [inputs][VALUE_BYTES] */
    uint64_t *present;  /* [inputs][PRESENT_WORDS] */
};

enum {
    VALUE_BYTES = SHEAF_BATCH_ROWS * (int)sizeof(sheaf_int128) + BEHIND,
    PRESENT_WORDS = WORDS + SHEAF_BATCH_ROWS /* each key's bits begin a word */
};

/* One call of sheaf_table_fold(). */
struct folding {
    const sheaf_column *frame;
    size_t rows;
    bool grouped;                    /* scratch->groups are those of all rows */
    struct sheaf_invocation failure; /* that of the earliest row; its `row` is one of the frame */
    bool failed;
};

sheaf_status sheaf_fold_scratch_open(const struct sheaf_aggregate *aggregate,
                                     struct sheaf_fold_scratch **scratch, sheaf_error *error)
{
    struct sheaf_fold_scratch *opened = NULL;
    size_t inputs = 0;
    sheaf_status status;

    for (size_t i = 0; i < aggregate->count; i++)
        if (aggregate->bound[i].inputs > inputs)
            inputs = aggregate->bound[i].inputs;
    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    opened->inputs = inputs;
    status = sheaf_allocate(&opened->columns, inputs, sizeof *opened->columns, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&opened->part, inputs, sizeof *opened->part, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&opened->values, inputs, VALUE_BYTES, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&opened->present, inputs, PRESENT_WORDS * sizeof(uint64_t), error);
    if (status != SHEAF_OK) {
        sheaf_fold_scratch_close(opened);
        return status;
    }
    *scratch = opened;
    return SHEAF_OK;
}

void sheaf_fold_scratch_close(struct sheaf_fold_scratch *scratch)
{
    if (!scratch)
        return;
    free(scratch->seen);
    free(scratch->columns);
    free(scratch->part);
    free(scratch->values);
    free(scratch->present);
    free(scratch);
}

/* -- columns gathered ----------------------------------------------------------------------- */

#define GATHER(type)                                                                \
    for (size_t i = 0; i < count; i++)                                              \
        memcpy(to + i * sizeof(type), from + rows[i] * sizeof(type), sizeof(type)); \
    break

static void gather_values(char *to, const char *from, size_t size, const uint32_t *rows,
                          size_t count)
{
    switch (size) {
    case 1:
        GATHER(uint8_t);
    case 2:
        GATHER(uint16_t);
    case 4:
        GATHER(uint32_t);
    case 8:
        GATHER(uint64_t);
    default:
        GATHER(sheaf_int128);
    }
}

/* The column's rows `rows`, in scratch memory of input `input`; bits stay behind. */
static sheaf_column gather(struct sheaf_fold_scratch *scratch, size_t input,
                           const sheaf_column *column, const uint32_t *rows, size_t count)
{
    sheaf_column gathered = {.type = column->type, .scale = column->scale};
    char *values = scratch->values + input * VALUE_BYTES;

    gather_values(values, column->values, sheaf_type_size(column->type), rows, count);
    gathered.values = values;
    return gathered;
}

static void gather_present(uint64_t *bits, const sheaf_column *column, const uint32_t *rows,
                           size_t count)
{
    memset(bits, 0, (count + 63) / 64 * sizeof *bits);
    for (size_t i = 0; i < count; i++)
        bits[i / 64] |= (uint64_t)sheaf_present(column, rows[i]) << (i % 64);
}

/* -- calls ---------------------------------------------------------------------------------- */

/* Of several refusals the earliest row's is told, whatever the order of the calls. */
static void note_failure(struct folding *folding, const struct sheaf_invocation *call, size_t rows)
{
    size_t row = call->row < rows ? call->row : rows - 1;

    if (call->rows)
        row = call->rows[row];
    if (folding->failed && folding->failure.row <= row)
        return;
    folding->failed = true;
    folding->failure = *call;
    folding->failure.row = row;
}

static void call_fold(struct sheaf_table *table, struct folding *folding,
                      const struct sheaf_bound *bound, const sheaf_column *columns, size_t rows,
                      uint32_t key, const uint32_t *source)
{
    struct sheaf_invocation call;
    sheaf_batch batch = {.rows = rows,
                         .columns = bound->inputs ? columns : NULL,
                         .options = bound->options,
                         .heap = &table->heap,
                         .call = &call};

    call.operator_name = bound->name;
    call.failed = false;
    call.rows = source;
    bound->op->fold((char *)sheaf_table_state(table, key) + bound->state_offset, &batch);
    if (__builtin_expect(call.failed, 0))
        note_failure(folding, &call, rows);
}

static void call_fold_keyed(struct sheaf_table *table, struct folding *folding,
                            const struct sheaf_bound *bound, const sheaf_column *columns,
                            size_t rows, const uint32_t *keys, const uint32_t *source)
{
    struct sheaf_invocation call;
    sheaf_batch batch = {.rows = rows,
                         .columns = bound->inputs ? columns : NULL,
                         .options = bound->options,
                         .heap = &table->heap,
                         .call = &call};

    call.operator_name = bound->name;
    call.failed = false;
    call.rows = source;
    bound->op->fold_keyed(table->states + bound->state_offset, table->stride, keys, &batch);
    if (__builtin_expect(call.failed, 0))
        note_failure(folding, &call, rows);
}

/* -- rows that count ------------------------------------------------------------------------ */

/* The rows in which no input is missing, to scratch->selected; SIZE_MAX if these are all. */
static size_t select_rows(struct sheaf_fold_scratch *scratch, const struct folding *folding,
                          const struct sheaf_bound *bound)
{
    size_t words = (folding->rows + 63) / 64;
    uint64_t here[WORDS];
    size_t count = 0, total = 0;
    bool some = false;

    for (uint32_t input = 0; input < bound->inputs; input++)
        some |= folding->frame[bound->input[input]].present != NULL;
    if (!some)
        return SIZE_MAX;
    memset(here, 0xFF, sizeof here);
    if (folding->rows % 64)
        here[words - 1] = ~UINT64_C(0) >> (64 - folding->rows % 64);
    for (uint32_t input = 0; input < bound->inputs; input++) {
        const uint64_t *present = folding->frame[bound->input[input]].present;

        for (size_t i = 0; present && i < words; i++)
            here[i] &= present[i];
    }
    for (size_t i = 0; i < words; i++)
        total += (size_t)__builtin_popcountll(here[i]);
    if (total == folding->rows)
        return SIZE_MAX;
    for (size_t i = 0; i < words; i++)
        for (uint64_t rest = here[i]; rest; rest &= rest - 1)
            scratch->selected[count++] = (uint32_t)(i * 64 + (size_t)__builtin_ctzll(rest));
    return count;
}

/* Rows key by key, keys in the order of their first row. */
static void group_rows(struct sheaf_fold_scratch *scratch, const uint32_t *keys, size_t rows)
{
    struct groups *groups = &scratch->groups;
    uint32_t *start = groups->end; /* where the next row of a group goes: at last, its end */
    uint32_t at = 0;

    groups->count = 0;
    for (size_t row = 0; row < rows; row++) {
        uint32_t *seen = &scratch->seen[keys[row]];

        if (*seen == 0) {
            groups->key[groups->count] = keys[row];
            start[groups->count++] = 0;
            *seen = (uint32_t)groups->count;
        }
        scratch->group_of[row] = *seen - 1;
        start[*seen - 1]++;
    }
    for (size_t group = 0; group < groups->count; group++) {
        uint32_t size = start[group];

        start[group] = at;
        at += size;
        scratch->seen[groups->key[group]] = 0;
    }
    for (size_t row = 0; row < rows; row++)
        groups->row[start[scratch->group_of[row]]++] = (uint32_t)row;
}

/* -- an operator ---------------------------------------------------------------------------- */

/* Columns as they are, for whom all rows count. */
static void take_columns(struct sheaf_fold_scratch *scratch, const struct folding *folding,
                         const struct sheaf_bound *bound)
{
    for (uint32_t input = 0; input < bound->inputs; input++) {
        scratch->columns[input] = folding->frame[bound->input[input]];
        if (!bound->op->keep_missing)
            scratch->columns[input].present = NULL;
    }
}

static void gather_columns(struct sheaf_fold_scratch *scratch, const struct folding *folding,
                           const struct sheaf_bound *bound, const uint32_t *rows, size_t count)
{
    for (uint32_t input = 0; input < bound->inputs; input++)
        scratch->columns[input] =
            gather(scratch, input, &folding->frame[bound->input[input]], rows, count);
}

/* The part of the gathered columns that belongs to one group, which begins at `start`. */
static void take_part(struct sheaf_fold_scratch *scratch, const struct folding *folding,
                      const struct sheaf_bound *bound, size_t start, size_t rows)
{
    for (uint32_t input = 0; input < bound->inputs; input++) {
        const sheaf_column *whole = &folding->frame[bound->input[input]];
        sheaf_column *part = &scratch->part[input];

        *part = scratch->columns[input];
        part->values = (const char *)part->values + start * sheaf_type_size(part->type);
        if (bound->op->keep_missing && whole->present) {
            uint64_t *bits = scratch->present + input * PRESENT_WORDS;

            gather_present(bits, whole, scratch->source + start, rows);
            part->present = bits;
        }
    }
}

/* One call of fold for each key.  `selected` is NULL when all rows count. */
static void fold_groups(struct sheaf_table *table, struct folding *folding,
                        const struct sheaf_bound *bound, const uint32_t *keys,
                        const uint32_t *selected, size_t rows)
{
    struct sheaf_fold_scratch *scratch = table->scratch;
    const struct groups *groups = &scratch->groups;
    size_t start = 0;

    if (selected || !folding->grouped)
        group_rows(scratch, keys, rows);
    folding->grouped = !selected;
    if (groups->count == 1 && !selected) {
        take_columns(scratch, folding, bound);
        call_fold(table, folding, bound, scratch->columns, rows, groups->key[0], NULL);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        scratch->source[i] = selected ? selected[groups->row[i]] : groups->row[i];
    gather_columns(scratch, folding, bound, scratch->source, rows);
    for (size_t group = 0; group < groups->count; group++) {
        size_t count = groups->end[group] - start;

        take_part(scratch, folding, bound, start, count);
        call_fold(table, folding, bound, scratch->part, count, groups->key[group],
                  scratch->source + start);
        start = groups->end[group];
    }
}

static void fold_all(struct sheaf_table *table, struct folding *folding,
                     const struct sheaf_bound *bound)
{
    struct sheaf_fold_scratch *scratch = table->scratch;
    bool keyed = table->keys.mode != SHEAF_KEYS_NONE;

    if (keyed && !bound->op->fold_keyed && table->keys.count > 1) {
        fold_groups(table, folding, bound, scratch->number, NULL, folding->rows);
        return;
    }
    take_columns(scratch, folding, bound);
    if (bound->op->fold_keyed && (keyed || !bound->op->fold))
        call_fold_keyed(table, folding, bound, scratch->columns, folding->rows, scratch->number,
                        NULL);
    else
        call_fold(table, folding, bound, scratch->columns, folding->rows, 0, NULL);
}

static void fold_selected(struct sheaf_table *table, struct folding *folding,
                          const struct sheaf_bound *bound, size_t rows)
{
    struct sheaf_fold_scratch *scratch = table->scratch;
    bool keyed = table->keys.mode != SHEAF_KEYS_NONE;

    for (size_t i = 0; i < rows; i++)
        scratch->key[i] = scratch->number[scratch->selected[i]];
    if (keyed && !bound->op->fold_keyed && table->keys.count > 1) {
        fold_groups(table, folding, bound, scratch->key, scratch->selected, rows);
        return;
    }
    gather_columns(scratch, folding, bound, scratch->selected, rows);
    if (bound->op->fold_keyed && (keyed || !bound->op->fold))
        call_fold_keyed(table, folding, bound, scratch->columns, rows, scratch->key,
                        scratch->selected);
    else
        call_fold(table, folding, bound, scratch->columns, rows, 0, scratch->selected);
}

/* -- the batch ------------------------------------------------------------------------------ */

/* States that have left the caches are fetched before the operators walk them row by row. */
static void fetch_states(const struct sheaf_table *table, size_t rows)
{
    const uint32_t *number = table->scratch->number;

    if (table->state_count * table->stride < FAR_STATES)
        return;
    for (size_t row = 0; row < rows; row++)
        __builtin_prefetch(sheaf_table_state(table, number[row]), 1);
}

static sheaf_status fold_operators(struct sheaf_table *table, void *argument, sheaf_error *error)
{
    struct folding *folding = argument;

    (void)error;
    for (size_t i = 0; i < table->aggregate->count; i++) {
        const struct sheaf_bound *bound = &table->aggregate->bound[i];
        size_t rows = SIZE_MAX;

        if (!bound->op->keep_missing)
            rows = select_rows(table->scratch, folding, bound);
        if (rows == SIZE_MAX)
            fold_all(table, folding, bound);
        else if (rows > 0)
            fold_selected(table, folding, bound, rows);
    }
    return SHEAF_OK;
}

static sheaf_status refused(const struct sheaf_invocation *failure, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_REFUSED, "%s: %s (E501)", failure->operator_name,
                    failure->message);
    if (error) {
        error->code = 501;
        error->row = (int64_t)failure->row;
    }
    return SHEAF_REFUSED;
}

/* A place for each key in `seen`, zero like all of it. */
static sheaf_status reserve_seen(struct sheaf_table *table, sheaf_error *error)
{
    struct sheaf_fold_scratch *scratch = table->scratch;
    size_t before = scratch->seen_capacity;

    SHEAF_TRY(sheaf_grow(&scratch->seen, &scratch->seen_capacity, table->keys.count,
                         sizeof *scratch->seen, error));
    memset(scratch->seen + before, 0, (scratch->seen_capacity - before) * sizeof *scratch->seen);
    return SHEAF_OK;
}

sheaf_status sheaf_table_fold(struct sheaf_table *table, const sheaf_column *keys,
                              const sheaf_column *frame, size_t rows, sheaf_error *error)
{
    struct folding folding = {.frame = frame, .rows = rows};

    assert(rows <= SHEAF_BATCH_ROWS);
    if (rows == 0)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_keys_number(&table->keys, keys, rows, table->next_row, table->scratch->number,
                                error));
    SHEAF_TRY(sheaf_table_begin_states(table, true, error));
    SHEAF_TRY(reserve_seen(table, error));
    fetch_states(table, rows);
    table->next_row += rows;
    table->untouched = false;
    SHEAF_TRY(sheaf_table_guard(table, fold_operators, &folding, error));
    return folding.failed ? refused(&folding.failure, error) : SHEAF_OK;
}
