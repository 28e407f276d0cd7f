/*
 * corpus.c - files of the conformance corpus through `sheaf records`, with their dialects as flags
 *
 * The lexer itself meets the whole corpus in tests/input; here it is the flags,
 * the command's reading of the file and the JSON that are tried.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/shell.h"
#include "json.h"

#define CASES 539

static const char *folder;

static bool is_true(const struct json *object, const char *name)
{
    const struct json *json = json_get(object, name);

    return json && json->kind == JSON_BOOL && json->truth;
}

static void append(char *flags, size_t size, const char *format, ...) SHEAF_PRINTF(3, 4);
static void append(char *flags, size_t size, const char *format, ...)
{
    size_t used = strlen(flags);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(flags + used, size - used, format, arguments);
    va_end(arguments);
}

static void append_byte(char *flags, size_t size, const char *flag, const struct json *byte)
{
    if (byte && byte->kind == JSON_STRING)
        append(flags, size, " %s '\\x%02x'", flag, (unsigned char)byte->bytes[0]);
}

static void make_flags(const struct json *dialect, char *flags, size_t size)
{
    const struct json *quote = json_get(dialect, "quote"), *newline = json_get(dialect, "newline");

    flags[0] = '\0';
    append_byte(flags, size, "-d", json_get(dialect, "delimiter"));
    append_byte(flags, size, "--escape", json_get(dialect, "escape"));
    append_byte(flags, size, "--comment", json_get(dialect, "comment"));
    if (quote && quote->kind == JSON_STRING)
        append_byte(flags, size, "--quote", quote);
    else
        append(flags, size, " --no-quote");
    if (!is_true(dialect, "doublequote"))
        append(flags, size, " --no-doublequote");
    if (!is_true(dialect, "skip_blank"))
        append(flags, size, " --keep-blank");
    if (is_true(dialect, "skipinitialspace"))
        append(flags, size, " --skip-initial-space");
    if (newline && newline->kind == JSON_STRING && strcmp(newline->bytes, "lf") == 0)
        append(flags, size, " --newline lf");
}

static bool same_record(const struct json *expected, const struct json *found)
{
    if (!found || found->kind != JSON_ARRAY || found->size != expected->size)
        return false;
    for (size_t i = 0; i < expected->size; i++)
        if (found->items[i].size != expected->items[i].size ||
            memcmp(found->items[i].bytes, expected->items[i].bytes, expected->items[i].size) != 0)
            return false;
    return true;
}

static bool same_records(const struct json *rows, const char *lines)
{
    size_t row = 0;

    for (; *lines; row++) {
        size_t size = strcspn(lines, "\n");
        struct json *record = json_parse(lines, size);
        bool same = row < rows->size && same_record(&rows->items[row], record);
        json_free(record);
        if (!same)
            return false;
        lines += size + 1;
    }
    return row == rows->size;
}

/* Where the file is not UTF-8, the text of its bytes is not what the command means by them. */
static bool is_utf8(const struct json *expect)
{
    return strcmp(json_get(expect, "text_encoding")->bytes, "latin-1") != 0;
}

/* Bytes that announce UTF-16 are refused before anything is lexed. */
static bool is_utf16(const char *data)
{
    size_t size = 0;
    char *bytes = json_read_file(folder, data, &size);
    bool is = size > 1 && ((bytes[0] == '\xFF' && bytes[1] == '\xFE') ||
                           (bytes[0] == '\xFE' && bytes[1] == '\xFF'));

    free(bytes);
    return is;
}

static bool check(const struct json *entry, const struct json *expect)
{
    char flags[256];
    const char *data = json_get(entry, "data")->bytes;
    const struct json *strict = json_get(json_get(expect, "strict"), "error");

    make_flags(json_get(entry, "dialect"), flags, sizeof flags);
    struct shell_result r = shell("sheaf records --lenient %s '%s/%s'", flags, folder, data);
    if (is_utf16(data))
        return r.code == 5 && strstr(r.err, "E403");
    bool good = r.code == 0 && (!is_utf8(expect) || same_records(json_get(expect, "rows"), r.out));
    if (!good)
        printf("\nsheaf records --lenient %s %s: exit code %d\n%.400s%s", flags, data, r.code,
               r.out, r.err);
    r = shell("sheaf records --strict %s '%s/%s'", flags, folder, data);
    if (is_true(json_get(expect, "strict"), "ok"))
        good &= r.code == 0;
    else if (strict && json_get(strict, "offset")) {
        char place[64];
        snprintf(place, sizeof place, "byte %.0f)", json_get(strict, "offset")->number);
        bool refused = r.code == 5 && strstr(r.err, "E405") && strstr(r.err, place);
        if (!refused)
            printf("\nsheaf records --strict %s %s: exit code %d, expected %s\n%s", flags, data,
                   r.code, place, r.err);
        good &= refused;
    }
    return good;
}

static void records_are_those_of_the_corpus(void)
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
        struct json *expect = json_read(folder, json_get(&cases->items[i], "expect")->bytes);
        CU_ASSERT(expect && check(&cases->items[i], expect));
        json_free(expect);
    }
    json_free(manifest);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(records_are_those_of_the_corpus),
        {0},
    };

    folder = unit_folder("SHEAF_CORPUS", "the conformance corpus");
    shell_begin();
    int failed = unit_run("corpus", tests);
    shell_end();
    return failed;
}
