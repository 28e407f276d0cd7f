/*
 * pipe.c - whole messages between two ends: see sheaf/process.h
 *
 * A socket pair.  Each message is announced by a header with its size; the
 * receiver looks at the header before it takes anything, so that a message that
 * does not fit can stay.  Waiting begins with a short while of asking, giving way
 * in between: waking a sleeping process on another processor costs ten times as
 * much as an answer.  A small message for a receiver that waits does not go through
 * the socket at all: see direct.h.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sheaf/process.h>

#include "process/direct.h"
#include "process/futex.h"

enum kind { BYTES = 0x73680001, DESCRIPTOR = 0x73680002 };

struct header {
    uint32_t kind;
    uint32_t unused;
    uint64_t size;
};

sheaf_status sheaf_pipe_pair(bool duplex, sheaf_pipe ends[2], sheaf_error *error)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return sheaf_error_errno(error, "cannot open a pipe");
    if (!duplex) {
        shutdown(fds[0], SHUT_WR);
        shutdown(fds[1], SHUT_RD);
    }
    ends[0] = (sheaf_pipe){.fd = fds[0]};
    ends[1] = (sheaf_pipe){.fd = fds[1]};
    sheaf_direct_join(ends);
    return SHEAF_OK;
}

void sheaf_pipe_close(sheaf_pipe *pipe)
{
    if (pipe && pipe->fd >= 0) {
        close(pipe->fd);
        pipe->fd = -1;
    }
}

/* Sleep until the end can be read or written.  False if the deadline came first. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd end = {.fd = fd, .events = events};

    for (;;) {
        int64_t left =
            deadline == INT64_MAX ? 1000 : (deadline - sheaf_clock_ns() + 999999) / 1000000;
        if (left <= 0)
            return poll(&end, 1, 0) > 0;
        int found = poll(&end, 1, left > 1000 ? 1000 : (int)left);
        if (found > 0)
            return true;
    }
}

/* Send the bytes of a message, all of them; `fd` goes along with the first unless it is -1. */
static sheaf_status send_parts(sheaf_pipe *pipe, struct iovec *parts, int fd, int64_t deadline,
                               bool *begun, sheaf_error *error)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *first = CMSG_FIRSTHDR(&message);
        *first = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(first), &fd, sizeof fd);
    }
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        ssize_t sent = sendmsg(pipe->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (wait_for(pipe->fd, POLLOUT, deadline))
                continue;
            if (*begun) /* half a message can not be taken back: end the stream instead */
                shutdown(pipe->fd, SHUT_WR);
            return sheaf_error_set(error, SHEAF_TIMEOUT, "the pipe stayed full");
        }
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN))
            return sheaf_error_set(error, SHEAF_CLOSED, "the other end of the pipe is closed");
        if (sent < 0)
            return sheaf_error_errno(error, "cannot send along a pipe");
        *begun = true;
        message.msg_control = NULL;
        message.msg_controllen = 0;
        for (int i = 0; i < 2; i++) {
            size_t part = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + part;
            parts[i].iov_len -= part;
            sent -= (ssize_t)part;
        }
    }
    return SHEAF_OK;
}

static sheaf_status send_all(sheaf_pipe *pipe, struct iovec *parts, int fd, int64_t deadline,
                             sheaf_error *error)
{
    bool begun = false;

    sheaf_direct_count_sent(pipe, 1);
    sheaf_status status = send_parts(pipe, parts, fd, deadline, &begun, error);
    if (!begun)
        sheaf_direct_count_sent(pipe, -1);
    return status;
}

sheaf_status sheaf_pipe_send(sheaf_pipe *pipe, const void *bytes, size_t size, int64_t timeout_ms,
                             sheaf_error *error)
{
    struct header header = {.kind = BYTES, .size = size};
    struct iovec parts[2] = {{&header, sizeof header}, {NULL, size}};

    if (size == 0 || size > SHEAF_PIPE_MAX)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a message cannot have %zu bytes", size);
    if (sheaf_direct_send(pipe, bytes, size))
        return SHEAF_OK;
    memcpy(&parts[1].iov_base, &bytes, sizeof bytes);
    return send_all(pipe, parts, -1, sheaf_deadline(timeout_ms), error);
}

sheaf_status sheaf_pipe_send_fd(sheaf_pipe *pipe, int fd, sheaf_error *error)
{
    struct header header = {.kind = DESCRIPTOR};
    struct iovec parts[2] = {{&header, sizeof header}, {NULL, 0}};

    if (fd < 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "descriptor %d is not open", fd);
    return send_all(pipe, parts, fd, sheaf_deadline(SHEAF_FOREVER), error);
}

/* Look at the header of the next message without taking it.  1: there, 0: not yet, -1: never. */
static int peek(sheaf_pipe *pipe, struct header *header)
{
    ssize_t size = recv(pipe->fd, header, sizeof *header, MSG_PEEK | MSG_DONTWAIT);

    if (size == (ssize_t)sizeof *header)
        return 1;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    if (size > 0) { /* a part of a header: the rest comes, or its sender died */
        struct pollfd end = {.fd = pipe->fd, .events = POLLRDHUP};
        return poll(&end, 1, 0) > 0 && end.revents & (POLLRDHUP | POLLHUP) ? -2 : 0;
    }
    return -1;
}

