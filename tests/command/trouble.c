/* trouble.c - when things go wrong: the code, the message, the remedy, and nothing left behind */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/shell.h"

/* An operator of one column that does something terrible in row 777. */
static void write_operator(const char *name, const char *terrible)
{
    char path[64], text[2048];

    snprintf(path, sizeof path, "%s.c", name);
    snprintf(
        text, sizeof text,
        "#include <sheaf/operator.h>\n"
        "#include <stdlib.h>\n"
        "#include <unistd.h>\n"
        "struct seen { int64_t rows; };\n"
        "static void fold(void *state, const sheaf_batch *batch)\n"
        "{\n"
        "    struct seen *seen = state;\n"
        "    for (size_t r = 0; r < batch->rows; r++) {\n"
        "        if (batch->columns[0].i64[r] == 777)\n"
        "            %s\n"
        "        seen->rows++;\n"
        "    }\n"
        "}\n"
        "static void combine(void *state, const void *later)\n"
        "{\n"
        "    ((struct seen *)state)->rows += ((const struct seen *)later)->rows;\n"
        "}\n"
        "SHEAF_OPERATOR(%s) = {.about = \"counts, and more\", .inputs = {{\"v\", SHEAF_I64}},\n"
        "    .outputs = {SHEAF_OUTPUT(struct seen, rows)}, .state_size = sizeof(struct seen),\n"
        "    .fold = fold, .combine = combine};\n",
        terrible, name);
    shell_file(path, text);
}

static void the_files_of_these_tests_are_made(void)
{
    SHELL_EXPECT(
        shell("(echo v,w; seq 1 2000 | sed 's/$/,x/') > v.csv; "
              "(echo v,w; seq 1 300000 | sed 's/$/,x/') > large.csv; echo old > answer.csv"),
        0, "");
    write_operator("crash", "*(volatile int *)0 = 1;");
    write_operator("stop", "abort();");
    write_operator("refuse", "sheaf_fail(batch, r, \"%d is not liked\", 777);");
    write_operator("leave", "exit(0);");
    write_operator("loop", "for (volatile int i = 1; i;) { }");
    write_operator("slow", "{ } if (r == 0) usleep(100000);");
    write_operator("wrong", "undeclared_thing = 1;");
    /* Compiled now, so that what comes later takes no time for it. */
    SHELL_EXPECT(shell("for o in crash stop refuse leave loop slow; do sheaf describe $o.c; done | "
                       "grep -c counts"),
                 0, "6\n");
}

/* After each failure: the destination is what it was, no other file, no process, no memory. */
static void nothing_is_left_at(int files, const char *file, int line)
{
    struct shell_result r = shell("cat answer.csv");
    const char *leak = shell_leaks();
    int left = shell_file_count() - files;

    if (leak || left || strcmp(r.out, "old\n") != 0)
        printf("\n%s:%d: %s, %d more files, the destination has %s\n", file, line,
               leak ? leak : "no leak", left, r.out);
    CU_ASSERT_PTR_NULL(leak);
    CU_ASSERT_EQUAL(left, 0);
    CU_ASSERT_STRING_EQUAL(r.out, "old\n");
}
#define NOTHING_IS_LEFT(files) nothing_is_left_at(files, __FILE__, __LINE__)

/* "sheaf: WHERE: WHAT (CODE)", then at most five lines of help, two of them the record's. */
static bool has_the_shape(const char *text)
{
    const char *end = strchr(text, '\n');
    const char *code = strstr(text, "(E");
    int lines = 0;

    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    for (const char *at = end ? end + 1 : text; *at; at = strchr(at, '\n') + 1)
        if (strncmp(at, "  ", 2) != 0)
            return false;
    return strncmp(text, "sheaf: ", 7) == 0 && end && code && code < end && lines <= 6;
}

/* -- each class
 * ------------------------------------------------------------------------------------ */

