/* word.c - keys of fixed size as 64-bit words: see word.h */
#include <math.h>
#include <string.h>

#include "reduce/word.h"

bool sheaf_word_type(sheaf_type type)
{
    return (type >= SHEAF_BOOL && type <= SHEAF_DECIMAL) || type == SHEAF_DATE ||
           type == SHEAF_TIME;
}

static int64_t word_of_f64(double value)
{
    int64_t word;

    if (value == 0)
        value = 0; /* drops the sign */
    if (isnan(value))
        value = (double)NAN;
    memcpy(&word, &value, sizeof word);
    return word;
}

static int64_t word_of_f32(float value)
{
    uint32_t word;

    if (value == 0)
        value = 0;
    if (isnan(value))
        value = NAN;
    memcpy(&word, &value, sizeof word);
    return word;
}

static int64_t word_of_bool(uint8_t value)
{
    return value != 0;
}

/* Columns of binary files need not be aligned, hence the copy, which compiles to a load. */
#define LOAD(type, convert)                                    \
    for (size_t i = 0; i < count; i++) {                       \
        type value;                                            \
        memcpy(&value, from + i * sizeof value, sizeof value); \
        words[i] = convert(value);                             \
    }                                                          \
    break

void sheaf_word_load(const sheaf_column *column, size_t first, size_t count, int64_t *words)
{
    const char *from = (const char *)column->values + first * sheaf_type_size(column->type);

    switch (column->type) {
    case SHEAF_BOOL:
        LOAD(uint8_t, word_of_bool);
    case SHEAF_I8:
        LOAD(int8_t, (int64_t));
    case SHEAF_I16:
        LOAD(int16_t, (int64_t));
    case SHEAF_I32:
    case SHEAF_DATE:
        LOAD(int32_t, (int64_t));
    case SHEAF_U8:
        LOAD(uint8_t, (int64_t));
    case SHEAF_U16:
        LOAD(uint16_t, (int64_t));
    case SHEAF_U32:
        LOAD(uint32_t, (int64_t));
    case SHEAF_F32:
        LOAD(float, word_of_f32);
    case SHEAF_F64:
        LOAD(double, word_of_f64);
    default: /* I64, U64, DECIMAL, TIME */
        memcpy(words, from, count * sizeof *words);
    }
    if (column->present)
        for (size_t i = 0; i < count; i++)
            if (!sheaf_present(column, first + i))
                words[i] = 0;
}

void sheaf_word_store(sheaf_type type, int64_t word, void *values, size_t index)
{
    switch (sheaf_type_size(type)) {
    case 1:
        ((uint8_t *)values)[index] = (uint8_t)word;
        break;
    case 2:
        ((uint16_t *)values)[index] = (uint16_t)word;
        break;
    case 4:
        ((uint32_t *)values)[index] = (uint32_t)word;
        break;
    default:
        ((int64_t *)values)[index] = word;
    }
}

int64_t sheaf_word_unpack(sheaf_type type, uint64_t packed)
{
    if (type == SHEAF_F64)
        return (int64_t)__builtin_bswap64(packed);
    return (int64_t)(packed >> 1 ^ (0 - (packed & 1)));
}
