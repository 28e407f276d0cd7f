/*
 * open_csv.c - dialect, header, names and kinds of delimited files
 *
 * Options come first; what they leave open is found in the first mebibyte and in sixteen
 * windows spread over the files: see docs/csv.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "column/parse.h"
#include "input/cut.h"
#include "input/examine.h"
#include "input/head.h"
#include "input/open.h"
#include "input/sniff.h"

enum { SAMPLE = 1 << 20, WINDOWS = 16, WINDOW = 64 * 1024 };

struct opening {
    sheaf_dataset *dataset;
    struct sheaf_file *file; /* the first that has a record */
    struct sheaf_sample sample;
    struct sheaf_head head;
    struct sheaf_examiner examiner;
    bool repeated; /* a cell of the first record stands again in its column */
};

/* -- dialect --------------------------------------------------------------------------------- */

static struct sheaf_dialect dialect_of(const sheaf_dataset_options *options)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();

    if (options->delimiter > 0)
        dialect.delimiter = (unsigned char)(options->delimiter - 1);
    if (options->quote > 0)
        dialect.quote = (unsigned char)(options->quote - 1);
    if (options->quote < 0)
        dialect.has_quote = false;
    if (options->escape > 0) {
        dialect.escape = (unsigned char)(options->escape - 1);
        dialect.has_escape = true;
    }
    if (options->comment > 0) {
        dialect.comment = (unsigned char)(options->comment - 1);
        dialect.has_comment = true;
    }
    dialect.doublequote = !options->no_doublequote;
    dialect.keep_blank = options->keep_blank;
    dialect.skip_initial_space = options->skip_initial_space;
    dialect.newline = options->newline;
    dialect.reading = options->reading;
    return dialect;
}

static sheaf_status find_dialect(struct opening *opening, sheaf_error *error)
{
    sheaf_dataset *dataset = opening->dataset;
    const struct sheaf_sample *sample = &opening->sample;
    size_t bom = sheaf_bom_size(sample->bytes, sample->size);

    dataset->dialect = dialect_of(&dataset->options);
    if (dataset->options.delimiter == 0 && sample->size > bom) {
        SHEAF_TRY(sheaf_sniff_delimiter(opening->file->path, sample->bytes + bom,
                                        sample->size - bom, sample->whole, &dataset->dialect,
                                        error));
        dataset->found_dialect = true;
    }
    return sheaf_dialect_check(&dataset->dialect, error);
}

/* -- evidence -------------------------------------------------------------------------------- */

/* Whether a cell of the first record, which is long enough to mean something, comes again. */
static bool cells_repeat(const struct opening *opening, const struct sheaf_records *records)
{
    for (size_t r = 0; r < records->count; r++)
        for (uint32_t c = 0; c < records->fields[r] && c < opening->head.count; c++) {
            uint32_t begin = sheaf_field_begin(records, r, c);
            size_t size = sheaf_field_end(records, r, c) - begin;
            if (size > 0 && strlen(opening->head.cells[c]) == size &&
                memcmp(opening->head.cells[c], records->bytes + begin, size) == 0)
                return true;
        }
    return false;
}

/*
 * Evidence of the records from bytes[0] on; the last may be cut short and then does not count.
 * Returns false if some record has another width: then bytes[0] was no record start, perhaps.
 */
static bool gather(struct opening *opening, const char *bytes, size_t size, bool whole,
                   struct sheaf_evidence *evidence, sheaf_error *error, sheaf_status *status)
{
    struct sheaf_dialect dialect = opening->dataset->dialect;
    struct sheaf_lexer lexer;
    struct sheaf_records records;
    size_t most = SHEAF_BATCH_ROWS, ragged = 0;
    uint32_t width = (uint32_t)opening->head.count;

    dialect.reading = SHEAF_LENIENT;
    *status = sheaf_lexer_init(&lexer, &dialect, error);
    if (*status != SHEAF_OK)
        return false;
    sheaf_lexer_start(&lexer, bytes, size, size, whole);
    /* The record at the end that is not whole hides the others of its batch: ask for fewer. */
    while (most > 0 && sheaf_lexer_next(&lexer, most, &records, NULL) == SHEAF_OK) {
        if (lexer.needs_more) {
            uint64_t from = sheaf_lexer_needed(&lexer);
            sheaf_lexer_extend(&lexer, from, bytes + from, size - from, whole);
            most /= 2;
            continue;
        }
        if (records.count == 0)
            break;
        opening->repeated = opening->repeated || cells_repeat(opening, &records);
        ragged += sheaf_examine_records(&opening->examiner, &records, width, NULL, width, evidence);
    }
    sheaf_lexer_destroy(&lexer);
    *status = sheaf_string_check(&opening->examiner.scratch, error);
    return ragged == 0;
}