static void every_message_has_one_shape(void)
{
    static const struct {
        int code;
        const char *command;
    } cases[] = {
        {2, "sheaf count missing.csv"},
        {2, "sheaf count"},
        {2, "sheaf nothing"},
        {2, "sheaf count v.csv --nothing"},
        {2, "sheaf count v.csv --by x"},
        {2, "sheaf where 'x > ' v.csv"},
        {2, "sheaf where 'w > 3' v.csv"},
        {2, "sheaf group v 'mean(w)' v.csv"},
        {2, "sheaf group v 'men(v)' v.csv"},
        {2, "sheaf where 'v > 3' then nothing v.csv"},
        {2, "sheaf where 'v > 3' then"},
        {2, "sheaf sort v v.csv"},
        {2, "sheaf run v.csv"},
        {2, "sheaf run sum v.csv"},
        {2, "sheaf run nothing.c v.csv"},
        {2, "sheaf describe"},
        {2, "sheaf gen nothing"},
        {2, "sheaf count v.csv -o v.csv"},
        {2, "SHEAF_ISA=nothing sheaf count v.csv"},
        {2, "SHEAF_CHAOS=nothing sheaf count v.csv"},
        {3, "sheaf count v.csv > /dev/full"},
        {3, "sheaf records v.csv > /dev/full"},
        {3, "sheaf schema v.csv > /dev/full"},
        {3, "sheaf help > /dev/full"},
        {3, "sheaf gen 1brc -n 10 > /dev/full"},
        {3, "sheaf head v.csv -o /dev/full"},
        {3, "sheaf count v.csv -o nofolder/answer.csv"},
        {3, "sheaf count v.csv -o /"},
        {4, "sheaf run crash.c v.csv -o answer.csv"},
        {4, "sheaf run refuse.c v.csv -o answer.csv"},
        {5, "sheaf run sum v.csv --bind value=w --schema w:i64 -o answer.csv"},
        {6, "sheaf count v.csv --by v --memory 1k -o answer.csv"},
        {7, "sheaf run ./v.so v.csv"},
        {7, "sheaf run wrong.c v.csv -o answer.csv"},
        {124, "sheaf run loop.c v.csv --timeout 1 -o answer.csv"},
    };
    int files;

    shell_file("v.so", "this is no shared object");
    files = shell_file_count();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shell_result r = shell("%s", cases[i].command);
        bool good = r.code == cases[i].code && r.out_size == 0 && has_the_shape(r.err);
        if (!good)
            printf("\n%s: exit code %d, expected %d, and\n%s", cases[i].command, r.code,
                   cases[i].code, r.err);
        CU_ASSERT(good);
        NOTHING_IS_LEFT(files);
    }
}

/* -- plan and output
 * ------------------------------------------------------------------------------- */

static void a_wrong_word_gets_a_remedy(void)
{
    SHELL_REFUSED(shell("sheaf count v.cvs"), 2, "v.cvs", "No such file");
    SHELL_REFUSED(shell("sheaf where 'u > 1' v.csv"), 2, "there is no column \"u\"", "E202", "v");
    SHELL_REFUSED(shell("sheaf run sum v.csv"), 2, "value", "--bind value=COLUMN", "v, w");
    SHELL_REFUSED(shell("sheaf run hist v.csv --bind value=v"), 2, "low");
    SHELL_REFUSED(shell("sheaf where 'v > 1'"), 2, "no file given", "E109", "standard input");
    SHELL_REFUSED(shell("sheaf head v.csv --time --onbadrow skip"), 2, "--onbadrow");
}

static void an_output_that_is_an_input_is_refused(void)
{
    SHELL_REFUSED(
        shell("cp v.csv own.csv; ln -s own.csv alias.csv; sheaf count own.csv -o alias.csv"), 2,
        "the output is one of the inputs");
    SHELL_REFUSED(shell("ln own.csv hard.csv; sheaf head own.csv -o hard.csv"), 2,
                  "the output is one");
    SHELL_EXPECT(shell("cmp v.csv own.csv && rm own.csv alias.csv hard.csv"), 0, "");
}

static void a_folder_that_takes_no_file_is_reported(void)
{
    if (geteuid() == 0) {
        SHELL_REFUSED(shell("sheaf count v.csv -o /proc/answer.csv"), 3, "/proc/answer.csv",
                      "E301");
        return;
    }
    SHELL_REFUSED(
        shell("mkdir -p closed; chmod 555 closed; sheaf count v.csv -o closed/answer.csv"), 3,
        "closed/answer.csv", "E301");
    SHELL_EXPECT(shell("rmdir closed"), 0, "");
}

