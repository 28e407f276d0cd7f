/* trial.c - an operator run on rows in memory: see trial.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/string.h"
#include "column/format.h"
#include "operator/call.h"
#include "operator/trial.h"

/* -- rows ------------------------------------------------------------------------------------ */

static bool is_seen(const struct sheaf_bound *bound, const sheaf_batch *batch, size_t row)
{
    if (bound->op->keep_missing)
        return true;
    for (uint32_t i = 0; i < bound->inputs; i++)
        if (!sheaf_present(&batch->columns[i], row))
            return false;
    return true;
}

static void copy_row(struct sheaf_trial *trial, const sheaf_batch *batch, size_t row)
{
    size_t to = trial->rows++;

    for (uint32_t i = 0; i < trial->bound->inputs; i++) {
        size_t size = sheaf_type_size(trial->columns[i].type);
        char *values = (char *)(uintptr_t)trial->columns[i].values;

        memcpy(values + to * size, (const char *)batch->columns[i].values + row * size, size);
        if (sheaf_present(&batch->columns[i], row))
            trial->present[i][to / 64] |= UINT64_C(1) << (to % 64);
    }
}

sheaf_status sheaf_trial_open(const struct sheaf_bound *bound, const sheaf_batch *batches,
                              size_t count, struct sheaf_trial *trial, sheaf_error *error)
{
    size_t rows = 0;
    sheaf_status status = SHEAF_OK;

    *trial = (struct sheaf_trial){.bound = bound};
    for (size_t i = 0; i < count; i++)
        rows += batches[i].rows;
    for (uint32_t i = 0; i < bound->inputs && status == SHEAF_OK; i++) {
        void *values = NULL;

        trial->columns[i].type = bound->input_kind[i].type;
        trial->columns[i].scale = bound->input_kind[i].scale;
        status = sheaf_allocate(&values, rows + 8, sheaf_type_size(trial->columns[i].type), error);
        trial->columns[i].values = values;
        if (status == SHEAF_OK)
            status = sheaf_allocate(&trial->present[i], rows / 64 + 1, sizeof(uint64_t), error);
    }
    for (size_t i = 0; i < count && status == SHEAF_OK; i++)
        for (size_t row = 0; row < batches[i].rows; row++)
            if (is_seen(bound, &batches[i], row))
                copy_row(trial, &batches[i], row);
    if (status != SHEAF_OK)
        sheaf_trial_close(trial);
    return status;
}

void sheaf_trial_close(struct sheaf_trial *trial)
{
    for (size_t i = 0; i < SHEAF_FIELDS_MAX; i++) {
        free((void *)(uintptr_t)trial->columns[i].values);
        free(trial->present[i]);
    }
    *trial = (struct sheaf_trial){0};
}

/* -- states ---------------------------------------------------------------------------------- */

sheaf_status sheaf_states_open(const struct sheaf_trial *trial, size_t count,
                               struct sheaf_states *states, sheaf_error *error)
{
    const struct sheaf_bound *bound = trial->bound;

    *states = (struct sheaf_states){.count = count};
    SHEAF_TRY(sheaf_allocate(&states->states, count, bound->state_size, error));
    for (size_t i = 0; i < count && bound->op->begin; i++)
        bound->op->begin(states->states + i * bound->state_size, bound->options);
    return SHEAF_OK;
}

void sheaf_states_close(struct sheaf_states *states)
{
    free(states->states);
    sheaf_heap_free(&states->heap);
    *states = (struct sheaf_states){0};
}

/* A state that keeps a pointer to itself is caught: its old place is overwritten and given back. */
static sheaf_status move_states(const struct sheaf_trial *trial, struct sheaf_states *states,
                                sheaf_error *error)
{
    size_t size = states->count * trial->bound->state_size;
    char *moved = NULL;

    SHEAF_TRY(sheaf_allocate(&moved, 1, size, error));
    memcpy(moved, states->states, size);
    memset(states->states, 0xA5, size);
    free(states->states);
    states->states = moved;
    return SHEAF_OK;
}

static sheaf_status no_memory(const struct sheaf_trial *trial, sheaf_error *error)
{
    return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: the state of %s grew too large",
                           trial->bound->name);
}

/* -- batches --------------------------------------------------------------------------------- */

/* Rows of the trial as an operator sees them. */
struct window {
    sheaf_batch batch;
    sheaf_column columns[SHEAF_FIELDS_MAX];
    uint64_t present[SHEAF_FIELDS_MAX][SHEAF_BATCH_ROWS / 64];
    struct sheaf_invocation call;
};

static void look_at(const struct sheaf_trial *trial, size_t begin, size_t rows,
                    struct window *window)
{
    const struct sheaf_bound *bound = trial->bound;

    for (uint32_t i = 0; i < bound->inputs; i++) {
        const sheaf_column *from = &trial->columns[i];

        window->columns[i] = *from;
        window->columns[i].values =
            (const char *)from->values + begin * sheaf_type_size(from->type);
        if (!bound->op->keep_missing)
            continue;
        memset(window->present[i], 0, sizeof window->present[i]);
        for (size_t row = 0; row < rows; row++)
            window->present[i][row / 64] |=
                (trial->present[i][(begin + row) / 64] >> ((begin + row) % 64) & 1) << (row % 64);
        window->columns[i].present = window->present[i];
    }
    window->call = (struct sheaf_invocation){.operator_name = bound->name};
    window->batch = (sheaf_batch){.rows = rows,
                                  .columns = bound->inputs ? window->columns : NULL,
                                  .options = bound->options,
                                  .call = &window->call};
}

