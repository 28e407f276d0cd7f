/*
 * evidence.h - what the values of a column have been so far, and so which types hold them all
 *
 * Evidence is flat bytes, zero when nothing was seen.  Joining is commutative,
 * associative and idempotent up to counts, so it may be gathered in any order by
 * any number of workers.  The lattice and its rules are in docs/values.md.
 */
#ifndef SHEAF_COLUMN_EVIDENCE_H
#define SHEAF_COLUMN_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/batch.h>

struct sheaf_evidence {
    uint64_t values, missing; /* sheaf_evidence_add() leaves `missing` to its caller */
    uint32_t excluded;      /* bit set of the candidates in evidence.c that some value ruled out */
    int32_t scale;          /* most digits after the point, cut at 19 */
    int32_t integer_digits; /* most digits before it, cut at 19 */
    int32_t reserved;
};

/* Take note of one value that is not missing; that it was quoted does not matter to its type. */
void sheaf_evidence_add(struct sheaf_evidence *evidence, const char *bytes, size_t size,
                        bool quoted);
/* The same for n unquoted fields of a column, laid out as parse.h says; empty ones are missing, and
 * counted.  Much faster than one by one. */
void sheaf_evidence_add_fields(struct sheaf_evidence *evidence, const char *base,
                               const uint32_t *begin, const uint32_t *end, size_t n);
void sheaf_evidence_join(struct sheaf_evidence *evidence, const struct sheaf_evidence *other);
/* The narrowest kind that holds all values seen; SHEAF_TEXT when nothing was seen. */
sheaf_kind sheaf_evidence_kind(const struct sheaf_evidence *evidence);

#endif
