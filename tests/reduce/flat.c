/* flat.c - columns come back as they were, sorted pieces join in order, lies are noticed */
#include <stdlib.h>
#include <string.h>

#include "reduce/flat.h"
#include "unit.h"

enum { ROWS = 130 };

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

static void *copy_of(const void *bytes, size_t size)
{
    char *copy = malloc(size ? size : 1);

    memcpy(copy, bytes, size);
    return copy;
}

static void columns_come_back_as_they_were(void)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, ROWS};
    static sheaf_int128 wide[ROWS];
    sheaf_text text[ROWS];
    uint64_t present[3] = {~5ull, ~0ull, ~0ull};
    uint8_t bytes[ROWS];

    for (size_t row = 0; row < ROWS; row++) {
        wide[row] = (sheaf_int128)row << 100;
        text[row] = (sheaf_text){.bytes = letters, .size = (uint32_t)(row % 27)};
        bytes[row] = (uint8_t)row;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        sheaf_column columns[] = {
            {.type = SHEAF_WIDE, .scale = 3, .wide = wide, .present = present},
            {.type = SHEAF_TEXT, .text = text, .present = present},
            {.type = SHEAF_U8, .u8 = bytes}};
        struct sheaf_string flat = {0};
        sheaf_column *view = NULL;
        size_t count = 0, rows = 0;
        sheaf_error error;

        sheaf_flat_append(&flat, columns, 3, sizes[i]);
        void *copy = copy_of(flat.bytes, flat.size);
        UNIT_OK(sheaf_flat_view(copy, flat.size, &view, &count, &rows, &error), &error);
        CU_ASSERT_EQUAL_FATAL(count, 3);
        CU_ASSERT_EQUAL(rows, sizes[i]);
        CU_ASSERT_EQUAL(view[0].scale, 3);
        CU_ASSERT_PTR_NULL(view[2].present);
        for (size_t row = 0; row < rows; row++) {
            CU_ASSERT_EQUAL(sheaf_present(&view[0], row), row != 0 && row != 2);
            CU_ASSERT(view[0].wide[row] == wide[row]);
            CU_ASSERT_EQUAL(view[1].text[row].size, row % 27);
            CU_ASSERT_EQUAL(memcmp(view[1].text[row].bytes, letters, row % 27), 0);
            CU_ASSERT_EQUAL(view[2].u8[row], (uint8_t)row);
        }
        free(view);
        free(copy);
        sheaf_string_free(&flat);
    }
}

static void pieces_follow_each_other(void)
{
    int64_t values[] = {1, 2, 3, 4, 5};
    struct sheaf_string flat = {0};
    size_t at = 0, rows, count, pieces = 0;
    sheaf_column *view = NULL;

    for (size_t some = 0; some < 6; some++)
        sheaf_flat_append(&flat, &(sheaf_column){.type = SHEAF_I64, .i64 = values}, 1, some);
    for (; at < flat.size; at += sheaf_flat_size(flat.bytes + at, flat.size - at), pieces++) {
        CU_ASSERT_EQUAL_FATAL(
            sheaf_flat_view(flat.bytes + at, flat.size - at, &view, &count, &rows, NULL), SHEAF_OK);
        CU_ASSERT_EQUAL(rows, pieces);
        free(view);
    }
    CU_ASSERT_EQUAL(pieces, 6);
    CU_ASSERT_EQUAL(sheaf_flat_size(flat.bytes, 10), 0);
    sheaf_string_free(&flat);
}

