/* survives.c - workers killed at random moments: the answer does not change, and nothing is left */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/shell.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUNS 40 /* each takes ten times as long */
#else
#define RUNS 200
#endif

static const char *const questions[] = {
    "group c1 'min(c2) mean(c2) max(c2)' measurements.csv --no-header -d ';' --shard-size 40k",
    "group id3 'sum(v1) mean(v3)' h2o.csv --shard-size 20k",
    "where 'v1 == 3 and v2 > 7' h2o.csv --shard-size 20k",
    "stats h2o.csv --shard-size 50k",
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

static unsigned long deaths_told(const char *said)
{
    const char *note = strstr(said, " workers died");

    while (note && note > said && note[-1] != ' ')
        note--;
    return note ? strtoul(note, NULL, 10) : 0;
}

static void killed_workers_change_nothing(void)
{
    char *expected[QUESTIONS];
    unsigned long deaths = 0;
    int files;

    SHELL_EXPECT(
        shell("sheaf gen 1brc -n 100000 -o measurements.csv && sheaf gen h2o -n 20000 -o h2o.csv"),
        0, "");
    for (size_t q = 0; q < QUESTIONS; q++) {
        struct shell_result calm =
            shell("sheaf %s -o calm%zu.csv && cat calm%zu.csv", questions[q], q, q);
        SHELL_EXPECT(calm, 0, NULL);
        expected[q] = strdup(calm.out);
    }
    SHELL_EXPECT(shell("echo old > answer.csv"), 0, "");
    files = shell_file_count();
    for (int run = 0; run < RUNS; run++) {
        struct shell_result r =
            shell("SHEAF_CHAOS=%d:%d sheaf %s -j %d --retries 20 -o answer.csv && cat answer.csv",
                  run + 1, 100 + 40 * (run % 5), questions[(size_t)run % QUESTIONS], 2 + run % 3);
        SHELL_EXPECT(r, 0, expected[(size_t)run % QUESTIONS]);
        deaths += deaths_told(r.err);
        if (run % 20 == 0 || run == RUNS - 1) {
            CU_ASSERT_PTR_NULL(shell_leaks());
            CU_ASSERT_EQUAL(shell_file_count(), files);
        }
    }
    printf("%lu workers died in %d runs ... ", deaths, RUNS);
    CU_ASSERT(deaths > RUNS / 4);
    for (size_t q = 0; q < QUESTIONS; q++)
        free(expected[q]);
}

static void a_killed_coordinator_takes_everything_with_it(void)
{
    int files = shell_file_count();

    for (int run = 0; run < 10; run++) {
        struct shell_result r =
            shell("sheaf %s -j 3 -o answer.csv & pid=$!; sleep 0.0%d; kill -KILL $pid "
                  "2>/dev/null; wait $pid",
                  questions[(size_t)run % QUESTIONS], 1 + run % 5);
        CU_ASSERT(r.code == 137 || r.code == 0);
        CU_ASSERT_PTR_NULL(shell_leaks());
        CU_ASSERT_EQUAL(shell_file_count(), files);
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(killed_workers_change_nothing),
        UNIT(a_killed_coordinator_takes_everything_with_it),
        {0},
    };

    shell_begin();
    int failed = unit_run("survives", tests);
    shell_end();
    return failed;
}
