/* lexing.c - what a lexer makes of bytes, written down: see lexing.h */
#include <stdlib.h>
#include <string.h>

#include "input/lexing.h"

struct lexing lexing_with(const struct sheaf_dialect *dialect)
{
    return (struct lexing){.dialect = *dialect, .isa = sheaf_cpu_isa(), .well_formed = true};
}

void lexing_record(struct lexing *lexing, uint64_t offset)
{
    if (lexing->plain)
        sheaf_string_append_char(&lexing->text, '[');
    else
        sheaf_string_append_format(&lexing->text, "%llu[", (unsigned long long)offset);
}

void lexing_field(struct lexing *lexing, bool quoted, const char *value, size_t size)
{
    if (!lexing->plain)
        sheaf_string_append(&lexing->text, quoted ? "quoted " : "");
    sheaf_string_append_format(&lexing->text, "%zu:", size);
    sheaf_string_append_bytes(&lexing->text, value, size);
    sheaf_string_append_char(&lexing->text, ';');
}

void lexing_record_end(struct lexing *lexing)
{
    sheaf_string_append(&lexing->text, "]\n");
}

/* What lexer.h promises of the arrays of a batch. */
static bool is_well_formed(const struct sheaf_records *records)
{
    for (size_t r = 0; r < records->count; r++) {
        uint32_t first = records->first[r], fields = records->fields[r];
        if (fields == 0 || (r > 0 && first != records->first[r - 1] + records->fields[r - 1]))
            return false;
        if (r + 1 < records->count && records->end[first + fields - 1] >= records->begin[r + 1])
            return false;
        if (records->rectangular && fields != records->width)
            return false;
        for (uint32_t c = 0; c < fields; c++)
            if (sheaf_field_begin(records, r, c) > sheaf_field_end(records, r, c))
                return false;
    }
    return records->count == 0 || records->fields[0] == records->width;
}

/* Both ways to a value say the same, and flags that spare work are right. */
static void write_field(struct lexing *lexing, const struct sheaf_records *records, size_t r,
                        uint32_t c)
{
    const char *raw = records->bytes + sheaf_field_begin(records, r, c);
    size_t size = sheaf_field_end(records, r, c) - sheaf_field_begin(records, r, c);
    char *value = malloc(size ? size : 1);
    bool quoted, view_quoted;
    size_t view_size;
    size_t value_size = sheaf_field_unquote(&lexing->dialect, raw, size, value, &quoted);
    const char *view = sheaf_field_view(&lexing->dialect, raw, size, &view_size, &view_quoted);

    if (view && (quoted != view_quoted || view_size != value_size ||
                 (value_size > 0 && memcmp(view, value, value_size) != 0)))
        lexing->well_formed = false;
    if (!records->quotes &&
        (quoted || value_size != size || (size > 0 && memcmp(raw, value, size) != 0)))
        lexing->well_formed = false;
    for (size_t i = 0; i < size && !records->non_ascii; i++)
        if ((unsigned char)raw[i] >= 0x80)
            lexing->well_formed = false;
    lexing_field(lexing, quoted, value, value_size);
    free(value);
}

static void write_records(struct lexing *lexing, const struct sheaf_records *records,
                          uint64_t begin)
{
    if (!is_well_formed(records))
        lexing->well_formed = false;
    for (size_t r = 0; r < records->count; r++) {
        lexing_record(lexing, begin + sheaf_record_offset(records, r));
        for (uint32_t c = 0; c < records->fields[r]; c++)
            write_field(lexing, records, r, c);
        lexing_record_end(lexing);
    }
}

/* Bytes [from, to) in memory that ends where they do, so that a byte too far is seen. */
static char *copy_of(const char *bytes, uint64_t from, uint64_t to)
{
    char *copy = malloc(to > from ? to - from : 1);

    if (to > from)
        memcpy(copy, bytes + from, to - from);
    return copy;
}

void lexing_shard(struct lexing *lexing, const char *bytes, uint64_t size, uint64_t begin,
                  uint64_t stop)
{
    struct sheaf_lexer lexer;
    struct sheaf_records records;
    uint64_t rest = size - begin;
    uint64_t to = lexing->window && lexing->window < rest ? lexing->window : rest;
    size_t most = lexing->most ? lexing->most : 1000000;

    lexing->status = sheaf_lexer_init(&lexer, &lexing->dialect, &lexing->error);
    if (lexing->status != SHEAF_OK)
        return;
    if (lexer.kernel)
        lexer.kernel = sheaf_index_kernel_of(lexing->isa);
    bytes += begin;
    char *window = copy_of(bytes, 0, to);
    sheaf_lexer_start(&lexer, window, to, stop - begin, to == rest);
    while ((lexing->status = sheaf_lexer_next(&lexer, most, &records, &lexing->error)) ==
           SHEAF_OK) {
        if (lexer.needs_more) {
            uint64_t from = sheaf_lexer_needed(&lexer);
            to = to + lexing->window < rest ? to + lexing->window : rest;
            char *next = copy_of(bytes, from, to);
            sheaf_lexer_extend(&lexer, from, next, to - from, to == rest);
            free(window);
            window = next;
        } else if (records.count == 0) {
            break;
        } else {
            write_records(lexing, &records, begin);
        }
    }
    lexing->stopped_at = begin + lexer.stopped_at;
    lexing->lines = lexer.lines;
    lexing->records = lexer.records;
    memcpy(lexing->repairs, lexer.repairs, sizeof lexing->repairs);
    lexing->fault = lexer.fault;
    sheaf_lexer_destroy(&lexer);
    free(window);
}

void lexing_file(struct lexing *lexing, const char *bytes, uint64_t size)
{
    sheaf_string_clear(&lexing->text);
    lexing->well_formed = true;
    lexing_shard(lexing, bytes, size, sheaf_bom_size(bytes, size), size);
}

void lexing_clear(struct lexing *lexing)
{
    sheaf_string_free(&lexing->text);
}

bool lexing_equal(const struct lexing *a, const struct lexing *b)
{
    return a->text.size == b->text.size &&
           (a->text.size == 0 || memcmp(a->text.bytes, b->text.bytes, a->text.size) == 0);
}

int lexing_isas(enum sheaf_isa isas[3])
{
    int count = 0;

    for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
        if (sheaf_cpu_isa_runs((enum sheaf_isa)isa))
            isas[count++] = (enum sheaf_isa)isa;
    return count;
}
