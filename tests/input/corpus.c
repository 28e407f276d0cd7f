/* corpus.c - the conformance corpus: rows, quotes, places and verdicts of 539 files */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column/parse.h"
#include "input/cut.h"
#include "input/records.h"
#include "json.h"
#include "lexing.h"
#include "unit.h"

#define CASES 539

struct corpus_case {
    const char *id;
    struct sheaf_dialect dialect;
    const struct json *expect;
    const char *bytes;
    size_t size;
};

static const char *folder;

static bool byte_of(const struct json *json, unsigned char *byte)
{
    if (!json || json->kind != JSON_STRING)
        return false;
    *byte = (unsigned char)json->bytes[0];
    return true;
}

static bool is_true(const struct json *object, const char *name)
{
    const struct json *json = json_get(object, name);

    return json && json->kind == JSON_BOOL && json->truth;
}

static uint64_t number_of(const struct json *object, const char *name)
{
    const struct json *json = json_get(object, name);

    return json && json->kind == JSON_NUMBER ? (uint64_t)json->number : UINT64_MAX;
}

static struct sheaf_dialect dialect_of(const struct json *json)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    const struct json *newline = json_get(json, "newline");

    byte_of(json_get(json, "delimiter"), &dialect.delimiter);
    dialect.has_quote = byte_of(json_get(json, "quote"), &dialect.quote);
    dialect.has_escape = byte_of(json_get(json, "escape"), &dialect.escape);
    dialect.has_comment = byte_of(json_get(json, "comment"), &dialect.comment);
    dialect.doublequote = is_true(json, "doublequote");
    dialect.keep_blank = !is_true(json, "skip_blank");
    dialect.skip_initial_space = is_true(json, "skipinitialspace");
    if (newline && newline->bytes && strcmp(newline->bytes, "lf") == 0)
        dialect.newline = SHEAF_NEWLINE_LF;
    return dialect;
}

/* A string of the expectation as the bytes that it was decoded from. */
static size_t encode(const struct corpus_case *test, const struct json *string, char *to)
{
    const struct json *encoding = json_get(test->expect, "text_encoding");
    size_t size = 0;

    if (strcmp(encoding->bytes, "latin-1") != 0) {
        memcpy(to, string->bytes, string->size);
        return string->size;
    }
    for (size_t i = 0; i < string->size; i++) {
        unsigned char byte = (unsigned char)string->bytes[i];
        if (byte >= 0xC0)
            byte = (unsigned char)(byte << 6 | ((unsigned char)string->bytes[++i] & 0x3F));
        to[size++] = (char)byte;
    }
    return size;
}

static void write_rows(const struct corpus_case *test, const struct json *rows,
                       struct lexing *expected)
{
    const struct json *quoted = json_get(test->expect, "quoted");
    const struct json *offsets = json_get(test->expect, "record_offsets");

    for (size_t r = 0; r < rows->size; r++) {
        lexing_record(expected, expected->plain ? 0 : (uint64_t)offsets->items[r].number);
        for (size_t c = 0; c < rows->items[r].size; c++) {
            const struct json *field = &rows->items[r].items[c];
            char *value = malloc(field->size + 1);
            size_t size = encode(test, field, value);
            lexing_field(expected, !expected->plain && quoted->items[r].items[c].number > 0, value,
                         size);
            free(value);
        }
        lexing_record_end(expected);
    }
}

