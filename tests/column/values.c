/* values.c - every line of docs/values.md holds; types are found in any order; bitmaps and dates */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column/calendar.h"
#include "column/evidence.h"
#include "column/format.h"
#include "column/parse.h"
#include "column/schema.h"
#include "unit.h"

enum { VALUES_MAX = 16, GUARD = 64 };

/* -- the page ---------------------------------------------------------------------------------- */

static void complain(const char *line, const char *got)
{
    printf("\ndocs/values.md: %s: got \"%s\"\n", line, got);
    CU_FAIL("a line of docs/values.md does not hold");
}

/* The text of one field, read as a column of one row. */
static bool read_as_column(sheaf_kind kind, const char *text, size_t size, void *value)
{
    char padded[512];
    uint32_t begin = GUARD, end = GUARD + (uint32_t)size;
    uint64_t present = 0, odd = 0;
    size_t odds = 0;

    memset(padded, ',', sizeof padded);
    memcpy(padded + GUARD, text, size);
    switch (kind.type) {
    case SHEAF_I64:
        odds = sheaf_parse_i64(padded, &begin, &end, 1, value, &present, &odd);
        break;
    case SHEAF_F64:
        odds = sheaf_parse_f64(padded, &begin, &end, 1, value, &present, &odd);
        break;
    case SHEAF_DECIMAL:
        odds = sheaf_parse_decimal(padded, &begin, &end, 1, kind.scale, value, &present, &odd);
        break;
    case SHEAF_BOOL:
        odds = sheaf_parse_bool(padded, &begin, &end, 1, value, &present, &odd);
        break;
    case SHEAF_DATE:
        odds = sheaf_parse_date(padded, &begin, &end, 1, value, &present, &odd);
        break;
    case SHEAF_TIME:
        odds = sheaf_parse_time(padded, &begin, &end, 1, kind.scale == 1, value, &present, &odd);
        break;
    default:
        return sheaf_parse_value(kind, text, size, value);
    }
    CU_ASSERT_EQUAL(present, odds == 0);
    CU_ASSERT_EQUAL(odd, odds);
    return present == 1;
}

