/*
 * coordinate.c - the coordinator's side of a job
 *
 * Shards are handed out in the order of the data and come back in any.  `proven`
 * runs over them in order: a shard is taken when it began exactly where the one
 * before it stopped, which proves both cuts (input/cut.h); one that did not is
 * void and is done again from the right place.  Only what is proven is glued,
 * written, counted, or believed when it complains: so the first error in the
 * data is the one that is reported, and a wrong guess is nothing but a failed attempt.
 *
 * States are glued by a tree that depends on the number of shards alone: 128
 * neighbours into one, and again; what is left at the end goes straight into the
 * answer, which is made partition by partition.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "input/lexer.h"
#include "job/coordinate.h"
#include "job/locate.h"
#include "reduce/flat.h"

#define LEVELS 8 /* of the tree: 128^8 shards are enough */

enum shard_state { SHARD_WAITING, SHARD_RUNNING, SHARD_DONE };

struct shard {
    uint32_t file;
    uint64_t index; /* in its file */
    uint64_t begin; /* told, or JOB_FIND */
    uint16_t version;
    enum shard_state state;
    struct sheaf_extent extent;
    struct shard_summary summary;
    sheaf_error *failure; /* owned; NULL: it went well */
};

/* A published state, as the executor knows it and where the table in it lies. */
struct piece {
    struct sheaf_extent whole, body;
    uint64_t entries;
};

struct level {
    struct piece *pieces; /* in the order of the data; those before `taken` went into a glue task */
    size_t count, capacity, taken;
    size_t coming; /* glue tasks whose result belongs here and is not there yet */
};

/* A glue or answer task, from planning to commit. */
struct gluing {
    bool answer, done;
    unsigned level; /* GLUE: where the result goes */
    size_t place;   /* GLUE: index there.  ANSWER: index of the answer's piece */
    struct glue_task task;
    struct sheaf_extent whole[JOB_FAN_IN];
};

struct coordination {
    const struct plan *plan;
    const struct task_context *tasks;
    const struct coordinate_takers *takers;
    sheaf_report *report;
    sheaf_dataset *dataset;

    struct shard *shards;
    size_t count, capacity, proven;
    size_t running;
    uint32_t file; /* of the next shard to append */
    uint64_t index;
    bool *file_ended;    /* proven to the end */
    size_t window;       /* shards that may be ahead of `proven` */
    size_t first_failed; /* smallest ordinal with a failure; SIZE_MAX: none */

    uint64_t chain;          /* where the next record of the file at hand is known to begin */
    uint64_t lines, records; /* of the file before `chain` */

    struct level level[LEVELS];
    struct gluing *gluings;
    size_t gluing_count, gluing_capacity, gluing_next, gluing_done;
    bool answering;
    struct sheaf_extent *answers;
    size_t answer_count, answers_done;

    struct sheaf_evidence *evidence;
    uint64_t rows_out;
    bool stopped; /* enough rows */
    bool finished;
    double started_s, folded_s;
    sheaf_error failure; /* that next() met */
};

/* -- shards
 * ---------------------------------------------------------------------------------------- */

static uint64_t task_id(size_t ordinal, uint16_t version)
{
    return (uint64_t)ordinal << 16 | version;
}

/* One more shard of the dataset, if there is one yet. */
static bool append_shard(struct coordination *c, sheaf_error *error)
{
    while (c->file < c->dataset->file_count) {
        const struct sheaf_file *file = &c->dataset->files[c->file];
        uint64_t shards = c->file_ended[c->file] ? 0 : UINT64_MAX;
        if (!file->spool)
            shards = sheaf_file_shards(c->dataset, c->file);
        if (c->index < shards) {
            if (sheaf_grow(&c->shards, &c->capacity, c->count + 1, sizeof *c->shards, error) !=
                SHEAF_OK)
                return false;
            c->shards[c->count++] = (struct shard){
                .file = c->file,
                .index = c->index,
                .begin = c->index == 0 ? file->data_begin : JOB_FIND,
            };
            c->index++;
            return true;
        }
        c->file++;
        c->index = 0;
    }
    return false;
}

