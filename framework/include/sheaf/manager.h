/*
 * sheaf/manager.h - a small server process that keeps named things for others
 *
 * For state of unknown size, or for processes that are not related:
 *
 *     sheaf_manager *manager;
 *     sheaf_manager_options options = {.struct_size = sizeof options, .address = "@weather"};
 *     sheaf_manager_start(&options, &manager, &error);
 *     ... elsewhere ...
 *     sheaf_manager_connect("@weather", NULL, &manager, &error);
 *     sheaf_manager_set(manager, "stations", "oslo", &record, sizeof record, &error);
 *
 * It keeps maps (also used as namespaces and for single values), counters, lists, which
 * are queues as well, bounded if asked for, and locks.  They come into being with their first use
 * and have one kind each.  Values are bytes.  Each call is one exchange and is atomic.  A client
 * that dies gives back the locks it held, and what it waited for goes to others; one that forks
 * connects anew by itself.
 *
 * Addresses: "@name", an abstract Unix socket, which leaves nothing behind;
 * "/path", a Unix socket with mode 0700; "tcp:host:port".  Over Unix sockets both
 * sides check that the other is of the same user (or root), over TCP that it has
 * the same key, by an HMAC-SHA256 challenge each; what follows is not encrypted.
 *
 * A manager object is used by one thread at a time, in any process.  All functions
 * fail with SHEAF_LOST when the server has died, SHEAF_BAD_ARGUMENT when the thing is
 * of another kind or names (of some 400 bytes at most) or values are too long, and
 * SHEAF_NO_MEMORY when the server has none.  What goes in is copied; what comes out is
 * copied into the caller's memory.  Times are milliseconds or SHEAF_FOREVER.
 */
#ifndef SHEAF_MANAGER_H
#define SHEAF_MANAGER_H

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

#define SHEAF_MANAGER_MESSAGE_MAX ((size_t)1 << 28) /* bytes of one value with its names */

typedef struct sheaf_manager sheaf_manager;

typedef struct sheaf_manager_options {
    size_t struct_size;
    const char *address; /* NULL: a private one */
    const char *key;     /* the secret of TCP clients, 16 characters at least; NULL otherwise */
    bool detached;       /* the server outlives this process, until told to stop */
} sheaf_manager_options;

/* Start a server and connect to it.  options may be NULL. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_start(const sheaf_manager_options *options,
                                                            sheaf_manager **manager,
                                                            sheaf_error *error);

/* SHEAF_CLOSED if nobody serves there, SHEAF_REFUSED by another user or a wrong key. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_connect(const char *address, const char *key,
                                                              sheaf_manager **manager,
                                                              sheaf_error *error);

/* Where others connect; for "tcp:host:0" with the port that was found. */
SHEAF_EXPORT const char *sheaf_manager_address(const sheaf_manager *manager);

/* Disconnect; the one who started the server also stops it, unless detached.  NULL is fine. */
SHEAF_EXPORT void sheaf_manager_close(sheaf_manager *manager);

/* End the server, whoever started it. */
SHEAF_EXPORT sheaf_status sheaf_manager_stop(sheaf_manager *manager, sheaf_error *error);

/* -- maps --------------------------------------------------------------------------- */

/* Set the value of a key, whether there was one or not. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_set(sheaf_manager *manager, const char *map,
                                                          const char *key, const void *value,
                                                          size_t size, sheaf_error *error);

/* *size is the full size; at most `capacity` bytes are stored.  SHEAF_CLOSED if there is none. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_get(sheaf_manager *manager, const char *map,
                                                          const char *key, void *value,
                                                          size_t capacity, size_t *size,
                                                          sheaf_error *error);

/* SHEAF_CLOSED if there was none. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_remove(sheaf_manager *manager,
                                                             const char *map, const char *key,
                                                             sheaf_error *error);

/* All keys in the order in which they were first set, each ended by a zero byte; free() it. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_keys(sheaf_manager *manager, const char *map,
                                                           char **keys, size_t *count,
                                                           sheaf_error *error);

/* -- counters ------------------------------------------------------------------------ */

/* Add (0: just ask); *sum (may be NULL) is the new value. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_add(sheaf_manager *manager,
                                                          const char *counter, int64_t amount,
                                                          int64_t *sum, sheaf_error *error);

/* -- lists and queues ------------------------------------------------------------------ */

/*
 * A list takes any number of values unless it was given a limit: then it is a bounded
 * queue.  0: no limit again.  Values beyond a new limit stay.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_limit(sheaf_manager *manager,
                                                            const char *queue, int64_t most,
                                                            sheaf_error *error);

/* Append a value, waiting while the list is full; who waits in pop gets it.  SHEAF_TIMEOUT: it was
 * not appended.  The server has copied it when this returns SHEAF_OK. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_put(sheaf_manager *manager, const char *queue,
                                                          const void *value, size_t size,
                                                          int64_t timeout_ms, sheaf_error *error);

/* The same without waiting: put with a time-out of 0. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_push(sheaf_manager *manager, const char *list,
                                                           const void *value, size_t size,
                                                           sheaf_error *error);

/* Take the first value away, waiting for one: first come, first served.  SHEAF_TIMEOUT;
 * SHEAF_LIMIT, and it stays, if it is larger than `capacity`. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_pop(sheaf_manager *manager, const char *list,
                                                          void *value, size_t capacity,
                                                          size_t *size, int64_t timeout_ms,
                                                          sheaf_error *error);

/* Look at, or replace, the value at an index from 0.  SHEAF_CLOSED if there is none. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_at(sheaf_manager *manager, const char *list,
                                                         int64_t index, void *value,
                                                         size_t capacity, size_t *size,
                                                         sheaf_error *error);
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_replace(sheaf_manager *manager,
                                                              const char *list, int64_t index,
                                                              const void *value, size_t size,
                                                              sheaf_error *error);

/* The number of values in a list, or of keys in a map. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_count(sheaf_manager *manager,
                                                            const char *name, int64_t *count,
                                                            sheaf_error *error);

/* -- locks ------------------------------------------------------------------------------- */

/*
 * First come, first served.  SHEAF_ABANDONED: it is yours, but the client that held
 * it last went without unlocking.  SHEAF_BAD_ARGUMENT if this client holds it.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_lock(sheaf_manager *manager, const char *lock,
                                                           int64_t timeout_ms, sheaf_error *error);
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_unlock(sheaf_manager *manager,
                                                             const char *lock, sheaf_error *error);

/* Forget a thing of any kind but a lock that is held. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_manager_forget(sheaf_manager *manager,
                                                             const char *name, sheaf_error *error);

#ifdef __cplusplus
}
#endif
#endif
