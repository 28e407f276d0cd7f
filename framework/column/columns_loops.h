/*
 * columns_loops.h - numbers from text, a column at a time; included once for each instruction set
 *
 * Before it is included, two functions are defined that look at the 16 bytes
 * before `end`, of which the last `size` (0 to 16) count:
 *
 *     bool take_digits(const char *end, size_t size, uint64_t *value);
 *     bool take_number(const char *end, size_t size, uint64_t *value, unsigned *point);
 *
 * They return whether these are all digits; in take_number with one point among
 * them, which is the byte of that number, 16 if there is none, and not the last one (then all
 * may be a lone point).  Lengths differ from field to field and can not be
 * predicted, so nothing branches on them; what is longer than 16 bytes or odd
 * takes the slow way.
 */
#include "column/columns.h"
#include "column/powers.h"
#include "column/value.h"

static inline bool is_minus(const char *field, size_t size)
{
    return size > 0 && *field == '-';
}

/* The fields of up to 64 rows: what was read of them. */
struct marks {
    uint64_t there, strange;
};

/* What the fast way did not take: empty, long, or strange.  False if it is not a value. */
static __attribute__((noinline, cold)) bool read_slowly_i64(const char *field, size_t size,
                                                            int64_t *value)
{
    *value = 0;
    return size > 0 && sheaf_value_i64(field, size, value);
}

static __attribute__((noinline, cold)) bool read_slowly_f64(const char *field, size_t size,
                                                            double *value)
{
    *value = 0;
    return size > 0 && sheaf_value_f64(field, size, value);
}

static __attribute__((noinline, cold)) bool read_slowly_decimal(const char *field, size_t size,
                                                                int32_t scale, int64_t *value)
{
    *value = 0;
    return size > 0 && sheaf_value_decimal(field, size, scale, value);
}

/* Fields are taken to be values until one is not. */
static inline struct marks all_there(size_t rows)
{
    return (struct marks){UINT64_MAX >> (64 - rows), 0};
}

static inline void mark_bad(struct marks *marks, size_t r, size_t size)
{
    marks->there &= ~((uint64_t)1 << r);
    marks->strange |= (uint64_t)(size > 0) << r;
}

static inline int64_t with_sign(uint64_t magnitude, bool negative)
{
    return (int64_t)((magnitude ^ -(uint64_t)negative) + negative);
}

/* -- integers ------------------------------------------------------------------------------ */

static inline struct marks parse_block_i64(const char *base, const uint32_t *begin,
                                           const uint32_t *end, size_t rows, int64_t *values)
{
    struct marks marks = all_there(rows);

    for (size_t r = 0; r < rows; r++) {
        const char *field = base + begin[r];
        size_t size = end[r] - begin[r];
        bool negative = is_minus(field, size);
        uint64_t magnitude;
        if (__builtin_expect(size - negative - 1 < 16, 1) &&
            __builtin_expect(take_digits(field + size, size - negative, &magnitude), 1))
            values[r] = with_sign(magnitude, negative);
        else if (!read_slowly_i64(field, size, &values[r]))
            mark_bad(&marks, r, size);
    }
    return marks;
}

static size_t parse_i64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        int64_t *values, uint64_t *present, uint64_t *odd)
{
    size_t odds = 0;

    for (size_t first = 0; first < n; first += 64) {
        size_t rows = n - first < 64 ? n - first : 64;
        struct marks marks =
            parse_block_i64(base, begin + first, end + first, rows, values + first);
        present[first / 64] = marks.there;
        odd[first / 64] = marks.strange;
        odds += (size_t)__builtin_popcountll(marks.strange);
    }
    return odds;
}

/* -- decimals ------------------------------------------------------------------------------ */

/* By the place of the point: what a number is multiplied by, and the first that would get too
 * many digits; 0, so that none fits, where there are more digits behind the point than the scale.
 */
struct scaling {
    uint64_t factor[17], limit[17];
};

static struct scaling scale_by(int32_t scale)
{
    struct scaling scaling;

    for (int32_t point = 0; point <= 16; point++) {
        int32_t missing = point == 16 ? scale : scale - (15 - point);
        scaling.factor[point] = missing >= 0 ? sheaf_power_u64[missing] : 0;
        scaling.limit[point] = missing >= 0 ? sheaf_power_u64[18 - missing] : 0;
    }
    return scaling;
}

