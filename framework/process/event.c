/*
 * event.c - events and conditions: see sheaf/shared.h
 *
 * Both are event counts with one thing added: the word of a thread that promised
 * to signal.  Without it nobody could tell a signal that is late from one that
 * can not come any more.
 */
#include <limits.h>
#include <string.h>

#include <sheaf/shared.h>

#include "process/futex.h"
#include "process/owner.h"

static struct sheaf_eventcount *events_of(uint32_t *generation)
{
    return (struct sheaf_eventcount *)(void *)generation;
}

static void promise_by(uint64_t *promiser, bool promise)
{
    __atomic_store_n(promiser, promise ? sheaf_owner_self() : SHEAF_NOBODY, __ATOMIC_SEQ_CST);
}

static sheaf_status check_promise(const uint64_t *promiser, sheaf_error *error)
{
    uint64_t owner = __atomic_load_n(promiser, __ATOMIC_SEQ_CST);

    if (owner == SHEAF_NOBODY || !sheaf_owner_is_dead(owner))
        return SHEAF_OK;
    return sheaf_error_set(error, SHEAF_BROKEN, "%d promised to signal and died",
                           sheaf_owner_id(owner));
}

/* -- event ------------------------------------------------------------------------ */

void sheaf_event_init(sheaf_event *event)
{
    memset(event, 0, sizeof *event);
}

void sheaf_event_set(sheaf_event *event)
{
    __atomic_store_n(&event->set, 1, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(events_of(&event->generation), INT_MAX);
}

void sheaf_event_clear(sheaf_event *event)
{
    __atomic_store_n(&event->set, 0, __ATOMIC_SEQ_CST);
}

bool sheaf_event_is_set(const sheaf_event *event)
{
    return __atomic_load_n(&event->set, __ATOMIC_SEQ_CST) != 0;
}

void sheaf_event_promise(sheaf_event *event, bool promise)
{
    promise_by(&event->promiser, promise);
}

sheaf_status sheaf_event_wait(sheaf_event *event, int64_t timeout_ms, sheaf_error *error)
{
    if (sheaf_event_is_set(event))
        return SHEAF_OK;
    for (int round = timeout_ms == 0 ? 0 : sheaf_spin_rounds(); round > 0; round--) {
        sheaf_spin();
        if (sheaf_event_is_set(event))
            return SHEAF_OK;
    }
    int64_t deadline = sheaf_deadline(timeout_ms);
    for (;;) {
        uint32_t seen = sheaf_eventcount_prepare(events_of(&event->generation));
        if (sheaf_event_is_set(event))
            return SHEAF_OK;
        if (timeout_ms != 0)
            sheaf_eventcount_wait(events_of(&event->generation), seen, deadline);
        /* Set and cleared again while we slept: it was set, and that is what we waited for. */
        uint32_t now = __atomic_load_n(&event->generation, __ATOMIC_SEQ_CST);
        if (sheaf_event_is_set(event) || now != seen)
            return SHEAF_OK;
        sheaf_status status = check_promise(&event->promiser, error);
        if (sheaf_event_is_set(event))
            return SHEAF_OK;
        SHEAF_TRY(status);
        if (sheaf_deadline_passed(deadline))
            return sheaf_error_set(error, SHEAF_TIMEOUT, "the event was not set within %lld ms",
                                   (long long)timeout_ms);
    }
}

/* -- condition ---------------------------------------------------------------------- */

void sheaf_condition_init(sheaf_condition *condition)
{
    memset(condition, 0, sizeof *condition);
}

void sheaf_condition_wake_one(sheaf_condition *condition)
{
    sheaf_eventcount_wake(events_of(&condition->generation), 1);
}

void sheaf_condition_wake_all(sheaf_condition *condition)
{
    sheaf_eventcount_wake(events_of(&condition->generation), INT_MAX);
}

void sheaf_condition_promise(sheaf_condition *condition, bool promise)
{
    promise_by(&condition->promiser, promise);
}

/*
 * Sleep until the generation moves.  A signal taken along by a killed waiter has
 * moved it as well, so the others are through at the end of their slice.  A
 * mutex whose holder died in the meantime is a reason to wake up, too: the dead
 * may have been about to signal.
 */
static sheaf_status sleep_until_woken(sheaf_condition *condition, const sheaf_mutex *mutex,
                                      uint32_t seen, int64_t timeout_ms, sheaf_error *error)
{
    int64_t deadline = sheaf_deadline(timeout_ms);

    for (;;) {
        sheaf_eventcount_wait(events_of(&condition->generation), seen, deadline);
        if (__atomic_load_n(&condition->generation, __ATOMIC_SEQ_CST) != seen)
            return SHEAF_OK;
        SHEAF_TRY(check_promise(&condition->promiser, error));
        uint64_t owner = __atomic_load_n(&mutex->owner, __ATOMIC_SEQ_CST);
        if (owner != SHEAF_NOBODY && sheaf_owner_is_dead(owner))
            return SHEAF_OK;
        if (sheaf_deadline_passed(deadline))
            return sheaf_error_set(error, SHEAF_TIMEOUT, "no signal came within %lld ms",
                                   (long long)timeout_ms);
    }
}

sheaf_status sheaf_condition_wait(sheaf_condition *condition, sheaf_mutex *mutex,
                                  int64_t timeout_ms, sheaf_error *error)
{
    sheaf_error woken = {0}, locked = {0};

    if (!sheaf_mutex_held(mutex) || mutex->depth > 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "to wait for a condition its mutex must be held exactly once");
    uint32_t seen = sheaf_eventcount_prepare(events_of(&condition->generation));
    sheaf_mutex_unlock(mutex);
    sheaf_status status = sleep_until_woken(condition, mutex, seen, timeout_ms, &woken);
    sheaf_status lock = sheaf_mutex_lock(mutex, SHEAF_FOREVER, &locked);
    /* What must be told first: that the data behind the mutex may be torn. */
    if (lock != SHEAF_OK) {
        status = lock;
        woken = locked;
    }
    if (status != SHEAF_OK && error)
        *error = woken;
    return status;
}
