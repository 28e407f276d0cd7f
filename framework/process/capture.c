/* capture.c - a child whose output comes back: see capture.h */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/capture.h"

/* What the child does first: nothing that it inherits may disturb its parent or outlive it. */
static void settle(pid_t parent)
{
    struct rlimit none = {0, 0};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t all;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int number = 1; number < 32; number++)
        sigaction(number, &standard, NULL); /* refused for two, which have no handlers anyway */
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(125);
    setrlimit(RLIMIT_CORE, &none);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
}

/* Read until the pipe ends, the limit is full, or the time is over. */
static void gather(struct sheaf_capture *child, int from, int64_t deadline)
{
    char bytes[4096];

    for (;;) {
        struct pollfd ready = {.fd = from, .events = POLLIN};
        int64_t left = (deadline - sheaf_clock_ns() + 999999) / 1000000;
        int events = left > 0 ? poll(&ready, 1, (int)left) : 0;
        ssize_t got;

        if (events < 0 && errno == EINTR)
            continue;
        child->timed_out = events == 0;
        if (events <= 0)
            return;
        got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        if ((size_t)got > child->limit - child->output.size)
            got = (ssize_t)(child->limit - child->output.size);
        sheaf_string_append_bytes(&child->output, bytes, (size_t)got);
        if (child->output.size >= child->limit || child->output.failed)
            return;
    }
}

/* Wait for the end, not longer than the deadline: a child may close its pipe and go on. */
static void reap(struct sheaf_capture *child, pid_t id, int64_t deadline)
{
    siginfo_t end = {0};
    bool killed = child->timed_out || child->output.size >= child->limit;
    int pause_ms = 1;

    for (;;) {
        if (!killed && sheaf_clock_ns() >= deadline)
            killed = child->timed_out = true;
        if (killed)
            kill(-id, SIGKILL);
        if (waitid(P_PID, (id_t)id, &end, WEXITED | (killed ? 0 : WNOHANG)) < 0 && errno != EINTR)
            break; /* somebody else reaped it: nothing is known of its end */
        if (end.si_pid == id)
            break;
        poll(NULL, 0, pause_ms);
        pause_ms = pause_ms < 16 ? 2 * pause_ms : 16;
    }
    kill(-id, SIGKILL); /* what it started and left behind */
    child->code = end.si_pid == id && end.si_code == CLD_EXITED ? end.si_status : -1;
    child->signal = end.si_pid == id && end.si_code != CLD_EXITED ? end.si_status : 0;
}

sheaf_status sheaf_capture_run(struct sheaf_capture *child, sheaf_error *error)
{
    int64_t deadline = sheaf_clock_ns() + (int64_t)child->timeout_ms * 1000000;
    pid_t parent = getpid(), id;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return sheaf_error_errno(error, "cannot make a pipe for a child process");
    id = fork();
    if (id < 0) {
        sheaf_error_errno(error, "cannot start a child process");
        close(ends[0]);
        close(ends[1]);
        return SHEAF_SYSTEM;
    }
    if (id == 0) {
        settle(parent);
        _exit(child->body(child->argument, ends[1]));
    }
    setpgid(id, id); /* here too: whoever comes first */
    close(ends[1]);
    gather(child, ends[0], deadline);
    close(ends[0]);
    reap(child, id, deadline);
    return sheaf_string_check(&child->output, error);
}
