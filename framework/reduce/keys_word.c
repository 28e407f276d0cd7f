/*
 * keys_word.c - numbering words: by their place in an array while they lie close
 * together (days, codes, small numbers), else hashed
 */
#include <string.h>

#include "reduce/keys.h"
#include "reduce/word.h"

enum { FIRST_SLOTS = 4096, FAR_SLOTS = 1 << 14, DIRECT_MOST = 1 << 16, DIRECT_LEAST = 1 << 10 };

uint64_t sheaf_keys_hash_word(const struct sheaf_keys *keys, int64_t word, bool missing)
{
    return missing ? keys->seed.last : sheaf_hash_word((uint64_t)word, &keys->seed);
}

static sheaf_status append(struct sheaf_keys *keys, uint64_t hash, int64_t word, uint64_t first_row,
                           uint32_t *number, sheaf_error *error)
{
    SHEAF_TRY(sheaf_keys_reserve(keys, 0, error));
    keys->origin[keys->count] = (struct sheaf_key_origin){.hash = hash, .first_row = first_row};
    keys->words[keys->count] = word;
    *number = (uint32_t)keys->count++;
    return SHEAF_OK;
}

static sheaf_status number_missing(struct sheaf_keys *keys, uint64_t first_row, uint32_t *number,
                                   sheaf_error *error)
{
    if (keys->missing_word == 0) {
        SHEAF_TRY(append(keys, sheaf_keys_hash_word(keys, 0, true), 0, first_row, number, error));
        keys->missing_word = *number + 1;
    }
    *number = keys->missing_word - 1;
    return SHEAF_OK;
}

void sheaf_keys_forget_words(struct sheaf_keys *keys)
{
    keys->missing_word = 0;
    keys->direct = keys->kinds[0].type != SHEAF_F64 && keys->kinds[0].type != SHEAF_F32;
    if (keys->direct_numbers)
        memset(keys->direct_numbers, 0, keys->direct_count * sizeof *keys->direct_numbers);
    if (keys->word_slots)
        memset(keys->word_slots, 0, keys->slot_count * sizeof *keys->word_slots);
}

/* -- slots ---------------------------------------------------------------------------------- */

static void put(struct sheaf_keys *keys, size_t number)
{
    size_t mask = keys->slot_count - 1;
    size_t at = (size_t)keys->origin[number].hash & mask;

    while (keys->word_slots[at].next)
        at = (at + 1) & mask;
    keys->word_slots[at] =
        (struct sheaf_word_slot){.word = keys->words[number], .next = (uint32_t)(number + 1)};
}

/* Make the slots for all keys there are and one more. */
static sheaf_status renew_slots(struct sheaf_keys *keys, size_t wanted, sheaf_error *error)
{
    while (wanted < 2 * (keys->count + 1))
        wanted *= 2;
    SHEAF_TRY(sheaf_budget_renew(keys->budget, &keys->word_slots, &keys->slot_count, wanted,
                                 sizeof *keys->word_slots, error));
    for (size_t number = 0; number < keys->count; number++)
        if (number + 1 != keys->missing_word)
            put(keys, number);
    return SHEAF_OK;
}

static inline uint32_t find(const struct sheaf_word_slot *slots, size_t mask, uint64_t hash,
                            int64_t word)
{
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask)
        if (slots[at].next == 0 || slots[at].word == word)
            return slots[at].next;
}

static __attribute__((noinline)) sheaf_status insert(struct sheaf_keys *keys, uint64_t hash,
                                                     int64_t word, uint64_t first_row,
                                                     uint32_t *number, sheaf_error *error)
{
    if (sheaf_keys_crowded(keys))
        SHEAF_TRY(renew_slots(keys, 2 * keys->slot_count, error));
    SHEAF_TRY(append(keys, hash, word, first_row, number, error));
    put(keys, *number);
    return SHEAF_OK;
}

static void hash_words(const struct sheaf_keys *keys, const int64_t *words, size_t count)
{
    struct sheaf_hash_seed seed = keys->seed;
    uint64_t *hash = keys->scratch->hash;

    for (size_t i = 0; i < count; i++)
        hash[i] = sheaf_hash_word((uint64_t)words[i], &seed);
}

