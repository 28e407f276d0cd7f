/* expression_tokens.c - an expression's text in words: see expression_tokens.h */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "column/parse.h"
#include "job/expression_loops.h"
#include "job/expression_tokens.h"

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool begins_name(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (unsigned char)byte >= 0x80;
}

static bool continues_name(char byte)
{
    return begins_name(byte) || is_digit(byte) || byte == '.';
}

static size_t skip_digits(const char *text, size_t from)
{
    while (is_digit(text[from]))
        from++;
    return from;
}

/* The text ends with a zero byte, so looking one byte ahead is always possible. */
static size_t skip_number(const char *text, size_t from)
{
    from = skip_digits(text, from);
    if (text[from] == '.')
        from = skip_digits(text, from + 1);
    if (text[from] == 'e' || text[from] == 'E') {
        size_t exponent = from + 1 + (text[from + 1] == '-' || text[from + 1] == '+');
        if (is_digit(text[exponent]))
            from = skip_digits(text, exponent);
    }
    return from;
}

static sheaf_status scan_number(const struct sheaf_expression *tree, struct sheaf_token *token,
                                sheaf_error *error)
{
    token->kind = TOKEN_NUMBER;
    token->end = (uint32_t)skip_number(tree->text, token->begin);
    if (!continues_name(tree->text[token->end]))
        return SHEAF_OK;
    size_t end = token->end;
    while (continues_name(tree->text[end]))
        end++;
    sheaf_expression_complain(tree, token->begin, end, SHEAF_E_GRAMMAR, error,
                              "a number is followed by letters");
    sheaf_error_help(error, "A column of that name is written `%.*s`", (int)(end - token->begin),
                     tree->text + token->begin);
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status scan_quoted(const struct sheaf_expression *tree, struct sheaf_token *token,
                                sheaf_error *error)
{
    char quote = tree->text[token->begin];
    size_t at = token->begin + 1;

    token->kind = quote == '`' ? TOKEN_TICKED : TOKEN_TEXT;
    for (; at < tree->size; at++)
        if (tree->text[at] == quote) {
            if (tree->text[at + 1] != quote) {
                token->end = (uint32_t)at + 1;
                return SHEAF_OK;
            }
            at++;
        }
    return sheaf_expression_complain(tree, token->begin, token->begin + 1, SHEAF_E_GRAMMAR, error,
                                     "this %s is never closed", quote == '`' ? "tick" : "quote");
}

static sheaf_status scan_symbol(const struct sheaf_expression *tree, struct sheaf_token *token,
                                sheaf_error *error)
{
    static const char *const symbols[] = {"==", "!=", "<>", "<=", ">=", "=", "<", ">",
                                          "+",  "-",  "*",  "/",  "%",  "(", ")", ","};
    static const char *const foreign[][2] = {{"&&", "and"}, {"||", "or"}, {"!", "not"}};
    const char *at = tree->text + token->begin;

    token->kind = TOKEN_SYMBOL;
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        size_t size = strlen(symbols[i]);
        if (strncmp(at, symbols[i], size) == 0) {
            memcpy(token->symbol, symbols[i], size + 1);
            token->end = token->begin + (uint32_t)size;
            return SHEAF_OK;
        }
    }
    size_t size = 1;
    while (((unsigned char)at[size] & 0xC0) == 0x80)
        size++;
    sheaf_expression_complain(tree, token->begin, token->begin + size, SHEAF_E_GRAMMAR, error,
                              "this character means nothing here");
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (strncmp(at, foreign[i][0], strlen(foreign[i][0])) == 0)
            sheaf_error_help(error, "Write: %s", foreign[i][1]);
    return SHEAF_BAD_ARGUMENT;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

sheaf_status sheaf_token_next(const struct sheaf_expression *tree, size_t from,
                              struct sheaf_token *token, sheaf_error *error)
{
    const char *text = tree->text;

    while (from < tree->size && is_space(text[from]))
        from++;
    *token =
        (struct sheaf_token){.kind = TOKEN_END, .begin = (uint32_t)from, .end = (uint32_t)from};
    if (from >= tree->size)
        return SHEAF_OK;
    if (is_digit(text[from]) || (text[from] == '.' && is_digit(text[from + 1])))
        return scan_number(tree, token, error);
    if (text[from] == '\'' || text[from] == '"' || text[from] == '`')
        return scan_quoted(tree, token, error);
    bool position = text[from] == '#' && is_digit(text[from + 1]);
    if (!begins_name(text[from]) && !position)
        return scan_symbol(tree, token, error);
    token->kind = TOKEN_NAME;
    token->end = token->begin + 1;
    while (continues_name(text[token->end]))
        token->end++;
    return SHEAF_OK;
}

sheaf_status sheaf_token_content(const struct sheaf_expression *tree,
                                 const struct sheaf_token *token, char **content, size_t *size,
                                 sheaf_error *error)
{
    char quote = tree->text[token->begin];

    SHEAF_TRY(sheaf_allocate(content, token->end - token->begin, 1, error));
    *size = 0;
    for (size_t at = token->begin + 1; at + 1 < token->end; at++) {
        (*content)[(*size)++] = tree->text[at];
        at += tree->text[at] == quote;
    }
    return SHEAF_OK;
}

bool sheaf_token_is(const struct sheaf_expression *tree, const struct sheaf_token *token,
                    const char *word)
{
    size_t size = strlen(word);

    return token->kind == TOKEN_NAME && token->end - token->begin == size &&
           strncasecmp(tree->text + token->begin, word, size) == 0;
}

/* -- numbers ------------------------------------------------------------------------------- */

static sheaf_status bad_number(const struct sheaf_expression *tree, const struct sheaf_token *token,
                               const char *what, sheaf_error *error)
{
    sheaf_expression_complain(tree, token->begin, token->end, SHEAF_E_GRAMMAR, error, "%s", what);
    sheaf_error_help(error, "With an exponent it is a double: 1.5e3");
    return SHEAF_BAD_ARGUMENT;
}

/* The digits and where the point is; false if there are too many of them. */
static bool read_exact(const char *text, size_t size, sheaf_int128 *value, int32_t *scale)
{
    bool point = false;

    *value = 0;
    *scale = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, text[i] - '0', value))
            return false;
        *scale += point;
    }
    return true;
}

