/* expression_words.c - loops over texts, dates and times: see expression_loops.h */
#include <string.h>

#include "job/expression_loops.h"

#define DAY_US ((int64_t)86400 * 1000000)

void sheaf_loop_length(const void *a, const uint64_t *present, int64_t *result, size_t rows)
{
    const sheaf_loose_text *texts = a;

    for (size_t row = 0; row < rows; row++) {
        int64_t count = 0;
        if (!present || present[row / 64] >> row % 64 & 1)
            for (uint32_t i = 0; i < texts[row].size; i++)
                count += ((unsigned char)texts[row].bytes[i] & 0xC0) != 0x80;
        result[row] = count;
    }
}

static bool search(enum sheaf_op op, sheaf_text text, sheaf_text part)
{
    if (part.size == 0 || part.size > text.size)
        return part.size == 0;
    if (op == OP_CONTAINS)
        return memmem(text.bytes, text.size, part.bytes, part.size) != NULL;
    if (op == OP_ENDS_WITH)
        text.bytes += text.size - part.size;
    return memcmp(text.bytes, part.bytes, part.size) == 0;
}

void sheaf_loop_search(enum sheaf_op op, const void *a, const void *b, size_t rows, uint64_t *truth)
{
    const sheaf_loose_text *texts = a, *parts = b;

    memset(truth, 0, (rows + 63) / 64 * sizeof *truth);
    for (size_t row = 0; row < rows; row++)
        truth[row / 64] |= (uint64_t)search(op, texts[row], parts[row]) << row % 64;
}

void sheaf_loop_case(enum sheaf_op op, const void *a, sheaf_text *result, size_t rows, char *bytes)
{
    const sheaf_loose_text *texts = a;
    char first = op == OP_LOWER ? 'A' : 'a';

    for (size_t row = 0; row < rows; row++) {
        sheaf_text text = texts[row];
        for (uint32_t i = 0; i < text.size; i++) {
            char byte = text.bytes[i];
            bool turns = byte >= first && byte <= first + 25;
            bytes[i] = turns ? (char)(byte ^ 0x20) : byte;
        }
        result[row] = (sheaf_text){bytes, text.size, 0};
        bytes += text.size;
    }
}

/* -- the calendar -------------------------------------------------------------------------- */

static int64_t divide_down(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* Year, month and day of a day since 1970-01-01, Gregorian at all times.  Years are counted from
 * March here, so that the day that may be missing is the last one. */
static void civil(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t shifted = days + 719468; /* days since 0000-03-01 */
    int64_t era = divide_down(shifted, 146097);
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * of_year + 2) / 153;

    *day = of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t of_clock(enum sheaf_op op, int64_t us)
{
    int64_t second = divide_down(us, 1000000) - divide_down(us, DAY_US) * 86400;

    if (op == OP_HOUR)
        return second / 3600;
    return op == OP_MINUTE ? second / 60 % 60 : second % 60;
}

static int64_t of_date(enum sheaf_op op, int64_t days)
{
    int64_t year, month, day;

    civil(days, &year, &month, &day);
    return op == OP_YEAR ? year : op == OP_MONTH ? month : day;
}

void sheaf_loop_calendar(enum sheaf_op op, bool microseconds, const void *a, int64_t *result,
                         size_t rows)
{
    const sheaf_loose_i64 *values = a;

    if (op >= OP_HOUR)
        for (size_t i = 0; i < rows; i++)
            result[i] = of_clock(op, values[i]);
    else if (microseconds)
        for (size_t i = 0; i < rows; i++)
            result[i] = of_date(op, divide_down(values[i], DAY_US));
    else
        for (size_t i = 0; i < rows; i++)
            result[i] = of_date(op, values[i]);
}
