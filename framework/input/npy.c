/*
 * npy.c - the header of numpy's .npy files, versions 1 to 3
 *
 * A header is a Python dictionary, written by repr().  It is read by a parser of just
 * that, which trusts no number in it: sizes are multiplied with overflow checked, and the
 * file must be exactly as long as the header says.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/string.h"
#include "input/layout.h"

#define HEADER_LIMIT ((size_t)64 << 20)
#define ITEM_LIMIT   ((uint64_t)1 << 30)

enum { DEPTH = 32, DIMENSIONS = 32, COLUMNS = 1 << 20 };

struct parser {
    const char *path;
    const char *at, *end;
    struct sheaf_layout *layout;
    sheaf_error *error;
};

static sheaf_status bad(const struct parser *parser, const char *what)
{
    return sheaf_layout_error(parser->error, SHEAF_BAD_DATA, "%s: the .npy header is damaged: %s",
                              parser->path, what);
}

static sheaf_status refuse(const struct parser *parser, const char *what, const char *help)
{
    sheaf_layout_error(parser->error, SHEAF_BAD_DATA, "%s: %s", parser->path, what);
    sheaf_error_help(parser->error, "%s", help);
    return SHEAF_BAD_DATA;
}

/* -- tokens ---------------------------------------------------------------------------------- */

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->end && strchr(" \t\n\r", *parser->at) && *parser->at)
        parser->at++;
}

static bool take(struct parser *parser, char wanted)
{
    skip_blanks(parser);
    if (parser->at == parser->end || *parser->at != wanted)
        return false;
    parser->at++;
    return true;
}

static bool sees(struct parser *parser, char wanted)
{
    skip_blanks(parser);
    return parser->at < parser->end && *parser->at == wanted;
}

static bool take_word(struct parser *parser, const char *word)
{
    size_t size = strlen(word);

    skip_blanks(parser);
    if ((size_t)(parser->end - parser->at) < size || memcmp(parser->at, word, size) != 0)
        return false;
    parser->at += size;
    return true;
}

/* 'text' or "text"; a backslash stands for itself and the byte after it, which no field name has
 * that numpy writes without escapes. */
static sheaf_status take_string(struct parser *parser, struct sheaf_string *string)
{
    skip_blanks(parser);
    sheaf_string_clear(string);
    if (parser->at == parser->end || (*parser->at != '\'' && *parser->at != '"'))
        return bad(parser, "expected a string");
    char quote = *parser->at++;
    const char *close = memchr(parser->at, quote, (size_t)(parser->end - parser->at));
    if (!close)
        return bad(parser, "a string is not closed");
    size_t size = (size_t)(close - parser->at);
    if (memchr(parser->at, '\\', size) || memchr(parser->at, '\0', size))
        return refuse(parser, "a field name holds a character that is not read",
                      "Rename the field: letters, digits, blanks and punctuation but \\");
    sheaf_string_append_bytes(string, parser->at, size);
    sheaf_string_append(string, "");
    if (size == 0 && !sheaf_string_reserve(string, 1))
        string->failed = true;
    if (size == 0 && !string->failed)
        string->bytes[0] = '\0';
    parser->at = close + 1;
    return sheaf_string_check(string, parser->error);
}

static sheaf_status take_number(struct parser *parser, uint64_t *number)
{
    skip_blanks(parser);
    if (parser->at == parser->end || *parser->at < '0' || *parser->at > '9')
        return bad(parser, "expected a number");
    for (*number = 0; parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9';
         parser->at++)
        if (__builtin_mul_overflow(*number, 10u, number) ||
            __builtin_add_overflow(*number, (unsigned)(*parser->at - '0'), number))
            return bad(parser, "a number is too large");
    return SHEAF_OK;
}

/* (), (3,), (3, 4) */
static sheaf_status take_shape(struct parser *parser, uint64_t *shape, size_t *dimensions)
{
    *dimensions = 0;
    if (!take(parser, '('))
        return bad(parser, "expected a shape");
    while (!take(parser, ')')) {
        if (*dimensions == DIMENSIONS)
            return bad(parser, "a shape has too many dimensions");
        SHEAF_TRY(take_number(parser, &shape[(*dimensions)++]));
        if (!take(parser, ',') && !sees(parser, ')'))
            return bad(parser, "expected a comma in a shape");
    }
    return SHEAF_OK;
}

