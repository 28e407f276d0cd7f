/*
 * sheaf/plugin.h - operators by name, from a .so, or from a .c that is compiled first
 *
 * A user's code is mapped only where it is to run: opening reads the stamp with
 * our own parser, then has a child process load it and tell its table.  A job
 * loads it into its workers.  The handle is opaque, and its table is for looking at.
 */
#ifndef SHEAF_PLUGIN_H
#define SHEAF_PLUGIN_H

#include <sheaf/operator.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sheaf_plugin sheaf_plugin;

/*
 * `spec` is a built-in's name, or a path that ends in .so or .c.  For a .c the
 * compiler ($SHEAF_CC, else $CC, else cc) is run with the installed headers, the
 * result kept in the cache folder by the hash of source, flags and compiler; a
 * failing compile is SHEAF_BAD_OPERATOR with the compiler's first messages.
 *
 * SHEAF_BAD_ARGUMENT (E221): no built-in of this name, no such file.  SHEAF_BAD_OPERATOR: E701 not
 * a plug-in, E702 other interface, E703 someone else could have written it, E704 does not
 * compile, E705 does not load, E706 breaks the contract.
 */
SHEAF_EXPORT SHEAF_CHECKED sheaf_status sheaf_plugin_open(const char *spec, sheaf_plugin **plugin,
                                                          sheaf_error *error);
/* Unmaps what was loaded in this process: its table and functions are gone. */
SHEAF_EXPORT void sheaf_plugin_close(sheaf_plugin *plugin);
SHEAF_EXPORT const char *sheaf_plugin_name(const sheaf_plugin *plugin);

/* The table: strings and sizes are valid; of its functions only whether they are NULL. */
SHEAF_EXPORT const sheaf_operator *sheaf_plugin_operator(const sheaf_plugin *plugin);

/* Whether a word of a command line is meant as an operator: a built-in's name, or NAME.c, NAME.so. */
SHEAF_EXPORT bool sheaf_plugin_is_spec(const char *word);

/* The names of the built-in operators, in their order; NULL behind the last. */
SHEAF_EXPORT const char *sheaf_plugin_builtin(size_t index);

#ifdef __cplusplus
}
#endif
#endif
