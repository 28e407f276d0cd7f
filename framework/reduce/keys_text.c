/*
 * keys_text.c - numbering texts, and keys of several columns written as texts
 *
 * In two loops over a chunk of rows: first the ends and the hash of each text,
 * then its slot, where half the hash is compared before the key is.  What the
 * later rows will touch is fetched early once the table has left the caches.  As long as it is
 * in them, and most texts have 1 to 16 bytes, these are looked up in a table of
 * their own that holds the texts themselves.
 */
#include <string.h>

#include "reduce/keys.h"

enum { FIRST_SLOTS = 4096, FAR_SLOTS = 1 << 15, FIRST_SHORT_SLOTS = 1024, PAGE = 4096 };

/* One row in so many may be odd before the loop for short texts is slower than the others. */
enum { FEW = 8 };

/* 16 bytes of ones, then 16 of zeros: at 16 - n, the mask of n bytes. */
static const uint8_t end_masks[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                      255, 255, 255, 255, 255, 255, 255, 255};
static const char no_bytes[SHEAF_END_BYTES];

struct unaligned {
    uint64_t word[2];
} __attribute__((packed, may_alias));

/* Near the end of a page the next one may not be there. */
static struct sheaf_ends careful_ends(const char *bytes, uint32_t size)
{
    struct sheaf_ends ends = {.first = {0}};
    uint32_t used = size < SHEAF_END_BYTES ? size : SHEAF_END_BYTES;

    memcpy(ends.first, bytes, used);
    if (size > SHEAF_END_BYTES)
        memcpy(ends.last, bytes + size - used, used);
    return ends;
}

static inline bool near_page_end(const char *bytes)
{
    return ((uintptr_t)bytes & (PAGE - 1)) > PAGE - SHEAF_END_BYTES;
}

/* 16 bytes of which the first `used` count, the others are read as zeros. */
__attribute__((no_sanitize("address"))) static inline void load_end(uint64_t end[2],
                                                                    const char *bytes,
                                                                    uint32_t used)
{
    const struct unaligned *mask = (const struct unaligned *)(end_masks + SHEAF_END_BYTES - used);
    const struct unaligned *word = (const struct unaligned *)bytes;

    end[0] = word->word[0] & mask->word[0];
    end[1] = word->word[1] & mask->word[1];
}

/*
 * Short texts have any length, so a branch on it is mispredicted every other
 * time; loading 16 bytes and masking is not.  What is read after the end is in
 * the same page, so it can be read, and does not show; address sanitizers are
 * told to look away.
 */
static inline struct sheaf_ends load_ends(const char *bytes, uint32_t size)
{
    struct sheaf_ends ends;
    uint32_t used;

    size = size == SHEAF_KEY_MISSING ? 0 : size;
    bytes = size == 0 ? no_bytes : bytes;
    if (__builtin_expect(near_page_end(bytes), 0))
        return careful_ends(bytes, size);
    used = size < SHEAF_END_BYTES ? size : SHEAF_END_BYTES;
    load_end(ends.first, bytes, used);
    load_end(ends.last, bytes + size - used, size > SHEAF_END_BYTES ? SHEAF_END_BYTES : 0);
    return ends;
}

static bool is_long(uint32_t size)
{
    return size > 2 * SHEAF_END_BYTES && size != SHEAF_KEY_MISSING;
}

static inline uint64_t hash_text(const struct sheaf_hash_seed *seed, const struct sheaf_ends *ends,
                                 sheaf_text text)
{
    if (__builtin_expect(is_long(text.size), 0))
        return sheaf_hash_long(ends, text.bytes, text.size, seed);
    return sheaf_hash_ends(ends, text.size, seed);
}

uint64_t sheaf_keys_hash_text(const struct sheaf_keys *keys, sheaf_text text)
{
    struct sheaf_ends ends = load_ends(text.bytes, text.size);

    return hash_text(&keys->seed, &ends, text);
}

/* Texts that one end holds, and that have a byte to look at. */
static inline bool is_short(uint32_t size)
{
    return size - 1 < SHEAF_END_BYTES;
}

static void hash_chunk(const struct sheaf_keys *keys, const sheaf_text *text, size_t count)
{
    struct sheaf_hash_seed seed = keys->seed;
    struct sheaf_keys_scratch *scratch = keys->scratch;

    scratch->odd = 0;
    for (size_t i = 0; i < count; i++) {
        struct sheaf_ends ends = load_ends(text[i].bytes, text[i].size);

        scratch->odd += !is_short(text[i].size);
        scratch->ends[i] = ends;
        scratch->hash[i] = hash_text(&seed, &ends, text[i]);
    }
}

