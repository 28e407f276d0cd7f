/* end.c - after any end nothing is left: no process, no descriptor, no handler */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tree.h"

static const struct sheaf_execution_options forked = {
    .kind = SHEAF_FORK, .workers = 2, .retries = -1};

/* -- programs of their own: CUnit does not see what a child asserts, so it exits with a code --- */

static pid_t start(int (*body)(void))
{
    fflush(stdout);
    pid_t child = fork();

    if (child == 0)
        _exit(body());
    return child;
}

/* Its wait status; -1 if it does not end within the time. */
static int end_of(pid_t child, int timeout_ms)
{
    int status;

    for (int i = 0; i < timeout_ms; i++) {
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
        sleep_us(1000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

static bool exits_with(pid_t child, int code)
{
    int status = end_of(child, 20000);

    if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == code)
        return true;
    printf("\nexpected exit code %d, got wait status 0x%x\n", code, (unsigned)status);
    return false;
}

static struct tree long_tree; /* its shared memory is seen by the test too */

static void open_long_tree(void)
{
    tree_open(&long_tree, 64);
    long_tree.pause_us = 20000;
}

static void wait_for_births(uint32_t births)
{
    for (int i = 0; i < 10000; i++) {
        if (__atomic_load_n(&long_tree.shared->births, __ATOMIC_SEQ_CST) >= births)
            return;
        sleep_us(1000);
    }
    CU_FAIL("no worker was born");
}

/* -- descriptors, processes, handlers
 * -------------------------------------------------------------- */

static sheaf_status refuse_root(struct tree *tree, int node, sheaf_error *error)
{
    (void)tree;
    return node == 1 ? sheaf_error_set(error, SHEAF_REFUSED, "no") : SHEAF_OK;
}

static void crash_root(struct tree *tree, struct sheaf_workplace *place, int node,
                       enum tree_moment moment)
{
    (void)tree;
    (void)place;
    if (node == 1 && moment == TREE_HALF)
        kill(getpid(), SIGSEGV);
}

static void descriptors_and_children_are_gone_after_each_end(void)
{
    struct sheaf_execution_options options = forked;
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 16);
    UNIT_OK(tree_run(&tree, options, &error), &error);
    int before = open_descriptors();
    UNIT_OK(tree_run(&tree, options, &error), &error);
    CU_ASSERT_EQUAL(open_descriptors(), before);
    tree.refuse = refuse_root;
    CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_REFUSED);
    CU_ASSERT_EQUAL(open_descriptors(), before);
    tree.refuse = NULL;
    tree.accident = crash_root;
    CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_LOST);
    CU_ASSERT_EQUAL(open_descriptors(), before);
    tree.accident = NULL;
    tree.pause_us = 20000;
    options.deadline_ms = 60;
    CU_ASSERT_EQUAL(tree_run(&tree, options, &error), SHEAF_TIMEOUT);
    CU_ASSERT_EQUAL(open_descriptors(), before);
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

static void own_handler(int number)
{
    (void)number;
}

static void handlers_of_the_program_are_back_afterwards(void)
{
    struct sigaction mine = {.sa_handler = own_handler}, after;
    struct tree tree;
    sheaf_error error;

    sigaction(SIGTERM, &mine, NULL);
    tree_open(&tree, 2);
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++) {
        struct sheaf_execution_options options = forked;
        options.kind = (enum sheaf_executor_kind)kind;
        UNIT_OK(tree_run(&tree, options, &error), &error);
        sigaction(SIGTERM, NULL, &after);
        CU_ASSERT(after.sa_handler == own_handler);
        sigaction(SIGINT, NULL, &after);
        CU_ASSERT(after.sa_handler == SIG_DFL);
    }
    signal(SIGTERM, SIG_DFL);
    tree_close(&tree);
}

/* -- signals
 * ----------------------------------------------------------------------------------------- */

static enum sheaf_executor_kind kind_of_child;
static int signal_of_child;

static int run_until_interrupted(void)
{
    struct sheaf_execution_options options = forked;
    sheaf_error error;

    options.kind = kind_of_child;
    sheaf_status status = tree_run(&long_tree, options, &error);
    if (status != SHEAF_INTERRUPTED || error.system != signal_of_child)
        return 1;
    return has_children() ? 2 : 42;
}

