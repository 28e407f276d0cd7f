/*
 * pool.c - workers born, watched, replaced; lanes opened and closed: see pool.h
 *
 * Everything the coordinator does about a dead worker is here.  The rule: a task
 * that the dead had claimed, that is not finished and in no living worker's seat,
 * is tried again; the one it was in has had an attempt.
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
    struct lane *made = sheaf_shared_value(struct lane, error);
    int place = 0;

    if (!made)
        return SHEAF_NO_MEMORY;
    *made = *like;
    made->wanted = SHEAF_WANT_NONE;
    made->states = sheaf_shared_array(uint8_t, window, error);
    made->errors = sheaf_shared_array(sheaf_error, window, error);
    if (!made->inputs) {
        made->own_inputs = 1;
        made->inputs = sheaf_shared_alloc(window, made->input_size ? made->input_size : 1, error);
    }
    if (!made->outputs) {
        made->own_outputs = 1;
        made->outputs = sheaf_shared_alloc(window, made->output_size ? made->output_size : 1, error);
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
    for (size_t i = 0; i < pool->attempt_count; i++)
        if (pool->attempts[i].lane == lane)
            pool->attempts[i--] = pool->attempts[--pool->attempt_count];
    for (size_t i = 0; i < pool->waiting_count; i++)
        if (pool->waiting[i].lane == lane)
            pool->waiting[i--] = pool->waiting[--pool->waiting_count];
    for (size_t i = 0; i < pool->undecided_count; i++)
        if (pool->undecided[i].lane == lane)
            pool->undecided[i--] = pool->undecided[--pool->undecided_count];
    free_lane(lane);
}

/* -- tasks that lost their worker ----------------------------------------------------------- */

static void end_task(struct lane *lane, uint64_t number, const sheaf_error *error)
{
    lane->errors[number & lane->mask] = *error;
    __atomic_store_n(&lane->states[number & lane->mask], FAILED, __ATOMIC_SEQ_CST);
}

static bool is_waiting(const sheaf_pool *pool, const struct lane *lane, uint64_t number)
{
    for (uint64_t i = __atomic_load_n(&lane->retry_next, __ATOMIC_SEQ_CST); i < lane->retry_put; i++)
        if (lane->retries[i % RETRIES] == number)
            return true;
    for (size_t i = 0; i < pool->waiting_count; i++)
        if (pool->waiting[i].lane == lane && pool->waiting[i].number == number)
            return true;
    return false;
}

enum claim { FREE, TAKEN, UNDECIDED };

/* Whether a living worker has claimed the task.  UNDECIDED: it is about to, and the next moment
 * will show whether it or another was first. */
static enum claim find_claim(const sheaf_pool *pool, const struct lane *lane, uint64_t number)
{
    for (int i = 0; i < pool->count; i++) {
        const struct seat *seat = &pool->core->seats[i];
        uint64_t version = __atomic_load_n(&seat->version, __ATOMIC_SEQ_CST);
        bool here = __atomic_load_n(&seat->lane, __ATOMIC_SEQ_CST) == lane &&
                    number >= __atomic_load_n(&seat->begin, __ATOMIC_SEQ_CST) &&
                    number < __atomic_load_n(&seat->end, __ATOMIC_SEQ_CST);
        bool claimed = __atomic_load_n(&seat->claimed, __ATOMIC_SEQ_CST) != 0;
        if (version != __atomic_load_n(&seat->version, __ATOMIC_SEQ_CST))
            return UNDECIDED; /* read in the middle of a change */
        if (here)
            return claimed ? TAKEN : UNDECIDED;
    }
    return FREE;
}

/* From the overflow into the ring, as far as there is room. */
static void push_waiting(sheaf_pool *pool)
{
    bool pushed = false;

    for (size_t i = 0; i < pool->waiting_count;) {
        struct lane *lane = pool->waiting[i].lane;
        if (lane->retry_put - __atomic_load_n(&lane->retry_next, __ATOMIC_SEQ_CST) >= RETRIES) {
            i++;
            continue;
        }
        __atomic_store_n(&lane->retries[lane->retry_put % RETRIES], pool->waiting[i].number,
                         __ATOMIC_RELAXED);
        __atomic_store_n(&lane->retry_put, lane->retry_put + 1, __ATOMIC_SEQ_CST);
        pool->waiting[i] = pool->waiting[--pool->waiting_count];
        pushed = true;
    }
    if (pushed)
        sheaf_eventcount_wake(&pool->core->bell, INT_MAX);
}

static bool add_number(struct lane_number **numbers, size_t *count, size_t *capacity,
                       struct lane *lane, uint64_t number, sheaf_error *error)
{
    if (sheaf_grow(numbers, capacity, *count + 1, sizeof **numbers, error) != SHEAF_OK)
        return false;
    (*numbers)[(*count)++] = (struct lane_number){lane, number};
    return true;
}

static void try_again(sheaf_pool *pool, struct lane *lane, uint64_t number)
{
    sheaf_error error;

    if (!lane->task)
        __atomic_store_n(&lane->states[number & lane->mask], PENDING, __ATOMIC_SEQ_CST);
    if (!add_number(&pool->waiting, &pool->waiting_count, &pool->waiting_capacity, lane, number,
                    &error))
        end_task(lane, number, &error);
}

