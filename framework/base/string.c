/* string.c - a text that grows while it is built: see string.h */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/string.h"

bool sheaf_string_reserve(struct sheaf_string *string, size_t size)
{
    if (string->failed)
        return false;
    if (string->capacity - string->size > size)
        return true;
    if (sheaf_grow(&string->bytes, &string->capacity, string->size + size + 1, 1, NULL) != SHEAF_OK)
        string->failed = true;
    return !string->failed;
}

void sheaf_string_append_bytes(struct sheaf_string *string, const void *bytes, size_t size)
{
    if (!sheaf_string_reserve(string, size))
        return;
    if (size > 0)
        memcpy(string->bytes + string->size, bytes, size);
    string->size += size;
    string->bytes[string->size] = '\0';
}

void sheaf_string_append(struct sheaf_string *string, const char *more)
{
    sheaf_string_append_bytes(string, more, strlen(more));
}

void sheaf_string_append_char(struct sheaf_string *string, char character)
{
    sheaf_string_append_bytes(string, &character, 1);
}

void sheaf_string_append_format(struct sheaf_string *string, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0 || !sheaf_string_reserve(string, (size_t)size))
        return;
    va_start(arguments, format);
    vsnprintf(string->bytes + string->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    string->size += (size_t)size;
}

void sheaf_string_clear(struct sheaf_string *string)
{
    string->size = 0;
    if (string->bytes)
        string->bytes[0] = '\0';
}

void sheaf_string_free(struct sheaf_string *string)
{
    free(string->bytes);
    *string = (struct sheaf_string){0};
}

sheaf_status sheaf_string_check(const struct sheaf_string *string, sheaf_error *error)
{
    if (string->failed)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory while building a text");
    return SHEAF_OK;
}
