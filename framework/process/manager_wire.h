/*
 * manager_wire.h - what clients of a manager and its server say to each other
 *
 * Fixed headers followed by bytes.  Both sides are the same program or at least the
 * same machine type: numbers are sent as they are, and a greeting makes sure.
 */
#ifndef SHEAF_PROCESS_MANAGER_WIRE_H
#define SHEAF_PROCESS_MANAGER_WIRE_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <sheaf/manager.h>

#define SHEAF_GREETING UINT64_C(0x3130316d66656873) /* also a check of byte order */

enum verb {
    VERB_SET = 1,
    VERB_GET,
    VERB_REMOVE,
    VERB_KEYS,
    VERB_ADD,
    VERB_PUSH,
    VERB_POP,
    VERB_AT,
    VERB_REPLACE,
    VERB_COUNT,
    VERB_LOCK,
    VERB_UNLOCK,
    VERB_FORGET,
    VERB_LIMIT,
    VERB_STOP
};

struct manager_request { /* then name, key, value */
    uint32_t verb;
    uint32_t name_size;
    uint32_t key_size;
    uint32_t value_size;
    int64_t number; /* an amount, an index, or the room for a value */
    int64_t timeout_ms;
};

struct manager_answer { /* then bytes: a value or, after a failure, its message */
    int32_t status;
    uint32_t size;
    int64_t number;
};

struct manager_hello { /* both ways, first */
    uint64_t greeting;
    unsigned char nonce[32];
};

/* The proof of knowing the key for the other side's nonce; `server` tells the two roles apart, so
 * that neither can be answered with its own question. */
void sheaf_manager_prove(const char *key, bool server, const unsigned char ours[32],
                         const unsigned char theirs[32], unsigned char proof[32]);

struct manager_address {
    union {
        struct sockaddr any;
        struct sockaddr_un unix_path;
        struct sockaddr_storage space;
    } socket;
    socklen_t size;
    bool tcp;
};

SHEAF_CHECKED sheaf_status sheaf_manager_resolve(const char *text, struct manager_address *address,
                                                 sheaf_error *error);

/* Whether a Unix peer is of the same user, or root. */
bool sheaf_manager_trusts(int socket);

/* Send or receive exactly that many bytes before the deadline. */
bool sheaf_manager_send(int socket, const void *bytes, size_t size, int64_t deadline);
bool sheaf_manager_receive(int socket, void *bytes, size_t size, int64_t deadline);

/* What the server process runs. */
struct manager_server {
    int listener;
    bool tcp;
    char key[256];
    char path[108]; /* to be removed at the end, or empty */
};
sheaf_status sheaf_manager_serve(void *argument, sheaf_error *error);

#endif
