/*
 * futex.h - sleeping on a word that several processes can see
 *
 * The words are plain integers in shared memory, touched by __atomic builtins
 * only.  A sleeper may be killed at any moment and leave its traces behind: a
 * wake-up that it took with it, a flag that says "someone sleeps".  So nobody
 * sleeps longer than SHEAF_SLICE_NS at a time; whoever wakes looks at everything
 * again.  That is what makes a lost wake-up cost milliseconds and not for ever.
 *
 * Deadlines are nanoseconds of sheaf_clock_ns(); INT64_MAX never comes.
 */
#ifndef SHEAF_PROCESS_FUTEX_H
#define SHEAF_PROCESS_FUTEX_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define SHEAF_SLICE_NS INT64_C(20000000)

/* The deadline for a time-out in milliseconds; below zero is SHEAF_FOREVER. */
int64_t sheaf_deadline(int64_t timeout_ms);
bool sheaf_deadline_passed(int64_t deadline_ns);

/* The end of the next slice of sleep: the deadline or, if that is later, a slice from now. */
int64_t sheaf_deadline_slice(int64_t deadline_ns);

/* Sleep while *word == expected.  False if the deadline came first; may return early. */
bool sheaf_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/* Wake at most `count` of those who sleep on the word; how many there were. */
int sheaf_futex_wake(const uint32_t *word, int count);

/* Tell the processor that this is a waiting loop. */
static inline void sheaf_spin(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/*
 * A round of waiting that lets another process have this processor: the peer may
 * sit on the same one, and then spinning keeps it from answering.  A few hundred of
 * these cost less than being woken on another processor.
 */
static inline void sheaf_give_way(void)
{
    sched_yield();
}

/* How many rounds to spin before sleeping: none where there is one processor only. */
int sheaf_spin_rounds(void);

/*
 * An event count: the condition variable that a SIGKILL can not break.  It holds
 * no list of waiters, only a generation that each signal moves on.
 *
 *     for (;;) {
 *         uint32_t seen = sheaf_eventcount_prepare(&events);
 *         if (what I wait for is true)
 *             break;
 *         sheaf_eventcount_wait(&events, seen, deadline);
 *     }
 *
 * The other side makes it true, with an atomic store in sequential order, and
 * calls sheaf_eventcount_wake().  All zeros is a good event count.
 */
struct sheaf_eventcount {
    uint32_t generation; /* the futex; moved on by each wake-up that found a sleeper */
    uint32_t sleepers;   /* not 0: someone may sleep.  A dead sleeper costs one needless wake-up */
};

/* Announce a sleeper and note the generation.  Look at the predicate after this. */
uint32_t sheaf_eventcount_prepare(struct sheaf_eventcount *events);

/* Sleep until a wake-up after prepare, the deadline or the end of a slice. */
void sheaf_eventcount_wait(struct sheaf_eventcount *events, uint32_t seen, int64_t deadline_ns);

/* Wake at most `count` sleepers, INT_MAX for all; just one load when nobody sleeps. */
void sheaf_eventcount_wake(struct sheaf_eventcount *events, int count);

#endif
