/*
 * index_loop.h - the loop of a vector kernel, included once by each
 *
 * The file that includes this one has defined, for its instruction set:
 *
 *     struct text            64 bytes in registers
 *     load(bytes)            those at `bytes`
 *     unite(a, b)            bitwise or
 *     matches(text, byte)    a bit for each byte that equals `byte`
 *     has_high_bit(text)     whether some byte is >= 0x80
 *     prefix_xor(bits)       bit i of the result is the parity of bits 0 to i
 *     append_ends(to, bits, base)           base + i for each bit i
 *     append_begins(to, bits, crlf, base)   base + i + 1, or + 2 where `crlf` has the bit too
 *
 * The appends return how many they wrote and may write up to 64 entries more.
 */
#include "kernel/index_block.h"

/* Bytes of a mapped file come from memory, where the machine's own prefetcher stops at the end of
 * each page; this is the next page.  Fetching what is not there does no harm. */
enum { FETCH_AHEAD = 4096 };

ALWAYS struct block_masks compare(struct text text, const struct sheaf_rules *rules, bool special)
{
    struct block_masks masks = {
        .delimiter = matches(text, rules->delimiter),
        .quote = matches(text, rules->quote),
        .lf = matches(text, '\n'),
        .cr = matches(text, '\r'),
    };

    if (special) {
        if (!rules->has_quote)
            masks.quote = 0;
        if (rules->has_escape)
            masks.refused = matches(text, rules->escape);
        if (rules->skip_initial_space)
            masks.refused |= matches(text, ' ') >> 63 << 63;
        if (rules->has_comment)
            masks.comment = matches(text, rules->comment);
    }
    return masks;
}

/* What the registers hold while a run of blocks is indexed. */
struct run {
    struct block_carry carry;
    uint32_t *end, *begin;
    uint32_t base;
    uint64_t lines, quotes;
};

ALWAYS void append(struct run *run, const struct block_found *found)
{
    run->end += append_ends(run->end, found->ends, run->base);
    run->begin -= found->orphans;
    run->begin += append_begins(run->begin, found->lines, found->crlf, run->base);
    run->base += SHEAF_INDEX_BLOCK;
}

ALWAYS bool index_plain(struct run *run, const struct block_rules *rules,
                        const struct block_masks *masks)
{
    struct block_found found;

    if (!block_resolve_plain(rules, masks, &run->carry, &found))
        return false;
    run->lines += (uint64_t)__builtin_popcountll(masks->lf);
    append(run, &found);
    return true;
}

ALWAYS bool index_general(struct run *run, const struct block_rules *rules,
                          const struct block_masks *masks)
{
    uint64_t inside = prefix_xor(masks->quote) ^ run->carry.quoted;
    struct block_found found;

    if (!block_resolve(rules, masks, inside, &run->carry, &found))
        return false;
    run->lines += block_line_count(masks);
    run->quotes |= masks->quote;
    append(run, &found);
    return true;
}

/* False: this block is for the automaton. */
ALWAYS bool index_block(struct run *run, const struct block_rules *rules, struct block_masks *masks,
                        const unsigned char *bytes)
{
    if (masks->refused)
        return false;
    if (block_is_plain(masks, &run->carry))
        return index_plain(run, rules, masks);
    if ((masks->cr | run->carry.crlf) == 0) {
        masks->cr = run->carry.crlf = 0; /* so that the compiler knows it too */
        return index_general(run, rules, masks);
    }
    masks->lf_next = bytes[SHEAF_INDEX_BLOCK] == '\n';
    return index_general(run, rules, masks);
}

ALWAYS size_t index_blocks(const struct sheaf_automaton *automaton, struct sheaf_index *index,
                           const unsigned char *bytes, size_t blocks, size_t records, bool special)
{
    const struct block_rules rules = block_rules(&automaton->rules);
    struct run run = {
        .carry = block_carry_of(index->state),
        .end = index->end + index->ends,
        .begin = index->begin + index->records + 1,
        .base = (uint32_t)(index->at - index->base),
    };
    size_t entries = index->begin_capacity < records ? index->begin_capacity : records;
    const uint32_t *last = index->begin + entries;
    struct text seen = load(bytes);
    size_t done = 0;

    for (; done < blocks && run.begin <= last; done++) {
        __builtin_prefetch(bytes + done * SHEAF_INDEX_BLOCK + FETCH_AHEAD);
        struct text text = load(bytes + done * SHEAF_INDEX_BLOCK);
        struct block_masks masks = compare(text, &automaton->rules, special);
        if (!index_block(&run, &rules, &masks, bytes + done * SHEAF_INDEX_BLOCK))
            break;
        seen = unite(seen, text);
    }

    /* U or T: the same field as before, or another. */
    bool repaired = index->state == SHEAF_STATE_T && run.end == index->end + index->ends;
    index->state = block_state_of(&run.carry, repaired ? SHEAF_STATE_T : SHEAF_STATE_U);
    index->ends = (size_t)(run.end - index->end);
    index->records = (size_t)(run.begin - index->begin) - 1;
    index->lines += run.lines;
    index->quotes |= run.quotes != 0;
    index->non_ascii |= has_high_bit(seen);
    return done;
}

/* Two copies, so that the common dialects pay for nothing they do not have. */
ALWAYS size_t index_run(const struct sheaf_automaton *automaton, struct sheaf_index *index,
                        const unsigned char *bytes, size_t blocks, size_t records)
{
    const struct sheaf_rules *rules = &automaton->rules;

    if (rules->has_quote && !rules->has_escape && !rules->has_comment && !rules->skip_initial_space)
        return index_blocks(automaton, index, bytes, blocks, records, false);
    return index_blocks(automaton, index, bytes, blocks, records, true);
}
