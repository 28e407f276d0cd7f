/*
 * read_binary.c - shards of binary records into batches
 *
 * A column that is stored as it is wanted, and alone in its record, is a view of the
 * file.  Others are gathered, a column at a time, then turned into the kind that is wanted.
 */
#include <stdio.h>
#include <string.h>

#include "column/parse.h"
#include "input/layout.h"
#include "input/reader_parts.h"
#include "input/source.h"

/* One column of one batch. */
struct gathering {
    struct sheaf_reader *reader;
    struct sheaf_converter *converter;
    const struct sheaf_place *place;
    sheaf_kind stored;
    const char *bytes; /* of the field in the first record */
    size_t stride, rows;
};

/* -- which kinds can be read as which ---------------------------------------------------------- */

static bool is_integer(sheaf_type type)
{
    return type >= SHEAF_I8 && type <= SHEAF_U64;
}

static bool can_read(sheaf_kind stored, sheaf_kind wanted)
{
    if (stored.type == wanted.type)
        return stored.scale == wanted.scale;
    switch (wanted.type) {
    case SHEAF_I64:
        return is_integer(stored.type);
    case SHEAF_F64:
        return is_integer(stored.type) || stored.type == SHEAF_F32 || stored.type == SHEAF_DECIMAL;
    case SHEAF_BYTES:
        return stored.type == SHEAF_TEXT;
    case SHEAF_TEXT:
        return stored.type == SHEAF_BYTES;
    default:
        return false;
    }
}

sheaf_status sheaf_binary_check(const sheaf_dataset *dataset, const struct sheaf_wanted *wanted,
                                sheaf_error *error)
{
    if (wanted->column == SHEAF_WHOLE_RECORD)
        return SHEAF_OK;
    const struct sheaf_field *field = &dataset->schema.fields[wanted->column];
    if (can_read(field->kind, wanted->kind))
        return SHEAF_OK;
    return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                           "column \"%s\" is %s and can not be read as %s", field->name,
                           sheaf_type_name(field->kind.type), sheaf_type_name(wanted->kind.type));
}

/* -- gathering --------------------------------------------------------------------------------- */

static void gather_1(const char *from, size_t stride, size_t n, uint8_t *to)
{
    for (size_t r = 0; r < n; r++)
        to[r] = (uint8_t)from[r * stride];
}

static void gather_2(const char *from, size_t stride, size_t n, uint16_t *to)
{
    for (size_t r = 0; r < n; r++)
        memcpy(&to[r], from + r * stride, sizeof *to);
}

static void gather_4(const char *from, size_t stride, size_t n, uint32_t *to)
{
    for (size_t r = 0; r < n; r++)
        memcpy(&to[r], from + r * stride, sizeof *to);
}

static void gather_8(const char *from, size_t stride, size_t n, uint64_t *to)
{
    for (size_t r = 0; r < n; r++)
        memcpy(&to[r], from + r * stride, sizeof *to);
}

static void swap_2(uint16_t *values, size_t n)
{
    for (size_t r = 0; r < n; r++)
        values[r] = __builtin_bswap16(values[r]);
}

static void swap_4(uint32_t *values, size_t n)
{
    for (size_t r = 0; r < n; r++)
        values[r] = __builtin_bswap32(values[r]);
}

static void swap_8(uint64_t *values, size_t n)
{
    for (size_t r = 0; r < n; r++)
        values[r] = __builtin_bswap64(values[r]);
}

static void gather(const struct gathering *g, void *to)
{
    switch (g->place->size) {
    case 1:
        gather_1(g->bytes, g->stride, g->rows, to);
        return;
    case 2:
        gather_2(g->bytes, g->stride, g->rows, to);
        if (g->place->swapped)
            swap_2(to, g->rows);
        return;
    case 4:
        gather_4(g->bytes, g->stride, g->rows, to);
        if (g->place->swapped)
            swap_4(to, g->rows);
        return;
    default:
        gather_8(g->bytes, g->stride, g->rows, to);
        if (g->place->swapped)
            swap_8(to, g->rows);
    }
}

/* -- numbers ----------------------------------------------------------------------------------- */

static void set_bad(const struct gathering *g, size_t row, enum sheaf_bad code)
{
    sheaf_bad_note(&g->reader->bad, row, code, g->converter->column, g->converter->kind);
    g->converter->present[row / 64] &= ~((uint64_t)1 << (row % 64));
}

