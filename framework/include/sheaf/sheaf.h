/* sheaf/sheaf.h - all of the engine: datasets, operators, jobs */
#ifndef SHEAF_SHEAF_H
#define SHEAF_SHEAF_H

#include <sheaf/dataset.h>
#include <sheaf/error.h>
#include <sheaf/job.h>
#include <sheaf/operator.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, "0.1.0". */
SHEAF_EXPORT const char *sheaf_version(void);

/* What is in this build and on this machine, in several lines; the caller frees *text. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_describe_build(char **text, sheaf_error *error);

/* SHEAF_BAD_ARGUMENT when the environment asks for an instruction set that is not here. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_check_machine(sheaf_error *error);

/* The columns of a dataset as a schema in words, as options take it; the caller frees *words. */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_schema_words(const sheaf_dataset *dataset,
                                                           char **words, sheaf_error *error);

/*
 * A place where bytes go, as sheaf_target says: a file is replaced in one rename
 * by commit, and is what it was if that never comes; close frees in any case.
 */
typedef struct sheaf_destination sheaf_destination;
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_destination_open(const char *path,
                                                               sheaf_destination **destination,
                                                               sheaf_error *error);
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_destination_write(sheaf_destination *destination,
                                                                const void *bytes, size_t size,
                                                                sheaf_error *error);
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_destination_commit(sheaf_destination *destination,
                                                                 sheaf_error *error);
SHEAF_EXPORT void sheaf_destination_close(sheaf_destination *destination);

/*
 * Write what the lexer sees: one JSON array of strings for each record, header
 * and ragged ones included; `offsets` puts "BYTE LINE " in front.  Options as for
 * sheaf_dataset_open().  Goes to `path` as sheaf_target says.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_records(const char *const *paths, size_t count,
                                                      const sheaf_dataset_options *options,
                                                      bool offsets, const char *path,
                                                      sheaf_error *error);

#ifdef __cplusplus
}
#endif
#endif
