/*
 * check.h - try to refute what an operator promises
 *
 * The one law that an author can break: folding rows at once, and folding parts
 * of them and combining the states, must say the same.  Parts may be empty,
 * batches may end anywhere, states are moved by memcpy, and fold_keyed must do
 * what fold does.  Random cuts of real rows find most mistakes at once; what
 * they find is shown on as few rows as a short search comes to.
 */
#ifndef SHEAF_OPERATOR_CHECK_H
#define SHEAF_OPERATOR_CHECK_H

#include "operator/bind.h"

struct sheaf_check_options {
    uint64_t seed;
    unsigned trials; /* 0: 200 */
};

struct sheaf_check_report {
    bool refuted;
    unsigned trials;   /* done */
    size_t rows;       /* there were, without those the operator does not see */
    char finding[600]; /* one line: what was done, what it gave, what it should have given */
};

/*
 * Check a bound operator, loaded in this process, on rows: batches[i].columns
 * are in the order of its inputs, in the kinds it is bound to; their other
 * members are not used.  Outputs must be equal, doubles equal to one part in
 * 10^9, unless the operator claims .exact, where they must be equal too.
 *
 * SHEAF_OK whether it is refuted or not.  SHEAF_REFUSED if the operator refuses a row,
 * SHEAF_NO_MEMORY. It runs the operator in this process: call it where a crash may happen.
 */
SHEAF_CHECKED sheaf_status sheaf_check_operator(const struct sheaf_bound *bound,
                                                const sheaf_batch *batches, size_t count,
                                                const struct sheaf_check_options *options,
                                                struct sheaf_check_report *report,
                                                sheaf_error *error);

#endif
