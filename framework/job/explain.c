/* explain.c - a plan in words, for --explain: see plan.h */
#include <inttypes.h>

#include "base/cpu.h"
#include "input/dataset.h"
#include "job/plan.h"
#include "job/task.h"

static void explain_files(const sheaf_dataset *dataset, struct sheaf_string *words)
{
    static const char *const sources[] = {[SHEAF_SOURCE_FILE] = "mapped, read in parallel",
                                          [SHEAF_SOURCE_STREAM] = "a stream, read once in order",
                                          [SHEAF_SOURCE_GZIP] =
                                              "gzip, decoded by a process of its own"};
    uint64_t shards = 0;

    for (size_t i = 0; i < dataset->file_count; i++) {
        const struct sheaf_file *file = &dataset->files[i];
        if (i < 4 || i + 1 == dataset->file_count) {
            sheaf_string_append_format(words, "file      %s: ", file->path);
            if (file->size != UINT64_MAX)
                sheaf_string_append_format(words, "%" PRIu64 " bytes, ", file->size);
            sheaf_string_append_format(words, "%s\n", sources[file->source]);
        } else if (i == 4) {
            sheaf_string_append_format(words, "file      ... %zu more\n", dataset->file_count - 5);
        }
        if (!file->spool)
            shards += sheaf_file_shards(dataset, i);
    }
    sheaf_string_append_format(words, "shards    of %" PRIu64 " bytes", dataset->shard_bytes);
    if (shards)
        sheaf_string_append_format(words, ", %" PRIu64 " of them", shards);
    sheaf_string_append(words, "\n");
}

static void explain_byte(struct sheaf_string *words, const char *what, unsigned char byte)
{
    if (byte == '\t')
        sheaf_string_append_format(words, "%s tab", what);
    else if (byte > ' ' && byte < 0x7f)
        sheaf_string_append_format(words, "%s %c", what, byte);
    else
        sheaf_string_append_format(words, "%s byte 0x%02x", what, byte);
}

static void explain_dialect(const sheaf_dataset *dataset, struct sheaf_string *words)
{
    static const char *const readings[] = {"canonical", "strict", "lenient", "libcsv"};
    const struct sheaf_dialect *dialect = &dataset->dialect;

    if (dataset->file_count && dataset->files[0].format != SHEAF_CSV)
        return;
    explain_byte(words, "dialect   delimiter", dialect->delimiter);
    if (dialect->has_quote)
        explain_byte(words, ", quote", dialect->quote);
    else
        sheaf_string_append(words, ", no quotes");
    sheaf_string_append_format(
        words, ", %s, %s reading%s\n", dataset->has_header ? "header" : "no header",
        readings[dialect->reading], dataset->found_dialect ? " (found from the data)" : "");
}

static void explain_columns(const struct plan *plan, struct sheaf_string *words)
{
    const sheaf_dataset *dataset = plan->job->dataset;

    sheaf_string_append_format(words, "decoded   %zu of %zu columns:", plan->pipeline.wanted_count,
                               dataset->schema.count);
    for (size_t i = 0; i < plan->pipeline.wanted_count; i++) {
        const struct sheaf_wanted *wanted = &plan->pipeline.wanted[i];
        sheaf_string_append_format(words, "%s %s:", i ? "," : "",
                                   wanted->column < dataset->schema.count
                                       ? dataset->schema.fields[wanted->column].name
                                       : "record");
        sheaf_kind_print(wanted->kind, words);
        if (wanted->column < dataset->schema.count && dataset->open_kinds[wanted->column] &&
            wanted->kind.type != SHEAF_TEXT)
            sheaf_string_append(words, " (first opinion)");
    }
    sheaf_string_append(words, "\n");
}

static void explain_steps(const struct plan *plan, struct sheaf_string *words)
{
    static const char *const kinds[] = {[STEP_FILTER] = "filter",
                                        [STEP_EVALUATE] = "compute",
                                        [STEP_CONVERT] = "convert",
                                        [STEP_MAP] = "map",
                                        [STEP_LIMIT] = "limit"};

    sheaf_string_append(words, "steps    ");
    for (size_t i = 0; i < plan->pipeline.step_count; i++) {
        const struct step *step = &plan->pipeline.steps[i];
        sheaf_string_append_format(words, " %s", kinds[step->kind]);
        if (step->kind == STEP_MAP)
            sheaf_string_append_format(words, " %s", step->map->name);
        sheaf_string_append(words, ",");
    }
    if (plan->kind == PLAN_ROWS) {
        sheaf_string_append(words, " rows out in order\n");
        return;
    }
    sheaf_string_append(words, " fold");
    for (size_t i = 0; i < plan->aggregate.count; i++)
        sheaf_string_append_format(words, " %s", plan->aggregate.bound[i].name);
    if (plan->keys) {
        sheaf_string_append(words, " by");
        for (size_t i = 0; i < plan->keys; i++)
            sheaf_string_append_format(words, " %s", plan->out.fields[i].name);
    }
    sheaf_string_append_format(words, " (%zu bytes of state%s), glued %d at a time\n",
                               plan->aggregate.stride, plan->keys ? " a key" : "", JOB_FAN_IN);
}

void sheaf_plan_explain(const struct plan *plan, struct sheaf_string *words)
{
    const sheaf_executor *executor = &plan->job->executor;

    explain_files(plan->job->dataset, words);
    explain_dialect(plan->job->dataset, words);
    explain_columns(plan, words);
    explain_steps(plan, words);
    sheaf_string_append(words, "answer   ");
    for (size_t i = 0; i < plan->out.count; i++) {
        sheaf_string_append_format(words, "%s %s:", i ? "," : "", plan->out.fields[i].name);
        sheaf_kind_print(plan->out.fields[i].kind, words);
    }
    sheaf_string_append(words, "\n");
    if (executor->name == SHEAF_EXECUTOR_INLINE)
        sheaf_string_append(words, "executor  inline, in this process");
    else
        sheaf_string_append_format(words, "executor  fork, %d worker processes",
                                   executor->workers > 0 ? executor->workers : sheaf_cpu_count());
    sheaf_string_append_format(words, "; kernels %s\n", sheaf_cpu_isa_name(sheaf_cpu_isa()));
}
