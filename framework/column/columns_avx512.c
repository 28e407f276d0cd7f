/*
 * columns_avx512.c - numbers from text, eight fields at a time, each in 16 bytes of a register
 *
 * The same rules as in columns_loops.h: at most 16 characters, here with the
 * sign, one point that is not the last of them, else digits; what is otherwise takes the
 * slow way.  What there is asked of one field is asked of eight with bit masks: 16
 * bits for a field, in the order of its bytes, four fields to a word.
 */
#include <immintrin.h>
#include <string.h>

#include "column/columns.h"
#include "column/powers.h"
#include "column/value.h"

#define INLINE static inline __attribute__((always_inline))

/* In each 16 bits of a word, the lowest bit and the highest. */
#define LOWEST  UINT64_C(0x0001000100010001)
#define HIGHEST UINT64_C(0x8000800080008000)

struct eight {
    __m512i magnitude; /* of the digits, the point left out */
    __m512i fraction;  /* how many of them were behind the point; 16 if there was none */
    __mmask8 negative, good;
};

INLINE __m128i load(const char *bytes)
{
    return _mm_loadu_si128((const __m128i_u *)(const void *)bytes);
}

/* The 16 bytes before each of four places. */
INLINE __m512i load_four(const char *base, const uint32_t *end)
{
    __m512i four = _mm512_castsi128_si512(load(base + end[0] - 16));

    four = _mm512_inserti32x4(four, load(base + end[1] - 16), 1);
    four = _mm512_inserti32x4(four, load(base + end[2] - 16), 2);
    return _mm512_inserti32x4(four, load(base + end[3] - 16), 3);
}

/* From bits at the points to bits at the first point and all before it; none where none is, nor
 * where the point is the last byte, which is then no digit. */
INLINE uint64_t up_to_point(uint64_t points)
{
    uint64_t some = points | HIGHEST; /* so that no field borrows from the next */
    uint64_t up_to = some ^ (some - LOWEST);
    uint64_t none = up_to & HIGHEST;

    return up_to & ~((none << 1) - (none >> 15));
}

/* Take the point out: what stands before it moves up by one byte. */
INLINE __m512i without_point(__m512i digits, uint64_t *up_to)
{
    __mmask64 points = _mm512_cmpeq_epi8_mask(digits, _mm512_set1_epi8('.' - '0'));

    *up_to = up_to_point(points);
    return _mm512_mask_blend_epi8(*up_to, digits, _mm512_bslli_epi128(digits, 1));
}

/* By pairs, by fours, by eights, all. */
INLINE __m512i numbers_of_digits(__m512i low, __m512i high)
{
    const __m512i tens = _mm512_set1_epi16(0x010A), hundreds = _mm512_set1_epi32(0x00010064);

    low = _mm512_madd_epi16(_mm512_maddubs_epi16(low, tens), hundreds);
    high = _mm512_madd_epi16(_mm512_maddubs_epi16(high, tens), hundreds);
    __m512i eights =
        _mm512_madd_epi16(_mm512_packus_epi32(low, high), _mm512_set1_epi32(0x00012710));
    __m512i all = _mm512_add_epi64(_mm512_mul_epu32(eights, _mm512_set1_epi64(100000000)),
                                   _mm512_srli_epi64(eights, 32));
    /* Packing has put the fields of the two registers in turn. */
    return _mm512_permutexvar_epi64(_mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), all);
}

INLINE __m128i join(uint64_t low, uint64_t high)
{
    return _mm_set_epi64x((long long)high, (long long)low);
}

INLINE __mmask8 fields_with(uint64_t low, uint64_t high)
{
    __m128i both = join(low, high);

    return _mm_test_epi16_mask(both, both);
}

/* 15 - place of the point, from the bits up to it: one more than these is a power of two. */
INLINE __m512i digits_behind(uint64_t low, uint64_t high)
{
    __m512i up_to = _mm512_cvtepu16_epi64(join(low, high));
    __m512d power = _mm512_cvtepi64_pd(_mm512_add_epi64(up_to, _mm512_set1_epi64(1)));

    return _mm512_sub_epi64(_mm512_set1_epi64(1023 + 16),
                            _mm512_srli_epi64(_mm512_castpd_si512(power), 52));
}

