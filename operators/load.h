/* load.h - values of a column, which need not lie at even addresses */
#ifndef SHEAF_OPERATORS_LOAD_H
#define SHEAF_OPERATORS_LOAD_H

#include <string.h>

#include <sheaf/operator.h>

static inline int64_t load_i64(const sheaf_column *column, size_t row)
{
    int64_t value;

    memcpy(&value, (const char *)column->values + row * sizeof value, sizeof value);
    return value;
}

static inline int32_t load_i32(const sheaf_column *column, size_t row)
{
    int32_t value;

    memcpy(&value, (const char *)column->values + row * sizeof value, sizeof value);
    return value;
}

static inline double load_f64(const sheaf_column *column, size_t row)
{
    double value;

    memcpy(&value, (const char *)column->values + row * sizeof value, sizeof value);
    return value;
}

static inline bool is_text(sheaf_type type)
{
    return type == SHEAF_TEXT || type == SHEAF_BYTES;
}

#endif
