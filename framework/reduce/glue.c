/*
 * glue.c - published states into a table, each after what the table holds of its key
 *
 * A key that is new takes the published state as it is: copied when all
 * operators combine states alone, else combined into one just begun, for what
 * lies in the heap must be copied by who knows what it is.
 */
#include <assert.h>
#include <string.h>

#include "reduce/published.h"
#include "reduce/record.h"

enum { BLOCK = 256, AHEAD = 12 };

struct gluing {
    const struct sheaf_published_header *header;
    const char *bytes;
    const char *states;   /* of the block's first entry */
    sheaf_heap later;     /* a view */
    unsigned first, last; /* partitions */
    size_t count;
    uint32_t number[BLOCK];
    bool fresh[BLOCK];
};

/* Records are taken apart again for the answer, so only those that can be are taken in. */
static sheaf_status take_key(struct sheaf_table *table, struct gluing *gluing, uint64_t index,
                             uint32_t *number, sheaf_error *error)
{
    struct sheaf_keys *keys = &table->keys;
    struct sheaf_key key;

    SHEAF_TRY(sheaf_published_key(gluing->header, gluing->bytes, index, &key, error));
    if (sheaf_partition(key.hash) < gluing->first || sheaf_partition(key.hash) >= gluing->last)
        return sheaf_published_damaged(error, "a key lies in the wrong partition");
    if (keys->mode == SHEAF_KEYS_RECORD &&
        !sheaf_key_record_valid(keys->kinds, keys->columns, key.bytes, key.size))
        return sheaf_published_damaged(error, "a key is no key");
    return sheaf_keys_add(keys, &key, number, error);
}

static sheaf_status number_block(struct sheaf_table *table, struct gluing *gluing, uint64_t first,
                                 sheaf_error *error)
{
    for (size_t i = 0; i < gluing->count; i++) {
        size_t before = table->keys.count;

        SHEAF_TRY(take_key(table, gluing, first + i, &gluing->number[i], error));
        gluing->fresh[i] = table->keys.count > before || table->untouched;
        table->untouched = false;
    }
    return SHEAF_OK;
}

static sheaf_status cannot_combine(const struct sheaf_bound *bound, sheaf_error *error)
{
    return sheaf_error_set(error, SHEAF_BAD_OPERATOR, "%s has neither combine nor combine_with",
                           bound->name);
}

static sheaf_status combine_block(struct sheaf_table *table, const struct sheaf_bound *bound,
                                  const struct gluing *gluing, sheaf_error *error)
{
    sheaf_gluing with = {
        .options = bound->options, .heap = &table->heap, .later_heap = &gluing->later};
    const char *later = gluing->states + bound->state_offset;

    if (!bound->op->combine && !bound->op->combine_with)
        return cannot_combine(bound, error);
    for (size_t i = 0; i < gluing->count; i++, later += table->stride) {
        char *state = (char *)sheaf_table_state(table, gluing->number[i]) + bound->state_offset;

        if (i + AHEAD < gluing->count)
            __builtin_prefetch(sheaf_table_state(table, gluing->number[i + AHEAD]), 1);
        if (bound->op->combine_with)
            bound->op->combine_with(state, later, &with);
        else if (!gluing->fresh[i])
            bound->op->combine(state, later);
        else
            memcpy(state, later, bound->state_size);
    }
    return SHEAF_OK;
}

static sheaf_status combine_operators(struct sheaf_table *table, void *argument, sheaf_error *error)
{
    const struct gluing *gluing = argument;

    for (size_t i = 0; i < table->aggregate->count; i++)
        SHEAF_TRY(combine_block(table, &table->aggregate->bound[i], gluing, error));
    return SHEAF_OK;
}

/* Whether a new key's state is just copied, so that it need not be begun before. */
static bool all_copied(const struct sheaf_aggregate *aggregate)
{
    for (size_t i = 0; i < aggregate->count; i++)
        if (aggregate->bound[i].op->combine_with)
            return false;
    return aggregate->count > 0;
}

sheaf_status sheaf_table_glue(struct sheaf_table *table, const void *bytes, size_t size,
                              unsigned first, unsigned last, sheaf_error *error)
{
    struct sheaf_published_header header;
    struct gluing gluing = {.header = &header, .bytes = bytes, .first = first, .last = last};
    bool copied = all_copied(table->aggregate);
    char *later;

    assert(first <= last && last <= SHEAF_PARTITIONS);
    SHEAF_TRY(sheaf_published_open(bytes, size, table->seed, table->keys.mode, table->keys.columns,
                                   table->stride, &header, error));
    /* A heap has no way to say that it is for reading, but no capacity. */
    later = (char *)(uintptr_t)bytes + header.heap_offset;
    gluing.later = (sheaf_heap){.bytes = later, .size = header.heap_size};
    for (uint64_t at = header.first[first]; at < header.first[last]; at += gluing.count) {
        uint64_t left = header.first[last] - at;

        gluing.count = left < BLOCK ? left : BLOCK;
        gluing.states = gluing.bytes + header.state_offset + at * table->stride;
        SHEAF_TRY(number_block(table, &gluing, at, error));
        SHEAF_TRY(sheaf_table_begin_states(table, !copied, error));
        SHEAF_TRY(sheaf_table_guard(table, combine_operators, &gluing, error));
    }
    return SHEAF_OK;
}
