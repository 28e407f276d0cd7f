/*
 * merge.c - pieces of an answer, each sorted, into one
 *
 * A tree of losers finds the order, row by row, with no branch that data
 * decide; then each column is gathered on its own, reading every piece from
 * front to back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/wide.h"
#include "reduce/pieces.h"
#include "reduce/word.h"

/* -- columns -------------------------------------------------------------------------------- */

/* Where each piece has got to. */
struct gathering {
    const struct sheaf_piece *pieces;
    size_t count;
    const struct sheaf_piece_row *order;
    size_t rows;
    const char **base; /* of the column that is gathered, in each piece */
    const char **text;
};

#define GATHER(type)                                                                      \
    for (size_t i = 0; i < gathering->rows; i++)                                          \
        memcpy(to + i * sizeof(type), base[order[i].piece] + order[i].row * sizeof(type), \
               sizeof(type));                                                             \
    break

static void gather_values(const struct gathering *gathering, char *to, size_t size)
{
    const struct sheaf_piece_row *order = gathering->order;
    const char *const *base = gathering->base;

    switch (size) {
    case 1:
        GATHER(uint8_t);
    case 2:
        GATHER(uint16_t);
    case 4:
        GATHER(uint32_t);
    case 8:
        GATHER(uint64_t);
    default:
        GATHER(sheaf_int128);
    }
}

static void gather_texts(const struct gathering *gathering, const uint32_t *sizes, char *to)
{
    for (size_t i = 0; i < gathering->rows; i++) {
        const char **from = &gathering->text[gathering->order[i].piece];

        memcpy(to, *from, sizes[i]);
        *from += sizes[i];
        to += sizes[i];
    }
}

static void gather_present(const struct gathering *gathering, size_t column, uint64_t *bits)
{
    for (size_t i = 0; i < gathering->rows; i++) {
        struct sheaf_piece_row from = gathering->order[i];
        const struct sheaf_piece *piece = &gathering->pieces[from.piece];
        uint64_t offset = piece->column[column].present;
        const uint64_t *present = (const void *)(piece->bytes + offset);
        uint64_t bit = !offset || (present[from.row / 64] >> (from.row % 64) & 1);

        bits[i / 64] |= bit << (i % 64);
    }
}

static void set_column(struct gathering *gathering, size_t column)
{
    for (size_t i = 0; i < gathering->count; i++) {
        const struct sheaf_piece *piece = &gathering->pieces[i];

        gathering->base[i] = piece->bytes + piece->column[column].values;
        gathering->text[i] = piece->bytes + piece->column[column].texts;
    }
}

static struct sheaf_piece_shape shape_of(const struct gathering *gathering, size_t column)
{
    const struct sheaf_piece_column *like = &gathering->pieces[0].column[column];
    struct sheaf_piece_shape shape = {.kind = {(sheaf_type)like->type, like->scale}};

    for (size_t i = 0; i < gathering->count; i++)
        shape.some_missing |= gathering->pieces[i].column[column].present != 0;
    for (size_t i = 0; sheaf_word_text(shape.kind.type) && i < gathering->rows; i++) {
        uint32_t size;

        memcpy(&size,
               gathering->base[gathering->order[i].piece] + gathering->order[i].row * sizeof size,
               sizeof size);
        shape.text_bytes += size;
    }
    return shape;
}

static void gather_column(struct gathering *gathering, size_t column, char *piece)
{
    const struct sheaf_piece_column *to = &sheaf_piece_columns(piece)[column];
    sheaf_type type = (sheaf_type)to->type;

    set_column(gathering, column);
    if (sheaf_word_text(type)) {
        gather_values(gathering, piece + to->values, sizeof(uint32_t));
        gather_texts(gathering, (const void *)(piece + to->values), piece + to->texts);
    } else {
        gather_values(gathering, piece + to->values, sheaf_type_size(type));
    }
    if (to->present)
        gather_present(gathering, column, (void *)(piece + to->present));
}

