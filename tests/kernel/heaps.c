/* heaps.c - heaps, bitmaps and hashes keep their word */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "kernel/bits.h"
#include "kernel/hash.h"
#include "unit.h"
#include <sheaf/operator.h>

/* -- heaps ---------------------------------------------------------------------------------------
 */

static bool is_filled(const void *bytes, size_t from, size_t to, unsigned char with)
{
    const unsigned char *at = bytes;

    for (size_t i = from; i < to; i++)
        if (at[i] != with)
            return false;
    return true;
}

static void resized_blocks_keep_what_fits_and_are_zero_beyond(void)
{
    enum { BLOCKS = 5 };
    struct unit_random random = {1};
    sheaf_heap heap = {0};
    sheaf_block blocks[BLOCKS] = {{0, 0}};
    unsigned char filled[BLOCKS] = {0};

    for (int round = 0; round < 3000; round++) {
        int i = (int)unit_random_below(&random, BLOCKS);
        size_t before = blocks[i].size, after = unit_random_below(&random, 200);
        if (unit_random_below(&random, 10) == 0)
            after *= 50;
        unsigned char *bytes = sheaf_block_resize(&heap, &blocks[i], after);
        CU_ASSERT_EQUAL(bytes == NULL, after == 0);
        CU_ASSERT_EQUAL((uintptr_t)bytes % 16, 0);
        CU_ASSERT_EQUAL(blocks[i].size, after);
        CU_ASSERT(is_filled(bytes, 0, before < after ? before : after, filled[i]));
        CU_ASSERT(before >= after || is_filled(bytes, before, after, 0));
        if (bytes)
            memset(bytes, filled[i] = (unsigned char)(1 + round % 255), after);
        for (int other = 0; other < BLOCKS; other++)
            CU_ASSERT(is_filled(sheaf_block_bytes(&heap, &blocks[other]), 0, blocks[other].size,
                                filled[other]));
    }
    sheaf_heap_free(&heap);
    sheaf_heap_free(&heap);
}

static void heaps_move_as_a_whole(void)
{
    sheaf_heap heap = {0};
    sheaf_block block = {0, 0};

    memcpy(sheaf_block_resize(&heap, &block, 6), "moved", 6);
    char *copy = aligned_alloc(16, (heap.size + 15) / 16 * 16);
    memcpy(copy, heap.bytes, heap.size);
    const sheaf_heap view = {.bytes = copy, .size = heap.size};
    CU_ASSERT_STRING_EQUAL(sheaf_block_bytes(&view, &block), "moved");
    sheaf_heap_free(&heap);
    free(copy);
}

/* The size of the block when the heap refused, or 0 if it did not. */
static size_t grow_until_refused(sheaf_heap *heap, sheaf_block *block, size_t step, size_t limit)
{
    jmp_buf escape;
    volatile size_t reached = 0;

    heap->escape = &escape;
    if (setjmp(escape))
        return reached;
    for (size_t size = step; size <= limit; size += step) {
        sheaf_block_resize(heap, block, size);
        reached = size;
    }
    return 0;
}

static void refused_memory_escapes_and_leaves_the_block_whole(void)
{
    sheaf_heap heap = {.limit = 10000};
    sheaf_block block = {0, 0}, huge = {0, 0};

    size_t size = grow_until_refused(&heap, &block, 160, 1 << 20);
    CU_ASSERT(size > 9000 && size <= 10000);
    CU_ASSERT_EQUAL(block.size, size);
    CU_ASSERT(heap.capacity <= 10000);
    CU_ASSERT(is_filled(sheaf_block_bytes(&heap, &block), 0, size, 0));
    heap.limit = 0;
    CU_ASSERT_EQUAL(grow_until_refused(&heap, &huge, SIZE_MAX / 3, SIZE_MAX / 2), 0);
    CU_ASSERT_EQUAL(huge.size, 0);
    sheaf_heap_free(&heap);
}

/* -- bitmaps
 * --------------------------------------------------------------------------------------- */

static void bitmaps_agree_with_a_loop_over_rows(void)
{
    enum { ROWS = 300 };
    struct unit_random random = {2};
    uint64_t a[ROWS / 64 + 1], b[ROWS / 64 + 1], c[ROWS / 64 + 1];
    uint32_t rows[ROWS + 8];
    uint64_t values[ROWS], kept[ROWS];

    for (size_t n = 0; n <= ROWS; n += n < 140 ? 1 : 13) {
        size_t count = 0, found, words = sheaf_bits_words(n);
        for (size_t i = 0; i <= ROWS / 64; i++) {
            a[i] = n % 5 == 0 ? UINT64_MAX : unit_random_next(&random);
            b[i] = unit_random_next(&random);
        }
        for (size_t r = 0; r < n; r++) {
            values[r] = unit_random_next(&random);
            count += sheaf_bits_get(a, r);
        }
        CU_ASSERT_EQUAL(sheaf_bits_count(a, n), count);
        CU_ASSERT_EQUAL(sheaf_bits_all(a, n), count == n);
        found = sheaf_bits_rows(a, n, rows);
        CU_ASSERT_EQUAL(found, count);
        for (size_t r = 0, i = 0; r < n; r++)
            if (sheaf_bits_get(a, r))
                CU_ASSERT_EQUAL(rows[i++], r);
        sheaf_bits_gather(kept, values, 8, rows, found);
        sheaf_bits_compress(c, b, rows, found);
        for (size_t i = 0; i < found; i++) {
            CU_ASSERT_EQUAL(kept[i], values[rows[i]]);
            CU_ASSERT_EQUAL(sheaf_bits_get(c, i), sheaf_bits_get(b, rows[i]));
        }
        memcpy(kept, values, sizeof kept);
        sheaf_bits_gather(kept, kept, 8, rows, found);
        memcpy(c, b, sizeof c);
        sheaf_bits_compress(c, c, rows, found);
        for (size_t i = 0; i < found; i++) {
            CU_ASSERT_EQUAL(kept[i], values[rows[i]]);
            CU_ASSERT_EQUAL(sheaf_bits_get(c, i), sheaf_bits_get(b, rows[i]));
        }
        memcpy(c, a, sizeof c);
        sheaf_bits_and(c, b, n);
        for (size_t i = 0; i < words; i++)
            CU_ASSERT_EQUAL(c[i], a[i] & b[i]);
        sheaf_bits_or(c, a, n);
        sheaf_bits_and_not(c, b, n);
        for (size_t i = 0; i < words; i++)
            CU_ASSERT_EQUAL(c[i], a[i] & ~b[i]);
        sheaf_bits_fill(c, n);
        CU_ASSERT(sheaf_bits_all(c, n));
        CU_ASSERT_EQUAL(sheaf_bits_count(c, 64 * words), n);
    }
}

