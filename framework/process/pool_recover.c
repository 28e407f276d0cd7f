/*
 * pool_recover.c - what becomes of the tasks of a dead worker: see pool.h
 *
 * A task that the dead had claimed and not finished is tried again; the one it was
 * in has had an attempt.  Where its seat is not marked, it may or may not have
 * made its claim, and what others do in this moment has to be looked at.
 */
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "process/log.h"
#include "process/pool.h"

static void end_task(struct lane *lane, uint64_t number, const sheaf_error *error)
{
    lane->errors[number & lane->mask] = *error;
    __atomic_store_n(&lane->states[number & lane->mask], FAILED, __ATOMIC_SEQ_CST);
}

static bool is_waiting(const sheaf_pool *pool, const struct lane *lane, uint64_t number)
{
    for (uint64_t i = __atomic_load_n(&lane->retry_next, __ATOMIC_SEQ_CST); i < lane->retry_put;
         i++)
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
void sheaf_retry_push(sheaf_pool *pool)
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
                        (unsigned long long)(lane->base + number),
                        (long long)(timeout_ns / 1000000));
    } else if (worker->ended_why == SHEAF_STOPPED && worker->ended_lane == lane &&
               worker->ended_task == number) {
        sheaf_error_set(&error, SHEAF_STOPPED, "task %llu was cancelled",
                        (unsigned long long)(lane->base + number));
    } else {
        int deaths = count_death(pool, lane, number);
        if (deaths < pool->attempts_allowed) {
            sheaf_log("pool: task %llu is tried again: %s",
                      (unsigned long long)(lane->base + number), death->message);
            try_again(pool, lane, number);
            return;
        }
        sheaf_error_set(&error, SHEAF_LOST, "task %llu: %s, in attempt %d of %d",
                        (unsigned long long)(lane->base + number), death->message, deaths,
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

    if (is_waiting(pool, lane, number) || number >= __atomic_load_n(&lane->next, __ATOMIC_SEQ_CST))
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

void sheaf_retry_decide(sheaf_pool *pool)
{
    size_t count = pool->undecided_count;

    for (size_t i = 0; i < count; i++)
        decide(pool, pool->undecided[i].lane, pool->undecided[i].number);
    memmove(pool->undecided, pool->undecided + count,
            (pool->undecided_count - count) * sizeof *pool->undecided);
    pool->undecided_count -= count;
}

/* Deal with what the dead worker had claimed.  True if it died inside a task. */
bool sheaf_pool_recover(sheaf_pool *pool, int index, const sheaf_error *death)
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

void sheaf_retry_forget(sheaf_pool *pool, const struct lane *lane)
{
    for (size_t i = 0; i < pool->attempt_count; i++)
        if (pool->attempts[i].lane == lane)
            pool->attempts[i--] = pool->attempts[--pool->attempt_count];
    for (size_t i = 0; i < pool->waiting_count; i++)
        if (pool->waiting[i].lane == lane)
            pool->waiting[i--] = pool->waiting[--pool->waiting_count];
    for (size_t i = 0; i < pool->undecided_count; i++)
        if (pool->undecided[i].lane == lane)
            pool->undecided[i--] = pool->undecided[--pool->undecided_count];
}
