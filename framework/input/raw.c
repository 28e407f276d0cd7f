/* raw.c - packed records whose fields the schema names: see docs/binary.md */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "input/layout.h"
#include "input/open.h"

/* No record and no field is larger: what is read at once must fit in memory. */
#define RECORD_LIMIT ((uint64_t)1 << 30)

sheaf_status sheaf_layout_error(sheaf_error *error, sheaf_status status, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sheaf_error_set(error, status, "%s (E408)", text);
    if (error)
        error->code = SHEAF_CODE_LAYOUT;
    return status;
}

sheaf_status sheaf_layout_add(struct sheaf_layout *layout, const char *name, sheaf_kind kind,
                              const struct sheaf_place *place, sheaf_error *error)
{
    struct sheaf_schema *schema = &layout->schema;
    struct sheaf_field field = {NULL, kind};

    SHEAF_TRY(sheaf_grow(&schema->fields, &layout->schema_capacity, schema->count + 1,
                         sizeof *schema->fields, error));
    SHEAF_TRY(sheaf_grow(&layout->places, &layout->places_capacity, schema->count + 1,
                         sizeof *layout->places, error));
    SHEAF_TRY(sheaf_copy_string(name, &field.name, error));
    layout->places[schema->count] = *place;
    schema->fields[schema->count++] = field;
    return SHEAF_OK;
}

void sheaf_layout_free(struct sheaf_layout *layout)
{
    sheaf_schema_free(&layout->schema);
    free(layout->places);
    *layout = (struct sheaf_layout){0};
}

/* -- words ----------------------------------------------------------------------------------- */

static const char grammar[] = "A layout is NAME:TYPE@OFFSET,...;size=N;order=little|big such as "
                              "id:u32@0,price:f64@8;size=16, see docs/binary.md";

/* Where the first of `stops` stands outside quotes, or the end. */
static const char *find_outside(const char *at, const char *end, const char *stops)
{
    bool inside = false;

    for (; at < end; at++) {
        if (*at == '"')
            inside = !inside;
        else if (!inside && strchr(stops, *at))
            return at;
    }
    return end;
}

static bool read_number(const char *at, const char *end, uint64_t *number)
{
    *number = 0;
    if (at == end)
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9' || *number > RECORD_LIMIT)
            return false;
        *number = 10 * *number + (uint64_t)(*at - '0');
    }
    return *number <= RECORD_LIMIT;
}

static sheaf_status wrong(const char *what, const char *at, const char *end, sheaf_error *error)
{
    sheaf_layout_error(error, SHEAF_BAD_ARGUMENT, "schema: %s, got \"%.*s\"", what,
                       end - at > 60 ? 60 : (int)(end - at), at);
    sheaf_error_help(error, "%s", grammar);
    return SHEAF_BAD_ARGUMENT;
}

/* Take "(12)" from the end of text(12) and bytes(12): those types have no size of their own. */
static bool take_size(const char *type, const char **end, uint64_t *size)
{
    const char *open = find_outside(type, *end, "(");

    if (open == *end || (*end)[-1] != ')' ||
        !(open - type == 4 ? !strncmp(type, "text", 4)
                           : open - type == 5 && !strncmp(type, "bytes", 5)))
        return false;
    if (!read_number(open + 1, *end - 1, size) || *size == 0)
        return false;
    *end = open;
    return true;
}

static sheaf_status check_type(const struct sheaf_field *field, const struct sheaf_place *place,
                               const char *at, const char *end, sheaf_error *error)
{
    if (field->kind.type == SHEAF_NONE)
        return wrong("expected a type after each name", at, end, error);
    if (field->kind.type == SHEAF_DECIMAL && field->kind.scale < 0)
        return wrong("a stored decimal needs its scale, as in decimal(2)", at, end, error);
    if (place->size == 0)
        return wrong("a stored text needs its size, as in text(8)", at, end, error);
    return SHEAF_OK;
}

