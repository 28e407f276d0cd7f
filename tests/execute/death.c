/* death.c - a worker that dies, hangs or stops costs a retry and changes nothing */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

static const struct sheaf_execution_options forked = {
    .kind = SHEAF_FORK, .workers = 3, .retries = -1};

static void check_answer(struct tree *tree, const struct sheaf_execution_options *options)
{
    sheaf_error error;

    UNIT_OK(tree_run(tree, *options, &error), &error);
    CU_ASSERT_EQUAL(tree->answer, tree_expected(tree->leaves));
    CU_ASSERT_EQUAL(tree->commits, 2 * tree->leaves - 1);
    CU_ASSERT_FALSE(has_children());
}

static void kills_at_random_change_nothing(void)
{
    struct sheaf_execution_options options = forked;
    struct tree tree;
    char chaos[40];
    uint32_t births = 0;

    tree_open(&tree, 16);
    tree.pause_us = 300;
    check_answer(&tree, &options);
    int before = open_descriptors();
    for (int run = 0; run < 200; run++) {
        snprintf(chaos, sizeof chaos, "%d:%d", run, 100 + run);
        setenv("SHEAF_CHAOS", chaos, 1);
        options.workers = 1 + run % 4;
        check_answer(&tree, &options);
        births += tree.shared->births;
    }
    unsetenv("SHEAF_CHAOS");
    CU_ASSERT(births > 500); /* of 500 that would be born without deaths */
    CU_ASSERT_EQUAL(open_descriptors(), before);
    tree_close(&tree);
}

static void bad_chaos_is_refused(void)
{
    static const char *const bad[] = {"1", "1:", "1:0", "x:5", "1:5x", "1:1000000", ":"};
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 2);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("SHEAF_CHAOS", bad[i], 1);
        CU_ASSERT_EQUAL(tree_run(&tree, forked, &error), SHEAF_BAD_ARGUMENT);
    }
    unsetenv("SHEAF_CHAOS");
    tree_close(&tree);
}

/* -- each way to die, at each moment ---------------------------------------------------------- */

static enum tree_moment moment_of_death;
static int way_of_death; /* a signal, or -1 - exit code */

static void die_at_first_attempt(struct tree *tree, struct sheaf_workplace *place, int node,
                                 enum tree_moment moment)
{
    (void)place;
    if (moment != moment_of_death || node % 3 != 1 ||
        __atomic_load_n(&tree->shared->attempts[node], __ATOMIC_SEQ_CST) != 1)
        return;
    if (way_of_death < 0)
        _exit(-1 - way_of_death);
    kill(getpid(), way_of_death);
    sleep_us(1000000);
}

static void each_death_at_each_moment_costs_a_retry(void)
{
    static const int ways[] = {SIGKILL, SIGSEGV, SIGABRT, SIGBUS, SIGTERM, -1, -2};
    struct tree tree;

    tree_open(&tree, 8);
    tree.accident = die_at_first_attempt;
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++)
        for (int moment = TREE_BEGIN; moment <= TREE_WRITTEN; moment++) {
            way_of_death = ways[way];
            moment_of_death = (enum tree_moment)moment;
            check_answer(&tree, &forked);
            CU_ASSERT_EQUAL(tree.most_attempts, 2);
            for (int node = 1; node < 16; node++)
                CU_ASSERT_EQUAL(tree.shared->attempts[node], node % 3 == 1 ? 2 : 1);
        }
    tree_close(&tree);
}

/* Publish as the worker's loop does, and die without a word: only the death is noticed. */
static void publish_and_die(struct tree *tree, struct sheaf_workplace *place, int node,
                            enum tree_moment moment)
{
    struct sheaf_reply reply = {
        .ticket = place->slot->started, .offset = place->base, .size = place->size};

    (void)tree;
    (void)node;
    if (moment != TREE_WRITTEN)
        return;
    memcpy(reply.summary, place->summary, sizeof reply.summary);
    sheaf_slot_publish(place->slot, &reply);
    kill(getpid(), SIGKILL);
}

