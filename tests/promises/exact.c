/* exact.c - sums and means against long addition that shares nothing with sheaf */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/shell.h"
#include "integer.h"

#define ROWS 3000

static FILE *create(const char *name)
{
    FILE *file = fopen(name, "we");

    if (!file) {
        perror(name);
        exit(2);
    }
    return file;
}

static void ask(const char *question, const char *name, const char *expected)
{
    static const char *const ways[] = {"--inline", "-j 3 --shard-size 1000",
                                       "-j 2 --shard-size 77"};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        SHELL_EXPECT(shell("sheaf group '' '%s as s' %s %s | tail -n 1", question, name, ways[i]),
                     0, expected);
}

static void sums_of_integers_have_all_their_digits(void)
{
    struct unit_random random = {11};

    for (int round = 0; round < 4; round++) {
        struct integer sum = {{0}};
        char expected[2000];
        FILE *file = create("i.csv");
        fputs("x,y\n", file);
        for (int row = 0; row < ROWS; row++) {
            int64_t value = (int64_t)(unit_random_next(&random) >> (round == 0 ? 0 : 1));
            if (round == 2) /* nearly everything cancels */
                value = row % 2 ? -(value % 1000) : value % 1001;
            if (round == 3)
                value = row % 3 ? INT64_MIN : INT64_MAX;
            integer_add_i64(&sum, value);
            fprintf(file, "%" PRId64 ",0\n", value);
        }
        fclose(file);
        integer_print(&sum, 0, expected);
        ask("sum(x)", "i.csv", strcat(expected, "\n"));
    }
}

static void sums_of_decimals_have_all_their_digits(void)
{
    struct unit_random random = {12};

    for (int scale = 1; scale <= 18; scale += scale < 3 ? 1 : 5) {
        struct integer sum = {{0}};
        char expected[2000], digits[64];
        FILE *file = create("d.csv");
        fputs("x,y\n", file);
        for (int row = 0; row < ROWS; row++) {
            int64_t value = (int64_t)(unit_random_next(&random) % 1000000000000000000u);
            struct integer one = {{0}};
            if (row % 7 == 3)
                value %= 1000;
            if (row % 2)
                value = -value;
            integer_add_i64(&sum, value);
            integer_add_i64(&one, value);
            integer_print(&one, scale, digits);
            fprintf(file, "%s,0\n", digits);
        }
        fclose(file);
        integer_print(&sum, scale, expected);
        ask("sum(x)", "d.csv", strcat(expected, "\n"));
    }
}

static double draw_double(struct unit_random *random, int round)
{
    double value = ldexp((double)(unit_random_next(random) >> 11), -53);

    switch (round) {
    case 0: /* alike */
        return value - 0.5;
    case 1: /* of all sizes, far apart */
        return ldexp(value - 0.5, (int)unit_random_below(random, 600) - 300);
    case 2: /* tiny ones, subnormal ones among them */
        return ldexp(value - 0.5, -1030 - (int)unit_random_below(random, 40));
    default: /* large ones that cancel, with small ones between */
        return unit_random_below(random, 2) ? ldexp(1, 60) * (unit_random_below(random, 2) ? 1 : -1)
                                            : value;
    }
}

static void sums_of_doubles_are_rounded_once(void)
{
    struct unit_random random = {13};

    for (int round = 0; round < 4; round++)
        for (int again = 0; again < 3; again++) {
            struct integer sum = {{0}};
            FILE *file = create("f.csv");
            fputs("x,y\n", file);
            for (int row = 0; row < ROWS; row++) {
                double value = draw_double(&random, round);
                integer_add_f64(&sum, value);
                fprintf(file, "%.17g,0\n", value);
            }
            fclose(file);
            double expected = integer_round(&sum);
            for (int size = 500; size < 200000; size *= 20) {
                struct shell_result r =
                    shell("sheaf group '' 'sum(x)' f.csv --schema x:f64 -j 2 --shard-size %d "
                          "| tail -n 1",
                          size);
                double got = strtod(r.out, NULL);
                CU_ASSERT_EQUAL(r.code, 0);
                CU_ASSERT(memcmp(&got, &expected, sizeof got) == 0);
                if (got != expected)
                    printf("\nround %d: %.17g, expected %.17g\n", round, got, expected);
            }
        }
}

/* With 2^k values a mean has the bits of the sum. */
static void means_are_rounded_once(void)
{
    struct unit_random random = {14};
    struct integer sum = {{0}};
    FILE *file = create("m.csv");

    fputs("x,y\n", file);
    for (int row = 0; row < 4096; row++) {
        double value = draw_double(&random, 1);
        integer_add_f64(&sum, value);
        fprintf(file, "%.17g,0\n", value);
    }
    fclose(file);
    double expected = ldexp(integer_round(&sum), -12);
    struct shell_result r =
        shell("sheaf group '' 'mean(x)' m.csv --schema x:f64 --shard-size 3000 | tail -n 1");
    CU_ASSERT_EQUAL(r.code, 0);
    CU_ASSERT_EQUAL(strtod(r.out, NULL), expected);
    SHELL_EXPECT(shell("(echo x,y; for i in 1 2 3; do echo 0.1,0; done) > t.csv; "
                       "sheaf group '' 'sum(x) mean(x)' t.csv"),
                 0, "sum(x),mean(x)\n0.3,0.1\n");
    SHELL_EXPECT(
        shell(
            "(echo x,y; echo 9007199254740993,0; echo 9007199254740993,0; echo 9007199254740992,0) "
            "> t.csv; sheaf group '' 'sum(x) mean(x)' t.csv"),
        0, "sum(x),mean(x)\n27021597764222978,9007199254740992\n");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(sums_of_integers_have_all_their_digits),
        UNIT(sums_of_decimals_have_all_their_digits),
        UNIT(sums_of_doubles_are_rounded_once),
        UNIT(means_are_rounded_once),
        {0},
    };

    shell_begin();
    int failed = unit_run("exact", tests);
    shell_end();
    return failed;
}
