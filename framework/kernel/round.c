/* round.c - long integers to the nearest double: see round.h; and the mean of a wide sum */
#include <math.h>

#include "kernel/round.h"
#include "kernel/wide.h"
#include <sheaf/kernels.h>

bool sheaf_divide_limbs(uint64_t *limbs, int count, uint64_t divisor)
{
    uint64_t rest = 0;

    for (int i = count - 1; i >= 0; i--) {
        sheaf_uint128 part = (sheaf_uint128)rest << 64 | limbs[i];
        limbs[i] = (uint64_t)(part / divisor);
        rest = (uint64_t)(part % divisor);
    }
    return rest != 0;
}

/* Bits [from, from + 64) of the number; `from` may be any that is not negative. */
static uint64_t bits_from(const uint64_t *limbs, int count, int64_t from)
{
    int64_t limb = from / 64, shift = from % 64;
    uint64_t low = limb < count ? limbs[limb] >> shift : 0;
    uint64_t high = shift && limb + 1 < count ? limbs[limb + 1] << (64 - shift) : 0;

    return low | high;
}

static bool any_below(const uint64_t *limbs, int64_t bits)
{
    for (int64_t i = 0; i < bits / 64; i++)
        if (limbs[i])
            return true;
    return bits % 64 && limbs[bits / 64] << (64 - bits % 64);
}

double sheaf_round_limbs(const uint64_t *limbs, int count, int64_t exponent, bool more)
{
    enum { PRECISION = 53, EXPONENT_MIN = -1074 };
    int64_t length, drop;
    uint64_t kept;

    while (count > 0 && limbs[count - 1] == 0)
        count--;
    if (count == 0)
        return 0;
    length = 64 * (int64_t)count - __builtin_clzll(limbs[count - 1]);
    if (exponent + length > 1024)
        return INFINITY;
    drop = length - PRECISION;
    if (exponent + drop < EXPONENT_MIN)
        drop = EXPONENT_MIN - exponent; /* subnormal: fewer bits are kept */
    if (drop <= 0)
        return ldexp((double)limbs[0], (int)exponent);
    if (drop > length)
        return 0; /* less than half of the least double */
    kept = bits_from(limbs, count, drop);
    if (bits_from(limbs, count, drop - 1) & 1) {
        more = more || any_below(limbs, drop - 1);
        kept += more || (kept & 1);
    }
    return ldexp((double)kept, (int)(exponent + drop));
}

double sheaf_wide_mean(sheaf_int128 value, int32_t scale, uint64_t n)
{
    static const uint64_t tens[] = {1u,
                                    10u,
                                    100u,
                                    1000u,
                                    10000u,
                                    100000u,
                                    1000000u,
                                    10000000u,
                                    100000000u,
                                    1000000000u,
                                    10000000000u,
                                    100000000000u,
                                    1000000000000u,
                                    10000000000000u,
                                    100000000000000u,
                                    1000000000000000u,
                                    10000000000000000u,
                                    100000000000000000u,
                                    1000000000000000000u};
    const sheaf_uint128 whole = (sheaf_uint128)1 << 53; /* up to here doubles hold integers */
    sheaf_uint128 magnitude = sheaf_wide_magnitude(value);
    sheaf_uint128 divisor = (sheaf_uint128)tens[scale] * n;
    double mean;

    if (magnitude <= whole && divisor <= whole) {
        mean = (double)(uint64_t)magnitude / (double)(uint64_t)divisor;
    } else {
        /* 192 bits of fraction are more than both divisions can use up. */
        uint64_t limbs[5] = {0, 0, 0, (uint64_t)magnitude, (uint64_t)(magnitude >> 64)};
        bool more = sheaf_divide_limbs(limbs, 5, tens[scale]);
        more |= sheaf_divide_limbs(limbs, 5, n);
        mean = sheaf_round_limbs(limbs, 5, -192, more);
    }
    return value < 0 ? -mean : mean;
}
