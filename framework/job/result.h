/*
 * result.h - the rows of an answer, in the coordinator's memory, and what may still happen to them
 */
#ifndef SHEAF_JOB_RESULT_H
#define SHEAF_JOB_RESULT_H

#include "job/plan.h"
#include "output/sink.h"

struct sheaf_result {
    struct sheaf_schema schema;
    struct sheaf_string flat; /* the columns' bytes (reduce/flat.h) */
    sheaf_column *columns;
    size_t rows;
    const char **names; /* of the schema, for sinks */
    sheaf_kind *kinds;
    sheaf_batch batch;
    sheaf_report report;
};

/* Take over flat bytes as the rows of these columns. */
SHEAF_CHECKED sheaf_status sheaf_result_take(struct sheaf_result *result,
                                             const struct sheaf_schema *schema,
                                             struct sheaf_string *flat, sheaf_error *error);

/* WHERE, SELECT, HEAD or SORT, on the rows there are. */
SHEAF_CHECKED sheaf_status sheaf_result_stage(struct sheaf_result *result, const sheaf_stage *stage,
                                              sheaf_error *error);

/* Sort by "a, -b": by a upwards, then b downwards; stable; missing last either way. */
SHEAF_CHECKED sheaf_status sheaf_result_sort(struct sheaf_result *result, const char *keys,
                                             sheaf_error *error);

/* The only row, in which the same outputs stand for each of `columns` columns as "COLUMN.OUTPUT",
 * becomes a row for each: column, type, outputs.  An output that is not of one kind in all is text.
 */
SHEAF_CHECKED sheaf_status sheaf_result_transpose(struct sheaf_result *result, size_t columns,
                                                  const sheaf_kind *kinds, sheaf_error *error);

/* Rows of flat pieces, gathered into one: see sheaf_rows_each(). */
struct gatherer {
    struct sheaf_string *pieces; /* each aligned flat bytes */
    size_t count, capacity;
};
SHEAF_CHECKED sheaf_status sheaf_gather_piece(struct gatherer *gatherer, const void *bytes,
                                              size_t size, sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_gather_end(struct gatherer *gatherer, size_t keep,
                                            struct sheaf_string *flat, sheaf_error *error);
void sheaf_gather_free(struct gatherer *gatherer);

#endif
