/*
 * lexer.h - the bytes of a shard into records and fields
 *
 *     sheaf_lexer_init(&lexer, &dialect, error)
 *     for each shard:
 *         sheaf_lexer_start(&lexer, bytes, size, stop, final);
 *         for (;;) {
 *             SHEAF_TRY(sheaf_lexer_next(&lexer, SHEAF_BATCH_ROWS, &records, error));
 *             if (lexer.needs_more) {
 *                 ... map or read more, from sheaf_lexer_needed() at the latest ...
 *                 sheaf_lexer_extend(&lexer, from, bytes, size, final);
 *                 continue;
 *             }
 *             if (records.count == 0)
 *                 break;
 *             ... use the records ...
 *         }
 *     sheaf_lexer_destroy(&lexer);
 *
 * What is found is a function of the bytes and the dialect alone: kernels of
 * any instruction set and windows of any size give the same.  A lexer belongs
 * to one thread; it allocates only while its arrays grow.
 */
#ifndef SHEAF_INPUT_LEXER_H
#define SHEAF_INPUT_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input/dialect.h"
#include "kernel/index.h"

/* Records in their order; a view, valid until the lexer's next call.  Offsets count from `bytes`.
 */
struct sheaf_records {
    const char *bytes;
    uint64_t base; /* where bytes[0] is, counted from the shard's first byte */
    size_t count;
    const uint32_t *begin;  /* begin[r]: first byte of record r */
    const uint32_t *first;  /* first[r]: index in end[] of its first field */
    const uint32_t *fields; /* fields[r]: number of its fields, at least 1 */
    const uint32_t *end; /* per field: the byte that ended it: delimiter, LF, CR, or end of data */
    const uint64_t
        *source; /* libcsv only, else NULL: where record r began, from the shard's first byte */
    bool rectangular; /* every record has `width` fields and first[r] == first[0] + r * width */
    uint32_t width;   /* fields of the first record */
    bool quotes;      /* some field may need sheaf_field_unquote(); else all are plain */
    bool non_ascii;   /* some byte may be >= 0x80 */
    bool utf8;        /* all fields are known to be UTF-8; the lexer does not know */
};

/* Field c of record r as it stands in the file, quotes included: from begin to end (exclusive). */
static inline uint32_t sheaf_field_begin(const struct sheaf_records *records, size_t r, uint32_t c)
{
    return c ? records->end[records->first[r] + c - 1] + 1 : records->begin[r];
}

static inline uint32_t sheaf_field_end(const struct sheaf_records *records, size_t r, uint32_t c)
{
    return records->end[records->first[r] + c];
}

/* Where record r begins, counted from the shard's first byte. */
static inline uint64_t sheaf_record_offset(const struct sheaf_records *records, size_t r)
{
    return records->source ? records->source[r] : records->base + records->begin[r];
}

/* What the canonical reading repairs and the strict one refuses; see kernel/automaton.h. */
struct sheaf_repair {
    uint64_t count;
    uint64_t first_byte, first_record, first_line; /* from the shard's begin, counted from 0 */
};

const char *sheaf_repair_name(enum sheaf_repair_kind kind); /* "bare_quote", ... */

struct sheaf_libcsv;

struct sheaf_lexer {
    /* Set by next(). */
    bool needs_more; /* no records were given: extend, then call next() again */
    bool ended;      /* all records were given; what follows is final */
    /* Once ended: the first line start at or after `stop`, or the end of the file. */
    uint64_t stopped_at;
    uint64_t lines;   /* line ends (LF, CR, CRLF) before stopped_at, those inside quotes included */
    uint64_t records; /* given out so far */
    struct sheaf_repair repairs[SHEAF_REPAIR_KINDS];
    /* Where SHEAF_BAD_DATA is, from the shard's begin, counted from 0: the offending byte, or the
     * opening quote of an open one. */
    struct sheaf_fault {
        enum sheaf_repair_kind kind;
        uint64_t byte, record, line;
        uint32_t field;
    } fault;

    /* The lexer's own. */
    struct sheaf_dialect dialect;
    struct sheaf_automaton automaton;
    sheaf_index_kernel *kernel;
    struct sheaf_index index;
    const char *bytes; /* of the window */
    uint64_t from;     /* where it begins, from the shard's first byte */
    uint64_t to;       /* and where it ends */
    uint64_t stop;
    bool final;
    bool over;                /* no record begins after those in the index */
    bool failed;              /* `fault` comes after those in the index */
    size_t given, given_ends; /* records and fields of the index that the last next() gave */
    uint32_t *first, *fields; /* per record of the batch */
    size_t first_capacity, fields_capacity;
    size_t ramp_count;   /* first[] and fields[] are those of so many records ... */
    uint32_t ramp_width; /* ... all of this width; 0: of none */
    struct sheaf_libcsv *libcsv;
};

/* The dialect is copied and must have passed sheaf_dialect_check(). */
SHEAF_CHECKED sheaf_status sheaf_lexer_init(struct sheaf_lexer *lexer,
                                            const struct sheaf_dialect *dialect,
                                            sheaf_error *error);
void sheaf_lexer_destroy(struct sheaf_lexer *lexer);

/*
 * Begin a shard at `bytes`, the first byte of a line.  Records that start
 * before `stop` are read; the last may run past it, up to `size`, the bytes that are
 * at hand now.  `final`: the file ends there.  Reads no byte outside [bytes, bytes + size).
 */
void sheaf_lexer_start(struct sheaf_lexer *lexer, const char *bytes, uint64_t size, uint64_t stop,
                       bool final);

/*
 * The next `most` records, exactly so many as long as there are; fewer only
 * before the end, and before a batch would be more than 4 GiB.  The end is
 * reached when count is 0 and needs_more is not set.
 * Records before an error are given first; the error comes with the next call.
 * SHEAF_BAD_DATA (see `fault`; error->byte, row and line are of the shard, row and line counted
 * from 1): strict, a repair; canonical, an open quote.  SHEAF_LIMIT: a record of 4 GiB.
 */
SHEAF_CHECKED sheaf_status sheaf_lexer_next(struct sheaf_lexer *lexer, size_t most,
                                            struct sheaf_records *records, sheaf_error *error);

/* First byte, from the shard's first, that the lexer or the records it gave last still need. */
uint64_t sheaf_lexer_needed(const struct sheaf_lexer *lexer);

/*
 * Replace the window: bytes[0] is byte `from` of the shard, from <= sheaf_lexer_needed();
 * from + size is no less than before.  The old window is not touched any more, and records
 * given before are void.
 */
void sheaf_lexer_extend(struct sheaf_lexer *lexer, uint64_t from, const char *bytes, uint64_t size,
                        bool final);

/*
 * The value of a field: quotes, doubled quotes, escapes and initial spaces
 * resolved as the canonical reading does.  `to` has room for `size` bytes and may not
 * overlap.  Returns the value's size; *quoted says whether the field began with a quote.
 */
size_t sheaf_field_unquote(const struct sheaf_dialect *dialect, const char *raw, size_t size,
                           char *to, bool *quoted);

/* The same without a copy: the value inside `raw`, or NULL if it does not stand there in one piece.
 */
const char *sheaf_field_view(const struct sheaf_dialect *dialect, const char *raw, size_t size,
                             size_t *view_size, bool *quoted);

/* Bytes of a UTF-8 byte order mark at the beginning of a file: 3 or 0. */
size_t sheaf_bom_size(const char *bytes, uint64_t size);

#endif
