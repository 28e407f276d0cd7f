/* builtins.c - the operators that come with sheaf give the answers of mathematics */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bound.h"
#include "operator/check.h"
#include "operator/contract.h"

static const sheaf_kind I64 = {SHEAF_I64, 0};
static const sheaf_kind CENTS = {SHEAF_DECIMAL, 2};
static const sheaf_kind F64 = {SHEAF_F64, 0};
static const sheaf_kind kinds[] = {{SHEAF_I64, 0},  {SHEAF_DECIMAL, 2}, {SHEAF_DECIMAL, 18},
                                   {SHEAF_F64, 0},  {SHEAF_BOOL, 0},    {SHEAF_DATE, 0},
                                   {SHEAF_TIME, 1}, {SHEAF_TEXT, 0}};
#define KINDS (sizeof kinds / sizeof kinds[0])

#define IS(answer, expected)                                                                     \
    do {                                                                                         \
        const char *answer_ = (answer);                                                          \
        if (strcmp(answer_, expected) != 0)                                                      \
            printf("\n%s:%d: expected %s\n    got %s\n", __FILE__, __LINE__, expected, answer_); \
        CU_ASSERT_STRING_EQUAL(answer_, expected);                                               \
    } while (0)

static const char *set_of(const char *name)
{
    return strcmp(name, "hist") == 0 ? "low=-50,high=75.5,bins=7" : "";
}

static void every_table_keeps_the_contract(void)
{
    sheaf_error error = {0};

    for (const struct sheaf_builtin *at = sheaf_builtins; at->name; at++) {
        UNIT_OK(sheaf_contract_check(at->name, at->op, &error), &error);
        if (at[1].name)
            CU_ASSERT(strcmp(at->name, at[1].name) < 0);
        CU_ASSERT(at->op->map || at->op->exact);
    }
}

/* Bit for bit: all of them claim to be exact. */
static void no_cut_changes_an_answer(void)
{
    static const size_t sizes[] = {0, 1, 2, 65, 700, 9000};
    struct unit_random random = {20};

    for (const struct sheaf_builtin *at = sheaf_builtins; at->name; at++)
        for (size_t k = 0; k < KINDS; k++)
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                struct data data =
                    data_make(kinds[k], sizes[s], (unsigned)(s + k) % 3 * 2, &random);
                sheaf_batch batch = {.rows = data.rows, .columns = &data.column};
                struct sheaf_check_options options = {random.state, sizes[s] > 1000 ? 4 : 25};
                struct sheaf_check_report report;
                sheaf_error error = {0};
                sheaf_kind kind;

                if (!at->op->inputs[0].name || sheaf_bind_kind(at->name, &at->op->inputs[0], "x",
                                                               kinds[k], &kind, NULL) == SHEAF_OK) {
                    if (kind.type != kinds[k].type && at->op->inputs[0].name) {
                        data_free(&data);
                        continue; /* the data would have to be converted */
                    }
                    struct sheaf_bound bound =
                        bound_to(at->op, at->name, kinds[k], set_of(at->name));
                    UNIT_OK(sheaf_check_operator(&bound, &batch, 1, &options, &report, &error),
                            &error);
                    if (report.refuted)
                        printf("\n%s of %zu %s: %s\n", at->name, data.rows,
                               sheaf_type_name(kinds[k].type), report.finding);
                    CU_ASSERT_FALSE(report.refuted);
                    bound_free(&bound);
                }
                data_free(&data);
            }
}

static void no_rows_have_a_count_and_a_sum(void)
{
    IS(bound_answer_i64("count", "", I64, NULL, 0), "count=0");
    IS(bound_answer_i64("sum", "", CENTS, NULL, 0), "sum=0.00");
    IS(bound_answer_f64("sum", "", NULL, 0), "sum=0");
    IS(bound_answer_f64("mean", "", NULL, 0), "mean=");
    IS(bound_answer_f64("min", "", NULL, 0), "min=");
    IS(bound_answer_f64("max", "", NULL, 0), "max=");
    IS(bound_answer_f64("first", "", NULL, 0), "first=");
    IS(bound_answer_f64("last", "", NULL, 0), "last=");
    IS(bound_answer_f64("distinct", "", NULL, 0), "distinct=0");
    IS(bound_answer_f64("moments", "", NULL, 0),
       "count=0 mean= variance= deviation= skewness= kurtosis=");
    IS(bound_answer_f64("stats", "", NULL, 0),
       "count=0 missing=0 distinct=0 min= max= mean= deviation=");
    IS(bound_answer_text("first", NULL, 0), "first=");
}

