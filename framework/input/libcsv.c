/* libcsv.c - records as libcsv reads them: see libcsv.h */
#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/string.h"
#include "input/libcsv.h"

/* A batch ends when its text has become so long, so that 32 bits are enough for positions. */
#define BATCH_BYTES ((size_t)1 << 30)

struct sheaf_libcsv {
    struct csv_parser parser;
    bool open; /* the parser is in use and must be freed */
    struct sheaf_dialect dialect;
    struct sheaf_string text; /* the batch, written down again */
    uint32_t *begin, *end, *first, *fields;
    uint64_t *source;
    size_t begin_capacity, end_capacity, first_capacity, fields_capacity, source_capacity;
    size_t records, ends;
    uint64_t record_at; /* where the record that is being read began */
    bool line_start;    /* the byte before was a newline, or there was none */
    bool after_cr;
    bool failed; /* memory was refused inside a callback */
};

static int no_blank(unsigned char byte)
{
    (void)byte;
    return 0;
}

sheaf_status sheaf_libcsv_open(const struct sheaf_dialect *dialect, struct sheaf_libcsv **libcsv,
                               sheaf_error *error)
{
    SHEAF_TRY(sheaf_allocate(libcsv, 1, sizeof **libcsv, error));
    (*libcsv)->dialect = *dialect;
    return SHEAF_OK;
}

void sheaf_libcsv_close(struct sheaf_libcsv *libcsv)
{
    if (!libcsv)
        return;
    if (libcsv->open)
        csv_free(&libcsv->parser);
    free(libcsv->source);
    free(libcsv->fields);
    free(libcsv->first);
    free(libcsv->end);
    free(libcsv->begin);
    sheaf_string_free(&libcsv->text);
    free(libcsv);
}

void sheaf_libcsv_start(struct sheaf_libcsv *libcsv)
{
    if (libcsv->open)
        csv_free(&libcsv->parser);
    csv_init(&libcsv->parser, CSV_EMPTY_IS_NULL);
    csv_set_delim(&libcsv->parser, libcsv->dialect.delimiter);
    csv_set_quote(&libcsv->parser, libcsv->dialect.quote);
    if (!libcsv->dialect.skip_initial_space)
        csv_set_space_func(&libcsv->parser, no_blank);
    libcsv->open = true;
    libcsv->record_at = 0;
    libcsv->line_start = true;
    libcsv->after_cr = libcsv->failed = false;
}

/* -- callbacks: what libcsv found, written down again ----------------------------------------- */

static bool is_plain(const struct sheaf_dialect *dialect, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == dialect->delimiter || byte == dialect->quote || byte == '\n' || byte == '\r')
            return false;
    }
    return size > 0 && !(dialect->skip_initial_space && bytes[0] == ' ');
}

static void write_quoted(struct sheaf_libcsv *libcsv, const char *bytes, size_t size)
{
    const char quote = (char)libcsv->dialect.quote;

    sheaf_string_append_char(&libcsv->text, quote);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == quote)
            sheaf_string_append_char(&libcsv->text, quote);
        sheaf_string_append_char(&libcsv->text, bytes[i]);
    }
    sheaf_string_append_char(&libcsv->text, quote);
}

static void take_field(void *field, size_t size, void *data)
{
    struct sheaf_libcsv *libcsv = data;

    if (field && is_plain(&libcsv->dialect, field, size))
        sheaf_string_append_bytes(&libcsv->text, field, size);
    else if (field)
        write_quoted(libcsv, field, size);
    if (sheaf_grow(&libcsv->end, &libcsv->end_capacity, libcsv->ends + 1, sizeof *libcsv->end,
                   NULL) != SHEAF_OK)
        libcsv->failed = true;
    else
        libcsv->end[libcsv->ends++] = (uint32_t)libcsv->text.size;
    sheaf_string_append_char(&libcsv->text, (char)libcsv->dialect.delimiter);
}

/* Every array of records has room for one more. */
static sheaf_status grow_records(struct sheaf_libcsv *libcsv)
{
    size_t needed = libcsv->records + 2;

    SHEAF_TRY(sheaf_grow(&libcsv->begin, &libcsv->begin_capacity, needed, sizeof(uint32_t), NULL));
    SHEAF_TRY(sheaf_grow(&libcsv->first, &libcsv->first_capacity, needed, sizeof(uint32_t), NULL));
    SHEAF_TRY(
        sheaf_grow(&libcsv->fields, &libcsv->fields_capacity, needed, sizeof(uint32_t), NULL));
    return sheaf_grow(&libcsv->source, &libcsv->source_capacity, needed, sizeof(uint64_t), NULL);
}

static void take_record(int newline, void *data)
{
    struct sheaf_libcsv *libcsv = data;
    size_t r = libcsv->records;

    (void)newline;
    if (libcsv->failed || libcsv->text.failed || grow_records(libcsv) != SHEAF_OK) {
        libcsv->failed = true;
        return;
    }
    if (r == 0)
        libcsv->begin[0] = libcsv->first[0] = 0;
    libcsv->text.bytes[libcsv->text.size - 1] = '\n';
    libcsv->fields[r] = (uint32_t)libcsv->ends - libcsv->first[r];
    libcsv->source[r] = libcsv->record_at;
    libcsv->begin[r + 1] = (uint32_t)libcsv->text.size;
    libcsv->first[r + 1] = (uint32_t)libcsv->ends;
    libcsv->records++;
}

