/* result.c - the rows of an answer: see result.h and sheaf/job.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/result.h"
#include "output/file.h"
#include "reduce/flat.h"

/* -- gathering pieces ---------------------------------------------------------------------------
 */

sheaf_status sheaf_gather_piece(struct gatherer *gatherer, const void *bytes, size_t size,
                                sheaf_error *error)
{
    const char *at = bytes;
    uint64_t head[2];

    while (size >= sizeof head) {
        memcpy(head, at, sizeof head);
        if (head[0] > size - sizeof head)
            return sheaf_error_set(error, SHEAF_INTERNAL,
                                   "a worker published rows of a wrong form (E901)");
        SHEAF_TRY(sheaf_grow(&gatherer->pieces, &gatherer->capacity, gatherer->count + 1,
                             sizeof *gatherer->pieces, error));
        struct sheaf_string *piece = &gatherer->pieces[gatherer->count++];
        *piece = (struct sheaf_string){0};
        sheaf_string_append_bytes(piece, at + sizeof head, head[0]);
        SHEAF_TRY(sheaf_string_check(piece, error));
        size_t step = sizeof head + ((head[0] + 15) & ~(size_t)15);
        if (step >= size)
            break;
        at += step;
        size -= step;
    }
    return SHEAF_OK;
}

sheaf_status sheaf_gather_end(struct gatherer *gatherer, size_t keep, struct sheaf_string *flat,
                              sheaf_error *error)
{
    const void **bytes = NULL;
    size_t *sizes = NULL;
    sheaf_status status = sheaf_allocate(&bytes, gatherer->count, sizeof *bytes, error);

    if (status == SHEAF_OK)
        status = sheaf_allocate(&sizes, gatherer->count, sizeof *sizes, error);
    for (size_t i = 0; status == SHEAF_OK && i < gatherer->count; i++) {
        bytes[i] = gatherer->pieces[i].bytes;
        sizes[i] = gatherer->pieces[i].size;
    }
    if (status == SHEAF_OK)
        status = sheaf_flat_merge(bytes, sizes, gatherer->count, keep, flat, error);
    free(bytes);
    free(sizes);
    return status;
}

void sheaf_gather_free(struct gatherer *gatherer)
{
    for (size_t i = 0; i < gatherer->count; i++)
        sheaf_string_free(&gatherer->pieces[i]);
    free(gatherer->pieces);
    *gatherer = (struct gatherer){0};
}

/* -- the result -----------------------------------------------------------------------------------
 */

static void drop_rows(struct sheaf_result *result)
{
    sheaf_schema_free(&result->schema);
    sheaf_string_free(&result->flat);
    free(result->columns);
    free(result->names);
    free(result->kinds);
    result->columns = NULL;
    result->names = NULL;
    result->kinds = NULL;
}

sheaf_status sheaf_result_take(struct sheaf_result *result, const struct sheaf_schema *schema,
                               struct sheaf_string *flat, sheaf_error *error)
{
    struct sheaf_schema copy = {0};
    size_t count = 0;

    SHEAF_TRY(sheaf_schema_copy(schema, &copy, error));
    drop_rows(result);
    result->schema = copy;
    result->flat = *flat;
    *flat = (struct sheaf_string){0};
    SHEAF_TRY(sheaf_allocate(&result->names, copy.count, sizeof *result->names, error));
    SHEAF_TRY(sheaf_allocate(&result->kinds, copy.count, sizeof *result->kinds, error));
    for (size_t i = 0; i < copy.count; i++) {
        result->names[i] = copy.fields[i].name;
        result->kinds[i] = copy.fields[i].kind;
    }
    result->rows = 0;
    if (result->flat.size)
        SHEAF_TRY(sheaf_flat_view(result->flat.bytes, result->flat.size, &result->columns, &count,
                                  &result->rows, error));
    if (result->flat.size && count != copy.count)
        return sheaf_error_set(error, SHEAF_INTERNAL, "an answer has %zu columns, not %zu (E901)",
                               count, copy.count);
    result->batch = (sheaf_batch){.rows = result->rows, .columns = result->columns};
    return SHEAF_OK;
}

const sheaf_batch *sheaf_result_batch(const sheaf_result *result)
{
    return &result->batch;
}

size_t sheaf_result_columns(const sheaf_result *result)
{
    return result->schema.count;
}

const char *sheaf_result_column_name(const sheaf_result *result, size_t column)
{
    return result->names[column];
}

const sheaf_report *sheaf_result_report(const sheaf_result *result)
{
    return &result->report;
}

void sheaf_result_close(sheaf_result *result)
{
    if (!result)
        return;
    drop_rows(result);
    free(result);
}

sheaf_status sheaf_result_write(const sheaf_result *result, int fd, const char *format,
                                sheaf_error *error)
{
    struct sheaf_style style = {0};
    struct sheaf_output *output = NULL;
    struct sheaf_sink *sink = NULL;
    char path[32];

    SHEAF_TRY(sheaf_layout_find(format, &style.layout, error));
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    sheaf_status status = sheaf_output_open(path, NULL, 0, &output, error);
    if (status == SHEAF_OK)
        status = sheaf_sink_open(&style, result->names, result->kinds, result->schema.count,
                                 sheaf_output_write, output, &sink, error);
    if (status == SHEAF_OK)
        status = sheaf_sink_rows(sink, result->columns, result->rows, error);
    if (status == SHEAF_OK)
        status = sheaf_sink_end(sink, error);
    if (status == SHEAF_OK)
        status = sheaf_output_commit(output, error);
    sheaf_sink_close(sink);
    sheaf_output_close(output);
    return status;
}

