/* reader.c - delimited text into typed batches: every kind, every oddity, every policy */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"
#include "unit.h"

static sheaf_dataset_options comma(void)
{
    sheaf_dataset_options options = reading_options();

    options.delimiter = ',' + 1;
    options.header = true;
    return options;
}

static sheaf_dataset_options with_schema(const char *schema)
{
    sheaf_dataset_options options = comma();

    options.schema = schema;
    return options;
}

static bool is(const char *text, const sheaf_dataset_options *options, const char *schema,
               const char *rows)
{
    return reading_is(reading_text("t.csv", text), options, schema, rows);
}

/* -- kinds ----------------------------------------------------------------------------------- */

static void every_kind_is_read(void)
{
    sheaf_dataset_options options = comma();
    const char *schema = "b:bool,i:i64,x:f64,m:decimal(2),d:date,t:time,z:time(utc),s:text";

    options.schema = schema;
    CU_ASSERT(is("b,i,x,m,d,t,z,s\n"
                 "true,-12,1.5,10.25,2024-02-29,2024-01-31T10:00:00,2024-01-31T10:00:00Z,abc\n"
                 "f,7,-2e3,-1,1969-12-31,2024-01-31 10:00:00.5,2024-01-31T10:00:00+01:00,\"x,y\"\n"
                 ",,,,,,,\n",
                 &options, schema,
                 "true,-12,1.5,10.25,2024-02-29,2024-01-31T10:00:00,2024-01-31T10:00:00Z,abc\n"
                 "false,7,-2000,-1.00,1969-12-31,2024-01-31T10:00:00.5,2024-01-31T09:00:00Z,x,y\n"
                 "-,-,-,-,-,-,-,-\n"));
}

static void kinds_are_found(void)
{
    sheaf_dataset_options options = comma();

    CU_ASSERT(is("b,i,m,d,s,e\ntrue,1,1.5,2024-01-01,x,\nfalse,,2,2024-01-02,007,\n", &options,
                 "b:bool,i:i64,m:decimal(1),d:date,s:text,e:text",
                 "true,1,1.5,2024-01-01,x,-\nfalse,-,2.0,2024-01-02,007,-\n"));
}

static void a_schema_may_name_some_columns(void)
{
    sheaf_dataset_options options = with_schema("x:f64");

    CU_ASSERT(is("id,x\n1,2\n", &options, "id:i64,x:f64", "1,2\n"));
    options.schema = "nope:f64";
    CU_ASSERT(reading_fails(reading_text("t.csv", "id,x\n1,2\n"), &options, 0, "not a column"));
    options.schema = "x:u8";
    CU_ASSERT(reading_fails(reading_text("t.csv", "id,x\n1,2\n"), &options, 0, "binary"));
    options.schema = "x:decimal";
    CU_ASSERT(is("id,x\n1,2\n3,4.25\n", &options, "id:i64,x:decimal(2)", "1,2.00\n3,4.25\n"));
    options.schema = NULL;
    options.all_text = true;
    CU_ASSERT(is("id,x\n1,2\n", &options, "id:text,x:text", "1,2\n"));
}

static void empty_is_missing_and_quoted_empty_is_not(void)
{
    sheaf_dataset_options options = with_schema("a:text,b:text");

    CU_ASSERT(is("a,b\n,\"\"\n", &options, "a:text,b:text", "-,\n"));
    options = with_schema("a:text,b:i64");
    CU_ASSERT(reading_fails(reading_text("t.csv", "a,b\n,\"\"\n"), &options, 401, "an integer"));
}

static void spellings_of_missing_count_unquoted_only(void)
{
    const char *const nulls[] = {"NA", "-999", NULL};
    sheaf_dataset_options options = with_schema("a:text,b:i64");

    options.nulls = nulls;
    CU_ASSERT(is("a,b\nNA,-999\n\"NA\",\"-999\"\n-999,NA\nN,-99\n", &options, "a:text,b:i64",
                 "-,-\nNA,-999\n-,-\nN,-99\n"));
    options.schema = NULL;
    CU_ASSERT(is("a,b\nNA,-999\n1,2\n", &options, "a:i64,b:i64", "-,-\n1,2\n"));
}

