/*
 * halfway.c - which of two neighbouring doubles a long decimal number is nearer to
 *
 * The middle of two doubles has at most 767 significant digits, so more than
 * 800 of the number never matter, except whether one of them is not zero.
 */
#include <math.h>
#include <string.h>

#include "column/powers.h"
#include "column/value.h"
#include "kernel/wide.h"

enum { LIMBS = 96, DIGITS_MAX = 800 };

/* A natural number, least significant limb first.  The largest that occurs here is 10^1143. */
struct natural {
    uint64_t limbs[LIMBS];
    int size;
};

static void multiply_add(struct natural *number, uint64_t factor, uint64_t more)
{
    for (int i = 0; i < number->size; i++) {
        sheaf_uint128 product = (sheaf_uint128)number->limbs[i] * factor + more;
        number->limbs[i] = (uint64_t)product;
        more = (uint64_t)(product >> 64);
    }
    if (more)
        number->limbs[number->size++] = more;
}

static void multiply_power(struct natural *number, int64_t power)
{
    for (; power >= 19; power -= 19)
        multiply_add(number, sheaf_power_u64[19], 0);
    multiply_add(number, sheaf_power_u64[power], 0);
}

static void shift_left(struct natural *number, int64_t bits)
{
    for (; bits >= 32; bits -= 32)
        multiply_add(number, (uint64_t)1 << 32, 0);
    multiply_add(number, (uint64_t)1 << bits, 0);
}

static int compare(const struct natural *a, const struct natural *b)
{
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    for (int i = a->size - 1; i >= 0; i--)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* The digits as a number, and what its last digit counts. */
static int64_t read_digits(const char *first, const char *last, int64_t exponent,
                           struct natural *number)
{
    int taken = 0;
    bool more = false;

    for (const char *at = first; at < last; at++) {
        if (*at == '.')
            continue;
        if (taken < DIGITS_MAX) {
            multiply_add(number, 10, (uint64_t)(*at - '0'));
            taken++;
        } else {
            more |= *at != '0';
            exponent++;
        }
    }
    if (more) { /* one digit stands for all that were left out: between 0 and 1 of the last */
        multiply_add(number, 10, 1);
        exponent--;
    }
    return exponent;
}

double sheaf_nearer_f64(const char *first, const char *last, int64_t exponent, double below)
{
    struct natural written = {.size = 0}, middle = {.size = 0};
    uint64_t bits, fraction;
    int64_t power;

    memcpy(&bits, &below, sizeof bits);
    fraction = bits & (((uint64_t)1 << 52) - 1);
    power = (int64_t)(bits >> 52);
    if (power == 0)
        power = 1;
    else
        fraction |= (uint64_t)1 << 52;
    power -= 1023 + 52 + 1; /* the middle is (2 * fraction + 1) * 2^power */

    exponent = read_digits(first, last, exponent, &written);
    multiply_add(&middle, 0, 2 * fraction + 1);
    if (exponent >= 0)
        multiply_power(&written, exponent);
    else
        multiply_power(&middle, -exponent);
    if (power >= 0)
        shift_left(&middle, power);
    else
        shift_left(&written, -power);

    int order = compare(&written, &middle);
    return order > 0 || (order == 0 && (fraction & 1)) ? nextafter(below, INFINITY) : below;
}
