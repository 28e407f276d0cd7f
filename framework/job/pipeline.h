/*
 * pipeline.h - the way of a batch from the reader to the fold or the output
 *
 * Planned once (pipeline.c), then run by each worker on batch after batch
 * (flow.c).  A pipeline works on registers: columns of the batch at hand.  The
 * first ones are decoded by the reader; steps add others, or thin out the rows.
 *
 * While planning, `view` says what a user sees at this point: names and kinds.
 * A column of the file becomes a register only when something asks for it, and
 * in the kind that is asked for, so nothing is decoded in vain.
 */
#ifndef SHEAF_JOB_PIPELINE_H
#define SHEAF_JOB_PIPELINE_H

#include "column/schema.h"
#include "input/reader.h"
#include "job/expression.h"
#include "operator/bind.h"
#include "operator/call.h"
#include "operator/plugin.h"
#include "operator/rows.h"

enum step_kind {
    STEP_FILTER,   /* keep the rows for which the expression is true */
    STEP_EVALUATE, /* register `to` = expression */
    STEP_CONVERT,  /* register `to` = register `from` as another kind */
    STEP_MAP,      /* rows of an operator in place of the rows at hand */
    STEP_LIMIT     /* the first `limit` rows of the shard */
};

struct step {
    enum step_kind kind;
    struct sheaf_expression *expression; /* owned */
    int32_t *inputs;                     /* registers the expression or map reads, in its order */
    size_t input_count;
    int32_t from, to; /* MAP: outputs begin at `to` */
    sheaf_kind to_kind;
    struct sheaf_bound *map; /* owned */
    uint64_t limit;
    int32_t *live; /* FILTER and LIMIT: registers that later steps or the end still need */
    size_t live_count;
};

/* A column as the user sees it at some point of the pipeline. */
struct view_column {
    char *name;
    sheaf_kind kind;
    int32_t source; /* column of the dataset, or -1 */
    int32_t reg;    /* its register in `kind`, or -1 while nothing asked for it */
};

struct pipeline {
    const sheaf_dataset *dataset; /* NULL: the registers come from a result in memory */
    struct sheaf_wanted *wanted;
    int32_t *wanted_register; /* of each wanted */
    size_t wanted_count;
    struct step *steps;
    size_t step_count;
    sheaf_kind *kinds; /* of the registers */
    int32_t *born;     /* index of the step that makes a register; -1: the reader */
    bool *needed;      /* by the end of the pipeline */
    size_t registers;
    struct view_column *view;
    size_t view_count;
    bool mapped; /* a map stands in it: rows out are not rows of the file */
};

/* Start from the columns of a dataset, or (dataset NULL) of a result. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_begin(struct pipeline *pipeline,
                                                const sheaf_dataset *dataset,
                                                const struct sheaf_schema *result,
                                                sheaf_error *error);
void sheaf_pipeline_free(struct pipeline *pipeline);

SHEAF_CHECKED sheaf_status sheaf_pipeline_where(struct pipeline *pipeline, const char *expression,
                                                sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_pipeline_select(struct pipeline *pipeline, const char *items,
                                                 sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_pipeline_limit(struct pipeline *pipeline, uint64_t rows,
                                                sheaf_error *error);
/* Takes over `map` (allocated), also on failure. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_map(struct pipeline *pipeline, struct sheaf_bound *map,
                                              const char *bind, sheaf_error *error);

/* Find what is called so: index into the view, SHEAF_BAD_ARGUMENT with the names there are. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_find(const struct pipeline *pipeline, const char *name,
                                               size_t *index, sheaf_error *error);
/* The register of a column of the view in a kind. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_register(struct pipeline *pipeline, size_t index,
                                                   sheaf_kind kind, int32_t *reg,
                                                   sheaf_error *error);
/* A new register that holds the value of an expression over the view, or of a column if it is just
 * a name: *index is -1 then, or the column's. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_value(struct pipeline *pipeline, const char *expression,
                                                int32_t *reg, sheaf_kind *kind, int *index,
                                                sheaf_error *error);
/* Convert a register. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_convert(struct pipeline *pipeline, int32_t from,
                                                  sheaf_kind kind, int32_t *to, sheaf_error *error);
/* The end reads this register. */
void sheaf_pipeline_need(struct pipeline *pipeline, int32_t reg);
/* Work out what lives where; after this the pipeline is only read. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_end(struct pipeline *pipeline, sheaf_error *error);

/*
 * Bind an operator's inputs to columns of the view: `bind` is "value=temperature",
 * inputs not named in it go by their own name.  Fills bound->input and input_kind,
 * where the input index counts registers.  `column_names`, if given, gets the names.
 */
SHEAF_CHECKED sheaf_status sheaf_pipeline_bind(struct pipeline *pipeline, struct sheaf_bound *bound,
                                               const char *bind, sheaf_error *error);
/* The same where the inputs are given as expressions. */
SHEAF_CHECKED sheaf_status sheaf_pipeline_bind_arguments(struct pipeline *pipeline,
                                                         struct sheaf_bound *bound,
                                                         char *const *arguments, size_t count,
                                                         const char *whole, sheaf_error *error);

/* -- running ------------------------------------------------------------------------------- */

struct flow;

/* What a flow hands on: registers of `rows` rows.  origin[r]: the row of the reader's batch that
 * row r comes from; NULL when that can not be said (after a map). */
typedef sheaf_status (*flow_taker)(void *context, const sheaf_column *registers, size_t rows,
                                   const uint32_t *origin, sheaf_error *error);

SHEAF_CHECKED sheaf_status sheaf_flow_open(const struct pipeline *pipeline, struct flow **flow,
                                           sheaf_error *error);
void sheaf_flow_close(struct flow *flow);
/* A new shard: limits count from here. */
void sheaf_flow_start(struct flow *flow);
/* Whether a limit was reached, so that no more rows can come out. */
bool sheaf_flow_full(const struct flow *flow);
/* Rows of the file that filters and limits left out, since the start. */
void sheaf_flow_counts(const struct flow *flow, uint64_t *filtered);
/*
 * Send rows through: columns as the pipeline's wanted list (or the view of the
 * result).  On failure error->row is the row of this call, or -1.
 */
SHEAF_CHECKED sheaf_status sheaf_flow_run(struct flow *flow, const sheaf_column *columns,
                                          size_t rows, flow_taker take, void *context,
                                          sheaf_error *error);
/* The same for a single row of them. */
SHEAF_CHECKED sheaf_status sheaf_flow_run_row(struct flow *flow, const sheaf_column *columns,
                                              size_t row, flow_taker take, void *context,
                                              sheaf_error *error);

/* Convert a whole column: numbers to f64 or i64, anything to text.  `text` keeps the bytes. */
struct conversion {
    struct sheaf_string values, text;
};
SHEAF_CHECKED sheaf_status sheaf_convert_column(const sheaf_column *from, size_t rows,
                                                sheaf_kind kind, struct conversion *room,
                                                sheaf_column *to, sheaf_error *error);
bool sheaf_convert_possible(sheaf_kind from, sheaf_kind to);
void sheaf_conversion_free(struct conversion *room);

#endif
