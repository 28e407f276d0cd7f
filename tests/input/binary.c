/* binary.c - packed records and .npy files: every type, both byte orders, hostile headers */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/layout.h"
#include "input/window.h"
#include "reading.h"
#include "unit.h"

/* Bytes of an integer in the order that is asked for, whatever this machine's. */
static void put(struct sheaf_string *to, uint64_t value, int size, bool big)
{
    for (int i = 0; i < size; i++)
        sheaf_string_append_char(to, (char)(value >> 8 * (big ? size - 1 - i : i)));
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, 8);
    return bits;
}

/* -- records --------------------------------------------------------------------------------- */

static void records_of_both_orders_are_read(void)
{
    sheaf_dataset_options options = reading_options();

    for (int big = 0; big < 2; big++) {
        struct sheaf_string bytes = {0};
        for (int r = 0; r < 3; r++) {
            put(&bytes, (uint64_t)(int64_t)(-5 + r), 1, big);
            put(&bytes, 0xAA, 1, big);
            put(&bytes, (uint64_t)(int64_t)(-500 + r), 2, big);
            put(&bytes, 4000000000u + (unsigned)r, 4, big);
            put(&bytes, bits_of(1.25 * r), 8, big);
            put(&bytes, 150 + (unsigned)r, 8, big);
            sheaf_string_append_bytes(&bytes, "ab\0c", 4);
            sheaf_string_append_bytes(&bytes, "pad", 3);
        }
        options.schema =
            big ? "a:i8,b:i16@2,c:u32,d:f64,e:decimal(2),f:text(2)@24;size=31;order=big"
                : "a:i8@0,b:i16@2,c:u32@4,d:f64@8,e:decimal(2)@16,f:text(2)@24;size=31";
        options.shard_bytes = big ? 1 : 0;
        CU_ASSERT(reading_is(reading_file("r.bin", bytes.bytes, bytes.size), &options,
                             "a:i8,b:i16,c:u32,d:f64,e:decimal(2),f:text",
                             "-5,-500,4000000000,0,1.50,ab\n-4,-499,4000000001,1.25,1.51,ab\n"
                             "-3,-498,4000000002,2.5,1.52,ab\n"));
        sheaf_string_free(&bytes);
    }
}

static void layouts_that_are_wrong_are_refused(void)
{
    static const struct {
        const char *schema, *part;
        int code;
    } cases[] = {
        {"a:i32;size=3", "end at byte 4", 408},
        {"a:i32;size=0", "expected size", 408},
        {"a:i32;colour=red", "expected size", 408},
        {"a:i32@x", "offset", 408},
        {"a:i32@99999999999999999999", "offset", 408},
        {"a;size=4", "type after each name", 408},
        {"a:text;size=4", "its size", 408},
        {"a:bytes(0);size=4", "", 0},
        {"a:decimal;size=8", "scale", 408},
        {"a:i64@0", "not a multiple of the 8 bytes", 408},
    };
    const char *path = reading_file("r.bin", "123456789", 9);
    sheaf_dataset_options options = reading_options();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        options.schema = cases[i].schema;
        CU_ASSERT(reading_fails(path, &options, cases[i].code, cases[i].part));
    }
    options.schema = NULL;
    options.format = SHEAF_RECORDS;
    CU_ASSERT(reading_fails(path, &options, 408, "need a schema"));
}

