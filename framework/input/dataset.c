/* dataset.c - files as one table: opened, described, cut into shards; see dataset.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "input/cut.h"
#include "input/layout.h"
#include "input/open.h"
#include "input/paths.h"
#include "input/source.h"
#include "input/spool.h"

/* Shards of data whose size is known: about so many, but neither tiny nor huge. */
enum { SHARDS = 64 };
#define SHARD_LEAST  ((uint64_t)1 << 20)
#define SHARD_MOST   ((uint64_t)16 << 20)
#define SHARD_STREAM ((uint64_t)4 << 20)

/* -- options ----------------------------------------------------------------------------------- */

static sheaf_status check_options(const sheaf_dataset_options *options, sheaf_error *error)
{
    const char *what = NULL;

    if (options->struct_size < offsetof(sheaf_dataset_options, shard_bytes))
        what = "struct_size of the options is not set";
    else if ((unsigned)options->format > SHEAF_NPY)
        what = "the format is not known";
    else if (options->delimiter < 0 || options->delimiter > 256)
        what = "the delimiter is not a byte";
    else if (options->quote < -1 || options->quote > 256)
        what = "the quote is not a byte";
    else if (options->escape < 0 || options->escape > 256)
        what = "the escape is not a byte";
    else if (options->comment < 0 || options->comment > 256)
        what = "the comment is not a byte";
    else if (options->header && options->headless)
        what = "there is a header or there is none, not both";
    else if ((unsigned)options->newline > SHEAF_NEWLINE_CRLF ||
             (unsigned)options->reading > SHEAF_LIBCSV ||
             (unsigned)options->bad_row > SHEAF_BAD_ROW_NULL)
        what = "an option has a value that does not exist";
    return what ? sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "dataset: %s", what) : SHEAF_OK;
}

static sheaf_status copy_nulls(sheaf_dataset *dataset, const char *const *nulls, sheaf_error *error)
{
    const char **copies;
    size_t count = 0;

    while (nulls && nulls[count])
        count++;
    SHEAF_TRY(sheaf_allocate(&copies, count + 1, sizeof *copies, error));
    dataset->options.nulls = copies;
    for (; dataset->null_count < count; dataset->null_count++) {
        char *copy;
        SHEAF_TRY(sheaf_copy_string(nulls[dataset->null_count], &copy, error));
        copies[dataset->null_count] = copy;
    }
    return SHEAF_OK;
}

static sheaf_status copy_options(sheaf_dataset *dataset, const sheaf_dataset_options *options,
                                 sheaf_error *error)
{
    const char *const *nulls = NULL;
    const char *schema = NULL;
    char *copy;

    if (options) {
        SHEAF_TRY(check_options(options, error));
        size_t size =
            options->struct_size < sizeof *options ? options->struct_size : sizeof *options;
        memcpy(&dataset->options, options, size);
        nulls = options->nulls;
        schema = options->schema;
    }
    dataset->options.struct_size = sizeof dataset->options;
    dataset->options.nulls = NULL;
    dataset->options.schema = NULL;
    SHEAF_TRY(copy_nulls(dataset, nulls, error));
    if (schema) {
        SHEAF_TRY(sheaf_copy_string(schema, &copy, error));
        dataset->options.schema = copy;
    }
    return SHEAF_OK;
}

static void free_const(const void *memory)
{
    void *pointer;

    memcpy(&pointer, &memory, sizeof pointer);
    free(pointer);
}

static void free_options(sheaf_dataset *dataset)
{
    for (size_t i = 0; i < dataset->null_count; i++)
        free_const(dataset->options.nulls[i]);
    free_const(dataset->options.nulls);
    free_const(dataset->options.schema);
}

enum { OPEN_FILES = 24 }; /* that keep a descriptor; workers can be given but so many */

/* -- opening ----------------------------------------------------------------------------------- */

static sheaf_status open_files(sheaf_dataset *dataset, const struct sheaf_paths *paths,
                               sheaf_error *error)
{
    SHEAF_TRY(sheaf_allocate(&dataset->files, paths->count, sizeof *dataset->files, error));
    for (size_t i = 0; i < paths->count; i++) {
        struct sheaf_file *file = &dataset->files[dataset->file_count++];
        SHEAF_TRY(sheaf_source_open(file, paths->paths[i], error));
        if (i >= OPEN_FILES)
            sheaf_source_rest(file);
        file->data_end = UINT64_MAX;
    }
    return SHEAF_OK;
}