static sheaf_status gather_all(struct gathering *gathering, struct sheaf_piece_shape *shapes,
                               size_t columns, struct sheaf_string *flat, sheaf_error *error)
{
    char *piece;

    for (size_t i = 0; i < columns; i++) {
        set_column(gathering, i);
        shapes[i] = shape_of(gathering, i);
    }
    piece = sheaf_piece_lay(flat, shapes, columns, gathering->rows);
    if (!piece)
        return sheaf_string_check(flat, error);
    for (size_t i = 0; i < columns; i++)
        gather_column(gathering, i, piece);
    return SHEAF_OK;
}

sheaf_status sheaf_piece_gather(const struct sheaf_piece *pieces, size_t count,
                                const struct sheaf_piece_row *order, size_t rows, size_t columns,
                                struct sheaf_string *flat, sheaf_error *error)
{
    struct gathering gathering = {.pieces = pieces, .count = count, .order = order, .rows = rows};
    struct sheaf_piece_shape *shapes = NULL;
    sheaf_status status;

    status = sheaf_allocate(&gathering.base, count, sizeof *gathering.base, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&gathering.text, count, sizeof *gathering.text, error);
    if (status == SHEAF_OK)
        status = sheaf_allocate(&shapes, columns, sizeof *shapes, error);
    if (status == SHEAF_OK)
        status = gather_all(&gathering, shapes, columns, flat, error);
    free(shapes);
    free(gathering.text);
    free(gathering.base);
    return status;
}

/* -- the order ------------------------------------------------------------------------------ */

/* The next row of a piece: its number as an unsigned one, then which piece. */
struct runner {
    uint64_t number;
    uint64_t rank;
};

#define FINISHED (UINT64_C(1) << 32) /* in the rank: after all who still run */

struct race {
    struct runner *losers; /* [leaves], a heap: the children of i are 2 i and 2 i + 1 */
    size_t leaves;         /* a power of two, at least the number of pieces */
    const int64_t **numbers;
    size_t *rows;
    size_t *at;
    size_t pieces;
};

static struct runner runner_of(const struct race *race, size_t piece)
{
    if (piece >= race->pieces || race->at[piece] >= race->rows[piece])
        return (struct runner){UINT64_MAX, FINISHED | piece};
    return (struct runner){(uint64_t)race->numbers[piece][race->at[piece]] ^ UINT64_C(1) << 63,
                           piece};
}

static bool before(struct runner a, struct runner b)
{
    return a.number < b.number || (a.number == b.number && a.rank < b.rank);
}

/* Fill the tree below `node`; returns its winner. */
static struct runner play(struct race *race, size_t node)
{
    struct runner left, right;

    if (node >= race->leaves)
        return runner_of(race, node - race->leaves);
    left = play(race, 2 * node);
    right = play(race, 2 * node + 1);
    race->losers[node] = before(left, right) ? right : left;
    return before(left, right) ? left : right;
}

/* The winner of a new runner against all losers on its way up.  Who wins is as good as random, so
 * the two are exchanged by masks, not by branches. */
static inline struct runner climb(struct race *race, struct runner runner, size_t leaf)
{
    for (size_t node = (race->leaves + leaf) / 2; node > 0; node /= 2) {
        struct runner *loser = &race->losers[node];
        uint64_t less =
            (uint64_t)(loser->number < runner.number) |
            ((uint64_t)(loser->number == runner.number) & (uint64_t)(loser->rank < runner.rank));
        uint64_t number = (loser->number ^ runner.number) & (0 - less);
        uint64_t rank = (loser->rank ^ runner.rank) & (0 - less);

        loser->number ^= number;
        loser->rank ^= rank;
        runner.number ^= number;
        runner.rank ^= rank;
    }
    return runner;
}

/* Write the order of the first `rows` rows; false if a piece is not sorted. */
static bool run_race(struct race *race, struct sheaf_piece_row *order, size_t rows)
{
    struct runner winner = play(race, 1);
    bool sorted = true;

    for (size_t i = 0; i < rows; i++) {
        size_t piece = (size_t)winner.rank;
        struct runner next;

        order[i] = (struct sheaf_piece_row){(uint32_t)piece, (uint32_t)race->at[piece]++};
        next = runner_of(race, piece);
        sorted &= next.number >= winner.number;
        winner = climb(race, next, piece);
    }
    return sorted;
}

