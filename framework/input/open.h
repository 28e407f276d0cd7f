/* open.h - the parts of sheaf_dataset_open(): one for each kind of file */
#ifndef SHEAF_INPUT_OPEN_H
#define SHEAF_INPUT_OPEN_H

#include "input/dataset.h"
#include "input/nulls.h"

/* The files are open; find dialect, header, names and kinds. */
SHEAF_CHECKED sheaf_status sheaf_open_csv(sheaf_dataset *dataset, sheaf_error *error);

/* Find names, kinds and places of the fields; all files must have the same. */
SHEAF_CHECKED sheaf_status sheaf_open_records(sheaf_dataset *dataset, sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_open_npy(sheaf_dataset *dataset, sheaf_error *error);

/* Whether a schema says a layout too, so that it is one of binary records. */
bool sheaf_schema_has_layout(const char *words);

static inline struct sheaf_nulls sheaf_dataset_nulls(const sheaf_dataset *dataset)
{
    return sheaf_nulls_make(dataset->options.nulls, dataset->null_count);
}

/* The kind of a column by what was declared for it and by the evidence. */
sheaf_kind sheaf_settled_kind(sheaf_kind declared, const struct sheaf_evidence *evidence);

#endif
