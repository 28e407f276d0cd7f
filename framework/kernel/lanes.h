/*
 * lanes.h - sums and extremes of plain arrays, for each instruction set: see sheaf/kernels.h
 *
 * Element i belongs to lane i mod 16; at the end lanes are joined by halving,
 * 16 to 8, 4, 2, 1.  That is a sum's definition, so a machine with wider registers gets
 * to the same bits sooner, not to other bits.
 */
#ifndef SHEAF_KERNEL_LANES_H
#define SHEAF_KERNEL_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include <sheaf/batch.h>

#define SHEAF_LANES 16

/* What the absolute values of an array are between. */
struct sheaf_range {
    double least;    /* that is not 0; infinity if all are 0 */
    double greatest; /* 0 if all are */
    bool finite;     /* no infinity, no NaN; else the others mean nothing */
};

/* Sums of the pieces of doubles that were cut in three, exact lane by lane. */
struct sheaf_pieces {
    double high[SHEAF_LANES], middle[SHEAF_LANES], low[SHEAF_LANES];
};

struct sheaf_lanes {
    double (*sum_f64)(const double *x, size_t n);
    double (*sum_squares_f64)(const double *x, size_t n, double centre);
    double (*dot_f64)(const double *x, const double *y, size_t n);
    sheaf_int128 (*sum_i64)(const int64_t *x, size_t n);
    double (*min_f64)(const double *x, size_t n);
    double (*max_f64)(const double *x, size_t n);
    int64_t (*min_i64)(const int64_t *x, size_t n);
    int64_t (*max_i64)(const int64_t *x, size_t n);
    struct sheaf_range (*range_f64)(const double *x, size_t n);
    /* Cut each value at the last bit of cut_high / 2^52, the rest at that of cut_low / 2^52, and
     * add the pieces.  With cut_low 0 the rest stays whole.  The caller sees to it that all
     * sums are exact. */
    void (*add_pieces)(const double *x, size_t n, double cut_high, double cut_low,
                       struct sheaf_pieces *pieces);
    /* Each value as a two's complement integer of 128 bits in units of 2^unit, for n values, a
     * multiple of SHEAF_LANES.  False, and what is written means nothing, where one is no such
     * integer of at most 2^128, or not normal; 0 is fine. */
    bool (*place_f64)(const double *x, size_t n, int32_t unit, uint64_t *low, uint64_t *high);
};

extern const struct sheaf_lanes sheaf_lanes_portable;
extern const struct sheaf_lanes sheaf_lanes_avx2;   /* x86 only */
extern const struct sheaf_lanes sheaf_lanes_avx512; /* x86 only */

const struct sheaf_lanes *sheaf_lanes_for(enum sheaf_isa isa); /* one this machine has */
const struct sheaf_lanes *sheaf_lanes_here(void);              /* the best, chosen once */

#endif
