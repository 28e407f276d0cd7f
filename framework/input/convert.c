/* convert.c - one column of a batch of records, as values of one kind: see convert.h */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "column/parse.h"
#include "input/convert.h"
#include "input/open.h"
#include "input/reader.h"

/* The bits of the first n bytes in memory of a word, n from 1 to 8. */
#if __BYTE_ORDER == __LITTLE_ENDIAN
#define SHEAF_FIRST_BYTES(n) (UINT64_MAX >> (64 - 8 * (n)))
#else
#define SHEAF_FIRST_BYTES(n) (UINT64_MAX << (64 - 8 * (n)))
#endif

enum { BLOCK = 64 * 1024, WORDS = SHEAF_BATCH_ROWS / 64 };

/* -- memory ------------------------------------------------------------------------------------ */

void sheaf_blocks_reset(struct sheaf_blocks *blocks)
{
    blocks->current = blocks->used = 0;
}

char *sheaf_blocks_take(struct sheaf_blocks *blocks, size_t size)
{
    for (; blocks->current < blocks->count; blocks->current++, blocks->used = 0) {
        struct sheaf_block *block = &blocks->blocks[blocks->current];
        if (block->size - blocks->used >= size) {
            blocks->used += size;
            return block->bytes + blocks->used - size;
        }
    }
    size_t wanted = size > BLOCK ? size : BLOCK;
    if (sheaf_grow(&blocks->blocks, &blocks->capacity, blocks->count + 1, sizeof *blocks->blocks,
                   NULL) != SHEAF_OK)
        return NULL;
    char *bytes = malloc(wanted);
    if (!bytes)
        return NULL;
    blocks->blocks[blocks->count++] = (struct sheaf_block){bytes, wanted};
    blocks->used = size;
    return bytes;
}

void sheaf_blocks_give_back(struct sheaf_blocks *blocks, size_t size)
{
    blocks->used -= size;
}

void sheaf_blocks_free(struct sheaf_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++)
        free(blocks->blocks[i].bytes);
    free(blocks->blocks);
    *blocks = (struct sheaf_blocks){0};
}

/* -- setting up -------------------------------------------------------------------------------- */

static bool some_null_fits(const struct sheaf_converter *converter)
{
    sheaf_text value;

    for (size_t i = 0; i < converter->nulls.count; i++) {
        const char *word = converter->nulls.words[i];
        if (*word && sheaf_parse_value(converter->kind, word, strlen(word), &value))
            return true;
    }
    return false;
}

sheaf_status sheaf_converter_init(struct sheaf_converter *converter, const sheaf_dataset *dataset,
                                  uint32_t column, sheaf_kind kind, sheaf_error *error)
{
    *converter = (struct sheaf_converter){.dataset = dataset,
                                          .nulls = sheaf_dataset_nulls(dataset),
                                          .column = column,
                                          .kind = kind,
                                          .size = sheaf_type_size(kind.type)};
    if (column != SHEAF_WHOLE_RECORD)
        converter->open = dataset->open_kinds[column];
    converter->null_fits = some_null_fits(converter);
    SHEAF_TRY(
        sheaf_allocate(&converter->values, SHEAF_BATCH_ROWS * converter->size + 64, 1, error));
    return sheaf_allocate(&converter->present, WORDS + 8, sizeof *converter->present, error);
}

void sheaf_converter_destroy(struct sheaf_converter *converter)
{
    free(converter->present);
    free(converter->values);
    *converter = (struct sheaf_converter){0};
}

/* -- where the fields are ---------------------------------------------------------------------- */

static void find_rectangular(const struct sheaf_records *records, uint32_t c,
                             struct sheaf_spans *spans)
{
    size_t n = records->count, width = records->width;
    const uint32_t *end = records->end + records->first[0] + c;

    for (size_t r = 0; r < n; r++)
        spans->end[r] = end[r * width];
    if (c == 0) {
        memcpy(spans->begin, records->begin, n * sizeof *spans->begin);
        return;
    }
    for (size_t r = 0; r < n; r++)
        spans->begin[r] = end[r * width - 1] + 1;
}

