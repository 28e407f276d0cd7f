/* plugin.c - operators opened and loaded: see plugin.h */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "operator/cache.h"
#include "operator/compile.h"
#include "operator/contract.h"
#include "operator/describe.h"
#include "operator/plugin.h"
#include "operator/stamp.h"

enum { OBJECT_MAX = 256 << 20 };

struct sheaf_plugin {
    char *spec; /* as the user wrote it: in messages */
    char *path; /* of the object; NULL for a built-in */
    char name[sizeof((sheaf_stamp *)0)->name];
    const sheaf_operator *builtin;
    struct sheaf_described described;
    int fd;
    struct stat identity;
    void *handle; /* in the process that loaded it */
};

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);

    return size > tail && strcmp(text + size - tail, end) == 0;
}

static const sheaf_operator *find_builtin(const char *name)
{
    for (const struct sheaf_builtin *at = sheaf_builtins; at->name; at++)
        if (strcmp(at->name, name) == 0)
            return at->op;
    return NULL;
}

bool sheaf_plugin_is_spec(const char *word)
{
    return find_builtin(word) || ends_in(word, ".c") || ends_in(word, ".so");
}

static sheaf_status refuse_name(const char *spec, sheaf_error *error)
{
    struct sheaf_string names = {0};

    for (const struct sheaf_builtin *at = sheaf_builtins; at->name; at++)
        sheaf_string_append_format(&names, " %s", at->name);
    sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 221, "no operator is called \"%.100s\"", spec);
    if (names.size)
        sheaf_error_help(error, "Built in:%s", names.bytes);
    sheaf_error_help(error, "Your own: a path that ends in .c or .so");
    sheaf_string_free(&names);
    return SHEAF_BAD_ARGUMENT;
}

/* What could have been written by somebody else is not run.  A group that is the user's own, as
 * many systems give each user one, is not somebody else. */
static sheaf_status check_trust(const char *path, const struct stat *file, sheaf_error *error)
{
    bool private_group = file->st_gid == getegid() && getegid() == geteuid();

    if (file->st_uid != geteuid() && file->st_uid != 0) {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 703,
                             "%s: belongs to another user (uid %u), so its code is not run", path,
                             (unsigned)file->st_uid);
        sheaf_error_help(error, "If you trust it, make a copy of your own: cp %s DIRECTORY", path);
        return SHEAF_BAD_OPERATOR;
    }
    if ((file->st_mode & S_IWOTH) || ((file->st_mode & S_IWGRP) && !private_group)) {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 703,
                             "%s: other users can write to it, so its code is not run", path);
        sheaf_error_help(error, "If you trust it as it is: chmod go-w %s", path);
        return SHEAF_BAD_OPERATOR;
    }
    return SHEAF_OK;
}

/* Open a regular file that only its owner, root or we, can write to. */
static sheaf_status open_trusted(const char *path, int *fd, struct stat *file, sheaf_error *error)
{
    sheaf_status status = SHEAF_OK;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0 || fstat(*fd, file) < 0) {
        status = sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 221, "cannot open operator %s: %s",
                                      path, strerror(errno));
    } else if (!S_ISREG(file->st_mode)) {
        status =
            sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 701, "%s: not a regular file", path);
        sheaf_error_help(error, "Give the path of an operator's .c or .so file.");
    } else {
        status = check_trust(path, file, error);
    }
    if (status != SHEAF_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

/* Compile a source and open what came out. */
static sheaf_status open_source(struct sheaf_plugin *plugin, sheaf_error *error)
{
    struct sheaf_string object = {0};
    struct stat source;
    sheaf_status status;
    char *absolute = NULL;
    int fd;

    SHEAF_TRY(open_trusted(plugin->spec, &fd, &source, error));
    close(fd);
    absolute = realpath(plugin->spec, NULL);
    if (!absolute)
        return sheaf_error_errno(error, "cannot find %s", plugin->spec);
    status = sheaf_compile(plugin->spec, absolute, &object, error);
    if (status == SHEAF_OK)
        status = sheaf_copy_string(object.bytes, &plugin->path, error);
    free(absolute);
    sheaf_string_free(&object);
    return status;
}

static sheaf_status open_object(struct sheaf_plugin *plugin, sheaf_error *error)
{
    struct sheaf_string bytes = {0};
    sheaf_stamp stamp;
    sheaf_status status = open_trusted(plugin->path, &plugin->fd, &plugin->identity, error);

    if (status == SHEAF_OK)
        status = sheaf_read_file(plugin->fd, plugin->spec, OBJECT_MAX, &bytes, error);
    if (status == SHEAF_OK)
        status = sheaf_stamp_read(plugin->spec, bytes.bytes, bytes.size, &stamp, error);
    sheaf_string_free(&bytes);
    if (status != SHEAF_OK)
        return status;
    memcpy(plugin->name, stamp.name, sizeof plugin->name);
    SHEAF_TRY(sheaf_describe(plugin->spec, plugin->fd, &plugin->described, error));
    return sheaf_contract_check(plugin->name, &plugin->described.op, error);
}

static sheaf_status open_path(struct sheaf_plugin *plugin, sheaf_error *error)
{
    if (ends_in(plugin->spec, ".c")) {
        SHEAF_TRY(open_source(plugin, error));
    } else {
        plugin->path = realpath(plugin->spec, NULL);
        if (!plugin->path)
            return sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 221,
                                        "cannot open operator %s: %s", plugin->spec,
                                        strerror(errno));
    }
    return open_object(plugin, error);
}

