/*
 * child.h - what a child process does first, and what its parent keeps of it
 *
 * Two ways lead to a child: a fork of the caller, and a request to the fork
 * server (zygote.h).  Both describe it with a `struct sheaf_spawn`, and both end
 * in sheaf_child_main(), which never returns.
 */
#ifndef SHEAF_PROCESS_CHILD_H
#define SHEAF_PROCESS_CHILD_H

#include <sys/types.h>

#include <sheaf/process.h>

/* What the child tells its parent, in memory that both share. */
struct sheaf_report {
    uint32_t finished; /* stored last: 1 when the rest is complete */
    sheaf_status status;
    sheaf_error error;
};

/* How a child shall be. */
struct sheaf_spawn {
    const char *name;
    sheaf_body body;
    const void *argument; /* copied if size > 0, else handed on as it is */
    size_t size;
    const int *keep;
    size_t keep_count;
    sheaf_stdout standard_output;
    bool detached;
    bool expendable; /* a worker: killed first when memory is short */
};

struct sheaf_process {
    struct sheaf_process *next, **previous; /* the list of active children */
    char name[48];
    pid_t id;
    pid_t parent; /* who may use this object */
    int sentinel; /* a pidfd or, where the kernel has none, a pipe that the child holds open */
    bool is_pidfd;
    bool reaped;
    bool detached;
    bool is_program; /* started by sheaf_process_run(): the exit code is the answer */
    sheaf_status status;
    sheaf_error error;
    struct sheaf_report *report;
};

/*
 * Copy the options of a caller, who may have been compiled against a shorter
 * struct: what it does not have is zeros.  Both begin with their size.  theirs
 * NULL: all zeros.  SHEAF_BAD_ARGUMENT if the size was not set.
 */
SHEAF_CHECKED sheaf_status sheaf_options_copy(void *ours, size_t size, const void *theirs,
                                              const char *name, sheaf_error *error);

/* SHEAF_BAD_ARGUMENT if there is no body or there is too much to copy or keep. */
SHEAF_CHECKED sheaf_status sheaf_spawn_check(const struct sheaf_spawn *spawn, sheaf_error *error);

/*
 * Take the place of a child: survive only together with `parent`, close what is
 * not kept, run the body, report, leave.  `middle` is the process that forked us
 * when it is not the parent itself, else 0.
 */
_Noreturn void sheaf_child_main(const struct sheaf_spawn *spawn, struct sheaf_report *report,
                                pid_t parent, pid_t middle);

/* Default handlers, empty mask, SIGPIPE and SIGXFSZ ignored; SIGINT too, if asked. */
void sheaf_child_reset_signals(bool ignore_interrupt);

/* Close every descriptor from 3 upwards that is not among the `count` ones. */
void sheaf_child_close_others(const int *keep, size_t count);

/* Before a fork: let an OpenMP runtime put its threads away, and make this process the
 * subreaper that orphaned workers come to; flush what a child might write again. */
void sheaf_fork_prepare(void);

/* Undo an ignored SIGCHLD, whether inherited or set since: it eats exit statuses. */
void sheaf_keep_statuses(void);

/* Make the object for a child that exists: find its sentinel, enter it in the list. */
SHEAF_CHECKED sheaf_status sheaf_process_adopt(const struct sheaf_spawn *spawn, pid_t id,
                                               struct sheaf_report *report, int sentinel,
                                               sheaf_process **process, sheaf_error *error);

/* Reap a killed process, with its children, and free what went with it. */
void sheaf_process_settle_estate(pid_t dead);

/* In a child: its parent's children are not its own. */
void sheaf_process_forget_all(void);

/* Whether this kernel has pidfds; without them a pipe is the sentinel. */
bool sheaf_process_has_pidfd(void);

/* For tests: behave like a kernel without pidfd_open. */
extern bool sheaf_process_lack_pidfd;

#endif
