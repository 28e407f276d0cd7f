/* sink.c - every layout says what it is given, and csv reads back as the same */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

#include "base/string.h"
#include "output/align.h"
#include "output/sink.h"
#include "unit.h"

#define TEXT(literal)                   \
    {                                   \
        literal, sizeof(literal) - 1, 0 \
    }
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* -- a sink into memory -------------------------------------------------------------------- */

static sheaf_status collect(void *context, const void *bytes, size_t size, sheaf_error *error)
{
    (void)error;
    sheaf_string_append_bytes(context, bytes, size);
    return SHEAF_OK;
}

static void write_all(const struct sheaf_style *style, const char *const *names,
                      const sheaf_column *columns, size_t count, size_t rows,
                      struct sheaf_string *out)
{
    struct sheaf_sink *sink = NULL;
    sheaf_kind kinds[32];
    sheaf_error error;

    for (size_t i = 0; i < count; i++)
        kinds[i] = (sheaf_kind){columns[i].type, columns[i].scale};
    UNIT_OK(sheaf_sink_open(style, names, kinds, count, collect, out, &sink, &error), &error);
    if (rows > 0)
        UNIT_OK(sheaf_sink_rows(sink, columns, rows, &error), &error);
    UNIT_OK(sheaf_sink_end(sink, &error), &error);
    sheaf_sink_close(sink);
}

static void expect(const struct sheaf_style *style, const char *const *names,
                   const sheaf_column *columns, size_t count, size_t rows, const char *wanted)
{
    struct sheaf_string out = {0};

    write_all(style, names, columns, count, rows, &out);
    sheaf_string_append_bytes(&out, "", 1);
    if (strcmp(out.bytes, wanted) != 0)
        printf("\n--- wanted\n%s--- got\n%s", wanted, out.bytes);
    CU_ASSERT_STRING_EQUAL(out.bytes, wanted);
    sheaf_string_free(&out);
}

/* One table of all types, three rows, the last of them with nothing in it. */
static const int64_t integers[] = {-9223372036854775807 - 1, 42, 0};
static const int64_t decimals[] = {-5, 123456, 0};
static const double doubles[] = {0.1, -INFINITY, NAN};
static const uint8_t bools[] = {1, 0, 0};
static const int32_t dates[] = {0, 19753, 0};
static const int64_t times[] = {1000000, 500000, 0};
static const sheaf_text texts[] = {TEXT("say \"hi\", you"), TEXT(""), TEXT("")};
static const uint64_t first_two[] = {3};

static const char *const names[] = {"n", "d", "x", "b", "day", "t", "some text"};
static const sheaf_column columns[] = {
    {.type = SHEAF_I64, .i64 = integers, .present = first_two},
    {.type = SHEAF_DECIMAL, .scale = 2, .i64 = decimals, .present = first_two},
    {.type = SHEAF_F64, .f64 = doubles},
    {.type = SHEAF_BOOL, .boolean = bools, .present = first_two},
    {.type = SHEAF_DATE, .i32 = dates, .present = first_two},
    {.type = SHEAF_TIME, .scale = 1, .i64 = times, .present = first_two},
    {.type = SHEAF_TEXT, .text = texts, .present = first_two},
};

static void csv_quotes_what_needs_it_and_nothing_else(void)
{
    static const struct sheaf_style style = {0};

    expect(&style, names, columns, COUNT(columns), 3,
           "n,d,x,b,day,t,some text\n"
           "-9223372036854775808,-0.05,0.1,true,1970-01-01,1970-01-01T00:00:01Z,"
           "\"say \"\"hi\"\", you\"\n"
           "42,1234.56,-inf,false,2024-01-31,1970-01-01T00:00:00.5Z,\"\"\n"
           ",,,,,,\n");
    expect(&style, names, columns, COUNT(columns), 0, "n,d,x,b,day,t,some text\n");
    expect(&(struct sheaf_style){.headless = true}, names, columns, 2, 1,
           "-9223372036854775808,-0.05\n");
    expect(&(struct sheaf_style){.delimiter = ';'}, names, columns + 6, 1, 1,
           "n\n\"say \"\"hi\"\", you\"\n");
}

