/*
 * expression.h - conditions and computed columns, as the user writes them
 *
 *     x > 3 and (name in ('Oslo', "Bergen") or `odd name` is missing)
 *
 * Text is parsed and its types are settled when a job is planned; what is left
 * for the data are loops over columns, one for each operation and batch.  The
 * language is described line by line in docs/expressions.md.
 *
 * An expression is plain memory that never changes after it was parsed: workers
 * forked later, and any number of threads, may use it.  An evaluator is the memory that
 * one thread needs to evaluate one expression.
 */
#ifndef SHEAF_JOB_EXPRESSION_H
#define SHEAF_JOB_EXPRESSION_H

#include <stddef.h>
#include <stdint.h>

#include "column/schema.h"
#include <sheaf/batch.h>

struct sheaf_expression;
struct sheaf_evaluator;

/*
 * Parse one expression over the columns of a schema, which is not kept.
 * SHEAF_BAD_ARGUMENT (E201 for the grammar, E202 for types and names) says at which character and
 * points at it.  The caller closes the expression.
 */
SHEAF_CHECKED sheaf_status sheaf_expression_parse(const char *text,
                                                  const struct sheaf_schema *schema,
                                                  struct sheaf_expression **expression,
                                                  sheaf_error *error);
void sheaf_expression_close(struct sheaf_expression *expression);

/* The type of its values: BOOL, I64, DECIMAL, WIDE, F64, DATE, TIME or TEXT; for an expression that
 * is just a column of another type, that type. */
sheaf_kind sheaf_expression_kind(const struct sheaf_expression *expression);

/* The columns it needs, as indices into the schema, each once, in the order of first use. */
size_t sheaf_expression_needs(const struct sheaf_expression *expression, const uint32_t **columns);

/* Index into the schema when the expression is a column and nothing else; -1 if it is not. */
int sheaf_expression_column(const struct sheaf_expression *expression);

/* Several, as in "station, x * 2 as twice, `odd name`". */
struct sheaf_named {
    struct sheaf_expression *expression;
    char *name; /* what follows `as`; else the column's name or the text of the expression */
};
struct sheaf_selection {
    struct sheaf_named *items;
    size_t count;
};

/* As sheaf_expression_parse(); two items of one name are E202 too. */
SHEAF_CHECKED sheaf_status sheaf_selection_parse(const char *text,
                                                 const struct sheaf_schema *schema,
                                                 struct sheaf_selection *selection,
                                                 sheaf_error *error);
void sheaf_selection_free(struct sheaf_selection *selection);

/* The expression must outlive its evaluators. */
SHEAF_CHECKED sheaf_status sheaf_evaluator_open(const struct sheaf_expression *expression,
                                                struct sheaf_evaluator **evaluator,
                                                sheaf_error *error);
void sheaf_evaluator_close(struct sheaf_evaluator *evaluator);

/*
 * Values for all rows.  `columns` are those that sheaf_expression_needs() lists, in that order,
 * with the kinds the schema gave; `rows` may be any number.  What `result` points to belongs to the
 * evaluator, or to the columns, and is valid until the evaluator is used again.
 *
 * SHEAF_BAD_DATA (E411) when the value of some row can not be represented; *bad_row is then the
 * index of the first such row.  It is SIZE_MAX after any other error, and may be NULL.
 */
SHEAF_CHECKED sheaf_status sheaf_evaluator_values(struct sheaf_evaluator *evaluator,
                                                  const sheaf_column *columns, size_t rows,
                                                  sheaf_column *result, size_t *bad_row,
                                                  sheaf_error *error);

/*
 * The rows for which an expression of type BOOL is true, not false and not missing: their numbers,
 * ascending, in selection[0..*selected).  `selection` has room for `rows` of them.
 */
SHEAF_CHECKED sheaf_status sheaf_evaluator_filter(struct sheaf_evaluator *evaluator,
                                                  const sheaf_column *columns, size_t rows,
                                                  uint32_t *selection, size_t *selected,
                                                  size_t *bad_row, sheaf_error *error);

#endif
