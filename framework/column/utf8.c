/*
 * utf8.c - is this UTF-8?  ASCII a word at a time, the rest by the table in the standard
 *
 * Not UTF-8 are: overlong forms, surrogates, what is above U+10FFFF.
 */
#include "column/utf8.h"
#include "base/cpu.h"
#include "column/parse.h"
#include "kernel/wide.h"

/* The bytes of the well-formed character at the start, or 0: Unicode 15, table 3-7. */
static size_t character_size(const unsigned char *at, size_t size)
{
    unsigned low = 0x80, high = 0xBF;
    size_t length;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (at[0] == 0xE0)
        low = 0xA0;
    else if (at[0] == 0xED)
        high = 0x9F;
    else if (at[0] == 0xF0)
        low = 0x90;
    else if (at[0] == 0xF4)
        high = 0x8F;
    if (size < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

size_t sheaf_utf8_valid(const char *bytes, size_t size)
{
    const unsigned char *text = (const unsigned char *)bytes;
    const uint64_t high_bits = 0x8080808080808080u;
    size_t at = 0;

    while (at < size) {
        if (size - at >= 32 &&
            ((sheaf_load_u64(bytes + at) | sheaf_load_u64(bytes + at + 8) |
              sheaf_load_u64(bytes + at + 16) | sheaf_load_u64(bytes + at + 24)) &
             high_bits) == 0) {
            at += 32;
            continue;
        }
        if (size - at >= 8 && (sheaf_load_u64(bytes + at) & high_bits) == 0) {
            at += 8;
            continue;
        }
        size_t length = character_size(text + at, size - at);
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

static bool is_valid_plain(const char *bytes, size_t size)
{
    return sheaf_utf8_valid(bytes, size) == size;
}

/* Chosen once.  Threads that come here together find the same, so order does not matter. */
bool sheaf_utf8_is_valid(const char *bytes, size_t size)
{
    static bool (*chosen)(const char *bytes, size_t size);
    bool (*known)(const char *bytes, size_t size) = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

    if (!known) {
        known = is_valid_plain;
#if defined(__x86_64__)
        if (sheaf_cpu_isa() == SHEAF_ISA_AVX512)
            known = sheaf_utf8_is_valid_avx512;
#endif
        __atomic_store_n(&chosen, known, __ATOMIC_RELAXED);
    }
    return known(bytes, size);
}
