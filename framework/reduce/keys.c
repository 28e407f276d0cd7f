/* keys.c - keys and their numbers, whatever they are made of: see keys.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reduce/keys.h"
#include "reduce/word.h"

static sheaf_status check_kinds(const sheaf_kind *kinds, size_t columns, sheaf_error *error)
{
    for (size_t i = 0; i < columns; i++)
        if (!sheaf_word_type(kinds[i].type) && !sheaf_word_text(kinds[i].type))
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                   "a column of type %s can not be a key",
                                   sheaf_type_name(kinds[i].type));
    return SHEAF_OK;
}

sheaf_status sheaf_keys_init(struct sheaf_keys *keys, const sheaf_kind *kinds, size_t columns,
                             uint64_t seed, struct sheaf_budget *budget, sheaf_error *error)
{
    *keys = (struct sheaf_keys){.mode = SHEAF_KEYS_RECORD,
                                .kinds = kinds,
                                .columns = columns,
                                .seed = sheaf_hash_seed_from(seed),
                                .budget = budget};
    SHEAF_TRY(check_kinds(kinds, columns, error));
    if (columns == 0)
        keys->mode = SHEAF_KEYS_NONE;
    else if (columns == 1)
        keys->mode = sheaf_word_text(kinds[0].type) ? SHEAF_KEYS_TEXT : SHEAF_KEYS_WORD;
    if (keys->mode == SHEAF_KEYS_RECORD)
        SHEAF_TRY(sheaf_key_records_init(&keys->records, kinds, columns, error));
    if (keys->mode != SHEAF_KEYS_NONE)
        SHEAF_TRY(sheaf_allocate(&keys->scratch, 1, sizeof *keys->scratch, error));
    sheaf_keys_clear(keys);
    return SHEAF_OK;
}

void sheaf_keys_destroy(struct sheaf_keys *keys)
{
    struct sheaf_budget *budget = keys->budget;
    size_t text_slots = keys->text_slots ? keys->slot_count : 0;
    size_t word_slots = keys->word_slots ? keys->slot_count : 0;

    if (!budget)
        return;
    sheaf_budget_free(budget, &keys->origin, &keys->origin_capacity, sizeof *keys->origin);
    sheaf_budget_free(budget, &keys->words, &keys->word_capacity, sizeof *keys->words);
    sheaf_budget_free(budget, &keys->texts, &keys->text_capacity, sizeof *keys->texts);
    sheaf_budget_free(budget, &keys->bytes, &keys->byte_capacity, 1);
    sheaf_budget_free(budget, &keys->text_slots, &text_slots, sizeof *keys->text_slots);
    sheaf_budget_free(budget, &keys->word_slots, &word_slots, sizeof *keys->word_slots);
    sheaf_budget_free(budget, &keys->short_slots, &keys->short_slot_count,
                      sizeof *keys->short_slots);
    sheaf_budget_free(budget, &keys->direct_numbers, &keys->direct_count,
                      sizeof *keys->direct_numbers);
    sheaf_key_records_destroy(&keys->records);
    free(keys->scratch);
    keys->scratch = NULL;
}

void sheaf_keys_clear(struct sheaf_keys *keys)
{
    keys->count = 0;
    keys->byte_count = 0;
    if (keys->text_slots)
        memset(keys->text_slots, 0, keys->slot_count * sizeof *keys->text_slots);
    if (keys->short_slots)
        memset(keys->short_slots, 0, keys->short_slot_count * sizeof *keys->short_slots);
    keys->short_count = 0;
    if (keys->mode == SHEAF_KEYS_WORD)
        sheaf_keys_forget_words(keys);
}

/* Keys are numbered in 32 bits, and a slot holds the number plus one. */
static sheaf_status too_many(sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_LIMIT, "more than %u different keys in one shard (E602)",
                    UINT32_MAX - 1);
    if (error)
        error->code = 602;
    return SHEAF_LIMIT;
}

