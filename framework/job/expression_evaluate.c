/*
 * expression_evaluate.c - the values of an expression, a batch at a time: see expression.h
 *
 * Each node has a slot with memory for its values; evaluating a node runs one
 * loop from the operands' slots to its own.  Columns that need no conversion are
 * used where they lie.
 *
 * `active` are the rows for which a value matters (NULL: all).  The loops do all rows anyway; but
 * an overflow is an error only where it matters: not in the branch of an `if` that was not taken,
 * not on the right of an `and` whose left side is false.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/expression_loops.h"

/* The values of a node for all rows. */
struct vector {
    const void *values;      /* not of BOOL */
    const uint64_t *truth;   /* BOOL: set where true, and only where present */
    const uint64_t *present; /* NULL: all */
};

struct slot {
    void *memory; /* one block for all that follows; NULL: not needed so far */
    void *values;
    uint64_t *truth, *present, *active, *spare;
    char *bytes; /* of texts that were made here */
    size_t bytes_capacity;
    struct vector vector; /* its latest values */
    uint64_t stamp;       /* of the evaluation that they belong to */
    bool filled;          /* LITERAL: the memory has its value */
};

struct sheaf_evaluator {
    const struct sheaf_expression *tree;
    struct slot *slots;
    size_t capacity; /* rows, a multiple of 64 */

    /* Of the evaluation that is going on. */
    const sheaf_column *columns;
    size_t rows, words;
    uint64_t stamp;
    size_t bad_row; /* the first whose value can not be represented, or SIZE_MAX */
    int32_t bad_node;
    bool out_of_memory;

    void *answer; /* the root's values, where their form is not that of a column */
    size_t answer_capacity;
};

static bool run(struct sheaf_evaluator *evaluator, int32_t node, const uint64_t *active,
                struct vector *result);

/* -- memory -------------------------------------------------------------------------------- */

static size_t inner_size(sheaf_type type)
{
    switch ((int)type) {
    case SHEAF_BOOL:
        return 0;
    case SHEAF_WIDE:
    case SHEAF_TEXT:
        return 16;
    default:
        return 8;
    }
}

/* Memory of a slot for as many rows as the evaluator is set for. */
static bool prepare(struct sheaf_evaluator *evaluator, struct slot *slot, sheaf_type type)
{
    size_t words = evaluator->capacity / 64;
    size_t values = evaluator->capacity * inner_size(type);

    if (slot->memory)
        return true;
    if (sheaf_allocate(&slot->memory, values + 4 * words * sizeof(uint64_t), 1, NULL)) {
        evaluator->out_of_memory = true;
        return false;
    }
    slot->values = slot->memory;
    slot->truth = (uint64_t *)(void *)((char *)slot->memory + values);
    slot->present = slot->truth + words;
    slot->active = slot->present + words;
    slot->spare = slot->active + words;
    slot->filled = false;
    return true;
}

static void drop_memory(struct sheaf_evaluator *evaluator)
{
    for (size_t i = 0; i < evaluator->tree->count; i++) {
        free(evaluator->slots[i].memory);
        evaluator->slots[i].memory = NULL;
    }
}

static bool begin(struct sheaf_evaluator *evaluator, const sheaf_column *columns, size_t rows)
{
    if (rows > evaluator->capacity) {
        if (rows > SIZE_MAX / 64)
            return false;
        drop_memory(evaluator);
        evaluator->capacity = (rows + 63) / 64 * 64;
    }
    evaluator->columns = columns;
    evaluator->rows = rows;
    evaluator->words = (rows + 63) / 64;
    evaluator->stamp++;
    evaluator->bad_row = SIZE_MAX;
    evaluator->bad_node = -1;
    evaluator->out_of_memory = false;
    return true;
}

/* -- bits ---------------------------------------------------------------------------------- */

static uint64_t word_of(const uint64_t *bits, size_t word)
{
    return bits ? bits[word] : ~(uint64_t)0;
}

