/* columns_portable.c - numbers from text with plain 64-bit words: see columns_loops.h */
#include "column/columns.h"
#include "column/digits.h"
#include "kernel/wide.h"

/* 16 bytes from offset `size` keep the last `size` of 16. */
static const uint8_t keep[33] = {
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
};

static inline bool take_digits(const char *end, size_t size, uint64_t *value)
{
    uint64_t left = (sheaf_load_u64(end - 16) ^ SHEAF_ZEROS) & sheaf_load_u64(keep + size);
    uint64_t right = (sheaf_load_u64(end - 8) ^ SHEAF_ZEROS) & sheaf_load_u64(keep + size + 8);

    *value = 100000000 * sheaf_digits_value(left) + sheaf_digits_value(right);
    return (sheaf_digits_wrong(left) | sheaf_digits_wrong(right)) == 0;
}

/* 0x80 in the first byte that is '.' XOR '0', perhaps in later ones. */
static inline uint64_t find_point(uint64_t word)
{
    uint64_t other = word ^ 0x1E1E1E1E1E1E1E1Eu;

    return (other - 0x0101010101010101u) & ~other & 0x8080808080808080u;
}

/* Take the first point out: what stands before it moves up by one byte. */
static inline bool take_number(const char *end, size_t size, uint64_t *value, unsigned *place)
{
    uint64_t left = (sheaf_load_u64(end - 16) ^ SHEAF_ZEROS) & sheaf_load_u64(keep + size);
    uint64_t right = (sheaf_load_u64(end - 8) ^ SHEAF_ZEROS) & sheaf_load_u64(keep + size + 8);
    uint64_t point = find_point(right);

    *place = 16;
    if (find_point(left)) {
        uint64_t at = find_point(left);
        uint64_t before = (at & -at) - 1; /* the bits below the point's highest one */
        before >>= 7;
        *place = (unsigned)__builtin_ctzll(at) / 8;
        left = (left & ~(before << 8 | 0xFF)) | (left & before) << 8;
    } else if (point) {
        uint64_t before = ((point & -point) - 1) >> 7;
        *place = 8 + (unsigned)__builtin_ctzll(point) / 8;
        right = (right & ~(before << 8 | 0xFF)) | (right & before) << 8 | left >> 56;
        left <<= 8;
    }
    *value = 100000000 * sheaf_digits_value(left) + sheaf_digits_value(right);
    return (sheaf_digits_wrong(left) | sheaf_digits_wrong(right)) == 0 && *place != 15;
}

#include "column/columns_loops.h"

const struct sheaf_column_parsers sheaf_column_parsers_portable = {parse_i64, parse_f64,
                                                                   parse_decimal, find_shapes};