static inline sheaf_status number_chunk(struct sheaf_keys *keys, const int64_t *words,
                                        const uint32_t *rows, size_t count, uint64_t first_row,
                                        uint32_t *numbers, bool far, sheaf_error *error)
{
    const uint64_t *hash = keys->scratch->hash;
    const struct sheaf_word_slot *slots = keys->word_slots;
    size_t mask = keys->slot_count - 1;

    for (size_t i = 0; i < count; i++) {
        if (far)
            __builtin_prefetch(&slots[(size_t)hash[i + SHEAF_KEYS_AHEAD] & mask]);
        uint32_t next = find(slots, mask, hash[i], words[i]);
        if (__builtin_expect(next == 0, 0)) {
            SHEAF_TRY(insert(keys, hash[i], words[i], first_row + rows[i], &numbers[i], error));
            slots = keys->word_slots;
            mask = keys->slot_count - 1;
        } else {
            numbers[i] = next - 1;
        }
    }
    return SHEAF_OK;
}

static sheaf_status number_hashed(struct sheaf_keys *keys, const int64_t *words,
                                  const uint32_t *rows, size_t count, uint64_t first_row,
                                  uint32_t *numbers, sheaf_error *error)
{
    if (!keys->word_slots)
        SHEAF_TRY(renew_slots(keys, FIRST_SLOTS, error));
    for (size_t first = 0; first < count; first += SHEAF_KEYS_CHUNK) {
        size_t some = count - first < SHEAF_KEYS_CHUNK ? count - first : SHEAF_KEYS_CHUNK;

        hash_words(keys, words + first, some);
        if (keys->slot_count < FAR_SLOTS)
            SHEAF_TRY(number_chunk(keys, words + first, rows + first, some, first_row,
                                   numbers + first, false, error));
        else
            SHEAF_TRY(number_chunk(keys, words + first, rows + first, some, first_row,
                                   numbers + first, true, error));
    }
    return SHEAF_OK;
}

/* -- the array ------------------------------------------------------------------------------ */

static bool direct_covers(const struct sheaf_keys *keys, int64_t least, int64_t most)
{
    uint64_t from = (uint64_t)least - (uint64_t)keys->direct_base;
    uint64_t to = (uint64_t)most - (uint64_t)keys->direct_base;

    return from <= to && to < keys->direct_count;
}

static void widen_range(const struct sheaf_keys *keys, int64_t *least, int64_t *most)
{
    for (size_t number = 0; number < keys->count; number++) {
        if (number + 1 == keys->missing_word)
            continue;
        *least = keys->words[number] < *least ? keys->words[number] : *least;
        *most = keys->words[number] > *most ? keys->words[number] : *most;
    }
}

/* Lay the array anew so that it covers all keys and [least, most], or give it up for slots. */
static sheaf_status direct_or_slots(struct sheaf_keys *keys, int64_t least, int64_t most,
                                    sheaf_error *error)
{
    size_t span = DIRECT_LEAST;

    widen_range(keys, &least, &most);
    if ((uint64_t)most - (uint64_t)least >= DIRECT_MOST) {
        keys->direct = false;
        return renew_slots(keys, keys->slot_count ? keys->slot_count : FIRST_SLOTS, error);
    }
    while (span <= (uint64_t)most - (uint64_t)least)
        span *= 2;
    if (span < keys->direct_count)
        span = keys->direct_count;
    SHEAF_TRY(sheaf_budget_renew(keys->budget, &keys->direct_numbers, &keys->direct_count, span,
                                 sizeof *keys->direct_numbers, error));
    /* Room on both sides, as far as numbers go. */
    keys->direct_base =
        (int64_t)((uint64_t)least - (span - ((uint64_t)most - (uint64_t)least)) / 2);
    for (size_t number = 0; number < keys->count; number++)
        if (number + 1 != keys->missing_word)
            keys->direct_numbers[(uint64_t)keys->words[number] - (uint64_t)keys->direct_base] =
                (uint32_t)(number + 1);
    return SHEAF_OK;
}

static sheaf_status direct_insert(struct sheaf_keys *keys, int64_t word, uint64_t first_row,
                                  uint32_t *number, sheaf_error *error)
{
    SHEAF_TRY(
        append(keys, sheaf_keys_hash_word(keys, word, false), word, first_row, number, error));
    keys->direct_numbers[(uint64_t)word - (uint64_t)keys->direct_base] = *number + 1;
    return SHEAF_OK;
}

