/*
 * index.h - bytes of a delimited file into the positions of its fields and records
 *
 * A kernel takes 64 bytes at a time: compares give bit masks, and a few
 * operations on them the ends of fields.  Bytes inside quotes are found by
 * parity, which is the automaton's reading exactly as long as
 *   - every opening quote stands at the start of a field (or doubles a quote), and
 *   - every closing quote is followed by the end of the field (or by another quote).
 * A kernel checks that for each block, and leaves blocks where it is not so to the automaton, as
 * it does with escapes, comments and spaces that hide a quote.  So all kernels give the same.
 */
#ifndef SHEAF_KERNEL_INDEX_H
#define SHEAF_KERNEL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "kernel/automaton.h"

/* A place where the automaton found something to repair. */
struct sheaf_index_repair {
    uint64_t count;
    uint64_t byte, line; /* of the first one, from where counting began; line counted from 0 */
    uint64_t record; /* likewise, in records that were taken out before, plus those in the index */
    uint32_t field;  /* within its record, counted from 0 */
};

/*
 * Positions count from `base`.  begin[0 .. records - 1] are whole records;
 * begin[records] is where the open record, or the next line, begins.
 */
struct sheaf_index {
    uint32_t *begin, *end;
    size_t records, ends;
    size_t begin_capacity, end_capacity;
    uint64_t base;          /* of positions, from where the shard begins */
    uint64_t at;            /* first byte that is not indexed */
    uint64_t lines;         /* line ends before `at`, those inside quotes included */
    uint64_t taken;         /* records taken out before */
    enum sheaf_state state; /* before `at` */
    bool quotes;            /* a quote or an escape was seen; may be true without need */
    bool non_ascii;         /* likewise a byte >= 0x80 */
    struct sheaf_index_repair repairs[SHEAF_REPAIR_KINDS];
};

/* How far to go. */
struct sheaf_index_goal {
    size_t records; /* not beyond the block in which so many are whole */
    uint64_t stop;  /* not beyond the first line start at or after this */
    uint64_t to;    /* not beyond this byte: what is at hand, and arrays have room for */
    uint64_t size;  /* bytes at hand; from the shard's begin, like all of these */
    bool final;     /* the data ends at `size` */
    bool strict;    /* not beyond a repair */
};

enum sheaf_index_outcome {
    SHEAF_INDEX_RECORDS, /* so many records are whole */
    SHEAF_INDEX_STOP,    /* index.begin[index.records] is the first line start at or after stop */
    SHEAF_INDEX_TO, /* all bytes up to `to` are indexed, but for a last one that waits for its next
                     */
    SHEAF_INDEX_REPAIR /* strict, and there was one */
};

/*
 * A kernel: indexes up to `blocks` blocks at `bytes`, which is byte index->at, and returns how
 * many; fewer when `records` are whole or a block is for the automaton.  Reads one byte more than
 * the blocks hold.  The state is none of C, XU, XT, XQ.
 */
typedef size_t sheaf_index_kernel(const struct sheaf_automaton *automaton,
                                  struct sheaf_index *index, const unsigned char *bytes,
                                  size_t blocks, size_t records);

#define SHEAF_INDEX_BLOCK 64
/* Entries that must be free in end[] and in begin[] beside one for each byte to index. */
#define SHEAF_INDEX_SLACK 160

/* NULL for the scalar one, which is the automaton itself. */
sheaf_index_kernel *sheaf_index_kernel_of(enum sheaf_isa isa);

/* Go on from index->at.  `bytes` is byte index->base of the shard. */
enum sheaf_index_outcome sheaf_index_run(struct sheaf_index *index,
                                         const struct sheaf_automaton *automaton,
                                         sheaf_index_kernel *kernel, const char *bytes,
                                         const struct sheaf_index_goal *goal);

/* Line ends (LF, CR, CRLF as one) in bytes that do not begin between a CR and its LF. */
uint64_t sheaf_count_lines(const char *bytes, uint64_t size);

#endif