/* Rows of the word that exist. */
static uint64_t rows_of(const struct sheaf_evaluator *evaluator, size_t word)
{
    size_t left = evaluator->rows - word * 64;

    return left < 64 ? ~(~(uint64_t)0 << left) : ~(uint64_t)0;
}

/* to = a and b, where NULL is all; returns NULL if that is all again. */
static const uint64_t *both(const struct sheaf_evaluator *evaluator, const uint64_t *a,
                            const uint64_t *b, uint64_t *to)
{
    if (!a || !b)
        return a ? a : b;
    for (size_t i = 0; i < evaluator->words; i++)
        to[i] = a[i] & b[i];
    return to;
}

static void note_failures(struct sheaf_evaluator *evaluator, int32_t node, const uint64_t *failed,
                          const uint64_t *present, const uint64_t *active)
{
    for (size_t i = 0; i < evaluator->words; i++) {
        uint64_t bad = failed[i] & word_of(present, i) & word_of(active, i) & rows_of(evaluator, i);
        if (!bad)
            continue;
        size_t row = i * 64 + (size_t)__builtin_ctzll(bad);
        if (row < evaluator->bad_row) {
            evaluator->bad_row = row;
            evaluator->bad_node = node;
        }
        return;
    }
}

/* -- literals and columns ------------------------------------------------------------------ */

static void fill_literal(struct slot *slot, const struct sheaf_node *node, size_t capacity)
{
    size_t words = capacity / 64;
    bool is_true = node->kind.type == SHEAF_BOOL && !node->missing && node->boolean;

    memset(slot->present, node->missing ? 0 : 0xFF, words * sizeof(uint64_t));
    memset(slot->truth, is_true ? 0xFF : 0, words * sizeof(uint64_t));
    if (node->missing)
        memset(slot->values, 0, capacity * inner_size(node->kind.type));
    else if (node->kind.type == SHEAF_TEXT)
        for (size_t i = 0; i < capacity; i++)
            ((sheaf_text *)slot->values)[i] = node->text;
    else if (node->kind.type == SHEAF_WIDE)
        for (size_t i = 0; i < capacity; i++)
            ((sheaf_int128 *)slot->values)[i] = node->wide;
    else if (node->kind.type == SHEAF_F64)
        for (size_t i = 0; i < capacity; i++)
            ((double *)slot->values)[i] = node->f64;
    else if (node->kind.type != SHEAF_BOOL)
        for (size_t i = 0; i < capacity; i++)
            ((int64_t *)slot->values)[i] = node->i64;
    slot->filled = true;
}

static bool run_literal(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                        struct slot *slot)
{
    if (!prepare(evaluator, slot, node->kind.type))
        return false;
    if (!slot->filled)
        fill_literal(slot, node, evaluator->capacity);
    slot->vector = (struct vector){slot->values, slot->truth, node->missing ? slot->present : NULL};
    return true;
}

#define WIDEN(source, target)                                    \
    do {                                                         \
        typedef source loose_source __attribute__((aligned(1))); \
        const loose_source *from_ = column->values;              \
        target *to_ = slot->values;                              \
        for (size_t i_ = 0; i_ < rows; i_++)                     \
            to_[i_] = (target)from_[i_];                         \
    } while (0)

/* Columns whose values have another form inside the tree. */
static void convert_column(const sheaf_column *column, struct slot *slot, size_t rows)
{
    switch ((int)column->type) {
    case SHEAF_I8:
        WIDEN(int8_t, int64_t);
        break;
    case SHEAF_I16:
        WIDEN(int16_t, int64_t);
        break;
    case SHEAF_I32:
    case SHEAF_DATE:
        WIDEN(int32_t, int64_t);
        break;
    case SHEAF_U8:
        WIDEN(uint8_t, int64_t);
        break;
    case SHEAF_U16:
        WIDEN(uint16_t, int64_t);
        break;
    case SHEAF_U32:
        WIDEN(uint32_t, int64_t);
        break;
    case SHEAF_U64:
        WIDEN(uint64_t, sheaf_int128);
        break;
    default: /* SHEAF_F32 */
        WIDEN(float, double);
        break;
    }
}

