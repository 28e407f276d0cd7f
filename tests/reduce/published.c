/* published.c - published bytes are not believed: nothing is read outside, whatever they say */
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "operators.h"
#include "reduce/published.h"

/* Operators whose states can be anything; a block that points nowhere is the operator's affair. */
static struct sheaf_aggregate plain(struct sheaf_bound *bound)
{
    bound[0] = bind(&count_op, "count", 0, 0);
    bound[1] = bind(&missing_op, "missing", 0, 0);
    return aggregate_of(bound, 2);
}

struct victim {
    struct sheaf_bound bound[2];
    struct sheaf_aggregate aggregate;
    sheaf_kind kinds[3];
    struct sheaf_table_plan plan;
    struct sheaf_table *table;
    void *bytes;
    size_t size;
};

static void make(struct victim *victim, size_t keys, sheaf_type type)
{
    struct unit_random random = {keys};
    struct data data;
    sheaf_error error;

    *victim =
        (struct victim){.kinds = {{.type = type}, {.type = SHEAF_DATE}, {.type = SHEAF_TEXT}}};
    victim->aggregate = plain(victim->bound);
    victim->plan = (struct sheaf_table_plan){
        .key_kinds = victim->kinds, .keys = keys, .aggregate = &victim->aggregate, .seed = 42};
    data = data_make(victim->kinds, keys, 300, 40, 9, &random);
    UNIT_OK(sheaf_table_open(&victim->plan, &victim->table, &error), &error);
    UNIT_OK(data_fold(victim->table, &data, 0, data.rows, 100, &error), &error);
    victim->size = sheaf_table_measure(victim->table);
    victim->bytes = malloc(victim->size);
    sheaf_table_publish(victim->table, victim->bytes);
    data_free(&data);
}

static void discard(struct victim *victim)
{
    sheaf_table_close(victim->table);
    free(victim->bytes);
}

/* Check, glue and answer; what they say does not matter, only that nothing is touched outside. */
static sheaf_status swallow(struct victim *victim, const void *bytes, size_t size)
{
    struct sheaf_string flat = {0};
    uint64_t entries;
    sheaf_error error;
    sheaf_status checked = sheaf_published_check(&victim->plan, bytes, size, &entries, &error);
    sheaf_status glued;

    sheaf_table_start(victim->table, 0);
    glued = sheaf_table_glue(victim->table, bytes, size, 0, SHEAF_PARTITIONS, &error);
    CU_ASSERT(checked != SHEAF_OK || glued == SHEAF_OK);
    if (glued == SHEAF_OK)
        CU_ASSERT_EQUAL(sheaf_table_answer(victim->table, &flat, &error), SHEAF_OK);
    sheaf_string_free(&flat);
    return checked;
}

static void each(void (*body)(struct victim *victim))
{
    static const struct {
        size_t keys;
        sheaf_type type;
    } shapes[] = {{0, SHEAF_I64}, {1, SHEAF_I64}, {1, SHEAF_TEXT}, {1, SHEAF_F64}, {3, SHEAF_I64}};

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct victim victim;

        make(&victim, shapes[i].keys, shapes[i].type);
        body(&victim);
        discard(&victim);
    }
}

static void cut(struct victim *victim)
{
    for (size_t size = 0; size < victim->size; size += size < 800 ? 1 : 37) {
        void *copy = data_copy(victim->bytes, size);

        CU_ASSERT_EQUAL(swallow(victim, copy, size), SHEAF_INTERNAL);
        free(copy);
    }
    CU_ASSERT_EQUAL(swallow(victim, victim->bytes, victim->size), SHEAF_OK);
}

static void published_bytes_cut_anywhere_are_refused(void)
{
    each(cut);
}

