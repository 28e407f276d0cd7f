/*
 * calendar.h - days and dates, in the Gregorian calendar continued in both directions
 *
 * Counting years from March puts the leap day at the end of a year, which makes
 * months regular; 400 years are always 146097 days.
 */
#ifndef SHEAF_COLUMN_CALENDAR_H
#define SHEAF_COLUMN_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define SHEAF_DAY_US \
    86400000000 /* microseconds; days of 86400 seconds, leap seconds do not exist */

struct sheaf_civil {
    int64_t year;
    int32_t month, day;
};

static inline bool sheaf_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int32_t sheaf_month_days(int64_t year, int32_t month)
{
    return month == 2 ? 28 + sheaf_leap_year(year) : 30 + ((month + (month > 7)) & 1);
}

static inline int64_t sheaf_floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01. */
static inline int64_t sheaf_days_from_civil(int64_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int64_t era = sheaf_floor_divide(year, 400);
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static inline struct sheaf_civil sheaf_civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = sheaf_floor_divide(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int32_t month = (int32_t)((5 * of_year + 2) / 153);
    int32_t day = (int32_t)(of_year - (153 * month + 2) / 5 + 1);

    month += month < 10 ? 3 : -9;
    return (struct sheaf_civil){year + era * 400 + (month <= 2), month, day};
}

#endif