/* Of all files alike: the format of the first that holds something. */
static sheaf_status find_format(sheaf_dataset *dataset, sheaf_error *error)
{
    dataset->format = dataset->options.format;
    if (dataset->format == SHEAF_GUESS && dataset->options.schema &&
        sheaf_schema_has_layout(dataset->options.schema))
        dataset->format = SHEAF_RECORDS;
    for (size_t i = 0; i < dataset->file_count && dataset->format == SHEAF_GUESS; i++) {
        struct sheaf_sample sample;
        SHEAF_TRY(sheaf_sample_read(&dataset->files[i], 64, &sample, error));
        if (sample.size > 0)
            dataset->format = sheaf_npy_magic(&sample) ? SHEAF_NPY : SHEAF_CSV;
        sheaf_sample_free(&sample);
    }
    if (dataset->format == SHEAF_GUESS)
        dataset->format = SHEAF_CSV; /* nothing at all is an empty table */
    for (size_t i = 0; i < dataset->file_count; i++)
        dataset->files[i].format = dataset->format;
    return SHEAF_OK;
}

/* By the data alone: machines and workers have no say. */
static uint64_t choose_shard_bytes(const sheaf_dataset *dataset)
{
    uint64_t total = sheaf_dataset_bytes(dataset), size = SHARD_LEAST;

    if (dataset->options.shard_bytes > 0)
        size = dataset->options.shard_bytes;
    else if (total == UINT64_MAX)
        size = SHARD_STREAM;
    else
        while (size < SHARD_MOST && size < total / SHARDS)
            size *= 2;
    if (dataset->record_size > 0)
        size = size < dataset->record_size ? dataset->record_size
                                           : size / dataset->record_size * dataset->record_size;
    return size;
}

static sheaf_status open_all(sheaf_dataset *dataset, const struct sheaf_paths *paths,
                             sheaf_error *error)
{
    SHEAF_TRY(open_files(dataset, paths, error));
    SHEAF_TRY(find_format(dataset, error));
    if (dataset->format == SHEAF_RECORDS)
        SHEAF_TRY(sheaf_open_records(dataset, error));
    else if (dataset->format == SHEAF_NPY)
        SHEAF_TRY(sheaf_open_npy(dataset, error));
    else
        SHEAF_TRY(sheaf_open_csv(dataset, error));
    dataset->shard_bytes = choose_shard_bytes(dataset);
    return SHEAF_OK;
}

sheaf_status sheaf_dataset_open(const char *const *paths, size_t count,
                                const sheaf_dataset_options *options, sheaf_dataset **dataset,
                                sheaf_error *error)
{
    struct sheaf_paths expanded = {0};
    sheaf_dataset *opened = NULL;

    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    sheaf_status status = copy_options(opened, options, error);
    if (status == SHEAF_OK)
        status = sheaf_paths_expand(paths, count, &expanded, error);
    if (status == SHEAF_OK)
        status = open_all(opened, &expanded, error);
    sheaf_paths_free(&expanded);
    if (status == SHEAF_OK)
        *dataset = opened;
    else
        sheaf_dataset_close(opened);
    return status;
}

void sheaf_dataset_close(sheaf_dataset *dataset)
{
    if (!dataset)
        return;
    for (size_t i = 0; i < dataset->file_count; i++)
        sheaf_source_close(&dataset->files[i]);
    free(dataset->files);
    free(dataset->places);
    free(dataset->declared);
    free(dataset->evidence);
    free(dataset->open_kinds);
    sheaf_schema_free(&dataset->schema);
    free_options(dataset);
    free(dataset);
}

/* -- columns ----------------------------------------------------------------------------------- */

size_t sheaf_dataset_columns(const sheaf_dataset *dataset)
{
    return dataset->schema.count;
}

const char *sheaf_dataset_column_name(const sheaf_dataset *dataset, size_t column)
{
    return column < dataset->schema.count ? dataset->schema.fields[column].name : NULL;
}

sheaf_kind sheaf_dataset_column_kind(const sheaf_dataset *dataset, size_t column)
{
    return column < dataset->schema.count ? dataset->schema.fields[column].kind
                                          : (sheaf_kind){SHEAF_NONE, 0};
}

