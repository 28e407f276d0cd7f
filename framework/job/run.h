/* run.h - doors of the job room for callers inside the house */
#ifndef SHEAF_JOB_RUN_H
#define SHEAF_JOB_RUN_H

#include <sheaf/job.h>

struct sheaf_output;

/* Open a destination, refusing the files of the dataset. */
SHEAF_CHECKED sheaf_status sheaf_open_output(const sheaf_dataset *dataset, const char *path,
                                             struct sheaf_output **output, sheaf_error *error);

#endif
