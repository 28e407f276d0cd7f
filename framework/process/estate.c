/*
 * estate.c - what a killed process leaves to those who go on
 *
 * Its children die with it, but somebody has to take their exit statuses, and it
 * had memory in the shared heap that only it would have freed: the reports of its
 * children, lanes of its pools.  Both are found in the heap by its process id,
 * which can not mean anybody else as long as it is not reaped.
 */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sheaf/shared.h>

#include "process/child.h"
#include "process/futex.h"
#include "process/shared_heap.h"

enum { PATIENCE_NS = 500000000 };

/* Wait until the child, which was killed, has ended; it is not reaped.  False: it is none of ours,
 * or something holds it up. */
static bool await_end(pid_t child)
{
    int64_t end = sheaf_clock_ns() + PATIENCE_NS;

    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
            return false;
        if (info.si_pid == child)
            return true;
        if (sheaf_clock_ns() > end)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

/*
 * A child so young that it had not noted itself yet is still in the process group of
 * its parent, and ends by itself as soon as it runs.
 */
static void reap_newborn(pid_t group, bool expected)
{
    int64_t end = sheaf_clock_ns() + (expected ? PATIENCE_NS : 0);

    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_PGID, (id_t)group, &info, WEXITED | WNOHANG) < 0 && errno != EINTR)
            return; /* nobody is in that group */
        if (info.si_pid == 0 && sheaf_clock_ns() > end)
            return;
        if (info.si_pid == 0)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

void sheaf_process_settle_estate(pid_t dead)
{
    void *memory = NULL;
    bool newborn = false;
    pid_t child;

    /* First the children: they may still be writing into what is freed below. */
    while (sheaf_shared_next_of(dead, &memory, &child)) {
        if (child > 0 && await_end(child))
            sheaf_process_settle_estate(child);
        newborn = newborn || child == SHEAF_NOT_NOTED;
    }
    memory = NULL;
    while (sheaf_shared_next_of(dead, &memory, &child))
        sheaf_shared_free_of_dead(memory);
    waitpid(dead, NULL, 0);
    reap_newborn(dead, newborn);
}