static void change(struct victim *victim)
{
    static const uint64_t odd[] = {0, 1, 15, 16, 1ull << 31, UINT32_MAX, 1ull << 63, UINT64_MAX};
    struct unit_random random = {5};

    for (int round = 0; round < 4000; round++) {
        char *copy = data_copy(victim->bytes, victim->size);

        for (unsigned changes = 1 + unit_random_below(&random, 3); changes > 0; changes--) {
            size_t most = round % 2 ? victim->size : 700; /* the header more often */
            size_t at = unit_random_below(&random, (unsigned)most) / 8 * 8;
            uint64_t word = odd[unit_random_below(&random, 8)];

            if (at + 8 > victim->size)
                continue;
            if (round % 3 == 0)
                copy[at + unit_random_below(&random, 8)] ^= (char)(1u << round % 8);
            else
                memcpy(copy + at, &word, sizeof word);
        }
        (void)swallow(victim, copy, victim->size);
        free(copy);
    }
}

static void published_bytes_that_lie_do_no_harm(void)
{
    each(change);
}

static void key_in_the_wrong_place_is_noticed(void)
{
    size_t first = (sizeof(struct sheaf_published_header) + 15) / 16 * 16;
    struct victim victim;
    char *copy;

    make(&victim, 1, SHEAF_TEXT);
    copy = data_copy(victim.bytes, victim.size);
    for (size_t i = 0; i < 20; i++) {
        char *entry = copy + first + i * sizeof(struct sheaf_published_entry);

        for (size_t at = 0; at < sizeof(struct sheaf_published_entry); at++) {
            if (at >= offsetof(struct sheaf_published_entry, first_row) &&
                at < offsetof(struct sheaf_published_entry, size))
                continue; /* any row can be the first, and what is missing lies nowhere */
            if (at >= offsetof(struct sheaf_published_entry, reserved))
                continue;
            entry[at] = (char)(entry[at] ^ 0x11);
            CU_ASSERT_EQUAL(swallow(&victim, copy, victim.size), SHEAF_INTERNAL);
            entry[at] = (char)(entry[at] ^ 0x11);
        }
    }
    free(copy);
    discard(&victim);
}

static void other_question_is_not_answered(void)
{
    struct victim victim, other;
    uint64_t entries;
    sheaf_error error;

    make(&victim, 1, SHEAF_TEXT);
    make(&other, 3, SHEAF_I64);
    CU_ASSERT_EQUAL(sheaf_published_check(&other.plan, victim.bytes, victim.size, &entries, &error),
                    SHEAF_INTERNAL);
    victim.plan.seed++;
    CU_ASSERT_EQUAL(
        sheaf_published_check(&victim.plan, victim.bytes, victim.size, &entries, &error),
        SHEAF_INTERNAL);
    discard(&other);
    discard(&victim);
}

static void same_rows_are_published_as_the_same_bytes(void)
{
    struct victim a, b;

    make(&a, 3, SHEAF_I64);
    make(&b, 3, SHEAF_I64);
    CU_ASSERT_EQUAL(a.size, b.size);
    CU_ASSERT_EQUAL(memcmp(a.bytes, b.bytes, a.size), 0);
    discard(&a);
    discard(&b);
}

static void glued_states_need_memory_within_the_limit(void)
{
    struct victim victim;
    struct sheaf_table *small = NULL;
    sheaf_error error;

    make(&victim, 1, SHEAF_TEXT);
    victim.plan.memory_limit = 3000;
    UNIT_OK(sheaf_table_open(&victim.plan, &small, &error), &error);
    CU_ASSERT_EQUAL(sheaf_table_glue(small, victim.bytes, victim.size, 0, 64, &error), SHEAF_LIMIT);
    CU_ASSERT_EQUAL(error.code, 601);
    sheaf_table_close(small);
    discard(&victim);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(published_bytes_cut_anywhere_are_refused),
        UNIT(published_bytes_that_lie_do_no_harm),
        UNIT(key_in_the_wrong_place_is_noticed),
        UNIT(other_question_is_not_answered),
        UNIT(same_rows_are_published_as_the_same_bytes),
        UNIT(glued_states_need_memory_within_the_limit),
        {0},
    };
    return unit_run("reduce_published", tests);
}
