/*
 * sheaf/error.h - how sheaf says that something went wrong
 *
 * A function that can fail returns a sheaf_status and takes a sheaf_error as
 * its last argument.  On failure the error is filled in completely; on success
 * it is left alone, so one error serves a whole chain of calls.  NULL is
 * allowed where only the status matters.
 *
 * A sheaf_error holds no pointers: it may be assigned, kept in shared memory,
 * and sent from a worker to its parent or from one machine to another.
 */
#ifndef SHEAF_ERROR_H
#define SHEAF_ERROR_H

#include <stdint.h>

#if defined(__GNUC__)
#define SHEAF_EXPORT                __attribute__((visibility("default")))
#define SHEAF_CHECKED               __attribute__((warn_unused_result))
#define SHEAF_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define SHEAF_EXPORT
#define SHEAF_CHECKED
#define SHEAF_PRINTF(string, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong, by class.  The number after each is the exit code of the `sheaf` command. */
typedef enum sheaf_status {
    SHEAF_OK = 0,            /*  0                                                              */
    SHEAF_NO_MEMORY,         /*  6  an allocation or a reservation was refused                  */
    SHEAF_SYSTEM,            /*  2  a system call failed; error.system holds errno              */
    SHEAF_BAD_ARGUMENT,      /*  2  the caller asked for something impossible                   */
    SHEAF_BAD_DATA,          /*  5  the input is malformed; error.byte says where               */
    SHEAF_CHANGED,           /*  5  the input changed while it was read                         */
    SHEAF_BAD_OUTPUT,        /*  3  the result could not be written                             */
    SHEAF_BAD_OPERATOR,      /*  7  an operator does not load or breaks its contract            */
    SHEAF_REFUSED,           /*  4  an operator called sheaf_fail()                             */
    SHEAF_LOST,              /*  4  a process died; error.system holds the signal, or 0         */
    SHEAF_LIMIT,             /*  6  a limit with a name was reached                             */
    SHEAF_NOT_DETERMINISTIC, /*  8  the same work gave two answers                              */
    SHEAF_INTERNAL,          /* 70  sheaf contradicts itself: a bug, please report it           */
    SHEAF_STOPPED,           /* 75  asked to stop; what was committed can be resumed            */
    SHEAF_INTERRUPTED,       /* 128 + error.system: a signal asked this process to stop         */
    SHEAF_ABANDONED,         /*  4  the lock is yours, but its last holder died with it         */
    SHEAF_BROKEN,            /*  4  a participant died, so the object can not be used any more  */
    SHEAF_TIMEOUT,           /* 124 the time given was over first                               */
    SHEAF_CLOSED             /*  4  the other side has finished and left                        */
} sheaf_status;

/* -1 where a number is not known. */
typedef struct sheaf_error {
    sheaf_status status;
    int32_t system;    /* errno or signal number, else 0 */
    int32_t code;      /* the E number in the message, e.g. 401 for "(E401)", else 0 */
    int32_t column;    /* column of the dataset, counted from 1 */
    int64_t byte;      /* offset in the file */
    int64_t row;       /* record of the file, counted from 1, its header included */
    int64_t line;      /* physical line of the file, counted from 1 */
    char message[480]; /* one line, no newline at its end: where, what was wanted, what was found */
    char help[480];    /* up to three lines, separated by newlines: what to do; may be empty */
} sheaf_error;

/*
 * Fill in the error, if there is one, and return the status, so that failing
 * takes one line.  Text that does not fit is cut at a whole character; control
 * bytes become \xNN.  help, system, code and the places become empty.
 */
SHEAF_EXPORT sheaf_status sheaf_error_set(sheaf_error *error, sheaf_status status,
                                          const char *format, ...) SHEAF_PRINTF(3, 4);

/* As sheaf_error_set() with SHEAF_SYSTEM, errno, and ": " + its text at the end. */
SHEAF_EXPORT sheaf_status sheaf_error_errno(sheaf_error *error, const char *format, ...)
    SHEAF_PRINTF(2, 3);

/* Add a line of help to an error that is set; does nothing for NULL or when it is full. */
SHEAF_EXPORT void sheaf_error_help(sheaf_error *error, const char *format, ...) SHEAF_PRINTF(2, 3);

/* The name of a status as written above, e.g. "SHEAF_BAD_DATA".  Never NULL. */
SHEAF_EXPORT const char *sheaf_status_name(sheaf_status status);

/* The exit code for an error: 0 for SHEAF_OK, else as listed above. */
SHEAF_EXPORT int sheaf_exit_code(const sheaf_error *error);

/* Leave the function when a call fails and nothing has to be cleaned up. */
#define SHEAF_TRY(call)                   \
    do {                                  \
        sheaf_status sheaf_try_ = (call); \
        if (sheaf_try_ != SHEAF_OK)       \
            return sheaf_try_;            \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
