/*
 * lexer.c - the bytes of a shard into records and fields: see lexer.h
 *
 * The index finds line starts and field ends; here it is filled tile by tile
 * until a batch is whole, and its front given out.  What a batch leaves over, mostly the rest of
 * one 64-byte block, moves to the front of the arrays.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "input/lexer.h"
#include "input/libcsv.h"

/* Bytes between two looks at the room in the arrays. */
#define TILE (UINT64_C(32) << 10)

/* The last position that a batch may use, with room for what is one beyond it. */
#define LAST_POSITION ((uint64_t)UINT32_MAX - 4096)

const char *sheaf_repair_name(enum sheaf_repair_kind kind)
{
    static const char *const names[] = {"bare_quote", "text_after_quote", "unterminated_quote"};

    return names[kind];
}

sheaf_status sheaf_lexer_init(struct sheaf_lexer *lexer, const struct sheaf_dialect *dialect,
                              sheaf_error *error)
{
    const struct sheaf_rules rules = sheaf_dialect_rules(dialect);
    bool by_lines = dialect->delimiter == '\n' || dialect->delimiter == '\r';

    memset(lexer, 0, sizeof *lexer);
    lexer->dialect = *dialect;
    sheaf_automaton_init(&lexer->automaton, &rules);
    lexer->kernel = by_lines ? NULL : sheaf_index_kernel_of(sheaf_cpu_isa());
    SHEAF_TRY(
        sheaf_grow(&lexer->index.begin, &lexer->index.begin_capacity, 1, sizeof(uint32_t), error));
    if (dialect->reading == SHEAF_LIBCSV) {
        sheaf_status status = sheaf_libcsv_open(dialect, &lexer->libcsv, error);
        if (status != SHEAF_OK)
            sheaf_lexer_destroy(lexer);
        return status;
    }
    return SHEAF_OK;
}

void sheaf_lexer_destroy(struct sheaf_lexer *lexer)
{
    sheaf_libcsv_close(lexer->libcsv);
    free(lexer->fields);
    free(lexer->first);
    free(lexer->index.end);
    free(lexer->index.begin);
    memset(lexer, 0, sizeof *lexer);
}

static void reset_index(struct sheaf_index *index)
{
    *index = (struct sheaf_index){
        .begin = index->begin,
        .end = index->end,
        .begin_capacity = index->begin_capacity,
        .end_capacity = index->end_capacity,
        .state = SHEAF_STATE_R,
    };
    index->begin[0] = 0;
}

void sheaf_lexer_start(struct sheaf_lexer *lexer, const char *bytes, uint64_t size, uint64_t stop,
                       bool final)
{
    reset_index(&lexer->index);
    lexer->needs_more = lexer->ended = lexer->over = lexer->failed = false;
    lexer->stopped_at = lexer->lines = lexer->records = 0;
    memset(lexer->repairs, 0, sizeof lexer->repairs);
    memset(&lexer->fault, 0, sizeof lexer->fault);
    lexer->given = lexer->given_ends = 0;
    lexer->bytes = bytes;
    lexer->from = 0;
    lexer->to = size;
    lexer->stop = stop;
    lexer->final = final;
    if (lexer->libcsv)
        sheaf_libcsv_start(lexer->libcsv);
}

uint64_t sheaf_lexer_needed(const struct sheaf_lexer *lexer)
{
    return lexer->libcsv ? lexer->index.at : lexer->index.base;
}

void sheaf_lexer_extend(struct sheaf_lexer *lexer, uint64_t from, const char *bytes, uint64_t size,
                        bool final)
{
    assert(from <= sheaf_lexer_needed(lexer) && from + size >= lexer->to);
    lexer->bytes = bytes;
    lexer->from = from;
    lexer->to = from + size;
    lexer->final = final;
    lexer->needs_more = false;
}

static const char *base_bytes(const struct sheaf_lexer *lexer)
{
    return lexer->bytes + (lexer->index.base - lexer->from);
}