static void find_ragged(const struct sheaf_records *records, uint32_t c, struct sheaf_spans *spans)
{
    for (size_t r = 0; r < records->count; r++) {
        bool there = c < records->fields[r];
        spans->begin[r] = there ? sheaf_field_begin(records, r, c) : records->begin[r];
        spans->end[r] = there ? sheaf_field_end(records, r, c) : records->begin[r];
    }
}

void sheaf_spans_find(const struct sheaf_records *records, uint32_t c, struct sheaf_spans *spans)
{
    if (records->count > 0 && records->rectangular && c < records->width)
        find_rectangular(records, c, spans);
    else
        find_ragged(records, c, spans);
}

static void find_whole(const struct sheaf_records *records, struct sheaf_spans *spans)
{
    for (size_t r = 0; r < records->count; r++) {
        spans->begin[r] = records->begin[r];
        spans->end[r] = sheaf_field_end(records, r, records->fields[r] - 1);
    }
}

/* -- first opinions ---------------------------------------------------------------------------- */

/*
 * Whether a value leaves the column what it was taken for.  Parsing is not
 * enough: "007" reads as an integer, and shows that the column holds codes.
 */
static bool keeps_opinion(const struct sheaf_converter *converter, const char *bytes, size_t size,
                          bool quoted)
{
    const sheaf_dataset *dataset = converter->dataset;
    struct sheaf_evidence evidence = dataset->evidence[converter->column];
    sheaf_kind opinion = dataset->schema.fields[converter->column].kind;

    sheaf_evidence_add(&evidence, bytes, size, quoted);
    sheaf_kind now = sheaf_settled_kind(dataset->declared[converter->column], &evidence);
    if (now.type == opinion.type && now.scale == opinion.scale)
        return true;
    return converter->kind.type == SHEAF_F64 &&
           (now.type == SHEAF_I64 || now.type == SHEAF_DECIMAL || now.type == SHEAF_F64);
}

/* Whether a field that was read as plain deserves that question. */
static bool is_suspicious(sheaf_type type, const char *bytes, size_t size)
{
    size_t sign = bytes[0] == '-';

    switch (type) {
    case SHEAF_BOOL:
        return size < 4;
    case SHEAF_I64:
    case SHEAF_DECIMAL:
        return size >= 16 || (size > sign + 1 && bytes[sign] == '0' && bytes[sign + 1] != '.');
    case SHEAF_F64:
        return size >= 16 || (size > sign + 1 && bytes[sign] == '0' && bytes[sign + 1] != '.') ||
               bytes[sign] > '9';
    default:
        return false;
    }
}

static void check_opinion(struct sheaf_converter *converter, const char *base,
                          const struct sheaf_spans *spans, size_t rows, struct sheaf_bad_rows *bad)
{
    for (size_t r = 0; r < rows; r++) {
        const char *bytes = base + spans->begin[r];
        size_t size = spans->end[r] - spans->begin[r];
        if (size > 0 && is_suspicious(converter->kind.type, bytes, size) &&
            (converter->present[r / 64] >> (r % 64) & 1) && !sheaf_is_bad(bad, r) &&
            !keeps_opinion(converter, bytes, size, false))
            sheaf_bad_note(bad, r, SHEAF_BAD_OPINION, converter->column, converter->kind);
    }
}

/* -- one field --------------------------------------------------------------------------------- */

/* The value of a field, unquoted into `blocks` where it must be; NULL: no memory. */
static const char *value_of(const struct sheaf_dialect *dialect, const char *raw, size_t raw_size,
                            struct sheaf_blocks *blocks, size_t *size, bool *quoted)
{
    const char *view = sheaf_field_view(dialect, raw, raw_size, size, quoted);

    if (view)
        return view;
    char *room = sheaf_blocks_take(blocks, raw_size + 64);
    if (!room)
        return NULL;
    *size = sheaf_field_unquote(dialect, raw, raw_size, room, quoted);
    sheaf_blocks_give_back(blocks, raw_size + 64 - *size);
    return room;
}

static sheaf_status no_memory(sheaf_error *error)
{
    return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory: cannot unquote a field");
}

