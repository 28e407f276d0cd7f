/*
 * run.c - a job from question to answer: see run.h and sheaf/job.h
 *
 * Kinds of columns that no one gave come from a sample.  A fold starts with
 * that first opinion; a value that does not fit ends the attempt (E420), all values of
 * the columns in question are looked at, and it starts again.  Where rows go
 * straight to the output, nothing may be taken back, so there the looking comes first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "input/open.h"
#include "job/coordinate.h"
#include "job/result.h"
#include "job/run.h"
#include "output/file.h"

/* -- kinds ------------------------------------------------------------------------------------- */

struct examining {
    const struct plan *plan;
};

static sheaf_status take_evidence(void *context, const struct sheaf_evidence *evidence,
                                  size_t count, sheaf_error *error)
{
    const struct examining *examining = context;
    sheaf_dataset *dataset = examining->plan->job->dataset;

    (void)error;
    for (size_t i = 0; i < count; i++) {
        uint32_t column = examining->plan->pipeline.wanted[i].column;
        dataset->evidence[column] = evidence[i];
        dataset->schema.fields[column].kind =
            sheaf_settled_kind(dataset->declared[column], &evidence[i]);
        dataset->open_kinds[column] = false;
    }
    return SHEAF_OK;
}

static bool can_read_again(const sheaf_dataset *dataset)
{
    for (size_t i = 0; i < dataset->file_count; i++)
        if (dataset->files[i].source == SHEAF_SOURCE_STREAM)
            return false;
    return true;
}

static void add_report(sheaf_report *to, const sheaf_report *from)
{
    to->fold_s += from->fold_s;
    to->glue_s += from->glue_s;
    to->deaths += from->deaths;
}

/* Look at all values of the open columns that a plan reads, and free the plan. */
static sheaf_status settle_kinds(struct plan *plan, sheaf_report *report, sheaf_error *error)
{
    struct plan examine;
    sheaf_report looked = {0};

    sheaf_status status = sheaf_plan_examine(plan, &examine, error);
    sheaf_plan_free(plan);
    if (status != SHEAF_OK)
        return status;
    struct task_context tasks = {.plan = &examine};
    struct examining examining = {&examine};
    struct coordinate_takers takers = {.context = &examining, .evidence = take_evidence};
    status = sheaf_dataset_rewind(examine.job->dataset, error);
    if (status == SHEAF_OK)
        status = sheaf_coordinate(&examine, &tasks, &takers, &looked, error);
    if (status == SHEAF_OK && can_read_again(examine.job->dataset))
        status = sheaf_dataset_rewind(examine.job->dataset, error);
    add_report(report, &looked);
    sheaf_plan_free(&examine);
    return status;
}

/* A first opinion turned out wrong, and the data can not be read a second time. */
static sheaf_status explain_stream(sheaf_error *error)
{
    if (error)
        sheaf_error_help(error, "This input can be read only once: say the column's type, --schema "
                                "NAME:text");
    return SHEAF_BAD_DATA;
}

/* -- takers --------------------------------------------------------------------------------------
 */

struct running {
    const sheaf_job *job;
    struct sheaf_output *rejects;
    const struct plan *plan;
    struct sheaf_result *result;
    struct gatherer gatherer; /* rows, for a result in memory */
    struct sheaf_sink *sink;  /* rows, as text */
    bool flat;                /* pieces are flat rows */
    uint64_t left;            /* rows that may still come out */
};

static sheaf_status take_rejects(void *context, const char *bytes, size_t size, sheaf_error *error)
{
    struct running *running = context;

    return sheaf_output_write(running->rejects, bytes, size, error);
}

static sheaf_status open_rejects(struct running *running, sheaf_error *error)
{
    static const char names[] = "file,line,record,byte,column,kind,value\n";

    if (!running->job->rejects)
        return SHEAF_OK;
    SHEAF_TRY(
        sheaf_open_output(running->job->dataset, running->job->rejects, &running->rejects, error));
    return sheaf_output_write(running->rejects, names, sizeof names - 1, error);
}