/* -- taking out what was given ---------------------------------------------------------------- */

static void move_down(uint32_t *to, const uint32_t *from, size_t count, uint32_t by)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] - by;
}

/* What of the flags is true of the bytes that stay. */
static void look_again(struct sheaf_lexer *lexer)
{
    struct sheaf_index *index = &lexer->index;
    const unsigned char *bytes = (const unsigned char *)base_bytes(lexer);
    uint64_t size = index->at - index->base;
    unsigned quotes = 0, high = 0;

    for (uint64_t i = 0; i < size; i++) {
        unsigned class = lexer->automaton.class[bytes[i]];
        quotes |= class == SHEAF_CLASS_QUOTE || class == SHEAF_CLASS_ESCAPE;
        high |= bytes[i];
    }
    index->quotes = quotes != 0;
    index->non_ascii = high >= 0x80;
}

static void drop_given(struct sheaf_lexer *lexer)
{
    struct sheaf_index *index = &lexer->index;
    uint32_t by = index->begin[lexer->given];

    if (lexer->given == 0)
        return;
    /* The next line may begin a byte later: behind an LF that is still to come, or the end. */
    if (by > index->at - index->base)
        by = (uint32_t)(index->at - index->base);
    index->taken += lexer->given;
    index->records -= lexer->given;
    index->ends -= lexer->given_ends;
    move_down(index->begin, index->begin + lexer->given, index->records + 1, by);
    move_down(index->end, index->end + lexer->given_ends, index->ends, by);
    index->base += by;
    lexer->given = lexer->given_ends = 0;
    if (index->quotes || index->non_ascii)
        look_again(lexer);
}

/* -- filling the index ------------------------------------------------------------------------ */

static void fail_at_repair(struct sheaf_lexer *lexer)
{
    for (int kind = 0; kind < SHEAF_REPAIR_KINDS; kind++) {
        const struct sheaf_index_repair *repair = &lexer->index.repairs[kind];
        if (repair->count > 0)
            lexer->fault = (struct sheaf_fault){.kind = (enum sheaf_repair_kind)kind,
                                                .byte = repair->byte,
                                                .record = repair->record,
                                                .line = repair->line,
                                                .field = repair->field};
    }
    lexer->failed = true;
}

/* The field that is open at the end of the data began with a quote: an error, or counted. */
static void note_open_quote(struct sheaf_lexer *lexer)
{
    struct sheaf_index *index = &lexer->index;
    const char *bytes = base_bytes(lexer);
    uint32_t record = index->begin[index->records];
    size_t first = index->ends;
    uint32_t quote;

    while (first > 0 && index->end[first - 1] >= record)
        first--;
    quote = index->ends > first ? index->end[index->ends - 1] + 1 : record;
    while ((unsigned char)bytes[quote] != lexer->dialect.quote)
        quote++;
    index->repairs[SHEAF_REPAIR_OPEN_QUOTE] = (struct sheaf_index_repair){
        .count = 1,
        .byte = index->base + quote,
        .record = index->taken + index->records,
        .line = index->lines - sheaf_count_lines(bytes + quote, index->at - index->base - quote),
        .field = (uint32_t)(index->ends - first),
    };
    if (lexer->dialect.reading == SHEAF_LENIENT)
        return;
    memset(index->repairs, 0, sizeof index->repairs[0] * SHEAF_REPAIR_OPEN_QUOTE);
    fail_at_repair(lexer);
}

/* The end of the file ends the field and record that are open. */
static void end_data(struct sheaf_lexer *lexer)
{
    struct sheaf_index *index = &lexer->index;
    uint32_t position = (uint32_t)(index->at - index->base);

    lexer->over = true;
    switch (index->state) {
    case SHEAF_STATE_R:
    case SHEAF_STATE_K:
    case SHEAF_STATE_C:
        return;
    case SHEAF_STATE_Q:
    case SHEAF_STATE_XQ:
        note_open_quote(lexer);
        if (lexer->failed)
            return;
        break;
    default:
        break;
    }
    index->end[index->ends++] = position;
    index->begin[++index->records] = position + 1;
    index->state = SHEAF_STATE_R;
}

