/* columns.h - the loops of parse_columns.c for each instruction set, so that tests can compare them
 */
#ifndef SHEAF_COLUMN_COLUMNS_H
#define SHEAF_COLUMN_COLUMNS_H

#include "base/cpu.h"
#include "column/parse.h"

/* What plain numbers of at most 15 digits looked like: no exponent, no leading zero, no point at
 * the end. */
struct sheaf_shapes {
    uint32_t numbers, points; /* how many, and how many of them had a point */
    uint32_t integer_digits;  /* most digits before the point, 0 for a lone zero */
    uint32_t fraction_digits; /* most digits behind it */
};

struct sheaf_column_parsers {
    size_t (*i64)(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                  int64_t *values, uint64_t *present, uint64_t *odd);
    size_t (*f64)(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                  double *values, uint64_t *present, uint64_t *odd);
    size_t (*decimal)(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                      int32_t scale, int64_t *values, uint64_t *present, uint64_t *odd);
    /* Of up to 64 fields: a bit for each that is not such a number. */
    uint64_t (*shapes)(const char *base, const uint32_t *begin, const uint32_t *end, size_t rows,
                       struct sheaf_shapes *shapes);
};

extern const struct sheaf_column_parsers sheaf_column_parsers_portable;
extern const struct sheaf_column_parsers sheaf_column_parsers_avx2;   /* x86 with AVX2 only */
extern const struct sheaf_column_parsers sheaf_column_parsers_avx512; /* likewise */

/* The one of AVX2, which AVX-512 uses too. */
uint64_t sheaf_find_shapes_avx2(const char *base, const uint32_t *begin, const uint32_t *end,
                                size_t rows, struct sheaf_shapes *shapes);

/* Those to use with an instruction set that this machine has; the best ones. */
const struct sheaf_column_parsers *sheaf_column_parsers_for(enum sheaf_isa isa);
const struct sheaf_column_parsers *sheaf_column_parsers_here(void);

#endif
