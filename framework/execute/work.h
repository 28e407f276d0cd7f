/*
 * work.h - tasks done by whoever is there: inline, or by forked workers
 *
 * An executor takes and gives bytes.  The work says which task is next, a worker
 * turns it into published bytes, the work commits them; a task that was not
 * committed can be run again, anywhere, any number of times, so a dying worker
 * costs a retry and changes nothing.
 *
 *   next    (coordinator)  -> a task, or "wait until something was committed", or "all done"
 *   run     (worker)       task + views of committed bytes -> its own bytes, a summary
 *   commit  (coordinator)  called exactly once for each task: its outcome
 *
 * The coordinator runs no operator code.  next and commit are called in the
 * process that called sheaf_execution_run(), never at the same time.
 */
#ifndef SHEAF_EXECUTE_WORK_H
#define SHEAF_EXECUTE_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/error.h>

#define SHEAF_TASK_BYTES    3968 /* description of a task, flat */
#define SHEAF_SUMMARY_BYTES 512  /* what a worker tells of a task beside its bytes */

/* Published bytes: read-only for everyone but the worker that wrote them. */
struct sheaf_extent {
    uint32_t arena; /* which worker's memory */
    uint32_t reserved;
    uint64_t offset, size;
};

struct sheaf_task {
    uint64_t id;   /* given by the work; appears in reports and logs */
    uint32_t size; /* of the description in use */
    uint32_t reserved;
    _Alignas(16) char bytes[SHEAF_TASK_BYTES];
};

/* What became of a task. */
struct sheaf_outcome {
    sheaf_status status;        /* SHEAF_OK, what run returned, or SHEAF_LOST after all retries */
    sheaf_error error;          /* when not SHEAF_OK */
    struct sheaf_extent extent; /* its bytes; size 0: none */
    uint32_t attempts;          /* 1: at once */
    uint64_t mark;              /* SHEAF_LOST: the last value of the worker's mark */
    char summary[SHEAF_SUMMARY_BYTES];
};

/* STOP: there is enough.  The run ends well at once; tasks under way and the feed are given up. */
enum sheaf_next { SHEAF_NEXT_TASK, SHEAF_NEXT_WAIT, SHEAF_NEXT_DONE, SHEAF_NEXT_STOP };

struct sheaf_execution; /* coordinator's side */
struct sheaf_workplace; /* worker's side */

struct sheaf_work {
    void *context; /* forked workers see it as it was when sheaf_execution_run() was called */

    /* WAIT: nothing now, ask again after the next commit (while a feed runs: every 2 ms as well, or
     * at once after sheaf_execution_wake()).  DONE: nothing now; asked again after each commit, and
     * the run ends when it is said while no task is under way. */
    enum sheaf_next (*next)(void *context, struct sheaf_execution *execution,
                            struct sheaf_task *task);
    /* A failure ends the run at once with this error. */
    sheaf_status (*commit)(void *context, struct sheaf_execution *execution,
                           const struct sheaf_task *task, const struct sheaf_outcome *outcome,
                           sheaf_error *error);

    /* Once in each worker before its first task; what it makes goes to *local.  Optional. */
    sheaf_status (*enter)(void *context, struct sheaf_workplace *place, void **local,
                          sheaf_error *error);
    sheaf_status (*run)(void *context, void *local, struct sheaf_workplace *place,
                        const struct sheaf_task *task, sheaf_error *error);
    void (*leave)(void *context, void *local); /* inline only: forked workers just end.  Optional */

    /* A process of its own that runs beside the workers until it returns, e.g. a decoder; inline it
     * runs to its end before the first task.  Optional.  Its failure fails the run, and the run
     * does not end before it has returned. */
    sheaf_status (*feed)(void *context, sheaf_error *error);

    /* Descriptors that workers and feed keep under the same numbers, at most 60; they have no
     * others.  What was mapped when sheaf_execution_run() was called stays mapped in any case. */
    const int *keep;
    size_t keep_count;
};

enum sheaf_executor_kind { SHEAF_INLINE, SHEAF_FORK };

