/* flags.c - the flags of the command, in one table: see command.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum flag {
    FLAG_DELIMITER,
    FLAG_QUOTE,
    FLAG_NO_QUOTE,
    FLAG_ESCAPE,
    FLAG_NO_DOUBLEQUOTE,
    FLAG_COMMENT,
    FLAG_KEEP_BLANK,
    FLAG_SKIP_SPACE,
    FLAG_NEWLINE,
    FLAG_NO_HEADER,
    FLAG_HEADER,
    FLAG_SCHEMA,
    FLAG_TEXT,
    FLAG_NULL,
    FLAG_INPUT,
    FLAG_STRICT,
    FLAG_LENIENT,
    FLAG_LIBCSV,
    FLAG_BAD_ROW,
    FLAG_REJECTS,
    FLAG_MAX_BAD,
    FLAG_SHARD_SIZE,
    FLAG_JOBS,
    FLAG_INLINE,
    FLAG_RETRIES,
    FLAG_TIMEOUT,
    FLAG_BY,
    FLAG_BIND,
    FLAG_SET,
    FLAG_SORT,
    FLAG_SEED,
    FLAG_MEMORY,
    FLAG_ROWS,
    FLAG_OFFSETS,
    FLAG_OUTPUT,
    FLAG_FORMAT,
    FLAG_PROGRESS,
    FLAG_NO_PROGRESS,
    FLAG_EXPLAIN,
    FLAG_TIME,
    FLAG_QUIET,
    FLAG_VERBOSE,
    FLAG_VERSION,
    FLAG_HELP
};

static const struct flag_text {
    enum flag flag;
    const char *letter; /* "-d" or NULL */
    const char *name;
    const char *argument; /* NULL: it takes none */
    const char *about;
    const char *section;
} flags[] = {
    {FLAG_DELIMITER, "-d", "--delimiter", "SEP", "byte between fields: , ; tab |, or \\xNN",
     "Reading"},
    {FLAG_QUOTE, NULL, "--quote", "C", "quote byte (\")", "Reading"},
    {FLAG_NO_QUOTE, NULL, "--no-quote", NULL, "quotes are data", "Reading"},
    {FLAG_ESCAPE, NULL, "--escape", "C", "the byte after this one is data", "Reading"},
    {FLAG_NO_DOUBLEQUOTE, NULL, "--no-doublequote", NULL, "two quotes inside quotes are not one",
     "Reading"},
    {FLAG_COMMENT, NULL, "--comment", "C", "leave out lines that begin with this byte", "Reading"},
    {FLAG_KEEP_BLANK, NULL, "--keep-blank", NULL, "empty lines are records of one empty field",
     "Reading"},
    {FLAG_SKIP_SPACE, NULL, "--skip-initial-space", NULL, "spaces after a delimiter are not data",
     "Reading"},
    {FLAG_NEWLINE, NULL, "--newline", "any|lf|crlf", "what ends a record (any)", "Reading"},
    {FLAG_NO_HEADER, NULL, "--no-header", NULL, "the first record is data; columns are c1, c2, ...",
     "Reading"},
    {FLAG_HEADER, NULL, "--header", NULL, "the first record is a header (gen: write one)",
     "Reading"},
    {FLAG_SCHEMA, NULL, "--schema", "NAME:TYPE,...",
     "types (and without a header, names) of columns", "Reading"},
    {FLAG_TEXT, NULL, "--text", NULL, "all columns are text", "Reading"},
    {FLAG_NULL, NULL, "--null", "STR", "this spelling is missing too; may be given again",
     "Reading"},
    {FLAG_INPUT, NULL, "--input", "csv|records|npy", "format of the files, where it is not plain",
     "Reading"},
    {FLAG_STRICT, NULL, "--strict", NULL, "every repair of quotes is an error", "Reading"},
    {FLAG_LENIENT, NULL, "--lenient", NULL, "no matter of quotes is an error", "Reading"},
    {FLAG_LIBCSV, NULL, "--libcsv", NULL, "let libcsv read, with its own recovery", "Reading"},
    {FLAG_BAD_ROW, NULL, "--on-bad-row", "fail|skip|null",
     "what to do with a row that does not fit (fail)", "Reading"},
    {FLAG_REJECTS, NULL, "--rejects", "FILE", "write bad rows that were skipped or nulled here",
     "Reading"},
    {FLAG_MAX_BAD, NULL, "--max-bad", "N", "more bad rows than this are an error", "Reading"},
    {FLAG_BY, NULL, "--by", "KEYS", "one answer for each value of these columns", "Asking"},
    {FLAG_BIND, NULL, "--bind", "INPUT=COLUMN,...", "which columns an operator reads", "Asking"},
    {FLAG_SET, NULL, "--set", "OPTION=VALUE,...", "options of an operator", "Asking"},
    {FLAG_SORT, NULL, "--sort", "COLS", "sort the answer; -COL downwards", "Asking"},
    {FLAG_ROWS, "-n", "--rows", "N", "rows: of head (10), gen, freq", "Asking"},
    {FLAG_OFFSETS, NULL, "--offsets", NULL, "records: put byte and line in front", "Asking"},
    {FLAG_SEED, NULL, "--seed", "S", "of whatever is random (1)", "Asking"},
    {FLAG_JOBS, "-j", "--jobs", "N", "worker processes (what affinity and cgroups allow)",
     "Running"},
    {FLAG_INLINE, NULL, "--inline", NULL, "no workers: all in this process", "Running"},
    {FLAG_SHARD_SIZE, NULL, "--shard-size", "BYTES",
     "cut the data into pieces of this size; k, M, G", "Running"},
    {FLAG_MEMORY, NULL, "--memory", "BYTES", "most memory for the states of one worker", "Running"},
    {FLAG_RETRIES, NULL, "--retries", "N", "more attempts after a worker's death (3)", "Running"},
    {FLAG_TIMEOUT, NULL, "--timeout", "SECONDS", "give up after this time", "Running"},
    {FLAG_OUTPUT, "-o", "--output", "FILE", "write here, in one rename at the end", "Writing"},
    {FLAG_FORMAT, "-f", "--format", "FORMAT", "csv, tsv, jsonl, json, md, table", "Writing"},
    {FLAG_PROGRESS, NULL, "--progress", NULL, "show progress on stderr, terminal or not",
     "Writing"},
    {FLAG_NO_PROGRESS, NULL, "--no-progress", NULL, "show none", "Writing"},
    {FLAG_EXPLAIN, NULL, "--explain", NULL, "say what would be done, and stop", "Writing"},
    {FLAG_TIME, NULL, "--time", NULL, "say what it took, on stderr", "Writing"},
    {FLAG_QUIET, "-q", "--quiet", NULL, "no remarks on stderr", "Writing"},
    {FLAG_VERBOSE, "-v", "--verbose", NULL, "more remarks on stderr", "Writing"},
    {FLAG_VERSION, NULL, "--version", NULL, "print the version; with -v what is in it", "Writing"},
    {FLAG_HELP, "-h", "--help", NULL, "print help", "Writing"},
};

