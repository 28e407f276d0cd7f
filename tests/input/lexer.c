/* lexer.c - what is a record, a field, a value: our own cases, input and answer side by side */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input/records.h"
#include "lexing.h"
#include "unit.h"

struct example {
    const char *text;
    const char *records; /* JSON arrays, one after the other */
};

/* The records of a text as JSON, or the name of its error. */
static void read_as_json(const struct sheaf_dialect *dialect, const char *text, size_t size,
                         struct sheaf_string *json)
{
    struct sheaf_lexer lexer;
    struct sheaf_records records;
    sheaf_error error;

    UNIT_OK(sheaf_lexer_init(&lexer, dialect, &error), &error);
    sheaf_lexer_start(&lexer, text, size, size, true);
    do {
        if (sheaf_lexer_next(&lexer, 2, &records, &error) != SHEAF_OK) {
            sheaf_string_append_format(json, "%s at %lld", sheaf_repair_name(lexer.fault.kind),
                                       (long long)error.byte);
            break;
        }
        for (size_t r = 0; r < records.count; r++)
            sheaf_records_write(json, dialect, &records, r, SHEAF_UTF8);
    } while (records.count > 0);
    sheaf_lexer_destroy(&lexer);
    sheaf_string_append(json, "");
}

static void check_examples(const struct sheaf_dialect *dialect, const struct example *examples)
{
    for (; examples->text; examples++) {
        struct sheaf_string json = {0};
        read_as_json(dialect, examples->text, strlen(examples->text), &json);
        CU_ASSERT_STRING_EQUAL(json.bytes, examples->records);
        if (strcmp(json.bytes, examples->records) != 0)
            printf("\n%s\n  is read as %s\n  instead of %s\n", examples->text, json.bytes,
                   examples->records);
        sheaf_string_free(&json);
    }
}

static void records_end_at_every_kind_of_newline(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"", ""},
        {"a", "[\"a\"]"},
        {"a,b\nc,d\n", "[\"a\",\"b\"][\"c\",\"d\"]"},
        {"a\rb\r\nc", "[\"a\"][\"b\"][\"c\"]"},
        {"a,\n,\n", "[\"a\",\"\"][\"\",\"\"]"},
        {"a,", "[\"a\",\"\"]"},
        {"\n\r\n\r\ra\n\n", "[\"a\"]"},
        {"\"\"\n", "[\"\"]"},
        {"a\nb,c,d\n\"e\",f", "[\"a\"][\"b\",\"c\",\"d\"][\"e\",\"f\"]"},
        {NULL, NULL}};

    check_examples(&dialect, examples);
}

static void quotes_keep_delimiters_and_newlines_as_data(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"\"a,b\",\"c\nd\"\n", "[\"a,b\",\"c\\nd\"]"},
        {"\"c\r\nd\re\"\r\n", "[\"c\\r\\nd\\re\"]"},
        {"\"a\"\"b\",\"\"\"\"\n", "[\"a\\\"b\",\"\\\"\"]"},
        {"\"1\n2\n3\",\"\n\"\nx", "[\"1\\n2\\n3\",\"\\n\"][\"x\"]"},
        {NULL, NULL}};

    check_examples(&dialect, examples);
}

static void broken_quotes_are_read_as_python_reads_them(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"27\" pipe,x\n", "[\"27\\\" pipe\",\"x\"]"},
        {"\"b\"c,d\n", "[\"bc\",\"d\"]"},
        {"\"b\" \"c\"\n", "[\"b \\\"c\\\"\"]"},
        {" \"a\",b\n", "[\" \\\"a\\\"\",\"b\"]"},
        {"a\"\"b\n", "[\"a\\\"\\\"b\"]"},
        {"\"a\"b\"c,d\n", "[\"ab\\\"c\",\"d\"]"},
        {"x\ny,\"open\n1,2\n", "[\"x\"]unterminated_quote at 4"},
        {NULL, NULL}};

    check_examples(&dialect, examples);
}

/* The byte right after a closing quote is data, even an escape; those after it are as ever. */
static void escape_after_a_closing_quote_is_data(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {{"\"a\"\\b,c\n", "[\"a\\\\b\",\"c\"]"},
                                              {"\"a\"\\,c\n", "[\"a\\\\\",\"c\"]"},
                                              {"\"a\"b\\,c\n", "[\"ab,c\"]"},
                                              {NULL, NULL}};

    dialect.has_escape = true;
    dialect.escape = '\\';
    check_examples(&dialect, examples);
}