static void missing_values_count_nowhere(void)
{
    int64_t values[] = {5, 0, 7, 0};
    uint64_t present = 5;
    struct data data = {.column = {.type = SHEAF_I64, .i64 = values, .present = &present},
                        .rows = 4};

    IS(bound_answer("sum", "", &data), "sum=12");
    IS(bound_answer("mean", "", &data), "mean=6");
    IS(bound_answer("min", "", &data), "min=5");
    IS(bound_answer("last", "", &data), "last=7");
    IS(bound_answer("distinct", "", &data), "distinct=2");
    IS(bound_answer("stats", "", &data),
       "count=2 missing=2 distinct=2 min=5 max=7 mean=6 deviation=1.4142135623730951");
    present = 0;
    IS(bound_answer("stats", "", &data), "count=0 missing=4 distinct=0 min= max= mean= deviation=");
}

static void sums_of_integers_never_overflow(void)
{
    static int64_t values[9000];

    for (size_t i = 0; i < 9000; i++)
        values[i] = INT64_MIN;
    IS(bound_answer_i64("sum", "", I64, values, 9000), "sum=-83010348331692982272000");
    IS(bound_answer_i64("sum", "", CENTS, values, 9000), "sum=-830103483316929822720.00");
    IS(bound_answer_i64("mean", "", I64, values, 9000), "mean=-9.223372036854776e18");
    IS(bound_answer_i64("moments", "", I64, values, 9000),
       "count=9000 mean=-9.223372036854776e18 variance=0 deviation=0 skewness= kurtosis=");
}

static void sums_of_doubles_are_rounded_once(void)
{
    double tenths[10], rest[] = {1e300, 1, -1e300, 1e-300};

    for (int i = 0; i < 10; i++)
        tenths[i] = 0.1;
    IS(bound_answer_f64("sum", "", tenths, 10), "sum=1");
    IS(bound_answer_f64("mean", "", tenths, 10), "mean=0.1");
    IS(bound_answer_f64("sum", "", rest, 4), "sum=1");
    IS(bound_answer_f64("mean", "", rest, 4), "mean=0.25");
    rest[1] = INFINITY;
    CU_ASSERT_PTR_NOT_NULL(strstr(bound_answer_f64("sum", "", rest, 4), "inf"));
    rest[2] = -INFINITY;
    IS(bound_answer_f64("sum", "", rest, 4), "sum=");
}

static void decimals_keep_their_digits(void)
{
    int64_t cents[] = {10, 20, -5, 300};

    IS(bound_answer_i64("sum", "", CENTS, cents, 4), "sum=3.25");
    IS(bound_answer_i64("mean", "", CENTS, cents, 4), "mean=0.8125");
    IS(bound_answer_i64("min", "", CENTS, cents, 4), "min=-0.05");
    IS(bound_answer_i64("max", "", CENTS, cents, 4), "max=3.00");
    IS(bound_answer_i64("first", "", CENTS, cents, 4), "first=0.10");
    IS(bound_answer_i64("last", "", CENTS, cents, 4), "last=3.00");
}

static void extremes_pass_over_what_is_not_a_number(void)
{
    double values[] = {(double)NAN, 3, -0.0, 0.0, (double)NAN, INFINITY};

    IS(bound_answer_f64("min", "", values, 6), "min=0");
    IS(bound_answer_f64("max", "", values, 5), "max=3");
    IS(bound_answer_f64("max", "", values + 2, 2), "max=0");
    IS(bound_answer_f64("min", "", values, 1), "min=");
    CU_ASSERT_PTR_NOT_NULL(strstr(bound_answer_f64("min", "", values + 4, 2), "inf"));
}

static void texts_are_ordered_by_bytes(void)
{
    const char *names[] = {"b", "abc", "", "ab", "\xC3\xA9", "z"};

    IS(bound_answer_text("min", names, 2), "min=abc");
    IS(bound_answer_text("min", names, 6), "min=");
    IS(bound_answer_text("max", names, 6), "max=\xC3\xA9");
    IS(bound_answer_text("first", names, 6), "first=b");
    IS(bound_answer_text("last", names, 6), "last=z");
    IS(bound_answer_text("stats", names + 3, 3),
       "count=3 missing=0 distinct=3 min=ab max=\xC3\xA9 mean= deviation=");
}

static int compare_texts(const void *a, const void *b)
{
    const sheaf_text *x = a, *y = b;
    size_t both = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->bytes, y->bytes, both);

    return order ? order : (int)x->size - (int)y->size;
}

