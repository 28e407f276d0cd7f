/*
 * set.h - a set of values of one type that grows in the heap, for distinct and stats
 *
 * Exact: the values themselves are kept, and compared.  Eight-byte values lie in
 * an open-addressing table; of texts the table has hash and place, and their
 * bytes lie one after another in a second block.  NaN equals NaN and -0 equals
 * 0, as keys do.
 */
#ifndef SHEAF_OPERATORS_SET_H
#define SHEAF_OPERATORS_SET_H

#include "load.h"

struct set {
    int64_t count;
    int64_t has_zero;  /* 0 marks a free slot, so the value 0 is kept here */
    sheaf_block slots; /* of uint64_t, or of struct text_slot; a power of two, at most half full */
    sheaf_block bytes; /* of texts: size in 4 bytes, then the text */
    uint64_t used;     /* of `bytes` */
};

struct text_slot {
    uint64_t hash;
    uint64_t place; /* 1 + offset in `bytes`; 0: free */
};

enum { SET_LEAST = 8 }; /* slots */

static inline uint64_t set_mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD1B54A32D192ED03u);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t set_hash_word(uint64_t word)
{
    return set_mix(word, word >> 32);
}

static inline uint64_t set_load(const char *bytes, size_t size)
{
    uint64_t word = 0;
    uint32_t first, last;

    if (size >= 8) {
        memcpy(&word, bytes, sizeof word);
        return word;
    }
    if (size >= 4) { /* two loads that may overlap */
        memcpy(&first, bytes, sizeof first);
        memcpy(&last, bytes + size - 4, sizeof last);
        return (uint64_t)first << 32 | last;
    }
    for (size_t i = 0; i < size; i++)
        word = word << 8 | (unsigned char)bytes[i];
    return word;
}

static inline uint64_t set_hash_text(const char *bytes, size_t size)
{
    uint64_t hash = size;

    for (; size > 8; bytes += 8, size -= 8)
        hash = set_mix(hash, set_load(bytes, size));
    return set_mix(set_mix(hash, set_load(bytes, size)), hash);
}

/* -- eight-byte values ----------------------------------------------------------------------- */

/* Put a value that is not 0 into slots; true if it is new. */
static inline bool set_put_word(uint64_t *slots, size_t mask, uint64_t word)
{
    size_t at = set_hash_word(word) & mask;

    while (slots[at] != 0 && slots[at] != word)
        at = (at + 1) & mask;
    if (slots[at] == word)
        return false;
    slots[at] = word;
    return true;
}

static inline void set_grow_words(struct set *set, sheaf_heap *heap)
{
    size_t old = set->slots.size / sizeof(uint64_t), count = old ? 2 * old : SET_LEAST;
    sheaf_block grown = {0, 0};
    uint64_t *to = sheaf_block_resize(heap, &grown, count * sizeof *to);
    const uint64_t *from = sheaf_block_bytes(heap, &set->slots);

    for (size_t i = 0; i < old; i++)
        if (from[i])
            set_put_word(to, count - 1, from[i]);
    set->slots = grown;
}

static inline void set_add_word(struct set *set, sheaf_heap *heap, uint64_t word)
{
    size_t slots = set->slots.size / sizeof word;

    if (word == 0) {
        set->count += !set->has_zero;
        set->has_zero = 1;
        return;
    }
    if (2 * (size_t)set->count >= slots) {
        set_grow_words(set, heap);
        slots = set->slots.size / sizeof word;
    }
    set->count += set_put_word(sheaf_block_bytes(heap, &set->slots), slots - 1, word);
}

/* -- texts ----------------------------------------------------------------------------------- */

static inline void set_grow_texts(struct set *set, sheaf_heap *heap)
{
    size_t old = set->slots.size / sizeof(struct text_slot), count = old ? 2 * old : SET_LEAST;
    sheaf_block grown = {0, 0};
    struct text_slot *to = sheaf_block_resize(heap, &grown, count * sizeof *to);
    const struct text_slot *from = sheaf_block_bytes(heap, &set->slots);

    for (size_t i = 0; i < old; i++)
        if (from[i].place) {
            size_t at = from[i].hash & (count - 1);
            while (to[at].place)
                at = (at + 1) & (count - 1);
            to[at] = from[i];
        }
    set->slots = grown;
}

static inline bool set_has_text(const char *kept, const char *bytes, uint32_t size)
{
    uint32_t kept_size;

    memcpy(&kept_size, kept, sizeof kept_size);
    return kept_size == size && (size == 0 || memcmp(kept + sizeof size, bytes, size) == 0);
}

