/* records.c - what the lexer sees, record by record: sheaf_records() of sheaf/sheaf.h */
#include <inttypes.h>
#include <string.h>

#include "input/dataset.h"
#include "input/lexer.h"
#include "input/records.h"
#include "input/spool.h"
#include "input/window.h"
#include "job/run.h"
#include "output/file.h"
#include <sheaf/sheaf.h>

#define STEP ((uint64_t)16 << 20) /* of the file at a time */

struct recording {
    const struct sheaf_file *file;
    const struct sheaf_dialect *dialect;
    struct sheaf_lexer lexer;
    struct sheaf_window window;
    struct sheaf_output *output;
    struct sheaf_string text;
    bool offsets;
    uint64_t counted; /* bytes of the file whose line ends are counted, */
    uint64_t lines;   /* and how many there are */
    bool after_return;
};

/* Physical lines before a byte; asked in ascending order, within the window. */
static uint64_t line_of(struct recording *r, uint64_t byte)
{
    while (r->counted < byte) {
        char c = r->window.bytes[r->counted++ - r->window.from];
        r->lines += c == '\r' || (c == '\n' && !r->after_return);
        r->after_return = c == '\r';
    }
    return r->lines + 1;
}

static sheaf_status write_records(struct recording *r, const struct sheaf_records *records,
                                  sheaf_error *error)
{
    sheaf_string_clear(&r->text);
    for (size_t i = 0; i < records->count; i++) {
        uint64_t byte = r->file->data_begin + sheaf_record_offset(records, i);
        if (r->offsets)
            sheaf_string_append_format(&r->text, "%" PRIu64 " %" PRIu64 " ", byte,
                                       line_of(r, byte));
        sheaf_records_write(&r->text, r->dialect, records, i, SHEAF_UTF8);
        sheaf_string_append_char(&r->text, '\n');
    }
    SHEAF_TRY(sheaf_string_check(&r->text, error));
    return sheaf_output_write(r->output, r->text.bytes, r->text.size, error);
}

/* The window from where the lexer still needs bytes; a record that is longer doubles it. */
static sheaf_status move_window(struct recording *r, uint64_t from, bool *final, sheaf_error *error)
{
    uint64_t size = r->window.to - r->window.from;
    uint64_t step = from == r->window.from && size >= STEP ? 2 * size : STEP;
    uint64_t end = sheaf_file_size(r->file);
    uint64_t to = end - from < step ? end : from + step;
    int fd;

    SHEAF_TRY(sheaf_file_bytes(r->file, &fd, error));
    if (r->offsets && r->window.bytes)
        line_of(r, from);
    *final = to == end;
    return sheaf_window_map(&r->window, fd, from, to, error);
}

/* The lexer's words for what is wrong, with the place in the file. */
static sheaf_status name_fault(const struct recording *r, sheaf_error *error)
{
    const struct sheaf_fault *fault = &r->lexer.fault;
    char what[sizeof error->message];
    uint64_t lines = r->file->header_lines + fault->line + 1;

    if (!error || error->status != SHEAF_BAD_DATA)
        return error ? error->status : SHEAF_BAD_DATA;
    memcpy(what, error->message, sizeof what);
    sheaf_error_set(error, SHEAF_BAD_DATA,
                    "%s:%" PRIu64 ": field %" PRIu32 ": %s (E%d, byte %" PRIu64 ")", r->file->path,
                    lines, fault->field + 1, what, r->dialect->reading == SHEAF_STRICT ? 405 : 404,
                    r->file->data_begin + fault->byte);
    sheaf_error_help(error, "Read it all the same: --lenient    Quotes are data: --no-quote");
    return SHEAF_BAD_DATA;
}

static sheaf_status read_file(struct recording *r, sheaf_error *error)
{
    uint64_t begin = r->file->data_begin, end = sheaf_file_size(r->file);
    struct sheaf_records records;
    bool final;

    r->counted = begin;
    r->lines = r->file->header_lines;
    r->after_return = false;
    SHEAF_TRY(move_window(r, begin, &final, error));
    sheaf_lexer_start(&r->lexer, r->window.bytes, r->window.to - begin, end - begin, final);
    for (;;) {
        if (sheaf_lexer_next(&r->lexer, SHEAF_BATCH_ROWS, &records, error) != SHEAF_OK)
            return name_fault(r, error);
        if (r->lexer.needs_more) {
            uint64_t from = begin + sheaf_lexer_needed(&r->lexer);
            SHEAF_TRY(move_window(r, from, &final, error));
            sheaf_lexer_extend(&r->lexer, from - begin, r->window.bytes,
                               r->window.to - r->window.from, final);
        } else if (records.count == 0) {
            return SHEAF_OK;
        } else {
            SHEAF_TRY(write_records(r, &records, error));
        }
    }
}

static sheaf_status read_files(struct recording *r, sheaf_dataset *dataset, sheaf_error *error)
{
    if (sheaf_dataset_needs_feeder(dataset)) {
        sheaf_dataset_read_ahead(dataset, UINT64_MAX);
        SHEAF_TRY(sheaf_dataset_feed(dataset, error));
    }
    for (size_t i = 0; i < dataset->file_count; i++) {
        r->file = &dataset->files[i];
        if (sheaf_file_size(r->file) > r->file->data_begin)
            SHEAF_TRY(read_file(r, error));
    }
    return SHEAF_OK;
}

sheaf_status sheaf_records(const char *const *paths, size_t count,
                           const sheaf_dataset_options *options, bool offsets, const char *path,
                           sheaf_error *error)
{
    sheaf_dataset_options raw = *options;
    sheaf_dataset *dataset = NULL;
    struct recording r = {.offsets = offsets};

    /* No header, no types: records of any width. */
    raw.format = SHEAF_CSV;
    raw.headless = true;
    raw.header = false;
    raw.schema = NULL;
    raw.all_text = true;
    SHEAF_TRY(sheaf_dataset_open(paths, count, &raw, &dataset, error));
    r.dialect = &dataset->dialect;
    sheaf_status status = sheaf_lexer_init(&r.lexer, &dataset->dialect, error);
    if (status == SHEAF_OK)
        status = sheaf_open_output(dataset, path, &r.output, error);
    if (status == SHEAF_OK)
        status = read_files(&r, dataset, error);
    if (status == SHEAF_OK)
        status = sheaf_output_commit(r.output, error);
    sheaf_output_close(r.output);
    sheaf_string_free(&r.text);
    sheaf_window_close(&r.window);
    sheaf_lexer_destroy(&r.lexer);
    sheaf_dataset_close(dataset);
    return status;
}