static int compare_integers(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void distinct_counts_as_sorting_does(void)
{
    struct unit_random random = {3};
    char expected[40];

    for (size_t rows = 0; rows < 20000; rows = 3 * rows + 1) {
        struct data texts = data_make((sheaf_kind){SHEAF_TEXT, 0}, rows, 0, &random);
        struct data integers = data_make(I64, rows, 0, &random);
        sheaf_text *text = texts.values;
        int64_t *integer = integers.values;
        size_t count[2] = {rows > 0, rows > 0};

        const char *got = bound_answer("distinct", "", &texts);
        qsort(text, rows, sizeof *text, compare_texts);
        for (size_t i = 1; i < rows; i++)
            count[0] += compare_texts(&text[i - 1], &text[i]) != 0;
        snprintf(expected, sizeof expected, "distinct=%zu", count[0]);
        IS(got, expected);
        got = bound_answer("distinct", "", &integers);
        qsort(integer, rows, sizeof *integer, compare_integers);
        for (size_t i = 1; i < rows; i++)
            count[1] += integer[i - 1] != integer[i];
        snprintf(expected, sizeof expected, "distinct=%zu", count[1]);
        IS(got, expected);
        data_free(&texts);
        data_free(&integers);
    }
}

static void equal_keys_are_one_value(void)
{
    double values[] = {(double)NAN, -(double)NAN, 0.0, -0.0, 1, 1};

    IS(bound_answer_f64("distinct", "", values, 6), "distinct=3");
}

/* Computed with fractions of unlimited length, rounded at the end. */
static const struct {
    double values[5];
    size_t rows;
    double mean, variance, deviation, skewness, kurtosis;
} cases[] = {
    {{1, 2, 4, 8},
     4,
     3.75,
     9.583333333333334,
     3.095695936834452,
     0.6568077344996993,
     -1.0989792060491494},
    {{1000000000.1, 1000000000.2, 1000000000.5, 1000000000.7},
     4,
     1000000000.375,
     0.07583333373069816,
     0.2753785280857935,
     0.1866178227394722,
     -1.6043954385592232},
    {{5e-324, 1e-310, 2e-308}, 3, 6.7e-309, 0, 1.1518246394308464e-308, 0.7070468212194918, -1.5},
    {{0.1, 0.1, 0.1, 0.3},
     4,
     0.15,
     0.009999999999999998,
     0.09999999999999999,
     1.1547005383792515,
     -2. / 3},
    {{-7, 0, 0, 1e15, 2.5},
     5,
     199999999999999.1,
     2.0000000000000044e+29,
     447213595499958.44,
     1.5,
     0.25},
    {{1e300, 1e-300, -1e300, 3}, 4, 0.75, (double)INFINITY, 8.164965809277260e299, 0, -1},
};

static bool is_near(double a, double b)
{
    return a == b || fabs(a - b) <= 4e-16 * fabs(b);
}

static void moments_have_all_their_digits(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *answer = bound_answer_f64("moments", "", cases[i].values, cases[i].rows);
        double m[5] = {0};
        int count = 0;

        char *at = strchr((char *)(uintptr_t)answer, ' ');
        for (count = 0; at && count < 5; count++)
            m[count] = strtod(strchr(at, '=') + 1, &at);
        CU_ASSERT_EQUAL(count, 5);
        bool good = m[0] == cases[i].mean && m[1] == cases[i].variance &&
                    is_near(m[2], cases[i].deviation) &&
                    (is_near(m[3], cases[i].skewness) || fabs(m[3]) < 1e-299) &&
                    is_near(m[4], cases[i].kurtosis);
        if (!good)
            printf("\ncase %zu: %s\n", i, answer);
        CU_ASSERT(good);
    }
}

/* Integers take another way through the code than doubles, and small ones yet another. */
static void moments_do_not_depend_on_the_type(void)
{
    struct unit_random random = {11};
    static int64_t integers[5000];
    static double doubles[5000];
    char from_integers[300];

    for (int bits = 3; bits < 54; bits += 5)
        for (size_t rows = 1; rows <= 5000; rows = 5 * rows + 2) {
            for (size_t i = 0; i < rows; i++) {
                integers[i] = (int64_t)(unit_random_next(&random) >> (64 - bits)) - (1 << bits / 2);
                doubles[i] = (double)integers[i];
            }
            strcpy(from_integers, bound_answer_i64("moments", "", I64, integers, rows));
            IS(bound_answer_f64("moments", "", doubles, rows), from_integers);
        }
}

/* 2^53 + 1 lies between two doubles; what decides is one part in 5000 above it. */
static void a_mean_is_rounded_by_all_its_digits(void)
{
    static int64_t values[5000];

    for (size_t i = 0; i < 5000; i++)
        values[i] = 9007199254740993;
    CU_ASSERT_PTR_NOT_NULL(
        strstr(bound_answer_i64("moments", "", I64, values, 5000), "mean=9007199254740992 "));
    values[4321]++;
    CU_ASSERT_PTR_NOT_NULL(
        strstr(bound_answer_i64("moments", "", I64, values, 5000), "mean=9007199254740994 "));
    IS(bound_answer_i64("mean", "", I64, values, 5000), "mean=9007199254740994");
}

