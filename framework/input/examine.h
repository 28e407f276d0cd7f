/* examine.h - records as evidence of what their columns are: see column/evidence.h */
#ifndef SHEAF_INPUT_EXAMINE_H
#define SHEAF_INPUT_EXAMINE_H

#include "base/string.h"
#include "column/evidence.h"
#include "input/lexer.h"
#include "input/nulls.h"

struct sheaf_examiner {
    const struct sheaf_dialect *dialect;
    struct sheaf_nulls nulls;
    struct sheaf_string scratch; /* its owner frees it */
};

/*
 * Add field c of record r, for each c of columns[count] (NULL: all of `width`), to
 * evidence[0..count).  Records of another width are passed over; returns how many those were.
 */
size_t sheaf_examine_records(struct sheaf_examiner *examiner, const struct sheaf_records *records,
                             uint32_t width, const uint32_t *columns, size_t count,
                             struct sheaf_evidence *evidence);

/* One field as it stands in the file; `plain`: it needs no unquoting. */
void sheaf_examine_field(struct sheaf_examiner *examiner, const char *raw, size_t size, bool plain,
                         struct sheaf_evidence *evidence);

#endif