/* -- stages on the rows
 * ---------------------------------------------------------------------------- */

struct restaging {
    struct pipeline pipeline;
    int32_t *registers; /* that come out */
    sheaf_column *out;
    struct sheaf_schema schema;
    struct gatherer gatherer;
    int64_t next; /* number of the next row */
};

static sheaf_status take_rows(void *context, const sheaf_column *registers, size_t rows,
                              const uint32_t *origin, sheaf_error *error)
{
    struct restaging *r = context;
    int64_t numbers[SHEAF_BATCH_ROWS];
    struct gatherer *gatherer = &r->gatherer;

    (void)origin;
    for (size_t i = 0; i < r->schema.count; i++)
        r->out[i] = registers[r->registers[i]];
    for (size_t row = 0; row < rows; row++)
        numbers[row] = r->next++;
    r->out[r->schema.count] = (sheaf_column){.type = SHEAF_I64};
    r->out[r->schema.count].i64 = numbers;
    SHEAF_TRY(sheaf_grow(&gatherer->pieces, &gatherer->capacity, gatherer->count + 1,
                         sizeof *gatherer->pieces, error));
    struct sheaf_string *piece = &gatherer->pieces[gatherer->count++];
    *piece = (struct sheaf_string){0};
    sheaf_flat_append(piece, r->out, r->schema.count + 1, rows);
    return sheaf_string_check(piece, error);
}

static sheaf_status plan_restaging(struct restaging *r, const struct sheaf_result *result,
                                   const sheaf_stage *stage, sheaf_error *error)
{
    struct pipeline *pipeline = &r->pipeline;

    SHEAF_TRY(sheaf_pipeline_begin(pipeline, NULL, &result->schema, error));
    if (stage->kind == SHEAF_STAGE_WHERE)
        SHEAF_TRY(sheaf_pipeline_where(pipeline, stage->text, error));
    else if (stage->kind == SHEAF_STAGE_SELECT)
        SHEAF_TRY(sheaf_pipeline_select(pipeline, stage->text, error));
    else
        SHEAF_TRY(sheaf_pipeline_limit(pipeline, stage->count, error));
    SHEAF_TRY(sheaf_allocate(&r->registers, pipeline->view_count, sizeof *r->registers, error));
    SHEAF_TRY(sheaf_allocate(&r->out, pipeline->view_count + 1, sizeof *r->out, error));
    SHEAF_TRY(
        sheaf_allocate(&r->schema.fields, pipeline->view_count, sizeof *r->schema.fields, error));
    for (size_t i = 0; i < pipeline->view_count; i++) {
        const struct view_column *column = &pipeline->view[i];
        SHEAF_TRY(sheaf_pipeline_register(pipeline, i, column->kind, &r->registers[i], error));
        sheaf_pipeline_need(pipeline, r->registers[i]);
        SHEAF_TRY(sheaf_copy_string(column->name, &r->schema.fields[i].name, error));
        r->schema.fields[i].kind = column->kind;
        r->schema.count++;
    }
    return sheaf_pipeline_end(pipeline, error);
}

static sheaf_status run_restaging(struct restaging *r, const struct sheaf_result *result,
                                  sheaf_error *error)
{
    struct flow *flow = NULL;
    sheaf_column *columns = NULL;

    SHEAF_TRY(sheaf_flow_open(&r->pipeline, &flow, error));
    sheaf_status status = sheaf_allocate(&columns, result->schema.count, sizeof *columns, error);
    for (size_t begin = 0; status == SHEAF_OK && begin < result->rows; begin += SHEAF_BATCH_ROWS) {
        size_t rows = result->rows - begin;
        if (rows > SHEAF_BATCH_ROWS)
            rows = SHEAF_BATCH_ROWS;
        for (size_t i = 0; i < result->schema.count; i++) {
            columns[i] = result->columns[i];
            columns[i].values =
                (const char *)columns[i].values + begin * sheaf_type_size(columns[i].type);
            if (columns[i].present)
                columns[i].present += begin / 64;
        }
        status = sheaf_flow_run(flow, columns, rows, take_rows, r, error);
    }
    free(columns);
    sheaf_flow_close(flow);
    return status;
}

sheaf_status sheaf_result_stage(struct sheaf_result *result, const sheaf_stage *stage,
                                sheaf_error *error)
{
    struct restaging r = {0};
    struct sheaf_string flat = {0};

    if (stage->kind == SHEAF_STAGE_SORT)
        return sheaf_result_sort(result, stage->text, error);
    if (stage->kind != SHEAF_STAGE_WHERE && stage->kind != SHEAF_STAGE_SELECT &&
        stage->kind != SHEAF_STAGE_HEAD) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                        "after an operator that folds only where, select, sort and head may follow "
                        "(E246)");
        sheaf_error_help(error,
                         "Several at once: sheaf group KEYS 'mean(x) max(x)' FILE.  One on the "
                         "answer of another: write the first to a file");
        return SHEAF_BAD_ARGUMENT;
    }
    sheaf_status status = plan_restaging(&r, result, stage, error);
    if (status == SHEAF_OK)
        status = run_restaging(&r, result, error);
    if (status == SHEAF_OK)
        status = sheaf_gather_end(&r.gatherer, SIZE_MAX, &flat, error);
    if (status == SHEAF_OK)
        status = sheaf_result_take(result, &r.schema, &flat, error);
    sheaf_string_free(&flat);
    sheaf_gather_free(&r.gatherer);
    sheaf_schema_free(&r.schema);
    free(r.registers);
    free(r.out);
    sheaf_pipeline_free(&r.pipeline);
    return status;
}
