/*
 * evidence.c - which types hold all values of a column: see evidence.h
 *
 * Each value rules out the candidates that could not hold it.  What is left, and
 * how many digits a decimal would need, is a set union and two maxima, so order
 * can not matter.
 */
#include <math.h>

#include "column/columns.h"
#include "column/evidence.h"
#include "column/value.h"

enum {
    CAN_BOOL = 1,
    CAN_I64 = 2,
    CAN_DECIMAL = 4, /* plain digits and a point; whether they fit is decided at the end */
    CAN_F64 = 8,
    CAN_DATE = 16,
    CAN_LOCAL_TIME = 32,
    CAN_ZONED_TIME = 64,
    CAN_ALL = 127
};

enum { F64_DIGITS = 17, DECIMAL_DIGITS = 18 };

static int32_t larger(int32_t a, int64_t b, int32_t limit)
{
    if (b > limit)
        b = limit;
    return a > b ? a : (int32_t)b;
}

/* Digits from the first to the last that is not zero. */
static int64_t significant_digits(const struct sheaf_number *number)
{
    int64_t digits = 0;

    for (const char *at = number->first; at < number->last; at++)
        digits += *at != '.';
    for (const char *at = number->last; at > number->first && (at[-1] == '0' || at[-1] == '.');
         at--)
        digits -= at[-1] == '0';
    return digits;
}

/* Whether a double keeps all that was written. */
static bool fits_f64(const struct sheaf_number *number)
{
    if (!number->with_exponent && number->integer_digits + number->fraction_digits <= 15)
        return true; /* the usual case */
    if (significant_digits(number) > F64_DIGITS)
        return false;
    double value = sheaf_scaled_f64(number->mantissa, number->exponent);
    if (number->cut || isinf(value) || (value == 0 && number->mantissa != 0))
        return false;
    if (number->with_exponent || number->integer_digits <= 15)
        return true;
    return !number->point && number->integer_digits == 16 && number->mantissa <= (uint64_t)1 << 53;
}

static bool fits_i64(const char *bytes, size_t size, const struct sheaf_number *number)
{
    int64_t value;

    if (number->point || number->with_exponent)
        return false;
    return number->integer_digits <= DECIMAL_DIGITS || sheaf_value_i64(bytes, size, &value);
}

static unsigned numbers_that_hold(struct sheaf_evidence *evidence, const char *bytes, size_t size)
{
    struct sheaf_number number;
    unsigned can = 0;

    if (!sheaf_number_scan(bytes, size, &number) || number.leading_zero)
        return 0;
    if (fits_i64(bytes, size, &number))
        can |= CAN_I64;
    if (!number.with_exponent) {
        can |= CAN_DECIMAL;
        evidence->scale = larger(evidence->scale, number.fraction_digits, DECIMAL_DIGITS + 1);
        evidence->integer_digits =
            larger(evidence->integer_digits, number.integer_digits, DECIMAL_DIGITS + 1);
    }
    if (fits_f64(&number))
        can |= CAN_F64;
    return can;
}

static unsigned times_that_hold(const char *bytes, size_t size)
{
    int32_t date;
    int64_t time;

    if (sheaf_value_date(bytes, size, &date))
        return CAN_DATE;
    if (sheaf_value_time(bytes, size, false, &time))
        return CAN_LOCAL_TIME;
    return sheaf_value_time(bytes, size, true, &time) ? CAN_ZONED_TIME : 0;
}

static unsigned types_that_hold(struct sheaf_evidence *evidence, const char *bytes, size_t size)
{
    if (size == 0)
        return 0;
    if (sheaf_value_equals(bytes, size, "true") || sheaf_value_equals(bytes, size, "false"))
        return CAN_BOOL;
    if (size >= 10 && bytes[4] == '-' && bytes[7] == '-')
        return times_that_hold(bytes, size);
    return numbers_that_hold(evidence, bytes, size);
}

void sheaf_evidence_add(struct sheaf_evidence *evidence, const char *bytes, size_t size,
                        bool quoted)
{
    (void)quoted;
    evidence->values++;
    if (evidence->excluded == CAN_ALL)
        return;
    evidence->excluded |= CAN_ALL & ~types_that_hold(evidence, bytes, size);
}

/* Nothing more can be learned of text than how much there is. */
static void count_fields(struct sheaf_evidence *evidence, const uint32_t *begin,
                         const uint32_t *end, size_t n)
{
    uint64_t missing = 0;

    for (size_t r = 0; r < n; r++)
        missing += begin[r] == end[r];
    evidence->missing += missing;
    evidence->values += n - missing;
}

static void add_block(struct sheaf_evidence *evidence, const char *base, const uint32_t *begin,
                      const uint32_t *end, size_t n)
{
    struct sheaf_shapes shapes = {0};
    uint64_t others = sheaf_column_parsers_here()->shapes(base, begin, end, n, &shapes);

    evidence->values += shapes.numbers;
    if (shapes.numbers)
        evidence->excluded |= CAN_ALL & ~(CAN_I64 | CAN_DECIMAL | CAN_F64);
    if (shapes.points)
        evidence->excluded |= CAN_I64;
    evidence->scale = larger(evidence->scale, shapes.fraction_digits, INT32_MAX);
    evidence->integer_digits = larger(evidence->integer_digits, shapes.integer_digits, INT32_MAX);
    for (; others; others &= others - 1) {
        int r = __builtin_ctzll(others);
        if (begin[r] == end[r])
            evidence->missing++;
        else
            sheaf_evidence_add(evidence, base + begin[r], end[r] - begin[r], false);
    }
}

void sheaf_evidence_add_fields(struct sheaf_evidence *evidence, const char *base,
                               const uint32_t *begin, const uint32_t *end, size_t n)
{
    for (size_t first = 0; first < n; first += 64) {
        size_t rows = n - first < 64 ? n - first : 64;
        if (evidence->excluded == CAN_ALL)
            count_fields(evidence, begin + first, end + first, rows);
        else
            add_block(evidence, base, begin + first, end + first, rows);
    }
}

void sheaf_evidence_join(struct sheaf_evidence *evidence, const struct sheaf_evidence *other)
{
    evidence->values += other->values;
    evidence->missing += other->missing;
    evidence->excluded |= other->excluded;
    evidence->scale = larger(evidence->scale, other->scale, INT32_MAX);
    evidence->integer_digits = larger(evidence->integer_digits, other->integer_digits, INT32_MAX);
}

sheaf_kind sheaf_evidence_kind(const struct sheaf_evidence *evidence)
{
    unsigned can = CAN_ALL & ~evidence->excluded;

    if (evidence->values == 0)
        return (sheaf_kind){SHEAF_TEXT, 0};
    if (can & CAN_BOOL)
        return (sheaf_kind){SHEAF_BOOL, 0};
    if (can & CAN_I64)
        return (sheaf_kind){SHEAF_I64, 0};
    if ((can & CAN_DECIMAL) && evidence->integer_digits + evidence->scale <= DECIMAL_DIGITS)
        return (sheaf_kind){SHEAF_DECIMAL, evidence->scale};
    if (can & CAN_F64)
        return (sheaf_kind){SHEAF_F64, 0};
    if (can & CAN_DATE)
        return (sheaf_kind){SHEAF_DATE, 0};
    if (can & CAN_LOCAL_TIME)
        return (sheaf_kind){SHEAF_TIME, 0};
    if (can & CAN_ZONED_TIME)
        return (sheaf_kind){SHEAF_TIME, 1};
    return (sheaf_kind){SHEAF_TEXT, 0};
}