/* Without a quote in sight there is little doubt either. */
static bool is_sure(const sheaf_dataset *dataset, const struct sheaf_cut *cut,
                    const struct sheaf_sample *sample)
{
    return cut->proven || !dataset->dialect.has_quote ||
           !memchr(sample->bytes, dataset->dialect.quote, sample->size);
}

/* One window in the middle of a file, from the first record in it.  Its evidence counts only if
 * that is surely one, and all records have the right width: else kinds might get too wide. */
static sheaf_status gather_window(struct opening *opening, const struct sheaf_file *file,
                                  uint64_t nominal, sheaf_error *error)
{
    sheaf_dataset *dataset = opening->dataset;
    struct sheaf_sample sample;
    struct sheaf_cut cut;
    struct sheaf_evidence *found = NULL;
    size_t width = opening->head.count;
    sheaf_status status;

    sheaf_cut_start(&cut, &dataset->dialect, nominal);
    uint64_t from = cut.wanted;
    SHEAF_TRY(sheaf_sample_at(file, from, SHEAF_CUT_REACH, &sample, error));
    status = sheaf_allocate(&found, width, sizeof *found, error);
    if (status == SHEAF_OK && sample.size >= 2 &&
        sheaf_cut_feed(&cut, sample.bytes, sample.size, sample.whole) &&
        cut.found < from + sample.size && is_sure(dataset, &cut, &sample) &&
        gather(opening, sample.bytes + (cut.found - from), sample.size - (size_t)(cut.found - from),
               sample.whole, found, error, &status))
        for (size_t c = 0; c < width; c++)
            sheaf_evidence_join(&dataset->evidence[c], &found[c]);
    free(found);
    sheaf_sample_free(&sample);
    return status;
}

static sheaf_status gather_windows(struct opening *opening, sheaf_error *error)
{
    sheaf_dataset *dataset = opening->dataset;
    uint64_t total = 0;

    for (size_t i = 0; i < dataset->file_count; i++)
        if (!dataset->files[i].spool)
            total += dataset->files[i].size;
    for (uint64_t k = 1; k <= WINDOWS; k++) {
        uint64_t place = total / (WINDOWS + 1) * k;
        for (size_t i = 0; i < dataset->file_count; i++) {
            const struct sheaf_file *file = &dataset->files[i];
            if (file->spool)
                continue;
            if (place < file->size) {
                if (place > file->data_begin && (file != opening->file || place >= SAMPLE))
                    SHEAF_TRY(gather_window(opening, file, place, error));
                break;
            }
            place -= file->size;
        }
    }
    return SHEAF_OK;
}

/* -- header and schema ----------------------------------------------------------------------- */

static bool is_cell(const struct sheaf_head *head, const char *name)
{
    for (size_t c = 0; c < head->count; c++)
        if (strcmp(head->cells[c], name) == 0)
            return true;
    return false;
}

/* Whether the first record could be a row of the schema. */
static bool fits_schema(const struct opening *opening, const struct sheaf_schema *given)
{
    const struct sheaf_head *head = &opening->head;
    bool typed = false;

    if (given->count != head->count)
        return false;
    for (size_t c = 0; c < head->count; c++) {
        sheaf_kind kind = given->fields[c].kind;
        max_align_t value;
        if (kind.type == SHEAF_NONE || kind.type == SHEAF_TEXT || kind.scale < 0)
            continue;
        typed = true;
        if (!sheaf_is_null(&opening->examiner.nulls, head->cells[c], strlen(head->cells[c])) &&
            !sheaf_parse_value(kind, head->cells[c], strlen(head->cells[c]), &value))
            return false;
    }
    return typed;
}

static bool find_header(struct opening *opening, const struct sheaf_schema *given)
{
    sheaf_dataset *dataset = opening->dataset;
    size_t named = 0;

    if (dataset->options.header || dataset->options.headless || opening->head.count == 0)
        return dataset->options.header;
    dataset->found_header = true;
    for (size_t i = 0; i < given->count; i++)
        named += is_cell(&opening->head, given->fields[i].name);
    if (given->count > 0 && named == given->count)
        return true;
    if (given->count > 0 && fits_schema(opening, given))
        return false;
    return sheaf_sniff_header((const char *const *)opening->head.cells, opening->head.count,
                              dataset->evidence, opening->repeated);
}