#define FLAGS (sizeof flags / sizeof flags[0])

void command_flags_print(FILE *to)
{
    const char *section = "";

    for (size_t i = 0; i < FLAGS; i++) {
        char left[64];
        if (strcmp(section, flags[i].section) != 0)
            fprintf(to, "\n%s\n", section = flags[i].section);
        snprintf(left, sizeof left, "%s%s%s %s", flags[i].letter ? flags[i].letter : "  ",
                 flags[i].letter ? ", " : "  ", flags[i].name,
                 flags[i].argument ? flags[i].argument : "");
        fprintf(to, "  %-32s %s\n", left, flags[i].about);
    }
}

/* -- values of flags ------------------------------------------------------------------------- */

static sheaf_status bad_value(const char *flag, const char *wanted, const char *got,
                              sheaf_error *error)
{
    return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s wants %s, got \"%s\" (E101)", flag,
                           wanted, got);
}

/* A byte as people write it, plus 1: a character, tab, \t, \0, \xNN. */
static sheaf_status read_byte(const char *flag, const char *text, int *byte, sheaf_error *error)
{
    static const struct {
        const char *name;
        unsigned char byte;
    } names[] = {{"tab", '\t'}, {"\\t", '\t'},  {"\\n", '\n'},  {"\\r", '\r'},
                 {"\\0", '\0'}, {"\\\\", '\\'}, {"space", ' '}, {"comma", ','}};
    unsigned value;
    char rest;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i].name) == 0) {
            *byte = names[i].byte + 1;
            return SHEAF_OK;
        }
    if (strlen(text) == 1) {
        *byte = (unsigned char)text[0] + 1;
        return SHEAF_OK;
    }
    if (strncmp(text, "\\x", 2) == 0 && strlen(text) == 4 &&
        sscanf(text + 2, "%2x%c", &value, &rest) == 1) {
        *byte = (int)value + 1;
        return SHEAF_OK;
    }
    return bad_value(flag, "one byte (a character, tab, or \\xNN)", text, error);
}