/* "type | text | printed" */
static void check_reading(char *line)
{
    char whole[512], printed[SHEAF_FORMAT_MAX + 64];
    char *text = strstr(line, " | "), *wanted;
    union {
        int64_t i64;
        double f64;
        sheaf_text text;
    } once = {0}, again = {0};
    struct sheaf_string out = {0};
    sheaf_kind kind;

    snprintf(whole, sizeof whole, "%s", line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    *text = '\0';
    text += 3;
    CU_ASSERT_EQUAL_FATAL(sheaf_kind_parse(line, strlen(line), &kind, NULL), SHEAF_OK);
    wanted = strstr(text, " |");
    CU_ASSERT_PTR_NOT_NULL_FATAL(wanted);
    *wanted = '\0';
    wanted += wanted[2] ? 3 : 2;

    bool good = read_as_column(kind, text, strlen(text), &once);
    CU_ASSERT_EQUAL(sheaf_parse_value(kind, text, strlen(text), &again), good);
    if (good) {
        sheaf_column column = {.type = kind.type, .scale = kind.scale, .values = &once};
        CU_ASSERT(kind.type == SHEAF_TEXT || memcmp(&once, &again, sizeof once) == 0);
        sheaf_format_append(&out, &column, 0);
        snprintf(printed, sizeof printed, "%s", out.bytes ? out.bytes : "");
    }
    if (strcmp(good ? printed : "no", wanted) != 0)
        complain(whole, good ? printed : "no");
    sheaf_string_free(&out);
}

static void print_kind(sheaf_kind kind, char *text, size_t size)
{
    struct sheaf_string words = {0};

    sheaf_kind_print(kind, &words);
    snprintf(text, size, "%s", words.bytes);
    sheaf_string_free(&words);
}

/* "value value value | type": in both directions, each alone and joined in both orders, and then
 * all values must be values of the type. */
static void check_inference(char *line)
{
    char whole[512], found[64];
    char *values[VALUES_MAX], *wanted = strstr(line, " | ");
    struct sheaf_evidence forward = {0}, backward = {0}, left = {0}, right = {0}, column = {0};
    uint32_t begin[VALUES_MAX], end[VALUES_MAX], size = GUARD;
    char padded[1024] = "";
    sheaf_kind kinds[5];
    int count = 0;

    snprintf(whole, sizeof whole, "%s", line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wanted);
    *wanted = '\0';
    wanted += 3;
    for (char *value = strtok(line, " "); value; value = strtok(NULL, " "))
        values[count++] = value;
    for (int i = 0; i < count; i++) {
        struct sheaf_evidence one = {0};
        begin[i] = size;
        memcpy(padded + size, values[i], strlen(values[i]));
        end[i] = size += (uint32_t)strlen(values[i]);
        padded[size++] = ',';
        sheaf_evidence_add(&forward, values[i], strlen(values[i]), false);
        sheaf_evidence_add(&backward, values[count - 1 - i], strlen(values[count - 1 - i]), true);
        sheaf_evidence_add(&one, values[i], strlen(values[i]), false);
        sheaf_evidence_join(&left, &one);
        sheaf_evidence_join(&one, &right);
        right = one;
    }
    kinds[0] = sheaf_evidence_kind(&forward);
    kinds[1] = sheaf_evidence_kind(&backward);
    kinds[2] = sheaf_evidence_kind(&left);
    kinds[3] = sheaf_evidence_kind(&right);
    sheaf_evidence_add_fields(&column, padded, begin, end, (size_t)count);
    kinds[4] = sheaf_evidence_kind(&column);
    for (int i = 0; i < 5; i++) {
        print_kind(kinds[i], found, sizeof found);
        if (strcmp(found, wanted) != 0)
            complain(whole, found);
    }
    CU_ASSERT_EQUAL(left.values, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        char value[64];
        CU_ASSERT(sheaf_parse_value(kinds[0], values[i], strlen(values[i]), value));
    }
}

static void every_line_of_the_page_holds(void)
{
    FILE *page = fopen(SHEAF_VALUES_PAGE, "r");
    char line[512];
    void (*check)(char *) = NULL;
    int lines = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(page);
    while (fgets(line, sizeof line, page)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "```read") == 0) {
            check = check_reading;
        } else if (strcmp(line, "```infer") == 0) {
            check = check_inference;
        } else if (strncmp(line, "```", 3) == 0) {
            check = NULL;
        } else if (check) {
            check(line);
            lines++;
        }
    }
    fclose(page);
    CU_ASSERT(lines > 140);
}

/* -- finding types ------------------------------------------------------------------------------
 */

static const char *random_value(struct unit_random *random, char *text)
{
    static const char *const some[] = {"1",
                                       "-5",
                                       "0.5",
                                       "12.25",
                                       "1e5",
                                       "true",
                                       "2024-01-31",
                                       "x",
                                       "007",
                                       "9223372036854775807",
                                       "123456789.123456789",
                                       "2024-01-31T10:00",
                                       "2024-01-31T10:00Z",
                                       "0.1234567890123456",
                                       "9007199254740993",
                                       ""};
    unsigned kind = unit_random_below(random, 40);

    if (kind < 16)
        return some[kind];
    sprintf(text, "%.*f", (int)unit_random_below(random, 6),
            (double)(int)unit_random_below(random, 2000000) / 256);
    return text;
}

