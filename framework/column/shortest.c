/*
 * shortest.c - the shortest decimal number that reads back as a given double
 *
 * Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2020):
 * the numbers that round to c * 2^q form an interval between the middles to its
 * neighbours.  With k chosen so that 10^k is just not longer than the
 * interval, it holds one or two multiples of 10^k, and at most one of 10^(k+1).
 * All bounds are computed as four times the value over 10^k, rounded to odd, which
 * keeps every comparison exact.
 */
#include <stdbool.h>
#include <string.h>

#include "column/powers.h"
#include "column/shortest.h"
#include "kernel/wide.h"

/* floor(g * factor / 2^128), made odd when that is not exact; g is 10^-k rounded up. */
static uint64_t scale_to_odd(struct sheaf_power g, uint64_t factor)
{
    uint64_t carried = sheaf_multiply_high(g.low, factor);
    sheaf_uint128 product = (sheaf_uint128)g.high * factor + carried;

    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

static struct sheaf_power power_rounded_up(int32_t k)
{
    struct sheaf_power power = sheaf_powers[k - SHEAF_POWER_MIN];

    if (k < 0 || k > 55)
        power.high += ++power.low == 0;
    return power;
}

static struct sheaf_decimal_number without_zeros(uint64_t digits, int32_t exponent)
{
    while (digits >= 100000000 && digits % 100000000 == 0) {
        digits /= 100000000;
        exponent += 8;
    }
    while (digits != 0 && digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    return (struct sheaf_decimal_number){digits, digits ? exponent : 0};
}

/* The value c * 2^q; `closer`: the next smaller value is nearer than the next larger one. */
static struct sheaf_decimal_number shortest(uint64_t c, int32_t q, bool closer)
{
    uint64_t odd = c & 1;
    int32_t k = (q * 1262611 - (closer ? 524031 : 0)) >> 22; /* floor(log10 of the interval) */
    int32_t h = q + sheaf_power_exponent(-k) + 1;
    struct sheaf_power power = power_rounded_up(-k);
    uint64_t low = scale_to_odd(power, (4 * c - 2 + closer) << h) + odd;
    uint64_t middle = scale_to_odd(power, (4 * c) << h);
    uint64_t high = scale_to_odd(power, (4 * c + 2) << h) - odd;
    uint64_t s = middle / 4;

    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = low <= 40 * tens;
        bool above = 40 * tens + 40 <= high;
        if (below != above)
            return without_zeros(tens + above, k + 1);
    }
    bool below = low <= 4 * s;
    bool above = 4 * s + 4 <= high;
    if (below != above)
        return without_zeros(s + above, k);
    bool up = middle > 4 * s + 2 || (middle == 4 * s + 2 && (s & 1));
    return without_zeros(s + up, k);
}

/* Whole numbers below 2^53 are their own digits. */
static bool is_whole(uint64_t c, int32_t q)
{
    return q <= 0 && q > -53 && (c & (((uint64_t)1 << -q) - 1)) == 0;
}

struct sheaf_decimal_number sheaf_shortest_f64(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    int32_t exponent = (int32_t)(bits >> 52 & 0x7FF);
    if (exponent == 0 && fraction == 0)
        return (struct sheaf_decimal_number){0, 0};
    uint64_t c = exponent ? fraction | (uint64_t)1 << 52 : fraction;
    int32_t q = (exponent ? exponent : 1) - 1075;
    if (is_whole(c, q))
        return without_zeros(c >> -q, 0);
    return shortest(c, q, fraction == 0 && exponent > 1);
}

struct sheaf_decimal_number sheaf_shortest_f32(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    uint32_t fraction = bits & ((1u << 23) - 1);
    int32_t exponent = (int32_t)(bits >> 23 & 0xFF);
    if (exponent == 0 && fraction == 0)
        return (struct sheaf_decimal_number){0, 0};
    uint64_t c = exponent ? fraction | 1u << 23 : fraction;
    int32_t q = (exponent ? exponent : 1) - 150;
    if (is_whole(c, q))
        return without_zeros(c >> -q, 0);
    return shortest(c, q, fraction == 0 && exponent > 1);
}