static void csv_quotes_odd_texts(void)
{
    static const sheaf_text odd[] = {TEXT(" lead"),
                                     TEXT("trail\t"),
                                     TEXT("in ner"),
                                     TEXT("a\rb"),
                                     TEXT("a\nb"),
                                     TEXT("#not a comment"),
                                     TEXT("x;y"),
                                     TEXT("\xEF\xBB\xBF"
                                          "bom"),
                                     TEXT("\xFF\0z")};
    static const sheaf_column column[] = {{.type = SHEAF_TEXT, .text = odd}};
    static const char *const name[] = {""};
    struct sheaf_string out = {0};
    static const char wanted[] = "\"\"\n\" lead\"\n\"trail\t\"\nin ner\n\"a\rb\"\n\"a\nb\"\n"
                                 "\"#not a comment\"\nx;y\n\"\xEF\xBB\xBF"
                                 "bom\"\n\xFF\0z\n";

    write_all(&(struct sheaf_style){.comment = '#'}, name, column, 1, COUNT(odd), &out);
    CU_ASSERT_EQUAL(out.size, sizeof wanted - 1);
    CU_ASSERT(memcmp(out.bytes, wanted, sizeof wanted - 1) == 0);
    sheaf_string_free(&out);
}

static void lone_missing_field_is_not_an_empty_line(void)
{
    expect(&(struct sheaf_style){0}, names, columns, 1, 3, "n\n-9223372036854775808\n42\n\"\"\n");
}

static void delimiter_that_occurs_in_numbers_is_quoted(void)
{
    expect(&(struct sheaf_style){.delimiter = '.'}, names, columns + 1, 2, 2,
           "n.d\n\"-0.05\".\"0.1\"\n\"1234.56\".-inf\n");
    expect(&(struct sheaf_style){.comment = '-'}, names, columns + 1, 2, 2,
           "n,d\n\"-0.05\",0.1\n1234.56,-inf\n");
}

static void tsv_escapes_what_would_end_a_field(void)
{
    static const sheaf_text odd[] = {TEXT("a\tb\nc\rd\\"), TEXT("\"plain\" ")};
    const sheaf_column mixed[] = {{.type = SHEAF_TEXT, .text = odd}, columns[1]};

    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_TSV}, names, mixed, 2, 2,
           "n\td\na\\tb\\nc\\rd\\\\\t-0.05\n\"plain\" \t1234.56\n");
}

static void json_has_numbers_text_and_null(void)
{
    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_JSONL}, names, columns, COUNT(columns), 3,
           "{\"n\":-9223372036854775808,\"d\":-0.05,\"x\":0.1,\"b\":true,\"day\":\"1970-01-01\","
           "\"t\":\"1970-01-01T00:00:01Z\",\"some text\":\"say \\\"hi\\\", you\"}\n"
           "{\"n\":42,\"d\":1234.56,\"x\":null,\"b\":false,\"day\":\"2024-01-31\","
           "\"t\":\"1970-01-01T00:00:00.5Z\",\"some text\":\"\"}\n"
           "{\"n\":null,\"d\":null,\"x\":null,\"b\":null,\"day\":null,\"t\":null,"
           "\"some text\":null}\n");
    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_JSON}, names, columns, 1, 3,
           "[\n{\"n\":-9223372036854775808},\n{\"n\":42},\n{\"n\":null}\n]\n");
    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_JSON}, names, columns, 1, 0, "[\n]\n");
}

static void json_text_is_always_valid(void)
{
    static const sheaf_text odd[] = {TEXT("\x01\x1f\b\f\n\r\t\\\"/"),
                                     TEXT("h\xC3\xA9 \xF0\x9F\x98\x80"), TEXT("\xC3"),
                                     TEXT("a\xFF\xFE"
                                          "b\xE2\x82"),
                                     TEXT("\0")};
    static const sheaf_column column[] = {{.type = SHEAF_TEXT, .text = odd}};
    static const char *const name[] = {"q\"\n"};

    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_JSONL}, name, column, 1, 5,
           "{\"q\\\"\\n\":\"\\u0001\\u001F\\b\\f\\n\\r\\t\\\\\\\"/\"}\n"
           "{\"q\\\"\\n\":\"h\xC3\xA9 \xF0\x9F\x98\x80\"}\n"
           "{\"q\\\"\\n\":\"\xEF\xBF\xBD\"}\n"
           "{\"q\\\"\\n\":\"a\xEF\xBF\xBD\xEF\xBF\xBD"
           "b\xEF\xBF\xBD\xEF\xBF\xBD\"}\n"
           "{\"q\\\"\\n\":\"\\u0000\"}\n");
}

static void wide_numbers_keep_all_digits(void)
{
    const sheaf_int128 wide[] = {((sheaf_int128)1 << 100) + 1, -7};
    const sheaf_column column[] = {{.type = SHEAF_WIDE, .scale = 3, .wide = wide}};

    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_JSONL}, names, column, 1, 2,
           "{\"n\":1267650600228229401496703205.377}\n{\"n\":-0.007}\n");
}

