/*
 * rows.c - columns into pieces of text: see sink.h
 *
 * Cells are written to memory that was reserved for the longest one they can
 * be, without a check for each byte.  Numbers of the usual types have writers
 * of their own here; all others go through sheaf_format_value().
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "column/format.h"
#include "column/types.h"
#include "output/escape.h"
#include "output/sink.h"

/* What is the same for all rows of a call. */
struct writer {
    const struct sheaf_style *style;
    const sheaf_column *columns;
    size_t count;
    struct sheaf_quoting quoting;
    bool guard_numbers;         /* csv: the delimiter may occur in numbers */
    struct sheaf_string labels; /* json: "name": for each column, with what stands before it */
    size_t *label_ends;
    struct sheaf_string *out;
};

/* -- numbers ------------------------------------------------------------------------------- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

/* Digits of a number, ending at `end`; returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    for (; value >= 100; value /= 100)
        memcpy(end -= 2, pairs + 2 * (value % 100), 2);
    if (value >= 10)
        memcpy(end -= 2, pairs + 2 * value, 2);
    else
        *--end = (char)('0' + value);
    return end;
}

static char *put_i64(char *to, int64_t value)
{
    char digits[24];
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *begin = digits_before(digits + sizeof digits, magnitude);
    size_t size = (size_t)(digits + sizeof digits - begin);

    if (value < 0)
        *to++ = '-';
    memcpy(to, begin, size);
    return to + size;
}

static char *put_decimal(char *to, int64_t value, int32_t scale)
{
    char digits[48];
    char *end = digits + sizeof digits;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *begin = digits_before(end, magnitude);

    while (end - begin <= scale) /* a digit before the point at least */
        *--begin = '0';
    if (value < 0)
        *to++ = '-';
    size_t whole = (size_t)(end - begin) - (size_t)scale;
    memcpy(to, begin, whole);
    to += whole;
    if (scale > 0) {
        *to++ = '.';
        memcpy(to, begin + whole, (size_t)scale);
        to += scale;
    }
    return to;
}

static double double_at(const sheaf_column *column, size_t row)
{
    double value;
    float narrow;

    if (column->type == SHEAF_F64) {
        memcpy(&value, (const char *)column->values + row * sizeof value, sizeof value);
        return value;
    }
    memcpy(&narrow, (const char *)column->values + row * sizeof narrow, sizeof narrow);
    return (double)narrow;
}

/* Values need not be aligned in a batch, so each is copied before it is looked at. */
static char *put_value(char *to, const sheaf_column *column, size_t row)
{
    _Alignas(16) char value[16];
    size_t size = sheaf_type_size(column->type);
    int64_t number;

    memcpy(value, (const char *)column->values + row * size, size);
    switch ((int)column->type) {
    case SHEAF_I64:
        memcpy(&number, value, sizeof number);
        return put_i64(to, number);
    case SHEAF_DECIMAL:
        memcpy(&number, value, sizeof number);
        return put_decimal(to, number, column->scale);
    default:
        return to + sheaf_format_value((sheaf_kind){column->type, column->scale}, value, to);
    }
}

static bool is_floating(sheaf_type type)
{
    return type == SHEAF_F64 || type == SHEAF_F32;
}

static bool is_text(sheaf_type type)
{
    return type == SHEAF_TEXT || type == SHEAF_BYTES;
}

static bool is_number(sheaf_type type)
{
    return sheaf_type_signed(type) || sheaf_type_unsigned(type) || is_floating(type) ||
           type == SHEAF_DECIMAL || type == SHEAF_WIDE;
}

/* -- cells --------------------------------------------------------------------------------- */

static char *put_text(const struct writer *writer, char *to, const char *text, size_t size,
                      bool first)
{
    switch (writer->style->layout) {
    case SHEAF_LAYOUT_TSV:
        return sheaf_escape_tsv(text, size, to);
    case SHEAF_LAYOUT_JSON:
    case SHEAF_LAYOUT_JSONL:
        return sheaf_escape_json(text, size, to);
    case SHEAF_LAYOUT_MD:
        return sheaf_escape_md(text, size, to);
    case SHEAF_LAYOUT_TABLE:
        return sheaf_escape_table(text, size, to);
    case SHEAF_LAYOUT_CSV:
    default:
        return sheaf_escape_csv(&writer->quoting, text, size, first, to);
    }
}

static bool is_json(const struct writer *writer)
{
    return writer->style->layout == SHEAF_LAYOUT_JSON ||
           writer->style->layout == SHEAF_LAYOUT_JSONL;
}

