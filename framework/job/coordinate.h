/*
 * coordinate.h - the coordinator's side of a job: which task is next, and what its outcome means
 */
#ifndef SHEAF_JOB_COORDINATE_H
#define SHEAF_JOB_COORDINATE_H

#include "job/task.h"

/* Where the job's bytes go, in the order of the data.  Called in the coordinator. */
struct coordinate_takers {
    void *context;
    /* ROWS: text in the style of the task context, or batches of flat rows (see sheaf_rows_each).
     */
    sheaf_status (*piece)(void *context, const void *bytes, size_t size, uint64_t rows,
                          sheaf_error *error);
    /* FOLD: the answer, flat. */
    sheaf_status (*answer)(void *context, struct sheaf_string *flat, sheaf_error *error);
    /* EXAMINE: what was seen of each wanted column. */
    sheaf_status (*evidence)(void *context, const struct sheaf_evidence *evidence, size_t count,
                             sheaf_error *error);
    /* Rejected rows as CSV, complete lines. */
    sheaf_status (*rejects)(void *context, const char *bytes, size_t size, sheaf_error *error);
};

/* Run a plan to its end.  The report is filled in as far as it went, also on failure. */
SHEAF_CHECKED sheaf_status sheaf_coordinate(const struct plan *plan,
                                            const struct task_context *tasks,
                                            const struct coordinate_takers *takers,
                                            sheaf_report *report, sheaf_error *error);

/* Walk over the batches in a piece of flat rows. */
SHEAF_CHECKED sheaf_status sheaf_rows_each(const void *bytes, size_t size,
                                           sheaf_status (*take)(void *context,
                                                                const sheaf_column *columns,
                                                                size_t count, size_t rows,
                                                                sheaf_error *error),
                                           void *context, sheaf_error *error);

#endif
