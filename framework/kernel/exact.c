/*
 * exact.c - the exact sum of doubles: see sheaf/kernels.h
 *
 * A double is an integer of 53 bits times a power of two.  The window is a
 * two's complement integer of 192 bits in units of 2^unit; it takes values that
 * are multiples of its unit and below 2^(unit + 128), which leaves 63 bits for
 * carries: more values than anyone has.  What does not fit goes to the wider
 * accumulator, which has a bit for every bit of any double, and room for carries too.
 *
 * Arrays are added in chunks.  Within one, every value is cut by floating-point
 * addition into two or three pieces of at most 44 bits, and pieces of the same
 * place are added as doubles: 256 of them in each of 16 lanes stay below 2^53
 * units, so nothing is rounded.  Then the 48 sums go into the window.
 */
#include <math.h>
#include <string.h>

#include "kernel/lanes.h"
#include "kernel/round.h"
#include "kernel/wide.h"
#include <sheaf/kernels.h>
#include <sheaf/operator.h>

enum { OPENED = 1, SAW_INFINITY = 2, SAW_MINUS_INFINITY = 4, SAW_NAN = 8 };

enum {
    LEAST_EXPONENT = -1074,
    WINDOW_LIMBS = 3,
    WINDOW_BITS = 128, /* of the window that a value may use */
    WIDER_LIMBS = 34,  /* 2176 bits: 2098 of doubles, 77 for carries, a sign */
    CHUNK = 4096,
    PIECE_BITS = 44,
    LAST_PIECE_BITS = 46, /* the last piece is at most half a unit of the one before */
    MODERATE = 960,       /* exponents of numbers that can be cut without overflow */
    FEW = 24,             /* values that are quicker to add one by one */
    SAME_UNITS = 16,      /* units are multiples of this where there is room */
    KEYED = 256           /* values that are placed at a time */
};

/* -- two's complement integers of many limbs ------------------------------------------------- */

/* Add bits * 2^shift, or subtract it. */
static void add_shifted(uint64_t *limbs, int count, uint64_t bits, unsigned shift, bool negative)
{
    sheaf_uint128 placed = (sheaf_uint128)bits << (shift % 64);
    unsigned limb = shift / 64;
    uint64_t sign = negative ? UINT64_MAX : 0;
    /* -a = ~a + 1: the limbs above are all ones and the 1 is carried in. */
    uint64_t low = (uint64_t)placed ^ sign, high = (uint64_t)(placed >> 64) ^ sign;
    unsigned long long carry = negative, more;

    for (int i = (int)limb; i < count; i++) {
        uint64_t add = i == (int)limb ? low : i == (int)limb + 1 ? high : sign;
        uint64_t sum = limbs[i] + add;
        more = sum < add;
        sum += carry;
        more |= sum < carry;
        limbs[i] = sum;
        carry = more;
        if (i > (int)limb && carry == negative)
            return; /* what is left to add is 0 + 0 or -1 + 1 */
    }
}