static void quoted_numbers_are_numbers(void)
{
    sheaf_dataset_options options = with_schema("a:i64,b:f64");

    CU_ASSERT(is("a,b\n\"12\",\"1.5\"\n3,\"2\"\n", &options, "a:i64,b:f64", "12,1.5\n3,2\n"));
}

static void quotes_are_resolved(void)
{
    sheaf_dataset_options options = with_schema("a:text,b:text");

    CU_ASSERT(is("a,b\n\"x\"\"y\",\"l1\nl2\"\nb\"q,\"t\"tail\n", &options, "a:text,b:text",
                 "x\"y,l1\nl2\nb\"q,ttail\n"));
    options.skip_initial_space = true;
    CU_ASSERT(is("a,b\n  \"x\",  \n", &options, "a:text,b:text", "x,-\n"));
    options.skip_initial_space = false;
    options.escape = '\\' + 1;
    CU_ASSERT(is("a,b\nx\\,y,\"\\\"\"\n", &options, "a:text,b:text", "x,y,\"\n"));
}

/* -- shapes of files --------------------------------------------------------------------------- */

static void odd_files_are_read(void)
{
    sheaf_dataset_options options = comma();

    CU_ASSERT(is("", &options, "", ""));
    CU_ASSERT(is("\n\n", &options, "", ""));
    CU_ASSERT(is("a,b\n", &options, "a:text,b:text", ""));
    CU_ASSERT(is("a,b", &options, "a:text,b:text", ""));
    CU_ASSERT(is("a,b\n1,2", &options, "a:i64,b:i64", "1,2\n"));
    CU_ASSERT(is("a,b\r\n1,2\r\n3,4\r\n", &options, "a:i64,b:i64", "1,2\n3,4\n"));
    CU_ASSERT(is("a,b\r1,2\r", &options, "a:i64,b:i64", "1,2\n"));
    CU_ASSERT(is("\xef\xbb\xbf"
                 "a,b\n1,2\n",
                 &options, "a:i64,b:i64", "1,2\n"));
    CU_ASSERT(is("\n\na,b\n\n1,2\n\n", &options, "a:i64,b:i64", "1,2\n"));
    CU_ASSERT(is("a,a,,a_2,\n1,2,3,4,5\n", &options, "a:i64,a_2:i64,c3:i64,a_2_2:i64,c5:i64",
                 "1,2,3,4,5\n"));
    options.header = false;
    options.headless = true;
    CU_ASSERT(is("1,x\n2,y\n", &options, "c1:i64,c2:text", "1,x\n2,y\n"));
    CU_ASSERT(is("1,x", &options, "c1:i64,c2:text", "1,x\n"));
    options.schema = "n:i64,s:text";
    CU_ASSERT(is("1,x\n2,y\n", &options, "n:i64,s:text", "1,x\n2,y\n"));
    CU_ASSERT(is("", &options, "n:i64,s:text", ""));
    options.schema = "n:i64";
    CU_ASSERT(reading_fails(reading_text("t.csv", "1,x\n"), &options, 0, "names 1 columns"));
}

static void nul_bytes_are_data(void)
{
    static const char text[] = "a,b\nx\0y,1\n";
    sheaf_dataset_options options = comma();
    sheaf_dataset *dataset;
    struct reading reading;
    sheaf_error error;

    const char *path = reading_file("nul.csv", text, sizeof text - 1);
    UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_EQUAL(reading.rows.size, 6);
    CU_ASSERT(reading.rows.size == 6 && memcmp(reading.rows.bytes, "x\0y,1\n", 6) == 0);
    reading_free(&reading);
    sheaf_dataset_close(dataset);
}

static void utf16_is_refused(void)
{
    sheaf_dataset_options options = comma();

    CU_ASSERT(reading_fails(reading_file("u.csv",
                                         "\xff\xfe"
                                         "a\0,\0",
                                         6),
                            &options, 403, "UTF-16"));
}

/* -- bad rows ---------------------------------------------------------------------------------- */

static const char bad_text[] = "id,name,v\n"
                               "1,a,10\n"
                               "2,b\n"
                               "3,c,x\n"
                               "4,\xff,40\n"
                               "5,\"e\n\",50,6\n"
                               "6,f,60\n";

