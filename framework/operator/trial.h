/*
 * trial.h - an operator run on rows in memory, step by step: what check.h is made of
 */
#ifndef SHEAF_OPERATOR_TRIAL_H
#define SHEAF_OPERATOR_TRIAL_H

#include "base/heap.h"
#include "operator/bind.h"
#include "operator/rows.h"

/* Rows in one piece, so that they can be cut anywhere; without those that the operator does not
 * see. */
struct sheaf_trial {
    const struct sheaf_bound *bound;
    size_t rows;
    sheaf_column columns[SHEAF_FIELDS_MAX]; /* values owned; texts point into the caller's */
    uint64_t *present[SHEAF_FIELDS_MAX];    /* owned; NULL: all */
};

SHEAF_CHECKED sheaf_status sheaf_trial_open(const struct sheaf_bound *bound,
                                            const sheaf_batch *batches, size_t count,
                                            struct sheaf_trial *trial, sheaf_error *error);
void sheaf_trial_close(struct sheaf_trial *trial);

/* States that share a heap, `bound->state_size` bytes each. */
struct sheaf_states {
    char *states;
    size_t count;
    sheaf_heap heap;
};

SHEAF_CHECKED sheaf_status sheaf_states_open(const struct sheaf_trial *trial, size_t count,
                                             struct sheaf_states *states, sheaf_error *error);
void sheaf_states_close(struct sheaf_states *states);

/* Fold rows [begin, end), `batch` at a time; with `key`, key[r] is the state of row begin + r and
 * fold_keyed is called.  The state is moved to other memory between batches if `move`. */
SHEAF_CHECKED sheaf_status sheaf_trial_fold(const struct sheaf_trial *trial,
                                            struct sheaf_states *states, size_t begin, size_t end,
                                            size_t batch, const uint32_t *key, bool move,
                                            sheaf_error *error);
/* Combine the only state of `later` into that of `states`. */
SHEAF_CHECKED sheaf_status sheaf_trial_combine(const struct sheaf_trial *trial,
                                               struct sheaf_states *states,
                                               const struct sheaf_states *later,
                                               sheaf_error *error);
/* Finish state `which` and append what it answers: kinds as sheaf_trial_kinds() says. */
SHEAF_CHECKED sheaf_status sheaf_trial_answer(const struct sheaf_trial *trial,
                                              struct sheaf_states *states, size_t which,
                                              sheaf_rows *rows, sheaf_error *error);
/* Map rows [begin, end), `batch` at a time. */
SHEAF_CHECKED sheaf_status sheaf_trial_map(const struct sheaf_trial *trial, size_t begin,
                                           size_t end, size_t batch, sheaf_rows *rows,
                                           sheaf_error *error);

/* Columns for the outputs: doubles as such, of a state all else as text. */
SHEAF_CHECKED sheaf_status sheaf_trial_rows(const struct sheaf_trial *trial, sheaf_rows **rows,
                                            sheaf_error *error);

#endif
