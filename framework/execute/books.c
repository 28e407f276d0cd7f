/* books.c - who has which task, how often it was tried, what is committed: see books.h */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "execute/books.h"

enum { CAREFUL_AFTER = 2, HOPELESS_AFTER = 8 };

sheaf_status sheaf_books_open(struct sheaf_books *books, size_t slots, uint32_t retries,
                              uint64_t first_ticket, sheaf_error *error)
{
    *books = (struct sheaf_books){
        .count = slots, .retries = retries, .next_ticket = first_ticket ? first_ticket : 1};
    SHEAF_TRY(sheaf_allocate(&books->entries, slots, sizeof *books->entries, error));
    sheaf_status status = sheaf_allocate(&books->slots, slots, sizeof *books->slots, error);
    if (status != SHEAF_OK)
        sheaf_books_close(books);
    return status;
}

void sheaf_books_close(struct sheaf_books *books)
{
    free(books->slots);
    free(books->entries);
    *books = (struct sheaf_books){0};
}

struct sheaf_entry *sheaf_books_enter(struct sheaf_books *books)
{
    for (size_t i = 0; i < books->count; i++)
        if (books->entries[i].state == SHEAF_ENTRY_FREE)
            return &books->entries[i];
    return NULL;
}

struct sheaf_entry *sheaf_books_retry(struct sheaf_books *books)
{
    struct sheaf_entry *oldest = NULL;

    if (books->waiting == 0)
        return NULL;
    for (size_t i = 0; i < books->count; i++) {
        struct sheaf_entry *entry = &books->entries[i];
        if (entry->state == SHEAF_ENTRY_WAITING && (!oldest || entry->order < oldest->order))
            oldest = entry;
    }
    return oldest;
}

uint64_t sheaf_books_begin(struct sheaf_books *books, struct sheaf_entry *entry, size_t slot)
{
    assert(slot < books->count && !books->slots[slot]);
    assert(entry->state == SHEAF_ENTRY_FREE || entry->state == SHEAF_ENTRY_WAITING);
    if (entry->state == SHEAF_ENTRY_WAITING) {
        books->waiting--;
    } else {
        entry->failures = 0;
        entry->crashes = 0;
    }
    entry->state = SHEAF_ENTRY_RUNNING;
    entry->ticket = books->next_ticket++;
    books->slots[slot] = entry;
    books->running++;
    return entry->ticket;
}

static struct sheaf_entry *leave_slot(struct sheaf_books *books, size_t slot)
{
    struct sheaf_entry *entry = books->slots[slot];

    books->slots[slot] = NULL;
    books->running--;
    entry->state = SHEAF_ENTRY_SETTLED;
    return entry;
}

struct sheaf_entry *sheaf_books_publish(struct sheaf_books *books, size_t slot, uint64_t ticket)
{
    const struct sheaf_entry *entry = slot < books->count ? books->slots[slot] : NULL;

    if (!entry || entry->ticket != ticket)
        return NULL;
    return leave_slot(books, slot);
}

struct sheaf_entry *sheaf_books_death(struct sheaf_books *books, size_t slot,
                                      enum sheaf_death death)
{
    if (slot >= books->count || !books->slots[slot])
        return NULL;
    struct sheaf_entry *entry = leave_slot(books, slot);
    if (death != SHEAF_DEATH_UNBEGUN)
        entry->failures++;
    if (death == SHEAF_DEATH_CRASHED)
        entry->crashes++;
    if (entry->failures > books->retries)
        return entry;
    entry->state = SHEAF_ENTRY_WAITING;
    entry->order = books->next_order++;
    books->waiting++;
    return NULL;
}

void sheaf_books_settle(struct sheaf_entry *entry)
{
    assert(entry->state == SHEAF_ENTRY_SETTLED);
    entry->state = SHEAF_ENTRY_FREE;
}

bool sheaf_books_careful(const struct sheaf_entry *entry)
{
    return entry->crashes >= CAREFUL_AFTER;
}

void sheaf_storm_death(struct sheaf_storm *storm, int64_t born_ns, int64_t now_ns, bool begun)
{
    if (storm->steps > 0 && born_ns < storm->last_ns)
        return;
    storm->steps++;
    storm->last_ns = now_ns;
    if (!begun)
        storm->futile++;
}

void sheaf_storm_commit(struct sheaf_storm *storm)
{
    *storm = (struct sheaf_storm){0};
}

int64_t sheaf_storm_pause_ns(const struct sheaf_storm *storm)
{
    const int64_t least = 10000000, most = 1000000000;

    if (storm->steps < 2)
        return 0;
    if (storm->steps > 8)
        return most;
    return least << (storm->steps - 2);
}

bool sheaf_storm_is_hopeless(const struct sheaf_storm *storm)
{
    return storm->futile >= HOPELESS_AFTER;
}
