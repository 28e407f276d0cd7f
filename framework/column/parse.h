/*
 * parse.h - text into values, a column at a time
 *
 * All take n fields of one column: field r is base[begin[r]] .. base[end[r] - 1],
 * raw, as the lexer left it.  64 bytes before the first and after the last may
 * be read.  Each field that is a plain number of the type (no quotes, no
 * blanks) is converted and its bit in `present` set; an empty one gets value 0 and
 * no bit; any other gets value 0, no bit, and its bit in `odd` set, to be looked at alone.
 * `present` and `odd` have (n + 63) / 64 words, which are overwritten.
 *
 * They return the number of odd fields.  What a plain value is, is said line by
 * line in docs/values.md.
 */
#ifndef SHEAF_COLUMN_PARSE_H
#define SHEAF_COLUMN_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/batch.h>

size_t sheaf_parse_i64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                       int64_t *values, uint64_t *present, uint64_t *odd);
size_t sheaf_parse_f64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                       double *values, uint64_t *present, uint64_t *odd);
/* At most `scale` digits after the point; fewer are filled up with zeros. */
size_t sheaf_parse_decimal(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                           int32_t scale, int64_t *values, uint64_t *present, uint64_t *odd);
size_t sheaf_parse_bool(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        uint8_t *values, uint64_t *present, uint64_t *odd);
size_t sheaf_parse_date(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        int32_t *values, uint64_t *present, uint64_t *odd);
/* zoned: the text has Z or an offset and is turned into UTC; else it must have none. */
size_t sheaf_parse_time(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        bool zoned, int64_t *values, uint64_t *present, uint64_t *odd);

/* One value of any of these types from unquoted bytes; false if it is not one.  `value` has the
 * size of the type.  For SHEAF_TEXT any bytes will do and value is a sheaf_text. */
bool sheaf_parse_value(sheaf_kind kind, const char *bytes, size_t size, void *value);

/* 0 <= result <= size: the length of the valid UTF-8 at the start. */
size_t sheaf_utf8_valid(const char *bytes, size_t size);

/* Whether all of it is; quick for large pieces. */
bool sheaf_utf8_is_valid(const char *bytes, size_t size);

#endif
