/*
 * pool.c - workers born, watched, replaced; lanes opened and closed: see pool.h
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sheaf/shared.h>

#include "base/memory.h"
#include "process/child.h"
#include "process/log.h"
#include "process/pool.h"
#include "process/shared_heap.h"

enum { ATTEMPTS = 3, TEND_NS = 1000000, TEND_SLICE_NS = 5000000 };

/* -- lanes ---------------------------------------------------------------------------- */

static void free_lane(struct lane *lane)
{
    if (lane->own_inputs)
        sheaf_shared_free(lane->inputs);
    if (lane->own_outputs)
        sheaf_shared_free(lane->outputs);
    sheaf_shared_free(lane->states);
    sheaf_shared_free(lane->errors);
    sheaf_shared_free(lane);
}

sheaf_status sheaf_lane_open(sheaf_pool *pool, const struct lane *like, uint64_t window,
                             struct lane **lane, sheaf_error *error)
{
    struct lane *made = sheaf_shared_alloc_own(1, sizeof *made, error);
    int place = 0;

    if (!made)
        return SHEAF_NO_MEMORY;
    *made = *like;
    made->wanted = SHEAF_WANT_NONE;
    made->states = sheaf_shared_alloc_own(window, 1, error);
    made->errors = sheaf_shared_alloc_own(window, sizeof *made->errors, error);
    if (!made->inputs) {
        made->own_inputs = 1;
        made->inputs =
            sheaf_shared_alloc_own(window, made->input_size ? made->input_size : 1, error);
    }
    if (!made->outputs) {
        made->own_outputs = 1;
        made->outputs =
            sheaf_shared_alloc_own(window, made->output_size ? made->output_size : 1, error);
    }
    if (!made->states || !made->errors || !made->inputs || !made->outputs) {
        free_lane(made);
        return SHEAF_NO_MEMORY;
    }
    while (place < LANES && pool->core->lanes[place])
        place++;
    if (place == LANES) {
        free_lane(made);
        return sheaf_error_set(error, SHEAF_LIMIT, "a pool can have %d streams open at once",
                               LANES - 2);
    }
    __atomic_store_n(&pool->core->lanes[place], made, __ATOMIC_SEQ_CST);
    *lane = made;
    return SHEAF_OK;
}

