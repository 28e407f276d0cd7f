/*
 * lanes_loops.h - the loops behind lanes.h; included once for each instruction set
 *
 * Before it is included VECTOR_BYTES is defined, the size of a register.  Vectors
 * are the compiler's own, so there is one text for all machines.
 */
#include <math.h>
#include <string.h>

#include "kernel/lanes.h"

typedef double vector_f64 __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t vector_i64 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t vector_u64 __attribute__((vector_size(VECTOR_BYTES)));
/* For loads, as arrays of numbers may begin anywhere. */
typedef double loose_f64 __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));
typedef int64_t loose_i64 __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));
typedef uint64_t loose_u64 __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));

enum {
    WIDTH = VECTOR_BYTES / 8,     /* values in a vector */
    VECTORS = SHEAF_LANES / WIDTH /* that hold all lanes */
};

/* Unrolled, so that the vectors of all lanes stay in registers. */
#if defined(__clang__)
#define EACH_VECTOR(v) _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++)
#else
#define EACH_VECTOR(v) _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++)
#endif

/* The bits of `a` where the mask is set, else those of `b`. */
#define SELECT_I64(mask, a, b) (((mask) & (a)) | (~(mask) & (b)))
#define SELECT(mask, a, b)     ((vector_f64)SELECT_I64(mask, (vector_i64)(a), (vector_i64)(b)))

/* The vector that begins at x[i]. */
#define LOAD_F64(x, i) (*(const loose_f64 *)(const void *)((x) + (i)))
#define LOAD_I64(x, i) (*(const loose_i64 *)(const void *)((x) + (i)))
#define LOAD_U64(x, i) (*(const loose_u64 *)(const void *)((x) + (i)))
#define PLACE(i, v)    ((i) + (size_t)(v)*WIDTH)

static double element_f64(const double *x, size_t i)
{
    double value;

    memcpy(&value, (const char *)x + i * sizeof value, sizeof value);
    return value;
}

static int64_t element_i64(const int64_t *x, size_t i)
{
    int64_t value;

    memcpy(&value, (const char *)x + i * sizeof value, sizeof value);
    return value;
}

/* Which bits a NaN has depends on the machine's habits, so all become the same one. */
static double halve(double *lanes)
{
    for (int half = SHEAF_LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return isnan(lanes[0]) ? (double)NAN : lanes[0];
}

static double sum_f64(const double *x, size_t n)
{
    vector_f64 sums[VECTORS] = {{0}};
    double lanes[SHEAF_LANES];
    size_t i = 0;

    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 value = LOAD_F64(x, PLACE(i, v));
            sums[v] += value;
        }
    memcpy(lanes, sums, sizeof lanes);
    for (; i < n; i++)
        lanes[i % SHEAF_LANES] += element_f64(x, i);
    return halve(lanes);
}

static double sum_squares_f64(const double *x, size_t n, double centre)
{
    vector_f64 sums[VECTORS] = {{0}};
    double lanes[SHEAF_LANES];
    size_t i = 0;

    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 value = LOAD_F64(x, PLACE(i, v));
            value -= centre;
            sums[v] += value * value;
        }
    memcpy(lanes, sums, sizeof lanes);
    for (; i < n; i++) {
        double value = element_f64(x, i) - centre;
        lanes[i % SHEAF_LANES] += value * value;
    }
    return halve(lanes);
}

static double dot_f64(const double *x, const double *y, size_t n)
{
    vector_f64 sums[VECTORS] = {{0}};
    double lanes[SHEAF_LANES];
    size_t i = 0;

    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 left = LOAD_F64(x, PLACE(i, v));
            vector_f64 right = LOAD_F64(y, PLACE(i, v));
            sums[v] += left * right;
        }
    memcpy(lanes, sums, sizeof lanes);
    for (; i < n; i++)
        lanes[i % SHEAF_LANES] += element_f64(x, i) * element_f64(y, i);
    return halve(lanes);
}