static bool all_appended(const struct coordination *c)
{
    return c->file >= c->dataset->file_count;
}

static void hand_out(struct coordination *c, size_t ordinal, struct sheaf_task *task)
{
    struct shard *shard = &c->shards[ordinal];
    struct shard_task what = {.kind = TASK_SHARD,
                              .file = shard->file,
                              .shard = shard->index,
                              .ordinal = ordinal,
                              .begin = shard->begin};

    task->id = task_id(ordinal, shard->version);
    task->size = sizeof what;
    memcpy(task->bytes, &what, sizeof what);
    shard->state = SHARD_RUNNING;
    c->running++;
}

/* The next shard that may be worked on: one that has to be done again, or a new one. */
static bool next_shard(struct coordination *c, struct sheaf_task *task, sheaf_error *error)
{
    size_t end = c->count < c->first_failed ? c->count : c->first_failed;

    for (size_t i = c->proven; i < end; i++)
        if (c->shards[i].state == SHARD_WAITING) {
            hand_out(c, i, task);
            return true;
        }
    if (c->first_failed != SIZE_MAX || c->stopped || c->count - c->proven >= c->window)
        return false;
    if (!append_shard(c, error))
        return false;
    hand_out(c, c->count - 1, task);
    return true;
}

/* Do a shard again, from where its records really begin. */
static void redo(struct coordination *c, struct sheaf_execution *execution, size_t ordinal,
                 uint64_t begin)
{
    struct shard *shard = &c->shards[ordinal];

    sheaf_execution_release(execution, &shard->extent);
    free(shard->failure);
    shard->failure = NULL;
    shard->extent = (struct sheaf_extent){0};
    shard->begin = begin;
    shard->version++;
    shard->state = SHARD_WAITING;
    if (c->first_failed == ordinal) {
        c->first_failed = SIZE_MAX;
        for (size_t i = c->count; i-- > ordinal;)
            if (c->shards[i].failure)
                c->first_failed = i;
    }
}

/* -- the tree
 * ---------------------------------------------------------------------------------------- */

static sheaf_status add_gluing(struct coordination *c, struct gluing **gluing, sheaf_error *error)
{
    SHEAF_TRY(
        sheaf_grow(&c->gluings, &c->gluing_capacity, c->gluing_count + 1, sizeof **gluing, error));
    *gluing = &c->gluings[c->gluing_count++];
    memset(*gluing, 0, sizeof **gluing);
    return SHEAF_OK;
}

static void add_input(struct gluing *gluing, const struct piece *piece)
{
    gluing->whole[gluing->task.inputs] = piece->whole;
    gluing->task.input[gluing->task.inputs++] = piece->body;
}

static sheaf_status make_room(struct level *level, sheaf_error *error)
{
    return sheaf_grow(&level->pieces, &level->capacity, level->count + 1, sizeof *level->pieces,
                      error);
}

/* Glue pieces [taken, taken + inputs) of a level into one of the next. */
static sheaf_status plan_gluing(struct coordination *c, unsigned l, size_t inputs,
                                sheaf_error *error)
{
    struct level *level = &c->level[l], *up = &c->level[l + 1];
    struct gluing *gluing;

    SHEAF_TRY(make_room(up, error));
    SHEAF_TRY(add_gluing(c, &gluing, error));
    gluing->level = l + 1;
    gluing->place = up->count++;
    up->coming++;
    gluing->task.kind = TASK_GLUE;
    gluing->task.last = SHEAF_PARTITIONS;
    for (size_t i = 0; i < inputs; i++)
        add_input(gluing, &level->pieces[level->taken++]);
    return SHEAF_OK;
}

