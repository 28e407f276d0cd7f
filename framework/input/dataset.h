/*
 * dataset.h - what the rest of the engine sees of a dataset; filled by sheaf_dataset_open()
 *
 * The order of the story: paths -> files (opened, identity noted, kind of source
 * found) -> dialect, header, kinds -> shards planned one by one on demand.
 */
#ifndef SHEAF_INPUT_DATASET_H
#define SHEAF_INPUT_DATASET_H

#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "column/evidence.h"
#include "column/schema.h"
#include "input/dialect.h"
#include <sheaf/dataset.h>

enum sheaf_source {
    SHEAF_SOURCE_FILE,   /* can be mapped and cut */
    SHEAF_SOURCE_STREAM, /* a pipe, a device, /proc: read once, in order, by the feeder */
    SHEAF_SOURCE_GZIP    /* a file, decoded in order by the feeder */
};

/*
 * Memory that the feeder fills and workers read, addressed like a file by the
 * offset in the decoded bytes.  `decoded` only grows.  Lives in shared memory.
 */
struct sheaf_spool {
    _Atomic uint64_t decoded;  /* bytes that may be read */
    _Atomic uint64_t consumed; /* bytes that no one needs any more; the feeder stays at most
                                  `ahead` in front of this */
    _Atomic uint64_t wanted;   /* some reader can not go on before so much is decoded: the feeder
                                  goes there, however far ahead that is */
    _Atomic uint64_t ahead;    /* UINT64_MAX: the feeder never waits */
    _Atomic uint32_t ended;    /* SHEAF_SPOOL_COMPLETE: `decoded` is the size.  SHEAF_SPOOL_FAILED:
                                  `error`, which is written before, says why */
    _Atomic uint32_t moved;    /* futex, raised at every change of the above */
    sheaf_error error;
};

enum { SHEAF_SPOOL_OPEN, SHEAF_SPOOL_COMPLETE, SHEAF_SPOOL_FAILED };

/* What tells that a file is still the one that was opened.  Not the time of its last status
 * change: that moves when the file is renamed or unlinked, which harms no one who has it open. */
struct sheaf_file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct sheaf_file {
    char *path;
    int fd; /* of the file; O_CLOEXEC, read-only.  -1 where it rests: see sheaf_file_descriptor() */
    enum sheaf_source source;
    sheaf_format format;
    uint64_t size;           /* bytes; UINT64_MAX while unknown (stream, gzip) */
    uint64_t data_begin;     /* after BOM and header, .npy header, ... */
    uint64_t data_end;       /* .npy: where its header says that the data end; else UINT64_MAX */
    uint64_t header_lines;   /* physical lines before data_begin */
    uint64_t header_records; /* records before data_begin: 0 or 1 */
    struct sheaf_file_identity identity;
    bool begun;                /* a stream: its first bytes were read */
    struct sheaf_gunzip *gunzip; /* a stream that is gzip: its decoder */
    int spool_fd;              /* memfd of the decoded bytes, or -1 */
    struct sheaf_spool *spool; /* NULL for plain files */
};

/* How a field of a binary record is stored. */
enum sheaf_form {
    SHEAF_FORM_VALUE,  /* as the column's type says, in 1, 2, 4 or 8 bytes */
    SHEAF_FORM_FIXED,  /* text or bytes of a fixed size; zero bytes at the end of a text are filling
                        */
    SHEAF_FORM_UTF32,  /* text of fixed size, four bytes a character */
    SHEAF_FORM_MOMENT, /* int64 ticks since 1970; the least value means missing */
    SHEAF_FORM_DAY     /* int64 days since 1970; likewise */
};

struct sheaf_place {
    uint64_t offset; /* in the record */
    uint32_t size;   /* bytes */
    enum sheaf_form form;
    bool swapped;             /* the bytes are in the other order than this machine's */
    int64_t multiply, divide; /* SHEAF_FORM_MOMENT: ticks into microseconds */
};

struct sheaf_dataset {
    sheaf_dataset_options options; /* pointers inside are copies owned here */
    size_t null_count;             /* of options.nulls */
    struct sheaf_file *files;
    size_t file_count;
    sheaf_format format; /* of all files; not SHEAF_GUESS */
    struct sheaf_dialect dialect;
    struct sheaf_schema schema; /* kinds as given or, where `open_kinds` says so, a first opinion */
    bool *open_kinds;           /* per column: found from a sample, may have to be widened */
    sheaf_kind *declared;       /* per column: what the options say; SHEAF_NONE: nothing */
    struct sheaf_evidence *evidence; /* per column: what the opinion stands on */
    bool found_dialect;              /* by looking, not by options: say so in --explain */
    bool found_header;               /* likewise */
    bool has_header;
    uint64_t shard_bytes; /* decided */
    /* Binary layouts. */
    uint64_t record_size;
    struct sheaf_place *places; /* per column */
};

