/* start.c - children start, report, end with their parent, and leave nothing behind */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sheaf/process.h>
#include <sheaf/shared.h>

#include "process/arena.h"
#include "process/zygote.h"
#include "unit.h"

static void sleep_ms(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static int open_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

struct question {
    int number;
    int *answer;
};

static sheaf_status square(void *argument, sheaf_error *error)
{
    struct question *question = argument;

    (void)error;
    *question->answer = question->number * question->number;
    return SHEAF_OK;
}

static sheaf_status complain(void *argument, sheaf_error *error)
{
    (void)argument;
    sheaf_error_set(error, SHEAF_BAD_DATA, "row 17 of %s: \"n/a\"", "orders.csv");
    error->row = 17;
    sheaf_error_help(error, "Skip it");
    return SHEAF_BAD_DATA;
}

static sheaf_status leave_early(void *argument, sheaf_error *error)
{
    (void)argument, (void)error;
    _exit(3);
    return SHEAF_OK;
}

static sheaf_status kill_self(void *argument, sheaf_error *error)
{
    (void)error;
    raise(*(int *)argument);
    sleep_ms(60000);
    return SHEAF_OK;
}

static sheaf_status sleep_long(void *argument, sheaf_error *error)
{
    (void)argument, (void)error;
    for (;;)
        sleep_ms(60000);
    return SHEAF_OK;
}

static const sheaf_start methods[] = {SHEAF_START_FORK, SHEAF_START_SERVER};

static void child_sees_its_argument_and_shared_memory(void)
{
    sheaf_error error = {0};
    int *answer = sheaf_shared_value(int, &error);

    for (size_t i = 0; i < 2; i++) {
        struct question question = {(int)i + 12, answer};
        sheaf_process_options options = {.struct_size = sizeof options, .start = methods[i]};
        sheaf_process *process = NULL;
        UNIT_OK(sheaf_process_start(&options, square, &question, sizeof question, &process, &error),
                &error);
        UNIT_OK(sheaf_process_join(process, 5000, &error), &error);
        UNIT_OK(sheaf_process_join(process, 5000, &error), &error);
        CU_ASSERT_EQUAL(*answer, (int)((i + 12) * (i + 12)));
        sheaf_process_close(process);
    }
    sheaf_shared_free(answer);
}

static void error_text_of_the_child_reaches_the_parent(void)
{
    for (size_t i = 0; i < 2; i++) {
        sheaf_error error = {0};
        sheaf_process_options options = {.struct_size = sizeof options, .start = methods[i]};
        sheaf_process *process = NULL;
        UNIT_OK(sheaf_process_start(&options, complain, NULL, 0, &process, &error), &error);
        CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_BAD_DATA);
        CU_ASSERT_STRING_EQUAL(error.message, "row 17 of orders.csv: \"n/a\"");
        CU_ASSERT_STRING_EQUAL(error.help, "Skip it");
        CU_ASSERT_EQUAL(error.row, 17);
        sheaf_process_close(process);
    }
}

static void signal_and_early_exit_are_told(void)
{
    static const int numbers[] = {SIGKILL, SIGSEGV, SIGTERM};

    for (size_t i = 0; i < 2; i++) {
        sheaf_error error = {0};
        sheaf_process_options options = {
            .struct_size = sizeof options, .start = methods[i], .name = "victim"};
        sheaf_process *process = NULL;
        for (size_t k = 0; k < 3; k++) {
            UNIT_OK(sheaf_process_start(&options, kill_self, &numbers[k], sizeof numbers[k],
                                        &process, &error),
                    &error);
            CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_LOST);
            CU_ASSERT_EQUAL(error.system, numbers[k]);
            CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "victim"));
            sheaf_process_close(process);
        }
        UNIT_OK(sheaf_process_start(&options, leave_early, NULL, 0, &process, &error), &error);
        CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_LOST);
        CU_ASSERT_EQUAL(error.system, 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "exit code 3"));
        sheaf_process_close(process);
    }
}

