/*
 * command.h - the `sheaf` command: flags, verbs, and what they share
 *
 * main.c reads the flags (flags.c), finds the verb, and prints what went wrong;
 * a verb gets the words that are left.
 */
#ifndef SHEAF_APPS_COMMAND_H
#define SHEAF_APPS_COMMAND_H

#include <stdio.h>

#include <sheaf/sheaf.h>

#define COMMAND_STAGES 32

struct command {
    /* From the flags. */
    sheaf_dataset_options input;
    sheaf_job job;
    sheaf_target target;
    const char *sort;
    const char *nulls[64];
    size_t null_count;
    uint64_t rows;       /* -n, --rows */
    bool rows_given;
    bool offsets;
    bool explain, time, quiet, verbose, progress, no_progress, version, help, header;
    bool operators_end;  /* "--" stood after the operators of run */
    size_t operators_end_at;

    /* What is left: the verb and its words. */
    char **words;
    size_t count;
};

/* Take the flags out of argv; what is left goes to command->words, which is allocated. */
SHEAF_CHECKED sheaf_status command_flags(int argc, char **argv, struct command *command,
                                         sheaf_error *error);
/* The list of flags, for `sheaf help`. */
void command_flags_print(FILE *to);

struct verb {
    const char *name;
    const char *usage;   /* what follows the name */
    const char *about;
    const char *section; /* of the help */
    sheaf_status (*run)(struct command *command, sheaf_error *error);
    int arguments;       /* words of its own before `then` or the files; -1: a verb of its own kind */
};

extern const struct verb command_verbs[];
const struct verb *command_verb(const char *name);

/* A verb over data: stages chained with `then`, then the files. */
sheaf_status command_data(struct command *command, sheaf_error *error);

sheaf_status command_records(struct command *command, sheaf_error *error);
sheaf_status command_schema(struct command *command, sheaf_error *error);
sheaf_status command_hist(struct command *command, sheaf_error *error);
sheaf_status command_operators(struct command *command, sheaf_error *error);
sheaf_status command_describe(struct command *command, sheaf_error *error);
sheaf_status command_check(struct command *command, sheaf_error *error);
sheaf_status command_doctor(struct command *command, sheaf_error *error);
sheaf_status command_gen(struct command *command, sheaf_error *error);
sheaf_status command_help(struct command *command, sheaf_error *error);

/* Open the files in words[from..); SHEAF_BAD_ARGUMENT when there are none. */
SHEAF_CHECKED sheaf_status command_open(struct command *command, size_t from,
                                        sheaf_dataset **dataset, sheaf_error *error);
/* Run the job and write its answer as the flags say, then tell what there is to tell. */
SHEAF_CHECKED sheaf_status command_run(struct command *command, sheaf_error *error);
/* Repairs, bad rows and, on request, times: on stderr. */
void command_report(const struct command *command, const sheaf_report *report);
/* Standard output was written completely. */
SHEAF_CHECKED sheaf_status command_flush(sheaf_error *error);

#endif
