/*
 * values.c - how long does one field, or one value, take?
 *
 * Question: what do the column loops cost per field, per instruction set, on
 * fields as they come in real files, against strtod and a plain loop; and exact sums
 * against naive ones.  One core; data in the second-level cache; the median of
 * several rounds, and the spread between the quickest and the slowest.
 *
 *     bench_values [rounds]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "column/columns.h"
#include "column/evidence.h"
#include "column/format.h"
#include "kernel/hash.h"
#include "kernel/lanes.h"
#include <sheaf/kernels.h>

enum { FIELDS = 4096, GUARD = 64, REPEATS = 50, ROUNDS_MAX = 101 };

static char bytes[FIELDS * 40 + 2 * GUARD];
static uint32_t begin[FIELDS], end[FIELDS];
static int64_t integers[FIELDS];
static double doubles[FIELDS], others[FIELDS];
static uint64_t present[FIELDS / 64], odd[FIELDS / 64];
static volatile uint64_t sink;
static const struct sheaf_column_parsers *parsers;
static const struct sheaf_lanes *lanes;
static int rounds = 11;

static uint64_t next_random(void)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return sheaf_hash_u64(state, 0);
}

static void make_fields(int (*make)(char *to))
{
    uint32_t size = GUARD;

    for (int i = 0; i < FIELDS; i++) {
        begin[i] = size;
        size += (uint32_t)make(bytes + size);
        end[i] = size;
        bytes[size++] = ',';
    }
}

static int make_small_integer(char *to)
{
    return sprintf(to, "%d", (int)(next_random() % 100));
}

static int make_integer(char *to)
{
    uint64_t limit = 10;

    for (uint64_t digits = next_random() % 9; digits > 0; digits--)
        limit *= 10;
    return sprintf(to, "%lld", (long long)(next_random() % limit));
}

static int make_temperature(char *to)
{
    return sprintf(to, "%.1f", (double)(int)(next_random() % 1998) / 10 - 99.9);
}

static int make_money(char *to)
{
    return sprintf(to, "%.2f", (double)(next_random() % 100000) / 100);
}

static int make_six_places(char *to)
{
    return sprintf(to, "%.6f", (double)(next_random() % 100000000) / 1e6);
}

static int make_full_double(char *to)
{
    return sprintf(to, "%.17g", (double)(next_random() >> 11) / 0x1p53);
}

static int make_date(char *to)
{
    uint64_t x = next_random();

    return sprintf(to, "%04d-%02d-%02d", 1990 + (int)(x % 40), 1 + (int)(x / 64 % 12),
                   1 + (int)(x / 1024 % 28));
}

static int make_time(char *to)
{
    uint64_t x = next_random();
    int size = make_date(to);

    return size + sprintf(to + size, " %02d:%02d:%02d", (int)(x % 24), (int)(x / 64 % 60),
                          (int)(x / 8192 % 60));
}

/* -- what is measured -----------------------------------------------------------------------------
 */

static void run_i64(void)
{
    sink += parsers->i64(bytes, begin, end, FIELDS, integers, present, odd);
}

static void run_decimal_1(void)
{
    sink += parsers->decimal(bytes, begin, end, FIELDS, 1, integers, present, odd);
}

static void run_decimal_2(void)
{
    sink += parsers->decimal(bytes, begin, end, FIELDS, 2, integers, present, odd);
}

static void run_decimal_6(void)
{
    sink += parsers->decimal(bytes, begin, end, FIELDS, 6, integers, present, odd);
}

static void run_f64(void)
{
    sink += parsers->f64(bytes, begin, end, FIELDS, doubles, present, odd);
}

static void run_strtod(void)
{
    for (int i = 0; i < FIELDS; i++)
        doubles[i] = strtod(bytes + begin[i], NULL);
}

static void run_strtoll(void)
{
    for (int i = 0; i < FIELDS; i++)
        integers[i] = strtoll(bytes + begin[i], NULL, 10);
}

static void run_date(void)
{
    sink += sheaf_parse_date(bytes, begin, end, FIELDS, (int32_t *)integers, present, odd);
}

static void run_time(void)
{
    sink += sheaf_parse_time(bytes, begin, end, FIELDS, false, integers, present, odd);
}

static void run_evidence(void)
{
    struct sheaf_evidence evidence = {0};

    for (int i = 0; i < FIELDS; i++)
        sheaf_evidence_add(&evidence, bytes + begin[i], end[i] - begin[i], false);
    sink += evidence.excluded;
}

static void run_evidence_fields(void)
{
    struct sheaf_evidence evidence = {0};

    sheaf_evidence_add_fields(&evidence, bytes, begin, end, FIELDS);
    sink += evidence.excluded;
}

static void run_format(void)
{
    char to[SHEAF_FORMAT_MAX];

    for (int i = 0; i < FIELDS; i++)
        sink += sheaf_format_value((sheaf_kind){SHEAF_F64, 0}, &others[i], to);
}

static void run_printf(void)
{
    char to[SHEAF_FORMAT_MAX];

    for (int i = 0; i < FIELDS; i++)
        sink += (uint64_t)snprintf(to, sizeof to, "%.17g", others[i]);
}

static void run_hash(void)
{
    uint64_t all = 0;

    for (int i = 0; i < FIELDS; i++)
        all ^= sheaf_hash_bytes(bytes + begin[i], end[i] - begin[i], 0);
    sink += all;
}

static void run_naive_sum(void)
{
    double sum = 0;

    for (int i = 0; i < FIELDS; i++)
        sum += others[i];
    sink += (uint64_t)sum;
}

