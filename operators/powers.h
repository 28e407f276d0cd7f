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
    uint64_t *limbs = sheaf_block_resize(heap, &powers->limbs,
                                         powers_offset(width, degree + 1) * sizeof *limbs);
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

/* -- small integers: the sums of a batch fit into 128 bits ----------------------------------- */

enum { POWERS_SMALL = 1 << 28 };

static inline bool all_small(const sheaf_column *column, size_t begin, size_t end)
{
    const int64_t *x = column->i64 + begin;

    return sheaf_min_i64(x, end - begin) > -POWERS_SMALL && sheaf_max_i64(x, end - begin) < POWERS_SMALL;
}

static inline void powers_add_small(struct powers *powers, sheaf_heap *heap, size_t degree,
                                    const sheaf_column *column, size_t begin, size_t end)
{
    sheaf_int128 sums[4] = {0, 0, 0, 0};

    for (size_t row = begin; row < end; row++) {
        int64_t x = load_i64(column, row), square = x * x;

        sums[0] += x;
        sums[1] += square;
        if (degree > 2) {
            sums[2] += (sheaf_int128)square * x;
            sums[3] += (sheaf_int128)square * square;
        }
    }
    if (powers->low == powers->high || powers->low > 0 || powers->high < 1)
        powers_widen(powers, heap, degree, 0, 1);
    size_t width = (size_t)(powers->high - powers->low);
    for (size_t k = 1; k <= degree; k++) {
        sheaf_int128 sum = sums[k - 1];
        bool negative = sum < 0;
        sheaf_int128 size = negative ? -sum : sum;
        uint64_t part[2] = {(uint64_t)size, (uint64_t)(size >> 64)};

        add_part(powers_limbs(powers, heap) + powers_offset(width, k), powers_size(width, k), part,
                 2, k * (size_t)(-64 * powers->low), negative);
    }
}

/* -- rows and states ------------------------------------------------------------------------- */

/* Rows [begin, end) of a column of NUMBER's types. */
static inline void powers_add(struct powers *powers, sheaf_heap *heap, size_t degree,
                              const sheaf_column *column, size_t begin, size_t end)
{
    powers->count += (int64_t)(end - begin);
    if (column->type == SHEAF_F64) {
        for (size_t row = begin; row < end; row++)
            powers_add_f64(powers, heap, degree, load_f64(column, row));
        return;
    }
    powers->scale = column->type == SHEAF_DECIMAL ? column->scale : 0;
    if (end - begin > 4 && end - begin <= SHEAF_BATCH_ROWS && all_small(column, begin, end))
        powers_add_small(powers, heap, degree, column, begin, end);
    else
        for (size_t row = begin; row < end; row++)
            powers_add_i64(powers, heap, degree, load_i64(column, row));
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
