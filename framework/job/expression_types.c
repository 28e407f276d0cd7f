/*
 * expression_types.c - nodes are made here, and only if their types fit: see expression_tree.h
 *
 * What the operands need to become comparable or addable is decided here, once;
 * so are comparisons with constants, which are brought to the scale of the
 * column, so that the usual `price > 3` is one comparison of integers.
 */
#include <string.h>

#include "base/memory.h"
#include "column/parse.h"
#include "column/types.h"
#include "job/expression_loops.h"

#define DAY_US ((int64_t)86400 * 1000000)

static struct sheaf_node *at(const struct sheaf_expression *tree, int32_t node)
{
    return tree->nodes + node;
}

static sheaf_kind kind_of(const struct sheaf_expression *tree, int32_t node)
{
    return tree->nodes[node].kind;
}

static bool is_literal(const struct sheaf_expression *tree, int32_t node)
{
    return tree->nodes[node].op == OP_LITERAL;
}

static bool is_exact(sheaf_kind kind)
{
    return kind.type == SHEAF_I64 || kind.type == SHEAF_DECIMAL || kind.type == SHEAF_WIDE;
}

static bool is_number(sheaf_kind kind)
{
    return is_exact(kind) || kind.type == SHEAF_F64;
}

static bool is_moment(sheaf_kind kind)
{
    return kind.type == SHEAF_DATE || kind.type == SHEAF_TIME;
}

static sheaf_kind exact_kind(bool wide, int32_t scale)
{
    return (sheaf_kind){wide ? SHEAF_WIDE : scale > 0 ? SHEAF_DECIMAL : SHEAF_I64, scale};
}

/* -- adding nodes -------------------------------------------------------------------------- */

static sheaf_status too_large(const struct sheaf_expression *tree, size_t begin, size_t end,
                              sheaf_error *error)
{
    return sheaf_expression_complain(tree, begin, end, SHEAF_E_GRAMMAR, error,
                                     "the expression is too long or too deep");
}

static bool fails_itself(const struct sheaf_node *node)
{
    switch ((int)node->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_NEG:
    case OP_ABS:
        return is_exact(node->kind);
    case OP_RESCALE:
        return true;
    default:
        return false;
    }
}

/* Add a node; if all operands are literals it becomes one, unless it has no value. */
static sheaf_status add(struct sheaf_expression *tree, struct sheaf_node node, int32_t *made,
                        sheaf_error *error)
{
    bool foldable = node.op != OP_LITERAL && node.op != OP_COLUMN;

    node.can_fail = fails_itself(&node);
    for (size_t i = 0; i < 3; i++)
        if (node.operands[i] >= 0) {
            const struct sheaf_node *operand = at(tree, node.operands[i]);
            node.can_fail |= operand->can_fail;
            foldable &= operand->op == OP_LITERAL;
            if (node.depth < operand->depth + 1)
                node.depth = operand->depth + 1;
        }
    if (tree->count >= SHEAF_NODES_MAX || node.depth > SHEAF_DEPTH_MAX)
        return too_large(tree, node.begin, node.end, error);
    SHEAF_TRY(sheaf_grow(&tree->nodes, &tree->capacity, tree->count + 1, sizeof node, error));
    int32_t index = (int32_t)tree->count++;
    tree->nodes[index] = node;
    struct sheaf_node literal = {.op = OP_LITERAL};
    if (foldable && sheaf_expression_fold(tree, index, &literal)) {
        literal.kind = node.kind;
        literal.begin = node.begin;
        literal.end = node.end;
        memset(literal.operands, -1, sizeof literal.operands);
        tree->nodes[index] = literal;
    }
    *made = index;
    return SHEAF_OK;
}

