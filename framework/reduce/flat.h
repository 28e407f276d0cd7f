/*
 * flat.h - columns as bytes without pointers, to be published, kept and viewed again
 */
#ifndef SHEAF_REDUCE_FLAT_H
#define SHEAF_REDUCE_FLAT_H

#include "base/string.h"
#include <sheaf/batch.h>

/*
 * Append `count` columns of `rows` rows as one piece; the start is padded to 16 bytes.  Several
 * pieces may follow each other in one string: sheaf_flat_size() says where the next begins.
 */
void sheaf_flat_append(struct sheaf_string *flat, const sheaf_column *columns, size_t count,
                       size_t rows);

/*
 * View the first piece of flat bytes, 16-byte aligned, as columns.  Every offset is
 * checked, so hostile bytes give SHEAF_INTERNAL and never a read outside.  *columns
 * is allocated (text needs pointers), one free() by the caller; the bytes must
 * outlive it.
 */
SHEAF_CHECKED sheaf_status sheaf_flat_view(const void *bytes, size_t size, sheaf_column **columns,
                                           size_t *count, size_t *rows, sheaf_error *error);

/* The bytes of the first piece, up to where the next begins; 0 if there is none. */
size_t sheaf_flat_size(const void *bytes, size_t size);

/*
 * Join sorted answers (last column: i64, ascending) into one piece, in that order, without the last
 * column; `keep` rows at most, SIZE_MAX for all.  Rows of equal number stay in the order of the
 * pieces.  All pieces have the same columns, else SHEAF_INTERNAL; without pieces there are none.
 */
SHEAF_CHECKED sheaf_status sheaf_flat_merge(const void *const *pieces, const size_t *sizes,
                                            size_t count, size_t keep, struct sheaf_string *flat,
                                            sheaf_error *error);

#endif