/* -- the slots ------------------------------------------------------------------------------ */

/* What finding needs, apart from the table so that the compiler keeps it in registers. */
struct view {
    const uint64_t *slots;
    size_t mask;
    const struct sheaf_key_text *texts;
    const char *bytes;
};

static struct view view_of(const struct sheaf_keys *keys)
{
    return (struct view){keys->text_slots, keys->slot_count - 1, keys->texts, keys->bytes};
}

static bool same_rest(const struct view *view, const struct sheaf_key_text *key, sheaf_text text)
{
    return memcmp(view->bytes + key->offset, text.bytes, text.size) == 0;
}

static inline bool same_ends(const struct sheaf_ends *a, const struct sheaf_ends *b)
{
    return ((a->first[0] ^ b->first[0]) | (a->first[1] ^ b->first[1]) | (a->last[0] ^ b->last[0]) |
            (a->last[1] ^ b->last[1])) == 0;
}

/* The number of the key plus one, or 0 if it is not there. */
static inline uint32_t find(const struct view *view, uint64_t hash, const struct sheaf_ends *ends,
                            sheaf_text text)
{
    for (size_t at = (size_t)hash & view->mask;; at = (at + 1) & view->mask) {
        uint64_t slot = view->slots[at];

        if (slot == 0)
            return 0;
        if (__builtin_expect((slot ^ hash) >> 32 == 0, 1)) {
            const struct sheaf_key_text *key = &view->texts[(uint32_t)slot - 1];

            if (key->size == text.size && same_ends(&key->ends, ends) &&
                (!is_long(text.size) || same_rest(view, key, text)))
                return (uint32_t)slot;
        }
    }
}

static void put(struct sheaf_keys *keys, uint64_t hash, size_t number)
{
    size_t mask = keys->slot_count - 1;
    size_t at = (size_t)hash & mask;

    while (keys->text_slots[at])
        at = (at + 1) & mask;
    keys->text_slots[at] = (hash >> 32 << 32) | (uint32_t)(number + 1);
}

static sheaf_status grow_slots(struct sheaf_keys *keys, sheaf_error *error)
{
    size_t wanted = keys->slot_count ? 2 * keys->slot_count : FIRST_SLOTS;

    SHEAF_TRY(sheaf_budget_renew(keys->budget, &keys->text_slots, &keys->slot_count, wanted,
                                 sizeof *keys->text_slots, error));
    for (size_t number = 0; number < keys->count; number++)
        put(keys, keys->origin[number].hash, number);
    return SHEAF_OK;
}

static __attribute__((noinline)) sheaf_status insert(struct sheaf_keys *keys, uint64_t hash,
                                                     const struct sheaf_ends *ends, sheaf_text text,
                                                     uint64_t first_row, uint32_t *number,
                                                     sheaf_error *error)
{
    size_t kept = text.size > SHEAF_END_BYTES && text.size != SHEAF_KEY_MISSING ? text.size : 0;

    SHEAF_TRY(sheaf_keys_reserve(keys, kept, error));
    if (sheaf_keys_crowded(keys))
        SHEAF_TRY(grow_slots(keys, error));
    if (kept > 0)
        memcpy(keys->bytes + keys->byte_count, text.bytes, kept);
    keys->origin[keys->count] = (struct sheaf_key_origin){.hash = hash, .first_row = first_row};
    keys->texts[keys->count] =
        (struct sheaf_key_text){.ends = *ends, .offset = keys->byte_count, .size = text.size};
    keys->byte_count += kept;
    put(keys, hash, keys->count);
    *number = (uint32_t)keys->count++;
    return SHEAF_OK;
}

sheaf_status sheaf_keys_add_text(struct sheaf_keys *keys, uint64_t hash, sheaf_text text,
                                 uint64_t first_row, uint32_t *number, sheaf_error *error)
{
    struct view view;
    struct sheaf_ends ends;
    uint32_t next;

    if (keys->slot_count == 0)
        SHEAF_TRY(grow_slots(keys, error));
    view = view_of(keys);
    ends = load_ends(text.bytes, text.size);
    next = find(&view, hash, &ends, text);
    if (next == 0)
        return insert(keys, hash, &ends, text, first_row, number, error);
    *number = next - 1;
    return SHEAF_OK;
}