static sheaf_status commit_rejects(struct running *running, sheaf_error *error)
{
    return running->rejects ? sheaf_output_commit(running->rejects, error) : SHEAF_OK;
}

static void close_rejects(struct running *running)
{
    sheaf_output_close(running->rejects);
    running->rejects = NULL;
}

static sheaf_status take_answer(void *context, struct sheaf_string *flat, sheaf_error *error)
{
    struct running *running = context;

    return sheaf_result_take(running->result, &running->plan->out, flat, error);
}

static sheaf_status write_batch(void *context, const sheaf_column *columns, size_t count,
                                size_t rows, sheaf_error *error)
{
    struct running *running = context;

    (void)count;
    if (rows > running->left)
        rows = (size_t)running->left;
    running->left -= rows;
    return rows ? sheaf_sink_rows(running->sink, columns, rows, error) : SHEAF_OK;
}

static sheaf_status take_piece(void *context, const void *bytes, size_t size, uint64_t rows,
                               sheaf_error *error)
{
    struct running *running = context;

    (void)rows;
    if (!running->sink)
        return sheaf_gather_piece(&running->gatherer, bytes, size, error);
    if (running->flat)
        return sheaf_rows_each(bytes, size, write_batch, running, error);
    return sheaf_sink_piece(running->sink, bytes, size, error);
}

/* -- one attempt
 * ----------------------------------------------------------------------------------- */

static sheaf_status list_names(const struct plan *plan, const char ***names, sheaf_kind **kinds,
                               sheaf_error *error)
{
    SHEAF_TRY(sheaf_allocate(names, plan->out.count, sizeof **names, error));
    SHEAF_TRY(sheaf_allocate(kinds, plan->out.count, sizeof **kinds, error));
    for (size_t i = 0; i < plan->out.count; i++) {
        (*names)[i] = plan->out.fields[i].name;
        (*kinds)[i] = plan->out.fields[i].kind;
        /* Text as it stands in the file, but aligned as what it is. */
        if (plan->kind == PLAN_ROWS && i < plan->pipeline.view_count)
            (*kinds)[i] = plan->pipeline.view[i].kind;
    }
    return SHEAF_OK;
}

static sheaf_status attempt(struct running *running, const struct sheaf_style *style,
                            sheaf_write write, void *context, sheaf_report *report,
                            sheaf_error *error)
{
    const struct plan *plan = running->plan;
    struct task_context tasks = {.plan = plan};
    struct coordinate_takers takers = {.context = running,
                                       .piece = take_piece,
                                       .answer = take_answer,
                                       .rejects = running->job->rejects ? take_rejects : NULL};
    const char **names = NULL;
    sheaf_kind *kinds = NULL;
    bool rows_out = write && plan->kind == PLAN_ROWS;

    running->flat = !write || plan->limited;
    running->left = plan->limited ? plan->limit : UINT64_MAX;
    sheaf_status status = list_names(plan, &names, &kinds, error);
    if (status == SHEAF_OK && rows_out)
        status = sheaf_sink_open(style, names, kinds, plan->out.count, write, context,
                                 &running->sink, error);
    if (status == SHEAF_OK)
        status = open_rejects(running, error);
    if (status == SHEAF_OK) {
        tasks.out_names = names;
        tasks.format = !running->flat;
        if (style)
            tasks.style = *style;
        status = sheaf_coordinate(plan, &tasks, &takers, report, error);
    }
    if (status == SHEAF_OK && rows_out)
        status = sheaf_sink_end(running->sink, error);
    sheaf_sink_close(running->sink);
    running->sink = NULL;
    free(names);
    free(kinds);
    return status;
}