static sheaf_status refusal(const struct sheaf_trial *trial, const struct window *window,
                            size_t begin, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_REFUSED, "%s refused row %zu of those it was given: %s",
                    trial->bound->name, begin + window->call.row + 1, window->call.message);
    return SHEAF_REFUSED;
}

static sheaf_status fold_window(const struct sheaf_trial *trial, struct sheaf_states *states,
                                struct window *window, const uint32_t *key, sheaf_error *error)
{
    const struct sheaf_bound *bound = trial->bound;
    jmp_buf escape;

    states->heap.escape = &escape;
    window->batch.heap = &states->heap;
    if (setjmp(escape))
        return no_memory(trial, error);
    if (key)
        bound->op->fold_keyed(states->states, bound->state_size, key, &window->batch);
    else
        bound->op->fold(states->states, &window->batch);
    return SHEAF_OK;
}

sheaf_status sheaf_trial_fold(const struct sheaf_trial *trial, struct sheaf_states *states,
                              size_t begin, size_t end, size_t batch, const uint32_t *key,
                              bool move, sheaf_error *error)
{
    struct window *window = NULL;
    sheaf_status status;

    SHEAF_TRY(sheaf_allocate(&window, 1, sizeof *window, error));
    status = SHEAF_OK;
    for (size_t at = begin; at < end && status == SHEAF_OK; at += batch) {
        look_at(trial, at, end - at < batch ? end - at : batch, window);
        status = fold_window(trial, states, window, key ? key + (at - begin) : NULL, error);
        if (status == SHEAF_OK && window->call.failed)
            status = refusal(trial, window, at, error);
        if (status == SHEAF_OK && move)
            status = move_states(trial, states, error);
    }
    free(window);
    return status;
}

sheaf_status sheaf_trial_map(const struct sheaf_trial *trial, size_t begin, size_t end,
                             size_t batch, sheaf_rows *rows, sheaf_error *error)
{
    struct window *window = NULL;
    sheaf_status status = SHEAF_OK;

    SHEAF_TRY(sheaf_allocate(&window, 1, sizeof *window, error));
    for (size_t at = begin; at < end && status == SHEAF_OK; at += batch) {
        look_at(trial, at, end - at < batch ? end - at : batch, window);
        trial->bound->op->map(rows, &window->batch);
        if (window->call.failed)
            status = refusal(trial, window, at, error);
    }
    free(window);
    return status;
}

sheaf_status sheaf_trial_combine(const struct sheaf_trial *trial, struct sheaf_states *states,
                                 const struct sheaf_states *later, sheaf_error *error)
{
    const struct sheaf_bound *bound = trial->bound;
    const sheaf_gluing with = {bound->options, &states->heap, &later->heap};
    jmp_buf escape;

    states->heap.escape = &escape;
    if (setjmp(escape))
        return no_memory(trial, error);
    if (bound->op->combine_with)
        bound->op->combine_with(states->states, later->states, &with);
    else
        bound->op->combine(states->states, later->states);
    return SHEAF_OK;
}

/* -- answers --------------------------------------------------------------------------------- */

static sheaf_type shown_as(const struct sheaf_bound *bound, uint32_t output)
{
    sheaf_type type = bound->output_kind[output].type;

    if (bound->op->answer || bound->op->map)
        return type;
    return type == SHEAF_F64 ? SHEAF_F64 : SHEAF_TEXT;
}

sheaf_status sheaf_trial_rows(const struct sheaf_trial *trial, sheaf_rows **rows,
                              sheaf_error *error)
{
    sheaf_kind kinds[SHEAF_FIELDS_MAX];

    for (uint32_t i = 0; i < trial->bound->outputs; i++)
        kinds[i] = (sheaf_kind){shown_as(trial->bound, i), 0};
    return sheaf_rows_open(kinds, trial->bound->outputs, rows, error);
}

static void append_member(const struct sheaf_bound *bound, uint32_t output, const char *state,
                          const sheaf_heap *heap, sheaf_rows *rows)
{
    const sheaf_output *from = &bound->op->outputs[output];
    sheaf_kind kind = bound->output_kind[output];
    char text[SHEAF_FORMAT_MAX];
    int64_t present = 1;

    if (from->present)
        memcpy(&present, state + from->present - 1, sizeof present);
    if (present == 0) {
        sheaf_append_missing(rows, output);
    } else if (kind.type == SHEAF_F64) {
        double value;
        memcpy(&value, state + from->offset, sizeof value);
        sheaf_append_f64(rows, output, value);
    } else if (kind.type == SHEAF_TEXT || kind.type == SHEAF_BYTES) {
        sheaf_block block;
        memcpy(&block, state + from->offset, sizeof block);
        sheaf_append_text(rows, output, sheaf_block_bytes(heap, &block), block.size);
    } else {
        _Alignas(16) char value[16];
        memcpy(value, state + from->offset, sheaf_type_size(kind.type));
        sheaf_append_text(rows, output, text, sheaf_format_value(kind, value, text));
    }
}

sheaf_status sheaf_trial_answer(const struct sheaf_trial *trial, struct sheaf_states *states,
                                size_t which, sheaf_rows *rows, sheaf_error *error)
{
    const struct sheaf_bound *bound = trial->bound;
    const sheaf_gluing with = {bound->options, &states->heap, NULL};
    char *state = states->states + which * bound->state_size;
    jmp_buf escape;

    states->heap.escape = &escape;
    if (setjmp(escape))
        return no_memory(trial, error);
    if (bound->op->finish_with)
        bound->op->finish_with(state, &with);
    else if (bound->op->finish)
        bound->op->finish(state);
    if (bound->op->answer)
        bound->op->answer(rows, state, &with);
    else
        for (uint32_t i = 0; i < bound->outputs; i++)
            append_member(bound, i, state, &states->heap, rows);
    return SHEAF_OK;
}
