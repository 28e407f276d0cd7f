/*
 * hash.h - the hash of a key: seeded, 64 good bits, a few cycles for short text
 *
 * Its top bits choose the partition, its low bits the slot, so all of it must be
 * good: each step multiplies 64 by 64 bits and folds the product.  The seed never
 * shows in an answer; it keeps data from being written that collides everywhere.
 */
#ifndef SHEAF_REDUCE_HASH_H
#define SHEAF_REDUCE_HASH_H

#include <string.h>

#include "kernel/hash.h"

/* What is looked at at once: keys of up to two such ends are compared without a loop. */
enum { SHEAF_END_BYTES = 16 };

/* The first 16 bytes of a text and the last 16, which may overlap; of a text of up to 16 bytes all
 * of it, with zeros behind, and zeros for the last. */
struct sheaf_ends {
    uint64_t first[2], last[2];
};

struct sheaf_hash_seed {
    uint64_t low, high, last;
    uint64_t no_last; /* what a last end of zeros comes to */
};

static inline struct sheaf_hash_seed sheaf_hash_seed_from(uint64_t seed)
{
    struct sheaf_hash_seed words = {
        .low = sheaf_hash_u64(1, seed),
        .high = sheaf_hash_u64(2, seed),
        .last = sheaf_hash_u64(3, seed) | 1, /* never 0 */
    };

    words.no_last = sheaf_hash_fold(words.high, words.last) ^ SHEAF_HASH_3;
    return words;
}

static inline uint64_t sheaf_hash_word(uint64_t word, const struct sheaf_hash_seed *seed)
{
    return sheaf_hash_fold(sheaf_hash_fold(word ^ seed->low, SHEAF_HASH_1) ^ seed->high,
                           seed->last);
}

/* Of a text of at most two ends. */
static inline uint64_t sheaf_hash_ends(const struct sheaf_ends *ends, uint32_t size,
                                       const struct sheaf_hash_seed *seed)
{
    uint64_t first = sheaf_hash_fold(ends->first[0] ^ seed->low, ends->first[1] ^ seed->high);
    uint64_t last = sheaf_hash_fold(ends->last[0] ^ seed->high, ends->last[1] ^ seed->last);

    return sheaf_hash_fold(first ^ size, last ^ SHEAF_HASH_3);
}

/* The same for a text that is all in its first end: a multiplication less. */
static inline uint64_t sheaf_hash_first(const uint64_t first[2], uint32_t size,
                                        const struct sheaf_hash_seed *seed)
{
    uint64_t mixed = sheaf_hash_fold(first[0] ^ seed->low, first[1] ^ seed->high);

    return sheaf_hash_fold(mixed ^ size, seed->no_last);
}

/* Of a longer one: what lies between the ends, 16 bytes at a time, the last of which may overlap
 * the end, changes the seed. */
static inline uint64_t sheaf_hash_long(const struct sheaf_ends *ends, const char *bytes,
                                       uint32_t size, const struct sheaf_hash_seed *seed)
{
    uint64_t mixed = seed->low;

    for (size_t at = SHEAF_END_BYTES; at + SHEAF_END_BYTES < size; at += SHEAF_END_BYTES) {
        uint64_t next[2];

        memcpy(next, bytes + at, sizeof next);
        mixed = sheaf_hash_fold(mixed ^ next[0], next[1] ^ seed->high);
    }
    return sheaf_hash_fold(sheaf_hash_ends(ends, size, seed) ^ mixed, seed->last);
}

#endif
