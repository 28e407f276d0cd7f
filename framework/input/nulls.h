/* nulls.h - which bytes mean that a value is missing: none, or one of the spellings given */
#ifndef SHEAF_INPUT_NULLS_H
#define SHEAF_INPUT_NULLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sheaf_nulls {
    const char *const *words;
    size_t count;
    uint64_t sizes; /* bit s: some spelling has s bytes; bit 63: some has 63 or more */
};

static inline struct sheaf_nulls sheaf_nulls_make(const char *const *words, size_t count)
{
    struct sheaf_nulls nulls = {words, count, 1};

    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]);
        nulls.sizes |= (uint64_t)1 << (size < 63 ? size : 63);
    }
    return nulls;
}

/* Whether the bytes of a field that was not quoted are one of them. */
static inline bool sheaf_is_null(const struct sheaf_nulls *nulls, const char *bytes, size_t size)
{
    if (!(nulls->sizes >> (size < 63 ? size : 63) & 1))
        return false;
    if (size == 0)
        return true;
    for (size_t i = 0; i < nulls->count; i++)
        if (strlen(nulls->words[i]) == size && memcmp(nulls->words[i], bytes, size) == 0)
            return true;
    return false;
}

#endif