static void a_full_device_is_reported(void)
{
    int files = shell_file_count();

    SHELL_REFUSED(shell("sheaf where 'v > 0' large.csv > /dev/full"), 3, "No space left", "E301");
    SHELL_REFUSED(shell("sheaf count v.csv --by v -o nofolder/x --rejects bad.csv"), 3, "nofolder");
    NOTHING_IS_LEFT(files);
}

static void the_reader_of_stdout_may_leave(void)
{
    int files = shell_file_count();

    for (int i = 0; i < 3; i++) {
        struct shell_result r =
            shell("{ sheaf %s; echo $? > code; } | head -n 1; cat code; rm code",
                  i == 0   ? "where 'v > 0' large.csv"
                  : i == 1 ? "records large.csv"
                           : "gen 1brc -n 1000000 --header");
        CU_ASSERT(r.out_size > 4 && strcmp(r.out + r.out_size - 4, "141\n") == 0);
        CU_ASSERT_STRING_EQUAL(r.err, "");
        NOTHING_IS_LEFT(files);
    }
}

/* -- operators
 * ------------------------------------------------------------------------------------- */

static void a_crash_is_told_with_its_record(void)
{
    static const char *const ways[] = {"",       "-j 1",        "-j 2 --shard-size 1000",
                                       "--by w", "--retries 0", "-j 3 --shard-size 64"};
    int files = shell_file_count();

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i], "--retries 0") != 0) /* without attempts nothing is narrowed down */
            SHELL_REFUSED(shell("sheaf run crash.c v.csv %s -o answer.csv", ways[i]), 4,
                          "v.csv:778: crash", "signal 11", "E414, byte 4552", "778 | 777,x",
                          "where");
        else
            SHELL_REFUSED(shell("sheaf run crash.c v.csv %s", ways[i]), 4, "v.csv", "signal 11",
                          "E414");
        NOTHING_IS_LEFT(files);
    }
    SHELL_REFUSED(shell("sheaf run stop.c v.csv"), 4, "v.csv:778: stop", "signal 6", "byte 4552");
    SHELL_REFUSED(shell("sheaf run leave.c v.csv -o answer.csv"), 4, "v.csv:778: leave",
                  "it left the process");
    SHELL_EXPECT(shell("sheaf where 'v != 777' then run crash.c v.csv"), 0, "rows\n1999\n");
    NOTHING_IS_LEFT(files);
}

static void a_refusal_is_told_with_its_record_and_the_first_counts(void)
{
    int files = shell_file_count();

    SHELL_REFUSED(shell("sheaf run refuse.c v.csv -o answer.csv"), 4,
                  "v.csv:778: refuse: 777 is not liked", "E413, byte 4552");
    SHELL_EXPECT(shell("(cat v.csv; tail -n +2 v.csv) > twice.csv"), 0, "");
    for (int j = 1; j < 4; j++)
        SHELL_REFUSED(shell("sheaf run refuse.c twice.csv -j %d --shard-size 500", j), 4,
                      "twice.csv:778:");
    SHELL_REFUSED(shell("sheaf run refuse.c v.csv --inline"), 4, "v.csv:778: refuse");
    SHELL_EXPECT(shell("rm twice.csv"), 0, "");
    NOTHING_IS_LEFT(files);
}

static void an_operator_without_end_meets_the_deadline(void)
{
    int files = shell_file_count();

    SHELL_REFUSED(shell("sheaf run loop.c v.csv --timeout 1 -o answer.csv"), 124, "1000 ms");
    NOTHING_IS_LEFT(files);
}

static void an_operator_that_does_not_compile_or_fit_is_refused(void)
{
    int files = shell_file_count();

    SHELL_REFUSED(shell("sheaf run wrong.c v.csv"), 7, "wrong.c:10:", "undeclared_thing", "E704");
    shell_file("other.c", "#include <sheaf/operator.h>\n"
                          "#undef SHEAF_OPERATOR_ABI\n"
                          "#define SHEAF_OPERATOR_ABI 99\n"
                          "static void fold(void *s, const sheaf_batch *b) { (void)s; (void)b; }\n"
                          "static void combine(void *s, const void *l) { (void)s; (void)l; }\n"
                          "struct n { int64_t n; };\n"
                          "SHEAF_OPERATOR(other) = {.outputs = {SHEAF_OUTPUT(struct n, n)},\n"
                          "    .state_size = 8, .fold = fold, .combine = combine};\n");
    SHELL_REFUSED(shell("cc -shared -fPIC -I%s/framework/include other.c -o other.so && "
                        "sheaf run ./other.so v.csv",
                        SHELL_SOURCE),
                  7, "other.so", "99");
    shell_file("none.c", "int nothing;\n");
    SHELL_REFUSED(shell("sheaf run none.c v.csv"), 7, "none", "SHEAF_OPERATOR");
    SHELL_EXPECT(shell("rm other.c other.so none.c"), 0, "");
    NOTHING_IS_LEFT(files);
}

