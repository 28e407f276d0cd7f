/* index.c - the scalar index, which is the automaton, and what drives the kernels: see index.h */
#include <assert.h>

#include "kernel/index.h"
#include "kernel/index_kernels.h"

sheaf_index_kernel *sheaf_index_kernel_of(enum sheaf_isa isa)
{
#if defined(__x86_64__)
    if (isa == SHEAF_ISA_AVX512)
        return sheaf_index_avx512;
    if (isa == SHEAF_ISA_AVX2)
        return sheaf_index_avx2;
#endif
    (void)isa;
    return NULL;
}

/* Whether what comes next is a line's first byte, so that the lexer can stop here. */
static bool at_line_start(const struct sheaf_index *index)
{
    return index->state == SHEAF_STATE_R || index->state == SHEAF_STATE_K;
}

static uint64_t open_begin(const struct sheaf_index *index)
{
    return index->base + index->begin[index->records];
}

/* The LF that closes a CRLF belongs to the line before. */
static void finish_newline(struct sheaf_index *index)
{
    if (index->state == SHEAF_STATE_K) {
        index->state = SHEAF_STATE_R;
        index->at++;
        index->lines++;
    }
}

static void note_repair(struct sheaf_index *index, enum sheaf_repair_kind kind, uint64_t byte)
{
    struct sheaf_index_repair *repair = &index->repairs[kind];
    size_t first = index->ends;

    if (repair->count++ > 0)
        return;
    while (first > 0 && index->end[first - 1] >= index->begin[index->records])
        first--;
    repair->byte = byte;
    repair->line = index->lines;
    repair->record = index->taken + index->records;
    repair->field = (uint32_t)(index->ends - first);
}

/* Fields and lines that end at a byte; what comes after it begins at `next`. */
static void note_end(struct sheaf_index *index, unsigned step, uint32_t position, uint32_t next)
{
    if (step & SHEAF_STEP_FIELD)
        index->end[index->ends++] = position;
    if (step & SHEAF_STEP_LINE) {
        index->records += (step & SHEAF_STEP_FIELD) != 0;
        index->begin[index->records] = next;
    }
}

/* The rare bytes, where more happens than a change of state.  SHEAF_INDEX_TO: go on. */
static enum sheaf_index_outcome take_step(struct sheaf_index *index, unsigned step,
                                          const struct sheaf_index_goal *goal)
{
    unsigned repair = step >> SHEAF_STEP_REPAIR_SHIFT;
    unsigned state = step & SHEAF_STEP_STATE;
    uint32_t position = (uint32_t)(index->at - index->base);

    if (repair) {
        note_repair(index, (enum sheaf_repair_kind)(repair - 1), index->at);
        if (goal->strict)
            return SHEAF_INDEX_REPAIR;
    }
    note_end(index, step, position, position + (state == SHEAF_STATE_K ? 2 : 1));
    return SHEAF_INDEX_TO;
}

/* Whether a line start was reached at which the run ends; then the newline is finished. */
static bool reaches_goal(struct sheaf_index *index, const struct sheaf_index_goal *goal,
                         enum sheaf_index_outcome *outcome)
{
    if (open_begin(index) >= goal->stop) {
        finish_newline(index);
        *outcome = SHEAF_INDEX_STOP;
        return true;
    }
    *outcome = SHEAF_INDEX_RECORDS;
    return index->records >= goal->records;
}

/*
 * The automaton itself, byte by byte up to `to`.  A CR whose next byte is not
 * yet known waits, so that the answer does not depend on how bytes arrive.
 */