/* The sums were negative when they had to become longer, at both ends. */
static void giants_that_cancel_leave_the_rest(void)
{
    static const double values[] = {-5, 1e30, -1e30, 1e-30, -1e-30, 1e90, -1e90};
    static const char *const means[] = {"mean=-5 ", "mean=-1.6666666666666667 ", "mean=-1 ",
                                        "mean=-0.7142857142857143 "};

    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_PTR_NOT_NULL(
            strstr(bound_answer_f64("moments", "", values, 2 * i + 1), means[i]));
}

static void decimals_have_the_moments_of_what_they_mean(void)
{
    int64_t cents[] = {100, 200, 400, 800};

    IS(bound_answer_i64("moments", "", CENTS, cents, 4),
       "count=4 mean=3.75 variance=9.583333333333334 deviation=3.095695936834452 "
       "skewness=0.6568077344996992 kurtosis=-1.0989792060491494");
    cents[0] = cents[1] = cents[2] = cents[3] = 12345;
    IS(bound_answer_i64("moments", "", CENTS, cents, 4),
       "count=4 mean=123.45 variance=0 deviation=0 skewness= kurtosis=");
    IS(bound_answer_i64("moments", "", CENTS, cents, 1),
       "count=1 mean=123.45 variance= deviation= skewness= kurtosis=");
}

static void bins_hold_what_their_edges_say(void)
{
    double values[] = {-1, 0, 0.1, 0.2, 0.3, 0.99, 1, 1.5, (double)NAN};

    IS(bound_answer_f64("hist", "low=0,high=1,bins=4", values, 9),
       "low= high=0 count=1\nlow=0 high=0.25 count=3\nlow=0.25 high=0.5 count=1\n"
       "low=0.5 high=0.75 count=0\nlow=0.75 high=1 count=2\nlow=1 high= count=1\n"
       "low= high= count=1");
    IS(bound_answer_f64("hist", "low=0,high=0.3,bins=3", values, 6),
       "low= high=0 count=1\nlow=0 high=0.09999999999999999 count=1\n"
       "low=0.09999999999999999 high=0.19999999999999998 count=1\n"
       "low=0.19999999999999998 high=0.3 count=2\nlow=0.3 high= count=1");
}

static void options_without_sense_are_refused_with_a_remedy(void)
{
    static const char *const bad[] = {"low=1,high=1", "low=2,high=1", "low=0,high=1,bins=0",
                                      "low=0,high=inf"};
    const sheaf_operator *hist = bound_builtin("hist");
    sheaf_error error = {0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sheaf_bound bound = {.op = hist, .name = "hist"};

        if (sheaf_bind_options("hist", hist, bad[i], &bound.options, &error) == SHEAF_OK) {
            CU_ASSERT_EQUAL(sheaf_bind_state(&bound, hist->measure(bound.options), &error),
                            SHEAF_BAD_ARGUMENT);
            CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "bins"));
        }
        free(bound.options);
    }
}

static void words_are_runs_of_letters(void)
{
    const char *texts[] = {"To be, or not", "", "42 -- caf\xC3\xA9!", "x"};

    IS(bound_answer_text("words", texts, 4),
       "word=To\nword=be\nword=or\nword=not\nword=caf\xC3\xA9\nword=x");
}

static void stats_count_different_values_only_if_asked(void)
{
    struct unit_random random = {5};
    struct data data = data_make(F64, 100, 0, &random);

    CU_ASSERT_PTR_NOT_NULL(strstr(bound_answer("stats", "distinct=no", &data), "distinct= min"));
    CU_ASSERT_PTR_NULL(strstr(bound_answer("stats", "", &data), "distinct= min"));
    data_free(&data);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(every_table_keeps_the_contract),
        UNIT(no_rows_have_a_count_and_a_sum),
        UNIT(missing_values_count_nowhere),
        UNIT(sums_of_integers_never_overflow),
        UNIT(sums_of_doubles_are_rounded_once),
        UNIT(decimals_keep_their_digits),
        UNIT(extremes_pass_over_what_is_not_a_number),
        UNIT(texts_are_ordered_by_bytes),
        UNIT(distinct_counts_as_sorting_does),
        UNIT(equal_keys_are_one_value),
        UNIT(moments_have_all_their_digits),
        UNIT(moments_do_not_depend_on_the_type),
        UNIT(a_mean_is_rounded_by_all_its_digits),
        UNIT(giants_that_cancel_leave_the_rest),
        UNIT(decimals_have_the_moments_of_what_they_mean),
        UNIT(bins_hold_what_their_edges_say),
        UNIT(options_without_sense_are_refused_with_a_remedy),
        UNIT(words_are_runs_of_letters),
        UNIT(stats_count_different_values_only_if_asked),
        UNIT(no_cut_changes_an_answer),
        {0},
    };

    return unit_run("operator builtins", tests);
}