static void join_times_out_and_sentinel_wakes_poll(void)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;

    UNIT_OK(sheaf_process_start(NULL, sleep_long, NULL, 0, &process, &error), &error);
    struct pollfd sentinel = {.fd = sheaf_process_sentinel(process), .events = POLLIN};
    CU_ASSERT_EQUAL(sheaf_process_join(process, 20, &error), SHEAF_TIMEOUT);
    CU_ASSERT_EQUAL(poll(&sentinel, 1, 0), 0);
    CU_ASSERT(sheaf_process_alive(process));
    sheaf_process_stop(process, 2000);
    CU_ASSERT_EQUAL(poll(&sentinel, 1, 0), 1);
    CU_ASSERT(!sheaf_process_alive(process));
    CU_ASSERT_EQUAL(sheaf_process_join(process, 0, &error), SHEAF_LOST);
    CU_ASSERT_EQUAL(error.system, SIGTERM);
    sheaf_process_close(process);
}

/* -- nothing outlives us ------------------------------------------------------------------- */

static void start_and_wait(sheaf_start method)
{
    sheaf_error error = {0};
    sheaf_process_options options = {.struct_size = sizeof options, .start = method};

    if (method == SHEAF_START_SERVER && sheaf_init(&error) != SHEAF_OK)
        _exit(1);
    for (int i = 0; i < 3; i++) {
        sheaf_process *process;
        if (sheaf_process_start(&options, sleep_long, NULL, 0, &process, &error) != SHEAF_OK)
            _exit(1);
    }
    for (;;)
        pause();
}

/* Reap everything that falls to us; false if something still lives after 5 seconds. */
static bool all_end(void)
{
    for (int wait = 0; wait < 50000; wait++) {
        pid_t id = waitpid(-1, NULL, WNOHANG);
        if (id < 0 && errno == ECHILD)
            return true;
        if (id == 0) {
            struct timespec span = {0, 100000};
            nanosleep(&span, NULL);
        }
    }
    return false;
}

static int count_orphans(sheaf_start method, int rounds)
{
    struct unit_random random = {(unsigned long long)method + 1};
    int orphans = 0;

    for (int i = 0; i < rounds; i++) {
        pid_t parent = fork();
        if (parent == 0)
            start_and_wait(method);
        struct timespec span = {0, (long)unit_random_below(&random, 2500) * 1000};
        nanosleep(&span, NULL);
        kill(parent, SIGKILL);
        orphans += !all_end();
    }
    return orphans;
}

static sheaf_status look_for_orphans(void *argument, sheaf_error *error)
{
    const sheaf_start *method = argument;
    const char *wish = getenv("SHEAF_KILLS");

    /* In a process of its own, without other children, to which orphans fall. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int orphans = count_orphans(*method, wish ? 5000 : 1000);
    if (orphans > 0)
        return sheaf_error_set(error, SHEAF_REFUSED, "%d orphans", orphans);
    return SHEAF_OK;
}

static void killed_parent_leaves_no_orphans(void)
{
    for (size_t i = 0; i < 2; i++) {
        sheaf_error error = {0};
        sheaf_process *process = NULL;
        sheaf_process_options options = {.struct_size = sizeof options, .start = SHEAF_START_FORK};
        UNIT_OK(sheaf_process_start(&options, look_for_orphans, &methods[i], sizeof methods[i],
                                    &process, &error),
                &error);
        UNIT_OK(sheaf_process_join(process, 110000, &error), &error);
        sheaf_process_close(process);
    }
}

static void many_starts_leave_nothing_behind(void)
{
    int before = open_descriptors();

    for (int i = 0; i < 100; i++) {
        sheaf_error error = {0};
        sheaf_process_options options = {.struct_size = sizeof options, .start = methods[i % 2]};
        sheaf_process *process = NULL;
        UNIT_OK(
            sheaf_process_start(&options, i % 3 ? complain : sleep_long, NULL, 0, &process, &error),
            &error);
        CU_ASSERT_EQUAL(sheaf_process_active(NULL, 0), 1);
        sheaf_process_close(process);
    }
    CU_ASSERT_EQUAL(open_descriptors(), before);
    CU_ASSERT_EQUAL(sheaf_process_active(NULL, 0), 0);
}

/* -- signals and descriptors ------------------------------------------------------------------- */

static void inherited_sigchld_loses_no_status(void)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;
    int number = SIGKILL;

    signal(SIGCHLD, SIG_IGN);
    UNIT_OK(sheaf_process_start(NULL, kill_self, &number, sizeof number, &process, &error), &error);
    CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_LOST);
    CU_ASSERT_EQUAL(error.system, SIGKILL);
    sheaf_process_close(process);
    signal(SIGCHLD, SIG_DFL);
}

