/*
 * sheaf/job.h - a question, asked of a dataset
 *
 *     extern const sheaf_operator sheaf_operator_total;
 *
 *     sheaf_job job = {.struct_size = sizeof job, .dataset = orders, .by = "customer",
 *                      .operators = {&sheaf_operator_total}};
 *     sheaf_result *result = NULL;
 *     if (sheaf_run(&job, &result, &error) == SHEAF_OK)
 *         ... sheaf_result_batch(result) ...
 *     sheaf_result_close(result);
 *
 * The result is a function of data, question and options alone: bit for bit the
 * same with any executor and any number of workers.
 */
#ifndef SHEAF_JOB_H
#define SHEAF_JOB_H

#include <sheaf/dataset.h>
#include <sheaf/operator.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHEAF_STAGES_MAX 8

/* -- who does the work --------------------------------------------------------------------- */

typedef enum sheaf_executor_name {
    SHEAF_EXECUTOR_FORK = 0, /* worker processes: a dying one costs a retry */
    SHEAF_EXECUTOR_INLINE    /* here and now, in the calling process: for tests and debuggers.
                                A user's operator then runs, and may crash, in this process */
} sheaf_executor_name;

typedef struct sheaf_executor {
    sheaf_executor_name name;
    int workers; /* processes; 0: one for each processor that affinity and cgroups allow */
    int retries; /* more attempts for a shard whose worker died; 0: three; -1: none */
    int64_t deadline_ms; /* for the whole run; 0: none */
} sheaf_executor;

/* -- stages: what happens to rows, one after the other ----------------------------------------- */

typedef enum sheaf_stage_kind {
    SHEAF_STAGE_END = 0,
    SHEAF_STAGE_WHERE,  /* text: an expression; rows for which it is true go on */
    SHEAF_STAGE_SELECT, /* text: "a, b, x * 2 as twice": these columns go on, in this order */
    SHEAF_STAGE_HEAD,   /* count: the first rows go on */
    SHEAF_STAGE_MAP,    /* an operator with .map: rows in, rows out */
    SHEAF_STAGE_FOLD,   /* an operator with .fold, one state for each key */
    SHEAF_STAGE_GROUP,  /* text: "mean(x) min(x) as low": several folds over the same keys */
    SHEAF_STAGE_STATS,  /* count, missing, distinct, min, max, ... of each column, a row for each */
    SHEAF_STAGE_SORT    /* text: "-mean(x), station": only after FOLD or GROUP */
} sheaf_stage_kind;

typedef struct sheaf_stage {
    sheaf_stage_kind kind;
    const char *text;
    uint64_t count;
    const sheaf_operator *op; /* MAP, FOLD: a table linked into the program, or else */
    const char *spec;         /* a built-in's name, or a path that ends in .so or .c */
    const char *by;           /* FOLD, GROUP: key columns, "customer,day"; NULL: as the operator says */
    const char *bind;         /* MAP, FOLD: inputs to columns, "value=temperature"; NULL: by name */
    const char *set;          /* MAP, FOLD: options, "bins=64" */
} sheaf_stage;

/* Every member but the first two may be left zero. */
typedef struct sheaf_job {
    size_t struct_size;
    sheaf_dataset *dataset;

    /* Either stages, in order; WHERE, SELECT, HEAD and MAP may come before the FOLD or GROUP, and
     * SORT, WHERE, SELECT and HEAD after it.  Without any, rows come out as they are. */
    const sheaf_stage *stages;
    size_t stage_count;

    /* Or the short form: maps first, a fold last; ends at NULL. */
    const sheaf_operator *operators[SHEAF_STAGES_MAX];
    const char *by, *bind, *set;

    sheaf_executor executor;
    uint64_t seed;        /* of samples and sketches; the hash of keys never shows */
    size_t memory_bytes;  /* of states in one worker; 0: by the machine.  More is SHEAF_LIMIT */

    /* Called in the process that called sheaf_run(), about ten times a second: 0 to 1, or below 0
     * while the size is not known. */
    void (*progress)(double fraction, void *context);
    void *progress_context;

    /* A file that gets the bad rows that were skipped or nulled, as CSV, in the order of the data:
     * file, line, record, byte, column, kind, value.  Replaced as a whole when the job succeeds. */
    const char *rejects;
} sheaf_job;

