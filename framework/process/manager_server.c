/*
 * manager_server.c - the server of a manager: one thread, one request at a time
 *
 * Every request is carried out whole before the next is looked at; that is all
 * the locking there is.  A request that can not be answered yet (pop from an empty
 * list, lock of a held lock) leaves its client waiting, in the order of arrival.
 * What a client sends is not trusted: sizes are checked before anything is
 * allocated, and a client that breaks the rules is disconnected.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/string.h"
#include "process/futex.h"
#include "process/log.h"
#include "process/manager_store.h"
#include "process/manager_wire.h"

enum { GREETING_NS = 2000000000 };

struct client {
    struct client *next;
    int socket;
    bool greeted;
    int64_t greet_by;
    unsigned char nonce[32];
    struct sheaf_string in, out;
    size_t out_sent;
    bool gone;
    bool waiting; /* for the thing named in `request` */
    struct thing *wanted;
    struct value *offered; /* to the full list that it waits for */
    struct manager_request request;
    int64_t deadline;
    uint64_t turn; /* who waits longer is served first */
};

struct server {
    const struct manager_server *options;
    struct manager_store store;
    struct client *clients;
    uint64_t turns;
    bool stopping;
};

/* -- answers ---------------------------------------------------------------------------------- */

static void flush(struct client *client)
{
    while (client->out_sent < client->out.size) {
        ssize_t sent = send(client->socket, client->out.bytes + client->out_sent,
                            client->out.size - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent <= 0) {
            client->gone = true;
            return;
        }
        client->out_sent += (size_t)sent;
    }
    sheaf_string_clear(&client->out);
    client->out_sent = 0;
}

static void answer_bytes(struct client *client, sheaf_status status, int64_t number,
                         const void *bytes, size_t size)
{
    struct manager_answer answer = {(int32_t)status, (uint32_t)size, number};

    sheaf_string_append_bytes(&client->out, &answer, sizeof answer);
    if (size > 0)
        sheaf_string_append_bytes(&client->out, bytes, size);
    client->gone = client->gone || client->out.failed;
    client->waiting = false;
    if (client->offered)
        sheaf_value_free(client->offered);
    client->offered = NULL;
    flush(client);
}

static void answer(struct client *client, sheaf_status status, const char *message)
{
    answer_bytes(client, status, 0, message, message ? strlen(message) : 0);
}

static void answer_number(struct client *client, int64_t number)
{
    answer_bytes(client, SHEAF_OK, number, NULL, 0);
}

/* -- requests -----------------------------------------------------------------------------------
 */

static void give_lock(struct thing *lock, struct client *client)
{
    bool abandoned = lock->abandoned;

    lock->holder = client;
    lock->abandoned = false;
    if (abandoned)
        answer(client, SHEAF_ABANDONED, "the last holder of the lock went without unlocking");
    else
        answer(client, SHEAF_OK, NULL);
}

static void give_value(struct thing *list, struct client *client)
{
    struct value *value = list->first;

    if (client->request.number >= 0 && value->size > (uint64_t)client->request.number) {
        answer_bytes(client, SHEAF_LIMIT, (int64_t)value->size, NULL, 0);
        return;
    }
    sheaf_list_take(list);
    answer_bytes(client, SHEAF_OK, (int64_t)value->size, value->bytes, value->size);
    sheaf_value_free(value);
}

/* The client that has waited longest for the thing with such a request (0: with any). */
static struct client *longest_waiting(struct server *server, const struct thing *thing,
                                      uint32_t verb)
{
    struct client *first = NULL;

    for (struct client *client = server->clients; client; client = client->next)
        if (client->waiting && client->wanted == thing && !client->gone &&
            (verb == 0 || client->request.verb == verb) && (!first || client->turn < first->turn))
            first = client;
    return first;
}

static bool is_full(const struct thing *list)
{
    return list->limit > 0 && list->count >= list->limit;
}