/* -- integers ------------------------------------------------------------------------------ */

/* Halves of 32 bits, made unsigned by adding 2^63; neither sum can overflow in 2^31 steps. */
static sheaf_int128 sum_i64_block(const int64_t *x, size_t n)
{
    vector_u64 highs[VECTORS] = {{0}}, lows[VECTORS] = {{0}};
    uint64_t lanes[SHEAF_LANES];
    sheaf_int128 high = 0, low = 0;
    size_t i = 0;

    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_u64 value = LOAD_U64(x, PLACE(i, v));
            highs[v] += (value ^ (uint64_t)INT64_MIN) >> 32;
            lows[v] += value & UINT32_MAX;
        }
    memcpy(lanes, highs, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        high += lanes[lane];
    memcpy(lanes, lows, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        low += lanes[lane];
    sheaf_int128 sum =
        high * ((sheaf_int128)1 << 32) + low - (sheaf_int128)i * ((sheaf_int128)1 << 63);
    for (; i < n; i++)
        sum += element_i64(x, i);
    return sum;
}

static sheaf_int128 sum_i64(const int64_t *x, size_t n)
{
    const size_t block = (size_t)1 << 30;
    sheaf_int128 sum = 0;

    for (; n > block; n -= block, x += block)
        sum += sum_i64_block(x, block);
    return sum + sum_i64_block(x, n);
}

static int64_t min_i64(const int64_t *x, size_t n)
{
    vector_i64 least[VECTORS];
    int64_t lanes[SHEAF_LANES];
    int64_t result = INT64_MAX;
    size_t i = 0;

    EACH_VECTOR(v) least[v] = (vector_i64){0} + INT64_MAX;
    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_i64 value = LOAD_I64(x, PLACE(i, v));
            vector_i64 less = (vector_i64)(value < least[v]);
            least[v] = SELECT_I64(less, value, least[v]);
        }
    memcpy(lanes, least, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        result = lanes[lane] < result ? lanes[lane] : result;
    for (; i < n; i++)
        result = element_i64(x, i) < result ? element_i64(x, i) : result;
    return result;
}

static int64_t max_i64(const int64_t *x, size_t n)
{
    vector_i64 greatest[VECTORS];
    int64_t lanes[SHEAF_LANES];
    int64_t result = INT64_MIN;
    size_t i = 0;

    EACH_VECTOR(v) greatest[v] = (vector_i64){0} + INT64_MIN;
    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_i64 value = LOAD_I64(x, PLACE(i, v));
            vector_i64 more = (vector_i64)(value > greatest[v]);
            greatest[v] = SELECT_I64(more, value, greatest[v]);
        }
    memcpy(lanes, greatest, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        result = lanes[lane] > result ? lanes[lane] : result;
    for (; i < n; i++)
        result = element_i64(x, i) > result ? element_i64(x, i) : result;
    return result;
}

/* -- extremes of doubles --------------------------------------------------------------------- */

/* Comparing does not tell -0 from 0, so where the extreme is 0 its sign is looked for: the least
 * is -0 if there is one. */
static bool has_zero(const double *x, size_t n, uint64_t bits)
{
    vector_i64 found = {0};
    size_t i = 0;

    for (; i + WIDTH <= n; i += WIDTH) {
        vector_u64 value = LOAD_U64(x, i);
        found |= (vector_i64)(value == bits);
    }
    uint64_t any = 0;
    for (int lane = 0; lane < WIDTH; lane++)
        any |= (uint64_t)found[lane];
    for (; i < n; i++) {
        uint64_t value;
        memcpy(&value, (const char *)x + i * sizeof value, sizeof value);
        any |= value == bits;
    }
    return any != 0;
}

static double min_f64(const double *x, size_t n)
{
    vector_f64 least[VECTORS];
    double lanes[SHEAF_LANES];
    double result = INFINITY;
    size_t i = 0;

    EACH_VECTOR(v) least[v] = (vector_f64){0} + (double)INFINITY;
    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 value = LOAD_F64(x, PLACE(i, v));
            vector_i64 less = (vector_i64)(value < least[v]);
            least[v] = SELECT(less, value, least[v]);
        }
    memcpy(lanes, least, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        result = lanes[lane] < result ? lanes[lane] : result;
    for (; i < n; i++)
        result = element_f64(x, i) < result ? element_f64(x, i) : result;
    if (result == 0)
        result = has_zero(x, n, (uint64_t)1 << 63) ? -0.0 : 0.0;
    return result;
}

static double max_f64(const double *x, size_t n)
{
    vector_f64 greatest[VECTORS];
    double lanes[SHEAF_LANES];
    double result = -INFINITY;
    size_t i = 0;

    EACH_VECTOR(v) greatest[v] = (vector_f64){0} - (double)INFINITY;
    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 value = LOAD_F64(x, PLACE(i, v));
            vector_i64 more = (vector_i64)(value > greatest[v]);
            greatest[v] = SELECT(more, value, greatest[v]);
        }
    memcpy(lanes, greatest, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        result = lanes[lane] > result ? lanes[lane] : result;
    for (; i < n; i++)
        result = element_f64(x, i) > result ? element_f64(x, i) : result;
    if (result == 0)
        result = has_zero(x, n, 0) ? 0.0 : -0.0;
    return result;
}

/* -- for exact sums -------------------------------------------------------------------------- */

static void widen(struct sheaf_range *range, double value)
{
    double magnitude = fabs(value);

    if (!(magnitude <= 0x1.fffffffffffffp1023))
        range->finite = false;
    if (magnitude > range->greatest)
        range->greatest = magnitude;
    if (magnitude > 0 && magnitude < range->least)
        range->least = magnitude;
}

static struct sheaf_range range_f64(const double *x, size_t n)
{
    struct sheaf_range range = {INFINITY, 0, true};
    vector_f64 least[VECTORS], greatest[VECTORS];
    vector_i64 strange = {0};
    double lanes[SHEAF_LANES];
    size_t i = 0;

    EACH_VECTOR(v)
    {
        least[v] = (vector_f64){0} + (double)INFINITY;
        greatest[v] = (vector_f64){0};
    }
    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 value = LOAD_F64(x, PLACE(i, v));
            value = (vector_f64)((vector_i64)value & INT64_MAX);
            strange |= ~(vector_i64)(value <= 0x1.fffffffffffffp1023);
            vector_i64 more = (vector_i64)(value > greatest[v]);
            greatest[v] = SELECT(more, value, greatest[v]);
            vector_i64 less = (vector_i64)(value < least[v]) & (vector_i64)(value > 0.0);
            least[v] = SELECT(less, value, least[v]);
        }
    memcpy(lanes, least, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        range.least = lanes[lane] < range.least ? lanes[lane] : range.least;
    memcpy(lanes, greatest, sizeof lanes);
    for (int lane = 0; lane < SHEAF_LANES; lane++)
        range.greatest = lanes[lane] > range.greatest ? lanes[lane] : range.greatest;
    for (int lane = 0; lane < WIDTH; lane++)
        range.finite &= strange[lane] == 0;
    for (; i < n; i++)
        widen(&range, element_f64(x, i));
    return range;
}

/* Adding and subtracting a large number rounds to a multiple of its last bit. */
static void add_two_pieces(const double *x, size_t n, double cut, struct sheaf_pieces *pieces)
{
    vector_f64 highs[VECTORS] = {{0}}, lows[VECTORS] = {{0}};
    size_t i = 0;

    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 value = LOAD_F64(x, PLACE(i, v));
            vector_f64 high = value + cut;
            high -= cut;
            highs[v] += high;
            lows[v] += value - high;
        }
    memcpy(pieces->high, highs, sizeof pieces->high);
    memcpy(pieces->low, lows, sizeof pieces->low);
    for (; i < n; i++) {
        double value = element_f64(x, i);
        double high = value + cut;
        high -= cut;
        pieces->high[i % SHEAF_LANES] += high;
        pieces->low[i % SHEAF_LANES] += value - high;
    }
}

