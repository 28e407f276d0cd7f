/*
 * records.h - what the lexer sees, written for people and other programs
 */
#ifndef SHEAF_INPUT_RECORDS_H
#define SHEAF_INPUT_RECORDS_H

#include "base/string.h"
#include "input/lexer.h"

enum sheaf_encoding {
    SHEAF_UTF8,  /* valid UTF-8 passes as it is; each byte that is not becomes \u00XX */
    SHEAF_LATIN1 /* each byte is a character of ISO 8859-1 */
};

/* Append a JSON string with these bytes as characters. */
void sheaf_json_string(struct sheaf_string *to, const char *bytes, size_t size,
                       enum sheaf_encoding encoding);

/* Append record r as a JSON array of strings: ["a","b"].  No newline. */
void sheaf_records_write(struct sheaf_string *to, const struct sheaf_dialect *dialect,
                         const struct sheaf_records *records, size_t r,
                         enum sheaf_encoding encoding);

#endif
