/* clock.c - monotonic time: see clock.h */
#include <time.h>

#include "base/clock.h"

int64_t sheaf_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double sheaf_clock_s(void)
{
    return (double)sheaf_clock_ns() * 1e-9;
}
