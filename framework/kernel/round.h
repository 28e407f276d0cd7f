/* round.h - long integers, and fractions of them, to the nearest double */
#ifndef SHEAF_KERNEL_ROUND_H
#define SHEAF_KERNEL_ROUND_H

#include <stdbool.h>
#include <stdint.h>

/* Divide limbs[0..count), least significant first, in place; whether something was left over. */
bool sheaf_divide_limbs(uint64_t *limbs, int count, uint64_t divisor);

/*
 * The natural number limbs[0..count) * 2^exponent, to which something below one
 * unit must be added if `more`, as the nearest double, ties to even; infinity
 * if it is too large.
 */
double sheaf_round_limbs(const uint64_t *limbs, int count, int64_t exponent, bool more);

#endif