/* A whole number, with k, M or G behind it where `unit` is set. */
static sheaf_status read_number(const char *flag, const char *text, bool unit, uint64_t *number,
                                sheaf_error *error)
{
    char *end;
    unsigned shift = 0;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (unit && (*end == 'k' || *end == 'K'))
        shift = 10;
    else if (unit && *end == 'M')
        shift = 20;
    else if (unit && *end == 'G')
        shift = 30;
    if (text[0] < '0' || text[0] > '9' || errno || end[shift > 0] != '\0' ||
        value > UINT64_MAX >> shift)
        return bad_value(flag, unit ? "a size such as 4M" : "a whole number", text, error);
    *number = (uint64_t)value << shift;
    return SHEAF_OK;
}

static sheaf_status read_choice(const char *flag, const char *text, const char *choices,
                                int *choice, sheaf_error *error)
{
    size_t size = strlen(text);
    int index = 0;

    for (const char *at = choices; size > 0; index++) {
        size_t length = strcspn(at, "|");
        if (length == size && memcmp(at, text, size) == 0) {
            *choice = index;
            return SHEAF_OK;
        }
        if (!at[length])
            break;
        at += length + 1;
    }
    return bad_value(flag, choices, text, error);
}

/* -j N.  N processes with M threads each, NxM, is not for this version. */
static sheaf_status read_jobs(const char *flag, const char *text, int *workers, sheaf_error *error)
{
    uint64_t number;

    SHEAF_TRY(read_number(flag, text, false, &number, error));
    if (number < 1 || number > 4096)
        return bad_value(flag, "1 to 4096 workers", text, error);
    *workers = (int)number;
    return SHEAF_OK;
}

static sheaf_status add_null(struct command *command, const char *text, sheaf_error *error)
{
    if (command->null_count + 1 >= sizeof command->nulls / sizeof command->nulls[0])
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "more than 62 --null spellings (E101)");
    command->nulls[command->null_count++] = text;
    command->input.nulls = command->nulls;
    return SHEAF_OK;
}

static sheaf_status apply_number(struct command *command, enum flag flag, const char *name,
                                 const char *value, sheaf_error *error)
{
    uint64_t number = 0;

    SHEAF_TRY(
        read_number(name, value, flag == FLAG_SHARD_SIZE || flag == FLAG_MEMORY, &number, error));
    if (flag == FLAG_MAX_BAD)
        command->input.max_bad = number;
    else if (flag == FLAG_SHARD_SIZE)
        command->input.shard_bytes = (size_t)number;
    else if (flag == FLAG_MEMORY)
        command->job.memory_bytes = (size_t)number;
    else if (flag == FLAG_SEED)
        command->job.seed = number;
    else if (flag == FLAG_RETRIES)
        command->job.executor.retries = number == 0 ? -1 : (int)(number > 1000 ? 1000 : number);
    else if (flag == FLAG_TIMEOUT)
        command->job.executor.deadline_ms = (int64_t)(number * 1000);
    else
        command->rows = number;
    command->rows_given |= flag == FLAG_ROWS;
    if (flag == FLAG_SHARD_SIZE && number == 0)
        return bad_value(name, "at least 1 byte", value, error);
    if (flag == FLAG_TIMEOUT && (number == 0 || number > 1000000000))
        return bad_value(name, "1 to 1000000000 seconds", value, error);
    return SHEAF_OK;
}