/* -- signals and change --------------------------------------------------------------------------
 */

static void a_signal_ends_everything(void)
{
    static const struct {
        const char *kills;
        int code;
    } cases[] = {
        {"kill -TERM $pid", 143},
        {"kill -INT $pid", 130},
        {"kill -HUP $pid", 129},
        {"kill -INT $pid; kill -INT $pid", 130},
        {"kill -INT $pid; sleep 0.1; kill -INT $pid 2>/dev/null", 130},
        {"kill -KILL $pid", 137},
    };
    int files = shell_file_count();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shell_result r =
            shell("sheaf run slow.c large.csv --shard-size 20k -j 2 -o answer.csv & pid=$!; "
                  "sleep 0.4; %s; wait $pid",
                  cases[i].kills);
        CU_ASSERT_EQUAL(r.code, cases[i].code);
        NOTHING_IS_LEFT(files);
    }
}

static void an_input_that_changes_is_noticed(void)
{
    static const char *const changes[] = {"truncate -s 100 changing.csv",
                                          "truncate -s 0 changing.csv", "echo 9,y >> changing.csv"};
    static const char *const ways[] = {"-j 2", "--inline -q --shard-size 64M"};
    int files = shell_file_count();

    for (size_t i = 0; i < 2 * sizeof changes / sizeof changes[0]; i++) {
        SHELL_REFUSED(
            shell("cp large.csv changing.csv; sheaf run slow.c changing.csv --shard-size 20k %s "
                  "-o answer.csv & pid=$!; sleep 0.4; %s; wait $pid; code=$?; rm changing.csv; "
                  "exit $code",
                  ways[i % 2], changes[i / 2]),
            5, "changing.csv", "changed while it was read", "E406");
        NOTHING_IS_LEFT(files);
    }
}

/* The workers, and the fork server that they are born from. */
static void killing_all_children_costs_a_retry(void)
{
    struct shell_result whole = shell("sheaf run slow.c large.csv --shard-size 20k -j 2");
    char *expected = strdup(whole.out);
    int files = shell_file_count();

    CU_ASSERT_EQUAL(whole.code, 0);
    struct shell_result killed =
        shell("sheaf run slow.c large.csv --shard-size 20k -j 2 & pid=$!; sleep 0.2; "
              "kill -KILL $(cat /proc/$pid/task/$pid/children); wait $pid");
    SHELL_EXPECT(killed, 0, expected);
    CU_ASSERT(strstr(killed.err, "died") != NULL);
    free(expected);
    NOTHING_IS_LEFT(files);
}

static void closed_descriptors_do_no_harm(void)
{
    SHELL_EXPECT(shell("sheaf count v.csv -o other.csv <&- >&- 2>&-; cat other.csv; rm other.csv"),
                 0, "count\n2000\n");
    CU_ASSERT_EQUAL(shell("sheaf count v.csv >&-").code, 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(the_files_of_these_tests_are_made),
        UNIT(every_message_has_one_shape),
        UNIT(a_wrong_word_gets_a_remedy),
        UNIT(an_output_that_is_an_input_is_refused),
        UNIT(a_folder_that_takes_no_file_is_reported),
        UNIT(a_full_device_is_reported),
        UNIT(the_reader_of_stdout_may_leave),
        UNIT(a_crash_is_told_with_its_record),
        UNIT(a_refusal_is_told_with_its_record_and_the_first_counts),
        UNIT(an_operator_without_end_meets_the_deadline),
        UNIT(an_operator_that_does_not_compile_or_fit_is_refused),
        UNIT(a_signal_ends_everything),
        UNIT(an_input_that_changes_is_noticed),
        UNIT(killing_all_children_costs_a_retry),
        UNIT(closed_descriptors_do_no_harm),
        {0},
    };

    shell_begin();
    int failed = unit_run("trouble", tests);
    shell_end();
    return failed;
}
