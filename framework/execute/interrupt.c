/* interrupt.c - SIGINT, SIGTERM and SIGHUP while a run lasts: see interrupt.h */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "execute/interrupt.h"

enum { WATCHERS = 64 };

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int watching;                     /* under the lock */
static struct sigaction before[SIGNALS]; /* under the lock */

/* What the handler touches.  A watcher is an eventfd + 1; 0: none. */
static atomic_int watchers[WATCHERS];
static atomic_int came;

/* Only what may be called in a signal handler. */
static void note(int number)
{
    const uint64_t one = 1;
    int number_before = errno, none = 0;

    if (!atomic_compare_exchange_strong(&came, &none, number)) {
        signal(number, SIG_DFL);
        raise(number); /* delivered when this handler returns */
        return;
    }
    for (size_t i = 0; i < WATCHERS; i++) {
        int watcher = atomic_load(&watchers[i]);
        if (watcher > 0 && write(watcher - 1, &one, sizeof one) < 0)
            continue; /* full: it is awake */
    }
    errno = number_before;
}

static void install(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    atomic_store(&came, 0);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_flags & SA_SIGINFO || before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

sheaf_status sheaf_interrupt_watch(int eventfd, sheaf_error *error)
{
    sheaf_status status = SHEAF_LIMIT;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WATCHERS && status != SHEAF_OK; i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&watchers[i], &none, eventfd + 1))
            status = SHEAF_OK;
    }
    if (status != SHEAF_OK)
        sheaf_error_set(error, status, "more than %d runs at the same time in one process",
                        WATCHERS);
    else if (watching++ == 0)
        install();
    pthread_mutex_unlock(&lock);
    return status;
}

void sheaf_interrupt_unwatch(int eventfd)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < WATCHERS; i++) {
        int watcher = eventfd + 1;
        if (atomic_compare_exchange_strong(&watchers[i], &watcher, 0))
            break;
    }
    if (--watching == 0)
        for (size_t i = 0; i < SIGNALS; i++)
            sigaction(signals[i], &before[i], NULL);
    pthread_mutex_unlock(&lock);
}

int sheaf_interrupt_signal(void)
{
    return atomic_load(&came);
}

sheaf_status sheaf_interrupt_error(int number, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_INTERRUPTED, "interrupted by signal %d (%s)", number,
                    strsignal(number));
    if (error)
        error->system = number;
    return SHEAF_INTERRUPTED;
}