static void a_bad_row_fails_with_its_place(void)
{
    sheaf_dataset_options options = with_schema("id:i64,name:text,v:i64");
    sheaf_dataset *dataset;
    struct reading reading;
    sheaf_error error;

    CU_ASSERT(reading_fails(reading_text("t.csv", bad_text), &options, 402,
                            ":3:1: expected 3 fields, got 2 (E402, byte 17)"));
    CU_ASSERT(reading_fails(reading_text("t.csv", "id,name,v\n1,\"\n\n\",10\n2,\xff,3\n"), &options,
                            403, ":5:3: the text in \"name\" is not UTF-8 (E403, byte 22)"));
    const char *path = reading_text("t.csv", "id,name,v\n1,\"\n\n\",10\n2,b,n/a\n");
    CU_ASSERT(reading_fails(path, &options, 401,
                            ":5:5: expected an integer in \"v\", got \"n/a\" (E401, byte 24)"));
    UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
    CU_ASSERT_EQUAL(reading_all(dataset, &reading, &error), SHEAF_BAD_DATA);
    CU_ASSERT_EQUAL(error.column, 3);
    CU_ASSERT_EQUAL(error.byte, 24);
    CU_ASSERT_EQUAL(error.line, 5);
    CU_ASSERT_EQUAL(error.row, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "  5 | 2,b,n/a\n    |     ^^^\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "--null 'n/a'"));
    reading_free(&reading);
    sheaf_dataset_close(dataset);
}

static void the_first_bad_column_is_told(void)
{
    sheaf_dataset_options options = with_schema("a:i64,b:i64,c:i64");

    CU_ASSERT(reading_fails(reading_text("t.csv", "a,b,c\n1,2,3\n4,x,y\nz,5,6\n"), &options, 401,
                            ":3:3: expected an integer in \"b\", got \"x\""));
}

static void bad_rows_are_skipped_and_told(void)
{
    sheaf_dataset_options options = with_schema("id:i64,name:text,v:i64");
    const char *path = reading_text("t.csv", bad_text);
    sheaf_dataset *dataset;
    struct reading reading;
    sheaf_error error;

    options.bad_row = SHEAF_BAD_ROW_SKIP;
    CU_ASSERT(reading_is(path, &options, "id:i64,name:text,v:i64", "1,a,10\n6,f,60\n"));
    UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_EQUAL(reading.bad, 4);
    CU_ASSERT_EQUAL(reading.records, 6);
    CU_ASSERT_STRING_EQUAL(reading.rejects.bytes, "1,1,17,,width,\"2,b\"\n"
                                                  "2,2,25,\"v\",value,\"x\"\n"
                                                  "3,3,29,\"name\",encoding,\"\xff\"\n"
                                                  "4,4,34,,width,\"5,\"\"e\n\"\",50,6\"\n");
    reading_free(&reading);
    sheaf_dataset_close(dataset);
}

static void rows_that_stay_keep_what_is_missing(void)
{
    sheaf_dataset_options options = with_schema("a:i64,b:text");
    const char *path = reading_text("t.csv", "a,b\n1,\nx,y\n3,c\n,d\n5\n,\n7,e\n");

    options.bad_row = SHEAF_BAD_ROW_SKIP;
    CU_ASSERT(reading_is(path, &options, "a:i64,b:text", "1,-\n3,c\n-,d\n-,-\n7,e\n"));
}

static void bad_values_become_missing(void)
{
    sheaf_dataset_options options = with_schema("id:i64,name:text,v:i64");
    const char *path = reading_text("t.csv", bad_text);

    options.bad_row = SHEAF_BAD_ROW_NULL;
    CU_ASSERT(reading_is(path, &options, "id:i64,name:text,v:i64",
                         "1,a,10\n2,b,-\n3,c,-\n4,-,40\n5,e\n,50\n6,f,60\n"));
}

static void quotes_that_are_wrong_are_located(void)
{
    sheaf_dataset_options options = with_schema("a:text,b:text");
    const char *open = "a,b\n1,2\n3,\"x\ny\n";

    CU_ASSERT(reading_fails(reading_text("t.csv", open), &options, 404,
                            ":3:3: this quote is never closed (E404, byte 10)"));
    options.reading = SHEAF_LENIENT;
    CU_ASSERT(is(open, &options, "a:text,b:text", "1,2\n3,x\ny\n\n"));
    options.reading = SHEAF_STRICT;
    CU_ASSERT(
        reading_fails(reading_text("t.csv", "a,b\n1,2\n3,x\"\n"), &options, 405, ":3:4: a quote"));
    options.reading = SHEAF_LIBCSV;
    CU_ASSERT(is("a,b\n1,\n3,\"x\"y\"\n,\"\"\n", &options, "a:text,b:text", "1,-\n3,x\"y\n-,\n"));
}

/* -- first opinions ---------------------------------------------------------------------------- */

/* 3000 rows in the first mebibyte say one thing, a row behind all windows another. */
static const char *opinion_file(const char *common, const char *odd)
{
    static struct sheaf_string text;
    sheaf_string_clear(&text);
    sheaf_string_append(&text, "k,v\n");
    for (int i = 0; i < 400000; i++)
        sheaf_string_append_format(&text, "%d,%s\n", i, i == 399000 ? odd : common);
    return reading_file("opinion.csv", text.bytes, text.size);
}

static void values_that_contradict_the_first_opinion_are_told(void)
{
    static const struct {
        const char *common, *odd;
        int code;
    } cases[] = {
        {"12", "x", 420},
        {"12", "007", 420},
        {"12", "1.5", 420},
        {"1.25", "1.255", 420},
        {"true", "t", 420},
        {"", "5", 420},
        {"1.25", "3", 0},
        {"12", "\"13\"", 0},
        {"12", "\"07\"", 420},
        {"1e5", "nan", 420},
        {"1e5", "1234567890123456789012", 420},
        {"2024-01-01", "2024-13-01", 420},
    };
    sheaf_dataset_options options = comma();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = opinion_file(cases[i].common, cases[i].odd);
        sheaf_dataset *dataset;
        struct reading reading;
        sheaf_error error = {0};
        UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
        CU_ASSERT(dataset->open_kinds[1]);
        sheaf_status status = reading_all(dataset, &reading, &error);
        if ((status ? error.code : 0) != cases[i].code)
            printf("\n%s then %s: %d %s\n", cases[i].common, cases[i].odd, error.code,
                   status ? error.message : "");
        CU_ASSERT_EQUAL(status ? error.code : 0, cases[i].code);
        reading_free(&reading);
        sheaf_dataset_close(dataset);
    }
}