static void close_race(struct race *race)
{
    free(race->losers);
    free(race->numbers);
    free(race->rows);
    free(race->at);
}

static sheaf_status open_race(struct race *race, const struct sheaf_piece *pieces, size_t count,
                              sheaf_error *error)
{
    size_t last = pieces[0].columns - 1;

    *race = (struct race){.leaves = 1, .pieces = count};
    while (race->leaves < count)
        race->leaves *= 2;
    SHEAF_TRY(sheaf_allocate(&race->losers, race->leaves, sizeof *race->losers, error));
    SHEAF_TRY(sheaf_allocate(&race->numbers, count, sizeof *race->numbers, error));
    SHEAF_TRY(sheaf_allocate(&race->rows, count, sizeof *race->rows, error));
    SHEAF_TRY(sheaf_allocate(&race->at, count, sizeof *race->at, error));
    for (size_t i = 0; i < count; i++) {
        race->rows[i] = pieces[i].rows;
        race->numbers[i] = (const void *)(pieces[i].bytes + pieces[i].column[last].values);
    }
    return SHEAF_OK;
}

/* -- merging -------------------------------------------------------------------------------- */

static bool same_columns(const struct sheaf_piece *a, const struct sheaf_piece *b)
{
    if (a->columns != b->columns)
        return false;
    for (size_t i = 0; i < a->columns; i++)
        if (a->column[i].type != b->column[i].type || a->column[i].scale != b->column[i].scale)
            return false;
    return true;
}

static sheaf_status open_pieces(const void *const *bytes, const size_t *sizes, size_t count,
                                struct sheaf_piece *pieces, size_t *rows, sheaf_error *error)
{
    *rows = 0;
    for (size_t i = 0; i < count; i++) {
        SHEAF_TRY(sheaf_piece_open(bytes[i], sizes[i], &pieces[i], error));
        *rows += pieces[i].rows;
        if (!same_columns(&pieces[0], &pieces[i]) || pieces[i].columns == 0 ||
            pieces[i].column[pieces[i].columns - 1].type != SHEAF_I64)
            return sheaf_error_set(error, SHEAF_INTERNAL,
                                   "pieces of an answer do not have the same columns");
    }
    return SHEAF_OK;
}

static sheaf_status merge_pieces(const struct sheaf_piece *pieces, size_t count, size_t rows,
                                 struct sheaf_string *flat, sheaf_error *error)
{
    struct sheaf_piece_row *order;
    struct race race = {0};
    sheaf_status status;

    SHEAF_TRY(sheaf_allocate(&order, rows, sizeof *order, error));
    status = open_race(&race, pieces, count, error);
    if (status == SHEAF_OK && !run_race(&race, order, rows))
        status = sheaf_error_set(error, SHEAF_INTERNAL, "a piece of an answer is not sorted");
    if (status == SHEAF_OK)
        status = sheaf_piece_gather(pieces, count, order, rows, pieces[0].columns - 1, flat, error);
    close_race(&race);
    free(order);
    return status;
}

sheaf_status sheaf_flat_merge(const void *const *pieces, const size_t *sizes, size_t count,
                              size_t keep, struct sheaf_string *flat, sheaf_error *error)
{
    struct sheaf_piece *opened;
    sheaf_status status;
    size_t rows;

    if (count == 0) {
        sheaf_flat_append(flat, NULL, 0, 0);
        return sheaf_string_check(flat, error);
    }
    SHEAF_TRY(sheaf_allocate(&opened, count, sizeof *opened, error));
    status = open_pieces(pieces, sizes, count, opened, &rows, error);
    if (status == SHEAF_OK && rows > UINT32_MAX)
        status = sheaf_error_set(error, SHEAF_LIMIT, "an answer of more than %u rows", UINT32_MAX);
    if (status == SHEAF_OK)
        status = merge_pieces(opened, count, keep < rows ? keep : rows, flat, error);
    free(opened);
    return status;
}