static void read_bools(const struct sheaf_evaluator *evaluator, const sheaf_column *column,
                       uint64_t *truth)
{
    for (size_t word = 0; word < evaluator->words; word++) {
        uint64_t bits = 0;
        size_t base = word * 64, n = evaluator->rows - base < 64 ? evaluator->rows - base : 64;
        for (size_t i = 0; i < n; i++)
            bits |= (uint64_t)(column->boolean[base + i] != 0) << i;
        truth[word] = bits & word_of(column->present, word);
    }
}

static bool is_in_place(sheaf_type type)
{
    return type == SHEAF_I64 || type == SHEAF_DECIMAL || type == SHEAF_TIME || type == SHEAF_F64 ||
           type == SHEAF_WIDE || type == SHEAF_TEXT || type == SHEAF_BYTES;
}

static bool run_column(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                       struct slot *slot)
{
    const sheaf_column *column = evaluator->columns + node->column;

    slot->vector = (struct vector){column->values, NULL, column->present};
    if (is_in_place(column->type) && column->type != SHEAF_F64)
        return true;
    if (!prepare(evaluator, slot, node->kind.type))
        return false;
    if (column->type == SHEAF_BOOL) {
        read_bools(evaluator, column, slot->truth);
        slot->vector.truth = slot->truth;
        return true;
    }
    if (column->type != SHEAF_F64) {
        convert_column(column, slot, evaluator->rows);
        slot->vector.values = slot->values;
    }
    if (node->kind.type == SHEAF_F64 &&
        !sheaf_loop_numbers(slot->vector.values, evaluator->rows, slot->spare))
        slot->vector.present = both(evaluator, column->present, slot->spare, slot->present);
    return true;
}

/* -- logic --------------------------------------------------------------------------------- */

/* Rows where the right side of `and` or `or` still matters. */
static const uint64_t *undecided(const struct sheaf_evaluator *evaluator, enum sheaf_op op,
                                 struct vector left, const uint64_t *active, uint64_t *to)
{
    for (size_t i = 0; i < evaluator->words; i++) {
        uint64_t decided = op == OP_OR ? left.truth[i] : word_of(left.present, i) & ~left.truth[i];
        to[i] = word_of(active, i) & ~decided;
    }
    return to;
}

static bool run_logic(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                      struct slot *slot, const uint64_t *active)
{
    struct vector a, b;

    if (!run(evaluator, node->operands[0], active, &a))
        return false;
    if (evaluator->tree->nodes[node->operands[1]].can_fail)
        active = undecided(evaluator, node->op, a, active, slot->active);
    if (!run(evaluator, node->operands[1], active, &b))
        return false;
    bool all = !a.present && !b.present;
    for (size_t i = 0; i < evaluator->words; i++) {
        uint64_t pa = word_of(a.present, i), pb = word_of(b.present, i);
        uint64_t ta = a.truth[i], tb = b.truth[i];
        uint64_t truth = node->op == OP_AND ? ta & tb : ta | tb;
        uint64_t settled = node->op == OP_AND ? (pa & ~ta) | (pb & ~tb) : truth;
        slot->truth[i] = truth;
        if (!all)
            slot->present[i] = (pa & pb) | settled;
    }
    slot->vector = (struct vector){NULL, slot->truth, all ? NULL : slot->present};
    return true;
}

static bool run_not(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                    struct slot *slot, const uint64_t *active)
{
    struct vector a;

    if (!run(evaluator, node->operands[0], active, &a))
        return false;
    for (size_t i = 0; i < evaluator->words; i++)
        slot->truth[i] = word_of(a.present, i) & ~a.truth[i];
    slot->vector = (struct vector){NULL, slot->truth, a.present};
    return true;
}

static bool run_is_missing(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                           struct slot *slot, const uint64_t *active)
{
    struct vector a;

    if (!run(evaluator, node->operands[0], active, &a))
        return false;
    for (size_t i = 0; i < evaluator->words; i++)
        slot->truth[i] = ~word_of(a.present, i);
    slot->vector = (struct vector){NULL, slot->truth, NULL};
    return true;
}

