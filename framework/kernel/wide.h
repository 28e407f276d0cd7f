/* wide.h - unsigned 128-bit integers and what the machine has for them */
#ifndef SHEAF_KERNEL_WIDE_H
#define SHEAF_KERNEL_WIDE_H

#include <stdint.h>
#include <string.h>

#include <sheaf/batch.h>


static inline uint64_t sheaf_multiply_high(uint64_t a, uint64_t b)
{
    return (uint64_t)(((sheaf_uint128)a * b) >> 64);
}

/* The absolute value, also of the most negative number. */
static inline sheaf_uint128 sheaf_wide_magnitude(sheaf_int128 value)
{
    return value < 0 ? -(sheaf_uint128)value : (sheaf_uint128)value;
}

/* Eight bytes as they lie in memory, the first the least significant one. */
static inline uint64_t sheaf_load_u64(const void *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

#endif