/* -- types ----------------------------------------------------------------------------------- */

static sheaf_kind number_kind(char letter, uint64_t size)
{
    static const sheaf_type integers[2][9] = {
        {[1] = SHEAF_I8, [2] = SHEAF_I16, [4] = SHEAF_I32, [8] = SHEAF_I64},
        {[1] = SHEAF_U8, [2] = SHEAF_U16, [4] = SHEAF_U32, [8] = SHEAF_U64},
    };
    sheaf_kind kind = {SHEAF_NONE, 0};

    if (size > 8)
        return kind;
    if (letter == 'i' || letter == 'u')
        kind.type = integers[letter == 'u'][size];
    else if (letter == 'f')
        kind.type = size == 4 ? SHEAF_F32 : size == 8 ? SHEAF_F64 : SHEAF_NONE;
    else if (letter == 'b' && size == 1)
        kind.type = SHEAF_BOOL;
    return kind;
}

/* "[us]" behind M8. */
static bool find_unit(const char *unit, sheaf_kind *kind, struct sheaf_place *place)
{
    static const struct {
        const char *name;
        int64_t multiply, divide;
    } units[] = {{"[s]", 1000000, 1}, {"[ms]", 1000, 1}, {"[us]", 1, 1}, {"[ns]", 1, 1000}};

    if (strcmp(unit, "[D]") == 0) {
        kind->type = SHEAF_DATE;
        place->form = SHEAF_FORM_DAY;
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0) {
            kind->type = SHEAF_TIME;
            place->form = SHEAF_FORM_MOMENT;
            place->multiply = units[i].multiply;
            place->divide = units[i].divide;
            return true;
        }
    return false;
}

/* *skip: bytes without a name or meaning. */
static sheaf_status read_type(const struct parser *parser, const char *words, sheaf_kind *kind,
                              struct sheaf_place *place)
{
    char what[160];
    char order = words[0], letter = order ? words[1] : '\0';
    char *rest = NULL;
    uint64_t size = 0;

    *kind = (sheaf_kind){SHEAF_NONE, 0};
    *place = (struct sheaf_place){.form = SHEAF_FORM_VALUE};
    if (letter == 'O' || order == 'O')
        return refuse(parser, "an array of Python objects can not be read",
                      "Save it with a dtype of numbers or text");
    if (letter && words[2] >= '0' && words[2] <= '9')
        size = strtoull(words + 2, &rest, 10);
    if (!rest || !strchr("<>|=", order) || size > ITEM_LIMIT)
        return bad(parser, "a type is not known");
    bool big = order == '>', little = order == '<';
    place->swapped = __BYTE_ORDER == __LITTLE_ENDIAN ? big : little;
    *kind = *rest ? *kind : number_kind(letter, size);
    if (letter == 'M' && size == 8) {
        find_unit(rest, kind, place);
    } else if (*rest == '\0' && (letter == 'S' || letter == 'V')) {
        kind->type = letter == 'S' ? SHEAF_TEXT : SHEAF_BYTES;
        place->form = SHEAF_FORM_FIXED;
        place->swapped = false;
    } else if (*rest == '\0' && letter == 'U') {
        kind->type = SHEAF_TEXT;
        place->form = SHEAF_FORM_UTF32;
        size *= 4;
    }
    place->size = (uint32_t)size;
    if (kind->type != SHEAF_NONE)
        return SHEAF_OK;
    snprintf(what, sizeof what, "the type %.40s can not be read", words);
    return refuse(parser, what,
                  "Save it as bool, int8 to int64, uint8 to uint64, float32, float64, S, U or "
                  "datetime64[s|ms|us|ns|D]");
}

/* A field of `count` values of one type (1 and not `many`: a plain one), behind the others. */
static sheaf_status add_values(struct parser *parser, const char *name, sheaf_kind kind,
                               struct sheaf_place place, uint64_t count, bool many)
{
    struct sheaf_string numbered = {0};
    sheaf_status status = SHEAF_OK;
    uint64_t bytes;

