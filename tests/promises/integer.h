/*
 * integer.h - sums by long addition, for tests: slow, plain, and nothing of sheaf in it
 *
 * A number is a two's complement integer of 4096 bits in units of 2^-1280 (for
 * doubles) or of one (for integers).
 */
#ifndef SHEAF_TESTS_INTEGER_H
#define SHEAF_TESTS_INTEGER_H

#include <stdint.h>

#define INTEGER_LIMBS 128

struct integer {
    uint32_t limb[INTEGER_LIMBS]; /* the least first */
};

void integer_add_i64(struct integer *sum, int64_t value);
void integer_add_f64(struct integer *sum, double value);
/* As decimal digits with `scale` of them behind the point. */
void integer_print(const struct integer *number, int scale, char *text);
/* The nearest double to number * 2^-1280, ties to even. */
double integer_round(const struct integer *number);

#endif
