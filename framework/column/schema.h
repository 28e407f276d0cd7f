/*
 * schema.h - the columns of a table: names and kinds, in words and in memory
 *
 * In words: "station:text,amount:decimal(2),when:time,n:i64".  Types: bool i64 f64 decimal
 * decimal(S) date time time(utc) text; binary data also i8 i16 i32 u8 u16 u32 u64 f32, bytes.
 * A name that holds one of , : " ( ) is quoted "like ""this""".
 */
#ifndef SHEAF_COLUMN_SCHEMA_H
#define SHEAF_COLUMN_SCHEMA_H

#include <stddef.h>

#include "base/string.h"
#include <sheaf/batch.h>

struct sheaf_field {
    char *name;
    sheaf_kind kind; /* SHEAF_NONE: not said, to be found out */
};

struct sheaf_schema {
    struct sheaf_field *fields;
    size_t count;
};

/* Read a schema in words; a bare name is a field of type SHEAF_NONE; "decimal" alone has scale -1:
 * to be found out.  SHEAF_BAD_ARGUMENT says at which character and what was wanted. */
SHEAF_CHECKED sheaf_status sheaf_schema_parse(const char *words, struct sheaf_schema *schema,
                                              sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_schema_copy(const struct sheaf_schema *from,
                                             struct sheaf_schema *to, sheaf_error *error);
void sheaf_schema_free(struct sheaf_schema *schema);

/* The inverse of parse. */
void sheaf_schema_print(const struct sheaf_schema *schema, struct sheaf_string *words);
void sheaf_kind_print(sheaf_kind kind, struct sheaf_string *words);
SHEAF_CHECKED sheaf_status sheaf_kind_parse(const char *words, size_t size, sheaf_kind *kind,
                                            sheaf_error *error);

/* Index of the column that is called so, or by position as "#3" (from 1); -1 if there is none. */
int sheaf_schema_find(const struct sheaf_schema *schema, const char *name, size_t size);

#endif
