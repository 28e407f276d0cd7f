/*
 * task.c - the worker's side of a job: a shard into states or rows, states into states, states
 * into an answer
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "input/window.h"
#include "job/task.h"
#include "reduce/flat.h"

struct worker {
    const struct task_context *context;
    const struct plan *plan;
    struct sheaf_workplace *place;
    struct sheaf_reader *reader; /* opened with the first shard */
    struct flow *flow;
    struct sheaf_table *table;
    struct sheaf_table *rehearsal; /* a row folded for trial, to see whether it crashes */
    sheaf_column *keys;            /* of the batch at hand */
    sheaf_column *out;             /* ROWS: columns that come out, one more for their number */
    struct sheaf_string piece;     /* ROWS */
    struct sheaf_string numbers;   /* ROWS: their numbers */
    struct sheaf_evidence *evidence;
    uint64_t ordinal;
    uint64_t delivered;      /* rows that reached the end, in this shard */
    struct sigaction before; /* what SIGBUS did before this worker came */
};

/* -- an input that is cut short while it is mapped ----------------------------------------------
 */

/* Reading beyond the new end of a file raises SIGBUS.  A process has one worker at a time. */
static sigjmp_buf out_of_file;

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (sheaf_window_covers(info->si_addr))
        siglongjmp(out_of_file, 1);
    signal(number, SIG_DFL); /* no business of ours: it is raised again, and ends the process */
}

static void catch_bus_errors(struct worker *worker)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &worker->before);
}

static sheaf_status cut_short(const struct worker *worker, const struct sheaf_task *task,
                              sheaf_error *error)
{
    const struct shard_task *shard = (const void *)task->bytes;
    const struct sheaf_file *file = &worker->plan->job->dataset->files[shard->file];
    sheaf_status status = sheaf_file_verify(file, error);

    if (status != SHEAF_OK)
        return status;
    return sheaf_error_set(error, SHEAF_SYSTEM, "%s can not be read: input/output error (E002)",
                           file->path);
}

sheaf_status sheaf_task_enter(void *context, struct sheaf_workplace *place, void **local,
                              sheaf_error *error)
{
    const struct task_context *tasks = context;
    const struct plan *plan = tasks->plan;
    struct worker *worker = NULL;

    SHEAF_TRY(sheaf_allocate(&worker, 1, sizeof *worker, error));
    *local = worker;
    worker->context = tasks;
    worker->plan = plan;
    worker->place = place;
    catch_bus_errors(worker);
    SHEAF_TRY(sheaf_plan_load(plan, error));
    SHEAF_TRY(sheaf_allocate(&worker->keys, plan->keys, sizeof *worker->keys, error));
    SHEAF_TRY(sheaf_allocate(&worker->out, plan->out.count + 1, sizeof *worker->out, error));
    SHEAF_TRY(sheaf_allocate(&worker->evidence, plan->pipeline.wanted_count,
                             sizeof *worker->evidence, error));
    if (plan->kind == PLAN_FOLD)
        SHEAF_TRY(sheaf_table_open(&plan->table, &worker->table, error));
    return SHEAF_OK;
}

void sheaf_task_leave(void *context, void *local)
{
    struct worker *worker = local;

    (void)context;
    if (!worker)
        return;
    sigaction(SIGBUS, &worker->before, NULL);
    sheaf_reader_close(worker->reader);
    sheaf_flow_close(worker->flow);
    sheaf_table_close(worker->table);
    sheaf_table_close(worker->rehearsal);
    free(worker->keys);
    free(worker->out);
    free(worker->evidence);
    sheaf_string_free(&worker->piece);
    sheaf_string_free(&worker->numbers);
    free(worker);
}

/* -- what happens to rows at the end of the pipeline --------------------------------------------
 */

static const sheaf_column *collect_keys(struct worker *worker, const sheaf_column *registers)
{
    for (size_t i = 0; i < worker->plan->keys; i++)
        worker->keys[i] = registers[worker->plan->key_registers[i]];
    return worker->keys;
}

