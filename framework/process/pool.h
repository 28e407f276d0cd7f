/*
 * pool.h - what coordinator and workers of a pool share
 *
 * Work comes in lanes: a map, a stream, and the lane of submitted calls.  A lane
 * is a window of tasks with numbers that only grow.  The coordinator publishes
 * numbers, a worker claims some by moving `next`, and writes into its own seat
 * what it is about to claim *before* it does, and marks it when it has: so
 * whatever a dead worker had claimed can be read from its seat.  There is no
 * lock.  tests/process/models/claim.pml is this protocol for spin.
 */
#ifndef SHEAF_PROCESS_POOL_H
#define SHEAF_PROCESS_POOL_H

#include <sys/types.h>

#include <sheaf/pool.h>

#include "process/futex.h"

enum { LANES = 16, RETRIES = 256, CALLS = 1024 };

enum task_state { PENDING, RUNNING, DONE, FAILED };

#define SHEAF_WANT_NONE UINT64_MAX
#define SHEAF_WANT_ANY  (UINT64_MAX - 1)

struct lane {
    sheaf_task task; /* NULL: inputs are struct call */
    unsigned char *inputs;
    unsigned char *outputs;
    uint8_t *states;
    sheaf_error *errors; /* of failed tasks; pages that nobody writes cost nothing */
    uint64_t input_size, output_size;
    uint64_t mask;                    /* number & mask is the place of a task */
    uint64_t base;                    /* what to add to a number in messages */
    uint64_t chunk;                   /* 0: a share of what is left */
    int64_t timeout_ns;               /* 0: none, unless a call has its own */
    uint32_t own_inputs, own_outputs; /* to be freed with the lane */

    /* Numbers below are ready to be claimed.  Written by the coordinator. */
    uint64_t published __attribute__((aligned(64)));
    uint64_t wanted; /* the task whose end the coordinator sleeps for */
    uint64_t retry_put;
    uint64_t retries[RETRIES];

    uint64_t next __attribute__((aligned(64))); /* the first number not claimed */
    uint64_t retry_next;
};

/* A submitted task: the input of the lane of calls. */
struct call {
    sheaf_task task;
    const void *input; /* here, if small, or in a block of its own */
    void *output;
    int64_t timeout_ns;
    unsigned char small_input[64];
    unsigned char small_output[64];
};

/* What a worker is at.  Written by the worker, read by the coordinator when it died or is late. */
struct seat {
    struct lane *lane __attribute__((aligned(64))); /* being looked at: not to be freed */
    uint64_t begin, end;                            /* claimed, or about to be: */
    uint64_t version;                               /* moved on before begin and end are written */
    uint32_t
        claimed; /* the claim was made.  Without this mark two may be about to claim the same */
    uint64_t current; /* the task it is in */
    int64_t since_ns; /* begin of a task that has a time-out, else 0 */
    int64_t timeout_ns;
    uint32_t busy;  /* in a task, not between two */
    uint32_t ready; /* begin is over */
    uint32_t spinning;
};

struct pool_core {                                                /* in shared memory */
    struct sheaf_eventcount bell __attribute__((aligned(64)));    /* for workers: there is work */
    struct sheaf_eventcount answers __attribute__((aligned(64))); /* for the coordinator */
    uint32_t closing;
    uint32_t workers;
    uint64_t tasks_per_worker;
    sheaf_body begin;
    void *argument;
    struct lane *lanes[LANES];
    struct seat seats[];
};

struct worker { /* private to the coordinator */
    sheaf_process *process;
    uint64_t ended_task; /* the number we killed it for */
    struct lane *ended_lane;
    sheaf_status ended_why; /* SHEAF_LIMIT or SHEAF_STOPPED, SHEAF_OK if we did not */
};

struct attempt { /* a task that killed a worker */
    struct lane *lane;
    uint64_t number;
    int deaths;
};

struct sheaf_pool {
    struct pool_core *core;
    pid_t user; /* a forked copy must keep its hands off */
    struct worker *workers;
    int count;
    int attempts_allowed;
    int64_t timeout_ns;
    sheaf_process_options process_options;
    int keep[SHEAF_KEEP_MAX];
    struct attempt *attempts;
    size_t attempt_count, attempt_capacity;
    struct lane_number { /* tasks to be tried again that the ring had no room for */
        struct lane *lane;
        uint64_t number;
    } * waiting;
    size_t waiting_count, waiting_capacity;
    struct lane_number *undecided; /* a dead worker or a living one may have claimed them */
    size_t undecided_count, undecided_capacity;
    uint64_t deaths;
    int early_deaths;    /* in a row, before a worker was ready: a sign that none can live here */
    sheaf_status broken; /* nothing can be done any more */
    sheaf_error broken_error;
    int64_t tended_ns;

    struct lane *calls;
    struct sheaf_future *futures[CALLS];
    uint64_t calls_begin; /* the first number that is not settled */
    sheaf_error unasked;  /* the first error that nobody took */
};

/* The worker's life; argument: struct pool_seat. */
struct pool_seat {
    struct pool_core *core;
    uint32_t seat;
};
sheaf_status sheaf_pool_worker(void *argument, sheaf_error *error);

/* SHEAF_BAD_ARGUMENT in a forked copy of the owner; what broke the pool, if something did. */
SHEAF_CHECKED sheaf_status sheaf_pool_check(const sheaf_pool *pool, sheaf_error *error);

/* Open a lane for `window` tasks (a power of two, or any number that is never passed). */
SHEAF_CHECKED sheaf_status sheaf_lane_open(sheaf_pool *pool, const struct lane *like,
                                           uint64_t window, struct lane **lane, sheaf_error *error);

/* Take the lane away from the workers and free it, when none is in it any more. */
void sheaf_lane_close(sheaf_pool *pool, struct lane *lane);

/* Make numbers below `end` claimable and wake who sleeps, `wake` of them at most. */
void sheaf_lane_publish(sheaf_pool *pool, struct lane *lane, uint64_t end, int wake);

static inline enum task_state sheaf_lane_state(const struct lane *lane, uint64_t number)
{
    return (enum task_state)__atomic_load_n(&lane->states[number & lane->mask], __ATOMIC_ACQUIRE);
}

static inline bool sheaf_lane_ended(const struct lane *lane, uint64_t number)
{
    return sheaf_lane_state(lane, number) >= DONE;
}

/*
 * Sleep until a task that is wanted (a number or SHEAF_WANT_ANY) may have ended, the
 * deadline or the end of a slice, and tend the pool.
 */
void sheaf_pool_sleep(sheaf_pool *pool, struct lane *lane, uint64_t wanted, int64_t deadline);

/* Deal with what the dead worker in this seat had claimed.  True if it died inside a task. */
bool sheaf_pool_recover(sheaf_pool *pool, int index, const sheaf_error *death);

/* Look again at tasks that two may have claimed; hand out those that wait for another try. */
void sheaf_retry_decide(sheaf_pool *pool);
void sheaf_retry_push(sheaf_pool *pool);
void sheaf_retry_forget(sheaf_pool *pool, const struct lane *lane); /* it is going to be freed */

/* Kill the worker that is in this task.  False if none is. */
bool sheaf_pool_end_task(sheaf_pool *pool, struct lane *lane, uint64_t number, sheaf_status why);

/* Bring the results of submitted tasks that have ended to their futures; run callbacks. */
void sheaf_calls_settle(sheaf_pool *pool);
void sheaf_calls_stop(sheaf_pool *pool); /* all that is left ends with SHEAF_STOPPED */

#endif