static void a_lone_column_is_a_view_of_the_file(void)
{
    struct sheaf_string bytes = {0};
    sheaf_dataset_options options = reading_options();
    const struct sheaf_wanted wanted[] = {{0, {SHEAF_I32, 0}},
                                          {0, {SHEAF_I64, 0}},
                                          {0, {SHEAF_F64, 0}},
                                          {SHEAF_WHOLE_RECORD, {SHEAF_BYTES, 0}}};
    struct sheaf_reader *reader;
    struct sheaf_read_outcome outcome;
    struct sheaf_read read;
    sheaf_dataset *dataset;
    sheaf_error error;
    size_t rows = 0;

    for (int r = 0; r < 10000; r++)
        put(&bytes, (uint64_t)(int64_t)(r - 5000), 4, false);
    options.schema = "v:i32@0";
    UNIT_OK(
        reading_open(reading_file("r.bin", bytes.bytes, bytes.size), &options, &dataset, &error),
        &error);
    UNIT_OK(sheaf_reader_open(dataset, wanted, 4, &reader, &error), &error);
    UNIT_OK(sheaf_reader_start(reader, 0, 0, bytes.size, &error), &error);
    do {
        UNIT_OK(sheaf_reader_next(reader, &read, &error), &error);
        CU_ASSERT(read.rows == 0 || sheaf_window_covers(read.columns[0].values));
        for (size_t r = 0; r < read.rows; r++, rows++) {
            int32_t v;
            memcpy(&v, read.columns[0].i32 + r, 4);
            if (v != (int)rows - 5000 || read.columns[1].i64[r] != v ||
                read.columns[2].f64[r] != v || read.columns[3].text[r].size != 4)
                CU_FAIL("a value is another");
        }
        CU_ASSERT(read.rows == 0 || read.base == (rows - read.rows) * 4);
    } while (read.rows > 0);
    CU_ASSERT_EQUAL(rows, 10000);
    sheaf_reader_finish(reader, &outcome);
    CU_ASSERT_EQUAL(outcome.records, 10000);
    CU_ASSERT_EQUAL(outcome.stopped, 40000);
    sheaf_reader_close(reader);
    CU_ASSERT_FALSE(sheaf_window_covers(&rows));
    const struct sheaf_wanted impossible = {0, {SHEAF_DATE, 0}};
    CU_ASSERT_EQUAL(sheaf_reader_open(dataset, &impossible, 1, &reader, &error),
                    SHEAF_BAD_ARGUMENT);
    sheaf_dataset_close(dataset);
    sheaf_string_free(&bytes);
}

static void values_that_do_not_fit_are_bad_rows(void)
{
    struct sheaf_string bytes = {0};
    sheaf_dataset_options options = reading_options();
    const struct sheaf_wanted wanted[] = {{0, {SHEAF_I64, 0}}, {1, {SHEAF_TEXT, 0}}};
    struct sheaf_reader *reader;
    struct sheaf_read read;
    sheaf_dataset *dataset;
    sheaf_error error;

    put(&bytes, UINT64_MAX, 8, false);
    sheaf_string_append_bytes(&bytes, "ok", 2);
    put(&bytes, 7, 8, false);
    sheaf_string_append_bytes(&bytes, "\xffx", 2);
    put(&bytes, 8, 8, false);
    sheaf_string_append_bytes(&bytes, "y\0", 2);
    const char *path = reading_file("r.bin", bytes.bytes, bytes.size);
    options.schema = "v:u64,s:text(2);order=little";
    for (sheaf_bad_row policy = SHEAF_BAD_ROW_FAIL; policy <= SHEAF_BAD_ROW_NULL; policy++) {
        options.bad_row = policy;
        UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
        UNIT_OK(sheaf_reader_open(dataset, wanted, 2, &reader, &error), &error);
        UNIT_OK(sheaf_reader_start(reader, 0, 0, 30, &error), &error);
        sheaf_status status = sheaf_reader_next(reader, &read, &error);
        if (policy == SHEAF_BAD_ROW_FAIL) {
            CU_ASSERT_EQUAL(status, SHEAF_BAD_DATA);
            CU_ASSERT_EQUAL(error.code, 401);
        } else if (policy == SHEAF_BAD_ROW_SKIP) {
            CU_ASSERT_EQUAL(read.rows, 1);
            CU_ASSERT_EQUAL(read.columns[0].i64[0], 8);
            CU_ASSERT_EQUAL(read.columns[1].text[0].size, 1);
            CU_ASSERT_STRING_EQUAL(sheaf_reader_rejects(reader)->bytes,
                                   "0,0,0,\"v\",value,\"ffffffffffffffff\"\n"
                                   "0,1,18,\"s\",encoding,\"ff78\"\n");
        } else {
            CU_ASSERT_EQUAL(read.rows, 3);
            CU_ASSERT_FALSE(sheaf_present(&read.columns[0], 0));
            CU_ASSERT(sheaf_present(&read.columns[0], 1));
            CU_ASSERT_FALSE(sheaf_present(&read.columns[1], 1));
        }
        sheaf_reader_close(reader);
        sheaf_dataset_close(dataset);
    }
    sheaf_string_free(&bytes);
}