static sheaf_status parse_field(const char *at, const char *end, struct sheaf_layout *layout,
                                uint64_t *next, sheaf_error *error)
{
    struct sheaf_place place = {.offset = *next, .form = SHEAF_FORM_VALUE};
    struct sheaf_schema one = {0};
    const char *offset = find_outside(at, end, "@"), *type_end = offset;
    const char *type = find_outside(at, offset, ":");
    uint64_t size = 0;
    char *words = NULL;

    if (offset < end && !read_number(offset + 1, end, &place.offset))
        return wrong("expected an offset in bytes after @", at, end, error);
    if (type < offset && take_size(type + 1, &type_end, &size))
        place.form = SHEAF_FORM_FIXED;
    SHEAF_TRY(sheaf_copy_bytes(at, (size_t)(type_end - at), &words, error));
    sheaf_status status = sheaf_schema_parse(words, &one, error);
    free(words);
    SHEAF_TRY(status);
    if (place.form == SHEAF_FORM_VALUE && one.fields[0].kind.type != SHEAF_TEXT &&
        one.fields[0].kind.type != SHEAF_BYTES)
        size = sheaf_type_size(one.fields[0].kind.type);
    place.size = (uint32_t)size;
    status = check_type(&one.fields[0], &place, at, end, error);
    if (status == SHEAF_OK)
        status = sheaf_layout_add(layout, one.fields[0].name, one.fields[0].kind, &place, error);
    sheaf_schema_free(&one);
    *next = place.offset + place.size;
    if (*next > layout->record_size)
        layout->record_size = *next; /* so far: the size that is needed */
    return status;
}

static sheaf_status parse_setting(const char *at, const char *end, struct sheaf_layout *layout,
                                  bool *swapped, sheaf_error *error)
{
    size_t length = (size_t)(end - at);
    uint64_t size;

    if (length == 12 && !memcmp(at, "order=little", 12)) {
        *swapped = __BYTE_ORDER == __BIG_ENDIAN;
        return SHEAF_OK;
    }
    if (length == 9 && !memcmp(at, "order=big", 9)) {
        *swapped = __BYTE_ORDER == __LITTLE_ENDIAN;
        return SHEAF_OK;
    }
    if (length < 5 || memcmp(at, "size=", 5) != 0 || !read_number(at + 5, end, &size) || size == 0)
        return wrong("expected size=BYTES or order=little or order=big", at, end, error);
    if (size < layout->record_size)
        return sheaf_layout_error(
            error, SHEAF_BAD_ARGUMENT, "schema: the fields end at byte %llu, the record has %llu",
            (unsigned long long)layout->record_size, (unsigned long long)size);
    layout->record_size = size;
    return SHEAF_OK;
}

static sheaf_status parse_words(const char *words, struct sheaf_layout *layout, sheaf_error *error)
{
    const char *end = words + strlen(words);
    const char *fields_end = find_outside(words, end, ";");
    bool swapped = __BYTE_ORDER == __BIG_ENDIAN;
    uint64_t next = 0;

    for (const char *at = words;; at++) {
        const char *stop = find_outside(at, fields_end, ",");
        SHEAF_TRY(parse_field(at, stop, layout, &next, error));
        at = stop;
        if (at == fields_end)
            break;
    }
    for (const char *at = fields_end; at < end;) {
        const char *stop = find_outside(at + 1, end, ";");
        if (stop > at + 1)
            SHEAF_TRY(parse_setting(at + 1, stop, layout, &swapped, error));
        at = stop;
    }
    for (size_t c = 0; c < layout->schema.count; c++)
        layout->places[c].swapped =
            swapped && layout->places[c].form != SHEAF_FORM_FIXED && layout->places[c].size > 1;
    return SHEAF_OK;
}

sheaf_status sheaf_layout_parse(const char *words, struct sheaf_layout *layout, sheaf_error *error)
{
    *layout = (struct sheaf_layout){0};
    sheaf_status status = parse_words(words, layout, error);
    if (status != SHEAF_OK)
        sheaf_layout_free(layout);
    return status;
}

bool sheaf_schema_has_layout(const char *words)
{
    const char *end = words + strlen(words);

    return find_outside(words, end, "@;") < end;
}

/* -- opening ----------------------------------------------------------------------------------- */

