/* run.c - the same answer inline and forked; what ends a run, and with what error */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "tree.h"

static void inline_and_forked_runs_give_the_same(void)
{
    struct tree tree;
    sheaf_error error;

    for (int leaves = 2; leaves <= TREE_LEAVES; leaves *= 2) {
        tree_open(&tree, leaves);
        UNIT_OK(tree_run(&tree, (struct sheaf_execution_options){.kind = SHEAF_INLINE}, &error),
                &error);
        CU_ASSERT_EQUAL(tree.answer, tree_expected(leaves));
        CU_ASSERT_EQUAL(tree.commits, 2 * leaves - 1);
        for (int workers = 1; workers <= 7; workers += 2) {
            UNIT_OK(
                tree_run(&tree,
                         (struct sheaf_execution_options){.kind = SHEAF_FORK, .workers = workers},
                         &error),
                &error);
            CU_ASSERT_EQUAL(tree.answer, tree_expected(leaves));
            CU_ASSERT_EQUAL(tree.commits, 2 * leaves - 1);
            CU_ASSERT_EQUAL(tree.most_attempts, 1);
        }
        tree_close(&tree);
    }
    CU_ASSERT_FALSE(has_children());
}

static void impossible_options_are_refused(void)
{
    static const struct sheaf_execution_options bad[] = {
        {.kind = SHEAF_FORK, .workers = -1},
        {.kind = SHEAF_FORK, .workers = 100000},
        {.kind = SHEAF_FORK, .deadline_ms = -1},
        {.kind = SHEAF_INLINE, .stall_timeout_ms = -5}};
    struct sheaf_execution *execution = NULL;
    sheaf_error error;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(sheaf_execution_open(&bad[i], &execution, &error), SHEAF_BAD_ARGUMENT);
    sheaf_execution_close(NULL);
    struct sheaf_execution_options all = {.kind = SHEAF_FORK};
    UNIT_OK(sheaf_execution_open(&all, &execution, &error), &error);
    CU_ASSERT(sheaf_execution_workers(execution) >= 1);
    sheaf_execution_close(execution);
}

static enum sheaf_next nothing_to_do(void *context, struct sheaf_execution *execution,
                                     struct sheaf_task *task)
{
    (void)context;
    (void)execution;
    (void)task;
    return SHEAF_NEXT_DONE;
}

static void work_without_tasks_needs_no_worker(void)
{
    struct tree tree;
    struct sheaf_execution *execution;
    sheaf_error error;

    tree_open(&tree, 2);
    tree.work.next = nothing_to_do;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {.kind = (enum sheaf_executor_kind)kind,
                                                  .workers = 2};
        UNIT_OK(sheaf_execution_open(&options, &execution, &error), &error);
        UNIT_OK(sheaf_execution_run(execution, &tree.work, &error), &error);
        sheaf_execution_close(execution);
    }
    CU_ASSERT_EQUAL(tree.commits, 0);
    tree_close(&tree);
}

static void workers_are_born_when_there_is_work_for_them(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 2);
    UNIT_OK(tree_run(&tree, (struct sheaf_execution_options){.kind = SHEAF_FORK, .workers = 50},
                     &error),
            &error);
    CU_ASSERT(tree.shared->births <= 2);
    tree_close(&tree);
}

static sheaf_status refuse_third_leaf(struct tree *tree, int node, sheaf_error *error)
{
    if (node != tree->leaves + 2)
        return SHEAF_OK;
    sheaf_error_set(error, SHEAF_REFUSED, "leaf %d does not like it", node);
    sheaf_error_help(error, "ask another");
    error->byte = 4711;
    return SHEAF_REFUSED;
}

static void error_of_a_task_arrives_whole_and_is_no_death(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.refuse = refuse_third_leaf;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {.kind = (enum sheaf_executor_kind)kind,
                                                  .workers = 2};
        CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_REFUSED);
        CU_ASSERT_STRING_EQUAL(error.message, "leaf 10 does not like it");
        CU_ASSERT_STRING_EQUAL(error.help, "ask another");
        CU_ASSERT_EQUAL(error.byte, 4711);
        CU_ASSERT_EQUAL(tree.shared->attempts[10], 1);
    }
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

static sheaf_status accept_anything(struct tree *tree, const struct sheaf_task *task,
                                    const struct sheaf_outcome *outcome, sheaf_error *error)
{
    (void)tree;
    (void)task;
    (void)outcome;
    (void)error;
    return SHEAF_OK;
}