static void evidence_joins_in_any_order(void)
{
    struct unit_random random = {1};

    for (int round = 0; round < 5000; round++) {
        struct sheaf_evidence parts[5], all = {0}, forward = {0}, tree = {0}, backward = {0};
        char text[64];
        memset(parts, 0, sizeof parts);
        unsigned values = unit_random_below(&random, 12);
        for (unsigned i = 0; i < values; i++) {
            const char *value = random_value(&random, text);
            sheaf_evidence_add(&parts[unit_random_below(&random, 5)], value, strlen(value), false);
            sheaf_evidence_add(&all, value, strlen(value), false);
        }
        for (int i = 0; i < 5; i++) {
            sheaf_evidence_join(&forward, &parts[i]);
            sheaf_evidence_join(&backward, &parts[4 - i]);
        }
        sheaf_evidence_join(&parts[0], &parts[1]);
        sheaf_evidence_join(&parts[2], &parts[3]);
        sheaf_evidence_join(&tree, &parts[4]);
        sheaf_evidence_join(&tree, &parts[2]);
        sheaf_evidence_join(&tree, &parts[0]);
        CU_ASSERT_EQUAL(memcmp(&forward, &backward, sizeof forward), 0);
        CU_ASSERT_EQUAL(memcmp(&forward, &tree, sizeof forward), 0);
        sheaf_kind one = sheaf_evidence_kind(&all), other = sheaf_evidence_kind(&forward);
        CU_ASSERT_EQUAL(one.type, other.type);
        CU_ASSERT_EQUAL(one.scale, other.scale);
        CU_ASSERT_EQUAL(all.values, forward.values);
    }
}

/* Columns of numbers with a stranger here and there; both ways must find the same, as must both
 * instruction sets, for the loops are their own judges of what a plain number is. */
static void evidence_of_columns_is_that_of_their_values(void)
{
    enum { ROWS = 150 };
    static char bytes[ROWS * 64 + 2 * GUARD];
    uint32_t begin[ROWS], end[ROWS];
    struct unit_random random = {4};

    for (int round = 0; round < 2000; round++) {
        struct sheaf_evidence one = {0}, all = {0};
        uint32_t size = GUARD;
        unsigned digits = unit_random_below(&random, 12), places = unit_random_below(&random, 6);
        for (int i = 0; i < ROWS; i++) {
            char text[64] = "";
            const char *value = text;
            if (unit_random_below(&random, 100) == 0 && round % 2)
                value = random_value(&random, text);
            else if (unit_random_below(&random, 10))
                sprintf(text, "%.*f", (int)places,
                        (double)(long long)(unit_random_next(&random) >> (20 + 3 * digits)) / 64);
            begin[i] = size;
            memcpy(bytes + size, value, strlen(value));
            end[i] = size += (uint32_t)strlen(value);
            bytes[size++] = ',';
            if (*value)
                sheaf_evidence_add(&one, value, strlen(value), false);
            else
                one.missing++;
        }
        sheaf_evidence_add_fields(&all, bytes, begin, end, ROWS);
        sheaf_kind kind = sheaf_evidence_kind(&one), other = sheaf_evidence_kind(&all);
        CU_ASSERT_EQUAL(kind.type, other.type);
        CU_ASSERT_EQUAL(kind.scale, other.scale);
        CU_ASSERT_EQUAL(one.values, all.values);
        CU_ASSERT_EQUAL(one.missing, all.missing);
        CU_ASSERT(kind.type == SHEAF_TEXT || memcmp(&one, &all, sizeof one) == 0);
    }
}

static void column_without_values_is_text(void)
{
    struct sheaf_evidence evidence = {.missing = 5};

    CU_ASSERT_EQUAL(sheaf_evidence_kind(&evidence).type, SHEAF_TEXT);
    sheaf_evidence_add(&evidence, "", 0, true); /* a quoted empty field */
    CU_ASSERT_EQUAL(sheaf_evidence_kind(&evidence).type, SHEAF_TEXT);
    struct sheaf_evidence number = {0};
    sheaf_evidence_add(&number, "1", 1, false);
    sheaf_evidence_join(&number, &(struct sheaf_evidence){.missing = 3});
    CU_ASSERT_EQUAL(sheaf_evidence_kind(&number).type, SHEAF_I64);
    CU_ASSERT_EQUAL(number.missing, 3);
}

/* -- dates
 * ----------------------------------------------------------------------------------------- */

