/*
 * libcsv.h - records as libcsv reads them, with its own recovery: the reading SHEAF_LIBCSV
 *
 * libcsv parses the bytes in order, line by line, and what it says is written
 * down again as plain CSV of the same delimiter and quote.  So everyone downstream sees
 * sheaf_records as ever; only their bytes stand in memory of ours, and `source` says where each
 * record began.  Blanks around fields stay, unless skip_initial_space asks for libcsv's trimming.
 * That a field was quoted is known only where it is empty.
 *
 * A file is one shard for libcsv: input/cut.h speaks of the automaton's lines, and libcsv's
 * recovery may put them elsewhere.
 */
#ifndef SHEAF_INPUT_LIBCSV_H
#define SHEAF_INPUT_LIBCSV_H

#include "input/lexer.h"

SHEAF_CHECKED sheaf_status sheaf_libcsv_open(const struct sheaf_dialect *dialect,
                                             struct sheaf_libcsv **libcsv, sheaf_error *error);
void sheaf_libcsv_close(struct sheaf_libcsv *libcsv);

/* The three verbs of the lexer, for a lexer that has one of these. */
void sheaf_libcsv_start(struct sheaf_libcsv *libcsv);
SHEAF_CHECKED sheaf_status sheaf_libcsv_next(struct sheaf_lexer *lexer, size_t most,
                                             struct sheaf_records *records, sheaf_error *error);

#endif