/* Whatever is complete goes up; pieces of a level come in order, so a hole means "not yet". */
static sheaf_status plan_complete(struct coordination *c, sheaf_error *error)
{
    for (unsigned l = 0; l + 1 < LEVELS; l++) {
        struct level *level = &c->level[l];
        while (level->coming == 0 && level->count - level->taken >= JOB_FAN_IN)
            SHEAF_TRY(plan_gluing(c, l, JOB_FAN_IN, error));
    }
    return SHEAF_OK;
}

static size_t pieces_left(const struct coordination *c)
{
    size_t left = 0;

    for (unsigned l = 0; l < LEVELS; l++)
        left += c->level[l].count - c->level[l].taken;
    return left;
}

/* All shards are in and no glue task is under way: make the answer of what is left.  More than one
 * task can read: glue the youngest pieces first. */
static sheaf_status plan_answers(struct coordination *c, sheaf_error *error)
{
    uint64_t entries = 0;
    unsigned tasks, lowest = 0;

    if (pieces_left(c) > JOB_FAN_IN) {
        while (c->level[lowest].count == c->level[lowest].taken)
            lowest++;
        return plan_gluing(c, lowest, c->level[lowest].count - c->level[lowest].taken, error);
    }
    for (unsigned l = 0; l < LEVELS; l++)
        for (size_t i = c->level[l].taken; i < c->level[l].count; i++)
            entries += c->level[l].pieces[i].entries;
    tasks = c->plan->keys == 0 || entries < 20000 ? 1 : entries < 1000000 ? 16 : SHEAF_PARTITIONS;

    SHEAF_TRY(sheaf_allocate(&c->answers, tasks, sizeof *c->answers, error));
    c->answer_count = tasks;
    c->answering = true;
    for (unsigned t = 0; t < tasks; t++) {
        struct gluing *gluing;
        SHEAF_TRY(add_gluing(c, &gluing, error));
        gluing->answer = true;
        gluing->place = t;
        gluing->task.kind = TASK_ANSWER;
        gluing->task.first = t * (SHEAF_PARTITIONS / tasks);
        gluing->task.last = (t + 1) * (SHEAF_PARTITIONS / tasks);
        for (unsigned l = LEVELS; l-- > 0;)
            for (size_t i = c->level[l].taken; i < c->level[l].count; i++)
                add_input(gluing, &c->level[l].pieces[i]);
    }
    return SHEAF_OK;
}

static struct piece make_piece(const struct sheaf_extent *extent, const struct piece_head *head,
                               uint64_t entries)
{
    struct piece piece = {.whole = *extent, .body = *extent, .entries = entries};

    piece.body.offset += sizeof *head;
    piece.body.size = head->body_size;
    return piece;
}

/* The head of published bytes, copied before it is believed. */
static sheaf_status read_head(struct sheaf_execution *execution, const struct sheaf_extent *extent,
                              struct piece_head *head, const char **bytes, sheaf_error *error)
{
    *head = (struct piece_head){0};
    *bytes = NULL;
    if (extent->size == 0)
        return SHEAF_OK;
    const char *view = sheaf_execution_view(execution, extent);
    if (view && extent->size >= sizeof *head) {
        memcpy(head, view, sizeof *head);
        size_t room = extent->size - sizeof *head;
        if (head->body_size <= room && head->rejects_size <= room - head->body_size) {
            *bytes = view + sizeof *head;
            return SHEAF_OK;
        }
    }
    return sheaf_error_set(error, SHEAF_INTERNAL,
                           "a worker published bytes of a wrong form (E901)");
}

/* -- proving
 * ----------------------------------------------------------------------------------------- */

static void count_repairs(struct coordination *c, const struct shard *shard)
{
    const struct sheaf_read_outcome *read = &shard->summary.read;

    for (int kind = 0; kind < SHEAF_REPORT_REPAIRS; kind++) {
        if (read->repairs[kind].count && c->report->repairs[kind].count == 0) {
            c->report->repairs[kind].file = shard->file;
            c->report->repairs[kind].byte = read->repairs[kind].first_byte;
            c->report->repairs[kind].line = c->lines + read->repairs[kind].first_line + 1;
        }
        c->report->repairs[kind].count += read->repairs[kind].count;
    }
}

