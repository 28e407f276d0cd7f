/*
 * index_block.h - 64 bytes as bit masks: which of them end fields and lines
 *
 * Shared by the vector kernels, which differ in how they make the masks and how
 * they write positions.  Bit i is byte i of the block; what a block must know of the bytes
 * before it is in the carry, which is the automaton's state in another form.
 */
#ifndef SHEAF_KERNEL_INDEX_BLOCK_H
#define SHEAF_KERNEL_INDEX_BLOCK_H

#include "kernel/index.h"

#define ALWAYS static inline __attribute__((always_inline))

struct block_masks {
    uint64_t delimiter, quote, lf, cr;
    uint64_t lf_next; /* 1: the byte after the block is LF */
    uint64_t refused; /* escapes; a space at the end that may hide a quote */
    uint64_t comment;
};

struct block_carry {
    uint64_t quoted;      /* all ones inside quotes (Q), else 0 */
    uint64_t line_start;  /* 1 in R */
    uint64_t field_start; /* 1 in R and F */
    uint64_t closed;      /* 1 in E */
    uint64_t crlf;        /* 1 in K */
};

struct block_found {
    uint64_t ends;    /* bytes that end fields */
    uint64_t lines;   /* those that end lines, but for a line that is followed by a blank one */
    uint64_t crlf;    /* of them, those where an LF follows that belongs to the newline */
    uint64_t orphans; /* 1: the open line turned out blank: the next one takes its place */
};

struct block_rules {
    bool doublequote, keep_blank;
    bool lf_ends; /* LF on its own is a newline */
    bool cr_ends; /* CR on its own is */
};

ALWAYS struct block_rules block_rules(const struct sheaf_rules *rules)
{
    return (struct block_rules){
        .doublequote = rules->doublequote,
        .keep_blank = rules->keep_blank,
        .lf_ends = rules->newline != SHEAF_NEWLINE_CRLF,
        .cr_ends = rules->newline == SHEAF_NEWLINE_ANY,
    };
}

ALWAYS struct block_carry block_carry_of(enum sheaf_state state)
{
    return (struct block_carry){
        .quoted = state == SHEAF_STATE_Q ? ~UINT64_C(0) : 0,
        .line_start = state == SHEAF_STATE_R,
        .field_start = state == SHEAF_STATE_R || state == SHEAF_STATE_F,
        .closed = state == SHEAF_STATE_E,
        .crlf = state == SHEAF_STATE_K,
    };
}

/* The state that a carry stands for; `unquoted` is U or T, which look alike here. */
ALWAYS enum sheaf_state block_state_of(const struct block_carry *carry, enum sheaf_state unquoted)
{
    if (carry->quoted)
        return SHEAF_STATE_Q;
    if (carry->closed)
        return SHEAF_STATE_E;
    if (carry->crlf)
        return SHEAF_STATE_K;
    if (carry->line_start)
        return SHEAF_STATE_R;
    return carry->field_start ? SHEAF_STATE_F : unquoted;
}

/* Take out lines without a byte, unless they are wanted. */
ALWAYS void block_drop_blank(struct block_found *found, uint64_t newlines, uint64_t crlf,
                             uint64_t blank, const struct block_carry *carry)
{
    uint64_t before_blank = ((blank >> 1) & newlines & ~crlf) | ((blank >> 2) & crlf);

    found->ends &= ~blank;
    found->lines &= ~before_blank;
    found->orphans = (blank & (carry->line_start | carry->crlf << 1)) != 0;
}

/* No quote, no CR, and nothing open: every delimiter and LF counts.  False: for the automaton. */
ALWAYS bool block_resolve_plain(const struct block_rules *rules, const struct block_masks *masks,
                                struct block_carry *carry, struct block_found *found)
{
    uint64_t newlines = rules->lf_ends ? masks->lf : 0;
    uint64_t line_start = newlines << 1 | carry->line_start;
    uint64_t blank = newlines & line_start;

    if (masks->comment & line_start)
        return false;
    *found = (struct block_found){.ends = masks->delimiter | newlines, .lines = newlines};
    uint64_t last = found->ends >> 63;
    if (__builtin_expect(blank != 0 && !rules->keep_blank, 0))
        block_drop_blank(found, newlines, 0, blank, carry);
    carry->line_start = newlines >> 63;
    carry->field_start = last;
    return true;
}

/*
 * The general case; `inside` has a bit for each byte inside quotes by parity,
 * opening quotes included.  False, with nothing changed, where parity is not the automaton's
 * reading: see index.h.
 */
ALWAYS bool block_resolve(const struct block_rules *rules, const struct block_masks *masks,
                          uint64_t inside, struct block_carry *carry, struct block_found *found)
{
    uint64_t outside = ~inside;
    uint64_t cr_before_lf = masks->cr & (masks->lf >> 1 | masks->lf_next << 63);
    uint64_t cr_newline = (rules->cr_ends ? masks->cr : cr_before_lf) & outside;
    uint64_t crlf = cr_newline & cr_before_lf;
    uint64_t lf_of_crlf = masks->lf & (crlf << 1 | carry->crlf);
    uint64_t lf_newline = rules->lf_ends ? masks->lf & outside & ~lf_of_crlf : 0;
    uint64_t newlines = cr_newline | lf_newline;
    uint64_t ends = (masks->delimiter & outside) | newlines;
    uint64_t over = ends | lf_of_crlf; /* after any of these a field begins */

    uint64_t open = masks->quote & inside;
    uint64_t close = masks->quote & outside;
    uint64_t after_close = close << 1 | carry->closed;
    uint64_t doubled = rules->doublequote ? after_close & masks->quote : 0;
    uint64_t bad = open & ~(over << 1 | carry->field_start | doubled);
    bad |= after_close & ~(over | doubled);

    uint64_t line_end = (newlines & ~crlf) | lf_of_crlf;
    uint64_t line_start = line_end << 1 | carry->line_start;
    bad |= masks->comment & line_start & outside;
    if (bad)
        return false;

    uint64_t blank = newlines & line_start;
    *found = (struct block_found){.ends = ends, .lines = newlines, .crlf = crlf};
    if (blank != 0 && !rules->keep_blank)
        block_drop_blank(found, newlines, crlf, blank, carry);
    carry->quoted = (uint64_t)0 - (inside >> 63);
    carry->line_start = line_end >> 63;
    carry->field_start = ((ends & ~crlf) | lf_of_crlf) >> 63;
    carry->closed = close >> 63;
    carry->crlf = crlf >> 63;
    return true;
}

/* Whether block_resolve_plain() may be asked. */
ALWAYS bool block_is_plain(const struct block_masks *masks, const struct block_carry *carry)
{
    return (masks->quote | masks->cr | carry->quoted | carry->closed | carry->crlf) == 0;
}

ALWAYS uint64_t block_line_count(const struct block_masks *masks)
{
    uint64_t cr_before_lf = masks->cr & (masks->lf >> 1 | masks->lf_next << 63);

    return (uint64_t)__builtin_popcountll(masks->lf | (masks->cr & ~cr_before_lf));
}

#endif
