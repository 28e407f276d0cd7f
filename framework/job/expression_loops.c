/*
 * expression_loops.c - comparisons and arithmetic over columns: see expression_loops.h
 *
 * A comparison fills 64 bytes of 0 and 1, which compilers do with vectors, and packs
 * them into a word.  Overflow is looked for in the whole block first, without
 * branches; which rows it was is found out only if there was one.
 */
#include <math.h>
#include <string.h>

#include "column/format.h"
#include "column/parse.h"
#include "job/expression_loops.h"

typedef sheaf_loose_i64 loose_i64;
typedef sheaf_loose_f64 loose_f64;
typedef sheaf_loose_wide loose_wide;
typedef sheaf_loose_text loose_text;

#define EXACT_DOUBLE ((int64_t)1 << 53) /* integers up to it are doubles */

static const int64_t powers[] = {1,
                                 10,
                                 100,
                                 1000,
                                 10000,
                                 100000,
                                 1000000,
                                 10000000,
                                 100000000,
                                 1000000000,
                                 10000000000,
                                 100000000000,
                                 1000000000000,
                                 10000000000000,
                                 100000000000000,
                                 1000000000000000,
                                 10000000000000000,
                                 100000000000000000,
                                 1000000000000000000};

int64_t sheaf_power_of_ten(int32_t exponent)
{
    return powers[exponent];
}

static size_t block_of(size_t rows, size_t base)
{
    return rows - base < 64 ? rows - base : 64;
}

/* Byte i, 0 or 1, becomes bit i. */
static uint64_t pack(const uint8_t bytes[64])
{
    uint64_t word = 0;

    for (size_t i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, bytes + 8 * i, 8);
        if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
            eight = __builtin_bswap64(eight);
        word |= (eight * 0x0102040810204080u >> 56) << (8 * i);
    }
    return word;
}

/* -- comparisons --------------------------------------------------------------------------- */

#define COMPARE(name, type, operator)                                                       \
    static void name(const type *a, const type *b, size_t rows, uint64_t *truth)            \
    {                                                                                       \
        for (size_t base = 0; base < rows; base += 64) {                                    \
            uint8_t bytes[64] = {0};                                                        \
            size_t n = block_of(rows, base);                                                \
            if (n == 64)                                                                    \
                for (size_t i = 0; i < 64; i++)                                             \
                    bytes[i] = a[base + i] operator b[base + i];                            \
            else                                                                            \
                for (size_t i = 0; i < n; i++)                                              \
                    bytes[i] = a[base + i] operator b[base + i];                            \
            truth[base / 64] = pack(bytes);                                                 \
        }                                                                                   \
    }                                                                                       \
    static void name##_constant(const type *a, const type *b, size_t rows, uint64_t *truth) \
    {                                                                                       \
        const type one = *b;                                                                \
        for (size_t base = 0; base < rows; base += 64) {                                    \
            uint8_t bytes[64] = {0};                                                        \
            size_t n = block_of(rows, base);                                                \
            if (n == 64)                                                                    \
                for (size_t i = 0; i < 64; i++)                                             \
                    bytes[i] = a[base + i] operator one;                                    \
            else                                                                            \
                for (size_t i = 0; i < n; i++)                                              \
                    bytes[i] = a[base + i] operator one;                                    \
            truth[base / 64] = pack(bytes);                                                 \
        }                                                                                   \
    }

COMPARE(i64_eq, loose_i64, ==)
COMPARE(i64_ne, loose_i64, !=)
COMPARE(i64_lt, loose_i64, <)
COMPARE(i64_le, loose_i64, <=)
COMPARE(i64_gt, loose_i64, >)
COMPARE(i64_ge, loose_i64, >=)
COMPARE(f64_eq, loose_f64, ==)
COMPARE(f64_ne, loose_f64, !=)
COMPARE(f64_lt, loose_f64, <)
COMPARE(f64_le, loose_f64, <=)
COMPARE(f64_gt, loose_f64, >)
COMPARE(f64_ge, loose_f64, >=)

