/* paths.c - files, folders, patterns and lists of them: see paths.h */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/string.h"
#include "input/paths.h"

void sheaf_paths_free(struct sheaf_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->paths[i]);
    free(paths->paths);
    *paths = (struct sheaf_paths){0};
}

static sheaf_status add(struct sheaf_paths *paths, const char *path, sheaf_error *error)
{
    SHEAF_TRY(
        sheaf_grow(&paths->paths, &paths->capacity, paths->count + 1, sizeof *paths->paths, error));
    SHEAF_TRY(sheaf_copy_string(path, &paths->paths[paths->count], error));
    paths->count++;
    return SHEAF_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_from(struct sheaf_paths *paths, size_t first)
{
    if (paths->count > first)
        qsort(paths->paths + first, paths->count - first, sizeof *paths->paths, by_bytes);
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The files of a folder; what lies deeper is not looked at. */
static sheaf_status add_entries(DIR *folder, const char *path, struct sheaf_paths *paths,
                                sheaf_error *error)
{
    struct sheaf_string name = {0};
    sheaf_status status = SHEAF_OK;
    const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";

    for (struct dirent *entry; status == SHEAF_OK && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        sheaf_string_clear(&name);
        sheaf_string_append_format(&name, "%s%s%s", path, slash, entry->d_name);
        status = sheaf_string_check(&name, error);
        if (status == SHEAF_OK && !is_folder(name.bytes))
            status = add(paths, name.bytes, error);
    }
    sheaf_string_free(&name);
    return status;
}

static sheaf_status add_folder(const char *path, struct sheaf_paths *paths, sheaf_error *error)
{
    size_t first = paths->count;
    DIR *folder = opendir(path);

    if (!folder)
        return sheaf_error_errno(error, "cannot read the folder %s", path);
    sheaf_status status = add_entries(folder, path, paths, error);
    closedir(folder);
    SHEAF_TRY(status);
    if (paths->count == first)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the folder %s has no files", path);
    sort_from(paths, first);
    return SHEAF_OK;
}

static sheaf_status add_pattern(const char *pattern, struct sheaf_paths *paths, sheaf_error *error)
{
    glob_t found = {0};
    size_t first = paths->count;
    sheaf_status status = SHEAF_OK;

    int failed = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (failed == GLOB_NOMATCH) {
        status = sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "no file fits the pattern %s", pattern);
    } else if (failed) {
        status = sheaf_error_set(error, SHEAF_SYSTEM, "cannot look for files that fit %s", pattern);
    } else {
        for (size_t i = 0; status == SHEAF_OK && i < found.gl_pathc; i++)
            if (!is_folder(found.gl_pathv[i]))
                status = add(paths, found.gl_pathv[i], error);
        if (status == SHEAF_OK && paths->count == first)
            status = sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "only folders fit the pattern %s",
                                     pattern);
    }
    globfree(&found);
    sort_from(paths, first);
    return status;
}

/* What there is comes first, so a file may be called "a[1].csv". */
static sheaf_status add_path(const char *path, struct sheaf_paths *paths, sheaf_error *error)
{
    struct stat status;

    if (stat(path, &status) == 0)
        return S_ISDIR(status.st_mode) ? add_folder(path, paths, error) : add(paths, path, error);
    if (strpbrk(path, "*?["))
        return add_pattern(path, paths, error);
    return add(paths, path, error); /* opening it says what is wrong */
}

static sheaf_status add_list(const char *path, struct sheaf_paths *paths, sheaf_error *error)
{
    size_t first = paths->count;
    sheaf_status status = SHEAF_OK;
    char *line = NULL;
    size_t capacity = 0;
    FILE *list = fopen(path, "re");

    if (!list)
        return sheaf_error_errno(error, "cannot read the list %s", path);
    while (status == SHEAF_OK && getline(&line, &capacity, list) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line)
            status = add_path(line, paths, error);
    }
    if (status == SHEAF_OK && ferror(list))
        status = sheaf_error_errno(error, "cannot read the list %s", path);
    if (status == SHEAF_OK && paths->count == first)
        status = sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the list %s names no file", path);
    free(line);
    fclose(list);
    return status;
}

static sheaf_status add_given(const char *path, struct sheaf_paths *paths, sheaf_error *error)
{
    if (strcmp(path, "-") == 0)
        return add(paths, path, error);
    if (path[0] == '@' && path[1] != '\0')
        return add_list(path + 1, paths, error);
    if (path[0] == '\0')
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a path is empty");
    return add_path(path, paths, error);
}

sheaf_status sheaf_paths_expand(const char *const *given, size_t count, struct sheaf_paths *paths,
                                sheaf_error *error)
{
    sheaf_status status = SHEAF_OK;

    *paths = (struct sheaf_paths){0};
    for (size_t i = 0; status == SHEAF_OK && i < count; i++)
        status = add_given(given[i], paths, error);
    if (status == SHEAF_OK && paths->count == 0)
        status = sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "no file is given");
    if (status != SHEAF_OK)
        sheaf_paths_free(paths);
    return status;
}
