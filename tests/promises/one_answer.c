/* one_answer.c - the same bytes, however the work is divided and whoever does it */
#include <stdlib.h>
#include <string.h>

#include "command/shell.h"

/* -j and the executor, at the shard size that the data choose. */
static const char *const workers[] = {"-j 1", "-j 2", "-j 3", "-j 7", "--inline"};
/* Shard sizes, with some of the above. */
static const char *const cuts[] = {"-j 2 --shard-size 999", "-j 3 --shard-size 4k",
                                   "-j 7 --shard-size 65537", "-j 2 --shard-size 1M",
                                   "--inline --shard-size 5000"};
static const char *const sets[] = {"scalar", "avx2", "avx512"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Built-in operators are exact: the answer does not even depend on where shards are cut. */
static const char *const questions[] = {
    "stats taxi.csv",
    "group payment,vendor 'sum(total) mean(distance) min(pickup_at) max(comment) count()' taxi.csv",
    "where 'tip > fare / 5 and comment is not missing' taxi.csv",
    "select 'vendor, total - tip as net, hour(pickup_at) as h' then head -n 700 taxi.csv -f jsonl",
    "freq pickup_zone,dropoff_zone taxi.csv",
    "group id3 'sum(v1) mean(v3) distinct(id6) first(v2) last(v3)' h2o.csv",
    "group id1,id2 'moments(v3)' h2o.csv --sort '-moments(v3).mean'",
    "hist v3 h2o.csv --set bins=7",
    "group c1 'min(c2) mean(c2) max(c2)' measurements.csv --no-header -d ';'",
    "stats nasty.csv --on-bad-row skip",
    "where 'id % 3 == 1' nasty.csv --on-bad-row null",
    "freq note nasty.csv --on-bad-row skip -f json",
    "run words count nasty.csv --bind text=note --by word --on-bad-row skip",
    "stats numbers.csv",
};

static void data_is_made(void)
{
    SHELL_EXPECT(
        shell("sheaf gen taxi -n 3000 --seed 7 -o taxi.csv && sheaf gen h2o -n 20000 -o h2o.csv && "
              "sheaf gen 1brc -n 20000 -o measurements.csv && "
              "sheaf gen nasty -n 4000 -o nasty.csv && sheaf gen numbers -n 1000 -o numbers.csv"),
        0, "");
}

static void the_answer_is_the_same_with(const char *const *ways, size_t count)
{
    for (size_t q = 0; q < COUNT(questions); q++) {
        struct shell_result first = shell("sheaf %s -q", questions[q]);
        CU_ASSERT(first.out_size > 10);
        char *expected = strdup(first.out);
        SHELL_EXPECT(first, 0, NULL);
        for (size_t i = 0; i < count; i++)
            SHELL_EXPECT(shell("sheaf %s -q %s", questions[q], ways[i]), 0, expected);
        free(expected);
    }
    CU_ASSERT_PTR_NULL(shell_leaks());
}

static void any_number_of_workers_gives_one_answer(void)
{
    the_answer_is_the_same_with(workers, COUNT(workers));
}

static void any_shard_size_gives_one_answer(void)
{
    the_answer_is_the_same_with(cuts, COUNT(cuts));
}

static void any_instruction_set_gives_one_answer(void)
{
    for (size_t q = 0; q < COUNT(questions); q++) {
        struct shell_result first = shell("sheaf %s -q", questions[q]);
        char *expected = strdup(first.out);
        SHELL_EXPECT(first, 0, NULL);
        for (size_t i = 0; i < COUNT(sets); i++) {
            struct shell_result other =
                shell("SHEAF_ISA=%s sheaf %s -q -j 3 --shard-size 10k", sets[i], questions[q]);
            if (i > 0 && other.code == 2 && strstr(other.err, sets[i]))
                continue; /* not on this machine */
            SHELL_EXPECT(other, 0, expected);
        }
        free(expected);
    }
}

/* A user's sum of doubles depends on data and shard size; on nothing else. */
static void a_users_operator_gives_one_answer_for_each_shard_size(void)
{
    static const char *const sizes[] = {"5k", "64k", "1M"};

    for (size_t s = 0; s < COUNT(sizes); s++) {
        const char *total = SHELL_SOURCE "/apps/total/total.c";
        struct shell_result first = shell(
            "sheaf run %s h2o.csv --bind amount=v3 --by id1 --shard-size %s", total, sizes[s]);
        char *expected = strdup(first.out);
        SHELL_EXPECT(first, 0, NULL);
        for (size_t i = 0; i < COUNT(workers); i++)
            SHELL_EXPECT(shell("sheaf run %s h2o.csv --bind amount=v3 --by id1 --shard-size %s %s",
                               total, sizes[s], workers[i]),
                         0, expected);
        for (size_t i = 0; i < COUNT(sets); i++) {
            struct shell_result other =
                shell("SHEAF_ISA=%s sheaf run %s h2o.csv --bind amount=v3 --by id1 --shard-size %s",
                      sets[i], total, sizes[s]);
            if (i == 0 || other.code != 2)
                SHELL_EXPECT(other, 0, expected);
        }
        free(expected);
    }
}

/* Rejects, repairs and what is said about them are part of the answer. */
static void what_was_wrong_is_told_the_same_way(void)
{
    struct shell_result first =
        shell("sheaf count nasty.csv --by note --on-bad-row skip --schema id:i64,note:f64 "
              "--rejects bad0.csv");
    char *said = strdup(first.err), *expected = strdup(first.out);

    SHELL_EXPECT(first, 0, NULL);
    CU_ASSERT(strstr(said, "bad rows were left out") != NULL);
    for (size_t i = 0; i < COUNT(cuts); i++) {
        struct shell_result other =
            shell("sheaf count nasty.csv --by note --on-bad-row skip --schema "
                  "id:i64,note:f64 --rejects bad.csv %s && cmp bad0.csv bad.csv",
                  cuts[i]);
        SHELL_EXPECT(other, 0, expected);
        CU_ASSERT_STRING_EQUAL(other.err, said);
    }
    free(said);
    free(expected);
}

static void the_first_error_in_the_data_is_reported(void)
{
    struct shell_result first =
        shell("sheaf group '' 'sum(text)' nasty.csv --schema text:f64 --inline");
    char *said = strdup(first.err);

    CU_ASSERT_EQUAL(first.code, 5);
    for (size_t i = 0; i < COUNT(cuts); i++)
        for (int again = 0; again < 3; again++) {
            struct shell_result other =
                shell("sheaf group '' 'sum(text)' nasty.csv --schema text:f64 %s", cuts[i]);
            CU_ASSERT_EQUAL(other.code, 5);
            CU_ASSERT_STRING_EQUAL(other.err, said);
        }
    free(said);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(data_is_made),
        UNIT(any_number_of_workers_gives_one_answer),
        UNIT(any_shard_size_gives_one_answer),
        UNIT(any_instruction_set_gives_one_answer),
        UNIT(a_users_operator_gives_one_answer_for_each_shard_size),
        UNIT(what_was_wrong_is_told_the_same_way),
        UNIT(the_first_error_in_the_data_is_reported),
        {0},
    };

    shell_begin();
    int failed = unit_run("one answer", tests);
    shell_end();
    return failed;
}