sheaf_status sheaf_token_number(const struct sheaf_expression *tree,
                                const struct sheaf_token *token, bool negative,
                                struct sheaf_node *literal, sheaf_error *error)
{
    const char *text = tree->text + token->begin;
    size_t size = token->end - token->begin;
    sheaf_int128 value;

    *literal = (struct sheaf_node){.op = OP_LITERAL, .begin = token->begin, .end = token->end};
    if (memchr(text, 'e', size) || memchr(text, 'E', size)) {
        literal->kind.type = SHEAF_F64;
        if (!sheaf_parse_value(literal->kind, text, size, &literal->f64))
            return bad_number(tree, token, "the number is too large for a double", error);
        if (negative)
            literal->f64 = -literal->f64;
        return SHEAF_OK;
    }
    if (!read_exact(text, size, &value, &literal->kind.scale))
        return bad_number(tree, token, "the number has more than 38 digits", error);
    if (literal->kind.scale > 18)
        return bad_number(tree, token, "the number has more than 18 digits after the point", error);
    if (negative)
        value = -value;
    bool fits = literal->kind.scale > 0
                    ? value < SHEAF_DECIMAL_BOUND && value > -SHEAF_DECIMAL_BOUND
                    : value == (int64_t)value;
    literal->kind.type = !fits ? SHEAF_WIDE : literal->kind.scale > 0 ? SHEAF_DECIMAL : SHEAF_I64;
    if (fits)
        literal->i64 = (int64_t)value;
    else
        literal->wide = value;
    return SHEAF_OK;
}
