/*
 * barrier.c - a meeting that does not wait for the dead: see sheaf/shared.h
 *
 * There is no lock and no count that a kill could leave wrong.  Each party writes
 * into its own seat that it has arrived; whoever finds that all have moves the
 * phase on, by one compare-and-swap, and those who wait look at the seats
 * themselves after each slice of sleep.
 */
#include <limits.h>
#include <string.h>

#include <sheaf/shared.h>

#include "process/futex.h"
#include "process/owner.h"

static struct sheaf_eventcount *events_of(sheaf_barrier *barrier)
{
    return (struct sheaf_eventcount *)(void *)&barrier->generation;
}

sheaf_status sheaf_barrier_init(sheaf_barrier *barrier, int parties, sheaf_error *error)
{
    if (parties < 1 || parties > SHEAF_BARRIER_PARTIES)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a barrier has 1 to %d parties, not %d",
                               SHEAF_BARRIER_PARTIES, parties);
    memset(barrier, 0, sizeof *barrier);
    barrier->parties = (uint32_t)parties;
    return SHEAF_OK;
}

void sheaf_barrier_reset(sheaf_barrier *barrier)
{
    for (uint32_t i = 0; i < barrier->parties; i++) {
        __atomic_store_n(&barrier->seats[i].arrived, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&barrier->seats[i].owner, SHEAF_NOBODY, __ATOMIC_SEQ_CST);
    }
    /* Phases go on counting: nobody of before may take a new phase for his own. */
    __atomic_fetch_add(&barrier->phase, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&barrier->broken, 0, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(events_of(barrier), INT_MAX);
}

void sheaf_barrier_break(sheaf_barrier *barrier)
{
    __atomic_store_n(&barrier->broken, 1, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(events_of(barrier), INT_MAX);
}

static int seat_of(const sheaf_barrier *barrier, uint64_t owner)
{
    for (uint32_t i = 0; i < barrier->parties; i++)
        if (__atomic_load_n(&barrier->seats[i].owner, __ATOMIC_SEQ_CST) == owner)
            return (int)i;
    return -1;
}

static int take_seat(sheaf_barrier *barrier, uint64_t self)
{
    int seat = seat_of(barrier, self);

    while (seat < 0) {
        uint64_t nobody = SHEAF_NOBODY;
        int empty = seat_of(barrier, SHEAF_NOBODY);
        if (empty < 0)
            return -1;
        if (__atomic_compare_exchange_n(&barrier->seats[empty].owner, &nobody, self, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            seat = empty;
    }
    return seat;
}

void sheaf_barrier_leave(sheaf_barrier *barrier)
{
    int seat = seat_of(barrier, sheaf_owner_self());

    if (seat < 0)
        return;
    __atomic_store_n(&barrier->seats[seat].arrived, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&barrier->seats[seat].owner, SHEAF_NOBODY, __ATOMIC_SEQ_CST);
}

static bool all_arrived(const sheaf_barrier *barrier, uint32_t phase)
{
    for (uint32_t i = 0; i < barrier->parties; i++)
        if (__atomic_load_n(&barrier->seats[i].arrived, __ATOMIC_SEQ_CST) != phase + 1)
            return false;
    return true;
}

/* A party that sits but has not come and never will. */
static uint64_t find_dead(const sheaf_barrier *barrier)
{
    for (uint32_t i = 0; i < barrier->parties; i++) {
        uint64_t owner = __atomic_load_n(&barrier->seats[i].owner, __ATOMIC_SEQ_CST);
        if (owner != SHEAF_NOBODY && sheaf_owner_is_dead(owner))
            return owner;
    }
    return SHEAF_NOBODY;
}

static uint32_t phase_now(const sheaf_barrier *barrier)
{
    return __atomic_load_n(&barrier->phase, __ATOMIC_SEQ_CST);
}

static bool is_broken(const sheaf_barrier *barrier)
{
    return __atomic_load_n(&barrier->broken, __ATOMIC_SEQ_CST) != 0;
}

static bool finish_phase(sheaf_barrier *barrier, uint32_t phase)
{
    uint32_t expected = phase;

    if (!all_arrived(barrier, phase) ||
        !__atomic_compare_exchange_n(&barrier->phase, &expected, phase + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return false;
    sheaf_eventcount_wake(events_of(barrier), INT_MAX);
    return true;
}

static sheaf_status say_broken(sheaf_barrier *barrier, uint64_t dead, sheaf_error *error)
{
    sheaf_barrier_break(barrier);
    if (dead)
        return sheaf_error_set(error, SHEAF_BROKEN, "the barrier is broken: its party %d died",
                               sheaf_owner_id(dead));
    return sheaf_error_set(error, SHEAF_BROKEN, "the barrier is broken");
}

/* Wait for the end of the phase in which this party has arrived. */
static sheaf_status wait_phase(sheaf_barrier *barrier, uint32_t phase, bool *last,
                               int64_t timeout_ms, sheaf_error *error)
{
    for (int round = timeout_ms == 0 ? 0 : sheaf_spin_rounds(); round > 0; round--) {
        sheaf_spin();
        if (phase_now(barrier) != phase)
            return SHEAF_OK;
    }
    int64_t deadline = sheaf_deadline(timeout_ms);
    for (;;) {
        uint32_t seen = sheaf_eventcount_prepare(events_of(barrier));
        if (phase_now(barrier) != phase)
            return SHEAF_OK;
        if (is_broken(barrier))
            return say_broken(barrier, find_dead(barrier), error);
        if (timeout_ms != 0)
            sheaf_eventcount_wait(events_of(barrier), seen, deadline);
        /* The last to arrive may have died before it could say so. */
        *last = finish_phase(barrier, phase);
        if (*last || phase_now(barrier) != phase)
            return SHEAF_OK;
        uint64_t dead = find_dead(barrier);
        if (dead && phase_now(barrier) == phase)
            return say_broken(barrier, dead, error);
        if (sheaf_deadline_passed(deadline)) {
            sheaf_barrier_break(barrier);
            return sheaf_error_set(error, SHEAF_TIMEOUT,
                                   "not all %u parties came within %lld ms: the barrier is broken",
                                   barrier->parties, (long long)timeout_ms);
        }
    }
}

sheaf_status sheaf_barrier_wait(sheaf_barrier *barrier, bool *last, int64_t timeout_ms,
                                sheaf_error *error)
{
    bool mine = false;
    uint32_t phase = phase_now(barrier);

    if (is_broken(barrier))
        return say_broken(barrier, find_dead(barrier), error);
    int seat = take_seat(barrier, sheaf_owner_self());
    if (seat < 0) {
        uint64_t dead = find_dead(barrier);
        return dead ? say_broken(barrier, dead, error)
                    : sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                      "all %u parties of the barrier are others", barrier->parties);
    }
    __atomic_store_n(&barrier->seats[seat].arrived, phase + 1, __ATOMIC_SEQ_CST);
    sheaf_status status = SHEAF_OK;
    mine = finish_phase(barrier, phase);
    if (!mine)
        status = wait_phase(barrier, phase, &mine, timeout_ms, error);
    if (last)
        *last = status == SHEAF_OK && mine;
    return status;
}
