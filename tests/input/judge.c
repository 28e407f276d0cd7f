/*
 * judge.c - random files: libcsv is the judge of rows and verdicts, the serial reading of shards
 *
 * Every file is read by the automaton alone, by a vector kernel, in windows and
 * batches of odd sizes, and in shards that are planned, verified and planned again as the
 * engine does it.  All must agree.  SHEAF_TEST_FILES sets how many files there are.
 */
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/cut.h"
#include "lexing.h"
#include "unit.h"

#define MOST_BYTES 6000

static unsigned files = 100000;

struct file {
    char bytes[MOST_BYTES + 64];
    size_t size;
};

/* -- files ------------------------------------------------------------------------------------ */

static void put(struct file *file, const char *text)
{
    for (; *text && file->size < MOST_BYTES; text++)
        file->bytes[file->size++] = *text;
}

/* Anything of a small alphabet: where the rules break most. */
static void make_noise(struct file *file, struct unit_random *random, size_t size)
{
    static const char *const alphabets[] = {"a\",\n",      "a\",\r\n", "ab\", \n\r",
                                            "\"\n",        "a,\r\n",   "aaaaaaaaaaaa,,,\"\n",
                                            "#a\\\",\n \r"};
    const char *alphabet = alphabets[unit_random_below(random, 7)];
    unsigned letters = (unsigned)strlen(alphabet);

    while (file->size < size)
        file->bytes[file->size++] = alphabet[unit_random_below(random, letters)];
}

static void put_quoted(struct file *file, struct unit_random *random)
{
    static const char *const inside[] = {
        "a",       "bc",   ",",          "\n", "\r\n",
        "\r",      "\"\"", "x,y\n1,2\n", " ",  "long text without anything in it, really",
        "\xC3\xA9"};

    put(file, "\"");
    for (unsigned left = unit_random_below(random, 6); left > 0; left--)
        put(file, inside[unit_random_below(random, 11)]);
    put(file, "\"");
}

/* What RFC 4180 allows, with newlines of all kinds, and now and then a field that it does not. */
static void make_table(struct file *file, struct unit_random *random, size_t size, unsigned broken)
{
    static const char *const plain[] = {
        "",          "1",  "23.5",  "word",
        "two words", "-7", "0.125", "a rather long field that has no quote in it"};
    static const char *const odd[] = {"27\"", "\"a\"b", "\"\"x\"", " \"a\"", "a\"\"b", "\"a\" "};
    static const char *const newlines[] = {"\n", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n"};
    const char *newline = newlines[unit_random_below(random, 4)];
    unsigned columns = 1 + unit_random_below(random, 6), quoted = unit_random_below(random, 4);

    while (file->size < size) {
        for (unsigned c = 0; c < columns; c++) {
            put(file, c > 0 ? "," : "");
            if (broken > 0 && unit_random_below(random, broken) == 0)
                put(file, odd[unit_random_below(random, 6)]);
            else if (unit_random_below(random, 4) < quoted)
                put_quoted(file, random);
            else
                put(file, plain[unit_random_below(random, 8)]);
        }
        put(file, unit_random_below(random, 16) ? newline : newlines[unit_random_below(random, 6)]);
    }
    if (unit_random_below(random, 2))
        file->size -= file->size > 0;
}

static void make_file(struct file *file, struct unit_random *random)
{
    size_t size = unit_random_below(random, 100);

    if (unit_random_below(random, 32) == 0)
        size = unit_random_below(random, MOST_BYTES - 1000);
    file->size = 0;
    switch (unit_random_below(random, 4)) {
    case 0:
        make_noise(file, random, size);
        break;
    case 1:
        make_table(file, random, size, 0);
        break;
    case 2:
        make_table(file, random, size, 8);
        break;
    default:
        make_table(file, random, size, 60);
        break;
    }
}

static struct sheaf_dialect make_dialect(struct unit_random *random)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    unsigned features = unit_random_below(random, 4) ? 0 : unit_random_below(random, 256);

    dialect.has_escape = features & 1;
    dialect.escape = '\\';
    dialect.has_comment = features & 2;
    dialect.comment = '#';
    dialect.keep_blank = features & 4;
    dialect.skip_initial_space = features & 8;
    dialect.doublequote = !(features & 16);
    dialect.has_quote = (features & 96) != 96;
    dialect.newline = features & 128 ? (sheaf_newline)unit_random_below(random, 3) : 0;
    if (features & 32)
        dialect.delimiter = 'a';
    return dialect;
}

static void show(const char *what, unsigned number, const struct file *file)
{
    printf("file %u: %s: ", number, what);
    for (size_t i = 0; i < file->size; i++) {
        unsigned char byte = (unsigned char)file->bytes[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '\\')
            putchar(byte);
        else
            printf("\\x%02x", byte);
    }
    printf("\n");
}