#define CONVERT(type, from)                       \
    do {                                          \
        const type *typed = (const type *)(from); \
        for (size_t r = 0; r < n; r++)            \
            to[r] = CAST typed[r];                \
    } while (0)

static void to_i64(const struct gathering *g, const void *raw)
{
    int64_t *to = g->converter->values;
    size_t n = g->rows;
#define CAST (int64_t)
    switch (g->stored.type) {
    case SHEAF_I8:
        CONVERT(int8_t, raw);
        break;
    case SHEAF_I16:
        CONVERT(int16_t, raw);
        break;
    case SHEAF_I32:
        CONVERT(int32_t, raw);
        break;
    case SHEAF_U8:
        CONVERT(uint8_t, raw);
        break;
    case SHEAF_U16:
        CONVERT(uint16_t, raw);
        break;
    case SHEAF_U32:
        CONVERT(uint32_t, raw);
        break;
    default: /* U64: what is above INT64_MAX comes out negative and does not fit */
        CONVERT(uint64_t, raw);
        for (size_t r = 0; r < n; r++)
            if (to[r] < 0) {
                to[r] = 0;
                set_bad(g, r, SHEAF_BAD_VALUE);
            }
    }
#undef CAST
}

/* Correctly rounded: by one division where both sides are exact, else by way of the digits. */
static double decimal_to_f64(int64_t value, int32_t scale)
{
    static const double powers[19] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                      1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    const int64_t exact = (int64_t)1 << 53;
    sheaf_kind kind = {SHEAF_F64, 0};
    char digits[48];
    double result = 0;

    if (value >= -exact && value <= exact)
        return (double)value / powers[scale];
    int size = snprintf(digits, sizeof digits, "%llde-%d", (long long)value, (int)scale);
    (void)sheaf_parse_value(kind, digits, (size_t)size, &result);
    return result;
}

static void to_f64(const struct gathering *g, const void *raw)
{
    double *to = g->converter->values;
    size_t n = g->rows;
#define CAST (double)
    switch (g->stored.type) {
    case SHEAF_I8:
        CONVERT(int8_t, raw);
        break;
    case SHEAF_I16:
        CONVERT(int16_t, raw);
        break;
    case SHEAF_I32:
        CONVERT(int32_t, raw);
        break;
    case SHEAF_I64:
        CONVERT(int64_t, raw);
        break;
    case SHEAF_U8:
        CONVERT(uint8_t, raw);
        break;
    case SHEAF_U16:
        CONVERT(uint16_t, raw);
        break;
    case SHEAF_U32:
        CONVERT(uint32_t, raw);
        break;
    case SHEAF_U64:
        CONVERT(uint64_t, raw);
        break;
    case SHEAF_F32:
        CONVERT(float, raw);
        break;
    default:
        for (size_t r = 0; r < n; r++)
            to[r] = decimal_to_f64(((const int64_t *)raw)[r], g->stored.scale);
    }
#undef CAST
}

/* -- times ------------------------------------------------------------------------------------- */

static void to_moment(const struct gathering *g, const int64_t *raw)
{
    int64_t *to = g->converter->values;

    for (size_t r = 0; r < g->rows; r++) {
        bool missing = raw[r] == INT64_MIN;
        bool fits = !missing && raw[r] % g->place->divide == 0 &&
                    !__builtin_mul_overflow(raw[r] / g->place->divide, g->place->multiply, &to[r]);
        if (fits)
            continue;
        to[r] = 0;
        if (missing)
            g->converter->present[r / 64] &= ~((uint64_t)1 << (r % 64));
        else
            set_bad(g, r, SHEAF_BAD_VALUE);
    }
}

static void to_day(const struct gathering *g, const int64_t *raw)
{
    int32_t *to = g->converter->values;

    for (size_t r = 0; r < g->rows; r++) {
        bool missing = raw[r] == INT64_MIN;
        bool fits = raw[r] >= INT32_MIN && raw[r] <= INT32_MAX;
        to[r] = fits ? (int32_t)raw[r] : 0;
        if (missing)
            g->converter->present[r / 64] &= ~((uint64_t)1 << (r % 64));
        else if (!fits)
            set_bad(g, r, SHEAF_BAD_VALUE);
    }
}