/* A node over up to three operands, whose place is all of theirs. */
static sheaf_status add_over(struct sheaf_expression *tree, enum sheaf_op op, sheaf_kind kind,
                             int32_t first, int32_t second, int32_t third, int32_t *made,
                             sheaf_error *error)
{
    int32_t last = third >= 0 ? third : second >= 0 ? second : first;
    struct sheaf_node node = {.op = op,
                              .kind = kind,
                              .begin = at(tree, first)->begin,
                              .end = at(tree, last)->end,
                              .operands = {first, second, third}};

    return add(tree, node, made, error);
}

sheaf_status sheaf_make_literal(struct sheaf_expression *tree, const struct sheaf_node *literal,
                                int32_t *made, sheaf_error *error)
{
    struct sheaf_node node = *literal;

    memset(node.operands, -1, sizeof node.operands);
    return add(tree, node, made, error);
}

sheaf_status sheaf_make_text(struct sheaf_expression *tree, const char *bytes, size_t size,
                             size_t begin, size_t end, int32_t *made, sheaf_error *error)
{
    SHEAF_TRY(sheaf_grow(&tree->texts, &tree->text_capacity, tree->text_count + 1, sizeof(char *),
                         error));
    SHEAF_TRY(sheaf_copy_bytes(bytes, size, &tree->texts[tree->text_count], error));
    struct sheaf_node node = {.op = OP_LITERAL,
                              .kind = {SHEAF_TEXT, 0},
                              .begin = (uint32_t)begin,
                              .end = (uint32_t)end,
                              .text = {tree->texts[tree->text_count++], (uint32_t)size, 0}};
    return sheaf_make_literal(tree, &node, made, error);
}

/* The form that values of a column take inside a tree. */
static sheaf_kind inner_kind(sheaf_kind kind)
{
    if (kind.type == SHEAF_U64)
        return (sheaf_kind){SHEAF_WIDE, 0};
    if (sheaf_type_signed(kind.type) || sheaf_type_unsigned(kind.type))
        return (sheaf_kind){SHEAF_I64, 0};
    if (kind.type == SHEAF_F32 || kind.type == SHEAF_F64)
        return (sheaf_kind){SHEAF_F64, 0};
    if (kind.type == SHEAF_BYTES || kind.type == SHEAF_TEXT)
        return (sheaf_kind){SHEAF_TEXT, 0};
    if (kind.type == SHEAF_BOOL || kind.type == SHEAF_DATE)
        return (sheaf_kind){kind.type, 0};
    return kind;
}

static sheaf_status need(struct sheaf_expression *tree, uint32_t column, uint32_t *index,
                         sheaf_error *error)
{
    for (*index = 0; *index < tree->need_count; (*index)++)
        if (tree->needs[*index] == column)
            return SHEAF_OK;
    SHEAF_TRY(
        sheaf_grow(&tree->needs, &tree->need_capacity, tree->need_count + 1, sizeof column, error));
    tree->needs[tree->need_count++] = column;
    return SHEAF_OK;
}

sheaf_status sheaf_make_column(struct sheaf_expression *tree, const struct sheaf_schema *schema,
                               size_t column, size_t begin, size_t end, int32_t *made,
                               sheaf_error *error)
{
    sheaf_kind kind = schema->fields[column].kind;
    struct sheaf_node node = {.op = OP_COLUMN,
                              .kind = inner_kind(kind),
                              .from = kind.type,
                              .begin = (uint32_t)begin,
                              .end = (uint32_t)end,
                              .operands = {-1, -1, -1}};

    if (sheaf_type_size(kind.type) == 0 || kind.scale < 0 || kind.scale > 18)
        return sheaf_expression_complain(tree, begin, end, SHEAF_E_TYPE, error,
                                         "the type of column \"%s\" is not known",
                                         schema->fields[column].name);
    SHEAF_TRY(need(tree, (uint32_t)column, &node.column, error));
    return add(tree, node, made, error);
}

/* -- conversions --------------------------------------------------------------------------- */

static sheaf_status to_f64(struct sheaf_expression *tree, int32_t *node, sheaf_error *error)
{
    if (kind_of(tree, *node).type == SHEAF_F64)
        return SHEAF_OK;
    return add_over(tree, OP_TO_F64, (sheaf_kind){SHEAF_F64, 0}, *node, -1, -1, node, error);
}

