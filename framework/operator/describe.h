/*
 * describe.h - the table of a plug-in, told by a child that loaded it
 *
 * The child writes the table as flat bytes, texts included; the parent trusts
 * none of them.  Whatever the plug-in does while it is loaded, it does to the child.
 */
#ifndef SHEAF_OPERATOR_DESCRIBE_H
#define SHEAF_OPERATOR_DESCRIBE_H

#include "base/string.h"
#include <sheaf/operator.h>

/* A table with texts of its own.  `op` comes first: sheaf_plugin_load() puts functions into it. */
struct sheaf_described {
    sheaf_operator op;
    char *texts; /* of all names and descriptions; owned */
};

/* Load the object that is open as `fd` and find its table; NULL with the loader's words in *why.
 * Used in children and workers. */
const sheaf_operator *sheaf_plugin_map(int fd, void **handle, const char **why);

/* Append a table as flat bytes; of its functions, which there are. */
void sheaf_table_flatten(const sheaf_operator *op, struct sheaf_string *flat);

/* The inverse, for bytes that may be hostile: false if they are no table.  Functions that there
 * are become one that aborts.  Free described->texts. */
bool sheaf_table_unflatten(const void *bytes, size_t size, struct sheaf_described *described);

/* In a child, by `path` for messages.  SHEAF_BAD_OPERATOR (E705) if loading fails, crashes, hangs.
 */
SHEAF_CHECKED sheaf_status sheaf_describe(const char *path, int fd,
                                          struct sheaf_described *described, sheaf_error *error);

/* In a child: what the plug-in's .measure says of these options. */
SHEAF_CHECKED sheaf_status sheaf_describe_measure(const char *path, int fd, const void *options,
                                                  size_t *state_size, sheaf_error *error);

#endif
