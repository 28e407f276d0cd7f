/*
 * capture.h - code that is not ours runs in a child, and what it writes comes back
 *
 * For a visit to a plug-in that tells its table, and for running a compiler: a
 * child of the caller as it is now, which may replace itself by a program.
 */
#ifndef SHEAF_PROCESS_CAPTURE_H
#define SHEAF_PROCESS_CAPTURE_H

#include <stdbool.h>

#include "base/string.h"
#include <sheaf/error.h>

struct sheaf_capture {
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
SHEAF_CHECKED sheaf_status sheaf_capture_run(struct sheaf_capture *child, sheaf_error *error);

#endif
