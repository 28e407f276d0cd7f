/*
 * sheaf/process.h - child processes, and pipes between processes
 *
 *     static sheaf_status square(void *argument, sheaf_error *error)
 *     {
 *         struct sheaf_work *work = argument;
 *         ...
 *         return SHEAF_OK;
 *     }
 *
 *     sheaf_process *child;
 *     sheaf_process_start(NULL, square, &work, sizeof work, &child, &error);
 *     sheaf_process_join(child, SHEAF_FOREVER, &error);
 *     sheaf_process_close(child);
 *
 * A child runs a function that was loaded before it started.  Its argument is
 * copied; what both shall see comes from sheaf/shared.h.  Its status and error
 * text, or the signal that ended it, are what join brings.  It is killed when
 * its parent ends in whatever way, unless told otherwise.
 *
 * Fork server: a program that will have threads (or OpenMP) calls sheaf_init()
 * first thing in main.  Children are then forked from a small clean process made
 * there: they see the memory of the program as it was at that moment, and no
 * lock of any thread can be held in them.  Without it children are forked from
 * the caller: the other threads do not exist in the child, and what they had
 * locked (malloc is safe, stdio and your own locks are not) stays locked there.
 * An idle OpenMP runtime is paused first, so a child may use OpenMP.
 *
 * Starting the first child makes this process a "subreaper": descendants of dead
 * children fall to it.  It also undoes an ignored SIGCHLD, which would eat the exit
 * statuses; a program that calls wait() for any child may eat them, too.
 *
 * Times are milliseconds on a clock that nobody can set; SHEAF_FOREVER waits
 * without end.  A wait that ends for lack of time returns SHEAF_TIMEOUT and has
 * changed nothing.
 */
#ifndef SHEAF_PROCESS_H
#define SHEAF_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHEAF_FOREVER INT64_C(-1)

/* -- process --------------------------------------------------------------- */

typedef struct sheaf_process sheaf_process;

/*
 * What a child does.  `argument` points to its own copy.  What it returns, with
 * the error it filled in, is what the parent gets from join.
 */
typedef sheaf_status (*sheaf_body)(void *argument, sheaf_error *error);

typedef enum sheaf_start {
    SHEAF_START_ANY = 0, /* by the fork server if there is one, else by fork */
    SHEAF_START_FORK,    /* from the caller: sees its memory as it is now */
    SHEAF_START_SERVER   /* from the fork server; SHEAF_BAD_ARGUMENT without sheaf_init() */
} sheaf_start;

typedef enum sheaf_stdout {
    SHEAF_STDOUT_INHERIT = 0, /* the parent's (the fork server's) standard output */
    SHEAF_STDOUT_NULL,
    SHEAF_STDOUT_STDERR
} sheaf_stdout;

#define SHEAF_KEEP_MAX     64    /* descriptors that a child may keep */
#define SHEAF_ARGUMENT_MAX 65536 /* bytes of an argument that is copied */

/* Zeros are the defaults; `struct_size` is sizeof(sheaf_process_options). */
typedef struct sheaf_process_options {
    size_t struct_size;
    const char *name;  /* for messages and the list; NULL: "process" */
    const int *keep;   /* descriptors that stay open, under the same numbers; others are closed, */
    size_t keep_count; /* but 0 (an empty input), 1 and 2 */
    sheaf_start start;
    sheaf_stdout standard_output;
    bool detached; /* goes on when the parent ends, in a session of its own */
} sheaf_process_options;

/*
 * Start the fork server.  To be called from the main thread, before the program
 * starts threads or a parallel region; again: does nothing.  What shared memory
 * later allocates is visible to its children, functions loaded later are not.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_init(sheaf_error *error);

/*
 * Start a child that calls body with a copy of the `size` bytes at `argument`,
 * or with `argument` itself if size is 0 (it must then point to memory that the
 * child sees: shared, or older than the fork server).  options may be NULL.
 * From any thread.  SHEAF_SYSTEM if the machine has no room for a process.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_process_start(const sheaf_process_options *options,
                                                            sheaf_body body, const void *argument,
                                                            size_t size, sheaf_process **process,
                                                            sheaf_error *error);

/*
 * Start a program, found along PATH, in a child.  arguments end with NULL.  join
 * brings SHEAF_OK for exit code 0 and SHEAF_REFUSED, with the code in
 * error.system, for others; 127 if it could not be run.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_process_run(const sheaf_process_options *options,
                                                          const char *const *arguments,
                                                          sheaf_process **process,
                                                          sheaf_error *error);

/*
 * Wait for the end of the child.  Gives what its body returned, with its error;
 * SHEAF_LOST if it was killed (error.system: the signal) or left by exit() before
 * its body returned (error.system: 0); SHEAF_TIMEOUT.  May be called again and
 * says the same.  One thread at a time for each process, its parent only.
 */
SHEAF_EXPORT sheaf_status sheaf_process_join(sheaf_process *process, int64_t timeout_ms,
                                             sheaf_error *error);

/* Ask to end (SIGTERM), wait, then insist (SIGKILL); a stopped child is ended as well. */
SHEAF_EXPORT void sheaf_process_stop(sheaf_process *process, int64_t grace_ms);

