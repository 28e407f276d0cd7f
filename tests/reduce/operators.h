/* operators.h - small operators whose answers show what they were given, and in which order */
#ifndef SHEAF_TESTS_REDUCE_OPERATORS_H
#define SHEAF_TESTS_REDUCE_OPERATORS_H

#include "operator/bind.h"

extern const sheaf_operator count_op;   /* no inputs: rows */
extern const sheaf_operator sum_op;     /* fold alone: i64 sum, rows; begins at 1000 */
extern const sheaf_operator keyed_op;   /* the same by fold_keyed, begins at 0 */
extern const sheaf_operator list_op;    /* heap: all values as text, "1,2,3," */
extern const sheaf_operator missing_op; /* keep_missing: values, and values missing */
extern const sheaf_operator pair_op;    /* two inputs: sum of products */
extern const sheaf_operator refuse_op;  /* refuses the value -1 */
extern const sheaf_operator rows_op;    /* answers each of its values in a row */
extern const sheaf_operator greedy_op;  /* asks its heap for a terabyte */
extern const sheaf_operator odd_op;     /* outputs that may be missing: least (present), nan */

/* Bind an operator to these columns of a frame of i64 columns. */
struct sheaf_bound bind(const sheaf_operator *op, const char *name, int first, int second);

/* Lay states out; bound[] stays the caller's. */
struct sheaf_aggregate aggregate_of(struct sheaf_bound *bound, size_t count);

#endif