static void set_missing(struct sheaf_converter *converter, size_t r)
{
    converter->present[r / 64] &= ~((uint64_t)1 << (r % 64));
    memset((char *)converter->values + r * converter->size, 0, converter->size);
}

static sheaf_status convert_odd(struct sheaf_converter *converter,
                                const struct sheaf_dialect *dialect, const char *raw,
                                size_t raw_size, size_t r, struct sheaf_blocks *blocks,
                                struct sheaf_bad_rows *bad, sheaf_error *error)
{
    char *to = (char *)converter->values + r * converter->size;
    size_t size;
    bool quoted;
    const char *value = value_of(dialect, raw, raw_size, blocks, &size, &quoted);

    if (!value)
        return no_memory(error);
    if (!quoted && sheaf_is_null(&converter->nulls, value, size))
        return SHEAF_OK;
    bool known = sheaf_is_bad(bad, r); /* its width is wrong: what stands where proves nothing */
    if (!sheaf_parse_value(converter->kind, value, size, to)) {
        memset(to, 0, converter->size);
        if (!known || bad->code[r] != SHEAF_BAD_WIDTH)
            sheaf_bad_note(bad, r, converter->open ? SHEAF_BAD_OPINION : SHEAF_BAD_VALUE,
                           converter->column, converter->kind);
        return SHEAF_OK;
    }
    converter->present[r / 64] |= (uint64_t)1 << (r % 64);
    if (converter->open && !known && !keeps_opinion(converter, value, size, quoted))
        sheaf_bad_note(bad, r, SHEAF_BAD_OPINION, converter->column, converter->kind);
    return SHEAF_OK;
}

/* -- numbers, dates, times --------------------------------------------------------------------- */

static size_t parse(struct sheaf_converter *converter, const char *base,
                    const struct sheaf_spans *spans, size_t n, uint64_t *odd)
{
    switch (converter->kind.type) {
    case SHEAF_BOOL:
        return sheaf_parse_bool(base, spans->begin, spans->end, n, converter->values,
                                converter->present, odd);
    case SHEAF_I64:
        return sheaf_parse_i64(base, spans->begin, spans->end, n, converter->values,
                               converter->present, odd);
    case SHEAF_F64:
        return sheaf_parse_f64(base, spans->begin, spans->end, n, converter->values,
                               converter->present, odd);
    case SHEAF_DECIMAL:
        return sheaf_parse_decimal(base, spans->begin, spans->end, n, converter->kind.scale,
                                   converter->values, converter->present, odd);
    case SHEAF_DATE:
        return sheaf_parse_date(base, spans->begin, spans->end, n, converter->values,
                                converter->present, odd);
    default:
        return sheaf_parse_time(base, spans->begin, spans->end, n, converter->kind.scale == 1,
                                converter->values, converter->present, odd);
    }
}

/* A spelling of missing that looks like a value was taken for one: "-999". */
static void remove_nulls(struct sheaf_converter *converter, const char *base,
                         const struct sheaf_spans *spans, size_t n)
{
    for (size_t r = 0; r < n; r++)
        if (sheaf_is_null(&converter->nulls, base + spans->begin[r],
                          spans->end[r] - spans->begin[r]))
            set_missing(converter, r);
}

static sheaf_status convert_typed(struct sheaf_converter *converter,
                                  const struct sheaf_records *records,
                                  const struct sheaf_spans *spans, struct sheaf_blocks *blocks,
                                  struct sheaf_bad_rows *bad, sheaf_error *error)
{
    uint64_t odd[WORDS + 8];
    size_t n = records->count;
    size_t odds = parse(converter, records->bytes, spans, n, odd);

    if (converter->null_fits)
        remove_nulls(converter, records->bytes, spans, n);
    if (converter->open)
        check_opinion(converter, records->bytes, spans, n, bad);
    for (size_t word = 0; odds > 0 && word < (n + 63) / 64; word++)
        for (uint64_t bits = odd[word]; bits; bits &= bits - 1) {
            size_t r = 64 * word + (size_t)__builtin_ctzll(bits);
            SHEAF_TRY(convert_odd(converter, &converter->dataset->dialect,
                                  records->bytes + spans->begin[r], spans->end[r] - spans->begin[r],
                                  r, blocks, bad, error));
        }
    return SHEAF_OK;
}

