/*
 * columns_avx2.c - numbers from text, 16 bytes in one register: see columns_loops.h
 *
 * Built for AVX2, which implies SSSE3's byte shuffle and multiply-add.
 */
#include <immintrin.h>

#include "column/columns.h"

/* 16 bytes from offset `size` keep the last `size` of 16. */
static const uint8_t keep[33] = {
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
};

/* Row p takes a point at byte p out: what stands before it moves up; row 16 changes nothing. */
#define GONE 0x80
static const uint8_t without_point[17][16] = {
    {GONE, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15},
    {GONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
};
static inline __m128i load(const void *bytes)
{
    return _mm_loadu_si128((const __m128i_u *)bytes);
}

/* One byte, 16 times, from memory: the compiler would make it anew in every round of a loop. */
#define SIXTEEN(byte)                                                                             \
    {                                                                                             \
        byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, \
            byte                                                                                  \
    }
static const uint8_t sixteen_zeros[16] = SIXTEEN('0');
static const uint8_t sixteen_points[16] = SIXTEEN('.' ^ '0');
static const uint8_t sixteen_nines[16] = SIXTEEN(9);

static inline __m128i take_bytes(const char *end, size_t size)
{
    return _mm_and_si128(_mm_xor_si128(load(end - 16), load(sixteen_zeros)), load(keep + size));
}

static inline bool all_digits(__m128i bytes)
{
    const __m128i nine = load(sixteen_nines);

    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(bytes, nine), nine)) == 0xFFFF;
}

/* By pairs, by fours, by eights. */
static inline uint64_t number_of_digits(__m128i bytes)
{
    __m128i pairs = _mm_maddubs_epi16(bytes, _mm_set1_epi16(0x010A));
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));
    __m128i packed = _mm_packus_epi32(fours, fours);
    __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(0x00012710));
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);

    return 100000000 * (both & UINT32_MAX) + (both >> 32);
}

static inline bool take_digits(const char *end, size_t size, uint64_t *value)
{
    __m128i bytes = take_bytes(end, size);

    *value = number_of_digits(bytes);
    return all_digits(bytes);
}

static inline bool take_number(const char *end, size_t size, uint64_t *value, unsigned *point)
{
    __m128i bytes = take_bytes(end, size);
    __m128i points = _mm_cmpeq_epi8(bytes, load(sixteen_points));
    unsigned at = (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(points) | 1u << 16);

    bytes = _mm_shuffle_epi8(bytes, load(without_point[at]));
    *point = at;
    *value = number_of_digits(bytes);
    return all_digits(bytes) && at != 15;
}

#include "column/columns_loops.h"

uint64_t sheaf_find_shapes_avx2(const char *base, const uint32_t *begin, const uint32_t *end,
                                size_t rows, struct sheaf_shapes *shapes)
{
    return find_shapes(base, begin, end, rows, shapes);
}

const struct sheaf_column_parsers sheaf_column_parsers_avx2 = {parse_i64, parse_f64, parse_decimal,
                                                               find_shapes};