/* -- reading ---------------------------------------------------------------------------------- */

static bool between_records(const struct sheaf_libcsv *libcsv)
{
    return libcsv->line_start && libcsv->parser.pstate == 0; /* its ROW_NOT_BEGUN */
}

/* Up to the next newline, which is included, so that at most one record ends in a piece. */
static size_t piece_size(const char *bytes, size_t size)
{
    size_t i = 0;

    while (i < size && bytes[i] != '\n' && bytes[i] != '\r')
        i++;
    return i < size ? i + 1 : size;
}

static sheaf_status parse_piece(struct sheaf_lexer *lexer, sheaf_error *error)
{
    struct sheaf_libcsv *libcsv = lexer->libcsv;
    struct sheaf_index *index = &lexer->index;
    const char *bytes = lexer->bytes + (index->at - lexer->from);
    size_t size = piece_size(bytes, (size_t)(lexer->to - index->at));

    if (between_records(libcsv))
        libcsv->record_at = index->at;
    size_t parsed = csv_parse(&libcsv->parser, bytes, size, take_field, take_record, libcsv);
    if (parsed != size)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "libcsv: %s",
                               csv_strerror(csv_error(&libcsv->parser)));
    char last = bytes[size - 1];
    libcsv->line_start = last == '\n' || last == '\r';
    index->lines += libcsv->line_start && !(last == '\n' && libcsv->after_cr && size == 1);
    libcsv->after_cr = last == '\r';
    index->at += size;
    return SHEAF_OK;
}

static void finish(struct sheaf_lexer *lexer)
{
    lexer->over = true;
    lexer->stopped_at = lexer->index.at;
    lexer->lines = lexer->index.lines;
}

/* The shard is over at a line start, the LF of a CRLF behind. */
static bool reaches_stop(const struct sheaf_lexer *lexer)
{
    const struct sheaf_index *index = &lexer->index;

    return index->at >= lexer->stop && between_records(lexer->libcsv) && index->at < lexer->to &&
           !(lexer->libcsv->after_cr && lexer->bytes[index->at - lexer->from] == '\n');
}

static sheaf_status read_records(struct sheaf_lexer *lexer, size_t most, sheaf_error *error)
{
    struct sheaf_libcsv *libcsv = lexer->libcsv;

    while (libcsv->records < most && !lexer->over && libcsv->text.size < BATCH_BYTES) {
        if (lexer->index.at < lexer->to) {
            if (reaches_stop(lexer))
                finish(lexer);
            else
                SHEAF_TRY(parse_piece(lexer, error));
        } else if (!lexer->final) {
            lexer->needs_more = true;
            break;
        } else {
            if (csv_fini(&libcsv->parser, take_field, take_record, libcsv) != 0)
                return sheaf_error_set(error, SHEAF_NO_MEMORY, "libcsv: %s",
                                       csv_strerror(csv_error(&libcsv->parser)));
            finish(lexer);
        }
        if (libcsv->failed || libcsv->text.failed)
            return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory while libcsv reads");
    }
    if (libcsv->text.size > UINT32_MAX)
        return sheaf_error_set(error, SHEAF_LIMIT, "a record has more than 4 GiB");
    return SHEAF_OK;
}

static void drop_given(struct sheaf_lexer *lexer)
{
    struct sheaf_libcsv *libcsv = lexer->libcsv;

    if (lexer->given == 0)
        return;
    sheaf_string_clear(&libcsv->text);
    libcsv->records = libcsv->ends = 0;
    lexer->given = 0;
}

static bool has_quotes(const struct sheaf_libcsv *libcsv)
{
    return memchr(libcsv->text.bytes, libcsv->dialect.quote, libcsv->text.size) != NULL ||
           libcsv->dialect.skip_initial_space;
}

static bool is_rectangular(const struct sheaf_libcsv *libcsv)
{
    for (size_t r = 1; r < libcsv->records; r++)
        if (libcsv->fields[r] != libcsv->fields[0])
            return false;
    return true;
}

sheaf_status sheaf_libcsv_next(struct sheaf_lexer *lexer, size_t most,
                               struct sheaf_records *records, sheaf_error *error)
{
    struct sheaf_libcsv *libcsv = lexer->libcsv;

    drop_given(lexer);
    if (!lexer->over)
        SHEAF_TRY(read_records(lexer, most, error));
    if (lexer->needs_more)
        return SHEAF_OK;
    lexer->given = libcsv->records;
    lexer->records += libcsv->records;
    if (libcsv->records == 0) {
        lexer->ended = true;
        return SHEAF_OK;
    }
    *records = (struct sheaf_records){
        .bytes = libcsv->text.bytes,
        .count = libcsv->records,
        .begin = libcsv->begin,
        .first = libcsv->first,
        .fields = libcsv->fields,
        .end = libcsv->end,
        .source = libcsv->source,
        .rectangular = is_rectangular(libcsv),
        .width = libcsv->fields[0],
        .quotes = has_quotes(libcsv),
        .non_ascii = true,
    };
    return SHEAF_OK;
}