    if (count > COLUMNS || parser->layout->schema.count + count > COLUMNS)
        return refuse(parser, "there are more than a million columns", "Save the array transposed");
    if (__builtin_mul_overflow(count, (uint64_t)place.size, &bytes) ||
        bytes + parser->layout->record_size > ITEM_LIMIT)
        return bad(parser, "a record is too large");
    for (uint64_t i = 0; status == SHEAF_OK && i < count; i++) {
        sheaf_string_clear(&numbered);
        if (many)
            sheaf_string_append_format(&numbered, "%s%llu", name, (unsigned long long)i);
        else
            sheaf_string_append(&numbered, name);
        place.offset = parser->layout->record_size;
        parser->layout->record_size += place.size;
        status = sheaf_string_check(&numbered, parser->error);
        if (status == SHEAF_OK && place.size > 0)
            status = sheaf_layout_add(parser->layout, numbered.bytes ? numbered.bytes : "", kind,
                                      &place, parser->error);
    }
    sheaf_string_free(&numbered);
    return status;
}

static sheaf_status product(const struct parser *parser, const uint64_t *shape, size_t dimensions,
                            uint64_t *count)
{
    *count = 1;
    for (size_t i = 0; i < dimensions; i++)
        if (__builtin_mul_overflow(*count, shape[i], count))
            return bad(parser, "a shape is too large");
    return SHEAF_OK;
}

/* -- structured types ------------------------------------------------------------------------ */

static sheaf_status read_fields(struct parser *parser, const char *prefix, int depth);

/* The type of a field, which may be a list of fields in turn, and its shape. */
static sheaf_status read_field_type(struct parser *parser, const char *name, int depth)
{
    struct sheaf_string words = {0}, inner = {0};
    uint64_t shape[DIMENSIONS], count = 1;
    size_t dimensions = 0;
    sheaf_kind kind;
    struct sheaf_place place;

    if (sees(parser, '[')) {
        sheaf_string_append_format(&inner, "%s.", name);
        sheaf_status status = sheaf_string_check(&inner, parser->error);
        if (status == SHEAF_OK)
            status = read_fields(parser, inner.bytes, depth + 1);
        sheaf_string_free(&inner);
        SHEAF_TRY(status);
        return sees(parser, ',') ? refuse(parser, "an array of structures inside a structure",
                                          "Save its fields as fields of their own")
                                 : SHEAF_OK;
    }
    sheaf_status status = take_string(parser, &words);
    if (status == SHEAF_OK)
        status = read_type(parser, words.bytes, &kind, &place);
    sheaf_string_free(&words);
    SHEAF_TRY(status);
    if (take(parser, ',') && sees(parser, '('))
        SHEAF_TRY(take_shape(parser, shape, &dimensions));
    SHEAF_TRY(product(parser, shape, dimensions, &count));
    if (*name == '\0' && kind.type == SHEAF_BYTES) { /* numpy's filling between aligned fields */
        if (count > ITEM_LIMIT || count * place.size + parser->layout->record_size > ITEM_LIMIT)
            return bad(parser, "a record is too large");
        parser->layout->record_size += count * place.size;
        return SHEAF_OK;
    }
    return add_values(parser, name, kind, place, count, dimensions > 0);
}

/* ('name', type) or (('title', 'name'), type) or with a shape behind. */
static sheaf_status read_field(struct parser *parser, const char *prefix, int depth)
{
    struct sheaf_string name = {0}, full = {0};
    bool titled, filling;

    if (!take(parser, '('))
        return bad(parser, "expected a field");
    titled = take(parser, '(');
    sheaf_status status = take_string(parser, &name);
    if (status == SHEAF_OK && titled && !take(parser, ','))
        status = bad(parser, "expected a title and a name");
    if (status == SHEAF_OK && titled)
        status = take_string(parser, &name);
    if (status == SHEAF_OK && titled && !take(parser, ')'))
        status = bad(parser, "expected a title and a name");
    if (status == SHEAF_OK && !take(parser, ','))
        status = bad(parser, "expected a type after a name");
    filling = name.size == 0;
    if (status == SHEAF_OK && !filling)
        sheaf_string_append_format(&full, "%s%s", prefix, name.bytes);
    if (status == SHEAF_OK)
        status = sheaf_string_check(&full, parser->error);
    if (status == SHEAF_OK)
        status = read_field_type(parser, filling ? "" : full.bytes, depth);
    if (status == SHEAF_OK && !take(parser, ')'))
        status = bad(parser, "expected the end of a field");
    sheaf_string_free(&name);
    sheaf_string_free(&full);
    return status;
}

