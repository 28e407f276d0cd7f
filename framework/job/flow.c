/*
 * flow.c - sending batches through a pipeline: see pipeline.h
 *
 * Registers are columns; a filter gathers the rows that stay into the flow's own
 * memory, one piece for each register that is still read.  Memory grows to the
 * largest batch and is then used again and again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/pipeline.h"

/* Room for a gathered register. */
struct gathered {
    struct sheaf_string values;
    struct sheaf_string present;
};

struct flow {
    const struct pipeline *pipeline;
    sheaf_column *registers;
    struct gathered *gathered; /* two for each register, used in turn: a gather reads one and
                                  writes the other */
    unsigned char *turn;
    struct conversion *conversions;      /* of each step */
    struct sheaf_evaluator **evaluators; /* of each step with an expression */
    sheaf_rows **rows;                   /* of each map */
    uint64_t *passed;                    /* rows through each limit, in this shard */
    sheaf_column *inputs;                /* of the step at work */
    uint32_t *origin[2];                 /* row of the reader's batch; NULL origin: the same row */
    size_t origin_capacity[2];
    uint32_t *selection;
    size_t selection_capacity;
    uint64_t filtered; /* rows of the file left out, in this shard */
    flow_taker take;
    void *context;
};

sheaf_status sheaf_flow_open(const struct pipeline *pipeline, struct flow **opened,
                             sheaf_error *error)
{
    struct flow *flow = NULL;
    size_t steps = pipeline->step_count, registers = pipeline->registers;

    SHEAF_TRY(sheaf_allocate(&flow, 1, sizeof *flow, error));
    flow->pipeline = pipeline;
    sheaf_status status =
        sheaf_allocate(&flow->registers, registers, sizeof *flow->registers, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&flow->gathered, 2 * registers, sizeof *flow->gathered, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&flow->turn, registers, 1, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&flow->conversions, steps, sizeof *flow->conversions, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&flow->evaluators, steps, sizeof(void *), error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&flow->rows, steps, sizeof(void *), error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&flow->passed, steps, sizeof *flow->passed, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&flow->inputs, registers + SHEAF_FIELDS_MAX, sizeof *flow->inputs,
                                error);
    for (size_t i = 0; status == SHEAF_OK && i < steps; i++) {
        const struct step *step = &pipeline->steps[i];
        if (step->expression)
            status = sheaf_evaluator_open(step->expression, &flow->evaluators[i], error);
        if (status == SHEAF_OK && step->map)
            status =
                sheaf_rows_open(step->map->output_kind, step->map->outputs, &flow->rows[i], error);
    }
    if (status != SHEAF_OK) {
        sheaf_flow_close(flow);
        return status;
    }
    *opened = flow;
    return SHEAF_OK;
}

void sheaf_flow_close(struct flow *flow)
{
    if (!flow)
        return;
    for (size_t i = 0; flow->gathered && i < 2 * flow->pipeline->registers; i++) {
        sheaf_string_free(&flow->gathered[i].values);
        sheaf_string_free(&flow->gathered[i].present);
    }
    for (size_t i = 0; i < flow->pipeline->step_count; i++) {
        if (flow->conversions)
            sheaf_conversion_free(&flow->conversions[i]);
        if (flow->evaluators)
            sheaf_evaluator_close(flow->evaluators[i]);
        if (flow->rows)
            sheaf_rows_close(flow->rows[i]);
    }
    free(flow->registers);
    free(flow->gathered);
    free(flow->turn);
    free(flow->conversions);
    free(flow->evaluators);
    free(flow->rows);
    free(flow->passed);
    free(flow->inputs);
    free(flow->origin[0]);
    free(flow->origin[1]);
    free(flow->selection);
    free(flow);
}

void sheaf_flow_start(struct flow *flow)
{
    memset(flow->passed, 0, flow->pipeline->step_count * sizeof *flow->passed);
    flow->filtered = 0;
}

void sheaf_flow_counts(const struct flow *flow, uint64_t *filtered)
{
    *filtered = flow->filtered;
}