static void take_offered(struct thing *list, struct client *client)
{
    sheaf_list_append(list, client->offered);
    client->offered = NULL;
    answer(client, SHEAF_OK, NULL);
}

/* Serve those who wait for the list, to take from it or to add to it, as far as it goes. */
static void serve_list(struct server *server, struct thing *list)
{
    struct client *client;

    for (;;) {
        if (list->count > 0 && (client = longest_waiting(server, list, VERB_POP)))
            give_value(list, client);
        else if (!is_full(list) && (client = longest_waiting(server, list, VERB_PUSH)))
            take_offered(list, client);
        else
            return;
    }
}

static void serve_lock(struct server *server, struct thing *lock)
{
    struct client *client;

    if (!lock->holder && (client = longest_waiting(server, lock, VERB_LOCK)))
        give_lock(lock, client);
}

static void let_wait(struct server *server, struct client *client, struct thing *thing,
                     const struct manager_request *request)
{
    client->waiting = true;
    client->wanted = thing;
    client->request = *request;
    client->deadline = sheaf_deadline(request->timeout_ms);
    client->turn = server->turns++;
    if (request->timeout_ms == 0)
        answer(client, SHEAF_TIMEOUT,
               thing->kind == LOCK ? "the lock is held by another client"
               : client->offered   ? "the list is full"
                                   : "the list is empty");
}

static enum kind kind_for(uint32_t verb)
{
    switch (verb) {
    case VERB_SET:
    case VERB_GET:
    case VERB_REMOVE:
    case VERB_KEYS:
        return MAP;
    case VERB_ADD:
        return COUNTER;
    case VERB_PUSH:
    case VERB_POP:
    case VERB_AT:
    case VERB_REPLACE:
    case VERB_LIMIT:
        return LIST;
    case VERB_LOCK:
    case VERB_UNLOCK:
        return LOCK;
    default:
        return NEW;
    }
}

struct ask { /* a request with its parts */
    struct manager_request head;
    const char *name, *key, *value;
};

static void do_map(struct client *client, struct thing *map, const struct ask *ask)
{
    struct value *value = sheaf_map_find(map, ask->key);
    struct sheaf_string keys = {0};

    switch (ask->head.verb) {
    case VERB_SET: {
        struct value *made = sheaf_value_make(ask->key, ask->value, ask->head.value_size);
        if (made && sheaf_map_set(map, made)) {
            answer(client, SHEAF_OK, NULL);
            return;
        }
        if (made)
            sheaf_value_free(made);
        answer(client, SHEAF_NO_MEMORY, "the server has no memory for it");
        return;
    }
    case VERB_KEYS:
        for (struct value *at = map->first; at; at = at->next)
            sheaf_string_append_bytes(&keys, at->key, strlen(at->key) + 1);
        answer_bytes(client, keys.failed ? SHEAF_NO_MEMORY : SHEAF_OK, map->count, keys.bytes,
                     keys.failed ? 0 : keys.size);
        sheaf_string_free(&keys);
        return;
    default:
        if (!value) {
            answer(client, SHEAF_CLOSED, "the map has no such key");
        } else if (ask->head.verb == VERB_GET) {
            answer_bytes(client, SHEAF_OK, (int64_t)value->size, value->bytes, value->size);
        } else {
            sheaf_map_remove(map, value);
            answer(client, SHEAF_OK, NULL);
        }
    }
}