struct sheaf_execution_options {
    enum sheaf_executor_kind kind;
    int workers; /* 0: one for each usable processor */
    int retries; /* more attempts after a death; -1: the default, 3 */
    int64_t
        stall_timeout_ms; /* a worker whose mark and beat stand still so long is killed; 0: 60 s */
    int64_t deadline_ms;  /* for the whole run; 0: none.  After it: SHEAF_TIMEOUT */
    uint64_t arena_bytes; /* address space of each worker's memory; 0: as much as sensible */
    void (*progress)(void *context); /* about ten times a second, in the coordinator.  Optional */
    void *progress_context;
    bool log; /* one line to stderr for each death and retry */
};

SHEAF_CHECKED sheaf_status sheaf_execution_open(const struct sheaf_execution_options *options,
                                                struct sheaf_execution **execution,
                                                sheaf_error *error);
/*
 * Do the work.  May be called again, extents of earlier runs stay.  Not from two threads at once.
 *
 * SIGINT, SIGTERM and SIGHUP, unless ignored, end it within 2 s: SHEAF_INTERRUPTED, error.system is
 * the signal; inline the task that runs is finished first.  A second signal has its default effect
 * at once.  The handlers stand only while this function runs.
 *
 * Whatever it returns, no process and no descriptor of the run is left.  SHEAF_TIMEOUT: the
 * deadline.  SHEAF_LOST: workers died before they could begin, time and again, or the feed died.
 * SHEAF_LIMIT: too few descriptors or processes, by name.  SHEAF_INTERNAL: next() said WAIT while
 * nothing was under way.
 */
SHEAF_CHECKED sheaf_status sheaf_execution_run(struct sheaf_execution *execution,
                                               const struct sheaf_work *work, sheaf_error *error);
/* Bytes of an extent that was committed and not released; valid until released or closed, also
 * after the run.  NULL if the extent lies outside. */
const void *sheaf_execution_view(struct sheaf_execution *execution,
                                 const struct sheaf_extent *extent);
/* The bytes are not needed any more (by nobody, views included): memory is given back. */
void sheaf_execution_release(struct sheaf_execution *execution, const struct sheaf_extent *extent);
/* From the feed (or a signal handler): what next() looks at has changed. */
void sheaf_execution_wake(struct sheaf_execution *execution);
int sheaf_execution_workers(const struct sheaf_execution *execution);
uint64_t sheaf_execution_deaths(const struct sheaf_execution *execution); /* workers lost so far */
void sheaf_execution_close(struct sheaf_execution *execution);

/* -- for run() ------------------------------------------------------------------------------ */

/* Room for `size` result bytes, 64-byte aligned, in the worker's own memory; what they hold is
 * undefined.  A second call in the same task gives the same place with the new size (contents kept
 * up to the smaller).  Size 0 publishes nothing; the place is still not NULL.  NULL + error: the
 * worker's memory does not reach.  They are published when run() returns SHEAF_OK. */
void *sheaf_workplace_reserve(struct sheaf_workplace *place, size_t size, sheaf_error *error);
/* SHEAF_SUMMARY_BYTES to fill in, zero at the start of a task; delivered with failures too. */
void *sheaf_workplace_summary(struct sheaf_workplace *place);
/* The bytes of an extent that was committed before this task was given out; NULL if outside. */
const void *sheaf_workplace_view(struct sheaf_workplace *place, const struct sheaf_extent *extent);
/* Say where in the task one is (a byte offset, say): two relaxed stores.  Also the sign of life: to
 * be called more often than the stall time-out. */
void sheaf_workplace_mark(struct sheaf_workplace *place, uint64_t mark);
/* Two earlier attempts at this task died by a signal of their own making (not SIGKILL), by exit or
 * by standing still: go carefully, marking each record, so that the culprit can be named. */
bool sheaf_workplace_careful(const struct sheaf_workplace *place);
int sheaf_workplace_index(const struct sheaf_workplace *place); /* which worker, from 0 */

#endif