/* -- text -------------------------------------------------------------------------------------- */

static void view_fixed(const struct gathering *g)
{
    sheaf_text *to = g->converter->values;
    bool text = g->stored.type == SHEAF_TEXT;
    bool check = g->converter->kind.type == SHEAF_TEXT;

    for (size_t r = 0; r < g->rows; r++) {
        uint32_t size = g->place->size;
        const char *bytes = g->bytes + r * g->stride;
        while (text && size > 0 && bytes[size - 1] == '\0')
            size--;
        to[r] = (sheaf_text){.bytes = bytes, .size = size};
        if (check && sheaf_utf8_valid(bytes, size) != size) {
            to[r] = (sheaf_text){0};
            set_bad(g, r, SHEAF_BAD_ENCODING);
        }
    }
}

/* Bytes written, at most 4; 0 for what is no character. */
static size_t put_utf8(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0;
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3F));
    to[0] = (char)((0xF00u >> size & 0xF0u) | code);
    return size;
}

static uint32_t load_code(const struct gathering *g, const char *bytes)
{
    uint32_t code;

    memcpy(&code, bytes, sizeof code);
    return g->place->swapped ? __builtin_bswap32(code) : code;
}

static sheaf_status encode_utf32(const struct gathering *g, sheaf_error *error)
{
    sheaf_text *to = g->converter->values;
    size_t most = g->place->size;

    for (size_t r = 0; r < g->rows; r++) {
        const char *from = g->bytes + r * g->stride;
        size_t length = most / 4, used = 0, wrote = 1;
        while (length > 0 && load_code(g, from + 4 * (length - 1)) == 0)
            length--;
        char *room = sheaf_blocks_take(&g->reader->blocks, 4 * length);
        if (!room)
            return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: cannot decode a text");
        for (size_t i = 0; i < length && wrote > 0; i++, used += wrote)
            wrote = put_utf8(load_code(g, from + 4 * i), room + used);
        to[r] = (sheaf_text){.bytes = room, .size = (uint32_t)used};
        sheaf_blocks_give_back(&g->reader->blocks, 4 * length - used);
        if (wrote == 0) {
            to[r] = (sheaf_text){0};
            set_bad(g, r, SHEAF_BAD_ENCODING);
        }
    }
    return SHEAF_OK;
}

/* -- columns ----------------------------------------------------------------------------------- */

/* Whether a column can be had as it lies in the file. */
static bool is_view(const struct gathering *g)
{
    return g->place->form == SHEAF_FORM_VALUE && !g->place->swapped &&
           g->stored.type == g->converter->kind.type && g->stored.type != SHEAF_BOOL &&
           g->stride == g->place->size;
}

static void gather_value(const struct gathering *g)
{
    void *raw = g->reader->raw;

    if (g->stored.type == g->converter->kind.type) {
        gather(g, g->converter->values);
        if (g->stored.type == SHEAF_BOOL)
            for (size_t r = 0; r < g->rows; r++)
                ((uint8_t *)g->converter->values)[r] = ((uint8_t *)g->converter->values)[r] != 0;
        return;
    }
    gather(g, raw);
    if (g->converter->kind.type == SHEAF_F64)
        to_f64(g, raw);
    else
        to_i64(g, raw);
}

static sheaf_status fill_column(const struct gathering *g, sheaf_error *error)
{
    switch (g->place->form) {
    case SHEAF_FORM_FIXED:
        view_fixed(g);
        return SHEAF_OK;
    case SHEAF_FORM_UTF32:
        return encode_utf32(g, error);
    case SHEAF_FORM_MOMENT:
        gather(g, g->reader->raw);
        to_moment(g, g->reader->raw);
        return SHEAF_OK;
    case SHEAF_FORM_DAY:
        gather(g, g->reader->raw);
        to_day(g, g->reader->raw);
        return SHEAF_OK;
    default:
        gather_value(g);
        return SHEAF_OK;
    }
}