static void run_sum(void)
{
    sink += (uint64_t)lanes->sum_f64(others, FIELDS);
}

static void run_min(void)
{
    sink += (uint64_t)lanes->min_f64(others, FIELDS);
}

static void run_sum_i64(void)
{
    sink += (uint64_t)lanes->sum_i64(integers, FIELDS);
}

static void run_exact(void)
{
    sheaf_exact sum = {.flags = 0};
    sheaf_heap heap = {0};

    sheaf_exact_add(&sum, &heap, others, FIELDS);
    sink += (uint64_t)sheaf_exact_round(&sum, &heap);
    sheaf_heap_free(&heap);
}

static void run_exact_in(size_t step)
{
    sheaf_exact sum = {.flags = 0};
    sheaf_heap heap = {0};

    for (size_t i = 0; i < FIELDS; i += step)
        sheaf_exact_add(&sum, &heap, others + i, step);
    sink += (uint64_t)sheaf_exact_round(&sum, &heap);
    sheaf_heap_free(&heap);
}

static void run_exact_one_by_one(void)
{
    run_exact_in(1);
}

static void run_exact_by_16(void)
{
    run_exact_in(16);
}

static void run_exact_by_32(void)
{
    run_exact_in(32);
}

static void run_exact_by_64(void)
{
    run_exact_in(64);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void measure(const char *what, const char *how, void (*run)(void))
{
    double ns[ROUNDS_MAX];

    run();
    for (int round = 0; round < rounds; round++) {
        int64_t start = sheaf_clock_ns();
        for (int i = 0; i < REPEATS; i++)
            run();
        ns[round] = (double)(sheaf_clock_ns() - start) / REPEATS / FIELDS;
    }
    qsort(ns, (size_t)rounds, sizeof ns[0], compare);
    printf("%-34s %-9s %7.2f ns   %.2f - %.2f\n", what, how, ns[rounds / 2], ns[0], ns[rounds - 1]);
}

static void measure_fields(const char *what, int (*make)(char *to), void (*run)(void),
                           void (*baseline)(void))
{
    make_fields(make);
    for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX2; isa++)
        if (sheaf_cpu_isa_runs((enum sheaf_isa)isa)) {
            parsers = sheaf_column_parsers_for((enum sheaf_isa)isa);
            measure(what, sheaf_cpu_isa_name((enum sheaf_isa)isa), run);
        }
    if (baseline)
        measure(what, "libc", baseline);
}

static void measure_arrays(void)
{
    for (int i = 0; i < FIELDS; i++)
        others[i] = (double)(int64_t)(next_random() % 20000000) / 1000 - 1e4;
    measure("sum of f64", "naive", run_naive_sum);
    for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
        if (sheaf_cpu_isa_runs((enum sheaf_isa)isa)) {
            const char *name = sheaf_cpu_isa_name((enum sheaf_isa)isa);
            lanes = sheaf_lanes_for((enum sheaf_isa)isa);
            measure("sum of f64 in lanes", name, run_sum);
            measure("min of f64", name, run_min);
            measure("sum of i64", name, run_sum_i64);
        }
    measure("exact sum", "best", run_exact);
    measure("exact sum, 64 at a time", "best", run_exact_by_64);
    measure("exact sum, 32 at a time", "best", run_exact_by_32);
    measure("exact sum, 16 at a time", "best", run_exact_by_16);
    measure("exact sum, one by one", "best", run_exact_one_by_one);
    for (int i = 0; i < FIELDS; i++)
        others[i] = ldexp(others[i], (int)(next_random() % 50));
    measure("exact sum, wide range", "best", run_exact);
    for (int i = 0; i < FIELDS; i++)
        others[i] = ldexp(others[i], (int)(next_random() % 1200) - 600);
    measure("exact sum, any range", "best", run_exact);
}

int main(int count, char **arguments)
{
    if (count > 1 && (rounds = atoi(arguments[1])) < 1)
        rounds = 1;
    if (rounds > ROUNDS_MAX)
        rounds = ROUNDS_MAX;
    printf("%-34s %-9s %10s   %s\n", "per field or value", "how", "median", "range");
    measure_fields("i64, 1 to 2 digits", make_small_integer, run_i64, run_strtoll);
    measure_fields("i64, 1 to 9 digits", make_integer, run_i64, run_strtoll);
    measure_fields("decimal(1), -99.9 to 99.9", make_temperature, run_decimal_1, run_strtod);
    measure_fields("decimal(2), up to 999.99", make_money, run_decimal_2, run_strtod);
    measure_fields("decimal(6), up to 99.999999", make_six_places, run_decimal_6, run_strtod);
    measure("evidence of decimals, one by one", "", run_evidence);
    measure("evidence of decimals", "", run_evidence_fields);
    measure("hash of 8 to 9 bytes", "", run_hash);
    measure_fields("f64, -99.9 to 99.9", make_temperature, run_f64, run_strtod);
    measure_fields("f64, up to 99.999999", make_six_places, run_f64, run_strtod);
    memcpy(others, doubles, sizeof others);
    measure("print f64, 8 digits", "", run_format);
    measure_fields("f64, 17 digits", make_full_double, run_f64, run_strtod);
    memcpy(others, doubles, sizeof others);
    measure("print f64, 17 digits", "", run_format);
    measure("print f64, 17 digits", "libc", run_printf);
    measure_fields("date", make_date, run_date, NULL);
    measure_fields("time", make_time, run_time, NULL);
    measure_arrays();
    return 0;
}
