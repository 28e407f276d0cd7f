/* index.c - every kernel finds what the automaton says, from every state, for every dialect */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/index.h"
#include "unit.h"

#define MOST_BYTES 1000

static struct sheaf_rules plain_rules(void)
{
    return (struct sheaf_rules){
        .delimiter = ',', .quote = '"', .has_quote = true, .doublequote = true};
}

static struct sheaf_index open_index(enum sheaf_state state)
{
    struct sheaf_index index = {.state = state};

    index.begin_capacity = index.end_capacity = MOST_BYTES + SHEAF_INDEX_SLACK;
    index.begin = calloc(index.begin_capacity, sizeof *index.begin);
    index.end = calloc(index.end_capacity, sizeof *index.end);
    return index;
}

static void close_index(struct sheaf_index *index)
{
    free(index->begin);
    free(index->end);
}

static struct sheaf_index_goal whole(size_t size)
{
    return (struct sheaf_index_goal){
        .records = SIZE_MAX / 16, .stop = UINT64_MAX, .to = size, .size = size, .final = true};
}

/* Same positions, and the same knowledge of what follows. */
static bool same_index(const struct sheaf_index *a, const struct sheaf_index *b)
{
    return a->records == b->records && a->ends == b->ends && a->at == b->at &&
           a->lines == b->lines && a->state == b->state &&
           memcmp(a->begin, b->begin, (a->records + 1) * sizeof *a->begin) == 0 &&
           memcmp(a->end, b->end, a->ends * sizeof *a->end) == 0 &&
           memcmp(a->repairs, b->repairs, sizeof a->repairs) == 0;
}

static void show(const char *text, size_t size, enum sheaf_state state, enum sheaf_isa isa,
                 const struct sheaf_index *expected, const struct sheaf_index *found)
{
    printf("%s differs from state %d: states %d %d, records %zu %zu, ends %zu %zu, lines %llu "
           "%llu\n",
           sheaf_cpu_isa_name(isa), (int)state, (int)expected->state, (int)found->state,
           expected->records, found->records, expected->ends, found->ends,
           (unsigned long long)expected->lines, (unsigned long long)found->lines);
    for (size_t i = 0; i < size; i++)
        printf(text[i] < 0x20 ? "\\x%02x" : "%c", text[i]);
    printf("\n");
}

/* From one state to the end, in two runs that meet at `middle`. */
static bool agrees(const struct sheaf_automaton *automaton, const char *text, size_t size,
                   size_t middle, enum sheaf_state state, enum sheaf_isa isa)
{
    struct sheaf_index expected = open_index(state), found = open_index(state);
    struct sheaf_index_goal goal = whole(size);

    sheaf_index_run(&expected, automaton, NULL, text, &goal);
    goal.to = middle;
    sheaf_index_run(&found, automaton, sheaf_index_kernel_of(isa), text, &goal);
    goal.to = size;
    sheaf_index_run(&found, automaton, sheaf_index_kernel_of(isa), text, &goal);
    bool good = same_index(&expected, &found) && (!expected.quotes || found.quotes) &&
                (!expected.non_ascii || found.non_ascii);
    if (!good)
        show(text, size, state, isa, &expected, &found);
    close_index(&expected);
    close_index(&found);
    return good;
}

static bool state_exists(const struct sheaf_rules *rules, int state, char first)
{
    switch (state) {
    case SHEAF_STATE_Q:
    case SHEAF_STATE_E:
    case SHEAF_STATE_T:
        return rules->has_quote;
    case SHEAF_STATE_C:
        return rules->has_comment;
    case SHEAF_STATE_XU:
        return rules->has_escape;
    case SHEAF_STATE_XT:
    case SHEAF_STATE_XQ:
        return rules->has_escape && rules->has_quote;
    case SHEAF_STATE_K: /* only ever before an LF */
        return first == '\n' && rules->delimiter != '\n';
    default:
        return true;
    }
}

