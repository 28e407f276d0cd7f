/*
 * chaos.h - kill workers at random moments, for tests
 *
 * SHEAF_CHAOS=seed:rate in the environment has `rate` workers a second killed,
 * which ones and when drawn from the seed.  What the run gives must not change.
 */
#ifndef SHEAF_EXECUTE_CHAOS_H
#define SHEAF_EXECUTE_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

#include <sheaf/error.h>

struct sheaf_chaos {
    uint64_t state;
    int64_t period_ns; /* on average between two kills; 0: no chaos */
    int64_t next_ns;
};

/* Read the environment.  SHEAF_BAD_ARGUMENT if it is not seed:rate, 0 < rate <= 100000. */
SHEAF_CHECKED sheaf_status sheaf_chaos_init(struct sheaf_chaos *chaos, sheaf_error *error);

/* Whether it is time to kill, and then one of `count`. */
bool sheaf_chaos_strikes(struct sheaf_chaos *chaos, int64_t now_ns, int count, int *victim);

#endif
