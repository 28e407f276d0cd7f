/* reader_parts.h - what a reader is made of; for the files that implement it */
#ifndef SHEAF_INPUT_READER_PARTS_H
#define SHEAF_INPUT_READER_PARTS_H

#include "input/convert.h"
#include "input/reader.h"
#include "input/window.h"

struct sheaf_reader {
    const sheaf_dataset *dataset;
    const struct sheaf_file *file;
    size_t count; /* of columns wanted */
    struct sheaf_wanted *wanted;
    struct sheaf_converter *converters;
    sheaf_column *columns;

    uint64_t begin, end; /* of the shard in the file */
    bool done;
    struct sheaf_window window;
    struct sheaf_lexer lexer; /* delimited text */
    bool lexing;              /* the lexer is in use */
    uint64_t at;              /* binary: the next record */

    struct sheaf_bad_rows bad;
    struct sheaf_spans spans;
    struct sheaf_blocks blocks;
    uint32_t *offsets;        /* of the batch's records, where the lexer's do not serve */
    struct sheaf_string copy; /* of a batch that stands in a memory with no margins */
    void *raw;                /* binary: one column as it is stored */
    struct sheaf_string rejects;
    uint64_t rejected;       /* rows in there */
    uint64_t counted, lines; /* lines of the shard before this place in the file */
    bool after_cr;           /* the byte before that place was a CR */
    struct sheaf_read_outcome outcome;
};

/* Lines of the shard before a place in the file, counted from where the last call stopped. */
SHEAF_CHECKED sheaf_status sheaf_reader_lines(struct sheaf_reader *reader, uint64_t place,
                                              uint64_t *lines, sheaf_error *error);

/* Bytes [from, to) in the window, as far as the file goes; *final: it goes no further.  At
 * least `needed` of them, which a spool is waited for. */
SHEAF_CHECKED sheaf_status sheaf_reader_map(struct sheaf_reader *reader, uint64_t from,
                                            uint64_t needed, uint64_t to, bool *final,
                                            sheaf_error *error);

/* What is wrong is told instead of the error if the file is another by now. */
SHEAF_CHECKED sheaf_status sheaf_reader_fail(struct sheaf_reader *reader, sheaf_status status,
                                             sheaf_error *error);

/* -- read_binary.c -------------------------------------------------------------------------------
 */

/* SHEAF_BAD_ARGUMENT if the stored kind can not be read as the one that is wanted. */
SHEAF_CHECKED sheaf_status sheaf_binary_check(const sheaf_dataset *dataset,
                                              const struct sheaf_wanted *wanted,
                                              sheaf_error *error);
SHEAF_CHECKED sheaf_status sheaf_binary_next(struct sheaf_reader *reader, struct sheaf_read *read,
                                             sheaf_error *error);

#endif
