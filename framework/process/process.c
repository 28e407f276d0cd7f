/* process.c - children as objects: start, join, stop, the list: see sheaf/process.h */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sheaf/shared.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "process/futex.h"
#include "process/log.h"
#include "process/shared_heap.h"
#include "process/zygote.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

bool sheaf_process_lack_pidfd;

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sheaf_process *list;
static struct sheaf_zygote *server; /* of sheaf_init() */
static pid_t server_user;           /* the process it works for: not for a forked copy of us */
static pthread_mutex_t server_lock = PTHREAD_MUTEX_INITIALIZER;

/* -- the list of active children ------------------------------------------------ */

static void enter(struct sheaf_process *process)
{
    pthread_mutex_lock(&list_lock);
    process->next = list;
    process->previous = &list;
    if (list)
        list->previous = &process->next;
    list = process;
    pthread_mutex_unlock(&list_lock);
}

static void leave(struct sheaf_process *process)
{
    pthread_mutex_lock(&list_lock);
    /* A forked copy of us emptied its list; its objects are still linked among themselves. */
    if (process->parent == getpid()) {
        *process->previous = process->next;
        if (process->next)
            process->next->previous = process->previous;
    }
    pthread_mutex_unlock(&list_lock);
}

void sheaf_process_forget_all(void)
{
    /* Another thread may have held these when we were forked. */
    pthread_mutex_init(&list_lock, NULL);
    pthread_mutex_init(&server_lock, NULL);
    list = NULL;
    server = NULL;
}

size_t sheaf_process_active(sheaf_process **processes, size_t capacity)
{
    size_t count = 0;

    pthread_mutex_lock(&list_lock);
    for (struct sheaf_process *at = list; at; at = at->next) {
        if (at->parent != getpid())
            continue;
        if (count < capacity)
            processes[count] = at;
        count++;
    }
    pthread_mutex_unlock(&list_lock);
    return count;
}

int sheaf_process_cpus(void)
{
    return sheaf_cpu_count();
}

/* -- start ------------------------------------------------------------------------ */

static int open_pidfd(pid_t id)
{
    if (sheaf_process_lack_pidfd) {
        errno = ENOSYS;
        return -1;
    }
    return (int)syscall(SYS_pidfd_open, id, 0u);
}

bool sheaf_process_has_pidfd(void)
{
    int fd = open_pidfd(getpid());

    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno != ENOSYS;
}

sheaf_status sheaf_process_adopt(const struct sheaf_spawn *spawn, pid_t id,
                                 struct sheaf_report *report, int sentinel, sheaf_process **process,
                                 sheaf_error *error)
{
    struct sheaf_process *made;

    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    snprintf(made->name, sizeof made->name, "%s", spawn->name);
    made->id = id;
    made->parent = getpid();
    made->report = report;
    made->detached = spawn->detached;
    made->is_pidfd = sentinel < 0;
    made->sentinel = sentinel < 0 ? open_pidfd(id) : sentinel;
    if (made->sentinel < 0) {
        free(made);
        return sheaf_error_errno(error, "cannot watch process %d", (int)id);
    }
    enter(made);
    sheaf_log("%s: started as pid %d", made->name, (int)id);
    *process = made;
    return SHEAF_OK;
}

/* A thread that is not the first may end before the process does, and the death signal would
 * come with its end: let the child be forked twice, so that the first thread inherits it. */
