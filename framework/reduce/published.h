/*
 * published.h - a table as bytes, inside this room
 *
 *     header | entries, 32 bytes each | key bytes | states | heap
 *
 * Every section begins at a multiple of 16, gaps are zero.  Entries, their key
 * bytes and their states lie in the same order, partition by partition, so that
 * gluing some partitions reads just their part of each section.
 */
#ifndef SHEAF_REDUCE_PUBLISHED_H
#define SHEAF_REDUCE_PUBLISHED_H

#include "reduce/state.h"

struct sheaf_published_header {
    uint64_t magic;
    uint64_t size; /* of all */
    uint64_t seed; /* of the hashes */
    uint32_t mode; /* of the keys */
    uint32_t columns;
    uint64_t stride;
    uint64_t key_offset, key_size;
    uint64_t state_offset;
    uint64_t heap_offset, heap_size;
    uint64_t
        first[SHEAF_PARTITIONS + 1]; /* entry of each partition; the last: how many there are */
};

struct sheaf_published_entry {
    uint64_t hash;
    uint64_t first_row;
    uint64_t key; /* the word, or where its bytes begin in the section */
    uint32_t size;
    uint32_t reserved;
};

#define SHEAF_PUBLISHED_MAGIC UINT64_C(0x31304C4254464853)

static inline unsigned sheaf_partition(uint64_t hash)
{
    return (unsigned)(hash >> 58);
}
_Static_assert(SHEAF_PARTITIONS == 1 << (64 - 58), "partitions are the top bits of the hash");

/* Copy the header out of bytes that may be anything, and check that sections lie within; what it
 * says of entries is still to be checked one by one. */
SHEAF_CHECKED sheaf_status sheaf_published_open(const void *bytes, size_t size, uint64_t seed,
                                                enum sheaf_keys_mode mode, size_t columns,
                                                size_t stride,
                                                struct sheaf_published_header *header,
                                                sheaf_error *error);

/* Read entry `index`, whose key then points into the bytes. */
SHEAF_CHECKED sheaf_status sheaf_published_key(const struct sheaf_published_header *header,
                                               const void *bytes, uint64_t index,
                                               struct sheaf_key *key, sheaf_error *error);

sheaf_status sheaf_published_damaged(sheaf_error *error, const char *what);

#endif