bool sheaf_flow_full(const struct flow *flow)
{
    for (size_t i = 0; i < flow->pipeline->step_count; i++)
        if (flow->pipeline->steps[i].kind == STEP_LIMIT &&
            flow->passed[i] >= flow->pipeline->steps[i].limit)
            return true;
    return false;
}

/* -- gathering --------------------------------------------------------------------------------- */

static void gather_values(const sheaf_column *from, size_t size, const uint32_t *selection,
                          size_t count, char *to)
{
    const char *values = from->values;

    switch (size) {
    case 1:
        for (size_t i = 0; i < count; i++)
            to[i] = values[selection[i]];
        break;
    case 4:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 4 * i, values + 4 * (size_t)selection[i], 4);
        break;
    case 8:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 8 * i, values + 8 * (size_t)selection[i], 8);
        break;
    case 16:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 16 * i, values + 16 * (size_t)selection[i], 16);
        break;
    default:
        for (size_t i = 0; i < count; i++)
            memcpy(to + size * i, values + size * (size_t)selection[i], size);
    }
}

static sheaf_status gather(struct flow *flow, int32_t reg, const uint32_t *selection, size_t count,
                           sheaf_error *error)
{
    sheaf_column *column = &flow->registers[reg];
    struct gathered *room = &flow->gathered[2 * reg + (flow->turn[reg] ^= 1)];
    size_t size = sheaf_type_size(column->type);

    sheaf_string_clear(&room->values);
    sheaf_string_clear(&room->present);
    if (!sheaf_string_reserve(&room->values, count * size + 64))
        return sheaf_string_check(&room->values, error);
    gather_values(column, size, selection, count, room->values.bytes);
    if (column->present) {
        size_t words = (count + 63) / 64;
        if (!sheaf_string_reserve(&room->present, words * 8 + 8))
            return sheaf_string_check(&room->present, error);
        memset(room->present.bytes, 0, words * 8);
        uint64_t *present = (void *)room->present.bytes;
        for (size_t i = 0; i < count; i++)
            present[i / 64] |= (column->present[selection[i] / 64] >> (selection[i] % 64) & 1)
                               << (i % 64);
        column->present = present;
    }
    column->values = room->values.bytes;
    return SHEAF_OK;
}

/* Keep the selected rows: registers that live on, and where they come from. */
static sheaf_status select_rows(struct flow *flow, const int32_t *live, size_t live_count,
                                const uint32_t *selection, size_t count, const uint32_t **origin,
                                sheaf_error *error)
{
    int side = *origin == flow->origin[0] && *origin ? 1 : 0;

    for (size_t i = 0; i < live_count; i++)
        SHEAF_TRY(gather(flow, live[i], selection, count, error));
    SHEAF_TRY(sheaf_grow(&flow->origin[side], &flow->origin_capacity[side], count + 1,
                         sizeof **flow->origin, error));
    for (size_t i = 0; i < count; i++)
        flow->origin[side][i] = *origin ? (*origin)[selection[i]] : selection[i];
    *origin = flow->origin[side];
    return SHEAF_OK;
}

/* -- steps ------------------------------------------------------------------------------------- */

static sheaf_status run_steps(struct flow *flow, size_t at, size_t rows, const uint32_t *origin,
                              bool known, sheaf_error *error);

static void set_row(sheaf_error *error, const uint32_t *origin, bool known)
{
    if (error && error->row >= 0 && !known)
        error->row = -1;
    else if (error && error->row >= 0 && origin)
        error->row = origin[error->row];
}

/* What an evaluator says of the row that failed, as error->row. */
static sheaf_status evaluated(sheaf_status status, size_t bad_row, const uint32_t *origin,
                              bool known, sheaf_error *error)
{
    if (status != SHEAF_OK && error) {
        error->row = bad_row == SIZE_MAX ? -1 : (int64_t)bad_row;
        set_row(error, origin, known);
    }
    return status;
}

