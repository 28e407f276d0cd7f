/* manager.c - starting a manager, and its clients: see sheaf/manager.h */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sheaf/process.h>

#include "base/memory.h"
#include "process/child.h"
#include "process/futex.h"
#include "process/manager_wire.h"

enum { PATIENCE_MS = 10000 };

struct sheaf_manager {
    char address[300];
    char key[256];
    int socket;
    pid_t user; /* a forked copy must not talk along this connection */
    pid_t starter;
    sheaf_process *server; /* in the starter only */
    bool detached;
};

/* -- connecting ------------------------------------------------------------------------------- */

static sheaf_status check_key(const char *address, const char *key, sheaf_error *error)
{
    if (strncmp(address, "tcp:", 4) != 0)
        return SHEAF_OK;
    if (!key || strlen(key) < 16 || strlen(key) > 255)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "a manager on TCP needs a key of 16 to 255 characters");
    return SHEAF_OK;
}

/* Both sides show that they know the key, over a nonce of the other each. */
static sheaf_status greet(int fd, bool tcp, const char *key, sheaf_error *error)
{
    struct manager_hello theirs, ours = {.greeting = SHEAF_GREETING};
    unsigned char proof[32], expected[32], received[32];
    int64_t deadline = sheaf_deadline(PATIENCE_MS);

    if (!tcp && !sheaf_manager_trusts(fd))
        return sheaf_error_set(error, SHEAF_REFUSED, "the manager belongs to another user");
    if (getrandom(ours.nonce, sizeof ours.nonce, 0) != sizeof ours.nonce)
        return sheaf_error_errno(error, "no random numbers");
    if (!sheaf_manager_receive(fd, &theirs, sizeof theirs, deadline) ||
        theirs.greeting != SHEAF_GREETING || !sheaf_manager_send(fd, &ours, sizeof ours, deadline))
        return sheaf_error_set(error, SHEAF_REFUSED, "what answers there is no manager for us");
    if (!tcp)
        return SHEAF_OK;
    sheaf_manager_prove(key, false, ours.nonce, theirs.nonce, proof);
    sheaf_manager_prove(key, true, theirs.nonce, ours.nonce, expected);
    if (!sheaf_manager_send(fd, proof, sizeof proof, deadline) ||
        !sheaf_manager_receive(fd, received, sizeof received, deadline) ||
        memcmp(received, expected, sizeof expected) != 0)
        return sheaf_error_set(error, SHEAF_REFUSED, "the manager has another key");
    return SHEAF_OK;
}

static sheaf_status connect_to(sheaf_manager *manager, sheaf_error *error)
{
    struct manager_address address;
    int yes = 1;

    SHEAF_TRY(sheaf_manager_resolve(manager->address, &address, error));
    int fd = socket(address.socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sheaf_error_errno(error, "cannot connect to the manager");
    sheaf_status status = SHEAF_OK;
    if (connect(fd, &address.socket.any, address.size) < 0)
        status = sheaf_error_set(error, SHEAF_CLOSED, "no manager serves at %s: %s",
                                 manager->address, strerror(errno));
    if (status == SHEAF_OK && address.tcp)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (status == SHEAF_OK)
        status = greet(fd, address.tcp, manager->key, error);
    if (status != SHEAF_OK) {
        close(fd);
        return status;
    }
    manager->socket = fd;
    manager->user = getpid();
    return SHEAF_OK;
}

sheaf_status sheaf_manager_connect(const char *address, const char *key, sheaf_manager **manager,
                                   sheaf_error *error)
{
    sheaf_manager *made;

    SHEAF_TRY(check_key(address, key, error));
    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    snprintf(made->address, sizeof made->address, "%s", address);
    snprintf(made->key, sizeof made->key, "%s", key ? key : "");
    made->socket = -1;
    sheaf_status status = connect_to(made, error);
    if (status != SHEAF_OK) {
        free(made);
        return status;
    }
    *manager = made;
    return SHEAF_OK;
}

/* -- starting ---------------------------------------------------------------------------------- */

static void name_privately(char *address, size_t size)
{
    unsigned long long number = 0;

    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (unsigned long long)sheaf_clock_ns();
    snprintf(address, size, "@sheaf-manager-%d-%016llx", (int)getpid(), number);
}

/* A socket file whose server is gone may be replaced; a served one may not. */
static void remove_stale(const struct manager_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, &address->socket.any, address->size) < 0 && errno == ECONNREFUSED)
        unlink(address->socket.unix_path.sun_path);
    close(fd);
}

