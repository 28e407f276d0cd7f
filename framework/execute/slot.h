/*
 * slot.h - where coordinator and worker meet: the head of the worker's own memory
 *
 * One coordinator, one worker, one order at a time.  The coordinator writes an
 * order and stores its ticket in `asked`; the worker does it, writes a reply and
 * stores the same ticket in `published`.  Each side writes only its own part, and
 * one release store makes the whole valid, so a worker may be killed between any
 * two instructions: its reply is there as a whole or it is not there.
 *
 * The worker may also go mad and write anything anywhere in its memory.  So both
 * sides take a copy first and believe it only if its digest is right.
 */
#ifndef SHEAF_EXECUTE_SLOT_H
#define SHEAF_EXECUTE_SLOT_H

#include "execute/work.h"
#include "process/futex.h"

#define SHEAF_SLOT_BYTES 16384 /* reserved for it at the start of an arena */

struct sheaf_order {
    uint64_t digest; /* of all that follows, as far as it is used */
    uint64_t ticket;
    uint64_t base; /* from here upwards the worker may write results */
    uint32_t careful;
    uint32_t unused;
    struct sheaf_task task;
};

struct sheaf_reply {
    uint64_t digest;
    uint64_t ticket;
    uint64_t offset, size; /* of the published bytes in the worker's memory */
    uint64_t reach;        /* where the highest byte ends that it may have written */
    uint32_t entry_failed; /* the worker could not begin at all; the error says why */
    sheaf_status status;
    char summary[SHEAF_SUMMARY_BYTES];
    sheaf_error error; /* counts only if status is not SHEAF_OK */
};

struct sheaf_slot {
    /* The coordinator's part.  `asked` is stored last, in sequential order as the event count
     * demands, and repeats order.ticket; 0: nothing yet. */
    uint64_t asked;
    uint32_t leave;               /* the worker is to end instead of waiting for more */
    struct sheaf_eventcount bell; /* the worker adds itself to the sleepers in here */
    struct sheaf_order order;

    /* The worker's part.  `mark` and `beat` are hints, stored relaxed at any time. */
    _Alignas(64) uint64_t mark;
    uint64_t beat;      /* moves on with each sign of life */
    uint64_t started;   /* the ticket that it began to work on */
    uint64_t published; /* released after `reply` is complete */
    struct sheaf_reply reply;
};

/* Coordinator: make it as new, for a worker yet to be born; or for the next run. */
void sheaf_slot_clear(struct sheaf_slot *slot);

/* Coordinator: hand out an order, which is sealed by this.  The worker must be idle or unborn. */
void sheaf_slot_ask(struct sheaf_slot *slot, struct sheaf_order *order);

/* Coordinator: let the worker end when it is idle. */
void sheaf_slot_dismiss(struct sheaf_slot *slot);

/*
 * Worker: wait for an order other than `last` and copy it.  False when it is time
 * to leave.  Ends the process by abort() if the order is damaged: so is our memory.
 */
bool sheaf_slot_take(struct sheaf_slot *slot, uint64_t last, struct sheaf_order *order);

/* Worker: publish the reply, which is sealed by this. */
void sheaf_slot_publish(struct sheaf_slot *slot, struct sheaf_reply *reply);

enum sheaf_slot_news {
    SHEAF_SLOT_QUIET,     /* no reply yet */
    SHEAF_SLOT_PUBLISHED, /* *reply is a copy of a whole reply to `ticket` */
    SHEAF_SLOT_DAMAGED    /* neither: the worker wrote where it must not */
};

/* Coordinator: look for the reply to `ticket`; `before` is the last one that was published here
 * by the same worker, 0 for none.  Offsets are copied, not checked. */
enum sheaf_slot_news sheaf_slot_look(const struct sheaf_slot *slot, uint64_t before,
                                     uint64_t ticket, struct sheaf_reply *reply);

#endif