static sheaf_status number_direct(struct sheaf_keys *keys, const int64_t *words,
                                  const uint32_t *rows, size_t count, uint64_t first_row,
                                  uint32_t *numbers, sheaf_error *error)
{
    const uint32_t *direct = keys->direct_numbers;
    uint64_t base = (uint64_t)keys->direct_base;

    for (size_t i = 0; i < count; i++) {
        uint32_t next = direct[(uint64_t)words[i] - base];

        if (__builtin_expect(next == 0, 0))
            SHEAF_TRY(direct_insert(keys, words[i], first_row + rows[i], &numbers[i], error));
        else
            numbers[i] = next - 1;
    }
    return SHEAF_OK;
}

static void range_of(const int64_t *words, size_t count, int64_t *least, int64_t *most)
{
    int64_t low = words[0], high = words[0];

    for (size_t i = 1; i < count; i++) {
        low = words[i] < low ? words[i] : low;
        high = words[i] > high ? words[i] : high;
    }
    *least = low;
    *most = high;
}

static sheaf_status number_words(struct sheaf_keys *keys, const int64_t *words,
                                 const uint32_t *rows, size_t count, uint64_t first_row,
                                 uint32_t *numbers, sheaf_error *error)
{
    int64_t least, most;

    if (count == 0)
        return SHEAF_OK;
    if (keys->direct) {
        range_of(words, count, &least, &most);
        if (!direct_covers(keys, least, most))
            SHEAF_TRY(direct_or_slots(keys, least, most, error));
    }
    if (keys->direct)
        return number_direct(keys, words, rows, count, first_row, numbers, error);
    return number_hashed(keys, words, rows, count, first_row, numbers, error);
}

/* -- rows ----------------------------------------------------------------------------------- */

/* Where some are missing, the others are moved together and their numbers back. */
static sheaf_status number_present(struct sheaf_keys *keys, const sheaf_column *column, size_t rows,
                                   uint64_t first_row, uint32_t *numbers, sheaf_error *error)
{
    struct sheaf_keys_scratch *scratch = keys->scratch;
    size_t count = 0;

    for (size_t row = 0; row < rows; row++) {
        if (!sheaf_present(column, row)) {
            SHEAF_TRY(number_missing(keys, first_row + row, &numbers[row], error));
            continue;
        }
        scratch->words[count] = scratch->words[row];
        scratch->rows[count++] = (uint32_t)row;
    }
    SHEAF_TRY(number_words(keys, scratch->words, scratch->rows, count, first_row, scratch->numbers,
                           error));
    for (size_t i = 0; i < count; i++)
        numbers[scratch->rows[i]] = scratch->numbers[i];
    return SHEAF_OK;
}

sheaf_status sheaf_keys_number_words(struct sheaf_keys *keys, const sheaf_column *column,
                                     size_t rows, uint64_t first_row, uint32_t *numbers,
                                     sheaf_error *error)
{
    struct sheaf_keys_scratch *scratch = keys->scratch;

    sheaf_word_load(column, 0, rows, scratch->words);
    if (column->present)
        return number_present(keys, column, rows, first_row, numbers, error);
    for (size_t row = 0; row < rows; row++)
        scratch->rows[row] = (uint32_t)row;
    return number_words(keys, scratch->words, scratch->rows, rows, first_row, numbers, error);
}

sheaf_status sheaf_keys_add_word(struct sheaf_keys *keys, uint64_t hash, int64_t word, bool missing,
                                 uint64_t first_row, uint32_t *number, sheaf_error *error)
{
    uint32_t next;

    if (missing)
        return number_missing(keys, first_row, number, error);
    if (keys->direct) { /* published keys come in the order of their hashes: no range to speak of */
        keys->direct = false;
        SHEAF_TRY(renew_slots(keys, keys->slot_count ? keys->slot_count : FIRST_SLOTS, error));
    }
    if (!keys->word_slots)
        SHEAF_TRY(renew_slots(keys, FIRST_SLOTS, error));
    next = find(keys->word_slots, keys->slot_count - 1, hash, word);
    if (next == 0)
        return insert(keys, hash, word, first_row, number, error);
    *number = next - 1;
    return SHEAF_OK;
}
