/*
 * utf8_avx512.c - is all of this UTF-8?  64 bytes at a time
 *
 * By Keiser and Lemire ("Validating UTF-8 in less than one instruction per byte", 2021): what can
 * be wrong with two neighbouring bytes is looked up by three of their half bytes, a bit
 * for each kind of error; what all three tables allow for is one.  Third and
 * fourth bytes are found by the leads two and three places before.
 */
#include <immintrin.h>
#include <stdint.h>

#include "column/utf8.h"

enum {
    TOO_SHORT = 1 << 0,   /* a lead without its continuation */
    TOO_LONG = 1 << 1,    /* a continuation after ASCII */
    OVERLONG_3 = 1 << 2,  /* 11100000 100_____ */
    TOO_LARGE = 1 << 3,   /* 11110100 101_____ and above */
    SURROGATE = 1 << 4,   /* 11101101 101_____ */
    OVERLONG_2 = 1 << 5,  /* 1100000_ 10______ */
    TOO_LARGE_8 = 1 << 6, /* 11110101 1000____ and above */
    OVERLONG_4 = 1 << 6,  /* 11110000 1000____ */
    TWO_CONTS = 1 << 7,   /* two continuations: right only in third and fourth places */
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
    LARGE = CARRY | TOO_LARGE | TOO_LARGE_8,
    FOLLOWS = TOO_LONG | OVERLONG_2 | TWO_CONTS
};

static const uint8_t first_high[16] = {TOO_LONG,
                                       TOO_LONG,
                                       TOO_LONG,
                                       TOO_LONG,
                                       TOO_LONG,
                                       TOO_LONG,
                                       TOO_LONG,
                                       TOO_LONG,
                                       TWO_CONTS,
                                       TWO_CONTS,
                                       TWO_CONTS,
                                       TWO_CONTS,
                                       TOO_SHORT | OVERLONG_2,
                                       TOO_SHORT,
                                       TOO_SHORT | OVERLONG_3 | SURROGATE,
                                       TOO_SHORT | TOO_LARGE | TOO_LARGE_8 | OVERLONG_4};
static const uint8_t first_low[16] = {CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
                                      CARRY | OVERLONG_2,
                                      CARRY,
                                      CARRY,
                                      CARRY | TOO_LARGE,
                                      LARGE,
                                      LARGE,
                                      LARGE,
                                      LARGE,
                                      LARGE,
                                      LARGE,
                                      LARGE,
                                      LARGE,
                                      LARGE | SURROGATE,
                                      LARGE,
                                      LARGE};
static const uint8_t second_high[16] = {TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        FOLLOWS | OVERLONG_3 | TOO_LARGE_8 | OVERLONG_4,
                                        FOLLOWS | OVERLONG_3 | TOO_LARGE,
                                        FOLLOWS | SURROGATE | TOO_LARGE,
                                        FOLLOWS | SURROGATE | TOO_LARGE,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT,
                                        TOO_SHORT};

static inline __m512i table(const uint8_t *of)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i_u *)(const void *)of));
}

static inline __m512i high_half(__m512i bytes)
{
    return _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(0x0F));
}

static inline __m512i look_up(const uint8_t *of, __m512i half)
{
    return _mm512_shuffle_epi8(table(of), half);
}

/* Bits in bytes where something is wrong, from the bytes and those 1, 2 and 3 places before. */
static inline __m512i errors(__m512i bytes, __m512i before_1, __m512i before_2, __m512i before_3)
{
    __m512i low = _mm512_and_si512(before_1, _mm512_set1_epi8(0x0F));
    __m512i wrong = _mm512_and_si512(
        look_up(first_high, high_half(before_1)),
        _mm512_and_si512(look_up(first_low, low), look_up(second_high, high_half(bytes))));
    __m512i third = _mm512_subs_epu8(before_2, _mm512_set1_epi8((char)(0xE0 - 0x80)));
    __m512i fourth = _mm512_subs_epu8(before_3, _mm512_set1_epi8((char)(0xF0 - 0x80)));
    __m512i continues =
        _mm512_and_si512(_mm512_or_si512(third, fourth), _mm512_set1_epi8((char)0x80));

    return _mm512_xor_si512(continues, wrong);
}

/* Bytes of a block that starts `by` places before byte `at`; what is outside is read as zeros. */
static inline __m512i load_edge(const char *bytes, size_t size, size_t at, size_t by)
{
    size_t skip = at < by ? by - at : 0;
    size_t end = at < size + by ? size + by - at : 0; /* of what is inside, in the block */
    __mmask64 inside = end < 64 ? (UINT64_C(1) << end) - 1 : UINT64_MAX;

    return _mm512_maskz_loadu_epi8(inside & (UINT64_MAX << skip), bytes + at - by);
}

static inline __m512i edge_errors(const char *bytes, size_t size, size_t at)
{
    return errors(load_edge(bytes, size, at, 0), load_edge(bytes, size, at, 1),
                  load_edge(bytes, size, at, 2), load_edge(bytes, size, at, 3));
}

/* The block that holds the end is looked at even where it holds nothing else: a character that is
 * not whole shows behind it. */
bool sheaf_utf8_is_valid_avx512(const char *bytes, size_t size)
{
    __m512i wrong = edge_errors(bytes, size, 0);
    size_t at = 64;

    for (; at + 64 <= size; at += 64)
        wrong = _mm512_or_si512(
            wrong, errors(_mm512_loadu_si512(bytes + at), _mm512_loadu_si512(bytes + at - 1),
                          _mm512_loadu_si512(bytes + at - 2), _mm512_loadu_si512(bytes + at - 3)));
    if (at <= size)
        wrong = _mm512_or_si512(wrong, edge_errors(bytes, size, at));
    return _mm512_test_epi8_mask(wrong, wrong) == 0;
}
