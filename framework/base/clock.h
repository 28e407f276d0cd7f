/* clock.h - monotonic time, which no one can set */
#ifndef SHEAF_BASE_CLOCK_H
#define SHEAF_BASE_CLOCK_H

#include <stdint.h>

int64_t sheaf_clock_ns(void); /* nanoseconds since some fixed moment */
double sheaf_clock_s(void);   /* the same in seconds */

#endif
