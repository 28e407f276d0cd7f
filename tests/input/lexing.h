/*
 * lexing.h - what a lexer makes of bytes, written down so that it can be compared
 *
 * A record is a line "offset[quoted:size:value;...]"; offset and quoted are
 * left away where the other side does not know them.
 */
#ifndef SHEAF_TESTS_INPUT_LEXING_H
#define SHEAF_TESTS_INPUT_LEXING_H

#include "base/string.h"
#include "input/lexer.h"

struct lexing {
    struct sheaf_dialect dialect;
    enum sheaf_isa isa;
    uint64_t window; /* bytes at hand at a time, each in memory of their own; 0: all */
    size_t most;     /* records in a batch; 0: many */
    bool plain;      /* without offset and quoted */
    /* What came of it. */
    struct sheaf_string text;
    sheaf_status status;
    sheaf_error error;
    uint64_t stopped_at, lines, records;
    struct sheaf_repair repairs[SHEAF_REPAIR_KINDS];
    struct sheaf_fault fault;
    bool well_formed; /* the arrays of all batches kept their word */
};

struct lexing lexing_with(const struct sheaf_dialect *dialect);

/* Lex [begin, stop) of a file of `size` bytes; appends to text, offsets counting from the file's.
 */
void lexing_shard(struct lexing *lexing, const char *bytes, uint64_t size, uint64_t begin,
                  uint64_t stop);
/* The whole file, behind its BOM; text anew. */
void lexing_file(struct lexing *lexing, const char *bytes, uint64_t size);
void lexing_record(struct lexing *lexing, uint64_t offset);
void lexing_field(struct lexing *lexing, bool quoted, const char *value, size_t size);
void lexing_record_end(struct lexing *lexing);
void lexing_clear(struct lexing *lexing);
bool lexing_equal(const struct lexing *a, const struct lexing *b);

/* The instruction sets of this machine, the scalar one first. */
int lexing_isas(enum sheaf_isa isas[3]);

#endif
