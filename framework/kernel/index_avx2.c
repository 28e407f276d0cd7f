/* index_avx2.c - the index by AVX2: positions one by one from the masks (see index.h) */
#include "kernel/index_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

struct text {
    __m256i low, high;
};

INLINE struct text load(const unsigned char *bytes)
{
    const char *at = (const char *)bytes;
    struct text text;

    text.low = _mm256_loadu_si256((const __m256i_u *)at);
    text.high = _mm256_loadu_si256((const __m256i_u *)(at + 32));
    return text;
}

INLINE struct text unite(struct text a, struct text b)
{
    return (struct text){_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}

INLINE uint64_t bits_of(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

INLINE uint64_t matches(struct text text, unsigned char byte)
{
    __m256i needle = _mm256_set1_epi8((char)byte);

    return bits_of(_mm256_cmpeq_epi8(text.low, needle), _mm256_cmpeq_epi8(text.high, needle));
}

INLINE bool has_high_bit(struct text text)
{
    return bits_of(text.low, text.high) != 0;
}

INLINE uint64_t prefix_xor(uint64_t bits)
{
    __m128i ones = _mm_set1_epi8((char)0xff);
    __m128i factor = _mm_set_epi64x(0, (long long)bits);

    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(factor, ones, 0));
}

/* Eight at a time without asking how many are left: a wrong guess costs more than a store. */
INLINE size_t append_ends(uint32_t *to, uint64_t bits, uint32_t base)
{
    size_t count = (size_t)__builtin_popcountll(bits);

    for (size_t i = 0; i < count; i += 8)
        for (size_t k = 0; k < 8; k++, bits &= bits - 1)
            to[i + k] = base + (uint32_t)_tzcnt_u64(bits);
    return count;
}

INLINE size_t append_begins(uint32_t *to, uint64_t bits, uint64_t crlf, uint32_t base)
{
    size_t count = (size_t)__builtin_popcountll(bits);

    for (size_t i = 0; i < count; i += 4)
        for (size_t k = 0; k < 4; k++, bits &= bits - 1) {
            uint64_t lowest = bits & (0 - bits);
            to[i + k] = base + 1 + (uint32_t)_tzcnt_u64(bits) + ((crlf & lowest) != 0);
        }
    return count;
}

#include "kernel/index_loop.h"

size_t sheaf_index_avx2(const struct sheaf_automaton *automaton, struct sheaf_index *index,
                        const unsigned char *bytes, size_t blocks, size_t records)
{
    return index_run(automaton, index, bytes, blocks, records);
}

#endif
