/* ledger.c - which bytes of one worker's memory are in use: see ledger.h */
#include <stdlib.h>

#include "base/memory.h"
#include "execute/ledger.h"

static uint64_t align(uint64_t offset)
{
    return (offset + SHEAF_EXTENT_ALIGNMENT - 1) & ~(uint64_t)(SHEAF_EXTENT_ALIGNMENT - 1);
}

static uint64_t end_of(const struct sheaf_held *held)
{
    return held->offset + held->size;
}

void sheaf_ledger_init(struct sheaf_ledger *ledger, uint64_t first, uint64_t limit)
{
    *ledger = (struct sheaf_ledger){.first = align(first), .limit = limit};
}

void sheaf_ledger_destroy(struct sheaf_ledger *ledger)
{
    free(ledger->held);
    *ledger = (struct sheaf_ledger){0};
}

uint64_t sheaf_ledger_top(const struct sheaf_ledger *ledger)
{
    return ledger->count == 0 ? ledger->first : align(end_of(&ledger->held[ledger->count - 1]));
}

bool sheaf_ledger_is_empty(const struct sheaf_ledger *ledger)
{
    return ledger->count == 0;
}

sheaf_status sheaf_ledger_hold(struct sheaf_ledger *ledger, uint64_t offset, uint64_t size,
                               sheaf_error *error)
{
    if (size == 0 || offset % SHEAF_EXTENT_ALIGNMENT != 0 || offset < sheaf_ledger_top(ledger) ||
        offset > ledger->limit || size > ledger->limit - offset)
        return sheaf_error_set(error, SHEAF_BAD_DATA,
                               "%llu bytes at %llu are outside the free space from %llu to %llu",
                               (unsigned long long)size, (unsigned long long)offset,
                               (unsigned long long)sheaf_ledger_top(ledger),
                               (unsigned long long)ledger->limit);
    SHEAF_TRY(sheaf_grow(&ledger->held, &ledger->capacity, ledger->count + 1, sizeof *ledger->held,
                         error));
    ledger->held[ledger->count++] = (struct sheaf_held){.offset = offset, .size = size};
    return SHEAF_OK;
}

/* The last extent that begins at or before the offset; count must not be 0. */
static size_t find(const struct sheaf_ledger *ledger, uint64_t offset)
{
    size_t low = 0, high = ledger->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (ledger->held[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Widen the stretch over released neighbours, but not beyond the pages that the extent touches:
 * the neighbours gave their own pages back when they were released. */
static struct sheaf_span around(const struct sheaf_ledger *ledger, size_t at, uint64_t page)
{
    const struct sheaf_held *held = ledger->held;
    uint64_t low = held[at].offset / page * page;
    uint64_t high = (end_of(&held[at]) + page - 1) / page * page;
    struct sheaf_span gone = {.begin = low, .end = high};
    size_t i;

    for (i = at; i > 0 && held[i - 1].released && held[i - 1].offset > low; i--)
        ;
    if (i > 0 && !held[i - 1].released && end_of(&held[i - 1]) > low)
        gone.begin = end_of(&held[i - 1]);
    if (gone.begin < ledger->first)
        gone.begin = ledger->first;
    for (i = at + 1; i < ledger->count && held[i].released && end_of(&held[i]) < high; i++)
        ;
    if (i == ledger->count) /* above the last one a task may be writing at this moment */
        gone.end = end_of(&held[ledger->count - 1]);
    else if (!held[i].released && held[i].offset < high)
        gone.end = held[i].offset;
    return gone;
}

static void drop_released(struct sheaf_ledger *ledger)
{
    size_t kept = 0;

    while (ledger->count > 0 && ledger->held[ledger->count - 1].released) {
        ledger->count--;
        ledger->released--;
    }
    /* Moved together only when most are gone, so that a release costs constant time on average. */
    if (ledger->released < 64 || ledger->released < ledger->count / 2)
        return;
    for (size_t i = 0; i < ledger->count; i++)
        if (!ledger->held[i].released)
            ledger->held[kept++] = ledger->held[i];
    ledger->count = kept;
    ledger->released = 0;
}

bool sheaf_ledger_release(struct sheaf_ledger *ledger, uint64_t offset, uint64_t size,
                          uint64_t page, struct sheaf_span *gone)
{
    if (ledger->count == 0)
        return false;
    size_t at = find(ledger, offset);
    struct sheaf_held *held = &ledger->held[at];
    if (held->offset != offset || held->size != size || held->released)
        return false;
    held->released = true;
    ledger->released++;
    *gone = around(ledger, at, page);
    drop_released(ledger);
    return true;
}
