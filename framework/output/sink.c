/*
 * sink.c - pieces in order, with what stands around them: see sink.h
 *
 * A table keeps what it is given until it knows the widths; then it writes as
 * the others do.
 */
#include <string.h>

#include "base/memory.h"
#include "output/align.h"
#include "output/escape.h"
#include "output/sink.h"

static const char *const layouts[] = {
    [SHEAF_LAYOUT_CSV] = "csv",   [SHEAF_LAYOUT_TSV] = "tsv", [SHEAF_LAYOUT_JSONL] = "jsonl",
    [SHEAF_LAYOUT_JSON] = "json", [SHEAF_LAYOUT_MD] = "md",   [SHEAF_LAYOUT_TABLE] = "table",
};

struct sheaf_sink {
    struct sheaf_style style;
    char **names;
    sheaf_kind *kinds;
    size_t count;
    sheaf_write write;
    void *context;
    bool begun;               /* the head is written */
    bool joined;              /* a piece is, too */
    struct sheaf_string text; /* what is written next; empty between calls */

    /* Of a table only. */
    struct sheaf_alignment alignment;
    struct sheaf_string kept; /* pieces, while the widths are not settled */
    size_t rows_kept;
};

sheaf_status sheaf_layout_find(const char *name, enum sheaf_layout *layout, sheaf_error *error)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        if (strcmp(layouts[i], name) == 0) {
            *layout = (enum sheaf_layout)i;
            return SHEAF_OK;
        }
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no output format \"%s\"", name);
    sheaf_error_help(error, "Formats: csv tsv jsonl json md table");
    return SHEAF_BAD_ARGUMENT;
}

static bool is_table(const struct sheaf_sink *sink)
{
    return sink->style.layout == SHEAF_LAYOUT_TABLE;
}

static bool is_right(sheaf_type type)
{
    return type != SHEAF_TEXT && type != SHEAF_BYTES && type != SHEAF_BOOL && type != SHEAF_DATE &&
           type != SHEAF_TIME;
}

static sheaf_status copy_columns(struct sheaf_sink *sink, const char *const *names,
                                 const sheaf_kind *kinds, size_t count, sheaf_error *error)
{
    SHEAF_TRY(sheaf_allocate(&sink->names, count, sizeof *sink->names, error));
    SHEAF_TRY(sheaf_allocate(&sink->kinds, count, sizeof *sink->kinds, error));
    SHEAF_TRY(sheaf_allocate(&sink->alignment.widths, count, sizeof(uint32_t), error));
    SHEAF_TRY(sheaf_allocate(&sink->alignment.right, count, sizeof(bool), error));
    sink->count = sink->alignment.count = count;
    for (size_t i = 0; i < count; i++) {
        SHEAF_TRY(sheaf_copy_string(names[i], &sink->names[i], error));
        sink->kinds[i] = kinds[i];
        sink->alignment.right[i] = is_right(kinds[i].type);
    }
    return SHEAF_OK;
}

sheaf_status sheaf_sink_open(const struct sheaf_style *style, const char *const *names,
                             const sheaf_kind *kinds, size_t count, sheaf_write write,
                             void *context, struct sheaf_sink **sink, sheaf_error *error)
{
    struct sheaf_sink *opened = NULL;

    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    opened->style = *style;
    opened->write = write;
    opened->context = context;
    sheaf_status status = copy_columns(opened, names, kinds, count, error);
    if (status != SHEAF_OK) {
        sheaf_sink_close(opened);
        return status;
    }
    *sink = opened;
    return SHEAF_OK;
}

static const char *const *names_of(const struct sheaf_sink *sink)
{
    return (const char *const *)sink->names;
}

/* Write the text that was gathered, and forget it. */
static sheaf_status flush(struct sheaf_sink *sink, sheaf_error *error)
{
    sheaf_status status = sheaf_string_check(&sink->text, error);

    if (status == SHEAF_OK && sink->text.size > 0)
        status = sink->write(sink->context, sink->text.bytes, sink->text.size, error);
    sheaf_string_clear(&sink->text);
    return status;
}

