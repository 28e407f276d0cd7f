/*
 * parse_time.c - dates and times from ISO 8601
 *
 *     2024-01-31
 *     2024-01-31T10:00[:00[.123456]]      or a blank in place of T
 *     2024-01-31T10:00:00Z                or +01:00, +0100, +01
 *
 * Nothing is guessed: no other order of day and month, no names, no 24:00:00, no leap second.
 */
#include "column/calendar.h"
#include "column/value.h"
#include "kernel/wide.h"

/* Two digits, or -1. */
static int32_t two_digits(const char *at)
{
    unsigned tens = (unsigned char)at[0] - (unsigned)'0',
             ones = (unsigned char)at[1] - (unsigned)'0';

    return tens > 9 || ones > 9 ? -1 : (int32_t)(10 * tens + ones);
}

/* Exactly ten bytes: "YYYY-MM-" in one word and the day in another, each byte checked where it
 * stands; 0x76 lets digits pass, 0x7F just what became 0, a dash. */
static bool read_date(const char *at, int64_t *days)
{
    uint64_t word = sheaf_load_u64(at) ^ 0x2D30302D30303030u;
    uint64_t last = (sheaf_load_u64(at + 2) >> 48) ^ 0x3030u;
    uint64_t wrong =
        ((word + 0x7F76767F76767676u) | word | (last + 0x7676) | last) & 0x8080808080808080u;
    uint64_t pairs = word * 10 + (word >> 8);
    int32_t year = (int32_t)(100 * (pairs & 0xFF) + (pairs >> 16 & 0xFF));
    int32_t month = (int32_t)(pairs >> 40 & 0xFF);
    int32_t day = (int32_t)(10 * (last & 0xFF) + (last >> 8));

    if (wrong || year < 1 || month < 1 || month > 12 || day < 1 ||
        (day > 28 && day > sheaf_month_days(year, month)))
        return false;
    *days = sheaf_days_from_civil(year, month, day);
    return true;
}

bool sheaf_value_date(const char *bytes, size_t size, int32_t *value)
{
    int64_t days;

    if (size != 10 || !read_date(bytes, &days))
        return false;
    *value = (int32_t)days;
    return true;
}

/* hh:mm in five bytes, as minutes. */
static bool read_minutes(const char *at, int64_t *minutes)
{
    int32_t hours = two_digits(at), rest = two_digits(at + 3);

    *minutes = 60 * (int64_t)hours + rest;
    return at[2] == ':' && hours >= 0 && hours <= 23 && rest >= 0 && rest <= 59;
}

/* .1 to .123456; more digits must be zeros. */
static bool read_fraction(const char **at, const char *end, int64_t *microseconds)
{
    const char *first = ++*at;
    int64_t value = 0, digits;

    for (; *at < end && (unsigned char)(**at - '0') <= 9; ++*at) {
        if (*at - first < 6)
            value = 10 * value + (**at - '0');
        else if (**at != '0')
            return false;
    }
    digits = *at - first;
    if (digits < 1 || digits > 9)
        return false;
    for (; digits < 6; digits++)
        value *= 10;
    *microseconds = value;
    return true;
}

/* [:ss[.ffffff]] */
static bool read_seconds(const char **at, const char *end, int64_t *microseconds)
{
    int64_t fraction = 0;
    int32_t seconds;

    *microseconds = 0;
    if (*at == end || **at != ':')
        return true;
    if (end - *at < 3)
        return false;
    seconds = two_digits(*at + 1);
    *at += 3;
    if (seconds < 0 || seconds > 59 ||
        (*at < end && **at == '.' && !read_fraction(at, end, &fraction)))
        return false;
    *microseconds = 1000000 * (int64_t)seconds + fraction;
    return true;
}

/* Z, +hh, +hhmm, +hh:mm; minutes to the east of UTC. */
static bool read_zone(const char *at, int64_t size, int64_t *east)
{
    int32_t hours, minutes = 0;

    *east = 0;
    if (size == 1 && *at == 'Z')
        return true;
    if (size < 3 || (*at != '+' && *at != '-'))
        return false;
    hours = two_digits(at + 1);
    if (size == 5)
        minutes = two_digits(at + 3);
    else if (size == 6 && at[3] == ':')
        minutes = two_digits(at + 4);
    else if (size != 3)
        return false;
    *east = (*at == '-' ? -1 : 1) * (60 * (int64_t)hours + minutes);
    return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

bool sheaf_value_time(const char *bytes, size_t size, bool zoned, int64_t *value)
{
    const char *at = bytes + 16, *end = bytes + size;
    int64_t days, minutes, microseconds, east = 0;
    const int64_t first = sheaf_days_from_civil(1, 1, 1) * SHEAF_DAY_US;
    const int64_t after = sheaf_days_from_civil(10000, 1, 1) * SHEAF_DAY_US;

    if (size < 16 || (bytes[10] != 'T' && bytes[10] != ' ') || !read_date(bytes, &days) ||
        !read_minutes(bytes + 11, &minutes) || !read_seconds(&at, end, &microseconds))
        return false;
    if (zoned ? !read_zone(at, end - at, &east) : at != end)
        return false;
    microseconds += days * SHEAF_DAY_US + (minutes - east) * 60000000;
    if (microseconds < first || microseconds >= after)
        return false; /* an offset led out of the years that can be written */
    *value = microseconds;
    return true;
}
