/* bits.c - one bit for each row: see bits.h */
#include <assert.h>
#include <string.h>

#include "kernel/bits.h"

void sheaf_bits_fill(uint64_t *bits, size_t n)
{
    size_t words = sheaf_bits_words(n);

    for (size_t i = 0; i < words; i++)
        bits[i] = UINT64_MAX;
    if (words > 0)
        bits[words - 1] = sheaf_bits_tail(n);
}

size_t sheaf_bits_count(const uint64_t *bits, size_t n)
{
    size_t words = sheaf_bits_words(n), count = 0;

    for (size_t i = 0; i + 1 < words; i++)
        count += (size_t)__builtin_popcountll(bits[i]);
    if (words > 0)
        count += (size_t)__builtin_popcountll(bits[words - 1] & sheaf_bits_tail(n));
    return count;
}

bool sheaf_bits_all(const uint64_t *bits, size_t n)
{
    size_t words = sheaf_bits_words(n);

    for (size_t i = 0; i + 1 < words; i++)
        if (bits[i] != UINT64_MAX)
            return false;
    return words == 0 || (bits[words - 1] & sheaf_bits_tail(n)) == sheaf_bits_tail(n);
}

void sheaf_bits_and(uint64_t *bits, const uint64_t *with, size_t n)
{
    for (size_t i = 0; i < sheaf_bits_words(n); i++)
        bits[i] &= with[i];
}

void sheaf_bits_and_not(uint64_t *bits, const uint64_t *without, size_t n)
{
    for (size_t i = 0; i < sheaf_bits_words(n); i++)
        bits[i] &= ~without[i];
}

void sheaf_bits_or(uint64_t *bits, const uint64_t *with, size_t n)
{
    for (size_t i = 0; i < sheaf_bits_words(n); i++)
        bits[i] |= with[i];
}

/* Eight rows are written at once, the ones too many are overwritten by the next: where bits are
 * spread evenly that saves a branch that can not be predicted. */
size_t sheaf_bits_rows(const uint64_t *bits, size_t n, uint32_t *rows)
{
    size_t words = sheaf_bits_words(n), found = 0;

    for (size_t i = 0; i < words; i++) {
        uint64_t word = i + 1 == words ? bits[i] & sheaf_bits_tail(n) : bits[i];
        uint32_t base = (uint32_t)(64 * i);
        size_t count = (size_t)__builtin_popcountll(word);
        if (word == UINT64_MAX) {
            for (uint32_t r = 0; r < 64; r++)
                rows[found + r] = base + r;
        } else {
            uint32_t *to = rows + found;
            for (size_t done = 0; done < count; done += 8)
                for (int k = 0; k < 8; k++) {
                    to[done + (size_t)k] = base + (uint32_t)(word ? __builtin_ctzll(word) : 0);
                    word &= word - 1;
                }
        }
        found += count;
    }
    return found;
}

#define GATHER(name, type)                                                             \
    static void name(void *to, const void *from, const uint32_t *rows, size_t count)   \
    {                                                                                  \
        for (size_t i = 0; i < count; i++) {                                           \
            type value;                                                                \
            memcpy(&value, (const char *)from + rows[i] * sizeof value, sizeof value); \
            memcpy((char *)to + i * sizeof value, &value, sizeof value);               \
        }                                                                              \
    }

GATHER(gather_1, uint8_t)
GATHER(gather_2, uint16_t)
GATHER(gather_4, uint32_t)
GATHER(gather_8, uint64_t)

static void gather_16(void *to, const void *from, const uint32_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value[2];
        memcpy(value, (const char *)from + (size_t)rows[i] * sizeof value, sizeof value);
        memcpy((char *)to + i * sizeof value, value, sizeof value);
    }
}

void sheaf_bits_gather(void *to, const void *from, size_t value_size, const uint32_t *rows,
                       size_t count)
{
    switch (value_size) {
    case 1:
        gather_1(to, from, rows, count);
        break;
    case 2:
        gather_2(to, from, rows, count);
        break;
    case 4:
        gather_4(to, from, rows, count);
        break;
    case 8:
        gather_8(to, from, rows, count);
        break;
    default:
        assert(value_size == 16);
        gather_16(to, from, rows, count);
    }
}

void sheaf_bits_compress(uint64_t *to, const uint64_t *from, const uint32_t *rows, size_t count)
{
    for (size_t first = 0; first < count; first += 64) {
        size_t last = count - first < 64 ? count - first : 64;
        uint64_t word = 0;
        for (size_t i = 0; i < last; i++)
            word |= (uint64_t)sheaf_bits_get(from, rows[first + i]) << i;
        to[first / 64] = word;
    }
}