/* -- comparisons --------------------------------------------------------------------------- */

/* Bools are only ever asked whether they are equal. */
static void compare_bools(const struct sheaf_evaluator *evaluator, enum sheaf_op op,
                          struct vector a, struct vector b, uint64_t *truth)
{
    for (size_t i = 0; i < evaluator->words; i++)
        truth[i] = a.truth[i] ^ b.truth[i] ^ (op == OP_EQ ? ~(uint64_t)0 : 0);
}

static void compare(const struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                    struct vector a, struct vector b, uint64_t *truth)
{
    const struct sheaf_node *left = evaluator->tree->nodes + node->operands[0];
    const struct sheaf_node *right = evaluator->tree->nodes + node->operands[1];
    bool constant = right->op == OP_LITERAL;
    size_t rows = evaluator->rows;

    switch ((int)left->kind.type) {
    case SHEAF_BOOL:
        compare_bools(evaluator, node->op, a, b, truth);
        break;
    case SHEAF_F64:
        sheaf_loop_compare_f64(node->op, a.values, b.values, constant, rows, truth);
        break;
    case SHEAF_WIDE:
        sheaf_loop_compare_wide(node->op, a.values, left->kind.scale, b.values, right->kind.scale,
                                rows, truth);
        break;
    case SHEAF_TEXT:
        sheaf_loop_compare_text(node->op, a.values, b.values, constant, rows, truth);
        break;
    default:
        sheaf_loop_compare_i64(node->op, a.values, b.values, constant, rows, truth);
        break;
    }
}

/* Two operands, one bit: a comparison, or a search in a text. */
static bool run_test(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                     struct slot *slot, const uint64_t *active)
{
    struct vector a, b;

    if (!run(evaluator, node->operands[0], active, &a) ||
        !run(evaluator, node->operands[1], active, &b))
        return false;
    if (node->op <= OP_GE)
        compare(evaluator, node, a, b, slot->truth);
    else
        sheaf_loop_search(node->op, a.values, b.values, evaluator->rows, slot->truth);
    const uint64_t *present = both(evaluator, a.present, b.present, slot->present);
    if (present)
        for (size_t i = 0; i < evaluator->words; i++)
            slot->truth[i] &= present[i];
    slot->vector = (struct vector){NULL, slot->truth, present};
    return true;
}

/* -- arithmetic ---------------------------------------------------------------------------- */

/* The loop for a node's kind.  slot->spare gets the rows with a result (*partial), slot->truth
 * those that overflowed (returned: whether there are any). */
static bool compute(const struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                    struct slot *slot, const void *a, const void *b, bool *partial)
{
    size_t rows = evaluator->rows;
    const struct sheaf_node *from = evaluator->tree->nodes + node->operands[0];
    int64_t bound = node->kind.type == SHEAF_DECIMAL ? SHEAF_DECIMAL_BOUND : 0;
    bool wide = node->kind.type == SHEAF_WIDE;
    bool cuts = node->op == OP_ROUND || node->op == OP_FLOOR || node->op == OP_CEIL;

    *partial = false;
    if (node->kind.type == SHEAF_F64) {
        *partial = true;
        sheaf_loop_arithmetic_f64(node->op, a, b, node->digits, slot->values, rows, slot->spare);
        return false;
    }
    if (cuts && wide)
        sheaf_loop_cut_wide(node->op, a, from->kind.scale - node->kind.scale, slot->values, rows);
    else if (cuts)
        sheaf_loop_cut_i64(node->op, a, from->kind.scale - node->kind.scale, slot->values, rows);
    if (cuts)
        return false;
    *partial = node->op == OP_MOD;
    if (wide)
        return sheaf_loop_arithmetic_wide(node->op, a, b, slot->values, rows, slot->spare,
                                          slot->truth);
    return sheaf_loop_arithmetic_i64(node->op, a, b, bound, slot->values, rows, slot->spare,
                                     slot->truth);
}

