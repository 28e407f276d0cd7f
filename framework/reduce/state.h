/*
 * state.h - what a table is made of, inside this room
 *
 * The keys have numbers (keys.h); the combined state of key n lies at
 * states + n * stride, and what states grow by in one heap beside them.
 */
#ifndef SHEAF_REDUCE_STATE_H
#define SHEAF_REDUCE_STATE_H

#include "base/heap.h"
#include "reduce/keys.h"
#include "reduce/table.h"

struct sheaf_table {
    const struct sheaf_aggregate *aggregate;
    size_t stride; /* of the aggregate, at least 1, so that it can be divided by */
    uint64_t seed; /* as planned, to be found again in published bytes */
    struct sheaf_budget budget;
    struct sheaf_keys keys;

    char *states;
    size_t state_count; /* begun; equals keys.count but for moments */
    size_t state_capacity;
    bool untouched; /* the state of a table without keys: nothing came into it yet */
    sheaf_heap heap;
    size_t heap_counted; /* its capacity, as far as the budget knows */

    uint64_t next_row;
    struct sheaf_fold_scratch *scratch;
};

/* Begin the states of keys that have none yet: zeros, then each operator's begin. */
SHEAF_CHECKED sheaf_status sheaf_table_begin_states(struct sheaf_table *table, bool with_begin,
                                                    sheaf_error *error);
/* Begin one state again. */
void sheaf_table_begin_state(const struct sheaf_table *table, size_t number);

static inline void *sheaf_table_state(const struct sheaf_table *table, size_t number)
{
    return table->states + number * table->stride;
}

/* Run operator code that may need memory for the heap: when that is refused, the operator is left
 * at once and this returns SHEAF_NO_MEMORY, or SHEAF_LIMIT when there is a limit. */
SHEAF_CHECKED sheaf_status sheaf_table_guard(struct sheaf_table *table,
                                             sheaf_status (*body)(struct sheaf_table *table,
                                                                  void *argument,
                                                                  sheaf_error *error),
                                             void *argument, sheaf_error *error);

/* fold.c */
SHEAF_CHECKED sheaf_status sheaf_fold_scratch_open(const struct sheaf_aggregate *aggregate,
                                                   struct sheaf_fold_scratch **scratch,
                                                   sheaf_error *error);
void sheaf_fold_scratch_close(struct sheaf_fold_scratch *scratch);

#endif
