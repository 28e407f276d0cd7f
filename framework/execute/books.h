/*
 * books.h - who has which task, how often it was tried, what is committed
 *
 * The coordinator's own memory, which no worker can see; it knows nothing of
 * processes.  Each attempt has a ticket that is used once.  A publication counts
 * only with the ticket of the attempt that its slot has now, so a result can
 * arrive twice, late or after a retry and is still committed exactly once.
 *
 * A task is in one of four states:
 *
 *     free -> (enter) running -> (publish, or death for the last time) settled -> (close) free
 *                     running -> (death) waiting -> (retry) running
 *
 * As new tasks are only begun when none waits, there are never more tasks in the
 * books than slots.
 */
#ifndef SHEAF_EXECUTE_BOOKS_H
#define SHEAF_EXECUTE_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "execute/work.h"

enum sheaf_entry_state {
    SHEAF_ENTRY_FREE,
    SHEAF_ENTRY_RUNNING,
    SHEAF_ENTRY_WAITING,
    SHEAF_ENTRY_SETTLED
};

struct sheaf_entry {
    enum sheaf_entry_state state;
    uint32_t failures; /* attempts that died */
    uint32_t crashes;  /* those that died by their own fault */
    uint64_t ticket;   /* of the present attempt */
    uint64_t order;    /* while waiting: who waits longest goes first */
    struct sheaf_task task;
};

/* Why an attempt ended without a result. */
enum sheaf_death {
    SHEAF_DEATH_UNBEGUN, /* it was not begun: not the task's fault, and not counted */
    SHEAF_DEATH_KILLED,  /* from outside: SIGKILL, memory ran out */
    SHEAF_DEATH_CRASHED  /* by itself: a signal, exit, standing still, a damaged slot */
};

struct sheaf_books {
    struct sheaf_entry *entries; /* as many as slots */
    struct sheaf_entry **slots;  /* what each slot runs; NULL: nothing */
    size_t count;
    uint32_t retries;
    uint64_t next_ticket, next_order;
    size_t running, waiting;
};

SHEAF_CHECKED sheaf_status sheaf_books_open(struct sheaf_books *books, size_t slots,
                                            uint32_t retries, uint64_t first_ticket,
                                            sheaf_error *error);
void sheaf_books_close(struct sheaf_books *books);

/* A free entry whose task is to be filled in, then begun.  There is one whenever a slot is free and
 * nothing waits; asking again without beginning gives the same. */
struct sheaf_entry *sheaf_books_enter(struct sheaf_books *books);

/* The entry that waits longest for another attempt, or NULL. */
struct sheaf_entry *sheaf_books_retry(struct sheaf_books *books);

/* The slot, which must be free, begins with the entry; the attempt's ticket. */
uint64_t sheaf_books_begin(struct sheaf_books *books, struct sheaf_entry *entry, size_t slot);

/* A result came from the slot.  Its entry, now settled; NULL if the ticket is not the present one.
 */
struct sheaf_entry *sheaf_books_publish(struct sheaf_books *books, size_t slot, uint64_t ticket);

/* The slot's worker is dead and left no result.  The entry that is lost for good, now settled; NULL
 * if it ran nothing, or if what it ran waits for another attempt. */
struct sheaf_entry *sheaf_books_death(struct sheaf_books *books, size_t slot,
                                      enum sheaf_death death);

/* The settled entry was committed: forget it. */
void sheaf_books_settle(struct sheaf_entry *entry);

/* Whether the next attempt at it is to go carefully. */
bool sheaf_books_careful(const struct sheaf_entry *entry);

/*
 * Deaths in a row.  One that struck a worker born before the last step is part of
 * the same blow, so a machine-wide kill counts as one however many it hits.
 */
struct sheaf_storm {
    uint32_t steps;  /* in a row without a commit */
    uint32_t futile; /* those among them that struck before a task was begun */
    int64_t last_ns;
};

/* A worker born at `born` was found dead at `now`. */
void sheaf_storm_death(struct sheaf_storm *storm, int64_t born_ns, int64_t now_ns, bool begun);
void sheaf_storm_commit(struct sheaf_storm *storm); /* something was achieved */

/* How long to wait before the next birth: 0 after the first death, then 10 ms up to 1 s. */
int64_t sheaf_storm_pause_ns(const struct sheaf_storm *storm);

/* Whether births are of no use any more: eight steps before any task was begun. */
bool sheaf_storm_is_hopeless(const struct sheaf_storm *storm);

#endif
