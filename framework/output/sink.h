/*
 * sink.h - rows as csv, tsv, jsonl, json, md or an aligned table
 *
 * Rows become text in two steps, so that the costly one can run anywhere:
 *
 *     worker:       sheaf_format_rows()  columns -> a piece of text; pure, any process
 *     coordinator:  sheaf_sink_piece()   pieces, in order -> the destination
 *
 * A piece holds whole rows and can be joined to others of the same style and
 * names: the sink puts the head in front, the tail behind, and between them what
 * the format needs.  Only the table needs more: its pieces hold cells that are
 * not aligned yet, and the sink aligns them, by the widths of the first
 * SHEAF_TABLE_ROWS rows.
 *
 * Missing is nothing in csv, tsv, md and table, and null in json; so is a double
 * that is not a number.  docs of each format are in README.md.
 */
#ifndef SHEAF_OUTPUT_SINK_H
#define SHEAF_OUTPUT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/string.h"
#include <sheaf/batch.h>

#define SHEAF_TABLE_ROWS 1000 /* that decide the widths of a table's columns */

enum sheaf_layout {
    SHEAF_LAYOUT_CSV = 0,
    SHEAF_LAYOUT_TSV,
    SHEAF_LAYOUT_JSONL,
    SHEAF_LAYOUT_JSON,
    SHEAF_LAYOUT_MD,
    SHEAF_LAYOUT_TABLE
};

/* How to write.  Flat, so it can be handed to workers; all zero is csv with a header. */
struct sheaf_style {
    enum sheaf_layout layout;
    bool headless;     /* csv, tsv and table: no line of names */
    uint8_t delimiter; /* csv: the byte between fields; 0: a comma */
    uint8_t comment;   /* csv: a field that begins a line with this byte is quoted; 0: none */
};

/* The layout of a name: "csv", "tsv", "jsonl", "json", "md" or "table".  SHEAF_BAD_ARGUMENT lists
 * the names that exist. */
SHEAF_CHECKED sheaf_status sheaf_layout_find(const char *name, enum sheaf_layout *layout,
                                             sheaf_error *error);

/*
 * Append `rows` rows of `count` columns to a piece.  The names are used by json and jsonl only.
 * Check out->failed once at the end.  Needs no state: any process or thread may do it.
 */
void sheaf_format_rows(const struct sheaf_style *style, const char *const *names,
                       const sheaf_column *columns, size_t count, size_t rows,
                       struct sheaf_string *out);

/* The same for the rows whose numbers are selection[0..selected), in that order. */
void sheaf_format_selection(const struct sheaf_style *style, const char *const *names,
                            const sheaf_column *columns, size_t count, const uint32_t *selection,
                            size_t selected, struct sheaf_string *out);

/* What stands before the first piece and after the last, for all layouts but the table.
 * `kinds` align the columns of md. */
void sheaf_format_head(const struct sheaf_style *style, const char *const *names,
                       const sheaf_kind *kinds, size_t count, struct sheaf_string *out);
void sheaf_format_tail(const struct sheaf_style *style, struct sheaf_string *out);

/* Bytes to leave out at the beginning of the first piece that is not empty: the comma that json
 * has before every row. */
size_t sheaf_format_skip(const struct sheaf_style *style);

/* Where text goes, e.g. sheaf_output_write() of file.h. */
typedef sheaf_status (*sheaf_write)(void *context, const void *bytes, size_t size,
                                    sheaf_error *error);

struct sheaf_sink;

/* Names and kinds are copied; nothing is written yet.  The caller closes the sink. */
SHEAF_CHECKED sheaf_status sheaf_sink_open(const struct sheaf_style *style,
                                           const char *const *names, const sheaf_kind *kinds,
                                           size_t count, sheaf_write write, void *context,
                                           struct sheaf_sink **sink, sheaf_error *error);

/* The next piece, as sheaf_format_rows() of the same style and names made it.  The bytes need not
 * be trusted: whatever they are, they only end up in the output. */
SHEAF_CHECKED sheaf_status sheaf_sink_piece(struct sheaf_sink *sink, const char *bytes, size_t size,
                                            sheaf_error *error);

/* Format rows here and now, and write them. */
SHEAF_CHECKED sheaf_status sheaf_sink_rows(struct sheaf_sink *sink, const sheaf_column *columns,
                                           size_t rows, sheaf_error *error);

/* Write what is still kept, and the tail.  Nothing may be added after it. */
SHEAF_CHECKED sheaf_status sheaf_sink_end(struct sheaf_sink *sink, sheaf_error *error);
void sheaf_sink_close(struct sheaf_sink *sink);

#endif