static bool run_arithmetic(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                           struct slot *slot, const uint64_t *active)
{
    struct vector a, b = {0};
    bool partial;

    if (!run(evaluator, node->operands[0], active, &a))
        return false;
    if (node->operands[1] < 0)
        b = (struct vector){a.values, NULL, NULL};
    else if (!run(evaluator, node->operands[1], active, &b))
        return false;
    bool failed = compute(evaluator, node, slot, a.values, b.values, &partial);
    const uint64_t *present = both(evaluator, a.present, b.present, slot->present);
    if (failed)
        note_failures(evaluator, (int32_t)(node - evaluator->tree->nodes), slot->truth, present,
                      active);
    if (partial)
        present = both(evaluator, present, slot->spare, slot->present);
    slot->vector = (struct vector){slot->values, NULL, present};
    return true;
}

static void widen(const void *a, sheaf_int128 *result, size_t rows)
{
    const sheaf_loose_i64 *values = a;

    for (size_t i = 0; i < rows; i++)
        result[i] = values[i];
}

static bool run_conversion(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                           struct slot *slot, const uint64_t *active)
{
    sheaf_kind from = evaluator->tree->nodes[node->operands[0]].kind;
    int64_t bound = node->kind.type == SHEAF_DECIMAL ? SHEAF_DECIMAL_BOUND : 0;
    size_t rows = evaluator->rows;
    bool failed = false;
    struct vector a;

    if (!run(evaluator, node->operands[0], active, &a))
        return false;
    if (node->op == OP_TO_WIDE)
        widen(a.values, slot->values, rows);
    else if (node->op == OP_TO_F64 && from.type == SHEAF_WIDE)
        sheaf_loop_wide_to_f64(a.values, from.scale, slot->values, rows);
    else if (node->op == OP_TO_F64)
        sheaf_loop_i64_to_f64(a.values, from.scale, slot->values, rows);
    else if (from.type == SHEAF_WIDE)
        failed = sheaf_loop_rescale_wide(a.values, node->kind.scale - from.scale, slot->values,
                                         rows, slot->truth);
    else
        failed = sheaf_loop_rescale_i64(a.values, node->kind.scale - from.scale, bound,
                                        slot->values, rows, slot->truth);
    if (failed)
        note_failures(evaluator, (int32_t)(node - evaluator->tree->nodes), slot->truth, a.present,
                      active);
    slot->vector = (struct vector){slot->values, NULL, a.present};
    return true;
}

/* -- texts, dates and times ---------------------------------------------------------------- */

static bool make_texts(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                       struct slot *slot, const void *texts)
{
    const sheaf_loose_text *from = texts;
    size_t size = 0;

    for (size_t i = 0; i < evaluator->rows; i++)
        size += from[i].size;
    if (sheaf_grow(&slot->bytes, &slot->bytes_capacity, size + 1, 1, NULL)) {
        evaluator->out_of_memory = true;
        return false;
    }
    sheaf_loop_case(node->op, texts, slot->values, evaluator->rows, slot->bytes);
    return true;
}

static bool run_function(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                         struct slot *slot, const uint64_t *active)
{
    sheaf_kind from = evaluator->tree->nodes[node->operands[0]].kind;
    struct vector a;

    if (!run(evaluator, node->operands[0], active, &a))
        return false;
    if (node->op == OP_LENGTH)
        sheaf_loop_length(a.values, a.present, slot->values, evaluator->rows);
    else if (node->op >= OP_YEAR)
        sheaf_loop_calendar(node->op, from.type == SHEAF_TIME, a.values, slot->values,
                            evaluator->rows);
    else if (!make_texts(evaluator, node, slot, a.values))
        return false;
    slot->vector = (struct vector){slot->values, NULL, a.present};
    return true;
}

/* -- choices ------------------------------------------------------------------------------- */

#define BLEND(type, loose)                                                 \
    do {                                                                   \
        const loose *yes_ = a.values, *no_ = b.values;                     \
        type *to_ = slot->values;                                          \
        for (size_t i_ = 0; i_ < evaluator->rows; i_++)                    \
            to_[i_] = chosen[i_ / 64] >> i_ % 64 & 1 ? yes_[i_] : no_[i_]; \
    } while (0)

