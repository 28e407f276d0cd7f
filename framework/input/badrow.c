/* badrow.c - rows that do not fit, and how they are reported: see badrow.h */
#include <stdio.h>
#include <string.h>

#include "column/parse.h"
#include "input/badrow.h"

/* So much of a line, of a value, of a rejected record is repeated. */
enum { EXCERPT = 72, VALUE = 60, REJECT = 1 << 16 };

void sheaf_bad_clear(struct sheaf_bad_rows *bad)
{
    if (bad->count > 0)
        memset(bad->rows, 0, sizeof bad->rows);
    bad->count = 0;
}

void sheaf_bad_note(struct sheaf_bad_rows *bad, size_t row, enum sheaf_bad code, uint32_t column,
                    sheaf_kind kind)
{
    uint64_t bit = (uint64_t)1 << (row % 64);
    bool known = bad->rows[row / 64] & bit;

    if (known && (bad->code[row] == SHEAF_BAD_WIDTH || bad->column[row] <= column))
        return;
    bad->rows[row / 64] |= bit;
    bad->count += !known;
    bad->code[row] = (uint16_t)code;
    bad->column[row] = column;
    bad->kind[row] = kind;
}

/* -- the excerpt ------------------------------------------------------------------------------- */

static bool is_newline(char byte)
{
    return byte == '\n' || byte == '\r';
}

/* One printable column for each character: control bytes and halves of characters are dots. */
static size_t append_printable(char *to, size_t room, const char *from, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < size && used + 1 < room; i++) {
        unsigned char byte = (unsigned char)from[i];
        to[used++] = byte == '\t' ? ' ' : byte < 0x20 || byte == 0x7f ? '.' : from[i];
    }
    to[used] = '\0';
    return used;
}

