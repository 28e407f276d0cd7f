/*
 * direct.h - small messages of a pipe, handed over in shared memory
 *
 * A receiver that waits says so in a place that both ends see; a sender that finds
 * it waiting puts a small message there, and neither of them calls the kernel.
 * Every other message goes through the socket, so poll() sees all that nobody
 * is waiting for in a receive.
 *
 * Order: the messages that went into the socket are counted before they go in and
 * the ones taken out after they are out.  A sender uses the place only while both
 * counts are equal: then nothing it sent earlier can still be on its way.
 *
 * The places are a small table that a family of processes has in common.  They are
 * handed out in turn and taken away from old pipes, which then use their socket
 * alone; nobody has to give one back, so nothing is left behind by the dead.  Each
 * word carries the turn of the pipe it belongs to: an old pipe can do nothing to
 * the place any more.
 */
#ifndef SHEAF_PROCESS_DIRECT_H
#define SHEAF_PROCESS_DIRECT_H

#include <sheaf/process.h>

enum { SHEAF_DIRECT_BYTES = 1920 }; /* a message that is larger goes through the socket */

/* Give both ends their places.  Where there are none the pipe goes without. */
void sheaf_direct_join(sheaf_pipe ends[2]);

/* Hand the message over.  False: nobody waits for it, send it through the socket. */
bool sheaf_direct_send(const sheaf_pipe *pipe, const void *bytes, size_t size);

/* Around each message through the socket: before it goes in (or to take that back, with -1, if
 * nothing of it went in), and after it came out. */
void sheaf_direct_count_sent(const sheaf_pipe *pipe, int amount);
void sheaf_direct_count_received(const sheaf_pipe *pipe);

/* Whether a message lies in the place, and its size. */
bool sheaf_direct_ready(const sheaf_pipe *pipe, size_t *size);

/*
 * Wait a short while, if patient, for a message to be put into the place.  False: look into the
 * socket, nothing will be put here until the next call.
 */
bool sheaf_direct_await(const sheaf_pipe *pipe, bool patient, size_t *size);

/* Take the message that is ready. */
void sheaf_direct_take(const sheaf_pipe *pipe, void *bytes, size_t size);

#endif