/* -- .npy -------------------------------------------------------------------------------------- */

/* A header of this version around a dictionary, filled up as numpy does. */
static void put_header(struct sheaf_string *to, int version, const char *dictionary)
{
    size_t fixed = version == 1 ? 10 : 12;
    size_t size = (fixed + strlen(dictionary) + 1 + 63) / 64 * 64 - fixed;

    sheaf_string_append_bytes(to, "\x93NUMPY", 6);
    put(to, (unsigned)version, 1, false);
    put(to, 0, 1, false);
    put(to, size, version == 1 ? 2 : 4, false);
    sheaf_string_append(to, dictionary);
    for (size_t i = strlen(dictionary); i + 1 < size; i++)
        sheaf_string_append_char(to, ' ');
    sheaf_string_append_char(to, '\n');
}

static void every_version_and_order_is_read(void)
{
    for (int version = 1; version <= 3; version++)
        for (int big = 0; big < 2; big++) {
            struct sheaf_string bytes = {0};
            char dictionary[128];
            snprintf(dictionary, sizeof dictionary,
                     "{'descr': '%cf8', 'fortran_order': False, 'shape': (3,), }", big ? '>' : '<');
            put_header(&bytes, version, dictionary);
            for (int r = 0; r < 3; r++)
                put(&bytes, bits_of(r + 0.5), 8, big);
            CU_ASSERT(reading_is(reading_file("a.npy", bytes.bytes, bytes.size), NULL, "value:f64",
                                 "0.5\n1.5\n2.5\n"));
            sheaf_string_free(&bytes);
        }
}

static void structures_are_columns(void)
{
    struct sheaf_string bytes = {0};

    put_header(&bytes, 1,
               "{'descr': [('id', '<u2'), ('', '|V2'), (('a title', 'name'), '|S4'), "
               "('at', [('x', '>f4'), ('y', '<f4')]), ('v', '|i1', (2,)), ('t', '<M8[ms]'), "
               "('d', '<M8[D]'), ('u', '<U2'), ('ok', '|b1')], "
               "'fortran_order': False, 'shape': (2,), }");
    for (int r = 0; r < 2; r++) {
        put(&bytes, 7 + (unsigned)r, 2, false);
        put(&bytes, 0, 2, false);
        sheaf_string_append_bytes(&bytes, r ? "abcd" : "x\0\0\0", 4);
        put(&bytes, 0x3FC00000, 4, true);
        put(&bytes, 0xC0200000, 4, false);
        put(&bytes, 0x01FF, 2, false);
        put(&bytes, r ? (uint64_t)INT64_MIN : 1500, 8, false);
        put(&bytes, r ? (uint64_t)INT64_MIN : 19753, 8, false);
        put(&bytes, 0x20AC, 4, false);
        put(&bytes, 0, 4, false);
        put(&bytes, (unsigned)r, 1, false);
    }
    CU_ASSERT(
        reading_is(reading_file("s.npy", bytes.bytes, bytes.size), NULL,
                   "id:u16,name:text,at.x:f32,at.y:f32,v0:i8,v1:i8,t:time,d:date,u:text,ok:bool",
                   "7,x,1.5,-2.5,-1,1,1970-01-01T00:00:01.5,2024-01-31,\xe2\x82\xac,false\n"
                   "8,abcd,1.5,-2.5,-1,1,-,-,\xe2\x82\xac,true\n"));
    sheaf_string_free(&bytes);
}

