/*
 * task.h - what the coordinator asks of a worker, and what it gets back
 *
 * All flat bytes: they cross processes by copying.  The coordinator's side is
 * coordinate.c, the worker's task.c.
 */
#ifndef SHEAF_JOB_TASK_H
#define SHEAF_JOB_TASK_H

#include "column/evidence.h"
#include "execute/work.h"
#include "job/plan.h"
#include "output/sink.h"

#define JOB_FAN_IN        128 /* pieces that one task glues: part of the definition of an answer */
#define JOB_FIND          UINT64_MAX /* begin of a shard: where cutting finds it */
#define JOB_NO_VALUE      411        /* E411: an expression has no value for a row */
#define JOB_REFUSED       413        /* E413: an operator refused a row */
#define JOB_CRASHED       414        /* E414: an operator crashed on a row */
#define JOB_FIRST_OPINION 420 /* E420: a value does not fit the kind that a sample suggested */
#define JOB_SHARD_BITS    40  /* rows of a shard are numbered below 2^40 */

enum task_kind { TASK_SHARD, TASK_GLUE, TASK_ANSWER };

struct shard_task {
    uint32_t kind; /* TASK_SHARD */
    uint32_t file;
    uint64_t shard;   /* of the file */
    uint64_t ordinal; /* of the whole dataset */
    uint64_t begin;   /* or JOB_FIND */
};

struct glue_task {
    uint32_t kind; /* TASK_GLUE, TASK_ANSWER */
    uint32_t inputs;
    uint32_t first, last; /* partitions [first, last) */
    struct sheaf_extent input[JOB_FAN_IN];
};

_Static_assert(sizeof(struct glue_task) <= SHEAF_TASK_BYTES, "a glue task fits");

/* How a shard's bytes begin: a body (states, rows, evidence), then its rejected rows. */
struct piece_head {
    uint64_t body_size;
    uint64_t rejects_size;
    uint64_t reserved[6]; /* so that the body is 64-byte aligned */
};

struct shard_summary {
    struct sheaf_read_outcome read;
    uint64_t used, filtered; /* rows */
    uint64_t entries;        /* FOLD: keys.  ROWS: rows that came out */
    uint32_t last;           /* the file ends here */
    uint32_t began;          /* read.began is known: set before anything can fail */
};

_Static_assert(sizeof(struct shard_summary) <= SHEAF_SUMMARY_BYTES, "a summary fits");

/* What workers see beside the plan; filled by the coordinator before it forks. */
struct task_context {
    const struct plan *plan;
    const char **out_names; /* of plan->out */
    bool format;            /* ROWS come as text in `style`, else as flat columns */
    struct sheaf_style style;
};

/* The worker's functions of struct sheaf_work; context is a struct task_context. */
sheaf_status sheaf_task_enter(void *context, struct sheaf_workplace *place, void **local,
                              sheaf_error *error);
sheaf_status sheaf_task_run(void *context, void *local, struct sheaf_workplace *place,
                            const struct sheaf_task *task, sheaf_error *error);
void sheaf_task_leave(void *context, void *local);

#endif