void sheaf_loop_compare_i64(enum sheaf_op op, const void *a, const void *b, bool constant,
                            size_t rows, uint64_t *truth)
{
    static void (*const loops[6][2])(const loose_i64 *, const loose_i64 *, size_t, uint64_t *) = {
        {i64_eq, i64_eq_constant}, {i64_ne, i64_ne_constant}, {i64_lt, i64_lt_constant},
        {i64_le, i64_le_constant}, {i64_gt, i64_gt_constant}, {i64_ge, i64_ge_constant}};

    loops[op - OP_EQ][constant](a, b, rows, truth);
}

void sheaf_loop_compare_f64(enum sheaf_op op, const void *a, const void *b, bool constant,
                            size_t rows, uint64_t *truth)
{
    static void (*const loops[6][2])(const loose_f64 *, const loose_f64 *, size_t, uint64_t *) = {
        {f64_eq, f64_eq_constant}, {f64_ne, f64_ne_constant}, {f64_lt, f64_lt_constant},
        {f64_le, f64_le_constant}, {f64_gt, f64_gt_constant}, {f64_ge, f64_ge_constant}};

    loops[op - OP_EQ][constant](a, b, rows, truth);
}

/* What each comparison says when a is less than, equal to, greater than b. */
static const bool verdicts[6][3] = {
    {false, true, false}, {true, false, true},  {true, false, false},
    {true, true, false},  {false, false, true}, {false, true, true},
};

int sheaf_compare_scaled(sheaf_int128 a, int32_t a_scale, sheaf_int128 b, int32_t b_scale)
{
    if (a_scale > b_scale)
        return -sheaf_compare_scaled(b, b_scale, a, a_scale);
    /* Divide the one with more digits, for multiplying the other could overflow. */
    sheaf_int128 power = powers[b_scale - a_scale];
    sheaf_int128 whole = b / power, rest = b % power;
    if (a != whole)
        return a < whole ? -1 : 1;
    return rest > 0 ? -1 : rest < 0;
}

void sheaf_loop_compare_wide(enum sheaf_op op, const void *a, int32_t a_scale, const void *b,
                             int32_t b_scale, size_t rows, uint64_t *truth)
{
    const bool *verdict = verdicts[op - OP_EQ];
    const loose_wide *left = a, *right = b;

    for (size_t base = 0; base < rows; base += 64) {
        uint64_t word = 0;
        for (size_t i = 0, n = block_of(rows, base); i < n; i++) {
            int sign = sheaf_compare_scaled(left[base + i], a_scale, right[base + i], b_scale);
            word |= (uint64_t)verdict[sign + 1] << i;
        }
        truth[base / 64] = word;
    }
}

static int compare_texts(sheaf_text a, sheaf_text b)
{
    uint32_t common = a.size < b.size ? a.size : b.size;
    int sign = common > 0 ? memcmp(a.bytes, b.bytes, common) : 0;

    if (sign == 0)
        return (a.size > b.size) - (a.size < b.size);
    return sign < 0 ? -1 : 1;
}

static bool equal_texts(sheaf_text a, sheaf_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

void sheaf_loop_compare_text(enum sheaf_op op, const void *a, const void *b, bool constant,
                             size_t rows, uint64_t *truth)
{
    const bool *verdict = verdicts[op - OP_EQ];
    const loose_text *left = a, *right = b;
    size_t step = !constant;

    for (size_t base = 0; base < rows; base += 64) {
        uint64_t word = 0;
        size_t n = block_of(rows, base);
        if (op <= OP_NE)
            for (size_t i = 0; i < n; i++)
                word |= (uint64_t)(equal_texts(left[base + i], right[(base + i) * step]) ==
                                   (op == OP_EQ))
                        << i;
        else
            for (size_t i = 0; i < n; i++)
                word |=
                    (uint64_t)verdict[compare_texts(left[base + i], right[(base + i) * step]) + 1]
                    << i;
        truth[base / 64] = word;
    }
}

bool sheaf_loop_numbers(const void *a, size_t rows, uint64_t *valid)
{
    const loose_f64 *values = a;
    int64_t any = 0;

    for (size_t i = 0; i < rows; i++)
        any |= values[i] != values[i] ? -1 : 0;
    if (any == 0)
        return true;
    f64_eq(a, a, rows, valid);
    return false;
}

/* -- integers and decimals ------------------------------------------------------------------- */

static bool out_of_bound(int64_t value, int64_t bound)
{
    return bound && (value >= bound || value <= -bound);
}

/* One row, exactly; false if the result can not be represented. */
static bool compute_i64(enum sheaf_op op, int64_t a, int64_t b, int64_t *result)
{
    switch ((int)op) {
    case OP_ADD:
        return !__builtin_add_overflow(a, b, result);
    case OP_SUB:
        return !__builtin_sub_overflow(a, b, result);
    case OP_MUL:
        return !__builtin_mul_overflow(a, b, result);
    case OP_NEG:
        return !__builtin_sub_overflow((int64_t)0, a, result);
    default: /* OP_ABS */
        *result = a;
        return a >= 0 || !__builtin_sub_overflow((int64_t)0, a, result);
    }
}

/* The rows of a block that fail, one by one. */
static uint64_t failures_i64(enum sheaf_op op, const loose_i64 *a, const loose_i64 *b,
                             int64_t bound, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++) {
        int64_t result;
        bool good = compute_i64(op, a[i], b[i], &result) && !out_of_bound(result, bound);
        word |= (uint64_t)!good << i;
    }
    return word;
}

