/*
 * expression_parse.c - the grammar of expressions, by recursive descent
 *
 *     or         = and { "or" and }
 *     and        = not { "and" not }
 *     not        = "not" not | comparison
 *     comparison = sum [ ("=="|"="|"!="|"<>"|"<"|"<="|">"|">=") sum
 *                      | "is" ["not"] "missing" | ["not"] "in" "(" or {"," or} ")" ]
 *     sum        = product { ("+"|"-") product }
 *     product    = sign { ("*"|"/"|"%") sign }
 *     sign       = "-" sign | primary
 *     primary    = number | text | "true" | "false" | column | function "(" ... ")" | "(" or ")"
 *
 * Each rule is a function that puts the number of its node to *made.
 */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "job/expression_tokens.h"

#define ARGUMENTS_MAX 64 /* of a function */

struct parser {
    struct sheaf_expression *tree;
    const struct sheaf_schema *schema;
    struct sheaf_token token; /* the next one, not yet used */
    size_t last_end;          /* where the one before it ended */
    int nest;
};

static const struct {
    const char *name;
    enum sheaf_op op;
    size_t least, most;
} functions[] = {
    {"abs", OP_ABS, 1, 1},
    {"ceil", OP_CEIL, 1, 1},
    {"coalesce", OP_COALESCE, 1, ARGUMENTS_MAX},
    {"contains", OP_CONTAINS, 2, 2},
    {"day", OP_DAY, 1, 1},
    {"ends_with", OP_ENDS_WITH, 2, 2},
    {"float", OP_FLOAT, 1, 1},
    {"floor", OP_FLOOR, 1, 1},
    {"hour", OP_HOUR, 1, 1},
    {"if", OP_IF, 2, 3},
    {"length", OP_LENGTH, 1, 1},
    {"lower", OP_LOWER, 1, 1},
    {"minute", OP_MINUTE, 1, 1},
    {"month", OP_MONTH, 1, 1},
    {"round", OP_ROUND, 1, 2},
    {"second", OP_SECOND, 1, 1},
    {"starts_with", OP_STARTS_WITH, 2, 2},
    {"upper", OP_UPPER, 1, 1},
    {"year", OP_YEAR, 1, 1},
};

#define FUNCTIONS (sizeof functions / sizeof functions[0])

static sheaf_status parse_or(struct parser *parser, int32_t *made, sheaf_error *error);

/* -- tokens -------------------------------------------------------------------------------- */

static sheaf_status advance(struct parser *parser, sheaf_error *error)
{
    parser->last_end = parser->token.end;
    return sheaf_token_next(parser->tree, parser->token.end, &parser->token, error);
}

static bool at_word(const struct parser *parser, const char *word)
{
    return sheaf_token_is(parser->tree, &parser->token, word);
}

static bool at_symbol(const struct parser *parser, const char *symbol)
{
    return parser->token.kind == TOKEN_SYMBOL && strcmp(parser->token.symbol, symbol) == 0;
}

static sheaf_status expected_here(const struct parser *parser, const char *what, sheaf_error *error)
{
    const struct sheaf_token *token = &parser->token;
    size_t size = token->end - token->begin;

    if (token->kind == TOKEN_END)
        return sheaf_expression_complain(parser->tree, token->begin, token->begin, SHEAF_E_GRAMMAR,
                                         error, "expected %s, but the expression ends", what);
    return sheaf_expression_complain(parser->tree, token->begin, token->end, SHEAF_E_GRAMMAR, error,
                                     "expected %s, found %.*s", what, size > 40 ? 40 : (int)size,
                                     parser->tree->text + token->begin);
}

static sheaf_status take_symbol(struct parser *parser, const char *symbol, const char *what,
                                sheaf_error *error)
{
    if (!at_symbol(parser, symbol))
        return expected_here(parser, what, error);
    return advance(parser, error);
}

/* -- columns and functions ----------------------------------------------------------------- */

