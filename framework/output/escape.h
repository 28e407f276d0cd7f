/*
 * escape.h - one text as a field of each layout, inside this room
 *
 * Each function writes to `to` and returns where it ended; SHEAF_ESCAPE_MAX bytes for
 * each byte of the text, and SHEAF_ESCAPE_EXTRA more, are always enough room.
 */
#ifndef SHEAF_OUTPUT_ESCAPE_H
#define SHEAF_OUTPUT_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

#define SHEAF_ESCAPE_MAX   6
#define SHEAF_ESCAPE_EXTRA 8

/* Between the cells and behind the rows of a table's pieces.  No cell holds them. */
#define SHEAF_CELL_END '\x1F'
#define SHEAF_ROW_END  '\x1E'

/* Which bytes make a csv field need quotes, wherever they stand. */
struct sheaf_quoting {
    uint8_t special[256];
    uint8_t comment; /* or at the start of a record; 0: none */
};

void sheaf_quoting_init(struct sheaf_quoting *quoting, uint8_t delimiter, uint8_t comment);

/* `first`: the field begins its record. */
char *sheaf_escape_csv(const struct sheaf_quoting *quoting, const char *text, size_t size,
                       int first, char *to);
char *sheaf_escape_tsv(const char *text, size_t size, char *to);
char *sheaf_escape_json(const char *text, size_t size, char *to); /* with its quotes */
char *sheaf_escape_md(const char *text, size_t size, char *to);
/* What a terminal would obey, and what is not UTF-8, as \xNN. */
char *sheaf_escape_table(const char *text, size_t size, char *to);

#endif
