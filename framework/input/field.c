/* field.c - from a field as it stands in the file to its value: see lexer.h */
#include <string.h>

#include "input/lexer.h"

static size_t initial_spaces(const struct sheaf_dialect *dialect, const char *raw, size_t size)
{
    size_t spaces = 0;

    if (dialect->skip_initial_space)
        while (spaces < size && raw[spaces] == ' ')
            spaces++;
    return spaces;
}

static bool is_quote(const struct sheaf_dialect *dialect, char byte)
{
    return dialect->has_quote && (unsigned char)byte == dialect->quote;
}

static bool is_escape(const struct sheaf_dialect *dialect, char byte)
{
    return dialect->has_escape && (unsigned char)byte == dialect->escape;
}

/* The inside of quotes, up to `at`, where what comes after the closing quote begins. */
static size_t copy_quoted(const struct sheaf_dialect *dialect, const char *raw, size_t size,
                          char *to, size_t *at)
{
    size_t written = 0, i = 1;

    for (; i < size; i++) {
        if (is_escape(dialect, raw[i]) && i + 1 < size) {
            i++;
        } else if (is_quote(dialect, raw[i])) {
            if (!dialect->doublequote || i + 1 == size || !is_quote(dialect, raw[i + 1]))
                break;
            i++;
        }
        to[written++] = raw[i];
    }
    *at = i < size ? i + 1 : size;
    return written;
}

static size_t copy_plain(const struct sheaf_dialect *dialect, const char *raw, size_t size,
                         char *to)
{
    size_t written = 0;

    for (size_t i = 0; i < size; i++) {
        if (is_escape(dialect, raw[i]) && i + 1 < size)
            i++;
        to[written++] = raw[i];
    }
    return written;
}

size_t sheaf_field_unquote(const struct sheaf_dialect *dialect, const char *raw, size_t size,
                           char *to, bool *quoted)
{
    size_t skipped = initial_spaces(dialect, raw, size);
    size_t tail;

    raw += skipped;
    size -= skipped;
    *quoted = size > 0 && is_quote(dialect, raw[0]);
    if (!*quoted)
        return copy_plain(dialect, raw, size, to);

    size_t written = copy_quoted(dialect, raw, size, to, &tail);
    if (tail < size) { /* the byte right after the closing quote is data, even an escape */
        to[written++] = raw[tail++];
        written += copy_plain(dialect, raw + tail, size - tail, to + written);
    }
    return written;
}

const char *sheaf_field_view(const struct sheaf_dialect *dialect, const char *raw, size_t size,
                             size_t *view_size, bool *quoted)
{
    size_t skipped = initial_spaces(dialect, raw, size);

    raw += skipped;
    size -= skipped;
    *quoted = size > 0 && is_quote(dialect, raw[0]);
    if (dialect->has_escape && size > 0 && memchr(raw, dialect->escape, size))
        return NULL;
    *view_size = size;
    if (!*quoted)
        return raw;

    const char *close = memchr(raw + 1, dialect->quote, size - 1);
    if (close && close != raw + size - 1)
        return NULL;
    *view_size = close ? size - 2 : size - 1;
    return raw + 1;
}

size_t sheaf_bom_size(const char *bytes, uint64_t size)
{
    return size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}
