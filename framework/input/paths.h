/* paths.h - what the user wrote, as the paths of files: see sheaf_dataset_open() */
#ifndef SHEAF_INPUT_PATHS_H
#define SHEAF_INPUT_PATHS_H

#include <stddef.h>

#include <sheaf/error.h>

struct sheaf_paths {
    char **paths;
    size_t count;
    size_t capacity;
};

/* SHEAF_BAD_ARGUMENT for a folder without files and a pattern that fits none. */
SHEAF_CHECKED sheaf_status sheaf_paths_expand(const char *const *given, size_t count,
                                              struct sheaf_paths *paths, sheaf_error *error);
void sheaf_paths_free(struct sheaf_paths *paths);

#endif
