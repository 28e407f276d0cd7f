/* table.c - however rows are cut, published and glued, the answer is the naive one */
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "operators.h"

enum { PIECES_MOST = 64 };

/* An answer in pieces, and then as one. */
struct pieces {
    struct sheaf_string piece[PIECES_MOST];
    size_t count;
};

static void merge(struct pieces *pieces, size_t keep, struct sheaf_string *flat)
{
    const void *bytes[PIECES_MOST];
    size_t sizes[PIECES_MOST];
    sheaf_error error;

    for (size_t i = 0; i < pieces->count; i++) {
        bytes[i] = pieces->piece[i].bytes;
        sizes[i] = pieces->piece[i].size;
    }
    UNIT_OK(sheaf_flat_merge(bytes, sizes, pieces->count, keep, flat, &error), &error);
    for (size_t i = 0; i < pieces->count; i++)
        sheaf_string_free(&pieces->piece[i]);
}

static void flat_words(const struct sheaf_string *flat, size_t keys, struct sheaf_string *words)
{
    sheaf_column *columns = NULL;
    size_t count, rows;
    sheaf_error error;

    UNIT_OK(sheaf_flat_view(flat->bytes, flat->size, &columns, &count, &rows, &error), &error);
    if (!columns)
        return;
    CU_ASSERT_EQUAL(count, keys + 11);
    data_answer(columns, keys, rows, words);
    free(columns);
}

static void same_words(const struct sheaf_string *got, const struct sheaf_string *wanted)
{
    CU_ASSERT_EQUAL(got->size, wanted->size);
    if (got->size == wanted->size)
        CU_ASSERT(wanted->size == 0 || memcmp(got->bytes, wanted->bytes, got->size) == 0);
}

/* One table, one pass. */
static void answer_whole(const struct sheaf_table_plan *plan, const struct data *data,
                         struct sheaf_string *flat)
{
    struct pieces pieces = {.count = 1};
    struct sheaf_table *table = NULL;
    sheaf_error error;

    UNIT_OK(sheaf_table_open(plan, &table, &error), &error);
    UNIT_OK(data_fold(table, data, 0, data->rows, SHEAF_BATCH_ROWS, &error), &error);
    UNIT_OK(sheaf_table_answer(table, &pieces.piece[0], &error), &error);
    merge(&pieces, SIZE_MAX, flat);
    sheaf_table_close(table);
}

struct shard {
    void *bytes;
    size_t size;
};

static struct shard publish(const struct sheaf_table_plan *plan, struct sheaf_table *table)
{
    struct shard shard = {.size = sheaf_table_measure(table)};
    uint64_t entries = 0;
    sheaf_error error;

    shard.bytes = malloc(shard.size);
    memset(shard.bytes, 0xA5, shard.size);
    sheaf_table_publish(table, shard.bytes);
    UNIT_OK(sheaf_published_check(plan, shard.bytes, shard.size, &entries, &error), &error);
    return shard;
}

/* Random shards, random batches, neighbours glued at random, then random ranges of partitions. */
static void answer_cut(const struct sheaf_table_plan *plan, const struct data *data,
                       struct unit_random *random, struct sheaf_string *flat)
{
    struct shard shards[9];
    struct pieces pieces = {.count = 0};
    struct sheaf_table *table = NULL;
    size_t count = 1 + unit_random_below(random, 8), first = 0, kept = 0;
    sheaf_error error;