/* -- shards ----------------------------------------------------------------------------------- */

static unsigned wrong_guesses;

/* The same place, found in windows of a few bytes, each in memory of its own. */
static uint64_t cut_in_windows(const struct sheaf_dialect *dialect, const struct file *file,
                               uint64_t nominal, size_t window)
{
    struct sheaf_cut cut;
    bool found = false;

    sheaf_cut_start(&cut, dialect, nominal);
    while (!found) {
        uint64_t to = cut.wanted + window < file->size ? cut.wanted + window : file->size;
        size_t size = (size_t)(to - cut.wanted);
        char *bytes = malloc(size ? size : 1);
        memcpy(bytes, file->bytes + cut.wanted, size);
        found = sheaf_cut_feed(&cut, bytes, size, to == file->size);
        free(bytes);
    }
    return cut.found;
}

/*
 * Each shard begins where the one before says, which is where it was planned
 * unless the plan was a wrong guess; one that begins behind its own end is void.
 */
static void read_shards(struct lexing *lexing, const struct file *file, uint64_t shard_bytes)
{
    uint64_t count = file->size ? (file->size + shard_bytes - 1) / shard_bytes : 1;
    uint64_t begin = 0, lines = 0, records = 0;
    struct sheaf_repair repairs[SHEAF_REPAIR_KINDS] = {{0}};

    for (uint64_t i = 0; i < count; i++) {
        uint64_t stop = sheaf_cut_find(&lexing->dialect, file->bytes, file->size,
                                       i + 1 < count ? (i + 1) * shard_bytes : file->size);
        if (begin >= stop)
            continue;
        lexing_shard(lexing, file->bytes, file->size, begin, stop);
        if (lexing->status != SHEAF_OK) {
            lexing->fault.byte += begin;
            lexing->fault.line += lines;
            lexing->fault.record += records;
            return;
        }
        for (int kind = 0; kind < SHEAF_REPAIR_KINDS; kind++) {
            if (repairs[kind].count == 0 && lexing->repairs[kind].count > 0) {
                repairs[kind] = lexing->repairs[kind];
                repairs[kind].first_byte += begin;
                repairs[kind].first_line += lines;
                repairs[kind].first_record += records;
            } else {
                repairs[kind].count += lexing->repairs[kind].count;
            }
        }
        wrong_guesses += lexing->stopped_at != stop;
        begin = lexing->stopped_at;
        lines += lexing->lines;
        records += lexing->records;
    }
    lexing->lines = lines;
    lexing->records = records;
    lexing->stopped_at = begin;
    memcpy(lexing->repairs, repairs, sizeof repairs);
}

static bool same_outcome(const struct lexing *a, const struct lexing *b)
{
    if (!a->well_formed || !b->well_formed || a->status != b->status || !lexing_equal(a, b))
        return false;
    if (a->status != SHEAF_OK)
        return a->fault.kind == b->fault.kind && a->fault.byte == b->fault.byte &&
               a->fault.line == b->fault.line && a->fault.record == b->fault.record &&
               a->fault.field == b->fault.field;
    return a->stopped_at == b->stopped_at && a->lines == b->lines && a->records == b->records &&
           memcmp(a->repairs, b->repairs, sizeof a->repairs) == 0;
}

static bool agree_on_file(const struct file *file, struct unit_random *random, unsigned number)
{
    enum sheaf_isa isas[3];
    unsigned isa_count = (unsigned)lexing_isas(isas);
    struct sheaf_dialect dialect = make_dialect(random);
    static const sheaf_reading readings[] = {SHEAF_LENIENT, SHEAF_LENIENT, SHEAF_CANONICAL,
                                             SHEAF_STRICT};
    dialect.reading = readings[unit_random_below(random, 4)];
    struct lexing serial = lexing_with(&dialect), other = lexing_with(&dialect);
    bool good = true;

    serial.isa = SHEAF_ISA_SCALAR;
    lexing_shard(&serial, file->bytes, file->size, 0, file->size);

    other.isa = isas[unit_random_below(random, isa_count)];
    other.window = unit_random_below(random, 3) ? 0 : 1 + unit_random_below(random, 200);
    other.most = 1 + unit_random_below(random, 9);
    lexing_shard(&other, file->bytes, file->size, 0, file->size);
    if (!same_outcome(&serial, &other)) {
        show(sheaf_cpu_isa_name(other.isa), number, file);
        good = false;
    }

    lexing_clear(&other);
    other.well_formed = true;
    other.status = SHEAF_OK;
    uint64_t shard = unit_random_below(random, 8)
                         ? 1 + file->size / (1 + unit_random_below(random, 6))
                         : 1 + unit_random_below(random, 4);
    read_shards(&other, file, file->size > 200 && shard < 30 ? 30 + shard : shard);
    if (!same_outcome(&serial, &other)) {
        show("shards", number, file);
        printf("of %llu bytes\n", (unsigned long long)shard);
        good = false;
    }
    if (file->size > 0) {
        uint64_t nominal = unit_random_below(random, (unsigned)file->size);
        good &= sheaf_cut_find(&dialect, file->bytes, file->size, nominal) ==
                cut_in_windows(&dialect, file, nominal, 2 + unit_random_below(random, 9));
    }
    lexing_clear(&serial);
    lexing_clear(&other);
    return good;
}

