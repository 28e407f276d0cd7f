/*
 * semaphore.c - tokens that come back from the dead: see sheaf/shared.h
 *
 * With a limit each token is an owner word of its own, taken by one
 * compare-and-swap, so a token is never in between.
 */
#include <limits.h>
#include <string.h>

#include <sheaf/shared.h>

#include "process/futex.h"
#include "process/owner.h"

static const uint64_t absent = UINT64_MAX; /* a token that was never released */

static struct sheaf_eventcount *events_of(sheaf_semaphore *semaphore)
{
    return (struct sheaf_eventcount *)(void *)&semaphore->generation;
}

sheaf_status sheaf_semaphore_init(sheaf_semaphore *semaphore, int count, int limit,
                                  sheaf_error *error)
{
    if (count < 0 || limit < 0 || limit > SHEAF_SEMAPHORE_LIMIT || (limit > 0 && count > limit))
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "a semaphore cannot have %d of %d tokens (limit: 0 to %d)", count,
                               limit, SHEAF_SEMAPHORE_LIMIT);
    memset(semaphore, 0, sizeof *semaphore);
    semaphore->count = count;
    semaphore->limit = limit;
    for (int i = count; i < limit; i++)
        semaphore->owners[i] = absent;
    return SHEAF_OK;
}

/* Change the first token that belongs to `from`. */
static bool change_token(sheaf_semaphore *semaphore, uint64_t from, uint64_t to)
{
    for (int i = 0; i < semaphore->limit; i++) {
        uint64_t owner = from;
        if (__atomic_load_n(&semaphore->owners[i], __ATOMIC_SEQ_CST) == from &&
            __atomic_compare_exchange_n(&semaphore->owners[i], &owner, to, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

static bool take_count(sheaf_semaphore *semaphore)
{
    int32_t count = __atomic_load_n(&semaphore->count, __ATOMIC_SEQ_CST);

    while (count > 0)
        if (__atomic_compare_exchange_n(&semaphore->count, &count, count - 1, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

static bool take(sheaf_semaphore *semaphore, uint64_t self)
{
    return semaphore->limit == 0 ? take_count(semaphore)
                                 : change_token(semaphore, SHEAF_NOBODY, self);
}

static bool take_from_dead(sheaf_semaphore *semaphore, uint64_t self, sheaf_error *error)
{
    for (int i = 0; i < semaphore->limit; i++) {
        uint64_t owner = __atomic_load_n(&semaphore->owners[i], __ATOMIC_SEQ_CST);
        if (owner == SHEAF_NOBODY || owner == absent || !sheaf_owner_is_dead(owner) ||
            !__atomic_compare_exchange_n(&semaphore->owners[i], &owner, self, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        sheaf_error_set(error, SHEAF_ABANDONED, "a token is held again, but %d died with it",
                        sheaf_owner_id(owner));
        return true;
    }
    return false;
}

sheaf_status sheaf_semaphore_acquire(sheaf_semaphore *semaphore, int64_t timeout_ms,
                                     sheaf_error *error)
{
    uint64_t self = sheaf_owner_self();

    if (take(semaphore, self))
        return SHEAF_OK;
    for (int round = timeout_ms == 0 ? 0 : sheaf_spin_rounds(); round > 0; round--) {
        sheaf_spin();
        if (round % 16 == 0 && take(semaphore, self))
            return SHEAF_OK;
    }
    int64_t deadline = sheaf_deadline(timeout_ms);
    for (;;) {
        uint32_t seen = sheaf_eventcount_prepare(events_of(semaphore));
        if (take(semaphore, self))
            return SHEAF_OK;
        if (timeout_ms != 0)
            sheaf_eventcount_wait(events_of(semaphore), seen, deadline);
        if (take(semaphore, self))
            return SHEAF_OK;
        if (take_from_dead(semaphore, self, error))
            return SHEAF_ABANDONED;
        if (sheaf_deadline_passed(deadline))
            return sheaf_error_set(error, SHEAF_TIMEOUT, "no token was free for %lld ms",
                                   (long long)timeout_ms);
    }
}

sheaf_status sheaf_semaphore_release(sheaf_semaphore *semaphore, sheaf_error *error)
{
    if (semaphore->limit == 0) {
        int32_t count = __atomic_load_n(&semaphore->count, __ATOMIC_SEQ_CST);
        do
            if (count == INT32_MAX)
                return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the semaphore is full");
        while (!__atomic_compare_exchange_n(&semaphore->count, &count, count + 1, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    } else if (!change_token(semaphore, sheaf_owner_self(), SHEAF_NOBODY) &&
               !change_token(semaphore, absent, SHEAF_NOBODY)) {
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "released more often than acquired: all %d tokens are there",
                               semaphore->limit);
    }
    sheaf_eventcount_wake(events_of(semaphore), 1);
    return SHEAF_OK;
}

int sheaf_semaphore_value(const sheaf_semaphore *semaphore)
{
    int value = 0;

    if (semaphore->limit == 0)
        return __atomic_load_n(&semaphore->count, __ATOMIC_SEQ_CST);
    for (int i = 0; i < semaphore->limit; i++)
        value += __atomic_load_n(&semaphore->owners[i], __ATOMIC_SEQ_CST) == SHEAF_NOBODY;
    return value;
}
