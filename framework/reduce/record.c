/* record.c - a key of several columns as one text: see record.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reduce/record.h"
#include "reduce/word.h"

enum {
    MISSING = 0,
    LONG = 255,     /* of a text: the size follows in four bytes */
    WORD_BYTES = 9, /* at most, of a word with its first byte */
    TEXT_BYTES = 5, /* of a text beside its bytes */
    BEHIND = 64     /* bytes that may be written or read behind the last record */
};

sheaf_status sheaf_key_records_init(struct sheaf_key_records *records, const sheaf_kind *kinds,
                                    size_t columns, sheaf_error *error)
{
    *records = (struct sheaf_key_records){.kinds = kinds, .columns = columns};
    return sheaf_allocate(&records->packed, columns * SHEAF_RECORD_ROWS, sizeof *records->packed,
                          error);
}

void sheaf_key_records_destroy(struct sheaf_key_records *records)
{
    free(records->packed);
    free(records->bytes);
    records->packed = NULL;
    records->bytes = NULL;
}

/* Pack the columns of words; returns the most bytes that all rows may take. */
static size_t prepare(struct sheaf_key_records *records, const sheaf_column *keys, size_t first,
                      size_t count)
{
    size_t bytes = BEHIND;

    for (size_t column = 0; column < records->columns; column++) {
        sheaf_type type = records->kinds[column].type;

        if (sheaf_word_text(type)) {
            for (size_t i = 0; i < count; i++)
                bytes += TEXT_BYTES + (size_t)keys[column].text[first + i].size;
            continue;
        }
        int64_t words[SHEAF_RECORD_ROWS];
        uint64_t *packed = records->packed + column * SHEAF_RECORD_ROWS;
        sheaf_word_load(&keys[column], first, count, words);
        for (size_t i = 0; i < count; i++)
            packed[i] = sheaf_word_pack(type, words[i]);
        bytes += count * WORD_BYTES;
    }
    return bytes;
}

/* All eight bytes are written and those that are zero are overwritten by what follows. */
static char *write_word(char *at, uint64_t packed)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(packed | 1);
    unsigned size = (bits + 7) / 8;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    packed = __builtin_bswap64(packed);
#endif
    *at = (char)(1 + size);
    memcpy(at + 1, &packed, sizeof packed);
    return at + 1 + size;
}

struct unaligned {
    uint64_t word[2];
} __attribute__((packed, may_alias));

/* Short texts are copied 16 bytes at a time, whatever their size, unless the next page might be
 * touched: see keys_text.c.  What is too much is overwritten by what follows. */
__attribute__((no_sanitize("address"))) static inline void copy_text(char *to, sheaf_text text)
{
    const size_t page = 4096, most = sizeof(struct unaligned);

    if (text.size <= most && ((uintptr_t)text.bytes & (page - 1)) <= page - most && text.size > 0)
        *(struct unaligned *)(void *)to = *(const struct unaligned *)(const void *)text.bytes;
    else if (text.size > 0)
        memcpy(to, text.bytes, text.size);
}

static char *write_text(char *at, sheaf_text text)
{
    if (text.size < LONG - 1) {
        *at++ = (char)(1 + text.size);
    } else {
        *at++ = (char)LONG;
        memcpy(at, &text.size, sizeof text.size);
        at += sizeof text.size;
    }
    copy_text(at, text);
    return at + text.size;
}

static char *write_row(const struct sheaf_key_records *records, const sheaf_column *keys,
                       size_t row, size_t index, char *at)
{
    for (size_t column = 0; column < records->columns; column++) {
        if (!sheaf_present(&keys[column], row))
            *at++ = MISSING;
        else if (sheaf_word_text(records->kinds[column].type))
            at = write_text(at, keys[column].text[row]);
        else
            at = write_word(at, records->packed[column * SHEAF_RECORD_ROWS + index]);
    }
    return at;
}

sheaf_status sheaf_key_records_write(struct sheaf_key_records *records, const sheaf_column *keys,
                                     size_t first, size_t count, sheaf_error *error)
{
    size_t bytes = prepare(records, keys, first, count);
    char *at;

    SHEAF_TRY(sheaf_grow(&records->bytes, &records->capacity, bytes, 1, error));
    at = records->bytes;
    for (size_t i = 0; i < count; i++) {
        char *end = write_row(records, keys, first + i, i, at);

        if ((size_t)(end - at) >= UINT32_MAX)
            return sheaf_error_set(error, SHEAF_LIMIT, "a key of more than 4 GiB");
        records->text[i] = (sheaf_text){.bytes = at, .size = (uint32_t)(end - at)};
        at = end;
    }
    return SHEAF_OK;
}

static bool read_word(sheaf_type type, unsigned size, const char **at, const char *end,
                      struct sheaf_key_record_cell *cell)
{
    uint64_t packed = 0;

    if (size > 8 || (size_t)(end - *at) < size)
        return false;
    for (unsigned i = 0; i < size; i++)
        packed |= (uint64_t)(unsigned char)(*at)[i] << (8 * i);
    *at += size;
    cell->word = sheaf_word_unpack(type, packed);
    return true;
}

static bool read_text(unsigned first, const char **at, const char *end,
                      struct sheaf_key_record_cell *cell)
{
    uint32_t size = first - 1;

    if (first == LONG) {
        if ((size_t)(end - *at) < sizeof size)
            return false;
        memcpy(&size, *at, sizeof size);
        *at += sizeof size;
    }
    if ((size_t)(end - *at) < size)
        return false;
    cell->text = (sheaf_text){.bytes = *at, .size = size};
    *at += size;
    return true;
}

bool sheaf_key_record_read(sheaf_type type, const char **at, const char *end,
                           struct sheaf_key_record_cell *cell)
{
    unsigned first;

    *cell = (struct sheaf_key_record_cell){.present = false};
    if (*at == end)
        return false;
    first = (unsigned char)*(*at)++;
    if (first == MISSING)
        return true;
    cell->present = true;
    if (sheaf_word_text(type))
        return read_text(first, at, end, cell);
    return read_word(type, first - 1, at, end, cell);
}

bool sheaf_key_record_valid(const sheaf_kind *kinds, size_t columns, const char *bytes, size_t size)
{
    const char *at = bytes;
    struct sheaf_key_record_cell cell;

    for (size_t column = 0; column < columns; column++)
        if (!sheaf_key_record_read(kinds[column].type, &at, bytes + size, &cell))
            return false;
    return at == bytes + size;
}
