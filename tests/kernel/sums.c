/* sums.c - sums of arrays have the same bits everywhere, and exact ones are exact */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "kernel/lanes.h"
#include "kernel/wide.h"
#include "unit.h"
#include <sheaf/kernels.h>

/* -- a slow and obvious reference: all doubles are multiples of 2^-1074 --------------------------
 */

enum { LIMBS = 72 }; /* of 32 bits: 2304 bits */

struct reference {
    uint32_t limbs[LIMBS]; /* two's complement, units of 2^-1074 */
};

static void reference_add(struct reference *sum, double value)
{
    uint32_t term[LIMBS] = {0};
    uint64_t bits, carry = 0;

    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7FF);
    uint64_t fraction = bits & 0xFFFFFFFFFFFFFu;
    if (exponent)
        fraction |= (uint64_t)1 << 52;
    else
        exponent = 1;
    for (int bit = 0; bit < 53; bit++)
        if (fraction >> bit & 1)
            term[(exponent - 1 + bit) / 32] |= 1u << (exponent - 1 + bit) % 32;
    if (bits >> 63) {
        carry = 1;
        for (int i = 0; i < LIMBS; i++) {
            carry += (uint32_t)~term[i];
            term[i] = (uint32_t)carry;
            carry >>= 32;
        }
        carry = 0;
    }
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)sum->limbs[i] + term[i];
        sum->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* sum / n by long division bit by bit, 100 bits behind the point, and rounding by hand. */
static double reference_mean(const struct reference *sum, uint64_t n)
{
    enum { EXTRA = 4 };
    uint32_t limbs[LIMBS + EXTRA] = {0};
    bool negative = sum->limbs[LIMBS - 1] >> 31;
    uint64_t carry = negative;
    sheaf_uint128 rest = 0;

    for (int i = 0; i < LIMBS; i++) {
        carry += negative ? (uint32_t)~sum->limbs[i] : sum->limbs[i];
        limbs[i + EXTRA] = (uint32_t)carry;
        carry >>= 32;
    }
    for (int bit = 32 * (LIMBS + EXTRA) - 1; bit >= 0; bit--) {
        rest = rest << 1 | (limbs[bit / 32] >> bit % 32 & 1);
        limbs[bit / 32] &= ~(1u << bit % 32);
        if (rest >= n) {
            rest -= n;
            limbs[bit / 32] |= 1u << bit % 32;
        }
    }
    int top = 32 * (LIMBS + EXTRA) - 1;
    while (top >= 0 && !(limbs[top / 32] >> top % 32 & 1))
        top--;
    if (top < 0)
        return negative ? -0.0 : 0.0;
    int last = top - 52 < 32 * EXTRA ? 32 * EXTRA : top - 52; /* the last bit that is kept */
    uint64_t kept = 0;
    for (int bit = top; bit >= last; bit--)
        kept = kept << 1 | (limbs[bit / 32] >> bit % 32 & 1);
    bool half = limbs[(last - 1) / 32] >> (last - 1) % 32 & 1, more = rest != 0;
    for (int bit = 0; bit < last - 1; bit++)
        more |= limbs[bit / 32] >> bit % 32 & 1;
    kept += half && (more || (kept & 1));
    double result = ldexp((double)kept, last - 32 * EXTRA - 1074);
    return negative ? -result : result;
}

/* -- helpers ----------------------------------------------------------------------------------- */

static uint64_t to_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool same(double a, double b)
{
    return to_bits(a) == to_bits(b) || (a == 0 && b == 0);
}

static double random_double(struct unit_random *random, int spread)
{
    double fraction = (double)(int64_t)unit_random_next(random);

    return ldexp(fraction, (int)unit_random_below(random, (unsigned)spread + 1) - spread / 2 - 63);
}

static double exact_sum(const double *x, size_t n)
{
    sheaf_exact sum = {.flags = 0};
    sheaf_heap heap = {0};
    double result;

    sheaf_exact_add(&sum, &heap, x, n);
    result = sheaf_exact_round(&sum, &heap);
    sheaf_heap_free(&heap);
    return result;
}

/* -- exact sums ----------------------------------------------------------------------------------
 */

