/* cut.c - where a shard begins, found locally: see cut.h */
#include <string.h>

#include "input/cut.h"

/* Bytes after which a cut that is not proven is guessed. */
#define PATIENCE (UINT64_C(64) << 10)

/* For where lines begin, the rest of a repaired field is as any unquoted one. */
static uint8_t merged(unsigned state)
{
    if (state == SHEAF_STATE_T)
        return SHEAF_STATE_U;
    return (uint8_t)(state == SHEAF_STATE_XT ? SHEAF_STATE_XU : state);
}

static bool state_exists(const struct sheaf_dialect *dialect, int state)
{
    switch (state) {
    case SHEAF_STATE_T:
    case SHEAF_STATE_XT:
        return false; /* as U and XU */
    case SHEAF_STATE_Q:
    case SHEAF_STATE_E:
        return dialect->has_quote;
    case SHEAF_STATE_C:
        return dialect->has_comment;
    case SHEAF_STATE_XU:
        return dialect->has_escape;
    case SHEAF_STATE_XQ:
        return dialect->has_escape && dialect->has_quote;
    default:
        return true;
    }
}

/* The byte before may end a line: then the place itself is what is looked for. */
static uint64_t first_wanted(const struct sheaf_cut *cut)
{
    return cut->nominal > 0 ? cut->nominal - 1 : 0;
}

void sheaf_cut_start(struct sheaf_cut *cut, const struct sheaf_dialect *dialect, uint64_t nominal)
{
    const struct sheaf_rules rules = sheaf_dialect_rules(dialect);

    *cut = (struct sheaf_cut){.nominal = nominal, .walking = -1, .proven = nominal == 0};
    sheaf_automaton_init(&cut->automaton, &rules);
    cut->wanted = first_wanted(cut);
    /* The first is what is guessed when nothing speaks for another: somewhere in a plain field. */
    cut->starts[cut->count++].state = SHEAF_STATE_U;
    for (int state = 0; state < SHEAF_STATES; state++)
        if (state != SHEAF_STATE_U && state_exists(dialect, state))
            cut->starts[cut->count++].state = (uint8_t)state;
}

static bool found_at(struct sheaf_cut *cut, uint64_t place)
{
    cut->found = place;
    return true;
}

/* One byte on one hypothesis; returns the line start it leads to, at or after nominal, or 0. */
static uint64_t step_one(struct sheaf_cut *cut, unsigned which, unsigned class)
{
    unsigned before = cut->starts[which].state;
    unsigned step = cut->automaton.step[before][class];
    uint64_t next = cut->wanted + (class == SHEAF_CLASS_CRLF ? 2 : 1);

    cut->starts[which].state = merged(step & SHEAF_STEP_STATE);
    cut->starts[which].repaired |= (step >> SHEAF_STEP_REPAIR_SHIFT) != 0;
    bool line =
        (step & SHEAF_STEP_LINE) != 0 || (before == SHEAF_STATE_K && class == SHEAF_CLASS_LF);
    return line && next >= cut->nominal ? next : 0;
}

/* Hypotheses in the same state have the same future.  The first one's past is kept. */
static void merge_equal(struct sheaf_cut *cut)
{
    unsigned kept = 1;

    for (unsigned i = 1; i < cut->count; i++) {
        unsigned k = 0;
        while (k < kept && cut->starts[k].state != cut->starts[i].state)
            k++;
        if (k == kept)
            cut->starts[kept++] = cut->starts[i];
        else
            cut->starts[k].repaired &= cut->starts[i].repaired;
    }
    cut->count = kept;
}

/*
 * One byte on all hypotheses.  True: they have become one, which is proven, and
 * found if a line begins just there; else it is followed to the next line start.
 */
static bool step_all(struct sheaf_cut *cut, unsigned class)
{
    uint64_t line = 0;

    for (unsigned i = 0; i < cut->count; i++) {
        uint64_t next = step_one(cut, i, class);
        if (cut->starts[i].line == 0)
            cut->starts[i].line = next;
        line |= next;
    }
    merge_equal(cut);
    if (cut->count > 1)
        return false;
    cut->proven = true;
    cut->walking = 0;
    uint8_t state = cut->starts[0].state;
    return line && (state == SHEAF_STATE_R || state == SHEAF_STATE_K) && found_at(cut, line);
}

/* None is proven: the only hypothesis without a repair, else the first: outside quotes. */
static bool guess(struct sheaf_cut *cut)
{
    unsigned clean = 0, which = 0;

    for (unsigned i = 0; i < cut->count; i++) {
        if (!cut->starts[i].repaired) {
            clean++;
            which = i;
        }
    }
    if (clean != 1)
        which = 0;
    cut->walking = (int8_t)which;
    return cut->starts[which].line > 0 && found_at(cut, cut->starts[which].line);
}

/* Without a quote in all that patience reaches, nothing is ever proven, no hypothesis needs a
 * repair, and the guess is the first one: go there at once. */
static void skip_to_guess(struct sheaf_cut *cut, const char *bytes, size_t size, bool final)
{
    const struct sheaf_rules *rules = &cut->automaton.rules;
    size_t reach = size > PATIENCE ? PATIENCE + 1 : size;

    if (cut->wanted != first_wanted(cut) || (size <= PATIENCE && !final) || !rules->has_quote ||
        rules->has_escape || rules->has_comment)
        return;
    if (!memchr(bytes, rules->quote, reach))
        cut->walking = 0;
}

bool sheaf_cut_feed(struct sheaf_cut *cut, const char *bytes, size_t size, bool final)
{
    const unsigned char *at = (const unsigned char *)bytes;

    if (cut->nominal == 0)
        return true;
    skip_to_guess(cut, bytes, size, final);
    for (size_t i = 0; i < size; i++) {
        int next = i + 1 < size ? at[i + 1] : -1;
        if (at[i] == '\r' && next < 0 && !final)
            return false; /* it is wanted again, together with the byte after it */
        unsigned class = sheaf_automaton_class(&cut->automaton, at[i], next);
        if (cut->walking >= 0) {
            uint64_t line = step_one(cut, (unsigned)cut->walking, class);
            if (line > 0)
                return found_at(cut, line);
        } else if (step_all(cut, class)) {
            return true;
        } else if (cut->walking < 0 && cut->wanted - first_wanted(cut) >= PATIENCE && guess(cut)) {
            return true;
        }
        cut->wanted++;
    }
    if (!final)
        return false;
    return (cut->walking < 0 && guess(cut)) || found_at(cut, cut->wanted);
}

uint64_t sheaf_cut_find(const struct sheaf_dialect *dialect, const char *bytes, uint64_t size,
                        uint64_t nominal)
{
    struct sheaf_cut cut;

    if (nominal >= size)
        return size;
    sheaf_cut_start(&cut, dialect, nominal);
    sheaf_cut_feed(&cut, bytes + cut.wanted, (size_t)(size - cut.wanted), true);
    return cut.found;
}
