/* format.c - values into text: see format.h */
#include <math.h>
#include <string.h>

#include "column/calendar.h"
#include "column/format.h"
#include "column/powers.h"
#include "column/shortest.h"
#include "kernel/wide.h"

/* -- whole numbers ------------------------------------------------------------------------- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* The digits of a number, ending before `end`; returns the first. */
static char *digits_before(char *end, uint64_t number)
{
    while (number >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (number % 100), 2);
        number /= 100;
    }
    if (number >= 10) {
        end -= 2;
        memcpy(end, pairs + 2 * number, 2);
    } else {
        *--end = (char)('0' + number);
    }
    return end;
}

/* Exactly `width` digits, zeros in front. */
static char *put_padded(char *to, uint64_t number, size_t width)
{
    for (size_t i = width; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
    return to + width;
}

static char *put_u64(char *to, uint64_t number)
{
    char digits[20];
    char *first = digits_before(digits + sizeof digits, number);
    size_t size = (size_t)(digits + sizeof digits - first);

    memcpy(to, first, size);
    return to + size;
}

static char *put_i64(char *to, int64_t number)
{
    if (number < 0)
        *to++ = '-';
    return put_u64(to, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

/* -- decimals ------------------------------------------------------------------------------ */

/* Up to 39 digits of a wide number; returns the first. */
static char *wide_digits_before(char *end, sheaf_uint128 number)
{
    while (number >> 64) {
        uint64_t low = (uint64_t)(number % 10000000000000000000u);
        number /= 10000000000000000000u; /* is not 0, for 2^64 is more than 10^19 */
        end -= 19;
        put_padded(end, low, 19);
    }
    return digits_before(end, (uint64_t)number);
}

static char *put_decimal(char *to, sheaf_int128 value, int32_t scale)
{
    char digits[64];
    char *end = digits + sizeof digits;
    char *first = wide_digits_before(end, sheaf_wide_magnitude(value));

    while (end - first <= scale)
        *--first = '0';
    if (value < 0)
        *to++ = '-';
    size_t whole = (size_t)(end - first - scale);
    memcpy(to, first, whole);
    to += whole;
    if (scale > 0) {
        *to++ = '.';
        memcpy(to, first + whole, (size_t)scale);
        to += scale;
    }
    return to;
}

/* -- doubles ------------------------------------------------------------------------------- */

enum {
    PLAIN_MIN = -5,
    PLAIN_MAX = 16
}; /* powers of ten of the first digit that are written plainly */

static char *put_zeros(char *to, size_t count)
{
    memset(to, '0', count);
    return to + count;
}

/* 0.00123, 12.3, 12300: `first` is the power of ten of the first digit. */
static char *put_plain(char *to, const char *digits, size_t count, int32_t first)
{
    if (first < 0) {
        *to++ = '0';
        *to++ = '.';
        to = put_zeros(to, (size_t)(-first - 1));
        memcpy(to, digits, count);
        return to + count;
    }
    size_t whole = (size_t)first + 1;
    if (count <= whole) {
        memcpy(to, digits, count);
        return put_zeros(to + count, whole - count);
    }
    memcpy(to, digits, whole);
    to[whole] = '.';
    memcpy(to + whole + 1, digits + whole, count - whole);
    return to + count + 1;
}

static char *put_scientific(char *to, const char *digits, size_t count, int32_t first)
{
    *to++ = digits[0];
    if (count > 1) {
        *to++ = '.';
        memcpy(to, digits + 1, count - 1);
        to += count - 1;
    }
    *to++ = 'e';
    return put_i64(to, first);
}

static char *put_number(char *to, bool negative, struct sheaf_decimal_number number)
{
    char digits[20];
    char *text = digits_before(digits + sizeof digits, number.digits);
    size_t count = (size_t)(digits + sizeof digits - text);
    int32_t first = number.exponent + (int32_t)count - 1;

    if (negative)
        *to++ = '-';
    if (first < PLAIN_MIN || first > PLAIN_MAX)
        return put_scientific(to, text, count, first);
    return put_plain(to, text, count, first);
}

static char *put_word(char *to, const char *word)
{
    size_t size = strlen(word);

    memcpy(to, word, size);
    return to + size;
}

/* Nothing for NaN: it is a missing value in every answer. */
static char *put_f64(char *to, double value)
{
    if (isnan(value))
        return to;
    if (isinf(value))
        return put_word(to, value < 0 ? "-inf" : "inf");
    return put_number(to, signbit(value), sheaf_shortest_f64(value));
}

static char *put_f32(char *to, float value)
{
    if (!isfinite(value))
        return put_f64(to, (double)value);
    return put_number(to, signbit(value), sheaf_shortest_f32(value));
}

/* -- dates and times ----------------------------------------------------------------------- */

static char *put_date(char *to, int64_t days)
{
    struct sheaf_civil date = sheaf_civil_from_days(days);
    uint64_t year = date.year < 0 ? -(uint64_t)date.year : (uint64_t)date.year;

    if (date.year < 0)
        *to++ = '-';
    to = year > 9999 ? put_u64(to, year) : put_padded(to, year, 4);
    *to++ = '-';
    to = put_padded(to, (uint64_t)date.month, 2);
    *to++ = '-';
    return put_padded(to, (uint64_t)date.day, 2);
}

static char *put_time(char *to, int64_t time, bool zoned)
{
    int64_t days = sheaf_floor_divide(time, SHEAF_DAY_US);
    uint64_t rest = (uint64_t)(time % SHEAF_DAY_US + (time % SHEAF_DAY_US < 0 ? SHEAF_DAY_US : 0));
    uint64_t seconds = rest / 1000000, fraction = rest % 1000000;

    to = put_date(to, days);
    *to++ = 'T';
    to = put_padded(to, seconds / 3600, 2);
    *to++ = ':';
    to = put_padded(to, seconds / 60 % 60, 2);
    *to++ = ':';
    to = put_padded(to, seconds % 60, 2);
    if (fraction) {
        *to++ = '.';
        to = put_padded(to, fraction, 6);
        while (to[-1] == '0')
            to--;
    }
    if (zoned)
        *to++ = 'Z';
    return to;
}

/* -- any value ----------------------------------------------------------------------------- */

/* Values need not be aligned. */
#define READ(type, value)                    \
    (__extension__({                         \
        type read_;                          \
        memcpy(&read_, value, sizeof read_); \
        read_;                               \
    }))

static char *put_value(sheaf_kind kind, const void *value, char *to)
{
    switch (kind.type) {
    case SHEAF_BOOL:
        return put_word(to, READ(uint8_t, value) ? "true" : "false");
    case SHEAF_I8:
        return put_i64(to, READ(int8_t, value));
    case SHEAF_I16:
        return put_i64(to, READ(int16_t, value));
    case SHEAF_I32:
        return put_i64(to, READ(int32_t, value));
    case SHEAF_I64:
        return put_i64(to, READ(int64_t, value));
    case SHEAF_U8:
        return put_u64(to, READ(uint8_t, value));
    case SHEAF_U16:
        return put_u64(to, READ(uint16_t, value));
    case SHEAF_U32:
        return put_u64(to, READ(uint32_t, value));
    case SHEAF_U64:
        return put_u64(to, READ(uint64_t, value));
    case SHEAF_F32:
        return put_f32(to, READ(float, value));
    case SHEAF_F64:
        return put_f64(to, READ(double, value));
    case SHEAF_DECIMAL:
        return put_decimal(to, READ(int64_t, value), kind.scale);
    case SHEAF_WIDE:
        return put_decimal(to, READ(sheaf_int128, value), kind.scale);
    case SHEAF_DATE:
        return put_date(to, READ(int32_t, value));
    case SHEAF_TIME:
        return put_time(to, READ(int64_t, value), kind.scale == 1);
    default:
        return to;
    }
}

size_t sheaf_format_value(sheaf_kind kind, const void *value, char *to)
{
    return (size_t)(put_value(kind, value, to) - to);
}

void sheaf_format_append(struct sheaf_string *string, const sheaf_column *column, size_t row)
{
    sheaf_kind kind = {column->type, column->scale};

    if (!sheaf_present(column, row))
        return;
    if (kind.type == SHEAF_TEXT || kind.type == SHEAF_BYTES) {
        sheaf_text text;
        memcpy(&text, column->text + row, sizeof text);
        sheaf_string_append_bytes(string, text.bytes, text.size);
    } else if (sheaf_string_reserve(string, SHEAF_FORMAT_MAX)) {
        const char *value = (const char *)column->values + row * sheaf_type_size(kind.type);
        string->size += sheaf_format_value(kind, value, string->bytes + string->size);
        string->bytes[string->size] = '\0';
    }
}
