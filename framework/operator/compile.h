/*
 * compile.h - an operator's source into a shared object, by the system's compiler
 */
#ifndef SHEAF_OPERATOR_COMPILE_H
#define SHEAF_OPERATOR_COMPILE_H

#include "base/string.h"
#include <sheaf/error.h>

/*
 * The path of the shared object of a source, compiled now or found in the cache
 * (cache.h).  `source` is as the user wrote it, for messages; `absolute` where it
 * lies.  Compiler: $SHEAF_CC, else $CC, else cc; words after the first are
 * arguments.  Headers: $SHEAF_INCLUDE, else where this sheaf has them.
 * SHEAF_BAD_OPERATOR (E704) with the compiler's first error and the lines after it.
 */
SHEAF_CHECKED sheaf_status sheaf_compile(const char *source, const char *absolute,
                                         struct sheaf_string *object, sheaf_error *error);

#endif