/* Send a signal to the child and to nobody else, also when its id was used again. */
SHEAF_EXPORT void sheaf_process_signal(sheaf_process *process, int number);

SHEAF_EXPORT int sheaf_process_id(const sheaf_process *process);
SHEAF_EXPORT const char *sheaf_process_name(const sheaf_process *process);

/* A descriptor that poll() finds readable once the child has ended.  It belongs to the process. */
SHEAF_EXPORT int sheaf_process_sentinel(const sheaf_process *process);

SHEAF_EXPORT bool sheaf_process_alive(sheaf_process *process);

/* Whether the child is stopped (SIGSTOP, a debugger): alive, but it will not get on. */
SHEAF_EXPORT bool sheaf_process_stopped(sheaf_process *process);

/* Kills the child if it still runs and is not detached, waits for its end, frees. NULL is fine. */
SHEAF_EXPORT void sheaf_process_close(sheaf_process *process);

/*
 * The children of this process that were started here and not closed: up to
 * `capacity` of them are stored, the number there are is returned.
 */
SHEAF_EXPORT size_t sheaf_process_active(sheaf_process **processes, size_t capacity);

/* The processors that this process may use: its affinity, cut by cgroup quotas.  At least 1. */
SHEAF_EXPORT int sheaf_process_cpus(void);

/*
 * One line on stderr for each event (start, end, retry, ...) of this process and
 * of children started later: "sheaf: 12.345 s pid 17 pool: worker 2 lost ...".
 * Off at first.  SHEAF_LOG=1 in the environment switches it on as well.
 */
SHEAF_EXPORT void sheaf_process_log(bool on);

/* -- pipe: whole messages between two ends ------------------------------------- */

/*
 * A message arrives whole or not at all, whoever is killed when: the receiver of
 * a message whose sender died in the middle gets SHEAF_LOST.  An end is used by
 * one process at a time, in it by one thread that sends and one that receives.
 * Messages have 1 to SHEAF_PIPE_MAX bytes.  An end is copied as a whole, e.g. in
 * the argument of a child; from a descriptor alone, got along another pipe, it is
 * made with all else zero.  A small message for a receiver that is just waiting
 * goes through shared memory and not through the descriptor.  So a process that
 * takes an end over from one that was killed calls sheaf_pipe_ready() or receives
 * before it leaves the descriptor to a poll() of its own.
 */
typedef struct sheaf_pipe {
    int fd;        /* to be kept by children that use this end; poll() finds it readable as usual */
    uint32_t turn; /* this and what follows are for the library */
    struct sheaf_direct *out, *in;
} sheaf_pipe;

#define SHEAF_PIPE_MAX ((size_t)1 << 40)

/* ends[0] and ends[1] talk to each other.  One way: ends[0] only receives, ends[1] only sends. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pipe_pair(bool duplex, sheaf_pipe ends[2],
                                                        sheaf_error *error);

/* SHEAF_CLOSED if the other end is closed.  After SHEAF_TIMEOUT in the middle of a
 * message the pipe is of no more use: what was sent of it is never delivered. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pipe_send(sheaf_pipe *pipe, const void *bytes,
                                                        size_t size, int64_t timeout_ms,
                                                        sheaf_error *error);

/*
 * Receive one message.  *size is its size.  If it has more than `capacity` bytes:
 * SHEAF_LIMIT, and the message stays for a call with more room (poll() need not
 * see it meanwhile, sheaf_pipe_ready() does).  SHEAF_CLOSED when the other end is
 * closed and everything was received.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pipe_receive(sheaf_pipe *pipe, void *bytes,
                                                           size_t capacity, size_t *size,
                                                           int64_t timeout_ms, sheaf_error *error);

/* Whether a receive would not wait: a message, or the end, is there. */
SHEAF_EXPORT bool sheaf_pipe_ready(sheaf_pipe *pipe, int64_t timeout_ms);

/* Pass a descriptor along a duplex pipe, between messages; the receiver owns the new one. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pipe_send_fd(sheaf_pipe *pipe, int fd,
                                                           sheaf_error *error);
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_pipe_receive_fd(sheaf_pipe *pipe, int *fd,
                                                              int64_t timeout_ms,
                                                              sheaf_error *error);
SHEAF_EXPORT void sheaf_pipe_close(sheaf_pipe *pipe);

/* -- waiting for several things ------------------------------------------------ */

/* Set one of them in each object. */
typedef struct sheaf_waitable {
    sheaf_process *process;    /* has ended */
    sheaf_pipe *pipe;          /* can be received from */
    struct sheaf_queue *queue; /* can be got from, or has ended */
    int fd;                    /* readable, when nothing else is set */
    bool ready;                /* answer */
} sheaf_waitable;

/*
 * Wait until at least one of the things is ready, set `ready` in each and count
 * them in *ready.  SHEAF_TIMEOUT if none is.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_wait(sheaf_waitable *things, size_t count,
                                                   size_t *ready, int64_t timeout_ms,
                                                   sheaf_error *error);

#ifdef __cplusplus
}
#endif
#endif