static void signal_after_the_end_hits_nobody(void)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;

    UNIT_OK(sheaf_process_start(NULL, complain, NULL, 0, &process, &error), &error);
    CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_BAD_DATA);
    /* Its id may be anybody's now; the handle is nobody's. */
    sheaf_process_signal(process, SIGKILL);
    sheaf_process_stop(process, 10);
    CU_ASSERT_EQUAL(sheaf_process_join(process, 0, &error), SHEAF_BAD_DATA);
    sheaf_process_close(process);
}

static sheaf_status check_signals_and_files(void *argument, sheaf_error *error)
{
    const int *kept = argument;
    sigset_t mask;
    struct sigaction action;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < 32; number++)
        if (sigismember(&mask, number))
            return sheaf_error_set(error, SHEAF_REFUSED, "signal %d is blocked", number);
    sigaction(SIGUSR1, NULL, &action);
    if (action.sa_handler != SIG_DFL)
        return sheaf_error_set(error, SHEAF_REFUSED, "a handler was inherited");
    for (int fd = 3; fd < 256; fd++)
        if ((fcntl(fd, F_GETFD) >= 0) != (fd == *kept))
            return sheaf_error_set(error, SHEAF_REFUSED, "descriptor %d is %s", fd,
                                   fd == *kept ? "closed" : "open");
    if (write(*kept, "x", 1) != 1 || read(0, &mask, 1) != 0)
        return sheaf_error_set(error, SHEAF_REFUSED, "files are not as they should be");
    return SHEAF_OK;
}

static void ignore(int number)
{
    (void)number;
}

static void child_begins_clean(void)
{
    sigset_t usr;

    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr, NULL);
    signal(SIGUSR1, ignore);
    for (size_t i = 0; i < 2; i++) {
        sheaf_error error = {0};
        sheaf_process *process = NULL;
        int ends[2], extra = open("/dev/null", O_RDONLY);
        char byte = 0;
        CU_ASSERT_EQUAL(pipe(ends), 0);
        sheaf_process_options options = {
            .struct_size = sizeof options, .start = methods[i], .keep = &ends[1], .keep_count = 1};
        UNIT_OK(sheaf_process_start(&options, check_signals_and_files, &ends[1], sizeof ends[1],
                                    &process, &error),
                &error);
        UNIT_OK(sheaf_process_join(process, 5000, &error), &error);
        CU_ASSERT(read(ends[0], &byte, 1) == 1 && byte == 'x');
        sheaf_process_close(process);
        close(ends[0]);
        close(ends[1]);
        close(extra);
    }
    signal(SIGUSR1, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &usr, NULL);
}

static void stopped_child_is_seen_and_can_be_ended(void)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;

    UNIT_OK(sheaf_process_start(NULL, sleep_long, NULL, 0, &process, &error), &error);
    CU_ASSERT(!sheaf_process_stopped(process));
    sheaf_process_signal(process, SIGSTOP);
    for (int i = 0; i < 1000 && !sheaf_process_stopped(process); i++)
        sleep_ms(1);
    CU_ASSERT(sheaf_process_stopped(process) && sheaf_process_alive(process));
    sheaf_process_stop(process, 1000);
    CU_ASSERT(!sheaf_process_alive(process));
    sheaf_process_close(process);
}

/* -- threads ------------------------------------------------------------------------------------
 */

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *hold_for_ever(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&held);
    for (;;)
        pause();
    return NULL;
}

static sheaf_status take_held(void *argument, sheaf_error *error)
{
    (void)argument, (void)error;
    pthread_mutex_lock(&held);
    return SHEAF_OK;
}

static void fork_server_knows_no_lock_of_a_thread(void)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;
    pthread_t thread;
    sheaf_process_options options = {.struct_size = sizeof options, .start = SHEAF_START_SERVER};

    CU_ASSERT_EQUAL(pthread_create(&thread, NULL, hold_for_ever, NULL), 0);
    while (pthread_mutex_trylock(&held) == 0) {
        pthread_mutex_unlock(&held);
        sleep_ms(1);
    }
    UNIT_OK(sheaf_process_start(&options, take_held, NULL, 0, &process, &error), &error);
    UNIT_OK(sheaf_process_join(process, 5000, &error), &error);
    sheaf_process_close(process);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    pthread_mutex_init(&held, NULL);
}

