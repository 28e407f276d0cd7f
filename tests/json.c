/* json.c - a small reader of JSON: see json.h */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

struct cursor {
    const char *at, *end;
    int depth;
};

static bool parse_value(struct cursor *cursor, struct json *value);

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at))
        cursor->at++;
}

static bool accept(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static unsigned parse_hex(struct cursor *cursor)
{
    char digits[5] = {0};

    for (int i = 0; i < 4 && cursor->at < cursor->end; i++)
        digits[i] = *cursor->at++;
    return (unsigned)strtoul(digits, NULL, 16);
}

static char *put_character(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

static char *parse_escape(struct cursor *cursor, char *to)
{
    static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    char letter = *cursor->at++;
    const char *found = strchr(letters, letter);

    if (letter != 'u') {
        *to++ = found ? bytes[found - letters] : letter;
        return to;
    }
    unsigned code = parse_hex(cursor);
    if (code >= 0xD800 && code < 0xDC00 && accept(cursor, "\\u"))
        code = 0x10000 + ((code - 0xD800) << 10) + (parse_hex(cursor) - 0xDC00);
    return put_character(to, code);
}

/* A value is never longer than its escaped form. */
static char *parse_text(struct cursor *cursor, size_t *size)
{
    char *bytes, *to;

    if (!accept(cursor, "\""))
        return NULL;
    const char *close = cursor->at;
    while (close < cursor->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= cursor->end || !(to = bytes = malloc((size_t)(close - cursor->at) + 1)))
        return NULL;
    while (cursor->at < close) {
        if (*cursor->at != '\\') {
            *to++ = *cursor->at++;
        } else {
            cursor->at++;
            to = parse_escape(cursor, to);
        }
    }
    *to = '\0';
    *size = (size_t)(to - bytes);
    cursor->at = close + 1;
    return bytes;
}

static bool add_item(struct json *list, char *name)
{
    if ((list->size & (list->size - 1)) == 0) {
        size_t room = list->size ? 2 * list->size : 1;
        struct json *items = realloc(list->items, room * sizeof *items);
        if (items)
            list->items = items;
        char **names = realloc(list->names, room * sizeof *names);
        if (names)
            list->names = names;
        if (!items || !names)
            return false;
    }
    list->names[list->size] = name;
    list->items[list->size++] = (struct json){0};
    return true;
}

static bool parse_list(struct cursor *cursor, struct json *list, const char *close)
{
    size_t ignored;

    skip_space(cursor);
    if (accept(cursor, close))
        return true;
    do {
        char *name = NULL;
        skip_space(cursor);
        if (list->kind == JSON_OBJECT) {
            if (!(name = parse_text(cursor, &ignored)))
                return false;
            skip_space(cursor);
            if (!accept(cursor, ":")) {
                free(name);
                return false;
            }
        }
        if (!add_item(list, name)) {
            free(name);
            return false;
        }
        if (!parse_value(cursor, &list->items[list->size - 1]))
            return false;
        skip_space(cursor);
    } while (accept(cursor, ","));
    return accept(cursor, close);
}

static bool parse_number(struct cursor *cursor, struct json *value)
{
    char digits[64] = {0};
    size_t size = 0;

    while (cursor->at < cursor->end && size < sizeof digits - 1 &&
           strchr("+-.0123456789eE", *cursor->at))
        digits[size++] = *cursor->at++;
    value->kind = JSON_NUMBER;
    value->number = strtod(digits, NULL);
    return size > 0;
}

static bool parse_value(struct cursor *cursor, struct json *value)
{
    bool good = false;

    if (++cursor->depth > 64)
        return false;
    skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == '"') {
        value->kind = JSON_STRING;
        value->bytes = parse_text(cursor, &value->size);
        good = value->bytes != NULL;
    } else if (accept(cursor, "[")) {
        value->kind = JSON_ARRAY;
        good = parse_list(cursor, value, "]");
    } else if (accept(cursor, "{")) {
        value->kind = JSON_OBJECT;
        good = parse_list(cursor, value, "}");
    } else if (accept(cursor, "null")) {
        good = true;
    } else if ((value->truth = accept(cursor, "true")) || accept(cursor, "false")) {
        value->kind = JSON_BOOL;
        good = true;
    } else {
        good = parse_number(cursor, value);
    }
    cursor->depth--;
    return good;
}

static void clear(struct json *json)
{
    free(json->bytes);
    if (json->kind == JSON_ARRAY || json->kind == JSON_OBJECT)
        for (size_t i = 0; i < json->size; i++) {
            free(json->names[i]);
            clear(&json->items[i]);
        }
    free(json->items);
    free(json->names);
}

void json_free(struct json *json)
{
    if (json)
        clear(json);
    free(json);
}

struct json *json_parse(const char *text, size_t size)
{
    struct cursor cursor = {.at = text, .end = text + size};
    struct json *json = calloc(1, sizeof *json);

    if (json && !parse_value(&cursor, json)) {
        printf("no JSON at byte %zu\n", (size_t)(cursor.at - text));
        json_free(json);
        return NULL;
    }
    return json;
}

char *json_read_file(const char *folder, const char *file, size_t *size)
{
    char path[4096];
    FILE *stream;
    char *bytes = NULL;
    long end;

    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (!(stream = fopen(path, "rb"))) {
        printf("can not read %s\n", path);
        return NULL;
    }
    if (fseek(stream, 0, SEEK_END) == 0 && (end = ftell(stream)) >= 0) {
        rewind(stream);
        *size = (size_t)end;
        bytes = malloc(*size ? *size : 1);
        if (bytes && fread(bytes, 1, *size, stream) != *size) {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(stream);
    return bytes;
}

struct json *json_read(const char *folder, const char *file)
{
    size_t size;
    char *text = json_read_file(folder, file, &size);
    struct json *json = text ? json_parse(text, size) : NULL;

    free(text);
    return json;
}

const struct json *json_get(const struct json *object, const char *name)
{
    if (object && object->kind == JSON_OBJECT)
        for (size_t i = 0; i < object->size; i++)
            if (strcmp(object->names[i], name) == 0)
                return &object->items[i];
    return NULL;
}
