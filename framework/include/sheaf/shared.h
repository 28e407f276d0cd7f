/*
 * sheaf/shared.h - memory that processes have in common, and its locks
 *
 *     struct tally {
 *         sheaf_mutex lock;
 *         int64_t     count;
 *     };
 *     struct tally *tally = sheaf_shared_value(struct tally, &error);
 *
 * Locks are plain structs: put them beside the data they guard.  All zeros is a
 * good mutex, condition, event, and an init only sets what is special.  They work
 * between threads as well as between processes, also unrelated ones.
 *
 * A thread is the owner of what it locks.  When an owner dies, by whatever
 * signal, those who wait find out within milliseconds and are told:
 * SHEAF_ABANDONED, "it is yours now, but look at what the dead left behind", or
 * SHEAF_BROKEN where going on makes no sense.  A stopped owner is not dead: the
 * others wait, or time out, until it goes on.
 *
 * Times are milliseconds, SHEAF_FOREVER or 0 (do not wait).  SHEAF_TIMEOUT means
 * that nothing changed.
 */
#ifndef SHEAF_SHARED_H
#define SHEAF_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SHEAF_FOREVER
#define SHEAF_FOREVER INT64_C(-1)
#endif

/* -- memory ------------------------------------------------------------------ */

/*
 * Zeroed memory, aligned to 64 bytes, that this process shares with every child
 * started after its first use (or after sheaf_init()), at the same address: so
 * pointers into it may be passed around, and children may allocate for their
 * parent.  Untouched pages cost nothing.  Nothing of it is left when the last of
 * these processes has ended.  NULL on failure.  Any thread, any process.
 */
SHEAF_EXPORT void *sheaf_shared_alloc(size_t count, size_t size, sheaf_error *error);

/* Free what sheaf_shared_alloc() gave, in any of the processes.  NULL is fine. */
SHEAF_EXPORT void sheaf_shared_free(void *memory);

#define sheaf_shared_value(type, error) ((type *)sheaf_shared_alloc(1, sizeof(type), error))
#define sheaf_shared_array(type, count, error) \
    ((type *)sheaf_shared_alloc(count, sizeof(type), error))

/*
 * Numbers that many may change at once, without a lock: no update is ever lost.
 * In a struct or alone; add gives the new value.
 */
typedef struct sheaf_counter {
    int64_t value;
} sheaf_counter;

SHEAF_EXPORT int64_t sheaf_counter_add(sheaf_counter *counter, int64_t amount);
SHEAF_EXPORT int64_t sheaf_counter_get(const sheaf_counter *counter);
SHEAF_EXPORT void sheaf_counter_set(sheaf_counter *counter, int64_t value);

/* -- memory with a name, for processes that are not related ---------------------- */

typedef struct sheaf_segment sheaf_segment;

/*
 * Make a segment of zeros that others of the same user can attach by name, on
 * this machine (in this network and pid namespace).  The name belongs to its
 * maker and is free again when it closes the segment or ends, however it ends;
 * those who are attached keep the memory until they close it.  It is a sealed
 * memfd: nobody can shrink it.  SHEAF_BAD_ARGUMENT if the name is taken or is not
 * made of 1 to 60 letters, digits, '-', '_' and '.'.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_segment_create(const char *name, size_t size,
                                                             sheaf_segment **segment,
                                                             sheaf_error *error);

/* SHEAF_CLOSED if nobody offers that name, SHEAF_REFUSED if another user does. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_segment_attach(const char *name, bool writable,
                                                             sheaf_segment **segment,
                                                             sheaf_error *error);
SHEAF_EXPORT void *sheaf_segment_memory(const sheaf_segment *segment);
SHEAF_EXPORT size_t sheaf_segment_size(const sheaf_segment *segment); /* in whole pages */
SHEAF_EXPORT void sheaf_segment_close(sheaf_segment *segment);        /* NULL is fine */

/* -- mutex -------------------------------------------------------------------- */

/* Members are for the library only. */
typedef struct sheaf_mutex {
    uint64_t owner;      /* 0: free */
    uint32_t generation; /* an event count for those who wait */
    uint32_t sleepers;
    uint32_t depth; /* how often a recursive mutex is held beyond once */
    uint32_t recursive;
} sheaf_mutex;

/* Only needed for a recursive mutex; zeros are a plain one. */
SHEAF_EXPORT void sheaf_mutex_init(sheaf_mutex *mutex, bool recursive);

/*
 * SHEAF_OK, SHEAF_ABANDONED (yours, the last holder died with it), SHEAF_TIMEOUT;
 * SHEAF_BAD_ARGUMENT if the caller holds it and it is not recursive.  Not fair:
 * whoever comes while it is free takes it.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_mutex_lock(sheaf_mutex *mutex, int64_t timeout_ms,
                                                         sheaf_error *error);

/* SHEAF_BAD_ARGUMENT, and nothing happened, if the calling thread does not hold it. */
SHEAF_EXPORT sheaf_status sheaf_mutex_unlock(sheaf_mutex *mutex);

/* Whether the calling thread holds it. */
SHEAF_EXPORT bool sheaf_mutex_held(const sheaf_mutex *mutex);

/* -- condition ------------------------------------------------------------------ */

typedef struct sheaf_condition {
    uint32_t generation;
    uint32_t sleepers;
    uint64_t promiser; /* who will signal, if someone said so */
} sheaf_condition;