static sheaf_status no_such_column(const sheaf_dataset *dataset, const char *name,
                                   sheaf_error *error)
{
    struct sheaf_string names = {0};

    for (size_t c = 0; c < dataset->schema.count && names.size < 300; c++)
        sheaf_string_append_format(&names, "%s%s", c ? ", " : "", dataset->schema.fields[c].name);
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the schema names \"%s\", which is not a column",
                    name);
    sheaf_error_help(error, "Columns: %s", names.bytes ? names.bytes : "none");
    if (!dataset->has_header)
        sheaf_error_help(error, "If the first record is a header, say --header");
    sheaf_string_free(&names);
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status check_kind(const struct sheaf_field *field, sheaf_error *error)
{
    switch (field->kind.type) {
    case SHEAF_NONE:
    case SHEAF_BOOL:
    case SHEAF_I64:
    case SHEAF_F64:
    case SHEAF_DECIMAL:
    case SHEAF_DATE:
    case SHEAF_TIME:
    case SHEAF_TEXT:
        return SHEAF_OK;
    default:
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                        "column \"%s\": the type %s is for binary data, not for text", field->name,
                        sheaf_type_name(field->kind.type));
        sheaf_error_help(error, "Types of text: bool i64 f64 decimal(SCALE) date time text");
        return SHEAF_BAD_ARGUMENT;
    }
}

/* Without a header the schema is the list of all columns; else it says types of some. */
static sheaf_status merge_schema(struct opening *opening, struct sheaf_schema *given,
                                 sheaf_error *error)
{
    sheaf_dataset *dataset = opening->dataset;
    struct sheaf_schema *schema = &dataset->schema;

    for (size_t i = 0; i < given->count; i++)
        SHEAF_TRY(check_kind(&given->fields[i], error));
    if (!dataset->has_header && given->count > 0) {
        if (opening->head.count > 0 && given->count != opening->head.count)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                   "the schema names %zu columns, the first record of %s has %zu",
                                   given->count, opening->file->path, opening->head.count);
        sheaf_schema_free(schema);
        *schema = *given;
        *given = (struct sheaf_schema){0};
        return SHEAF_OK;
    }
    for (size_t i = 0; i < given->count; i++) {
        const struct sheaf_field *field = &given->fields[i];
        int c = sheaf_schema_find(schema, field->name, strlen(field->name));
        if (c < 0)
            return no_such_column(dataset, field->name, error);
        schema->fields[c].kind = field->kind;
    }
    return SHEAF_OK;
}

static sheaf_status settle_kinds(struct opening *opening, sheaf_error *error)
{
    sheaf_dataset *dataset = opening->dataset;
    size_t count = dataset->schema.count;

    SHEAF_TRY(sheaf_allocate(&dataset->open_kinds, count, sizeof *dataset->open_kinds, error));
    SHEAF_TRY(sheaf_allocate(&dataset->declared, count, sizeof *dataset->declared, error));
    if (opening->head.count == 0) {
        free(dataset->evidence);
        SHEAF_TRY(sheaf_allocate(&dataset->evidence, count, sizeof *dataset->evidence, error));
    }
    for (size_t c = 0; c < count; c++) {
        sheaf_kind *kind = &dataset->schema.fields[c].kind;
        if (kind->type == SHEAF_NONE && dataset->options.all_text)
            kind->type = SHEAF_TEXT;
        dataset->declared[c] = *kind;
        dataset->open_kinds[c] = kind->type == SHEAF_NONE || kind->scale < 0;
        *kind = sheaf_settled_kind(*kind, &dataset->evidence[c]);
    }
    return SHEAF_OK;
}

/* -- the other files --------------------------------------------------------------------------- */

static sheaf_status differ(const struct opening *opening, const struct sheaf_file *file,
                           const char *what, const char *here, const char *there,
                           sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_DATA,
                    "%s and %s are not of the same columns: %s is %s there, %s here (E409)",
                    opening->file->path, file->path, what, here, there);
    sheaf_error_help(error, "Files that are read together need the same header; name them apart");
    if (error)
        error->code = 409;
    return SHEAF_BAD_DATA;
}

static sheaf_status compare_heads(const struct opening *opening, const struct sheaf_file *file,
                                  const struct sheaf_head *head, sheaf_error *error)
{
    const struct sheaf_head *first = &opening->head;
    char here[24], there[24], what[40];

    if (head->count != first->count) {
        snprintf(here, sizeof here, "%zu", first->count);
        snprintf(there, sizeof there, "%zu", head->count);
        return differ(opening, file, "the number of columns", here, there, error);
    }
    for (size_t c = 0; opening->dataset->has_header && c < head->count; c++)
        if (strcmp(head->cells[c], first->cells[c]) != 0) {
            snprintf(what, sizeof what, "the name of column %zu", c + 1);
            return differ(opening, file, what, first->cells[c], head->cells[c], error);
        }
    return SHEAF_OK;
}

