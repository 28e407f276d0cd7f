/* head.c - the first record of a delimited file: see head.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "input/head.h"
#include "input/lexer.h"

void sheaf_head_free(struct sheaf_head *head)
{
    for (size_t i = 0; i < head->count; i++)
        free(head->cells[i]);
    free(head->cells);
    *head = (struct sheaf_head){0};
}

sheaf_status sheaf_head_check_encoding(const char *path, const struct sheaf_sample *sample,
                                       sheaf_error *error)
{
    static const struct {
        const char *name, *bytes;
        size_t size;
    } marks[] = {
        {"UTF-32", "\xff\xfe\0\0", 4},
        {"UTF-32", "\0\0\xfe\xff", 4},
        {"UTF-16", "\xff\xfe", 2},
        {"UTF-16", "\xfe\xff", 2},
    };

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (sample->size >= marks[i].size &&
            memcmp(sample->bytes, marks[i].bytes, marks[i].size) == 0) {
            sheaf_error_set(error, SHEAF_BAD_DATA, "%s is written in %s, not UTF-8 (E403, byte 0)",
                            path, marks[i].name);
            sheaf_error_help(error, "Convert it: iconv -f %s -t UTF-8 %s", marks[i].name, path);
            if (error) {
                error->code = 403;
                error->byte = 0;
            }
            return SHEAF_BAD_DATA;
        }
    return SHEAF_OK;
}

/* -- the record ------------------------------------------------------------------------------ */

static sheaf_status copy_cells(const struct sheaf_dialect *dialect,
                               const struct sheaf_records *records, struct sheaf_head *head,
                               sheaf_error *error)
{
    uint32_t count = records->fields[0];
    bool quoted;

    SHEAF_TRY(sheaf_allocate(&head->cells, count, sizeof *head->cells, error));
    for (uint32_t c = 0; c < count; c++) {
        uint32_t begin = sheaf_field_begin(records, 0, c);
        size_t size = sheaf_field_end(records, 0, c) - begin;
        SHEAF_TRY(sheaf_copy_bytes(records->bytes + begin, size, &head->cells[c], error));
        head->count++;
        if (records->quotes)
            size =
                sheaf_field_unquote(dialect, records->bytes + begin, size, head->cells[c], &quoted);
        head->cells[c][size] = '\0';
    }
    return SHEAF_OK;
}

/* *found: the record was there as a whole.  It may be preceded by blank lines and comments, so
 * where it begins is found first, and then a lexer that stops right behind it tells where it ends.
 */
static sheaf_status find_record(struct sheaf_lexer *lexer, const struct sheaf_sample *sample,
                                struct sheaf_head *head, bool *found, sheaf_error *error)
{
    struct sheaf_records records;
    const char *bytes = sample->bytes + head->begin;
    uint64_t size = sample->size - head->begin;

    *found = false;
    sheaf_lexer_start(lexer, bytes, size, size, sample->whole);
    SHEAF_TRY(sheaf_lexer_next(lexer, 1, &records, error));
    if (lexer->needs_more)
        return SHEAF_OK;
    if (records.count == 0) {
        *found = sample->whole;
        head->end = sample->size;
        return SHEAF_OK;
    }
    sheaf_lexer_start(lexer, bytes, size, sheaf_record_offset(&records, 0) + 1, sample->whole);
    SHEAF_TRY(sheaf_lexer_next(lexer, 1, &records, error));
    if (lexer->needs_more)
        return SHEAF_OK;
    SHEAF_TRY(copy_cells(&lexer->dialect, &records, head, error));
    SHEAF_TRY(sheaf_lexer_next(lexer, 1, &records, error));
    *found = !lexer->needs_more;
    head->end = head->begin + lexer->stopped_at;
    head->lines = lexer->lines;
    return SHEAF_OK;
}

