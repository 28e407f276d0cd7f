/*
 * big.h - long integers with a sign, as large as moments of doubles can get
 *
 * The longest is the product of four sums of doubles that span their whole range.
 */
#ifndef SHEAF_OPERATORS_BIG_H
#define SHEAF_OPERATORS_BIG_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BIG_LIMBS = 160 };

struct big {
    size_t size; /* limbs in use, the last of which is not 0; 0 for zero */
    bool negative;
    uint64_t limbs[BIG_LIMBS]; /* the magnitude, least significant first */
};

__extension__ typedef unsigned __int128 big_limb2;

/* limbs[0..size) *= factor; what is carried out of them. */
static inline uint64_t limbs_scale(uint64_t *limbs, size_t size, uint64_t factor)
{
    uint64_t carry = 0;

    for (size_t i = 0; i < size; i++) {
        big_limb2 product = (big_limb2)limbs[i] * factor + carry;
        limbs[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    return carry;
}

static inline void big_trim(struct big *big)
{
    while (big->size > 0 && big->limbs[big->size - 1] == 0)
        big->size--;
}

static inline void big_set(struct big *big, uint64_t value)
{
    big->negative = false;
    big->limbs[0] = value;
    big->size = value != 0;
}

/* From a two's complement integer. */
static inline void big_read(struct big *big, const uint64_t *limbs, size_t size)
{
    uint64_t carry = 1;

    big->negative = limbs[size - 1] >> 63;
    big->size = size;
    for (size_t i = 0; i < size; i++) {
        big->limbs[i] = big->negative ? ~limbs[i] + carry : limbs[i];
        carry = carry && limbs[i] == 0;
    }
    big_trim(big);
}

static inline void big_scale(struct big *big, uint64_t factor)
{
    uint64_t carry = limbs_scale(big->limbs, big->size, factor);

    if (carry)
        big->limbs[big->size++] = carry;
    big_trim(big);
}

static inline void big_scale_ten(struct big *big, int32_t digits)
{
    for (; digits > 0; digits--)
        big_scale(big, 10);
}

/* product = a * b; it must not be one of them. */
static inline void big_multiply(struct big *product, const struct big *a, const struct big *b)
{
    product->negative = a->negative != b->negative;
    product->size = a->size + b->size;
    memset(product->limbs, 0, product->size * sizeof product->limbs[0]);
    for (size_t i = 0; i < a->size; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < b->size; j++) {
            big_limb2 sum = (big_limb2)a->limbs[i] * b->limbs[j] + product->limbs[i + j] + carry;
            product->limbs[i + j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        product->limbs[i + b->size] = carry;
    }
    big_trim(product);
}

/* Below, at or above 0 as the magnitude of a is less than, equal to or greater than that of b. */
static inline int big_compare(const struct big *a, const struct big *b)
{
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    for (size_t i = a->size; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* a -= b in magnitude, where b is not the greater one. */
static inline void big_take(struct big *a, const struct big *b)
{
    uint64_t borrow = 0;

    for (size_t i = 0; i < a->size; i++) {
        uint64_t less = i < b->size ? b->limbs[i] : 0;
        big_limb2 rest = (big_limb2)a->limbs[i] - less - borrow;
        a->limbs[i] = (uint64_t)rest;
        borrow = (uint64_t)(rest >> 64) != 0;
    }
    big_trim(a);
}

/* sum = a + b, or a - b; it may be one of them. */
static inline void big_add(struct big *sum, const struct big *a, const struct big *b, bool subtract)
{
    bool b_negative = b->negative != subtract;
    struct big result;

    if (a->negative == b_negative) {
        size_t size = a->size > b->size ? a->size : b->size;
        uint64_t carry = 0;

        for (size_t i = 0; i < size; i++) {
            big_limb2 limb = (big_limb2)(i < a->size ? a->limbs[i] : 0) +
                             (i < b->size ? b->limbs[i] : 0) + carry;
            result.limbs[i] = (uint64_t)limb;
            carry = (uint64_t)(limb >> 64);
        }
        if (carry)
            result.limbs[size++] = carry;
        result.size = size;
        result.negative = a->negative;
    } else if (big_compare(a, b) >= 0) {
        result = *a;
        big_take(&result, b);
    } else {
        result = *b;
        result.negative = b_negative;
        big_take(&result, a);
    }
    *sum = result;
}

/* The number of bits of the magnitude. */
static inline int64_t big_bits(const struct big *big)
{
    return big->size ? 64 * (int64_t)big->size - __builtin_clzll(big->limbs[big->size - 1]) : 0;
}

static inline void big_shift_left(struct big *big, size_t bits)
{
    size_t whole = bits / 64;
    unsigned part = bits % 64;

    if (big->size == 0)
        return;
    memmove(big->limbs + whole, big->limbs, big->size * sizeof big->limbs[0]);
    memset(big->limbs, 0, whole * sizeof big->limbs[0]);
    big->size += whole;
    if (part) {
        uint64_t before = 0;
        for (size_t i = whole; i < big->size; i++) {
            uint64_t limb = big->limbs[i];
            big->limbs[i] = limb << part | before >> (64 - part);
            before = limb;
        }
        if (before >> (64 - part))
            big->limbs[big->size++] = before >> (64 - part);
    }
}

/*
 * a / b as m * 2^*exponent with 1 <= |m| <= 2, rounded once; neither is 0.  By long
 * division: 64 bits of the quotient, and whether anything is left.
 */
static inline double big_split_ratio(const struct big *a, const struct big *b, int64_t *exponent)
{
    struct big rest = *a, divisor = *b;
    int64_t ahead = big_bits(a) - big_bits(b);
    uint64_t quotient = 0;
    double result;

    if (ahead < 0)
        big_shift_left(&rest, (size_t)-ahead);
    else
        big_shift_left(&divisor, (size_t)ahead);
    if (big_compare(&rest, &divisor) < 0) { /* the first bit of the quotient shall be 1 */
        big_shift_left(&rest, 1);
        ahead--;
    }
    for (int bit = 0; bit < 64; bit++) {
        quotient <<= 1;
        if (big_compare(&rest, &divisor) >= 0) {
            big_take(&rest, &divisor);
            quotient |= 1;
        }
        big_shift_left(&rest, 1);
    }
    quotient |= rest.size != 0; /* far below the last bit of a double: only breaks ties */
    *exponent = ahead;
    result = (double)quotient * 0x1p-63;
    return a->negative != b->negative ? -result : result;
}

/* m * 2^exponent; rounded again if that is subnormal. */
static inline double big_scaled(double m, int64_t exponent)
{
    return ldexp(m, exponent > 5000 ? 5000 : exponent < -5000 ? -5000 : (int)exponent);
}

/* a / b * 2^exponent. */
static inline double big_ratio(const struct big *a, const struct big *b, int64_t exponent)
{
    int64_t own;
    double m;

    if (a->size == 0)
        return 0;
    m = big_split_ratio(a, b, &own);
    return big_scaled(m, own + exponent);
}

/* The square root of m * 2^exponent, m >= 0, as a double. */
static inline double big_root(double m, int64_t exponent)
{
    bool odd = exponent & 1;

    return big_scaled(sqrt(odd ? 2 * m : m), (exponent - odd) / 2);
}

/* The number, which is not 0, as m * 2^*exponent with 1 <= |m| <= 2, rounded. */
static inline double big_split(const struct big *big, int64_t *exponent)
{
    struct big one;

    big_set(&one, 1);
    return big_split_ratio(big, &one, exponent);
}

#endif