static sheaf_status await_header(sheaf_pipe *pipe, struct header *header, int64_t timeout_ms,
                                 int64_t deadline, sheaf_error *error)
{
    int rounds = timeout_ms == 0 ? 0 : sheaf_spin_rounds();

    for (;;) {
        int found = peek(pipe, header);
        if (found == 1)
            break;
        if (found == -1)
            return sheaf_error_set(error, SHEAF_CLOSED, "the other end of the pipe is closed");
        if (found == -2)
            return sheaf_error_set(error, SHEAF_LOST, "the sender died in the middle of a message");
        if (rounds-- > 0) {
            sheaf_give_way();
            continue;
        }
        if (!wait_for(pipe->fd, POLLIN, deadline))
            return sheaf_error_set(error, SHEAF_TIMEOUT, "no message came within %lld ms",
                                   (long long)timeout_ms);
    }
    if (header->kind != BYTES && header->kind != DESCRIPTOR)
        return sheaf_error_set(error, SHEAF_BAD_DATA,
                               "what came along the pipe was not sent by sheaf");
    return SHEAF_OK;
}

static sheaf_status receive_all(sheaf_pipe *pipe, void *bytes, size_t size, int64_t deadline,
                                sheaf_error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = recv(pipe->fd, (char *)bytes + done, size - done, MSG_DONTWAIT);
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno == ECONNRESET)
            return sheaf_error_set(error, SHEAF_LOST,
                                   "the sender died in the middle of a message: %zu of %zu bytes",
                                   done, size);
        else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            return sheaf_error_errno(error, "cannot receive from a pipe");
        else if (errno != EINTR && !wait_for(pipe->fd, POLLIN, deadline)) {
            shutdown(pipe->fd, SHUT_RDWR); /* what follows would be taken for a header */
            return sheaf_error_set(error, SHEAF_LOST, "a message stopped after %zu of %zu bytes",
                                   done, size);
        }
    }
    return SHEAF_OK;
}

static sheaf_status check_room(size_t size, size_t capacity, size_t *told, sheaf_error *error)
{
    if (told)
        *told = size;
    if (size > capacity)
        return sheaf_error_set(error, SHEAF_LIMIT, "a message of %zu bytes does not fit into %zu",
                               size, capacity);
    return SHEAF_OK;
}

sheaf_status sheaf_pipe_receive(sheaf_pipe *pipe, void *bytes, size_t capacity, size_t *size,
                                int64_t timeout_ms, sheaf_error *error)
{
    int64_t deadline = sheaf_deadline(timeout_ms);
    struct header header;
    size_t direct;

    if (sheaf_direct_await(pipe, timeout_ms != 0, &direct)) {
        SHEAF_TRY(check_room(direct, capacity, size, error));
        sheaf_direct_take(pipe, bytes, direct);
        return SHEAF_OK;
    }
    SHEAF_TRY(await_header(pipe, &header, timeout_ms, deadline, error));
    if (header.kind != BYTES)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "the next thing in the pipe is a descriptor, not a message");
    SHEAF_TRY(check_room(header.size, capacity, size, error));

    /* Most messages are there with their header. */
    struct iovec parts[2] = {{&header, sizeof header}, {bytes, header.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t wanted = sizeof header + header.size;
    ssize_t got = recvmsg(pipe->fd, &message, MSG_DONTWAIT);
    if (got < (ssize_t)sizeof header)
        return sheaf_error_set(error, SHEAF_LOST, "the pipe has a second reader");
    size_t had = (size_t)got - sizeof header;
    SHEAF_TRY(receive_all(pipe, (char *)bytes + had, wanted - (size_t)got, deadline, error));
    sheaf_direct_count_received(pipe);
    return SHEAF_OK;
}

sheaf_status sheaf_pipe_receive_fd(sheaf_pipe *pipe, int *fd, int64_t timeout_ms,
                                   sheaf_error *error)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct header header = {.kind = BYTES};
    size_t direct;

    if (!sheaf_direct_await(pipe, false, &direct))
        SHEAF_TRY(await_header(pipe, &header, timeout_ms, sheaf_deadline(timeout_ms), error));
    if (header.kind != DESCRIPTOR)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "the next thing in the pipe is a message, not a descriptor");
    struct iovec part = {&header, sizeof header};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    if (recvmsg(pipe->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != (ssize_t)sizeof header)
        return sheaf_error_errno(error, "cannot receive a descriptor");
    sheaf_direct_count_received(pipe);
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    if (!first || first->cmsg_type != SCM_RIGHTS)
        return sheaf_error_set(error, SHEAF_LIMIT,
                               "a descriptor was sent, but none is free here: ulimit -n");
    memcpy(fd, CMSG_DATA(first), sizeof *fd);
    return SHEAF_OK;
}

bool sheaf_pipe_ready(sheaf_pipe *pipe, int64_t timeout_ms)
{
    size_t size;

    return sheaf_direct_await(pipe, false, &size) ||
           wait_for(pipe->fd, POLLIN, sheaf_deadline(timeout_ms));
}
