/*
 * string.h - a text that grows while it is built
 *
 *     struct sheaf_string line = {0};
 *     sheaf_string_append_format(&line, "%zu rows", rows);
 *     ... line.bytes, line.size ...
 *     sheaf_string_free(&line);
 *
 * Failing to allocate is remembered in `failed` and makes later appends do
 * nothing, so that one check at the end is enough.
 */
#ifndef SHEAF_BASE_STRING_H
#define SHEAF_BASE_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include <sheaf/error.h>

struct sheaf_string {
    char *bytes; /* ended by a zero byte that does not count; NULL while nothing was appended */
    size_t size;
    size_t capacity;
    bool failed;
};

/* Room for `size` more bytes at string->bytes + string->size; false if memory was refused. */
bool sheaf_string_reserve(struct sheaf_string *string, size_t size);
void sheaf_string_append(struct sheaf_string *string, const char *more);
void sheaf_string_append_bytes(struct sheaf_string *string, const void *bytes, size_t size);
void sheaf_string_append_char(struct sheaf_string *string, char character);
void sheaf_string_append_format(struct sheaf_string *string, const char *format, ...) SHEAF_PRINTF(2, 3);
void sheaf_string_clear(struct sheaf_string *string); /* empty, memory kept */
void sheaf_string_free(struct sheaf_string *string);
SHEAF_CHECKED sheaf_status sheaf_string_check(const struct sheaf_string *string, sheaf_error *error);

#endif
