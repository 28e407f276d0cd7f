/*
 * future.c - tasks submitted one by one: see sheaf/pool.h
 *
 * They share one lane of calls.  When a call has ended its output moves to the
 * future, in private memory, so that the place in the lane is free again however
 * late the future is asked.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sheaf/shared.h>

#include "base/memory.h"
#include "process/child.h"
#include "process/log.h"
#include "process/pool.h"
#include "process/shared_heap.h"

struct sheaf_future {
    sheaf_pool *pool; /* NULL once it has ended */
    uint64_t number;
    size_t output_size;
    sheaf_callback callback;
    void *context;
    void *output;
    bool forgotten; /* closed before its end */
    bool asked;     /* somebody has or will have seen how it ended */
    sheaf_status outcome;
    sheaf_error error;
};

static struct call *call_at(const struct lane *lane, uint64_t number)
{
    return (struct call *)(void *)(lane->inputs + (number & lane->mask) * lane->input_size);
}

static void free_call(struct call *call)
{
    void *input;

    memcpy(&input, &call->input, sizeof input);
    if (input != call->small_input)
        sheaf_shared_free(input);
    if (call->output != call->small_output)
        sheaf_shared_free(call->output);
}

static void finish(sheaf_pool *pool, sheaf_future *future, sheaf_status outcome,
                   const sheaf_error *error)
{
    future->pool = NULL;
    future->outcome = outcome;
    if (outcome != SHEAF_OK)
        future->error = *error;
    if (future->callback) {
        future->asked = true;
        future->callback(outcome, future->output, &future->error, future->context);
    }
    if (!future->forgotten)
        return;
    if (outcome != SHEAF_OK && !future->asked) {
        sheaf_log("pool: nobody asked: %s", error->message);
        if (pool->unasked.status == SHEAF_OK)
            pool->unasked = *error;
    }
    free(future->output);
    free(future);
}

/* The call has ended: bring its output to the future, free its place. */
static void settle(sheaf_pool *pool, uint64_t number)
{
    struct lane *lane = pool->calls;
    struct call *call = call_at(lane, number);
    sheaf_future *future = pool->futures[number % CALLS];
    bool done = sheaf_lane_state(lane, number) == DONE;
    sheaf_error error = done ? (sheaf_error){0} : lane->errors[number & lane->mask];

    pool->early_deaths = 0;
    pool->futures[number % CALLS] = NULL;
    if (done && future->output)
        memcpy(future->output, call->output, future->output_size);
    free_call(call);
    while (pool->calls_begin < lane->published && !pool->futures[pool->calls_begin % CALLS])
        pool->calls_begin++;
    finish(pool, future, done ? SHEAF_OK : error.status, &error);
}

void sheaf_calls_settle(sheaf_pool *pool)
{
    struct lane *lane = pool->calls;

    if (!lane)
        return;
    uint64_t end = lane->published;
    for (uint64_t number = pool->calls_begin; number < end; number++)
        if (pool->futures[number % CALLS] && pool->futures[number % CALLS]->number == number &&
            sheaf_lane_ended(lane, number))
            settle(pool, number);
}

void sheaf_calls_stop(sheaf_pool *pool)
{
    struct lane *lane = pool->calls;
    sheaf_error error;

    if (!lane)
        return;
    sheaf_calls_settle(pool);
    for (uint64_t number = pool->calls_begin; number < lane->published; number++) {
        sheaf_future *future = pool->futures[number % CALLS];
        if (!future)
            continue;
        if (pool->broken != SHEAF_OK)
            error = pool->broken_error;
        else
            sheaf_error_set(&error, SHEAF_STOPPED, "the pool was closed before task %llu ended",
                            (unsigned long long)number);
        pool->futures[number % CALLS] = NULL;
        finish(pool, future, error.status, &error);
    }
    pool->calls_begin = lane->published;
}

/* A place in the lane, waiting while all are taken. */
static sheaf_status await_place(sheaf_pool *pool, sheaf_error *error)
{
    if (!pool->calls) {
        struct lane like = {.input_size = sizeof(struct call), .mask = CALLS - 1, .chunk = 1};
        SHEAF_TRY(sheaf_lane_open(pool, &like, CALLS, &pool->calls, error));
    }
    while (pool->calls->published - pool->calls_begin >= CALLS) {
        sheaf_calls_settle(pool);
        if (pool->calls->published - pool->calls_begin < CALLS)
            break;
        if (pool->broken != SHEAF_OK)
            break;
        sheaf_pool_sleep(pool, pool->calls, pool->calls_begin, INT64_MAX);
    }
    if (pool->broken != SHEAF_OK && error)
        *error = pool->broken_error;
    return pool->broken;
}

/* Write the call into its place. */
static sheaf_status prepare(sheaf_pool *pool, const sheaf_call *wish, uint64_t number,
                            sheaf_error *error)
{
    struct call *call = call_at(pool->calls, number);
    unsigned char *input = call->small_input;

    call->task = wish->task;
    call->timeout_ns =
        wish->task_timeout_ms > 0 ? wish->task_timeout_ms * 1000000 : pool->timeout_ns;
    call->output = call->small_output;
    if (wish->input_size > sizeof call->small_input &&
        !(input = sheaf_shared_alloc_own(1, wish->input_size, error)))
        return SHEAF_NO_MEMORY;
    call->input = input;
    if (wish->input_size > 0)
        memcpy(input, wish->input, wish->input_size);
    memset(call->small_output, 0, sizeof call->small_output);
    if (wish->output_size > sizeof call->small_output &&
        !(call->output = sheaf_shared_alloc_own(1, wish->output_size, error))) {
        call->output = call->small_output;
        free_call(call);
        return SHEAF_NO_MEMORY;
    }
    return SHEAF_OK;
}

