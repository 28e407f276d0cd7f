/*
 * word.h - keys of fixed size as 64-bit words: equal keys are equal words
 *
 * Zero has one sign and NaN one pattern here, so that -0 and 0 are one key, and
 * NaN equals NaN.
 */
#ifndef SHEAF_REDUCE_WORD_H
#define SHEAF_REDUCE_WORD_H

#include <stdbool.h>

#include <sheaf/batch.h>

/* Whether keys of this type are words; else they are texts (SHEAF_TEXT, SHEAF_BYTES) or refused. */
bool sheaf_word_type(sheaf_type type);

static inline bool sheaf_word_text(sheaf_type type)
{
    return type == SHEAF_TEXT || type == SHEAF_BYTES;
}

/* words[i] = the value of row first + i.  What is missing becomes the word of zero. */
void sheaf_word_load(const sheaf_column *column, size_t first, size_t count, int64_t *words);

/* The inverse: values[index] = the value, in the type's own size. */
void sheaf_word_store(sheaf_type type, int64_t word, void *values, size_t index);

/* The same with small numbers, negative and floating-point ones included, in the low bytes. */
static inline uint64_t sheaf_word_pack(sheaf_type type, int64_t word)
{
    if (type == SHEAF_F64) /* its last digits are zero more often than its first */
        return __builtin_bswap64((uint64_t)word);
    return ((uint64_t)word << 1) ^ (uint64_t)(word >> 63);
}

int64_t sheaf_word_unpack(sheaf_type type, uint64_t packed);

#endif