static char *put_missing(const struct writer *writer, char *to)
{
    if (is_json(writer)) {
        memcpy(to, "null", 4);
        return to + 4;
    }
    /* A record of one field that is nothing would be an empty line, which readers leave out. */
    if (writer->style->layout == SHEAF_LAYOUT_CSV && writer->count == 1) {
        memcpy(to, "\"\"", 2);
        return to + 2;
    }
    return to;
}

/* A value that is not text. */
static char *put_plain(const struct writer *writer, char *to, const sheaf_column *column,
                       size_t row, bool first)
{
    if (is_floating(column->type)) {
        double value = double_at(column, row);
        if (isnan(value) || (isinf(value) && is_json(writer)))
            return put_missing(writer, to);
    }
    bool quoted = is_json(writer) && !is_number(column->type) && column->type != SHEAF_BOOL;
    if (quoted || writer->guard_numbers) {
        char value[SHEAF_FORMAT_MAX];
        size_t size = (size_t)(put_value(value, column, row) - value);
        return put_text(writer, to, value, size, first);
    }
    return put_value(to, column, row);
}

static bool reserve(struct sheaf_string *out, size_t size)
{
    return out->capacity - out->size > size || sheaf_string_reserve(out, size);
}

static bool append_cell(const struct writer *writer, size_t index, size_t row)
{
    const sheaf_column *column = writer->columns + index;
    struct sheaf_string *out = writer->out;
    sheaf_text text = {"", 0, 0};
    bool present = sheaf_present(column, row);

    if (present && is_text(column->type))
        memcpy(&text, (const char *)column->values + row * sizeof text, sizeof text);
    if (!reserve(out, (size_t)text.size * SHEAF_ESCAPE_MAX + SHEAF_ESCAPE_EXTRA +
                          SHEAF_ESCAPE_MAX * SHEAF_FORMAT_MAX))
        return false;
    char *to = out->bytes + out->size;
    if (!present)
        to = put_missing(writer, to);
    else if (is_text(column->type))
        to = put_text(writer, to, text.size > 0 ? text.bytes : "", text.size, index == 0);
    else
        to = put_plain(writer, to, column, row, index == 0);
    out->size = (size_t)(to - out->bytes);
    return true;
}

/* -- rows ---------------------------------------------------------------------------------- */

static uint8_t delimiter_of(const struct sheaf_style *style)
{
    return style->delimiter ? style->delimiter : ',';
}

static void append_fields(const struct writer *writer, size_t row, const char *begin, char between,
                          const char *end)
{
    sheaf_string_append(writer->out, begin);
    for (size_t i = 0; i < writer->count; i++) {
        if (i > 0 && reserve(writer->out, 1))
            writer->out->bytes[writer->out->size++] = between;
        if (!append_cell(writer, i, row))
            return;
    }
    sheaf_string_append(writer->out, end);
}

static void append_md_row(const struct writer *writer, size_t row)
{
    sheaf_string_append_char(writer->out, '|');
    for (size_t i = 0; i < writer->count; i++) {
        sheaf_string_append_char(writer->out, ' ');
        if (!append_cell(writer, i, row))
            return;
        sheaf_string_append_bytes(writer->out, " |", 2);
    }
    sheaf_string_append_char(writer->out, '\n');
}

static void append_json_row(const struct writer *writer, size_t row)
{
    size_t begin = 0;

    for (size_t i = 0; i < writer->count; i++) {
        sheaf_string_append_bytes(writer->out, writer->labels.bytes + begin,
                                  writer->label_ends[i] - begin);
        begin = writer->label_ends[i];
        if (!append_cell(writer, i, row))
            return;
    }
    if (writer->count == 0)
        sheaf_string_append_char(writer->out, '{');
    sheaf_string_append_char(writer->out, '}');
}

static void append_row(const struct writer *writer, size_t row)
{
    static const char cell_end = SHEAF_CELL_END, row_end[] = {SHEAF_ROW_END, 0};

    switch (writer->style->layout) {
    case SHEAF_LAYOUT_JSON:
        sheaf_string_append_bytes(writer->out, ",\n", 2);
        append_json_row(writer, row);
        break;
    case SHEAF_LAYOUT_JSONL:
        append_json_row(writer, row);
        sheaf_string_append_char(writer->out, '\n');
        break;
    case SHEAF_LAYOUT_MD:
        append_md_row(writer, row);
        break;
    case SHEAF_LAYOUT_TABLE:
        append_fields(writer, row, "", cell_end, row_end);
        break;
    case SHEAF_LAYOUT_TSV:
        append_fields(writer, row, "", '\t', "\n");
        break;
    case SHEAF_LAYOUT_CSV:
    default:
        append_fields(writer, row, "", (char)delimiter_of(writer->style), "\n");
        break;
    }
}

