/*
 * automaton.h - what delimited text means, byte by byte: the only definition
 *
 * Everything else that finds records (the vector kernels, the search for shard
 * boundaries, the tests) computes what this table says, or asks it.
 *
 *          quote     delimiter  newline    other    escape   comment   space
 *     R    Q         end F      blank R    U        XU       C         F (*)
 *     F    Q         end F      record R   U        XU       U         F (*)
 *     U    T bare    end F      record R   U        XU       U         U
 *     T    T         end F      record R   T        XT       T         T
 *     Q    E         Q          Q          Q        XQ       Q         Q
 *     E    Q         end F      record R   T after  T after  T after   T after
 *     C    C         C          R          C        C        C         C
 *     XU, XT, XQ: any byte is data; on to U, T, Q
 *     K    (between the CR and the LF of one newline) LF: R; nothing else can follow
 *
 *     R record start   F field start   U in an unquoted field   Q inside quotes
 *     E after a quote inside quotes     T the rest of a field that was repaired: quotes are data
 *     C comment        "end", "record": a field, a record ends before this byte
 *     "bare", "after": a repair, once for each field; (*) with skip_initial_space, else as other
 *
 * A byte that has no role in the dialect is `other`.  Without `doublequote`
 * E.quote is as E.other.  With keep_blank, R.newline ends a record of one field.
 *
 * Why shards may be read at once.  Let T(p) be the true state before byte p.
 * If all states reach s on the bytes [b, p), then T(p) = s, whatever stands before
 * b.  And if T(S) = R, and the run from R over [S, S') ends in R, then T(S') = R: by
 * induction every shard whose predecessor arrived at its begin starts at a
 * true record, and together they are the serial reading.  Nothing is assumed of the data.
 */
#ifndef SHEAF_KERNEL_AUTOMATON_H
#define SHEAF_KERNEL_AUTOMATON_H

#include <stdbool.h>
#include <stdint.h>

#include <sheaf/dataset.h>

enum sheaf_state {
    SHEAF_STATE_R,
    SHEAF_STATE_F,
    SHEAF_STATE_U,
    SHEAF_STATE_T,
    SHEAF_STATE_Q,
    SHEAF_STATE_E,
    SHEAF_STATE_C,
    SHEAF_STATE_XU,
    SHEAF_STATE_XT,
    SHEAF_STATE_XQ,
    SHEAF_STATE_K,
    SHEAF_STATES
};

enum sheaf_class {
    SHEAF_CLASS_OTHER,
    SHEAF_CLASS_QUOTE,
    SHEAF_CLASS_DELIMITER,
    SHEAF_CLASS_LF,
    SHEAF_CLASS_CR,   /* not followed by LF */
    SHEAF_CLASS_CRLF, /* the CR of a CRLF: the only class that depends on the next byte */
    SHEAF_CLASS_ESCAPE,
    SHEAF_CLASS_COMMENT,
    SHEAF_CLASS_SPACE,
    SHEAF_CLASSES
};

/* What the canonical reading repairs, at most once for each field. */
enum sheaf_repair_kind {
    SHEAF_REPAIR_BARE_QUOTE,       /* a quote in an unquoted field: it is data */
    SHEAF_REPAIR_TEXT_AFTER_QUOTE, /* text after the closing quote: it belongs to the field */
    SHEAF_REPAIR_OPEN_QUOTE,       /* no closing quote: the field runs to the end of the file */
    SHEAF_REPAIR_KINDS
};

/* An entry of the table: the next state, and what happens before or at this byte. */
enum {
    SHEAF_STEP_STATE = 0x0f,
    SHEAF_STEP_FIELD = 0x10,  /* a field ends here */
    SHEAF_STEP_LINE = 0x20,   /* a line ends here; a record too, if a field does */
    SHEAF_STEP_REPAIR = 0xc0, /* kind + 1, shifted by 6 */
    SHEAF_STEP_REPAIR_SHIFT = 6
};

/* The roles of bytes.  They differ, apart from the delimiter, which goes before newlines. */
struct sheaf_rules {
    unsigned char delimiter, quote, escape, comment;
    bool has_quote, has_escape, has_comment;
    bool doublequote, keep_blank, skip_initial_space;
    sheaf_newline newline;
};

struct sheaf_automaton {
    struct sheaf_rules rules;
    uint8_t class[256]; /* of a byte; CR: as if no LF followed */
    uint8_t step[SHEAF_STATES][SHEAF_CLASSES];
};

void sheaf_automaton_init(struct sheaf_automaton *automaton, const struct sheaf_rules *rules);

/* The class of a byte that is followed by `next` (-1 at the end of the data). */
static inline unsigned sheaf_automaton_class(const struct sheaf_automaton *automaton,
                                             unsigned char byte, int next)
{
    unsigned class = automaton->class[byte];

    /* Where LF is the delimiter there is no CRLF. */
    if (class == SHEAF_CLASS_CR && next == '\n' && automaton->class['\n'] == SHEAF_CLASS_LF)
        class = SHEAF_CLASS_CRLF;
    return class;
}

#endif