static void strict_stops_at_the_first_repair(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"a\nb\n27\" pipe,x\n", "[\"a\"][\"b\"]bare_quote at 6"},
        {"\"b\"c,d\n", "text_after_quote at 3"},
        {"\"b\" ,d\n", "text_after_quote at 3"},
        {"a,\"b", "unterminated_quote at 2"},
        {"\"a\"\"b\",c\n", "[\"a\\\"b\",\"c\"]"},
        {NULL, NULL}};

    dialect.reading = SHEAF_STRICT;
    check_examples(&dialect, examples);
}

static void lenient_runs_to_the_end(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"x\ny,\"open\n1,2\n", "[\"x\"][\"y\",\"open\\n1,2\\n\"]"},
        {"\"", "[\"\"]"},
        {"\"a\"\"", "[\"a\\\"\"]"},
        {NULL, NULL}};

    dialect.reading = SHEAF_LENIENT;
    check_examples(&dialect, examples);
}

static void libcsv_recovers_in_its_own_way(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"a,\"b\"c,d\ne\",f\n", "[\"a\",\"b\\\"c,d\\ne\",\"f\"]"},
        {"27\" pipe,x\n\n\ny\r\nz", "[\"27\\\" pipe\",\"x\"][\"y\"][\"z\"]"},
        {"\"\",\n", "[\"\",\"\"]"},
        {"\"open\n", "[\"open\\n\"]"},
        {NULL, NULL}};

    dialect.reading = SHEAF_LIBCSV;
    check_examples(&dialect, examples);
    static const struct example trimmed[] = {{" a , \"b\" \n  \nc", "[\"a\",\"b\"][\"c\"]"},
                                             {NULL, NULL}};
    dialect.skip_initial_space = true;
    check_examples(&dialect, trimmed);
}

/* Where records began in the file, whatever was trimmed or written down anew, in windows of any
 * size. */
static void libcsv_knows_where_its_records_began(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const char text[] = "ab,c\r\n\r\n  \n\"d\ne\",f\n g\rh";
    static const uint64_t kept[] = {0, 8, 11, 19, 22}, trimmed[] = {0, 11, 19, 22};

    dialect.reading = SHEAF_LIBCSV;
    for (int trim = 0; trim < 2; trim++)
        for (uint64_t window = 1; window < 30; window += 7) {
            struct lexing found = lexing_with(&dialect);
            found.window = window;
            found.most = 2;
            found.dialect.skip_initial_space = trim;
            lexing_shard(&found, text, sizeof text - 1, 0, sizeof text - 1);
            const char *at = found.text.bytes;
            for (size_t r = 0; r < (trim ? 4 : 5); r++) {
                CU_ASSERT_EQUAL(strtoull(at, NULL, 10), trim ? trimmed[r] : kept[r]);
                at = strstr(at, "]\n") + 2;
            }
            CU_ASSERT_EQUAL(found.lines, 6);
            CU_ASSERT_EQUAL(found.stopped_at, sizeof text - 1);
            lexing_clear(&found);
        }
}

static void blank_lines_are_records_if_they_are_kept(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {{"\na\r\n\r\n\r", "[\"\"][\"a\"][\"\"][\"\"]"},
                                              {"\n", "[\"\"]"},
                                              {"a\n", "[\"a\"]"},
                                              {NULL, NULL}};

    dialect.keep_blank = true;
    check_examples(&dialect, examples);
}

static void comments_are_left_out_whatever_is_in_them(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"# \"one\na,#b\n#\n#x\r\n\"#c\n#d\"\n #e\n", "[\"a\",\"#b\"][\"#c\\n#d\"][\" #e\"]"},
        {"#only", ""},
        {"#a\n\n#b\n", ""},
        {NULL, NULL}};

    dialect.has_comment = true;
    dialect.comment = '#';
    check_examples(&dialect, examples);
}

static void byte_after_an_escape_is_data(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {{"a\\,b,\"c\\\"d\"\n", "[\"a,b\",\"c\\\"d\"]"},
                                              {"a\\\nb\n", "[\"a\\nb\"]"},
                                              {"\\\"a\",b\n", "bare_quote at 3"},
                                              {"\"a\\\\\",b\n", "[\"a\\\\\",\"b\"]"},
                                              {"a\\\r\nb\n", "[\"a\\r\"][\"b\"]"},
                                              {"a\\", "[\"a\\\\\"]"},
                                              {NULL, NULL}};

    dialect.has_escape = true;
    dialect.escape = '\\';
    dialect.reading = SHEAF_STRICT;
    check_examples(&dialect, examples);
}