void sheaf_lane_publish(sheaf_pool *pool, struct lane *lane, uint64_t end, int wake)
{
    __atomic_store_n(&lane->published, end, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(&pool->core->bell, wake);
}

static bool is_in(const sheaf_pool *pool, const struct lane *lane)
{
    for (int i = 0; i < pool->count; i++)
        if (__atomic_load_n(&pool->core->seats[i].lane, __ATOMIC_SEQ_CST) == lane)
            return true;
    return false;
}

void sheaf_lane_close(sheaf_pool *pool, struct lane *lane)
{
    uint64_t most = UINT64_MAX / 2;

    /* Nothing more can be claimed; a task that has begun is waited for. */
    __atomic_store_n(&lane->next, most, __ATOMIC_SEQ_CST);
    for (int i = 0; i < LANES; i++)
        if (pool->core->lanes[i] == lane)
            __atomic_store_n(&pool->core->lanes[i], NULL, __ATOMIC_SEQ_CST);
    for (int round = 0; is_in(pool, lane); round++) {
        if (round < 100)
            sheaf_spin();
        else
            sheaf_pool_sleep(pool, lane, SHEAF_WANT_ANY, INT64_MAX);
    }
    sheaf_retry_forget(pool, lane);
    free_lane(lane);
}

/* -- workers ------------------------------------------------------------------------------ */

static sheaf_status start_worker(sheaf_pool *pool, int index, sheaf_error *error)
{
    struct pool_seat mine = {pool->core, (uint32_t)index};
    struct worker *worker = &pool->workers[index];

    memset(&pool->core->seats[index], 0, sizeof pool->core->seats[index]);
    *worker = (struct worker){.process = NULL};
    return sheaf_process_start(&pool->process_options, sheaf_pool_worker, &mine, sizeof mine,
                               &worker->process, error);
}

static void break_pool(sheaf_pool *pool, sheaf_status status, const sheaf_error *error)
{
    if (pool->broken != SHEAF_OK)
        return;
    pool->broken = status;
    pool->broken_error = *error;
    sheaf_log("pool: can not go on: %s", error->message);
}

static void replace_worker(sheaf_pool *pool, int index)
{
    struct worker *worker = &pool->workers[index];
    sheaf_error death = {0}, error = {0};
    bool was_ready = pool->core->seats[index].ready != 0;

    sheaf_status status = sheaf_process_join(worker->process, 0, &death);
    bool guilty = sheaf_pool_recover(pool, index, &death);
    sheaf_process_close(worker->process);
    worker->process = NULL;
    if (status != SHEAF_OK)
        pool->deaths++;
    if (status != SHEAF_OK && !was_ready && pool->core->begin && status != SHEAF_LOST)
        break_pool(pool, status, &death); /* what `begin` said: it would say it again */
    pool->early_deaths = guilty || was_ready || status == SHEAF_OK ? 0 : pool->early_deaths + 1;
    if (pool->early_deaths > 3 * pool->count + 10)
        break_pool(pool, SHEAF_LOST, &death);
    if (pool->broken == SHEAF_OK && (status = start_worker(pool, index, &error)) != SHEAF_OK &&
        pool->count == 1)
        break_pool(pool, status, &error);
    /* It may have taken a wake-up with it. */
    sheaf_retry_push(pool);
    sheaf_eventcount_wake(&pool->core->bell, INT_MAX);
}

static void kill_worker(sheaf_pool *pool, int index, struct lane *lane, uint64_t number,
                        sheaf_status why)
{
    struct worker *worker = &pool->workers[index];

    worker->ended_lane = lane;
    worker->ended_task = number;
    worker->ended_why = why;
    sheaf_process_signal(worker->process, SIGKILL);
}

bool sheaf_pool_end_task(sheaf_pool *pool, struct lane *lane, uint64_t number, sheaf_status why)
{
    for (int i = 0; i < pool->count; i++) {
        struct seat *seat = &pool->core->seats[i];
        if (!pool->workers[i].process || __atomic_load_n(&seat->lane, __ATOMIC_SEQ_CST) != lane ||
            !__atomic_load_n(&seat->busy, __ATOMIC_SEQ_CST) ||
            __atomic_load_n(&seat->current, __ATOMIC_SEQ_CST) != number)
            continue;
        kill_worker(pool, i, lane, number, why);
        return true;
    }
    return false;
}

static void end_late_tasks(sheaf_pool *pool, int64_t now)
{
    for (int i = 0; i < pool->count; i++) {
        struct seat *seat = &pool->core->seats[i];
        int64_t since = __atomic_load_n(&seat->since_ns, __ATOMIC_SEQ_CST);
        if (since == 0 || !pool->workers[i].process || pool->workers[i].ended_why != SHEAF_OK ||
            now - since < __atomic_load_n(&seat->timeout_ns, __ATOMIC_SEQ_CST))
            continue;
        struct lane *lane = __atomic_load_n(&seat->lane, __ATOMIC_SEQ_CST);
        uint64_t number = __atomic_load_n(&seat->current, __ATOMIC_SEQ_CST);
        /* Still the same task?  If it ends in this moment, the kill hits the next one, which is
         * then tried again and not blamed. */
        if (__atomic_load_n(&seat->since_ns, __ATOMIC_SEQ_CST) == since)
            kill_worker(pool, i, lane, number, SHEAF_LIMIT);
    }
}

static void start_missing(sheaf_pool *pool)
{
    for (int i = 0; i < pool->count; i++) {
        sheaf_error error = {0};
        if (pool->workers[i].process)
            continue;
        sheaf_status status = start_worker(pool, i, &error);
        if (status == SHEAF_OK)
            continue;
        bool alone = true;
        for (int k = 0; k < pool->count; k++)
            alone = alone && !pool->workers[k].process;
        if (alone)
            break_pool(pool, status, &error);
        return;
    }
}

static void tend(sheaf_pool *pool)
{
    struct pollfd sentinels[64];
    int64_t now = sheaf_clock_ns();

    pool->tended_ns = now;
    end_late_tasks(pool, now);
    for (int first = 0; first < pool->count; first += 64) {
        int left = pool->count - first;
        nfds_t part = left < 64 ? (nfds_t)(unsigned)left : 64;
        for (int i = 0; i < (int)part; i++) {
            sheaf_process *process = pool->workers[first + i].process;
            sentinels[i] = (struct pollfd){.fd = process ? sheaf_process_sentinel(process) : -1,
                                           .events = POLLIN};
        }
        if (poll(sentinels, part, 0) <= 0)
            continue;
        for (int i = 0; i < (int)part; i++)
            if (sentinels[i].revents && !sheaf_process_alive(pool->workers[first + i].process))
                replace_worker(pool, first + i);
    }
    if (pool->broken == SHEAF_OK)
        start_missing(pool);
    if (pool->undecided_count > 0)
        sheaf_retry_decide(pool);
    if (pool->waiting_count > 0)
        sheaf_retry_push(pool);
}

sheaf_status sheaf_pool_check(const sheaf_pool *pool, sheaf_error *error)
{
    if (pool->user != getpid())
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "this pool belongs to process %d, which opened it", (int)pool->user);
    if (pool->broken != SHEAF_OK && error)
        *error = pool->broken_error;
    return pool->broken;
}