static void tasks_that_wait_for_each_other_are_reported(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.refuse = refuse_third_leaf;
    tree.bad_outcome = accept_anything;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {.kind = (enum sheaf_executor_kind)kind,
                                                  .workers = 2};
        CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_INTERNAL);
        CU_ASSERT_EQUAL(tree.commits, 12); /* without the leaf and its 3 ancestors but with it */
    }
    tree_close(&tree);
}

static sheaf_status fail_fifth_commit(struct tree *tree, int node, sheaf_error *error)
{
    if (tree->commits != 5)
        return SHEAF_OK;
    return sheaf_error_set(error, SHEAF_BAD_OUTPUT, "no place for node %d", node);
}

static void failing_commit_ends_the_run_at_once(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 32);
    tree.before_commit = fail_fifth_commit;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {.kind = (enum sheaf_executor_kind)kind,
                                                  .workers = 3};
        CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_BAD_OUTPUT);
        CU_ASSERT_EQUAL(tree.commits, 5);
        CU_ASSERT_NOT_EQUAL(strstr(error.message, "no place for node"), NULL);
    }
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

static sheaf_status fail_to_enter(void *context, struct sheaf_workplace *place, void **local,
                                  sheaf_error *error)
{
    (void)context;
    (void)place;
    (void)local;
    return sheaf_error_set(error, SHEAF_BAD_OPERATOR, "does not load");
}

static void worker_that_can_not_enter_ends_the_run(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.work.enter = fail_to_enter;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {.kind = (enum sheaf_executor_kind)kind,
                                                  .workers = 2};
        CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_BAD_OPERATOR);
        CU_ASSERT_STRING_EQUAL(error.message, "does not load");
        CU_ASSERT_EQUAL(tree.commits, 0);
    }
    tree_close(&tree);
}

static void results_of_an_earlier_run_stay(void)
{
    struct tree first, second;
    struct sheaf_execution_options options = {.kind = SHEAF_FORK, .workers = 2};
    struct sheaf_execution *execution;
    uint64_t answers[2];
    sheaf_error error;

    tree_open(&first, 16);
    tree_open(&second, 32);
    UNIT_OK(sheaf_execution_open(&options, &execution, &error), &error);
    UNIT_OK(sheaf_execution_run(execution, &first.work, &error), &error);
    UNIT_OK(sheaf_execution_run(execution, &second.work, &error), &error);
    memcpy(&answers[0], sheaf_execution_view(execution, &first.extents[1]), 8);
    memcpy(&answers[1], sheaf_execution_view(execution, &second.extents[1]), 8);
    CU_ASSERT_EQUAL(answers[0], tree_expected(16));
    CU_ASSERT_EQUAL(answers[1], tree_expected(32));
    sheaf_execution_close(execution);
    tree_close(&first);
    tree_close(&second);
}

static void view_outside_of_the_memory_is_null(void)
{
    struct sheaf_execution_options options = {
        .kind = SHEAF_FORK, .workers = 2, .arena_bytes = 1 << 20};
    static const struct sheaf_extent outside[] = {
        {.arena = 2, .offset = 1 << 16, .size = 8},
        {.arena = 0, .offset = 0, .size = 8}, /* the slot is no result */
        {.arena = 0, .offset = 1 << 20, .size = 1},
        {.arena = 1, .offset = 1 << 16, .size = 1 << 20},
        {.arena = 1, .offset = UINT64_MAX - 10, .size = 11},
        {.arena = UINT32_MAX, .offset = 1 << 16, .size = 8}};
    struct sheaf_execution *execution;
    sheaf_error error;

    UNIT_OK(sheaf_execution_open(&options, &execution, &error), &error);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        CU_ASSERT_PTR_NULL(sheaf_execution_view(execution, &outside[i]));
        sheaf_execution_release(execution, &outside[i]); /* does nothing */
    }
    sheaf_execution_close(execution);
}

/* -- memory ------------------------------------------------------------------------- */

struct chain {
    size_t size;
    int count, given, committed, bad;
    bool keep_first;
    struct sheaf_extent first;
};

static enum sheaf_next next_link(void *context, struct sheaf_execution *execution,
                                 struct sheaf_task *task)
{
    struct chain *chain = context;

