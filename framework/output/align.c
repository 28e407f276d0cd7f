/* align.c - cells under each other: see align.h */
#include <string.h>

#include "output/align.h"
#include "output/escape.h"

struct range {
    uint32_t first, last;
};

/* Characters that take no room: combining marks, joiners, variation selectors. */
static const struct range zero_width[] = {
    {0x0300, 0x036F},   {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x06D6, 0x06DC},   {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0E31, 0x0E31},   {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
    {0x200B, 0x200F},   {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0x302A, 0x302D},
    {0x3099, 0x309A},   {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF},
    {0xE0100, 0xE01EF},
};

/* East Asian Width W and F, in the large. */
static const struct range double_width[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267F, 0x267F},
    {0x2693, 0x2693},   {0x26A1, 0x26A1},   {0x26AA, 0x26AB},   {0x26BD, 0x26BE},
    {0x26C4, 0x26C5},   {0x26CE, 0x26CE},   {0x26D4, 0x26D4},   {0x26EA, 0x26EA},
    {0x26F2, 0x26F3},   {0x26F5, 0x26F5},   {0x26FA, 0x26FA},   {0x26FD, 0x26FD},
    {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},
    {0x274E, 0x274E},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27B0, 0x27B0},   {0x27BF, 0x27BF},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},
    {0x2B55, 0x2B55},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1AFF0, 0x1B2FF}, {0x1F004, 0x1F004},
    {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F265},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

static bool is_in(const struct range *ranges, size_t count, uint32_t character)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > ranges[middle].last)
            low = middle + 1;
        else if (character < ranges[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

static size_t character_width(uint32_t character)
{
    if (is_in(zero_width, sizeof zero_width / sizeof zero_width[0], character))
        return 0;
    return 1 + is_in(double_width, sizeof double_width / sizeof double_width[0], character);
}

/* The character at the start and its bytes; a byte that starts none counts as itself. */
static uint32_t decode(const uint8_t *at, size_t size, size_t *used)
{
    size_t length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC0 ? 2 : 1;
    uint32_t character = length == 1 ? at[0] : at[0] & (0x7Fu >> length);

    *used = 1;
    if (length > size)
        return at[0];
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return at[0];
        character = character << 6 | (at[i] & 0x3F);
    }
    *used = length;
    return character;
}

size_t sheaf_display_width(const char *text, size_t size)
{
    size_t width = 0, used;

    for (size_t i = 0; i < size; i += used) {
        used = 1;
        if ((uint8_t)text[i] < 0x80)
            width++;
        else
            width += character_width(decode((const uint8_t *)text + i, size - i, &used));
    }
    return width;
}

/* The next cell of a piece and the byte that ended it; past the end of the piece, a row's end. */
static const char *next_cell(const char *at, const char *end, char *ended_by)
{
    while (at < end && *at != SHEAF_CELL_END && *at != SHEAF_ROW_END)
        at++;
    *ended_by = at < end ? *at : SHEAF_ROW_END;
    return at;
}

size_t sheaf_align_measure(struct sheaf_alignment *alignment, const char *piece, size_t size,
                           size_t rows)
{
    const char *at = piece, *end = size > 0 ? piece + size : piece;
    size_t column = 0, seen = 0;
    char ended_by;

    while (at < end && seen < rows) {
        const char *stop = next_cell(at, end, &ended_by);
        size_t width = sheaf_display_width(at, (size_t)(stop - at));
        if (width > SHEAF_CELL_WIDTH_MAX)
            width = SHEAF_CELL_WIDTH_MAX;
        if (column < alignment->count && alignment->widths[column] < width)
            alignment->widths[column] = (uint32_t)width;
        column = ended_by == SHEAF_ROW_END ? 0 : column + 1;
        seen += ended_by == SHEAF_ROW_END;
        at = stop + 1;
    }
    return seen;
}

static void fill(struct sheaf_string *out, char byte, size_t count)
{
    if (!sheaf_string_reserve(out, count))
        return;
    memset(out->bytes + out->size, byte, count);
    out->size += count;
    out->bytes[out->size] = '\0';
}

static void append_cell(const struct sheaf_alignment *alignment, size_t column, bool last,
                        const char *cell, size_t size, struct sheaf_string *out)
{
    bool known = column < alignment->count;
    size_t width = sheaf_display_width(cell, size);
    size_t padding =
        known && alignment->widths[column] > width ? alignment->widths[column] - width : 0;

    if (column > 0)
        sheaf_string_append_bytes(out, "  ", 2);
    if (known && alignment->right[column])
        fill(out, ' ', padding);
    sheaf_string_append_bytes(out, cell, size);
    if (known && !alignment->right[column] && !last)
        fill(out, ' ', padding);
}

static void drop_blanks_at_end(struct sheaf_string *out, size_t line)
{
    while (!out->failed && out->size > line && out->bytes[out->size - 1] == ' ')
        out->size--;
}

void sheaf_align_rows(const struct sheaf_alignment *alignment, const char *piece, size_t size,
                      struct sheaf_string *out)
{
    const char *at = piece, *end = size > 0 ? piece + size : piece;
    size_t column = 0, line = out->size;
    char ended_by;

    while (at < end) {
        const char *stop = next_cell(at, end, &ended_by);
        bool last = ended_by == SHEAF_ROW_END;
        append_cell(alignment, column, last, at, (size_t)(stop - at), out);
        column++;
        if (last) {
            drop_blanks_at_end(out, line);
            sheaf_string_append_char(out, '\n');
            line = out->size;
            column = 0;
        }
        at = stop + 1;
    }
}

void sheaf_align_rule(const struct sheaf_alignment *alignment, struct sheaf_string *out)
{
    for (size_t column = 0; column < alignment->count; column++) {
        if (column > 0)
            sheaf_string_append_bytes(out, "  ", 2);
        fill(out, '-', alignment->widths[column]);
    }
    sheaf_string_append_char(out, '\n');
}