static void md_shows_no_markup_of_the_data(void)
{
    static const sheaf_text odd[] = {TEXT("a|b*c`d\\e<f&g"), TEXT("x\r\ny\nz\x1b")};
    const sheaf_column mixed[] = {{.type = SHEAF_TEXT, .text = odd}, columns[0]};

    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_MD}, names, mixed, 2, 2,
           "| n | d |\n| --- | ---: |\n"
           "| a\\|b\\*c\\`d\\\\e&lt;f&amp;g | -9223372036854775808 |\n"
           "| x<br>y<br>z\\\\x1B | 42 |\n");
}

static void table_is_aligned_and_numbers_are_right(void)
{
    static const sheaf_text cities[] = {TEXT("Oslo"), TEXT("M\xC3\xBCnchen"),
                                        TEXT("\xE6\x9D\xB1\xE4\xBA\xAC"), TEXT("e\xCC\x81"),
                                        TEXT("")};
    static const int64_t tenths[] = {-123, 5, 1000, 0, 7};
    static const uint64_t present[] = {0x17};
    static const sheaf_column mixed[] = {
        {.type = SHEAF_TEXT, .text = cities},
        {.type = SHEAF_DECIMAL, .scale = 1, .i64 = tenths, .present = present},
        {.type = SHEAF_TEXT, .text = cities}};
    static const char *const head[] = {"city", "t", "again"};

    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_TABLE}, head, mixed, 3, 5,
           "city         t  again\n"
           "-------  -----  -------\n"
           "Oslo     -12.3  Oslo\n"
           "M\xC3\xBCnchen    0.5  M\xC3\xBCnchen\n"
           "\xE6\x9D\xB1\xE4\xBA\xAC     100.0  \xE6\x9D\xB1\xE4\xBA\xAC\n"
           "e\xCC\x81               e\xCC\x81\n"
           "           0.7\n");
    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_TABLE, .headless = true}, head, mixed, 2, 1,
           "Oslo  -12.3\n");
}

static void table_shows_control_bytes_and_obeys_none(void)
{
    static const sheaf_text odd[] = {TEXT("\x1b[31mred\n"),
                                     TEXT("\xC2\x9B"
                                          "31m"),
                                     TEXT("\x1E\x1F\x7F"), TEXT("\xC3(")};
    static const sheaf_column column[] = {{.type = SHEAF_TEXT, .text = odd}};

    expect(&(struct sheaf_style){.layout = SHEAF_LAYOUT_TABLE}, names, column, 1, 4,
           "n\n---------------\n\\x1B[31mred\\x0A\n\\xC2\\x9B31m\n\\x1E\\x1F\\x7F\n\\xC3(\n");
}

static void table_is_settled_by_its_first_thousand_rows(void)
{
    enum { ROWS = 3000 };
    static int64_t values[ROWS];
    static const struct sheaf_style style = {.layout = SHEAF_LAYOUT_TABLE};
    const sheaf_column column[] = {{.type = SHEAF_I64, .i64 = values}};
    struct sheaf_string whole = {0}, parts = {0}, piece = {0};
    struct sheaf_sink *sink = NULL;
    sheaf_kind kind = {SHEAF_I64, 0};
    sheaf_error error;

    for (size_t i = 0; i < ROWS; i++)
        values[i] = i < SHEAF_TABLE_ROWS ? (int64_t)i : 10000000;
    write_all(&style, names, column, 1, ROWS, &whole);
    CU_ASSERT(strncmp(whole.bytes, "  n\n---\n  0\n", 12) == 0);
    CU_ASSERT(strstr(whole.bytes, "\n999\n10000000\n") != NULL);

    /* The same in pieces of 7 rows. */
    UNIT_OK(sheaf_sink_open(&style, names, &kind, 1, collect, &parts, &sink, &error), &error);
    for (size_t row = 0; row < ROWS; row += 7) {
        const sheaf_column some[] = {{.type = SHEAF_I64, .i64 = values + row}};
        sheaf_string_clear(&piece);
        sheaf_format_rows(&style, names, some, 1, ROWS - row < 7 ? ROWS - row : 7, &piece);
        UNIT_OK(sheaf_sink_piece(sink, piece.bytes, piece.size, &error), &error);
        UNIT_OK(sheaf_sink_piece(sink, NULL, 0, &error), &error);
    }
    UNIT_OK(sheaf_sink_end(sink, &error), &error);
    sheaf_sink_close(sink);
    CU_ASSERT_EQUAL(whole.size, parts.size);
    CU_ASSERT(memcmp(whole.bytes, parts.bytes, whole.size) == 0);
    sheaf_string_free(&whole);
    sheaf_string_free(&parts);
    sheaf_string_free(&piece);
}