static void each_stopping_signal_ends_a_run_within_two_seconds(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    open_long_tree();
    for (int kind = SHEAF_INLINE; kind <= SHEAF_FORK; kind++)
        for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
            kind_of_child = (enum sheaf_executor_kind)kind;
            signal_of_child = signals[i];
            __atomic_store_n(&long_tree.shared->births, 0, __ATOMIC_SEQ_CST);
            pid_t child = start(run_until_interrupted);
            wait_for_births(1);
            sleep_us(30000);
            int64_t sent = sheaf_clock_ns();
            kill(child, signals[i]);
            CU_ASSERT(exits_with(child, 42));
            CU_ASSERT(sheaf_clock_ns() - sent < INT64_C(2000000000));
        }
    tree_close(&long_tree);
}

static void stop_yourself(struct tree *tree, struct sheaf_workplace *place, int node,
                          enum tree_moment moment)
{
    (void)tree;
    (void)place;
    (void)node;
    if (moment == TREE_HALF)
        kill(getpid(), SIGSTOP);
}

static void stuck_workers_do_not_delay_an_interrupt(void)
{
    open_long_tree();
    long_tree.accident = stop_yourself;
    kind_of_child = SHEAF_FORK;
    signal_of_child = SIGTERM;
    pid_t child = start(run_until_interrupted);
    wait_for_births(2);
    sleep_us(30000);
    int64_t sent = sheaf_clock_ns();
    kill(child, SIGTERM);
    CU_ASSERT(exits_with(child, 42));
    CU_ASSERT(sheaf_clock_ns() - sent < INT64_C(2000000000));
    tree_close(&long_tree);
}

static sheaf_status sleep_in_commit(struct tree *tree, int node, sheaf_error *error)
{
    (void)node;
    (void)error;
    __atomic_store_n(&tree->shared->flag, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 20000; i++)
        sleep_us(1000);
    return SHEAF_OK;
}

static void second_signal_ends_the_program_at_once(void)
{
    open_long_tree();
    long_tree.before_commit = sleep_in_commit;
    kind_of_child = SHEAF_FORK;
    signal_of_child = SIGTERM;
    pid_t child = start(run_until_interrupted);
    wait_for_births(1);
    while (!__atomic_load_n(&long_tree.shared->flag, __ATOMIC_SEQ_CST))
        sleep_us(1000);
    kill(child, SIGTERM);
    sleep_us(50000);
    kill(child, SIGTERM);
    int status = end_of(child, 2000);
    CU_ASSERT(status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    tree_close(&long_tree);
}

static int run_ignoring_hangup(void)
{
    sheaf_error error;

    signal(SIGHUP, SIG_IGN);
    sheaf_status status = tree_run(&long_tree, forked, &error);
    return status == SHEAF_OK && long_tree.answer == tree_expected(64) ? 42 : 1;
}

static void ignored_signal_stays_ignored(void)
{
    open_long_tree();
    long_tree.pause_us = 3000;
    pid_t child = start(run_ignoring_hangup);
    wait_for_births(1);
    kill(child, SIGHUP);
    sleep_us(20000);
    kill(child, SIGHUP);
    CU_ASSERT(exits_with(child, 42));
    tree_close(&long_tree);
}

/* -- the coordinator dies
 * ------------------------------------------------------------------------------ */

static int run_long(void)
{
    sheaf_error error;

    return tree_run(&long_tree, forked, &error) == SHEAF_OK ? 0 : 1;
}

/* Orphans come to us, as we are a subreaper: all must end, and soon. */
static int orphans_after(int timeout_ms)
{
    for (int i = 0; i < timeout_ms; i++) {
        pid_t ended = waitpid(-1, NULL, WNOHANG);
        if (ended < 0)
            return 0;
        if (ended == 0)
            sleep_us(1000);
    }
    return 1;
}

static void killed_coordinator_leaves_no_process(void)
{
    struct unit_random random = {7};
    int orphans = 0;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    open_long_tree();
    for (int i = 0; i < 40; i++) {
        pid_t child = start(run_long);
        sleep_us((long)unit_random_below(&random, 40000));
        kill(child, SIGKILL);
        orphans += orphans_after(2000);
    }
    CU_ASSERT_EQUAL(orphans, 0);
    tree_close(&long_tree);
}

/* -- odd surroundings
 * -------------------------------------------------------------------------------------- */

static int closed_from, closed_to;

/* What we open must not get their numbers: messages would go into it. */
static sheaf_status look_at_standard(struct tree *tree, int node, sheaf_error *error)
{
    char path[32], target[64];

    (void)tree;
    (void)node;
    for (int fd = closed_from; fd <= closed_to; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof target);
        if (size != 9 || memcmp(target, "/dev/null", 9) != 0)
            return sheaf_error_set(error, SHEAF_INTERNAL, "descriptor %d is taken", fd);
    }
    return SHEAF_OK;
}

