/*
 * child.h - code that is not ours runs in a child, and what it writes comes back
 *
 * Needed twice: to have a plug-in tell its table, and to run the compiler.  The
 * runner is a parameter of this room, because starting processes is not its
 * business: sheaf_child_use() puts another one in its place.
 */
#ifndef SHEAF_OPERATOR_CHILD_H
#define SHEAF_OPERATOR_CHILD_H

#include <sys/types.h>

#include "base/string.h"
#include <sheaf/error.h>

struct sheaf_child {
    /* Runs in the child; `output` is its end of a pipe.  What it returns is its exit code. */
    int (*body)(void *argument, int output);
    void *argument;
    int timeout_ms;
    size_t limit; /* most bytes of output; what comes after is not read */

    /* Filled in: */
    struct sheaf_string output; /* what the child wrote; the caller frees it */
    bool timed_out;             /* it was killed, with all that it had started */
    int code;                   /* its exit code, or -1 */
    int signal;                 /* what it died of, or 0 */
};

/* Fails only if there could be no child; what became of it is in the struct.  It inherits
 * memory and open files, has no standard input, writes standard output and standard error to
 * nowhere, makes no core file, and dies with its parent. */
typedef sheaf_status sheaf_child_runner(struct sheaf_child *child, sheaf_error *error);

SHEAF_CHECKED sheaf_status sheaf_child_run(struct sheaf_child *child, sheaf_error *error);

/* Use another runner from now on; NULL: the one of this room. */
void sheaf_child_use(sheaf_child_runner *runner);

#endif