SHEAF_EXPORT void sheaf_condition_init(sheaf_condition *condition);

/*
 * Let go of the mutex, which the caller holds once, sleep until a wake-up, take the
 * mutex again.  May return early, so look at what you wait for in a loop.  Except
 * after SHEAF_BAD_ARGUMENT the mutex is held again, whatever is returned:
 * SHEAF_OK, SHEAF_TIMEOUT, SHEAF_ABANDONED (as from lock: the last to hold the
 * mutex died with it), SHEAF_BROKEN (who promised to signal has died).
 * Taking the mutex again may go beyond the time-out while another holds it.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_condition_wait(sheaf_condition *condition,
                                                             sheaf_mutex *mutex, int64_t timeout_ms,
                                                             sheaf_error *error);
SHEAF_EXPORT void sheaf_condition_wake_one(sheaf_condition *condition);
SHEAF_EXPORT void sheaf_condition_wake_all(sheaf_condition *condition);

/*
 * "I am the one who will signal": if the calling thread dies, those who wait, now
 * or later, get SHEAF_BROKEN and not an endless wait.  The last who promised
 * counts; wake-ups do not end a promise, taking it back (promise = false) does.
 */
SHEAF_EXPORT void sheaf_condition_promise(sheaf_condition *condition, bool promise);

/* -- semaphore ----------------------------------------------------------------- */

#define SHEAF_SEMAPHORE_LIMIT 56 /* tokens with owners that one semaphore can have */

/*
 * Two kinds.  With a limit (1 to SHEAF_SEMAPHORE_LIMIT) tokens have owners: one that
 * died gives them back, and who gets such a token is told SHEAF_ABANDONED.  Without
 * (limit 0) it is a plain count, for signalling: releases and acquires by
 * different threads, and what a dead one acquired is gone.
 */
typedef struct sheaf_semaphore {
    uint32_t generation;
    uint32_t sleepers;
    int32_t count; /* limit 0 only */
    int32_t limit;
    uint64_t owners[SHEAF_SEMAPHORE_LIMIT]; /* of each token; 0: free */
} sheaf_semaphore;

/* count: tokens there are now, at most `limit` if there is one. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_semaphore_init(sheaf_semaphore *semaphore, int count,
                                                             int limit, sheaf_error *error);
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_semaphore_acquire(sheaf_semaphore *semaphore,
                                                                int64_t timeout_ms,
                                                                sheaf_error *error);

/* With a limit the caller gives back a token it holds, else adds one that was never there;
 * SHEAF_BAD_ARGUMENT if all `limit` tokens are free or held by others. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_semaphore_release(sheaf_semaphore *semaphore,
                                                                sheaf_error *error);
SHEAF_EXPORT int sheaf_semaphore_value(const sheaf_semaphore *semaphore); /* free tokens */

/* -- event ---------------------------------------------------------------------- */

typedef struct sheaf_event {
    uint32_t set;
    uint32_t generation;
    uint32_t sleepers;
    uint32_t unused;
    uint64_t promiser;
} sheaf_event;

SHEAF_EXPORT void sheaf_event_init(sheaf_event *event);
SHEAF_EXPORT void sheaf_event_set(sheaf_event *event);
SHEAF_EXPORT void sheaf_event_clear(sheaf_event *event);
SHEAF_EXPORT bool sheaf_event_is_set(const sheaf_event *event);

/* SHEAF_OK once it is set, SHEAF_TIMEOUT, SHEAF_BROKEN if who promised to set it died before. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_event_wait(sheaf_event *event, int64_t timeout_ms,
                                                         sheaf_error *error);

/* As sheaf_condition_promise(). */
SHEAF_EXPORT void sheaf_event_promise(sheaf_event *event, bool promise);

/* -- barrier ----------------------------------------------------------------------- */

#define SHEAF_BARRIER_PARTIES 64

/*
 * A party takes a seat with its first wait and keeps it.  When a seated party
 * dies, all others get SHEAF_BROKEN, now and later, until a reset.
 */
typedef struct sheaf_barrier {
    uint32_t generation;
    uint32_t sleepers;
    uint32_t phase;
    uint32_t parties;
    uint32_t broken;
    uint32_t unused;
    struct {
        uint64_t owner;
        uint32_t arrived; /* the phase it has come to the end of, plus one */
        uint32_t unused;
    } seats[SHEAF_BARRIER_PARTIES];
} sheaf_barrier;

SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_barrier_init(sheaf_barrier *barrier, int parties,
                                                           sheaf_error *error);

/*
 * Wait until all parties have come.  *last (may be NULL) is true in exactly one of
 * them, for what has to be done once.  SHEAF_TIMEOUT breaks the barrier for all;
 * SHEAF_BAD_ARGUMENT if all seats belong to others who live.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_barrier_wait(sheaf_barrier *barrier, bool *last,
                                                           int64_t timeout_ms, sheaf_error *error);
SHEAF_EXPORT void sheaf_barrier_break(sheaf_barrier *barrier); /* everyone gets SHEAF_BROKEN */

/* All seats free, not broken.  For a moment when nobody waits. */
SHEAF_EXPORT void sheaf_barrier_reset(sheaf_barrier *barrier);
SHEAF_EXPORT void sheaf_barrier_leave(sheaf_barrier *barrier); /* give the caller's seat back */

#ifdef __cplusplus
}
#endif
#endif
