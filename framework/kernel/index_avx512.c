/* index_avx512.c - the index by AVX-512 with VBMI2: positions by compressing bytes (see index.h) */
#include "kernel/index_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

struct text {
    __m512i bytes;
};

INLINE struct text load(const unsigned char *bytes)
{
    return (struct text){_mm512_loadu_si512(bytes)};
}

INLINE struct text unite(struct text a, struct text b)
{
    return (struct text){_mm512_or_si512(a.bytes, b.bytes)};
}

INLINE uint64_t matches(struct text text, unsigned char byte)
{
    return _mm512_cmpeq_epi8_mask(text.bytes, _mm512_set1_epi8((char)byte));
}

INLINE bool has_high_bit(struct text text)
{
    return _mm512_movepi8_mask(text.bytes) != 0;
}

INLINE uint64_t prefix_xor(uint64_t bits)
{
    __m128i ones = _mm_set1_epi8((char)0xff);
    __m128i factor = _mm_set_epi64x(0, (long long)bits);

    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(factor, ones, 0));
}

INLINE __m512i iota(void)
{
    return _mm512_set_epi64(0x3f3e3d3c3b3a3938, 0x3736353433323130, 0x2f2e2d2c2b2a2928,
                            0x2726252423222120, 0x1f1e1d1c1b1a1918, 0x1716151413121110,
                            0x0f0e0d0c0b0a0908, 0x0706050403020100);
}

/* Compress in a register and store it widened: compressing to memory is slow on some machines. */
INLINE size_t append_some(uint32_t *to, uint64_t bits, __m512i values, uint32_t base)
{
    __m512i packed = _mm512_maskz_compress_epi8(bits, values);
    __m512i offset = _mm512_set1_epi32((int)base);
    size_t count = (size_t)__builtin_popcountll(bits);

    __m512i first = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed));
    _mm512_storeu_si512(to, _mm512_add_epi32(offset, first));
    if (__builtin_expect(count > 16, 0)) {
        __m512i second = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 1));
        __m512i third = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 2));
        __m512i fourth = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 3));
        _mm512_storeu_si512(to + 16, _mm512_add_epi32(offset, second));
        _mm512_storeu_si512(to + 32, _mm512_add_epi32(offset, third));
        _mm512_storeu_si512(to + 48, _mm512_add_epi32(offset, fourth));
    }
    return count;
}

INLINE size_t append_ends(uint32_t *to, uint64_t bits, uint32_t base)
{
    return append_some(to, bits, iota(), base);
}

INLINE size_t append_begins(uint32_t *to, uint64_t bits, uint64_t crlf, uint32_t base)
{
    __m512i values = _mm512_mask_add_epi8(iota(), crlf, iota(), _mm512_set1_epi8(1));

    return append_some(to, bits, values, base + 1);
}

#include "kernel/index_loop.h"

size_t sheaf_index_avx512(const struct sheaf_automaton *automaton, struct sheaf_index *index,
                          const unsigned char *bytes, size_t blocks, size_t records)
{
    return index_run(automaton, index, bytes, blocks, records);
}

#endif