/* `count` pieces that share out the numbers -rows/2 .. at random, text beside them. */
static void deal(struct sheaf_string *pieces, size_t count, size_t rows, struct unit_random *random)
{
    int64_t *numbers = malloc((rows + 1) * sizeof *numbers);
    sheaf_text *texts = malloc((rows + 1) * sizeof *texts);
    size_t *owner = malloc((rows + 1) * sizeof *owner);

    for (size_t row = 0; row < rows; row++)
        owner[row] = unit_random_below(random, (unsigned)count);
    for (size_t piece = 0; piece < count; piece++) {
        uint64_t present[16] = {0};
        size_t some = 0;

        for (size_t row = 0; row < rows; row++) {
            if (owner[row] != piece)
                continue;
            numbers[some] = (int64_t)row - (int64_t)rows / 2;
            texts[some] = (sheaf_text){.bytes = letters, .size = (uint32_t)(row % 20)};
            present[some / 64] |= (uint64_t)(row % 3 != 0) << (some % 64);
            some++;
        }
        sheaf_column columns[] = {{.type = SHEAF_TEXT, .text = texts, .present = present},
                                  {.type = SHEAF_I64, .i64 = numbers},
                                  {.type = SHEAF_I64, .i64 = numbers}};
        sheaf_flat_append(&pieces[piece], columns, 3, some);
    }
    free(numbers);
    free(texts);
    free(owner);
}

static void merge_all(struct sheaf_string *pieces, size_t count, size_t keep, size_t wanted,
                      size_t all)
{
    const void *bytes[70];
    size_t sizes[70], columns = 0, rows = 0;
    struct sheaf_string flat = {0};
    sheaf_column *view = NULL;
    sheaf_error error;

    for (size_t i = 0; i < count; i++) {
        bytes[i] = pieces[i].bytes;
        sizes[i] = pieces[i].size;
    }
    UNIT_OK(sheaf_flat_merge(bytes, sizes, count, keep, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &view, &columns, &rows, &error), &error);
    CU_ASSERT_EQUAL_FATAL(columns, 2);
    CU_ASSERT_EQUAL_FATAL(rows, wanted);
    for (size_t row = 0; row < rows; row++) {
        CU_ASSERT_EQUAL(view[1].i64[row], (int64_t)row - (int64_t)all / 2);
        CU_ASSERT_EQUAL(view[0].text[row].size, row % 20);
        CU_ASSERT_EQUAL(sheaf_present(&view[0], row), row % 3 != 0);
    }
    free(view);
    sheaf_string_free(&flat);
}

static void sorted_pieces_join_in_order(void)
{
    static const size_t counts[] = {1, 2, 3, 7, 8, 64, 70};
    struct unit_random random = {9};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (size_t rows = 0; rows < 1000; rows += 333) {
            struct sheaf_string pieces[70] = {{0}};

            deal(pieces, counts[i], rows, &random);
            merge_all(pieces, counts[i], SIZE_MAX, rows, rows);
            merge_all(pieces, counts[i], 10, rows < 10 ? rows : 10, rows);
            for (size_t piece = 0; piece < counts[i]; piece++)
                sheaf_string_free(&pieces[piece]);
        }
}

static void equal_numbers_stay_in_the_order_of_the_pieces(void)
{
    int64_t same[] = {INT64_MAX, INT64_MAX};
    struct sheaf_string pieces[3] = {{0}}, flat = {0};
    const void *bytes[3];
    size_t sizes[3], count, rows = 0;
    sheaf_column *view = NULL;
    sheaf_error error;

    for (int64_t i = 0; i < 3; i++) {
        int64_t values[] = {2 * i, 2 * i + 1};
        sheaf_column columns[] = {{.type = SHEAF_I64, .i64 = values},
                                  {.type = SHEAF_I64, .i64 = same}};

        sheaf_flat_append(&pieces[i], columns, 2, 2);
        bytes[i] = pieces[i].bytes;
        sizes[i] = pieces[i].size;
    }
    UNIT_OK(sheaf_flat_merge(bytes, sizes, 3, SIZE_MAX, &flat, &error), &error);
    UNIT_OK(sheaf_flat_view(flat.bytes, flat.size, &view, &count, &rows, &error), &error);
    CU_ASSERT_EQUAL_FATAL(rows, 6);
    for (int64_t row = 0; row < 6; row++)
        CU_ASSERT_EQUAL(view[0].i64[row], row);
    free(view);
    sheaf_string_free(&flat);
    for (size_t i = 0; i < 3; i++)
        sheaf_string_free(&pieces[i]);
}

