/*
 * parse.c - one value from text: integers, decimals, truth
 *
 * These are the definition: exact, one byte at a time, reading nothing beside
 * the value.  The loops over columns (parse_columns.c) do the common shapes faster and
 * come here for all others.
 */
#include <string.h>

#include "column/parse.h"
#include "column/powers.h"
#include "column/value.h"

bool sheaf_value_i64(const char *bytes, size_t size, int64_t *value)
{
    bool negative = size > 0 && bytes[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t magnitude = 0;

    if (size == negative)
        return false;
    for (size_t i = negative; i < size; i++) {
        unsigned digit = (unsigned char)bytes[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(magnitude, 10u, &magnitude) ||
            __builtin_add_overflow(magnitude, digit, &magnitude) || magnitude > limit)
            return false;
    }
    *value = (int64_t)(negative ? -magnitude : magnitude);
    return true;
}

bool sheaf_value_decimal(const char *bytes, size_t size, int32_t scale, int64_t *value)
{
    bool negative = size > 0 && bytes[0] == '-';
    bool point = false;
    size_t digits = 0;
    uint64_t magnitude = 0;

    for (size_t i = negative; i < size; i++) {
        unsigned digit = (unsigned char)bytes[i] - (unsigned)'0';
        if (bytes[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (digit > 9 || (point && scale-- == 0))
            return false;
        digits++;
        magnitude = 10 * magnitude + digit;
        if (magnitude >= SHEAF_DECIMAL_LIMIT)
            return false;
    }
    if (digits == 0)
        return false;
    for (; scale > 0 && magnitude; scale--) {
        magnitude *= 10;
        if (magnitude >= SHEAF_DECIMAL_LIMIT)
            return false;
    }
    *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

bool sheaf_value_equals(const char *bytes, size_t size, const char *lower)
{
    for (size_t i = 0; i < size; i++)
        if (lower[i] == '\0' ||
            (bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + 32 : bytes[i]) != lower[i])
            return false;
    return lower[size] == '\0';
}

bool sheaf_value_bool(const char *bytes, size_t size, uint8_t *value)
{
    static const char *const spellings[] = {"false", "true", "f", "t", "0", "1", "no", "yes"};

    if (size < 1 || size > 5)
        return false;
    for (unsigned i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (sheaf_value_equals(bytes, size, spellings[i])) {
            *value = i & 1;
            return true;
        }
    return false;
}

static bool parse_text(const char *bytes, size_t size, sheaf_text *text)
{
    if (size > UINT32_MAX)
        return false;
    *text = (sheaf_text){.bytes = bytes, .size = (uint32_t)size};
    return true;
}

bool sheaf_parse_value(sheaf_kind kind, const char *bytes, size_t size, void *value)
{
    switch (kind.type) {
    case SHEAF_BOOL:
        return sheaf_value_bool(bytes, size, value);
    case SHEAF_I64:
        return sheaf_value_i64(bytes, size, value);
    case SHEAF_F64:
        return sheaf_value_f64(bytes, size, value);
    case SHEAF_DECIMAL:
        return sheaf_value_decimal(bytes, size, kind.scale, value);
    case SHEAF_DATE:
        return sheaf_value_date(bytes, size, value);
    case SHEAF_TIME:
        return sheaf_value_time(bytes, size, kind.scale == 1, value);
    case SHEAF_TEXT:
    case SHEAF_BYTES:
        return parse_text(bytes, size, value);
    default:
        return false;
    }
}