static sheaf_status finish(struct running *running, const struct sheaf_style *style,
                           sheaf_write write, void *context, sheaf_error *error)
{
    const struct plan *plan = running->plan;
    struct sheaf_result *result = running->result;
    struct sheaf_sink *sink = NULL;

    if (plan->kind == PLAN_ROWS && write)
        return SHEAF_OK;
    if (plan->kind == PLAN_ROWS) {
        struct sheaf_string flat = {0};
        size_t keep = plan->limited && plan->limit < SIZE_MAX ? (size_t)plan->limit : SIZE_MAX;
        sheaf_status status = sheaf_gather_end(&running->gatherer, keep, &flat, error);
        if (status == SHEAF_OK)
            status = sheaf_result_take(result, &plan->out, &flat, error);
        sheaf_string_free(&flat);
        SHEAF_TRY(status);
    }
    if (plan->stats_kinds) /* also where there is no column */
        SHEAF_TRY(sheaf_result_transpose(result, plan->stats, plan->stats_kinds, error));
    for (size_t i = plan->post; i < plan->stage_count; i++)
        SHEAF_TRY(sheaf_result_stage(result, &plan->stages[i], error));
    if (!write)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_sink_open(style, result->names, result->kinds, result->schema.count, write,
                              context, &sink, error));
    sheaf_status status = sheaf_sink_rows(sink, result->columns, result->rows, error);
    if (status == SHEAF_OK)
        status = sheaf_sink_end(sink, error);
    sheaf_sink_close(sink);
    return status;
}

/* Plan, run, and plan again when a first opinion was wrong. */
static sheaf_status run_job(const sheaf_job *job, const struct sheaf_style *style,
                            sheaf_write write, void *context, struct sheaf_result *result,
                            sheaf_report *report, sheaf_error *error)
{
    bool typed =
        !write || style->layout == SHEAF_LAYOUT_JSON || style->layout == SHEAF_LAYOUT_JSONL;
    sheaf_error failure = {0}, opinion = {0};

    for (;;) {
        struct plan plan;
        struct running running = {.job = job, .result = result, .plan = &plan};
        sheaf_report attempted = *report;

        sheaf_status planned = sheaf_plan_make(job, typed, &plan, error);
        if (planned != SHEAF_OK && opinion.status != SHEAF_OK) {
            /* The settled kinds do not suit the question: the value that showed it says more. */
            if (error)
                *error = opinion;
            return opinion.status;
        }
        SHEAF_TRY(planned);
        bool open = sheaf_plan_is_open(&plan);
        bool again = can_read_again(job->dataset);
        if (open && again && plan.kind == PLAN_ROWS && write) {
            SHEAF_TRY(settle_kinds(&plan, report, error));
            continue;
        }
        sheaf_status status = attempt(&running, style, write, context, &attempted, &failure);
        if (status == SHEAF_BAD_DATA && failure.code == JOB_FIRST_OPINION && open && again) {
            sheaf_gather_free(&running.gatherer);
            close_rejects(&running);
            opinion = failure;
            SHEAF_TRY(settle_kinds(&plan, report, error));
            continue;
        }
        *report = attempted;
        if (status != SHEAF_OK) {
            if (failure.code == JOB_FIRST_OPINION)
                status = explain_stream(&failure);
            if (error)
                *error = failure;
        } else {
            status = finish(&running, style, write, context, error);
            if (status == SHEAF_OK)
                status = commit_rejects(&running, error);
        }
        close_rejects(&running);
        sheaf_gather_free(&running.gatherer);
        sheaf_plan_free(&plan);
        return status;
    }
}

/* -- the doors
 * ------------------------------------------------------------------------------------- */

static sheaf_status check_job(const sheaf_job *job, sheaf_error *error)
{
    if (job->struct_size != sizeof *job)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "job.struct_size is %zu, not sizeof(sheaf_job), %zu (E247)",
                               job->struct_size, sizeof *job);
    if (!job->dataset)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "job.dataset is NULL (E247)");
    return SHEAF_OK;
}

