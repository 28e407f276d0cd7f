/*
 * zygote.h - the fork server: a small clean process that gives birth to workers
 *
 * It is forked while the program has one thread and no OpenMP, and from then on
 * only forks.  A worker is made by two forks: the one in the middle ends at once,
 * and the worker falls to the caller, who is a subreaper.  So the caller is the
 * parent: it reaps the worker, and the worker dies with it.
 */
#ifndef SHEAF_PROCESS_ZYGOTE_H
#define SHEAF_PROCESS_ZYGOTE_H

#include "process/child.h"

struct sheaf_zygote;

/*
 * Fork the server.  Workers will see the memory of this process as it is now.  From the
 * main thread: the server ends with the thread that started it.
 */
SHEAF_CHECKED sheaf_status sheaf_zygote_start(struct sheaf_zygote **zygote, sheaf_error *error);

/*
 * Have a worker made.  spawn->argument is copied if its size is not 0 and must
 * otherwise be valid in the image of the server.  Join, stop, sentinel as for any
 * other process.  SHEAF_LOST if the server is gone.  One thread at a time.
 */
SHEAF_CHECKED sheaf_status sheaf_zygote_spawn(struct sheaf_zygote *zygote,
                                              const struct sheaf_spawn *spawn,
                                              sheaf_process **process, sheaf_error *error);

/* End the server; workers live on.  NULL is fine. */
void sheaf_zygote_close(struct sheaf_zygote *zygote);

int sheaf_zygote_id(const struct sheaf_zygote *zygote); /* its process id */

#endif