static sheaf_status to_wide(struct sheaf_expression *tree, int32_t *node, sheaf_error *error)
{
    sheaf_kind kind = kind_of(tree, *node);

    if (kind.type == SHEAF_WIDE)
        return SHEAF_OK;
    return add_over(tree, OP_TO_WIDE, exact_kind(true, kind.scale), *node, -1, -1, node, error);
}

static sheaf_status to_scale(struct sheaf_expression *tree, int32_t *node, int32_t scale,
                             sheaf_error *error)
{
    sheaf_kind kind = kind_of(tree, *node);

    if (kind.scale == scale)
        return SHEAF_OK;
    return add_over(tree, OP_RESCALE, exact_kind(kind.type == SHEAF_WIDE, scale), *node, -1, -1,
                    node, error);
}

/* The literal that a text stands for beside a date or a time.  Literals are not changed in place,
 * for `in` uses its left side several times. */
static sheaf_status to_moment(struct sheaf_expression *tree, int32_t *node, sheaf_kind kind,
                              sheaf_error *error)
{
    struct sheaf_node literal = *at(tree, *node);
    int32_t days;
    int64_t us;

    if (literal.op != OP_LITERAL || literal.kind.type != SHEAF_TEXT || !is_moment(kind) ||
        literal.missing)
        return SHEAF_OK;
    sheaf_text text = literal.text;
    if (kind.type == SHEAF_TIME && sheaf_parse_value(kind, text.bytes, text.size, &us)) {
        literal.i64 = us;
    } else if (sheaf_parse_value((sheaf_kind){SHEAF_DATE, 0}, text.bytes, text.size, &days)) {
        literal.i64 = kind.type == SHEAF_DATE ? days : days * DAY_US;
    } else {
        return sheaf_expression_complain(tree, literal.begin, literal.end, SHEAF_E_TYPE, error,
                                         "expected %s like '%s'", sheaf_expression_kind_words(kind),
                                         kind.type == SHEAF_DATE ? "2024-01-31"
                                         : kind.scale            ? "2024-01-31T10:00:00Z"
                                                                 : "2024-01-31T10:00:00");
    }
    literal.kind = kind;
    return sheaf_make_literal(tree, &literal, node, error);
}

static sheaf_status moments(struct sheaf_expression *tree, int32_t *left, int32_t *right,
                            sheaf_error *error)
{
    SHEAF_TRY(to_moment(tree, left, kind_of(tree, *right), error));
    return to_moment(tree, right, kind_of(tree, *left), error);
}

/* Exact numbers of one form; of one scale too, if that is asked for. */
static sheaf_status unify_exact(struct sheaf_expression *tree, int32_t *left, int32_t *right,
                                bool same_scale, sheaf_error *error)
{
    sheaf_kind a = kind_of(tree, *left), b = kind_of(tree, *right);
    int32_t scale = a.scale > b.scale ? a.scale : b.scale;

    if (a.type == SHEAF_WIDE || b.type == SHEAF_WIDE) {
        SHEAF_TRY(to_wide(tree, left, error));
        SHEAF_TRY(to_wide(tree, right, error));
    }
    if (!same_scale)
        return SHEAF_OK;
    SHEAF_TRY(to_scale(tree, left, scale, error));
    return to_scale(tree, right, scale, error);
}

static sheaf_status both_to_f64(struct sheaf_expression *tree, int32_t *left, int32_t *right,
                                sheaf_error *error)
{
    SHEAF_TRY(to_f64(tree, left, error));
    return to_f64(tree, right, error);
}

/* -- complaints ---------------------------------------------------------------------------- */

static sheaf_status expected(const struct sheaf_expression *tree, int32_t node, const char *what,
                             sheaf_error *error)
{
    return sheaf_expression_complain(tree, at(tree, node)->begin, at(tree, node)->end, SHEAF_E_TYPE,
                                     error, "expected %s, found %s", what,
                                     sheaf_expression_kind_words(kind_of(tree, node)));
}

