/*
 * dialect.h - how a delimited file is written
 *
 * Every byte has one meaning.  The delimiter comes before the newlines, so a
 * file may be delimited by LF; quote, escape and comment byte differ from it
 * and from each other.  NUL is a byte like others, hence the has_ members.
 */
#ifndef SHEAF_INPUT_DIALECT_H
#define SHEAF_INPUT_DIALECT_H

#include <stdbool.h>

#include "kernel/automaton.h"
#include <sheaf/dataset.h>

struct sheaf_dialect {
    unsigned char delimiter;
    unsigned char quote;   /* opens a field as its first byte only */
    unsigned char escape;  /* the byte after it is data, inside quotes and outside */
    unsigned char comment; /* as first byte of a line: it is left out, up to the next newline */
    bool has_quote;
    bool has_escape;
    bool has_comment;
    bool doublequote;        /* two quotes inside quotes are one */
    bool keep_blank;         /* a line without a byte is a record of one empty field */
    bool skip_initial_space; /* spaces at the beginning of a field are not part of it */
    /* ANY: LF, CR and CRLF end a record.  LF: LF and CRLF do, another CR is data.  CRLF: only
     * CRLF does, another CR or LF is data. */
    sheaf_newline newline;
    sheaf_reading reading;
};

/* Commas, double quotes, doubled inside; the canonical reading. */
struct sheaf_dialect sheaf_dialect_default(void);

/*
 * SHEAF_BAD_ARGUMENT, with the remedy, if one byte has two meanings or libcsv
 * can not read this dialect.  An escape that is the quote is turned into
 * `doublequote`, which says the same.
 */
SHEAF_CHECKED sheaf_status sheaf_dialect_check(struct sheaf_dialect *dialect, sheaf_error *error);

/* The same as the automaton takes it. */
struct sheaf_rules sheaf_dialect_rules(const struct sheaf_dialect *dialect);

#endif