INLINE struct eight take_eight(const char *base, const uint32_t *begin, const uint32_t *end,
                               __mmask8 rows, bool with_points)
{
    struct eight eight;
    uint32_t at[8];
    uint64_t kept[2], first[2], minus[2], valid[2], up_to[2] = {0, 0};

    /* Rows that are not there are read as the first one. */
    __m256i ends = _mm256_mask_loadu_epi32(_mm256_set1_epi32((int)*end), rows, end);
    __m256i begins = _mm256_mask_loadu_epi32(_mm256_set1_epi32((int)*begin), rows, begin);
    __m256i sizes = _mm256_sub_epi32(ends, begins);
    _mm256_storeu_si256((__m256i_u *)(void *)at, ends);
    /* Of 16 bytes the last `size` count, and the first of these may be a sign. */
    __m256i kept_bits = _mm256_srlv_epi32(_mm256_set1_epi32((int)0xFFFF0000), sizes);
    __m256i first_bits = _mm256_srlv_epi32(_mm256_set1_epi32(0x10000), sizes);
    _mm_storeu_si128((__m128i_u *)(void *)kept, _mm256_cvtepi32_epi16(kept_bits));
    _mm_storeu_si128((__m128i_u *)(void *)first, _mm256_cvtepi32_epi16(first_bits));

    __m512i low = load_four(base, at), high = load_four(base, at + 4);
    const __m512i sign = _mm512_set1_epi8('-'), zero = _mm512_set1_epi8('0');
    minus[0] = _mm512_mask_cmpeq_epi8_mask(first[0], low, sign);
    minus[1] = _mm512_mask_cmpeq_epi8_mask(first[1], high, sign);
    valid[0] = kept[0] & ~minus[0];
    valid[1] = kept[1] & ~minus[1];
    low = _mm512_maskz_sub_epi8(valid[0], low, zero);
    high = _mm512_maskz_sub_epi8(valid[1], high, zero);
    if (with_points) {
        low = without_point(low, &up_to[0]);
        high = without_point(high, &up_to[1]);
        eight.fraction = digits_behind(up_to[0], up_to[1]);
    }
    const __m512i nine = _mm512_set1_epi8(9);
    __mmask8 wrong =
        fields_with(_mm512_cmpgt_epu8_mask(low, nine), _mm512_cmpgt_epu8_mask(high, nine));
    __mmask8 fits = _mm256_cmple_epu32_mask(sizes, _mm256_set1_epi32(16));
    eight.good = (__mmask8)(rows & fits & fields_with(valid[0], valid[1]) & ~wrong);
    eight.negative = fields_with(minus[0], minus[1]);
    eight.magnitude = numbers_of_digits(low, high);
    return eight;
}

INLINE __mmask8 rows_of(size_t rows)
{
    return (__mmask8)(rows < 8 ? (1u << rows) - 1 : 0xFF);
}

INLINE __m512i with_sign(__m512i magnitude, __mmask8 negative)
{
    return _mm512_mask_sub_epi64(magnitude, negative, _mm512_setzero_si512(), magnitude);
}

/* -- what is not plain ---------------------------------------------------------------------- */

struct column {
    const char *base;
    const uint32_t *begin, *end;
    uint64_t *present, *odd;
    size_t odds;
};

/* A field that the fast way did not take and that is no value either: empty or odd. */
static void mark_bad(struct column *column, size_t row, size_t size)
{
    uint64_t bit = UINT64_C(1) << (row % 64);

    column->present[row / 64] &= ~bit;
    column->odd[row / 64] |= size > 0 ? bit : 0;
    column->odds += size > 0;
}

/* Fields are taken to be values until one is not. */
static void begin_marks(struct column *column, size_t n)
{
    memset(column->present, 0xFF, n / 64 * sizeof(uint64_t));
    memset(column->odd, 0, (n + 63) / 64 * sizeof(uint64_t));
    if (n % 64)
        column->present[n / 64] = (UINT64_C(1) << n % 64) - 1;
}

static __attribute__((noinline, cold)) void read_slowly_i64(struct column *column, size_t first,
                                                            __mmask8 rows, int64_t *values)
{
    for (unsigned rest = rows; rest; rest &= rest - 1) {
        size_t row = first + (size_t)__builtin_ctz(rest);
        size_t size = column->end[row] - column->begin[row];
        values[row] = 0;
        if (size == 0 || !sheaf_value_i64(column->base + column->begin[row], size, &values[row]))
            mark_bad(column, row, size);
    }
}

static __attribute__((noinline, cold)) void read_slowly_f64(struct column *column, size_t first,
                                                            __mmask8 rows, double *values)
{
    for (unsigned rest = rows; rest; rest &= rest - 1) {
        size_t row = first + (size_t)__builtin_ctz(rest);
        size_t size = column->end[row] - column->begin[row];
        values[row] = 0;
        if (size == 0 || !sheaf_value_f64(column->base + column->begin[row], size, &values[row]))
            mark_bad(column, row, size);
    }
}