static sheaf_status check_bad_rows(struct coordination *c, const struct shard *shard,
                                   sheaf_error *error)
{
    const sheaf_dataset_options *options = &c->dataset->options;
    uint64_t bad = c->report->rows_rejected + c->report->rows_nulled;

    if (options->max_bad == 0 || bad <= options->max_bad)
        return SHEAF_OK;
    sheaf_error_set(error, SHEAF_BAD_DATA, "%s: more than %" PRIu64 " bad rows (E412)",
                    c->dataset->files[shard->file].path, options->max_bad);
    sheaf_error_help(error, "Allow more: --max-bad N    See them: --rejects FILE");
    return SHEAF_BAD_DATA;
}

/* The shard's rows are what they should be: take its bytes where they belong. */
static sheaf_status take_shard(struct coordination *c, struct sheaf_execution *execution,
                               struct shard *shard, sheaf_error *error)
{
    const struct shard_summary *summary = &shard->summary;
    const struct sheaf_read_outcome *read = &summary->read;
    struct piece_head head;
    const char *bytes;
    bool keep = false;

    SHEAF_TRY(read_head(execution, &shard->extent, &head, &bytes, error));
    if (summary->used + summary->filtered != read->rows)
        return sheaf_error_set(error, SHEAF_INTERNAL,
                               "shard %" PRIu64 ": %" PRIu64 " rows used and %" PRIu64
                               " left out are not the %" PRIu64 " that were read (E902)",
                               shard->index, summary->used, summary->filtered, read->rows);
    count_repairs(c, shard);
    c->report->shards += read->stopped > read->began;
    c->report->bytes += read->stopped - read->began;
    c->report->records += read->records;
    c->report->rows_used += summary->used;
    c->report->rows_filtered += summary->filtered;
    if (c->dataset->options.bad_row == SHEAF_BAD_ROW_SKIP)
        c->report->rows_rejected += read->bad;
    else
        c->report->rows_nulled += read->bad;
    SHEAF_TRY(check_bad_rows(c, shard, error));
    if (head.rejects_size && c->takers->rejects)
        SHEAF_TRY(sheaf_locate_rejects(c->dataset, shard->file, c->lines, c->records,
                                       bytes + head.body_size, head.rejects_size,
                                       c->takers->rejects, c->takers->context, error));

    if (c->plan->kind == PLAN_FOLD && head.body_size) {
        SHEAF_TRY(make_room(&c->level[0], error));
        c->level[0].pieces[c->level[0].count++] =
            make_piece(&shard->extent, &head, summary->entries);
        keep = true;
        SHEAF_TRY(plan_complete(c, error));
    } else if (c->plan->kind == PLAN_ROWS && head.body_size && !c->stopped) {
        SHEAF_TRY(
            c->takers->piece(c->takers->context, bytes, head.body_size, summary->entries, error));
        c->rows_out += summary->entries;
        c->stopped |= c->plan->limited && c->rows_out >= c->plan->limit;
    } else if (c->plan->kind == PLAN_EXAMINE && head.body_size) {
        struct sheaf_evidence seen;
        for (size_t i = 0; i < head.body_size / sizeof seen; i++) {
            memcpy(&seen, bytes + i * sizeof seen, sizeof seen);
            if (i < c->plan->pipeline.wanted_count)
                sheaf_evidence_join(&c->evidence[i], &seen);
        }
    }
    if (!keep)
        sheaf_execution_release(execution, &shard->extent);
    return SHEAF_OK;
}

static sheaf_status fail_shard(struct coordination *c, struct shard *shard, sheaf_error *error)
{
    sheaf_error failure = *shard->failure;

    sheaf_locate_failure(c->plan, shard->file, c->chain, c->lines, c->records, &failure);
    if (error)
        *error = failure;
    return failure.status;
}