/* Values of a where `chosen` is set, of b elsewhere. */
static void blend(const struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                  struct slot *slot, const uint64_t *chosen, struct vector a, struct vector b)
{
    for (size_t i = 0; i < evaluator->words; i++)
        slot->present[i] =
            (chosen[i] & word_of(a.present, i)) | (~chosen[i] & word_of(b.present, i));
    switch ((int)node->kind.type) {
    case SHEAF_BOOL:
        for (size_t i = 0; i < evaluator->words; i++)
            slot->truth[i] = (chosen[i] & a.truth[i]) | (~chosen[i] & b.truth[i]);
        break;
    case SHEAF_TEXT:
        BLEND(sheaf_text, sheaf_loose_text);
        break;
    case SHEAF_WIDE:
        BLEND(sheaf_int128, sheaf_loose_wide);
        break;
    case SHEAF_F64:
        BLEND(double, sheaf_loose_f64);
        break;
    default:
        BLEND(int64_t, sheaf_loose_i64);
        break;
    }
    slot->vector = (struct vector){slot->values, slot->truth, slot->present};
}

static bool run_if(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                   struct slot *slot, const uint64_t *active)
{
    struct vector condition, yes, no;

    if (!run(evaluator, node->operands[0], active, &condition))
        return false;
    for (size_t i = 0; i < evaluator->words; i++) {
        slot->active[i] = word_of(active, i) & condition.truth[i];
        slot->spare[i] = word_of(active, i) & ~condition.truth[i];
    }
    if (!run(evaluator, node->operands[1], slot->active, &yes) ||
        !run(evaluator, node->operands[2], slot->spare, &no))
        return false;
    blend(evaluator, node, slot, condition.truth, yes, no);
    return true;
}

static bool run_coalesce(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                         struct slot *slot, const uint64_t *active)
{
    struct vector first, second;

    if (!run(evaluator, node->operands[0], active, &first))
        return false;
    for (size_t i = 0; i < evaluator->words; i++) {
        slot->spare[i] = word_of(first.present, i);
        slot->active[i] = word_of(active, i) & ~slot->spare[i];
    }
    if (!run(evaluator, node->operands[1], slot->active, &second))
        return false;
    blend(evaluator, node, slot, slot->spare, first, second);
    return true;
}

/* -- all nodes ----------------------------------------------------------------------------- */

static bool run_inner(struct sheaf_evaluator *evaluator, const struct sheaf_node *node,
                      struct slot *slot, const uint64_t *active)
{
    switch (node->op) {
    case OP_AND:
    case OP_OR:
        return run_logic(evaluator, node, slot, active);
    case OP_NOT:
        return run_not(evaluator, node, slot, active);
    case OP_IS_MISSING:
        return run_is_missing(evaluator, node, slot, active);
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_CONTAINS:
    case OP_STARTS_WITH:
    case OP_ENDS_WITH:
        return run_test(evaluator, node, slot, active);
    case OP_TO_F64:
    case OP_TO_WIDE:
    case OP_RESCALE:
        return run_conversion(evaluator, node, slot, active);
    case OP_IF:
        return run_if(evaluator, node, slot, active);
    case OP_COALESCE:
        return run_coalesce(evaluator, node, slot, active);
    case OP_LOWER:
    case OP_UPPER:
    case OP_LENGTH:
    case OP_YEAR:
    case OP_MONTH:
    case OP_DAY:
    case OP_HOUR:
    case OP_MINUTE:
    case OP_SECOND:
        return run_function(evaluator, node, slot, active);
    default:
        return run_arithmetic(evaluator, node, slot, active);
    }
}

/* The left side of `in` is an operand of several comparisons; it is evaluated for the first of
 * them, for which all rows matter that matter to the others. */
static bool run(struct sheaf_evaluator *evaluator, int32_t index, const uint64_t *active,
                struct vector *result)
{
    const struct sheaf_node *node = evaluator->tree->nodes + index;
    struct slot *slot = evaluator->slots + index;
    bool good = true;