static const sheaf_column *collect_inputs(struct flow *flow, const struct step *step)
{
    for (size_t i = 0; i < step->input_count; i++)
        flow->inputs[i] = flow->registers[step->inputs[i]];
    return flow->inputs;
}

static void slice(sheaf_column *columns, size_t count, size_t begin)
{
    for (size_t i = 0; i < count; i++) {
        columns[i].values =
            (const char *)columns[i].values + begin * sheaf_type_size(columns[i].type);
        if (columns[i].present)
            columns[i].present += begin / 64; /* begin is a multiple of SHEAF_BATCH_ROWS */
    }
}

/* Rows without a missing input, in the registers' place; the inputs' columns are gathered too. */
static sheaf_status drop_missing(struct flow *flow, const struct step *step, size_t *rows,
                                 const uint32_t **origin, sheaf_error *error)
{
    size_t kept = 0;
    bool any = false;

    for (size_t i = 0; i < step->input_count; i++)
        any |= flow->registers[step->inputs[i]].present != NULL;
    if (!any)
        return SHEAF_OK;
    SHEAF_TRY(
        sheaf_grow(&flow->selection, &flow->selection_capacity, *rows, sizeof(uint32_t), error));
    for (size_t row = 0; row < *rows; row++) {
        bool all = true;
        for (size_t i = 0; i < step->input_count; i++)
            all &= sheaf_present(&flow->registers[step->inputs[i]], row) != 0;
        flow->selection[kept] = (uint32_t)row;
        kept += all;
    }
    if (kept == *rows)
        return SHEAF_OK;
    *rows = kept;

    /* Each register once, also where two inputs read the same. */
    int32_t live[SHEAF_FIELDS_MAX];
    size_t live_count = 0;
    for (size_t i = 0; i < step->input_count; i++) {
        size_t j = 0;
        while (j < live_count && live[j] != step->inputs[i])
            j++;
        if (j == live_count)
            live[live_count++] = step->inputs[i];
    }
    return select_rows(flow, live, live_count, flow->selection, kept, origin, error);
}

static sheaf_status run_map(struct flow *flow, size_t at, size_t rows, const uint32_t *origin,
                            bool known, sheaf_error *error)
{
    const struct step *step = &flow->pipeline->steps[at];
    const sheaf_operator *op = step->map->op;
    struct sheaf_invocation call = {.operator_name = step->map->name};
    const sheaf_column *columns;
    size_t count;

    if (!op->keep_missing)
        SHEAF_TRY(drop_missing(flow, step, &rows, &origin, error));
    if (rows == 0)
        return SHEAF_OK;
    sheaf_batch batch = {.rows = rows,
                         .columns = collect_inputs(flow, step),
                         .options = step->map->options,
                         .call = &call};
    sheaf_rows_clear(flow->rows[at]);
    op->map(flow->rows[at], &batch);
    if (call.failed) {
        sheaf_error_set(error, SHEAF_REFUSED, "%s", call.message);
        if (error)
            error->row = (int64_t)call.row;
        set_row(error, origin, known);
        return SHEAF_REFUSED;
    }
    SHEAF_TRY(sheaf_rows_view(flow->rows[at], &count, &columns, error));
    for (size_t begin = 0; begin < count; begin += SHEAF_BATCH_ROWS) {
        size_t chunk = count - begin < SHEAF_BATCH_ROWS ? count - begin : SHEAF_BATCH_ROWS;
        memcpy(&flow->registers[step->to], columns, step->map->outputs * sizeof *columns);
        slice(&flow->registers[step->to], step->map->outputs, begin);
        SHEAF_TRY(run_steps(flow, at + 1, chunk, NULL, false, error));
    }
    return SHEAF_OK;
}