static sheaf_status listen_at(sheaf_manager *manager, struct manager_server *server,
                              sheaf_error *error)
{
    struct manager_address address;
    int yes = 1;

    SHEAF_TRY(sheaf_manager_resolve(manager->address, &address, error));
    server->tcp = address.tcp;
    snprintf(server->key, sizeof server->key, "%s", manager->key);
    int fd = socket(address.socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return sheaf_error_errno(error, "cannot start a manager");
    if (address.tcp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool path = manager->address[0] == '/';
    mode_t before = umask(0077);
    if (path)
        remove_stale(&address);
    int result = bind(fd, &address.socket.any, address.size);
    umask(before);
    if (result == 0 && path) {
        snprintf(server->path, sizeof server->path, "%.107s", manager->address);
        result = chmod(server->path, 0700);
    }
    if (result < 0 || listen(fd, 128) < 0) {
        sheaf_error_errno(error, "cannot serve at %s", manager->address);
        close(fd);
        return SHEAF_SYSTEM;
    }
    server->listener = fd;
    return SHEAF_OK;
}

/* The port that the machine chose for "tcp:host:0". */
static void note_port(sheaf_manager *manager, int listener)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char *colon = strrchr(manager->address, ':');

    if (!colon || getsockname(listener, (struct sockaddr *)&bound, &size) < 0)
        return;
    unsigned port = bound.ss_family == AF_INET6
                        ? ntohs(((struct sockaddr_in6 *)(void *)&bound)->sin6_port)
                        : ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
    snprintf(colon + 1, 8, "%u", port);
}

sheaf_status sheaf_manager_start(const sheaf_manager_options *options, sheaf_manager **manager,
                                 sheaf_error *error)
{
    struct manager_server server = {.listener = -1};
    sheaf_manager_options wish;
    sheaf_manager *made;

    SHEAF_TRY(sheaf_options_copy(&wish, sizeof wish, options, "sheaf_manager_options", error));
    if (wish.address)
        SHEAF_TRY(check_key(wish.address, wish.key, error));
    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    made->socket = -1;
    made->detached = wish.detached;
    made->starter = getpid();
    if (wish.address)
        snprintf(made->address, sizeof made->address - 8, "%s", wish.address);
    else
        name_privately(made->address, sizeof made->address);
    snprintf(made->key, sizeof made->key, "%s", wish.key ? wish.key : "");

    sheaf_status status = listen_at(made, &server, error);
    if (status == SHEAF_OK) {
        sheaf_process_options child = {.struct_size = sizeof child,
                                       .name = "sheaf-manager",
                                       .keep = &server.listener,
                                       .keep_count = 1,
                                       .detached = made->detached};
        if (server.tcp)
            note_port(made, server.listener);
        status = sheaf_process_start(&child, sheaf_manager_serve, &server, sizeof server,
                                     &made->server, error);
        close(server.listener);
    }
    if (status == SHEAF_OK)
        status = connect_to(made, error);
    if (status != SHEAF_OK) {
        sheaf_manager_close(made);
        return status;
    }
    *manager = made;
    return SHEAF_OK;
}

const char *sheaf_manager_address(const sheaf_manager *manager)
{
    return manager->address;
}

void sheaf_manager_close(sheaf_manager *manager)
{
    if (!manager)
        return;
    if (manager->starter == getpid() && manager->server) {
        if (!manager->detached && manager->socket >= 0 &&
            sheaf_manager_stop(manager, NULL) == SHEAF_OK)
            sheaf_process_join(manager->server, 2000, NULL);
        sheaf_process_close(manager->server);
        if (manager->address[0] == '/' && !manager->detached)
            unlink(manager->address);
    }
    if (manager->socket >= 0)
        close(manager->socket);
    free(manager);
}

/* -- one exchange ---------------------------------------------------------------------------------
 */

struct exchange {
    enum verb verb;
    const char *name, *key;
    const void *value;
    size_t value_size;
    int64_t number;
    int64_t timeout_ms;
    void *room; /* for the value in the answer */
    size_t capacity;
    char **grown; /* or a block made for it */
    size_t size;  /* of the value */
    int64_t result;
};

static sheaf_status lose(sheaf_manager *manager, sheaf_error *error)
{
    close(manager->socket);
    manager->socket = -1;
    return sheaf_error_set(error, SHEAF_LOST, "the manager at %s has died", manager->address);
}

static bool skip(int socket, size_t size, int64_t deadline)
{
    char dump[4096];

    while (size > 0) {
        size_t part = size < sizeof dump ? size : sizeof dump;
        if (!sheaf_manager_receive(socket, dump, part, deadline))
            return false;
        size -= part;
    }
    return true;
}

static sheaf_status receive_answer(sheaf_manager *manager, struct exchange *exchange,
                                   int64_t deadline, sheaf_error *error)
{
    struct manager_answer answer;
    char message[200] = "";

    if (!sheaf_manager_receive(manager->socket, &answer, sizeof answer, deadline))
        return lose(manager, error);
    exchange->result = answer.number;
    if (answer.status != SHEAF_OK) {
        size_t part = answer.size < sizeof message - 1 ? answer.size : sizeof message - 1;
        if (!sheaf_manager_receive(manager->socket, message, part, deadline) ||
            !skip(manager->socket, answer.size - part, deadline))
            return lose(manager, error);
        message[part] = '\0';
        return sheaf_error_set(error, (sheaf_status)answer.status, "manager: %s: %s",
                               exchange->name,
                               part ? message : sheaf_status_name((sheaf_status)answer.status));
    }
    exchange->size = answer.size;
    if (exchange->grown) {
        SHEAF_TRY(sheaf_allocate(exchange->grown, answer.size + 1, 1, error));
        exchange->room = *exchange->grown;
        exchange->capacity = answer.size;
    }
    size_t part = answer.size < exchange->capacity ? answer.size : exchange->capacity;
    if (!sheaf_manager_receive(manager->socket, exchange->room, part, deadline) ||
        !skip(manager->socket, answer.size - part, deadline))
        return lose(manager, error);
    return SHEAF_OK;
}

static sheaf_status ask(sheaf_manager *manager, struct exchange *exchange, sheaf_error *error)
{
    const char *key = exchange->key ? exchange->key : "";
    size_t name_size = strlen(exchange->name) + 1, key_size = strlen(key) + 1;
    unsigned char small[512], *packed = small;
    size_t heads = sizeof(struct manager_request) + name_size + key_size;

    if (heads > sizeof small || exchange->value_size > SHEAF_MANAGER_MESSAGE_MAX - heads)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the name or the value is too long");
    if (manager->socket >= 0 && manager->user != getpid()) {
        close(manager->socket); /* our copy of the connection of the one who forked us */
        manager->socket = -1;
    }
    if (manager->socket < 0)
        SHEAF_TRY(connect_to(manager, error));
    struct manager_request head = {.verb = exchange->verb,
                                   .name_size = (uint32_t)name_size,
                                   .key_size = (uint32_t)key_size,
                                   .value_size = (uint32_t)exchange->value_size,
                                   .number = exchange->number,
                                   .timeout_ms = exchange->timeout_ms};
    memcpy(packed, &head, sizeof head);
    memcpy(packed + sizeof head, exchange->name, name_size);
    memcpy(packed + sizeof head + name_size, key, key_size);
    bool together = heads + exchange->value_size <= sizeof small;
    if (together && exchange->value_size > 0)
        memcpy(packed + heads, exchange->value, exchange->value_size);

    int64_t deadline = sheaf_deadline(SHEAF_FOREVER); /* the server keeps the time */
    if (!sheaf_manager_send(manager->socket, packed, heads + (together ? exchange->value_size : 0),
                            deadline) ||
        (!together &&
         !sheaf_manager_send(manager->socket, exchange->value, exchange->value_size, deadline)))
        return lose(manager, error);
    return receive_answer(manager, exchange, deadline, error);
}

/* -- the calls
 * ----------------------------------------------------------------------------------------- */

sheaf_status sheaf_manager_stop(sheaf_manager *manager, sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_STOP, .name = "server"};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_set(sheaf_manager *manager, const char *map, const char *key,
                               const void *value, size_t size, sheaf_error *error)
{
    struct exchange exchange = {
        .verb = VERB_SET, .name = map, .key = key, .value = value, .value_size = size};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_get(sheaf_manager *manager, const char *map, const char *key,
                               void *value, size_t capacity, size_t *size, sheaf_error *error)
{
    struct exchange exchange = {
        .verb = VERB_GET, .name = map, .key = key, .room = value, .capacity = capacity};

    SHEAF_TRY(ask(manager, &exchange, error));
    if (size)
        *size = exchange.size;
    return SHEAF_OK;
}

sheaf_status sheaf_manager_remove(sheaf_manager *manager, const char *map, const char *key,
                                  sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_REMOVE, .name = map, .key = key};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_keys(sheaf_manager *manager, const char *map, char **keys, size_t *count,
                                sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_KEYS, .name = map, .grown = keys};

    SHEAF_TRY(ask(manager, &exchange, error));
    *count = (size_t)exchange.result;
    return SHEAF_OK;
}

sheaf_status sheaf_manager_add(sheaf_manager *manager, const char *counter, int64_t amount,
                               int64_t *sum, sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_ADD, .name = counter, .number = amount};

    SHEAF_TRY(ask(manager, &exchange, error));
    if (sum)
        *sum = exchange.result;
    return SHEAF_OK;
}