void sheaf_pool_tend(sheaf_pool *pool)
{
    if (pool->user != getpid())
        return;
    tend(pool);
    sheaf_calls_settle(pool);
}

void sheaf_pool_sleep(sheaf_pool *pool, struct lane *lane, uint64_t wanted, int64_t deadline)
{
    int64_t slice = sheaf_clock_ns() + TEND_SLICE_NS;

    __atomic_store_n(&lane->wanted, wanted, __ATOMIC_SEQ_CST);
    uint32_t seen = sheaf_eventcount_prepare(&pool->core->answers);
    bool there = wanted < SHEAF_WANT_ANY && sheaf_lane_ended(lane, wanted);
    if (!there)
        sheaf_eventcount_wait(&pool->core->answers, seen, slice < deadline ? slice : deadline);
    __atomic_store_n(&lane->wanted, SHEAF_WANT_NONE, __ATOMIC_SEQ_CST);
    if (sheaf_clock_ns() - pool->tended_ns > TEND_NS)
        tend(pool);
}

/* -- open and close ------------------------------------------------------------------------- */

static void free_pool(sheaf_pool *pool)
{
    for (int i = 0; i < pool->count && pool->workers; i++)
        sheaf_process_close(pool->workers[i].process);
    if (pool->core) {
        for (int i = 0; i < LANES; i++)
            if (pool->core->lanes[i])
                free_lane(pool->core->lanes[i]);
        sheaf_shared_free(pool->core->argument);
    }
    sheaf_shared_free(pool->core);
    free(pool->workers);
    free(pool->attempts);
    free(pool->waiting);
    free(pool->undecided);
    free(pool);
}

/* With a `begin` the workers are waited for, so that its failure is told here and once. */
static sheaf_status await_ready(sheaf_pool *pool, sheaf_error *error)
{
    for (;;) {
        bool all = true;
        uint32_t seen = sheaf_eventcount_prepare(&pool->core->answers);
        for (int i = 0; i < pool->count; i++)
            all = all && __atomic_load_n(&pool->core->seats[i].ready, __ATOMIC_SEQ_CST);
        if (all)
            return SHEAF_OK;
        sheaf_eventcount_wait(&pool->core->answers, seen, sheaf_clock_ns() + TEND_SLICE_NS);
        tend(pool);
        if (pool->broken != SHEAF_OK) {
            if (error)
                *error = pool->broken_error;
            return pool->broken;
        }
    }
}

