/*
 * verbs.c - verbs over data: stages chained with `then`, and the files last
 *
 *     sheaf where 'x > 0' then group k 'mean(x)' data.csv
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sheaf/plugin.h>

#include "command.h"

struct chain {
    sheaf_stage stages[COMMAND_STAGES];
    size_t count;
};

static sheaf_status add_stage(struct chain *chain, sheaf_stage stage, sheaf_error *error)
{
    if (chain->count == COMMAND_STAGES)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "more than %d steps (E104)",
                               COMMAND_STAGES);
    chain->stages[chain->count++] = stage;
    return SHEAF_OK;
}

/* run OP...: all leading words that are operators; the last folds, unless it is a map too. */
static sheaf_status add_run(struct command *command, struct chain *chain, size_t *at, size_t end,
                            sheaf_error *error)
{
    size_t first = *at, last;

    while (*at < end && sheaf_plugin_is_spec(command->words[*at]) &&
           !(command->operators_end && *at == command->operators_end_at))
        ++*at;
    if (*at == first) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "run wants an operator first%s%.60s%s (E105)",
                        first < end ? ", got \"" : "", first < end ? command->words[first] : "",
                        first < end ? "\"" : "");
        sheaf_error_help(error,
                         "A file that ends in .c or .so, or a name: sheaf operators lists them");
        return SHEAF_BAD_ARGUMENT;
    }
    last = *at - 1;
    for (size_t i = first; i <= last; i++) {
        sheaf_plugin *plugin = NULL;
        SHEAF_TRY(sheaf_plugin_open(command->words[i], &plugin, error));
        bool maps = sheaf_plugin_operator(plugin)->map != NULL;
        sheaf_plugin_close(plugin);
        SHEAF_TRY(add_stage(chain,
                            (sheaf_stage){.kind = maps ? SHEAF_STAGE_MAP : SHEAF_STAGE_FOLD,
                                          .spec = command->words[i],
                                          .by = maps ? NULL : command->job.by,
                                          .bind = i == first ? command->job.bind : NULL,
                                          .set = i == last ? command->job.set : NULL},
                            error));
    }
    return SHEAF_OK;
}

/* freq COLS: how often each value occurs, the most frequent first. */
static sheaf_status add_freq(struct command *command, struct chain *chain, const char *by,
                             sheaf_error *error)
{
    SHEAF_TRY(add_stage(
        chain, (sheaf_stage){.kind = SHEAF_STAGE_GROUP, .text = "count() as count", .by = by},
        error));
    SHEAF_TRY(add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_SORT, .text = "-count"}, error));
    if (command->rows_given)
        SHEAF_TRY(add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_HEAD, .count = command->rows},
                            error));
    return SHEAF_OK;
}

/* One verb with its words, from words[*at]; *at moves behind them. */
static sheaf_status add_verb(struct command *command, struct chain *chain, size_t *at, size_t end,
                             sheaf_error *error)
{
    const struct verb *verb = command_verb(command->words[*at]);
    char **words = command->words + *at + 1;

    bool sort = strcmp(command->words[*at], "sort") == 0;
    if (!verb || (verb->run != command_data && !sort)) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "\"%s\" can not stand in a chain (E106)",
                        command->words[*at]);
        sheaf_error_help(error, "where, select, head, run, group, freq, count, stats and sort can");
        return SHEAF_BAD_ARGUMENT;
    }
    ++*at;
    if (strcmp(verb->name, "run") == 0)
        return add_run(command, chain, at, end, error);
    if (*at + (size_t)verb->arguments > end) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s: too few words (E107)", verb->name);
        sheaf_error_help(error, "Usage: sheaf %s %s", verb->name, verb->usage);
        return SHEAF_BAD_ARGUMENT;
    }
    *at += (size_t)verb->arguments;
    if (strcmp(verb->name, "where") == 0)
        return add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_WHERE, .text = words[0]}, error);
    if (strcmp(verb->name, "select") == 0)
        return add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_SELECT, .text = words[0]}, error);
    if (sort)
        return add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_SORT, .text = words[0]}, error);
    if (strcmp(verb->name, "group") == 0)
        return add_stage(chain,
                         (sheaf_stage){.kind = SHEAF_STAGE_GROUP, .by = words[0], .text = words[1]},
                         error);
    if (strcmp(verb->name, "freq") == 0)
        return add_freq(command, chain, words[0], error);
    if (strcmp(verb->name, "head") == 0)
        return add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_HEAD, .count = command->rows},
                         error);
    if (strcmp(verb->name, "stats") == 0)
        return add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_STATS}, error);
    return add_stage(
        chain, (sheaf_stage){.kind = SHEAF_STAGE_FOLD, .spec = "count", .by = command->job.by},
        error);
}

static size_t find_then(const struct command *command, size_t from)
{
    while (from < command->count && strcmp(command->words[from], "then") != 0)
        from++;
    return from;
}

static sheaf_status read_chain(struct command *command, struct chain *chain, size_t *files,
                               sheaf_error *error)
{
    size_t at = 0;

    for (;;) {
        size_t then = find_then(command, at);
        if (at >= command->count)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "nothing follows \"then\" (E106)");
        SHEAF_TRY(add_verb(command, chain, &at, then, error));
        if (then == command->count)
            break;
        if (at != then)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                   "\"%.60s\" stands before \"then\"; files come last (E108)",
                                   command->words[at]);
        at = then + 1;
    }
    if (command->sort)
        SHEAF_TRY(add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_SORT, .text = command->sort},
                            error));
    /* -n means the first rows of whatever comes out, unless a verb took it for itself. */
    bool taken = false;
    for (size_t i = 0; i < chain->count; i++)
        taken |= chain->stages[i].kind == SHEAF_STAGE_HEAD;
    if (command->rows_given && !taken)
        SHEAF_TRY(add_stage(chain, (sheaf_stage){.kind = SHEAF_STAGE_HEAD, .count = command->rows},
                            error));
    *files = at;
    return SHEAF_OK;
}

