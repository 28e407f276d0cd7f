/* gen_put.h - numbers and dates into memory that has room; each returns where it ended */
#ifndef SHEAF_APP_GEN_PUT_H
#define SHEAF_APP_GEN_PUT_H

#include <stdint.h>
#include <string.h>

static inline char *put_bytes(char *to, const char *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

/* At least `width` digits. */
static inline char *put_padded(char *to, uint64_t value, int width)
{
    char digits[24];
    int used = 0;

    do
        digits[used++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    for (; width > used; width--)
        *to++ = '0';
    while (used > 0)
        *to++ = digits[--used];
    return to;
}

static inline char *put_number(char *to, uint64_t value)
{
    return put_padded(to, value, 1);
}

/* value / 10^digits, with so many digits after the point; unit is 10^digits. */
static inline char *put_fixed(char *to, int64_t value, int64_t unit, int digits)
{
    uint64_t amount = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    if (value < 0)
        *to++ = '-';
    to = put_number(to, amount / (uint64_t)unit);
    *to++ = '.';
    return put_padded(to, amount % (uint64_t)unit, digits);
}

#endif
