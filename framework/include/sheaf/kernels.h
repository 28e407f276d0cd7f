/*
 * sheaf/kernels.h - loops over plain arrays, the fastest this machine has
 *
 * Each kernel adds, compares or copies in an order that is part of its
 * definition, so that it gives the same bits on every machine and with every
 * instruction set.  n may be 0; nothing needs to be aligned.
 */
#ifndef SHEAF_KERNELS_H
#define SHEAF_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sheaf/batch.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sum of x[0..n), in 16 lanes (element i goes to lane i mod 16) that are then added by halving.  A
 * result that is NaN has the same bits everywhere, here and below. */
SHEAF_EXPORT double sheaf_sum_f64(const double *x, size_t n);

/* Sum of (x[i] - centre)^2, in the same order. */
SHEAF_EXPORT double sheaf_sum_squares_f64(const double *x, size_t n, double centre);

/* Sum of x[i] * y[i], in the same order. */
SHEAF_EXPORT double sheaf_dot_f64(const double *x, const double *y, size_t n);

/* Exact. */
SHEAF_EXPORT sheaf_int128 sheaf_sum_i64(const int64_t *x, size_t n);

/* NaN is ignored; -0 is less than 0. */
SHEAF_EXPORT double sheaf_min_f64(const double *x, size_t n);   /* +infinity when n is 0 */
SHEAF_EXPORT double sheaf_max_f64(const double *x, size_t n);   /* -infinity when n is 0 */
SHEAF_EXPORT int64_t sheaf_min_i64(const int64_t *x, size_t n); /* INT64_MAX when n is 0 */
SHEAF_EXPORT int64_t sheaf_max_i64(const int64_t *x, size_t n); /* INT64_MIN when n is 0 */

/* -- exact sums of doubles ----------------------------------------------------------------- */

/*
 * The exact sum of any number of doubles: nothing is rounded until it is asked
 * for, so order and grouping do not matter.  A member of an operator's state,
 * zero when empty.  Values within a range of about 2^75 of each other are added
 * in the window below; others open a wider accumulator of 272 bytes in the
 * state's heap.  Infinities and NaN are remembered and come out as IEEE addition
 * would have it; a sum of 0 is +0.  Up to 2^62 values.
 */
typedef struct sheaf_exact {
    int64_t limbs[3]; /* the sum in units of 2^unit, two's complement */
    int32_t unit;
    uint32_t flags; /* opened, saw +infinity, -infinity, NaN */
    struct {
        uint64_t offset, size;
    } wider; /* a sheaf_block */
} sheaf_exact;

/* Add x[0..n).  Arrays of 30 values and more are much quicker than the same one by one. */
SHEAF_EXPORT void sheaf_exact_add(sheaf_exact *sum, sheaf_heap *heap, const double *x, size_t n);

/* Add x[r] to the sum at (char *)sums + key[r] * stride, for r from 0 to n - 1: fold_keyed's. */
SHEAF_EXPORT void sheaf_exact_add_keyed(void *sums, size_t stride, const uint32_t *key,
                                        sheaf_heap *heap, const double *x, size_t n);

/* The same for one value, where a call for each would cost more than the sum: a normal number that
 * fits the open window is added here. */
static inline void sheaf_exact_add_one(sheaf_exact *sum, sheaf_heap *heap, double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    uint32_t exponent = bits >> 52 & 0x7FF;
    uint32_t shift = exponent - 1075u - (uint32_t)sum->unit;
    if (!(sum->flags & 1) || shift > 75 || exponent - 1u > 0x7FDu) {
        sheaf_exact_add(sum, heap, &x, 1);
        return;
    }
    int64_t sign = (int64_t)bits >> 63; /* 0 or -1: -a is ~a + 1, and the limb above is all ones */
    sheaf_uint128 placed = (sheaf_uint128)((bits & 0xFFFFFFFFFFFFFu) | 0x10000000000000u) << shift;
    sheaf_uint128 low = (sheaf_uint128)(uint64_t)sum->limbs[1] << 64 | (uint64_t)sum->limbs[0];
    sheaf_uint128 signs = (sheaf_uint128)(uint64_t)sign << 64 | (uint64_t)sign;
    sheaf_uint128 added = (placed ^ signs) - signs;
    low += added;
    sum->limbs[0] = (int64_t)(uint64_t)low;
    sum->limbs[1] = (int64_t)(uint64_t)(low >> 64);
    sum->limbs[2] = (int64_t)((uint64_t)sum->limbs[2] + (uint64_t)sign + (low < added));
}

/* Add another sum, which does not change. */
SHEAF_EXPORT void sheaf_exact_join(sheaf_exact *sum, sheaf_heap *heap, const sheaf_exact *later,
                                   const sheaf_heap *later_heap);
/* The sum, rounded once to the nearest double, ties to even. */
SHEAF_EXPORT double sheaf_exact_round(const sheaf_exact *sum, const sheaf_heap *heap);
/* The sum divided by n > 0, rounded once. */
SHEAF_EXPORT double sheaf_exact_mean(const sheaf_exact *sum, const sheaf_heap *heap, uint64_t n);

/* value / (10^scale * n), rounded once to the nearest double: the mean of a decimal sum.  scale is
 * 0 to 18, n > 0. */
SHEAF_EXPORT double sheaf_wide_mean(sheaf_int128 value, int32_t scale, uint64_t n);

#ifdef __cplusplus
}
#endif
#endif