static void rows_and_columns_are_a_table(void)
{
    struct sheaf_string bytes = {0};
    sheaf_dataset_options options = reading_options();

    put_header(&bytes, 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 2), }");
    for (int i = 0; i < 6; i++)
        put(&bytes, (unsigned)i, 4, false);
    const char *path = reading_file("t.npy", bytes.bytes, bytes.size);
    for (options.shard_bytes = 1; options.shard_bytes < 30; options.shard_bytes++)
        CU_ASSERT(reading_is(path, &options, "c0:i32,c1:i32", "0,1\n2,3\n4,5\n"));
    CU_ASSERT(reading_fails(reading_file("t.npy", bytes.bytes, bytes.size - 1), NULL, 408,
                            "has 151 bytes, its header says 152"));
    sheaf_string_append(&bytes, "more");
    CU_ASSERT(
        reading_fails(reading_file("t.npy", bytes.bytes, bytes.size), NULL, 408, "has 156 bytes"));
    sheaf_string_free(&bytes);
    put_header(&bytes, 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (), }");
    put(&bytes, 42, 4, false);
    CU_ASSERT(
        reading_is(reading_file("t.npy", bytes.bytes, bytes.size), NULL, "value:i32", "42\n"));
    sheaf_string_free(&bytes);
    put_header(&bytes, 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (0,), }");
    CU_ASSERT(reading_is(reading_file("t.npy", bytes.bytes, bytes.size), NULL, "value:i32", ""));
    sheaf_string_free(&bytes);
}

static void hostile_headers_are_refused(void)
{
    static const struct {
        const char *dictionary, *part;
    } cases[] = {
        {"", "expected a dictionary"},
        {"{", "expected a string"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)", "comma"},
        {"{'descr': '<f8', 'shape': (3,), }", "missing"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", "Python objects"},
        {"{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }", "column by column"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 3), }", "more dimensions"},
        {"{'descr': '<c16', 'fortran_order': False, 'shape': (3,), }", "<c16"},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (3,), }", "<f3"},
        {"{'descr': '<m8[s]', 'fortran_order': False, 'shape': (3,), }", "<m8[s]"},
        {"{'descr': '<M8[fortnight]', 'fortran_order': False, 'shape': (3,), }", "fortnight"},
        {"{'descr': 'f', 'fortran_order': False, 'shape': (3,), }", "not known"},
        {"{'descr': '<f8', 'fortran_order': Maybe, 'shape': (3,), }", "True or False"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551616,), }",
         "too large"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807,), }",
         "too large"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 9223372036854775807), }",
         "million"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", "number"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), } x", "behind"},
        {"{'descr': [], 'fortran_order': False, 'shape': (3,), }", "no columns"},
        {"{'descr': '|S0', 'fortran_order': False, 'shape': (3,), }", "no columns"},
        {"{'descr': '|S99999999999', 'fortran_order': False, 'shape': (3,), }", "not known"},
        {"{'descr': [('', '|V9', (99999999999, 99999999999))], 'fortran_order': False, 'shape': "
         "(3,), }",
         "too large"},
        {"{'descr': [('a', '<f8', (2000000,))], 'fortran_order': False, 'shape': (3,), }",
         "million"},
        {"{'descr': [('a\\x00', '<f8')], 'fortran_order': False, 'shape': (3,), }", "field name"},
        {"{'descr': [('a', '<f8'", "field"},
        {"{'descr': [('a', [('b', [('c'", "type after a name"},
        {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", "not known"},
        {"{'x': 1}", "not known"},
    };
    struct sheaf_string nested = {0}, bytes = {0};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_header(&bytes, 1, cases[i].dictionary);
        CU_ASSERT(reading_fails(reading_file("h.npy", bytes.bytes, bytes.size), NULL, 408,
                                cases[i].part));
        sheaf_string_clear(&bytes);
    }
    sheaf_string_append(&nested, "{'descr': ");
    for (int i = 0; i < 5000; i++)
        sheaf_string_append(&nested, "[('a', ");
    put_header(&bytes, 2, nested.bytes);
    CU_ASSERT(reading_fails(reading_file("h.npy", bytes.bytes, bytes.size), NULL, 408, "too deep"));
    CU_ASSERT(reading_fails(reading_file("h.npy", bytes.bytes, 1000), NULL, 408, "ends inside"));
    CU_ASSERT(reading_fails(reading_file("h.npy", "\x93NUMPY\x01\0", 8), NULL, 408, "not an .npy"));
    CU_ASSERT(
        reading_fails(reading_file("h.npy", "\x93NUMPY\x09\0....", 12), NULL, 408, "version 9"));
    CU_ASSERT(reading_fails(reading_file("h.npy", "\x93NUMPY\x02\0\xff\xff\xff\xff", 12), NULL, 408,
                            "it would have"));
    sheaf_string_free(&nested);
    sheaf_string_free(&bytes);
}

