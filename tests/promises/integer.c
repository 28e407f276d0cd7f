/* integer.c - sums by long addition, for tests: see integer.h */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "integer.h"

#define UNIT_EXPONENT 1280 /* doubles are counted in units of 2^-1280 */

/* Add value * 2^shift. */
static void add_shifted(struct integer *sum, uint64_t value, unsigned shift)
{
    unsigned at = shift / 32;
    unsigned bits = shift % 32;
    uint32_t parts[3] = {(uint32_t)(value << bits), (uint32_t)(value >> (32 - bits)),
                         bits ? (uint32_t)(value >> 32 >> (32 - bits)) : 0};
    uint64_t carry = 0;

    for (unsigned i = 0; at + i < INTEGER_LIMBS && (i < 3 || carry); i++) {
        carry += (uint64_t)sum->limb[at + i] + (i < 3 ? parts[i] : 0);
        sum->limb[at + i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void negate(struct integer *number)
{
    uint64_t carry = 1;

    for (unsigned i = 0; i < INTEGER_LIMBS; i++) {
        carry += (uint32_t)~number->limb[i];
        number->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void add_signed(struct integer *sum, uint64_t value, unsigned shift, bool negative)
{
    if (negative)
        negate(sum);
    add_shifted(sum, value, shift);
    if (negative)
        negate(sum);
}

void integer_add_i64(struct integer *sum, int64_t value)
{
    add_signed(sum, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 0, value < 0);
}

void integer_add_f64(struct integer *sum, double value)
{
    int exponent;
    double fraction = frexp(fabs(value), &exponent);

    add_signed(sum, (uint64_t)ldexp(fraction, 53), (unsigned)(UNIT_EXPONENT + exponent - 53),
               value < 0);
}

static bool is_negative(const struct integer *number)
{
    return number->limb[INTEGER_LIMBS - 1] >> 31;
}

void integer_print(const struct integer *number, int scale, char *text)
{
    struct integer rest = *number;
    char digits[1400];
    int count = 0;
    bool negative = is_negative(number), more = true;

    if (negative)
        negate(&rest);
    while (more || count <= scale) {
        uint64_t remainder = 0;
        more = false;
        for (int i = INTEGER_LIMBS - 1; i >= 0; i--) {
            remainder = remainder << 32 | rest.limb[i];
            rest.limb[i] = (uint32_t)(remainder / 10);
            remainder %= 10;
            more |= rest.limb[i] != 0;
        }
        digits[count++] = (char)('0' + remainder);
    }
    if (negative)
        *text++ = '-';
    while (count > 0) {
        *text++ = digits[--count];
        if (count == scale && count > 0)
            *text++ = '.';
    }
    *text = '\0';
}

static bool bit(const struct integer *number, int index)
{
    return index >= 0 && number->limb[index / 32] >> (index % 32) & 1;
}

double integer_round(const struct integer *number)
{
    struct integer amount = *number;
    bool negative = is_negative(number), beyond = false;
    int top = 32 * INTEGER_LIMBS - 1;
    uint64_t mantissa = 0;

    if (negative)
        negate(&amount);
    while (top >= 0 && !bit(&amount, top))
        top--;
    if (top < 0)
        return 0;
    /* The last bit that a double can have, of a normal number or of a subnormal one. */
    int last = top - 52 > UNIT_EXPONENT - 1074 ? top - 52 : UNIT_EXPONENT - 1074;
    for (int i = top; i >= last; i--)
        mantissa = mantissa << 1 | bit(&amount, i);
    for (int i = 0; i < last - 1; i++)
        beyond |= bit(&amount, i);
    if (bit(&amount, last - 1) && (beyond || (mantissa & 1)))
        mantissa++;
    double value = ldexp((double)mantissa, last - UNIT_EXPONENT);
    return negative ? -value : value;
}