static void what_is_not_sorted_or_not_alike_is_refused(void)
{
    int64_t down[] = {2, 1};
    struct sheaf_string piece = {0}, other = {0}, flat = {0};
    sheaf_column column = {.type = SHEAF_I64, .i64 = down};

    sheaf_flat_append(&piece, &column, 1, 2);
    CU_ASSERT_EQUAL(
        sheaf_flat_merge((const void *[]){piece.bytes}, &piece.size, 1, SIZE_MAX, &flat, NULL),
        SHEAF_INTERNAL);
    column.scale = 1;
    sheaf_flat_append(&other, &column, 1, 1);
    CU_ASSERT_EQUAL(sheaf_flat_merge((const void *[]){piece.bytes, other.bytes},
                                     (size_t[]){piece.size, other.size}, 2, SIZE_MAX, &flat, NULL),
                    SHEAF_INTERNAL);
    sheaf_string_free(&piece);
    sheaf_string_free(&other);
    sheaf_string_free(&flat);
}

/* View, merge and read all that is said to be there. */
static sheaf_status swallow(const char *bytes, size_t size)
{
    sheaf_column *view;
    size_t columns, rows, sum = 0;
    struct sheaf_string flat = {0};
    sheaf_error error;

    if (sheaf_flat_view(bytes, size, &view, &columns, &rows, &error) != SHEAF_OK)
        return SHEAF_INTERNAL;
    for (size_t i = 0; i < columns; i++)
        for (size_t row = 0; row < rows; row++) {
            if (!sheaf_present(&view[i], row))
                continue;
            if (view[i].type == SHEAF_TEXT || view[i].type == SHEAF_BYTES)
                for (uint32_t at = 0; at < view[i].text[row].size; at++)
                    sum += (unsigned char)view[i].text[row].bytes[at];
            else
                sum += ((const unsigned char *)view[i].values)[row];
        }
    free(view);
    (void)!sheaf_flat_merge((const void *[]){bytes, bytes}, (size_t[]){size, size}, 2, SIZE_MAX,
                            &flat, &error);
    sheaf_string_free(&flat);
    return sum == SIZE_MAX ? SHEAF_INTERNAL : SHEAF_OK;
}

static void flat_bytes_that_lie_do_no_harm(void)
{
    static const uint64_t odd[] = {0, 1, 16, 64, 1ull << 31, UINT32_MAX, 1ull << 63, UINT64_MAX};
    struct unit_random random = {4};
    struct sheaf_string piece = {0};

    deal(&piece, 1, 100, &random);
    for (size_t size = 0; size < piece.size; size++) {
        char *copy = copy_of(piece.bytes, size);

        CU_ASSERT_EQUAL(swallow(copy, size), SHEAF_INTERNAL);
        free(copy);
    }
    for (int round = 0; round < 20000; round++) {
        char *copy = copy_of(piece.bytes, piece.size);
        size_t at = unit_random_below(&random, round % 2 ? 240 : (unsigned)piece.size) / 4 * 4;

        if (at + 8 <= piece.size)
            memcpy(copy + at, &odd[unit_random_below(&random, 8)], round % 3 ? 8 : 4);
        (void)swallow(copy, piece.size);
        free(copy);
    }
    sheaf_string_free(&piece);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(columns_come_back_as_they_were),
        UNIT(pieces_follow_each_other),
        UNIT(sorted_pieces_join_in_order),
        UNIT(equal_numbers_stay_in_the_order_of_the_pieces),
        UNIT(what_is_not_sorted_or_not_alike_is_refused),
        UNIT(flat_bytes_that_lie_do_no_harm),
        {0},
    };
    return unit_run("reduce_flat", tests);
}
