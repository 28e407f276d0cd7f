/* books.c - each task is settled exactly once, whatever comes in whatever order */
#include <string.h>

#include "execute/books.h"
#include "unit.h"

static void task_is_settled_by_its_present_ticket_only(void)
{
    struct sheaf_books books;
    sheaf_error error;

    UNIT_OK(sheaf_books_open(&books, 2, 3, 100, &error), &error);
    struct sheaf_entry *entry = sheaf_books_enter(&books);
    uint64_t first = sheaf_books_begin(&books, entry, 0);
    CU_ASSERT_PTR_NULL(sheaf_books_publish(&books, 0, first + 1));
    CU_ASSERT_PTR_NULL(sheaf_books_publish(&books, 1, first));
    CU_ASSERT_PTR_NULL(sheaf_books_publish(&books, 7, first));
    CU_ASSERT_PTR_NULL(sheaf_books_death(&books, 0, SHEAF_DEATH_KILLED));
    CU_ASSERT_PTR_NULL(sheaf_books_publish(&books, 0, first)); /* late, from the grave */
    CU_ASSERT_PTR_EQUAL(sheaf_books_retry(&books), entry);
    uint64_t second = sheaf_books_begin(&books, entry, 1);
    CU_ASSERT_PTR_NULL(sheaf_books_publish(&books, 1, first));
    CU_ASSERT_PTR_EQUAL(sheaf_books_publish(&books, 1, second), entry);
    CU_ASSERT_PTR_NULL(sheaf_books_publish(&books, 1, second)); /* twice */
    CU_ASSERT_EQUAL(entry->failures, 1);
    sheaf_books_settle(entry);
    CU_ASSERT_EQUAL(books.running + books.waiting, 0);
    sheaf_books_close(&books);
}

static void task_is_lost_after_its_retries_and_no_sooner(void)
{
    for (uint32_t retries = 0; retries < 4; retries++) {
        struct sheaf_books books;
        sheaf_error error;

        UNIT_OK(sheaf_books_open(&books, 1, retries, 1, &error), &error);
        struct sheaf_entry *entry = sheaf_books_enter(&books), *lost = NULL;
        for (uint32_t attempt = 0; attempt <= retries; attempt++) {
            CU_ASSERT_PTR_NULL(lost);
            CU_ASSERT_EQUAL(sheaf_books_careful(entry), attempt >= 2);
            sheaf_books_begin(&books, attempt ? sheaf_books_retry(&books) : entry, 0);
            /* Not begun is no failure, however often. */
            CU_ASSERT_PTR_NULL(sheaf_books_death(&books, 0, SHEAF_DEATH_UNBEGUN));
            sheaf_books_begin(&books, sheaf_books_retry(&books), 0);
            lost = sheaf_books_death(&books, 0, SHEAF_DEATH_CRASHED);
        }
        CU_ASSERT_PTR_EQUAL(lost, entry);
        CU_ASSERT_EQUAL(entry->failures, retries + 1);
        CU_ASSERT_PTR_NULL(sheaf_books_retry(&books));
        sheaf_books_close(&books);
    }
}

static void kills_from_outside_do_not_make_careful(void)
{
    struct sheaf_books books;
    sheaf_error error;

    UNIT_OK(sheaf_books_open(&books, 1, 9, 1, &error), &error);
    struct sheaf_entry *entry = sheaf_books_enter(&books);
    for (int i = 0; i < 5; i++) {
        sheaf_books_begin(&books, entry, 0);
        CU_ASSERT_PTR_NULL(sheaf_books_death(&books, 0, SHEAF_DEATH_KILLED));
        CU_ASSERT_FALSE(sheaf_books_careful(entry));
    }
    sheaf_books_close(&books);
}

static void retries_go_in_the_order_of_their_deaths(void)
{
    struct sheaf_books books;
    struct sheaf_entry *entries[3];
    sheaf_error error;

    UNIT_OK(sheaf_books_open(&books, 3, 3, 1, &error), &error);
    for (size_t i = 0; i < 3; i++)
        sheaf_books_begin(&books, entries[i] = sheaf_books_enter(&books), i);
    CU_ASSERT_PTR_NULL(sheaf_books_enter(&books));
    static const size_t order[] = {2, 0, 1};
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_PTR_NULL(sheaf_books_death(&books, order[i], SHEAF_DEATH_KILLED));
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_PTR_EQUAL(sheaf_books_retry(&books), entries[order[i]]);
        sheaf_books_begin(&books, sheaf_books_retry(&books), i);
    }
    sheaf_books_close(&books);
}

/*
 * A reference that only counts, against the books, under anything that can
 * happen: publications that are early, late, doubled or forged, deaths at any
 * point, with 1 to 5 slots and 0 to 3 retries.
 */
enum { TASKS = 200, SLOTS = 5 };

struct reference {
    int settled[TASKS], lost[TASKS], charged[TASKS];
    int task_of[SLOTS]; /* -1: idle */
    uint64_t ticket_of[SLOTS];
    uint64_t stale[64];
    size_t stales;
    int given, open;
};

static void settle(struct reference *reference, struct sheaf_books *books,
                   struct sheaf_entry *entry, bool lost)
{
    int task = (int)entry->task.id;

    reference->settled[task]++;
    reference->lost[task] += lost;
    reference->open--;
    sheaf_books_settle(entry);
    (void)books;
}

