/* reading.h - for tests of datasets: files made for a moment, and tables as text */
#ifndef SHEAF_TESTS_READING_H
#define SHEAF_TESTS_READING_H

#include "base/string.h"
#include "input/dataset.h"
#include "input/reader.h"

/* A file with these bytes in a folder of its own that is removed at exit; the path is static. */
const char *reading_file(const char *name, const void *bytes, size_t size);
const char *reading_text(const char *name, const char *text);
const char *reading_folder(void);

/* sheaf_dataset_options with struct_size set. */
sheaf_dataset_options reading_options(void);

sheaf_status reading_open(const char *path, const sheaf_dataset_options *options,
                          sheaf_dataset **dataset, sheaf_error *error);

struct reading {
    struct sheaf_string rows; /* "1,a\n": cells by sheaf_format_append(), "-" for a missing one */
    struct sheaf_string rejects;
    uint64_t records, bad, lines, repairs;
};

/* All columns of all files, shard by shard, each shard after its predecessor was verified. */
sheaf_status reading_all(sheaf_dataset *dataset, struct reading *reading, sheaf_error *error);
void reading_free(struct reading *reading);

/* Open, read, compare; prints what differs and returns false. */
bool reading_is(const char *path, const sheaf_dataset_options *options, const char *schema,
                const char *rows);
/* Open and read; true if that fails with this code and the located message holds `part`. */
bool reading_fails(const char *path, const sheaf_dataset_options *options, int code,
                   const char *part);

#endif
