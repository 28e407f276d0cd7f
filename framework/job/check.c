/*
 * check.c - trying an operator's law on the first rows of a dataset: sheaf_check() of sheaf/job.h
 *
 * The rows are read here; the operator runs in a child, where it may crash.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/plan.h"
#include "operator/check.h"
#include "reduce/flat.h"
#include <sheaf/process.h>
#include <sheaf/shared.h>

#define ROWS       10000 /* that are tried */
#define TIMEOUT_MS 60000

struct checking {
    struct plan plan;
    struct sheaf_bound *bound;
    struct sheaf_string pieces[ROWS / 256 + 2]; /* flat columns of the bound inputs */
    size_t count;
    size_t rows;
    sheaf_batch *batches; /* views of the pieces */
    struct sheaf_check_options options;
    struct sheaf_check_report *report; /* shared with the child */
};

static sheaf_status take(void *context, const sheaf_column *registers, size_t rows,
                         const uint32_t *origin, sheaf_error *error)
{
    struct checking *c = context;
    sheaf_column inputs[SHEAF_FIELDS_MAX];

    (void)origin;
    if (c->rows >= ROWS || c->count == sizeof c->pieces / sizeof c->pieces[0])
        return SHEAF_OK;
    for (uint32_t i = 0; i < c->bound->inputs; i++)
        inputs[i] = registers[c->bound->input[i]];
    struct sheaf_string *piece = &c->pieces[c->count++];
    sheaf_flat_append(piece, inputs, c->bound->inputs, rows);
    c->rows += rows;
    return sheaf_string_check(piece, error);
}

/* The first rows of the first file, through the job's pipeline. */
static sheaf_status read_rows(struct checking *c, sheaf_error *error)
{
    const struct pipeline *pipeline = &c->plan.pipeline;
    sheaf_dataset *dataset = c->plan.job->dataset;
    struct sheaf_reader *reader = NULL;
    struct flow *flow = NULL;
    struct sheaf_read read = {0};
    uint64_t end = 0;

    if (sheaf_dataset_needs_feeder(dataset)) {
        sheaf_dataset_read_ahead(dataset, UINT64_MAX);
        SHEAF_TRY(sheaf_dataset_feed(dataset, error));
    }
    sheaf_status status =
        sheaf_reader_open(dataset, pipeline->wanted, pipeline->wanted_count, &reader, error);
    if (status == SHEAF_OK)
        status = sheaf_flow_open(pipeline, &flow, error);
    for (size_t file = 0; status == SHEAF_OK && file < dataset->file_count && c->rows < ROWS;
         file++) {
        end = sheaf_file_size(&dataset->files[file]);
        status = sheaf_reader_start(reader, file, dataset->files[file].data_begin, end, error);
        while (status == SHEAF_OK && c->rows < ROWS) {
            status = sheaf_reader_next(reader, &read, error);
            if (status != SHEAF_OK || read.rows == 0)
                break;
            status = sheaf_flow_run(flow, read.columns, read.rows, take, c, error);
        }
        if (status == SHEAF_BAD_DATA)
            sheaf_reader_locate(dataset, file, 0, 0, error);
    }
    sheaf_flow_close(flow);
    sheaf_reader_close(reader);
    return status;
}

static sheaf_status view_pieces(struct checking *c, sheaf_error *error)
{
    SHEAF_TRY(sheaf_allocate(&c->batches, c->count, sizeof *c->batches, error));
    for (size_t i = 0; i < c->count; i++) {
        sheaf_column *columns = NULL;
        size_t count = 0;
        SHEAF_TRY(sheaf_flat_view(c->pieces[i].bytes, c->pieces[i].size, &columns, &count,
                                  &c->batches[i].rows, error));
        c->batches[i].columns = columns;
    }
    return SHEAF_OK;
}

static sheaf_status check_in_child(void *argument, sheaf_error *error)
{
    struct checking *c;

    memcpy(&c, argument, sizeof c);
    SHEAF_TRY(sheaf_plan_load(&c->plan, error));
    return sheaf_check_operator(c->bound, c->batches, c->count, &c->options, c->report, error);
}

static sheaf_status run_child(struct checking *c, sheaf_error *error)
{
    sheaf_process_options options = {.struct_size = sizeof options,
                                     .name = "check",
                                     .start = SHEAF_START_FORK, /* it uses what is here now */
                                     .standard_output = SHEAF_STDOUT_NULL};
    sheaf_process *child = NULL;

    c->report = sheaf_shared_value(struct sheaf_check_report, error);
    if (!c->report)
        return SHEAF_NO_MEMORY;
    SHEAF_TRY(sheaf_process_start(&options, check_in_child, &c, sizeof c, &child, error));
    sheaf_status status = sheaf_process_join(child, TIMEOUT_MS, error);
    sheaf_process_close(child);
    if (status == SHEAF_LOST && error) {
        int32_t number = error->system;
        sheaf_error_set(error, SHEAF_BAD_OPERATOR,
                        "operator %s crashed while it was tried: %s (E707)", c->bound->name,
                        number > 0 ? strsignal(number) : "it left the process");
        status = SHEAF_BAD_OPERATOR;
    } else if (status == SHEAF_TIMEOUT) {
        status = sheaf_error_set(error, SHEAF_BAD_OPERATOR,
                                 "operator %s did not come to an end within %d s (E707)",
                                 c->bound->name, TIMEOUT_MS / 1000);
    }
    return status;
}

static sheaf_status judge(const struct checking *c, char **verdict, sheaf_error *error)
{
    struct sheaf_string words = {0};

    if (c->report->refuted) {
        sheaf_error_set(error, SHEAF_BAD_OPERATOR, "%s: %s (E708)", c->bound->name,
                        c->report->finding);
        sheaf_error_help(error, "combine(fold(a), fold(b)) must say the same as fold(a and b)");
        return SHEAF_BAD_OPERATOR;
    }
    sheaf_string_append_format(&words, "%s: not refuted by %u trials on %zu rows\n", c->bound->name,
                               c->report->trials, c->report->rows);
    SHEAF_TRY(sheaf_string_check(&words, error));
    *verdict = words.bytes;
    return SHEAF_OK;
}

sheaf_status sheaf_check(const sheaf_job *job, char **verdict, sheaf_error *error)
{
    struct checking *c = NULL;

    *verdict = NULL;
    SHEAF_TRY(sheaf_allocate(&c, 1, sizeof *c, error));
    c->options.seed = job->seed;
    sheaf_status status = sheaf_plan_make(job, true, &c->plan, error);
    if (status == SHEAF_OK && (c->plan.kind != PLAN_FOLD || c->plan.aggregate.count != 1))
        status = sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                 "check tries one operator that folds (E248)");
    if (status == SHEAF_OK) {
        c->bound = &c->plan.aggregate.bound[0];
        status = read_rows(c, error);
    }
    if (status == SHEAF_OK)
        status = view_pieces(c, error);
    if (status == SHEAF_OK)
        status = run_child(c, error);
    if (status == SHEAF_OK)
        status = judge(c, verdict, error);
    for (size_t i = 0; i < c->count; i++) {
        if (c->batches)
            free((void *)(uintptr_t)c->batches[i].columns);
        sheaf_string_free(&c->pieces[i]);
    }
    free(c->batches);
    sheaf_shared_free(c->report);
    sheaf_plan_free(&c->plan);
    free(c);
    return status;
}