static sheaf_status read_fields(struct parser *parser, const char *prefix, int depth)
{
    if (depth > DEPTH)
        return bad(parser, "structures are nested too deep");
    if (!take(parser, '['))
        return bad(parser, "expected a list of fields");
    while (!take(parser, ']')) {
        SHEAF_TRY(read_field(parser, prefix, depth));
        if (!take(parser, ',') && !sees(parser, ']'))
            return bad(parser, "expected a comma between fields");
    }
    return SHEAF_OK;
}

/* -- the dictionary -------------------------------------------------------------------------- */

struct array {
    bool structured, fortran;
    bool has_descr, has_order, has_shape;
    sheaf_kind kind; /* if not structured */
    struct sheaf_place place;
    uint64_t shape[DIMENSIONS];
    size_t dimensions;
};

static sheaf_status read_descr(struct parser *parser, struct array *array)
{
    struct sheaf_string words = {0};

    array->has_descr = true;
    array->structured = sees(parser, '[');
    if (array->structured)
        return read_fields(parser, "", 0);
    sheaf_status status = take_string(parser, &words);
    if (status == SHEAF_OK)
        status = read_type(parser, words.bytes, &array->kind, &array->place);
    sheaf_string_free(&words);
    return status;
}

static sheaf_status read_entry_of(struct parser *parser, const char *key, struct array *array)
{
    if (strcmp(key, "descr") == 0 && !array->has_descr)
        return read_descr(parser, array);
    if (strcmp(key, "shape") == 0) {
        array->has_shape = true;
        return take_shape(parser, array->shape, &array->dimensions);
    }
    if (strcmp(key, "fortran_order") != 0)
        return bad(parser, "a key is not known");
    array->has_order = true;
    array->fortran = take_word(parser, "True");
    if (!array->fortran && !take_word(parser, "False"))
        return bad(parser, "expected True or False");
    return SHEAF_OK;
}

static sheaf_status read_entry(struct parser *parser, struct array *array)
{
    struct sheaf_string key = {0};
    sheaf_status status = take_string(parser, &key);

    if (status == SHEAF_OK && !take(parser, ':'))
        status = bad(parser, "expected a colon");
    if (status == SHEAF_OK)
        status = read_entry_of(parser, key.bytes, array);
    sheaf_string_free(&key);
    return status;
}

/* Rows and columns of the table that the array is. */
static sheaf_status make_table(struct parser *parser, const struct array *array)
{
    struct sheaf_layout *layout = parser->layout;
    uint64_t columns = 1;

    if (array->dimensions > 2 || (array->structured && array->dimensions > 1))
        return refuse(parser, "the array has more dimensions than a table",
                      "Reshape it to rows and columns");
    if (array->dimensions == 2 && array->fortran)
        return refuse(parser, "the array lies column by column (Fortran order)",
                      "Save it row by row: numpy.save(file, numpy.ascontiguousarray(a))");
    layout->records = array->dimensions > 0 ? array->shape[0] : 1;
    if (array->dimensions == 2)
        columns = array->shape[1];
    if (!array->structured)
        SHEAF_TRY(add_values(parser, array->dimensions == 2 ? "c" : "value", array->kind,
                             array->place, columns, array->dimensions == 2));
    if (layout->schema.count == 0 || layout->record_size == 0)
        return refuse(parser, "the array has no columns", "Save one with at least one");
    return SHEAF_OK;
}

sheaf_status sheaf_npy_parse(const char *path, const char *text, size_t size,
                             struct sheaf_layout *layout, sheaf_error *error)
{
    struct parser parser = {path, text, text + size, layout, error};
    struct array array = {0};