sheaf_status sheaf_run(const sheaf_job *job, sheaf_result **opened, sheaf_error *error)
{
    struct sheaf_result *result = NULL;
    double started_s = sheaf_clock_s();

    SHEAF_TRY(check_job(job, error));
    SHEAF_TRY(sheaf_allocate(&result, 1, sizeof *result, error));
    sheaf_status status = run_job(job, NULL, NULL, NULL, result, &result->report, error);
    if (status != SHEAF_OK) {
        sheaf_result_close(result);
        return status;
    }
    result->report.total_s = sheaf_clock_s() - started_s;
    *opened = result;
    return SHEAF_OK;
}

sheaf_status sheaf_open_output(const sheaf_dataset *dataset, const char *path,
                               struct sheaf_output **output, sheaf_error *error)
{
    struct sheaf_identity *inputs = NULL;

    SHEAF_TRY(sheaf_allocate(&inputs, dataset->file_count, sizeof *inputs, error));
    for (size_t i = 0; i < dataset->file_count; i++)
        inputs[i] = (struct sheaf_identity){dataset->files[i].identity.device,
                                            dataset->files[i].identity.inode};
    sheaf_status status = sheaf_output_open(path, inputs, dataset->file_count, output, error);
    free(inputs);
    return status;
}

static sheaf_status make_style(const sheaf_target *target, struct sheaf_style *style,
                               sheaf_error *error)
{
    *style =
        (struct sheaf_style){.headless = target->headless,
                             .delimiter = (uint8_t)(target->delimiter ? target->delimiter - 1 : 0)};
    return sheaf_layout_find(target->format ? target->format : "csv", &style->layout, error);
}

sheaf_status sheaf_run_to(const sheaf_job *job, const sheaf_target *target, sheaf_report *report,
                          sheaf_error *error)
{
    struct sheaf_result *result = NULL;
    struct sheaf_output *output = NULL;
    struct sheaf_style style;
    sheaf_report unasked = {0};
    double started_s = sheaf_clock_s();

    if (!report)
        report = &unasked;
    *report = (sheaf_report){0};
    SHEAF_TRY(check_job(job, error));
    SHEAF_TRY(make_style(target, &style, error));
    if (job->rejects && target->path && strcmp(job->rejects, target->path) == 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "%s can not take both the answer and the bad rows (E249)",
                               target->path);
    SHEAF_TRY(sheaf_open_output(job->dataset, target->path, &output, error));
    sheaf_status status = sheaf_allocate(&result, 1, sizeof *result, error);
    if (status == SHEAF_OK)
        status = run_job(job, &style, sheaf_output_write, output, result, report, error);
    if (status == SHEAF_OK)
        status = sheaf_output_commit(output, error);
    sheaf_output_close(output);
    sheaf_result_close(result);
    report->total_s = sheaf_clock_s() - started_s;
    return status;
}

sheaf_status sheaf_explain(const sheaf_job *job, char **text, sheaf_error *error)
{
    struct sheaf_string words = {0};
    struct plan plan;

    SHEAF_TRY(check_job(job, error));
    SHEAF_TRY(sheaf_plan_make(job, false, &plan, error));
    sheaf_plan_explain(&plan, &words);
    sheaf_plan_free(&plan);
    sheaf_status status = sheaf_string_check(&words, error);
    if (status != SHEAF_OK)
        sheaf_string_free(&words);
    *text = words.bytes;
    return status;
}

sheaf_status sheaf_examine(sheaf_dataset *dataset, const sheaf_executor *executor,
                           sheaf_error *error)
{
    sheaf_job job = {.struct_size = sizeof job, .dataset = dataset};
    sheaf_report report = {0};
    struct plan plan;

    if (executor)
        job.executor = *executor;
    SHEAF_TRY(sheaf_plan_make(&job, true, &plan, error));
    if (sheaf_plan_is_open(&plan)) /* a stream is used up by it: no opinion holds otherwise */
        return settle_kinds(&plan, &report, error);
    sheaf_plan_free(&plan);
    return SHEAF_OK;
}
