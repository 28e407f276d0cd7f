/*
 * powers.h - exact sums of x, x^2 and, for moments, x^3 and x^4
 *
 * Every number is an integer times a power of two, so its powers are too, and
 * can be added without rounding in integers that are long enough.  Here they are
 * two's complement, in a block that grows with the range of the values seen:
 * those are multiples of 2^(64 low) and below 2^(64 high), so with
 * w = high - low the sum of k-th powers takes k w limbs of 64 bits, and one more
 * for sign and count.  Integers and decimals take 14 limbs for all four powers,
 * doubles of everyday sizes 24.
 *
 * The central moments are computed from the sums exactly, too, and rounded last.
 */
#ifndef SHEAF_OPERATORS_POWERS_H
#define SHEAF_OPERATORS_POWERS_H

#include "big.h"
#include "load.h"

enum { POWERS_SAW_NAN = 1, POWERS_SAW_PLUS = 2, POWERS_SAW_MINUS = 4 };

struct powers {
    int64_t count;
    sheaf_block limbs;
    int32_t low, high; /* equal until a value other than 0 was seen */
    int32_t scale;     /* of decimals: x stands for x / 10^scale */
    uint32_t flags;
};

/* Where the sum of k-th powers begins, and how many limbs it has. */
static inline size_t powers_offset(size_t width, size_t k)
{
    return width * (k * (k - 1) / 2) + (k - 1);
}

static inline size_t powers_size(size_t width, size_t k)
{
    return k * width + 1;
}

static inline uint64_t sign_limb(uint64_t top)
{
    return top >> 63 ? UINT64_MAX : 0;
}

/* Make room for multiples of 2^(64 low) below 2^(64 high). */
static inline void powers_widen(struct powers *powers, sheaf_heap *heap, size_t degree, int32_t low,
                                int32_t high)
{
    size_t old = (size_t)(powers->high - powers->low);
    size_t below; /* limbs that x gets at its low end */

    if (old > 0) {
        low = low < powers->low ? low : powers->low;
        high = high > powers->high ? high : powers->high;
    }
    size_t width = (size_t)(high - low);
    below = old > 0 ? (size_t)(powers->low - low) : 0;
    uint64_t *limbs =
        sheaf_block_resize(heap, &powers->limbs, powers_offset(width, degree + 1) * sizeof *limbs);
    powers->low = low;
    powers->high = high;
    if (old == 0)
        return;
    /* Each sum moves up, the highest first, so that none is overwritten before it has moved. */
    for (size_t k = degree; k >= 1; k--) {
        const uint64_t *from = limbs + powers_offset(old, k);
        uint64_t *to = limbs + powers_offset(width, k);
        size_t count = powers_size(old, k);
        uint64_t sign = sign_limb(from[count - 1]);

        memmove(to + k * below, from, count * sizeof *to);
        for (size_t i = 0; i < k * below; i++)
            to[i] = 0;
        for (size_t i = k * below + count; i < powers_size(width, k); i++)
            to[i] = sign;
    }
}

/* Add part[0..count) * 2^shift, or subtract it. */
static inline void add_part(uint64_t *limbs, size_t size, const uint64_t *part, size_t count,
                            size_t shift, bool negative)
{
    size_t at = shift / 64;
    unsigned bits = shift % 64;
    uint64_t carry = 0, before = 0;

    for (size_t i = 0; at < size; i++, at++) {
        uint64_t next = i < count ? part[i] : 0;
        uint64_t add = bits ? next << bits | before >> (64 - bits) : next;
        unsigned long long sum, more;

        if (i > count && carry == 0)
            return;
        if (negative)
            carry = (uint64_t)__builtin_usubll_overflow(limbs[at], add, &sum) |
                    (uint64_t)__builtin_usubll_overflow(sum, carry, &more);
        else
            carry = (uint64_t)__builtin_uaddll_overflow(limbs[at], add, &sum) |
                    (uint64_t)__builtin_uaddll_overflow(sum, carry, &more);
        limbs[at] = more;
        before = next;
    }
}

/* The limbs of powers may move when the heap grows: ask again after powers_widen(). */
static inline uint64_t *powers_limbs(const struct powers *powers, const sheaf_heap *heap)
{
    return sheaf_block_bytes(heap, &powers->limbs);
}