static sheaf_status expect_bool(const struct sheaf_expression *tree, int32_t node,
                                sheaf_error *error)
{
    return kind_of(tree, node).type == SHEAF_BOOL ? SHEAF_OK
                                                  : expected(tree, node, "true or false", error);
}

static sheaf_status expect_number(const struct sheaf_expression *tree, int32_t node,
                                  sheaf_error *error)
{
    return is_number(kind_of(tree, node)) ? SHEAF_OK : expected(tree, node, "a number", error);
}

static sheaf_status expect_text(const struct sheaf_expression *tree, int32_t node,
                                sheaf_error *error)
{
    return kind_of(tree, node).type == SHEAF_TEXT ? SHEAF_OK : expected(tree, node, "text", error);
}

/* "x" = '3': the literal that should have no quotes. */
static void suggest_no_quotes(const struct sheaf_expression *tree, int32_t node, sheaf_error *error)
{
    const struct sheaf_node *literal = at(tree, node);
    double number;

    if (literal->op == OP_LITERAL && literal->kind.type == SHEAF_TEXT && !literal->missing &&
        sheaf_parse_value((sheaf_kind){SHEAF_F64, 0}, literal->text.bytes, literal->text.size,
                          &number))
        sheaf_error_help(error, "A number has no quotes: %.*s", (int)literal->text.size,
                         literal->text.bytes);
}

static sheaf_status cannot_mix(const struct sheaf_expression *tree, const char *verb, int32_t left,
                               int32_t right, size_t begin, size_t end, sheaf_error *error)
{
    sheaf_kind a = kind_of(tree, left), b = kind_of(tree, right);

    sheaf_expression_complain(tree, begin, end, SHEAF_E_TYPE, error, "cannot %s %s and %s", verb,
                              sheaf_expression_kind_words(a), sheaf_expression_kind_words(b));
    if (is_number(a))
        suggest_no_quotes(tree, right, error);
    if (is_number(b))
        suggest_no_quotes(tree, left, error);
    return SHEAF_BAD_ARGUMENT;
}

/* -- comparisons --------------------------------------------------------------------------- */

static enum sheaf_op mirrored(enum sheaf_op op)
{
    static const enum sheaf_op mirror[] = {OP_EQ, OP_NE, OP_GT, OP_GE, OP_LT, OP_LE};

    return mirror[op - OP_EQ];
}

static sheaf_int128 exact_value(const struct sheaf_node *literal)
{
    return literal->kind.type == SHEAF_WIDE ? literal->wide : (sheaf_int128)literal->i64;
}

/*
 * Say `x op literal` with a literal of the scale of x; false if that can not be said.  When the
 * literal has more digits than x can have, the next lower value q of x's scale does it:
 * x > q and x <= q.
 */
static bool align_literal(struct sheaf_node *literal, enum sheaf_op *op, int32_t scale)
{
    sheaf_int128 value = exact_value(literal);

    if (literal->missing)
        return false;
    if (literal->kind.scale <= scale) {
        if (__builtin_mul_overflow(value, sheaf_power_of_ten(scale - literal->kind.scale), &value))
            return false;
    } else {
        sheaf_int128 power = sheaf_power_of_ten(literal->kind.scale - scale), rest = value % power;
        value /= power;
        if (rest != 0 && *op <= OP_NE)
            return false;
        value -= rest < 0;
        if (rest != 0)
            *op = *op == OP_LT || *op == OP_LE ? OP_LE : OP_GT;
    }
    if (value != (int64_t)value)
        return false;
    literal->kind = exact_kind(false, scale);
    literal->i64 = (int64_t)value;
    return true;
}

