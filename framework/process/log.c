/* log.c - one line on stderr for each event, when asked for: see log.h */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sheaf/process.h>

#include "base/clock.h"
#include "process/log.h"

static int switched = -1; /* not decided yet: the environment says */

void sheaf_process_log(bool on)
{
    __atomic_store_n(&switched, on, __ATOMIC_RELAXED);
}

static bool is_on(void)
{
    int known = __atomic_load_n(&switched, __ATOMIC_RELAXED);

    if (known < 0) {
        const char *wish = getenv("SHEAF_LOG");
        known = wish && *wish && *wish != '0';
        __atomic_store_n(&switched, known, __ATOMIC_RELAXED);
    }
    return known > 0;
}

void sheaf_log(const char *format, ...)
{
    char line[512];
    int number = errno;
    va_list arguments;

    if (!is_on())
        return;
    int used = snprintf(line, sizeof line, "sheaf: %.6f s pid %d ", sheaf_clock_s(), (int)getpid());
    va_start(arguments, format);
    int more = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, arguments);
    va_end(arguments);
    used = more < 0 ? used : used + more;
    if (used > (int)sizeof line - 2)
        used = (int)sizeof line - 2;
    line[used] = '\n';
    ssize_t written = write(2, line, (size_t)used + 1);
    (void)written; /* nobody to tell */
    errno = number;
}