static void begin_file(struct coordination *c, uint32_t file)
{
    c->chain = c->dataset->files[file].data_begin;
    c->lines = c->dataset->files[file].header_lines;
    c->records = c->dataset->files[file].header_records;
}

static bool is_last_of_file(const struct coordination *c, size_t ordinal)
{
    const struct shard *shard = &c->shards[ordinal];
    const struct sheaf_file *file = &c->dataset->files[shard->file];

    if (file->spool)
        return shard->summary.last;
    return shard->index + 1 == sheaf_file_shards(c->dataset, shard->file);
}

/* Whether the shard, which is done, began where its records begin; if not, it is done again. */
static bool began_right(struct coordination *c, struct sheaf_execution *execution, size_t ordinal)
{
    struct shard *shard = &c->shards[ordinal];
    uint64_t began = shard->begin;

    if (shard->summary.began)
        began = shard->summary.read.began;
    else if (began == JOB_FIND &&
             sheaf_file_cut(c->dataset, shard->file, shard->index, &began, NULL) != SHEAF_OK)
        return true; /* its own failure says more */
    if (began == c->chain)
        return true;
    redo(c, execution, ordinal, c->chain);
    return false;
}

static sheaf_status prove(struct coordination *c, struct sheaf_execution *execution,
                          sheaf_error *error)
{
    while (c->proven < c->count && c->shards[c->proven].state == SHARD_DONE && !c->stopped) {
        struct shard *shard = &c->shards[c->proven];
        struct sheaf_file *file = &c->dataset->files[shard->file];

        if (shard->index == 0)
            begin_file(c, shard->file);
        if (!began_right(c, execution, c->proven))
            return SHEAF_OK;
        if (shard->failure)
            return fail_shard(c, shard, error);
        SHEAF_TRY(take_shard(c, execution, shard, error));
        c->chain = shard->summary.read.stopped;
        c->lines += shard->summary.read.lines;
        c->records += shard->summary.read.records;
        if (file->spool)
            sheaf_file_consumed(file, c->chain);
        if (is_last_of_file(c, c->proven))
            c->file_ended[shard->file] = true;
        c->proven++;
    }
    return SHEAF_OK;
}

/* -- the executor's questions
 * ---------------------------------------------------------------------- */

static bool shards_done(const struct coordination *c)
{
    return all_appended(c) && c->proven == c->count;
}

static enum sheaf_next next_gluing(struct coordination *c, struct sheaf_task *task)
{
    struct gluing *gluing = &c->gluings[c->gluing_next];

    task->id = UINT64_MAX - c->gluing_next++;
    task->size = sizeof gluing->task;
    memcpy(task->bytes, &gluing->task, sizeof gluing->task);
    return SHEAF_NEXT_TASK;
}

static enum sheaf_next next(void *context, struct sheaf_execution *execution,
                            struct sheaf_task *task)
{
    struct coordination *c = context;
    sheaf_error error = {0};

    (void)execution;
    if (c->stopped)
        return SHEAF_NEXT_STOP;
    if (c->gluing_next < c->gluing_count)
        return next_gluing(c, task);
    if (next_shard(c, task, &error))
        return SHEAF_NEXT_TASK;
    if (error.status == SHEAF_OK && shards_done(c)) {
        if (c->folded_s == 0)
            c->folded_s = sheaf_clock_s();
        if (c->plan->kind != PLAN_FOLD)
            return SHEAF_NEXT_DONE;
        if (c->answering)
            return c->answers_done == c->answer_count ? SHEAF_NEXT_DONE : SHEAF_NEXT_WAIT;
        if (c->gluing_done < c->gluing_count)
            return SHEAF_NEXT_WAIT;
        if (plan_answers(c, &error) == SHEAF_OK)
            return next_gluing(c, task);
    }
    if (error.status != SHEAF_OK) {
        c->failure = error;
        return SHEAF_NEXT_DONE;
    }
    return SHEAF_NEXT_WAIT;
}