static sheaf_status compare_exact(struct sheaf_expression *tree, enum sheaf_op *op, int32_t *left,
                                  int32_t *right, sheaf_error *error)
{
    sheaf_kind a = kind_of(tree, *left), b = kind_of(tree, *right);
    struct sheaf_node literal = *at(tree, *right);

    if (a.type != SHEAF_WIDE && b.type != SHEAF_WIDE && a.scale == b.scale)
        return SHEAF_OK;
    if (a.type != SHEAF_WIDE && is_literal(tree, *right) && align_literal(&literal, op, a.scale))
        return sheaf_make_literal(tree, &literal, right, error);
    /* Scales may differ: sheaf_loop_compare_wide() knows what to do. */
    SHEAF_TRY(to_wide(tree, left, error));
    return to_wide(tree, right, error);
}

static sheaf_status make_comparison(struct sheaf_expression *tree, enum sheaf_op op, int32_t left,
                                    int32_t right, size_t begin, size_t end, int32_t *made,
                                    sheaf_error *error)
{
    SHEAF_TRY(moments(tree, &left, &right, error));
    uint32_t from = at(tree, left)->begin, to = at(tree, right)->end;
    if (is_literal(tree, left) && !is_literal(tree, right)) {
        int32_t swapped = left;
        left = right;
        right = swapped;
        op = mirrored(op);
    }
    sheaf_kind a = kind_of(tree, left), b = kind_of(tree, right);
    if (is_exact(a) && is_exact(b))
        SHEAF_TRY(compare_exact(tree, &op, &left, &right, error));
    else if (is_number(a) && is_number(b))
        SHEAF_TRY(both_to_f64(tree, &left, &right, error));
    else if (a.type != b.type || a.scale != b.scale)
        return cannot_mix(tree, "compare", left, right, begin, end, error);
    else if (a.type == SHEAF_BOOL && op > OP_NE)
        return cannot_mix(tree, "order", left, right, begin, end, error);
    struct sheaf_node node = {
        .op = op, .kind = {SHEAF_BOOL, 0}, .begin = from, .end = to, .operands = {left, right, -1}};
    return add(tree, node, made, error);
}

/* -- logic and arithmetic ------------------------------------------------------------------ */

static sheaf_status make_arithmetic(struct sheaf_expression *tree, enum sheaf_op op, int32_t left,
                                    int32_t right, size_t begin, size_t end, int32_t *made,
                                    sheaf_error *error)
{
    static const char *const verbs[] = {"add", "subtract", "multiply", "divide", "divide"};
    sheaf_kind a = kind_of(tree, left), b = kind_of(tree, right);
    sheaf_kind kind = {SHEAF_F64, 0};

    if (!is_number(a) || !is_number(b))
        return cannot_mix(tree, verbs[op - OP_ADD], left, right, begin, end, error);
    if (op == OP_DIV || !is_exact(a) || !is_exact(b)) {
        SHEAF_TRY(both_to_f64(tree, &left, &right, error));
    } else {
        SHEAF_TRY(unify_exact(tree, &left, &right, op != OP_MUL, error));
        kind = kind_of(tree, left);
        if (op == OP_MUL)
            kind = exact_kind(kind.type == SHEAF_WIDE, a.scale + b.scale);
        if (kind.scale > 18) {
            sheaf_expression_complain(tree, begin, end, SHEAF_E_TYPE, error,
                                      "the product would have %d digits after the point, more "
                                      "than 18",
                                      kind.scale);
            sheaf_error_help(error, "Round one of them, or turn it into a double: float(x)");
            return SHEAF_BAD_ARGUMENT;
        }
    }
    return add_over(tree, op, kind, left, right, -1, made, error);
}

sheaf_status sheaf_make_binary(struct sheaf_expression *tree, enum sheaf_op op, int32_t left,
                               int32_t right, size_t begin, size_t end, int32_t *made,
                               sheaf_error *error)
{
    if (op >= OP_EQ && op <= OP_GE)
        return make_comparison(tree, op, left, right, begin, end, made, error);
    if (op == OP_AND || op == OP_OR) {
        SHEAF_TRY(expect_bool(tree, left, error));
        SHEAF_TRY(expect_bool(tree, right, error));
        return add_over(tree, op, (sheaf_kind){SHEAF_BOOL, 0}, left, right, -1, made, error);
    }
    return make_arithmetic(tree, op, left, right, begin, end, made, error);
}