static enum sheaf_index_outcome run_scalar(struct sheaf_index *index,
                                           const struct sheaf_automaton *automaton,
                                           const char *bytes, const struct sheaf_index_goal *goal,
                                           uint64_t to)
{
    const unsigned char *text = (const unsigned char *)bytes;
    enum sheaf_index_outcome outcome = SHEAF_INDEX_TO;
    unsigned state = index->state, classes = 0, high = 0;
    uint64_t at = index->at;

    for (; at < to; at++) {
        unsigned char byte = text[at - index->base];
        unsigned class = automaton->class[byte];
        if (byte == '\r' || byte == '\n') {
            int next = at + 1 < goal->size ? text[at + 1 - index->base] : -1;
            if (byte == '\r' && next < 0 && !goal->final)
                break;
            class = sheaf_automaton_class(automaton, byte, next);
            index->lines += byte == '\n' || next != '\n';
        }
        unsigned step = automaton->step[state][class];
        classes |= 1u << class;
        high |= byte;
        if (step >= SHEAF_STEP_FIELD) {
            index->at = at;
            outcome = take_step(index, step, goal);
            if (outcome != SHEAF_INDEX_TO)
                break;
        }
        state = step & SHEAF_STEP_STATE;
        if (step & SHEAF_STEP_LINE) {
            index->state = (enum sheaf_state)state;
            index->at = at + 1;
            if (reaches_goal(index, goal, &outcome)) {
                at = index->at;
                state = index->state;
                break;
            }
            outcome = SHEAF_INDEX_TO;
        }
    }
    index->at = at;
    index->state = (enum sheaf_state)state;
    index->quotes |= (classes & (1u << SHEAF_CLASS_QUOTE | 1u << SHEAF_CLASS_ESCAPE)) != 0;
    index->non_ascii |= high >= 0x80;
    return outcome;
}

static bool kernel_takes(enum sheaf_state state)
{
    return state != SHEAF_STATE_C && state != SHEAF_STATE_XU && state != SHEAF_STATE_XT &&
           state != SHEAF_STATE_XQ;
}

/* Whole blocks before both `stop` and the last byte at hand, which kernels want to look at. */
static size_t whole_blocks(const struct sheaf_index *index, const struct sheaf_index_goal *goal)
{
    uint64_t to = goal->to < goal->stop ? goal->to : goal->stop;

    if (to >= goal->size)
        to = goal->size - (goal->size > 0);
    return to > index->at ? (size_t)((to - index->at) / SHEAF_INDEX_BLOCK) : 0;
}

enum sheaf_index_outcome sheaf_index_run(struct sheaf_index *index,
                                         const struct sheaf_automaton *automaton,
                                         sheaf_index_kernel *kernel, const char *bytes,
                                         const struct sheaf_index_goal *goal)
{
    assert(goal->to <= goal->size);
    for (;;) {
        if (at_line_start(index) && open_begin(index) >= goal->stop) {
            finish_newline(index);
            return SHEAF_INDEX_STOP;
        }
        if (index->records >= goal->records)
            return SHEAF_INDEX_RECORDS;
        size_t blocks = kernel && kernel_takes(index->state) ? whole_blocks(index, goal) : 0;
        if (blocks > 0) {
            const unsigned char *at = (const unsigned char *)bytes + (index->at - index->base);
            size_t done = kernel(automaton, index, at, blocks, goal->records);
            index->at += done * SHEAF_INDEX_BLOCK;
            if (done > 0)
                continue;
        }
        /* A block that the kernel left, or one at a time until it can take over again. */
        bool in_between = kernel && (blocks > 0 || !kernel_takes(index->state));
        uint64_t to = goal->to;
        if (in_between && to > index->at + SHEAF_INDEX_BLOCK)
            to = index->at + SHEAF_INDEX_BLOCK;
        enum sheaf_index_outcome outcome = run_scalar(index, automaton, bytes, goal, to);
        if (outcome != SHEAF_INDEX_TO || index->at >= goal->to || index->at < to)
            return outcome;
    }
}

uint64_t sheaf_count_lines(const char *bytes, uint64_t size)
{
    uint64_t lines = 0;

    for (uint64_t i = 0; i < size; i++)
        lines += bytes[i] == '\n' || (bytes[i] == '\r' && (i + 1 == size || bytes[i + 1] != '\n'));
    return lines;
}