/* Each of these is negative afterwards if some row may have overflowed. */
static int64_t add_block(const loose_i64 *a, const loose_i64 *b, int64_t *result, size_t n)
{
    int64_t any = 0;

    for (size_t i = 0; i < n; i++) {
        result[i] = (int64_t)((uint64_t)a[i] + (uint64_t)b[i]);
        any |= (a[i] ^ result[i]) & (b[i] ^ result[i]);
    }
    return any;
}

static int64_t sub_block(const loose_i64 *a, const loose_i64 *b, int64_t *result, size_t n)
{
    int64_t any = 0;

    for (size_t i = 0; i < n; i++) {
        result[i] = (int64_t)((uint64_t)a[i] - (uint64_t)b[i]);
        any |= (a[i] ^ b[i]) & (a[i] ^ result[i]);
    }
    return any;
}

static int64_t mul_block(const loose_i64 *a, const loose_i64 *b, int64_t *result, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++)
        any |= __builtin_mul_overflow(a[i], b[i], &result[i]);
    return -(int64_t)any;
}

/* The least number has no opposite: its negation is itself, and both are negative. */
static int64_t neg_block(const loose_i64 *a, int64_t *result, size_t n)
{
    int64_t any = 0;

    for (size_t i = 0; i < n; i++) {
        result[i] = (int64_t)(0 - (uint64_t)a[i]);
        any |= a[i] & result[i];
    }
    return any;
}

static int64_t abs_block(const loose_i64 *a, int64_t *result, size_t n)
{
    int64_t any = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t sign = (uint64_t)(a[i] >> 63);
        result[i] = (int64_t)(((uint64_t)a[i] ^ sign) - sign);
        any |= result[i];
    }
    return any;
}

static int64_t compute_block(enum sheaf_op op, const loose_i64 *a, const loose_i64 *b,
                             int64_t *result, size_t n)
{
    switch ((int)op) {
    case OP_ADD:
        return add_block(a, b, result, n);
    case OP_SUB:
        return sub_block(a, b, result, n);
    case OP_MUL:
        return mul_block(a, b, result, n);
    case OP_NEG:
        return neg_block(a, result, n);
    default: /* OP_ABS */
        return abs_block(a, result, n);
    }
}

static bool exceeds(const int64_t *result, int64_t bound, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++)
        any |= (uint64_t)result[i] + (uint64_t)(bound - 1) > 2 * (uint64_t)(bound - 1);
    return any;
}

static void clear(uint64_t *words, size_t rows)
{
    memset(words, 0, (rows + 63) / 64 * sizeof *words);
}

static void mod_i64(const loose_i64 *a, const loose_i64 *b, int64_t *result, size_t rows,
                    uint64_t *valid)
{
    clear(valid, rows);
    for (size_t i = 0; i < rows; i++) {
        int64_t divisor = b[i];
        /* -1 apart, for the least number has no quotient by it */
        result[i] = divisor == 0 || divisor == -1 ? 0 : a[i] % divisor;
        valid[i / 64] |= (uint64_t)(divisor != 0) << i % 64;
    }
}

