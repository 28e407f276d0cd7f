/*
 * table.c - what does a keyed table cost for each row?
 *
 *     bench_table [ROWS]
 *
 * Keys to numbers, and three aggregates of one number (least, most, sum) by
 * fold_keyed, in batches as a job has them, the input in the caches.  Beside
 * each: the same three aggregates with the number of the key already known.
 * Median of nine runs, their spread behind it.  Then gluing and merging.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "reduce/flat.h"
#include "reduce/table.h"

enum { RUNS = 9, BATCHES = 4, TABLE_ROWS = BATCHES * SHEAF_BATCH_ROWS };

struct extent {
    int64_t least, most, sum, rows;
};

static void extent_fold_keyed(void *states, size_t stride, const uint32_t *key,
                              const sheaf_batch *batch)
{
    const int64_t *x = batch->columns[0].i64;

    for (size_t row = 0; row < batch->rows; row++) {
        struct extent *extent = (void *)((char *)states + key[row] * stride);

        extent->least = x[row] < extent->least ? x[row] : extent->least;
        extent->most = x[row] > extent->most ? x[row] : extent->most;
        extent->sum += x[row];
        extent->rows++;
    }
}

static void extent_fold(void *state, const sheaf_batch *batch)
{
    static const uint32_t zeros[SHEAF_BATCH_ROWS];

    extent_fold_keyed(state, 0, zeros, batch);
}

static void extent_combine(void *state, const void *later)
{
    struct extent *extent = state;
    const struct extent *more = later;

    extent->least = more->least < extent->least ? more->least : extent->least;
    extent->most = more->most > extent->most ? more->most : extent->most;
    extent->sum += more->sum;
    extent->rows += more->rows;
}

static const sheaf_operator keyed = {
    .inputs = {{"x", SHEAF_I64}},
    .outputs = {SHEAF_OUTPUT(struct extent, least), SHEAF_OUTPUT(struct extent, most),
                SHEAF_OUTPUT(struct extent, sum)},
    .state_size = sizeof(struct extent),
    .fold_keyed = extent_fold_keyed,
    .fold = extent_fold,
    .combine = extent_combine,
};

static uint64_t random_state = 1;

static uint64_t random_next(void)
{
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Keys of all rows, in the kinds that are asked for. */
struct input {
    sheaf_kind kinds[2];
    size_t keys;
    sheaf_text *text[2];
    int64_t *number;
    int64_t *values;
    char *bytes; /* where texts lie, in the order of rows as in a file */
};

static const sheaf_column *column_of(const struct input *input, size_t key, size_t first,
                                     sheaf_column *column)
{
    *column = (sheaf_column){.type = input->kinds[key].type};
    if (column->type == SHEAF_TEXT)
        column->text = input->text[key] + first;
    else
        column->i64 = input->number + first;
    return column;
}

/* Texts of least to most bytes, a size for each key. */
static void fill(struct input *input, size_t rows, size_t distinct, unsigned least, unsigned most,
                 uint64_t apart)
{
    char *at = input->bytes;

    for (size_t row = 0; row < rows; row++) {
        for (size_t key = 0; key < 2; key++) {
            uint64_t which = random_next() % distinct;
            uint64_t mixed = (which + 77) * 0x9E3779B97F4A7C15u;
            uint32_t size = least + (uint32_t)(mixed >> 40) % (most - least + 1);
            char name[40];

            snprintf(name, sizeof name, "%05zxabcdefghijklmnopqrstuvwxyz", (size_t)which);
            memcpy(at, name, size);
            at[size] = ';';
            input->text[key][row] = (sheaf_text){.bytes = at, .size = size};
            at += size + 6;
            input->number[row] = (int64_t)(which * apart);
        }
        input->values[row] = (int64_t)(random_next() % 1999) - 999;
    }
}