sheaf_status sheaf_manager_put(sheaf_manager *manager, const char *queue, const void *value,
                               size_t size, int64_t timeout_ms, sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_PUSH,
                                .name = queue,
                                .value = value,
                                .value_size = size,
                                .timeout_ms = timeout_ms};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_push(sheaf_manager *manager, const char *list, const void *value,
                                size_t size, sheaf_error *error)
{
    return sheaf_manager_put(manager, list, value, size, 0, error);
}

sheaf_status sheaf_manager_limit(sheaf_manager *manager, const char *queue, int64_t most,
                                 sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_LIMIT, .name = queue, .number = most};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_pop(sheaf_manager *manager, const char *list, void *value,
                               size_t capacity, size_t *size, int64_t timeout_ms,
                               sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_POP,
                                .name = list,
                                .number = capacity > INT64_MAX ? INT64_MAX : (int64_t)capacity,
                                .timeout_ms = timeout_ms,
                                .room = value,
                                .capacity = capacity};

    sheaf_status status = ask(manager, &exchange, error);
    if (size && (status == SHEAF_OK || status == SHEAF_LIMIT))
        *size = (size_t)exchange.result;
    return status;
}

sheaf_status sheaf_manager_at(sheaf_manager *manager, const char *list, int64_t index, void *value,
                              size_t capacity, size_t *size, sheaf_error *error)
{
    struct exchange exchange = {
        .verb = VERB_AT, .name = list, .number = index, .room = value, .capacity = capacity};

    SHEAF_TRY(ask(manager, &exchange, error));
    if (size)
        *size = exchange.size;
    return SHEAF_OK;
}

sheaf_status sheaf_manager_replace(sheaf_manager *manager, const char *list, int64_t index,
                                   const void *value, size_t size, sheaf_error *error)
{
    struct exchange exchange = {
        .verb = VERB_REPLACE, .name = list, .number = index, .value = value, .value_size = size};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_count(sheaf_manager *manager, const char *name, int64_t *count,
                                 sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_COUNT, .name = name};

    SHEAF_TRY(ask(manager, &exchange, error));
    *count = exchange.result;
    return SHEAF_OK;
}

sheaf_status sheaf_manager_lock(sheaf_manager *manager, const char *lock, int64_t timeout_ms,
                                sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_LOCK, .name = lock, .timeout_ms = timeout_ms};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_unlock(sheaf_manager *manager, const char *lock, sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_UNLOCK, .name = lock};

    return ask(manager, &exchange, error);
}

sheaf_status sheaf_manager_forget(sheaf_manager *manager, const char *name, sheaf_error *error)
{
    struct exchange exchange = {.verb = VERB_FORGET, .name = name};

    return ask(manager, &exchange, error);
}
