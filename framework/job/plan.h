/*
 * plan.h - a question turned into what has to be done
 *
 * Made in the coordinator before anything is forked; workers see it as it was
 * then and only read it (but for loading plug-ins into themselves).
 */
#ifndef SHEAF_JOB_PLAN_H
#define SHEAF_JOB_PLAN_H

#include "job/pipeline.h"
#include "reduce/table.h"
#include <sheaf/job.h>

enum plan_kind {
    PLAN_FOLD,   /* rows become states, states an answer */
    PLAN_ROWS,   /* rows come out, in order */
    PLAN_EXAMINE /* the kinds of columns are found */
};

struct plan {
    const sheaf_job *job;
    enum plan_kind kind;
    struct pipeline pipeline;

    /* FOLD */
    struct sheaf_aggregate aggregate;
    struct sheaf_table_plan table;
    sheaf_kind *key_kinds;
    int32_t *key_registers;
    size_t keys;

    size_t stats;            /* STATS: so many columns were looked at; else 0 */
    sheaf_kind *stats_kinds; /* what they are */

    /* What comes out: keys and outputs, or the columns of the rows. */
    struct sheaf_schema out;
    int32_t *out_registers; /* ROWS */
    bool typed_rows;        /* ROWS: values are wanted as what they are, not as their text */
    bool limited;           /* ROWS: a HEAD stands in it, so the end may come early */
    uint64_t limit;

    sheaf_plugin **plugins; /* opened for this plan; loaded where they run */
    size_t plugin_count;

    size_t post; /* stages from here on work on the answer */
    const sheaf_stage *stages;
    size_t stage_count;
    sheaf_stage own_stages[SHEAF_STAGES_MAX]; /* made from the short form */
};

/*
 * typed_rows: rows keep their values' kinds (for a result in memory, JSON), else
 * they come out as they stand in the file.
 */
SHEAF_CHECKED sheaf_status sheaf_plan_make(const sheaf_job *job, bool typed_rows, struct plan *plan,
                                           sheaf_error *error);
/* A plan that finds the kinds of those columns which `made` reads and whose kind is open. */
SHEAF_CHECKED sheaf_status sheaf_plan_examine(const struct plan *made, struct plan *plan,
                                              sheaf_error *error);
/* Whether some kind that matters to the plan is but a first opinion. */
bool sheaf_plan_is_open(const struct plan *plan);
void sheaf_plan_free(struct plan *plan);
/* Load the operators' code into this process. */
SHEAF_CHECKED sheaf_status sheaf_plan_load(const struct plan *plan, sheaf_error *error);
/* What will be done, in words, for --explain. */
void sheaf_plan_explain(const struct plan *plan, struct sheaf_string *words);

#endif