static void examining_settles_the_kinds(void)
{
    const char *path = opinion_file("12", "13.25");
    sheaf_dataset_options options = comma();
    struct sheaf_wanted wanted[] = {{0, {0}}, {1, {0}}};
    struct sheaf_evidence evidence[2] = {0};
    struct sheaf_read_outcome outcome;
    struct sheaf_reader *reader;
    sheaf_dataset *dataset;
    struct reading reading;
    sheaf_error error;

    UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
    wanted[0].kind.type = wanted[1].kind.type = SHEAF_TEXT;
    UNIT_OK(sheaf_reader_open(dataset, wanted, 2, &reader, &error), &error);
    UNIT_OK(
        sheaf_reader_start(reader, 0, dataset->files[0].data_begin, dataset->files[0].size, &error),
        &error);
    UNIT_OK(sheaf_reader_examine(reader, evidence, &error), &error);
    sheaf_reader_finish(reader, &outcome);
    CU_ASSERT_EQUAL(outcome.records, 400000);
    sheaf_reader_close(reader);
    sheaf_dataset_settle(dataset, evidence);
    CU_ASSERT_EQUAL(sheaf_dataset_column_kind(dataset, 1).type, SHEAF_DECIMAL);
    CU_ASSERT_EQUAL(sheaf_dataset_column_kind(dataset, 1).scale, 2);
    CU_ASSERT_FALSE(dataset->open_kinds[1]);
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_PTR_NOT_NULL(strstr(reading.rows.bytes, "\n399000,13.25\n399001,12.00\n"));
    reading_free(&reading);
    sheaf_dataset_close(dataset);
}

/* -- shards ------------------------------------------------------------------------------------ */

