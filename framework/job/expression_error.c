/* expression_error.c - what is wrong with an expression, and where: see expression_tree.h */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "job/expression_tree.h"

#define SHOWN 60 /* bytes of the text in a message, about */

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static size_t characters(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += !continues(text[i]);
    return count;
}

/* The part of the text around a place, and below it the marks. */
static void point_at(const struct sheaf_expression *tree, size_t begin, size_t end,
                     sheaf_error *error)
{
    char line[SHOWN + 16], marks[SHOWN + 16];
    size_t first = begin > SHOWN / 2 ? begin - SHOWN / 2 : 0;
    size_t last = first + SHOWN < tree->size ? first + SHOWN : tree->size;

    while (first > 0 && continues(tree->text[first]))
        first--;
    while (last < tree->size && continues(tree->text[last]))
        last++;
    size_t size = last - first;
    memcpy(line, tree->text + first, size);
    line[size] = '\0';
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = ' '; /* one column each, or the marks would not fit */
    size_t blanks = characters(tree->text + first, begin - first);
    if (end > last)
        end = last;
    size_t width = end > begin ? characters(tree->text + begin, end - begin) : 1;
    memset(marks, ' ', blanks);
    memset(marks + blanks, '^', width > 0 ? width : 1);
    marks[blanks + (width > 0 ? width : 1)] = '\0';
    sheaf_error_help(error, "  %s", line);
    sheaf_error_help(error, "  %s", marks);
}

sheaf_status sheaf_expression_complain(const struct sheaf_expression *tree, size_t begin,
                                       size_t end, int code, sheaf_error *error, const char *format,
                                       ...)
{
    char what[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "expression:%zu: %s (E%d)",
                    characters(tree->text, begin) + 1, what, code);
    if (error) {
        error->code = code;
        point_at(tree, begin, end, error);
    }
    return SHEAF_BAD_ARGUMENT;
}

size_t sheaf_expression_distance(const char *a, size_t a_size, const char *b, size_t b_size,
                                 size_t limit)
{
    size_t row[65];

    if (a_size > 64 || b_size > 64)
        return limit + 1;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t change = diagonal + !same;
            diagonal = row[j];
            size_t drop = row[j] + 1, add = row[j - 1] + 1;
            row[j] = change < drop ? change : drop;
            if (add < row[j])
                row[j] = add;
        }
    }
    return row[b_size] < limit ? row[b_size] : row[b_size] <= limit ? limit : limit + 1;
}

static void list_columns(const struct sheaf_schema *schema, sheaf_error *error)
{
    char list[200] = "";
    size_t used = 0;

    for (size_t i = 0; i < schema->count; i++) {
        const char *name = schema->fields[i].name;
        size_t size = strlen(name);
        if (used + size + 8 > sizeof list) {
            memcpy(list + used, " ...", 5);
            break;
        }
        list[used++] = ' ';
        memcpy(list + used, name, size + 1);
        used += size;
    }
    sheaf_error_help(error, "Columns:%s", used > 0 ? list : " none");
}

void sheaf_expression_suggest_column(const struct sheaf_schema *schema, const char *name,
                                     size_t size, sheaf_error *error)
{
    size_t limit = size > 3 ? size / 3 + 1 : 1, nearest = limit + 1;
    const char *best = NULL;

    if (!error)
        return;
    for (size_t i = 0; i < schema->count; i++) {
        const char *candidate = schema->fields[i].name;
        size_t distance =
            sheaf_expression_distance(name, size, candidate, strlen(candidate), limit);
        if (distance < nearest) {
            nearest = distance;
            best = candidate;
        }
    }
    if (best)
        sheaf_error_help(error, "Did you mean %s?", best);
    else
        list_columns(schema, error);
}

const char *sheaf_expression_kind_words(sheaf_kind kind)
{
    switch ((int)kind.type) {
    case SHEAF_BOOL:
        return "true or false";
    case SHEAF_I64:
    case SHEAF_DECIMAL:
    case SHEAF_WIDE:
    case SHEAF_F64:
        return "a number";
    case SHEAF_DATE:
        return "a date";
    case SHEAF_TIME:
        return kind.scale ? "a time in UTC" : "a time";
    case SHEAF_TEXT:
        return "text";
    default:
        return sheaf_type_name(kind.type);
    }
}