    UNIT_OK(sheaf_table_open(plan, &table, &error), &error);
    for (size_t i = 0; i < count; i++) {
        size_t end = i + 1 == count
                         ? data->rows
                         : first + unit_random_below(random, (unsigned)(data->rows - first + 1));

        sheaf_table_start(table, first);
        UNIT_OK(data_fold(table, data, first, end, 1 + unit_random_below(random, SHEAF_BATCH_ROWS),
                          &error),
                &error);
        shards[i] = publish(plan, table);
        first = end;
    }
    for (size_t i = 0; i < count; kept++) { /* some neighbours become one */
        size_t end = i + 1 + unit_random_below(random, 3);

        sheaf_table_start(table, UINT64_MAX / 2);
        for (size_t j = i; j < end && j < count; j++) {
            UNIT_OK(sheaf_table_glue(table, shards[j].bytes, shards[j].size, 0, SHEAF_PARTITIONS,
                                     &error),
                    &error);
            free(shards[j].bytes);
        }
        shards[kept] = publish(plan, table);
        i = end;
    }
    for (unsigned from = 0, to; from < SHEAF_PARTITIONS; from = to) {
        to = from + 1 + unit_random_below(random, 20);
        if (to > SHEAF_PARTITIONS || plan->keys == 0)
            to = SHEAF_PARTITIONS;
        sheaf_table_start(table, 0);
        for (size_t i = 0; i < kept; i++)
            UNIT_OK(sheaf_table_glue(table, shards[i].bytes, shards[i].size, from, to, &error),
                    &error);
        UNIT_OK(sheaf_table_answer(table, &pieces.piece[pieces.count++], &error), &error);
    }
    for (size_t i = 0; i < kept; i++)
        free(shards[i].bytes);
    merge(&pieces, SIZE_MAX, flat);
    sheaf_table_close(table);
}

static void check_kinds(const sheaf_kind *kinds, size_t keys, size_t rows, size_t distinct,
                        unsigned holes, uint64_t seed)
{
    struct unit_random random = {seed};
    struct sheaf_bound bound[DATA_OPERATORS];
    struct sheaf_aggregate aggregate = data_aggregate(bound);
    struct data data = data_make(kinds, keys, rows, distinct, holes, &random);
    struct sheaf_table_plan plan = {
        .key_kinds = kinds, .keys = keys, .aggregate = &aggregate, .seed = seed};
    struct sheaf_string expected = {0}, whole = {0}, cut = {0}, words = {0};

    data_expect(&data, &expected);
    answer_whole(&plan, &data, &whole);
    flat_words(&whole, keys, &words);
    same_words(&words, &expected);
    plan.seed = ~seed; /* the hash does not show */
    answer_cut(&plan, &data, &random, &cut);
    CU_ASSERT_EQUAL(whole.size, cut.size);
    if (whole.size == cut.size)
        CU_ASSERT(memcmp(whole.bytes, cut.bytes, cut.size) == 0);
    sheaf_string_free(&expected);
    sheaf_string_free(&whole);
    sheaf_string_free(&cut);
    sheaf_string_free(&words);
    data_free(&data);
}

static const sheaf_type key_types[] = {SHEAF_BOOL,    SHEAF_I8,   SHEAF_I16,  SHEAF_I32,
                                       SHEAF_I64,     SHEAF_U8,   SHEAF_U16,  SHEAF_U32,
                                       SHEAF_U64,     SHEAF_F32,  SHEAF_F64,  SHEAF_DATE,
                                       SHEAF_DECIMAL, SHEAF_TIME, SHEAF_TEXT, SHEAF_BYTES};
enum { KEY_TYPES = sizeof key_types / sizeof key_types[0] };

static void every_kind_of_key_gives_the_naive_answer(void)
{
    for (size_t i = 0; i < KEY_TYPES; i++)
        for (unsigned holes = 0; holes < 20; holes += 11) {
            sheaf_kind kind = {key_types[i], key_types[i] == SHEAF_DECIMAL ? 2 : 0};

            check_kinds(&kind, 1, 3000, 100, holes, 10 + i);
            check_kinds(&kind, 1, 700, 1, holes, 20 + i);
        }
}

static void keys_of_several_columns_give_the_naive_answer(void)
{
    struct unit_random random = {77};

    for (int round = 0; round < 12; round++) {
        sheaf_kind kinds[DATA_KEYS];
        size_t keys = 2 + unit_random_below(&random, 3);

        for (size_t i = 0; i < keys; i++)
            kinds[i] = (sheaf_kind){.type = key_types[unit_random_below(&random, KEY_TYPES)]};
        check_kinds(kinds, keys, 2500, 6, round % 2 ? 9 : 0, (uint64_t)round);
    }
}

