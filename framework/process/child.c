/* child.c - what a child process does first, and how it leaves: see child.h */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/child.h"
#include "process/log.h"
#include "process/shared_heap.h"

void __gcov_dump(void) __attribute__((weak)); /* there in builds that measure coverage */
int omp_pause_resource_all(int kind) __attribute__((weak));

sheaf_status sheaf_options_copy(void *ours, size_t size, const void *theirs, const char *name,
                                sheaf_error *error)
{
    size_t their_size = size;

    memset(ours, 0, size);
    if (!theirs)
        return SHEAF_OK;
    memcpy(&their_size, theirs, sizeof their_size);
    if (their_size < sizeof their_size)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "struct_size is not set: it shall be sizeof(%s)", name);
    memcpy(ours, theirs, their_size < size ? their_size : size);
    return SHEAF_OK;
}

sheaf_status sheaf_spawn_check(const struct sheaf_spawn *spawn, sheaf_error *error)
{
    if (!spawn->body)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a process needs a body");
    if (spawn->size > SHEAF_ARGUMENT_MAX)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "an argument of %zu bytes is too large: at most %d are copied, put "
                               "more into shared memory",
                               spawn->size, SHEAF_ARGUMENT_MAX);
    if (spawn->keep_count > SHEAF_KEEP_MAX)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "a child can keep %d descriptors, not %zu", SHEAF_KEEP_MAX,
                               spawn->keep_count);
    for (size_t i = 0; i < spawn->keep_count; i++)
        if (fcntl(spawn->keep[i], F_GETFD) < 0)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "descriptor %d is not open",
                                   spawn->keep[i]);
    return SHEAF_OK;
}

void sheaf_keep_statuses(void)
{
    struct sigaction child;

    /* Inherited from whoever started us, either of these would eat the exit statuses. */
    if (sigaction(SIGCHLD, NULL, &child) == 0 &&
        (child.sa_flags & SA_NOCLDWAIT ||
         (!(child.sa_flags & SA_SIGINFO) && child.sa_handler == SIG_IGN)))
        signal(SIGCHLD, SIG_DFL);
}

void sheaf_fork_prepare(void)
{
    static int (*pause_openmp)(int);

    /* gcc's OpenMP runtime hangs in a child forked while it has idle threads.  1: soft. */
    if (!pause_openmp) {
        void *found = dlsym(RTLD_DEFAULT, "omp_pause_resource_all");
        memcpy(&pause_openmp, &found, sizeof found);
        if (omp_pause_resource_all)
            pause_openmp = omp_pause_resource_all;
    }
    if (pause_openmp)
        pause_openmp(1);
    sheaf_keep_statuses();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fflush(stdout);
    fflush(stderr);
}

void sheaf_child_reset_signals(bool ignore_interrupt)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        if (number != SIGKILL && number != SIGSTOP)
            signal(number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (ignore_interrupt)
        signal(SIGINT, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int compare_fds(const void *left, const void *right)
{
    int a = *(const int *)left, b = *(const int *)right;

    return (a > b) - (a < b);
}

static void close_range_slowly(int first, int last)
{
    struct rlimit limit = {.rlim_cur = 1024};
    int end = last;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 1 << 20 && (int)limit.rlim_cur <= end)
        end = (int)limit.rlim_cur - 1;
    if (end > 1 << 20)
        end = 1 << 20;
    for (int fd = first; fd <= end; fd++)
        close(fd);
}

static void close_between(int first, int last)
{
    if (first > last)
        return;
    if (syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0) < 0)
        close_range_slowly(first, last);
}

void sheaf_child_close_others(const int *keep, size_t count)
{
    int sorted[SHEAF_KEEP_MAX + 2];
    int first = 3;

    if (count > 0)
        memcpy(sorted, keep, count * sizeof *keep);
    qsort(sorted, count, sizeof *sorted, compare_fds);
    for (size_t i = 0; i < count; i++) {
        if (sorted[i] < first)
            continue;
        close_between(first, sorted[i] - 1);
        first = sorted[i] + 1;
    }
    close_between(first, INT32_MAX);
}

/* Become the child of `parent`, who is a subreaper, and die with it from then on. */
static void bind_to_parent(pid_t parent, pid_t middle)
{
    /* The middle process ends at once; if someone else takes us in, the parent is gone. */
    while (middle && getppid() == middle)
        sched_yield();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* It may have ended before the call above; compared with its id, not with 1: there may be
     * other subreapers. */
    if (getppid() != parent)
        _exit(0);
}

static void set_standard_files(sheaf_stdout output)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, 0);
        if (output == SHEAF_STDOUT_NULL)
            dup2(null, 1);
        if (null > 2)
            close(null);
    }
    if (output == SHEAF_STDOUT_STDERR)
        dup2(2, 1);
}

static void make_expendable(void)
{
    struct rlimit none = {0, 0};
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, "500", 3) != 3)
            errno = 0; /* a wish, not a need */
        close(fd);
    }
    setrlimit(RLIMIT_CORE, &none); /* it maps more than anybody wants to read */
}

static sheaf_status run_body(const struct sheaf_spawn *spawn, sheaf_error *error)
{
    void *argument;
    sheaf_status status;

    memcpy(&argument, &spawn->argument, sizeof argument);
    status = spawn->body(argument, error);
    if (status != SHEAF_OK && error->status != status) {
        if (error->message[0] == '\0')
            sheaf_error_set(error, status, "%s failed (%s)", spawn->name,
                            sheaf_status_name(status));
        error->status = status;
    }
    return status;
}

_Noreturn void sheaf_child_main(const struct sheaf_spawn *spawn, struct sheaf_report *report,
                                pid_t parent, pid_t middle)
{
    sheaf_error error = {0};

    if (spawn->detached)
        setsid();
    else
        bind_to_parent(parent, middle);
    sheaf_process_forget_all();
    if (!spawn->detached) /* in this order: see estate.c */
        sheaf_shared_note_child(report, getpid());
    if (!spawn->detached)
        setpgid(0, 0); /* the terminal's signals go to the parent, who knows what to do */
    sheaf_child_reset_signals(!spawn->detached);
    sheaf_child_close_others(spawn->keep, spawn->keep_count);
    set_standard_files(spawn->standard_output);
    if (spawn->expendable)
        make_expendable();
    prctl(PR_SET_NAME, spawn->name);
    sheaf_log("%s: begins", spawn->name);

    sheaf_status status = run_body(spawn, &error);

    fflush(stdout);
    fflush(stderr);
    sheaf_log("%s: ends with %s", spawn->name, sheaf_status_name(status));
    report->status = status;
    report->error = error;
    __atomic_store_n(&report->finished, 1, __ATOMIC_RELEASE);
    if (__gcov_dump)
        __gcov_dump();
    _exit(status != SHEAF_OK);
}
