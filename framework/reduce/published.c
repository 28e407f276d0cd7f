/*
 * published.c - a table as bytes: written by a worker, read by one that does not trust it
 */
#include <string.h>

#include "base/memory.h"
#include "reduce/published.h"
#include "reduce/word.h"

static size_t round_up(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

static size_t kept_bytes(const struct sheaf_keys *keys, size_t number)
{
    uint32_t size = keys->texts[number].size;

    return size == SHEAF_KEY_MISSING ? 0 : size;
}

static bool has_texts(const struct sheaf_keys *keys)
{
    return keys->mode == SHEAF_KEYS_TEXT || keys->mode == SHEAF_KEYS_RECORD;
}

/* -- writing -------------------------------------------------------------------------------- */

static void count_partitions(const struct sheaf_keys *keys, uint64_t *first)
{
    memset(first, 0, (SHEAF_PARTITIONS + 1) * sizeof *first);
    for (size_t number = 0; number < keys->count; number++)
        first[sheaf_partition(keys->origin[number].hash) + 1]++;
    for (size_t partition = 0; partition < SHEAF_PARTITIONS; partition++)
        first[partition + 1] += first[partition];
}

static struct sheaf_published_header plan_sections(const struct sheaf_table *table)
{
    const struct sheaf_keys *keys = &table->keys;
    struct sheaf_published_header header = {.magic = SHEAF_PUBLISHED_MAGIC,
                                            .seed = table->seed,
                                            .mode = (uint32_t)keys->mode,
                                            .columns = (uint32_t)keys->columns,
                                            .stride = table->stride,
                                            .heap_size = table->heap.size};

    for (size_t number = 0; has_texts(keys) && number < keys->count; number++)
        header.key_size += kept_bytes(keys, number);
    header.key_offset =
        round_up(sizeof header) + keys->count * sizeof(struct sheaf_published_entry);
    header.state_offset = round_up(header.key_offset + header.key_size);
    header.heap_offset = header.state_offset + keys->count * table->stride;
    header.size = round_up(header.heap_offset + header.heap_size);
    return header;
}

size_t sheaf_table_measure(struct sheaf_table *table)
{
    return plan_sections(table).size;
}

static void write_entries(const struct sheaf_table *table, char *to,
                          const struct sheaf_published_header *header)
{
    const struct sheaf_keys *keys = &table->keys;
    struct sheaf_published_entry *entries = (void *)(to + round_up(sizeof *header));
    uint64_t next[SHEAF_PARTITIONS];
    uint64_t key_at = 0;

    memcpy(next, header->first, sizeof next);
    for (size_t number = 0; number < keys->count; number++) {
        struct sheaf_key key = sheaf_keys_get(keys, number);
        uint64_t index = next[sheaf_partition(key.hash)]++;

        /* The number stands in for the key until all entries have their place. */
        entries[index] = (struct sheaf_published_entry){
            .hash = key.hash, .first_row = key.first_row, .key = number, .size = key.size};
    }
    for (size_t index = 0; index < keys->count; index++) {
        size_t number = entries[index].key;
        struct sheaf_key key = sheaf_keys_get(keys, number);

        memcpy(to + header->state_offset + index * table->stride, sheaf_table_state(table, number),
               table->stride);
        entries[index].key = (uint64_t)key.word;
        if (!has_texts(keys))
            continue;
        entries[index].key = key_at;
        if (kept_bytes(keys, number) > 0)
            memcpy(to + header->key_offset + key_at, key.bytes, key.size);
        key_at += kept_bytes(keys, number);
    }
}

void sheaf_table_publish(struct sheaf_table *table, void *to)
{
    struct sheaf_published_header header = plan_sections(table);
    char *bytes = to;
    uint64_t keys_end = header.key_offset + header.key_size;
    uint64_t heap_end = header.heap_offset + header.heap_size;

    count_partitions(&table->keys, header.first);
    memset(bytes, 0, round_up(sizeof header));
    memcpy(bytes, &header, sizeof header);
    memset(bytes + keys_end, 0, header.state_offset - keys_end);
    memset(bytes + heap_end, 0, header.size - heap_end);
    write_entries(table, bytes, &header);
    if (header.heap_size > 0)
        memcpy(bytes + header.heap_offset, table->heap.bytes, header.heap_size);
}

/* -- reading -------------------------------------------------------------------------------- */

sheaf_status sheaf_published_damaged(sheaf_error *error, const char *what)
{
    return sheaf_error_set(error, SHEAF_INTERNAL, "a published table is damaged: %s", what);
}

/* Whether the section [offset, offset + count * size) begins where it should and ends before end.
 */
static bool section_fits(uint64_t offset, uint64_t least, uint64_t count, uint64_t size,
                         uint64_t end)
{
    uint64_t bytes, last;

    return offset >= least && !__builtin_mul_overflow(count, size, &bytes) &&
           !__builtin_add_overflow(offset, bytes, &last) && last <= end;
}

static bool sections_fit(const struct sheaf_published_header *header)
{
    uint64_t entries = header->first[SHEAF_PARTITIONS];

    return section_fits(round_up(sizeof *header), 0, entries, sizeof(struct sheaf_published_entry),
                        header->key_offset) &&
           section_fits(header->key_offset, 0, header->key_size, 1, header->state_offset) &&
           header->state_offset % 16 == 0 &&
           section_fits(header->state_offset, header->key_offset, entries, header->stride,
                        header->heap_offset) &&
           header->heap_offset % 16 == 0 &&
           section_fits(header->heap_offset, header->state_offset, header->heap_size, 1,
                        header->size);
}

static bool partitions_ascend(const struct sheaf_published_header *header)
{
    if (header->first[0] != 0)
        return false;
    for (size_t i = 0; i < SHEAF_PARTITIONS; i++)
        if (header->first[i] > header->first[i + 1])
            return false;
    return true;
}

sheaf_status sheaf_published_open(const void *bytes, size_t size, uint64_t seed,
                                  enum sheaf_keys_mode mode, size_t columns, size_t stride,
                                  struct sheaf_published_header *header, sheaf_error *error)
{
    if (size < sizeof *header)
        return sheaf_published_damaged(error, "it is too short");
    if ((uintptr_t)bytes % 16 != 0)
        return sheaf_published_damaged(error, "it is not aligned");
    memcpy(header, bytes, sizeof *header);
    if (header->magic != SHEAF_PUBLISHED_MAGIC || header->size != size)
        return sheaf_published_damaged(error, "it does not begin as it should");
    if (header->seed != seed || header->mode != (uint32_t)mode || header->columns != columns ||
        header->stride != stride)
        return sheaf_published_damaged(error, "it answers another question");
    if (!sections_fit(header) || !partitions_ascend(header))
        return sheaf_published_damaged(error, "its parts do not fit");
    if (mode == SHEAF_KEYS_NONE && header->first[SHEAF_PARTITIONS] != 1)
        return sheaf_published_damaged(error, "it should have one state");
    return SHEAF_OK;
}

sheaf_status sheaf_published_key(const struct sheaf_published_header *header, const void *bytes,
                                 uint64_t index, struct sheaf_key *key, sheaf_error *error)
{
    const char *from = bytes;
    struct sheaf_published_entry entry;
    uint64_t end;

    memcpy(&entry, from + round_up(sizeof *header) + index * sizeof entry, sizeof entry);
    *key = (struct sheaf_key){.hash = entry.hash,
                              .first_row = entry.first_row,
                              .word = (int64_t)entry.key,
                              .size = entry.size};
    if (header->mode == SHEAF_KEYS_NONE || header->mode == SHEAF_KEYS_WORD ||
        (entry.size == SHEAF_KEY_MISSING && header->mode == SHEAF_KEYS_TEXT))
        return SHEAF_OK;
    if (entry.size == SHEAF_KEY_MISSING ||
        __builtin_add_overflow(entry.key, (uint64_t)entry.size, &end) || end > header->key_size)
        return sheaf_published_damaged(error, "a key lies outside");
    key->bytes = from + header->key_offset + entry.key;
    return SHEAF_OK;
}

/* What an entry must be to be found again: the right partition, the hash of its key, and for keys
 * of several columns a text that can be taken apart. */
static sheaf_status check_entry(const struct sheaf_keys *keys, const struct sheaf_key *key,
                                unsigned partition, sheaf_error *error)
{
    if (sheaf_partition(key->hash) != partition)
        return sheaf_published_damaged(error, "a key lies in the wrong partition");
    if (keys->mode == SHEAF_KEYS_RECORD &&
        !sheaf_key_record_valid(keys->kinds, keys->columns, key->bytes, key->size))
        return sheaf_published_damaged(error, "a key is no key");
    if (key->hash != sheaf_keys_hash(keys, key))
        return sheaf_published_damaged(error, "a key has the wrong hash");
    return SHEAF_OK;
}

static enum sheaf_keys_mode mode_of(const struct sheaf_table_plan *plan)
{
    if (plan->keys == 0)
        return SHEAF_KEYS_NONE;
    if (plan->keys > 1)
        return SHEAF_KEYS_RECORD;
    return sheaf_word_text(plan->key_kinds[0].type) ? SHEAF_KEYS_TEXT : SHEAF_KEYS_WORD;
}

sheaf_status sheaf_published_check(const struct sheaf_table_plan *plan, const void *bytes,
                                   size_t size, uint64_t *entries, sheaf_error *error)
{
    struct sheaf_keys keys = {.mode = mode_of(plan),
                              .kinds = plan->key_kinds,
                              .columns = plan->keys,
                              .seed = sheaf_hash_seed_from(plan->seed)};
    size_t stride = plan->aggregate->stride ? plan->aggregate->stride : 16;
    struct sheaf_published_header header;
    struct sheaf_key key;

    SHEAF_TRY(sheaf_published_open(bytes, size, plan->seed, keys.mode, keys.columns, stride,
                                   &header, error));
    for (unsigned partition = 0; partition < SHEAF_PARTITIONS; partition++)
        for (uint64_t i = header.first[partition]; i < header.first[partition + 1]; i++) {
            SHEAF_TRY(sheaf_published_key(&header, bytes, i, &key, error));
            SHEAF_TRY(check_entry(&keys, &key, partition, error));
        }
    *entries = header.first[SHEAF_PARTITIONS];
    return SHEAF_OK;
}
