/*
 * execution.h - what the executors share: the workers' memory and what is in it
 *
 * Arena i belongs to worker i and to whoever takes its place.  It begins with the
 * slot; results follow.  The coordinator can write the slot only, siblings nothing.
 */
#ifndef SHEAF_EXECUTE_EXECUTION_H
#define SHEAF_EXECUTE_EXECUTION_H

#include "execute/ledger.h"
#include "execute/slot.h"
#include "execute/work.h"
#include "process/arena.h"

struct sheaf_execution {
    struct sheaf_execution_options options; /* without zeros: defaults are filled in */
    int workers;
    struct sheaf_arena *arenas;
    struct sheaf_ledger *ledgers;
    uint64_t *reaches; /* up to where there may be pages in each arena */
    uint64_t deaths;
    uint64_t runs;
    uint64_t page;
    int wake; /* an eventfd while a run lasts, else -1 */
};

/* The worker's side. */
struct sheaf_workplace {
    struct sheaf_execution *execution;
    struct sheaf_slot *slot;
    int index;
    bool careful;
    uint64_t beat;
    uint64_t base;     /* where the result begins */
    uint64_t size;     /* as reserved now */
    uint64_t reserved; /* the most that was reserved in this task */
    char summary[SHEAF_SUMMARY_BYTES];
};

struct sheaf_slot *sheaf_execution_slot(const struct sheaf_execution *execution, int index);

/* Where the next task of a worker without one may write; extents that are not needed any more have
 * left their pages warm, this gives the excess back. */
uint64_t sheaf_execution_base(struct sheaf_execution *execution, int index);

/* Nothing above the top of this arena is wanted: its worker is dead. */
void sheaf_execution_forsake(struct sheaf_execution *execution, int index);

/*
 * Turn a reply into an outcome, holding its extent.  SHEAF_BAD_DATA if its
 * numbers can not be true.
 */
SHEAF_CHECKED sheaf_status sheaf_execution_accept(struct sheaf_execution *execution, int index,
                                                  const struct sheaf_reply *reply,
                                                  struct sheaf_outcome *outcome,
                                                  sheaf_error *error);

void sheaf_workplace_init(struct sheaf_workplace *place, struct sheaf_execution *execution,
                          int index);

/* Do one order and describe the result. */
void sheaf_workplace_perform(struct sheaf_workplace *place, const struct sheaf_work *work,
                             void *local, const struct sheaf_order *order,
                             struct sheaf_reply *reply);

/* The two executors. */
SHEAF_CHECKED sheaf_status sheaf_inline_run(struct sheaf_execution *execution,
                                            const struct sheaf_work *work, sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_fork_run(struct sheaf_execution *execution,
                                          const struct sheaf_work *work, sheaf_error *error);

/* The body of a worker process.  Its argument: */
struct sheaf_worker_argument {
    struct sheaf_execution *execution;
    const struct sheaf_work *work;
    int index;
};
sheaf_status sheaf_worker_main(void *argument, sheaf_error *error);

#endif
