/* ledger.c - what is held is never given out again, what is not held comes back */
#include <stdlib.h>
#include <string.h>

#include "execute/ledger.h"
#include "unit.h"

enum { FIRST = 16384, LIMIT = 1 << 20, PAGE = 4096 };

static void hold(struct sheaf_ledger *ledger, uint64_t offset, uint64_t size)
{
    sheaf_error error;

    UNIT_OK(sheaf_ledger_hold(ledger, offset, size, &error), &error);
}

static void empty_ledger_starts_at_the_bottom(void)
{
    struct sheaf_ledger ledger;
    struct sheaf_span gone;

    sheaf_ledger_init(&ledger, 16000, LIMIT);
    CU_ASSERT_EQUAL(sheaf_ledger_top(&ledger), 16000);
    CU_ASSERT(sheaf_ledger_is_empty(&ledger));
    CU_ASSERT_FALSE(sheaf_ledger_release(&ledger, 16000, 10, PAGE, &gone));
    sheaf_ledger_destroy(&ledger);
}

static void numbers_that_can_not_be_are_refused(void)
{
    static const struct {
        uint64_t offset, size;
    } bad[] = {{FIRST, 0},
               {FIRST + 1, 10},
               {FIRST - 64, 10},
               {FIRST, LIMIT},
               {LIMIT, 1},
               {LIMIT + 64, 1},
               {UINT64_MAX - 63, 64},
               {FIRST, UINT64_MAX},
               {FIRST, UINT64_MAX - FIRST + 1},
               {0, 64}};
    struct sheaf_ledger ledger;

    sheaf_ledger_init(&ledger, FIRST, LIMIT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(sheaf_ledger_hold(&ledger, bad[i].offset, bad[i].size, NULL),
                        SHEAF_BAD_DATA);
    hold(&ledger, FIRST, 100);
    CU_ASSERT_EQUAL(sheaf_ledger_hold(&ledger, FIRST + 64, 10, NULL), SHEAF_BAD_DATA);
    hold(&ledger, FIRST + 128, LIMIT - FIRST - 128);
    CU_ASSERT_EQUAL(sheaf_ledger_hold(&ledger, LIMIT, 1, NULL), SHEAF_BAD_DATA);
    sheaf_ledger_destroy(&ledger);
}

static void top_comes_down_to_the_next_held_extent(void)
{
    struct sheaf_ledger ledger;
    struct sheaf_span gone;

    sheaf_ledger_init(&ledger, FIRST, LIMIT);
    hold(&ledger, FIRST, 64);
    hold(&ledger, FIRST + 64, 64);
    hold(&ledger, FIRST + 128, 1);
    CU_ASSERT_EQUAL(sheaf_ledger_top(&ledger), FIRST + 192);
    CU_ASSERT(sheaf_ledger_release(&ledger, FIRST + 64, 64, PAGE, &gone));
    CU_ASSERT_EQUAL(sheaf_ledger_top(&ledger), FIRST + 192);
    CU_ASSERT_FALSE(sheaf_ledger_release(&ledger, FIRST + 64, 64, PAGE, &gone));
    CU_ASSERT_FALSE(sheaf_ledger_release(&ledger, FIRST + 128, 2, PAGE, &gone));
    CU_ASSERT(sheaf_ledger_release(&ledger, FIRST + 128, 1, PAGE, &gone));
    CU_ASSERT_EQUAL(sheaf_ledger_top(&ledger), FIRST + 64);
    CU_ASSERT(sheaf_ledger_release(&ledger, FIRST, 64, PAGE, &gone));
    CU_ASSERT_EQUAL(sheaf_ledger_top(&ledger), FIRST);
    sheaf_ledger_destroy(&ledger);
}

static void page_of_small_extents_is_given_back_with_the_last_of_them(void)
{
    struct sheaf_ledger ledger;
    struct sheaf_span gone;

    sheaf_ledger_init(&ledger, FIRST, LIMIT);
    for (int i = 0; i < 128; i++) /* two pages */
        hold(&ledger, FIRST + (uint64_t)i * 64, 64);
    for (int i = 0; i < 63; i++) {
        CU_ASSERT(sheaf_ledger_release(&ledger, FIRST + (uint64_t)i * 64, 64, PAGE, &gone));
        CU_ASSERT(gone.end <= FIRST + 63 * 64);
    }
    CU_ASSERT(sheaf_ledger_release(&ledger, FIRST + 63 * 64, 64, PAGE, &gone));
    CU_ASSERT_EQUAL(gone.begin, FIRST);
    CU_ASSERT_EQUAL(gone.end, FIRST + PAGE);
    sheaf_ledger_destroy(&ledger);
}

/* Against an array that says of each 64 bytes whether they are held. */
static void random_use_agrees_with_a_map_of_all_bytes(void)
{
    enum { CELLS = (LIMIT - FIRST) / 64, STEPS = 60000 };
    static int owner[CELLS];
    static struct {
        uint64_t offset, size;
        bool live;
    } extents[STEPS + 1];
    struct unit_random random = {42};
    struct sheaf_ledger ledger;
    struct sheaf_span gone;
    int made = 0, mistakes = 0;

    memset(owner, 0, sizeof owner);
    sheaf_ledger_init(&ledger, FIRST, LIMIT);
    for (int step = 0; step < STEPS; step++) {
        uint64_t top = sheaf_ledger_top(&ledger);
        for (uint64_t cell = (top - FIRST) / 64; cell < CELLS; cell++)
            mistakes += owner[cell] != 0;
        uint64_t size = 1 + unit_random_below(&random, step % 7 ? 700 : 20000);
        if (made < 1 || (unit_random_below(&random, 100) < 52 && size <= LIMIT - top)) {
            mistakes += sheaf_ledger_hold(&ledger, top, size, NULL) != SHEAF_OK;
            made++;
            extents[made].offset = top;
            extents[made].size = size;
            extents[made].live = true;
            for (uint64_t cell = (top - FIRST) / 64; cell * 64 + FIRST < top + size; cell++)
                owner[cell] = made;
            continue;
        }
        int low = made > 300 ? made - 300 : 0;
        int which = 1 + low + (int)unit_random_below(&random, (unsigned)(made - low));
        if (!extents[which].live)
            continue;
        mistakes +=
            !sheaf_ledger_release(&ledger, extents[which].offset, extents[which].size, PAGE, &gone);
        extents[which].live = false;
        for (int cell = 0; cell < CELLS; cell++)
            if (owner[cell] == which)
                owner[cell] = 0;
        mistakes += gone.begin > extents[which].offset || gone.end > top;
        for (uint64_t at = (gone.begin + 63) / 64 * 64; at < gone.end; at += 64)
            mistakes += owner[(at - FIRST) / 64] != 0;
    }
    CU_ASSERT_EQUAL(mistakes, 0);
    sheaf_ledger_destroy(&ledger);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(empty_ledger_starts_at_the_bottom),
        UNIT(numbers_that_can_not_be_are_refused),
        UNIT(top_comes_down_to_the_next_held_extent),
        UNIT(page_of_small_extents_is_given_back_with_the_last_of_them),
        UNIT(random_use_agrees_with_a_map_of_all_bytes),
        {0},
    };

    return unit_run("execute_ledger", tests);
}