/* Names, kinds and places become the data set's. */
static sheaf_status take_layout(sheaf_dataset *dataset, struct sheaf_layout *layout,
                                sheaf_error *error)
{
    size_t count = layout->schema.count;

    SHEAF_TRY(sheaf_allocate(&dataset->open_kinds, count, sizeof *dataset->open_kinds, error));
    SHEAF_TRY(sheaf_allocate(&dataset->evidence, count, sizeof *dataset->evidence, error));
    SHEAF_TRY(sheaf_allocate(&dataset->declared, count, sizeof *dataset->declared, error));
    for (size_t c = 0; c < count; c++)
        dataset->declared[c] = layout->schema.fields[c].kind;
    dataset->schema = layout->schema;
    dataset->places = layout->places;
    dataset->record_size = layout->record_size;
    layout->schema = (struct sheaf_schema){0};
    layout->places = NULL;
    return SHEAF_OK;
}

sheaf_status sheaf_open_records(sheaf_dataset *dataset, sheaf_error *error)
{
    struct sheaf_layout layout;
    sheaf_status status;

    if (!dataset->options.schema)
        return wrong("binary records need a schema that says their layout", "", "", error);
    SHEAF_TRY(sheaf_layout_parse(dataset->options.schema, &layout, error));
    for (size_t i = 0; i < dataset->file_count; i++) {
        const struct sheaf_file *file = &dataset->files[i];
        if (file->size == UINT64_MAX || file->size % layout.record_size == 0)
            continue;
        status = sheaf_layout_error(
            error, SHEAF_BAD_DATA,
            "%s has %llu bytes, which is not a multiple of the %llu bytes of a record", file->path,
            (unsigned long long)file->size, (unsigned long long)layout.record_size);
        sheaf_error_help(error, "The file was cut short, or the layout is another");
        sheaf_layout_free(&layout);
        return status;
    }
    status = take_layout(dataset, &layout, error);
    sheaf_layout_free(&layout);
    return status;
}

static bool same_place(const struct sheaf_place *a, const struct sheaf_place *b)
{
    return a->offset == b->offset && a->size == b->size && a->form == b->form &&
           a->swapped == b->swapped && a->multiply == b->multiply && a->divide == b->divide;
}

static bool same_layout(const sheaf_dataset *dataset, const struct sheaf_layout *layout)
{
    if (layout->record_size != dataset->record_size ||
        layout->schema.count != dataset->schema.count)
        return false;
    for (size_t c = 0; c < layout->schema.count; c++) {
        const struct sheaf_field *a = &layout->schema.fields[c], *b = &dataset->schema.fields[c];
        if (strcmp(a->name, b->name) != 0 || a->kind.type != b->kind.type ||
            a->kind.scale != b->kind.scale || !same_place(&layout->places[c], &dataset->places[c]))
            return false;
    }
    return true;
}

static sheaf_status differ(const sheaf_dataset *dataset, const struct sheaf_file *file,
                           sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_DATA, "%s and %s are not of the same columns (E409)",
                    dataset->files[0].path, file->path);
    sheaf_error_help(error, "Arrays that are read together need the same dtype and byte order");
    if (error)
        error->code = 409;
    return SHEAF_BAD_DATA;
}

sheaf_status sheaf_open_npy(sheaf_dataset *dataset, sheaf_error *error)
{
    if (dataset->options.schema) {
        sheaf_layout_error(error, SHEAF_BAD_ARGUMENT,
                           "an .npy file says its own columns and takes no schema");
        return SHEAF_BAD_ARGUMENT;
    }
    for (size_t i = 0; i < dataset->file_count; i++) {
        struct sheaf_file *file = &dataset->files[i];
        struct sheaf_layout layout = {0};
        SHEAF_TRY(sheaf_npy_read(file, &layout, error));
        file->data_begin = layout.data_begin;
        file->data_end = layout.data_begin + layout.records * layout.record_size;
        sheaf_status status = SHEAF_OK;
        if (i == 0)
            status = take_layout(dataset, &layout, error);
        else if (!same_layout(dataset, &layout))
            status = differ(dataset, file, error);
        sheaf_layout_free(&layout);
        SHEAF_TRY(status);
    }
    return SHEAF_OK;
}