static sheaf_status commit_shard(struct coordination *c, struct sheaf_execution *execution,
                                 const struct sheaf_task *task, const struct sheaf_outcome *outcome,
                                 sheaf_error *error)
{
    size_t ordinal = (size_t)(task->id >> 16);
    struct shard *shard = &c->shards[ordinal];

    c->running--;
    if (shard->version != (uint16_t)task->id || shard->state != SHARD_RUNNING) {
        sheaf_execution_release(execution, &outcome->extent);
        return SHEAF_OK;
    }
    shard->state = SHARD_DONE;
    shard->extent = outcome->extent;
    memcpy(&shard->summary, outcome->summary, sizeof shard->summary);
    if (outcome->status != SHEAF_OK) {
        SHEAF_TRY(sheaf_allocate(&shard->failure, 1, sizeof *shard->failure, error));
        *shard->failure = outcome->error;
        shard->failure->status = outcome->status;
        if (outcome->status == SHEAF_LOST) {
            shard->summary = (struct shard_summary){0};
            shard->failure->byte = (int64_t)outcome->mark;
        }
        if (ordinal < c->first_failed)
            c->first_failed = ordinal;
    }
    return prove(c, execution, error);
}

static sheaf_status commit_gluing(struct coordination *c, struct sheaf_execution *execution,
                                  const struct sheaf_task *task,
                                  const struct sheaf_outcome *outcome, sheaf_error *error)
{
    struct gluing *gluing = &c->gluings[UINT64_MAX - task->id];
    struct shard_summary summary;
    struct piece_head head;
    const char *bytes;

    if (outcome->status != SHEAF_OK) {
        if (error) {
            *error = outcome->error;
            error->status = outcome->status;
            if (outcome->status == SHEAF_LOST)
                sheaf_locate_gluing(c->plan, error);
        }
        return outcome->status;
    }
    c->gluing_done++;
    gluing->done = true;
    if (gluing->answer) {
        c->answers[gluing->place] = outcome->extent;
        c->answers_done++;
        return SHEAF_OK;
    }
    for (uint32_t i = 0; i < gluing->task.inputs; i++)
        sheaf_execution_release(execution, &gluing->whole[i]);
    SHEAF_TRY(read_head(execution, &outcome->extent, &head, &bytes, error));
    memcpy(&summary, outcome->summary, sizeof summary);
    struct level *level = &c->level[gluing->level];
    level->pieces[gluing->place] = make_piece(&outcome->extent, &head, summary.entries);
    level->coming--;
    return plan_complete(c, error);
}

static sheaf_status commit(void *context, struct sheaf_execution *execution,
                           const struct sheaf_task *task, const struct sheaf_outcome *outcome,
                           sheaf_error *error)
{
    struct coordination *c = context;

    c->report->tasks++;
    if (task->id > UINT64_MAX / 2)
        return commit_gluing(c, execution, task, outcome, error);
    return commit_shard(c, execution, task, outcome, error);
}

static sheaf_status feed(void *context, sheaf_error *error)
{
    struct coordination *c = context;

    return sheaf_dataset_feed(c->dataset, error);
}

static sheaf_status enter(void *context, struct sheaf_workplace *place, void **local,
                          sheaf_error *error)
{
    struct coordination *c = context;

    return sheaf_task_enter((void *)(uintptr_t)c->tasks, place, local, error);
}

static sheaf_status run(void *context, void *local, struct sheaf_workplace *place,
                        const struct sheaf_task *task, sheaf_error *error)
{
    struct coordination *c = context;

    return sheaf_task_run((void *)(uintptr_t)c->tasks, local, place, task, error);
}

static void leave(void *context, void *local)
{
    struct coordination *c = context;

    sheaf_task_leave((void *)(uintptr_t)c->tasks, local);
}

static void progress(void *context)
{
    struct coordination *c = context;
    uint64_t bytes = sheaf_dataset_bytes(c->dataset);

    if (c->plan->job->progress)
        c->plan->job->progress(
            bytes == UINT64_MAX || bytes == 0 ? -1 : (double)c->report->bytes / (double)bytes,
            c->plan->job->progress_context);
}

