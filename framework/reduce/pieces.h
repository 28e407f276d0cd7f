/*
 * pieces.h - how flat columns lie in memory, inside this room
 *
 *     header | a descriptor for each column | values, bits, texts | 64 bytes of zero
 *
 * Everything begins at a multiple of 16.  The values of a text column are the
 * sizes of its texts, 32 bits each, and the texts follow each other elsewhere,
 * so a piece can be joined to others without a pointer being made.
 */
#ifndef SHEAF_REDUCE_PIECES_H
#define SHEAF_REDUCE_PIECES_H

#include <stdbool.h>

#include "reduce/flat.h"

struct sheaf_piece_header {
    uint64_t magic;
    uint64_t size; /* of the piece, a multiple of 16 */
    uint64_t rows;
    uint64_t columns;
};

struct sheaf_piece_column {
    uint32_t type;
    int32_t scale;
    uint64_t values;  /* offsets from the start of the piece */
    uint64_t present; /* 0: all have a value */
    uint64_t texts;
    uint64_t text_bytes;
    uint64_t reserved;
};

/* A piece that was checked: its columns may be read as they say. */
struct sheaf_piece {
    const char *bytes;
    size_t rows;
    size_t columns;
    const struct sheaf_piece_column *column;
};

/* What a column needs. */
struct sheaf_piece_shape {
    sheaf_kind kind;
    uint64_t text_bytes;
    bool some_missing;
};

SHEAF_CHECKED sheaf_status sheaf_piece_open(const void *bytes, size_t size,
                                            struct sheaf_piece *piece, sheaf_error *error);

/* Lay out a piece at the end of `flat`: all but values, bits and texts is written, the bits are
 * zero.  NULL, and flat->failed is set, when memory is refused. */
char *sheaf_piece_lay(struct sheaf_string *flat, const struct sheaf_piece_shape *shapes,
                      size_t count, size_t rows);

/* The descriptors of a piece that is being written. */
struct sheaf_piece_column *sheaf_piece_columns(char *piece);

/* One row of one of several pieces. */
struct sheaf_piece_row {
    uint32_t piece;
    uint32_t row;
};

/*
 * Append the first `columns` columns of these rows as one piece.  The rows of each
 * piece come in their order, from the first on.  Pieces must have the same columns.
 */
SHEAF_CHECKED sheaf_status sheaf_piece_gather(const struct sheaf_piece *pieces, size_t count,
                                              const struct sheaf_piece_row *order, size_t rows,
                                              size_t columns, struct sheaf_string *flat,
                                              sheaf_error *error);

#endif
