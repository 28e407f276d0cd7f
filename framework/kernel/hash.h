/*
 * hash.h - from bytes to 64 bits that look random
 *
 * Multiply and fold: the 128-bit product of two words, its halves XORed, mixes
 * every bit of both into every bit of the result.  The constants are digits of pi, odd
 * and without a pattern.  Short keys are read by two loads that may overlap,
 * so no length between 1 and 16 has a loop, and never a byte outside the key.
 *
 * Values depend on bytes and seed alone, not on the machine.  This is no defence
 * against who chooses keys and knows the seed.
 */
#ifndef SHEAF_KERNEL_HASH_H
#define SHEAF_KERNEL_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernel/wide.h"

#define SHEAF_HASH_1 0x243F6A8885A308D3u
#define SHEAF_HASH_2 0x13198A2E03707345u
#define SHEAF_HASH_3 0xA4093822299F31D1u

static inline uint64_t sheaf_hash_fold(uint64_t a, uint64_t b)
{
    sheaf_uint128 product = (sheaf_uint128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t sheaf_hash_u64(uint64_t key, uint64_t seed)
{
    return sheaf_hash_fold(sheaf_hash_fold(key ^ SHEAF_HASH_1, seed ^ SHEAF_HASH_2) ^ key,
                           SHEAF_HASH_3);
}

static inline uint64_t sheaf_hash_load_u32(const unsigned char *bytes)
{
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
           (uint64_t)bytes[3] << 24;
}

/* Two words that together hold all bytes of a key of at most 16. */
static inline void sheaf_hash_short(const unsigned char *bytes, size_t size, uint64_t *a,
                                    uint64_t *b)
{
    if (size >= 8) {
        *a = sheaf_load_u64(bytes);
        *b = sheaf_load_u64(bytes + size - 8);
    } else if (size >= 4) {
        *a = sheaf_hash_load_u32(bytes);
        *b = sheaf_hash_load_u32(bytes + size - 4);
    } else if (size > 0) {
        *a = (uint64_t)bytes[0] | (uint64_t)bytes[size / 2] << 8 | (uint64_t)bytes[size - 1] << 16;
        *b = 0;
    } else {
        *a = *b = 0;
    }
}

static inline uint64_t sheaf_hash_bytes(const void *key, size_t size, uint64_t seed)
{
    const unsigned char *bytes = key;
    size_t rest = size;
    uint64_t a, b;

    seed ^= SHEAF_HASH_1;
    for (; rest > 16; rest -= 16, bytes += 16)
        seed =
            sheaf_hash_fold(sheaf_load_u64(bytes) ^ SHEAF_HASH_2, sheaf_load_u64(bytes + 8) ^ seed);
    sheaf_hash_short(bytes, rest, &a, &b);
    seed = sheaf_hash_fold(a ^ SHEAF_HASH_2, b ^ seed);
    return sheaf_hash_fold(seed ^ SHEAF_HASH_3, (uint64_t)size ^ SHEAF_HASH_1);
}

/* One hash of several, in order: the first is the seed of the next. */
static inline uint64_t sheaf_hash_join(uint64_t hash, uint64_t next)
{
    return sheaf_hash_fold(hash ^ SHEAF_HASH_2, next ^ SHEAF_HASH_3);
}

#endif
