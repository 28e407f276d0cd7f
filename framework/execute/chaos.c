/* chaos.c - kill workers at random moments, for tests: see chaos.h */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "execute/chaos.h"

static uint64_t draw(struct sheaf_chaos *chaos)
{
    uint64_t z = chaos->state += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Anything from nothing to twice the period. */
static int64_t draw_pause(struct sheaf_chaos *chaos)
{
    return (int64_t)(draw(chaos) % (uint64_t)(2 * chaos->period_ns + 1));
}

sheaf_status sheaf_chaos_init(struct sheaf_chaos *chaos, sheaf_error *error)
{
    const char *text = getenv("SHEAF_CHAOS");
    char *end = NULL;

    *chaos = (struct sheaf_chaos){0};
    if (!text || !*text)
        return SHEAF_OK;
    errno = 0;
    chaos->state = strtoull(text, &end, 10);
    unsigned long rate = *end == ':' ? strtoul(end + 1, &end, 10) : 0;
    if (errno || *end || rate < 1 || rate > 100000)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "SHEAF_CHAOS: expected seed:kills-per-second, got \"%s\"", text);
    chaos->period_ns = INT64_C(1000000000) / (int64_t)rate;
    chaos->next_ns = sheaf_clock_ns() + draw_pause(chaos);
    return SHEAF_OK;
}

bool sheaf_chaos_strikes(struct sheaf_chaos *chaos, int64_t now_ns, int count, int *victim)
{
    if (chaos->period_ns == 0 || now_ns < chaos->next_ns)
        return false;
    chaos->next_ns = now_ns + draw_pause(chaos);
    *victim = (int)(draw(chaos) % (uint64_t)count);
    return true;
}