static bool all_agree(const struct sheaf_rules *rules, const char *text, size_t size, size_t middle)
{
    struct sheaf_automaton automaton;
    bool good = true;

    sheaf_automaton_init(&automaton, rules);
    for (int state = 0; state < SHEAF_STATES; state++)
        for (int isa = SHEAF_ISA_AVX2; isa <= SHEAF_ISA_AVX512; isa++)
            if (sheaf_cpu_isa_runs((enum sheaf_isa)isa) &&
                state_exists(rules, state, size ? text[0] : 0))
                good &= agrees(&automaton, text, size, middle, (enum sheaf_state)state,
                               (enum sheaf_isa)isa);
    return good;
}

static struct sheaf_rules random_rules(struct unit_random *random)
{
    struct sheaf_rules rules = plain_rules();
    unsigned features = unit_random_below(random, 2) ? 0 : unit_random_below(random, 64);

    rules.has_escape = features & 1;
    rules.escape = '\\';
    rules.has_comment = features & 2;
    rules.comment = '#';
    rules.keep_blank = features & 4;
    rules.skip_initial_space = features & 8;
    rules.doublequote = !(features & 16);
    rules.has_quote = !(features & 32);
    rules.newline =
        (sheaf_newline)(unit_random_below(random, 2) ? 0 : unit_random_below(random, 3));
    return rules;
}

/* Letters by their weight: from soup to text in which blocks are well-behaved. */
static void random_text(struct unit_random *random, char *text, size_t size)
{
    static const char *const alphabets[] = {
        "a,\"\n\r", "aaaaaaaa,\n",  "aaaaaa,,\"\"\n",      "aaaaaaaaaaaaaaaaaaaaaaaa\"\",,\r\n",
        "\n\ra",    "a,\"\n\r #\\", "aaaaaaaa ,\"\"\n#\\", "\"\"\"\",\n"};
    static const char *const fields[] = {",\"a\"\"b,\nc\"\n", ",\"a,\r\nc\"\r\n"};
    const char *alphabet = alphabets[unit_random_below(random, 8)];
    unsigned letters = (unsigned)strlen(alphabet);

    for (size_t i = 0; i < size; i++)
        text[i] = alphabet[unit_random_below(random, letters)];
    /* Quoted fields as they should be, so that long stretches are valid. */
    if (unit_random_below(random, 2))
        for (size_t i = 0; i + 12 < size; i += 13 + unit_random_below(random, 40)) {
            const char *field = fields[unit_random_below(random, 2)];
            memcpy(text + i, field, strlen(field));
        }
}

static void every_kernel_agrees_with_the_automaton(void)
{
    struct unit_random random = {64};
    unsigned bad = 0;

    for (int i = 0; i < 6000 && bad < 5; i++) {
        size_t size = unit_random_below(&random, i % 8 ? 200 : MOST_BYTES);
        char *text = malloc(size ? size : 1); /* its end is the end of memory */
        struct sheaf_rules rules = random_rules(&random);
        random_text(&random, text, size);
        size_t middle = size ? unit_random_below(&random, (unsigned)size + 1) : 0;
        bad += !all_agree(&rules, text, size, middle);
        free(text);
    }
    CU_ASSERT_EQUAL(bad, 0);
}