static sheaf_status no_column(const struct parser *parser, const struct sheaf_token *token,
                              const char *name, size_t size, sheaf_error *error)
{
    sheaf_expression_complain(parser->tree, token->begin, token->end, SHEAF_E_TYPE, error,
                              "there is no column \"%.*s\"", (int)size, name);
    sheaf_expression_suggest_column(parser->schema, name, size, error);
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status make_named(struct parser *parser, const struct sheaf_token *token,
                               const char *name, size_t size, int32_t *made, sheaf_error *error)
{
    int column = sheaf_schema_find(parser->schema, name, size);

    if (column < 0)
        return no_column(parser, token, name, size, error);
    return sheaf_make_column(parser->tree, parser->schema, (size_t)column, token->begin, token->end,
                             made, error);
}

static sheaf_status parse_ticked(struct parser *parser, int32_t *made, sheaf_error *error)
{
    struct sheaf_token token = parser->token;
    char *name = NULL;
    size_t size;

    SHEAF_TRY(sheaf_token_content(parser->tree, &token, &name, &size, error));
    sheaf_status status = make_named(parser, &token, name, size, made, error);
    free(name);
    SHEAF_TRY(status);
    return advance(parser, error);
}

static sheaf_status parse_text(struct parser *parser, int32_t *made, sheaf_error *error)
{
    struct sheaf_token token = parser->token;
    char *text = NULL;
    size_t size;

    SHEAF_TRY(sheaf_token_content(parser->tree, &token, &text, &size, error));
    sheaf_status status =
        sheaf_make_text(parser->tree, text, size, token.begin, token.end, made, error);
    free(text);
    SHEAF_TRY(status);
    return advance(parser, error);
}

static sheaf_status parse_number(struct parser *parser, bool negative, int32_t *made,
                                 sheaf_error *error)
{
    struct sheaf_node literal;

    SHEAF_TRY(sheaf_token_number(parser->tree, &parser->token, negative, &literal, error));
    SHEAF_TRY(sheaf_make_literal(parser->tree, &literal, made, error));
    return advance(parser, error);
}

/* The answer of a group has columns like mean(x).  If one is called as the text from here to its
 * closing parenthesis is, its end is returned, else 0. */
static size_t column_like_call(const struct parser *parser, const struct sheaf_token *name,
                               int *column)
{
    const struct sheaf_expression *tree = parser->tree;
    int depth = 0;

    for (size_t at = name->end; at < tree->size; at++) {
        depth += (tree->text[at] == '(') - (tree->text[at] == ')');
        if (depth == 0 && tree->text[at] == ')') {
            *column =
                sheaf_schema_find(parser->schema, tree->text + name->begin, at + 1 - name->begin);
            return *column >= 0 ? at + 1 : 0;
        }
    }
    return 0;
}

static sheaf_status no_function(const struct parser *parser, const struct sheaf_token *token,
                                sheaf_error *error)
{
    const char *name = parser->tree->text + token->begin, *best = NULL;
    size_t size = token->end - token->begin, nearest = 3;

    sheaf_expression_complain(parser->tree, token->begin, token->end, SHEAF_E_GRAMMAR, error,
                              "there is no function %.*s", size > 40 ? 40 : (int)size, name);
    for (size_t i = 0; i < FUNCTIONS; i++) {
        size_t distance =
            sheaf_expression_distance(name, size, functions[i].name, strlen(functions[i].name), 2);
        if (distance < nearest) {
            nearest = distance;
            best = functions[i].name;
        }
    }
    if (best)
        sheaf_error_help(error, "Did you mean %s?", best);
    else
        sheaf_error_help(error, "Functions: abs ceil coalesce contains day ends_with float floor "
                                "hour if length lower minute month round second starts_with upper "
                                "year");
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status parse_arguments(struct parser *parser, int32_t operands[ARGUMENTS_MAX],
                                    size_t *count, sheaf_error *error)
{
    *count = 0;
    SHEAF_TRY(advance(parser, error)); /* the parenthesis */
    while (!at_symbol(parser, ")")) {
        if (*count > 0)
            SHEAF_TRY(take_symbol(parser, ",", "a comma or )", error));
        if (*count == ARGUMENTS_MAX)
            return expected_here(parser, "no more than 64 arguments", error);
        SHEAF_TRY(parse_or(parser, &operands[(*count)++], error));
    }
    return advance(parser, error);
}

static sheaf_status parse_call(struct parser *parser, const struct sheaf_token *name, int32_t *made,
                               sheaf_error *error)
{
    int32_t operands[ARGUMENTS_MAX];
    size_t count, which = 0;
    int column;

    while (which < FUNCTIONS && !sheaf_token_is(parser->tree, name, functions[which].name))
        which++;
    if (which == FUNCTIONS) {
        size_t end = column_like_call(parser, name, &column);
        if (!end)
            return no_function(parser, name, error);
        parser->token.end = (uint32_t)end;
        SHEAF_TRY(sheaf_make_column(parser->tree, parser->schema, (size_t)column, name->begin, end,
                                    made, error));
        return advance(parser, error);
    }
    SHEAF_TRY(parse_arguments(parser, operands, &count, error));
    size_t end = parser->last_end;
    if (count < functions[which].least || count > functions[which].most)
        return sheaf_expression_complain(
            parser->tree, name->begin, end, SHEAF_E_TYPE, error,
            "%s takes %zu%s argument%s, not %zu", functions[which].name,
            count < functions[which].least ? functions[which].least : functions[which].most,
            functions[which].least < functions[which].most
                ? (count < functions[which].least ? " or more" : " or less")
                : "",
            functions[which].most == 1 ? "" : "s", count);
    return sheaf_make_call(parser->tree, functions[which].op, operands, count, name->begin, end,
                           made, error);
}

static sheaf_status parse_name(struct parser *parser, int32_t *made, sheaf_error *error)
{
    struct sheaf_token name = parser->token;

    if (at_word(parser, "true") || at_word(parser, "false")) {
        struct sheaf_node literal = {.op = OP_LITERAL,
                                     .kind = {SHEAF_BOOL, 0},
                                     .begin = name.begin,
                                     .end = name.end,
                                     .boolean = at_word(parser, "true")};
        SHEAF_TRY(sheaf_make_literal(parser->tree, &literal, made, error));
        return advance(parser, error);
    }
    if (at_word(parser, "and") || at_word(parser, "or") || at_word(parser, "is") ||
        at_word(parser, "in") || at_word(parser, "missing") || at_word(parser, "as")) {
        expected_here(parser, "a value", error);
        sheaf_error_help(error, "A column of that name is written in ticks: `%.*s`",
                         (int)(name.end - name.begin), parser->tree->text + name.begin);
        return SHEAF_BAD_ARGUMENT;
    }
    SHEAF_TRY(advance(parser, error));
    if (at_symbol(parser, "("))
        return parse_call(parser, &name, made, error);
    return make_named(parser, &name, parser->tree->text + name.begin, name.end - name.begin, made,
                      error);
}

/* -- the rules ----------------------------------------------------------------------------- */

static sheaf_status parse_primary(struct parser *parser, int32_t *made, sheaf_error *error)
{
    switch (parser->token.kind) {
    case TOKEN_NUMBER:
        return parse_number(parser, false, made, error);
    case TOKEN_TEXT:
        return parse_text(parser, made, error);
    case TOKEN_TICKED:
        return parse_ticked(parser, made, error);
    case TOKEN_NAME:
        return parse_name(parser, made, error);
    case TOKEN_SYMBOL:
    case TOKEN_END:
    default:
        break;
    }
    if (!at_symbol(parser, "("))
        return expected_here(parser, "a value", error);
    SHEAF_TRY(advance(parser, error));
    SHEAF_TRY(parse_or(parser, made, error));
    return take_symbol(parser, ")", "an operator or )", error);
}

static sheaf_status enter(struct parser *parser, sheaf_error *error)
{
    if (++parser->nest > SHEAF_NEST_MAX)
        return expected_here(parser, "no more than 200 things inside each other", error);
    return SHEAF_OK;
}

static sheaf_status parse_sign(struct parser *parser, int32_t *made, sheaf_error *error)
{
    size_t begin = parser->token.begin;
    int32_t operand;

    SHEAF_TRY(enter(parser, error));
    if (at_symbol(parser, "-")) {
        SHEAF_TRY(advance(parser, error));
        if (parser->token.kind == TOKEN_NUMBER) {
            SHEAF_TRY(parse_number(parser, true, made, error));
            parser->tree->nodes[*made].begin = (uint32_t)begin;
        } else {
            SHEAF_TRY(parse_sign(parser, &operand, error));
            SHEAF_TRY(sheaf_make_unary(parser->tree, OP_NEG, operand, begin, parser->last_end, made,
                                       error));
        }
    } else {
        SHEAF_TRY(parse_primary(parser, made, error));
    }
    parser->nest--;
    return SHEAF_OK;
}

/* Operators of one rank, from left to right. */
static sheaf_status parse_chain(struct parser *parser, const char *const *symbols,
                                const enum sheaf_op *ops,
                                sheaf_status (*part)(struct parser *, int32_t *, sheaf_error *),
                                int32_t *made, sheaf_error *error)
{
    SHEAF_TRY(part(parser, made, error));
    for (size_t i = 0; symbols[i];) {
        bool word = symbols[i][0] >= 'a';
        if (!(word ? at_word(parser, symbols[i]) : at_symbol(parser, symbols[i]))) {
            i++;
            continue;
        }
        struct sheaf_token token = parser->token;
        int32_t right;
        SHEAF_TRY(advance(parser, error));
        SHEAF_TRY(part(parser, &right, error));
        SHEAF_TRY(sheaf_make_binary(parser->tree, ops[i], *made, right, token.begin, token.end,
                                    made, error));
        i = 0;
    }
    return SHEAF_OK;
}

static sheaf_status parse_product(struct parser *parser, int32_t *made, sheaf_error *error)
{
    static const char *const symbols[] = {"*", "/", "%", NULL};
    static const enum sheaf_op ops[] = {OP_MUL, OP_DIV, OP_MOD};

    return parse_chain(parser, symbols, ops, parse_sign, made, error);
}

static sheaf_status parse_sum(struct parser *parser, int32_t *made, sheaf_error *error)
{
    static const char *const symbols[] = {"+", "-", NULL};
    static const enum sheaf_op ops[] = {OP_ADD, OP_SUB};

    return parse_chain(parser, symbols, ops, parse_product, made, error);
}

static sheaf_status parse_is(struct parser *parser, int32_t operand, int32_t *made,
                             sheaf_error *error)
{
    size_t begin = parser->token.begin;
    bool not ;

    SHEAF_TRY(advance(parser, error));
    not = at_word(parser, "not");
    if (not )
        SHEAF_TRY(advance(parser, error));
    if (!at_word(parser, "missing"))
        return expected_here(parser, not ? "missing" : "missing or not missing", error);
    SHEAF_TRY(advance(parser, error));
    SHEAF_TRY(sheaf_make_unary(parser->tree, OP_IS_MISSING, operand, begin, parser->last_end, made,
                               error));
    if (not )
        SHEAF_TRY(
            sheaf_make_unary(parser->tree, OP_NOT, *made, begin, parser->last_end, made, error));
    return SHEAF_OK;
}

/* Join comparisons by `or`, two and two, so that long lists stay shallow. */
static sheaf_status join_by_or(struct parser *parser, int32_t *items, size_t count, int32_t *made,
                               sheaf_error *error)
{
    for (; count > 1; count = (count + 1) / 2)
        for (size_t i = 0; i < count; i += 2) {
            items[i / 2] = items[i];
            if (i + 1 < count)
                SHEAF_TRY(sheaf_make_binary(parser->tree, OP_OR, items[i], items[i + 1], 0, 0,
                                            &items[i / 2], error));
        }
    *made = items[0];
    return SHEAF_OK;
}

static sheaf_status parse_items(struct parser *parser, int32_t operand,
                                const struct sheaf_token *in, int32_t **items, size_t *count,
                                sheaf_error *error)
{
    size_t capacity = 0;
    int32_t item;

    do {
        SHEAF_TRY(advance(parser, error)); /* the parenthesis or the comma */
        SHEAF_TRY(parse_or(parser, &item, error));
        SHEAF_TRY(sheaf_grow(items, &capacity, *count + 1, sizeof **items, error));
        SHEAF_TRY(sheaf_make_binary(parser->tree, OP_EQ, operand, item, in->begin, in->end,
                                    &(*items)[*count], error));
        ++*count;
    } while (at_symbol(parser, ","));
    return take_symbol(parser, ")", "a comma or )", error);
}

/* x in (a, b) is x == a or x == b. */
static sheaf_status parse_in(struct parser *parser, int32_t operand, bool not, size_t begin,
                             int32_t *made, sheaf_error *error)
{
    struct sheaf_token in = parser->token;
    int32_t *items = NULL;
    size_t count = 0;

    SHEAF_TRY(advance(parser, error));
    if (!at_symbol(parser, "("))
        return expected_here(parser, "( and a list", error);
    sheaf_status status = parse_items(parser, operand, &in, &items, &count, error);
    if (status == SHEAF_OK)
        status = join_by_or(parser, items, count, made, error);
    free(items);
    SHEAF_TRY(status);
    if (not )
        SHEAF_TRY(
            sheaf_make_unary(parser->tree, OP_NOT, *made, begin, parser->last_end, made, error));
    return SHEAF_OK;
}

static const struct {
    const char *symbol;
    enum sheaf_op op;
} comparisons[] = {{"==", OP_EQ}, {"=", OP_EQ},  {"!=", OP_NE}, {"<>", OP_NE},
                   {"<", OP_LT},  {"<=", OP_LE}, {">", OP_GT},  {">=", OP_GE}};

#define COMPARISONS (sizeof comparisons / sizeof comparisons[0])

static size_t comparison_here(const struct parser *parser)
{
    size_t i = 0;

    while (i < COMPARISONS && !at_symbol(parser, comparisons[i].symbol))
        i++;
    return i;
}

static sheaf_status refuse_missing(const struct parser *parser, sheaf_error *error)
{
    if (!at_word(parser, "missing"))
        return SHEAF_OK;
    expected_here(parser, "a value", error);
    sheaf_error_help(error, "Nothing equals what is missing.  Write: x is missing");
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status parse_comparison(struct parser *parser, int32_t *made, sheaf_error *error)
{
    SHEAF_TRY(parse_sum(parser, made, error));
    struct sheaf_token token = parser->token;
    size_t which = comparison_here(parser);
    if (at_word(parser, "is"))
        return parse_is(parser, *made, made, error);
    if (at_word(parser, "in"))
        return parse_in(parser, *made, false, token.begin, made, error);
    if (at_word(parser, "not")) {
        SHEAF_TRY(advance(parser, error));
        if (!at_word(parser, "in"))
            return expected_here(parser, "in", error);
        return parse_in(parser, *made, true, token.begin, made, error);
    }
    if (which == COMPARISONS)
        return SHEAF_OK;
    int32_t right;
    SHEAF_TRY(advance(parser, error));
    SHEAF_TRY(refuse_missing(parser, error));
    SHEAF_TRY(parse_sum(parser, &right, error));
    SHEAF_TRY(sheaf_make_binary(parser->tree, comparisons[which].op, *made, right, token.begin,
                                token.end, made, error));
    if (comparison_here(parser) == COMPARISONS)
        return SHEAF_OK;
    expected_here(parser, "and, or, or the end", error);
    sheaf_error_help(error, "Comparisons do not chain.  Write: a < x and x < b");
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status parse_not(struct parser *parser, int32_t *made, sheaf_error *error)
{
    size_t begin = parser->token.begin;
    int32_t operand;

    if (!at_word(parser, "not"))
        return parse_comparison(parser, made, error);
    SHEAF_TRY(enter(parser, error));
    SHEAF_TRY(advance(parser, error));
    SHEAF_TRY(parse_not(parser, &operand, error));
    parser->nest--;
    return sheaf_make_unary(parser->tree, OP_NOT, operand, begin, parser->last_end, made, error);
}

static sheaf_status parse_and(struct parser *parser, int32_t *made, sheaf_error *error)
{
    static const char *const symbols[] = {"and", NULL};
    static const enum sheaf_op ops[] = {OP_AND};

    return parse_chain(parser, symbols, ops, parse_not, made, error);
}

static sheaf_status parse_or(struct parser *parser, int32_t *made, sheaf_error *error)
{
    static const char *const symbols[] = {"or", NULL};
    static const enum sheaf_op ops[] = {OP_OR};

    return parse_chain(parser, symbols, ops, parse_and, made, error);
}

/* -- whole expressions --------------------------------------------------------------------- */

static sheaf_status open_tree(const char *text, struct sheaf_expression **tree, sheaf_error *error)
{
    size_t size = strlen(text);

    if (size > UINT32_MAX / 2)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the expression is too long");
    SHEAF_TRY(sheaf_allocate(tree, 1, sizeof **tree, error));
    (*tree)->root = -1;
    (*tree)->size = size;
    sheaf_status status = sheaf_copy_string(text, &(*tree)->text, error);
    if (status != SHEAF_OK) {
        sheaf_expression_close(*tree);
        *tree = NULL;
    }
    return status;
}

/* Parse from a place in the text to where the expression ends; the next token is put to *next. */
static sheaf_status parse_from(struct sheaf_expression *tree, const struct sheaf_schema *schema,
                               size_t from, struct parser *parser, sheaf_error *error)
{
    *parser = (struct parser){.tree = tree, .schema = schema, .last_end = from};
    SHEAF_TRY(sheaf_token_next(tree, from, &parser->token, error));
    return parse_or(parser, &tree->root, error);
}

sheaf_status sheaf_expression_parse(const char *text, const struct sheaf_schema *schema,
                                    struct sheaf_expression **expression, sheaf_error *error)
{
    struct sheaf_expression *tree = NULL;
    struct parser parser;

    SHEAF_TRY(open_tree(text, &tree, error));
    sheaf_status status = parse_from(tree, schema, 0, &parser, error);
    if (status == SHEAF_OK && parser.token.kind != TOKEN_END)
        status = expected_here(&parser, "an operator or the end", error);
    if (status != SHEAF_OK) {
        sheaf_expression_close(tree);
        return status;
    }
    *expression = tree;
    return SHEAF_OK;
}

void sheaf_expression_close(struct sheaf_expression *expression)
{
    if (!expression)
        return;
    for (size_t i = 0; i < expression->text_count; i++)
        free(expression->texts[i]);
    free(expression->texts);
    free(expression->needs);
    free(expression->nodes);
    free(expression->text);
    free(expression);
}

sheaf_kind sheaf_expression_kind(const struct sheaf_expression *expression)
{
    const struct sheaf_node *root = expression->nodes + expression->root;

    return root->op == OP_COLUMN ? (sheaf_kind){root->from, root->kind.scale} : root->kind;
}

size_t sheaf_expression_needs(const struct sheaf_expression *expression, const uint32_t **columns)
{
    *columns = expression->needs;
    return expression->need_count;
}

int sheaf_expression_column(const struct sheaf_expression *expression)
{
    const struct sheaf_node *root = expression->nodes + expression->root;

    return root->op == OP_COLUMN ? (int)expression->needs[root->column] : -1;
}

/* -- selections ---------------------------------------------------------------------------- */

static sheaf_status add_item(struct sheaf_selection *selection, size_t *capacity,
                             struct sheaf_expression *tree, char *name, sheaf_error *error)
{
    sheaf_status status = sheaf_grow(&selection->items, capacity, selection->count + 1,
                                     sizeof *selection->items, error);

    if (status != SHEAF_OK) {
        sheaf_expression_close(tree);
        free(name);
        return status;
    }
    selection->items[selection->count++] = (struct sheaf_named){tree, name};
    return SHEAF_OK;
}

static sheaf_status check_name(const struct sheaf_selection *selection, const char *name,
                               const struct parser *parser, size_t begin, sheaf_error *error)
{
    for (size_t i = 0; i < selection->count; i++)
        if (strcmp(selection->items[i].name, name) == 0) {
            sheaf_expression_complain(parser->tree, begin, parser->last_end, SHEAF_E_TYPE, error,
                                      "two columns would be called \"%s\"", name);
            sheaf_error_help(error, "Give one another name: ... as other");
            return SHEAF_BAD_ARGUMENT;
        }
    return SHEAF_OK;
}

/* The name after `as`, or what stands for it. */
static sheaf_status name_item(struct parser *parser, size_t begin, char **name, sheaf_error *error)
{
    const struct sheaf_expression *tree = parser->tree;
    int column = sheaf_expression_column(tree);
    size_t size;

    if (!at_word(parser, "as")) {
        if (column >= 0)
            return sheaf_copy_string(parser->schema->fields[column].name, name, error);
        return sheaf_copy_bytes(tree->text + begin, parser->last_end - begin, name, error);
    }
    SHEAF_TRY(advance(parser, error));
    const struct sheaf_token *token = &parser->token;
    if (token->kind == TOKEN_NAME)
        SHEAF_TRY(
            sheaf_copy_bytes(tree->text + token->begin, token->end - token->begin, name, error));
    else if (token->kind == TOKEN_TICKED || token->kind == TOKEN_TEXT)
        SHEAF_TRY(sheaf_token_content(tree, token, name, &size, error));
    else
        return expected_here(parser, "a name", error);
    return advance(parser, error);
}

static sheaf_status select_all(struct sheaf_selection *selection, size_t *capacity,
                               struct parser *parser, sheaf_error *error)
{
    struct sheaf_token star = parser->token;

    for (size_t i = 0; i < parser->schema->count; i++) {
        struct sheaf_expression *tree = NULL;
        char *name = NULL;
        SHEAF_TRY(check_name(selection, parser->schema->fields[i].name, parser, star.begin, error));
        SHEAF_TRY(open_tree(parser->tree->text, &tree, error));
        sheaf_status status =
            sheaf_make_column(tree, parser->schema, i, star.begin, star.end, &tree->root, error);
        if (status == SHEAF_OK)
            status = sheaf_copy_string(parser->schema->fields[i].name, &name, error);
        if (status != SHEAF_OK) {
            sheaf_expression_close(tree);
            return status;
        }
        SHEAF_TRY(add_item(selection, capacity, tree, name, error));
    }
    return advance(parser, error);
}

static sheaf_status select_item(struct sheaf_selection *selection, size_t *capacity,
                                struct parser *parser, sheaf_error *error)
{
    struct sheaf_expression *tree = NULL;
    size_t begin = parser->token.begin;
    char *name = NULL;

    SHEAF_TRY(open_tree(parser->tree->text, &tree, error));
    sheaf_status status = parse_from(tree, parser->schema, begin, parser, error);
    if (status == SHEAF_OK)
        status = name_item(parser, begin, &name, error);
    if (status == SHEAF_OK)
        status = check_name(selection, name, parser, begin, error);
    if (status == SHEAF_OK)
        return add_item(selection, capacity, tree, name, error);
    sheaf_expression_close(tree);
    free(name);
    return status;
}

static sheaf_status select_items(struct sheaf_selection *selection, struct parser *parser,
                                 struct sheaf_expression *text, sheaf_error *error)
{
    size_t capacity = 0;

    SHEAF_TRY(sheaf_token_next(text, 0, &parser->token, error));
    for (;;) {
        SHEAF_TRY(at_symbol(parser, "*") ? select_all(selection, &capacity, parser, error)
                                         : select_item(selection, &capacity, parser, error));
        parser->tree = text; /* items have trees of their own, of the same text */
        if (parser->token.kind == TOKEN_END)
            return SHEAF_OK;
        SHEAF_TRY(take_symbol(parser, ",", "an operator, `as`, a comma or the end", error));
    }
}

sheaf_status sheaf_selection_parse(const char *text, const struct sheaf_schema *schema,
                                   struct sheaf_selection *selection, sheaf_error *error)
{
    struct sheaf_expression *tree = NULL;

    *selection = (struct sheaf_selection){0};
    SHEAF_TRY(open_tree(text, &tree, error));
    struct parser parser = {.tree = tree, .schema = schema};
    sheaf_status status = select_items(selection, &parser, tree, error);
    sheaf_expression_close(tree);
    if (status != SHEAF_OK)
        sheaf_selection_free(selection);
    return status;
}

void sheaf_selection_free(struct sheaf_selection *selection)
{
    for (size_t i = 0; i < selection->count; i++) {
        sheaf_expression_close(selection->items[i].expression);
        free(selection->items[i].name);
    }
    free(selection->items);
    *selection = (struct sheaf_selection){0};
}