static sheaf_status take_fold(void *context, const sheaf_column *registers, size_t rows,
                              const uint32_t *origin, sheaf_error *error)
{
    struct worker *worker = context;

    (void)origin;
    worker->delivered += rows;
    return sheaf_table_fold(worker->table, collect_keys(worker, registers), registers, rows, error);
}

static sheaf_status take_rehearsal(void *context, const sheaf_column *registers, size_t rows,
                                   const uint32_t *origin, sheaf_error *error)
{
    struct worker *worker = context;

    (void)origin;
    sheaf_table_start(worker->rehearsal, 0);
    return sheaf_table_fold(worker->rehearsal, collect_keys(worker, registers), registers, rows,
                            error);
}

static sheaf_status take_rows(void *context, const sheaf_column *registers, size_t rows,
                              const uint32_t *origin, sheaf_error *error)
{
    struct worker *worker = context;
    const struct plan *plan = worker->plan;
    size_t columns = plan->out.count;

    (void)origin;
    for (size_t i = 0; i < columns; i++)
        worker->out[i] = registers[plan->out_registers[i]];
    if (worker->context->format) {
        sheaf_format_rows(&worker->context->style, worker->context->out_names, worker->out, columns,
                          rows, &worker->piece);
    } else {
        sheaf_string_clear(&worker->numbers);
        if (!sheaf_string_reserve(&worker->numbers, rows * sizeof(int64_t) + 64))
            return sheaf_string_check(&worker->numbers, error);
        int64_t *numbers = (void *)worker->numbers.bytes;
        for (size_t row = 0; row < rows; row++)
            numbers[row] = (int64_t)((worker->ordinal << JOB_SHARD_BITS) + worker->delivered + row);
        worker->out[columns] = (sheaf_column){.type = SHEAF_I64};
        worker->out[columns].i64 = numbers;
        /* Each batch is flat.h bytes behind their size, all of it aligned to 16. */
        uint64_t size[2] = {0, 0};
        sheaf_string_append_bytes(&worker->piece, size, -worker->piece.size & 15);
        size_t at = worker->piece.size;
        sheaf_string_append_bytes(&worker->piece, size, sizeof size);
        sheaf_flat_append(&worker->piece, worker->out, columns + 1, rows);
        SHEAF_TRY(sheaf_string_check(&worker->piece, error));
        size[0] = worker->piece.size - at - sizeof size;
        memcpy(worker->piece.bytes + at, size, sizeof size);
    }
    worker->delivered += rows;
    return sheaf_string_check(&worker->piece, error);
}

/* -- a shard -------------------------------------------------------------------------------------
 */

/* Attempts at this shard crashed: fold each row alone, for trial, so that the mark names it. */
static sheaf_status rehearse(struct worker *worker, const struct sheaf_read *read,
                             sheaf_error *error)
{
    const struct plan *plan = worker->plan;

    if (plan->kind == PLAN_FOLD && !worker->rehearsal)
        SHEAF_TRY(sheaf_table_open(&plan->table, &worker->rehearsal, error));
    for (size_t row = 0; row < read->rows; row++) {
        sheaf_workplace_mark(worker->place, read->base + (read->offset ? read->offset[row] : 0));
        if (plan->kind == PLAN_FOLD)
            SHEAF_TRY(sheaf_flow_run_row(worker->flow, read->columns, row, take_rehearsal, worker,
                                         error));
    }
    return SHEAF_OK;
}

/* A failure in the operator or an expression: say where its row stands in the file. */
static void place_error(const struct sheaf_read *read, sheaf_error *error)
{
    if (error->row >= 0 && (size_t)error->row < read->rows && read->offset)
        error->byte = (int64_t)(read->base + read->offset[error->row]);
    if (error->status == SHEAF_REFUSED)
        error->code = JOB_REFUSED;
    else if (error->status == SHEAF_BAD_DATA)
        error->code = JOB_NO_VALUE;
    error->row = -1;
    error->line = -1;
}