static sheaf_status make_room(struct sheaf_index *index, uint64_t bytes, sheaf_error *error)
{
    size_t more = (size_t)bytes + SHEAF_INDEX_SLACK;

    SHEAF_TRY(sheaf_grow(&index->begin, &index->begin_capacity, index->records + more,
                         sizeof(uint32_t), error));
    return sheaf_grow(&index->end, &index->end_capacity, index->ends + more, sizeof(uint32_t),
                      error);
}

/* The bytes at hand are indexed: end the data, ask for more, or see that a batch is too large. */
static sheaf_status reach_limit(struct sheaf_lexer *lexer, bool *full, sheaf_error *error)
{
    const struct sheaf_index *index = &lexer->index;

    if (index->at - index->base >= LAST_POSITION) {
        *full = true;
        if (index->records == 0) {
            sheaf_error_set(error, SHEAF_LIMIT, "a record has more than 4 GiB");
            sheaf_error_help(error, "Look for a quote that is not closed, or try --no-quote");
            if (error)
                error->byte = (int64_t)(index->base + index->begin[0]);
            return SHEAF_LIMIT;
        }
    } else if (lexer->final) {
        end_data(lexer);
    } else {
        lexer->needs_more = true;
    }
    return SHEAF_OK;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Index until `most` records are whole, or there will be no more. */
static sheaf_status fill(struct sheaf_lexer *lexer, size_t most, sheaf_error *error)
{
    struct sheaf_index *index = &lexer->index;
    bool full = false;

    while (index->records < most && !lexer->over && !lexer->failed && !full) {
        uint64_t limit = least(lexer->to, index->base + LAST_POSITION);
        struct sheaf_index_goal goal = {
            .records = most,
            .stop = lexer->stop,
            .to = least(limit, index->at + TILE),
            .size = lexer->to,
            .final = lexer->final,
            .strict = lexer->dialect.reading == SHEAF_STRICT,
        };
        SHEAF_TRY(make_room(index, goal.to - least(goal.to, index->at), error));
        switch (
            sheaf_index_run(index, &lexer->automaton, lexer->kernel, base_bytes(lexer), &goal)) {
        case SHEAF_INDEX_STOP:
            lexer->over = true;
            break;
        case SHEAF_INDEX_REPAIR:
            fail_at_repair(lexer);
            break;
        case SHEAF_INDEX_TO:
            if (goal.to == limit)
                SHEAF_TRY(reach_limit(lexer, &full, error));
            break;
        case SHEAF_INDEX_RECORDS:
            break;
        }
        if (lexer->needs_more)
            break;
    }
    return SHEAF_OK;
}

/* -- giving out ------------------------------------------------------------------------------- */

/* Whether all records have `width` fields: each but the first begins between two certain ends. */
static bool is_rectangular(const uint32_t *end, const uint32_t *begin, size_t count, size_t width)
{
    unsigned wrong = 0;

    for (size_t r = 1; r <= count; r++)
        wrong |= (unsigned)(end[r * width - 1] >= begin[r]) | (unsigned)(end[r * width] < begin[r]);
    return wrong == 0;
}

static void make_rectangle(struct sheaf_lexer *lexer, size_t count, uint32_t width)
{
    if (lexer->ramp_width == width && lexer->ramp_count >= count)
        return;
    for (size_t r = 0; r < count; r++) {
        lexer->first[r] = (uint32_t)r * width;
        lexer->fields[r] = width;
    }
    lexer->ramp_width = width;
    lexer->ramp_count = count;
}

static void walk_records(struct sheaf_lexer *lexer, size_t count)
{
    const uint32_t *end = lexer->index.end, *begin = lexer->index.begin;
    uint32_t at = 0;

    for (size_t r = 0; r < count; r++) {
        lexer->first[r] = at;
        while (end[at] < begin[r + 1])
            at++;
        lexer->fields[r] = at - lexer->first[r];
    }
    lexer->given_ends = at;
    lexer->ramp_width = 0;
}

static sheaf_status give(struct sheaf_lexer *lexer, size_t count, struct sheaf_records *records,
                         sheaf_error *error)
{
    struct sheaf_index *index = &lexer->index;
    const uint32_t *end = index->end, *begin = index->begin;
    uint32_t width = 0;

    SHEAF_TRY(sheaf_grow(&lexer->first, &lexer->first_capacity, count, sizeof(uint32_t), error));
    SHEAF_TRY(sheaf_grow(&lexer->fields, &lexer->fields_capacity, count, sizeof(uint32_t), error));
    index->end[index->ends] = UINT32_MAX; /* begins no record: stops every walk */
    while (end[width] < begin[1])
        width++;
    bool rectangular = width * count <= index->ends && is_rectangular(end, begin, count, width);
    if (rectangular) {
        make_rectangle(lexer, count, width);
        lexer->given_ends = width * count;
    } else {
        walk_records(lexer, count);
    }
    lexer->given = count;
    lexer->records += count;
    *records = (struct sheaf_records){
        .bytes = base_bytes(lexer),
        .base = index->base,
        .count = count,
        .begin = begin,
        .first = lexer->first,
        .fields = lexer->fields,
        .end = end,
        .rectangular = rectangular,
        .width = width,
        .quotes = index->quotes || lexer->dialect.skip_initial_space,
        .non_ascii = index->non_ascii,
    };
    return SHEAF_OK;
}

static sheaf_status report_fault(const struct sheaf_lexer *lexer, sheaf_error *error)
{
    static const char *const messages[] = {
        "a quote in a field that does not begin with one",
        "text after the closing quote",
        "a quote is never closed",
    };
    const struct sheaf_fault *fault = &lexer->fault;

    sheaf_error_set(error, SHEAF_BAD_DATA, "%s", messages[fault->kind]);
    sheaf_error_help(error,
                     "Read it nevertheless: --lenient    No quoting in this file: --no-quote");
    if (error) {
        error->byte = (int64_t)fault->byte;
        error->row = (int64_t)fault->record + 1;
        error->line = (int64_t)fault->line + 1;
        error->column = (int32_t)fault->field + 1;
    }
    return SHEAF_BAD_DATA;
}

static void finish(struct sheaf_lexer *lexer)
{
    const struct sheaf_index *index = &lexer->index;

    lexer->ended = true;
    lexer->stopped_at = index->at;
    lexer->lines = index->lines;
    for (int kind = 0; kind < SHEAF_REPAIR_KINDS; kind++)
        lexer->repairs[kind] = (struct sheaf_repair){
            .count = index->repairs[kind].count,
            .first_byte = index->repairs[kind].byte,
            .first_record = index->repairs[kind].record,
            .first_line = index->repairs[kind].line,
        };
}

sheaf_status sheaf_lexer_next(struct sheaf_lexer *lexer, size_t most, struct sheaf_records *records,
                              sheaf_error *error)
{
    assert(most > 0);
    *records = (struct sheaf_records){0};
    if (lexer->ended)
        return SHEAF_OK;
    if (lexer->libcsv)
        return sheaf_libcsv_next(lexer, most, records, error);
    drop_given(lexer);
    SHEAF_TRY(fill(lexer, most, error));
    if (lexer->needs_more)
        return SHEAF_OK;
    size_t count = lexer->index.records < most ? lexer->index.records : most;
    if (count > 0)
        return give(lexer, count, records, error);
    if (lexer->failed)
        return report_fault(lexer, error);
    finish(lexer);
    return SHEAF_OK;
}
