/* hint.h - what may have gone wrong, found by a look at the data */
#ifndef SHEAF_JOB_HINT_H
#define SHEAF_JOB_HINT_H

#include "job/pipeline.h"

/*
 * A column was found to be text where a number was wanted: if numbers stand among its first values, name
 * the first that is none, which is a spelling of "missing" as often as not.  Adds to the error's help.
 */
void sheaf_hint_text(const struct pipeline *pipeline, size_t index, sheaf_error *error);

#endif
