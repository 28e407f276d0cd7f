/*
 * number.c - doubles from text, correctly rounded
 *
 * Three ways, each exact where it is used: one multiplication or division of
 * small integers; the 128-bit product of Eisel and Lemire ("Number Parsing at a
 * Gigabyte per Second", 2021; that 128 bits are enough for every 64-bit mantissa
 * was proven by Mushtak and Lemire in 2023); and, for numbers of more than 19
 * digits that fall close to the middle of two doubles, comparing long integers
 * (halfway.c).
 */
#include <math.h>
#include <string.h>

#include "column/digits.h"
#include "column/powers.h"
#include "column/value.h"
#include "kernel/wide.h"

enum { DIGITS_MAX = 19 }; /* that always fit in 64 bits */

struct reading {
    uint64_t mantissa;
    int64_t taken, dropped;
    bool cut;
};

/* Read digits up to the first byte that is none; leading zeros were skipped. */
static const char *take_digits(const char *at, const char *end, struct reading *reading)
{
    while (end - at >= 8 && reading->taken + 8 <= DIGITS_MAX) {
        uint64_t word = sheaf_load_u64(at) ^ SHEAF_ZEROS;
        if (sheaf_digits_wrong(word))
            break;
        reading->mantissa = 100000000 * reading->mantissa + sheaf_digits_value(word);
        reading->taken += 8;
        at += 8;
    }
    for (; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (digit > 9)
            break;
        if (reading->taken < DIGITS_MAX) {
            reading->mantissa = 10 * reading->mantissa + digit;
            reading->taken++;
        } else {
            reading->dropped++;
            reading->cut |= digit != 0;
        }
    }
    return at;
}

/* e, an optional sign, digits to the end.  What is beyond 10^9 makes no difference to any sum. */
static bool take_exponent(const char *at, const char *end, int64_t *exponent)
{
    bool negative = false;
    int64_t value = 0;

    if (at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    if (at == end)
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (digit > 9)
            return false;
        if (value < (int64_t)1 << 40)
            value = 10 * value + digit;
    }
    *exponent = negative ? -value : value;
    return true;
}

static const char *skip_zeros(const char *at, const char *end)
{
    while (at < end && *at == '0')
        at++;
    return at;
}

bool sheaf_number_scan(const char *bytes, size_t size, struct sheaf_number *number)
{
    const char *end = bytes + size;
    struct reading reading = {0};
    int64_t zeros, written = 0, fraction_taken = 0;

    *number = (struct sheaf_number){.negative = size > 0 && *bytes == '-'};
    const char *start = bytes + number->negative;
    const char *at = skip_zeros(start, end);
    zeros = at - start;
    number->first = at;
    at = take_digits(at, end, &reading);
    number->integer_digits = at - number->first;
    number->leading_zero = zeros > 0 && zeros + number->integer_digits > 1;
    if (at < end && *at == '.') {
        const char *point = at++;
        number->point = true;
        if (number->integer_digits == 0)
            number->first = at = skip_zeros(at, end);
        int64_t dropped = reading.dropped;
        at = take_digits(at, end, &reading);
        number->fraction_digits = at - point - 1;
        fraction_taken = number->fraction_digits - (reading.dropped - dropped);
        reading.dropped = dropped;
    }
    if (zeros + number->integer_digits + number->fraction_digits == 0)
        return false;
    number->last = at;
    number->with_exponent = at < end;
    if (at < end && ((*at != 'e' && *at != 'E') || !take_exponent(at + 1, end, &written)))
        return false;
    number->mantissa = reading.mantissa;
    number->exponent = written - fraction_taken + reading.dropped;
    number->cut = reading.cut;
    return true;
}

/* -- scaling ------------------------------------------------------------------------------- */

enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1023, EXPONENT_INFINITE = 2047 };

static double from_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The first 128 bits of mantissa * 10^exponent, or enough of them to round; mantissa has its
 * highest bit set. */
