/*
 * session.h - text that shows commands and what they print, run
 *
 *     $ sheaf count orders.csv
 *     count
 *     5
 *
 * A line that begins with "$ " is a command, the lines up to the next one are what
 * it prints: on stdout if it succeeds, on stderr if it fails.  A command alone must
 * only succeed.  "\" at its end continues it.
 */
#ifndef SHEAF_TESTS_SESSION_H
#define SHEAF_TESTS_SESSION_H

#include <stdbool.h>

/* Run all commands of the text; asserts each.  The number of commands. */
int session_run(const char *name, const char *text);

/* The whole of a text file, or NULL; the caller frees it. */
char *session_read(const char *path);

#endif
