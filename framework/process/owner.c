/* owner.c - who holds something, in a word that outlives him: see owner.h */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/owner.h"

enum { ID_BITS = 23 }; /* PID_MAX_LIMIT is 2^22 */

static _Thread_local uint64_t self;
static pthread_once_t registered = PTHREAD_ONCE_INIT;

static void forget_self(void)
{
    self = SHEAF_NOBODY;
}

static void register_forget(void)
{
    pthread_atfork(NULL, NULL, forget_self);
}

enum look { FOUND, GONE, UNKNOWN };

/* The birth of a thread in clock ticks since boot, from field 22 of its stat file. */
static enum look look_up(int id, uint64_t *birth)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%d/stat", id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? GONE : UNKNOWN;
    ssize_t size = read(fd, text, sizeof text - 1);
    int number = errno;
    close(fd);
    if (size <= 0)
        return size < 0 && number == ESRCH ? GONE : UNKNOWN;
    text[size] = '\0';

    char *at = strrchr(text, ')'); /* a name may hold blanks and parentheses */
    if (!at || at[1] == '\0')
        return UNKNOWN;
    if (at[2] == 'Z' || at[2] == 'X')
        return GONE;
    at += 2; /* at field 3 */
    for (int field = 3; field < 22; field++) {
        at = strchr(at, ' ');
        if (!at)
            return UNKNOWN;
        at++;
    }
    *birth = strtoull(at, NULL, 10);
    return FOUND;
}

static uint64_t make_word(int id, uint64_t birth)
{
    return birth << ID_BITS | (uint64_t)(unsigned)id;
}

uint64_t sheaf_owner_self(void)
{
    if (self == SHEAF_NOBODY) {
        uint64_t birth = 0;
        int id = (int)syscall(SYS_gettid);

        pthread_once(&registered, register_forget);
        if (look_up(id, &birth) != FOUND)
            birth = 0;
        self = make_word(id, birth);
    }
    return self;
}

int sheaf_owner_id(uint64_t owner)
{
    return (int)(owner & ((UINT64_C(1) << ID_BITS) - 1));
}

uint64_t sheaf_owner_of(int id)
{
    uint64_t birth = 0;

    return look_up(id, &birth) == FOUND ? make_word(id, birth) : SHEAF_NOBODY;
}

bool sheaf_owner_is_dead(uint64_t owner)
{
    uint64_t birth = 0;
    int id = sheaf_owner_id(owner);

    if (owner == SHEAF_NOBODY || owner == self)
        return false;
    /* Threads that are not the first of their process answer to kill() as well. */
    if (kill(id, 0) < 0 && errno == ESRCH)
        return true;
    switch (look_up(id, &birth)) {
    case FOUND:
        return owner >> ID_BITS != 0 && birth != owner >> ID_BITS;
    case GONE:
        /* Also what a /proc that hides other users or is not there at all says. */
        return access("/proc/self/stat", F_OK) == 0 && !(kill(id, 0) < 0 && errno == EPERM);
    default:
        return false;
    }
}
