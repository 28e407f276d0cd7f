/*
 * sheaf/dataset.h - files as one table
 *
 * A dataset is one file or several of the same columns, read and never written.
 * It is cut into shards, runs of whole records: where a shard begins and ends
 * depends on the data and on shard_bytes alone, never on how many workers read it.
 */
#ifndef SHEAF_DATASET_H
#define SHEAF_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/batch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sheaf_dataset sheaf_dataset;

typedef enum sheaf_format {
    SHEAF_GUESS = 0, /* by the first bytes of the file, and for records by the schema */
    SHEAF_CSV,       /* delimited text; .gz by its first bytes */
    SHEAF_RECORDS,   /* packed fixed-size records, as the schema says */
    SHEAF_NPY        /* numpy's .npy, versions 1 to 3 */
} sheaf_format;

/* How quotes that RFC 4180 does not allow are read: see docs/csv.md. */
typedef enum sheaf_reading {
    SHEAF_CANONICAL = 0, /* as Python's csv does; repairs are counted; an open quote is an error */
    SHEAF_STRICT,        /* every repair is an error, with libcsv's verdict and offset */
    SHEAF_LENIENT,       /* no lexing matter is an error */
    SHEAF_LIBCSV         /* libcsv reads, in one piece, with its own recovery */
} sheaf_reading;

typedef enum sheaf_newline {
    SHEAF_NEWLINE_ANY = 0,
    SHEAF_NEWLINE_LF,
    SHEAF_NEWLINE_CRLF
} sheaf_newline;

/* What happens to a row whose width, encoding or values do not fit. */
typedef enum sheaf_bad_row {
    SHEAF_BAD_ROW_FAIL = 0, /* the job stops with the earliest such row */
    SHEAF_BAD_ROW_SKIP,     /* the row is left out, counted, and written to the rejects */
    SHEAF_BAD_ROW_NULL      /* what does not fit is missing; counted, and written to the rejects */
} sheaf_bad_row;

/* All zero is the default.  Nothing is kept after open. */
typedef struct sheaf_dataset_options {
    size_t struct_size; /* sizeof(sheaf_dataset_options), so that it can grow */
    sheaf_format format;
    int delimiter;       /* a byte value + 1; 0: the one of , ; tab | that fits the first records */
    int quote;           /* a byte value + 1; 0: '"'; -1: no quoting */
    int escape;          /* a byte value + 1; 0: none */
    int comment;         /* a byte value + 1; 0: none.  Records that begin with it are left out */
    bool no_doublequote; /* "" inside quotes is not one quote */
    bool keep_blank;     /* empty lines are records of one empty field */
    bool skip_initial_space;
    bool headless; /* the first record is data; columns are named c1, c2, ... */
    bool header;   /* the first record is a header for sure.  Neither: found from the data */
    bool all_text; /* every column is text */
    sheaf_newline newline;
    sheaf_reading reading;
    sheaf_bad_row bad_row;
    uint64_t max_bad;   /* with skip and null: more bad rows than this are an error; 0: no limit */
    const char *schema; /* "customer:text,amount:f64", see docs/values.md; NULL: found from the
                           data. With a header it may name some of the columns; without, all of
                           them. For records it also says the layout: see docs/binary.md */
    const char *const *nulls; /* more spellings of missing; NULL or ended by NULL */
    size_t shard_bytes;       /* 0: by the size of the data */
} sheaf_dataset_options;

/*
 * Open files: each of the `count` paths may be a file, a folder (its files, not
 * hidden ones), a pattern of glob(7), "@list" (paths in a file, one a line), or
 * "-" (standard input).  What a folder or pattern gives is taken in the order of
 * the names' bytes.  Looks at the first bytes and at some places inside to find
 * what the options leave open.  The caller closes the dataset, after all jobs on it.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_dataset_open(const char *const *paths, size_t count,
                                                           const sheaf_dataset_options *options,
                                                           sheaf_dataset **dataset,
                                                           sheaf_error *error);
SHEAF_EXPORT void sheaf_dataset_close(sheaf_dataset *dataset);

/* Columns.  Kinds that had to be found are a first opinion until a job has read all of the column.
 */
SHEAF_EXPORT size_t sheaf_dataset_columns(const sheaf_dataset *dataset);
SHEAF_EXPORT const char *sheaf_dataset_column_name(const sheaf_dataset *dataset, size_t column);
SHEAF_EXPORT sheaf_kind sheaf_dataset_column_kind(const sheaf_dataset *dataset, size_t column);

/* The path of a file of the dataset, as it was found; NULL behind the last. */
SHEAF_EXPORT const char *sheaf_dataset_file(const sheaf_dataset *dataset, size_t file);

#ifdef __cplusplus
}
#endif
#endif