static void do_list(struct server *server, struct client *client, struct thing *list,
                    const struct ask *ask)
{
    struct value *value = list->first, *made;

    switch (ask->head.verb) {
    case VERB_PUSH:
        made = sheaf_value_make(NULL, ask->value, ask->head.value_size);
        if (!made) {
            answer(client, SHEAF_NO_MEMORY, "the server has no memory for it");
            return;
        }
        client->offered = made;
        if (is_full(list))
            let_wait(server, client, list, &ask->head);
        else
            take_offered(list, client);
        serve_list(server, list);
        return;
    case VERB_POP:
        client->request = ask->head;
        if (list->count > 0)
            give_value(list, client);
        else
            let_wait(server, client, list, &ask->head);
        serve_list(server, list);
        return;
    case VERB_LIMIT:
        list->limit = ask->head.number > 0 ? ask->head.number : 0;
        answer(client, SHEAF_OK, NULL);
        serve_list(server, list);
        return;
    default:
        for (int64_t i = 0; value && i < ask->head.number; i++)
            value = value->next;
        if (!value || ask->head.number < 0) {
            answer(client, SHEAF_CLOSED, "the list is not that long");
        } else if (ask->head.verb == VERB_AT) {
            answer_bytes(client, SHEAF_OK, (int64_t)value->size, value->bytes, value->size);
        } else {
            char *bytes;
            if (sheaf_copy_bytes(ask->value, ask->head.value_size, &bytes, NULL) != SHEAF_OK) {
                answer(client, SHEAF_NO_MEMORY, "the server has no memory for it");
                return;
            }
            free(value->bytes);
            value->bytes = bytes;
            value->size = ask->head.value_size;
            answer(client, SHEAF_OK, NULL);
        }
    }
}

static void do_lock(struct server *server, struct client *client, struct thing *lock,
                    const struct ask *ask)
{
    if (ask->head.verb == VERB_UNLOCK) {
        if (lock->holder != client) {
            answer(client, SHEAF_BAD_ARGUMENT, "this client does not hold the lock");
            return;
        }
        lock->holder = NULL;
        answer(client, SHEAF_OK, NULL);
        serve_lock(server, lock);
    } else if (lock->holder == client) {
        answer(client, SHEAF_BAD_ARGUMENT, "this client holds the lock already");
    } else if (!lock->holder) {
        give_lock(lock, client);
    } else {
        let_wait(server, client, lock, &ask->head);
    }
}

static void do_request(struct server *server, struct client *client, const struct ask *ask)
{
    enum kind kind = kind_for(ask->head.verb);
    struct thing *thing = sheaf_store_find(&server->store, ask->name, kind != NEW);

    if (ask->head.verb == VERB_STOP) {
        server->stopping = true;
        answer(client, SHEAF_OK, NULL);
        return;
    }
    if (!thing && kind != NEW) {
        answer(client, SHEAF_NO_MEMORY, "the server has no memory for it");
        return;
    }
    if (kind != NEW && thing->kind == NEW)
        thing->kind = kind;
    if (kind != NEW && thing->kind != kind) {
        answer(client, SHEAF_BAD_ARGUMENT, "the thing with that name is of another kind");
        return;
    }
    switch (kind) {
    case MAP:
        do_map(client, thing, ask);
        return;
    case LIST:
        do_list(server, client, thing, ask);
        return;
    case LOCK:
        do_lock(server, client, thing, ask);
        return;
    case COUNTER:
        thing->count = (int64_t)((uint64_t)thing->count + (uint64_t)ask->head.number);
        answer_number(client, thing->count);
        return;
    default:
        break;
    }
    if (ask->head.verb == VERB_COUNT) {
        answer_number(client,
                      thing && (thing->kind == MAP || thing->kind == LIST) ? thing->count : 0);
    } else if (thing && (thing->holder || longest_waiting(server, thing, 0))) {
        answer(client, SHEAF_BAD_ARGUMENT, "it is in use");
    } else {
        if (thing)
            sheaf_store_forget(&server->store, thing);
        answer(client, SHEAF_OK, NULL);
    }
}

/* -- clients ------------------------------------------------------------------------------------
 */

