/*
 * index.c - how fast are bytes turned into records and fields, by each instruction set?
 *
 *     bench_index [--runs N] [FILE]
 *
 * Without a file, four texts of 16 MiB are made: numbers, numbers with CRLF, a
 * fifth of the fields quoted, long quoted text.  Each is lexed in batches of 4096 records, all
 * positions written, beside what anyone would try first: memchr for newlines, and libcsv.
 * Printed: median GB/s of the runs, and how far they spread.
 */
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "input/lexer.h"

#define TEXT_BYTES ((size_t)16 << 20)
#define MOST_RUNS  101

struct text {
    const char *name;
    char *bytes;
    size_t size;
};

static unsigned long long state = 1;

static unsigned random_below(unsigned limit)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((state >> 33) % limit);
}

static size_t put_field(char *to, size_t room, int style)
{
    int size;

    if (style == 3)
        size = snprintf(to, room, "\"%.*s\nsaid \"\"no\"\", %u\"", (int)random_below(150),
                        "It was the best of times, it was the worst of times, it was the age of "
                        "wisdom, it was the age of foolishness, it was the epoch of belief, it was",
                        random_below(1000));
    else if (style == 2 && random_below(5) == 0)
        size = snprintf(to, room, "\"a, %u\"", random_below(100000));
    else
        size = snprintf(to, room, "%u.%02u", random_below(100000), random_below(100));
    return (size_t)size;
}

static struct text make_text(const char *name, int style)
{
    struct text text = {.name = name, .bytes = malloc(TEXT_BYTES + 4096)};

    while (text.bytes && text.size < TEXT_BYTES) {
        for (int c = 0; c < 5; c++) {
            text.size += put_field(text.bytes + text.size, 400, style);
            text.bytes[text.size++] = ',';
        }
        text.size--;
        if (style == 1)
            text.bytes[text.size++] = '\r';
        text.bytes[text.size++] = '\n';
    }
    return text;
}

static struct text read_text(const char *path)
{
    struct text text = {.name = path};
    FILE *file = fopen(path, "rb");

    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    text.size = (size_t)ftell(file);
    rewind(file);
    text.bytes = malloc(text.size + 1);
    if (!text.bytes || fread(text.bytes, 1, text.size, file) != text.size) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return text;
}

static uint64_t lex(const struct text *text, int isa)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    struct sheaf_lexer lexer;
    struct sheaf_records records;
    uint64_t fields = 0;
    sheaf_error error = {0};

    dialect.reading = SHEAF_LENIENT;
    if (sheaf_lexer_init(&lexer, &dialect, &error) != SHEAF_OK)
        exit(6);
    lexer.kernel = sheaf_index_kernel_of((enum sheaf_isa)isa);
    sheaf_lexer_start(&lexer, text->bytes, text->size, text->size, true);
    do {
        if (sheaf_lexer_next(&lexer, SHEAF_BATCH_ROWS, &records, &error) != SHEAF_OK)
            exit(5);
        if (records.count > 0)
            fields += records.first[records.count - 1] + records.fields[records.count - 1];
    } while (records.count > 0);
    sheaf_lexer_destroy(&lexer);
    return fields;
}

static uint64_t find_newlines(const struct text *text, int unused)
{
    const char *at = text->bytes, *end = at + text->size;
    uint64_t lines = 0;

    (void)unused;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines++;
        at++;
    }
    return lines;
}

static void count_field(void *value, size_t size, void *data)
{
    (void)value;
    (void)size;
    ++*(uint64_t *)data;
}

static uint64_t ask_libcsv(const struct text *text, int unused)
{
    struct csv_parser parser;
    uint64_t fields = 0;

    (void)unused;
    csv_init(&parser, 0);
    csv_parse(&parser, text->bytes, text->size, count_field, NULL, &fields);
    csv_fini(&parser, count_field, NULL, &fields);
    csv_free(&parser);
    return fields;
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure(const char *name, uint64_t (*work)(const struct text *, int), int isa,
                    const struct text *text, int runs)
{
    double seconds[MOST_RUNS];
    uint64_t found = 0;

    for (int run = 0; run < runs; run++) {
        double begin = sheaf_clock_s();
        found = work(text, isa);
        seconds[run] = sheaf_clock_s() - begin;
    }
    qsort(seconds, (size_t)runs, sizeof seconds[0], compare_seconds);
    double median = seconds[runs / 2], size = (double)text->size / 1e9;
    printf("%-28s %-10s %7.2f GB/s  (%.2f to %.2f)  %llu found\n", text->name, name, size / median,
           size / seconds[runs - 1], size / seconds[0], (unsigned long long)found);
}

int main(int argc, char **argv)
{
    struct text texts[4];
    int count = 0, runs = 9;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            runs = atoi(argv[++i]);
        else if (count < 4)
            texts[count++] = read_text(argv[i]);
    }
    runs = runs < 1 ? 1 : runs > MOST_RUNS ? MOST_RUNS : runs;
    if (count == 0) {
        static const char *const names[] = {"numbers", "numbers, CRLF", "a fifth quoted",
                                            "long quoted text"};
        for (; count < 4; count++)
            texts[count] = make_text(names[count], count);
    }
    for (int i = 0; i < count; i++) {
        for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
            if (sheaf_cpu_isa_runs((enum sheaf_isa)isa))
                measure(sheaf_cpu_isa_name((enum sheaf_isa)isa), lex, isa, &texts[i], runs);
        measure("memchr", find_newlines, 0, &texts[i], runs);
        measure("libcsv", ask_libcsv, 0, &texts[i], runs);
        free(texts[i].bytes);
    }
    return 0;
}
