/*
 * sheaf/pool.h - the same work over many inputs, by worker processes
 *
 *     static sheaf_status square(const void *input, void *output, sheaf_error *error)
 *     {
 *         const int64_t *number = input;
 *         int64_t *result = output;
 *         *result = *number * *number;
 *         return SHEAF_OK;
 *     }
 *
 *     sheaf_pool *pool;
 *     sheaf_pool_open(NULL, &pool, &error);
 *     sheaf_map map = {.struct_size = sizeof map, .task = square, .count = 1000,
 *                      .inputs = numbers, .input_size = sizeof *numbers,
 *                      .outputs = squares, .output_size = sizeof *squares};
 *     sheaf_pool_map(pool, &map, &error);
 *     sheaf_pool_close(pool, &error);
 *
 * Workers pull tasks out of shared memory and put the outputs there.  A task whose
 * worker dies is tried again, a bounded number of times, by a new worker; then it
 * fails, alone, and the pool goes on.  So a task may run more than once, in part:
 * what it changes besides its output is its own affair.
 *
 * A pool has no thread of its own.  Deaths and time-outs are dealt with, and
 * callbacks run, in the caller's thread inside the functions below.  A pool
 * belongs to the process that opened it and is used by one thread at a time.
 * Times are milliseconds or SHEAF_FOREVER.
 */
#ifndef SHEAF_POOL_H
#define SHEAF_POOL_H

#include <sheaf/process.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sheaf_pool sheaf_pool;

/*
 * What a worker does with one input.  `output` is zeros or what an earlier
 * attempt left.  A status other than SHEAF_OK fails this task only.
 */
typedef sheaf_status (*sheaf_task)(const void *input, void *output, sheaf_error *error);

typedef struct sheaf_pool_options {
    size_t struct_size;   /* sizeof(sheaf_pool_options) */
    int workers;          /* 0: sheaf_process_cpus() */
    sheaf_body begin;     /* run first in each worker; if it fails, so does open */
    const void *argument; /* of begin, copied */
    size_t argument_size;
    uint64_t tasks_per_worker; /* after so many a worker is replaced by a fresh one; 0: never */
    int attempts;              /* how often a task is tried while workers die of it; 0: 3 */
    int64_t task_timeout_ms;   /* a task that takes longer is ended, with its worker; 0: never */
    const int *keep;           /* descriptors for the workers, as in sheaf_process_options */
    size_t keep_count;
    sheaf_start start;
} sheaf_pool_options;

/* options may be NULL. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pool_open(const sheaf_pool_options *options,
                                                        sheaf_pool **pool, sheaf_error *error);

/*
 * Wait for all that was submitted, let the workers leave, free.  Gives the first
 * error of a submitted task that nobody asked for: errors are not lost.  NULL is
 * fine.  Futures are closed first by their owners, or live on with their results.
 */
SHEAF_EXPORT sheaf_status sheaf_pool_close(sheaf_pool *pool, sheaf_error *error);

/* Kill the workers, free; what was not done ends with SHEAF_STOPPED. */
SHEAF_EXPORT void sheaf_pool_terminate(sheaf_pool *pool);

SHEAF_EXPORT int sheaf_pool_workers(const sheaf_pool *pool);

/* The process id of worker 0 to workers - 1 now, 0 if it is just being replaced. */
SHEAF_EXPORT int sheaf_pool_worker_id(const sheaf_pool *pool, int worker);
SHEAF_EXPORT uint64_t sheaf_pool_deaths(const sheaf_pool *pool); /* workers lost so far */

/* -- map: all at once -------------------------------------------------------------- */

typedef struct sheaf_map {
    size_t struct_size;
    sheaf_task task;
    const void *inputs; /* count times input_size bytes; from sheaf_shared_alloc(): no copy */
    size_t input_size;
    void *outputs; /* count times output_size bytes; likewise */
    size_t output_size;
    size_t count;
    size_t chunk;           /* tasks that a worker takes at a time; 0: many first, few at the end */
    sheaf_status *statuses; /* if not NULL: count of them, each task's own */
    int64_t task_timeout_ms; /* 0: as the pool says */
} sheaf_map;