    if (slot->stamp != evaluator->stamp) {
        if (node->op == OP_LITERAL)
            good = run_literal(evaluator, node, slot);
        else if (node->op == OP_COLUMN)
            good = run_column(evaluator, node, slot);
        else
            good = prepare(evaluator, slot, node->kind.type) &&
                   run_inner(evaluator, node, slot, active);
        slot->stamp = evaluator->stamp;
    }
    *result = slot->vector;
    return good;
}

/* -- from outside -------------------------------------------------------------------------- */

sheaf_status sheaf_evaluator_open(const struct sheaf_expression *expression,
                                  struct sheaf_evaluator **evaluator, sheaf_error *error)
{
    struct sheaf_evaluator *opened = NULL;

    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    opened->tree = expression;
    sheaf_status status =
        sheaf_allocate(&opened->slots, expression->count, sizeof *opened->slots, error);
    if (status != SHEAF_OK) {
        free(opened);
        return status;
    }
    *evaluator = opened;
    return SHEAF_OK;
}

void sheaf_evaluator_close(struct sheaf_evaluator *evaluator)
{
    if (!evaluator)
        return;
    drop_memory(evaluator);
    for (size_t i = 0; i < evaluator->tree->count; i++)
        free(evaluator->slots[i].bytes);
    free(evaluator->slots);
    free(evaluator->answer);
    free(evaluator);
}

static sheaf_status tell_bad_row(const struct sheaf_evaluator *evaluator, size_t *bad_row,
                                 sheaf_error *error)
{
    const struct sheaf_node *node = evaluator->tree->nodes + evaluator->bad_node;
    const char *type = node->kind.type == SHEAF_DECIMAL ? "a decimal of 18 digits"
                       : node->kind.type == SHEAF_WIDE  ? "128 bits"
                                                        : "an integer of 64 bits";
    uint32_t size = node->end - node->begin;

    if (bad_row)
        *bad_row = evaluator->bad_row;
    sheaf_error_set(error, SHEAF_BAD_DATA, "the value of %.*s is too large for %s (E%d)",
                    size > 80 ? 80 : (int)size, evaluator->tree->text + node->begin, type,
                    SHEAF_E_VALUE);
    if (error)
        error->code = SHEAF_E_VALUE;
    sheaf_error_help(error, "Doubles have no such limit, but 15 digits only: float(x)");
    return SHEAF_BAD_DATA;
}

static sheaf_status evaluate(struct sheaf_evaluator *evaluator, const sheaf_column *columns,
                             size_t rows, struct vector *result, size_t *bad_row,
                             sheaf_error *error)
{
    if (bad_row)
        *bad_row = SIZE_MAX;
    if (!begin(evaluator, columns, rows) || !run(evaluator, evaluator->tree->root, NULL, result))
        return sheaf_error_set(error, SHEAF_NO_MEMORY,
                               "out of memory while evaluating an expression over %zu rows", rows);
    return evaluator->bad_node >= 0 ? tell_bad_row(evaluator, bad_row, error) : SHEAF_OK;
}

/* Zero where no value is, as columns promise. */
static void clear_missing(const struct sheaf_evaluator *evaluator, char *values, size_t size,
                          const uint64_t *present)
{
    for (size_t word = 0; present && word < evaluator->words; word++)
        for (uint64_t bits = ~present[word] & rows_of(evaluator, word); bits; bits &= bits - 1)
            memset(values + (word * 64 + (size_t)__builtin_ctzll(bits)) * size, 0, size);
}

static void write_bools(const struct sheaf_evaluator *evaluator, const uint64_t *truth, uint8_t *to)
{
    for (size_t row = 0; row < evaluator->rows; row++)
        to[row] = truth[row / 64] >> row % 64 & 1;
}

static void write_dates(const struct sheaf_evaluator *evaluator, const void *days, int32_t *to)
{
    const sheaf_loose_i64 *from = days;

    for (size_t row = 0; row < evaluator->rows; row++)
        to[row] = (int32_t)from[row];
}

