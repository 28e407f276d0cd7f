/* builtins.c - the operators that come with sheaf, in the order of their names */
#include "operator/plugin.h"

extern const sheaf_operator sheaf_operator_count, sheaf_operator_distinct, sheaf_operator_first,
    sheaf_operator_hist, sheaf_operator_last, sheaf_operator_max, sheaf_operator_mean,
    sheaf_operator_min, sheaf_operator_moments, sheaf_operator_stats, sheaf_operator_sum,
    sheaf_operator_words;

const struct sheaf_builtin sheaf_builtins[] = {
    {"count", &sheaf_operator_count},
    {"distinct", &sheaf_operator_distinct},
    {"first", &sheaf_operator_first},
    {"hist", &sheaf_operator_hist},
    {"last", &sheaf_operator_last},
    {"max", &sheaf_operator_max},
    {"mean", &sheaf_operator_mean},
    {"min", &sheaf_operator_min},
    {"moments", &sheaf_operator_moments},
    {"stats", &sheaf_operator_stats},
    {"sum", &sheaf_operator_sum},
    {"words", &sheaf_operator_words},
    {NULL, NULL},
};