/*
 * outputs[i] = task(inputs[i]), in the order of the inputs.  All tasks are done
 * whatever happens to some; outputs of failed ones are undefined.  Gives the error
 * of the first failed task, first in the order of the inputs: SHEAF_LOST if workers
 * died of it in all attempts, SHEAF_LIMIT if it took too long, else its own.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pool_map(sheaf_pool *pool, const sheaf_map *map,
                                                       sheaf_error *error);

/* -- stream: inputs as they come, outputs as they are ready --------------------------- */

typedef struct sheaf_stream sheaf_stream;

/*
 * Write the next input, of input_size bytes.  SHEAF_CLOSED when there are no more;
 * any other failure ends the stream with that error.
 */
typedef sheaf_status (*sheaf_source)(void *context, void *input, sheaf_error *error);

typedef struct sheaf_stream_options {
    size_t struct_size;
    sheaf_task task;
    sheaf_source source;
    void *context; /* of source */
    size_t input_size;
    size_t output_size;
    size_t window;           /* inputs read ahead of the outputs taken, at most; 0: 64 a worker */
    bool unordered;          /* outputs as they are ready, not in the order of the inputs */
    int64_t task_timeout_ms; /* 0: as the pool says */
} sheaf_stream_options;

/*
 * However slow the taker, no more than `window` inputs are read ahead: memory is
 * bounded.  Several streams may be open.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_stream_open(sheaf_pool *pool,
                                                          const sheaf_stream_options *options,
                                                          sheaf_stream **stream,
                                                          sheaf_error *error);

/*
 * Take an output.  SHEAF_OK: *index is the number of its input, from 0, and *outcome
 * how the task ended, with its error in *error if that is not SHEAF_OK.
 * SHEAF_CLOSED at the end, SHEAF_TIMEOUT, or what the source failed with.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_stream_next(sheaf_stream *stream, uint64_t *index,
                                                          void *output, sheaf_status *outcome,
                                                          int64_t timeout_ms, sheaf_error *error);
SHEAF_EXPORT void sheaf_stream_close(sheaf_stream *stream); /* at any time; NULL is fine */

/* -- submit: one task now, its output later -------------------------------------------- */

typedef struct sheaf_future sheaf_future;

/* Called inside a function of the pool in the process that submitted. */
typedef void (*sheaf_callback)(sheaf_status outcome, const void *output, const sheaf_error *error,
                               void *context);

typedef struct sheaf_call {
    size_t struct_size;
    sheaf_task task;
    const void *input; /* copied */
    size_t input_size;
    size_t output_size;
    int64_t task_timeout_ms; /* 0: as the pool says */
    sheaf_callback callback; /* NULL: none */
    void *context;
} sheaf_call;

/*
 * Have it done by the next worker that is free.  future may be NULL if nobody will
 * ask.  Waits while 1024 submitted tasks are unfinished.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pool_submit(sheaf_pool *pool, const sheaf_call *call,
                                                          sheaf_future **future,
                                                          sheaf_error *error);

/* Wait for the end of the task: its status and error, its output in *output (may be NULL).
 * SHEAF_TIMEOUT if it takes longer: it goes on, and may be asked again. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_future_get(sheaf_future *future, void *output,
                                                         int64_t timeout_ms, sheaf_error *error);

/* Whether it has ended; does not wait. */
SHEAF_EXPORT bool sheaf_future_ready(sheaf_future *future);

/*
 * Do not begin it; if it has begun and `running` is true, end it with its worker.
 * It then ends with SHEAF_STOPPED.  False if it runs on or had ended already.
 */
SHEAF_EXPORT bool sheaf_future_cancel(sheaf_future *future, bool running);

/* Forget it; an unfinished task is done all the same.  NULL is fine. */
SHEAF_EXPORT void sheaf_future_close(sheaf_future *future);

/*
 * Wait until at least one of the futures (all of the same pool) has ended; *first is
 * the least index of those that have.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_future_wait(sheaf_future *const *futures,
                                                          size_t count, size_t *first,
                                                          int64_t timeout_ms, sheaf_error *error);

/* Submit and get. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pool_apply(sheaf_pool *pool, const sheaf_call *call,
                                                         void *output, int64_t timeout_ms,
                                                         sheaf_error *error);

/*
 * Look after the pool: replace dead workers, end late tasks, run callbacks.  All
 * waits do that; a caller that computes for long calls this now and then.
 */
SHEAF_EXPORT void sheaf_pool_tend(sheaf_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
