/*
 * sheaf/batch.h - rows on their way through a job, column by column
 *
 * A batch is a view: it owns nothing.  Its columns point into a mapped file or
 * into the reader's memory and are valid until the next batch is read, so an
 * operator copies what it wants to keep.  Numeric columns need not be aligned
 * and may be read, not used, up to 64 bytes past their last row.
 */
#ifndef SHEAF_BATCH_H
#define SHEAF_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include <sheaf/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The rows of a full batch.  Part of the definition of the answer of an operator that rounds:
 * see ARCHITECTURE.md, "One answer". */
#define SHEAF_BATCH_ROWS 4096

typedef enum sheaf_type {
    SHEAF_NONE = 0,
    SHEAF_BOOL,    /* uint8_t, 0 or 1 */
    SHEAF_I8,      /* the narrow types come from binary data only */
    SHEAF_I16,
    SHEAF_I32,
    SHEAF_I64,
    SHEAF_U8,
    SHEAF_U16,
    SHEAF_U32,
    SHEAF_U64,
    SHEAF_F32,
    SHEAF_F64,
    SHEAF_DECIMAL, /* int64_t, the value times 10^scale; scale is 0 to 18 */
    SHEAF_WIDE,    /* sheaf_int128, likewise: sums of integers and decimals; answers only */
    SHEAF_DATE,    /* int32_t, days since 1970-01-01 */
    SHEAF_TIME,    /* int64_t, microseconds since 1970-01-01T00:00:00; in UTC when scale is 1,
                      in the clock of whoever wrote it, no zone known, when scale is 0 */
    SHEAF_TEXT,    /* sheaf_text */
    SHEAF_BYTES,   /* sheaf_text whose bytes are a whole record or a field of no type */

    /* For the inputs of operators: what the column has. */
    SHEAF_NUMBER = 64, /* I64 (all integers but U64 above INT64_MAX), DECIMAL or F64 (F32 too) */
    SHEAF_ANY,         /* any type above; integers come as I64 and F32 as F64 */
    SHEAF_SAME         /* for outputs: type and scale of the first input */
} sheaf_type;

/* 128 bits, also where -Wpedantic objects to the type's own name. */
__extension__ typedef __int128 sheaf_int128;
__extension__ typedef unsigned __int128 sheaf_uint128;

/* A type with what it needs to be read: digits after the point, or the zone. */
typedef struct sheaf_kind {
    sheaf_type type;
    int32_t scale;
} sheaf_kind;

/* Bytes as they stand in the data, quotes resolved, not ended by a zero. */
typedef struct sheaf_text {
    const char *bytes;
    uint32_t size;
    uint32_t reserved;
} sheaf_text;

typedef struct sheaf_column {
    sheaf_type type;
    int32_t scale;
    union { /* `rows` values of the type above */
        const void *values;
        const uint8_t *boolean;
        const int8_t *i8;
        const int16_t *i16;
        const int32_t *i32; /* also dates */
        const int64_t *i64; /* also decimals and times */
        const uint8_t *u8;
        const uint16_t *u16;
        const uint32_t *u32;
        const uint64_t *u64;
        const float *f32;
        const double *f64;
        const sheaf_int128 *wide;
        const sheaf_text *text;
    };
    const uint64_t *present; /* bit r is set when row r has a value; NULL: all have.  What stands
                                in `values` where none is, is zero. */
} sheaf_column;

/* Memory beside the states of operators that grow: see sheaf/operator.h. */
typedef struct sheaf_heap sheaf_heap;

typedef struct sheaf_batch {
    size_t rows;                 /* an operator sees 1 to SHEAF_BATCH_ROWS */
    const sheaf_column *columns; /* in the order of the operator's inputs */
    const void *options;         /* the operator's options, or NULL if it has none */
    sheaf_heap *heap;            /* where the state that is folded into may grow */
    struct sheaf_invocation *call;     /* for sheaf_fail() */
} sheaf_batch;

/*
 * Refuse a row.  The job stops and reports the message with the file, the byte
 * and the row; the rest of the batch may be skipped.  Only the first call counts.
 */
SHEAF_EXPORT void sheaf_fail(const sheaf_batch *batch, size_t row, const char *format, ...)
    SHEAF_PRINTF(3, 4);

/* Whether row r of a column has a value. */
static inline int sheaf_present(const sheaf_column *column, size_t row)
{
    return !column->present || (column->present[row / 64] >> (row % 64) & 1);
}

/* The name of a type as a schema writes it: "i64", "decimal", "text".  Never NULL. */
SHEAF_EXPORT const char *sheaf_type_name(sheaf_type type);

/* Bytes of one value of a type; 0 for those that stand for several. */
SHEAF_EXPORT size_t sheaf_type_size(sheaf_type type);

#ifdef __cplusplus
}
#endif
#endif
