/* layout.h - the fields of binary records: names, kinds, places; see docs/binary.md */
#ifndef SHEAF_INPUT_LAYOUT_H
#define SHEAF_INPUT_LAYOUT_H

#include "input/source.h"

struct sheaf_layout {
    struct sheaf_schema schema;
    struct sheaf_place *places;
    size_t schema_capacity, places_capacity;
    uint64_t record_size;
    /* .npy only. */
    uint64_t data_begin;
    uint64_t records;
};

/* The name is copied. */
SHEAF_CHECKED sheaf_status sheaf_layout_add(struct sheaf_layout *layout, const char *name,
                                            sheaf_kind kind, const struct sheaf_place *place,
                                            sheaf_error *error);
void sheaf_layout_free(struct sheaf_layout *layout);

/* "name:type@offset,...;size=N;order=little|big" */
SHEAF_CHECKED sheaf_status sheaf_layout_parse(const char *words, struct sheaf_layout *layout,
                                              sheaf_error *error);

/* The header of an .npy file. */
SHEAF_CHECKED sheaf_status sheaf_npy_read(struct sheaf_file *file, struct sheaf_layout *layout,
                                          sheaf_error *error);

/* Whether these are the first bytes of an .npy file. */
bool sheaf_npy_magic(const struct sheaf_sample *sample);

/* The text of a header, from its opening brace; what it says must fit in size_t arithmetic. */
SHEAF_CHECKED sheaf_status sheaf_npy_parse(const char *path, const char *text, size_t size,
                                           struct sheaf_layout *layout, sheaf_error *error);

#define SHEAF_CODE_LAYOUT 408
/* As sheaf_error_set(), with that code. */
sheaf_status sheaf_layout_error(sheaf_error *error, sheaf_status status, const char *format, ...)
    SHEAF_PRINTF(3, 4);

#endif
