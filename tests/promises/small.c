/* small.c - the samples in datasets/small, and answers that were found without sheaf */
#include <stdio.h>
#include <stdlib.h>

#include "command/session.h"
#include "command/shell.h"

static void ask(const char *name, int questions)
{
    struct shell_result copy =
        shell("cp %s/datasets/small/%s.* . && chmod +w %s.*", SHELL_SOURCE, name, name);
    char path[64];

    SHELL_EXPECT(copy, 0, "");
    snprintf(path, sizeof path, "%s.expect", name);
    char *text = session_read(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(session_run(path, text), questions);
    free(text);
}

static void orders(void)
{
    ask("orders", 5);
}

static void notes(void)
{
    ask("notes", 2);
}

static void measurements(void)
{
    ask("measurements", 3);
}

static void ledger(void)
{
    ask("ledger", 4);
}

static void events(void)
{
    ask("events", 4);
}

static void nasty(void)
{
    ask("nasty", 5);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(orders), UNIT(notes), UNIT(measurements), UNIT(ledger), UNIT(events), UNIT(nasty), {0},
    };

    shell_begin();
    int failed = unit_run("small", tests);
    shell_end();
    return failed;
}