static void accept_client(struct server *server)
{
    struct client *client;
    int fd = accept4(server->options->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if ((!server->options->tcp && !sheaf_manager_trusts(fd)) ||
        sheaf_allocate(&client, 1, sizeof *client, NULL) != SHEAF_OK) {
        close(fd);
        return;
    }
    client->socket = fd;
    client->greet_by = sheaf_clock_ns() + GREETING_NS;
    client->next = server->clients;
    server->clients = client;

    struct manager_hello hello = {.greeting = SHEAF_GREETING};
    if (getrandom(hello.nonce, sizeof hello.nonce, 0) != sizeof hello.nonce)
        client->gone = true;
    memcpy(client->nonce, hello.nonce, sizeof hello.nonce);
    sheaf_string_append_bytes(&client->out, &hello, sizeof hello);
    flush(client);
}

static void release_locks(struct server *server, struct client *client)
{
    for (int i = 0; i < SHEAF_STORE_BUCKETS; i++)
        for (struct thing *thing = server->store.buckets[i]; thing; thing = thing->chain)
            if (thing->holder == client) {
                thing->holder = NULL;
                thing->abandoned = true;
                sheaf_log("manager: a client went with the lock %s", thing->name);
                serve_lock(server, thing);
            }
}

static void drop_gone(struct server *server)
{
    for (struct client **link = &server->clients; *link;) {
        struct client *client = *link;
        if (!client->gone) {
            link = &client->next;
            continue;
        }
        *link = client->next;
        release_locks(server, client);
        close(client->socket);
        sheaf_string_free(&client->in);
        sheaf_string_free(&client->out);
        if (client->offered)
            sheaf_value_free(client->offered);
        free(client);
    }
}

/* Same length whatever differs, so that time tells nothing. */
static bool equal_proofs(const unsigned char *a, const unsigned char *b)
{
    unsigned char different = 0;

    for (int i = 0; i < 32; i++)
        different |= a[i] ^ b[i];
    return different == 0;
}

/* hello and, over TCP, the proof; how many bytes were used, 0 if more are needed. */
static size_t greet(struct server *server, struct client *client, const char *bytes, size_t size)
{
    struct manager_hello hello;
    size_t needed = sizeof hello + (server->options->tcp ? 32 : 0);

    if (size < needed)
        return 0;
    memcpy(&hello, bytes, sizeof hello);
    client->gone = hello.greeting != SHEAF_GREETING;
    if (server->options->tcp) {
        unsigned char expected[32], received[32], proof[32];
        sheaf_manager_prove(server->options->key, false, hello.nonce, client->nonce, expected);
        memcpy(received, bytes + sizeof hello, sizeof received);
        client->gone = client->gone || !equal_proofs(expected, received);
        if (client->gone)
            return needed;
        sheaf_manager_prove(server->options->key, true, client->nonce, hello.nonce, proof);
        sheaf_string_append_bytes(&client->out, proof, sizeof proof);
        flush(client);
    }
    client->greeted = true;
    return needed;
}

/* Names and keys come with their zero byte and have none inside. */
static bool is_text(const char *text, size_t size)
{
    return size > 0 && memchr(text, '\0', size) == text + size - 1;
}

/* Carry out one request; how many bytes it had, 0 if it is not complete. */
static size_t take_request(struct server *server, struct client *client, const char *bytes,
                           size_t size)
{
    struct ask ask;

    if (size < sizeof ask.head)
        return 0;
    memcpy(&ask.head, bytes, sizeof ask.head);
    uint64_t body = (uint64_t)ask.head.name_size + ask.head.key_size + ask.head.value_size;
    if (body > SHEAF_MANAGER_MESSAGE_MAX || ask.head.verb < VERB_SET || ask.head.verb > VERB_STOP) {
        client->gone = true;
        return 0;
    }
    if (size < sizeof ask.head + body)
        return 0;
    ask.name = bytes + sizeof ask.head;
    ask.key = ask.name + ask.head.name_size;
    ask.value = ask.key + ask.head.key_size;
    if (!is_text(ask.name, ask.head.name_size) || !is_text(ask.key, ask.head.key_size)) {
        client->gone = true;
        return 0;
    }
    do_request(server, client, &ask);
    return sizeof ask.head + (size_t)body;
}

static void read_client(struct server *server, struct client *client)
{
    size_t used = 0, step;

    for (;;) {
        if (!sheaf_string_reserve(&client->in, 65536)) {
            client->gone = true;
            return;
        }
        ssize_t got = recv(client->socket, client->in.bytes + client->in.size, 65536, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            client->gone = true;
            return;
        }
        if (got > 0)
            client->in.size += (size_t)got;
        if (client->in.size > SHEAF_MANAGER_MESSAGE_MAX + 2 * 65536) {
            client->gone = true; /* sends on and on without waiting for answers */
            return;
        }
        if (got < 65536)
            break;
    }
    while (!client->gone && !client->waiting && used < client->in.size) {
        const char *bytes = client->in.bytes + used;
        size_t size = client->in.size - used;
        step = client->greeted ? take_request(server, client, bytes, size)
                               : greet(server, client, bytes, size);
        if (step == 0)
            break;
        used += step;
    }
    memmove(client->in.bytes, client->in.bytes + used, client->in.size - used);
    client->in.size -= used;
}

/* Answer those who waited long enough; the next moment that needs it. */
static int64_t check_deadlines(struct server *server)
{
    int64_t now = sheaf_clock_ns(), next = INT64_MAX;

    for (struct client *client = server->clients; client; client = client->next) {
        int64_t due = client->waiting    ? client->deadline
                      : !client->greeted ? client->greet_by
                                         : INT64_MAX;
        if (due <= now && client->waiting)
            answer(client, SHEAF_TIMEOUT, "it did not come in time");
        else if (due <= now)
            client->gone = true;
        else if (due < next)
            next = due;
    }
    return next;
}

static int wait_ms(int64_t next)
{
    int64_t left = next == INT64_MAX ? 1000 : (next - sheaf_clock_ns()) / 1000000 + 1;

    return left < 0 ? 0 : left > 1000 ? 1000 : (int)left;
}

/* poll() with a short spin before it sleeps, while there is traffic. */
static int poll_busily(struct pollfd *polled, nfds_t count, int64_t next, int64_t busy_until)
{
    while (sheaf_spin_rounds() > 0 && sheaf_clock_ns() < busy_until) {
        int found = poll(polled, count, 0);
        if (found != 0)
            return found;
        sheaf_give_way();
    }
    return poll(polled, count, wait_ms(next));
}

sheaf_status sheaf_manager_serve(void *argument, sheaf_error *error)
{
    struct server server = {.options = argument};
    struct pollfd *polled = NULL;
    size_t capacity = 0;
    int64_t busy_until = 0;
    sheaf_status status = SHEAF_OK;

    while (!server.stopping) {
        size_t count = 1;
        int64_t next = check_deadlines(&server);
        drop_gone(&server);
        for (struct client *client = server.clients; client; client = client->next)
            count++;
        status = sheaf_grow(&polled, &capacity, count, sizeof *polled, error);
        if (status != SHEAF_OK)
            break;
        polled[0] = (struct pollfd){.fd = server.options->listener, .events = POLLIN};
        count = 1;
        for (struct client *client = server.clients; client; client = client->next)
            polled[count++] = (struct pollfd){
                .fd = client->socket,
                .events = (short)(POLLIN | (client->out.size > client->out_sent ? POLLOUT : 0))};
        if (poll_busily(polled, (nfds_t)count, next, busy_until) <= 0)
            continue;
        count = 1;
        for (struct client *client = server.clients; client; client = client->next, count++) {
            if (polled[count].revents & POLLOUT)
                flush(client);
            if (polled[count].revents & (POLLIN | POLLHUP | POLLERR)) {
                read_client(&server, client);
                busy_until = sheaf_clock_ns() + 50000;
            }
        }
        if (polled[0].revents)
            accept_client(&server);
    }
    if (server.options->path[0])
        unlink(server.options->path);
    free(polled);
    return status; /* everything else goes with the process */
}