static size_t characters(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static size_t line_begin(const struct sheaf_bad_place *place)
{
    size_t at = place->field;

    while (at > 0 && !is_newline(place->bytes[at - 1]))
        at--;
    return at;
}

size_t sheaf_bad_line_column(const struct sheaf_bad_place *place)
{
    return place->field - line_begin(place) + 1;
}

void sheaf_bad_excerpt(const struct sheaf_bad_place *place, sheaf_error *error)
{
    size_t begin = line_begin(place), end = place->field;
    char line[EXCERPT + 1], mark[2 * EXCERPT + 2];

    while (end < place->size && !is_newline(place->bytes[end]))
        end++;
    if (place->field - begin > EXCERPT / 2) { /* keep the field in sight */
        begin = place->field - EXCERPT / 2;
        while (begin < place->field && ((unsigned char)place->bytes[begin] & 0xC0) == 0x80)
            begin++;
    }
    if (end - begin > EXCERPT)
        end = begin + EXCERPT;
    append_printable(line, sizeof line, place->bytes + begin, end - begin);

    size_t field_end = place->field_end < end ? place->field_end : end;
    size_t blanks = characters(place->bytes + begin, place->field - begin);
    size_t width = field_end > place->field
                       ? characters(place->bytes + place->field, field_end - place->field)
                       : 1;
    memset(mark, ' ', blanks);
    memset(mark + blanks, '^', width);
    mark[blanks + width] = '\0';
    sheaf_error_help(error, "| %s", line);
    sheaf_error_help(error, "| %s", mark);
}

/* -- the message ------------------------------------------------------------------------------- */

static const char *expected(sheaf_kind kind, char *room, size_t size)
{
    switch (kind.type) {
    case SHEAF_BOOL:
        return "true or false";
    case SHEAF_I64:
        return "an integer";
    case SHEAF_F64:
        return "a number";
    case SHEAF_DECIMAL:
        snprintf(room, size, "a number with at most %d digits after the point", (int)kind.scale);
        return room;
    case SHEAF_DATE:
        return "a date such as 2024-01-31";
    case SHEAF_TIME:
        return kind.scale == 1 ? "a time such as 2024-01-31T10:00:00Z"
                               : "a time such as 2024-01-31T10:00:00";
    case SHEAF_TEXT:
        return "nothing, as in all rows that were looked at,"; /* a first opinion */
    default:
        snprintf(room, size, "a value of type %s", sheaf_type_name(kind.type));
        return room;
    }
}

static void value_message(const sheaf_dataset *dataset, uint32_t column, sheaf_kind kind,
                          const struct sheaf_bad_place *place, sheaf_error *error)
{
    char room[80];
    size_t size = place->field_end - place->field;
    bool cut = size > VALUE;

    sheaf_error_set(error, SHEAF_BAD_DATA, "%zu: expected %s in \"%.80s\", got \"%.*s%s\"",
                    sheaf_bad_line_column(place), expected(kind, room, sizeof room),
                    dataset->schema.fields[column].name, cut ? VALUE : (int)size,
                    place->bytes + place->field, cut ? "..." : "");
}

static void value_help(const sheaf_dataset *dataset, uint32_t column,
                       const struct sheaf_bad_place *place, sheaf_error *error)
{
    size_t size = place->field_end - place->field;
    const char *name = dataset->schema.fields[column].name;

    sheaf_kind wanted = dataset->schema.fields[column].kind;
    double number;

    if ((wanted.type == SHEAF_I64 || wanted.type == SHEAF_DECIMAL) && size > 0 &&
        sheaf_parse_value((sheaf_kind){SHEAF_F64, 0}, place->bytes + place->field, size, &number))
        sheaf_error_help(
            error,
            "Read the column with its fractions: --schema %.40s:decimal (or %.40s:f64)   "
            "Skip such rows: --on-bad-row skip --rejects bad.csv",
            name, name);
    else if (size > 0 && size <= 20 && memchr(place->bytes + place->field, '\'', size) == NULL &&
             place->bytes[place->field] != '"')
        sheaf_error_help(
            error,
            "Treat it as missing: --null '%.*s'   Read the column as text: "
            "--schema %.40s:text   Skip such rows: --on-bad-row skip --rejects bad.csv",
            (int)size, place->bytes + place->field, name);
    else
        sheaf_error_help(error,
                         "Read the column as text: --schema %.40s:text   Skip such rows: "
                         "--on-bad-row skip --rejects bad.csv",
                         name);
}

sheaf_status sheaf_bad_error(const sheaf_dataset *dataset, enum sheaf_bad code, uint32_t column,
                             sheaf_kind kind, const struct sheaf_bad_place *place,
                             sheaf_error *error)
{
    if (!error)
        return SHEAF_BAD_DATA;
    if (code == SHEAF_BAD_WIDTH)
        sheaf_error_set(error, SHEAF_BAD_DATA, "%zu: expected %zu fields, got %u",
                        sheaf_bad_line_column(place), dataset->schema.count, place->fields);
    else if (code == SHEAF_BAD_ENCODING)
        sheaf_error_set(error, SHEAF_BAD_DATA, "%zu: the text in \"%.80s\" is not UTF-8",
                        sheaf_bad_line_column(place), dataset->schema.fields[column].name);
    else
        value_message(dataset, column, kind, place, error);
    sheaf_bad_excerpt(place, error);
    if (code == SHEAF_BAD_WIDTH)
        sheaf_error_help(error,
                         "Skip such rows: --on-bad-row skip --rejects bad.csv   Fill up with "
                         "missing values: --on-bad-row null");
    else if (code == SHEAF_BAD_ENCODING)
        sheaf_error_help(error, "Convert the file: iconv -f LATIN1 -t UTF-8   Skip such rows: "
                                "--on-bad-row skip --rejects bad.csv");
    else
        value_help(dataset, column, place, error);
    error->code = (int32_t)code;
    error->column = code == SHEAF_BAD_WIDTH ? -1 : (int32_t)column + 1;
    error->byte = (int64_t)place->byte;
    error->row = (int64_t)place->ordinal;
    error->line = (int64_t)place->line;
    return SHEAF_BAD_DATA;
}

/* -- the rejects ------------------------------------------------------------------------------- */

static void append_quoted(struct sheaf_string *to, const char *bytes, size_t size)
{
    if (size > REJECT)
        size = REJECT;
    sheaf_string_append_char(to, '"');
    for (const char *end = bytes + size; bytes < end;) {
        const char *quote = memchr(bytes, '"', (size_t)(end - bytes));
        size_t run = (size_t)((quote ? quote + 1 : end) - bytes);
        sheaf_string_append_bytes(to, bytes, run);
        if (quote)
            sheaf_string_append_char(to, '"');
        bytes += run;
    }
    sheaf_string_append_char(to, '"');
}

void sheaf_bad_reject(struct sheaf_string *rejects, const sheaf_dataset *dataset,
                      enum sheaf_bad code, uint32_t column, const struct sheaf_bad_place *place)
{
    bool width = code == SHEAF_BAD_WIDTH;

    sheaf_string_append_format(rejects, "%llu,%llu,%llu,", (unsigned long long)place->line,
                               (unsigned long long)place->ordinal, (unsigned long long)place->byte);
    if (!width) {
        const char *name = dataset->schema.fields[column].name;
        append_quoted(rejects, name, strlen(name));
    }
    sheaf_string_append(rejects, width                        ? ",width,"
                                 : code == SHEAF_BAD_ENCODING ? ",encoding,"
                                                              : ",value,");
    size_t begin = width ? place->record : place->field;
    append_quoted(rejects, place->bytes + begin,
                  (width ? place->record_end : place->field_end) - begin);
    sheaf_string_append_char(rejects, '\n');
}
