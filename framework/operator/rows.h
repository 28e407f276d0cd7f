/*
 * rows.h - where map and answer put their rows: columns that grow
 *
 * Also the builder that turns such rows into a batch for what follows.
 */
#ifndef SHEAF_OPERATOR_ROWS_H
#define SHEAF_OPERATOR_ROWS_H

#include <sheaf/operator.h>

/* Rows of these kinds (BOOL, I64, F64, TEXT; others are refused at binding). */
SHEAF_CHECKED sheaf_status sheaf_rows_open(const sheaf_kind *kinds, size_t count, sheaf_rows **rows,
                                           sheaf_error *error);
void sheaf_rows_clear(sheaf_rows *rows);
void sheaf_rows_close(sheaf_rows *rows);
/* SHEAF_BAD_OPERATOR if the columns are not equally long, SHEAF_NO_MEMORY if appending failed.
 * The view is valid until the next append or clear. */
SHEAF_CHECKED sheaf_status sheaf_rows_view(sheaf_rows *rows, size_t *count,
                                           const sheaf_column **columns, sheaf_error *error);

#endif