    if (!take(&parser, '{'))
        return bad(&parser, "expected a dictionary");
    while (!take(&parser, '}')) {
        SHEAF_TRY(read_entry(&parser, &array));
        if (!take(&parser, ',') && !sees(&parser, '}'))
            return bad(&parser, "expected a comma");
    }
    skip_blanks(&parser);
    if (parser.at < parser.end)
        return bad(&parser, "something stands behind the dictionary");
    if (!array.has_descr || !array.has_order || !array.has_shape)
        return bad(&parser, "descr, fortran_order or shape is missing");
    return make_table(&parser, &array);
}

/* -- the file -------------------------------------------------------------------------------- */

bool sheaf_npy_magic(const struct sheaf_sample *sample)
{
    return sample->size >= 6 && memcmp(sample->bytes, "\x93NUMPY", 6) == 0;
}

/* The file must be exactly as long as the header says, where its length is known. */
static sheaf_status check_size(const struct sheaf_file *file, const struct sheaf_layout *layout,
                               sheaf_error *error)
{
    uint64_t bytes, total;

    if (__builtin_mul_overflow(layout->records, layout->record_size, &bytes) ||
        __builtin_add_overflow(bytes, layout->data_begin, &total) || total > INT64_MAX)
        return sheaf_layout_error(error, SHEAF_BAD_DATA,
                                  "%s: the .npy header is damaged: a shape is too large",
                                  file->path);
    if (file->size == UINT64_MAX || file->size == total)
        return SHEAF_OK;
    sheaf_layout_error(error, SHEAF_BAD_DATA, "%s has %llu bytes, its header says %llu", file->path,
                       (unsigned long long)file->size, (unsigned long long)total);
    sheaf_error_help(error, file->size < total ? "The file was cut short: get it again"
                                               : "It may hold several arrays: save one in a file");
    return SHEAF_BAD_DATA;
}

/* Where the text of the header stands, by the version. */
static sheaf_status find_text(const char *path, const struct sheaf_sample *sample, size_t *begin,
                              size_t *size, sheaf_error *error)
{
    const unsigned char *bytes = (const unsigned char *)sample->bytes;

    if (!sheaf_npy_magic(sample) || sample->size < 12)
        return sheaf_layout_error(error, SHEAF_BAD_DATA, "%s is not an .npy file", path);
    if (bytes[6] < 1 || bytes[6] > 3)
        return sheaf_layout_error(error, SHEAF_BAD_DATA,
                                  "%s is an .npy file of version %u; 1 to 3 are read", path,
                                  bytes[6]);
    *begin = bytes[6] == 1 ? 10 : 12;
    *size = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1)
        *size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (*size > HEADER_LIMIT)
        return sheaf_layout_error(error, SHEAF_BAD_DATA,
                                  "%s: the .npy header is damaged: it would have %zu bytes", path,
                                  *size);
    return SHEAF_OK;
}

sheaf_status sheaf_npy_read(struct sheaf_file *file, struct sheaf_layout *layout,
                            sheaf_error *error)
{
    struct sheaf_sample sample;
    size_t begin = 0, size = 0;

    *layout = (struct sheaf_layout){0};
    SHEAF_TRY(sheaf_sample_read(file, 4096, &sample, error));
    sheaf_status status = find_text(file->path, &sample, &begin, &size, error);
    if (status == SHEAF_OK && begin + size > sample.size) {
        sheaf_sample_free(&sample);
        SHEAF_TRY(sheaf_sample_read(file, begin + size, &sample, error));
    }
    if (status == SHEAF_OK && begin + size > sample.size)
        status = sheaf_layout_error(error, SHEAF_BAD_DATA,
                                    "%s ends inside its .npy header, which has %zu bytes",
                                    file->path, size);
    if (status == SHEAF_OK) {
        layout->data_begin = begin + size;
        status = sheaf_npy_parse(file->path, sample.bytes + begin, size, layout, error);
    }
    if (status == SHEAF_OK)
        status = check_size(file, layout, error);
    sheaf_sample_free(&sample);
    if (status != SHEAF_OK)
        sheaf_layout_free(layout);
    return status;
}
