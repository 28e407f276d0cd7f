/* parse_columns.c - text into values, a column at a time: see parse.h */
#include "column/columns.h"
#include "column/value.h"

const struct sheaf_column_parsers *sheaf_column_parsers_for(enum sheaf_isa isa)
{
#if defined(__x86_64__)
    if (isa == SHEAF_ISA_AVX512)
        return &sheaf_column_parsers_avx512;
    if (isa == SHEAF_ISA_AVX2)
        return &sheaf_column_parsers_avx2;
#else
    (void)isa;
#endif
    return &sheaf_column_parsers_portable;
}

/* Chosen once.  Threads that come here together find the same, so order does not matter. */
const struct sheaf_column_parsers *sheaf_column_parsers_here(void)
{
    static const struct sheaf_column_parsers *chosen;
    const struct sheaf_column_parsers *known = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

    if (!known) {
        known = sheaf_column_parsers_for(sheaf_cpu_isa());
        __atomic_store_n(&chosen, known, __ATOMIC_RELAXED);
    }
    return known;
}

size_t sheaf_parse_i64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                       int64_t *values, uint64_t *present, uint64_t *odd)
{
    return sheaf_column_parsers_here()->i64(base, begin, end, n, values, present, odd);
}

size_t sheaf_parse_f64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                       double *values, uint64_t *present, uint64_t *odd)
{
    return sheaf_column_parsers_here()->f64(base, begin, end, n, values, present, odd);
}

size_t sheaf_parse_decimal(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                           int32_t scale, int64_t *values, uint64_t *present, uint64_t *odd)
{
    return sheaf_column_parsers_here()->decimal(base, begin, end, n, scale, values, present, odd);
}

/* Marks for one row, kept until 64 are together. */
struct marks {
    uint64_t *present, *odd;
    size_t odds;
};

static void start(struct marks *marks, size_t n)
{
    for (size_t i = 0; i < (n + 63) / 64; i++)
        marks->present[i] = marks->odd[i] = 0;
}

static void mark(struct marks *marks, size_t row, size_t size, bool good)
{
    marks->present[row / 64] |= (uint64_t)good << (row % 64);
    marks->odd[row / 64] |= (uint64_t)(!good && size > 0) << (row % 64);
    marks->odds += !good && size > 0;
}

size_t sheaf_parse_bool(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        uint8_t *values, uint64_t *present, uint64_t *odd)
{
    struct marks marks = {present, odd, 0};

    start(&marks, n);
    for (size_t row = 0; row < n; row++) {
        size_t size = end[row] - begin[row];
        values[row] = 0;
        mark(&marks, row, size, sheaf_value_bool(base + begin[row], size, &values[row]));
    }
    return marks.odds;
}

size_t sheaf_parse_date(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        int32_t *values, uint64_t *present, uint64_t *odd)
{
    struct marks marks = {present, odd, 0};

    start(&marks, n);
    for (size_t row = 0; row < n; row++) {
        size_t size = end[row] - begin[row];
        values[row] = 0;
        mark(&marks, row, size, sheaf_value_date(base + begin[row], size, &values[row]));
    }
    return marks.odds;
}

size_t sheaf_parse_time(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        bool zoned, int64_t *values, uint64_t *present, uint64_t *odd)
{
    struct marks marks = {present, odd, 0};

    start(&marks, n);
    for (size_t row = 0; row < n; row++) {
        size_t size = end[row] - begin[row];
        values[row] = 0;
        mark(&marks, row, size, sheaf_value_time(base + begin[row], size, zoned, &values[row]));
    }
    return marks.odds;
}
