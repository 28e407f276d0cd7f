/* manager_wire.c - addresses, exact sends, proofs: see manager_wire.h */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process/futex.h"
#include "process/manager_wire.h"
#include "process/sha256.h"

void sheaf_manager_prove(const char *key, bool server, const unsigned char ours[32],
                         const unsigned char theirs[32], unsigned char proof[32])
{
    unsigned char text[1 + 64];

    text[0] = server ? 'S' : 'C';
    memcpy(text + 1, ours, 32);
    memcpy(text + 33, theirs, 32);
    sheaf_hmac_sha256(key, strlen(key), text, sizeof text, proof);
}

static sheaf_status resolve_tcp(const char *text, struct manager_address *address,
                                sheaf_error *error)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *found = NULL;

    if (!colon || (size_t)(colon - text) >= sizeof host)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "\"tcp:%s\" is not tcp:host:port", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    int result = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found);
    if (result != 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "\"tcp:%s\": %s", text,
                               gai_strerror(result));
    memcpy(&address->socket.space, found->ai_addr, found->ai_addrlen);
    address->size = found->ai_addrlen;
    address->tcp = true;
    freeaddrinfo(found);
    return SHEAF_OK;
}

sheaf_status sheaf_manager_resolve(const char *text, struct manager_address *address,
                                   sheaf_error *error)
{
    struct sockaddr_un *plain = &address->socket.unix_path;
    size_t size = strlen(text);

    memset(address, 0, sizeof *address);
    if (strncmp(text, "tcp:", 4) == 0)
        return resolve_tcp(text + 4, address, error);
    if ((text[0] != '@' && text[0] != '/') || size < 2 || size >= sizeof plain->sun_path)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "\"%s\" is no address: @name, /path (both short) or tcp:host:port",
                               text);
    plain->sun_family = AF_UNIX;
    memcpy(plain->sun_path, text, size);
    if (text[0] == '@')
        plain->sun_path[0] = '\0';
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return SHEAF_OK;
}

bool sheaf_manager_trusts(int socket)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;

    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == getuid() || peer.uid == 0);
}

static bool wait_for(int socket, short events, int64_t deadline)
{
    struct pollfd end = {.fd = socket, .events = events};
    int64_t left = deadline == INT64_MAX ? 1000 : (deadline - sheaf_clock_ns()) / 1000000 + 1;

    if (sheaf_deadline_passed(deadline))
        return false;
    poll(&end, 1, left > 1000 ? 1000 : left < 0 ? 0 : (int)left);
    return true;
}

bool sheaf_manager_send(int socket, const void *bytes, size_t size, int64_t deadline)
{
    for (size_t done = 0; done < size;) {
        ssize_t sent =
            send(socket, (const char *)bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            done += (size_t)sent;
        else if (errno != EINTR && errno != EAGAIN)
            return false;
        else if (errno == EAGAIN && !wait_for(socket, POLLOUT, deadline))
            return false;
    }
    return true;
}

bool sheaf_manager_receive(int socket, void *bytes, size_t size, int64_t deadline)
{
    /* An answer takes a few microseconds; being woken for it takes many. */
    int rounds = sheaf_spin_rounds();

    for (size_t done = 0; done < size;) {
        ssize_t got = recv(socket, (char *)bytes + done, size - done, MSG_DONTWAIT);
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || (errno != EINTR && errno != EAGAIN))
            return false;
        else if (errno == EAGAIN && rounds-- > 0)
            sheaf_give_way();
        else if (errno == EAGAIN && !wait_for(socket, POLLIN, deadline))
            return false;
    }
    return true;
}
