/*
 * powers.h - powers of ten, for turning decimal numbers into binary ones and back
 *
 * Entry k - SHEAF_POWER_MIN holds the 128 most significant bits of 10^k, cut
 * off, the first bit set.  They are exact for 0 <= k <= 55.  The bit of value
 * 2^sheaf_power_exponent(k) is the first one.
 */
#ifndef SHEAF_COLUMN_POWERS_H
#define SHEAF_COLUMN_POWERS_H

#include <stdint.h>

#define SHEAF_POWER_MIN (-342)
#define SHEAF_POWER_MAX 324

struct sheaf_power {
    uint64_t high, low;
};

extern const struct sheaf_power sheaf_powers[SHEAF_POWER_MAX - SHEAF_POWER_MIN + 1];
extern const double sheaf_power_f64[23];   /* 10^0 to 10^22: all that are exact */
extern const uint64_t sheaf_power_u64[20]; /* 10^0 to 10^19 */

/* floor(log2(10^k)) for |k| <= 1200. */
static inline int32_t sheaf_power_exponent(int32_t k)
{
    return (k * 1741647) >> 19;
}

#endif