sheaf_status sheaf_pool_submit(sheaf_pool *pool, const sheaf_call *wish, sheaf_future **future,
                               sheaf_error *error)
{
    sheaf_future *made = NULL;
    sheaf_call call;

    SHEAF_TRY(sheaf_pool_check(pool, error));
    SHEAF_TRY(sheaf_options_copy(&call, sizeof call, wish, "sheaf_call", error));
    if (!call.task)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a call needs a task");
    SHEAF_TRY(await_place(pool, error));
    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    uint64_t number = pool->calls->published;
    sheaf_status status =
        call.output_size > 0 ? sheaf_allocate(&made->output, 1, call.output_size, error) : SHEAF_OK;
    if (status == SHEAF_OK)
        status = prepare(pool, &call, number, error);
    if (status != SHEAF_OK) {
        free(made->output);
        free(made);
        return status;
    }
    made->pool = pool;
    made->number = number;
    made->output_size = call.output_size;
    made->callback = call.callback;
    made->context = call.context;
    made->forgotten = future == NULL;
    pool->futures[number % CALLS] = made;
    __atomic_store_n(&pool->calls->states[number % CALLS], PENDING, __ATOMIC_SEQ_CST);
    sheaf_lane_publish(pool, pool->calls, number + 1, 1);
    if (future)
        *future = made;
    return SHEAF_OK;
}

bool sheaf_future_ready(sheaf_future *future)
{
    if (future->pool && sheaf_lane_ended(future->pool->calls, future->number))
        settle(future->pool, future->number);
    return !future->pool;
}

static sheaf_status say_late(int64_t timeout_ms, sheaf_error *error)
{
    return sheaf_error_set(error, SHEAF_TIMEOUT, "the task has not ended within %lld ms",
                           (long long)timeout_ms);
}

/* Give up on futures of a pool that can do nothing any more. */
static bool is_broken(sheaf_pool *pool)
{
    if (pool->broken != SHEAF_OK)
        sheaf_calls_stop(pool);
    return pool->broken != SHEAF_OK;
}

sheaf_status sheaf_future_get(sheaf_future *future, void *output, int64_t timeout_ms,
                              sheaf_error *error)
{
    int64_t deadline = INT64_MIN;
    int rounds = timeout_ms == 0 ? 0 : sheaf_spin_rounds() * 5;

    while (!sheaf_future_ready(future)) {
        if (rounds-- > 0) {
            if (rounds % 8)
                sheaf_spin();
            else
                sheaf_give_way();
            continue;
        }
        if (deadline == INT64_MIN)
            deadline = sheaf_deadline(timeout_ms);
        if (sheaf_deadline_passed(deadline))
            return say_late(timeout_ms, error);
        if (is_broken(future->pool))
            break;
        sheaf_pool *pool = future->pool;
        sheaf_pool_sleep(pool, pool->calls, future->number, deadline);
        sheaf_calls_settle(pool);
    }
    future->asked = true;
    if (future->outcome != SHEAF_OK && error)
        *error = future->error;
    if (future->outcome == SHEAF_OK && output && future->output_size > 0)
        memcpy(output, future->output, future->output_size);
    return future->outcome;
}

bool sheaf_future_cancel(sheaf_future *future, bool running)
{
    uint8_t pending = PENDING;

    if (sheaf_future_ready(future))
        return false;
    struct lane *lane = future->pool->calls;
    sheaf_error_set(&lane->errors[future->number & lane->mask], SHEAF_STOPPED,
                    "task %llu was cancelled", (unsigned long long)future->number);
    if (__atomic_compare_exchange_n(&lane->states[future->number & lane->mask], &pending, FAILED,
                                    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return sheaf_future_ready(future);
    return running && sheaf_pool_end_task(future->pool, lane, future->number, SHEAF_STOPPED);
}

void sheaf_future_close(sheaf_future *future)
{
    if (!future)
        return;
    if (!sheaf_future_ready(future)) {
        future->forgotten = true;
        return;
    }
    free(future->output);
    free(future);
}

sheaf_status sheaf_future_wait(sheaf_future *const *futures, size_t count, size_t *first,
                               int64_t timeout_ms, sheaf_error *error)
{
    int64_t deadline = sheaf_deadline(timeout_ms);
    int rounds = sheaf_spin_rounds();

    if (count == 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no future to wait for");
    for (;;) {
        for (*first = 0; *first < count; ++*first)
            if (sheaf_future_ready(futures[*first]))
                return SHEAF_OK;
        if (sheaf_deadline_passed(deadline))
            return say_late(timeout_ms, error);
        if (is_broken(futures[0]->pool))
            continue;
        if (rounds-- > 0) {
            sheaf_spin();
            continue;
        }
        sheaf_pool *pool = futures[0]->pool;
        sheaf_pool_sleep(pool, pool->calls, SHEAF_WANT_ANY, deadline);
        sheaf_calls_settle(pool);
    }
}

sheaf_status sheaf_pool_apply(sheaf_pool *pool, const sheaf_call *call, void *output,
                              int64_t timeout_ms, sheaf_error *error)
{
    sheaf_future *future;

    SHEAF_TRY(sheaf_pool_submit(pool, call, &future, error));
    sheaf_status status = sheaf_future_get(future, output, timeout_ms, error);
    sheaf_future_close(future);
    return status;
}