static void sums_of_doubles_lose_nothing(void)
{
    static const struct {
        double x[6];
        double sum;
    } cases[] = {
        {{0}, 0},
        {{0.1, 0.2, 0.3}, 0.6},
        {{1e300, 1, -1e300}, 1},
        {{1e308, 1e308, -1e308, -1e308, 5e-324}, 5e-324},
        {{DBL_MAX, DBL_MAX}, INFINITY},
        {{DBL_MAX, DBL_MAX, -DBL_MAX}, DBL_MAX},
        {{DBL_MAX, 0x1p969}, DBL_MAX},
        {{DBL_MAX, 0x1p970}, INFINITY},
        {{DBL_MAX, 0x1p970, -5e-324}, DBL_MAX},
        {{-DBL_MAX, -0x1p970, 5e-324}, -DBL_MAX},
        {{1, 0x1p-53}, 1},
        {{1, 0x1p-53, 5e-324}, 0x1.0000000000001p0},
        {{1, 0x1p-53, -5e-324}, 1},
        {{0x1.0000000000001p0, 0x1p-53}, 0x1.0000000000002p0},
        {{-1, -0x1p-53, -0x1p-200}, -0x1.0000000000001p0},
        {{DBL_MIN, -5e-324}, 0x0.fffffffffffffp-1022},
        {{5e-324, 5e-324, 5e-324, -5e-324}, 1e-323},
        {{INFINITY, 1, -1e308}, INFINITY},
        {{-INFINITY, 1e308, 1e308}, -INFINITY},
        {{-0.0, -0.0}, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT(same(exact_sum(cases[i].x, 6), cases[i].sum));
    CU_ASSERT(isnan(exact_sum((const double[]){INFINITY, -INFINITY}, 2)));
    CU_ASSERT(isnan(exact_sum((const double[]){1, NAN, INFINITY}, 3)));
}

static void exact_sums_and_means_are_those_of_long_integers(void)
{
    static double x[10000];
    static const int spreads[] = {0, 10, 30, 37, 38, 39, 60, 75, 76, 100, 400, 2000};
    struct unit_random random = {1};

    for (int round = 0; round < 120; round++) {
        size_t n = 1 + unit_random_below(&random, round % 10 == 0 ? 10000 : 300);
        int spread = spreads[round % 12];
        struct reference reference = {{0}};
        sheaf_exact sum = {.flags = 0};
        sheaf_heap heap = {0};
        uint64_t divisor = 1 + (unit_random_next(&random) >> unit_random_below(&random, 64));

        for (size_t i = 0; i < n; i++) {
            x[i] = i % 2 && round % 3 == 0 ? -x[i - 1] : random_double(&random, spread);
            if (unit_random_below(&random, 50) == 0)
                x[i] = 0;
            reference_add(&reference, x[i]);
        }
        sheaf_exact_add(&sum, &heap, x, n);
        CU_ASSERT(same(sheaf_exact_round(&sum, &heap), reference_mean(&reference, 1)));
        if (divisor >> 63 == 0)
            CU_ASSERT(
                same(sheaf_exact_mean(&sum, &heap, divisor), reference_mean(&reference, divisor)));
        CU_ASSERT(same(sheaf_exact_mean(&sum, &heap, n), reference_mean(&reference, n)));
        if (spread <= 60)
            CU_ASSERT_EQUAL(sum.wider.size, 0); /* such data needs no heap */
        sheaf_heap_free(&heap);
    }
}

static void order_and_grouping_of_exact_sums_do_not_matter(void)
{
    static double x[3000];
    struct unit_random random = {2};

    for (int round = 0; round < 60; round++) {
        sheaf_exact parts[7], whole = {.flags = 0};
        sheaf_heap heaps[7], heap = {0};
        size_t n = 1 + unit_random_below(&random, 3000), from = 0;

        memset(parts, 0, sizeof parts);
        memset(heaps, 0, sizeof heaps);
        for (size_t i = 0; i < n; i++)
            x[i] = random_double(&random, (round % 6) * (round % 6) * 40);
        sheaf_exact_add(&whole, &heap, x, n);
        for (int part = 0; part < 7; part++) {
            size_t size =
                part == 6 ? n - from : unit_random_below(&random, (unsigned)(n - from) + 1);
            if (part % 2)
                for (size_t i = 0; i < size; i++)
                    sheaf_exact_add(&parts[part], &heaps[part], x + from + i, 1);
            else
                sheaf_exact_add(&parts[part], &heaps[part], x + from, size);
            from += size;
        }
        for (int part = 5; part >= 0; part--)
            sheaf_exact_join(&parts[part], &heaps[part], &parts[part + 1], &heaps[part + 1]);
        CU_ASSERT(same(sheaf_exact_round(&parts[0], &heaps[0]), sheaf_exact_round(&whole, &heap)));
        CU_ASSERT(
            same(sheaf_exact_mean(&parts[0], &heaps[0], n), sheaf_exact_mean(&whole, &heap, n)));
        for (int part = 0; part < 7; part++)
            sheaf_heap_free(&heaps[part]);
        sheaf_heap_free(&heap);
    }
}

/* Values for one key among 5, with what does not fit a window now and then. */
static double keyed_value(struct unit_random *random, int round)
{
    static const double odd[] = {0.0, -0.0, 5e-324, -1e-310, 1e300, -1e300, 0.1};

    if (round % 3 > 0 && unit_random_below(random, round % 3 == 1 ? 400 : 10) == 0)
        return odd[unit_random_below(random, round == 5 ? 2 : 7)];
    if (round % 2)
        return ((int)unit_random_below(random, 2000) - 1000) / 10.0;
    return random_double(random, (round % 6) * 30);
}

static void sums_by_key_are_those_of_each_key(void)
{
    static double x[3000];
    static uint32_t key[3000];
    struct unit_random random = {6};
    struct {
        int64_t before;
        sheaf_exact sum;
        int64_t after;
    } keyed[5];

    for (int round = 0; round < 60; round++) {
        sheaf_exact alone[5];
        sheaf_heap heap = {0};
        size_t n = unit_random_below(&random, 3000);

        memset(keyed, 0, sizeof keyed);
        memset(alone, 0, sizeof alone);
        for (size_t i = 0; i < n; i++) {
            x[i] = round == 59 && i == n / 2 ? INFINITY : keyed_value(&random, round);
            key[i] = (uint32_t)unit_random_below(&random, 5);
        }
        for (size_t from = 0, size; from < n; from += size) {
            size = 1 + unit_random_below(&random, (unsigned)(n - from));
            sheaf_exact_add_keyed(&keyed[0].sum, sizeof keyed[0], key + from, &heap, x + from,
                                  size);
        }
        for (size_t i = 0; i < n; i++)
            sheaf_exact_add(&alone[key[i]], &heap, x + i, 1);
        for (int k = 0; k < 5; k++) {
            CU_ASSERT(
                same(sheaf_exact_round(&keyed[k].sum, &heap), sheaf_exact_round(&alone[k], &heap)));
            CU_ASSERT_EQUAL(keyed[k].before | keyed[k].after, 0);
        }
        sheaf_heap_free(&heap);
    }
}

static void windows_far_apart_join_without_loss(void)
{
    static const double x[] = {1e-320, 1e-300, 1e-100, 1, 1e100, 1e300, 0x1p-1074, -1, -1e300};
    enum { N = sizeof x / sizeof x[0] };

    for (unsigned first = 0; first < N; first++)
        for (unsigned second = 0; second < N; second++) {
            sheaf_exact a = {.flags = 0}, b = {.flags = 0};
            sheaf_heap a_heap = {0}, b_heap = {0};
            struct reference reference = {{0}};
            sheaf_exact_add(&a, &a_heap, &x[first], 1);
            sheaf_exact_add(&b, &b_heap, &x[second], 1);
            sheaf_exact_add(&b, &b_heap, &x[second], 1);
            sheaf_exact_join(&a, &a_heap, &b, &b_heap);
            sheaf_exact_join(&a, &a_heap, &b, &b_heap);
            reference_add(&reference, x[first]);
            for (int i = 0; i < 4; i++)
                reference_add(&reference, x[second]);
            double expected = reference_mean(&reference, 1);
            CU_ASSERT(same(sheaf_exact_round(&a, &a_heap), expected));
            sheaf_heap_free(&a_heap);
            sheaf_heap_free(&b_heap);
        }
}

static void infinities_are_seen_anywhere_in_an_array(void)
{
    static double x[4200];

    for (size_t i = 0; i < 4200; i += 83) {
        x[i] = INFINITY;
        CU_ASSERT_EQUAL(exact_sum(x, 4200), INFINITY);
        x[i] = -INFINITY;
        CU_ASSERT_EQUAL(exact_sum(x, 4200), -INFINITY);
        x[i] = NAN;
        CU_ASSERT(isnan(exact_sum(x, 4200)));
        x[i] = 1;
    }
}

/* 2.5 times the least double and a little more than 2^-61 of it: rounded first to 53 bits and then
 * to what is left of them, it would be 2 times. */
static void subnormal_means_are_rounded_once(void)
{
    const double x[] = {0x1.4p-1013, -0x1p-1073};
    sheaf_exact sum = {.flags = 0};
    sheaf_heap heap = {0};

    sheaf_exact_add(&sum, &heap, x, 2);
    CU_ASSERT_EQUAL(sheaf_exact_mean(&sum, &heap, ((uint64_t)1 << 60) - 1), 0x3p-1074);
    sheaf_heap_free(&heap);
}

static void ten_tenths_are_one(void)
{
    /* As doubles: ten times the double next to 0.1 is a little more than 1, and rounds to it. */
    double x[10];

    for (int i = 0; i < 10; i++)
        x[i] = 0.1;
    CU_ASSERT_EQUAL(exact_sum(x, 10), 1);
    CU_ASSERT_EQUAL(sheaf_wide_mean(10, 1, 10), 0.1);
}

static void means_of_wide_sums_are_rounded_once(void)
{
    struct unit_random random = {3};

    CU_ASSERT_EQUAL(sheaf_wide_mean(0, 5, 7), 0);
    CU_ASSERT_EQUAL(sheaf_wide_mean(1, 0, 3), 1.0 / 3);
    CU_ASSERT_EQUAL(sheaf_wide_mean(-25, 1, 1), -2.5);
    for (int i = 0; i < 3000; i++) {
        sheaf_int128 value = (sheaf_int128)(int64_t)unit_random_next(&random);
        value = (value * ((sheaf_int128)1 << 63)) /
                ((sheaf_int128)1 << unit_random_below(&random, 126));
        int32_t scale = (int32_t)unit_random_below(&random, 19);
        uint64_t n = 1 + (unit_random_next(&random) >> (1 + unit_random_below(&random, 62)));
        /* The reference: value in units of 2^-1074 * 2^1074, divided twice; the second division
         * must not be of a rounded number, so divide by the product where it is small enough. */
        uint64_t tens = 1, divisor;
        for (int32_t k = 0; k < scale; k++)
            tens *= 10;
        if (__builtin_mul_overflow(tens, n, &divisor) || divisor >> 63)
            continue;
        struct reference reference = {{0}};
        sheaf_uint128 magnitude = sheaf_wide_magnitude(value);
        for (int part = 0; part < 4; part++) {
            double term = ldexp((double)(uint32_t)(magnitude >> (32 * part)), 32 * part);
            reference_add(&reference, value < 0 ? -term : term);
        }
        CU_ASSERT(same(sheaf_wide_mean(value, scale, n), reference_mean(&reference, divisor)));
    }
}

static void large_divisors_are_divided_by_in_two_steps(void)
{
    /* 3 * 10^18 * (2^64 - 1) / (10^18 * (2^64 - 1)) */
    sheaf_int128 value = (sheaf_int128)1000000000000000000 * 3;

    CU_ASSERT_EQUAL(sheaf_wide_mean(value * 10000000000, 18, 10000000000), 3);
    CU_ASSERT_EQUAL(sheaf_wide_mean(value * 10000000000 + 1, 18, 10000000000), 3);
    CU_ASSERT_EQUAL(sheaf_wide_mean(1, 18, UINT64_MAX), 1 / (1e18 * 0x1p64));
}

/* -- arrays
 * ---------------------------------------------------------------------------------------- */

/* The definition: 16 lanes, then halving. */
static double plain_sum(const double *x, const double *y, double centre, size_t n)
{
    double lanes[16] = {0};

    for (size_t i = 0; i < n; i++)
        lanes[i % 16] += y                  ? x[i] * y[i]
                         : centre == centre ? (x[i] - centre) * (x[i] - centre)
                                            : x[i];
    for (int half = 8; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return isnan(lanes[0]) ? (double)NAN : lanes[0];
}

static void check_lanes(const struct sheaf_lanes *lanes, const double *x, const double *y, size_t n)
{
    double least = INFINITY, greatest = -INFINITY;
    double centre = n ? x[n / 2] : 0;

    CU_ASSERT_EQUAL(to_bits(lanes->sum_f64(x, n)), to_bits(plain_sum(x, NULL, NAN, n)));
    CU_ASSERT_EQUAL(to_bits(lanes->dot_f64(x, y, n)), to_bits(plain_sum(x, y, NAN, n)));
    if (centre == centre)
        CU_ASSERT_EQUAL(to_bits(lanes->sum_squares_f64(x, n, centre)),
                        to_bits(plain_sum(x, NULL, centre, n)));
    for (size_t i = 0; i < n; i++) {
        if (x[i] < least || (x[i] == least && signbit(x[i])))
            least = x[i];
        if (x[i] > greatest || (x[i] == greatest && !signbit(x[i])))
            greatest = x[i];
    }
    CU_ASSERT_EQUAL(to_bits(lanes->min_f64(x, n)), to_bits(least));
    CU_ASSERT_EQUAL(to_bits(lanes->max_f64(x, n)), to_bits(greatest));
}

static void check_integers(const struct sheaf_lanes *lanes, const int64_t *x, size_t n)
{
    int64_t least = INT64_MAX, greatest = INT64_MIN;
    sheaf_int128 sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        least = x[i] < least ? x[i] : least;
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    CU_ASSERT(lanes->sum_i64(x, n) == sum);
    CU_ASSERT_EQUAL(lanes->min_i64(x, n), least);
    CU_ASSERT_EQUAL(lanes->max_i64(x, n), greatest);
}

static void kernels_give_the_same_bits_with_every_instruction_set(void)
{
    static double x[1100], y[1100];
    static int64_t integers[1100];
    struct unit_random random = {4};

    for (int round = 0; round < 400; round++) {
        size_t n = unit_random_below(&random, round % 2 ? 1100 : 70);
        for (size_t i = 0; i < n; i++) {
            x[i] = random_double(&random, 60);
            y[i] = random_double(&random, 60);
            integers[i] = (int64_t)unit_random_next(&random) >> (round % 8 ? 0 : 63);
            if (round % 3 == 0 && unit_random_below(&random, 20) == 0)
                x[i] = (const double[]){0.0, -0.0, INFINITY, NAN}[unit_random_below(&random, 4)];
            if (round % 5 == 0)
                x[i] = unit_random_below(&random, 2) ? -0.0 : 0.0;
        }
        for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
            if (sheaf_cpu_isa_runs((enum sheaf_isa)isa)) {
                check_lanes(sheaf_lanes_for((enum sheaf_isa)isa), x, y, n);
                check_integers(sheaf_lanes_for((enum sheaf_isa)isa), integers, n);
            }
    }
}

static void zeros_keep_their_order(void)
{
    for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
        for (size_t n = 1; n < 40 && sheaf_cpu_isa_runs((enum sheaf_isa)isa); n++) {
            double x[40];
            for (size_t i = 0; i < n; i++)
                x[i] = -0.0;
            check_lanes(sheaf_lanes_for((enum sheaf_isa)isa), x, x, n);
            x[n / 2] = 0.0;
            check_lanes(sheaf_lanes_for((enum sheaf_isa)isa), x, x, n);
        }
}

static void extremes_of_integers_sum_without_overflow(void)
{
    static int64_t x[100];

    for (int i = 0; i < 100; i++)
        x[i] = INT64_MIN;
    CU_ASSERT(sheaf_sum_i64(x, 100) == (sheaf_int128)INT64_MIN * 100);
    for (int i = 0; i < 100; i++)
        x[i] = INT64_MAX;
    CU_ASSERT(sheaf_sum_i64(x, 100) == (sheaf_int128)INT64_MAX * 100);
}

static void arrays_may_begin_anywhere(void)
{
    static char bytes[8 * 200 + 8];
    static double x[200];
    static int64_t integers[200];
    struct unit_random random = {5};

    for (int i = 0; i < 200; i++) {
        x[i] = random_double(&random, 20);
        integers[i] = (int64_t)unit_random_next(&random);
    }
    for (size_t offset = 1; offset < 8; offset += 3) {
        memcpy(bytes + offset, x, sizeof x);
        const double *odd = (const double *)(const void *)(bytes + offset);
        CU_ASSERT_EQUAL(sheaf_sum_f64(odd, 200), sheaf_sum_f64(x, 200));
        CU_ASSERT_EQUAL(sheaf_min_f64(odd, 199), sheaf_min_f64(x, 199));
        CU_ASSERT_EQUAL(exact_sum(odd, 199), exact_sum(x, 199));
        CU_ASSERT_EQUAL(exact_sum(odd, 3), exact_sum(x, 3));
        memcpy(bytes + offset, integers, sizeof integers);
        CU_ASSERT(sheaf_sum_i64((const int64_t *)(const void *)(bytes + offset), 199) ==
                  sheaf_sum_i64(integers, 199));
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(sums_of_doubles_lose_nothing),
        UNIT(exact_sums_and_means_are_those_of_long_integers),
        UNIT(order_and_grouping_of_exact_sums_do_not_matter),
        UNIT(sums_by_key_are_those_of_each_key),
        UNIT(windows_far_apart_join_without_loss),
        UNIT(infinities_are_seen_anywhere_in_an_array),
        UNIT(subnormal_means_are_rounded_once),
        UNIT(ten_tenths_are_one),
        UNIT(means_of_wide_sums_are_rounded_once),
        UNIT(large_divisors_are_divided_by_in_two_steps),
        UNIT(kernels_give_the_same_bits_with_every_instruction_set),
        UNIT(zeros_keep_their_order),
        UNIT(extremes_of_integers_sum_without_overflow),
        UNIT(arrays_may_begin_anywhere),
        {0},
    };

    return unit_run("sums", tests);
}