static void values_of_every_size_are_gathered(void)
{
    static const size_t sizes[] = {1, 2, 4, 8, 16};
    static const uint32_t rows[] = {1, 3, 4, 19};
    unsigned char from[16 * 20], to[16 * 4];

    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (unsigned char)i;
    for (size_t s = 0; s < 5; s++) {
        sheaf_bits_gather(to, from, sizes[s], rows, 4);
        for (size_t i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(memcmp(to + i * sizes[s], from + rows[i] * sizes[s], sizes[s]), 0);
    }
}

/* -- hashes
 * ------------------------------------------------------------------------------------------ */

/* Bits of the hash that change when one bit of the key does: half of them, on average, wherever it
 * is, and each about as often. */
static void each_bit_of_a_key_changes_half_of_the_hash(void)
{
    struct unit_random random = {3};
    unsigned char key[40];

    for (size_t size = 1; size <= sizeof key; size++) {
        unsigned changed[64] = {0}, trials = 0;
        for (int round = 0; round < 40; round++) {
            for (size_t i = 0; i < size; i++)
                key[i] = (unsigned char)unit_random_next(&random);
            uint64_t hash = sheaf_hash_bytes(key, size, 7);
            for (size_t bit = 0; bit < 8 * size; bit++, trials++) {
                key[bit / 8] ^= (unsigned char)(1 << bit % 8);
                uint64_t change = hash ^ sheaf_hash_bytes(key, size, 7);
                key[bit / 8] ^= (unsigned char)(1 << bit % 8);
                CU_ASSERT(__builtin_popcountll(change) >= 8);
                for (int out = 0; out < 64; out++)
                    changed[out] += (unsigned)(change >> out & 1);
            }
        }
        for (int out = 0; out < 64; out++)
            CU_ASSERT(changed[out] > trials / 3 && changed[out] < trials - trials / 3);
    }
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* Keys that differ little: no two of 2^17 have the same hash (by chance: 1 in 2 * 10^9), and the
 * lower and the upper bits spread them evenly over 1024 buckets. */
static void similar_keys_are_spread_evenly(void)
{
    enum { KEYS = 1 << 17, BUCKETS = 1024 };
    static uint64_t hashes[KEYS];

    for (int way = 0; way < 4; way++) {
        unsigned low[BUCKETS] = {0}, high[BUCKETS] = {0};
        for (uint32_t i = 0; i < KEYS; i++) {
            char text[32];
            int size = snprintf(text, sizeof text, way == 1 ? "%u" : "id%010u", i);
            if (way == 0)
                hashes[i] = sheaf_hash_u64(i, 0);
            else if (way == 3)
                hashes[i] = sheaf_hash_u64((uint64_t)i << 40, 0);
            else
                hashes[i] = sheaf_hash_bytes(text, (size_t)size, 0);
            low[hashes[i] % BUCKETS]++;
            high[hashes[i] >> 54]++;
        }
        /* 128 in each on average, with a standard deviation of 11. */
        for (int i = 0; i < BUCKETS; i++)
            CU_ASSERT(low[i] > 60 && low[i] < 200 && high[i] > 60 && high[i] < 200);
        qsort(hashes, KEYS, sizeof hashes[0], compare_u64);
        for (uint32_t i = 1; i < KEYS; i++)
            if (hashes[i] == hashes[i - 1])
                CU_FAIL("two keys have the same hash");
    }
}

static void hashes_depend_on_length_seed_and_order(void)
{
    static const char zeros[40];
    uint64_t seen[41];

    for (size_t size = 0; size <= 40; size++) {
        char *copy = malloc(size ? size : 1); /* a sanitizer sees a byte read beside it */
        memcpy(copy, zeros, size);
        seen[size] = sheaf_hash_bytes(copy, size, 0);
        for (size_t before = 0; before < size; before++)
            CU_ASSERT(seen[before] != seen[size]);
        CU_ASSERT(seen[size] != sheaf_hash_bytes(copy, size, 1));
        free(copy);
    }
    CU_ASSERT(sheaf_hash_u64(1, 0) != sheaf_hash_u64(1, 1));
    CU_ASSERT(sheaf_hash_join(1, 2) != sheaf_hash_join(2, 1));
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(resized_blocks_keep_what_fits_and_are_zero_beyond),
        UNIT(heaps_move_as_a_whole),
        UNIT(refused_memory_escapes_and_leaves_the_block_whole),
        UNIT(bitmaps_agree_with_a_loop_over_rows),
        UNIT(values_of_every_size_are_gathered),
        UNIT(each_bit_of_a_key_changes_half_of_the_hash),
        UNIT(similar_keys_are_spread_evenly),
        UNIT(hashes_depend_on_length_seed_and_order),
        {0},
    };

    return unit_run("heaps", tests);
}
