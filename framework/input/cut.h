/*
 * cut.h - where a shard begins: the first line start at or after a place, found locally
 *
 * The automaton runs from all its states at once.  When they have become one,
 * that state is proven, and the next record end is a true one.  If that does not
 * happen within 64 KiB, the one start that needed no repair is taken, or else
 * "outside quotes": a guess.  Whoever reads the shard before verifies it, for free: its lexer's
 * stopped_at is the true place (see kernel/automaton.h for why this is enough).
 *
 * The answer depends on the bytes from nominal - 1 on and nothing else.
 */
#ifndef SHEAF_INPUT_CUT_H
#define SHEAF_INPUT_CUT_H

#include "input/dialect.h"
#include "kernel/automaton.h"

/* The place in a file that is at hand as a whole.  0 for 0; `size` if no line starts after nominal.
 */
uint64_t sheaf_cut_find(const struct sheaf_dialect *dialect, const char *bytes, uint64_t size,
                        uint64_t nominal);

/*
 * The same window by window:
 *
 *     sheaf_cut_start(&cut, &dialect, nominal);
 *     do
 *         ... map [cut.wanted, cut.wanted + some), some >= 2 unless the file ends ...
 *     while (!sheaf_cut_feed(&cut, bytes, size, final));
 *     ... cut.found ...
 */
/* A first window of so much shows at once that no quote is near, which makes the answer cheap, and
 * holds it but for longer records. */
#define SHEAF_CUT_REACH ((size_t)68 << 10)

struct sheaf_cut {
    uint64_t wanted; /* offset in the file of the first byte that the next window must hold */
    uint64_t found;
    bool proven; /* no guess: what was found is a line start, whatever stands before */
    /* Its own. */
    struct sheaf_automaton automaton;
    uint64_t nominal;
    struct {
        uint8_t state;
        bool repaired;
        uint64_t line; /* first line start at or after nominal, on this hypothesis; 0: none yet */
    } starts[SHEAF_STATES];
    unsigned count;
    int8_t walking; /* the hypothesis that is followed to its line end; -1: still undecided */
};

void sheaf_cut_start(struct sheaf_cut *cut, const struct sheaf_dialect *dialect, uint64_t nominal);
/* bytes[0] is byte `wanted` of the file; `final`: the file ends after these.  True: found. */
bool sheaf_cut_feed(struct sheaf_cut *cut, const char *bytes, size_t size, bool final);

#endif