sheaf_status sheaf_plugin_open(const char *spec, sheaf_plugin **plugin, sheaf_error *error)
{
    const sheaf_operator *builtin = find_builtin(spec);
    struct sheaf_plugin *opened = NULL;
    sheaf_status status;

    if (!builtin && !ends_in(spec, ".c") && !ends_in(spec, ".so"))
        return refuse_name(spec, error);
    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    opened->fd = -1;
    opened->builtin = builtin;
    status = sheaf_copy_string(spec, &opened->spec, error);
    if (status == SHEAF_OK && !builtin)
        status = open_path(opened, error);
    if (status == SHEAF_OK)
        *plugin = opened;
    else
        sheaf_plugin_close(opened);
    return status;
}

void sheaf_plugin_close(sheaf_plugin *plugin)
{
    if (!plugin)
        return;
    if (plugin->handle)
        dlclose(plugin->handle);
    if (plugin->fd >= 0)
        close(plugin->fd);
    free(plugin->described.texts);
    free(plugin->path);
    free(plugin->spec);
    free(plugin);
}

const char *sheaf_plugin_name(const sheaf_plugin *plugin)
{
    return plugin->builtin ? plugin->spec : plugin->name;
}

bool sheaf_plugin_is_builtin(const sheaf_plugin *plugin)
{
    return plugin->builtin != NULL;
}

int sheaf_plugin_descriptor(const sheaf_plugin *plugin)
{
    return plugin->fd;
}

const sheaf_operator *sheaf_plugin_operator(const sheaf_plugin *plugin)
{
    return plugin->builtin ? plugin->builtin : &plugin->described.op;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A descriptor of the file that was opened; *mine if the caller has to close it. */
static sheaf_status find_descriptor(const sheaf_plugin *plugin, int *fd, bool *mine,
                                    sheaf_error *error)
{
    struct stat now;

    *mine = false;
    *fd = plugin->fd;
    if (fstat(*fd, &now) == 0 && is_same_file(&now, &plugin->identity))
        return SHEAF_OK;
    *fd = open(plugin->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd >= 0 && fstat(*fd, &now) == 0 && is_same_file(&now, &plugin->identity)) {
        *mine = true;
        return SHEAF_OK;
    }
    if (*fd >= 0)
        close(*fd);
    sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705,
                         "%s: the file changed after it was checked", plugin->spec);
    sheaf_error_help(error, "Run again, and leave it alone while it runs.");
    return SHEAF_BAD_OPERATOR;
}

static void take_functions(sheaf_operator *op, const sheaf_operator *from)
{
    op->begin = from->begin;
    op->fold = from->fold;
    op->combine = from->combine;
    op->finish = from->finish;
    op->fold_keyed = from->fold_keyed;
    op->combine_with = from->combine_with;
    op->finish_with = from->finish_with;
    op->measure = from->measure;
    op->answer = from->answer;
    op->map = from->map;
}

/* The table must be the one that was checked, in another process, when it was opened. */
static sheaf_status compare_tables(const sheaf_plugin *plugin, const sheaf_operator *op,
                                   sheaf_error *error)
{
    struct sheaf_string checked = {0}, loaded = {0};
    bool same;

    sheaf_table_flatten(&plugin->described.op, &checked);
    sheaf_table_flatten(op, &loaded);
    same = !checked.failed && !loaded.failed && checked.size == loaded.size &&
           memcmp(checked.bytes, loaded.bytes, checked.size) == 0;
    sheaf_string_free(&checked);
    sheaf_string_free(&loaded);
    if (same)
        return SHEAF_OK;
    return sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705,
                                "%s: its table is not the one it had when it was checked",
                                plugin->spec);
}

sheaf_status sheaf_plugin_load(sheaf_plugin *plugin, sheaf_error *error)
{
    const sheaf_operator *op;
    const char *why = NULL;
    sheaf_status status;
    bool mine;
    int fd;

    if (plugin->builtin || plugin->handle)
        return SHEAF_OK;
    SHEAF_TRY(find_descriptor(plugin, &fd, &mine, error));
    op = sheaf_plugin_map(fd, &plugin->handle, &why);
    if (op)
        status = compare_tables(plugin, op, error);
    else
        status = sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705,
                                      "%s: it can not be loaded: %s", plugin->spec, why);
    if (status == SHEAF_OK)
        take_functions(&plugin->described.op, op);
    if (status != SHEAF_OK && plugin->handle) {
        dlclose(plugin->handle);
        plugin->handle = NULL;
    }
    if (mine)
        close(fd);
    return status;
}

sheaf_status sheaf_plugin_state_size(const sheaf_plugin *plugin, const void *options, size_t *size,
                                     sheaf_error *error)
{
    const sheaf_operator *op = sheaf_plugin_operator(plugin);

    *size = op->state_size;
    if (!op->measure)
        return SHEAF_OK;
    if (!plugin->builtin && !plugin->handle)
        return sheaf_describe_measure(plugin->spec, plugin->fd, options, size, error);
    *size = op->measure(options);
    return SHEAF_OK;
}
