/*
 * expression_tree.h - what an expression is made of, inside the expression's files
 *
 * A tree is an array of nodes; the operands of a node stand before it.  Each node
 * has a kind that was settled when it was made, and conversions are nodes too, so
 * that evaluating never has to ask what a value is.
 *
 * Inside a tree values have one of these forms:
 *   BOOL                        one bit each
 *   I64, DECIMAL, DATE, TIME    int64_t
 *   WIDE                        sheaf_int128, also what U64 columns become
 *   F64                         double; NaN stands for missing and is never seen as present
 *   TEXT                        sheaf_text
 */
#ifndef SHEAF_JOB_EXPRESSION_TREE_H
#define SHEAF_JOB_EXPRESSION_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "column/schema.h"
#include "job/expression.h"
#include <sheaf/batch.h>

#define SHEAF_E_GRAMMAR 201
#define SHEAF_E_TYPE    202
#define SHEAF_E_VALUE   411

#define SHEAF_NODES_MAX 20000 /* in one expression */
#define SHEAF_DEPTH_MAX 1000  /* of nodes above each other: evaluating recurses */
#define SHEAF_NEST_MAX  200   /* of parentheses, functions and signs inside each other */

enum sheaf_op {
    OP_LITERAL,
    OP_COLUMN,

    OP_EQ, /* the order of the comparisons matters to sheaf_loop_compare_*() */
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,

    OP_AND,
    OP_OR,
    OP_NOT,
    OP_IS_MISSING,

    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_NEG,

    OP_TO_F64,
    OP_TO_WIDE, /* from 64 bits, same scale */
    OP_RESCALE, /* more digits after the point; may overflow */

    OP_ABS,
    OP_ROUND, /* to `digits` after the point, halves away from zero */
    OP_FLOOR,
    OP_CEIL,
    OP_LOWER,
    OP_UPPER,
    OP_LENGTH,
    OP_CONTAINS,
    OP_STARTS_WITH,
    OP_ENDS_WITH,
    OP_YEAR,
    OP_MONTH,
    OP_DAY,
    OP_HOUR,
    OP_MINUTE,
    OP_SECOND,
    OP_COALESCE,
    OP_IF,
    OP_FLOAT /* of the grammar only: becomes OP_TO_F64 */
};

struct sheaf_node {
    enum sheaf_op op;
    sheaf_kind kind;
    uint32_t begin, end; /* where it stands in the text, for messages */
    int32_t operands[3]; /* -1: none */
    int32_t depth;       /* of the nodes below it, and itself */
    int32_t digits;      /* ROUND */
    uint32_t column;     /* COLUMN: index into needs */
    sheaf_type from;     /* COLUMN: the type of the data */
    bool missing;        /* LITERAL: no value */
    bool can_fail;       /* it or an operand may overflow */
    union {              /* LITERAL */
        bool boolean;
        int64_t i64;
        double f64;
        sheaf_int128 wide;
        sheaf_text text;
    };
};

struct sheaf_expression {
    char *text; /* as the user wrote it; nodes' positions refer to it */
    size_t size;
    struct sheaf_node *nodes;
    size_t count, capacity;
    int32_t root;
    uint32_t *needs; /* indices into the schema */
    size_t need_count, need_capacity;
    char **texts; /* the bytes of literals of type TEXT */
    size_t text_count, text_capacity;
};

/* -- messages: expression_error.c ------------------------------------------------------------- */

/* Fill in the error, with the text and a line that points at [begin, end).  Returns
 * SHEAF_BAD_ARGUMENT. */
sheaf_status sheaf_expression_complain(const struct sheaf_expression *tree, size_t begin,
                                       size_t end, int code, sheaf_error *error, const char *format,
                                       ...) SHEAF_PRINTF(6, 7);

/* Add what the user may have meant by a name that no column has. */
void sheaf_expression_suggest_column(const struct sheaf_schema *schema, const char *name,
                                     size_t size, sheaf_error *error);

/* How many letters must be changed to get from one word to the other, case not counted; at most
 * `limit` + 1. */
size_t sheaf_expression_distance(const char *a, size_t a_size, const char *b, size_t b_size,
                                 size_t limit);

/* The kind in words for messages: "a number", "text", "a date". */
const char *sheaf_expression_kind_words(sheaf_kind kind);

/* -- making nodes: expression_types.c ----------------------------------------------------------
 * Each checks types, converts the operands, folds constants, and puts the number of the new node
 * to *made. */

sheaf_status sheaf_make_literal(struct sheaf_expression *tree, const struct sheaf_node *literal,
                                int32_t *made, sheaf_error *error);
/* A copy of the bytes that the tree owns. */
sheaf_status sheaf_make_text(struct sheaf_expression *tree, const char *bytes, size_t size,
                             size_t begin, size_t end, int32_t *made, sheaf_error *error);
sheaf_status sheaf_make_column(struct sheaf_expression *tree, const struct sheaf_schema *schema,
                               size_t column, size_t begin, size_t end, int32_t *made,
                               sheaf_error *error);
/* begin, end: the operator's own place, to be pointed at when the operands do not fit. */
sheaf_status sheaf_make_unary(struct sheaf_expression *tree, enum sheaf_op op, int32_t operand,
                              size_t begin, size_t end, int32_t *made, sheaf_error *error);
sheaf_status sheaf_make_binary(struct sheaf_expression *tree, enum sheaf_op op, int32_t left,
                               int32_t right, size_t begin, size_t end, int32_t *made,
                               sheaf_error *error);
/* begin, end: the whole call. */
sheaf_status sheaf_make_call(struct sheaf_expression *tree, enum sheaf_op op,
                             const int32_t *operands, size_t count, size_t begin, size_t end,
                             int32_t *made, sheaf_error *error);

/* -- evaluating: expression_evaluate.c ------------------------------------------------------- */

/* Give the value of a node whose operands are all literals; false if it has none (overflow), or
 * memory is refused. */
bool sheaf_expression_fold(const struct sheaf_expression *tree, int32_t node,
                           struct sheaf_node *literal);

#endif
