/* zygote.c - the fork server: see zygote.h */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sheaf/shared.h>

#include "base/memory.h"
#include "process/log.h"
#include "process/shared_heap.h"
#include "process/zygote.h"

struct sheaf_zygote {
    int socket;
    pid_t id;
    int32_t *born; /* shared: the id of the worker, or -errno; stored by the middle process */
};

/* What is asked for; the bytes of the argument follow, the descriptors come beside. */
struct __attribute__((aligned(64))) request {
    struct sheaf_spawn spawn; /* name and keep are replaced by what follows */
    struct sheaf_report *report;
    char name[48];
    int keep[SHEAF_KEEP_MAX + 1];
};

struct message {
    struct request request;
    unsigned char argument[SHEAF_ARGUMENT_MAX];
};

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * (SHEAF_KEEP_MAX + 1))];
};

/* -- in the server ------------------------------------------------------------------ */

static struct message message; /* the server is single-threaded; a worker has its own copy */

/* Give the received descriptors the numbers that they had with the one who asked. */
static void place(const int *received, const int *wanted, size_t count)
{
    int above = 3, moved[SHEAF_KEEP_MAX + 1];

    for (size_t i = 0; i < count; i++)
        if (wanted[i] >= above)
            above = wanted[i] + 1;
    for (size_t i = 0; i < count; i++)
        moved[i] = fcntl(received[i], F_DUPFD_CLOEXEC, above);
    for (size_t i = 0; i < count; i++)
        if (moved[i] >= 0)
            dup2(moved[i], wanted[i]);
}

static _Noreturn void become_worker(const int *received, pid_t parent, pid_t middle)
{
    struct request *request = &message.request;

    request->spawn.name = request->name;
    request->spawn.keep = request->keep;
    if (request->spawn.size > 0)
        request->spawn.argument = message.argument;
    place(received, request->keep, request->spawn.keep_count);
    sheaf_child_main(&request->spawn, request->report, parent, middle);
}

static int32_t give_birth(const int *received, pid_t parent, int32_t *born)
{
    *born = -EAGAIN;
    pid_t middle = fork();
    if (middle == 0) {
        pid_t self = getpid();
        pid_t worker = fork();
        if (worker == 0)
            become_worker(received, parent, self);
        *born = worker < 0 ? -errno : worker;
        _exit(0);
    }
    if (middle < 0)
        return -errno;
    while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
        ;
    return *born;
}

/* The number of descriptors that came with it, or -1 when nobody will ask any more. */
static int receive_request(int socket, int *received)
{
    union control control;
    struct iovec part = {&message, sizeof message};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t size;

    do
        size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < (ssize_t)sizeof message.request)
        return -1;
    struct cmsghdr *first = CMSG_FIRSTHDR(&header);
    if (!first || first->cmsg_type != SCM_RIGHTS)
        return 0;
    size_t count = (first->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(received, CMSG_DATA(first), count * sizeof(int));
    return (int)count;
}

static _Noreturn void serve(int socket, pid_t parent, int32_t *born)
{
    int received[SHEAF_KEEP_MAX + 1];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    sheaf_process_forget_all();
    setpgid(0, 0);
    sheaf_child_reset_signals(true);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    prctl(PR_SET_NAME, "sheaf-zygote");
    sheaf_child_close_others(&socket, 1);
    for (;;) {
        int count = receive_request(socket, received);
        if (count < 0)
            _exit(0);
        int32_t answer = give_birth(received, parent, born);
        for (int i = 0; i < count; i++)
            close(received[i]);
        if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer)
            _exit(0);
    }
}

/* -- in the one who asks --------------------------------------------------------------- */

sheaf_status sheaf_zygote_start(struct sheaf_zygote **zygote, sheaf_error *error)
{
    struct sheaf_zygote *made = NULL;
    int ends[2] = {-1, -1};
    pid_t parent = getpid();
    sigset_t all, before;

    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    made->born = sheaf_shared_value(int32_t, error); /* also makes sure that there is a heap */
    if (!made->born) {
        free(made);
        return SHEAF_NO_MEMORY;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        sheaf_error_errno(error, "cannot start the fork server");
        goto failed;
    }
    sheaf_fork_prepare();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    made->id = fork();
    if (made->id == 0)
        serve(ends[1], parent, made->born);
    int number = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = number;
    if (made->id < 0) {
        sheaf_error_errno(error, "cannot start the fork server");
        goto failed;
    }
    close(ends[1]);
    made->socket = ends[0];
    sheaf_log("fork server: started as pid %d", (int)made->id);
    *zygote = made;
    return SHEAF_OK;
failed:
    if (ends[0] >= 0) {
        close(ends[0]);
        close(ends[1]);
    }
    sheaf_shared_free(made->born);
    free(made);
    return SHEAF_SYSTEM;
}

