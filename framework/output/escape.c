/* escape.c - one text as a field of each layout: see escape.h */
#include <stdbool.h>
#include <string.h>

#include "column/parse.h"
#include "output/escape.h"

static const char hex[] = "0123456789ABCDEF";

static char *put(char *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    return to + size;
}

/* -- csv ----------------------------------------------------------------------------------- */

void sheaf_quoting_init(struct sheaf_quoting *quoting, uint8_t delimiter, uint8_t comment)
{
    memset(quoting, 0, sizeof *quoting);
    quoting->special[delimiter] = 1;
    quoting->special['"'] = 1;
    quoting->special['\r'] = 1;
    quoting->special['\n'] = 1;
    quoting->comment = comment;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool needs_quotes(const struct sheaf_quoting *quoting, const char *text, size_t size,
                         int first)
{
    uint8_t found = 0;

    /* An empty text is "", for a field without quotes would be read as missing. */
    if (size == 0 || is_blank(text[0]) || is_blank(text[size - 1]))
        return true;
    if (first && quoting->comment && (uint8_t)text[0] == quoting->comment)
        return true;
    /* A mark of byte order is dropped where a file begins. */
    if (first && size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        return true;
    for (size_t i = 0; i < size; i++)
        found |= quoting->special[(uint8_t)text[i]];
    return found;
}

char *sheaf_escape_csv(const struct sheaf_quoting *quoting, const char *text, size_t size,
                       int first, char *to)
{
    if (!needs_quotes(quoting, text, size, first))
        return put(to, text, size);
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            *to++ = '"';
        *to++ = text[i];
    }
    *to++ = '"';
    return to;
}

/* -- tsv ----------------------------------------------------------------------------------- */

char *sheaf_escape_tsv(const char *text, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++) {
        char letter = text[i] == '\t' ? 't' : text[i] == '\n' ? 'n' : text[i] == '\r' ? 'r' : 0;
        if (text[i] == '\\')
            letter = '\\';
        if (letter)
            *to++ = '\\';
        *to++ = letter ? letter : text[i];
    }
    return to;
}

/* -- json ---------------------------------------------------------------------------------- */

static char *put_json_control(char *to, uint8_t byte)
{
    static const char letters[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    *to++ = '\\';
    if (letters[byte]) {
        *to++ = letters[byte];
        return to;
    }
    to = put(to, "u00", 3);
    *to++ = hex[byte >> 4];
    *to++ = hex[byte & 15];
    return to;
}

/* A text of whole characters. */
static char *put_json_valid(char *to, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte < 0x20) {
            to = put_json_control(to, byte);
            continue;
        }
        if (byte == '"' || byte == '\\')
            *to++ = '\\';
        *to++ = (char)byte;
    }
    return to;
}

char *sheaf_escape_json(const char *text, size_t size, char *to)
{
    *to++ = '"';
    while (size > 0) {
        size_t valid = sheaf_utf8_valid(text, size);
        to = put_json_valid(to, text, valid);
        text += valid;
        size -= valid;
        if (size > 0) { /* a byte that belongs to no character becomes U+FFFD */
            to = put(to, "\xEF\xBF\xBD", 3);
            text++;
            size--;
        }
    }
    *to++ = '"';
    return to;
}

/* -- what people read ---------------------------------------------------------------------- */

static char *put_hex(char *to, uint8_t byte)
{
    *to++ = '\\';
    *to++ = 'x';
    *to++ = hex[byte >> 4];
    *to++ = hex[byte & 15];
    return to;
}

/* Bytes of the characters at the start that are neither control characters nor damaged.  C1
 * control characters (U+0080 to U+009F) steer terminals just like those below 0x20. */
static size_t printable(const char *text, size_t size)
{
    size_t valid = sheaf_utf8_valid(text, size);

    for (size_t i = 0; i < valid; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte < 0x20 || byte == 0x7F)
            return i;
        if (byte == 0xC2 && (uint8_t)text[i + 1] < 0xA0)
            return i;
    }
    return valid;
}

char *sheaf_escape_table(const char *text, size_t size, char *to)
{
    while (size > 0) {
        size_t good = printable(text, size);
        to = put(to, text, good);
        text += good;
        size -= good;
        /* A C1 control character is two bytes, and what is left of it would be damaged. */
        for (size_t bad = size >= 2 && (uint8_t)*text == 0xC2 ? 2 : size > 0; bad > 0; bad--) {
            to = put_hex(to, (uint8_t)*text++);
            size--;
        }
    }
    return to;
}

static char *put_md_printable(char *to, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '<') {
            to = put(to, "&lt;", 4);
        } else if (text[i] == '&') {
            to = put(to, "&amp;", 5);
        } else {
            if (strchr("|\\`*", text[i]))
                *to++ = '\\';
            *to++ = text[i];
        }
    }
    return to;
}

char *sheaf_escape_md(const char *text, size_t size, char *to)
{
    while (size > 0) {
        size_t good = printable(text, size);
        to = put_md_printable(to, text, good);
        text += good;
        size -= good;
        if (size == 0)
            break;
        if (*text == '\n' || *text == '\r') {
            size_t both = size >= 2 && text[0] == '\r' && text[1] == '\n';
            to = put(to, "<br>", 4);
            text += 1 + both;
            size -= 1 + both;
        } else {
            *to++ = '\\'; /* shown as one backslash */
            to = put_hex(to, (uint8_t)*text++);
            size--;
        }
    }
    return to;
}