static void add_pieces(const double *x, size_t n, double cut_high, double cut_low,
                       struct sheaf_pieces *pieces)
{
    vector_f64 highs[VECTORS] = {{0}}, middles[VECTORS] = {{0}}, lows[VECTORS] = {{0}};
    size_t i = 0;

    memset(pieces, 0, sizeof *pieces);
    if (cut_low == 0) {
        add_two_pieces(x, n, cut_high, pieces);
        return;
    }
    for (; i + SHEAF_LANES <= n; i += SHEAF_LANES)
        EACH_VECTOR(v)
        {
            vector_f64 value = LOAD_F64(x, PLACE(i, v));
            vector_f64 high = value + cut_high;
            high -= cut_high;
            vector_f64 rest = value - high;
            vector_f64 middle = rest + cut_low;
            middle -= cut_low;
            highs[v] += high;
            middles[v] += middle;
            lows[v] += rest - middle;
        }
    memcpy(pieces->high, highs, sizeof pieces->high);
    memcpy(pieces->middle, middles, sizeof pieces->middle);
    memcpy(pieces->low, lows, sizeof pieces->low);
    for (; i < n; i++) {
        double value = element_f64(x, i);
        double high = value + cut_high;
        high -= cut_high;
        double rest = value - high;
        double middle = rest + cut_low;
        middle -= cut_low;
        pieces->high[i % SHEAF_LANES] += high;
        pieces->middle[i % SHEAF_LANES] += middle;
        pieces->low[i % SHEAF_LANES] += rest - middle;
    }
}

