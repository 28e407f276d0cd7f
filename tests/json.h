/* json.h - a small reader of JSON, for what tests expect */
#ifndef SHEAF_TESTS_JSON_H
#define SHEAF_TESTS_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
    enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } kind;
    bool truth;
    double number;
    char *bytes; /* a string as UTF-8, which may hold zero bytes; ended by one more */
    size_t size; /* of the string, or number of items */
    struct json *items;
    char **names; /* of an object's items */
};

/* NULL, with a line on stdout, if the file can not be read or is no JSON. */
struct json *json_read(const char *folder, const char *file);
struct json *json_parse(const char *text, size_t size);
void json_free(struct json *json);

/* A member of an object; NULL if it is not there, or `object` is NULL or no object. */
const struct json *json_get(const struct json *object, const char *name);

/* The bytes of a whole file, exactly as large as it is; NULL, with a line on stdout, on failure. */
char *json_read_file(const char *folder, const char *file, size_t *size);

#endif
