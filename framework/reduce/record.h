/*
 * record.h - a key of several columns as one text
 *
 * Column by column: for words a byte 1 + n and the n low bytes of the packed
 * word (word.h); for texts a byte 1 + size, or 255 and the size in four bytes,
 * and the text; for what is missing a byte 0.  Equal keys are equal texts, and
 * no key is the beginning of another.
 */
#ifndef SHEAF_REDUCE_RECORD_H
#define SHEAF_REDUCE_RECORD_H

#include <stdbool.h>

#include <sheaf/batch.h>

/* Rows that are written at a time. */
#define SHEAF_RECORD_ROWS 512

struct sheaf_key_records {
    const sheaf_kind *kinds;
    size_t columns;
    uint64_t *packed; /* [columns][SHEAF_RECORD_ROWS] */
    char *bytes;
    size_t capacity;
    sheaf_text text[SHEAF_RECORD_ROWS]; /* the keys: views of `bytes` */
};

SHEAF_CHECKED sheaf_status sheaf_key_records_init(struct sheaf_key_records *records,
                                                  const sheaf_kind *kinds, size_t columns,
                                                  sheaf_error *error);
void sheaf_key_records_destroy(struct sheaf_key_records *records);

/* Write rows [first, first + count) of the key columns to records->text. */
SHEAF_CHECKED sheaf_status sheaf_key_records_write(struct sheaf_key_records *records,
                                                   const sheaf_column *keys, size_t first,
                                                   size_t count, sheaf_error *error);

/* One column of a record as it is read again. */
struct sheaf_key_record_cell {
    bool present;
    int64_t word;
    sheaf_text text;
};

/* Read the cell at *at, which moves behind it; false if the bytes are not such a record. */
bool sheaf_key_record_read(sheaf_type type, const char **at, const char *end,
                           struct sheaf_key_record_cell *cell);

/* Whether the bytes are a whole record of these kinds. */
bool sheaf_key_record_valid(const sheaf_kind *kinds, size_t columns, const char *bytes,
                            size_t size);

#endif