static sheaf_status set_up(sheaf_pool *pool, const sheaf_pool_options *options, sheaf_error *error)
{
    int wanted = options->workers > 0 ? options->workers : sheaf_process_cpus();

    pool->count = wanted;
    pool->attempts_allowed = options->attempts > 0 ? options->attempts : ATTEMPTS;
    pool->timeout_ns = options->task_timeout_ms > 0 ? options->task_timeout_ms * 1000000 : 0;
    pool->process_options = (sheaf_process_options){.struct_size = sizeof pool->process_options,
                                                    .name = "pool-worker",
                                                    .keep = pool->keep,
                                                    .keep_count = options->keep_count,
                                                    .start = options->start};
    if (options->keep_count > SHEAF_KEEP_MAX)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "workers can keep %d descriptors",
                               SHEAF_KEEP_MAX);
    if (options->keep_count > 0)
        memcpy(pool->keep, options->keep, options->keep_count * sizeof *pool->keep);
    SHEAF_TRY(sheaf_allocate(&pool->workers, (size_t)wanted, sizeof *pool->workers, error));
    pool->core = sheaf_shared_alloc_own(
        1, sizeof *pool->core + (size_t)wanted * sizeof *pool->core->seats, error);
    if (!pool->core)
        return SHEAF_NO_MEMORY;
    pool->core->workers = (uint32_t)wanted;
    pool->core->tasks_per_worker = options->tasks_per_worker;
    pool->core->begin = options->begin;
    if (options->argument_size > 0) {
        pool->core->argument = sheaf_shared_alloc_own(1, options->argument_size, error);
        if (!pool->core->argument)
            return SHEAF_NO_MEMORY;
        memcpy(pool->core->argument, options->argument, options->argument_size);
    }
    for (int i = 0; i < wanted; i++)
        SHEAF_TRY(start_worker(pool, i, error));
    return options->begin ? await_ready(pool, error) : SHEAF_OK;
}

sheaf_status sheaf_pool_open(const sheaf_pool_options *options, sheaf_pool **pool,
                             sheaf_error *error)
{
    sheaf_pool_options wish;
    sheaf_pool *made;

    SHEAF_TRY(sheaf_options_copy(&wish, sizeof wish, options, "sheaf_pool_options", error));
    if (wish.workers > 4096)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a pool has at most 4096 workers");
    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    made->user = getpid();
    sheaf_status status = set_up(made, &wish, error);
    if (status != SHEAF_OK) {
        free_pool(made);
        return status;
    }
    *pool = made;
    return SHEAF_OK;
}

int sheaf_pool_workers(const sheaf_pool *pool)
{
    return pool->count;
}

int sheaf_pool_worker_id(const sheaf_pool *pool, int worker)
{
    if (worker < 0 || worker >= pool->count || !pool->workers[worker].process)
        return 0;
    return sheaf_process_id(pool->workers[worker].process);
}

uint64_t sheaf_pool_deaths(const sheaf_pool *pool)
{
    return pool->deaths;
}

void sheaf_pool_terminate(sheaf_pool *pool)
{
    if (!pool || pool->user != getpid())
        return;
    for (int i = 0; i < pool->count; i++)
        if (pool->workers[i].process)
            sheaf_process_signal(pool->workers[i].process, SIGKILL);
    sheaf_calls_stop(pool);
    free_pool(pool);
}

sheaf_status sheaf_pool_close(sheaf_pool *pool, sheaf_error *error)
{
    if (!pool)
        return SHEAF_OK;
    if (pool->user != getpid())
        return sheaf_pool_check(pool, error);
    while (pool->calls && pool->broken == SHEAF_OK &&
           (sheaf_calls_settle(pool), pool->calls_begin < pool->calls->published))
        sheaf_pool_sleep(pool, pool->calls, pool->calls_begin, INT64_MAX);
    sheaf_calls_stop(pool);
    __atomic_store_n(&pool->core->closing, 1, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(&pool->core->bell, INT_MAX);
    for (int i = 0; i < pool->count; i++) {
        sheaf_process *process = pool->workers[i].process;
        /* A wake-up may have gone to one that died, so the bell is rung until all have left. */
        for (int wait = 0; process && wait < 200; wait++) {
            if (sheaf_process_join(process, 10, NULL) != SHEAF_TIMEOUT)
                break;
            __atomic_fetch_add(&pool->core->bell.generation, 1, __ATOMIC_SEQ_CST);
            sheaf_futex_wake(&pool->core->bell.generation, INT_MAX);
        }
    }
    sheaf_status status = pool->unasked.status;
    if (status != SHEAF_OK && error)
        *error = pool->unasked;
    free_pool(pool);
    return status;
}