static inline struct marks parse_block_decimal(const char *base, const uint32_t *begin,
                                               const uint32_t *end, size_t rows, int32_t scale,
                                               const struct scaling *scaling, int64_t *values)
{
    struct marks marks = all_there(rows);

    for (size_t r = 0; r < rows; r++) {
        const char *field = base + begin[r];
        size_t size = end[r] - begin[r];
        bool negative = is_minus(field, size);
        uint64_t magnitude;
        unsigned point;
        if (__builtin_expect(size - negative - 1 < 16, 1) &&
            __builtin_expect(take_number(field + size, size - negative, &magnitude, &point), 1) &&
            __builtin_expect(magnitude < scaling->limit[point], 1))
            values[r] = with_sign(magnitude * scaling->factor[point], negative);
        else if (!read_slowly_decimal(field, size, scale, &values[r]))
            mark_bad(&marks, r, size);
    }
    return marks;
}

static size_t parse_decimal(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                            int32_t scale, int64_t *values, uint64_t *present, uint64_t *odd)
{
    const struct scaling scaling = scale_by(scale);
    size_t odds = 0;

    for (size_t first = 0; first < n; first += 64) {
        size_t rows = n - first < 64 ? n - first : 64;
        struct marks marks = parse_block_decimal(base, begin + first, end + first, rows, scale,
                                                 &scaling, values + first);
        present[first / 64] = marks.there;
        odd[first / 64] = marks.strange;
        odds += (size_t)__builtin_popcountll(marks.strange);
    }
    return odds;
}

/* -- doubles ------------------------------------------------------------------------------- */

/* What the digits are divided by, by the place of the point: exact, as are numbers up to 2^53. */
static const double divisors[17] = {1e15, 1e14, 1e13, 1e12, 1e11, 1e10, 1e9, 1e8, 1e7,
                                    1e6,  1e5,  1e4,  1e3,  1e2,  1e1,  1e0, 1e0};

static inline struct marks parse_block_f64(const char *base, const uint32_t *begin,
                                           const uint32_t *end, size_t rows, double *values)
{
    struct marks marks = all_there(rows);

    for (size_t r = 0; r < rows; r++) {
        const char *field = base + begin[r];
        size_t size = end[r] - begin[r];
        bool negative = is_minus(field, size);
        uint64_t magnitude;
        unsigned point;
        if (__builtin_expect(size - negative - 1 < 16, 1) &&
            __builtin_expect(take_number(field + size, size - negative, &magnitude, &point), 1) &&
            __builtin_expect(magnitude <= (uint64_t)1 << 53, 1)) {
            double value = (double)(int64_t)magnitude / divisors[point];
            values[r] = negative ? -value : value;
        } else if (!read_slowly_f64(field, size, &values[r])) {
            mark_bad(&marks, r, size);
        }
    }
    return marks;
}

static size_t parse_f64(const char *base, const uint32_t *begin, const uint32_t *end, size_t n,
                        double *values, uint64_t *present, uint64_t *odd)
{
    size_t odds = 0;

    for (size_t first = 0; first < n; first += 64) {
        size_t rows = n - first < 64 ? n - first : 64;
        struct marks marks =
            parse_block_f64(base, begin + first, end + first, rows, values + first);
        present[first / 64] = marks.there;
        odd[first / 64] = marks.strange;
        odds += (size_t)__builtin_popcountll(marks.strange);
    }
    return odds;
}

/* -- shapes -------------------------------------------------------------------------------- */

static uint64_t find_shapes(const char *base, const uint32_t *begin, const uint32_t *end,
                            size_t rows, struct sheaf_shapes *shapes)
{
    struct sheaf_shapes found = *shapes;
    uint64_t others = 0;

    for (size_t r = 0; r < rows; r++) {
        const char *field = base + begin[r];
        size_t size = end[r] - begin[r];
        bool negative = is_minus(field, size);
        uint64_t magnitude;
        unsigned point = 16;
        if (size - negative - 1 < 16 &&
            take_number(field + size, size - negative, &magnitude, &point)) {
            unsigned digits = (unsigned)size - negative - (point < 16);
            unsigned fraction = point < 16 ? 15 - point : 0;
            unsigned integer = digits - fraction;
            bool zero = field[negative] == '0';
            if (digits <= 15 && !(zero && integer > 1)) {
                integer = zero ? 0 : integer;
                found.numbers++;
                found.points += point < 16;
                found.integer_digits =
                    integer > found.integer_digits ? integer : found.integer_digits;
                found.fraction_digits =
                    fraction > found.fraction_digits ? fraction : found.fraction_digits;
                continue;
            }
        }
        others |= (uint64_t)1 << r;
    }
    *shapes = found;
    return others;
}
