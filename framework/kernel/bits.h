/*
 * bits.h - one bit for each row
 *
 * Bit r % 64 of word r / 64 belongs to row r; n rows take sheaf_bits_words(n) words.
 * Where a bitmap is made, the bits past its last row are 0.
 */
#ifndef SHEAF_KERNEL_BITS_H
#define SHEAF_KERNEL_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t sheaf_bits_words(size_t n)
{
    return (n + 63) / 64;
}

static inline bool sheaf_bits_get(const uint64_t *bits, size_t row)
{
    return bits[row / 64] >> (row % 64) & 1;
}

static inline void sheaf_bits_set(uint64_t *bits, size_t row)
{
    bits[row / 64] |= (uint64_t)1 << (row % 64);
}

static inline void sheaf_bits_clear(uint64_t *bits, size_t row)
{
    bits[row / 64] &= ~((uint64_t)1 << (row % 64));
}

/* The bits of the rows that the last word of n rows has; all for a full one. */
static inline uint64_t sheaf_bits_tail(size_t n)
{
    return n % 64 ? ((uint64_t)1 << (n % 64)) - 1 : UINT64_MAX;
}

/* Set the bits of all n rows. */
void sheaf_bits_fill(uint64_t *bits, size_t n);
size_t sheaf_bits_count(const uint64_t *bits, size_t n);
bool sheaf_bits_all(const uint64_t *bits, size_t n);
void sheaf_bits_and(uint64_t *bits, const uint64_t *with, size_t n);
void sheaf_bits_and_not(uint64_t *bits, const uint64_t *without, size_t n);
void sheaf_bits_or(uint64_t *bits, const uint64_t *with, size_t n);

/* rows[i] = the i-th row whose bit is set; `rows` has room for n + 8.  Returns how many. */
size_t sheaf_bits_rows(const uint64_t *bits, size_t n, uint32_t *rows);

/* to[i] = from[rows[i]] for values of 1, 2, 4, 8 or 16 bytes; `to` may be `from` when rows
 * ascend. */
void sheaf_bits_gather(void *to, const void *from, size_t value_size, const uint32_t *rows,
                       size_t count);

/* Bit i of `to` = bit rows[i] of `from`; they may be the same when rows ascend. */
void sheaf_bits_compress(uint64_t *to, const uint64_t *from, const uint32_t *rows, size_t count);

#endif