/* Count a death for the task; how many it has now. */
static int count_death(sheaf_pool *pool, struct lane *lane, uint64_t number)
{
    for (size_t i = 0; i < pool->attempt_count; i++)
        if (pool->attempts[i].lane == lane && pool->attempts[i].number == number)
            return ++pool->attempts[i].deaths;
    if (sheaf_grow(&pool->attempts, &pool->attempt_capacity, pool->attempt_count + 1,
                   sizeof *pool->attempts, NULL) != SHEAF_OK)
        return INT_MAX;
    pool->attempts[pool->attempt_count++] = (struct attempt){lane, number, 1};
    return 1;
}

static void judge_culprit(sheaf_pool *pool, const struct worker *worker, struct lane *lane,
                          uint64_t number, int64_t timeout_ns, const sheaf_error *death)
{
    sheaf_error error;

    if (worker->ended_why == SHEAF_LIMIT && worker->ended_lane == lane &&
        worker->ended_task == number) {
        sheaf_error_set(&error, SHEAF_LIMIT, "task %llu took more than %lld ms and was ended",
                        (unsigned long long)number, (long long)(timeout_ns / 1000000));
    } else if (worker->ended_why == SHEAF_STOPPED && worker->ended_lane == lane &&
               worker->ended_task == number) {
        sheaf_error_set(&error, SHEAF_STOPPED, "task %llu was cancelled",
                        (unsigned long long)number);
    } else {
        int deaths = count_death(pool, lane, number);
        if (deaths < pool->attempts_allowed) {
            sheaf_log("pool: task %llu is tried again: %s", (unsigned long long)number,
                      death->message);
            try_again(pool, lane, number);
            return;
        }
        sheaf_error_set(&error, SHEAF_LOST, "task %llu: %s, in attempt %d of %d",
                        (unsigned long long)number, death->message, deaths,
                        pool->attempts_allowed);
        error.system = death->system;
    }
    end_task(lane, number, &error);
}

/*
 * A task that a dead worker was about to claim, and perhaps did.  In this order:
 * who claims it later than one look is found by the next, and who has finished
 * with it has left it ended.
 */
static void decide(sheaf_pool *pool, struct lane *lane, uint64_t number)
{
    sheaf_error error;

    if (is_waiting(pool, lane, number) ||
        number >= __atomic_load_n(&lane->next, __ATOMIC_SEQ_CST))
        return;
    enum claim claim = find_claim(pool, lane, number);
    if (claim == TAKEN || sheaf_lane_ended(lane, number))
        return;
    if (claim == FREE)
        try_again(pool, lane, number);
    else if (!add_number(&pool->undecided, &pool->undecided_count, &pool->undecided_capacity, lane,
                         number, &error))
        end_task(lane, number, &error);
}

static void decide_again(sheaf_pool *pool)
{
    size_t count = pool->undecided_count;

    for (size_t i = 0; i < count; i++)
        decide(pool, pool->undecided[i].lane, pool->undecided[i].number);
    memmove(pool->undecided, pool->undecided + count,
            (pool->undecided_count - count) * sizeof *pool->undecided);
    pool->undecided_count -= count;
}

/* Deal with what the dead worker had claimed.  True if it died inside a task. */
static bool recover(sheaf_pool *pool, int index, const sheaf_error *death)
{
    struct seat *seat = &pool->core->seats[index], left = *seat;
    struct lane *lane = left.lane;
    bool guilty = false;

    memset(seat, 0, sizeof *seat);
    if (!lane)
        return false;
    for (uint64_t number = left.begin; number < left.end; number++) {
        if (!left.claimed) {
            decide(pool, lane, number);
        } else if (!sheaf_lane_ended(lane, number)) {
            if (left.busy && number == left.current) {
                guilty = true;
                judge_culprit(pool, &pool->workers[index], lane, number, left.timeout_ns, death);
            } else {
                try_again(pool, lane, number);
            }
        }
    }
    return guilty;
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
    bool guilty = recover(pool, index, &death);
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
    push_waiting(pool);
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
        if (!pool->workers[i].process ||
            __atomic_load_n(&seat->lane, __ATOMIC_SEQ_CST) != lane ||
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
            sentinels[i] = (struct pollfd){
                .fd = process ? sheaf_process_sentinel(process) : -1, .events = POLLIN};
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
        decide_again(pool);
    if (pool->waiting_count > 0)
        push_waiting(pool);
}

sheaf_status sheaf_pool_check(const sheaf_pool *pool, sheaf_error *error)
{
    if (pool->user != getpid())
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "this pool belongs to process %d, which opened it",
                               (int)pool->user);
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
    pool->core = sheaf_shared_alloc(
        1, sizeof *pool->core + (size_t)wanted * sizeof *pool->core->seats, error);
    if (!pool->core)
        return SHEAF_NO_MEMORY;
    pool->core->workers = (uint32_t)wanted;
    pool->core->tasks_per_worker = options->tasks_per_worker;
    pool->core->begin = options->begin;
    if (options->argument_size > 0) {
        pool->core->argument = sheaf_shared_alloc(1, options->argument_size, error);
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