/* -- a chunk of rows ------------------------------------------------------------------------ */

static void fetch_slot(const struct view *view, uint64_t hash)
{
    __builtin_prefetch(&view->slots[(size_t)hash & view->mask]);
}

static void fetch_key(const struct view *view, uint64_t hash)
{
    uint32_t next = (uint32_t)view->slots[(size_t)hash & view->mask];

    __builtin_prefetch(&view->texts[next ? next - 1 : 0]);
}

static inline sheaf_status number_chunk(struct sheaf_keys *keys, const sheaf_text *text,
                                        size_t count, uint64_t first_row, uint32_t *numbers,
                                        bool far, sheaf_error *error)
{
    const struct sheaf_keys_scratch *scratch = keys->scratch;
    struct view view = view_of(keys);

    for (size_t i = 0; i < count; i++) {
        if (far) {
            fetch_slot(&view, scratch->hash[i + SHEAF_KEYS_AHEAD]);
            fetch_key(&view, scratch->hash[i + SHEAF_KEYS_AHEAD / 2]);
        }
        uint32_t next = find(&view, scratch->hash[i], &scratch->ends[i], text[i]);
        if (__builtin_expect(next == 0, 0)) {
            SHEAF_TRY(insert(keys, scratch->hash[i], &scratch->ends[i], text[i], first_row + i,
                             &numbers[i], error));
            view = view_of(keys);
        } else {
            numbers[i] = next - 1;
        }
    }
    return SHEAF_OK;
}

/* Any text, on its own. */
static __attribute__((noinline)) sheaf_status number_one(struct sheaf_keys *keys, sheaf_text text,
                                                         uint64_t first_row, uint32_t *number,
                                                         sheaf_error *error)
{
    struct sheaf_ends ends = load_ends(text.bytes, text.size);
    uint64_t hash = hash_text(&keys->seed, &ends, text);
    struct view view = view_of(keys);
    uint32_t next = find(&view, hash, &ends, text);

    if (next == 0)
        return insert(keys, hash, &ends, text, first_row, number, error);
    *number = next - 1;
    return SHEAF_OK;
}

/* -- short texts ---------------------------------------------------------------------------- */

static void hash_short(const struct sheaf_keys *keys, const sheaf_text *text, size_t count)
{
    const struct sheaf_hash_seed seed = keys->seed;
    struct sheaf_keys_scratch *scratch = keys->scratch;
    size_t odd = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t size = text[i].size;
        uint64_t *first = scratch->ends[i].first;

        if (__builtin_expect(is_short(size) && !near_page_end(text[i].bytes), 1)) {
            load_end(first, text[i].bytes, size);
            scratch->hash[i] = sheaf_hash_first(first, size, &seed);
            scratch->size[i] = size;
        } else {
            odd += !is_short(size);
            scratch->size[i] = 0;
        }
    }
    scratch->odd = odd;
}

static inline bool same_short(const struct sheaf_short_slot *slot, const uint64_t bytes[2],
                              uint32_t size)
{
    return ((slot->bytes[0] ^ bytes[0]) | (slot->bytes[1] ^ bytes[1]) | (slot->size ^ size)) == 0;
}

static void put_short(struct sheaf_keys *keys, uint64_t hash, const uint64_t bytes[2],
                      uint32_t size, uint32_t number)
{
    size_t mask = keys->short_slot_count - 1;
    size_t at = (size_t)hash & mask;

    while (keys->short_slots[at].size)
        at = (at + 1) & mask;
    keys->short_slots[at] =
        (struct sheaf_short_slot){.bytes = {bytes[0], bytes[1]}, .size = size, .number = number};
    keys->short_count++;
}

/* One in eight is taken at most: a second look is a branch that was not foreseen. */
static sheaf_status make_short_room(struct sheaf_keys *keys, sheaf_error *error)
{
    size_t wanted = keys->short_slot_count ? 2 * keys->short_slot_count : FIRST_SHORT_SLOTS;

    if (8 * (keys->short_count + 1) <= keys->short_slot_count)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_budget_renew(keys->budget, &keys->short_slots, &keys->short_slot_count, wanted,
                                 sizeof *keys->short_slots, error));
    keys->short_count = 0;
    for (size_t number = 0; number < keys->count; number++) {
        const struct sheaf_key_text *text = &keys->texts[number];
        if (is_short(text->size))
            put_short(keys, keys->origin[number].hash, text->ends.first, text->size,
                      (uint32_t)number);
    }
    return 8 * (keys->short_count + 1) <= keys->short_slot_count ? SHEAF_OK
                                                                 : make_short_room(keys, error);
}