static void what_a_worker_published_before_its_death_is_used(void)
{
    struct tree tree;

    tree_open(&tree, 16);
    tree.accident = publish_and_die;
    check_answer(&tree, &forked);
    CU_ASSERT_EQUAL(tree.most_attempts, 1);
    for (int node = 1; node < 32; node++)
        CU_ASSERT_EQUAL(tree.shared->attempts[node], 1);
    CU_ASSERT(tree.shared->births >= 31);
    tree_close(&tree);
}

/* -- poison ----------------------------------------------------------------------------------- */

static struct sheaf_outcome last_outcome;

static sheaf_status keep_outcome(struct tree *tree, const struct sheaf_task *task,
                                 const struct sheaf_outcome *outcome, sheaf_error *error)
{
    (void)tree;
    (void)task;
    last_outcome = *outcome;
    return sheaf_error_set(error, SHEAF_LOST, "poison");
}

/* Marks are coarse, unless it goes carefully. */
static void crash_at_record_42(struct tree *tree, struct sheaf_workplace *place, int node,
                               enum tree_moment moment)
{
    if (node != tree->leaves + 3 || moment != TREE_HALF)
        return;
    for (uint64_t record = 0; record < 100; record++) {
        if (sheaf_workplace_careful(place) || record % 30 == 0)
            sheaf_workplace_mark(place, record);
        if (record == 42)
            kill(getpid(), way_of_death);
    }
}

static void poison_is_named_with_its_record(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.accident = crash_at_record_42;
    tree.bad_outcome = keep_outcome;
    way_of_death = SIGSEGV;
    CU_ASSERT_EQUAL(tree_run(&tree, forked, &error), SHEAF_LOST);
    CU_ASSERT_EQUAL(last_outcome.status, SHEAF_LOST);
    CU_ASSERT_EQUAL(last_outcome.error.system, SIGSEGV);
    CU_ASSERT_EQUAL(last_outcome.mark, 42);
    CU_ASSERT_EQUAL(last_outcome.attempts, 4);
    CU_ASSERT_EQUAL(tree.shared->attempts[11], 4);
    CU_ASSERT_EQUAL(tree.shared->careful[11], 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(last_outcome.error.message, "signal 11"));

    way_of_death = SIGKILL; /* may have come from anywhere: no reason to be careful */
    CU_ASSERT_EQUAL(tree_run(&tree, forked, &error), SHEAF_LOST);
    CU_ASSERT_EQUAL(last_outcome.error.system, SIGKILL);
    CU_ASSERT_EQUAL(last_outcome.mark, 30);
    CU_ASSERT_EQUAL(tree.shared->careful[11], 0);
    tree_close(&tree);
}

static void retries_are_as_many_as_asked_for(void)
{
    struct sheaf_execution_options options = forked;
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.accident = crash_at_record_42;
    tree.bad_outcome = keep_outcome;
    way_of_death = SIGABRT;
    for (options.retries = 0; options.retries < 3; options.retries++) {
        CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_LOST);
        CU_ASSERT_EQUAL(last_outcome.attempts, (uint32_t)options.retries + 1);
        CU_ASSERT_EQUAL(tree.shared->attempts[11], (uint32_t)options.retries + 1);
    }
    tree_close(&tree);
}

static void crash_always(struct tree *tree, struct sheaf_workplace *place, int node,
                         enum tree_moment moment)
{
    (void)tree;
    (void)place;
    (void)node;
    if (moment == TREE_BEGIN)
        kill(getpid(), SIGSEGV);
}

static sheaf_status count_lost(struct tree *tree, const struct sheaf_task *task,
                               const struct sheaf_outcome *outcome, sheaf_error *error)
{
    (void)task;
    (void)error;
    tree->shared->enough += outcome->status == SHEAF_LOST;
    return SHEAF_OK;
}

static void work_that_goes_on_without_the_lost_hears_of_each(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 4);
    tree.accident = crash_always;
    tree.bad_outcome = count_lost;
    CU_ASSERT_EQUAL(tree_run(&tree, forked, &error), SHEAF_INTERNAL); /* no pair can be made */
    CU_ASSERT_EQUAL(tree.shared->enough, 4);
    CU_ASSERT_EQUAL(tree.commits, 4);
    tree_close(&tree);
}