static void append_label(struct sheaf_string *labels, const char *name, bool first)
{
    size_t size = strlen(name);

    sheaf_string_append_char(labels, first ? '{' : ',');
    if (!sheaf_string_reserve(labels, size * SHEAF_ESCAPE_MAX + SHEAF_ESCAPE_EXTRA))
        return;
    char *to = sheaf_escape_json(name, size, labels->bytes + labels->size);
    labels->size = (size_t)(to - labels->bytes);
    sheaf_string_append_char(labels, ':');
}

/* Whether a number, a date or a bool could hold the byte. */
static bool occurs_in_values(uint8_t byte)
{
    return byte && strchr("0123456789+-.:TZabcdefghijklmnopqrstuvwxyz", (char)byte);
}

static bool open_writer(struct writer *writer, const char *const *names)
{
    const struct sheaf_style *style = writer->style;

    if (style->layout == SHEAF_LAYOUT_CSV) {
        sheaf_quoting_init(&writer->quoting, delimiter_of(style), style->comment);
        writer->guard_numbers =
            occurs_in_values(delimiter_of(style)) || occurs_in_values(style->comment);
    }
    if (!is_json(writer))
        return true;
    if (sheaf_allocate(&writer->label_ends, writer->count, sizeof *writer->label_ends, NULL))
        return false;
    for (size_t i = 0; i < writer->count; i++) {
        append_label(&writer->labels, names[i], i == 0);
        writer->label_ends[i] = writer->labels.size;
    }
    return !writer->labels.failed;
}

static void close_writer(struct writer *writer)
{
    sheaf_string_free(&writer->labels);
    free(writer->label_ends);
}

static void end_string(struct sheaf_string *out)
{
    if (!out->failed && out->bytes)
        out->bytes[out->size] = '\0';
}

void sheaf_format_selection(const struct sheaf_style *style, const char *const *names,
                            const sheaf_column *columns, size_t count, const uint32_t *selection,
                            size_t selected, struct sheaf_string *out)
{
    struct writer writer = {.style = style, .columns = columns, .count = count, .out = out};

    if (!open_writer(&writer, names))
        out->failed = true;
    for (size_t i = 0; i < selected && !out->failed; i++)
        append_row(&writer, selection[i]);
    close_writer(&writer);
    end_string(out);
}

void sheaf_format_rows(const struct sheaf_style *style, const char *const *names,
                       const sheaf_column *columns, size_t count, size_t rows,
                       struct sheaf_string *out)
{
    struct writer writer = {.style = style, .columns = columns, .count = count, .out = out};

    if (!open_writer(&writer, names))
        out->failed = true;
    for (size_t row = 0; row < rows && !out->failed; row++)
        append_row(&writer, row);
    close_writer(&writer);
    end_string(out);
}

/* -- head and tail ------------------------------------------------------------------------- */

static void append_md_rule(const sheaf_kind *kinds, size_t count, struct sheaf_string *out)
{
    sheaf_string_append_char(out, '|');
    for (size_t i = 0; i < count; i++)
        sheaf_string_append(out, is_number(kinds[i].type) ? " ---: |" : " --- |");
    sheaf_string_append_char(out, '\n');
}

void sheaf_format_head(const struct sheaf_style *style, const char *const *names,
                       const sheaf_kind *kinds, size_t count, struct sheaf_string *out)
{
    struct writer writer = {.style = style, .count = count, .out = out};
    sheaf_column *columns = NULL;
    sheaf_text *texts = NULL;

    if (style->layout == SHEAF_LAYOUT_JSON)
        sheaf_string_append_char(out, '[');
    if (style->layout == SHEAF_LAYOUT_JSON || style->layout == SHEAF_LAYOUT_JSONL)
        return;
    if (count == 0 || (style->headless && style->layout != SHEAF_LAYOUT_MD))
        return;
    /* The names are a row of texts. */
    if (sheaf_allocate(&columns, count, sizeof *columns, NULL) ||
        sheaf_allocate(&texts, count, sizeof *texts, NULL) || !open_writer(&writer, names)) {
        out->failed = true;
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = (sheaf_text){names[i], (uint32_t)strlen(names[i]), 0};
        columns[i] = (sheaf_column){.type = SHEAF_TEXT, .text = texts + i};
    }
    writer.columns = columns;
    append_row(&writer, 0);
    if (style->layout == SHEAF_LAYOUT_MD)
        append_md_rule(kinds, count, out);
done:
    close_writer(&writer);
    free(columns);
    free(texts);
    end_string(out);
}

void sheaf_format_tail(const struct sheaf_style *style, struct sheaf_string *out)
{
    if (style->layout == SHEAF_LAYOUT_JSON)
        sheaf_string_append_bytes(out, "\n]\n", 3);
}

size_t sheaf_format_skip(const struct sheaf_style *style)
{
    return style->layout == SHEAF_LAYOUT_JSON ? 1 : 0;
}