/* Any header of random pieces is read or refused; sanitizers watch. */
static void random_headers_do_no_harm(void)
{
    static const char *const pieces[] = {"{",
                                         "}",
                                         "'descr'",
                                         ":",
                                         "'<f8'",
                                         "'|S4'",
                                         ",",
                                         "(",
                                         ")",
                                         "[",
                                         "]",
                                         "'shape'",
                                         "3",
                                         "0",
                                         "'a'",
                                         "'fortran_order'",
                                         "False",
                                         "True",
                                         " ",
                                         "'",
                                         "18446744073709551615"};
    struct unit_random random = {7};

    for (int round = 0; round < 20000; round++) {
        char text[400] = "{'descr':";
        struct sheaf_layout layout = {0};
        for (unsigned n = unit_random_below(&random, 16); n > 0; n--)
            strcat(text, pieces[unit_random_below(&random, 21)]);
        (void)!sheaf_npy_parse("x", text, strlen(text), &layout, NULL);
        sheaf_layout_free(&layout);
    }
}

static void arrays_of_other_columns_are_refused(void)
{
    struct sheaf_string bytes = {0};
    sheaf_dataset *dataset;
    sheaf_error error;
    char first[64];

    put_header(&bytes, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }");
    put(&bytes, bits_of(1), 8, false);
    strcpy(first, reading_file("1.npy", bytes.bytes, bytes.size));
    sheaf_string_clear(&bytes);
    put_header(&bytes, 1, "{'descr': '>f8', 'fortran_order': False, 'shape': (1,), }");
    put(&bytes, bits_of(1), 8, true);
    const char *paths[] = {first, reading_file("2.npy", bytes.bytes, bytes.size)};
    CU_ASSERT_EQUAL(sheaf_dataset_open(paths, 2, NULL, &dataset, &error), SHEAF_BAD_DATA);
    CU_ASSERT_EQUAL(error.code, 409);
    sheaf_string_free(&bytes);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(records_of_both_orders_are_read),
        UNIT(layouts_that_are_wrong_are_refused),
        UNIT(a_lone_column_is_a_view_of_the_file),
        UNIT(values_that_do_not_fit_are_bad_rows),
        UNIT(every_version_and_order_is_read),
        UNIT(structures_are_columns),
        UNIT(rows_and_columns_are_a_table),
        UNIT(hostile_headers_are_refused),
        UNIT(random_headers_do_no_harm),
        UNIT(arrays_of_other_columns_are_refused),
        {0},
    };
    return unit_run("binary", tests);
}