static void every_day_of_ten_thousand_years_goes_there_and_back(void)
{
    int64_t expected = sheaf_days_from_civil(1, 1, 1);
    char text[SHEAF_FORMAT_MAX];
    bool right = true;

    CU_ASSERT_EQUAL(sheaf_days_from_civil(1970, 1, 1), 0);
    CU_ASSERT_EQUAL(sheaf_days_from_civil(2000, 3, 1), 11017);
    CU_ASSERT_EQUAL(expected, -719162);
    for (int64_t year = 1; year <= 9999; year++)
        for (int32_t month = 1; month <= 12; month++)
            for (int32_t day = 1; day <= sheaf_month_days(year, month); day++, expected++) {
                int32_t days = (int32_t)sheaf_days_from_civil(year, month, day), read;
                struct sheaf_civil date = sheaf_civil_from_days(days);
                right &=
                    days == expected && date.year == year && date.month == month && date.day == day;
                if (day % 9 == 1) {
                    size_t size = sheaf_format_value((sheaf_kind){SHEAF_DATE, 0}, &days, text);
                    right &= sheaf_parse_value((sheaf_kind){SHEAF_DATE, 0}, text, size, &read) &&
                             read == days;
                }
            }
    CU_ASSERT(right);
}

static void times_read_back_as_themselves(void)
{
    struct unit_random random = {2};
    char text[SHEAF_FORMAT_MAX];

    for (int i = 0; i < 50000; i++) {
        sheaf_kind kind = {SHEAF_TIME, i % 2};
        int64_t time =
                    (int64_t)(unit_random_next(&random) % 200000000000000000u) - 60000000000000000,
                again;
        if (i % 3 == 0)
            time -= time % 1000000;
        size_t size = sheaf_format_value(kind, &time, text);
        CU_ASSERT(sheaf_parse_value(kind, text, size, &again));
        CU_ASSERT_EQUAL(again, time);
    }
    /* What no text can say is still printed. */
    for (int i = 0; i < 2; i++) {
        int64_t time = i ? INT64_MIN : INT64_MAX;
        CU_ASSERT(sheaf_format_value((sheaf_kind){SHEAF_TIME, 1}, &time, text) < SHEAF_FORMAT_MAX);
    }
}

/* Every text cut short or with one byte changed: nothing is read beside it, nothing crashes, and
 * what is read prints as a value. */
static void damaged_times_are_refused_or_read_whole(void)
{
    static const char whole[] = "2024-01-31T10:20:30.123456+01:30";
    struct unit_random random = {3};
    char printed[SHEAF_FORMAT_MAX];

    for (int i = 0; i < 20000; i++) {
        size_t size = unit_random_below(&random, sizeof whole);
        char *text = malloc(size ? size : 1); /* so that a sanitizer sees one byte too far */
        int64_t time = 0;
        int32_t date = 0;
        memcpy(text, whole, size);
        if (size > 0 && i % 2)
            text[unit_random_below(&random, (unsigned)size)] = (char)unit_random_next(&random);
        for (int zoned = 0; zoned < 2; zoned++)
            if (sheaf_parse_value((sheaf_kind){SHEAF_TIME, zoned}, text, size, &time))
                CU_ASSERT(sheaf_format_value((sheaf_kind){SHEAF_TIME, zoned}, &time, printed) >=
                          19);
        sheaf_parse_value((sheaf_kind){SHEAF_DATE, 0}, text, size, &date);
        for (int type = SHEAF_BOOL; type <= SHEAF_TEXT; type++) {
            char value[32];
            sheaf_parse_value((sheaf_kind){(sheaf_type)type, 3}, text, size, value);
        }
        struct sheaf_evidence evidence = {0};
        sheaf_evidence_add(&evidence, text, size, false);
        free(text);
    }
}

/* -- UTF-8
 * -------------------------------------------------------------------------------------------- */

