/* expression_tokens.h - the words of an expression, inside the expression's files */
#ifndef SHEAF_JOB_EXPRESSION_TOKENS_H
#define SHEAF_JOB_EXPRESSION_TOKENS_H

#include "job/expression_tree.h"

enum sheaf_token_kind {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_TEXT,   /* 'like this' or "like this" */
    TOKEN_NAME,   /* a bare word, also #3 */
    TOKEN_TICKED, /* `an odd name` */
    TOKEN_SYMBOL  /* its first two bytes are in `symbol` */
};

struct sheaf_token {
    enum sheaf_token_kind kind;
    uint32_t begin, end;
    char symbol[3];
};

/* The token at or after `from`.  SHEAF_BAD_ARGUMENT for what begins none. */
sheaf_status sheaf_token_next(const struct sheaf_expression *tree, size_t from,
                              struct sheaf_token *token, sheaf_error *error);

/* What stands between quotes or ticks, doubled ones being one; the caller frees it. */
sheaf_status sheaf_token_content(const struct sheaf_expression *tree,
                                 const struct sheaf_token *token, char **content, size_t *size,
                                 sheaf_error *error);

/* The number as a literal: I64, DECIMAL or WIDE as short as it can be, F64 with an exponent. */
sheaf_status sheaf_token_number(const struct sheaf_expression *tree,
                                const struct sheaf_token *token, bool negative,
                                struct sheaf_node *literal, sheaf_error *error);

/* Whether it is this word, which is given in lower case, in any case. */
bool sheaf_token_is(const struct sheaf_expression *tree, const struct sheaf_token *token,
                    const char *word);

#endif
