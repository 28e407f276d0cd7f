/* convert.c - a column as another kind: see pipeline.h */
#include <string.h>

#include "base/memory.h"
#include "column/format.h"
#include "column/parse.h"
#include "job/pipeline.h"

static bool is_integer(sheaf_type type)
{
    return type >= SHEAF_BOOL && type <= SHEAF_U64;
}

bool sheaf_convert_possible(sheaf_kind from, sheaf_kind to)
{
    if (from.type == to.type && from.scale == to.scale)
        return true;
    switch (to.type) {
    case SHEAF_TEXT:
        return true;
    case SHEAF_I64:
        return is_integer(from.type);
    case SHEAF_F64:
        return is_integer(from.type) || from.type == SHEAF_F32 || from.type == SHEAF_DECIMAL ||
               from.type == SHEAF_WIDE;
    default:
        return false;
    }
}

/* Values of binary files need not lie at even addresses. */
#define LOADER(name, type)                                                               \
    static type load_##name(const sheaf_column *column, size_t row)                      \
    {                                                                                    \
        type value;                                                                      \
        memcpy(&value, (const char *)column->values + row * sizeof value, sizeof value); \
        return value;                                                                    \
    }
LOADER(i16, int16_t)
LOADER(u16, uint16_t)
LOADER(i32, int32_t)
LOADER(u32, uint32_t)
LOADER(i64, int64_t)
LOADER(u64, uint64_t)
LOADER(f32, float)
LOADER(wide, sheaf_int128)

static int64_t integer_at(const sheaf_column *column, size_t row)
{
    switch (column->type) {
    case SHEAF_BOOL:
    case SHEAF_U8:
        return column->u8[row];
    case SHEAF_I8:
        return column->i8[row];
    case SHEAF_I16:
        return load_i16(column, row);
    case SHEAF_U16:
        return load_u16(column, row);
    case SHEAF_I32:
        return load_i32(column, row);
    case SHEAF_U32:
        return load_u32(column, row);
    case SHEAF_U64:
        return (int64_t)load_u64(column, row);
    default:
        return load_i64(column, row);
    }
}

/* The nearest double: the digits are read back as text, which rounds once and correctly. */
static double scaled_to_double(sheaf_kind kind, const void *value)
{
    char digits[SHEAF_FORMAT_MAX];
    double number = 0;
    size_t size = sheaf_format_value(kind, value, digits);

    (void)sheaf_parse_value((sheaf_kind){SHEAF_F64, 0}, digits, size, &number);
    return number;
}

static double double_at(const sheaf_column *column, size_t row)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    sheaf_int128 wide;
    int64_t decimal;

    switch (column->type) {
    case SHEAF_F32:
        return (double)load_f32(column, row);
    case SHEAF_U64:
        return (double)load_u64(column, row);
    case SHEAF_DECIMAL:
        decimal = load_i64(column, row);
        /* Both sides exact, so the one division rounds once. */
        if (decimal <= INT64_C(1) << 53 && decimal >= -(INT64_C(1) << 53))
            return (double)decimal / powers[column->scale];
        return scaled_to_double((sheaf_kind){SHEAF_DECIMAL, column->scale}, &decimal);
    case SHEAF_WIDE:
        wide = load_wide(column, row);
        return scaled_to_double((sheaf_kind){SHEAF_WIDE, column->scale}, &wide);
    default:
        return (double)integer_at(column, row);
    }
}

static sheaf_status to_text(const sheaf_column *from, size_t rows, struct conversion *room,
                            sheaf_text *texts, sheaf_error *error)
{
    sheaf_string_clear(&room->text);
    for (size_t row = 0; row < rows; row++) {
        size_t begin = room->text.size;
        if (sheaf_present(from, row))
            sheaf_format_append(&room->text, from, row);
        texts[row].size = (uint32_t)(room->text.size - begin);
    }
    /* Over-readable like all texts; and the bytes may have moved while they grew. */
    (void)sheaf_string_reserve(&room->text, 64);
    SHEAF_TRY(sheaf_string_check(&room->text, error));
    for (size_t row = 0, at = 0; row < rows; at += texts[row++].size)
        texts[row].bytes = room->text.bytes + at;
    return SHEAF_OK;
}

sheaf_status sheaf_convert_column(const sheaf_column *from, size_t rows, sheaf_kind kind,
                                  struct conversion *room, sheaf_column *to, sheaf_error *error)
{
    if (from->type == kind.type && from->scale == kind.scale) {
        *to = *from;
        return SHEAF_OK;
    }
    sheaf_string_clear(&room->values);
    if (!sheaf_string_reserve(&room->values, rows * sheaf_type_size(kind.type) + 64))
        return sheaf_string_check(&room->values, error);
    void *values = room->values.bytes;
    *to = (sheaf_column){.type = kind.type, .scale = kind.scale, .present = from->present};
    to->values = values;

    if (kind.type == SHEAF_TEXT)
        return to_text(from, rows, room, values, error);
    if (kind.type == SHEAF_F64) {
        double *numbers = values;
        for (size_t row = 0; row < rows; row++)
            numbers[row] = double_at(from, row);
        return SHEAF_OK;
    }
    int64_t *integers = values;
    for (size_t row = 0; row < rows; row++) {
        if (from->type == SHEAF_U64 && load_u64(from, row) > INT64_MAX &&
            sheaf_present(from, row)) {
            sheaf_error_set(error, SHEAF_BAD_DATA,
                            "%llu does not fit a signed 64-bit integer (E411)",
                            (unsigned long long)load_u64(from, row));
            sheaf_error_help(error, "Read the field as f64 or bytes in the schema");
            if (error)
                error->row = (int64_t)row;
            return SHEAF_BAD_DATA;
        }
        integers[row] = integer_at(from, row);
    }
    return SHEAF_OK;
}

void sheaf_conversion_free(struct conversion *room)
{
    sheaf_string_free(&room->values);
    sheaf_string_free(&room->text);
}