/* Add the powers of m * 2^exponent, m not 0. */
static inline void powers_add_number(struct powers *powers, sheaf_heap *heap, size_t degree,
                                     uint64_t m, int32_t exponent, bool negative)
{
    int32_t low = exponent >> 6; /* the shift rounds down */
    int32_t high = (exponent + 127 - __builtin_clzll(m)) >> 6;
    uint64_t part[4] = {m, 0, 0, 0};

    if (powers->low == powers->high || low < powers->low || high > powers->high)
        powers_widen(powers, heap, degree, low, high > low ? high : low + 1);
    uint64_t *limbs = powers_limbs(powers, heap);
    size_t width = (size_t)(powers->high - powers->low);
    size_t place = (size_t)(exponent - 64 * powers->low);
    for (size_t k = 1; k <= degree; k++) {
        add_part(limbs + powers_offset(width, k), powers_size(width, k), part, k, k * place,
                 negative && (k & 1));
        if (k < degree)
            part[k] = limbs_scale(part, k, m);
    }
}

static inline void powers_add_i64(struct powers *powers, sheaf_heap *heap, size_t degree,
                                  int64_t value)
{
    if (value != 0)
        powers_add_number(powers, heap, degree, value < 0 ? -(uint64_t)value : (uint64_t)value, 0,
                          value < 0);
}

static inline void powers_add_f64(struct powers *powers, sheaf_heap *heap, size_t degree,
                                  double value)
{
    uint64_t bits, m;
    int32_t exponent;

    memcpy(&bits, &value, sizeof bits);
    m = bits & ((UINT64_C(1) << 52) - 1);
    exponent = (int32_t)(bits >> 52 & 0x7FF);
    if (exponent == 0x7FF) {
        powers->flags |= m ? POWERS_SAW_NAN : bits >> 63 ? POWERS_SAW_MINUS : POWERS_SAW_PLUS;
        return;
    }
    if (exponent)
        m |= UINT64_C(1) << 52;
    else
        exponent = 1;
    if (m)
        powers_add_number(powers, heap, degree, m, exponent - 1075, bits >> 63);
}

/* -- blocks of values that are integers in units of one power of two ------------------------- */

enum {
    POWERS_BLOCK = 64,      /* rows; few, so that doubles among them seldom differ much in size */
    POWERS_SMALL_BITS = 28, /* of integers whose fourth powers can be added in 128 bits */
};

/* sums[0..count] += part[0..count), or -=, in two's complement. */
static inline void add_signed(uint64_t *sums, const uint64_t *part, size_t count, uint64_t negative)
{
    uint64_t carry = negative & 1;

    for (size_t i = 0; i < count; i++) {
        unsigned long long sum, more;
        carry = (uint64_t)__builtin_uaddll_overflow(sums[i], part[i] ^ negative, &sum) |
                (uint64_t)__builtin_uaddll_overflow(sum, carry, &more);
        sums[i] = more;
    }
    sums[count] += negative + carry;
}

struct block_sums {
    uint64_t limbs[4][5]; /* of x^(k + 1): k + 2 limbs are used */
};

static inline void add_up_small(const int64_t *x, size_t rows, size_t degree,
                                struct block_sums *sums)
{
    sheaf_int128 total[4] = {0, 0, 0, 0};

    for (size_t row = 0; row < rows; row++) {
        int64_t square = x[row] * x[row];

        total[0] += x[row];
        total[1] += square;
        if (degree > 2) {
            total[2] += (sheaf_int128)square * x[row];
            total[3] += (sheaf_int128)square * square;
        }
    }
    for (size_t k = 0; k < degree; k++)
        for (size_t i = 0; i < k + 2; i++)
            sums->limbs[k][i] =
                i < 2 ? (uint64_t)(total[k] >> (64 * i)) : (uint64_t)(total[k] >> 127);
}

static inline void add_up(const int64_t *x, size_t rows, size_t degree, struct block_sums *sums)
{
    memset(sums, 0, sizeof *sums);
    for (size_t row = 0; row < rows; row++) {
        uint64_t negative = x[row] < 0 ? UINT64_MAX : 0;
        uint64_t m = ((uint64_t)x[row] ^ negative) - negative;
        big_limb2 square = (big_limb2)m * m;
        uint64_t part[4] = {m, 0, 0, 0};

        add_signed(sums->limbs[0], part, 1, negative);
        part[0] = (uint64_t)square;
        part[1] = (uint64_t)(square >> 64);
        add_signed(sums->limbs[1], part, 2, 0);
        if (degree > 2) {
            part[2] = limbs_scale(part, 2, m);
            add_signed(sums->limbs[2], part, 3, negative);
            part[3] = limbs_scale(part, 3, m);
            add_signed(sums->limbs[3], part, 4, 0);
        }
    }
}