/* -- text -------------------------------------------------------------------------------------- */

static void set_all(uint64_t *present, size_t n)
{
    memset(present, 0xff, (n + 63) / 64 * sizeof *present);
}

/* Nothing to unquote, nothing but the empty field is missing: views of the file. */
static void view_text(struct sheaf_converter *converter, const struct sheaf_records *records,
                      const struct sheaf_spans *spans)
{
    sheaf_text *text = converter->values;
    const char *base = records->bytes;
    bool empty = false;

    for (size_t r = 0; r < records->count; r++) {
        uint32_t size = spans->end[r] - spans->begin[r];
        text[r] = (sheaf_text){.bytes = base + spans->begin[r], .size = size};
        empty |= size == 0;
    }
    set_all(converter->present, records->count);
    for (size_t r = 0; empty && r < records->count; r++)
        if (text[r].size == 0)
            set_missing(converter, r);
}

static bool needs_no_care(const struct sheaf_dialect *dialect, const char *raw, size_t size)
{
    return !dialect->has_escape && !dialect->skip_initial_space &&
           (size == 0 || !dialect->has_quote || (unsigned char)raw[0] != dialect->quote);
}

static sheaf_status unquote_text(struct sheaf_converter *converter,
                                 const struct sheaf_records *records,
                                 const struct sheaf_spans *spans, struct sheaf_blocks *blocks,
                                 sheaf_error *error)
{
    const struct sheaf_dialect *dialect = &converter->dataset->dialect;
    sheaf_text *text = converter->values;

    set_all(converter->present, records->count);
    for (size_t r = 0; r < records->count; r++) {
        const char *value = records->bytes + spans->begin[r];
        size_t size = spans->end[r] - spans->begin[r];
        bool quoted = false;
        if (records->quotes && !needs_no_care(dialect, value, size))
            value = value_of(dialect, value, size, blocks, &size, &quoted);
        if (!value)
            return no_memory(error);
        if (!quoted && sheaf_is_null(&converter->nulls, value, size))
            set_missing(converter, r);
        else
            text[r] = (sheaf_text){.bytes = value, .size = (uint32_t)size};
    }
    return SHEAF_OK;
}

/* Where the high bit of one of the first n bytes of two words stands, n up to 16. */
static const uint64_t high_bits[17][2] = {
#define HIGH UINT64_C(0x8080808080808080)
#define ONE(n)                        \
    {                                 \
        HIGH &SHEAF_FIRST_BYTES(n), 0 \
    }
#define BOTH(n)                          \
    {                                    \
        HIGH, HIGH &SHEAF_FIRST_BYTES(n) \
    }
    {0, 0},  ONE(1),  ONE(2),  ONE(3),  ONE(4),  ONE(5),  ONE(6),  ONE(7), ONE(8),
    BOTH(1), BOTH(2), BOTH(3), BOTH(4), BOTH(5), BOTH(6), BOTH(7), BOTH(8)};

static bool is_long_ascii(const char *bytes, size_t size)
{
    uint64_t word, seen;

    memcpy(&seen, bytes + size - 8, 8);
    for (size_t i = 0; i + 8 < size; i += 8) {
        memcpy(&word, bytes + i, 8);
        seen |= word;
    }
    return (seen & HIGH) == 0;
}

/* Whether all bytes are ASCII: the common case, without a call and, where texts are short, without
 * a branch.  16 bytes are looked at: those behind a value may be read, but do not count. */
static inline bool is_ascii(const char *bytes, size_t size)
{
    uint64_t words[2];

    if (size > 16)
        return is_long_ascii(bytes, size);
    memcpy(words, bytes, 16);
    return ((words[0] & high_bits[size][0]) | (words[1] & high_bits[size][1])) == 0;
}

static void check_encoding(struct sheaf_converter *converter, size_t rows,
                           struct sheaf_bad_rows *bad)
{
    const sheaf_text *text = converter->values;