static int begin_something(struct reference *reference, struct sheaf_books *books, size_t slot)
{
    struct sheaf_entry *entry = sheaf_books_retry(books);

    if (reference->task_of[slot] >= 0)
        return 0;
    if (!entry) {
        if (reference->given == TASKS)
            return 0;
        entry = sheaf_books_enter(books);
        if (!entry)
            return 1;
        entry->task.id = (uint64_t)reference->given++;
        reference->open++;
    }
    reference->task_of[slot] = (int)entry->task.id;
    reference->ticket_of[slot] = sheaf_books_begin(books, entry, slot);
    return 0;
}

static int publish_something(struct reference *reference, struct sheaf_books *books, size_t slot,
                             struct unit_random *random)
{
    uint64_t ticket = reference->ticket_of[slot];
    bool present = reference->task_of[slot] >= 0;

    if (unit_random_below(random, 3) == 0) {
        present = false;
        ticket = unit_random_below(random, 2) ? unit_random_next(random) | (1ull << 63)
                                              : reference->stale[unit_random_below(random, 64)];
    }
    struct sheaf_entry *entry = sheaf_books_publish(books, slot, ticket);
    if (!present)
        return entry != NULL;
    if (!entry || (int)entry->task.id != reference->task_of[slot])
        return 1;
    reference->stale[reference->stales++ % 64] = ticket;
    reference->task_of[slot] = -1;
    settle(reference, books, entry, false);
    return 0;
}

static int kill_something(struct reference *reference, struct sheaf_books *books, size_t slot,
                          struct unit_random *random)
{
    enum sheaf_death death = (enum sheaf_death)unit_random_below(random, 3);
    int task = reference->task_of[slot];
    struct sheaf_entry *entry = sheaf_books_death(books, slot, death);

    if (task < 0)
        return entry != NULL;
    reference->stale[reference->stales++ % 64] = reference->ticket_of[slot];
    reference->task_of[slot] = -1;
    reference->charged[task] += death != SHEAF_DEATH_UNBEGUN;
    bool lost = reference->charged[task] > (int)books->retries;
    if (lost != (entry != NULL))
        return 1;
    if (lost)
        settle(reference, books, entry, true);
    return 0;
}

static int play(uint64_t seed, long *steps)
{
    struct unit_random random = {seed};
    size_t slots = 1 + unit_random_below(&random, SLOTS);
    uint32_t retries = unit_random_below(&random, 4);
    struct reference reference = {.given = 0};
    struct sheaf_books books;
    int mistakes = sheaf_books_open(&books, slots, retries, seed, NULL) != SHEAF_OK;

    for (size_t i = 0; i < SLOTS; i++)
        reference.task_of[i] = -1;
    while (!mistakes && (reference.given < TASKS || reference.open > 0)) {
        size_t slot = unit_random_below(&random, (unsigned)slots);
        switch (unit_random_below(&random, 5)) {
        case 0:
        case 1:
            mistakes += begin_something(&reference, &books, slot);
            break;
        case 2:
        case 3:
            mistakes += publish_something(&reference, &books, slot, &random);
            break;
        default:
            mistakes += kill_something(&reference, &books, slot, &random);
        }
        mistakes += books.running + books.waiting != (size_t)reference.open;
        ++*steps;
    }
    for (int task = 0; task < TASKS; task++)
        mistakes += reference.settled[task] != 1 ||
                    reference.lost[task] != (reference.charged[task] > (int)retries);
    sheaf_books_close(&books);
    return mistakes;
}

static void million_random_events_settle_each_task_exactly_once(void)
{
    long steps = 0;

    for (uint64_t seed = 1; steps < 1000000; seed++)
        CU_ASSERT_EQUAL_FATAL(play(seed, &steps), 0);
}

static void deaths_in_a_row_make_births_slower(void)
{
    struct sheaf_storm storm = {0};
    int64_t expected[] = {0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000};

    for (int i = 0; i < 10; i++) {
        sheaf_storm_death(&storm, i * 10 + 1, i * 10 + 5, true);
        CU_ASSERT_EQUAL(sheaf_storm_pause_ns(&storm), expected[i] * 1000000);
        CU_ASSERT_FALSE(sheaf_storm_is_hopeless(&storm));
    }
    sheaf_storm_commit(&storm);
    CU_ASSERT_EQUAL(sheaf_storm_pause_ns(&storm), 0);
}

static void blow_that_hits_all_counts_once(void)
{
    struct sheaf_storm storm = {0};

    for (int64_t i = 0; i < 1000; i++)
        sheaf_storm_death(&storm, i, 5000 + i, false);
    CU_ASSERT_EQUAL(storm.steps, 1);
    CU_ASSERT_FALSE(sheaf_storm_is_hopeless(&storm));
    for (int64_t i = 1; i < 8; i++)
        sheaf_storm_death(&storm, 10000 * i, 10000 * i + 1, false);
    CU_ASSERT(sheaf_storm_is_hopeless(&storm));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(task_is_settled_by_its_present_ticket_only),
        UNIT(task_is_lost_after_its_retries_and_no_sooner),
        UNIT(kills_from_outside_do_not_make_careful),
        UNIT(retries_go_in_the_order_of_their_deaths),
        UNIT(million_random_events_settle_each_task_exactly_once),
        UNIT(deaths_in_a_row_make_births_slower),
        UNIT(blow_that_hits_all_counts_once),
        {0},
    };

    return unit_run("execute_books", tests);
}
