/*
 * keys.h - keys and their numbers: the hash table without the states
 *
 * Keys get the numbers 0, 1, 2 ... in the order in which they are added.  How a
 * key is kept follows from the columns: one column of fixed size is a word, one
 * of text a text, several are one text (record.h).  Words that lie close
 * together are looked up in an array; all else is hashed.
 */
#ifndef SHEAF_REDUCE_KEYS_H
#define SHEAF_REDUCE_KEYS_H

#include "reduce/budget.h"
#include "reduce/hash.h"
#include "reduce/record.h"

/* In place of a text's size: the key is missing.  Words have it there too, and else 8. */
#define SHEAF_KEY_MISSING UINT32_MAX

enum sheaf_keys_mode {
    SHEAF_KEYS_NONE, /* no columns: one key, number 0 */
    SHEAF_KEYS_WORD,
    SHEAF_KEYS_TEXT,
    SHEAF_KEYS_RECORD
};

struct sheaf_key_origin {
    uint64_t hash;
    uint64_t first_row;
};

/* A text that is kept: just as its ends if it fits into the first. */
struct sheaf_key_text {
    struct sheaf_ends ends;
    uint64_t offset; /* in bytes[] if it does not */
    uint32_t size;
    uint32_t reserved;
};

struct sheaf_word_slot {
    int64_t word;
    uint32_t next; /* number + 1; 0: free */
    uint32_t reserved;
};

/* A text of 1 to 16 bytes, zeros behind, once more where it is looked up; size 0: free. */
struct sheaf_short_slot {
    uint64_t bytes[2];
    uint32_t size;
    uint32_t number;
    uint64_t reserved; /* two to a cache line */
};

struct sheaf_keys {
    enum sheaf_keys_mode mode;
    const sheaf_kind *kinds;
    size_t columns;
    struct sheaf_hash_seed seed;
    struct sheaf_budget *budget;

    size_t count;
    struct sheaf_key_origin *origin; /* of each key */
    int64_t *words;                  /* of each, when keys are words */
    struct sheaf_key_text *texts;    /* of each, when they are texts */
    size_t origin_capacity, word_capacity, text_capacity;
    char *bytes; /* of the texts longer than an end */
    size_t byte_count, byte_capacity;
    uint32_t missing_word; /* number + 1 of the missing key, when keys are words; 0: not seen */

    /* Open addressing, linear probing.  A slot of texts holds the upper half of
     * the hash and number + 1; 0 is free. */
    uint64_t *text_slots;
    struct sheaf_word_slot *word_slots;
    size_t slot_count; /* a power of two */

    /* Short texts that were looked up while there were few keys, in front of the slots. */
    struct sheaf_short_slot *short_slots;
    size_t short_slot_count; /* a power of two */
    size_t short_count;

    /* Words within [direct_base, direct_base + direct_count): number + 1 at their place.  Given up
     * for the slots as soon as a word lies too far from the others. */
    bool direct;
    uint32_t *direct_numbers;
    size_t direct_count;
    int64_t direct_base;

    struct sheaf_key_records records;
    struct sheaf_keys_scratch *scratch;
};

/* One key, as it is published. */
struct sheaf_key {
    uint64_t hash;
    uint64_t first_row;
    int64_t word;
    const char *bytes;
    uint32_t size;
};

/* SHEAF_BAD_ARGUMENT for kinds that can not be keys.  kinds and budget must outlive the keys. */
SHEAF_CHECKED sheaf_status sheaf_keys_init(struct sheaf_keys *keys, const sheaf_kind *kinds,
                                           size_t columns, uint64_t seed,
                                           struct sheaf_budget *budget, sheaf_error *error);
void sheaf_keys_destroy(struct sheaf_keys *keys);
void sheaf_keys_clear(struct sheaf_keys *keys); /* memory is kept */

/* numbers[r] = the number of the key of row r, for all rows (SHEAF_BATCH_ROWS at most); new keys
 * get first_row + r as their first row. */
SHEAF_CHECKED sheaf_status sheaf_keys_number(struct sheaf_keys *keys, const sheaf_column *columns,
                                             size_t rows, uint64_t first_row, uint32_t *numbers,
                                             sheaf_error *error);

/* The number of one key whose hash is known; the least of its first rows is kept. */
SHEAF_CHECKED sheaf_status sheaf_keys_add(struct sheaf_keys *keys, const struct sheaf_key *key,
                                          uint32_t *number, sheaf_error *error);

/* Key `number`; its bytes are valid until a key is added. */
struct sheaf_key sheaf_keys_get(const struct sheaf_keys *keys, size_t number);

/* The hash that sheaf_keys_number() would give it. */
uint64_t sheaf_keys_hash(const struct sheaf_keys *keys, const struct sheaf_key *key);

/* -- inside keys*.c ------------------------------------------------------------------------- */

/* Rows that are hashed at a time, so that what is between the loops stays in the first cache. */
enum { SHEAF_KEYS_CHUNK = SHEAF_RECORD_ROWS, SHEAF_KEYS_AHEAD = 16 };

struct sheaf_keys_scratch {
    uint64_t hash[SHEAF_KEYS_CHUNK + SHEAF_KEYS_AHEAD]; /* those ahead are only prefetched */
    struct sheaf_ends ends[SHEAF_KEYS_CHUNK];
    uint32_t size[SHEAF_KEYS_CHUNK]; /* 0: not to be looked up as a short text */
    size_t odd;                      /* texts of the last chunk that were not */
    sheaf_text text[SHEAF_KEYS_CHUNK];
    int64_t words[SHEAF_BATCH_ROWS];
    uint32_t rows[SHEAF_BATCH_ROWS];
    uint32_t numbers[SHEAF_BATCH_ROWS];
};

/* Whether one more key needs more slots: at most half of them are taken, and while slots are cheap
 * an eighth, for each second look at a slot is a branch that was not foreseen. */
static inline bool sheaf_keys_crowded(const struct sheaf_keys *keys)
{
    size_t per_key = keys->slot_count <= 1 << 14 ? 8 : 2;

    return per_key * (keys->count + 1) > keys->slot_count;
}

/* Room for one more key of `size` bytes in the arrays with one item for each key. */
SHEAF_CHECKED sheaf_status sheaf_keys_reserve(struct sheaf_keys *keys, size_t size,
                                              sheaf_error *error);

SHEAF_CHECKED sheaf_status sheaf_keys_number_texts(struct sheaf_keys *keys,
                                                   const sheaf_column *columns, size_t rows,
                                                   uint64_t first_row, uint32_t *numbers,
                                                   sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_keys_add_text(struct sheaf_keys *keys, uint64_t hash,
                                               sheaf_text text, uint64_t first_row,
                                               uint32_t *number, sheaf_error *error);
uint64_t sheaf_keys_hash_text(const struct sheaf_keys *keys, sheaf_text text);

SHEAF_CHECKED sheaf_status sheaf_keys_number_words(struct sheaf_keys *keys,
                                                   const sheaf_column *column, size_t rows,
                                                   uint64_t first_row, uint32_t *numbers,
                                                   sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_keys_add_word(struct sheaf_keys *keys, uint64_t hash, int64_t word,
                                               bool missing, uint64_t first_row, uint32_t *number,
                                               sheaf_error *error);
uint64_t sheaf_keys_hash_word(const struct sheaf_keys *keys, int64_t word, bool missing);
void sheaf_keys_forget_words(struct sheaf_keys *keys);

#endif