static sheaf_status run_filter(struct flow *flow, size_t at, size_t *rows, const uint32_t **origin,
                               bool known, sheaf_error *error)
{
    const struct step *step = &flow->pipeline->steps[at];
    size_t kept = 0;

    SHEAF_TRY(sheaf_grow(&flow->selection, &flow->selection_capacity, *rows + 64, sizeof(uint32_t),
                         error));
    size_t bad_row = SIZE_MAX;
    sheaf_status status = sheaf_evaluator_filter(flow->evaluators[at], collect_inputs(flow, step),
                                                 *rows, flow->selection, &kept, &bad_row, error);
    SHEAF_TRY(evaluated(status, bad_row, *origin, known, error));
    if (kept == *rows)
        return SHEAF_OK;
    if (known)
        flow->filtered += *rows - kept;
    *rows = kept;
    return select_rows(flow, step->live, step->live_count, flow->selection, kept, origin, error);
}

static void run_limit(struct flow *flow, size_t at, size_t *rows, bool known)
{
    uint64_t left = flow->pipeline->steps[at].limit - flow->passed[at];

    if (*rows > left) {
        if (known)
            flow->filtered += *rows - left;
        *rows = (size_t)left;
    }
    flow->passed[at] += *rows;
}

/* Send rows through the steps from `at` on, and hand them over.  known: origin says (NULL: the same
 * row) where each row comes from. */
static sheaf_status run_steps(struct flow *flow, size_t at, size_t rows, const uint32_t *origin,
                              bool known, sheaf_error *error)
{
    sheaf_status status;
    size_t bad_row;

    for (; at < flow->pipeline->step_count && rows > 0; at++) {
        const struct step *step = &flow->pipeline->steps[at];
        switch (step->kind) {
        case STEP_FILTER:
            SHEAF_TRY(run_filter(flow, at, &rows, &origin, known, error));
            break;
        case STEP_LIMIT:
            run_limit(flow, at, &rows, known);
            break;
        case STEP_EVALUATE:
            bad_row = SIZE_MAX;
            status = sheaf_evaluator_values(flow->evaluators[at], collect_inputs(flow, step), rows,
                                            &flow->registers[step->to], &bad_row, error);
            SHEAF_TRY(evaluated(status, bad_row, origin, known, error));
            break;
        case STEP_CONVERT:
            status =
                sheaf_convert_column(&flow->registers[step->from], rows, step->to_kind,
                                     &flow->conversions[at], &flow->registers[step->to], error);
            if (status != SHEAF_OK) {
                set_row(error, origin, known);
                return status;
            }
            break;
        case STEP_MAP:
            return run_map(flow, at, rows, origin, known, error);
        }
    }
    if (rows == 0)
        return SHEAF_OK;
    status = flow->take(flow->context, flow->registers, rows, origin, error);
    if (status != SHEAF_OK)
        set_row(error, origin, known);
    return status;
}

static void load(struct flow *flow, const sheaf_column *columns)
{
    const struct pipeline *pipeline = flow->pipeline;

    if (pipeline->dataset)
        for (size_t i = 0; i < pipeline->wanted_count; i++)
            flow->registers[pipeline->wanted_register[i]] = columns[i];
    else
        for (size_t i = 0; i < pipeline->registers && pipeline->born[i] < 0; i++)
            flow->registers[i] = columns[i];
}

sheaf_status sheaf_flow_run(struct flow *flow, const sheaf_column *columns, size_t rows,
                            flow_taker take, void *context, sheaf_error *error)
{
    flow->take = take;
    flow->context = context;
    load(flow, columns);
    return run_steps(flow, 0, rows, NULL, true, error);
}

sheaf_status sheaf_flow_run_row(struct flow *flow, const sheaf_column *columns, size_t row,
                                flow_taker take, void *context, sheaf_error *error)
{
    const struct pipeline *pipeline = flow->pipeline;
    const uint32_t *origin = NULL;
    uint32_t selection = (uint32_t)row;

    flow->take = take;
    flow->context = context;
    load(flow, columns);
    for (size_t reg = 0; reg < pipeline->registers; reg++)
        if (pipeline->born[reg] < 0)
            SHEAF_TRY(gather(flow, (int32_t)reg, &selection, 1, error));
    SHEAF_TRY(select_rows(flow, NULL, 0, &selection, 1, &origin, error));
    return run_steps(flow, 0, 1, origin, true, error);
}