/* The lexer's complaint about the first records, with its place in the file. */
static void name_file(const struct sheaf_file *file, sheaf_reading reading, size_t bom,
                      sheaf_error *error)
{
    sheaf_error copy;

    if (!error || error->status != SHEAF_BAD_DATA)
        return;
    copy = *error;
    copy.byte += (int64_t)bom;
    copy.code = reading == SHEAF_STRICT ? 405 : 404;
    sheaf_error_set(error, SHEAF_BAD_DATA, "%s:%lld: %s (E%d, byte %lld)", file->path,
                    (long long)copy.line, copy.message, copy.code, (long long)copy.byte);
    memcpy(error->help, copy.help, sizeof copy.help);
    error->code = copy.code;
    error->byte = copy.byte;
    error->row = copy.row;
    error->line = copy.line;
}

sheaf_status sheaf_head_read(struct sheaf_file *file, const struct sheaf_dialect *dialect,
                             struct sheaf_sample *sample, struct sheaf_head *head,
                             sheaf_error *error)
{
    struct sheaf_lexer lexer;
    sheaf_status status;
    bool found = false;

    *head = (struct sheaf_head){0};
    /* libcsv reads files in one piece; where a record ends the canonical reading knows as well. */
    struct sheaf_dialect plain = *dialect;
    if (plain.reading == SHEAF_LIBCSV)
        plain.reading = SHEAF_LENIENT;
    SHEAF_TRY(sheaf_lexer_init(&lexer, &plain, error));
    for (;;) {
        sheaf_head_free(head);
        head->begin = sheaf_bom_size(sample->bytes, sample->size);
        status = find_record(&lexer, sample, head, &found, error);
        if (status != SHEAF_OK || found)
            break;
        size_t longer = sample->size < 1024 ? 4096 : 4 * sample->size;
        sheaf_sample_free(sample);
        status = sheaf_sample_read(file, longer, sample, error);
        if (status != SHEAF_OK)
            break;
    }
    sheaf_lexer_destroy(&lexer);
    if (status != SHEAF_OK) {
        sheaf_head_free(head);
        name_file(file, plain.reading, sheaf_bom_size(sample->bytes, sample->size), error);
    }
    return status;
}

/* -- names ----------------------------------------------------------------------------------- */

/* A set of names, and for each the number that its next double gets. */
struct names {
    struct name {
        const char *name; /* NULL: free */
        size_t next;
    } * slots;
    size_t mask;
};

static struct name *find_name(struct names *names, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    size_t i = (size_t)(hash ^ hash >> 32) & names->mask;
    while (names->slots[i].name && strcmp(names->slots[i].name, name) != 0)
        i = (i + 1) & names->mask;
    return &names->slots[i];
}

static sheaf_status make_name(struct names *names, const char *cell, size_t place, char **name,
                              sheaf_error *error)
{
    char number[32];
    struct sheaf_string made = {0};

    snprintf(number, sizeof number, "c%zu", place + 1);
    const char *wanted = cell && *cell ? cell : number;
    struct name *slot = find_name(names, wanted);
    sheaf_string_append(&made, wanted);
    for (struct name *taken = slot; slot->name && taken->name && !made.failed;) {
        sheaf_string_clear(&made);
        sheaf_string_append_format(&made, "%s_%zu", wanted, slot->next++);
        if (!made.failed)
            taken = find_name(names, made.bytes);
    }
    sheaf_status status = sheaf_string_check(&made, error);
    if (status == SHEAF_OK) {
        *name = made.bytes; /* now the field's */
        *find_name(names, made.bytes) = (struct name){made.bytes, 2};
    } else {
        sheaf_string_free(&made);
    }
    return status;
}

sheaf_status sheaf_head_names(char *const *cells, size_t count, struct sheaf_schema *schema,
                              sheaf_error *error)
{
    struct names names = {.mask = 15};
    sheaf_status status = SHEAF_OK;

    *schema = (struct sheaf_schema){0};
    while (names.mask < 2 * count)
        names.mask = 2 * names.mask + 1;
    SHEAF_TRY(sheaf_allocate(&schema->fields, count, sizeof *schema->fields, error));
    status = sheaf_allocate(&names.slots, names.mask + 1, sizeof *names.slots, error);
    for (size_t c = 0; status == SHEAF_OK && c < count; c++) {
        status = make_name(&names, cells ? cells[c] : NULL, c, &schema->fields[c].name, error);
        schema->count += status == SHEAF_OK;
    }
    free(names.slots);
    if (status != SHEAF_OK)
        sheaf_schema_free(schema);
    return status;
}