/* Run a check on every case, and say which fail. */
static void for_each_case(bool (*check)(const struct corpus_case *))
{
    struct json *manifest = folder ? json_read(folder, "manifest.json") : NULL;
    const struct json *cases = json_get(manifest, "cases");

    if (!folder) {
        unit_skip("SHEAF_CORPUS is not set", CASES);
        return;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(cases);
    CU_ASSERT_EQUAL(cases->size, CASES);
    for (size_t i = 0; i < cases->size; i++) {
        const struct json *entry = &cases->items[i];
        struct corpus_case test = {.id = json_get(entry, "id")->bytes,
                                   .dialect = dialect_of(json_get(entry, "dialect"))};
        struct json *expect = json_read(folder, json_get(entry, "expect")->bytes);
        char *bytes = json_read_file(folder, json_get(entry, "data")->bytes, &test.size);
        test.expect = expect;
        test.bytes = bytes;
        bool good = expect && bytes && check(&test);
        CU_ASSERT(good);
        if (!good)
            printf("  case %s\n", test.id);
        free(bytes);
        json_free(expect);
    }
    json_free(manifest);
}

static bool same_rows(const struct lexing *expected, const struct lexing *found)
{
    if (found->status == SHEAF_OK && found->well_formed && lexing_equal(expected, found))
        return true;
    printf("  expected %.300s\n  found %.300s\n", expected->text.bytes ? expected->text.bytes : "",
           found->text.bytes ? found->text.bytes : "");
    return false;
}

static const struct json *strict_error(const struct corpus_case *test)
{
    return json_get(json_get(test->expect, "strict"), "error");
}

static bool is_unterminated(const struct corpus_case *test)
{
    const struct json *all = json_get(json_get(test->expect, "strict"), "all_errors");
    const struct json *last = all && all->size ? &all->items[all->size - 1] : strict_error(test);

    return last && strcmp(json_get(last, "kind")->bytes, "unterminated_quote") == 0;
}

/* -- the checks ------------------------------------------------------------------------------- */

/* One file with every instruction set, whole, in small windows and in small batches. */
static bool has_its_rows(const struct corpus_case *test)
{
    enum sheaf_isa isas[3];
    int count = lexing_isas(isas);
    struct lexing expected = lexing_with(&test->dialect);
    bool good = true;

    write_rows(test, json_get(test->expect, "rows"), &expected);
    for (int i = 0; i < 3 * count; i++) {
        struct lexing found = lexing_with(&test->dialect);
        found.dialect.reading = SHEAF_LENIENT;
        found.isa = isas[i % count];
        found.window = i < count ? 0 : i < 2 * count ? 7 + test->size / 64 : 1000;
        found.most = i < count ? 0 : 3;
        lexing_file(&found, test->bytes, test->size);
        good &= same_rows(&expected, &found);
        lexing_clear(&found);
        if (is_unterminated(test))
            continue;
        found.dialect.reading = SHEAF_CANONICAL;
        lexing_file(&found, test->bytes, test->size);
        good &= same_rows(&expected, &found);
        lexing_clear(&found);
    }
    lexing_clear(&expected);
    return good;
}

static void every_file_has_its_rows_quotes_and_offsets(void)
{
    for_each_case(has_its_rows);
}

static bool has_its_lines(const struct corpus_case *test)
{
    const struct json *offsets = json_get(test->expect, "record_offsets");
    const struct json *lines = json_get(test->expect, "record_lines");
    struct lexing found = lexing_with(&test->dialect);
    bool good = true;

    for (size_t r = 0; r < offsets->size; r++) {
        uint64_t offset = (uint64_t)offsets->items[r].number;
        good &= 1 + sheaf_count_lines(test->bytes, offset) == (uint64_t)lines->items[r].number;
    }
    found.dialect.reading = SHEAF_LENIENT;
    lexing_file(&found, test->bytes, test->size);
    good &= found.lines == sheaf_count_lines(test->bytes, test->size);
    good &= found.stopped_at == test->size && found.records == offsets->size;
    lexing_clear(&found);
    return good;
}

static void every_record_has_its_physical_line(void)
{
    for_each_case(has_its_lines);
}

static bool same_fault(const struct json *error, const struct lexing *found, uint64_t bom)
{
    return strcmp(sheaf_repair_name(found->fault.kind), json_get(error, "kind")->bytes) == 0 &&
           found->fault.byte + bom == number_of(error, "offset") &&
           found->fault.line + 1 == number_of(error, "line") &&
           found->fault.record + 1 == number_of(error, "record") &&
           found->fault.field + 1 == number_of(error, "field") &&
           found->error.byte == (int64_t)found->fault.byte;
}

static bool has_its_verdict(const struct corpus_case *test)
{
    const struct json *error = strict_error(test);
    uint64_t bom = sheaf_bom_size(test->bytes, test->size);
    enum sheaf_isa isas[3];
    int count = lexing_isas(isas);
    bool good = true;

    for (int i = 0; i < count; i++) {
        struct lexing found = lexing_with(&test->dialect);
        found.dialect.reading = SHEAF_STRICT;
        found.isa = isas[i];
        lexing_file(&found, test->bytes, test->size);
        good &= found.status == (error ? SHEAF_BAD_DATA : SHEAF_OK);
        if (error && !same_fault(error, &found, bom)) {
            printf("  %s at %llu line %llu record %llu field %u\n",
                   sheaf_repair_name(found.fault.kind), (unsigned long long)found.fault.byte,
                   (unsigned long long)found.fault.line, (unsigned long long)found.fault.record,
                   found.fault.field);
            good = false;
        }
        lexing_clear(&found);
    }
    return good;
}

static void every_strict_verdict_has_its_kind_and_place(void)
{
    for_each_case(has_its_verdict);
}

/* Every repair is counted once for each field, and its first place kept. */
static bool has_its_repairs(const struct corpus_case *test)
{
    const struct json *all = json_get(json_get(test->expect, "strict"), "all_errors");
    struct lexing found = lexing_with(&test->dialect);
    uint64_t bom = sheaf_bom_size(test->bytes, test->size);
    uint64_t counts[SHEAF_REPAIR_KINDS] = {0};
    bool good = true;

    found.dialect.reading = SHEAF_LENIENT;
    lexing_file(&found, test->bytes, test->size);
    for (size_t i = 0; all && i < all->size; i++)
        for (int kind = 0; kind < SHEAF_REPAIR_KINDS; kind++) {
            const struct json *error = &all->items[i];
            if (strcmp(sheaf_repair_name((enum sheaf_repair_kind)kind),
                       json_get(error, "kind")->bytes) != 0)
                continue;
            if (counts[kind]++ == 0)
                good &= found.repairs[kind].first_byte + bom == number_of(error, "offset") &&
                        found.repairs[kind].first_line + 1 == number_of(error, "line") &&
                        found.repairs[kind].first_record + 1 == number_of(error, "record");
        }
    for (int kind = 0; kind < SHEAF_REPAIR_KINDS; kind++)
        good &= found.repairs[kind].count == counts[kind] ||
                (all && all->size == 8 && found.repairs[kind].count >= counts[kind]);
    lexing_clear(&found);
    return good;
}

static void every_repair_is_counted(void)
{
    for_each_case(has_its_repairs);
}

static bool has_its_libcsv_rows(const struct corpus_case *test)
{
    const struct json *rows = json_get(test->expect, "rows");
    const struct json *no_trim = json_get(test->expect, "libcsv_rows_no_trim");
    const struct json *trimmed = json_get(test->expect, "libcsv_rows_default");
    struct sheaf_dialect dialect = test->dialect;
    bool good = true;

    dialect.reading = SHEAF_LIBCSV;
    dialect.keep_blank = dialect.skip_initial_space = false;
    dialect.newline = SHEAF_NEWLINE_ANY;
    if (!json_get(test->expect, "libcsv_strict") || sheaf_dialect_check(&dialect, NULL) != SHEAF_OK)
        return true; /* not a dialect that libcsv knows */
    if (sheaf_bom_size(test->bytes, test->size) > 0)
        return true; /* nor does it know byte order marks, which the lexer leaves out */
    for (int trim = 0; trim < 2; trim++) {
        struct lexing expected = lexing_with(&dialect), found = lexing_with(&dialect);
        expected.plain = found.plain = true;
        found.dialect.skip_initial_space = trim;
        write_rows(test, trim && trimmed ? trimmed : no_trim && !trim ? no_trim : rows, &expected);
        for (uint64_t window = 0; window < 3; window++) {
            found.window = window * 5;
            found.most = window * 2;
            lexing_file(&found, test->bytes, test->size);
            good &= same_rows(&expected, &found);
            good &= found.lines == sheaf_count_lines(test->bytes, test->size);
        }
        lexing_clear(&expected);
        lexing_clear(&found);
    }
    return good;
}

static void libcsv_reads_what_libcsv_reads(void)
{
    for_each_case(has_its_libcsv_rows);
}

/* From a place that is proven the rest of the file reads as it does from the beginning. */
static bool has_its_cuts(const struct corpus_case *test)
{
    struct lexing whole = lexing_with(&test->dialect), rest = lexing_with(&test->dialect);
    bool good = true;

    whole.dialect.reading = rest.dialect.reading = SHEAF_LENIENT;
    lexing_file(&whole, test->bytes, test->size);
    size_t step = 1 + test->size / 200;
    for (uint64_t nominal = 0; nominal <= test->size; nominal += step) {
        struct sheaf_cut cut;
        sheaf_cut_start(&cut, &test->dialect, nominal);
        if (nominal >= test->size || nominal <= sheaf_bom_size(test->bytes, test->size))
            continue;
        sheaf_cut_feed(&cut, test->bytes + cut.wanted, test->size - cut.wanted, true);
        good &= cut.found >= nominal && cut.found <= test->size;
        good &= cut.found == sheaf_cut_find(&test->dialect, test->bytes, test->size, nominal);
        if (!cut.proven)
            continue;
        sheaf_string_clear(&rest.text);
        lexing_shard(&rest, test->bytes, test->size, cut.found, test->size);
        good &= rest.text.size <= whole.text.size;
        good &= rest.text.size == 0 ||
                memcmp(rest.text.bytes, whole.text.bytes + whole.text.size - rest.text.size,
                       rest.text.size) == 0;
    }
    lexing_clear(&whole);
    lexing_clear(&rest);
    return good;
}

static void every_proven_cut_is_a_line_start(void)
{
    for_each_case(has_its_cuts);
}

/* JSON out, JSON in: the same bytes, whether they are UTF-8 or not. */
static bool survives_json(const struct corpus_case *test)
{
    bool utf8 = sheaf_utf8_valid(test->bytes, test->size) == test->size;
    struct sheaf_string text = {0};
    bool good = utf8 == (strcmp(json_get(test->expect, "text_encoding")->bytes, "latin-1") != 0);

    sheaf_json_string(&text, test->bytes, test->size, utf8 ? SHEAF_UTF8 : SHEAF_LATIN1);
    struct json *json = json_parse(text.bytes, text.size);
    char *bytes = malloc(json && json->size ? json->size : 1);
    good &= json && encode(test, json, bytes) == test->size &&
            memcmp(bytes, test->bytes, test->size) == 0;
    free(bytes);
    json_free(json);
    sheaf_string_free(&text);
    return good;
}

static void every_byte_survives_json(void)
{
    for_each_case(survives_json);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(every_file_has_its_rows_quotes_and_offsets),
        UNIT(every_record_has_its_physical_line),
        UNIT(every_strict_verdict_has_its_kind_and_place),
        UNIT(every_repair_is_counted),
        UNIT(libcsv_reads_what_libcsv_reads),
        UNIT(every_proven_cut_is_a_line_start),
        UNIT(every_byte_survives_json),
        {0},
    };

    folder = unit_folder("SHEAF_CORPUS", "the conformance corpus");
    return unit_run("corpus", tests);
}
