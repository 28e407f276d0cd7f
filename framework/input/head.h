/* head.h - the first record of a delimited file, and the names that it gives to columns */
#ifndef SHEAF_INPUT_HEAD_H
#define SHEAF_INPUT_HEAD_H

#include "input/source.h"

struct sheaf_head {
    char **cells;   /* values; each ended by a zero byte */
    size_t count;   /* 0: the file has no record */
    uint64_t begin; /* behind the byte order mark */
    uint64_t end;   /* the first line start behind the record */
    uint64_t lines; /* physical lines before `end` */
};

/* Read the first record; the sample is read again, longer, if the record does not end in it. */
SHEAF_CHECKED sheaf_status sheaf_head_read(struct sheaf_file *file,
                                           const struct sheaf_dialect *dialect,
                                           struct sheaf_sample *sample, struct sheaf_head *head,
                                           sheaf_error *error);
void sheaf_head_free(struct sheaf_head *head);

/* UTF-16 and UTF-32 are refused, with the remedy. */
SHEAF_CHECKED sheaf_status sheaf_head_check_encoding(const char *path,
                                                     const struct sheaf_sample *sample,
                                                     sheaf_error *error);

/*
 * Fields with these names: an empty one is called c3 by its place, and one that
 * was there before gets the first of name_2, name_3, ... that is free.  NULL: c1, c2, ...
 */
SHEAF_CHECKED sheaf_status sheaf_head_names(char *const *cells, size_t count,
                                            struct sheaf_schema *schema, sheaf_error *error);

#endif