static void add_limbs(uint64_t *limbs, const uint64_t *more, int count)
{
    uint64_t carry = 0;

    for (int i = 0; i < count; i++) {
        sheaf_uint128 sum = (sheaf_uint128)limbs[i] + more[i] + carry;
        limbs[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
}

static bool is_negative(const uint64_t *limbs, int count)
{
    return limbs[count - 1] >> 63;
}

static void negate(uint64_t *limbs, int count)
{
    uint64_t carry = 1;

    for (int i = 0; i < count; i++) {
        limbs[i] = ~limbs[i] + carry;
        carry = carry && limbs[i] == 0;
    }
}

/* -- one value ------------------------------------------------------------------------------- */

/* |value| = bits * 2^exponent, for a value that is finite. */
struct parts {
    uint64_t bits;
    int32_t exponent;
    bool negative;
};

static struct parts take_apart(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    int32_t exponent = (int32_t)(bits >> 52 & 0x7FF);
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    return (struct parts){exponent ? fraction | (uint64_t)1 << 52 : fraction,
                          (exponent ? exponent : 1) + LEAST_EXPONENT - 1, bits >> 63};
}

static sheaf_block *wider_block(sheaf_exact *sum)
{
    _Static_assert(sizeof sum->wider == sizeof(sheaf_block), "`wider` is a block");
    return (sheaf_block *)(void *)&sum->wider;
}

/* The wider accumulator, opened when it is first needed. */
static uint64_t *wider(sheaf_exact *sum, sheaf_heap *heap)
{
    sheaf_block *block = wider_block(sum);

    if (block->size)
        return sheaf_block_bytes(heap, block);
    return sheaf_block_resize(heap, block, WIDER_LIMBS * sizeof(uint64_t));
}

static const uint64_t *wider_of(const sheaf_exact *sum, const sheaf_heap *heap)
{
    sheaf_block block = {sum->wider.offset, sum->wider.size};

    return block.size ? sheaf_block_bytes(heap, &block) : NULL;
}

static uint64_t *window(sheaf_exact *sum)
{
    return (uint64_t *)sum->limbs;
}

static int32_t at_least(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* Open the window around values that are multiples of 2^low and below 2^high. */
static void open_window(sheaf_exact *sum, int32_t low, int32_t high)
{
    int32_t spare = WINDOW_BITS - (high - low), unit = low - spare / 2;
    int32_t even = unit & -SAME_UNITS;

    /* Sums of like values get the same unit, so that sheaf_exact_add_keyed() can place values once
     * for all keys. */
    if (high <= even + WINDOW_BITS)
        unit = even;
    sum->unit = at_least(unit, LEAST_EXPONENT);
    sum->flags |= OPENED;
}

static bool fits_window(const sheaf_exact *sum, int32_t low, int32_t high)
{
    return low >= sum->unit && high <= sum->unit + WINDOW_BITS;
}

static void add_finite(sheaf_exact *sum, sheaf_heap *heap, double value)
{
    struct parts parts = take_apart(value);

    if (parts.bits == 0)
        return;
    if (!(sum->flags & OPENED))
        open_window(sum, parts.exponent, parts.exponent + 53);
    if (fits_window(sum, parts.exponent, parts.exponent + 53))
        add_shifted(window(sum), WINDOW_LIMBS, parts.bits, (unsigned)(parts.exponent - sum->unit),
                    parts.negative);
    else
        add_shifted(wider(sum, heap), WIDER_LIMBS, parts.bits,
                    (unsigned)(parts.exponent - LEAST_EXPONENT), parts.negative);
}

static void add_any(sheaf_exact *sum, sheaf_heap *heap, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        memcpy(&value, (const char *)x + i * sizeof value, sizeof value);
        if (isnan(value))
            sum->flags |= SAW_NAN;
        else if (isinf(value))
            sum->flags |= value > 0 ? SAW_INFINITY : SAW_MINUS_INFINITY;
        else
            add_finite(sum, heap, value);
    }
}

/* -- chunks ---------------------------------------------------------------------------------- */

static double power_of_two(int32_t exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;

    memcpy(&power, &bits, sizeof power);
    return power;
}

/* Sums of pieces are integers below 2^53 in units of 2^unit; so together they are below 2^57. */
static void add_lanes(sheaf_exact *sum, const double *lanes, int32_t unit)
{
    const double units = power_of_two(-unit);
    int64_t total = 0;

    for (int lane = 0; lane < SHEAF_LANES; lane++)
        total += (int64_t)(lanes[lane] * units);
    if (total)
        add_shifted(window(sum), WINDOW_LIMBS, total < 0 ? -(uint64_t)total : (uint64_t)total,
                    (unsigned)(unit - sum->unit), total < 0);
}

/* Add to x and take away again, to round x to a multiple of 2^unit. */
static double cut_at(int32_t unit)
{
    return 1.5 * power_of_two(unit + 52);
}

/* False if the values of the chunk are too far apart, from each other or from the window. */
static bool add_chunk(sheaf_exact *sum, const double *x, size_t n)
{
    const struct sheaf_lanes *lanes = sheaf_lanes_here();
    struct sheaf_range range = lanes->range_f64(x, n);
    struct sheaf_pieces pieces;

    if (!range.finite)
        return false;
    if (range.greatest == 0)
        return true;
    int32_t low = take_apart(range.least).exponent;          /* all are multiples of 2^low */
    int32_t high = take_apart(range.greatest).exponent + 53; /* all are below 2^high */
    if (high - low > WINDOW_BITS || high > MODERATE || low < -MODERATE)
        return false;
    if (!(sum->flags & OPENED))
        open_window(sum, low, high);
    if (!fits_window(sum, low, high))
        return false;

    int32_t first = at_least(high - PIECE_BITS, low);
    int32_t second = at_least(first - PIECE_BITS, low);
    if (first - low <= LAST_PIECE_BITS) {
        lanes->add_pieces(x, n, cut_at(first), 0, &pieces);
    } else {
        lanes->add_pieces(x, n, cut_at(first), cut_at(second), &pieces);
        add_lanes(sum, pieces.middle, second);
    }
    add_lanes(sum, pieces.high, first);
    add_lanes(sum, pieces.low, low);
    return true;
}

void sheaf_exact_add(sheaf_exact *sum, sheaf_heap *heap, const double *x, size_t n)
{
    while (n > 0) {
        size_t chunk = n < CHUNK ? n : CHUNK;
        if (chunk <= FEW || !add_chunk(sum, x, chunk))
            add_any(sum, heap, x, chunk);
        x += chunk;
        n -= chunk;
    }
}

/* -- many sums ------------------------------------------------------------------------------- */

static sheaf_exact *sum_of(void *sums, size_t stride, uint32_t key)
{
    return (sheaf_exact *)(void *)((char *)sums + key * stride);
}

/* Add an integer of 128 bits to the window. */
static inline void add_placed(sheaf_exact *sum, uint64_t low, uint64_t high)
{
    uint64_t *limbs = window(sum), middle;
    uint64_t carry = __builtin_add_overflow(limbs[0], low, &limbs[0]);
    uint64_t over = __builtin_add_overflow(limbs[1], high, &middle);

    over |= __builtin_add_overflow(middle, carry, &limbs[1]);
    limbs[2] += ((uint64_t)0 - (high >> 63)) + over;
}

static void add_keyed_one_by_one(void *sums, size_t stride, const uint32_t *key, sheaf_heap *heap,
                                 const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sheaf_exact_add_one(sum_of(sums, stride, key[i]), heap, x[i]);
}

/* At most KEYED values, which `x` has, and zeros up to a multiple of SHEAF_LANES. */
static void add_keyed_chunk(void *sums, size_t stride, const uint32_t *key, sheaf_heap *heap,
                            const double *x, size_t n)
{
    uint64_t low[KEYED], high[KEYED];
    size_t padded = (n + SHEAF_LANES - 1) / SHEAF_LANES * SHEAF_LANES;
    const sheaf_exact *some = sum_of(sums, stride, key[0]);
    int32_t unit = some->unit;

    if (!(some->flags & OPENED) || !sheaf_lanes_here()->place_f64(x, padded, unit, low, high)) {
        add_keyed_one_by_one(sums, stride, key, heap, x, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sheaf_exact *sum = sum_of(sums, stride, key[i]);

        if (__builtin_expect(sum->unit == unit && (sum->flags & OPENED), 1))
            add_placed(sum, low[i], high[i]);
        else
            sheaf_exact_add_one(sum, heap, x[i]);
    }
}

void sheaf_exact_add_keyed(void *sums, size_t stride, const uint32_t *key, sheaf_heap *heap,
                           const double *x, size_t n)
{
    double chunk[KEYED] = {0};

    for (size_t first = 0; first < n; first += KEYED) {
        size_t count = n - first < KEYED ? n - first : KEYED;

        if (count < KEYED)
            memset(chunk, 0, sizeof chunk);
        memcpy(chunk, (const char *)x + first * sizeof *x, count * sizeof *x);
        add_keyed_chunk(sums, stride, key + first, heap, chunk, count);
    }
}

/* -- joining --------------------------------------------------------------------------------- */

static void add_to_wider(sheaf_exact *sum, sheaf_heap *heap, const uint64_t *limbs, int count,
                         int32_t unit, bool negative)
{
    for (int i = 0; i < count; i++)
        if (limbs[i])
            add_shifted(wider(sum, heap), WIDER_LIMBS, limbs[i],
                        (unsigned)(unit - LEAST_EXPONENT + 64 * i), negative);
}

/* The place of the first and after the last bit of a magnitude that is not 0. */
static void measure(const uint64_t *limbs, int32_t unit, int32_t *low, int32_t *high)
{
    int first = 0, last = WINDOW_LIMBS - 1;

    while (limbs[first] == 0)
        first++;
    while (limbs[last] == 0)
        last--;
    *low = unit + 64 * first + __builtin_ctzll(limbs[first]);
    *high = unit + 64 * (last + 1) - __builtin_clzll(limbs[last]);
}

/* Add another window's magnitude where its bits belong; they may hang over the low end by zeros. */
static void add_window(sheaf_exact *sum, sheaf_heap *heap, const uint64_t *limbs, int32_t unit,
                       bool negative)
{
    int32_t low, high;

    measure(limbs, unit, &low, &high);
    if (!fits_window(sum, low, high)) {
        add_to_wider(sum, heap, limbs, WINDOW_LIMBS, unit, negative);
        return;
    }
    for (int i = 0; i < WINDOW_LIMBS; i++) {
        int32_t shift = unit + 64 * i - sum->unit;
        if (limbs[i] == 0)
            continue;
        if (shift >= 0)
            add_shifted(window(sum), WINDOW_LIMBS, limbs[i], (unsigned)shift, negative);
        else
            add_shifted(window(sum), WINDOW_LIMBS, limbs[i] >> -shift, 0, negative);
    }
}

static void join_windows(sheaf_exact *sum, sheaf_heap *heap, const sheaf_exact *later)
{
    uint64_t limbs[WINDOW_LIMBS];

    if (!(later->flags & OPENED))
        return;
    memcpy(limbs, later->limbs, sizeof limbs);
    if (!(sum->flags & OPENED) || sum->unit == later->unit) {
        sum->flags |= OPENED;
        sum->unit = later->unit;
        add_limbs(window(sum), limbs, WINDOW_LIMBS);
        return;
    }
    bool negative = is_negative(limbs, WINDOW_LIMBS);
    if (negative)
        negate(limbs, WINDOW_LIMBS);
    if (limbs[0] | limbs[1] | limbs[2])
        add_window(sum, heap, limbs, later->unit, negative);
}

void sheaf_exact_join(sheaf_exact *sum, sheaf_heap *heap, const sheaf_exact *later,
                      const sheaf_heap *later_heap)
{
    const uint64_t *more = wider_of(later, later_heap);

    join_windows(sum, heap, later);
    sum->flags |= later->flags & ~(uint32_t)OPENED;
    if (more)
        add_limbs(wider(sum, heap), more, WIDER_LIMBS);
}

/* -- rounding -------------------------------------------------------------------------------- */

/* Whole limbs below the number, so that a quotient keeps enough bits to be rounded. */
enum { FRACTION_LIMBS = 2 };

static double round_quotient(uint64_t *limbs, int count, int32_t unit, uint64_t n)
{
    uint64_t *number = limbs + FRACTION_LIMBS;
    bool negative = is_negative(number, count);
    bool more = false;
    double result;

    memset(limbs, 0, FRACTION_LIMBS * sizeof *limbs);
    if (negative)
        negate(number, count);
    if (n != 1)
        more = sheaf_divide_limbs(limbs, count + FRACTION_LIMBS, n);
    result = sheaf_round_limbs(limbs, count + FRACTION_LIMBS, unit - 64 * FRACTION_LIMBS, more);
    return negative ? -result : result;
}

static double special(uint32_t flags)
{
    if ((flags & SAW_NAN) ||
        (flags & (SAW_INFINITY | SAW_MINUS_INFINITY)) == (SAW_INFINITY | SAW_MINUS_INFINITY))
        return (double)NAN;
    return flags & SAW_INFINITY ? INFINITY : -INFINITY;
}

double sheaf_exact_mean(const sheaf_exact *sum, const sheaf_heap *heap, uint64_t n)
{
    uint64_t limbs[FRACTION_LIMBS + WIDER_LIMBS];
    const uint64_t *more = wider_of(sum, heap);

    if (sum->flags & (SAW_NAN | SAW_INFINITY | SAW_MINUS_INFINITY))
        return special(sum->flags);
    memcpy(limbs + FRACTION_LIMBS, sum->limbs, sizeof sum->limbs);
    if (!more)
        return round_quotient(limbs, WINDOW_LIMBS, sum->unit, n);

    uint64_t part[WINDOW_LIMBS];
    memcpy(part, sum->limbs, sizeof part);
    bool negative = is_negative(part, WINDOW_LIMBS);
    if (negative)
        negate(part, WINDOW_LIMBS);
    memcpy(limbs + FRACTION_LIMBS, more, WIDER_LIMBS * sizeof *more);
    for (int i = 0; i < WINDOW_LIMBS; i++)
        if (part[i])
            add_shifted(limbs + FRACTION_LIMBS, WIDER_LIMBS, part[i],
                        (unsigned)(sum->unit + 64 * i - LEAST_EXPONENT), negative);
    return round_quotient(limbs, WIDER_LIMBS, LEAST_EXPONENT, n);
}

double sheaf_exact_round(const sheaf_exact *sum, const sheaf_heap *heap)
{
    return sheaf_exact_mean(sum, heap, 1);
}