static int run_with_closed_standard(void)
{
    struct tree tree;
    sheaf_error error;

    if (!freopen("/dev/null", "w", stderr))
        return 4;
    for (int fd = closed_from; fd <= closed_to; fd++)
        close(fd);
    tree_open(&tree, 16);
    tree.before_commit = look_at_standard;
    for (int run = 0; run < 2; run++) {
        struct sheaf_execution_options options = forked;
        options.log = true;
        tree.accident = run ? crash_root : NULL;
        sheaf_status status = tree_run(&tree, options, &error);
        if (status != (run ? SHEAF_LOST : SHEAF_OK))
            return 1;
        if (!run && tree.answer != tree_expected(16))
            return 2;
    }
    for (int fd = closed_from; fd <= closed_to; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 3;
    return 42;
}

static void closed_standard_descriptors_do_no_harm(void)
{
    for (closed_from = 0; closed_from < 3; closed_from++)
        for (closed_to = closed_from; closed_to < 3; closed_to++)
            CU_ASSERT(exits_with(start(run_with_closed_standard), 42));
}

static int spare_descriptors;

static int run_with_few_descriptors(void)
{
    struct sheaf_execution_options options = forked;
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 16);
    int highest = dup(2);
    close(highest);
    struct rlimit limit = {(rlim_t)(highest + spare_descriptors),
                           (rlim_t)(highest + spare_descriptors)};
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 3;
    sheaf_status status = tree_run(&tree, options, &error);
    if (has_children() || (spare_descriptors > 0 && dup(2) != highest))
        return 4;
    if (status == SHEAF_OK)
        return tree.answer == tree_expected(16) ? 42 : 5;
    if (status == SHEAF_LIMIT)
        return strstr(error.message, "file descriptors") ? 43 : 6;
    dprintf(2, "%s: %s\n", sheaf_status_name(status), error.message);
    return 7;
}

static void too_few_descriptors_are_named_or_enough(void)
{
    bool enough = false;

    for (spare_descriptors = 0; spare_descriptors < 14; spare_descriptors++) {
        int status = end_of(start(run_with_few_descriptors), 20000);
        int code = status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        CU_ASSERT(code == 42 || (code == 43 && !enough));
        if (code != 42 && code != 43)
            printf("\n%d spare descriptors: code %d\n", spare_descriptors, code);
        enough |= code == 42;
    }
    CU_ASSERT(enough);
}

static int run_as_process_one(void)
{
    struct tree tree;
    sheaf_error error;

    if (unshare(CLONE_NEWPID) < 0)
        return 77;
    pid_t child = fork();
    if (child == 0) {
        if (getpid() != 1)
            _exit(1);
        tree_open(&tree, 16);
        for (int run = 0; run < 2; run++) {
            tree.accident = run ? crash_root : NULL;
            if (tree_run(&tree, forked, &error) != (run ? SHEAF_LOST : SHEAF_OK))
                _exit(2);
        }
        _exit(has_children() ? 3 : 42);
    }
    int status = end_of(child, 15000);
    return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void process_number_one_can_run(void)
{
    int status = end_of(start(run_as_process_one), 20000);

    if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        unit_skip("a pid namespace needs privilege", 1);
        return;
    }
    CU_ASSERT(status != -1 && WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 42);
}

static int run_with_odd_signals(void)
{
    struct tree tree;
    sigset_t all;
    sheaf_error error;

    signal(SIGCHLD, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    tree_open(&tree, 16);
    tree.accident = crash_root;
    if (tree_run(&tree, forked, &error) != SHEAF_LOST || error.system != SIGSEGV)
        return 1;
    tree.accident = NULL;
    return tree_run(&tree, forked, &error) == SHEAF_OK ? 42 : 2;
}

static void inherited_signal_state_does_no_harm(void)
{
    CU_ASSERT(exits_with(start(run_with_odd_signals), 42));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(descriptors_and_children_are_gone_after_each_end),
        UNIT(handlers_of_the_program_are_back_afterwards),
        UNIT(each_stopping_signal_ends_a_run_within_two_seconds),
        UNIT(stuck_workers_do_not_delay_an_interrupt),
        UNIT(second_signal_ends_the_program_at_once),
        UNIT(ignored_signal_stays_ignored),
        UNIT(killed_coordinator_leaves_no_process),
        UNIT(closed_standard_descriptors_do_no_harm),
        UNIT(too_few_descriptors_are_named_or_enough),
        UNIT(process_number_one_can_run),
        UNIT(inherited_signal_state_does_no_harm),
        {0},
    };

    return unit_run("execute_end", tests);
}
