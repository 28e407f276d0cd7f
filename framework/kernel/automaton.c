/* automaton.c - the table of automaton.h, filled in for a dialect */
#include <string.h>

#include "kernel/automaton.h"

#define FIELD     SHEAF_STEP_FIELD
#define RECORD    (SHEAF_STEP_FIELD | SHEAF_STEP_LINE)
#define LINE      SHEAF_STEP_LINE
#define REPAIR(k) (((k) + 1) << SHEAF_STEP_REPAIR_SHIFT)
#define BARE      REPAIR(SHEAF_REPAIR_BARE_QUOTE)
#define AFTER     REPAIR(SHEAF_REPAIR_TEXT_AFTER_QUOTE)

static void fill_classes(struct sheaf_automaton *automaton)
{
    const struct sheaf_rules *rules = &automaton->rules;

    memset(automaton->class, SHEAF_CLASS_OTHER, sizeof automaton->class);
    automaton->class['\n'] = SHEAF_CLASS_LF;
    automaton->class['\r'] = SHEAF_CLASS_CR;
    if (rules->skip_initial_space)
        automaton->class[' '] = SHEAF_CLASS_SPACE;
    if (rules->has_comment)
        automaton->class[rules->comment] = SHEAF_CLASS_COMMENT;
    if (rules->has_escape)
        automaton->class[rules->escape] = SHEAF_CLASS_ESCAPE;
    if (rules->has_quote)
        automaton->class[rules->quote] = SHEAF_CLASS_QUOTE;
    automaton->class[rules->delimiter] = SHEAF_CLASS_DELIMITER;
}

static void fill_row(uint8_t *row, int other)
{
    memset(row, other, SHEAF_CLASSES);
}

/* What newlines do in a state: LF and lone CR lead to R, the CR of a CRLF to K. */
static void fill_newlines(uint8_t *row, int event)
{
    row[SHEAF_CLASS_LF] = (uint8_t)(SHEAF_STATE_R | event);
    row[SHEAF_CLASS_CR] = (uint8_t)(SHEAF_STATE_R | event);
    row[SHEAF_CLASS_CRLF] = (uint8_t)(SHEAF_STATE_K | event);
}

/* R, F, U, T and E: outside quotes, where delimiters and newlines end fields. */
static void fill_outside(struct sheaf_automaton *automaton, enum sheaf_state state, int other)
{
    uint8_t *row = automaton->step[state];

    fill_row(row, other);
    row[SHEAF_CLASS_DELIMITER] = SHEAF_STATE_F | FIELD;
    fill_newlines(row, RECORD);
}

/* Some newlines are data in some dialects: there they are `other`. */
static void drop_newlines(struct sheaf_automaton *automaton)
{
    for (int state = 0; state < SHEAF_STATES; state++) {
        uint8_t *row = automaton->step[state];
        if (automaton->rules.newline != SHEAF_NEWLINE_ANY)
            row[SHEAF_CLASS_CR] = row[SHEAF_CLASS_OTHER];
        if (automaton->rules.newline == SHEAF_NEWLINE_CRLF && state != SHEAF_STATE_K)
            row[SHEAF_CLASS_LF] = row[SHEAF_CLASS_OTHER];
    }
}

void sheaf_automaton_init(struct sheaf_automaton *automaton, const struct sheaf_rules *rules)
{
    uint8_t(*step)[SHEAF_CLASSES] = automaton->step;

    automaton->rules = *rules;
    fill_classes(automaton);

    fill_outside(automaton, SHEAF_STATE_U, SHEAF_STATE_U);
    step[SHEAF_STATE_U][SHEAF_CLASS_QUOTE] = SHEAF_STATE_T | BARE;
    step[SHEAF_STATE_U][SHEAF_CLASS_ESCAPE] = SHEAF_STATE_XU;

    fill_outside(automaton, SHEAF_STATE_F, SHEAF_STATE_U);
    step[SHEAF_STATE_F][SHEAF_CLASS_QUOTE] = SHEAF_STATE_Q;
    step[SHEAF_STATE_F][SHEAF_CLASS_ESCAPE] = SHEAF_STATE_XU;
    step[SHEAF_STATE_F][SHEAF_CLASS_SPACE] = SHEAF_STATE_F;

    memcpy(step[SHEAF_STATE_R], step[SHEAF_STATE_F], SHEAF_CLASSES);
    step[SHEAF_STATE_R][SHEAF_CLASS_COMMENT] = SHEAF_STATE_C;
    if (!rules->keep_blank)
        fill_newlines(step[SHEAF_STATE_R], LINE);

    fill_outside(automaton, SHEAF_STATE_T, SHEAF_STATE_T);
    step[SHEAF_STATE_T][SHEAF_CLASS_ESCAPE] = SHEAF_STATE_XT;

    fill_row(step[SHEAF_STATE_Q], SHEAF_STATE_Q);
    step[SHEAF_STATE_Q][SHEAF_CLASS_QUOTE] = SHEAF_STATE_E;
    step[SHEAF_STATE_Q][SHEAF_CLASS_ESCAPE] = SHEAF_STATE_XQ;

    fill_outside(automaton, SHEAF_STATE_E, SHEAF_STATE_T | AFTER);
    if (rules->doublequote)
        step[SHEAF_STATE_E][SHEAF_CLASS_QUOTE] = SHEAF_STATE_Q;

    fill_row(step[SHEAF_STATE_C], SHEAF_STATE_C);
    fill_newlines(step[SHEAF_STATE_C], LINE);

    fill_row(step[SHEAF_STATE_XU], SHEAF_STATE_U);
    fill_row(step[SHEAF_STATE_XT], SHEAF_STATE_T);
    fill_row(step[SHEAF_STATE_XQ], SHEAF_STATE_Q);

    /* Only LF follows in K.  Elsewhere a guess was wrong, and K is as good as R. */
    memcpy(step[SHEAF_STATE_K], step[SHEAF_STATE_R], SHEAF_CLASSES);
    step[SHEAF_STATE_K][SHEAF_CLASS_LF] = SHEAF_STATE_R;

    drop_newlines(automaton);
}