/* Add x[i] * 2^unit, where |x[i]| <= 2^bits and bits < 64. */
static inline void powers_add_block(struct powers *powers, sheaf_heap *heap, size_t degree,
                                    const int64_t *x, size_t rows, int32_t unit, int32_t bits)
{
    int32_t low = unit >> 6, high = (unit + bits + 64) >> 6;
    struct block_sums sums;

    if (bits <= POWERS_SMALL_BITS)
        add_up_small(x, rows, degree, &sums);
    else
        add_up(x, rows, degree, &sums);
    if (powers->low == powers->high || low < powers->low || high > powers->high)
        powers_widen(powers, heap, degree, low, high);
    uint64_t *limbs = powers_limbs(powers, heap);
    size_t width = (size_t)(powers->high - powers->low);
    for (size_t k = 1; k <= degree; k++) {
        uint64_t *part = sums.limbs[k - 1];
        bool negative = part[k] >> 63;
        uint64_t carry = 1;

        for (size_t i = 0; negative && i <= k; i++) {
            part[i] = ~part[i] + carry;
            carry = carry && part[i] == 0;
        }
        add_part(limbs + powers_offset(width, k), powers_size(width, k), part, k + 1,
                 k * (size_t)(unit - 64 * powers->low), negative);
    }
}

/* |value| = m * 2^exponent, m odd or 0; the sign is left away. */
static inline uint64_t take_apart(double value, int32_t *exponent)
{
    uint64_t bits, m;
    int32_t zeros;

    memcpy(&bits, &value, sizeof bits);
    m = bits & ((UINT64_C(1) << 52) - 1);
    *exponent = (int32_t)(bits >> 52 & 0x7FF);
    if (*exponent)
        m |= UINT64_C(1) << 52;
    else
        *exponent = 1;
    zeros = m ? __builtin_ctzll(m) : 0;
    *exponent += zeros - 1075;
    return m >> zeros;
}

/* Doubles as integers x[i] * 2^*unit, |x[i]| < 2^*bits; false if they are too far apart, or not
 * finite. */
static inline bool as_integers(const sheaf_column *column, size_t begin, size_t rows, int64_t *x,
                               int32_t *unit, int32_t *bits)
{
    int32_t exponents[POWERS_BLOCK], least = INT32_MAX, most = INT32_MIN;
    bool finite = true;

    for (size_t i = 0; i < rows; i++) {
        double value = load_f64(column, begin + i);
        uint64_t m = take_apart(value, &exponents[i]);
        int32_t end = exponents[i] + 64 - __builtin_clzll(m | 1);

        finite &= isfinite(value) != 0;
        least = m && exponents[i] < least ? exponents[i] : least;
        most = m && end > most ? end : most;
        x[i] = value < 0 ? -(int64_t)m : (int64_t)m;
    }
    if (least == INT32_MAX) /* all are 0 */
        least = most = 0;
    if (!finite || most - least > 62)
        return false;
    for (size_t i = 0; i < rows; i++)
        x[i] = x[i] ? (int64_t)((uint64_t)x[i] << (exponents[i] - least)) : 0;
    *unit = least;
    *bits = most - least;
    return true;
}

/* -- rows and states ------------------------------------------------------------------------- */

static inline void powers_add_doubles(struct powers *powers, sheaf_heap *heap, size_t degree,
                                      const sheaf_column *column, size_t begin, size_t rows)
{
    int64_t x[POWERS_BLOCK];
    int32_t unit, bits;

    if (rows > 1 && as_integers(column, begin, rows, x, &unit, &bits))
        powers_add_block(powers, heap, degree, x, rows, unit, bits);
    else
        for (size_t row = begin; row < begin + rows; row++)
            powers_add_f64(powers, heap, degree, load_f64(column, row));
}

static inline void powers_add_integers(struct powers *powers, sheaf_heap *heap, size_t degree,
                                       const sheaf_column *column, size_t begin, size_t rows)
{
    int64_t x[POWERS_BLOCK];
    uint64_t large = 0;

    if (rows == 1) {
        powers_add_i64(powers, heap, degree, load_i64(column, begin));
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        x[i] = load_i64(column, begin + i);
        large |= ((uint64_t)x[i] + (1u << (POWERS_SMALL_BITS - 1))) >> POWERS_SMALL_BITS;
    }
    powers_add_block(powers, heap, degree, x, rows, 0, large ? 63 : POWERS_SMALL_BITS - 1);
}