static void two_quotes_are_not_one_without_doublequote(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {{"\"a\"\"b\",c\n", "[\"a\\\"b\\\"\",\"c\"]"},
                                              {NULL, NULL}};

    dialect.doublequote = false;
    check_examples(&dialect, examples);
}

static void initial_spaces_are_no_part_of_a_field(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {
        {"  a,  \"b, c\" , \n", "[\"a\",\"b, c \",\"\"]"}, {"   \n", "[\"\"]"}, {NULL, NULL}};

    dialect.skip_initial_space = true;
    check_examples(&dialect, examples);
}

static void newlines_of_other_kinds_are_data_if_one_is_chosen(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example lf[] = {{"a\rb\nc\r\n\r\nd\r", "[\"a\\rb\"][\"c\"][\"d\\r\"]"},
                                        {NULL, NULL}};
    static const struct example crlf[] = {
        {"a\nb\r\nc\rd\r\n\r\n\n", "[\"a\\nb\"][\"c\\rd\"][\"\\n\"]"}, {NULL, NULL}};

    dialect.newline = SHEAF_NEWLINE_LF;
    check_examples(&dialect, lf);
    dialect.newline = SHEAF_NEWLINE_CRLF;
    check_examples(&dialect, crlf);
}

static void any_byte_may_delimit_or_quote(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    struct sheaf_string json = {0};
    static const struct example by_lines[] = {{"a,b\nc\r\nd", "[\"a,b\",\"c\"][\"\",\"d\"]"},
                                              {NULL, NULL}};

    dialect.delimiter = '\0';
    dialect.quote = 'q';
    read_as_json(&dialect, "a\0qb\0c\nqqdq\0\n", 13, &json);
    CU_ASSERT_STRING_EQUAL(json.bytes, "[\"a\",\"b\\u0000c\\nqd\",\"\"]");
    sheaf_string_free(&json);
    dialect.delimiter = '\n';
    check_examples(&dialect, by_lines);
}

static void without_quotes_every_newline_ends_a_record(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const struct example examples[] = {{"\"a,b\"\n\"\n", "[\"\\\"a\",\"b\\\"\"][\"\\\"\"]"},
                                              {NULL, NULL}};

    dialect.has_quote = false;
    check_examples(&dialect, examples);
}

static void bytes_that_are_no_text_survive(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    struct sheaf_string json = {0};

    read_as_json(&dialect, "a\0b,\xFF\xC3\xA9\xC3,\x01\x7f\n", 12, &json);
    CU_ASSERT_STRING_EQUAL(json.bytes,
                           "[\"a\\u0000b\",\"\\u00ff\xC3\xA9\\u00c3\",\"\\u0001\\u007f\"]");
    sheaf_string_free(&json);
}

static void byte_with_two_meanings_is_refused(void)
{
    struct sheaf_dialect dialects[8];

    for (int i = 0; i < 8; i++)
        dialects[i] = sheaf_dialect_default();
    dialects[0].delimiter = '"';
    dialects[1].quote = '\n';
    dialects[2].has_comment = true;
    dialects[2].comment = ',';
    dialects[3].has_escape = true;
    dialects[3].escape = '\r';
    dialects[4].skip_initial_space = true;
    dialects[4].delimiter = ' ';
    dialects[5].reading = SHEAF_LIBCSV;
    dialects[5].has_quote = false;
    dialects[6].reading = SHEAF_LIBCSV;
    dialects[6].keep_blank = true;
    dialects[7].reading = SHEAF_LIBCSV;
    dialects[7].delimiter = '\n';
    for (int i = 0; i < 8; i++) {
        sheaf_error error = {0};
        CU_ASSERT_EQUAL(sheaf_dialect_check(&dialects[i], &error), SHEAF_BAD_ARGUMENT);
        CU_ASSERT(error.help[0] != '\0');
    }
    struct sheaf_dialect same = sheaf_dialect_default();
    same.has_escape = true;
    same.escape = '"';
    same.doublequote = false;
    CU_ASSERT_EQUAL(sheaf_dialect_check(&same, NULL), SHEAF_OK);
    CU_ASSERT(!same.has_escape && same.doublequote);
}

