/*
 * value.h - one value of each type from text, inside this room
 *
 * All read exactly bytes[0..size) and return false, leaving *value alone, when
 * that is not a value of the type.
 */
#ifndef SHEAF_COLUMN_VALUE_H
#define SHEAF_COLUMN_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimals have at most 18 digits, those after the point included. */
#define SHEAF_DECIMAL_LIMIT 1000000000000000000u

bool sheaf_value_bool(const char *bytes, size_t size, uint8_t *value);
bool sheaf_value_i64(const char *bytes, size_t size, int64_t *value);
bool sheaf_value_decimal(const char *bytes, size_t size, int32_t scale, int64_t *value);
bool sheaf_value_f64(const char *bytes, size_t size, double *value);
bool sheaf_value_date(const char *bytes, size_t size, int32_t *value);
bool sheaf_value_time(const char *bytes, size_t size, bool zoned, int64_t *value);

/* Whether the bytes are this word, which is in lower case, in any case. */
bool sheaf_value_equals(const char *bytes, size_t size, const char *lower);

/*
 * What a number looks like: [-] digits [. digits] [e [+-] digits], a digit on
 * at least one side of the point.  Digits after the 19th significant one count
 * in the exponent alone; who needs them looks at the text again.
 */
struct sheaf_number {
    uint64_t mantissa; /* the first 19 significant digits, or all if there are fewer */
    int64_t exponent;  /* the value is mantissa * 10^exponent, or between that of mantissa and of
                          mantissa + 1 if the number was cut */
    const char *first; /* its first significant digit; `last` if there is none */
    const char *last;  /* after its last digit, where the exponent begins */
    int64_t integer_digits;  /* before the point, without leading zeros */
    int64_t fraction_digits; /* after the point */
    bool negative;
    bool point;
    bool with_exponent;
    bool leading_zero; /* as in 007, not as in 0.7 */
    bool cut;
};

bool sheaf_number_scan(const char *bytes, size_t size, struct sheaf_number *number);

/* mantissa * 10^exponent, rounded to the nearest double, ties to even; infinity where that is
 * too large. */
double sheaf_scaled_f64(uint64_t mantissa, int64_t exponent);

/*
 * Of `below` and the next larger double, the one that is nearer to the number
 * written in [first, last), which may hold a point, if its last digit counted
 * 10^exponent; ties to even.  Exact for any number of digits.
 */
double sheaf_nearer_f64(const char *first, const char *last, int64_t exponent, double below);

#endif