/* -- the whole
 * ----------------------------------------------------------------------------------------- */

static sheaf_status take_answer(struct coordination *c, struct sheaf_execution *execution,
                                sheaf_error *error)
{
    const void **pieces = NULL;
    size_t *sizes = NULL;
    struct sheaf_string flat = {0};

    sheaf_status status = sheaf_allocate(&pieces, c->answer_count, sizeof *pieces, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&sizes, c->answer_count, sizeof *sizes, error);
    for (size_t i = 0; status == SHEAF_OK && i < c->answer_count; i++) {
        pieces[i] = sheaf_execution_view(execution, &c->answers[i]);
        sizes[i] = c->answers[i].size;
        if (!pieces[i])
            status = sheaf_error_set(error, SHEAF_INTERNAL, "an answer is out of reach (E901)");
    }
    if (status == SHEAF_OK)
        status = sheaf_flat_merge(pieces, sizes, c->answer_count, SIZE_MAX, &flat, error);
    if (status == SHEAF_OK)
        status = c->takers->answer(c->takers->context, &flat, error);
    sheaf_string_free(&flat);
    free(pieces);
    free(sizes);
    return status;
}

/* rows in = rows used + filtered + rejected, whatever happened on the way. */
static sheaf_status check_conservation(const struct coordination *c, sheaf_error *error)
{
    const sheaf_report *r = c->report;

    if (c->plan->kind == PLAN_EXAMINE || c->stopped || c->plan->limited ||
        r->records == r->rows_used + r->rows_filtered + r->rows_rejected)
        return SHEAF_OK;
    return sheaf_error_set(error, SHEAF_INTERNAL,
                           "%" PRIu64 " records came in, but %" PRIu64 " were used, %" PRIu64
                           " left out and %" PRIu64 " rejected (E902)",
                           r->records, r->rows_used, r->rows_filtered, r->rows_rejected);
}

static void free_coordination(struct coordination *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->shards[i].failure);
    free(c->shards);
    free(c->file_ended);
    for (unsigned l = 0; l < LEVELS; l++)
        free(c->level[l].pieces);
    free(c->gluings);
    free(c->answers);
    free(c->evidence);
}

#define KEPT 60 /* descriptors that workers can be given */

/* Descriptors that workers need: of the files that do not rest, and of what the feeder decodes. */
static sheaf_status list_descriptors(const sheaf_dataset *dataset, int *keep, size_t *count,
                                     sheaf_error *error)
{
    *count = 0;
    for (size_t i = 0; i < dataset->file_count; i++) {
        const struct sheaf_file *file = &dataset->files[i];
        if ((file->fd >= 0 || file->spool) && *count + 2 > KEPT) {
            sheaf_error_set(error, SHEAF_LIMIT,
                            "%zu files, too many of them compressed or streams (E604)",
                            dataset->file_count);
            sheaf_error_help(error,
                             "Unpack them, or join them to one stream: zcat ... | sheaf ... -");
            return SHEAF_LIMIT;
        }
        if (file->fd >= 0)
            keep[(*count)++] = file->fd;
        if (file->spool)
            keep[(*count)++] = file->spool_fd;
    }
    return SHEAF_OK;
}

static sheaf_status run_all(struct coordination *c, struct sheaf_execution *execution,
                            sheaf_error *error)
{
    struct sheaf_work work = {
        .context = c, .next = next, .commit = commit, .enter = enter, .run = run, .leave = leave};
    int keep[KEPT];

    work.keep = keep;
    SHEAF_TRY(list_descriptors(c->dataset, keep, &work.keep_count, error));
    if (sheaf_dataset_needs_feeder(c->dataset))
        work.feed = feed;
    sheaf_status status = sheaf_execution_run(execution, &work, error);
    if (status == SHEAF_OK && c->failure.status != SHEAF_OK) {
        if (error)
            *error = c->failure;
        status = c->failure.status;
    }
    if (status == SHEAF_OK)
        status = check_conservation(c, error);
    if (status == SHEAF_OK && c->plan->kind == PLAN_FOLD)
        status = take_answer(c, execution, error);
    if (status == SHEAF_OK && c->plan->kind == PLAN_EXAMINE)
        status = c->takers->evidence(c->takers->context, c->evidence,
                                     c->plan->pipeline.wanted_count, error);
    return status;
}