static struct sheaf_power multiply(uint64_t mantissa, int32_t exponent)
{
    const struct sheaf_power *power = &sheaf_powers[exponent - SHEAF_POWER_MIN];
    sheaf_uint128 first = (sheaf_uint128)mantissa * power->high;
    uint64_t high = (uint64_t)(first >> 64), low = (uint64_t)first;

    /* The 9 bits that rounding drops tell whether the lower half of the power could carry. */
    if ((high & 0x1FF) == 0x1FF) {
        /* Reciprocals are rounded up, so that exact quotients come out exact. */
        uint64_t second = sheaf_multiply_high(mantissa, power->low + (exponent < 0));
        low += second;
        high += low < second;
    }
    return (struct sheaf_power){high, low};
}

/* Round the product's first bits to a number without a normal exponent. */
static double round_subnormal(uint64_t fraction, int32_t shift)
{
    if (shift >= 64)
        return 0;
    fraction >>= shift;
    return from_bits((fraction + (fraction & 1)) >> 1); /* a carry makes it normal, rightly */
}

double sheaf_scaled_f64(uint64_t mantissa, int64_t exponent)
{
    if (mantissa <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22)
        return exponent < 0 ? (double)mantissa / sheaf_power_f64[-exponent]
                            : (double)mantissa * sheaf_power_f64[exponent];
    if (mantissa == 0 || exponent < SHEAF_POWER_MIN)
        return 0;
    if (exponent > 308)
        return INFINITY;

    int zeros = __builtin_clzll(mantissa);
    struct sheaf_power product = multiply(mantissa << zeros, (int32_t)exponent);
    int upper = (int)(product.high >> 63);
    int drop = upper + 64 - FRACTION_BITS - 3;
    uint64_t fraction = product.high >> drop; /* one bit more than is kept */
    int32_t power = sheaf_power_exponent((int32_t)exponent) + 63 + upper - zeros + EXPONENT_BIAS;

    if (power <= 0)
        return round_subnormal(fraction, 1 - power);
    /* Just in the middle of two: only small powers can hit that, and their product is exact. */
    if (product.low <= 1 && exponent >= -4 && exponent <= 23 && (fraction & 3) == 1 &&
        fraction << drop == product.high)
        fraction &= ~(uint64_t)1;
    fraction = (fraction + (fraction & 1)) >> 1;
    if (fraction >= (uint64_t)2 << FRACTION_BITS) {
        fraction = (uint64_t)1 << FRACTION_BITS;
        power++;
    }
    if (power >= EXPONENT_INFINITE)
        return INFINITY;
    fraction &= ~((uint64_t)1 << FRACTION_BITS);
    return from_bits(fraction | (uint64_t)power << FRACTION_BITS);
}

/* -- the value ----------------------------------------------------------------------------- */

/* nan, inf, infinity, which count only where the column was said to hold doubles. */
static bool read_word(const char *bytes, size_t size, double *value)
{
    bool negative = size > 0 && bytes[0] == '-';

    bytes += negative;
    size -= negative;
    if (sheaf_value_equals(bytes, size, "nan"))
        *value = from_bits((uint64_t)0x7FF8 << 48);
    else if (sheaf_value_equals(bytes, size, "inf") || sheaf_value_equals(bytes, size, "infinity"))
        *value = negative ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

bool sheaf_value_f64(const char *bytes, size_t size, double *value)
{
    struct sheaf_number number;
    double nearest;

    if (!sheaf_number_scan(bytes, size, &number))
        return read_word(bytes, size, value);
    nearest = sheaf_scaled_f64(number.mantissa, number.exponent);
    if (number.cut && nearest != sheaf_scaled_f64(number.mantissa + 1, number.exponent)) {
        /* The exponent counts from the last digit taken; from the last written: */
        int64_t digits = number.integer_digits + number.fraction_digits;
        if (number.integer_digits == 0)
            digits = number.last - number.first;
        nearest = sheaf_nearer_f64(number.first, number.last,
                                   number.exponent - (digits - DIGITS_MAX), nearest);
    }
    if (isinf(nearest))
        return false;
    *value = number.negative ? -nearest : nearest;
    return true;
}
