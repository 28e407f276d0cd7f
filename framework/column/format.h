/*
 * format.h - values into text, so that reading it back gives the same value
 *
 * Doubles are written with the fewest digits that read back as the same double;
 * decimals with all digits of their scale; times as ISO 8601.
 */
#ifndef SHEAF_COLUMN_FORMAT_H
#define SHEAF_COLUMN_FORMAT_H

#include "base/string.h"
#include <sheaf/batch.h>

#define SHEAF_FORMAT_MAX 64 /* no value but text takes more bytes */

/* Write one value that is not text to `to`, which has room for SHEAF_FORMAT_MAX bytes; no zero
 * byte is added.  Returns the number of bytes. */
size_t sheaf_format_value(sheaf_kind kind, const void *value, char *to);

/* Append row r of a column, text included, as plain bytes; nothing for a missing value. */
void sheaf_format_append(struct sheaf_string *string, const sheaf_column *column, size_t row);

#endif