static pid_t fork_twice(const struct sheaf_spawn *spawn, struct sheaf_report *report, pid_t parent)
{
    int channel[2];
    pid_t worker = -1;

    if (pipe2(channel, O_CLOEXEC) < 0)
        return -1;
    pid_t middle = fork();
    if (middle == 0) {
        pid_t self = getpid();
        worker = fork();
        if (worker == 0)
            sheaf_child_main(spawn, report, parent, self);
        if (worker < 0)
            worker = -errno;
        ssize_t written = write(channel[1], &worker, sizeof worker);
        _exit(written != sizeof worker);
    }
    int number = errno;
    close(channel[1]);
    if (middle > 0) {
        number = EAGAIN;
        if (read(channel[0], &worker, sizeof worker) != sizeof worker)
            worker = -1;
        else if (worker < 0)
            number = -worker;
        while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close(channel[0]);
    errno = number;
    return worker < 0 ? -1 : worker;
}

static pid_t fork_child(const struct sheaf_spawn *spawn, struct sheaf_report *report)
{
    pid_t parent = getpid();

    if (syscall(SYS_gettid) != parent)
        return fork_twice(spawn, report, parent);
    pid_t id = fork();
    if (id == 0)
        sheaf_child_main(spawn, report, parent, 0);
    return id;
}

/* The machine may be short of processes for a moment only. */
static pid_t fork_patiently(const struct sheaf_spawn *spawn, struct sheaf_report *report)
{
    pid_t id = -1;

    for (long wait_ms = 1; wait_ms <= 100 && id < 0; wait_ms *= 10) {
        id = fork_child(spawn, report);
        if (id >= 0 || (errno != EAGAIN && errno != ENOMEM))
            break;
        struct timespec pause = {.tv_nsec = wait_ms * 1000000};
        int number = errno;
        nanosleep(&pause, NULL);
        errno = number;
    }
    return id;
}

static sheaf_status start_by_fork(const struct sheaf_spawn *wanted, sheaf_process **process,
                                  sheaf_error *error)
{
    struct sheaf_spawn spawn = *wanted;
    int keep[SHEAF_KEEP_MAX + 1], watch[2] = {-1, -1};
    struct sheaf_report *report = sheaf_shared_alloc_own(1, sizeof(struct sheaf_report), error);
    sigset_t all, before;

    if (!report)
        return SHEAF_NO_MEMORY;
    sheaf_shared_note_child(report, SHEAF_NOT_NOTED);
    if (!sheaf_process_has_pidfd()) {
        if (pipe2(watch, O_CLOEXEC) < 0) {
            sheaf_error_errno(error, "cannot start %s", spawn.name);
            goto failed;
        }
        if (spawn.keep_count > 0)
            memcpy(keep, spawn.keep, spawn.keep_count * sizeof *keep);
        keep[spawn.keep_count++] = watch[1];
        spawn.keep = keep;
    }
    sheaf_fork_prepare();
    /* No handler of this program shall run in the child. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t id = fork_patiently(&spawn, report);
    int number = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (watch[1] >= 0)
        close(watch[1]);
    errno = number;
    if (id < 0) {
        sheaf_error_errno(error, "cannot start %s", spawn.name);
        sheaf_error_help(error, "Limits on processes: ulimit -u, pids.max of the cgroup");
        goto failed;
    }
    if (sheaf_process_adopt(&spawn, id, report, watch[0], process, error) == SHEAF_OK)
        return SHEAF_OK;
    kill(id, SIGKILL);
    waitpid(id, NULL, 0);
failed:
    if (watch[0] >= 0)
        close(watch[0]);
    sheaf_shared_free(report);
    return SHEAF_SYSTEM;
}

static bool has_server(void)
{
    return server && server_user == getpid();
}

sheaf_status sheaf_init(sheaf_error *error)
{
    sheaf_status status = SHEAF_OK;

    pthread_mutex_lock(&server_lock);
    if (!has_server()) {
        status = sheaf_zygote_start(&server, error);
        server_user = getpid();
    }
    pthread_mutex_unlock(&server_lock);
    return status;
}

static sheaf_status start_by_server(const struct sheaf_spawn *spawn, sheaf_process **process,
                                    sheaf_error *error)
{
    pthread_mutex_lock(&server_lock);
    sheaf_status status = has_server()
                              ? sheaf_zygote_spawn(server, spawn, process, error)
                              : sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                                "there is no fork server: call sheaf_init() first");
    pthread_mutex_unlock(&server_lock);
    return status;
}

sheaf_status sheaf_process_start(const sheaf_process_options *options, sheaf_body body,
                                 const void *argument, size_t size, sheaf_process **process,
                                 sheaf_error *error)
{
    sheaf_process_options wish;
    struct sheaf_spawn spawn = {.body = body, .argument = argument, .size = size};

    SHEAF_TRY(sheaf_options_copy(&wish, sizeof wish, options, "sheaf_process_options", error));
    spawn.name = wish.name ? wish.name : "process";
    spawn.keep = wish.keep;
    spawn.keep_count = wish.keep_count;
    spawn.standard_output = wish.standard_output;
    spawn.detached = wish.detached;
    SHEAF_TRY(sheaf_spawn_check(&spawn, error));
    if (wish.start == SHEAF_START_SERVER || (wish.start == SHEAF_START_ANY && has_server()))
        return start_by_server(&spawn, process, error);
    return start_by_fork(&spawn, process, error);
}

/* -- running a program ---------------------------------------------------------------- */

static sheaf_status run_program(void *argument, sheaf_error *error)
{
    char *text = argument, *arguments[512];
    size_t count = 0;

    while (*text && count < 511) {
        arguments[count++] = text + 1;
        text += 1 + strlen(text + 1) + 1;
    }
    arguments[count] = NULL;
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    execvp(arguments[0], arguments);
    sheaf_error_errno(error, "cannot run %s", arguments[0]);
    return SHEAF_SYSTEM;
}

sheaf_status sheaf_process_run(const sheaf_process_options *options, const char *const *arguments,
                               sheaf_process **process, sheaf_error *error)
{
    char packed[SHEAF_ARGUMENT_MAX];
    size_t used = 0, count = 0;

    /* Each argument is "+text" and a zero byte; a last zero byte ends the list. */
    for (; arguments[count]; count++) {
        size_t size = strlen(arguments[count]) + 1;
        if (count == 511 || used + size + 2 > sizeof packed)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the arguments of %s are too long",
                                   arguments[0]);
        packed[used++] = '+';
        memcpy(packed + used, arguments[count], size);
        used += size;
    }
    if (count == 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "no program to run");
    packed[used++] = '\0';
    SHEAF_TRY(sheaf_process_start(options, run_program, packed, used, process, error));
    (*process)->is_program = true;
    return SHEAF_OK;
}

/* -- what became of it ------------------------------------------------------------------- */

/* clang's OpenMP runtime makes a file for each process that used it, and a process that is killed
 * or leaves by _exit leaves it behind.  The child is dead, so it is nobody's. */
static void remove_openmp_file(pid_t id)
{
    static int there = -1;
    char path[80];

    if (there < 0)
        there = dlsym(RTLD_DEFAULT, "__kmpc_global_thread_num") != NULL;
    if (!there)
        return;
    snprintf(path, sizeof path, "/dev/shm/__KMP_REGISTERED_LIB_%d_%d", (int)id, (int)getuid());
    unlink(path);
}

static void describe_end(struct sheaf_process *process, const siginfo_t *info)
{
    sheaf_error *error = &process->error;

    if (__atomic_load_n(&process->report->finished, __ATOMIC_ACQUIRE)) {
        process->status = process->report->status;
        process->error = process->report->error;
    } else if (info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED) {
        process->status = sheaf_error_set(
            error, SHEAF_LOST, "%s (pid %d) was killed by signal %d (%s)", process->name,
            (int)process->id, info->si_status, strsignal(info->si_status));
        error->system = info->si_status;
    } else if (process->is_program) {
        process->status = info->si_status == 0
                              ? SHEAF_OK
                              : sheaf_error_set(error, SHEAF_REFUSED, "%s ended with exit code %d",
                                                process->name, info->si_status);
        error->system = info->si_status;
    } else if (info->si_code == CLD_EXITED) {
        process->status = sheaf_error_set(
            error, SHEAF_LOST, "%s (pid %d) left with exit code %d before its body returned",
            process->name, (int)process->id, info->si_status);
    } else {
        process->status =
            sheaf_error_set(error, SHEAF_LOST,
                            "%s (pid %d) ended, but another part of this program took its status",
                            process->name, (int)process->id);
    }
    sheaf_log("%s: pid %d ended: %s", process->name, (int)process->id,
              process->status == SHEAF_OK ? "ok" : error->message);
}

static int look(const struct sheaf_process *process, siginfo_t *info, int flags)
{
    int result;

    do {
        *info = (siginfo_t){0};
        if (process->is_pidfd)
            result = waitid((idtype_t)P_PIDFD, (id_t)process->sentinel, info, flags);
        else
            result = waitid(P_PID, (id_t)process->id, info, flags);
        if (result < 0 && errno == EINVAL && process->is_pidfd) /* pidfd_open, but no P_PIDFD */
            result = waitid(P_PID, (id_t)process->id, info, flags);
    } while (result < 0 && errno == EINTR);
    return result;
}

/* Take the exit status if the child has ended. */
static bool reap(struct sheaf_process *process)
{
    siginfo_t info;

    if (process->reaped)
        return true;
    int result = look(process, &info, WEXITED | WNOHANG | WNOWAIT);
    if (result == 0 && info.si_pid == 0)
        return false;
    if (result == 0 && !process->detached &&
        !__atomic_load_n(&process->report->finished, __ATOMIC_ACQUIRE))
        sheaf_process_settle_estate(process->id);
    else
        look(process, &info, WEXITED | WNOHANG);
    process->reaped = true;
    remove_openmp_file(process->id);
    describe_end(process, &info);
    sheaf_shared_free(process->report);
    process->report = NULL;
    return true;
}

static bool wait_for_end(struct sheaf_process *process, int64_t deadline)
{
    struct pollfd sentinel = {.fd = process->sentinel, .events = POLLIN};

    while (!reap(process)) {
        if (sheaf_deadline_passed(deadline))
            return false;
        /* Where the sentinel is a pipe, the child may close it a little before its end. */
        int64_t left = INT64_MAX;
        if (deadline != INT64_MAX)
            left = (deadline - sheaf_clock_ns()) / 1000000 + 1;
        int wait_ms = left > 1000 ? 1000 : left < 0 ? 0 : (int)left;
        if (poll(&sentinel, 1, wait_ms) > 0 && !process->is_pidfd) {
            struct timespec pause = {.tv_nsec = 200000};
            nanosleep(&pause, NULL);
        }
    }
    return true;
}

sheaf_status sheaf_process_join(sheaf_process *process, int64_t timeout_ms, sheaf_error *error)
{
    if (process->parent != getpid())
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s is not a child of this process",
                               process->name);
    if (!wait_for_end(process, sheaf_deadline(timeout_ms)))
        return sheaf_error_set(error, SHEAF_TIMEOUT, "%s (pid %d) still runs after %lld ms",
                               process->name, (int)process->id, (long long)timeout_ms);
    if (process->status != SHEAF_OK && error)
        *error = process->error;
    return process->status;
}