typedef struct sheaf_result sheaf_result;

/* Kinds of lexing matters that were read by a rule of ours, see docs/csv.md: a quote inside a field
 * that has none around it; text between a closing quote and the field's end; a quote that is never
 * closed (lenient reading only). */
#define SHEAF_REPORT_REPAIRS 3

typedef struct sheaf_report {
    uint64_t bytes;           /* read (decoded) */
    uint64_t records;         /* = rows_used + rows_filtered + rows_rejected, checked in every run
                                 that reads to the end */
    uint64_t rows_used;       /* reached the fold, a map, or the output */
    uint64_t rows_filtered;   /* left out by WHERE or HEAD */
    uint64_t rows_rejected;   /* left out by SHEAF_BAD_ROW_SKIP */
    uint64_t rows_nulled;     /* went on, with something made missing by SHEAF_BAD_ROW_NULL */
    struct {
        uint64_t count;
        uint32_t file;        /* the first: index of the file, */
        uint64_t line, byte;  /* line counted from 1, offset */
    } repairs[SHEAF_REPORT_REPAIRS];
    uint64_t shards, tasks, deaths; /* deaths: of workers, each survived by a retry */
    int workers;
    double open_s, fold_s, glue_s, total_s;
} sheaf_report;

/*
 * Run the job and wait for its end.  On failure the error is that of the
 * earliest place in the data that failed.  Forks: call it from a thread that lives
 * as long as the run, best before the program starts others (an OpenMP runtime is
 * paused first).  Not from two threads at once.  The caller closes the result.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_run(const sheaf_job *job, sheaf_result **result,
                                                  sheaf_error *error);

/* The rows of the answer: the keys, then the outputs, in order of first appearance unless sorted.
 * More than SHEAF_BATCH_ROWS of them, if need be.  Belongs to the result. */
SHEAF_EXPORT const sheaf_batch *sheaf_result_batch(const sheaf_result *result);
SHEAF_EXPORT size_t sheaf_result_columns(const sheaf_result *result);
SHEAF_EXPORT const char *sheaf_result_column_name(const sheaf_result *result, size_t column);
SHEAF_EXPORT const sheaf_report *sheaf_result_report(const sheaf_result *result);
SHEAF_EXPORT void sheaf_result_close(sheaf_result *result);

/* Where an answer goes as text.  All zero is CSV on standard output. */
typedef struct sheaf_target {
    const char *path;   /* NULL or "-": standard output.  A file is replaced in one rename, when the
                           answer is complete and on the disk; a FIFO or device is written as it comes */
    const char *format; /* "csv", "tsv", "jsonl", "json", "md" or "table"; NULL: csv */
    bool headless;      /* no line of names */
    int delimiter;      /* of csv: a byte value + 1; 0: a comma */
} sheaf_target;

/*
 * Run the job and write its answer.  Rows (a job without a fold) are formatted by the workers and
 * written as they come, in the order of the data, so any number of them takes little memory.  The
 * report, if not NULL, is filled in as far as the job went, also on failure.
 * SHEAF_INTERRUPTED with SIGPIPE in error.system when the reader of a stream has left.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_run_to(const sheaf_job *job,
                                                     const sheaf_target *target,
                                                     sheaf_report *report, sheaf_error *error);

/* What the job would do, in words, in several lines; the caller frees *text. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_explain(const sheaf_job *job, char **text,
                                                      sheaf_error *error);

/*
 * Try to refute the law of the operator that the job's only stage folds: the
 * first rows of the data are cut at random places, and combining the states of the pieces
 * must say what folding the whole says.  *verdict, which the caller frees, says in words
 * what was tried; SHEAF_BAD_OPERATOR when a counterexample was found.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_check(const sheaf_job *job, char **verdict,
                                                    sheaf_error *error);

/*
 * Find the kinds of all columns for good, by reading all data: afterwards
 * sheaf_dataset_column_kind() holds for every value.  Does nothing where all kinds were given.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_examine(sheaf_dataset *dataset,
                                                      const sheaf_executor *executor,
                                                      sheaf_error *error);

/* Write the answer to a descriptor: "csv", "tsv", "jsonl", "json", "md" or "table". */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_result_write(const sheaf_result *result, int fd,
                                                           const char *format, sheaf_error *error);

#ifdef __cplusplus
}
#endif
#endif
