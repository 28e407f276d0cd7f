/*
 * segment.c - shared memory with a name: see sheaf/shared.h
 *
 * The memory is a memfd, which has no name.  The name is an abstract Unix socket
 * that its maker only holds open: the kernel frees it when the maker ends, tells
 * everybody who asks who the maker is, and lets nobody take it twice.  Who
 * attaches finds the memfd among the descriptors of the maker, in /proc.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sheaf/shared.h>

#include "base/memory.h"
#include "process/arena.h"

enum { NAME_MAX_SIZE = 60 };

struct sheaf_segment {
    struct sheaf_arena arena;
    int name_socket; /* the name, held by its maker only; else -1 */
};

static sheaf_status check_name(const char *name, sheaf_error *error)
{
    size_t size = strlen(name);
    bool good = size >= 1 && size <= NAME_MAX_SIZE;

    for (size_t i = 0; good && i < size; i++)
        good = isalnum((unsigned char)name[i]) || strchr("-_.", name[i]);
    if (good)
        return SHEAF_OK;
    return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                           "\"%s\" is no name for a segment: 1 to %d letters, digits, - _ .", name,
                           NAME_MAX_SIZE);
}

/* The user is part of the name: others may use the same one. */
static socklen_t make_address(const char *name, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    int size = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "sheaf-segment/%u/%s",
                        (unsigned)getuid(), name);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

sheaf_status sheaf_segment_create(const char *name, size_t size, sheaf_segment **segment,
                                  sheaf_error *error)
{
    struct sockaddr_un address;
    struct sheaf_segment *made;
    char label[NAME_MAX_SIZE + 20];

    SHEAF_TRY(check_name(name, error));
    if (size == 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a segment has one byte at least");
    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    made->arena.fd = -1;
    made->name_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = make_address(name, &address);
    snprintf(label, sizeof label, "sheaf-segment/%s", name);
    /* The memory first: whoever finds the name finds the memory, too. */
    sheaf_status status = sheaf_arena_open(label, size, size, &made->arena, error);
    if (status == SHEAF_OK && made->arena.fd < 0)
        status = sheaf_error_set(error, SHEAF_SYSTEM, "this machine has no memfd for segments");
    if (status == SHEAF_OK && (made->name_socket < 0 ||
                               bind(made->name_socket, (struct sockaddr *)&address, length) < 0 ||
                               listen(made->name_socket, 1024) < 0)) {
        status = errno == EADDRINUSE
                     ? sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                       "a segment named \"%s\" exists already", name)
                     : sheaf_error_errno(error, "cannot name the segment \"%s\"", name);
    }
    if (status != SHEAF_OK) {
        sheaf_segment_close(made);
        return status;
    }
    *segment = made;
    return SHEAF_OK;
}

/* The process that holds the name; checked to be of the same user. */
static sheaf_status find_maker(const char *name, pid_t *maker, sheaf_error *error)
{
    struct sockaddr_un address;
    struct ucred peer = {0};
    socklen_t length = make_address(name, &address), size = sizeof peer;
    sheaf_status status = SHEAF_OK;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return sheaf_error_errno(error, "cannot look for the segment \"%s\"", name);
    if (connect(fd, (struct sockaddr *)&address, length) < 0)
        status = sheaf_error_set(error, SHEAF_CLOSED, "there is no segment named \"%s\"", name);
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        status = sheaf_error_errno(error, "cannot tell who made the segment \"%s\"", name);
    else if (peer.uid != getuid())
        status = sheaf_error_set(error, SHEAF_REFUSED, "the segment \"%s\" belongs to user %u",
                                 name, (unsigned)peer.uid);
    *maker = peer.pid;
    close(fd);
    return status;
}

/* Open the memfd with this label among the descriptors of the maker; -1 if it has none. */
static int open_label(pid_t maker, const char *label, bool writable)
{
    char path[64], link[128], target[256];
    struct dirent *entry;
    int found = -1;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)maker);
    DIR *folder = opendir(path);
    while (folder && found < 0 && (entry = readdir(folder))) {
        snprintf(link, sizeof link, "%s/%.20s", path, entry->d_name);
        ssize_t size = readlink(link, target, sizeof target - 1);
        if (size <= 0)
            continue;
        target[size] = '\0';
        if (strcmp(target, label) == 0)
            found = open(link, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    }
    if (folder)
        closedir(folder);
    return found;
}

sheaf_status sheaf_segment_attach(const char *name, bool writable, sheaf_segment **segment,
                                  sheaf_error *error)
{
    char label[NAME_MAX_SIZE + 40];
    struct sheaf_segment *made;
    pid_t maker = 0;

    SHEAF_TRY(check_name(name, error));
    SHEAF_TRY(find_maker(name, &maker, error));
    snprintf(label, sizeof label, "/memfd:sheaf-segment/%s (deleted)", name);
    int fd = open_label(maker, label, writable);
    if (fd < 0)
        return sheaf_error_set(error, SHEAF_CLOSED,
                               "the segment \"%s\" is gone, or process %d lets nobody look", name,
                               (int)maker);
    sheaf_status status = sheaf_allocate(&made, 1, sizeof *made, error);
    if (status == SHEAF_OK) {
        made->name_socket = -1;
        status = sheaf_arena_map(fd, writable, &made->arena, error);
        if (status != SHEAF_OK)
            free(made);
    }
    close(fd);
    if (status == SHEAF_OK)
        *segment = made;
    return status;
}

void *sheaf_segment_memory(const sheaf_segment *segment)
{
    return segment->arena.bytes;
}

size_t sheaf_segment_size(const sheaf_segment *segment)
{
    return segment->arena.size;
}

void sheaf_segment_close(sheaf_segment *segment)
{
    if (!segment)
        return;
    if (segment->name_socket >= 0)
        close(segment->name_socket);
    sheaf_arena_close(&segment->arena);
    free(segment);
}