static void hostile_piece_breaks_no_table(void)
{
    static const struct sheaf_style style = {.layout = SHEAF_LAYOUT_TABLE};
    struct unit_random random = {7};
    sheaf_kind kinds[2] = {{SHEAF_I64, 0}, {SHEAF_TEXT, 0}};
    sheaf_error error;

    for (int round = 0; round < 500; round++) {
        struct sheaf_string out = {0};
        struct sheaf_sink *sink = NULL;
        char bytes[2000];
        size_t size = unit_random_below(&random, sizeof bytes + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = "\x1E\x1F"
                       "a\xF0\xE2\xC3\x80\n"[unit_random_below(&random, 8)];
        UNIT_OK(sheaf_sink_open(&style, names, kinds, 2, collect, &out, &sink, &error), &error);
        UNIT_OK(sheaf_sink_piece(sink, bytes, size, &error), &error);
        UNIT_OK(sheaf_sink_piece(sink, bytes, size / 2, &error), &error);
        UNIT_OK(sheaf_sink_end(sink, &error), &error);
        sheaf_sink_close(sink);
        sheaf_string_free(&out);
    }
}

static void json_pieces_join_wherever_they_were_cut(void)
{
    static const struct sheaf_style style = {.layout = SHEAF_LAYOUT_JSON};
    static const sheaf_kind kind = {SHEAF_I64, 0};
    struct sheaf_string whole = {0}, parts = {0};
    struct sheaf_sink *sink = NULL;
    sheaf_error error;

    write_all(&style, names, columns, 1, 3, &whole);
    UNIT_OK(sheaf_sink_open(&style, names, &kind, 1, collect, &parts, &sink, &error), &error);
    for (uint32_t row = 0; row < 3; row++) {
        struct sheaf_string piece = {0};
        sheaf_format_selection(&style, names, columns, 1, &row, 1, &piece);
        UNIT_OK(sheaf_sink_piece(sink, piece.bytes, piece.size, &error), &error);
        sheaf_string_free(&piece);
    }
    UNIT_OK(sheaf_sink_end(sink, &error), &error);
    sheaf_sink_close(sink);
    CU_ASSERT_STRING_EQUAL(whole.bytes, parts.bytes);
    sheaf_string_free(&whole);
    sheaf_string_free(&parts);
}

static void values_need_not_be_aligned(void)
{
    char memory[64];
    double value = 2.5;
    int64_t integer = -3;

    memcpy(memory + 1, &value, sizeof value);
    memcpy(memory + 17, &integer, sizeof integer);
    const sheaf_column odd[] = {{.type = SHEAF_F64, .values = memory + 1},
                                {.type = SHEAF_I64, .values = memory + 17}};
    expect(&(struct sheaf_style){0}, names, odd, 2, 1, "n,d\n2.5,-3\n");
}

static void unknown_layout_lists_the_known_ones(void)
{
    enum sheaf_layout layout;
    sheaf_error error;

    UNIT_OK(sheaf_layout_find("md", &layout, &error), &error);
    CU_ASSERT_EQUAL(layout, SHEAF_LAYOUT_MD);
    CU_ASSERT_EQUAL(sheaf_layout_find("xml", &layout, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_STRING_EQUAL(error.message, "there is no output format \"xml\"");
    CU_ASSERT_STRING_EQUAL(error.help, "Formats: csv tsv jsonl json md table");
}

static void width_is_that_of_a_terminal(void)
{
    CU_ASSERT_EQUAL(sheaf_display_width("abc", 3), 3);
    CU_ASSERT_EQUAL(sheaf_display_width("\xE6\x9D\xB1", 3), 2);
    CU_ASSERT_EQUAL(sheaf_display_width("e\xCC\x81", 3), 1);
    CU_ASSERT_EQUAL(sheaf_display_width("\xF0\x9F\x98\x80", 4), 2);
    CU_ASSERT_EQUAL(sheaf_display_width("\xF0\x9F", 2), 2); /* cut: two bytes that are nothing */
    CU_ASSERT_EQUAL(sheaf_display_width("\xC3\xA9", 2), 1);
}

/* -- libcsv as judge ------------------------------------------------------------------------- */

struct judge {
    const sheaf_text *fields;
    size_t count, width, seen, rows;
    int wrong;
};

static void judge_field(void *bytes, size_t size, void *context)
{
    struct judge *judge = context;

    if (judge->seen >= judge->count || judge->fields[judge->seen].size != size ||
        memcmp(judge->fields[judge->seen].bytes, bytes, size) != 0)
        judge->wrong++;
    judge->seen++;
}

static void judge_row(int end, void *context)
{
    struct judge *judge = context;

    (void)end;
    judge->rows++;
    if (judge->seen != judge->rows * judge->width)
        judge->wrong++;
}

static int is_space(unsigned char byte)
{
    (void)byte;
    return 0;
}

/* Random texts of nasty bytes: libcsv, strict, reads back every field. */
static void libcsv_reads_back_what_was_written(void)
{
    static const char alphabet[] = "ab,;\"\r\n \t\0\xC3\xA9";
    static char pool[4096];
    struct unit_random random = {11};
    enum { ROWS = 5, WIDTH = 3 };

    for (int round = 0; round < 5000; round++) {
        sheaf_text fields[ROWS * WIDTH], by_column[WIDTH][ROWS];
        sheaf_column some[WIDTH];
        struct sheaf_string out = {0};
        struct csv_parser parser;
        size_t used = 0, width = 1 + unit_random_below(&random, WIDTH);
        uint8_t delimiter = (uint8_t) ",;\t"[unit_random_below(&random, 3)];
        for (size_t i = 0; i < ROWS * width; i++) {
            uint32_t size = unit_random_below(&random, 9);
            for (uint32_t j = 0; j < size; j++)
                pool[used + j] = alphabet[unit_random_below(&random, sizeof alphabet - 1)];
            fields[i] = (sheaf_text){pool + used, size, 0};
            by_column[i % width][i / width] = fields[i];
            used += size;
        }
        for (size_t i = 0; i < width; i++)
            some[i] = (sheaf_column){.type = SHEAF_TEXT, .text = by_column[i]};
        write_all(&(struct sheaf_style){.headless = true, .delimiter = delimiter}, names, some,
                  width, ROWS, &out);
        struct judge judge = {.fields = fields, .count = ROWS * width, .width = width};
        csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
        csv_set_delim(&parser, delimiter);
        csv_set_space_func(&parser, is_space);
        CU_ASSERT_EQUAL(csv_parse(&parser, out.bytes, out.size, judge_field, judge_row, &judge),
                        out.size);
        CU_ASSERT_EQUAL(csv_fini(&parser, judge_field, judge_row, &judge), 0);
        CU_ASSERT_EQUAL(judge.wrong, 0);
        CU_ASSERT_EQUAL(judge.rows, ROWS);
        csv_free(&parser);
        sheaf_string_free(&out);
    }
}

static sheaf_status refuse(void *context, const void *bytes, size_t size, sheaf_error *error)
{
    (void)context, (void)bytes, (void)size;
    return sheaf_error_set(error, SHEAF_BAD_OUTPUT, "full");
}

static void failing_destination_fails_the_sink(void)
{
    static const sheaf_kind kind = {SHEAF_I64, 0};

    for (int layout = SHEAF_LAYOUT_CSV; layout <= SHEAF_LAYOUT_TABLE; layout++) {
        struct sheaf_style style = {.layout = (enum sheaf_layout)layout};
        struct sheaf_sink *sink = NULL;
        sheaf_error error;
        UNIT_OK(sheaf_sink_open(&style, names, &kind, 1, refuse, NULL, &sink, &error), &error);
        sheaf_status status = sheaf_sink_rows(sink, columns, 3, &error);
        if (status == SHEAF_OK) /* a table, or jsonl without a head */
            status = sheaf_sink_end(sink, &error);
        CU_ASSERT_EQUAL(status, SHEAF_BAD_OUTPUT);
        sheaf_sink_close(sink);
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(csv_quotes_what_needs_it_and_nothing_else),
        UNIT(csv_quotes_odd_texts),
        UNIT(lone_missing_field_is_not_an_empty_line),
        UNIT(delimiter_that_occurs_in_numbers_is_quoted),
        UNIT(tsv_escapes_what_would_end_a_field),
        UNIT(json_has_numbers_text_and_null),
        UNIT(json_text_is_always_valid),
        UNIT(wide_numbers_keep_all_digits),
        UNIT(md_shows_no_markup_of_the_data),
        UNIT(table_is_aligned_and_numbers_are_right),
        UNIT(table_shows_control_bytes_and_obeys_none),
        UNIT(table_is_settled_by_its_first_thousand_rows),
        UNIT(hostile_piece_breaks_no_table),
        UNIT(json_pieces_join_wherever_they_were_cut),
        UNIT(values_need_not_be_aligned),
        UNIT(unknown_layout_lists_the_known_ones),
        UNIT(width_is_that_of_a_terminal),
        UNIT(libcsv_reads_back_what_was_written),
        UNIT(failing_destination_fails_the_sink),
        {0},
    };
    return unit_run("output_sink", tests);
}