/* A text that is not in front of the slots: find or insert it there, and put it in front. */
static __attribute__((noinline)) sheaf_status number_miss(struct sheaf_keys *keys, size_t i,
                                                          sheaf_text text, uint64_t first_row,
                                                          uint32_t *number, sheaf_error *error)
{
    const struct sheaf_keys_scratch *scratch = keys->scratch;
    size_t slots = keys->short_slot_count, before = keys->count;

    SHEAF_TRY(make_short_room(keys, error));
    SHEAF_TRY(number_one(keys, text, first_row, number, error));
    /* A table that was made anew may hold the text by now, if it was a key already. */
    if (keys->short_slot_count == slots || keys->count > before)
        put_short(keys, scratch->hash[i], scratch->ends[i].first, scratch->size[i], *number);
    return SHEAF_OK;
}

/* Rows whose texts are short but for a few, while the table is near. */
static sheaf_status number_short(struct sheaf_keys *keys, const sheaf_text *text, size_t count,
                                 uint64_t first_row, uint32_t *numbers, sheaf_error *error)
{
    const struct sheaf_keys_scratch *scratch = keys->scratch;

    SHEAF_TRY(make_short_room(keys, error));
    const struct sheaf_short_slot *slots = keys->short_slots;
    size_t mask = keys->short_slot_count - 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t size = scratch->size[i];
        const uint64_t *bytes = scratch->ends[i].first;
        size_t at = (size_t)scratch->hash[i] & mask;

        if (__builtin_expect(size == 0, 0)) {
            SHEAF_TRY(number_one(keys, text[i], first_row + i, &numbers[i], error));
            continue;
        }
        while (__builtin_expect(!same_short(&slots[at], bytes, size), 0) && slots[at].size)
            at = (at + 1) & mask;
        numbers[i] = slots[at].number;
        if (__builtin_expect(slots[at].size == 0, 0)) {
            SHEAF_TRY(number_miss(keys, i, text[i], first_row + i, &numbers[i], error));
            slots = keys->short_slots;
            mask = keys->short_slot_count - 1;
        }
    }
    return SHEAF_OK;
}

/* The texts of the rows; those that are missing get a size of their own. */
static const sheaf_text *chunk_texts(const struct sheaf_keys *keys, const sheaf_column *column,
                                     size_t first, size_t count)
{
    sheaf_text *text = keys->scratch->text;

    if (!column->present)
        return column->text + first;
    for (size_t i = 0; i < count; i++)
        text[i] = sheaf_present(column, first + i) ? column->text[first + i]
                                                   : (sheaf_text){.size = SHEAF_KEY_MISSING};
    return text;
}

sheaf_status sheaf_keys_number_texts(struct sheaf_keys *keys, const sheaf_column *columns,
                                     size_t rows, uint64_t first_row, uint32_t *numbers,
                                     sheaf_error *error)
{
    if (keys->slot_count == 0)
        SHEAF_TRY(grow_slots(keys, error));
    for (size_t first = 0; first < rows; first += SHEAF_KEYS_CHUNK) {
        size_t count = rows - first < SHEAF_KEYS_CHUNK ? rows - first : SHEAF_KEYS_CHUNK;
        const sheaf_text *text = keys->records.text;

        if (keys->mode == SHEAF_KEYS_RECORD)
            SHEAF_TRY(sheaf_key_records_write(&keys->records, columns, first, count, error));
        else
            text = chunk_texts(keys, columns, first, count);
        bool far = keys->slot_count >= FAR_SLOTS;
        if (!far && keys->scratch->odd <= count / FEW) {
            hash_short(keys, text, count);
            SHEAF_TRY(number_short(keys, text, count, first_row + first, numbers + first, error));
            continue;
        }
        hash_chunk(keys, text, count);
        if (far)
            SHEAF_TRY(
                number_chunk(keys, text, count, first_row + first, numbers + first, true, error));
        else
            SHEAF_TRY(
                number_chunk(keys, text, count, first_row + first, numbers + first, false, error));
    }
    return SHEAF_OK;
}