static sheaf_status read_rows(struct worker *worker, flow_taker take, sheaf_error *error)
{
    struct sheaf_read read = {0};

    while (!sheaf_flow_full(worker->flow)) {
        SHEAF_TRY(sheaf_reader_next(worker->reader, &read, error));
        if (read.rows == 0)
            break;
        sheaf_workplace_mark(worker->place, read.base + (read.offset ? read.offset[0] : 0));
        sheaf_status status = SHEAF_OK;
        if (sheaf_workplace_careful(worker->place))
            status = rehearse(worker, &read, error);
        if (status == SHEAF_OK)
            status = sheaf_flow_run(worker->flow, read.columns, read.rows, take, worker, error);
        if (status != SHEAF_OK) {
            if (error)
                place_error(&read, error);
            return status;
        }
    }
    return SHEAF_OK;
}

/* Where the shard begins and ends: the first is told or found, the last is always found. */
static sheaf_status find_bounds(const struct worker *worker, const struct shard_task *task,
                                uint64_t *begin, uint64_t *end, sheaf_error *error)
{
    const sheaf_dataset *dataset = worker->plan->job->dataset;

    *begin = task->begin;
    if (*begin == JOB_FIND)
        SHEAF_TRY(sheaf_file_cut(dataset, task->file, task->shard, begin, error));
    /* A record that runs over all of the shard: nothing begins here, so do not look for the end. */
    *end = *begin;
    if (*begin >= dataset->files[task->file].data_begin + (task->shard + 1) * dataset->shard_bytes)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_file_cut(dataset, task->file, task->shard + 1, end, error));
    if (*end < *begin)
        *end = *begin;
    return SHEAF_OK;
}

static sheaf_status run_reader(struct worker *worker, const struct shard_task *task, uint64_t begin,
                               uint64_t end, sheaf_error *error)
{
    const struct plan *plan = worker->plan;
    const sheaf_dataset *dataset = plan->job->dataset;

    if (!worker->reader)
        SHEAF_TRY(sheaf_reader_open(dataset, plan->pipeline.wanted, plan->pipeline.wanted_count,
                                    &worker->reader, error));
    if (!worker->flow)
        SHEAF_TRY(sheaf_flow_open(&plan->pipeline, &worker->flow, error));
    SHEAF_TRY(sheaf_reader_start(worker->reader, task->file, begin, end, error));
    sheaf_flow_start(worker->flow);
    sheaf_string_clear(&worker->piece);
    worker->ordinal = task->ordinal;
    worker->delivered = 0;
    switch (plan->kind) {
    case PLAN_FOLD:
        sheaf_table_start(worker->table, task->ordinal << JOB_SHARD_BITS);
        return read_rows(worker, take_fold, error);
    case PLAN_ROWS:
        return read_rows(worker, take_rows, error);
    case PLAN_EXAMINE:
        memset(worker->evidence, 0, plan->pipeline.wanted_count * sizeof *worker->evidence);
        return sheaf_reader_examine(worker->reader, worker->evidence, error);
    }
    return SHEAF_OK;
}

static sheaf_status publish_shard(struct worker *worker, struct shard_summary *summary,
                                  sheaf_error *error)
{
    const struct plan *plan = worker->plan;
    const struct sheaf_string *rejects = sheaf_reader_rejects(worker->reader);
    struct piece_head head = {.rejects_size = rejects->size};

    if (plan->kind == PLAN_FOLD)
        head.body_size = sheaf_table_measure(worker->table);
    else if (plan->kind == PLAN_ROWS)
        head.body_size = worker->piece.size;
    else
        head.body_size = plan->pipeline.wanted_count * sizeof *worker->evidence;
    if (head.body_size + head.rejects_size == 0)
        return SHEAF_OK;
    char *to = sheaf_workplace_reserve(worker->place,
                                       sizeof head + head.body_size + head.rejects_size, error);
    if (!to)
        return SHEAF_NO_MEMORY;
    memcpy(to, &head, sizeof head);
    to += sizeof head;
    if (plan->kind == PLAN_FOLD)
        sheaf_table_publish(worker->table, to);
    else if (plan->kind == PLAN_ROWS && head.body_size)
        memcpy(to, worker->piece.bytes, head.body_size);
    else if (head.body_size)
        memcpy(to, worker->evidence, head.body_size);
    if (head.rejects_size)
        memcpy(to + head.body_size, rejects->bytes, head.rejects_size);
    if (plan->kind == PLAN_FOLD) {
        SHEAF_TRY(
            sheaf_published_check(&plan->table, to, head.body_size, &summary->entries, error));
    } else {
        summary->entries = worker->delivered;
    }
    return SHEAF_OK;
}