static int by_size(const void *a, const void *b)
{
    double x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static void die(const sheaf_error *error)
{
    fprintf(stderr, "bench_table: %s\n", error->message);
    exit(70);
}

static void fold_all(struct sheaf_table *table, const struct input *input, size_t rows)
{
    sheaf_error error;

    for (size_t first = 0; first < rows; first += SHEAF_BATCH_ROWS) {
        size_t count = rows - first < SHEAF_BATCH_ROWS ? rows - first : SHEAF_BATCH_ROWS;
        sheaf_column keys[2], value = {.type = SHEAF_I64, .i64 = input->values + first};

        for (size_t key = 0; key < input->keys; key++)
            column_of(input, key, first, &keys[key]);
        if (sheaf_table_fold(table, keys, &value, count, &error) != SHEAF_OK)
            die(&error);
    }
}

static struct sheaf_table *open_table(const struct input *input, const sheaf_operator *op)
{
    static struct sheaf_bound bound;
    static struct sheaf_aggregate aggregate;
    static struct sheaf_table_plan plan;
    struct sheaf_table *table;
    sheaf_error error;

    bound = (struct sheaf_bound){
        .op = op, .name = "extent", .inputs = 1, .outputs = 3, .state_size = sizeof(struct extent)};
    for (int i = 0; i < 3; i++)
        bound.output_kind[i].type = SHEAF_I64;
    aggregate = (struct sheaf_aggregate){&bound, 1, sizeof(struct extent)};
    plan = (struct sheaf_table_plan){input->kinds, input->keys, &aggregate, 7, 0};
    if (sheaf_table_open(&plan, &table, &error) != SHEAF_OK)
        die(&error);
    return table;
}

static void report(const char *what, double *ns)
{
    qsort(ns, RUNS, sizeof *ns, by_size);
    printf("%-44s %7.2f ns/row  (%.2f to %.2f)\n", what, ns[RUNS / 2], ns[0], ns[RUNS - 1]);
}

static void measure(const char *what, const struct input *input, const sheaf_operator *op,
                    size_t rows)
{
    struct sheaf_table *table = open_table(input, op);
    double ns[RUNS];

    for (int run = 0; run < RUNS; run++) {
        fold_all(table, input, rows); /* the second pass finds all keys there */
        int64_t start = sheaf_clock_ns();
        fold_all(table, input, rows);
        ns[run] = (double)(sheaf_clock_ns() - start) / (double)rows;
        if (run + 1 < RUNS)
            sheaf_table_start(table, 0);
    }
    report(what, ns);
    sheaf_table_close(table);
}

static void measure_known(const struct input *input, size_t distinct, size_t rows)
{
    struct extent *states = calloc(distinct, sizeof *states);
    uint32_t *key = malloc(rows * sizeof *key);
    double ns[RUNS];

    for (size_t row = 0; row < rows; row++)
        key[row] = (uint32_t)(random_next() % distinct);
    for (int run = 0; run < RUNS; run++) {
        int64_t start = sheaf_clock_ns();

        for (size_t first = 0; first < rows; first += SHEAF_BATCH_ROWS) {
            sheaf_column value = {.type = SHEAF_I64, .i64 = input->values + first};
            sheaf_batch batch = {.rows = SHEAF_BATCH_ROWS, .columns = &value};

            extent_fold_keyed(states, sizeof *states, key + first, &batch);
        }
        ns[run] = (double)(sheaf_clock_ns() - start) / (double)rows;
    }
    report("   aggregates alone, keys known", ns);
    free(states);
    free(key);
}

/* 64 shards with the same keys, glued partition by partition, answered and merged. */
static void measure_gluing(const struct input *input, size_t rows)
{
    enum { SHARDS = 16, RANGES = 16 };
    struct sheaf_table *table = open_table(input, &keyed);
    struct sheaf_string pieces[RANGES] = {{0}}, flat = {0};
    const void *bytes[RANGES];
    size_t size, sizes[RANGES], keys = 0;
    void *published;
    int64_t start, glued, answered, merged;
    sheaf_error error;

    fold_all(table, input, rows);
    size = sheaf_table_measure(table);
    published = aligned_alloc(64, (size + 63) / 64 * 64);
    sheaf_table_publish(table, published);
    glued = answered = 0;
    for (unsigned range = 0; range < RANGES; range++) {
        start = sheaf_clock_ns();
        sheaf_table_start(table, 0);
        for (int shard = 0; shard < SHARDS; shard++)
            if (sheaf_table_glue(table, published, size, range * 4, range * 4 + 4, &error))
                die(&error);
        glued += sheaf_clock_ns() - start;
        start = sheaf_clock_ns();
        if (sheaf_table_answer(table, &pieces[range], &error) != SHEAF_OK)
            die(&error);
        answered += sheaf_clock_ns() - start;
        bytes[range] = pieces[range].bytes;
        sizes[range] = pieces[range].size;
    }
    start = sheaf_clock_ns();
    if (sheaf_flat_merge(bytes, sizes, RANGES, SIZE_MAX, &flat, &error) != SHEAF_OK)
        die(&error);
    merged = sheaf_clock_ns() - start;
    sheaf_column *columns;
    size_t count;
    if (sheaf_flat_view(flat.bytes, flat.size, &columns, &count, &keys, &error) != SHEAF_OK)
        die(&error);
    printf("%zu keys: gluing %.1f ns/entry, answering %.1f ns/key, merging %.1f ns/key\n", keys,
           (double)glued / (double)(keys * SHARDS), (double)answered / (double)keys,
           (double)merged / (double)keys);
    free(columns);
    for (int range = 0; range < RANGES; range++)
        sheaf_string_free(&pieces[range]);
    sheaf_string_free(&flat);
    free(published);
    sheaf_table_close(table);
}

static void measure_shape(struct input *input, size_t rows, size_t distinct)
{
    static sheaf_operator by_fold;
    char what[80];

    by_fold = keyed;
    by_fold.fold_keyed = NULL;
    input->keys = 1;
    input->kinds[0].type = SHEAF_TEXT;
    fill(input, rows, distinct, 5, 25, 1);
    snprintf(what, sizeof what, "%zu texts of 5 to 25 bytes", distinct);
    measure(what, input, &keyed, rows);
    snprintf(what, sizeof what, "%zu texts of 5 to 25 bytes, fold alone", distinct);
    measure(what, input, &by_fold, rows);
    fill(input, rows, distinct, 5, 5, 1);
    input->keys = 2;
    input->kinds[1].type = SHEAF_TEXT;
    snprintf(what, sizeof what, "2 columns of %zu texts of 5 bytes", distinct);
    if (distinct < 1000)
        measure(what, input, &keyed, rows);
    input->keys = 1;
    input->kinds[0].type = SHEAF_I64;
    snprintf(what, sizeof what, "%zu integers close together", distinct);
    measure(what, input, &keyed, rows);
    fill(input, rows, distinct, 5, 5, 1000003);
    snprintf(what, sizeof what, "%zu integers far apart", distinct);
    measure(what, input, &keyed, rows);
    measure_known(input, distinct, rows);
}

int main(int count, char **arguments)
{
    size_t rows = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000000;
    struct input input = {0};

    rows = (rows + SHEAF_BATCH_ROWS - 1) / SHEAF_BATCH_ROWS * SHEAF_BATCH_ROWS;
    for (size_t i = 0; i < 2; i++)
        input.text[i] = calloc(rows, sizeof *input.text[i]);
    input.number = calloc(rows, sizeof *input.number);
    input.values = calloc(rows, sizeof *input.values);
    input.bytes = calloc(rows, 80);
    measure_shape(&input, TABLE_ROWS < rows ? TABLE_ROWS : rows, 413);
    measure_shape(&input, rows, 100000);
    input.kinds[0].type = SHEAF_TEXT;
    fill(&input, rows, 100000, 12, 12, 1);
    measure_gluing(&input, rows);
    return 0;
}