static sheaf_status read_column(struct sheaf_reader *reader, size_t i, size_t rows,
                                sheaf_error *error)
{
    const sheaf_dataset *dataset = reader->dataset;
    struct sheaf_converter *converter = &reader->converters[i];
    sheaf_column *column = &reader->columns[i];
    bool whole = converter->column == SHEAF_WHOLE_RECORD;
    struct sheaf_place record = {.size = (uint32_t)dataset->record_size, .form = SHEAF_FORM_FIXED};
    struct gathering g = {
        .reader = reader,
        .converter = converter,
        .place = whole ? &record : &dataset->places[converter->column],
        .stored =
            whole ? (sheaf_kind){SHEAF_BYTES, 0} : dataset->schema.fields[converter->column].kind,
        .stride = dataset->record_size,
        .rows = rows,
    };

    g.bytes = reader->window.bytes + (reader->at - reader->window.from) + g.place->offset;
    column->type = converter->kind.type;
    column->scale = converter->kind.scale;
    memset(converter->present, 0xff, (rows + 63) / 64 * sizeof *converter->present);
    if (is_view(&g))
        column->values = g.bytes;
    else
        SHEAF_TRY(fill_column(&g, error));
    if (!is_view(&g))
        column->values = converter->values;
    sheaf_converter_present(converter, rows, column);
    return SHEAF_OK;
}

/* -- bad rows ---------------------------------------------------------------------------------- */

static sheaf_status fail_row(struct sheaf_reader *reader, size_t row, uint64_t ordinal,
                             sheaf_error *error)
{
    uint32_t column = reader->bad.column[row];
    const struct sheaf_field *field = &reader->dataset->schema.fields[column];
    uint64_t byte =
        reader->at + row * reader->dataset->record_size + reader->dataset->places[column].offset;
    int code = reader->bad.code[row];

    if (code == SHEAF_BAD_ENCODING)
        sheaf_error_set(error, SHEAF_BAD_DATA,
                        "%s: the text in \"%.80s\" is not UTF-8 (E%d, byte %llu)",
                        reader->file->path, field->name, code, (unsigned long long)byte);
    else
        sheaf_error_set(
            error, SHEAF_BAD_DATA, "%s: a value of \"%.80s\" does not fit %s (E%d, byte %llu)",
            reader->file->path, field->name, sheaf_type_name(reader->bad.kind[row].type), code,
            (unsigned long long)byte);
    sheaf_error_help(error, "Skip such rows: --on-bad-row skip --rejects bad.csv   Treat them as "
                            "missing: --on-bad-row null");
    if (error) {
        error->code = code;
        error->column = (int32_t)column + 1;
        error->byte = (int64_t)byte;
        error->row = (int64_t)ordinal;
    }
    return SHEAF_BAD_DATA;
}