static void utf8_is_checked_to_the_letter(void)
{
    static const struct {
        const char *bytes;
        size_t valid;
    } cases[] = {{"", 0},
                 {"abc", 3},
                 {"\xC3\xA9", 2},
                 {"a\xC3", 1},
                 {"\xC0\x80", 0},
                 {"\xC1\xBF", 0},
                 {"\xE0\x80\x80", 0},
                 {"\xE0\xA0\x80", 3},
                 {"\xED\x9F\xBF", 3},
                 {"\xED\xA0\x80", 0},
                 {"\xEF\xBF\xBF", 3},
                 {"\xF0\x80\x80\x80", 0},
                 {"\xF0\x90\x80\x80", 4},
                 {"\xF4\x8F\xBF\xBF", 4},
                 {"\xF4\x90\x80\x80", 0},
                 {"\xF5\x80\x80\x80", 0},
                 {"\x80", 0},
                 {"ab\xFF", 2},
                 {"\xE2\x82", 0},
                 {"x\xE2\x82\xAC", 4},
                 {"0123456789012345678901234567890123456789\xC3\xA9-", 43},
                 {"01234567890123456789012345678901234567\xFF-", 38},
                 {"0123456\xFF", 7},
                 {"01234567\xE9", 8}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_EQUAL(sheaf_utf8_valid(cases[i].bytes, strlen(cases[i].bytes)), cases[i].valid);
}

/* Pieces of any length at the end of their memory; one byte of some is another. */
static void long_texts_are_utf8_where_all_their_characters_are(void)
{
    static const char *const characters[] = {"a",      "\xC3\xA9",         "\xE2\x82\xAC",
                                             "\0bcde", "\xF0\x9F\x8C\xBE", "\xED\x9F\xBF"};
    static const size_t sizes[] = {1, 2, 3, 5, 4, 3};
    struct unit_random random = {8};

    for (int round = 0; round < 20000; round++) {
        size_t wanted = unit_random_below(&random, 200), size = 0;
        char text[256];
        while (size < wanted) {
            size_t which = unit_random_below(&random, round % 2 ? 6 : 2);
            memcpy(text + size, characters[which], sizes[which]);
            size += sizes[which];
        }
        if (round % 3 == 0 && size > 0)
            text[unit_random_below(&random, (unsigned)size)] =
                (char)(unit_random_below(&random, 4) ? 0x80 + unit_random_below(&random, 128)
                                                     : 'x');
        if (round % 5 == 0 && size > 0)
            size -= 1;
        char *exact = malloc(size ? size : 1);
        memcpy(exact, text, size);
        CU_ASSERT_EQUAL(sheaf_utf8_is_valid(exact, size), sheaf_utf8_valid(exact, size) == size);
        free(exact);
    }
}

static void every_character_of_unicode_is_utf8_and_nothing_else(void)
{
    for (uint32_t code = 0; code < 0x110000; code++) {
        char bytes[4];
        size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        if (size == 1)
            bytes[0] = (char)code;
        for (size_t i = size; size > 1 && i-- > 1;)
            bytes[i] = (char)(0x80 | (code >> 6 * (size - 1 - i) & 0x3F));
        if (size > 1)
            bytes[0] = (char)((0xF00 >> size & 0xF0) | code >> 6 * (size - 1));
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        if (sheaf_utf8_valid(bytes, size) != (surrogate ? 0 : size))
            CU_FAIL_FATAL("a character was misjudged");
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(every_line_of_the_page_holds),
        UNIT(evidence_joins_in_any_order),
        UNIT(evidence_of_columns_is_that_of_their_values),
        UNIT(column_without_values_is_text),
        UNIT(every_day_of_ten_thousand_years_goes_there_and_back),
        UNIT(times_read_back_as_themselves),
        UNIT(damaged_times_are_refused_or_read_whole),
        UNIT(utf8_is_checked_to_the_letter),
        UNIT(long_texts_are_utf8_where_all_their_characters_are),
        UNIT(every_character_of_unicode_is_utf8_and_nothing_else),
        {0},
    };

    return unit_run("values", tests);
}
