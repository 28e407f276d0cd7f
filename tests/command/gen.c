/* gen.c - made-up data is the same however it is cut, and has the shape that it should */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "gen_buffer.h"
#include "gen_random.h"
#include "unit.h"

static struct gen_buffer make(const char *name, uint64_t seed, uint64_t first, size_t rows)
{
    struct gen_buffer out = {0};

    sheaf_gen_find(name)->block(seed, first, rows, &out);
    CU_ASSERT(!out.failed);
    return out;
}

static void rows_do_not_depend_on_the_blocks(void)
{
    static const size_t sizes[] = {1, 7, 64, 1000};

    for (const struct gen_dataset *dataset = sheaf_gen_datasets; dataset->name; dataset++) {
        struct gen_buffer whole = make(dataset->name, 42, 5, 1000);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct gen_buffer parts = {0};
            for (size_t row = 0; row < 1000; row += sizes[i])
                dataset->block(42, 5 + row, 1000 - row < sizes[i] ? 1000 - row : sizes[i], &parts);
            CU_ASSERT_EQUAL(parts.size, whole.size);
            CU_ASSERT(memcmp(parts.bytes, whole.bytes, whole.size) == 0);
            gen_buffer_free(&parts);
        }
        struct gen_buffer other = make(dataset->name, 43, 5, 1000);
        CU_ASSERT(other.size != whole.size || memcmp(other.bytes, whole.bytes, whole.size) != 0);
        gen_buffer_free(&other);
        gen_buffer_free(&whole);
    }
}

/* The bytes are a promise: a hash of the first rows of each.  FNV-1a. */
static uint64_t hash_of(const struct gen_buffer *text)
{
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < text->size; i++)
        hash = (hash ^ (unsigned char)text->bytes[i]) * 0x100000001B3u;
    return hash;
}

static void bytes_are_those_of_every_other_machine(void)
{
    static const struct {
        const char *name;
        uint64_t hash;
    } known[] = {
        {"1brc", 0xE17D043B1EA0E646u},  {"h2o", 0xB48D569785EEA82Cu},
        {"taxi", 0xCE00EA4E5A708BB5u},  {"numbers", 0x1C9080C60496988Du},
        {"nasty", 0x4ADCDC752ACFF424u},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct gen_buffer text = make(known[i].name, 1, 0, 20000);
        if (hash_of(&text) != known[i].hash)
            printf("\n{\"%s\", 0x%016llX},\n", known[i].name, (unsigned long long)hash_of(&text));
        CU_ASSERT_EQUAL(hash_of(&text), known[i].hash);
        gen_buffer_free(&text);
    }
}

static void normal_numbers_are_normal(void)
{
    enum { MANY = 1000000 };
    double sum = 0, squares = 0, fourths = 0, inside = 0;

    for (uint64_t row = 0; row < MANY; row++) {
        struct gen_draws draws = gen_draws_of(9, row);
        double z = (double)gen_normal(gen_draw(&draws)) / (double)GEN_NORMAL_ONE;
        sum += z;
        squares += z * z;
        fourths += z * z * z * z;
        inside += fabs(z) < 1;
    }
    /* Four standard errors each. */
    CU_ASSERT(fabs(sum / MANY) < 0.004);
    CU_ASSERT(fabs(squares / MANY - 1) < 0.006);
    CU_ASSERT(fabs(fourths / MANY - 3) < 0.04);
    CU_ASSERT(fabs(inside / MANY - 0.682689) < 0.002);
}

static void brc_has_its_stations_and_one_decimal(void)
{
    enum { ROWS = 200000, MOST = 500 };
    static char names[MOST][32];
    static int counts[MOST];
    struct gen_buffer text = make("1brc", 3, 0, ROWS);
    int stations = 0, rows = 0, odd = 0;

    for (char *line = text.bytes, *end = text.bytes + text.size; line < end; rows++) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        char *semicolon = memchr(line, ';', (size_t)(next - line));
        *next = *semicolon = '\0';
        size_t size = strlen(line);
        char *rest;
        double t = strtod(semicolon + 1, &rest);
        odd += size < 3 || size > 26 || *rest || next[-2] != '.' || t < -99.9 || t > 99.9;
        int i = 0;
        while (i < stations && strcmp(names[i], line) != 0)
            i++;
        if (i == stations && stations < MOST)
            strcpy(names[stations++], line);
        counts[i]++;
        line = next + 1;
    }
    CU_ASSERT_EQUAL(rows, ROWS);
    CU_ASSERT_EQUAL(odd, 0);
    CU_ASSERT_EQUAL(stations, 413);
    for (int i = 0; i < stations; i++) /* 484 each, less or more by six deviations */
        CU_ASSERT(counts[i] > 484 - 132 && counts[i] < 484 + 132);
    gen_buffer_free(&text);
}

/* Fields of a line of text, quotes respected. */
static int count_fields(const char *line, const char *end)
{
    int fields = 1;
    bool quoted = false;

    for (; line < end; line++) {
        quoted ^= *line == '"';
        fields += *line == ',' && !quoted;
    }
    return fields;
}

static void rows_have_all_their_fields(void)
{
    static const struct {
        const char *name;
        int fields;
    } tables[] = {{"h2o", 9}, {"numbers", 20}, {"taxi", 19}};

    for (size_t i = 0; i < 3; i++) {
        const struct gen_dataset *dataset = sheaf_gen_find(tables[i].name);
        struct gen_buffer text = make(tables[i].name, 1, 0, 5000);
        const char *line = text.bytes, *end = text.bytes + text.size;
        size_t rows = 0;
        CU_ASSERT_EQUAL(count_fields(dataset->header, dataset->header + strlen(dataset->header)),
                        tables[i].fields);
        while (line < end) {
            const char *next = line;
            for (bool quoted = false; *next != '\n' || quoted; next++)
                quoted ^= *next == '"';
            CU_ASSERT_EQUAL(count_fields(line, next), tables[i].fields);
            line = next + 1;
            rows++;
        }
        CU_ASSERT_EQUAL(rows, 5000);
        gen_buffer_free(&text);
    }
}

static void nasty_has_every_oddity(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } wanted[] = {{"\r\n", 2},
                  {"\r1", 2},
                  {"\n\n", 2},
                  {"\"\"", 2},
                  {"\0", 1},
                  {"5\" p", 4},
                  {"d\" t", 4},
                  {"\xF0\x9F\x8E\xB2", 4},
                  {"long \"\"field", 12}};
    struct gen_buffer text = make("nasty", 1, 0, 20000);

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        CU_ASSERT(memmem(text.bytes, text.size, wanted[i].bytes, wanted[i].size) != NULL);
    gen_buffer_free(&text);
}

static void unknown_dataset_is_none(void)
{
    CU_ASSERT(sheaf_gen_find("2brc") == NULL);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(rows_do_not_depend_on_the_blocks), UNIT(bytes_are_those_of_every_other_machine),
        UNIT(normal_numbers_are_normal),        UNIT(brc_has_its_stations_and_one_decimal),
        UNIT(rows_have_all_their_fields),       UNIT(nasty_has_every_oddity),
        UNIT(unknown_dataset_is_none),          {0},
    };
    return unit_run("gen", tests);
}