/* Bytes of data of the whole dataset; UINT64_MAX when a part is not known. */
uint64_t sheaf_dataset_bytes(const sheaf_dataset *dataset);

/* Shards of a file: shard i nominally begins at data_begin + i * shard_bytes.  0 for no data; 1 for
 * the reading of libcsv, which can not be cut; UINT64_MAX while the file's size is not known. */
uint64_t sheaf_file_shards(const sheaf_dataset *dataset, size_t file);

/* First record start at or after the nominal begin of shard i (i == 0: data_begin; i >= shards: the
 * end of the file).  A guess where it can not be proven: a worker verifies it.  Reads a little of
 * the file.  Of a file that the feeder decodes it waits for the bytes from there on: ask when
 * `decoded` is 64 KiB ahead, or `ended` is set, not to wait. */
SHEAF_CHECKED sheaf_status sheaf_file_cut(const sheaf_dataset *dataset, size_t file, uint64_t shard,
                                          uint64_t *begin, sheaf_error *error);

/*
 * The descriptor of the file itself, and that of its bytes (of the spool, where they are decoded).
 * Of many files only the first stay open; of the others each process has one open at
 * a time, which is closed when another is asked for.  SHEAF_CHANGED if it is another file now.
 */
SHEAF_CHECKED sheaf_status sheaf_file_descriptor(const struct sheaf_file *file, int *fd,
                                                 sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_file_bytes(const struct sheaf_file *file, int *fd,
                                            sheaf_error *error);

/* SHEAF_CHANGED if the file is not what it was when it was opened. */
SHEAF_CHECKED sheaf_status sheaf_file_verify(const struct sheaf_file *file, sheaf_error *error);

/* Bytes of a file: for one that the feeder decodes, UINT64_MAX until it has come to the end. */
uint64_t sheaf_file_size(const struct sheaf_file *file);

/*
 * Take what a job has found by reading all of every column that was open: the kinds that hold
 * all values.  `evidence` has an entry for each column of the dataset; columns whose kind was
 * given keep it.  No column is open afterwards.
 */
void sheaf_dataset_settle(sheaf_dataset *dataset, const struct sheaf_evidence *evidence);

/* Whether the value of a row that does not fit an open column was met: run again, after a full
 * examination.  The error has everything a value error has, so it may be shown if that is useless.
 */
#define SHEAF_CODE_OPINION 420

/* -- files that are decoded or read in order: see spool.h ------------------------------------- */

/*
 * The feeder's whole work: decode or read every file that is not plain into its spool, in order,
 * never more than `ahead` in front of what was consumed.  Runs in a process of its own, or in
 * this one after sheaf_dataset_read_ahead(dataset, UINT64_MAX).  SHEAF_LOST when the process that
 * started it has died.
 */
SHEAF_CHECKED sheaf_status sheaf_dataset_feed(sheaf_dataset *dataset, sheaf_error *error);
bool sheaf_dataset_needs_feeder(const sheaf_dataset *dataset);

/* How far the feeder may be in front of what was consumed.  It must be enough for all shards that
 * are being read at the same time, and one more; else readers and feeder wait for each other
 * in slices, one record at a time. */
void sheaf_dataset_read_ahead(sheaf_dataset *dataset, uint64_t bytes);

/* Called by the coordinator when the feeder's process has ended in whatever way: readers that wait
 * for more get `why`, or SHEAF_LOST when it is NULL, unless the file was complete. */
void sheaf_dataset_feeder_gone(sheaf_dataset *dataset, const sheaf_error *why);

/* Called by the coordinator: bytes before `offset` of the file's spool are given back. */
void sheaf_file_consumed(struct sheaf_file *file, uint64_t offset);

/*
 * Make ready to be read from the start once more, when no feeder runs.  SHEAF_BAD_ARGUMENT, with
 * the remedy to name the types, for a stream of which something was given back already.
 */
SHEAF_CHECKED sheaf_status sheaf_dataset_rewind(sheaf_dataset *dataset, sheaf_error *error);

#endif