/* Append the text to `bytes`; its place. */
static inline uint64_t set_keep_text(struct set *set, sheaf_heap *heap, const char *bytes,
                                     uint32_t size)
{
    uint64_t place = set->used, needed = place + sizeof size + size;

    if (needed > set->bytes.size)
        sheaf_block_resize(heap, &set->bytes, needed + needed / 2 + 32);
    char *to = (char *)sheaf_block_bytes(heap, &set->bytes) + place;
    memcpy(to, &size, sizeof size);
    if (size > 0)
        memcpy(to + sizeof size, bytes, size);
    set->used = needed;
    return place + 1;
}

static inline void set_add_text(struct set *set, sheaf_heap *heap, const char *bytes, uint32_t size)
{
    uint64_t hash = set_hash_text(bytes, size);

    if (2 * (size_t)set->count >= set->slots.size / sizeof(struct text_slot))
        set_grow_texts(set, heap);
    const struct text_slot *slots = sheaf_block_bytes(heap, &set->slots);
    const char *kept = sheaf_block_bytes(heap, &set->bytes);
    size_t mask = set->slots.size / sizeof *slots - 1, at = hash & mask;
    for (; slots[at].place; at = (at + 1) & mask)
        if (slots[at].hash == hash && set_has_text(kept + slots[at].place - 1, bytes, size))
            return;
    /* Keeping may move the heap, and the slots with it. */
    uint64_t place = set_keep_text(set, heap, bytes, size);
    ((struct text_slot *)sheaf_block_bytes(heap, &set->slots))[at] =
        (struct text_slot){hash, place};
    set->count++;
}

/* -- rows and sets --------------------------------------------------------------------------- */

static inline void set_add(struct set *set, const sheaf_batch *batch, size_t row)
{
    const sheaf_column *column = &batch->columns[0];

    if (is_text(column->type)) {
        set_add_text(set, batch->heap, column->text[row].bytes, column->text[row].size);
    } else if (column->type == SHEAF_F64) {
        double value = load_f64(column, row);
        uint64_t word;

        value = isnan(value) ? (double)NAN : value + 0.0; /* one NaN, one zero */
        memcpy(&word, &value, sizeof word);
        set_add_word(set, batch->heap, word);
    } else if (column->type == SHEAF_BOOL) {
        set_add_word(set, batch->heap, column->boolean[row]);
    } else if (column->type == SHEAF_DATE) {
        set_add_word(set, batch->heap, (uint64_t)load_i32(column, row));
    } else {
        set_add_word(set, batch->heap, (uint64_t)load_i64(column, row));
    }
}

static inline void set_copy_block(sheaf_block *block, const sheaf_block *from,
                                  const sheaf_gluing *with)
{
    if (from->size == 0)
        return;
    void *to = sheaf_block_resize(with->heap, block, from->size);
    memcpy(to, sheaf_block_bytes(with->later_heap, from), from->size);
}

static inline void set_join_words(struct set *set, const struct set *later,
                                  const sheaf_gluing *with)
{
    size_t slots = later->slots.size / sizeof(uint64_t);

    if (later->has_zero)
        set_add_word(set, with->heap, 0);
    for (size_t i = 0; i < slots; i++) {
        uint64_t word = ((const uint64_t *)sheaf_block_bytes(with->later_heap, &later->slots))[i];
        if (word)
            set_add_word(set, with->heap, word);
    }
}

static inline void set_join_texts(struct set *set, const struct set *later,
                                  const sheaf_gluing *with)
{
    uint32_t size;

    for (uint64_t at = 0; at < later->used; at += sizeof size + size) {
        const char *kept = (const char *)sheaf_block_bytes(with->later_heap, &later->bytes) + at;
        memcpy(&size, kept, sizeof size);
        set_add_text(set, with->heap, kept + sizeof size, size);
    }
}

static inline void set_join(struct set *set, const struct set *later, const sheaf_gluing *with)
{
    if (set->count == 0) { /* many keys meet for the first time: no need to hash again */
        set_copy_block(&set->slots, &later->slots, with);
        set_copy_block(&set->bytes, &later->bytes, with);
        set->count = later->count;
        set->has_zero = later->has_zero;
        set->used = later->used;
    } else if (later->used) {
        set_join_texts(set, later, with);
    } else {
        set_join_words(set, later, with);
    }
}

#endif
