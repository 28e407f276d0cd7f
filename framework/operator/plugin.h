/*
 * plugin.h - what the engine needs of a plug-in beside <sheaf/plugin.h>
 */
#ifndef SHEAF_OPERATOR_PLUGIN_H
#define SHEAF_OPERATOR_PLUGIN_H

#include <sheaf/plugin.h>

bool sheaf_plugin_is_builtin(const sheaf_plugin *plugin);

/* The open file that loading needs, -1 for built-ins.  Where it was closed, loading opens the path
 * again and refuses if it is not the same file any more. */
int sheaf_plugin_descriptor(const sheaf_plugin *plugin);

/* Put the real functions into the plug-in's table, in this process. */
SHEAF_CHECKED sheaf_status sheaf_plugin_load(sheaf_plugin *plugin, sheaf_error *error);

/* .state_size, or what .measure says of these options: asked of a child where the plug-in is not
 * loaded in this process.  For sheaf_bind_state(). */
SHEAF_CHECKED sheaf_status sheaf_plugin_state_size(const sheaf_plugin *plugin, const void *options,
                                                   size_t *size, sheaf_error *error);

/* The built-in operators, in the order of their names; ends at the one without a name. */
struct sheaf_builtin {
    const char *name;
    const sheaf_operator *op;
};
extern const struct sheaf_builtin sheaf_builtins[];

#endif