static void *start_in_thread(void *where)
{
    sheaf_process **process = where;
    sheaf_process_options options = {.struct_size = sizeof options, .start = SHEAF_START_FORK};

    if (sheaf_process_start(&options, sleep_long, NULL, 0, process, NULL) != SHEAF_OK)
        *process = NULL;
    return NULL;
}

static void child_outlives_the_thread_that_started_it(void)
{
    sheaf_process *process = NULL;
    pthread_t thread;

    CU_ASSERT_EQUAL(pthread_create(&thread, NULL, start_in_thread, &process), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    CU_ASSERT_EQUAL(sheaf_process_join(process, 100, NULL), SHEAF_TIMEOUT);
    sheaf_process_close(process);
}

/* -- the rest
 * -------------------------------------------------------------------------------------- */

static void programs_are_run(void)
{
    static const char *const good[] = {"true", NULL};
    static const char *const bad[] = {"sh", "-c", "exit 7", NULL};
    static const char *const none[] = {"/no/such/program", NULL};
    sheaf_error error = {0};
    sheaf_process *process = NULL;

    UNIT_OK(sheaf_process_run(NULL, good, &process, &error), &error);
    UNIT_OK(sheaf_process_join(process, 5000, &error), &error);
    sheaf_process_close(process);
    UNIT_OK(sheaf_process_run(NULL, bad, &process, &error), &error);
    CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_REFUSED);
    CU_ASSERT_EQUAL(error.system, 7);
    sheaf_process_close(process);
    UNIT_OK(sheaf_process_run(NULL, none, &process, &error), &error);
    CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_SYSTEM);
    CU_ASSERT_EQUAL(error.system, ENOENT);
    sheaf_process_close(process);
}

static void detached_child_outlives_its_parent(void)
{
    sheaf_error error = {0};
    int *word = sheaf_shared_value(int, &error);
    pid_t parent = fork();

    if (parent == 0) {
        sheaf_process *process;
        struct question question = {6, word};
        sheaf_process_options options = {
            .struct_size = sizeof options, .detached = true, .start = SHEAF_START_FORK};
        _exit(sheaf_process_start(&options, square, &question, sizeof question, &process, NULL) !=
              SHEAF_OK);
    }
    waitpid(parent, NULL, 0);
    for (int i = 0; i < 2000 && __atomic_load_n(word, __ATOMIC_ACQUIRE) != 36; i++)
        sleep_ms(1);
    CU_ASSERT_EQUAL(*word, 36);
    all_end();
    sheaf_shared_free(word);
}

static void foreign_objects_are_refused(void)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;
    int *word = sheaf_shared_value(int, &error);

    UNIT_OK(sheaf_process_start(NULL, sleep_long, NULL, 0, &process, &error), &error);
    pid_t copy = fork();
    if (copy == 0) {
        *word = (int)sheaf_process_join(process, 0, NULL);
        sheaf_process_signal(process, SIGKILL); /* not ours: nothing happens */
        _exit(0);
    }
    waitpid(copy, NULL, 0);
    CU_ASSERT_EQUAL(*word, SHEAF_BAD_ARGUMENT);
    CU_ASSERT(sheaf_process_alive(process));
    sheaf_process_close(process);
    sheaf_shared_free(word);
}

static void works_without_pidfd(void)
{
    sheaf_process_lack_pidfd = true;
    child_sees_its_argument_and_shared_memory();
    error_text_of_the_child_reaches_the_parent();
    signal_and_early_exit_are_told();
    join_times_out_and_sentinel_wakes_poll();
    many_starts_leave_nothing_behind();
    sheaf_process_lack_pidfd = false;
}

