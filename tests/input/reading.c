/* reading.c - for tests of datasets: see reading.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "column/format.h"
#include "reading.h"

static char folder[64];
static char made[256][64];
static int files;
static pid_t owner;

static void clean_up(void)
{
    if (getpid() != owner)
        return;
    for (int i = 0; i < files; i++)
        unlink(made[i]);
    rmdir(folder);
}

const char *reading_folder(void)
{
    if (!*folder) {
        strcpy(folder, "/tmp/sheaf-test-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        owner = getpid();
        atexit(clean_up);
    }
    return folder;
}

const char *reading_file(const char *name, const void *bytes, size_t size)
{
    char path[64];
    int i = 0;

    snprintf(path, sizeof path, "%.30s/%.30s", reading_folder(), name);
    while (i < files && strcmp(made[i], path) != 0)
        i++;
    if (i == 256)
        abort();
    files += i == files;
    strcpy(made[i], path);
    FILE *file = fopen(path, "we");
    if (!file || (size > 0 && fwrite(bytes, size, 1, file) != 1))
        abort();
    fclose(file);
    return made[i];
}

const char *reading_text(const char *name, const char *text)
{
    return reading_file(name, text, strlen(text));
}

sheaf_dataset_options reading_options(void)
{
    return (sheaf_dataset_options){.struct_size = sizeof(sheaf_dataset_options)};
}

sheaf_status reading_open(const char *path, const sheaf_dataset_options *options,
                          sheaf_dataset **dataset, sheaf_error *error)
{
    return sheaf_dataset_open(&path, 1, options, dataset, error);
}

void reading_free(struct reading *reading)
{
    sheaf_string_free(&reading->rows);
    sheaf_string_free(&reading->rejects);
}

static void add_rows(struct reading *reading, const struct sheaf_read *read, size_t columns)
{
    for (size_t r = 0; r < read->rows; r++)
        for (size_t c = 0; c < columns; c++) {
            if (sheaf_present(&read->columns[c], r))
                sheaf_format_append(&reading->rows, &read->columns[c], r);
            else
                sheaf_string_append(&reading->rows, "-");
            sheaf_string_append(&reading->rows, c + 1 < columns ? "," : "\n");
        }
}

static sheaf_status read_shard(sheaf_dataset *dataset, size_t file, struct sheaf_reader *reader,
                               uint64_t begin, uint64_t end, struct reading *reading,
                               uint64_t *stopped, sheaf_error *error)
{
    struct sheaf_read read;
    struct sheaf_read_outcome outcome;
    sheaf_status status = sheaf_reader_start(reader, file, begin, end, error);

    while (status == SHEAF_OK) {
        status = sheaf_reader_next(reader, &read, error);
        if (status != SHEAF_OK || read.rows == 0)
            break;
        add_rows(reading, &read, dataset->schema.count);
    }
    if (status != SHEAF_OK) {
        sheaf_reader_locate(dataset, file, reading->lines, reading->records, error);
        return status;
    }
    const struct sheaf_string *rejects = sheaf_reader_rejects(reader);
    if (rejects->size > 0)
        sheaf_string_append(&reading->rejects, rejects->bytes);
    sheaf_reader_finish(reader, &outcome);
    reading->records += outcome.records;
    reading->lines += outcome.lines;
    reading->bad += outcome.bad;
    for (int kind = 0; kind < SHEAF_REPAIR_KINDS; kind++)
        reading->repairs += outcome.repairs[kind].count;
    *stopped = outcome.stopped;
    return outcome.records ==
                   outcome.rows + (dataset->options.bad_row == SHEAF_BAD_ROW_SKIP ? outcome.bad : 0)
               ? SHEAF_OK
               : sheaf_error_set(error, SHEAF_INTERNAL, "records are not rows and bad rows");
}

static sheaf_status read_file(sheaf_dataset *dataset, size_t file, struct sheaf_reader *reader,
                              struct reading *reading, sheaf_error *error)
{
    uint64_t at = dataset->files[file].data_begin, end;

    reading->lines = reading->records = 0;
    for (uint64_t shard = 0; shard < sheaf_file_shards(dataset, file); shard++) {
        SHEAF_TRY(sheaf_file_cut(dataset, file, shard + 1, &end, error));
        /* It begins where the one before it stopped, whatever was guessed; it may be void. */
        if (at < end)
            SHEAF_TRY(read_shard(dataset, file, reader, at, end, reading, &at, error));
    }
    return SHEAF_OK;
}

sheaf_status reading_all(sheaf_dataset *dataset, struct reading *reading, sheaf_error *error)
{
    struct sheaf_wanted wanted[64];
    struct sheaf_reader *reader;
    size_t columns = dataset->schema.count;

    *reading = (struct reading){0};
    sheaf_string_append(&reading->rows, "");
    if (columns > 64)
        abort();
    for (size_t c = 0; c < columns; c++)
        wanted[c] = (struct sheaf_wanted){(uint32_t)c, dataset->schema.fields[c].kind};
    SHEAF_TRY(sheaf_reader_open(dataset, wanted, columns, &reader, error));
    sheaf_status status = SHEAF_OK;
    for (size_t i = 0; status == SHEAF_OK && i < dataset->file_count; i++)
        status = read_file(dataset, i, reader, reading, error);
    sheaf_reader_close(reader);
    return status;
}

static const char *bytes_of(const struct sheaf_string *string)
{
    return string->bytes ? string->bytes : "";
}

bool reading_is(const char *path, const sheaf_dataset_options *options, const char *schema,
                const char *rows)
{
    sheaf_dataset *dataset = NULL;
    struct reading reading = {0};
    struct sheaf_string words = {0};
    sheaf_error error;

    sheaf_status status = reading_open(path, options, &dataset, &error);
    if (status == SHEAF_OK)
        status = reading_all(dataset, &reading, &error);
    if (status != SHEAF_OK)
        printf("\nfailed: %s\n", error.message);
    if (status == SHEAF_OK)
        sheaf_schema_print(&dataset->schema, &words);
    bool same = status == SHEAF_OK && strcmp(bytes_of(&words), schema) == 0 &&
                strcmp(bytes_of(&reading.rows), rows) == 0;
    if (status == SHEAF_OK && !same)
        printf("\nexpected %s\n%s\ngot %s\n%s\n", schema, rows, bytes_of(&words),
               bytes_of(&reading.rows));
    reading_free(&reading);
    sheaf_string_free(&words);
    sheaf_dataset_close(dataset);
    return same;
}

bool reading_fails(const char *path, const sheaf_dataset_options *options, int code,
                   const char *part)
{
    sheaf_dataset *dataset = NULL;
    struct reading reading = {0};
    sheaf_error error;

    sheaf_status status = reading_open(path, options, &dataset, &error);
    if (status == SHEAF_OK)
        status = reading_all(dataset, &reading, &error);
    bool right = status != SHEAF_OK && error.status == status && error.code == code &&
                 strstr(error.message, part);
    if (status == SHEAF_OK)
        printf("\ndid not fail: %s\n", bytes_of(&reading.rows));
    else if (!right)
        printf("\nexpected %d %s\ngot %d %s\n", code, part, error.code, error.message);
    reading_free(&reading);
    sheaf_dataset_close(dataset);
    return right;
}