/* Each newline, quote and delimiter at each place around the border of two blocks. */
static void nothing_is_lost_between_blocks(void)
{
    static const char *const pieces[] = {"\n",  "\r",    "\r\n",   "\n\n",   "\r\n\r\n", "\r\r\n",
                                         "\"",  "\"\"",  ",\"",    "\",",    "\"\r\n",   "\"\"\"",
                                         ",,",  "\n\"",  "\"\n\"", "a\"\"b", ",\"\"\n",  "\n,\n",
                                         "#\n", "\n#\"", "\\\"",   "\\\r\n", ", \"",     "\n\n\n"};
    static const struct sheaf_rules features[] = {
        {.delimiter = ',', .quote = '"', .has_quote = true, .doublequote = true},
        {.delimiter = ',', .quote = '"', .has_quote = true, .newline = SHEAF_NEWLINE_CRLF},
        {.delimiter = ',',
         .quote = '"',
         .has_quote = true,
         .newline = SHEAF_NEWLINE_LF,
         .keep_blank = true,
         .doublequote = true},
        {.delimiter = ',',
         .quote = '"',
         .has_quote = true,
         .escape = '\\',
         .has_escape = true,
         .comment = '#',
         .has_comment = true,
         .skip_initial_space = true,
         .doublequote = true},
        {.delimiter = ','},
    };
    char text[200];
    unsigned bad = 0;

    for (size_t f = 0; f < sizeof features / sizeof features[0]; f++)
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++)
            for (size_t at = 58; at < 70; at++)
                for (int fill = 0; fill < 3; fill++) {
                    memset(text, "a,\n"[fill], sizeof text);
                    memcpy(text + at, pieces[p], strlen(pieces[p]));
                    bad += !all_agree(&features[f], text, sizeof text, at + 1);
                }
    CU_ASSERT_EQUAL(bad, 0);
}

static void run_stops_at_the_first_line_start_after_stop(void)
{
    static const char text[] = "a,b\n\n\"x\ny\"\r\n\r\nlast";
    static const uint64_t line_starts[] = {0, 4, 5, 12, 14};
    struct sheaf_rules rules = plain_rules();
    struct sheaf_automaton automaton;

    sheaf_automaton_init(&automaton, &rules);
    for (uint64_t stop = 0, line = 0; stop <= 14; stop++) {
        struct sheaf_index index = open_index(SHEAF_STATE_R);
        struct sheaf_index_goal goal = whole(sizeof text - 1);
        while (line_starts[line] < stop)
            line++;
        goal.stop = stop;
        CU_ASSERT_EQUAL(sheaf_index_run(&index, &automaton, NULL, text, &goal), SHEAF_INDEX_STOP);
        CU_ASSERT_EQUAL(index.at, line_starts[line]);
        CU_ASSERT_EQUAL(index.lines, sheaf_count_lines(text, index.at));
        close_index(&index);
    }
}

static void lines_are_counted_as_an_editor_shows_them(void)
{
    static const struct {
        const char *text;
        uint64_t lines;
    } cases[] = {{"", 0},           {"a", 0},      {"\n", 1},     {"\r", 1},
                 {"\r\n", 1},       {"\n\r", 2},   {"\r\r\n", 2}, {"a\nb\r", 2},
                 {"a\r\nb\r\n", 2}, {"\r\n\n", 2}, {"\n\n\n", 3}, {"\r\r\r", 3}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_EQUAL(sheaf_count_lines(cases[i].text, strlen(cases[i].text)), cases[i].lines);
}

static void every_state_has_a_step_for_every_class(void)
{
    struct sheaf_rules rules = plain_rules();
    struct sheaf_automaton automaton;

    rules.has_escape = rules.has_comment = true;
    rules.escape = '\\';
    rules.comment = '#';
    memset(&automaton, 0xff, sizeof automaton);
    sheaf_automaton_init(&automaton, &rules);
    for (int state = 0; state < SHEAF_STATES; state++)
        for (int class = 0; class < SHEAF_CLASSES; class ++)
            CU_ASSERT((automaton.step[state][class] & SHEAF_STEP_STATE) < SHEAF_STATES);
    for (int byte = 0; byte < 256; byte++)
        CU_ASSERT(automaton.class[byte] < SHEAF_CLASSES);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(every_state_has_a_step_for_every_class),
        UNIT(every_kernel_agrees_with_the_automaton),
        UNIT(nothing_is_lost_between_blocks),
        UNIT(run_stops_at_the_first_line_start_after_stop),
        UNIT(lines_are_counted_as_an_editor_shows_them),
        {0},
    };

    return unit_run("index", tests);
}