bool sheaf_loop_arithmetic_i64(enum sheaf_op op, const void *a, const void *b, int64_t bound,
                               int64_t *result, size_t rows, uint64_t *valid, uint64_t *failed)
{
    const loose_i64 *left = a, *right = b;
    bool any = false;

    if (op == OP_MOD) {
        mod_i64(left, right, result, rows, valid);
        return false;
    }
    for (size_t base = 0; base < rows; base += 64) {
        size_t n = block_of(rows, base);
        bool suspect = compute_block(op, left + base, right + base, result + base, n) < 0;
        if (bound && !suspect)
            suspect = exceeds(result + base, bound, n);
        if (!suspect)
            continue;
        uint64_t word = failures_i64(op, left + base, right + base, bound, n);
        if (!any && word)
            clear(failed, rows);
        any |= word != 0;
        if (any)
            failed[base / 64] = word;
    }
    return any;
}

bool sheaf_loop_rescale_i64(const void *a, int32_t digits, int64_t bound, int64_t *result,
                            size_t rows, uint64_t *failed)
{
    const loose_i64 *values = a;
    int64_t power = powers[digits];
    bool any = false;

    clear(failed, rows);
    for (size_t i = 0; i < rows; i++) {
        bool bad = __builtin_mul_overflow(values[i], power, &result[i]);
        bad |= out_of_bound(result[i], bound);
        failed[i / 64] |= (uint64_t)bad << i % 64;
        any |= bad;
    }
    return any;
}

/* What remains of `rest` after the whole part is cut off: how much to add to the whole. */
static int carry(enum sheaf_op op, sheaf_int128 rest, sheaf_int128 power)
{
    if (op == OP_FLOOR)
        return -(rest < 0);
    if (op == OP_CEIL)
        return rest > 0;
    return rest >= power - rest ? 1 : -rest >= power + rest ? -1 : 0;
}

void sheaf_loop_cut_i64(enum sheaf_op op, const void *a, int32_t digits, int64_t *result,
                        size_t rows)
{
    const loose_i64 *values = a;
    int64_t power = powers[digits];

    for (size_t i = 0; i < rows; i++)
        result[i] = values[i] / power + carry(op, values[i] % power, power);
}

void sheaf_loop_cut_wide(enum sheaf_op op, const void *a, int32_t digits, sheaf_int128 *result,
                         size_t rows)
{
    const loose_wide *values = a;
    sheaf_int128 power = powers[digits];

    for (size_t i = 0; i < rows; i++)
        result[i] = values[i] / power + carry(op, values[i] % power, power);
}

/* -- wide numbers ---------------------------------------------------------------------------- */

static bool compute_wide(enum sheaf_op op, sheaf_int128 a, sheaf_int128 b, sheaf_int128 *result)
{
    switch ((int)op) {
    case OP_ADD:
        return !__builtin_add_overflow(a, b, result);
    case OP_SUB:
        return !__builtin_sub_overflow(a, b, result);
    case OP_MUL:
        return !__builtin_mul_overflow(a, b, result);
    case OP_MOD:
        *result = b == 0 || b == -1 ? 0 : a % b;
        return true;
    case OP_NEG:
        return !__builtin_sub_overflow((sheaf_int128)0, a, result);
    default: /* OP_ABS */
        *result = a;
        return a >= 0 || !__builtin_sub_overflow((sheaf_int128)0, a, result);
    }
}

bool sheaf_loop_arithmetic_wide(enum sheaf_op op, const void *a, const void *b,
                                sheaf_int128 *result, size_t rows, uint64_t *valid,
                                uint64_t *failed)
{
    const loose_wide *left = a, *right = b;
    bool any = false;

    clear(failed, rows);
    if (op == OP_MOD)
        clear(valid, rows);
    for (size_t i = 0; i < rows; i++) {
        bool bad = !compute_wide(op, left[i], right[i], &result[i]);
        failed[i / 64] |= (uint64_t)bad << i % 64;
        any |= bad;
        if (op == OP_MOD)
            valid[i / 64] |= (uint64_t)(right[i] != 0) << i % 64;
    }
    return any;
}