sheaf_status sheaf_make_unary(struct sheaf_expression *tree, enum sheaf_op op, int32_t operand,
                              size_t begin, size_t end, int32_t *made, sheaf_error *error)
{
    struct sheaf_node node = {.op = op,
                              .kind = {SHEAF_BOOL, 0},
                              .begin = (uint32_t)begin,
                              .end = (uint32_t)end,
                              .operands = {operand, -1, -1}};

    if (op == OP_NOT)
        SHEAF_TRY(expect_bool(tree, operand, error));
    if (op == OP_NEG) {
        SHEAF_TRY(expect_number(tree, operand, error));
        node.kind = kind_of(tree, operand);
    }
    if (begin > at(tree, operand)->begin)
        node.begin = at(tree, operand)->begin;
    if (end < at(tree, operand)->end)
        node.end = at(tree, operand)->end;
    return add(tree, node, made, error);
}

/* -- functions ----------------------------------------------------------------------------- */

/* Two values of which one will be taken. */
static sheaf_status unify(struct sheaf_expression *tree, int32_t *left, int32_t *right,
                          sheaf_error *error)
{
    SHEAF_TRY(moments(tree, left, right, error));
    sheaf_kind a = kind_of(tree, *left), b = kind_of(tree, *right);
    if (is_exact(a) && is_exact(b))
        return unify_exact(tree, left, right, true, error);
    if (is_number(a) && is_number(b))
        return both_to_f64(tree, left, right, error);
    if (a.type != b.type || a.scale != b.scale)
        return cannot_mix(tree, "choose between", *left, *right, at(tree, *right)->begin,
                          at(tree, *right)->end, error);
    return SHEAF_OK;
}

static sheaf_status make_if(struct sheaf_expression *tree, const int32_t *operands, size_t count,
                            int32_t *made, sheaf_error *error)
{
    int32_t yes = operands[1], no = count > 2 ? operands[2] : -1;

    SHEAF_TRY(expect_bool(tree, operands[0], error));
    if (no < 0) {
        struct sheaf_node nothing = {.op = OP_LITERAL,
                                     .kind = kind_of(tree, yes),
                                     .begin = at(tree, yes)->begin,
                                     .end = at(tree, yes)->end,
                                     .missing = true};
        SHEAF_TRY(sheaf_make_literal(tree, &nothing, &no, error));
    } else {
        SHEAF_TRY(unify(tree, &yes, &no, error));
    }
    return add_over(tree, OP_IF, kind_of(tree, yes), operands[0], yes, no, made, error);
}

/* coalesce(a, b, c) is coalesce(coalesce(a, b), c). */
static sheaf_status make_coalesce(struct sheaf_expression *tree, const int32_t *operands,
                                  size_t count, int32_t *made, sheaf_error *error)
{
    int32_t left = operands[0];

    for (size_t i = 1; i < count; i++) {
        int32_t right = operands[i];
        SHEAF_TRY(unify(tree, &left, &right, error));
        SHEAF_TRY(add_over(tree, OP_COALESCE, kind_of(tree, left), left, right, -1, &left, error));
    }
    *made = left;
    return SHEAF_OK;
}