    (void)execution;
    if (chain->given == chain->count)
        return SHEAF_NEXT_DONE;
    task->id = (uint64_t)chain->given++;
    return SHEAF_NEXT_TASK;
}

static sheaf_status run_link(void *context, void *local, struct sheaf_workplace *place,
                             const struct sheaf_task *task, sheaf_error *error)
{
    const struct chain *chain = context;
    unsigned char *bytes = sheaf_workplace_reserve(place, chain->size, error);

    (void)local;
    if (!bytes)
        return SHEAF_NO_MEMORY;
    memset(bytes, (int)task->id, chain->size);
    return SHEAF_OK;
}

static sheaf_status commit_link(void *context, struct sheaf_execution *execution,
                                const struct sheaf_task *task, const struct sheaf_outcome *outcome,
                                sheaf_error *error)
{
    struct chain *chain = context;

    if (outcome->status != SHEAF_OK) {
        *error = outcome->error;
        return outcome->status;
    }
    const unsigned char *bytes = sheaf_execution_view(execution, &outcome->extent);
    for (size_t i = 0; i < chain->size; i += 997)
        chain->bad += bytes[i] != (unsigned char)task->id;
    if (chain->keep_first && chain->committed++ == 0)
        chain->first = outcome->extent;
    else
        sheaf_execution_release(execution, &outcome->extent);
    return SHEAF_OK;
}

static const struct sheaf_work chain_work = {
    .next = next_link, .run = run_link, .commit = commit_link};

static void released_memory_is_used_again(void)
{
    for (int keep = 0; keep < 2; keep++) {
        struct chain chain = {.size = 300000, .count = 300, .keep_first = keep};
        struct sheaf_execution_options options = {
            .kind = SHEAF_FORK, .workers = 2, .arena_bytes = 1 << 20};
        struct sheaf_work work = chain_work;
        struct sheaf_execution *execution;
        sheaf_error error;

        work.context = &chain;
        UNIT_OK(sheaf_execution_open(&options, &execution, &error), &error);
        UNIT_OK(sheaf_execution_run(execution, &work, &error), &error);
        CU_ASSERT_EQUAL(chain.bad, 0);
        if (keep) {
            const unsigned char *bytes = sheaf_execution_view(execution, &chain.first);
            CU_ASSERT_EQUAL(bytes[0], bytes[chain.size - 1]);
        }
        sheaf_execution_close(execution);
    }
}

static void result_that_does_not_fit_is_an_error_not_a_crash(void)
{
    struct chain chain = {.size = 2 << 20, .count = 3};
    struct sheaf_work work = chain_work;
    struct sheaf_execution *execution;
    sheaf_error error;

    work.context = &chain;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {
            .kind = (enum sheaf_executor_kind)kind, .workers = 2, .arena_bytes = 1 << 20};
        chain.given = 0;
        UNIT_OK(sheaf_execution_open(&options, &execution, &error), &error);
        CU_ASSERT_EQUAL(sheaf_execution_run(execution, &work, &error), SHEAF_NO_MEMORY);
        CU_ASSERT_EQUAL(sheaf_execution_deaths(execution), 0);
        sheaf_execution_close(execution);
    }
}

/* -- feed, time, descriptors -------------------------------------------------------------- */

static sheaf_status slow_feed(void *context, sheaf_error *error)
{
    struct tree *tree = context;

    (void)error;
    sleep_us(30000);
    __atomic_store_n(&tree->shared->flag, 1, __ATOMIC_SEQ_CST);
    sleep_us(50000);
    __atomic_store_n(&tree->shared->flag, 2, __ATOMIC_SEQ_CST);
    return SHEAF_OK;
}

static enum sheaf_next (*real_next)(void *, struct sheaf_execution *, struct sheaf_task *);

static enum sheaf_next next_when_fed(void *context, struct sheaf_execution *execution,
                                     struct sheaf_task *task)
{
    struct tree *tree = context;

    if (__atomic_load_n(&tree->shared->flag, __ATOMIC_SEQ_CST) == 0)
        return SHEAF_NEXT_WAIT;
    return real_next(context, execution, task);
}

static void run_waits_for_its_feed(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 16);
    real_next = tree.work.next;
    tree.work.next = next_when_fed;
    tree.work.feed = slow_feed;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {.kind = (enum sheaf_executor_kind)kind,
                                                  .workers = 2};
        UNIT_OK(tree_run(&tree, options, &error), &error);
        CU_ASSERT_EQUAL(tree.answer, tree_expected(16));
        CU_ASSERT_EQUAL(tree.shared->flag, 2);
    }
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