static void repair_is_counted_once_for_each_field_with_its_first_place(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const char text[] = "x\n\"a\nb\",\"c\"d\"e\"\n\n1\"2\"3,4\"\n\"z\"\"";

    dialect.reading = SHEAF_LENIENT;
    struct lexing found = lexing_with(&dialect);
    lexing_shard(&found, text, sizeof text - 1, 0, sizeof text - 1);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_TEXT_AFTER_QUOTE].count, 1);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_TEXT_AFTER_QUOTE].first_byte, 11);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_TEXT_AFTER_QUOTE].first_line, 2);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_TEXT_AFTER_QUOTE].first_record, 1);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_BARE_QUOTE].count, 2);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_BARE_QUOTE].first_byte, 18);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_BARE_QUOTE].first_line, 4);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_OPEN_QUOTE].count, 1);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_OPEN_QUOTE].first_byte, 26);
    CU_ASSERT_EQUAL(found.repairs[SHEAF_REPAIR_OPEN_QUOTE].first_record, 3);
    CU_ASSERT_EQUAL(found.lines, 5);
    lexing_clear(&found);
}

static void batches_have_exactly_as_many_records_as_asked_for(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    struct sheaf_lexer lexer;
    struct sheaf_records records;
    sheaf_error error;
    char text[3000];
    size_t size = 0;

    while (size < 2990)
        size += (size_t)snprintf(text + size, 10, size % 3 ? "%zu,x\n" : "\"%zu\"\n\n", size % 100);
    for (size_t most = 1; most < 40; most += 7) {
        uint64_t total = 0;
        UNIT_OK(sheaf_lexer_init(&lexer, &dialect, &error), &error);
        sheaf_lexer_start(&lexer, text, size, size, true);
        UNIT_OK(sheaf_lexer_next(&lexer, most, &records, &error), &error);
        while (records.count == most) {
            total += most;
            UNIT_OK(sheaf_lexer_next(&lexer, most, &records, &error), &error);
        }
        total += records.count;
        if (records.count > 0)
            UNIT_OK(sheaf_lexer_next(&lexer, most, &records, &error), &error);
        CU_ASSERT_EQUAL(records.count, 0);
        CU_ASSERT(lexer.ended && lexer.records == total && lexer.stopped_at == size);
        sheaf_lexer_destroy(&lexer);
    }
}

static void equal_widths_make_a_rectangle_and_others_do_not(void)
{
    static const struct {
        const char *text;
        bool rectangular;
        uint32_t width;
    } cases[] = {{"a,b\nc,d\n", true, 2},       {"a,b\nc\n", false, 2},  {"a\nb,c\n", false, 1},
                 {"a,b\nc,d,e\nf\n", false, 2}, {"a\n\n\nb\n", true, 1}, {"a,b,c", true, 3},
                 {"a,b\r\n\"c\nc\",d", true, 2}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sheaf_dialect dialect = sheaf_dialect_default();
        struct sheaf_lexer lexer;
        struct sheaf_records records;
        sheaf_error error;
        size_t size = strlen(cases[i].text);
        UNIT_OK(sheaf_lexer_init(&lexer, &dialect, &error), &error);
        sheaf_lexer_start(&lexer, cases[i].text, size, size, true);
        UNIT_OK(sheaf_lexer_next(&lexer, 100, &records, &error), &error);
        CU_ASSERT_EQUAL(records.rectangular, cases[i].rectangular);
        CU_ASSERT_EQUAL(records.width, cases[i].width);
        sheaf_lexer_destroy(&lexer);
    }
}

static void record_longer_than_its_shard_is_read_to_its_end(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    const size_t size = 300000;
    char *text = malloc(size);

    memset(text, '\n', size); /* a quoted field of newlines, then a record */
    memcpy(text, "a,\"", 3);
    memcpy(text + size - 7, "\"\nb,c\n\n", 7);
    struct lexing found = lexing_with(&dialect);
    found.window = 10000;
    lexing_shard(&found, text, size, 0, 100);
    CU_ASSERT_EQUAL(found.status, SHEAF_OK);
    CU_ASSERT_EQUAL(found.records, 1);
    CU_ASSERT_EQUAL(found.stopped_at, size - 5);
    CU_ASSERT_EQUAL(found.lines, size - 3 - 7 + 1);
    lexing_clear(&found);
    free(text);
}

/* A file of zero bytes, of which only the pages with a newline exist. */
static char *huge_text(uint64_t size, const uint64_t *newlines, int count)
{
    char *text = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    for (int i = 0; text != MAP_FAILED && i < count; i++)
        text[newlines[i]] = '\n';
    return text == MAP_FAILED ? NULL : text;
}

