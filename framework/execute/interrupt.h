/*
 * interrupt.h - SIGINT, SIGTERM and SIGHUP while a run lasts
 *
 * The first one is noted and wakes the run; the second, of whatever kind, has its
 * default effect at once.  Signals that the program ignores stay ignored (nohup).
 * Several threads may watch at the same time; the program's own handlers are back
 * when the last one has stopped.
 */
#ifndef SHEAF_EXECUTE_INTERRUPT_H
#define SHEAF_EXECUTE_INTERRUPT_H

#include <sheaf/error.h>

/* Have an eventfd written to when a signal comes.  SHEAF_LIMIT if too many watch. */
SHEAF_CHECKED sheaf_status sheaf_interrupt_watch(int eventfd, sheaf_error *error);
void sheaf_interrupt_unwatch(int eventfd);

/* The signal that came since the first watch, or 0. */
int sheaf_interrupt_signal(void);

/* Say so: SHEAF_INTERRUPTED with error.system = number. */
sheaf_status sheaf_interrupt_error(int number, sheaf_error *error);

#endif
