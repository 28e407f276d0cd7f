/*
 * digits.h - eight and sixteen digits at a time, in plain 64-bit words
 *
 * A word holds characters as they lie in memory, the first in the least
 * significant byte, XORed with '0': digits become 0 to 9.
 */
#ifndef SHEAF_COLUMN_DIGITS_H
#define SHEAF_COLUMN_DIGITS_H

#include <stdint.h>

#define SHEAF_ZEROS 0x3030303030303030u /* eight times '0' */

/* 0 if all eight bytes are 0 to 9. */
static inline uint64_t sheaf_digits_wrong(uint64_t word)
{
    return ((word + 0x7676767676767676u) | word) & 0x8080808080808080u;
}

/* The number that eight digits are: by pairs, by fours, all. */
static inline uint64_t sheaf_digits_value(uint64_t word)
{
    word = word * 10 + (word >> 8);
    return (((word & 0x000000FF000000FFu) * 0x000F424000000064u) +
            (((word >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >>
           32;
}

#endif