static void odd_numbers_of_rows_give_the_naive_answer(void)
{
    static const size_t rows[] = {0, 1, 2, 63, 64, 65, 511, 512, 513, 4095, 4096, 4097, 9000};
    sheaf_kind text = {.type = SHEAF_TEXT};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_kinds(&text, 1, rows[i], 30, 5, i);
        check_kinds(NULL, 0, rows[i], 1, 5, i);
    }
}

static void wide_integers_leave_the_array_and_are_hashed(void)
{
    sheaf_kind kind = {.type = SHEAF_I64};

    check_kinds(&kind, 1, 6000, 3, 0, 1); /* the ends of the range first */
    check_kinds(&kind, 1, 6000, 3000, 7, 2);
    kind.type = SHEAF_TIME; /* numbers close together, from more to more */
    for (size_t distinct = 10; distinct < 200000; distinct *= 7)
        check_kinds(&kind, 1, 6000, distinct, 0, distinct);
}

/* With keys this many every array has grown and what is far is fetched before. */
static void many_keys(sheaf_type type)
{
    enum { KEYS = 200000, ROWS = 2 * KEYS };
    sheaf_kind kinds[2] = {{.type = type}, {.type = SHEAF_I32}};
    struct sheaf_bound bound[1] = {bind(&keyed_op, "keyed", 0, 0)};
    struct sheaf_aggregate aggregate = aggregate_of(bound, 1);
    struct sheaf_table_plan plan = {.key_kinds = kinds, .keys = 1, .aggregate = &aggregate};
    struct sheaf_table *table = NULL, *glued = NULL;
    struct sheaf_string flat = {0};
    static char names[KEYS][24];
    static sheaf_text texts[SHEAF_BATCH_ROWS];
    static int64_t numbers[SHEAF_BATCH_ROWS], values[SHEAF_BATCH_ROWS];
    size_t count = 0, rows = 0;
    sheaf_column *columns = NULL;
    struct shard shard;
    sheaf_error error;

    UNIT_OK(sheaf_table_open(&plan, &table, &error), &error);
    UNIT_OK(sheaf_table_open(&plan, &glued, &error), &error);
    for (size_t first = 0; first < ROWS; first += SHEAF_BATCH_ROWS) {
        size_t some = ROWS - first < SHEAF_BATCH_ROWS ? ROWS - first : SHEAF_BATCH_ROWS;
        sheaf_column key = {.type = type};
        sheaf_column value = {.type = SHEAF_I64, .i64 = values};

        for (size_t i = 0; i < some; i++) {
            size_t which = (first + i) * 7 % KEYS; /* each twice */

            values[i] = (int64_t)(first + i);
            numbers[i] = (int64_t)(which * 1000003);
            texts[i].bytes = names[which];
            texts[i].size = (uint32_t)snprintf(names[which], sizeof names[which], "%s%zu",
                                               which % 2 ? "a longer key " : "", which);
        }
        key.values = type == SHEAF_TEXT ? (const void *)texts : numbers;
        UNIT_OK(sheaf_table_fold(table, &key, &value, some, &error), &error);
    }
    shard = publish(&plan, table);
    UNIT_OK(sheaf_table_glue(glued, shard.bytes, shard.size, 0, 20, &error), &error);
    UNIT_OK(sheaf_table_glue(glued, shard.bytes, shard.size, 20, 64, &error), &error);
    free(shard.bytes);
    UNIT_OK(sheaf_table_answer(glued, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL_FATAL(rows, KEYS);
    size_t wrong = 0;
    for (size_t row = 0; row < rows; row++) {
        size_t which = row * 7 % KEYS;

        wrong += columns[3].i64[row] != (int64_t)row || columns[2].i64[row] != 2;
        wrong += columns[1].i64[row] != (int64_t)(2 * row + KEYS);
        if (type == SHEAF_TEXT)
            wrong += columns[0].text[row].size != strlen(names[which]) ||
                     memcmp(columns[0].text[row].bytes, names[which], strlen(names[which])) != 0;
        else
            wrong += columns[0].i64[row] != (int64_t)(which * 1000003);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(columns);
    sheaf_string_free(&flat);
    sheaf_table_close(glued);
    sheaf_table_close(table);
}

static void many_keys_are_all_kept(void)
{
    many_keys(SHEAF_TEXT);
    many_keys(SHEAF_I64);
    many_keys(SHEAF_TIME);
}

static void text_at_the_end_of_a_page_is_read_no_further(void)
{
    enum { KEYS = 25 };
    sheaf_kind kind = {.type = SHEAF_TEXT};
    struct sheaf_bound bound[1] = {bind(&count_op, "count", 0, 0)};
    struct sheaf_aggregate aggregate = aggregate_of(bound, 1);
    struct sheaf_table_plan plan = {.key_kinds = &kind, .keys = 1, .aggregate = &aggregate};
    struct sheaf_table *table = NULL;
    struct sheaf_string flat = {0};
    sheaf_text texts[2 * KEYS];
    char copies[KEYS][KEYS];
    sheaf_column key = {.type = SHEAF_TEXT, .text = texts}, *columns = NULL;
    size_t count, rows = 0;
    char *page = aligned_alloc(4096, 4096);
    sheaf_error error;

    memset(page, 'z', 4096);
    for (uint32_t i = 0; i < KEYS; i++) {
        texts[i] = (sheaf_text){.bytes = page + 4096 - i, .size = i};
        memset(copies[i], 'z', i);
        texts[KEYS + i] = (sheaf_text){.bytes = i ? copies[i] : NULL, .size = i};
    }
    UNIT_OK(sheaf_table_open(&plan, &table, &error), &error);
    UNIT_OK(sheaf_table_fold(table, &key, NULL, 2 * KEYS, &error), &error);
    UNIT_OK(sheaf_table_answer(table, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL(rows, KEYS);
    for (size_t row = 0; row < rows; row++)
        CU_ASSERT_EQUAL(columns[1].i64[row], 2);
    free(columns);
    sheaf_string_free(&flat);
    sheaf_table_close(table);
    free(page);
}

static void merging_keeps_just_the_first_rows_wanted(void)
{
    sheaf_kind kind = {.type = SHEAF_TEXT};
    struct unit_random random = {3};
    struct sheaf_bound bound[DATA_OPERATORS];
    struct sheaf_aggregate aggregate = data_aggregate(bound);
    struct data data = data_make(&kind, 1, 500, 50, 0, &random);
    struct sheaf_table_plan plan = {.key_kinds = &kind, .keys = 1, .aggregate = &aggregate};
    struct sheaf_table *table = NULL;
    struct pieces pieces = {.count = 1};
    struct sheaf_string flat = {0}, words = {0}, expected = {0};
    sheaf_error error;
    char *end;

    UNIT_OK(sheaf_table_open(&plan, &table, &error), &error);
    UNIT_OK(data_fold(table, &data, 0, data.rows, 100, &error), &error);
    UNIT_OK(sheaf_table_answer(table, &pieces.piece[0], &error), &error);
    merge(&pieces, 2, &flat);
    flat_words(&flat, 1, &words);
    data_expect(&data, &expected);
    end = strchr(strchr(expected.bytes, '\n') + 1, '\n');
    expected.size = (size_t)(end + 1 - expected.bytes);
    same_words(&words, &expected);
    sheaf_string_free(&flat);
    sheaf_string_free(&words);
    sheaf_string_free(&expected);
    sheaf_table_close(table);
    data_free(&data);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(every_kind_of_key_gives_the_naive_answer),
        UNIT(keys_of_several_columns_give_the_naive_answer),
        UNIT(odd_numbers_of_rows_give_the_naive_answer),
        UNIT(wide_integers_leave_the_array_and_are_hashed),
        UNIT(many_keys_are_all_kept),
        UNIT(text_at_the_end_of_a_page_is_read_no_further),
        UNIT(merging_keeps_just_the_first_rows_wanted),
        {0},
    };
    return unit_run("reduce_table", tests);
}