static __attribute__((noinline, cold)) void read_slowly_decimal(struct column *column, size_t first,
                                                                __mmask8 rows, int32_t scale,
                                                                int64_t *values)
{
    for (unsigned rest = rows; rest; rest &= rest - 1) {
        size_t row = first + (size_t)__builtin_ctz(rest);
        size_t size = column->end[row] - column->begin[row];
        values[row] = 0;
        if (size == 0 ||
            !sheaf_value_decimal(column->base + column->begin[row], size, scale, &values[row]))
            mark_bad(column, row, size);
    }
}

/* -- columns -------------------------------------------------------------------------------- */

static size_t parse_i64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        int64_t *values, uint64_t *present, uint64_t *odd)
{
    struct column column = {base, begin, end, present, odd, 0};

    begin_marks(&column, n);
    for (size_t row = 0; row < n; row += 8) {
        __mmask8 rows = rows_of(n - row);
        struct eight eight = take_eight(base, begin + row, end + row, rows, false);

        _mm512_mask_storeu_epi64(values + row, rows, with_sign(eight.magnitude, eight.negative));
        if (__builtin_expect(eight.good != rows, 0))
            read_slowly_i64(&column, row, (__mmask8)(rows & ~eight.good), values);
    }
    return column.odds;
}

/* Numbers up to 2^53 and these powers are exact, so that their quotient is rounded once. */
static size_t parse_f64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        double *values, uint64_t *present, uint64_t *odd)
{
    const __m512d low_powers = _mm512_set_pd(1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1e0);
    const __m512d high_powers = _mm512_set_pd(1e15, 1e14, 1e13, 1e12, 1e11, 1e10, 1e9, 1e8);
    const __m512d sign = _mm512_set1_pd(-0.0);
    struct column column = {base, begin, end, present, odd, 0};

    begin_marks(&column, n);
    for (size_t row = 0; row < n; row += 8) {
        __mmask8 rows = rows_of(n - row);
        struct eight eight = take_eight(base, begin + row, end + row, rows, true);

        __m512d power = _mm512_permutex2var_pd(low_powers, eight.fraction, high_powers);
        __m512d value = _mm512_div_pd(_mm512_cvtepi64_pd(eight.magnitude), power);
        value = _mm512_mask_xor_pd(value, eight.negative, value, sign);
        __mmask8 exact = _mm512_cmple_epu64_mask(eight.magnitude, _mm512_set1_epi64(1LL << 53));
        _mm512_mask_storeu_pd(values + row, rows, value);
        if (__builtin_expect((eight.good & exact) != rows, 0))
            read_slowly_f64(&column, row, (__mmask8)(rows & ~(eight.good & exact)), values);
    }
    return column.odds;
}

/* By the digits behind the point: what a number is multiplied by, and the first that would get too
 * many digits; 0, so that none fits, where there are more of them than the scale. */
struct scaling {
    int64_t factor[16], limit[16];
};

static struct scaling scale_by(int32_t scale)
{
    struct scaling scaling;

    for (int32_t digits = 0; digits < 16; digits++) {
        int32_t missing = scale - digits;
        scaling.factor[digits] = missing >= 0 ? (int64_t)sheaf_power_u64[missing] : 0;
        scaling.limit[digits] = missing >= 0 ? (int64_t)sheaf_power_u64[18 - missing] : 0;
    }
    return scaling;
}

static size_t parse_decimal(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                            int32_t scale, int64_t *values, uint64_t *present, uint64_t *odd)
{
    const struct scaling scaling = scale_by(scale);
    const __m512i low_factors = _mm512_loadu_si512(scaling.factor);
    const __m512i high_factors = _mm512_loadu_si512(scaling.factor + 8);
    const __m512i low_limits = _mm512_loadu_si512(scaling.limit);
    const __m512i high_limits = _mm512_loadu_si512(scaling.limit + 8);
    struct column column = {base, begin, end, present, odd, 0};

    begin_marks(&column, n);
    for (size_t row = 0; row < n; row += 8) {
        __mmask8 rows = rows_of(n - row);
        struct eight eight = take_eight(base, begin + row, end + row, rows, true);

        __m512i factor = _mm512_permutex2var_epi64(low_factors, eight.fraction, high_factors);
        __m512i limit = _mm512_permutex2var_epi64(low_limits, eight.fraction, high_limits);
        __mmask8 good = eight.good & _mm512_cmplt_epu64_mask(eight.magnitude, limit);
        __m512i value = _mm512_mullo_epi64(eight.magnitude, factor);
        _mm512_mask_storeu_epi64(values + row, rows, with_sign(value, eight.negative));
        if (__builtin_expect(good != rows, 0))
            read_slowly_decimal(&column, row, (__mmask8)(rows & ~good), scale, values);
    }
    return column.odds;
}

const struct sheaf_column_parsers sheaf_column_parsers_avx512 = {
    parse_i64, parse_f64, parse_decimal, sheaf_find_shapes_avx2};