/* -- tables -------------------------------------------------------------------------------- */

static void begin_table(struct sheaf_sink *sink)
{
    struct sheaf_string head = {0};

    sheaf_format_head(&sink->style, names_of(sink), sink->kinds, sink->count, &head);
    sheaf_align_measure(&sink->alignment, head.bytes, head.size, 1);
    sheaf_align_measure(&sink->alignment, sink->kept.bytes, sink->kept.size, SHEAF_TABLE_ROWS);
    sheaf_align_rows(&sink->alignment, head.bytes, head.size, &sink->text);
    if (!sink->style.headless)
        sheaf_align_rule(&sink->alignment, &sink->text);
    sheaf_align_rows(&sink->alignment, sink->kept.bytes, sink->kept.size, &sink->text);
    sink->text.failed |= head.failed || sink->kept.failed;
    sheaf_string_free(&head);
    sheaf_string_free(&sink->kept);
    sink->begun = true;
}

static size_t count_rows(const char *piece, size_t size)
{
    size_t rows = 0;

    for (const char *end = piece + size;
         (piece = memchr(piece, SHEAF_ROW_END, (size_t)(end - piece))); piece++)
        rows++;
    return rows;
}

static sheaf_status add_to_table(struct sheaf_sink *sink, const char *bytes, size_t size,
                                 sheaf_error *error)
{
    if (sink->begun) {
        sheaf_align_rows(&sink->alignment, bytes, size, &sink->text);
        return flush(sink, error);
    }
    sheaf_string_append_bytes(&sink->kept, bytes, size);
    SHEAF_TRY(sheaf_string_check(&sink->kept, error));
    sink->rows_kept += count_rows(bytes, size);
    if (sink->rows_kept < SHEAF_TABLE_ROWS)
        return SHEAF_OK;
    begin_table(sink);
    return flush(sink, error);
}

/* -- all layouts --------------------------------------------------------------------------- */

static void begin(struct sheaf_sink *sink)
{
    if (is_table(sink)) {
        begin_table(sink);
        return;
    }
    sheaf_format_head(&sink->style, names_of(sink), sink->kinds, sink->count, &sink->text);
    sink->begun = true;
}

sheaf_status sheaf_sink_piece(struct sheaf_sink *sink, const char *bytes, size_t size,
                              sheaf_error *error)
{
    if (size == 0)
        return SHEAF_OK;
    if (is_table(sink))
        return add_to_table(sink, bytes, size, error);
    if (!sink->begun) {
        begin(sink);
        SHEAF_TRY(flush(sink, error));
    }
    size_t skip = sink->joined ? 0 : sheaf_format_skip(&sink->style);
    sink->joined = true;
    return size > skip ? sink->write(sink->context, bytes + skip, size - skip, error) : SHEAF_OK;
}

sheaf_status sheaf_sink_rows(struct sheaf_sink *sink, const sheaf_column *columns, size_t rows,
                             sheaf_error *error)
{
    struct sheaf_string piece = {0};

    sheaf_format_rows(&sink->style, names_of(sink), columns, sink->count, rows, &piece);
    sheaf_status status = sheaf_string_check(&piece, error);
    if (status == SHEAF_OK)
        status = sheaf_sink_piece(sink, piece.bytes, piece.size, error);
    sheaf_string_free(&piece);
    return status;
}

sheaf_status sheaf_sink_end(struct sheaf_sink *sink, sheaf_error *error)
{
    if (!sink->begun)
        begin(sink);
    sheaf_format_tail(&sink->style, &sink->text);
    return flush(sink, error);
}

void sheaf_sink_close(struct sheaf_sink *sink)
{
    if (!sink)
        return;
    for (size_t i = 0; i < sink->count; i++)
        free(sink->names[i]);
    free(sink->names);
    free(sink->kinds);
    free(sink->alignment.widths);
    free(sink->alignment.right);
    sheaf_string_free(&sink->kept);
    sheaf_string_free(&sink->text);
    free(sink);
}