sheaf_kind sheaf_settled_kind(sheaf_kind declared, const struct sheaf_evidence *evidence)
{
    if (declared.type == SHEAF_NONE)
        return sheaf_evidence_kind(evidence);
    if (declared.type == SHEAF_DECIMAL && declared.scale < 0) {
        declared.scale = evidence->scale;
        if (declared.scale > 18)
            declared.scale = 18;
        if (declared.scale < 0)
            declared.scale = 0;
    }
    return declared;
}

void sheaf_dataset_settle(sheaf_dataset *dataset, const struct sheaf_evidence *evidence)
{
    for (size_t c = 0; c < dataset->schema.count; c++) {
        if (!dataset->open_kinds[c])
            continue;
        dataset->evidence[c] = evidence[c];
        dataset->schema.fields[c].kind = sheaf_settled_kind(dataset->declared[c], &evidence[c]);
        dataset->open_kinds[c] = false;
    }
}

/* -- shards ------------------------------------------------------------------------------------ */

/* Bytes of data of a file; UINT64_MAX if not known yet. */
static uint64_t data_bytes(const struct sheaf_file *file)
{
    uint64_t size = sheaf_file_size(file);

    if (size == UINT64_MAX)
        return UINT64_MAX;
    return size > file->data_begin ? size - file->data_begin : 0;
}

uint64_t sheaf_dataset_bytes(const sheaf_dataset *dataset)
{
    uint64_t total = 0;

    for (size_t i = 0; i < dataset->file_count; i++) {
        uint64_t bytes = data_bytes(&dataset->files[i]);
        if (bytes == UINT64_MAX)
            return UINT64_MAX;
        total += bytes;
    }
    return total;
}

uint64_t sheaf_file_shards(const sheaf_dataset *dataset, size_t file)
{
    uint64_t bytes = data_bytes(&dataset->files[file]);

    if (bytes == UINT64_MAX)
        return UINT64_MAX;
    if (bytes > 0 && dataset->format == SHEAF_CSV && dataset->dialect.reading == SHEAF_LIBCSV)
        return 1; /* its recovery depends on all that came before */
    return bytes / dataset->shard_bytes + (bytes % dataset->shard_bytes > 0);
}

/* Look at the bytes from the nominal place on, a little at a time. */
static sheaf_status find_cut(const sheaf_dataset *dataset, const struct sheaf_file *file,
                             uint64_t nominal, uint64_t *begin, sheaf_error *error)
{
    struct sheaf_cut cut;
    struct sheaf_sample sample;
    size_t size = SHEAF_CUT_REACH;
    bool found = false;

    sheaf_cut_start(&cut, &dataset->dialect, nominal);
    while (!found) {
        SHEAF_TRY(sheaf_sample_at(file, cut.wanted, size, &sample, error));
        found = sheaf_cut_feed(&cut, sample.bytes, sample.size, sample.whole);
        bool stuck = !found && sample.size < size && !sample.whole;
        sheaf_sample_free(&sample);
        if (stuck) /* shorter than it was: the complaint is sheaf_file_verify()'s */
            return sheaf_file_verify(file, error);
        if (size < 1 << 20)
            size *= 2;
    }
    uint64_t end = sheaf_file_size(file);
    *begin = cut.found < end ? cut.found : end;
    return SHEAF_OK;
}

/* Records are where arithmetic says; of a spool they may not be there yet. */
static sheaf_status find_record(const struct sheaf_file *file, uint64_t nominal, uint64_t *begin,
                                sheaf_error *error)
{
    uint64_t size = file->size;
    bool final;

    if (file->spool)
        SHEAF_TRY(sheaf_spool_wait(file, nominal, &size, &final, error));
    *begin = nominal < size ? nominal : size;
    return SHEAF_OK;
}

sheaf_status sheaf_file_cut(const sheaf_dataset *dataset, size_t index, uint64_t shard,
                            uint64_t *begin, sheaf_error *error)
{
    const struct sheaf_file *file = &dataset->files[index];
    uint64_t size = sheaf_file_size(file), nominal;

    *begin = file->data_begin;
    if (shard == 0)
        return SHEAF_OK;
    if (shard >= sheaf_file_shards(dataset, index) ||
        __builtin_mul_overflow(shard, dataset->shard_bytes, &nominal) ||
        __builtin_add_overflow(nominal, file->data_begin, &nominal)) {
        *begin = size;
        return SHEAF_OK;
    }
    if (dataset->format != SHEAF_CSV)
        return find_record(file, nominal, begin, error);
    return find_cut(dataset, file, nominal, begin, error);
}
