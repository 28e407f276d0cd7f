/*
 * ledger.h - which bytes of one worker's memory are in use
 *
 * Memory is given out upwards: a task writes above everything that is held, and
 * what it publishes becomes the highest extent.  Extents are released in any
 * order; when the highest go, the top comes down to the next one that is held,
 * so a worker whose results were all released starts at the bottom again, in
 * pages that are warm.
 *
 * The ledger knows numbers only and touches no memory.
 */
#ifndef SHEAF_EXECUTE_LEDGER_H
#define SHEAF_EXECUTE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/error.h>

#define SHEAF_EXTENT_ALIGNMENT 64

struct sheaf_span {
    uint64_t begin, end;
};

struct sheaf_held {
    uint64_t offset, size;
    bool released;
};

struct sheaf_ledger {
    struct sheaf_held *held; /* by offset, without overlap; the last one is never released */
    size_t count, capacity;
    size_t released; /* how many of them are released and still listed */
    uint64_t first;  /* where the bytes begin that can be given out */
    uint64_t limit;  /* and where they end */
};

void sheaf_ledger_init(struct sheaf_ledger *ledger, uint64_t first, uint64_t limit);
void sheaf_ledger_destroy(struct sheaf_ledger *ledger);

/* Where free space starts, aligned; nothing above is held. */
uint64_t sheaf_ledger_top(const struct sheaf_ledger *ledger);
bool sheaf_ledger_is_empty(const struct sheaf_ledger *ledger);

/* Hold an extent.  SHEAF_BAD_DATA unless it is aligned, not empty and lies between top and limit:
 * the numbers come from a worker and may be anything. */
SHEAF_CHECKED sheaf_status sheaf_ledger_hold(struct sheaf_ledger *ledger, uint64_t offset,
                                             uint64_t size, sheaf_error *error);

/*
 * Release an extent, given as it was held; false if there is none such.  *gone is the stretch
 * around it, as far as the ends of the pages it touches, in which nothing is held any more and
 * nothing is being written by a task that was given the old top.
 */
bool sheaf_ledger_release(struct sheaf_ledger *ledger, uint64_t offset, uint64_t size,
                          uint64_t page, struct sheaf_span *gone);

#endif
