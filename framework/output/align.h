/*
 * align.h - cells under each other, inside this room
 *
 * Widths are counted in columns of a terminal: East Asian wide characters and
 * most emoji take two, combining marks none.
 */
#ifndef SHEAF_OUTPUT_ALIGN_H
#define SHEAF_OUTPUT_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/string.h"

#define SHEAF_CELL_WIDTH_MAX 60 /* a column is not padded to more; longer cells stand out */

struct sheaf_alignment {
    uint32_t *widths;
    bool *right; /* numbers */
    size_t count;
};

/* The width of valid UTF-8; bytes that are not count as one each. */
size_t sheaf_display_width(const char *text, size_t size);

/* Widen the columns to the cells of the first `rows` rows of a piece.  Returns the rows seen. */
size_t sheaf_align_measure(struct sheaf_alignment *alignment, const char *piece, size_t size,
                           size_t rows);

/* Append the rows of a piece, aligned.  Cells beyond the last column are appended as they are. */
void sheaf_align_rows(const struct sheaf_alignment *alignment, const char *piece, size_t size,
                      struct sheaf_string *out);

/* Append the line under the names. */
void sheaf_align_rule(const struct sheaf_alignment *alignment, struct sheaf_string *out);

#endif
