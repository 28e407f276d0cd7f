/* keys.c - different keys have different numbers, however much they resemble each other */
#include <string.h>

#include "reduce/keys.h"
#include "unit.h"

static const sheaf_kind text = {.type = SHEAF_TEXT};
static const sheaf_kind integer = {.type = SHEAF_I64};

/* Texts of one hash, as no data but a liar would have. */
static void texts_of_one_hash_are_told_apart(void)
{
    static const char *const likes[] = {
        "",
        "a",
        "aa",
        "sixteen bytes 16",
        "sixteen bytes 17",
        "sixteen bytes 16sixteen bytes 16",
        "sixteen bytes 16_sixteen bytes 16",
        "sixteen bytes 16+sixteen bytes 16",
        "sixteen bytes 16+the middle differs+sixteen bytes 16",
        "sixteen bytes 16+the middle Differs+sixteen bytes 16",
        NULL /* missing */
    };
    enum { LIKES = sizeof likes / sizeof likes[0] };
    struct sheaf_budget budget = {.limit = 0};
    struct sheaf_keys keys;
    sheaf_error error;

    UNIT_OK(sheaf_keys_init(&keys, &text, 1, 1, &budget, &error), &error);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < LIKES; i++) {
            struct sheaf_key key = {.hash = 42, .first_row = i, .bytes = likes[i]};
            uint32_t number = 99;

            key.size = likes[i] ? (uint32_t)strlen(likes[i]) : SHEAF_KEY_MISSING;
            UNIT_OK(sheaf_keys_add(&keys, &key, &number, &error), &error);
            CU_ASSERT_EQUAL(number, i);
            key = sheaf_keys_get(&keys, number);
            CU_ASSERT_EQUAL(key.size, likes[i] ? strlen(likes[i]) : SHEAF_KEY_MISSING);
            CU_ASSERT(!likes[i] || memcmp(key.bytes, likes[i], key.size) == 0);
        }
    CU_ASSERT_EQUAL(keys.count, LIKES);
    sheaf_keys_destroy(&keys);
    CU_ASSERT_EQUAL(budget.used, 0);
}

static void number_all(struct sheaf_keys *keys, const int64_t *values, size_t count,
                       const uint32_t *wanted)
{
    sheaf_column column = {.type = SHEAF_I64, .i64 = values};
    uint32_t numbers[16];
    sheaf_error error;

    UNIT_OK(sheaf_keys_number(keys, &column, count, 0, numbers, &error), &error);
    CU_ASSERT_EQUAL(memcmp(numbers, wanted, count * sizeof *numbers), 0);
}

/* The array around the least number has room on its other side, where the largest would be. */
static void least_and_largest_number_are_far_apart(void)
{
    struct sheaf_budget budget = {.limit = 0};
    struct sheaf_keys keys;
    sheaf_error error;

    UNIT_OK(sheaf_keys_init(&keys, &integer, 1, 1, &budget, &error), &error);
    number_all(&keys, (int64_t[]){INT64_MIN + 1}, 1, (uint32_t[]){0});
    CU_ASSERT(keys.direct);
    number_all(&keys, (int64_t[]){INT64_MIN + 1, INT64_MAX - 3, 0, INT64_MIN}, 4,
               (uint32_t[]){0, 1, 2, 3});
    number_all(&keys, (int64_t[]){INT64_MIN, INT64_MAX, INT64_MAX - 3}, 3, (uint32_t[]){3, 4, 1});
    sheaf_keys_clear(&keys);
    number_all(&keys, (int64_t[]){INT64_MAX, INT64_MAX - 5, 7}, 3, (uint32_t[]){0, 1, 2});
    sheaf_keys_destroy(&keys);
}

static void array_grows_with_its_numbers_and_gives_way_to_slots(void)
{
    struct sheaf_budget budget = {.limit = 0};
    struct sheaf_keys keys;
    sheaf_error error;

    UNIT_OK(sheaf_keys_init(&keys, &integer, 1, 1, &budget, &error), &error);
    number_all(&keys, (int64_t[]){5, -5, 5}, 3, (uint32_t[]){0, 1, 0});
    number_all(&keys, (int64_t[]){5000, -5000, 5}, 3, (uint32_t[]){2, 3, 0});
    number_all(&keys, (int64_t[]){65535 - 5000, -5}, 2, (uint32_t[]){4, 1});
    CU_ASSERT(keys.direct);
    number_all(&keys, (int64_t[]){65536 - 5000, -5, 5000, -5000}, 4, (uint32_t[]){5, 1, 2, 3});
    CU_ASSERT(!keys.direct);
    sheaf_keys_destroy(&keys);
}

static void hash_depends_on_every_byte_and_the_size(void)
{
    struct sheaf_budget budget = {.limit = 0};
    struct sheaf_keys keys;
    char bytes[80] = {0};
    sheaf_error error;

    UNIT_OK(sheaf_keys_init(&keys, &text, 1, 1, &budget, &error), &error);
    for (uint32_t size = 0; size < sizeof bytes; size++) {
        struct sheaf_key key = {.bytes = bytes, .size = size};
        uint64_t hash = sheaf_keys_hash(&keys, &key);

        for (uint32_t at = 0; at < size; at++) {
            bytes[at] = 1;
            CU_ASSERT_NOT_EQUAL(sheaf_keys_hash(&keys, &key), hash);
            bytes[at] = 0;
        }
        key.size = size + 1;
        if (key.size < sizeof bytes)
            CU_ASSERT_NOT_EQUAL(sheaf_keys_hash(&keys, &key), hash);
    }
    sheaf_keys_destroy(&keys);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(texts_of_one_hash_are_told_apart),
        UNIT(least_and_largest_number_are_far_apart),
        UNIT(array_grows_with_its_numbers_and_gives_way_to_slots),
        UNIT(hash_depends_on_every_byte_and_the_size),
        {0},
    };
    return unit_run("reduce_keys", tests);
}
