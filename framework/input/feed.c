/* feed.c - the process that decodes what can not be mapped: see dataset.h and spool.h */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "input/gunzip.h"
#include "input/source.h"
#include "input/spool.h"

enum { CHUNK = 256 * 1024 };

static sheaf_status feed_stream(struct sheaf_file *file, char *chunk, sheaf_error *error)
{
    size_t got = 1;

    while (got > 0) {
        SHEAF_TRY(sheaf_stream_read(file, chunk, CHUNK, &got, error));
        if (got > 0)
            SHEAF_TRY(sheaf_spool_append(file, chunk, got, error));
    }
    return SHEAF_OK;
}

static sheaf_status feed_gzip(struct sheaf_file *file, char *chunk, sheaf_error *error)
{
    struct sheaf_gunzip gunzip;
    sheaf_status status;
    size_t got;
    int fd;

    SHEAF_TRY(sheaf_file_descriptor(file, &fd, error));
    SHEAF_TRY(sheaf_gunzip_open(&gunzip, file->path, fd, error));
    do {
        status = sheaf_gunzip_read(&gunzip, chunk, CHUNK, &got, error);
        if (status == SHEAF_OK && got > 0)
            status = sheaf_spool_append(file, chunk, got, error);
    } while (status == SHEAF_OK && got > 0);
    sheaf_gunzip_close(&gunzip);
    if (status == SHEAF_OK || status == SHEAF_BAD_DATA) {
        sheaf_status changed = sheaf_file_verify(file, error); /* the better explanation */
        status = changed != SHEAF_OK ? changed : status;
    }
    return status;
}

sheaf_status sheaf_dataset_feed(sheaf_dataset *dataset, sheaf_error *error)
{
    sheaf_error own;
    char *chunk = NULL;
    sheaf_status status = sheaf_allocate(&chunk, CHUNK, 1, &own);

    for (size_t i = 0; status == SHEAF_OK && i < dataset->file_count; i++) {
        struct sheaf_file *file = &dataset->files[i];
        if (!file->spool || atomic_load(&file->spool->ended) != SHEAF_SPOOL_OPEN)
            continue;
        status = file->source == SHEAF_SOURCE_GZIP ? feed_gzip(file, chunk, &own)
                                                   : feed_stream(file, chunk, &own);
        if (status == SHEAF_OK)
            sheaf_spool_end(file, NULL);
    }
    free(chunk);
    if (status != SHEAF_OK) {
        sheaf_dataset_feeder_gone(dataset, &own); /* no file after it will come either */
        if (error)
            *error = own;
    }
    return status;
}

static sheaf_status rewind_file(struct sheaf_file *file, sheaf_error *error)
{
    struct sheaf_spool *spool = file->spool;

    if (file->source == SHEAF_SOURCE_STREAM) {
        if (atomic_load(&spool->consumed) == 0)
            return SHEAF_OK; /* all is still there, and the feeder goes on where it stopped */
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s can be read once only", file->path);
        sheaf_error_help(error, "Say the types of the columns, so that once is enough: --schema");
        return SHEAF_BAD_ARGUMENT;
    }
    if (ftruncate(file->spool_fd, 0) < 0)
        return sheaf_error_errno(error, "cannot give back the memory of %s", file->path);
    atomic_store(&spool->decoded, 0);
    atomic_store(&spool->consumed, 0);
    atomic_store(&spool->wanted, 0);
    atomic_store(&spool->ended, SHEAF_SPOOL_OPEN);
    return SHEAF_OK;
}

sheaf_status sheaf_dataset_rewind(sheaf_dataset *dataset, sheaf_error *error)
{
    for (size_t i = 0; i < dataset->file_count; i++)
        if (dataset->files[i].spool)
            SHEAF_TRY(rewind_file(&dataset->files[i], error));
    return SHEAF_OK;
}