static void shards_of_any_size_give_the_same_rows(void)
{
    static const char text[] = "a,b,c\n"
                               "1,\"x\ny\",2.5\n"
                               ",\"\"\"\",-1\r\n"
                               "\r\n"
                               "33333333333,\"a,b,\"\",\",0.1\n"
                               "4,long long long long long long text,\n"
                               "5,\xc3\xa4,7\n"
                               "6,\"\",8";
    sheaf_dataset_options options = with_schema("a:i64,b:text,c:f64");
    const char *path = reading_text("t.csv", text);

    for (size_t size = 1; size < sizeof text + 2; size++) {
        options.shard_bytes = size;
        CU_ASSERT(reading_is(path, &options, "a:i64,b:text,c:f64",
                             "1,x\ny,2.5\n-,\",-1\n33333333333,a,b,\",,0.1\n"
                             "4,long long long long long long text,-\n5,\xc3\xa4,7\n6,,8\n"));
    }
}

/* Rows made at random, and the same written down by a second way. */
static void make_random(struct unit_random *random, struct sheaf_string *csv,
                        struct sheaf_string *rows, int count)
{
    static const char *const texts[][2] = {
        {"", "-"},
        {"\"\"", ""},
        {"abc", "abc"},
        {"\"a,\n\"\"b\"", "a,\n\"b"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"a much longer text than eight bytes", "a much longer text than eight bytes"},
    };

    sheaf_string_append(csv, "i,m,s\n");
    for (int r = 0; r < count; r++) {
        long long i = (long long)unit_random_next(random) >> unit_random_below(random, 64);
        int m = (int)unit_random_below(random, 2000000) - 1000000;
        unsigned t = unit_random_below(random, 6);
        const char *quote = unit_random_below(random, 10) == 0 ? "\"" : "";
        bool missing = unit_random_below(random, 20) == 0;
        char number[32], cents[32];
        snprintf(number, sizeof number, "%lld", i);
        snprintf(cents, sizeof cents, "%s%d.%02d", m < 0 ? "-" : "", abs(m) / 100, abs(m) % 100);
        sheaf_string_append_format(csv, "%s%s%s,%s,%s\n", quote, number, quote,
                                   missing ? "" : cents, texts[t][0]);
        sheaf_string_append_format(rows, "%s,%s,%s\n", number, missing ? "-" : cents, texts[t][1]);
    }
}

static void random_rows_come_back(void)
{
    struct unit_random random = {42};
    sheaf_dataset_options options = with_schema("i:i64,m:decimal(2),s:text");

    for (int round = 0; round < 30; round++) {
        struct sheaf_string csv = {0}, rows = {0};
        int count = round == 0 ? 20000 : (int)unit_random_below(&random, 9000);
        sheaf_string_append(&rows, "");
        make_random(&random, &csv, &rows, count);
        const char *path = reading_file("r.csv", csv.bytes, csv.size);
        options.shard_bytes = round == 0 ? 0 : 1000 + unit_random_below(&random, 200000);
        CU_ASSERT(reading_is(path, &options, "i:i64,m:decimal(2),s:text", rows.bytes));
        sheaf_string_free(&csv);
        sheaf_string_free(&rows);
    }
}

/* A record of 70 MB is longer than a window and than a shard. */
static void a_record_may_be_longer_than_a_window(void)
{
    const size_t size = (size_t)70 << 20;
    char *text = malloc(size + 64);
    sheaf_dataset_options options = with_schema("a:i64,b:text");
    struct sheaf_wanted wanted = {1, {SHEAF_TEXT, 0}};
    struct sheaf_reader *reader;
    struct sheaf_read read;
    sheaf_dataset *dataset;
    sheaf_error error;

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    strcpy(text, "a,b\n1,x\n2,\"");
    size_t at = strlen(text);
    memset(text + at, 'y', size);
    strcpy(text + at + size, "\"\n3,z\n");
    const char *path = reading_file("long.csv", text, strlen(text));
    free(text);
    UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
    UNIT_OK(sheaf_reader_open(dataset, &wanted, 1, &reader, &error), &error);
    UNIT_OK(sheaf_reader_start(reader, 0, 4, 9, &error), &error);
    UNIT_OK(sheaf_reader_next(reader, &read, &error), &error);
    CU_ASSERT_EQUAL_FATAL(read.rows, 2);
    CU_ASSERT_EQUAL(read.columns[0].text[0].size, 1);
    CU_ASSERT_EQUAL(read.columns[0].text[1].size, size);
    CU_ASSERT_EQUAL(read.columns[0].text[1].bytes[size - 1], 'y');
    CU_ASSERT_EQUAL(read.base + read.offset[1], 8);
    sheaf_reader_close(reader);
    sheaf_dataset_close(dataset);
    reading_text("long.csv", "");
}