static sheaf_status die_at_the_door(void *context, struct sheaf_workplace *place, void **local,
                                    sheaf_error *error)
{
    struct tree *tree = context;

    (void)place;
    (void)local;
    (void)error;
    __atomic_add_fetch(&tree->shared->births, 1, __ATOMIC_SEQ_CST);
    kill(getpid(), SIGSEGV);
    return SHEAF_OK;
}

static void storm_of_deaths_ends(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.work.enter = die_at_the_door;
    CU_ASSERT_EQUAL(tree_run(&tree, forked, &error), SHEAF_LOST);
    CU_ASSERT_EQUAL(error.system, SIGSEGV);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "before they can begin"));
    CU_ASSERT(tree.shared->births >= 8 && tree.shared->births <= 30);
    CU_ASSERT_EQUAL(tree.commits, 0);
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

/* -- standing still ------------------------------------------------------------------------------
 */

static void hang_at_first_attempt(struct tree *tree, struct sheaf_workplace *place, int node,
                                  enum tree_moment moment)
{
    (void)place;
    if (node == tree->leaves + 1 && moment == TREE_HALF && tree->shared->attempts[node] == 1)
        for (;;)
            sleep_us(1000000);
}

static void worker_without_a_sign_of_life_is_replaced(void)
{
    struct sheaf_execution_options options = forked;
    struct tree tree;

    tree_open(&tree, 4);
    tree.accident = hang_at_first_attempt;
    options.stall_timeout_ms = 200;
    check_answer(&tree, &options);
    CU_ASSERT_EQUAL(tree.most_attempts, 2);
    tree_close(&tree);
}

static void beat_slowly(struct tree *tree, struct sheaf_workplace *place, int node,
                        enum tree_moment moment)
{
    if (node != tree->leaves + 1 || moment != TREE_HALF)
        return;
    for (uint64_t i = 0; i < 18; i++) {
        sheaf_workplace_mark(place, 7); /* the same again: it is a sign all the same */
        sleep_us(100000);
    }
}

static void slow_worker_that_marks_its_way_is_left_alone(void)
{
    struct sheaf_execution_options options = forked;
    struct tree tree;

    tree_open(&tree, 4);
    tree.accident = beat_slowly;
    options.stall_timeout_ms = 300;
    check_answer(&tree, &options);
    CU_ASSERT_EQUAL(tree.most_attempts, 1);
    tree_close(&tree);
}

static void stop_once(struct tree *tree, struct sheaf_workplace *place, int node,
                      enum tree_moment moment)
{
    (void)place;
    if (node == tree->leaves && moment == TREE_HALF)
        kill(getpid(), SIGSTOP);
}

static void stopped_worker_is_told_to_continue(void)
{
    struct tree tree;

    tree_open(&tree, 4);
    tree.accident = stop_once;
    check_answer(&tree, &forked);
    CU_ASSERT_EQUAL(tree.most_attempts, 1);
    tree_close(&tree);
}

static void stop_again_and_again(struct tree *tree, struct sheaf_workplace *place, int node,
                                 enum tree_moment moment)
{
    (void)place;
    if (node == tree->leaves && moment == TREE_HALF && tree->shared->attempts[node] == 1)
        for (;;)
            kill(getpid(), SIGSTOP);
}

static void worker_that_stays_stopped_is_replaced(void)
{
    struct tree tree;

    tree_open(&tree, 4);
    tree.accident = stop_again_and_again;
    check_answer(&tree, &forked);
    CU_ASSERT_EQUAL(tree.most_attempts, 2);
    tree_close(&tree);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(kills_at_random_change_nothing),
        UNIT(bad_chaos_is_refused),
        UNIT(each_death_at_each_moment_costs_a_retry),
        UNIT(what_a_worker_published_before_its_death_is_used),
        UNIT(poison_is_named_with_its_record),
        UNIT(retries_are_as_many_as_asked_for),
        UNIT(work_that_goes_on_without_the_lost_hears_of_each),
        UNIT(storm_of_deaths_ends),
        UNIT(worker_without_a_sign_of_life_is_replaced),
        UNIT(slow_worker_that_marks_its_way_is_left_alone),
        UNIT(stopped_worker_is_told_to_continue),
        UNIT(worker_that_stays_stopped_is_replaced),
        {0},
    };

    return unit_run("execute_death", tests);
}
