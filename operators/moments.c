/* moments.c - count, mean, variance, deviation, skewness and kurtosis of a column of numbers
 *
 *     sheaf run moments weather.csv --bind value=temperature --by station
 *
 * From exact sums of powers (powers.h), so no digit is lost where the mean is
 * large and the deviation small, and it does not matter where the data is cut.
 * Variance and deviation are those of a sample (n - 1); skewness m3 / m2^1.5 and
 * kurtosis m4 / m2^2 - 3 those of the values themselves, so that a normal
 * distribution has 0 and 0.
 */
#include "powers.h"

enum { DEGREE = 4 };

struct moments {
    struct powers powers;
    double mean, variance, deviation, skewness, kurtosis;
};

static void fold(void *state, const sheaf_batch *batch)
{
    struct moments *moments = state;

    powers_add(&moments->powers, batch->heap, DEGREE, &batch->columns[0], 0, batch->rows);
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    struct moments *moments = state;

    powers_join(&moments->powers, &((const struct moments *)later)->powers, DEGREE, with);
}

/* n^2 S3 - 3 n S1 S2 + 2 S1^3: n^3 times the third central moment. */
static void third(const struct powers *powers, const sheaf_heap *heap, struct big *result)
{
    uint64_t n = (uint64_t)powers->count;
    struct big s1, s2, part, term;

    powers_sum(powers, heap, 3, result);
    big_scale(result, n);
    big_scale(result, n);
    powers_sum(powers, heap, 1, &s1);
    powers_sum(powers, heap, 2, &s2);
    big_multiply(&term, &s1, &s2);
    big_scale(&term, n);
    big_scale(&term, 3);
    big_add(result, result, &term, true);
    big_multiply(&part, &s1, &s1);
    big_multiply(&term, &part, &s1);
    big_scale(&term, 2);
    big_add(result, result, &term, false);
}

/* n^3 S4 - 4 n^2 S1 S3 + 6 n S1^2 S2 - 3 S1^4: n^4 times the fourth central moment. */
static void fourth(const struct powers *powers, const sheaf_heap *heap, struct big *result)
{
    uint64_t n = (uint64_t)powers->count;
    struct big s1, square, sum, term;

    powers_sum(powers, heap, 4, result);
    for (int i = 0; i < 3; i++)
        big_scale(result, n);
    powers_sum(powers, heap, 1, &s1);
    powers_sum(powers, heap, 3, &sum);
    big_multiply(&term, &s1, &sum);
    big_scale(&term, n);
    big_scale(&term, n);
    big_scale(&term, 4);
    big_add(result, result, &term, true);
    big_multiply(&square, &s1, &s1);
    powers_sum(powers, heap, 2, &sum);
    big_multiply(&term, &square, &sum);
    big_scale(&term, n);
    big_scale(&term, 6);
    big_add(result, result, &term, false);
    big_multiply(&term, &square, &square);
    big_scale(&term, 3);
    big_add(result, result, &term, true);
}

/* Powers of two and of ten cancel in these quotients, so the integers will do. */
static void shape(struct moments *moments, const sheaf_heap *heap)
{
    struct big second, square, higher;
    int64_t e2, e, e4;
    double m2, m;

    powers_second(&moments->powers, heap, &second);
    if (second.size == 0)
        return; /* all values are the same */
    m2 = big_split(&second, &e2);
    third(&moments->powers, heap, &higher);
    if (higher.size == 0) {
        moments->skewness = 0;
    } else {
        bool odd = e2 & 1;
        double even = odd ? 2 * m2 : m2;
        m = big_split(&higher, &e);
        moments->skewness = big_scaled(m / (even * sqrt(even)), e - 3 * ((e2 - odd) / 2));
    }
    big_multiply(&square, &second, &second);
    fourth(&moments->powers, heap, &higher);
    m2 = big_split(&square, &e4);
    second = square;
    big_scale(&second, 3);
    big_add(&higher, &higher, &second, true);
    if (higher.size == 0) {
        moments->kurtosis = 0;
        return;
    }
    m = big_split(&higher, &e);
    moments->kurtosis = big_scaled(m / m2, e - e4);
}

static void finish_with(void *state, const sheaf_gluing *with)
{
    struct moments *moments = state;

    moments->mean = powers_mean(&moments->powers, with->heap);
    powers_spread(&moments->powers, with->heap, &moments->variance, &moments->deviation);
    moments->skewness = moments->kurtosis = (double)NAN;
    if (moments->powers.count > 1 && !moments->powers.flags)
        shape(moments, with->heap);
}

SHEAF_OPERATOR(moments) = {
    .about = "count, mean, variance, deviation, skewness and kurtosis of a column of numbers",
    .inputs = {{"value", SHEAF_NUMBER}},
    .outputs = {{"count", SHEAF_I64, offsetof(struct moments, powers.count), 0},
                SHEAF_OUTPUT(struct moments, mean),
                SHEAF_OUTPUT(struct moments, variance),
                SHEAF_OUTPUT(struct moments, deviation),
                SHEAF_OUTPUT(struct moments, skewness),
                SHEAF_OUTPUT(struct moments, kurtosis)},
    .state_size = sizeof(struct moments),
    .exact = true,
    .fold = fold,
    .combine_with = combine_with,
    .finish_with = finish_with,
};