sheaf_status command_open(struct command *command, size_t from, sheaf_dataset **dataset,
                          sheaf_error *error)
{
    if (from >= command->count) {
        const struct verb *verb = command_verb(command->words[0]);
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "no file given (E109)");
        sheaf_error_help(error, "Usage: sheaf %s %s    (- is standard input)", verb->name,
                         verb->usage);
        return SHEAF_BAD_ARGUMENT;
    }
    size_t standard = 0;
    for (size_t i = from; i < command->count; i++)
        standard += strcmp(command->words[i], "-") == 0;
    if (standard > 1)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "standard input (-) can be read only once (E112)");
    return sheaf_dataset_open((const char *const *)command->words + from, command->count - from,
                              &command->input, dataset, error);
}

/* -- running
 * ----------------------------------------------------------------------------------------- */

static bool progress_shown;

static void show_progress(double fraction, void *context)
{
    const struct command *command = context;
    static int calls;

    if (++calls < 10 && !command->progress)
        return; /* nothing in the first second */
    progress_shown = true;
    if (fraction < 0)
        fprintf(stderr, "\rworking ...");
    else
        fprintf(stderr, "\r%3.0f %%", 100 * fraction);
}

static void hide_progress(void)
{
    if (progress_shown)
        fprintf(stderr, "\r           \r");
}

static void report_repairs(const struct command *command, const sheaf_report *report)
{
    static const char *const kinds[SHEAF_REPORT_REPAIRS] = {"a quote inside a field without quotes",
                                                            "text after a closing quote",
                                                            "a quote that is never closed"};

    for (int kind = 0; kind < SHEAF_REPORT_REPAIRS; kind++)
        if (report->repairs[kind].count)
            fprintf(stderr,
                    "sheaf: note: read as data %llu time%s: %s, first at %s:%llu (byte %llu)\n",
                    (unsigned long long)report->repairs[kind].count,
                    report->repairs[kind].count == 1 ? "" : "s", kinds[kind],
                    sheaf_dataset_file(command->job.dataset, report->repairs[kind].file),
                    (unsigned long long)report->repairs[kind].line,
                    (unsigned long long)report->repairs[kind].byte);
}

void command_report(const struct command *command, const sheaf_report *report)
{
    if (!command->quiet) {
        report_repairs(command, report);
        if (report->rows_rejected)
            fprintf(stderr, "sheaf: note: %llu bad rows were left out of %llu\n",
                    (unsigned long long)report->rows_rejected, (unsigned long long)report->records);
        if (report->rows_nulled)
            fprintf(stderr, "sheaf: note: %llu bad rows of %llu were read with missing values\n",
                    (unsigned long long)report->rows_nulled, (unsigned long long)report->records);
        if (report->deaths)
            fprintf(stderr, "sheaf: note: %llu workers died; their work was done again\n",
                    (unsigned long long)report->deaths);
    }
    if (command->time)
        fprintf(stderr,
                "sheaf: %.3f s (fold %.3f, glue %.3f), %d workers, %llu shards, %llu records, "
                "%.1f MB, %.2f GB/s, %.1f M rows/s\n",
                report->total_s, report->fold_s, report->glue_s, report->workers,
                (unsigned long long)report->shards, (unsigned long long)report->records,
                (double)report->bytes * 1e-6, (double)report->bytes * 1e-9 / report->total_s,
                (double)report->records * 1e-6 / report->total_s);
}

/* Inline, a user's operator runs, and may crash, in this process: say so. */
static void tell_inline(const struct command *command)
{
    const sheaf_job *job = &command->job;

    if (job->executor.name != SHEAF_EXECUTOR_INLINE || command->quiet)
        return;
    for (size_t i = 0; i < job->stage_count; i++)
        if (job->stages[i].spec && strchr(job->stages[i].spec, '.'))
            fprintf(stderr,
                    "sheaf: note: --inline runs %s in this process; if it crashes, so does sheaf\n",
                    job->stages[i].spec);
}

static sheaf_status print_explanation(struct command *command, sheaf_error *error)
{
    char *text = NULL;

    SHEAF_TRY(sheaf_explain(&command->job, &text, error));
    fputs(text, stdout);
    free(text);
    return SHEAF_OK;
}

sheaf_status command_run(struct command *command, sheaf_error *error)
{
    sheaf_report report = {0};

    if (command->explain)
        return print_explanation(command, error);
    if (!command->target.format && !command->target.path && isatty(1))
        command->target.format = "table";
    bool ask = command->progress || (isatty(2) && !command->quiet && !command->no_progress);
    if (ask) {
        command->job.progress = show_progress;
        command->job.progress_context = command;
    }
    tell_inline(command);
    sheaf_status status = sheaf_run_to(&command->job, &command->target, &report, error);
    hide_progress();
    if (status == SHEAF_OK)
        command_report(command, &report);
    return status;
}

sheaf_status command_data(struct command *command, sheaf_error *error)
{
    struct chain chain = {0};
    size_t files = 0;

    SHEAF_TRY(read_chain(command, &chain, &files, error));
    SHEAF_TRY(command_open(command, files, &command->job.dataset, error));
    command->job.stages = chain.stages;
    command->job.stage_count = chain.count;
    sheaf_status status = command_run(command, error);
    sheaf_dataset_close(command->job.dataset);
    return status;
}
