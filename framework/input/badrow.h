/*
 * badrow.h - rows of a batch that do not fit, and how they are reported
 *
 * All columns of a batch are decoded before anything is decided, so what is
 * reported is the first bad row and its first bad column, whatever the order in which columns
 * are wanted.
 */
#ifndef SHEAF_INPUT_BADROW_H
#define SHEAF_INPUT_BADROW_H

#include "base/string.h"
#include "input/dataset.h"

enum sheaf_bad {
    SHEAF_BAD_VALUE = 401,
    SHEAF_BAD_WIDTH = 402,
    SHEAF_BAD_ENCODING = 403,
    SHEAF_BAD_OPINION = SHEAF_CODE_OPINION
};

struct sheaf_bad_rows {
    size_t count;
    uint64_t rows[SHEAF_BATCH_ROWS / 64]; /* a bit for each bad row */
    uint16_t code[SHEAF_BATCH_ROWS];      /* of those rows, others are undefined */
    uint32_t column[SHEAF_BATCH_ROWS];    /* of the dataset */
    sheaf_kind kind[SHEAF_BATCH_ROWS];    /* what was wanted */
};

static inline bool sheaf_is_bad(const struct sheaf_bad_rows *bad, size_t row)
{
    return bad->count > 0 && (bad->rows[row / 64] >> (row % 64) & 1);
}

void sheaf_bad_clear(struct sheaf_bad_rows *bad);
void sheaf_bad_note(struct sheaf_bad_rows *bad, size_t row, enum sheaf_bad code, uint32_t column,
                    sheaf_kind kind);

/* Where a bad row and its field stand. */
struct sheaf_bad_place {
    const char *path;
    const char *bytes; /* the bytes at hand around it ... */
    size_t size;
    size_t record, record_end; /* ... and in them the record, and the field: raw */
    size_t field, field_end;
    uint64_t byte;    /* offset of the field in the file */
    uint64_t ordinal; /* of the record in the shard, from 0 */
    uint64_t line;    /* of the field's first byte in the shard, from 0 */
    uint32_t fields;  /* that the record has */
};

/* The error of a bad row: the message without file and line, the excerpt as first line of help. */
sheaf_status sheaf_bad_error(const sheaf_dataset *dataset, enum sheaf_bad code, uint32_t column,
                             sheaf_kind kind, const struct sheaf_bad_place *place,
                             sheaf_error *error);

/* The same as a line of the rejects. */
void sheaf_bad_reject(struct sheaf_string *rejects, const sheaf_dataset *dataset,
                      enum sheaf_bad code, uint32_t column, const struct sheaf_bad_place *place);

/* The line of text in which place->field stands, cut to what a terminal shows, and a caret. */
void sheaf_bad_excerpt(const struct sheaf_bad_place *place, sheaf_error *error);

/* Bytes from the begin of the field's line to the field, plus one. */
size_t sheaf_bad_line_column(const struct sheaf_bad_place *place);

#endif