static sheaf_status send_request(struct sheaf_zygote *zygote, struct request *request,
                                 sheaf_error *error)
{
    struct sheaf_spawn *spawn = &request->spawn;
    union control control = {.bytes = {0}};
    struct iovec parts[2] = {{request, sizeof *request}, {NULL, spawn->size}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = spawn->size > 0 ? 2 : 1};

    if (spawn->size > 0)
        memcpy(&parts[1].iov_base, &spawn->argument, sizeof spawn->argument);
    if (spawn->keep_count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * spawn->keep_count);
        struct cmsghdr *first = CMSG_FIRSTHDR(&header);
        first->cmsg_level = SOL_SOCKET;
        first->cmsg_type = SCM_RIGHTS;
        first->cmsg_len = CMSG_LEN(sizeof(int) * spawn->keep_count);
        memcpy(CMSG_DATA(first), request->keep, sizeof(int) * spawn->keep_count);
    }
    ssize_t sent;
    do
        sent = sendmsg(zygote->socket, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return sheaf_error_set(error, SHEAF_LOST, "the fork server (pid %d) is gone: %s",
                               (int)zygote->id, strerror(errno));
    return SHEAF_OK;
}

static sheaf_status receive_answer(struct sheaf_zygote *zygote, pid_t *id, sheaf_error *error)
{
    int32_t answer = 0;
    ssize_t size;

    do
        size = recv(zygote->socket, &answer, sizeof answer, 0);
    while (size < 0 && errno == EINTR);
    if (size != sizeof answer)
        return sheaf_error_set(error, SHEAF_LOST, "the fork server (pid %d) died", (int)zygote->id);
    if (answer < 0) {
        errno = -answer;
        sheaf_error_errno(error, "the fork server cannot start a process");
        sheaf_error_help(error, "Limits on processes: ulimit -u, pids.max of the cgroup");
        return SHEAF_SYSTEM;
    }
    *id = answer;
    return SHEAF_OK;
}

sheaf_status sheaf_zygote_spawn(struct sheaf_zygote *zygote, const struct sheaf_spawn *spawn,
                                sheaf_process **process, sheaf_error *error)
{
    struct request request = {.spawn = *spawn};
    int watch[2] = {-1, -1};
    sheaf_status status;
    pid_t id = 0;

    SHEAF_TRY(sheaf_spawn_check(spawn, error));
    request.report = sheaf_shared_alloc_own(1, sizeof(struct sheaf_report), error);
    if (!request.report)
        return SHEAF_NO_MEMORY;
    snprintf(request.name, sizeof request.name, "%s", spawn->name ? spawn->name : "worker");
    request.spawn.name = request.name;
    if (spawn->keep_count > 0)
        memcpy(request.keep, spawn->keep, spawn->keep_count * sizeof *spawn->keep);
    if (!sheaf_process_has_pidfd()) {
        if (pipe2(watch, O_CLOEXEC) < 0) {
            status = sheaf_error_errno(error, "cannot start %s", request.name);
            goto failed;
        }
        request.keep[request.spawn.keep_count++] = watch[1];
    }
    sheaf_keep_statuses();
    status = send_request(zygote, &request, error);
    if (watch[1] >= 0)
        close(watch[1]);
    if (status == SHEAF_OK)
        status = receive_answer(zygote, &id, error);
    if (status != SHEAF_OK)
        goto failed;
    request.spawn.name = request.name;
    status = sheaf_process_adopt(&request.spawn, id, request.report, watch[0], process, error);
    if (status == SHEAF_OK)
        return SHEAF_OK;
    kill(id, SIGKILL);
    waitpid(id, NULL, 0);
failed:
    if (watch[0] >= 0)
        close(watch[0]);
    sheaf_shared_free(request.report);
    return status;
}

int sheaf_zygote_id(const struct sheaf_zygote *zygote)
{
    return (int)zygote->id;
}

void sheaf_zygote_close(struct sheaf_zygote *zygote)
{
    if (!zygote)
        return;
    close(zygote->socket);
    kill(zygote->id, SIGKILL); /* not reaped yet, so it can be nobody else */
    while (waitpid(zygote->id, NULL, 0) < 0 && errno == EINTR)
        ;
    sheaf_shared_free(zygote->born);
    free(zygote);
}
