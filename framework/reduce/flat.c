/* flat.c - columns as bytes without pointers: see flat.h and pieces.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reduce/pieces.h"
#include "reduce/word.h"

#define MAGIC UINT64_C(0x3130544C46464853)

enum {
    ALIGNMENT = 16,
    BEHIND = 64,           /* bytes that may be read behind a column or a text */
    COLUMNS_MOST = 1 << 20 /* more is nonsense, and sums stay far from overflow */
};

static size_t round_up(size_t size)
{
    return (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
}

static size_t value_size(sheaf_type type)
{
    return sheaf_word_text(type) ? sizeof(uint32_t) : sheaf_type_size(type);
}

/* -- writing -------------------------------------------------------------------------------- */

struct sheaf_piece_column *sheaf_piece_columns(char *piece)
{
    return (struct sheaf_piece_column *)(void *)(piece + sizeof(struct sheaf_piece_header));
}

static size_t lay_column(struct sheaf_piece_column *column, const struct sheaf_piece_shape *shape,
                         size_t rows, size_t at)
{
    *column = (struct sheaf_piece_column){
        .type = (uint32_t)shape->kind.type, .scale = shape->kind.scale, .values = at};
    at = round_up(at + rows * value_size(shape->kind.type));
    if (shape->some_missing) {
        column->present = at;
        at = round_up(at + (rows + 63) / 64 * sizeof(uint64_t));
    }
    if (sheaf_word_text(shape->kind.type)) {
        column->texts = at;
        column->text_bytes = shape->text_bytes;
        at = round_up(at + shape->text_bytes);
    }
    return at;
}

static size_t piece_size(const struct sheaf_piece_shape *shapes, size_t count, size_t rows)
{
    struct sheaf_piece_column column;
    size_t at = sizeof(struct sheaf_piece_header) + count * sizeof column;

    for (size_t i = 0; i < count; i++)
        at = lay_column(&column, &shapes[i], rows, at);
    return at + BEHIND;
}

/* Zero what no value will be written to: the bits, and up to 16 bytes before each rounding. */
static void clear_gaps(char *piece, const struct sheaf_piece_column *column, size_t rows)
{
    size_t values_end = column->values + rows * value_size((sheaf_type)column->type);

    memset(piece + values_end, 0, round_up(values_end) - values_end);
    if (column->present)
        memset(piece + column->present, 0, round_up((rows + 63) / 64 * sizeof(uint64_t)));
    if (column->texts) {
        size_t texts_end = column->texts + column->text_bytes;

        memset(piece + texts_end, 0, round_up(texts_end) - texts_end);
    }
}

char *sheaf_piece_lay(struct sheaf_string *flat, const struct sheaf_piece_shape *shapes,
                      size_t count, size_t rows)
{
    static const char zeros[ALIGNMENT];
    size_t size = piece_size(shapes, count, rows);
    size_t at = sizeof(struct sheaf_piece_header) + count * sizeof(struct sheaf_piece_column);
    struct sheaf_piece_header header = {
        .magic = MAGIC, .size = size, .rows = rows, .columns = count};
    char *piece;

    sheaf_string_append_bytes(flat, zeros, round_up(flat->size) - flat->size);
    if (!sheaf_string_reserve(flat, size))
        return NULL;
    piece = flat->bytes + flat->size;
    memcpy(piece, &header, sizeof header);
    for (size_t i = 0; i < count; i++) {
        at = lay_column(&sheaf_piece_columns(piece)[i], &shapes[i], rows, at);
        clear_gaps(piece, &sheaf_piece_columns(piece)[i], rows);
    }
    memset(piece + at, 0, BEHIND);
    flat->size += size;
    flat->bytes[flat->size] = '\0';
    return piece;
}

static bool some_missing(const sheaf_column *column, size_t rows)
{
    if (!column->present)
        return false;
    for (size_t i = 0; i < rows / 64; i++)
        if (~column->present[i])
            return true;
    for (size_t row = rows / 64 * 64; row < rows; row++)
        if (!sheaf_present(column, row))
            return true;
    return false;
}

static struct sheaf_piece_shape shape_of(const sheaf_column *column, size_t rows)
{
    struct sheaf_piece_shape shape = {.kind = {column->type, column->scale},
                                      .some_missing = some_missing(column, rows)};

    if (sheaf_word_text(column->type))
        for (size_t row = 0; row < rows; row++)
            shape.text_bytes += column->text[row].size;
    return shape;
}

static void write_texts(char *piece, const struct sheaf_piece_column *to,
                        const sheaf_column *column, size_t rows)
{
    uint32_t *sizes = (void *)(piece + to->values);
    char *at = piece + to->texts;

    for (size_t row = 0; row < rows; row++) {
        sheaf_text text = column->text[row];

        sizes[row] = text.size;
        if (text.size > 0)
            memcpy(at, text.bytes, text.size);
        at += text.size;
    }
}

static void write_column(char *piece, const struct sheaf_piece_column *to,
                         const sheaf_column *column, size_t rows)
{
    if (sheaf_word_text(column->type))
        write_texts(piece, to, column, rows);
    else if (rows > 0)
        memcpy(piece + to->values, column->values, rows * sheaf_type_size(column->type));
    if (!to->present)
        return;
    memcpy(piece + to->present, column->present, (rows + 63) / 64 * sizeof(uint64_t));
    if (rows % 64) {
        uint64_t *last = (uint64_t *)(void *)(piece + to->present) + rows / 64;

        *last &= ~UINT64_C(0) >> (64 - rows % 64);
    }
}

void sheaf_flat_append(struct sheaf_string *flat, const sheaf_column *columns, size_t count,
                       size_t rows)
{
    struct sheaf_piece_shape *shapes;
    char *piece;

    if (sheaf_allocate(&shapes, count, sizeof *shapes, NULL) != SHEAF_OK) {
        flat->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        shapes[i] = shape_of(&columns[i], rows);
    piece = sheaf_piece_lay(flat, shapes, count, rows);
    for (size_t i = 0; piece && i < count; i++)
        write_column(piece, &sheaf_piece_columns(piece)[i], &columns[i], rows);
    free(shapes);
}

/* -- reading -------------------------------------------------------------------------------- */

static sheaf_status damaged(const char *what, sheaf_error *error)
{
    return sheaf_error_set(error, SHEAF_INTERNAL, "flat columns are damaged: %s", what);
}

/* Whether count items lie within the piece, its last bytes apart. */
static bool inside(const struct sheaf_piece_header *header, uint64_t offset, uint64_t count,
                   uint64_t size)
{
    uint64_t bytes, end;

    return offset % ALIGNMENT == 0 && !__builtin_mul_overflow(count, size, &bytes) &&
           !__builtin_add_overflow(offset, bytes, &end) && end <= header->size - BEHIND;
}

static bool texts_add_up(const char *bytes, const struct sheaf_piece_column *column, uint64_t rows)
{
    const uint32_t *sizes = (const void *)(bytes + column->values);
    uint64_t sum = 0; /* of less than 2^32 sizes, so it can not overflow */

    for (uint64_t row = 0; row < rows; row++)
        sum += sizes[row];
    return sum == column->text_bytes;
}

static bool column_fits(const char *bytes, const struct sheaf_piece_header *header,
                        const struct sheaf_piece_column *column)
{
    sheaf_type type = (sheaf_type)column->type;

    if (column->type > SHEAF_BYTES || sheaf_type_size(type) == 0 ||
        !inside(header, column->values, header->rows, value_size(type)))
        return false;
    if (column->present && !inside(header, column->present, (header->rows + 63) / 64, 8))
        return false;
    if (!sheaf_word_text(type))
        return column->texts == 0 && column->text_bytes == 0;
    return inside(header, column->texts, column->text_bytes, 1) &&
           texts_add_up(bytes, column, header->rows);
}

static bool header_fits(const struct sheaf_piece_header *header, size_t size)
{
    return header->magic == MAGIC && header->size <= size && header->size % ALIGNMENT == 0 &&
           header->rows <= UINT32_MAX && header->columns <= COLUMNS_MOST &&
           header->size >=
               sizeof *header + BEHIND + header->columns * sizeof(struct sheaf_piece_column);
}

size_t sheaf_flat_size(const void *bytes, size_t size)
{
    struct sheaf_piece_header header;

    if (size < sizeof header)
        return 0;
    memcpy(&header, bytes, sizeof header);
    return header_fits(&header, size) ? header.size : 0;
}

sheaf_status sheaf_piece_open(const void *bytes, size_t size, struct sheaf_piece *piece,
                              sheaf_error *error)
{
    struct sheaf_piece_header header;

    if (size < sizeof header || (uintptr_t)bytes % ALIGNMENT != 0)
        return damaged("too short, or not aligned", error);
    memcpy(&header, bytes, sizeof header);
    if (!header_fits(&header, size))
        return damaged("the beginning", error);
    *piece = (struct sheaf_piece){.bytes = bytes, .rows = header.rows, .columns = header.columns};
    piece->column = (const void *)(piece->bytes + sizeof header);
    for (size_t i = 0; i < piece->columns; i++)
        if (!column_fits(piece->bytes, &header, &piece->column[i]))
            return damaged("a column", error);
    return SHEAF_OK;
}

static void view_texts(const struct sheaf_piece *piece, const struct sheaf_piece_column *column,
                       sheaf_text *texts)
{
    const uint32_t *sizes = (const void *)(piece->bytes + column->values);
    const char *at = piece->bytes + column->texts;

    for (size_t row = 0; row < piece->rows; row++) {
        texts[row] = (sheaf_text){.bytes = at, .size = sizes[row]};
        at += sizes[row];
    }
}

sheaf_status sheaf_flat_view(const void *bytes, size_t size, sheaf_column **columns, size_t *count,
                             size_t *rows, sheaf_error *error)
{
    struct sheaf_piece piece;
    size_t texts = 0;
    sheaf_column *view;
    sheaf_text *next;
    char *memory;

    SHEAF_TRY(sheaf_piece_open(bytes, size, &piece, error));
    for (size_t i = 0; i < piece.columns; i++)
        texts += sheaf_word_text((sheaf_type)piece.column[i].type) ? piece.rows : 0;
    SHEAF_TRY(
        sheaf_allocate(&memory, piece.columns * sizeof *view + texts * sizeof *next, 1, error));
    view = (sheaf_column *)(void *)memory;
    next = (sheaf_text *)(void *)(memory + piece.columns * sizeof *view);
    for (size_t i = 0; i < piece.columns; i++) {
        const struct sheaf_piece_column *column = &piece.column[i];

        view[i] = (sheaf_column){.type = (sheaf_type)column->type, .scale = column->scale};
        view[i].values = piece.bytes + column->values;
        if (column->present)
            view[i].present = (const void *)(piece.bytes + column->present);
        if (sheaf_word_text(view[i].type)) {
            view_texts(&piece, column, next);
            view[i].text = next;
            next += piece.rows;
        }
    }
    *columns = view;
    *count = piece.columns;
    *rows = piece.rows;
    return SHEAF_OK;
}