static sheaf_status make_rounding(struct sheaf_expression *tree, enum sheaf_op op,
                                  const int32_t *operands, size_t count, int32_t *made,
                                  sheaf_error *error)
{
    int64_t digits = 0;

    SHEAF_TRY(expect_number(tree, operands[0], error));
    if (count > 1) {
        const struct sheaf_node *node = at(tree, operands[1]);
        digits = node->op == OP_LITERAL && node->kind.type == SHEAF_I64 && !node->missing
                     ? node->i64
                     : -1;
        if (digits < 0 || digits > 18)
            return sheaf_expression_complain(tree, node->begin, node->end, SHEAF_E_TYPE, error,
                                             "expected the number of digits, 0 to 18");
    }
    struct sheaf_node node = {.op = op,
                              .kind = kind_of(tree, operands[0]),
                              .begin = at(tree, operands[0])->begin,
                              .end = at(tree, operands[0])->end,
                              .operands = {operands[0], -1, -1},
                              .digits = (int32_t)digits};
    if (is_exact(node.kind)) {
        if (node.kind.scale <= digits) { /* nothing to round */
            *made = operands[0];
            return SHEAF_OK;
        }
        node.kind = exact_kind(node.kind.type == SHEAF_WIDE, node.digits);
    }
    return add(tree, node, made, error);
}

static sheaf_status make_calendar(struct sheaf_expression *tree, enum sheaf_op op, int32_t operand,
                                  int32_t *made, sheaf_error *error)
{
    sheaf_kind kind = kind_of(tree, operand);

    /* A literal may be either; a time shows more. */
    if (is_literal(tree, operand) && kind.type == SHEAF_TEXT)
        SHEAF_TRY(to_moment(tree, &operand, (sheaf_kind){SHEAF_TIME, 0}, error));
    kind = kind_of(tree, operand);
    if (kind.type != SHEAF_TIME && (op >= OP_HOUR || kind.type != SHEAF_DATE))
        return expected(tree, operand, op >= OP_HOUR ? "a time" : "a date or a time", error);
    return add_over(tree, op, (sheaf_kind){SHEAF_I64, 0}, operand, -1, -1, made, error);
}

static sheaf_status make_any_call(struct sheaf_expression *tree, enum sheaf_op op,
                                  const int32_t *operands, size_t count, int32_t *made,
                                  sheaf_error *error)
{
    int32_t first = operands[0], second = count > 1 ? operands[1] : -1;

    switch ((int)op) {
    case OP_IF:
        return make_if(tree, operands, count, made, error);
    case OP_COALESCE:
        return make_coalesce(tree, operands, count, made, error);
    case OP_ROUND:
    case OP_FLOOR:
    case OP_CEIL:
        return make_rounding(tree, op, operands, count, made, error);
    case OP_ABS:
        SHEAF_TRY(expect_number(tree, first, error));
        return add_over(tree, op, kind_of(tree, first), first, -1, -1, made, error);
    case OP_FLOAT:
        SHEAF_TRY(expect_number(tree, first, error));
        *made = first;
        return to_f64(tree, made, error);
    case OP_LOWER:
    case OP_UPPER:
        SHEAF_TRY(expect_text(tree, first, error));
        return add_over(tree, op, (sheaf_kind){SHEAF_TEXT, 0}, first, -1, -1, made, error);
    case OP_LENGTH:
        SHEAF_TRY(expect_text(tree, first, error));
        return add_over(tree, op, (sheaf_kind){SHEAF_I64, 0}, first, -1, -1, made, error);
    case OP_CONTAINS:
    case OP_STARTS_WITH:
    case OP_ENDS_WITH:
        SHEAF_TRY(expect_text(tree, first, error));
        SHEAF_TRY(expect_text(tree, second, error));
        return add_over(tree, op, (sheaf_kind){SHEAF_BOOL, 0}, first, second, -1, made, error);
    default:
        return make_calendar(tree, op, first, made, error);
    }
}

sheaf_status sheaf_make_call(struct sheaf_expression *tree, enum sheaf_op op,
                             const int32_t *operands, size_t count, size_t begin, size_t end,
                             int32_t *made, sheaf_error *error)
{
    SHEAF_TRY(make_any_call(tree, op, operands, count, made, error));
    if (at(tree, *made)->op != OP_COLUMN) {
        at(tree, *made)->begin = (uint32_t)begin;
        at(tree, *made)->end = (uint32_t)end;
    }
    return SHEAF_OK;
}
