/*
 * sheaf/queue.h - a bounded queue of messages between any number of processes
 *
 *     sheaf_queue *queue;
 *     sheaf_queue_options options = {.struct_size = sizeof options, .item_size = sizeof(struct
 * job)}; sheaf_queue_open(&options, &queue, &error);
 *     ... start children that get `queue` in their argument ...
 *     sheaf_queue_put(queue, &job, sizeof job, SHEAF_FOREVER, &error);
 *     sheaf_queue_finish(queue);
 *
 * It lives in shared memory: no thread, no pipe, no copy left behind in a buffer
 * of the sender.  put has copied the message when it returns.  Producers take
 * turns under one lock and consumers under another; a message counts only when
 * one store has published it.  So a producer killed in put loses at most the
 * message it was putting, a consumer killed in get leaves it for the others, and
 * neither tears a message or blocks anybody.
 *
 * Any thread of any process that sees the shared memory may use a queue.  Times
 * are milliseconds, 0 (do not wait) or SHEAF_FOREVER.
 */
#ifndef SHEAF_QUEUE_H
#define SHEAF_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef SHEAF_FOREVER
#define SHEAF_FOREVER INT64_C(-1)
#endif

typedef struct sheaf_queue sheaf_queue;

typedef enum sheaf_delivery {
    SHEAF_DELIVER_ONCE = 0, /* a message is gone once got */
    SHEAF_DELIVER_AGAIN,    /* it is gone once done; if its consumer dies before, others get it */
    SHEAF_DELIVER_OR_COUNT  /* likewise, but what a dead consumer had is counted as lost */
} sheaf_delivery;

typedef struct sheaf_queue_options {
    size_t struct_size; /* sizeof(sheaf_queue_options) */
    size_t item_size;   /* of every message; 0: messages have any size */
    size_t capacity;    /* messages of that size, or else bytes, that wait at most; 0: 1024 or
                           1 MiB */
    sheaf_delivery delivery;
} sheaf_queue_options;

/* Open a queue in shared memory.  The process that opens it closes it, when nobody uses it. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_queue_open(const sheaf_queue_options *options,
                                                         sheaf_queue **queue, sheaf_error *error);
SHEAF_EXPORT void sheaf_queue_close(sheaf_queue *queue); /* NULL is fine */

/*
 * Add a message at the end, waiting while the queue is full.  SHEAF_TIMEOUT;
 * SHEAF_CLOSED after the end of the stream; SHEAF_LOST if all registered
 * consumers died; SHEAF_BAD_ARGUMENT for a size that is not item_size or that
 * would never fit.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_queue_put(sheaf_queue *queue, const void *message,
                                                        size_t size, int64_t timeout_ms,
                                                        sheaf_error *error);

/*
 * Take the first message.  *size (may be NULL) is its size.  SHEAF_TIMEOUT;
 * SHEAF_CLOSED when the stream has ended and everything was got; SHEAF_LOST once,
 * in place of it, when it ended because registered producers died; SHEAF_LIMIT if
 * it is larger than `capacity`, and it stays.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_queue_get(sheaf_queue *queue, void *message,
                                                        size_t capacity, size_t *size,
                                                        int64_t timeout_ms, sheaf_error *error);

/*
 * For SHEAF_DELIVER_AGAIN and _OR_COUNT: the calling thread has done all that it
 * got so far.  SHEAF_BAD_ARGUMENT if it had nothing.
 */
SHEAF_EXPORT sheaf_status sheaf_queue_done(sheaf_queue *queue, sheaf_error *error);

/* Wait until everything that was put is done (or, without acknowledgement, got). */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_queue_join(sheaf_queue *queue, int64_t timeout_ms,
                                                         sheaf_error *error);

/*
 * Roles, for streams that end by themselves.  Who registers as a producer says
 * finish when it has put its last message; the stream ends when the last of them
 * has finished or died.  Registered consumers let producers notice that nobody
 * will ever get.  At most 64 of each: SHEAF_LIMIT.  All producers of a stream
 * register before the first of them finishes, or it ends without the others.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_queue_register_producer(sheaf_queue *queue,
                                                                      sheaf_error *error);
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_queue_register_consumer(sheaf_queue *queue,
                                                                      sheaf_error *error);

/* No more puts from the calling thread, if it registered; else from anybody: the end. */
SHEAF_EXPORT void sheaf_queue_finish(sheaf_queue *queue);

/*
 * Messages in the queue now, got but not done included.  Others may change it at
 * once.  Where sizes vary they are counted, with consumers held off.
 */
SHEAF_EXPORT size_t sheaf_queue_length(sheaf_queue *queue);
SHEAF_EXPORT uint64_t sheaf_queue_lost(const sheaf_queue *queue);  /* counted as lost */
SHEAF_EXPORT uint64_t sheaf_queue_again(const sheaf_queue *queue); /* delivered again */

#ifdef __cplusplus
}
#endif
#endif
