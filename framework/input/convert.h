/*
 * convert.h - one column of a batch of records, as values of one kind
 *
 * Most fields are plain and are converted a column at a time.  What is odd about
 * the others - quotes, blanks, other spellings of missing - is looked at one by one.
 */
#ifndef SHEAF_INPUT_CONVERT_H
#define SHEAF_INPUT_CONVERT_H

#include "input/badrow.h"
#include "input/lexer.h"
#include "input/nulls.h"

/* Memory for values that do not stand in the file in one piece: blocks that stay where they are. */
struct sheaf_blocks {
    struct sheaf_block {
        char *bytes;
        size_t size;
    } * blocks;
    size_t count, capacity;
    size_t current, used;
};

void sheaf_blocks_reset(struct sheaf_blocks *blocks); /* what was given is void, the memory stays */
char *sheaf_blocks_take(struct sheaf_blocks *blocks, size_t size);     /* NULL: no memory */
void sheaf_blocks_give_back(struct sheaf_blocks *blocks, size_t size); /* of the last one taken */
void sheaf_blocks_free(struct sheaf_blocks *blocks);

struct sheaf_converter {
    const sheaf_dataset *dataset;
    struct sheaf_nulls nulls;
    uint32_t column; /* of the dataset, or SHEAF_WHOLE_RECORD */
    sheaf_kind kind;
    bool open;      /* the column's kind is a first opinion: see sheaf/dataset.h */
    bool null_fits; /* some spelling of missing looks like a value of this kind */
    size_t size;    /* bytes of one value */
    void *values;   /* SHEAF_BATCH_ROWS of them and 64 bytes */
    uint64_t *present;
};

SHEAF_CHECKED sheaf_status sheaf_converter_init(struct sheaf_converter *converter,
                                                const sheaf_dataset *dataset, uint32_t column,
                                                sheaf_kind kind, sheaf_error *error);
void sheaf_converter_destroy(struct sheaf_converter *converter);

/* Where the fields of one column begin and end, of a batch. */
struct sheaf_spans {
    uint32_t begin[SHEAF_BATCH_ROWS], end[SHEAF_BATCH_ROWS];
};

/* Fill in the column; bad rows are noted.  Fails for want of memory only. */
SHEAF_CHECKED sheaf_status sheaf_convert(struct sheaf_converter *converter,
                                         const struct sheaf_records *records,
                                         struct sheaf_spans *spans, struct sheaf_blocks *blocks,
                                         struct sheaf_bad_rows *bad, sheaf_column *column,
                                         sheaf_error *error);

/* Field c of each record; where a record is too short for it, an empty field at its begin. */
void sheaf_spans_find(const struct sheaf_records *records, uint32_t c, struct sheaf_spans *spans);

/* Set column->present to the converter's bits, or to NULL if all of them are set. */
void sheaf_converter_present(const struct sheaf_converter *converter, size_t rows,
                             sheaf_column *column);

/* Take the bad rows out of a column: values and bits move together.  Returns the rows left. */
size_t sheaf_converter_compress(const struct sheaf_converter *converter,
                                const struct sheaf_bad_rows *bad, size_t rows);

#endif
