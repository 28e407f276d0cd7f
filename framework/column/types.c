/* types.c - names and sizes of types: see sheaf/batch.h */
#include <sheaf/batch.h>

#include "column/types.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [SHEAF_NONE] = {"none", 0},
    [SHEAF_BOOL] = {"bool", sizeof(uint8_t)},
    [SHEAF_I8] = {"i8", sizeof(int8_t)},
    [SHEAF_I16] = {"i16", sizeof(int16_t)},
    [SHEAF_I32] = {"i32", sizeof(int32_t)},
    [SHEAF_I64] = {"i64", sizeof(int64_t)},
    [SHEAF_U8] = {"u8", sizeof(uint8_t)},
    [SHEAF_U16] = {"u16", sizeof(uint16_t)},
    [SHEAF_U32] = {"u32", sizeof(uint32_t)},
    [SHEAF_U64] = {"u64", sizeof(uint64_t)},
    [SHEAF_F32] = {"f32", sizeof(float)},
    [SHEAF_F64] = {"f64", sizeof(double)},
    [SHEAF_DECIMAL] = {"decimal", sizeof(int64_t)},
    [SHEAF_WIDE] = {"wide", sizeof(sheaf_int128)},
    [SHEAF_DATE] = {"date", sizeof(int32_t)},
    [SHEAF_TIME] = {"time", sizeof(int64_t)},
    [SHEAF_TEXT] = {"text", sizeof(sheaf_text)},
    [SHEAF_BYTES] = {"bytes", sizeof(sheaf_text)},
    [SHEAF_NUMBER] = {"number", 0},
    [SHEAF_ANY] = {"any", 0},
    [SHEAF_SAME] = {"same", 0},
};

#define COUNT (sizeof types / sizeof types[0])

const char *sheaf_type_name(sheaf_type type)
{
    return (size_t)type < COUNT && types[type].name ? types[type].name : "unknown";
}

size_t sheaf_type_size(sheaf_type type)
{
    return (size_t)type < COUNT ? types[type].size : 0;
}

bool sheaf_type_signed(sheaf_type type)
{
    return type >= SHEAF_I8 && type <= SHEAF_I64;
}

bool sheaf_type_unsigned(sheaf_type type)
{
    return type >= SHEAF_U8 && type <= SHEAF_U64;
}