static void wrong_arguments_are_told(void)
{
    static char large[SHEAF_ARGUMENT_MAX + 1];
    sheaf_error error = {0};
    sheaf_process *process = NULL;
    int closed = 200;
    sheaf_process_options options = {
        .struct_size = sizeof options, .keep = &closed, .keep_count = 1};

    CU_ASSERT_EQUAL(sheaf_process_start(NULL, NULL, NULL, 0, &process, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(sheaf_process_start(NULL, complain, large, sizeof large, &process, &error),
                    SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(sheaf_process_start(&options, complain, NULL, 0, &process, &error),
                    SHEAF_BAD_ARGUMENT);
}

static void dead_fork_server_is_told(void)
{
    sheaf_error error = {0};
    struct sheaf_zygote *zygote = NULL;
    sheaf_process *process = NULL;
    struct sheaf_spawn spawn = {.name = "worker", .body = complain, .expendable = true};

    UNIT_OK(sheaf_zygote_start(&zygote, &error), &error);
    UNIT_OK(sheaf_zygote_spawn(zygote, &spawn, &process, &error), &error);
    CU_ASSERT_EQUAL(sheaf_process_join(process, 5000, &error), SHEAF_BAD_DATA);
    sheaf_process_close(process);
    kill(sheaf_zygote_id(zygote), SIGKILL);
    CU_ASSERT_EQUAL(sheaf_zygote_spawn(zygote, &spawn, &process, &error), SHEAF_LOST);
    sheaf_zygote_close(zygote);
}

static void arena_is_sealed_and_gives_memory_back(void)
{
    for (int lack = 0; lack < 3; lack++) {
        sheaf_error error = {0};
        struct sheaf_arena arena, other;
        sheaf_arena_lack = lack;
        UNIT_OK(sheaf_arena_open("test", (size_t)1 << 40, 1 << 20, &arena, &error), &error);
        CU_ASSERT(arena.size >= 1 << 20);
        memset(arena.bytes, 7, 1 << 20);
        if (arena.fd >= 0) {
            CU_ASSERT(lack > 0 || ftruncate(arena.fd, 4096) < 0);
            UNIT_OK(sheaf_arena_map(arena.fd, false, &other, &error), &error);
            CU_ASSERT_EQUAL(other.bytes[12345], 7);
            sheaf_arena_close(&other);
        }
        sheaf_arena_discard(&arena, 1, (1 << 20) - 2);
        CU_ASSERT_EQUAL(arena.bytes[0], 7);
        CU_ASSERT_EQUAL(arena.bytes[8192], 0);
        sheaf_arena_close(&arena);
        sheaf_arena_close(&arena);
    }
    sheaf_arena_lack = 0;
    int plain = memfd_create("plain", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    struct sheaf_arena arena;
    CU_ASSERT(ftruncate(plain, 4096) == 0);
    CU_ASSERT_EQUAL(sheaf_arena_map(plain, true, &arena, NULL), SHEAF_BAD_ARGUMENT);
    close(plain);
}

static void events_are_logged_when_asked_for(void)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;
    sheaf_process_options options = {
        .struct_size = sizeof options, .name = "noted", .start = SHEAF_START_FORK};
    int fds[2], saved = dup(2);
    char text[4000] = "";

    CU_ASSERT_EQUAL(pipe(fds), 0);
    dup2(fds[1], 2);
    sheaf_process_log(true);
    sheaf_status status = sheaf_process_start(&options, complain, NULL, 0, &process, &error);
    if (status == SHEAF_OK)
        sheaf_process_join(process, 5000, &error);
    sheaf_process_log(false);
    dup2(saved, 2);
    CU_ASSERT_EQUAL(status, SHEAF_OK);
    sheaf_process_close(process);
    CU_ASSERT(read(fds[0], text, sizeof text - 1) > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "noted: started as pid"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "noted: ends with SHEAF_BAD_DATA"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "ended: row 17 of orders.csv"));
    close(saved);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(child_sees_its_argument_and_shared_memory),
        UNIT(error_text_of_the_child_reaches_the_parent),
        UNIT(signal_and_early_exit_are_told),
        UNIT(join_times_out_and_sentinel_wakes_poll),
        UNIT(killed_parent_leaves_no_orphans),
        UNIT(many_starts_leave_nothing_behind),
        UNIT(inherited_sigchld_loses_no_status),
        UNIT(signal_after_the_end_hits_nobody),
        UNIT(child_begins_clean),
        UNIT(stopped_child_is_seen_and_can_be_ended),
        UNIT(fork_server_knows_no_lock_of_a_thread),
        UNIT(child_outlives_the_thread_that_started_it),
        UNIT(programs_are_run),
        UNIT(foreign_objects_are_refused),
        UNIT(works_without_pidfd),
        UNIT(wrong_arguments_are_told),
        UNIT(events_are_logged_when_asked_for),
        UNIT(dead_fork_server_is_told),
        UNIT(arena_is_sealed_and_gives_memory_back),
        UNIT(detached_child_outlives_its_parent),
        {0},
    };
    sheaf_error error = {0};

    if (sheaf_init(&error) != SHEAF_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 2;
    }
    return unit_run("start", tests);
}