    for (size_t r = 0; r < rows; r++)
        if (text[r].bytes && !is_ascii(text[r].bytes, text[r].size) &&
            sheaf_utf8_valid(text[r].bytes, text[r].size) != text[r].size) {
            sheaf_bad_note(bad, r, SHEAF_BAD_ENCODING, converter->column, converter->kind);
            set_missing(converter, r);
        }
}

/* A column that had no value so far was called text for want of a better word. */
static void check_first_value(struct sheaf_converter *converter, size_t rows,
                              struct sheaf_bad_rows *bad)
{
    for (size_t r = 0; r < rows; r++)
        if ((converter->present[r / 64] >> (r % 64) & 1) && !sheaf_is_bad(bad, r)) {
            sheaf_bad_note(bad, r, SHEAF_BAD_OPINION, converter->column, converter->kind);
            return;
        }
}

static sheaf_status convert_text(struct sheaf_converter *converter,
                                 const struct sheaf_records *records,
                                 const struct sheaf_spans *spans, struct sheaf_blocks *blocks,
                                 struct sheaf_bad_rows *bad, sheaf_error *error)
{
    if (!records->quotes && converter->nulls.count == 0)
        view_text(converter, records, spans);
    else
        SHEAF_TRY(unquote_text(converter, records, spans, blocks, error));
    if (records->non_ascii && !records->utf8 && converter->kind.type == SHEAF_TEXT)
        check_encoding(converter, records->count, bad);
    if (converter->open && converter->dataset->evidence[converter->column].values == 0)
        check_first_value(converter, records->count, bad);
    return SHEAF_OK;
}

static void view_whole(struct sheaf_converter *converter, const struct sheaf_records *records,
                       struct sheaf_spans *spans)
{
    sheaf_text *text = converter->values;

    find_whole(records, spans);
    for (size_t r = 0; r < records->count; r++)
        text[r] = (sheaf_text){.bytes = records->bytes + spans->begin[r],
                               .size = spans->end[r] - spans->begin[r]};
    set_all(converter->present, records->count);
}

/* -- a column ---------------------------------------------------------------------------------- */

void sheaf_converter_present(const struct sheaf_converter *converter, size_t rows,
                             sheaf_column *column)
{
    const uint64_t *present = converter->present;
    uint64_t all = UINT64_MAX;

    for (size_t word = 0; word < rows / 64; word++)
        all &= present[word];
    if (rows % 64 > 0)
        all &= present[rows / 64] | UINT64_MAX << (rows % 64);
    column->present = all == UINT64_MAX ? NULL : present;
}

sheaf_status sheaf_convert(struct sheaf_converter *converter, const struct sheaf_records *records,
                           struct sheaf_spans *spans, struct sheaf_blocks *blocks,
                           struct sheaf_bad_rows *bad, sheaf_column *column, sheaf_error *error)
{
    bool text = converter->kind.type == SHEAF_TEXT || converter->kind.type == SHEAF_BYTES;

    if (converter->column == SHEAF_WHOLE_RECORD) {
        view_whole(converter, records, spans);
    } else {
        sheaf_spans_find(records, converter->column, spans);
        if (text)
            SHEAF_TRY(convert_text(converter, records, spans, blocks, bad, error));
        else
            SHEAF_TRY(convert_typed(converter, records, spans, blocks, bad, error));
    }
    column->type = converter->kind.type;
    column->scale = converter->kind.scale;
    column->values = converter->values;
    sheaf_converter_present(converter, records->count, column);
    return SHEAF_OK;
}

size_t sheaf_converter_compress(const struct sheaf_converter *converter,
                                const struct sheaf_bad_rows *bad, size_t rows)
{
    char *values = converter->values;
    size_t size = converter->size, kept = 0;

    for (size_t r = 0; r < rows; r++) {
        if (sheaf_is_bad(bad, r))
            continue;
        uint64_t bit = converter->present[r / 64] >> (r % 64) & 1;
        if (kept < r)
            memcpy(values + kept * size, values + r * size, size);
        converter->present[kept / 64] &= ~((uint64_t)1 << (kept % 64));
        converter->present[kept / 64] |= bit << (kept % 64);
        kept++;
    }
    return kept;
}
