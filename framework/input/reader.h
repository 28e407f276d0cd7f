/*
 * reader.h - shards into batches: the columns that are wanted, and nothing else
 *
 *     sheaf_reader_open(dataset, wanted, count, &reader, error);
 *     for each shard: sheaf_reader_start(reader, file, begin, end, error);
 *                     while (sheaf_reader_next(reader, &batch, error) == SHEAF_OK && batch.rows)
 *                         ...
 *                     sheaf_reader_finish(reader, &outcome);
 *     sheaf_reader_close(reader);
 *
 * A reader belongs to one worker.  Nothing is allocated per batch once it has
 * grown.  Memory is a window of the file and one batch, whatever the file's size.
 *
 * A batch is SHEAF_BATCH_ROWS records of the shard, fewer at its end; rows that are
 * skipped make it smaller, and a batch of none is passed over.  So batches depend on the data
 * alone.  (Of binary records of more than 16 KiB a batch is what fits in a window.)
 */
#ifndef SHEAF_INPUT_READER_H
#define SHEAF_INPUT_READER_H

#include "base/string.h"
#include "input/dataset.h"
#include "input/lexer.h"

/* The column that stands for the whole record, as it is in the file: wanted as SHEAF_BYTES. */
#define SHEAF_WHOLE_RECORD UINT32_MAX

struct sheaf_wanted {
    uint32_t column; /* of the dataset, or SHEAF_WHOLE_RECORD */
    sheaf_kind kind; /* what to decode it as; a column may be wanted in several kinds */
};

struct sheaf_read {              /* one batch, valid until the next call */
    size_t rows;                 /* 0: the shard is done */
    const sheaf_column *columns; /* one for each wanted */
    uint64_t first_row;          /* good rows of this shard before this batch */
    const uint32_t *offset; /* per row: where its record begins, from `base`; NULL for binary */
    uint64_t base;          /* file offset that `offset` counts from; of the first row if NULL */
    uint64_t stride;        /* binary: bytes of a record */
};

/* What a worker reports of a shard, beside its state; flat bytes. */
struct sheaf_read_outcome {
    uint64_t began, stopped; /* first byte read; start of the next record: equals the planned end
                                unless the plan was wrong there or the file ends */
    uint64_t bytes, lines;   /* physical lines in [began, stopped) */
    uint64_t records;        /* as the lexer counts: good + bad */
    uint64_t rows;           /* given out */
    uint64_t bad;            /* skipped, or nulled, by policy */
    struct sheaf_repair repairs[SHEAF_REPAIR_KINDS]; /* bytes are offsets in the file */
};

struct sheaf_reader;

SHEAF_CHECKED sheaf_status sheaf_reader_open(const sheaf_dataset *dataset,
                                             const struct sheaf_wanted *wanted, size_t count,
                                             struct sheaf_reader **reader, sheaf_error *error);

/* Begin a shard: records that start in [begin, end) of the file.  SHEAF_CHANGED if the file did. */
SHEAF_CHECKED sheaf_status sheaf_reader_start(struct sheaf_reader *reader, size_t file,
                                              uint64_t begin, uint64_t end, sheaf_error *error);
/*
 * The next batch.  SHEAF_BAD_DATA where a row does not fit and the policy is to fail, or a quote
 * is wrong: error->byte is the place in the file; line and row count from 0 in the shard,
 * until sheaf_reader_locate() has completed them.  SHEAF_CHANGED, at the latest at the end
 * of the shard, if the file changed while it was read: nothing that was read may be used.
 */
SHEAF_CHECKED sheaf_status sheaf_reader_next(struct sheaf_reader *reader, struct sheaf_read *read,
                                             sheaf_error *error);
void sheaf_reader_finish(struct sheaf_reader *reader, struct sheaf_read_outcome *outcome);

/*
 * Rejected rows of the shard so far, one line each: "line,record,byte,column,kind,value".  Line and
 * record are counted from 0 in the shard; the kind is "value", "width" or "encoding"; the
 * value is quoted as CSV, that of a wrong width is the whole record.  Empty unless the policy is
 * skip or null.
 */
const struct sheaf_string *sheaf_reader_rejects(const struct sheaf_reader *reader);
void sheaf_reader_close(struct sheaf_reader *reader);

/*
 * Evidence of the kinds of the wanted columns in place of values: reads the
 * started shard to its end and joins into evidence[count].  Rows of a wrong width count under
 * the policies skip and null; else they are the error that next() would give.
 */
SHEAF_CHECKED sheaf_status sheaf_reader_examine(struct sheaf_reader *reader,
                                                struct sheaf_evidence *evidence,
                                                sheaf_error *error);

/*
 * Complete an error of sheaf_reader_next() for people: `lines` and `records` are those
 * of the shards before it in the file (of their outcomes; the header is added here).  The
 * message becomes "file:line:column: what (E401, byte 81235)".  Other errors are left alone.
 */
void sheaf_reader_locate(const sheaf_dataset *dataset, size_t file, uint64_t lines,
                         uint64_t records, sheaf_error *error);

#endif
