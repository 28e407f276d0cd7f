/*
 * mutex.c - a lock whose holder may be killed: see sheaf/shared.h
 *
 * The owner word is the lock.  It is changed by one compare-and-swap from nobody
 * to me, or from a dead one to me, so there is never a moment in which the lock
 * is taken but nobody knows by whom.
 */
#include <limits.h>
#include <string.h>

#include <sheaf/shared.h>

#include "process/futex.h"
#include "process/owner.h"

static struct sheaf_eventcount *events_of(sheaf_mutex *mutex)
{
    return (struct sheaf_eventcount *)(void *)&mutex->generation;
}

void sheaf_mutex_init(sheaf_mutex *mutex, bool recursive)
{
    memset(mutex, 0, sizeof *mutex);
    mutex->recursive = recursive;
}

static inline bool take_from(sheaf_mutex *mutex, uint64_t owner, uint64_t self)
{
    return __atomic_compare_exchange_n(&mutex->owner, &owner, self, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* Spin for the time that a short critical section takes; more and more patiently, so that the
 * holder keeps its cache line. */
static bool take_spinning(sheaf_mutex *mutex, uint64_t self)
{
    int rounds = sheaf_spin_rounds();

    for (int pause = 4; rounds > 0; rounds -= pause, pause += pause < 64 ? pause : 0) {
        for (int i = 0; i < pause; i++)
            sheaf_spin();
        if (__atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == SHEAF_NOBODY &&
            take_from(mutex, SHEAF_NOBODY, self))
            return true;
    }
    return false;
}

/* The owner died: exactly one of those who notice gets the lock. */
static bool take_from_dead(sheaf_mutex *mutex, uint64_t self, sheaf_error *error)
{
    uint64_t owner = __atomic_load_n(&mutex->owner, __ATOMIC_SEQ_CST);

    if (owner == SHEAF_NOBODY || !sheaf_owner_is_dead(owner) || !take_from(mutex, owner, self))
        return false;
    mutex->depth = 0;
    sheaf_error_set(error, SHEAF_ABANDONED,
                    "the lock is held again, but its last holder (%d) died with it",
                    sheaf_owner_id(owner));
    return true;
}

static sheaf_status lock_slowly(sheaf_mutex *mutex, uint64_t self, int64_t timeout_ms,
                                sheaf_error *error)
{
    if (timeout_ms != 0 && take_spinning(mutex, self))
        return SHEAF_OK;

    int64_t deadline = sheaf_deadline(timeout_ms);
    for (;;) {
        uint32_t seen = sheaf_eventcount_prepare(events_of(mutex));
        if (take_from(mutex, SHEAF_NOBODY, self))
            return SHEAF_OK;
        if (timeout_ms != 0) {
            int64_t before = sheaf_clock_ns();
            sheaf_eventcount_wait(events_of(mutex), seen, deadline);
            /* Woken in time: the lock moves, so its holders live. */
            if (sheaf_clock_ns() - before < SHEAF_SLICE_NS && !sheaf_deadline_passed(deadline))
                continue;
        }
        if (take_from_dead(mutex, self, error))
            return SHEAF_ABANDONED;
        if (sheaf_deadline_passed(deadline))
            return sheaf_error_set(error, SHEAF_TIMEOUT, "the lock was held by %d for %lld ms",
                                   sheaf_owner_id(__atomic_load_n(&mutex->owner, __ATOMIC_RELAXED)),
                                   (long long)timeout_ms);
    }
}

sheaf_status sheaf_mutex_lock(sheaf_mutex *mutex, int64_t timeout_ms, sheaf_error *error)
{
    uint64_t self = sheaf_owner_self();

    if (take_from(mutex, SHEAF_NOBODY, self))
        return SHEAF_OK;
    if (__atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == self) {
        if (!mutex->recursive)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                   "the caller holds this lock already and would wait for itself");
        mutex->depth++;
        return SHEAF_OK;
    }
    return lock_slowly(mutex, self, timeout_ms, error);
}

bool sheaf_mutex_held(const sheaf_mutex *mutex)
{
    return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == sheaf_owner_self();
}

sheaf_status sheaf_mutex_unlock(sheaf_mutex *mutex)
{
    if (!sheaf_mutex_held(mutex))
        return SHEAF_BAD_ARGUMENT;
    if (mutex->depth > 0) {
        mutex->depth--;
        return SHEAF_OK;
    }
    __atomic_exchange_n(&mutex->owner, SHEAF_NOBODY, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(events_of(mutex), 1);
    return SHEAF_OK;
}