void sheaf_process_signal(sheaf_process *process, int number)
{
    if (process->parent != getpid() || reap(process))
        return;
    /* Not reaped, so its id can not mean anybody else even without a pidfd. */
    if (!process->is_pidfd ||
        syscall(SYS_pidfd_send_signal, process->sentinel, number, NULL, 0u) < 0)
        if (!process->is_pidfd || errno == ENOSYS)
            kill(process->id, number);
}

void sheaf_process_stop(sheaf_process *process, int64_t grace_ms)
{
    if (process->parent != getpid() || reap(process))
        return;
    if (grace_ms != 0) {
        sheaf_process_signal(process, SIGTERM);
        sheaf_process_signal(process, SIGCONT);
        if (wait_for_end(process, sheaf_deadline(grace_ms)))
            return;
    }
    sheaf_process_signal(process, SIGKILL);
    /* A process that waits for a dead disk or file server ends when that does: not our wait. */
    wait_for_end(process, sheaf_deadline(2000));
}

bool sheaf_process_alive(sheaf_process *process)
{
    return process->parent == getpid() && !reap(process);
}

bool sheaf_process_stopped(sheaf_process *process)
{
    char path[64], text[512];

    if (!sheaf_process_alive(process))
        return false;
    /* waitid(WSTOPPED) reports the change once only, and not where a debugger is the cause. */
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (size > 0) {
        text[size] = '\0';
        const char *end = strrchr(text, ')');
        return end && (end[2] == 'T' || end[2] == 't');
    }
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)process->id, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

int sheaf_process_id(const sheaf_process *process)
{
    return (int)process->id;
}

const char *sheaf_process_name(const sheaf_process *process)
{
    return process->name;
}

int sheaf_process_sentinel(const sheaf_process *process)
{
    return process->sentinel;
}

void sheaf_process_close(sheaf_process *process)
{
    if (!process)
        return;
    if (process->parent == getpid()) {
        if (!process->detached)
            sheaf_process_stop(process, 0);
        else
            reap(process);
        leave(process);
        /* A detached child writes its report when it ends: that memory stays. */
    }
    close(process->sentinel);
    free(process);
}