static sheaf_status run_shard(struct worker *worker, const struct shard_task *task,
                              sheaf_error *error)
{
    struct shard_summary *summary = sheaf_workplace_summary(worker->place);
    const struct sheaf_file *file = &worker->plan->job->dataset->files[task->file];
    uint64_t begin, end;

    SHEAF_TRY(find_bounds(worker, task, &begin, &end, error));
    summary->read.began = summary->read.stopped = begin;
    summary->began = 1;
    if (begin < end) {
        SHEAF_TRY(run_reader(worker, task, begin, end, error));
        sheaf_reader_finish(worker->reader, &summary->read);
        sheaf_flow_counts(worker->flow, &summary->filtered);
        summary->used = summary->read.rows - summary->filtered;
        if (!file->spool)
            SHEAF_TRY(sheaf_file_verify(file, error));
        SHEAF_TRY(publish_shard(worker, summary, error));
    }
    summary->last = summary->read.stopped >= sheaf_file_size(file);
    return SHEAF_OK;
}

/* -- states
 * ---------------------------------------------------------------------------------------- */

static sheaf_status glue_inputs(struct worker *worker, const struct glue_task *task,
                                sheaf_error *error)
{
    sheaf_table_start(worker->table, 0);
    for (uint32_t i = 0; i < task->inputs; i++) {
        const void *bytes = sheaf_workplace_view(worker->place, &task->input[i]);
        if (!bytes)
            return sheaf_error_set(error, SHEAF_INTERNAL, "a published state is out of reach");
        sheaf_workplace_mark(worker->place, i);
        SHEAF_TRY(sheaf_table_glue(worker->table, bytes, task->input[i].size, task->first,
                                   task->last, error));
    }
    return SHEAF_OK;
}

static sheaf_status run_glue(struct worker *worker, const struct glue_task *task,
                             sheaf_error *error)
{
    struct shard_summary *summary = sheaf_workplace_summary(worker->place);

    SHEAF_TRY(glue_inputs(worker, task, error));
    size_t size = sheaf_table_measure(worker->table);
    char *to = sheaf_workplace_reserve(worker->place, sizeof(struct piece_head) + size, error);
    if (!to)
        return SHEAF_NO_MEMORY;
    struct piece_head head = {.body_size = size};
    memcpy(to, &head, sizeof head);
    sheaf_table_publish(worker->table, to + sizeof head);
    return sheaf_published_check(&worker->plan->table, to + sizeof head, size, &summary->entries,
                                 error);
}

static sheaf_status run_answer(struct worker *worker, const struct glue_task *task,
                               sheaf_error *error)
{
    SHEAF_TRY(glue_inputs(worker, task, error));
    sheaf_string_clear(&worker->piece);
    SHEAF_TRY(sheaf_table_answer(worker->table, &worker->piece, error));
    SHEAF_TRY(sheaf_string_check(&worker->piece, error));
    char *to = sheaf_workplace_reserve(worker->place, worker->piece.size, error);
    if (!to)
        return SHEAF_NO_MEMORY;
    memcpy(to, worker->piece.bytes, worker->piece.size);
    return SHEAF_OK;
}

sheaf_status sheaf_task_run(void *context, void *local, struct sheaf_workplace *place,
                            const struct sheaf_task *task, sheaf_error *error)
{
    struct worker *worker = local;
    uint32_t kind;

    (void)context;
    worker->place = place;
    memcpy(&kind, task->bytes, sizeof kind);
    if (kind == TASK_SHARD && sigsetjmp(out_of_file, 0) != 0)
        return cut_short(worker, task, error);
    if (kind == TASK_SHARD)
        return run_shard(worker, (const void *)task->bytes, error);
    if (kind == TASK_GLUE)
        return run_glue(worker, (const void *)task->bytes, error);
    return run_answer(worker, (const void *)task->bytes, error);
}