static void batch_ends_before_positions_do_not_fit(void)
{
    const uint64_t size = UINT64_C(9) << 30;
    const uint64_t newlines[] = {UINT64_C(3) << 30, UINT64_C(4) << 30};
    char *text = huge_text(size, newlines, 2);
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    struct sheaf_lexer lexer;
    struct sheaf_records records;
    sheaf_error error = {0};

    if (!text || !sheaf_cpu_isa_runs(SHEAF_ISA_AVX2)) {
        unit_skip("9 GiB can not be mapped, or are read too slowly", 1);
        return;
    }
    UNIT_OK(sheaf_lexer_init(&lexer, &dialect, &error), &error);
    sheaf_lexer_start(&lexer, text, size, size, true);
    UNIT_OK(sheaf_lexer_next(&lexer, 100, &records, &error), &error);
    CU_ASSERT_EQUAL(records.count, 1);
    CU_ASSERT_EQUAL(sheaf_field_end(&records, 0, 0), newlines[0]);
    UNIT_OK(sheaf_lexer_next(&lexer, 100, &records, &error), &error);
    CU_ASSERT_EQUAL(records.count, 1);
    CU_ASSERT_EQUAL(sheaf_record_offset(&records, 0), newlines[0] + 1);
    CU_ASSERT_EQUAL(sheaf_lexer_next(&lexer, 100, &records, &error), SHEAF_LIMIT);
    CU_ASSERT_EQUAL(error.byte, (int64_t)newlines[1] + 1);
    sheaf_lexer_destroy(&lexer);
    munmap(text, size);
}

/* A page that may not be touched begins where the bytes end. */
static void no_byte_is_read_behind_the_last(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    enum sheaf_isa isas[3];
    int count = lexing_isas(isas);

    CU_ASSERT_FATAL(pages != MAP_FAILED);
    CU_ASSERT_FATAL(mprotect(pages + page, page, PROT_NONE) == 0);
    for (size_t i = 0; i < page; i++)
        pages[i] = "ab,\"c\"\r\n"[i % 8];
    for (size_t size = 0; size < 300; size++)
        for (int i = 0; i < count; i++) {
            struct sheaf_dialect dialect = sheaf_dialect_default();
            struct sheaf_lexer lexer;
            struct sheaf_records records;
            sheaf_error error;
            dialect.reading = SHEAF_LENIENT;
            UNIT_OK(sheaf_lexer_init(&lexer, &dialect, &error), &error);
            lexer.kernel = sheaf_index_kernel_of(isas[i]);
            sheaf_lexer_start(&lexer, pages + page - size, size, size, true);
            UNIT_OK(sheaf_lexer_next(&lexer, 10000, &records, &error), &error);
            sheaf_lexer_destroy(&lexer);
        }
    munmap(pages, 2 * page);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(records_end_at_every_kind_of_newline),
        UNIT(quotes_keep_delimiters_and_newlines_as_data),
        UNIT(broken_quotes_are_read_as_python_reads_them),
        UNIT(escape_after_a_closing_quote_is_data),
        UNIT(strict_stops_at_the_first_repair),
        UNIT(lenient_runs_to_the_end),
        UNIT(libcsv_recovers_in_its_own_way),
        UNIT(libcsv_knows_where_its_records_began),
        UNIT(blank_lines_are_records_if_they_are_kept),
        UNIT(comments_are_left_out_whatever_is_in_them),
        UNIT(byte_after_an_escape_is_data),
        UNIT(two_quotes_are_not_one_without_doublequote),
        UNIT(initial_spaces_are_no_part_of_a_field),
        UNIT(newlines_of_other_kinds_are_data_if_one_is_chosen),
        UNIT(any_byte_may_delimit_or_quote),
        UNIT(without_quotes_every_newline_ends_a_record),
        UNIT(bytes_that_are_no_text_survive),
        UNIT(byte_with_two_meanings_is_refused),
        UNIT(repair_is_counted_once_for_each_field_with_its_first_place),
        UNIT(batches_have_exactly_as_many_records_as_asked_for),
        UNIT(equal_widths_make_a_rectangle_and_others_do_not),
        UNIT(record_longer_than_its_shard_is_read_to_its_end),
        UNIT(batch_ends_before_positions_do_not_fit),
        UNIT(no_byte_is_read_behind_the_last),
        {0},
    };

    return unit_run("lexer", tests);
}