static void place_data(const sheaf_dataset *dataset, struct sheaf_file *file,
                       const struct sheaf_head *head)
{
    bool header = dataset->has_header && head->count > 0;

    file->data_begin = header ? head->end : head->begin;
    file->header_lines = header ? head->lines : 0;
    file->header_records = header;
}

static sheaf_status open_other(struct opening *opening, struct sheaf_file *file, sheaf_error *error)
{
    struct sheaf_sample sample;
    struct sheaf_head head = {0};

    SHEAF_TRY(sheaf_sample_read(file, WINDOW, &sample, error));
    sheaf_status status = sheaf_head_check_encoding(file->path, &sample, error);
    if (status == SHEAF_OK)
        status = sheaf_head_read(file, &opening->dataset->dialect, &sample, &head, error);
    if (status == SHEAF_OK && head.count > 0 && opening->head.count > 0)
        status = compare_heads(opening, file, &head, error);
    place_data(opening->dataset, file, &head);
    sheaf_head_free(&head);
    sheaf_sample_free(&sample);
    return status;
}

/* -- all of it --------------------------------------------------------------------------------- */

/* Look for the first file with a record; the last one will do if none has. */
static sheaf_status open_first(struct opening *opening, sheaf_error *error)
{
    sheaf_dataset *dataset = opening->dataset;

    for (size_t i = 0; i < dataset->file_count; i++) {
        opening->file = &dataset->files[i];
        sheaf_head_free(&opening->head);
        sheaf_sample_free(&opening->sample);
        SHEAF_TRY(sheaf_sample_read(opening->file, SAMPLE, &opening->sample, error));
        SHEAF_TRY(sheaf_head_check_encoding(opening->file->path, &opening->sample, error));
        SHEAF_TRY(find_dialect(opening, error));
        SHEAF_TRY(sheaf_head_read(opening->file, &dataset->dialect, &opening->sample,
                                  &opening->head, error));
        if (opening->head.count > 0)
            break;
    }
    return SHEAF_OK;
}

static sheaf_status find_columns(struct opening *opening, struct sheaf_schema *given,
                                 sheaf_error *error)
{
    sheaf_dataset *dataset = opening->dataset;
    const struct sheaf_sample *sample = &opening->sample;
    struct sheaf_head *head = &opening->head;
    sheaf_status status;

    SHEAF_TRY(sheaf_allocate(&dataset->evidence, head->count, sizeof *dataset->evidence, error));
    gather(opening, sample->bytes + head->end, sample->size - (size_t)head->end, sample->whole,
           dataset->evidence, error, &status);
    SHEAF_TRY(status);
    dataset->has_header = find_header(opening, given);
    if (!dataset->has_header && head->count > 0) { /* then the first record counts as well */
        memset(dataset->evidence, 0, head->count * sizeof *dataset->evidence);
        gather(opening, sample->bytes + head->begin, sample->size - (size_t)head->begin,
               sample->whole, dataset->evidence, error, &status);
        SHEAF_TRY(status);
    }
    SHEAF_TRY(sheaf_head_names(dataset->has_header ? head->cells : NULL, head->count,
                               &dataset->schema, error));
    SHEAF_TRY(merge_schema(opening, given, error));
    for (size_t i = 0; i < dataset->file_count; i++) {
        if (&dataset->files[i] == opening->file)
            place_data(dataset, opening->file, head);
        else
            SHEAF_TRY(open_other(opening, &dataset->files[i], error));
    }
    if (head->count > 0 && !dataset->options.all_text)
        SHEAF_TRY(gather_windows(opening, error));
    return settle_kinds(opening, error);
}

sheaf_status sheaf_open_csv(sheaf_dataset *dataset, sheaf_error *error)
{
    struct opening opening = {.dataset = dataset};
    struct sheaf_schema given = {0};
    sheaf_status status = SHEAF_OK;

    opening.examiner.dialect = &dataset->dialect;
    opening.examiner.nulls = sheaf_dataset_nulls(dataset);
    if (dataset->options.schema)
        status = sheaf_schema_parse(dataset->options.schema, &given, error);
    if (status == SHEAF_OK)
        status = open_first(&opening, error);
    if (status == SHEAF_OK)
        status = find_columns(&opening, &given, error);
    sheaf_string_free(&opening.examiner.scratch);
    sheaf_head_free(&opening.head);
    sheaf_sample_free(&opening.sample);
    sheaf_schema_free(&given);
    return status;
}