/* Rows [begin, end) of a column of NUMBER's types. */
static inline void powers_add(struct powers *powers, sheaf_heap *heap, size_t degree,
                              const sheaf_column *column, size_t begin, size_t end)
{
    powers->count += (int64_t)(end - begin);
    powers->scale = column->type == SHEAF_DECIMAL ? column->scale : 0;
    for (size_t at = begin; at < end; at += POWERS_BLOCK) {
        size_t rows = end - at < POWERS_BLOCK ? end - at : POWERS_BLOCK;

        if (column->type == SHEAF_F64)
            powers_add_doubles(powers, heap, degree, column, at, rows);
        else
            powers_add_integers(powers, heap, degree, column, at, rows);
    }
}

static inline void powers_join(struct powers *powers, const struct powers *later, size_t degree,
                               const sheaf_gluing *with)
{
    powers->count += later->count;
    powers->flags |= later->flags;
    if (later->count)
        powers->scale = later->scale;
    if (later->low == later->high)
        return;
    if (powers->low == powers->high || later->low < powers->low || later->high > powers->high)
        powers_widen(powers, with->heap, degree, later->low, later->high);
    const uint64_t *more = powers_limbs(later, with->later_heap);
    uint64_t *limbs = powers_limbs(powers, with->heap);
    size_t width = (size_t)(powers->high - powers->low);
    size_t narrow = (size_t)(later->high - later->low);
    size_t up = (size_t)(later->low - powers->low);
    for (size_t k = 1; k <= degree; k++) {
        uint64_t *to = limbs + powers_offset(width, k);
        const uint64_t *from = more + powers_offset(narrow, k);
        size_t size = powers_size(narrow, k);
        uint64_t sign = sign_limb(from[size - 1]), carry = 0;

        for (size_t i = 0; i + k * up < powers_size(width, k); i++) {
            unsigned long long sum, total;
            carry = (uint64_t)__builtin_uaddll_overflow(to[i + k * up], i < size ? from[i] : sign,
                                                        &sum) |
                    (uint64_t)__builtin_uaddll_overflow(sum, carry, &total);
            to[i + k * up] = total;
        }
    }
}

/* -- answers --------------------------------------------------------------------------------- */

/* The sum of k-th powers, in units of 2^(64 k low). */
static inline void powers_sum(const struct powers *powers, const sheaf_heap *heap, size_t k,
                              struct big *sum)
{
    size_t width = (size_t)(powers->high - powers->low);

    if (width == 0)
        big_set(sum, 0);
    else
        big_read(sum, powers_limbs(powers, heap) + powers_offset(width, k), powers_size(width, k));
}

/* Sums of infinities are infinite or no number, and so is the mean. */
static inline double powers_special(const struct powers *powers)
{
    if (powers->flags == POWERS_SAW_PLUS)
        return INFINITY;
    return powers->flags == POWERS_SAW_MINUS ? -INFINITY : (double)NAN;
}

/* The mean of the values, rounded once; NaN if there are none. */
static inline double powers_mean(const struct powers *powers, const sheaf_heap *heap)
{
    struct big sum, divisor;

    if (powers->count == 0 || powers->flags)
        return powers_special(powers);
    powers_sum(powers, heap, 1, &sum);
    big_set(&divisor, (uint64_t)powers->count);
    big_scale_ten(&divisor, powers->scale);
    return big_ratio(&sum, &divisor, 64 * powers->low);
}

/* n S2 - S1^2: n^2 times the second central moment, in units of 2^(128 low). */
static inline void powers_second(const struct powers *powers, const sheaf_heap *heap,
                                 struct big *second)
{
    struct big sum, square;

    powers_sum(powers, heap, 1, &sum);
    big_multiply(&square, &sum, &sum);
    powers_sum(powers, heap, 2, &sum);
    big_scale(&sum, (uint64_t)powers->count);
    big_add(second, &sum, &square, true);
}

/* Variance and deviation of the sample, with n - 1; the first rounded once, the second from a
 * variance that may be too large or too small for a double.  NaN for fewer than two values. */
static inline void powers_spread(const struct powers *powers, const sheaf_heap *heap,
                                 double *variance, double *deviation)
{
    struct big second, divisor;
    int64_t exponent;
    double m;

    *variance = *deviation = (double)NAN;
    if (powers->count < 2 || powers->flags)
        return;
    *variance = *deviation = 0;
    powers_second(powers, heap, &second);
    if (second.size == 0)
        return;
    big_set(&divisor, (uint64_t)powers->count);
    big_scale(&divisor, (uint64_t)powers->count - 1);
    big_scale_ten(&divisor, 2 * powers->scale);
    m = big_split_ratio(&second, &divisor, &exponent);
    exponent += 128 * powers->low;
    *variance = big_scaled(m, exponent);
    *deviation = big_root(m, exponent);
}

#endif
