/* shortest.h - the shortest decimal number that reads back as a given double */
#ifndef SHEAF_COLUMN_SHORTEST_H
#define SHEAF_COLUMN_SHORTEST_H

#include <stdint.h>

/* digits * 10^exponent; the last digit is not 0, unless it is the only one. */
struct sheaf_decimal_number {
    uint64_t digits;
    int32_t exponent;
};

/* Of all with the fewest digits, the one nearest to the value, which is finite; its sign is
 * ignored. */
struct sheaf_decimal_number sheaf_shortest_f64(double value);
struct sheaf_decimal_number sheaf_shortest_f32(float value);

#endif