sheaf_status sheaf_evaluator_values(struct sheaf_evaluator *evaluator, const sheaf_column *columns,
                                    size_t rows, sheaf_column *result, size_t *bad_row,
                                    sheaf_error *error)
{
    const struct sheaf_node *root = evaluator->tree->nodes + evaluator->tree->root;
    struct slot *slot = evaluator->slots + evaluator->tree->root;
    struct vector vector;

    if (root->op == OP_COLUMN) {
        if (bad_row)
            *bad_row = SIZE_MAX;
        *result = columns[root->column];
        return SHEAF_OK;
    }
    SHEAF_TRY(evaluate(evaluator, columns, rows, &vector, bad_row, error));
    *result = (sheaf_column){.type = root->kind.type,
                             .scale = root->kind.scale,
                             .values = vector.values,
                             .present = vector.present};
    if (root->kind.type != SHEAF_BOOL && root->kind.type != SHEAF_DATE) {
        clear_missing(evaluator, slot->values, inner_size(root->kind.type), vector.present);
        return SHEAF_OK;
    }
    SHEAF_TRY(sheaf_grow(&evaluator->answer, &evaluator->answer_capacity, rows + 1, 4, error));
    if (root->kind.type == SHEAF_BOOL)
        write_bools(evaluator, vector.truth, evaluator->answer);
    else
        write_dates(evaluator, vector.values, evaluator->answer);
    clear_missing(evaluator, evaluator->answer, sheaf_type_size(root->kind.type), vector.present);
    result->values = evaluator->answer;
    return SHEAF_OK;
}

sheaf_status sheaf_evaluator_filter(struct sheaf_evaluator *evaluator, const sheaf_column *columns,
                                    size_t rows, uint32_t *selection, size_t *selected,
                                    size_t *bad_row, sheaf_error *error)
{
    struct vector vector;
    uint32_t *to = selection;

    SHEAF_TRY(evaluate(evaluator, columns, rows, &vector, bad_row, error));
    for (size_t word = 0; word < evaluator->words; word++) {
        uint64_t bits = vector.truth[word] & rows_of(evaluator, word);
        uint32_t base = (uint32_t)(word * 64);
        if (bits == ~(uint64_t)0) {
            for (uint32_t i = 0; i < 64; i++)
                to[i] = base + i;
            to += 64;
            continue;
        }
        for (; bits; bits &= bits - 1)
            *to++ = base + (uint32_t)__builtin_ctzll(bits);
    }
    *selected = (size_t)(to - selection);
    return SHEAF_OK;
}

/* -- folding ------------------------------------------------------------------------------- */

static void take_value(const struct vector *vector, sheaf_type type, struct sheaf_node *literal)
{
    literal->missing = vector->present && !(vector->present[0] & 1);
    if (literal->missing)
        return;
    if (type == SHEAF_BOOL)
        literal->boolean = vector->truth[0] & 1;
    else if (type == SHEAF_TEXT)
        memcpy(&literal->text, vector->values, sizeof literal->text);
    else if (type == SHEAF_WIDE)
        memcpy(&literal->wide, vector->values, sizeof literal->wide);
    else if (type == SHEAF_F64)
        memcpy(&literal->f64, vector->values, sizeof literal->f64);
    else
        memcpy(&literal->i64, vector->values, sizeof literal->i64);
}

bool sheaf_expression_fold(const struct sheaf_expression *tree, int32_t node,
                           struct sheaf_node *literal)
{
    struct sheaf_evaluator *evaluator = NULL;
    struct vector vector;

    /* The text they make is gone with the evaluator. */
    if (tree->nodes[node].op == OP_LOWER || tree->nodes[node].op == OP_UPPER)
        return false;
    if (sheaf_evaluator_open(tree, &evaluator, NULL) != SHEAF_OK)
        return false;
    bool good =
        begin(evaluator, NULL, 1) && run(evaluator, node, NULL, &vector) && evaluator->bad_node < 0;
    if (good)
        take_value(&vector, tree->nodes[node].kind.type, literal);
    sheaf_evaluator_close(evaluator);
    return good;
}