/* Bits of a double: a sign, 11 of the exponent, 52 of the fraction; 1075 is the exponent of 1
 * less than those of a fraction in units. */
static bool place_f64(const double *x, size_t n, int32_t unit, uint64_t *low, uint64_t *high)
{
    const vector_u64 none = {0}, sign = none + (UINT64_C(1) << 63);
    const uint64_t bias = (uint64_t)(1075 + (int64_t)unit);
    vector_u64 wrong = none;

    for (size_t i = 0; i < n; i += WIDTH) {
        vector_u64 bits = LOAD_U64(x, i);
        vector_u64 exponent = bits >> 52 & 0x7FF, shift = exponent - bias;
        vector_u64 value = (vector_u64)((bits & ~sign) != none);
        vector_u64 strange = (vector_u64)(shift > 75) | (vector_u64)(exponent - 1 > 0x7FD);
        wrong |= strange & value;

        vector_u64 fraction = ((bits & 0xFFFFFFFFFFFFF) | 0x10000000000000) & value;
        vector_u64 near = (vector_u64)(shift < 64), by = shift & 63;
        vector_u64 first = fraction << by, second = (fraction >> 1) >> (63 - by);
        vector_u64 upper = (second & near) | (first & ~near);
        vector_u64 lower = first & near;

        vector_u64 negative = none - (bits >> 63); /* -a is ~a + 1 */
        lower = (lower ^ negative) - negative;
        upper = (upper ^ negative) - (negative & (vector_u64)(lower == none));
        *(loose_u64 *)(void *)(low + i) = lower;
        *(loose_u64 *)(void *)(high + i) = upper;
    }
    uint64_t some = 0;
    for (int i = 0; i < WIDTH; i++)
        some |= wrong[i];
    return some == 0;
}

const struct sheaf_lanes LANES_NAME = {
    sum_f64, sum_squares_f64, dot_f64,   sum_i64,    min_f64,   max_f64,
    min_i64, max_i64,         range_f64, add_pieces, place_f64,
};