static sheaf_status apply(struct command *command, const struct flag_text *text, const char *value,
                          sheaf_error *error)
{
    sheaf_dataset_options *input = &command->input;
    const char *name = text->name;
    int choice = 0;

    switch (text->flag) {
    case FLAG_DELIMITER:
        return read_byte(name, value, &input->delimiter, error);
    case FLAG_QUOTE:
        return read_byte(name, value, &input->quote, error);
    case FLAG_NO_QUOTE:
        input->quote = -1;
        break;
    case FLAG_ESCAPE:
        return read_byte(name, value, &input->escape, error);
    case FLAG_NO_DOUBLEQUOTE:
        input->no_doublequote = true;
        break;
    case FLAG_COMMENT:
        return read_byte(name, value, &input->comment, error);
    case FLAG_KEEP_BLANK:
        input->keep_blank = true;
        break;
    case FLAG_SKIP_SPACE:
        input->skip_initial_space = true;
        break;
    case FLAG_NEWLINE:
        SHEAF_TRY(read_choice(name, value, text->argument, &choice, error));
        input->newline = (sheaf_newline)choice;
        break;
    case FLAG_NO_HEADER:
        input->headless = true;
        break;
    case FLAG_HEADER:
        input->header = command->header = true;
        break;
    case FLAG_SCHEMA:
        input->schema = value;
        break;
    case FLAG_TEXT:
        input->all_text = true;
        break;
    case FLAG_NULL:
        return add_null(command, value, error);
    case FLAG_INPUT:
        SHEAF_TRY(read_choice(name, value, text->argument, &choice, error));
        input->format = (sheaf_format)(SHEAF_CSV + choice);
        break;
    case FLAG_STRICT:
        input->reading = SHEAF_STRICT;
        break;
    case FLAG_LENIENT:
        input->reading = SHEAF_LENIENT;
        break;
    case FLAG_LIBCSV:
        input->reading = SHEAF_LIBCSV;
        break;
    case FLAG_BAD_ROW:
        SHEAF_TRY(read_choice(name, value, text->argument, &choice, error));
        input->bad_row = (sheaf_bad_row)choice;
        break;
    case FLAG_REJECTS:
        command->job.rejects = value;
        break;
    case FLAG_JOBS:
        return read_jobs(name, value, &command->job.executor.workers, error);
    case FLAG_INLINE:
        command->job.executor.name = SHEAF_EXECUTOR_INLINE;
        break;
    case FLAG_BY:
        command->job.by = value;
        break;
    case FLAG_BIND:
        command->job.bind = value;
        break;
    case FLAG_SET:
        command->job.set = value;
        break;
    case FLAG_SORT:
        command->sort = value;
        break;
    case FLAG_OFFSETS:
        command->offsets = true;
        break;
    case FLAG_OUTPUT:
        command->target.path = value;
        break;
    case FLAG_FORMAT:
        SHEAF_TRY(read_choice(name, value, "csv|tsv|jsonl|json|md|table", &choice, error));
        command->target.format = value;
        break;
    case FLAG_PROGRESS:
        command->progress = true;
        break;
    case FLAG_NO_PROGRESS:
        command->no_progress = true;
        break;
    case FLAG_EXPLAIN:
        command->explain = true;
        break;
    case FLAG_TIME:
        command->time = true;
        break;
    case FLAG_QUIET:
        command->quiet = true;
        break;
    case FLAG_VERBOSE:
        command->verbose = true;
        break;
    case FLAG_VERSION:
        command->version = true;
        break;
    case FLAG_HELP:
        command->help = true;
        break;
    default:
        return apply_number(command, text->flag, name, value, error);
    }
    return SHEAF_OK;
}

/* -- finding flags in argv ----------------------------------------------------------------------
 */

static sheaf_status unknown_flag(const char *word, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no flag %s (E102)", word);
    for (size_t i = 0; i < FLAGS; i++)
        if (strncmp(flags[i].name, word, strlen(word)) == 0 && strlen(word) > 3)
            sheaf_error_help(error, "Did you mean %s?", flags[i].name);
    sheaf_error_help(error, "sheaf help flags lists them; a file of such a name is ./%s", word);
    return SHEAF_BAD_ARGUMENT;
}

/* "-d;", "-d ;", "--delimiter ;" and "--delimiter=;" are the same. */
static const struct flag_text *find_flag(const char *word, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < FLAGS; i++) {
        size_t size = strlen(flags[i].name);
        if (strncmp(word, flags[i].name, size) == 0) {
            if (word[size] == '\0')
                return &flags[i];
            if (word[size] == '=' && flags[i].argument) {
                *value = word + size + 1;
                return &flags[i];
            }
        }
        if (flags[i].letter && strncmp(word, flags[i].letter, 2) == 0) {
            if (word[2] == '\0')
                return &flags[i];
            if (flags[i].argument) {
                *value = word + 2;
                return &flags[i];
            }
        }
    }
    return NULL;
}

sheaf_status command_flags(int argc, char **argv, struct command *command, sheaf_error *error)
{
    *command = (struct command){.input = {.struct_size = sizeof command->input},
                                .job = {.struct_size = sizeof command->job, .seed = 1},
                                .rows = 10};
    command->words = calloc((size_t)argc + 1, sizeof *command->words);
    if (!command->words)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory");
    for (int i = 1; i < argc; i++) {
        const char *value;
        /* "-" is standard input; "sort -total" has no flag in it. */
        bool sorted = command->count > 0 && strcmp(command->words[command->count - 1], "sort") == 0;
        if (argv[i][0] != '-' || argv[i][1] == '\0' || sorted) {
            command->words[command->count++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            command->operators_end = true;
            command->operators_end_at = command->count;
            while (++i < argc)
                command->words[command->count++] = argv[i];
            break;
        }
        const struct flag_text *flag = find_flag(argv[i], &value);
        if (!flag)
            return unknown_flag(argv[i], error);
        if (flag->argument && !value) {
            if (i + 1 >= argc)
                return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s wants %s (E101)", flag->name,
                                       flag->argument);
            value = argv[++i];
        }
        SHEAF_TRY(apply(command, flag, value, error));
    }
    return SHEAF_OK;
}
