/* reader.c - shards of delimited text into batches: see reader.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "column/parse.h"
#include "input/examine.h"
#include "input/open.h"
#include "input/reader_parts.h"
#include "input/source.h"
#include "input/spool.h"

/* A record that begins in a shard may end behind it: so much more is mapped at first. */
#define SLACK ((uint64_t)64 << 10)

enum { CHUNK = 256 * 1024 };

/* -- opening ----------------------------------------------------------------------------------- */

static sheaf_status open_converters(struct sheaf_reader *reader, const struct sheaf_wanted *wanted,
                                    size_t count, sheaf_error *error)
{
    const sheaf_dataset *dataset = reader->dataset;

    SHEAF_TRY(sheaf_allocate(&reader->wanted, count, sizeof *reader->wanted, error));
    SHEAF_TRY(sheaf_allocate(&reader->columns, count, sizeof *reader->columns, error));
    SHEAF_TRY(sheaf_allocate(&reader->converters, count, sizeof *reader->converters, error));
    for (; reader->count < count; reader->count++) {
        const struct sheaf_wanted *one = &wanted[reader->count];
        if (one->column == SHEAF_WHOLE_RECORD ? one->kind.type != SHEAF_BYTES
                                              : one->column >= dataset->schema.count)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no column %u",
                                   one->column + 1);
        if (dataset->format != SHEAF_CSV)
            SHEAF_TRY(sheaf_binary_check(dataset, one, error));
        reader->wanted[reader->count] = *one;
        SHEAF_TRY(sheaf_converter_init(&reader->converters[reader->count], dataset, one->column,
                                       one->kind, error));
    }
    return SHEAF_OK;
}

sheaf_status sheaf_reader_open(const sheaf_dataset *dataset, const struct sheaf_wanted *wanted,
                               size_t count, struct sheaf_reader **reader, sheaf_error *error)
{
    struct sheaf_reader *opened;

    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    opened->dataset = dataset;
    sheaf_status status = open_converters(opened, wanted, count, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&opened->offsets, SHEAF_BATCH_ROWS, sizeof(uint32_t), error);
    if (status == SHEAF_OK && dataset->format != SHEAF_CSV)
        status = sheaf_allocate(&opened->raw, SHEAF_BATCH_ROWS, sizeof(uint64_t), error);
    if (status == SHEAF_OK && dataset->format == SHEAF_CSV) {
        status = sheaf_lexer_init(&opened->lexer, &dataset->dialect, error);
        opened->lexing = status == SHEAF_OK;
    }
    if (status == SHEAF_OK)
        *reader = opened;
    else
        sheaf_reader_close(opened);
    return status;
}

void sheaf_reader_close(struct sheaf_reader *reader)
{
    if (!reader)
        return;
    if (reader->lexing)
        sheaf_lexer_destroy(&reader->lexer);
    for (size_t i = 0; reader->converters && i < reader->count; i++)
        sheaf_converter_destroy(&reader->converters[i]);
    sheaf_window_close(&reader->window);
    sheaf_blocks_free(&reader->blocks);
    sheaf_string_free(&reader->copy);
    sheaf_string_free(&reader->rejects);
    free(reader->raw);
    free(reader->offsets);
    free(reader->converters);
    free(reader->columns);
    free(reader->wanted);
    free(reader);
}

const struct sheaf_string *sheaf_reader_rejects(const struct sheaf_reader *reader)
{
    return &reader->rejects;
}

/* -- windows ----------------------------------------------------------------------------------- */