static void a_page_may_end_with_the_file(void)
{
    char text[8193];
    sheaf_dataset_options options = with_schema("a:i64,b:i64");

    for (int pages = 1; pages <= 2; pages++) {
        size_t size = (size_t)pages * 4096, at = 4;
        strcpy(text, "a,b\n");
        for (; at + 8 <= size - 4; at += 8)
            memcpy(text + at, "123,456\n", 8);
        memcpy(text + at, "7,89", 4);
        sheaf_dataset *dataset;
        struct reading reading;
        sheaf_error error;
        UNIT_OK(reading_open(reading_file("p.csv", text, size), &options, &dataset, &error),
                &error);
        UNIT_OK(reading_all(dataset, &reading, &error), &error);
        CU_ASSERT_STRING_EQUAL(reading.rows.bytes + reading.rows.size - 13, "123,456\n7,89\n");
        reading_free(&reading);
        sheaf_dataset_close(dataset);
    }
}

static void a_column_may_be_wanted_in_several_kinds(void)
{
    sheaf_dataset_options options = comma();
    const struct sheaf_wanted wanted[] = {{0, {SHEAF_I64, 0}},
                                          {0, {SHEAF_TEXT, 0}},
                                          {0, {SHEAF_F64, 0}},
                                          {SHEAF_WHOLE_RECORD, {SHEAF_BYTES, 0}}};
    struct sheaf_reader *reader;
    struct sheaf_read read;
    sheaf_dataset *dataset;
    sheaf_error error;

    UNIT_OK(
        reading_open(reading_text("t.csv", "a,b\n1,\"x\"\n22,y\r\n"), &options, &dataset, &error),
        &error);
    UNIT_OK(sheaf_reader_open(dataset, wanted, 4, &reader, &error), &error);
    UNIT_OK(sheaf_reader_start(reader, 0, 4, dataset->files[0].size, &error), &error);
    UNIT_OK(sheaf_reader_next(reader, &read, &error), &error);
    CU_ASSERT_EQUAL_FATAL(read.rows, 2);
    CU_ASSERT_EQUAL(read.columns[0].i64[1], 22);
    CU_ASSERT_PTR_NULL(read.columns[0].present);
    CU_ASSERT_EQUAL(read.columns[1].text[1].size, 2);
    CU_ASSERT_EQUAL(read.columns[2].f64[0], 1);
    CU_ASSERT_EQUAL(read.columns[3].text[0].size, 5);
    CU_ASSERT_EQUAL(memcmp(read.columns[3].text[0].bytes, "1,\"x\"", 5), 0);
    CU_ASSERT_EQUAL(read.columns[3].text[1].size, 4);
    UNIT_OK(sheaf_reader_next(reader, &read, &error), &error);
    CU_ASSERT_EQUAL(read.rows, 0);
    sheaf_reader_close(reader);
    sheaf_dataset_close(dataset);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(every_kind_is_read),
        UNIT(kinds_are_found),
        UNIT(a_schema_may_name_some_columns),
        UNIT(empty_is_missing_and_quoted_empty_is_not),
        UNIT(spellings_of_missing_count_unquoted_only),
        UNIT(quoted_numbers_are_numbers),
        UNIT(quotes_are_resolved),
        UNIT(odd_files_are_read),
        UNIT(nul_bytes_are_data),
        UNIT(utf16_is_refused),
        UNIT(a_bad_row_fails_with_its_place),
        UNIT(the_first_bad_column_is_told),
        UNIT(bad_rows_are_skipped_and_told),
        UNIT(rows_that_stay_keep_what_is_missing),
        UNIT(bad_values_become_missing),
        UNIT(quotes_that_are_wrong_are_located),
        UNIT(values_that_contradict_the_first_opinion_are_told),
        UNIT(examining_settles_the_kinds),
        UNIT(shards_of_any_size_give_the_same_rows),
        UNIT(random_rows_come_back),
        UNIT(a_record_may_be_longer_than_a_window),
        UNIT(a_page_may_end_with_the_file),
        UNIT(a_column_may_be_wanted_in_several_kinds),
        {0},
    };
    return unit_run("reader", tests);
}