bool sheaf_loop_rescale_wide(const void *a, int32_t digits, sheaf_int128 *result, size_t rows,
                             uint64_t *failed)
{
    const loose_wide *values = a;
    sheaf_int128 power = powers[digits];
    bool any = false;

    clear(failed, rows);
    for (size_t i = 0; i < rows; i++) {
        bool bad = __builtin_mul_overflow(values[i], power, &result[i]);
        failed[i / 64] |= (uint64_t)bad << i % 64;
        any |= bad;
    }
    return any;
}

/* -- doubles ------------------------------------------------------------------------------- */

/*
 * The double nearest to what x is after it was rounded to so many digits, halves
 * away from zero.  x is taken for what it is: 1.005 is a bit less than that, and becomes 1.
 */
static double round_f64(double x, int32_t digits)
{
    double power = (double)powers[digits], amount = fabs(x);
    double scaled = amount * power;

    if (!(scaled < (double)EXACT_DOUBLE / 2)) /* no digits left to round, or not finite */
        return x;
    double lost = fma(amount, power, -scaled); /* amount * power is exactly scaled + lost */
    double whole = floor(scaled), rest = scaled - whole;
    if (rest > 0.5 || (rest == 0.5 && lost >= 0))
        whole += 1;
    return copysign(whole / power, x);
}

#define EACH(expression)              \
    for (size_t i = 0; i < rows; i++) \
        result[i] = (expression);     \
    break

static void compute_f64(enum sheaf_op op, const loose_f64 *a, const loose_f64 *b, int32_t digits,
                        double *result, size_t rows)
{
    switch ((int)op) {
    case OP_ADD:
        EACH(a[i] + b[i]);
    case OP_SUB:
        EACH(a[i] - b[i]);
    case OP_MUL:
        EACH(a[i] * b[i]);
    case OP_DIV:
        EACH(b[i] == 0 ? (double)NAN : a[i] / b[i]);
    case OP_MOD:
        EACH(fmod(a[i], b[i]));
    case OP_NEG:
        EACH(-a[i]);
    case OP_ABS:
        EACH(fabs(a[i]));
    case OP_FLOOR:
        EACH(floor(a[i]));
    case OP_CEIL:
        EACH(ceil(a[i]));
    default: /* OP_ROUND */
        EACH(round_f64(a[i], digits));
    }
}

void sheaf_loop_arithmetic_f64(enum sheaf_op op, const void *a, const void *b, int32_t digits,
                               double *result, size_t rows, uint64_t *valid)
{
    compute_f64(op, a, b, digits, result, rows);
    f64_eq(result, result, rows, valid);
}

/* By way of text: slow, right, and needed only beyond 2^53. */
static double nearest(sheaf_type type, int32_t scale, const void *value)
{
    char text[SHEAF_FORMAT_MAX];
    double result = 0;
    size_t size = sheaf_format_value((sheaf_kind){type, scale}, value, text);

    sheaf_parse_value((sheaf_kind){SHEAF_F64, 0}, text, size, &result);
    return result;
}

void sheaf_loop_i64_to_f64(const void *a, int32_t scale, double *result, size_t rows)
{
    const loose_i64 *values = a;
    double power = (double)powers[scale];
    int64_t large = 0;

    /* Both numbers are doubles and division rounds correctly, so the quotient is the nearest. */
    for (size_t i = 0; i < rows; i++) {
        result[i] = (double)values[i] / power;
        large |= values[i] ^ values[i] >> 63;
    }
    if (scale == 0 || large < EXACT_DOUBLE)
        return;
    for (size_t i = 0; i < rows; i++) {
        int64_t value = values[i];
        if (value > EXACT_DOUBLE || value < -EXACT_DOUBLE)
            result[i] = nearest(SHEAF_DECIMAL, scale, &value);
    }
}

void sheaf_loop_wide_to_f64(const void *a, int32_t scale, double *result, size_t rows)
{
    const loose_wide *values = a;

    for (size_t i = 0; i < rows; i++) {
        sheaf_int128 value = values[i];
        if (value <= EXACT_DOUBLE && value >= -EXACT_DOUBLE)
            result[i] = (double)(int64_t)value / (double)powers[scale];
        else
            result[i] = nearest(SHEAF_WIDE, scale, &value);
    }
}