sheaf_status sheaf_reader_map(struct sheaf_reader *reader, uint64_t from, uint64_t needed,
                              uint64_t to, bool *final, sheaf_error *error)
{
    const struct sheaf_file *file = reader->file;
    uint64_t size = file->size;
    int fd;

    *final = true;
    SHEAF_TRY(sheaf_file_bytes(file, &fd, error));
    if (file->spool)
        SHEAF_TRY(sheaf_spool_wait(file, needed, &size, final, error));
    if (to >= size)
        to = size;
    else
        *final = false;
    return sheaf_window_map(&reader->window, fd, from, to, error);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static sheaf_status map_first(struct sheaf_reader *reader, bool *final, sheaf_error *error)
{
    uint64_t to = least(reader->end + SLACK, reader->begin + SHEAF_WINDOW_BYTES);

    return sheaf_reader_map(reader, reader->begin, least(reader->end, to), to, final, error);
}

/* Move on to what the lexer still needs; a record that is longer than a window makes it grow. */
static sheaf_status map_more(struct sheaf_reader *reader, sheaf_error *error)
{
    uint64_t from = reader->begin + sheaf_lexer_needed(&reader->lexer);
    uint64_t old = reader->window.to;
    uint64_t to = most(from + SHEAF_WINDOW_BYTES, old + most(old - least(old, from), SLACK));
    bool final;

    SHEAF_TRY(sheaf_reader_map(reader, from, old + 1, to, &final, error));
    if (reader->window.to <= old && !final)
        return sheaf_error_set(error, SHEAF_INTERNAL, "%s: the input does not go on at byte %llu",
                               reader->file->path, (unsigned long long)old);
    sheaf_lexer_extend(&reader->lexer, from - reader->begin, reader->window.bytes,
                       reader->window.to - from, final);
    return SHEAF_OK;
}

sheaf_status sheaf_reader_start(struct sheaf_reader *reader, size_t index, uint64_t begin,
                                uint64_t end, sheaf_error *error)
{
    bool final;

    reader->file = &reader->dataset->files[index];
    reader->begin = reader->at = reader->counted = begin;
    reader->end = end;
    reader->done = reader->after_cr = false;
    reader->lines = reader->rejected = 0;
    reader->outcome = (struct sheaf_read_outcome){.began = begin, .stopped = begin};
    sheaf_string_clear(&reader->rejects);
    SHEAF_TRY(sheaf_file_verify(reader->file, error));
    if (!reader->lexing)
        return SHEAF_OK;
    SHEAF_TRY(map_first(reader, &final, error));
    sheaf_lexer_start(&reader->lexer, reader->window.bytes, reader->window.to - begin, end - begin,
                      final);
    return SHEAF_OK;
}

/* -- places ------------------------------------------------------------------------------------ */

sheaf_status sheaf_reader_lines(struct sheaf_reader *reader, uint64_t place, uint64_t *lines,
                                sheaf_error *error)
{
    struct sheaf_sample sample;

    while (reader->counted < place) {
        size_t size = (size_t)least(place - reader->counted, CHUNK);
        SHEAF_TRY(sheaf_sample_at(reader->file, reader->counted, size, &sample, error));
        if (sample.size > 0) {
            /* A CRLF that was cut in two was counted with its CR. */
            reader->lines -= reader->after_cr && sample.bytes[0] == '\n';
            reader->lines += sheaf_count_lines(sample.bytes, sample.size);
            reader->after_cr = sample.bytes[sample.size - 1] == '\r';
        }
        bool more = sample.size == size;
        sheaf_sample_free(&sample);
        if (!more)
            return sheaf_file_verify(reader->file, error);
        reader->counted += size;
    }
    *lines = reader->lines;
    return SHEAF_OK;
}

sheaf_status sheaf_reader_fail(struct sheaf_reader *reader, sheaf_status status, sheaf_error *error)
{
    sheaf_error changed;

    if (status != SHEAF_BAD_DATA || sheaf_file_verify(reader->file, &changed) == SHEAF_OK)
        return status;
    if (error)
        *error = changed;
    return changed.status;
}

static sheaf_status find_place(struct sheaf_reader *reader, const struct sheaf_records *records,
                               size_t r, struct sheaf_bad_place *place, sheaf_error *error)
{
    enum sheaf_bad code = reader->bad.code[r];
    uint32_t column = reader->bad.column[r];
    uint32_t last = records->fields[r] - 1;
    size_t begin = records->begin[r];

    *place = (struct sheaf_bad_place){
        .path = reader->file->path,
        .bytes = records->bytes + begin,
        .record_end = sheaf_field_end(records, r, last) - begin,
        .byte = reader->begin + sheaf_record_offset(records, r),
        .fields = records->fields[r],
        .ordinal = reader->lexer.records - records->count + r,
    };
    place->size = place->record_end;
    if (code != SHEAF_BAD_WIDTH && column <= last) {
        place->field = sheaf_field_begin(records, r, column) - begin;
        place->field_end = sheaf_field_end(records, r, column) - begin;
        place->byte += records->source ? 0 : place->field;
    } else {
        place->field_end = place->record_end;
    }
    return sheaf_reader_lines(reader, place->byte, &place->line, error);
}

/* -- bad rows ---------------------------------------------------------------------------------- */

static void note_widths(struct sheaf_reader *reader, const struct sheaf_records *records)
{
    size_t width = reader->dataset->schema.count;
    sheaf_kind none = {SHEAF_NONE, 0};

    if (records->rectangular && records->width == width)
        return;
    for (size_t r = 0; r < records->count; r++)
        if (records->fields[r] != width)
            sheaf_bad_note(&reader->bad, r, SHEAF_BAD_WIDTH, 0, none);
}

static sheaf_status fail_row(struct sheaf_reader *reader, const struct sheaf_records *records,
                             size_t r, sheaf_error *error)
{
    struct sheaf_bad_place place;

    SHEAF_TRY(find_place(reader, records, r, &place, error));
    return sheaf_bad_error(reader->dataset, reader->bad.code[r], reader->bad.column[r],
                           reader->bad.kind[r], &place, error);
}

/* Where the policy is to fail, the first bad row is an error; a value that contradicts a first
 * opinion always is. */
static sheaf_status judge(struct sheaf_reader *reader, const struct sheaf_records *records,
                          sheaf_error *error)
{
    bool fail = reader->dataset->options.bad_row == SHEAF_BAD_ROW_FAIL;

    for (size_t r = 0; r < records->count; r++)
        if (sheaf_is_bad(&reader->bad, r) && (fail || reader->bad.code[r] == SHEAF_BAD_OPINION))
            return sheaf_reader_fail(reader, fail_row(reader, records, r, error), error);
    return SHEAF_OK;
}

static sheaf_status reject_rows(struct sheaf_reader *reader, const struct sheaf_records *records,
                                sheaf_error *error)
{
    struct sheaf_bad_place place;

    for (size_t r = 0; r < records->count; r++)
        if (sheaf_is_bad(&reader->bad, r)) {
            SHEAF_TRY(find_place(reader, records, r, &place, error));
            sheaf_bad_reject(&reader->rejects, reader->dataset, reader->bad.code[r],
                             reader->bad.column[r], &place);
        }
    reader->outcome.bad += reader->bad.count;
    return sheaf_string_check(&reader->rejects, error);
}

/* -- batches ----------------------------------------------------------------------------------- */

/* The next records as the lexer gives them; more of the file is mapped as it is needed. */
static sheaf_status next_records(struct sheaf_reader *reader, struct sheaf_records *records,
                                 sheaf_error *error)
{
    do {
        SHEAF_TRY(sheaf_lexer_next(&reader->lexer, SHEAF_BATCH_ROWS, records, error));
        if (reader->lexer.needs_more)
            SHEAF_TRY(map_more(reader, error));
        else
            return SHEAF_OK;
    } while (true);
}

/* A batch that libcsv read stands in a memory that ends with it; ours may be overlooked. */
static sheaf_status copy_records(struct sheaf_reader *reader, struct sheaf_records *records,
                                 sheaf_error *error)
{
    size_t last = records->count - 1;
    size_t size = sheaf_field_end(records, last, records->fields[last] - 1);

    sheaf_string_clear(&reader->copy);
    if (!sheaf_string_reserve(&reader->copy, size + 128))
        return sheaf_string_check(&reader->copy, error);
    memset(reader->copy.bytes, 0, 64);
    memcpy(reader->copy.bytes + 64, records->bytes, size);
    memset(reader->copy.bytes + 64 + size, 0, 64);
    records->bytes = reader->copy.bytes + 64;
    return SHEAF_OK;
}

static bool wants_text(const struct sheaf_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        if (reader->wanted[i].kind.type == SHEAF_TEXT)
            return true;
    return false;
}

/*
 * Look at the whole batch at once, which is quicker than field by field: where all of it is
 * UTF-8 every field is, for what stands between fields, or is taken out of them, is ASCII.
 */
static void check_utf8(const struct sheaf_reader *reader, struct sheaf_records *records)
{
    const struct sheaf_dialect *dialect = &reader->dataset->dialect;
    size_t last = records->count - 1;

    if (!records->non_ascii || records->source || !wants_text(reader) ||
        dialect->delimiter >= 0x80 || (dialect->has_quote && dialect->quote >= 0x80) ||
        (dialect->has_escape && dialect->escape >= 0x80))
        return;
    uint32_t begin = records->begin[0];
    uint32_t end = sheaf_field_end(records, last, records->fields[last] - 1);
    records->utf8 = sheaf_utf8_is_valid(records->bytes + begin, end - begin);
}

/* The places of the records, without those of the rows that were left out. */
static void find_offsets(struct sheaf_reader *reader, const struct sheaf_records *records,
                         struct sheaf_read *read)
{
    bool skipped = read->rows < records->count;
    size_t kept = 0;

    read->base = reader->begin + records->base;
    read->offset = records->begin;
    if (records->source)
        read->base = reader->begin + records->source[0];
    if (!records->source && !skipped)
        return;
    for (size_t r = 0; r < records->count; r++)
        if (!skipped || !sheaf_is_bad(&reader->bad, r))
            reader->offsets[kept++] = records->source
                                          ? (uint32_t)(records->source[r] - records->source[0])
                                          : records->begin[r];
    read->offset = reader->offsets;
}

static size_t leave_out_bad(struct sheaf_reader *reader, size_t rows)
{
    size_t kept = rows - reader->bad.count;

    for (size_t i = 0; i < reader->count; i++) {
        sheaf_converter_compress(&reader->converters[i], &reader->bad, rows);
        sheaf_converter_present(&reader->converters[i], kept, &reader->columns[i]);
    }
    return kept;
}

static sheaf_status decode(struct sheaf_reader *reader, const struct sheaf_records *records,
                           struct sheaf_read *read, sheaf_error *error)
{
    sheaf_bad_clear(&reader->bad);
    sheaf_blocks_reset(&reader->blocks);
    note_widths(reader, records);
    for (size_t i = 0; i < reader->count; i++)
        SHEAF_TRY(sheaf_convert(&reader->converters[i], records, &reader->spans, &reader->blocks,
                                &reader->bad, &reader->columns[i], error));
    read->rows = records->count;
    if (reader->bad.count > 0) {
        SHEAF_TRY(judge(reader, records, error));
        SHEAF_TRY(reject_rows(reader, records, error));
        if (reader->dataset->options.bad_row == SHEAF_BAD_ROW_SKIP)
            read->rows = leave_out_bad(reader, records->count);
    }
    find_offsets(reader, records, read);
    return SHEAF_OK;
}

/* What the lexer complains of, with its place in the file and an excerpt. */
static sheaf_status lexing_error(struct sheaf_reader *reader, sheaf_error *error)
{
    const struct sheaf_fault *fault = &reader->lexer.fault;
    uint64_t byte = reader->begin + fault->byte, back = least(fault->byte, 4096);
    struct sheaf_sample sample;
    bool open = fault->kind == SHEAF_REPAIR_OPEN_QUOTE;

    if (!error || sheaf_sample_at(reader->file, byte - back, (size_t)back + 4096, &sample, error))
        return SHEAF_BAD_DATA;
    struct sheaf_bad_place place = {.bytes = sample.bytes,
                                    .size = sample.size,
                                    .field = (size_t)back,
                                    .field_end = (size_t)back + 1};
    sheaf_error_set(error, SHEAF_BAD_DATA, "%zu: %s", sheaf_bad_line_column(&place),
                    open ? "this quote is never closed"
                    : fault->kind == SHEAF_REPAIR_BARE_QUOTE
                        ? "a quote in a field that does not begin with one"
                        : "text after the closing quote of a field");
    sheaf_bad_excerpt(&place, error);
    sheaf_error_help(error, open ? "Take it as it is: --lenient   No quoting in this file: "
                                   "--no-quote"
                                 : "Repair and count such places: without --strict   No quoting in "
                                   "this file: --no-quote");
    error->code = open && reader->dataset->dialect.reading != SHEAF_STRICT ? 404 : 405;
    error->byte = (int64_t)byte;
    error->row = (int64_t)fault->record;
    error->line = (int64_t)fault->line;
    sheaf_sample_free(&sample);
    return SHEAF_BAD_DATA;
}

static sheaf_status next_lexed(struct sheaf_reader *reader, struct sheaf_records *records,
                               sheaf_error *error)
{
    sheaf_status status = next_records(reader, records, error);

    if (status == SHEAF_BAD_DATA)
        status = sheaf_reader_fail(reader, lexing_error(reader, error), error);
    if (status == SHEAF_OK && records->count > 0 && records->source)
        status = copy_records(reader, records, error);
    return status;
}

static sheaf_status end_shard(struct sheaf_reader *reader, sheaf_error *error)
{
    const struct sheaf_lexer *lexer = &reader->lexer;
    struct sheaf_read_outcome *outcome = &reader->outcome;

    reader->done = true;
    outcome->stopped = reader->begin + lexer->stopped_at;
    outcome->lines = lexer->lines;
    outcome->records = lexer->records;
    memcpy(outcome->repairs, lexer->repairs, sizeof outcome->repairs);
    for (int kind = 0; kind < SHEAF_REPAIR_KINDS; kind++)
        if (outcome->repairs[kind].count > 0)
            outcome->repairs[kind].first_byte += reader->begin;
    return sheaf_file_verify(reader->file, error);
}

sheaf_status sheaf_reader_next(struct sheaf_reader *reader, struct sheaf_read *read,
                               sheaf_error *error)
{
    struct sheaf_records records;

    *read = (struct sheaf_read){.columns = reader->columns, .first_row = reader->outcome.rows};
    while (!reader->done && read->rows == 0) {
        if (!reader->lexing) {
            SHEAF_TRY(sheaf_binary_next(reader, read, error));
            continue;
        }
        SHEAF_TRY(next_lexed(reader, &records, error));
        if (records.count == 0) {
            SHEAF_TRY(end_shard(reader, error));
            continue;
        }
        check_utf8(reader, &records);
        SHEAF_TRY(decode(reader, &records, read, error));
    }
    reader->outcome.rows += read->rows;
    return SHEAF_OK;
}

void sheaf_reader_finish(struct sheaf_reader *reader, struct sheaf_read_outcome *outcome)
{
    *outcome = reader->outcome;
    outcome->bytes = outcome->stopped - outcome->began;
}

/* -- evidence ---------------------------------------------------------------------------------- */

static sheaf_status examine(struct sheaf_reader *reader, struct sheaf_examiner *examiner,
                            struct sheaf_evidence *evidence, sheaf_error *error)
{
    uint32_t width = (uint32_t)reader->dataset->schema.count;
    struct sheaf_records records;

    while (!reader->done) {
        SHEAF_TRY(next_lexed(reader, &records, error));
        if (records.count == 0)
            return end_shard(reader, error);
        sheaf_bad_clear(&reader->bad);
        note_widths(reader, &records);
        if (reader->bad.count > 0)
            SHEAF_TRY(judge(reader, &records, error));
        reader->outcome.bad += reader->bad.count;
        for (size_t i = 0; i < reader->count; i++)
            sheaf_examine_records(examiner, &records, width, &reader->wanted[i].column, 1,
                                  &evidence[i]);
        SHEAF_TRY(sheaf_string_check(&examiner->scratch, error));
    }
    return SHEAF_OK;
}

sheaf_status sheaf_reader_examine(struct sheaf_reader *reader, struct sheaf_evidence *evidence,
                                  sheaf_error *error)
{
    struct sheaf_examiner examiner = {.dialect = &reader->dataset->dialect,
                                      .nulls = sheaf_dataset_nulls(reader->dataset)};

    if (!reader->lexing)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "binary data say their own types");
    for (size_t i = 0; i < reader->count; i++)
        if (reader->wanted[i].column == SHEAF_WHOLE_RECORD)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a whole record has no type to find");
    sheaf_status status = examine(reader, &examiner, evidence, error);
    sheaf_string_free(&examiner.scratch);
    return status;
}