sheaf_status sheaf_coordinate(const struct plan *plan, const struct task_context *tasks,
                              const struct coordinate_takers *takers, sheaf_report *report,
                              sheaf_error *error)
{
    const sheaf_executor *executor = &plan->job->executor;
    struct coordination c = {.plan = plan,
                             .tasks = tasks,
                             .takers = takers,
                             .report = report,
                             .dataset = plan->job->dataset,
                             .first_failed = SIZE_MAX,
                             .started_s = sheaf_clock_s()};
    struct sheaf_execution_options options = {
        .kind = executor->name == SHEAF_EXECUTOR_INLINE ? SHEAF_INLINE : SHEAF_FORK,
        .workers = executor->workers,
        .retries = executor->retries == 0  ? -1
                   : executor->retries < 0 ? 0
                                           : executor->retries,
        .deadline_ms = executor->deadline_ms,
        .progress = progress,
        .progress_context = &c};
    struct sheaf_execution *execution = NULL;

    sheaf_status status =
        sheaf_allocate(&c.file_ended, c.dataset->file_count, sizeof *c.file_ended, error);
    if (status == SHEAF_OK)
        status =
            sheaf_allocate(&c.evidence, plan->pipeline.wanted_count, sizeof *c.evidence, error);
    if (status == SHEAF_OK)
        status = sheaf_execution_open(&options, &execution, error);
    if (status == SHEAF_OK) {
        /* Rows wait in shared memory for their turn, and streams for their consumer: not too many.
         */
        size_t workers = (size_t)sheaf_execution_workers(execution);
        bool narrow = plan->kind == PLAN_ROWS || sheaf_dataset_needs_feeder(c.dataset);
        c.window = narrow ? 2 * workers + 2 : 1024 + 8 * workers;
        sheaf_dataset_read_ahead(c.dataset, options.kind == SHEAF_INLINE
                                                ? UINT64_MAX
                                                : (c.window + 2) * c.dataset->shard_bytes);
        report->workers = (int)workers;
        status = run_all(&c, execution, error);
        report->deaths += sheaf_execution_deaths(execution);
        double now = sheaf_clock_s();
        report->fold_s += (c.folded_s > 0 ? c.folded_s : now) - c.started_s;
        report->glue_s += c.folded_s > 0 ? now - c.folded_s : 0;
    }
    sheaf_execution_close(execution);
    free_coordination(&c);
    return status;
}

sheaf_status sheaf_rows_each(const void *bytes, size_t size,
                             sheaf_status (*take)(void *context, const sheaf_column *columns,
                                                  size_t count, size_t rows, sheaf_error *error),
                             void *context, sheaf_error *error)
{
    const char *at = bytes;
    uint64_t head[2];

    for (size_t left = size; left > 0;) {
        sheaf_column *columns = NULL;
        size_t count, rows;

        if (left < sizeof head)
            break;
        memcpy(head, at, sizeof head);
        if (head[0] > left - sizeof head)
            return sheaf_error_set(error, SHEAF_INTERNAL,
                                   "a worker published rows of a wrong form (E901)");
        SHEAF_TRY(sheaf_flat_view(at + sizeof head, head[0], &columns, &count, &rows, error));
        sheaf_status status = take(context, columns, count, rows, error);
        free(columns);
        SHEAF_TRY(status);
        size_t step = sizeof head + ((head[0] + 15) & ~(size_t)15);
        if (step > left)
            break;
        at += step;
        left -= step;
    }
    return SHEAF_OK;
}
