/* futex.c - sleeping on a word that several processes can see: see futex.h */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "process/futex.h"

int64_t sheaf_deadline(int64_t timeout_ms)
{
    int64_t now, nanoseconds;

    if (timeout_ms < 0 || __builtin_mul_overflow(timeout_ms, INT64_C(1000000), &nanoseconds))
        return INT64_MAX;
    now = sheaf_clock_ns();
    return nanoseconds > INT64_MAX - now ? INT64_MAX : now + nanoseconds;
}

bool sheaf_deadline_passed(int64_t deadline_ns)
{
    return deadline_ns != INT64_MAX && sheaf_clock_ns() >= deadline_ns;
}

int64_t sheaf_deadline_slice(int64_t deadline_ns)
{
    int64_t slice = sheaf_clock_ns() + SHEAF_SLICE_NS;

    return slice < deadline_ns ? slice : deadline_ns;
}

bool sheaf_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    struct timespec end = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                           .tv_nsec = (long)(deadline_ns % 1000000000)};

    /* WAIT_BITSET takes a moment of the monotonic clock, WAIT only a span. */
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected,
                          deadline_ns == INT64_MAX ? NULL : &end, NULL, FUTEX_BITSET_MATCH_ANY);
    return !(result < 0 && errno == ETIMEDOUT);
}

int sheaf_futex_wake(const uint32_t *word, int count)
{
    return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

int sheaf_spin_rounds(void)
{
    static int rounds = -1;
    int known = __atomic_load_n(&rounds, __ATOMIC_RELAXED);

    if (known < 0) {
        known = sheaf_cpu_count() > 1 ? 200 : 0;
        __atomic_store_n(&rounds, known, __ATOMIC_RELAXED);
    }
    return known;
}

uint32_t sheaf_eventcount_prepare(struct sheaf_eventcount *events)
{
    uint32_t seen = __atomic_load_n(&events->generation, __ATOMIC_SEQ_CST);

    if (__atomic_add_fetch(&events->sleepers, 1, __ATOMIC_SEQ_CST) == 0)
        __atomic_add_fetch(&events->sleepers, 1, __ATOMIC_SEQ_CST);
    return seen;
}

void sheaf_eventcount_wait(struct sheaf_eventcount *events, uint32_t seen, int64_t deadline_ns)
{
    sheaf_futex_wait(&events->generation, seen, sheaf_deadline_slice(deadline_ns));
}

void sheaf_eventcount_wake(struct sheaf_eventcount *events, int count)
{
    uint32_t sleepers = __atomic_load_n(&events->sleepers, __ATOMIC_SEQ_CST);

    if (sleepers == 0)
        return;
    __atomic_fetch_add(&events->generation, 1, __ATOMIC_SEQ_CST);
    int woken = sheaf_futex_wake(&events->generation, count);
    /* Who announced itself before we looked is awake now or will see the new generation; who came
     * later has moved `sleepers` on.  Only with one woken of many may others still sleep. */
    if (woken <= 0 || count == INT_MAX)
        __atomic_compare_exchange_n(&events->sleepers, &sleepers, 0, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED);
}