sheaf_status sheaf_keys_reserve(struct sheaf_keys *keys, size_t size, sheaf_error *error)
{
    struct sheaf_budget *budget = keys->budget;
    size_t needed = keys->count + 1;

    if (needed >= UINT32_MAX)
        return too_many(error);
    SHEAF_TRY(sheaf_budget_grow(budget, &keys->origin, &keys->origin_capacity, needed,
                                sizeof *keys->origin, error));
    if (keys->mode == SHEAF_KEYS_WORD)
        return sheaf_budget_grow(budget, &keys->words, &keys->word_capacity, needed,
                                 sizeof *keys->words, error);
    SHEAF_TRY(sheaf_budget_grow(budget, &keys->bytes, &keys->byte_capacity, keys->byte_count + size,
                                1, error));
    return sheaf_budget_grow(budget, &keys->texts, &keys->text_capacity, needed,
                             sizeof *keys->texts, error);
}

static sheaf_status add_none(struct sheaf_keys *keys, uint64_t first_row, uint32_t *number,
                             sheaf_error *error)
{
    if (keys->count == 0) {
        SHEAF_TRY(sheaf_keys_reserve(keys, 0, error));
        keys->origin[keys->count++] = (struct sheaf_key_origin){.first_row = first_row};
    }
    if (first_row < keys->origin[0].first_row)
        keys->origin[0].first_row = first_row;
    *number = 0;
    return SHEAF_OK;
}

sheaf_status sheaf_keys_number(struct sheaf_keys *keys, const sheaf_column *columns, size_t rows,
                               uint64_t first_row, uint32_t *numbers, sheaf_error *error)
{
    if (keys->mode == SHEAF_KEYS_WORD)
        return sheaf_keys_number_words(keys, columns, rows, first_row, numbers, error);
    if (keys->mode != SHEAF_KEYS_NONE)
        return sheaf_keys_number_texts(keys, columns, rows, first_row, numbers, error);
    memset(numbers, 0, rows * sizeof *numbers);
    return add_none(keys, first_row, numbers, error);
}

sheaf_status sheaf_keys_add(struct sheaf_keys *keys, const struct sheaf_key *key, uint32_t *number,
                            sheaf_error *error)
{
    sheaf_text text = {.bytes = key->bytes, .size = key->size};

    if (keys->mode == SHEAF_KEYS_NONE)
        return add_none(keys, key->first_row, number, error);
    if (keys->mode == SHEAF_KEYS_WORD)
        SHEAF_TRY(sheaf_keys_add_word(keys, key->hash, key->word, key->size == SHEAF_KEY_MISSING,
                                      key->first_row, number, error));
    else
        SHEAF_TRY(sheaf_keys_add_text(keys, key->hash, text, key->first_row, number, error));
    if (key->first_row < keys->origin[*number].first_row)
        keys->origin[*number].first_row = key->first_row;
    return SHEAF_OK;
}

struct sheaf_key sheaf_keys_get(const struct sheaf_keys *keys, size_t number)
{
    struct sheaf_key key = {.hash = keys->origin[number].hash,
                            .first_row = keys->origin[number].first_row};

    if (keys->mode == SHEAF_KEYS_WORD) {
        key.word = keys->words[number];
        key.size = number + 1 == keys->missing_word ? SHEAF_KEY_MISSING : sizeof key.word;
    } else if (keys->mode != SHEAF_KEYS_NONE) {
        const struct sheaf_key_text *text = &keys->texts[number];

        key.size = text->size;
        if (text->size <= SHEAF_END_BYTES)
            key.bytes = (const char *)text->ends.first;
        else if (text->size != SHEAF_KEY_MISSING)
            key.bytes = keys->bytes + text->offset;
    }
    return key;
}

uint64_t sheaf_keys_hash(const struct sheaf_keys *keys, const struct sheaf_key *key)
{
    if (keys->mode == SHEAF_KEYS_NONE)
        return 0;
    if (keys->mode == SHEAF_KEYS_WORD)
        return sheaf_keys_hash_word(keys, key->word, key->size == SHEAF_KEY_MISSING);
    return sheaf_keys_hash_text(keys, (sheaf_text){.bytes = key->bytes, .size = key->size});
}
