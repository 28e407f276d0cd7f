/* records.c - what the lexer sees, written as JSON: see records.h */
#include "input/records.h"
#include "column/parse.h"

static void write_ascii(struct sheaf_string *to, unsigned char byte)
{
    static const char escapes[] = "btn?fr"; /* 0x08 to 0x0D; 0x0B has none */

    if (byte == '"' || byte == '\\') {
        sheaf_string_append_char(to, '\\');
        sheaf_string_append_char(to, (char)byte);
    } else if (byte >= 0x08 && byte <= 0x0D && byte != 0x0B) {
        sheaf_string_append_char(to, '\\');
        sheaf_string_append_char(to, escapes[byte - 0x08]);
    } else if (byte < 0x20 || byte == 0x7F) {
        sheaf_string_append_format(to, "\\u%04x", byte);
    } else {
        sheaf_string_append_char(to, (char)byte);
    }
}

void sheaf_json_string(struct sheaf_string *to, const char *bytes, size_t size,
                       enum sheaf_encoding encoding)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t good = 0; /* what is before this is well-formed UTF-8 */

    sheaf_string_append_char(to, '"');
    for (size_t i = 0; i < size; i++) {
        if (at[i] >= 0x80 && encoding == SHEAF_UTF8 && good <= i)
            good = i + sheaf_utf8_valid(bytes + i, size - i);
        if (at[i] < 0x80)
            write_ascii(to, at[i]);
        else if (i < good)
            sheaf_string_append_char(to, bytes[i]);
        else
            sheaf_string_append_format(to, "\\u%04x", at[i]);
    }
    sheaf_string_append_char(to, '"');
}

/* Without a copy where the value stands in the file as it is. */
static void write_field(struct sheaf_string *to, const struct sheaf_dialect *dialect,
                        const char *raw, size_t size, enum sheaf_encoding encoding)
{
    struct sheaf_string value = {0};
    size_t view_size;
    bool quoted;
    const char *view = sheaf_field_view(dialect, raw, size, &view_size, &quoted);

    if (view) {
        sheaf_json_string(to, view, view_size, encoding);
        return;
    }
    if (sheaf_string_reserve(&value, size)) {
        value.size = sheaf_field_unquote(dialect, raw, size, value.bytes, &quoted);
        sheaf_json_string(to, value.bytes, value.size, encoding);
    }
    to->failed |= value.failed;
    sheaf_string_free(&value);
}

void sheaf_records_write(struct sheaf_string *to, const struct sheaf_dialect *dialect,
                         const struct sheaf_records *records, size_t r,
                         enum sheaf_encoding encoding)
{
    sheaf_string_append_char(to, '[');
    for (uint32_t c = 0; c < records->fields[r]; c++) {
        uint32_t begin = sheaf_field_begin(records, r, c);
        uint32_t end = sheaf_field_end(records, r, c);
        if (c > 0)
            sheaf_string_append_char(to, ',');
        write_field(to, dialect, records->bytes + begin, end - begin, encoding);
    }
    sheaf_string_append_char(to, ']');
}