static void shards_windows_and_kernels_agree_with_the_automaton(void)
{
    struct unit_random random = {20240229};
    static struct file file;
    unsigned bad = 0;

    wrong_guesses = 0;
    for (unsigned i = 0; i < files && bad < 10; i++) {
        make_file(&file, &random);
        bad += !agree_on_file(&file, &random, i);
    }
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT(wrong_guesses > 0); /* else nothing was shown of how they are repaired */
    printf("%u files, %u wrong guesses repaired: ", files, wrong_guesses);
}

/* -- libcsv ----------------------------------------------------------------------------------- */

static int never(unsigned char byte)
{
    (void)byte;
    return 0;
}

struct witness {
    struct lexing *lexing;
    bool in_record;
};

static void see_field(void *value, size_t size, void *data)
{
    struct witness *witness = data;

    if (!witness->in_record)
        lexing_record(witness->lexing, 0);
    witness->in_record = true;
    lexing_field(witness->lexing, false, value, size);
}

static void see_record(int newline, void *data)
{
    struct witness *witness = data;

    (void)newline;
    lexing_record_end(witness->lexing);
    witness->in_record = false;
}

/* Rows as libcsv's strict reading gives them; false at an error, whose offset is UINT64_MAX for an
 * open quote: libcsv does not know where that is. */
static bool ask_libcsv(const struct file *file, struct lexing *rows, uint64_t *offset)
{
    struct witness witness = {.lexing = rows};
    struct csv_parser parser;
    bool good = true;

    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_space_func(&parser, never);
    size_t parsed = csv_parse(&parser, file->bytes, file->size, see_field, see_record, &witness);
    if (parsed < file->size) {
        *offset = parsed;
        good = false;
    } else if (csv_fini(&parser, see_field, see_record, &witness) != 0) {
        *offset = UINT64_MAX;
        good = false;
    }
    csv_free(&parser);
    return good;
}

static bool judged_right(const struct file *file, unsigned number, unsigned *valid)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    struct lexing judge = lexing_with(&dialect), strict = lexing_with(&dialect);
    struct lexing canonical = lexing_with(&dialect);
    uint64_t offset = 0;
    bool good;

    judge.plain = strict.plain = canonical.plain = true;
    strict.dialect.reading = SHEAF_STRICT;
    lexing_shard(&strict, file->bytes, file->size, 0, file->size);
    if (ask_libcsv(file, &judge, &offset)) {
        lexing_shard(&canonical, file->bytes, file->size, 0, file->size);
        good = strict.status == SHEAF_OK && lexing_equal(&judge, &strict) &&
               canonical.status == SHEAF_OK && lexing_equal(&judge, &canonical);
        ++*valid;
    } else {
        good = strict.status == SHEAF_BAD_DATA &&
               (offset == UINT64_MAX ? strict.fault.kind == SHEAF_REPAIR_OPEN_QUOTE
                                     : strict.fault.byte == offset);
    }
    if (!good)
        show("libcsv says otherwise", number, file);
    lexing_clear(&judge);
    lexing_clear(&strict);
    lexing_clear(&canonical);
    return good;
}

static void libcsv_gives_the_same_rows_and_the_same_strict_offsets(void)
{
    struct unit_random random = {4180};
    static struct file file;
    unsigned bad = 0, valid = 0;

    for (unsigned i = 0; i < files && bad < 10; i++) {
        make_file(&file, &random);
        bad += !judged_right(&file, i, &valid);
    }
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT(valid > files / 10 && valid < files);
    printf("%u files, %u of them valid: ", files, valid);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(shards_windows_and_kernels_agree_with_the_automaton),
        UNIT(libcsv_gives_the_same_rows_and_the_same_strict_offsets),
        {0},
    };
    const char *wanted = getenv("SHEAF_TEST_FILES");

    if (wanted)
        files = (unsigned)strtoul(wanted, NULL, 10);
    return unit_run("judge", tests);
}
