/* help.c - the table of verbs, and `sheaf help` */
#include <string.h>

#include "command.h"

const struct verb command_verbs[] = {
    {"head", "FILE...", "the first rows (-n 10)", "Look", command_data, 0},
    {"schema", "FILE...", "names and types of the columns, as --schema takes them", "Look",
     command_schema, -1},
    {"stats", "FILE...", "each column: type, count, missing, distinct, min, max, mean, deviation",
     "Look", command_data, 0},
    {"count", "FILE...", "the number of rows; --by KEYS for each key", "Look", command_data, 0},
    {"freq", "COLS FILE...", "how often each value occurs, most frequent first (-n: the first N)",
     "Look", command_data, 1},
    {"hist", "COL FILE...", "a histogram, drawn on a terminal (--set bins=N)", "Look", command_hist,
     -1},
    {"records", "FILE...", "what the lexer sees: a JSON array for each record (--offsets)", "Look",
     command_records, -1},
    {"where", "'EXPR' FILE...", "the rows for which a condition is true", "Shape", command_data, 1},
    {"select", "'COL, EXPR as NAME, ...' FILE...", "some columns, or new ones", "Shape",
     command_data, 1},
    {"sort", "COLS", "behind then: sort the answer; -COL downwards", "Shape", command_data, 1},
    {"group", "KEYS 'mean(x) min(x) as low ...' FILE...", "several aggregates for each key",
     "Reduce", command_data, 2},
    {"run", "OPERATOR... FILE...", "operators by name, from .so, or from .c (--by --bind --set)",
     "Reduce", command_data, 0},
    {"operators", "", "the operators that are built in", "Operators", command_operators, -1},
    {"describe", "OPERATOR", "inputs, outputs and options of an operator", "Operators",
     command_describe, -1},
    {"check", "OPERATOR FILE...", "try to refute an operator's law on data cut at random",
     "Operators", command_check, -1},
    {"gen", "NAME", "make data: 1brc, h2o, taxi, numbers, nasty (-n ROWS --seed S -o FILE)",
     "Tools", command_gen, -1},
    {"doctor", "", "look at this machine and try what sheaf needs", "Tools", command_doctor, -1},
    {"help", "[COMMAND | flags]", "this, or more on one command", "Tools", command_help, -1},
    {0},
};

const struct verb *command_verb(const char *name)
{
    for (const struct verb *verb = command_verbs; verb->name; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

struct example {
    const char *verb, *text;
};

static const struct example examples[] = {
    {"head", "sheaf head -n 3 orders.csv"},
    {"schema", "sheaf schema orders.csv"},
    {"stats", "sheaf stats orders.csv"},
    {"count", "sheaf count orders.csv"},
    {"count", "sheaf count orders.csv --by customer"},
    {"freq", "sheaf freq customer orders.csv -n 10"},
    {"hist", "sheaf hist amount orders.csv --set bins=20"},
    {"records", "sheaf records orders.csv --offsets"},
    {"where", "sheaf where 'amount > 100 and customer is not missing' orders.csv"},
    {"where", "sheaf where 'amount > 0' then group customer 'sum(amount)' orders.csv"},
    {"select", "sheaf select 'customer, amount * 2 as twice' orders.csv -f jsonl"},
    {"sort", "sheaf group customer 'sum(amount) as total' then sort -total orders.csv"},
    {"group", "sheaf group customer 'mean(amount) max(amount) count()' orders.csv"},
    {"group", "sheaf group customer,day 'sum(amount) as total' orders.csv --sort -total"},
    {"run", "sheaf run total.c orders.csv --by customer"},
    {"run", "sheaf run moments orders.csv --bind value=amount"},
    {"run", "sheaf run words count notes.csv --by word --sort -count"},
    {"describe", "sheaf describe moments"},
    {"check", "sheaf check total.c orders.csv"},
    {"gen", "sheaf gen 1brc -n 1000000 -o measurements.csv"},
};

static void help_verb(const struct verb *verb)
{
    printf("sheaf %s %s\n\n%s\n", verb->name, verb->usage, verb->about);
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        if (strcmp(examples[i].verb, verb->name) == 0)
            printf("\n    %s", examples[i].text);
    printf("\n");
}

sheaf_status command_help(struct command *command, sheaf_error *error)
{
    const char *section = "";
    const char *about = command->count == 0                      ? NULL
                        : strcmp(command->words[0], "help") == 0 ? command->words[1]
                                                                 : command->words[0];

    if (about && strcmp(about, "flags") == 0) {
        printf("Flags mean the same everywhere and may stand anywhere; -- ends them.\n");
        command_flags_print(stdout);
        return SHEAF_OK;
    }
    if (about) {
        const struct verb *verb = command_verb(about);
        if (!verb) {
            sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no command \"%s\" (E103)", about);
            sheaf_error_help(error, "sheaf help lists them");
            return SHEAF_BAD_ARGUMENT;
        }
        help_verb(verb);
        return SHEAF_OK;
    }
    printf("sheaf - ask questions of large CSV and binary files\n\n"
           "    sheaf COMMAND [WORDS] [FLAGS] FILE|GLOB|FOLDER|@LIST|-...\n");
    for (const struct verb *verb = command_verbs; verb->name; verb++) {
        if (strcmp(section, verb->section) != 0)
            printf("\n%s\n", section = verb->section);
        printf("  %-10s %s\n", verb->name, verb->about);
    }
    printf("\nCommands chain with then and stay one pass:\n"
           "    sheaf where 'x > 0' then group key 'mean(x)' data.csv\n\n"
           "sheaf help COMMAND shows examples, sheaf help flags all flags.\n");
    return SHEAF_OK;
}