/* The field's bytes in hexadecimal, since they need not be text. */
static sheaf_status reject_row(struct sheaf_reader *reader, size_t row, uint64_t ordinal,
                               sheaf_error *error)
{
    const sheaf_dataset *dataset = reader->dataset;
    uint32_t column = reader->bad.column[row];
    const struct sheaf_place *field = &dataset->places[column];
    uint64_t byte = reader->at + row * dataset->record_size + field->offset;
    const char *bytes = reader->window.bytes + (byte - reader->window.from);
    char hex[2 * 64 + 1] = "";

    for (uint32_t i = 0; i < field->size && i < 64; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
    struct sheaf_bad_place place = {.bytes = hex,
                                    .size = strlen(hex),
                                    .field_end = strlen(hex),
                                    .byte = byte,
                                    .ordinal = ordinal};
    sheaf_bad_reject(&reader->rejects, dataset, reader->bad.code[row], column, &place);
    return sheaf_string_check(&reader->rejects, error);
}

static sheaf_status treat_bad(struct sheaf_reader *reader, size_t *rows, sheaf_error *error)
{
    sheaf_bad_row policy = reader->dataset->options.bad_row;

    for (size_t r = 0; r < *rows; r++) {
        if (!sheaf_is_bad(&reader->bad, r))
            continue;
        uint64_t ordinal = reader->outcome.records + r;
        if (policy == SHEAF_BAD_ROW_FAIL)
            return sheaf_reader_fail(reader, fail_row(reader, r, ordinal, error), error);
        SHEAF_TRY(reject_row(reader, r, ordinal, error));
    }
    reader->outcome.bad += reader->bad.count;
    if (policy != SHEAF_BAD_ROW_SKIP)
        return SHEAF_OK;
    size_t kept = *rows - reader->bad.count;
    for (size_t i = 0; i < reader->count; i++) {
        struct sheaf_converter *converter = &reader->converters[i];
        if (reader->columns[i].values != converter->values) /* rows leave a copy, not the file */
            memcpy(converter->values, reader->columns[i].values, *rows * converter->size);
        reader->columns[i].values = converter->values;
        sheaf_converter_compress(converter, &reader->bad, *rows);
        sheaf_converter_present(converter, kept, &reader->columns[i]);
    }
    *rows = kept;
    return SHEAF_OK;
}

/* -- batches ----------------------------------------------------------------------------------- */

/* What only the end of a file whose size was not known can tell. */
static sheaf_status check_end(const struct sheaf_reader *reader, uint64_t size, sheaf_error *error)
{
    const sheaf_dataset *dataset = reader->dataset;
    const struct sheaf_file *file = reader->file;

    if (file->data_end != UINT64_MAX && size != file->data_end)
        return sheaf_layout_error(error, SHEAF_BAD_DATA, "%s has %llu bytes, its header says %llu",
                                  file->path, (unsigned long long)size,
                                  (unsigned long long)file->data_end);
    if ((size - file->data_begin) % dataset->record_size != 0)
        return sheaf_layout_error(
            error, SHEAF_BAD_DATA,
            "%s has %llu bytes, which is not a multiple of the %llu bytes of a record", file->path,
            (unsigned long long)size, (unsigned long long)dataset->record_size);
    return SHEAF_OK;
}

static sheaf_status end_shard(struct sheaf_reader *reader, sheaf_error *error)
{
    reader->done = true;
    reader->outcome.stopped = reader->at;
    return sheaf_file_verify(reader->file, error);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Map what is left of the shard, as far as a window goes. */
static sheaf_status map_records(struct sheaf_reader *reader, uint64_t end, uint64_t batch,
                                sheaf_error *error)
{
    uint64_t size = reader->dataset->record_size;
    uint64_t needed = least(end, reader->at + batch * size);
    uint64_t to = reader->at + SHEAF_WINDOW_BYTES;
    bool final;

    if (to < needed)
        to = needed;
    SHEAF_TRY(sheaf_reader_map(reader, reader->at, needed, least(to, end), &final, error));
    if (final && reader->file->spool && reader->window.to < needed)
        return sheaf_reader_fail(reader, check_end(reader, reader->window.to, error), error);
    return SHEAF_OK;
}

/* A file that is decoded may end before or behind what its header said, or within a record. */
static sheaf_status check_spool_end(struct sheaf_reader *reader, sheaf_error *error)
{
    uint64_t size = sheaf_file_size(reader->file);

    if (!reader->file->spool || size == UINT64_MAX || size > reader->end)
        return SHEAF_OK;
    return check_end(reader, size, error);
}

sheaf_status sheaf_binary_next(struct sheaf_reader *reader, struct sheaf_read *read,
                               sheaf_error *error)
{
    uint64_t size = reader->dataset->record_size;
    uint64_t batch = SHEAF_WINDOW_BYTES / size;
    uint64_t end = least(reader->end, reader->file->data_end);

    batch = batch < 1 ? 1 : least(batch, SHEAF_BATCH_ROWS);
    reader->at += reader->outcome.stopped > reader->at ? reader->outcome.stopped - reader->at : 0;
    if (reader->at >= end) {
        SHEAF_TRY(check_spool_end(reader, error));
        return end_shard(reader, error);
    }
    if (reader->at < reader->window.from ||
        reader->window.to < least(end, reader->at + batch * size))
        SHEAF_TRY(map_records(reader, end, batch, error));
    size_t rows = (size_t)least(batch, (reader->window.to - reader->at) / size);
    if (rows == 0) { /* the end came before the end of the shard */
        SHEAF_TRY(check_spool_end(reader, error));
        return end_shard(reader, error);
    }
    sheaf_bad_clear(&reader->bad);
    sheaf_blocks_reset(&reader->blocks);
    for (size_t i = 0; i < reader->count; i++)
        SHEAF_TRY(read_column(reader, i, rows, error));
    read->rows = rows;
    read->base = reader->at;
    read->stride = size;
    if (reader->bad.count > 0)
        SHEAF_TRY(treat_bad(reader, &read->rows, error));
    reader->outcome.records += rows;
    reader->outcome.stopped = reader->at + rows * size;
    return SHEAF_OK;
}
