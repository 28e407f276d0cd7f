/*
 * wait.c - waiting for several things at once: see sheaf/process.h
 *
 * Descriptors are left to poll().  A queue is a futex, for which the kernel has no
 * descriptor, so with a queue among the things the sleep is cut into short
 * pieces, growing to 5 ms.
 */
#include <errno.h>
#include <poll.h>

#include <sheaf/process.h>

#include "base/memory.h"
#include "process/direct.h"
#include "process/futex.h"
#include "process/queue.h"

static int descriptor_of(const sheaf_waitable *thing)
{
    if (thing->process)
        return sheaf_process_sentinel(thing->process);
    if (thing->pipe)
        return thing->pipe->fd;
    return thing->queue ? -1 : thing->fd; /* poll() skips -1 */
}

/* Whether something is ready that poll() can not see. */
static bool is_ready_unseen(const sheaf_waitable *thing)
{
    size_t size;

    return thing->queue  ? sheaf_queue_ready(thing->queue)
           : thing->pipe ? sheaf_direct_await(thing->pipe, false, &size)
                         : false;
}

/* Ask everything once, sleeping at most that long; how many are ready. */
static size_t ask(sheaf_waitable *things, struct pollfd *polled, size_t count, int wait_ms)
{
    size_t ready = 0;

    for (size_t i = 0; i < count; i++)
        if (is_ready_unseen(&things[i]))
            wait_ms = 0;
    if (poll(polled, (nfds_t)count, wait_ms) < 0)
        for (size_t i = 0; i < count; i++)
            polled[i].revents = 0;
    for (size_t i = 0; i < count; i++) {
        things[i].ready = is_ready_unseen(&things[i]) || polled[i].revents != 0;
        ready += things[i].ready;
    }
    return ready;
}

sheaf_status sheaf_wait(sheaf_waitable *things, size_t count, size_t *ready, int64_t timeout_ms,
                        sheaf_error *error)
{
    int64_t deadline = sheaf_deadline(timeout_ms);
    struct pollfd *polled;
    bool queues = false;
    int piece = 1;

    SHEAF_TRY(sheaf_allocate(&polled, count, sizeof *polled, error));
    for (size_t i = 0; i < count; i++) {
        polled[i] = (struct pollfd){.fd = descriptor_of(&things[i]), .events = POLLIN};
        queues = queues || things[i].queue;
    }
    for (;;) {
        int64_t left =
            deadline == INT64_MAX ? 1000 : (deadline - sheaf_clock_ns() + 999999) / 1000000;
        int most = queues ? piece : 1000;
        *ready = ask(things, polled, count, left <= 0 ? 0 : left < most ? (int)left : most);
        if (*ready > 0 || left <= 0)
            break;
        piece += piece < 5;
    }
    free(polled);
    if (*ready > 0)
        return SHEAF_OK;
    return sheaf_error_set(error, SHEAF_TIMEOUT, "none of %zu things was ready within %lld ms",
                           count, (long long)timeout_ms);
}