static sheaf_status failing_feed(void *context, sheaf_error *error)
{
    (void)context;
    sleep_us(20000);
    return sheaf_error_set(error, SHEAF_BAD_DATA, "checksum is wrong");
}

static sheaf_status dying_feed(void *context, sheaf_error *error)
{
    (void)context;
    (void)error;
    sleep_us(20000);
    kill(getpid(), SIGKILL);
    return SHEAF_OK;
}

static void failing_or_dying_feed_fails_the_run(void)
{
    struct sheaf_execution_options options = {.kind = SHEAF_FORK, .workers = 2};
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 4);
    tree.work.feed = failing_feed;
    CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_BAD_DATA);
    CU_ASSERT_STRING_EQUAL(error.message, "checksum is wrong");
    options.kind = SHEAF_INLINE;
    CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_BAD_DATA);
    options.kind = SHEAF_FORK;
    tree.work.feed = dying_feed;
    CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_LOST);
    CU_ASSERT_EQUAL(error.system, SIGKILL);
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

static void deadline_ends_the_run(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 64);
    tree.pause_us = 20000;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = {
            .kind = (enum sheaf_executor_kind)kind, .workers = 2, .deadline_ms = 100};
        CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_TIMEOUT);
        CU_ASSERT(tree.commits > 0 && tree.commits < 127);
    }
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

static void count_progress(void *context)
{
    int *count = context;

    ++*count;
}

static void progress_is_reported_by_the_coordinator(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 32);
    tree.pause_us = 10000;
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        int count = 0;
        struct sheaf_execution_options options = {.kind = (enum sheaf_executor_kind)kind,
                                                  .workers = 2,
                                                  .progress = count_progress,
                                                  .progress_context = &count};
        UNIT_OK(tree_run(&tree, options, &error), &error);
        CU_ASSERT(count >= 1);
    }
    tree_close(&tree);
}

static int kept, not_kept;

static void look_at_descriptors(struct tree *tree, struct sheaf_workplace *place, int node,
                                enum tree_moment moment)
{
    (void)place;
    (void)node;
    if (moment == TREE_BEGIN && (fcntl(kept, F_GETFD) < 0 || fcntl(not_kept, F_GETFD) >= 0))
        __atomic_store_n(&tree->shared->flag, 1, __ATOMIC_SEQ_CST);
}

static void workers_have_the_descriptors_that_are_named_and_no_others(void)
{
    struct sheaf_execution_options options = {.kind = SHEAF_FORK, .workers = 2};
    struct tree tree;
    sheaf_error error;
    int ends[2];

    CU_ASSERT_FATAL(pipe(ends) == 0);
    kept = ends[0];
    not_kept = ends[1];
    tree_open(&tree, 8);
    tree.work.keep = &kept;
    tree.work.keep_count = 1;
    tree.accident = look_at_descriptors;
    UNIT_OK(tree_run(&tree, options, &error), &error);
    CU_ASSERT_EQUAL(tree.shared->flag, 0);
    tree.work.keep_count = 1000;
    CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_BAD_ARGUMENT);
    tree_close(&tree);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(inline_and_forked_runs_give_the_same),
        UNIT(impossible_options_are_refused),
        UNIT(work_without_tasks_needs_no_worker),
        UNIT(workers_are_born_when_there_is_work_for_them),
        UNIT(error_of_a_task_arrives_whole_and_is_no_death),
        UNIT(tasks_that_wait_for_each_other_are_reported),
        UNIT(failing_commit_ends_the_run_at_once),
        UNIT(worker_that_can_not_enter_ends_the_run),
        UNIT(results_of_an_earlier_run_stay),
        UNIT(view_outside_of_the_memory_is_null),
        UNIT(released_memory_is_used_again),
        UNIT(result_that_does_not_fit_is_an_error_not_a_crash),
        UNIT(run_waits_for_its_feed),
        UNIT(failing_or_dying_feed_fails_the_run),
        UNIT(deadline_ends_the_run),
        UNIT(progress_is_reported_by_the_coordinator),
        UNIT(workers_have_the_descriptors_that_are_named_and_no_others),
        {0},
    };

    return unit_run("execute_run", tests);
}
