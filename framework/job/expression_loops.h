/*
 * expression_loops.h - one loop for each operation of an expression
 *
 * Values may lie anywhere, aligned or not.  Bits are in words of 64, those behind
 * the last row are 0.  What is computed where a value is missing means nothing.
 */
#ifndef SHEAF_JOB_EXPRESSION_LOOPS_H
#define SHEAF_JOB_EXPRESSION_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/expression_tree.h"

#define SHEAF_DECIMAL_BOUND 1000000000000000000 /* decimals stay below it, by amount */

/* Types of any alignment. */
typedef int64_t sheaf_loose_i64 __attribute__((aligned(1)));
typedef double sheaf_loose_f64 __attribute__((aligned(1)));
typedef sheaf_int128 sheaf_loose_wide __attribute__((aligned(1)));
typedef sheaf_text sheaf_loose_text __attribute__((aligned(1)));

/* truth: for which rows `a op b` holds.  constant: b is one value for all rows. */
void sheaf_loop_compare_i64(enum sheaf_op op, const void *a, const void *b, bool constant,
                            size_t rows, uint64_t *truth);
void sheaf_loop_compare_f64(enum sheaf_op op, const void *a, const void *b, bool constant,
                            size_t rows, uint64_t *truth);
void sheaf_loop_compare_text(enum sheaf_op op, const void *a, const void *b, bool constant,
                             size_t rows, uint64_t *truth);
/* Exact, whatever the scales. */
void sheaf_loop_compare_wide(enum sheaf_op op, const void *a, int32_t a_scale, const void *b,
                             int32_t b_scale, size_t rows, uint64_t *truth);

/* True if all doubles are numbers; else valid tells which are. */
bool sheaf_loop_numbers(const void *a, size_t rows, uint64_t *valid);

/*
 * ADD, SUB, MUL, MOD, NEG and ABS; b is ignored by the last two.  `valid` is set for MOD only: the
 * rows with a divisor that is not 0.  Rows that overflow are set in `failed`, which is written only
 * if there are any; true in that case.  bound: results must be less, by amount; 0: no bound.
 */
bool sheaf_loop_arithmetic_i64(enum sheaf_op op, const void *a, const void *b, int64_t bound,
                               int64_t *result, size_t rows, uint64_t *valid, uint64_t *failed);
bool sheaf_loop_arithmetic_wide(enum sheaf_op op, const void *a, const void *b,
                                sheaf_int128 *result, size_t rows, uint64_t *valid,
                                uint64_t *failed);
/* Also DIV, FLOOR, CEIL, and ROUND to `digits`.  valid: the rows whose result is a number. */
void sheaf_loop_arithmetic_f64(enum sheaf_op op, const void *a, const void *b, int32_t digits,
                               double *result, size_t rows, uint64_t *valid);

/* FLOOR, CEIL and ROUND of exact numbers: leave out the last `digits` digits. */
void sheaf_loop_cut_i64(enum sheaf_op op, const void *a, int32_t digits, int64_t *result,
                        size_t rows);
void sheaf_loop_cut_wide(enum sheaf_op op, const void *a, int32_t digits, sheaf_int128 *result,
                         size_t rows);

/* Multiply by a power of ten; failed and bound as above. */
bool sheaf_loop_rescale_i64(const void *a, int32_t digits, int64_t bound, int64_t *result,
                            size_t rows, uint64_t *failed);
bool sheaf_loop_rescale_wide(const void *a, int32_t digits, sheaf_int128 *result, size_t rows,
                             uint64_t *failed);

/* The nearest doubles. */
void sheaf_loop_i64_to_f64(const void *a, int32_t scale, double *result, size_t rows);
void sheaf_loop_wide_to_f64(const void *a, int32_t scale, double *result, size_t rows);

/* LENGTH. */
void sheaf_loop_length(const void *a, const uint64_t *present, int64_t *result, size_t rows);
/* CONTAINS, STARTS_WITH and ENDS_WITH. */
void sheaf_loop_search(enum sheaf_op op, const void *a, const void *b, size_t rows,
                       uint64_t *truth);
/* LOWER and UPPER, of ASCII letters: `bytes` has room for all of the texts. */
void sheaf_loop_case(enum sheaf_op op, const void *a, sheaf_text *result, size_t rows, char *bytes);
/* YEAR to SECOND, of days or of microseconds. */
void sheaf_loop_calendar(enum sheaf_op op, bool microseconds, const void *a, int64_t *result,
                         size_t rows);

/* 10 to the power of 0 to 18. */
int64_t sheaf_power_of_ten(int32_t exponent);

/* -1, 0 or 1: a / 10^a_scale compared to b / 10^b_scale. */
int sheaf_compare_scaled(sheaf_int128 a, int32_t a_scale, sheaf_int128 b, int32_t b_scale);

#endif
