/* tools.c - verbs beside the data: operators, describe, check, doctor, records, schema */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sheaf/plugin.h>

#include "command.h"

/* -- records, schema ------------------------------------------------------------------------- */

sheaf_status command_records(struct command *command, sheaf_error *error)
{
    if (command->count < 2)
        return command_open(command, command->count, &command->job.dataset, error);
    return sheaf_records((const char *const *)command->words + 1, command->count - 1,
                         &command->input, command->offsets, command->target.path, error);
}

sheaf_status command_schema(struct command *command, sheaf_error *error)
{
    sheaf_dataset *dataset = NULL;
    char *words = NULL;

    SHEAF_TRY(command_open(command, 1, &dataset, error));
    sheaf_status status = sheaf_examine(dataset, &command->job.executor, error);
    if (status == SHEAF_OK)
        status = sheaf_schema_words(dataset, &words, error);
    if (status == SHEAF_OK)
        printf("%s\n", words);
    free(words);
    sheaf_dataset_close(dataset);
    return status;
}

/* -- operators --------------------------------------------------------------------------------- */

sheaf_status command_operators(struct command *command, sheaf_error *error)
{
    (void)command;
    for (size_t i = 0; sheaf_plugin_builtin(i); i++) {
        sheaf_plugin *plugin = NULL;
        SHEAF_TRY(sheaf_plugin_open(sheaf_plugin_builtin(i), &plugin, error));
        printf("%-10s %s\n", sheaf_plugin_name(plugin), sheaf_plugin_operator(plugin)->about);
        sheaf_plugin_close(plugin);
    }
    return SHEAF_OK;
}

static const char *type_word(sheaf_type type)
{
    switch (type) {
    case SHEAF_NUMBER:
        return "any number";
    case SHEAF_ANY:
        return "any type";
    case SHEAF_SAME:
        return "the type of the first input";
    case SHEAF_WIDE:
        return "integer or decimal of 128 bits, or f64";
    default:
        return sheaf_type_name(type);
    }
}

static void describe(const char *name, const sheaf_operator *op)
{
    printf("%s - %s\n", name, op->about ? op->about : "");
    for (size_t i = 0; i < SHEAF_FIELDS_MAX && op->inputs[i].name; i++)
        printf("  input   %-12s %s\n", op->inputs[i].name, type_word(op->inputs[i].type));
    for (size_t i = 0; i < SHEAF_FIELDS_MAX && op->outputs[i].name; i++)
        printf("  output  %-12s %s\n", op->outputs[i].name, type_word(op->outputs[i].type));
    for (size_t i = 0; i < SHEAF_FIELDS_MAX && op->options[i].name; i++)
        printf("  option  %-12s %s, %s%s%s\n", op->options[i].name,
               sheaf_type_name(op->options[i].type),
               op->options[i].about ? op->options[i].about : "",
               op->options[i].standard ? "; standard: " : "; must be set",
               op->options[i].standard ? op->options[i].standard : "");
    if (op->by)
        printf("  by      %s, unless --by says otherwise\n", op->by);
    printf("  %s; %zu bytes of state%s%s\n", op->map ? "maps rows to rows" : "folds rows",
           op->state_size, op->exact ? "; exact: the same bits however the data is cut" : "",
           op->keep_missing ? "; sees missing values" : "");
}

sheaf_status command_describe(struct command *command, sheaf_error *error)
{
    if (command->count != 2) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "describe wants one operator (E107)");
        sheaf_error_help(error, "Usage: sheaf describe OPERATOR");
        return SHEAF_BAD_ARGUMENT;
    }
    sheaf_plugin *plugin = NULL;
    SHEAF_TRY(sheaf_plugin_open(command->words[1], &plugin, error));
    describe(sheaf_plugin_name(plugin), sheaf_plugin_operator(plugin));
    sheaf_plugin_close(plugin);
    return SHEAF_OK;
}

sheaf_status command_check(struct command *command, sheaf_error *error)
{
    sheaf_dataset *dataset = NULL;
    char *verdict = NULL;

    if (command->count < 3) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "check wants an operator and data (E107)");
        sheaf_error_help(error, "Usage: sheaf check OPERATOR FILE...");
        return SHEAF_BAD_ARGUMENT;
    }
    SHEAF_TRY(command_open(command, 2, &dataset, error));
    sheaf_job job = command->job;
    sheaf_stage stage = {.kind = SHEAF_STAGE_FOLD,
                         .spec = command->words[1],
                         .by = job.by,
                         .bind = job.bind,
                         .set = job.set};
    job.dataset = dataset;
    job.stages = &stage;
    job.stage_count = 1;
    sheaf_status status = sheaf_check(&job, &verdict, error);
    if (verdict)
        fputs(verdict, stdout);
    free(verdict);
    sheaf_dataset_close(dataset);
    return status;
}

/* -- doctor
 * ---------------------------------------------------------------------------------------- */

struct diagnosis {
    int troubles;
};

static void say(struct diagnosis *diagnosis, bool good, const char *what, const char *detail)
{
    printf("%-5s %s%s%s\n", good ? "ok" : "BAD", what, *detail ? ": " : "", detail);
    diagnosis->troubles += !good;
}

static void check_memfd(struct diagnosis *diagnosis)
{
    int fd = memfd_create("doctor", MFD_CLOEXEC);
    bool good = fd >= 0 && ftruncate(fd, 1 << 20) == 0;

    say(diagnosis, good, "shared memory without a name (memfd)", good ? "" : strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void check_descriptors(struct diagnosis *diagnosis)
{
    struct rlimit limit = {0, 0};
    char detail[64];

    getrlimit(RLIMIT_NOFILE, &limit);
    snprintf(detail, sizeof detail, "%llu (ulimit -n)", (unsigned long long)limit.rlim_cur);
    say(diagnosis, limit.rlim_cur >= 256, "open files allowed", detail);
}

/* A real question, asked of a real file by real workers. */
static sheaf_status try_workers(sheaf_error *error)
{
    char path[] = "/tmp/sheaf-doctor-XXXXXX";
    int fd = mkstemp(path);
    const char *const paths[] = {path};
    sheaf_dataset *dataset = NULL;
    sheaf_result *result = NULL;

    if (fd < 0)
        return sheaf_error_set(error, SHEAF_SYSTEM, "can not make %s: %s", path, strerror(errno));
    sheaf_dataset_options options = {.struct_size = sizeof options, .shard_bytes = 4096};
    sheaf_status status = SHEAF_OK;
    FILE *file = fdopen(fd, "w");
    if (!file)
        status = sheaf_error_set(error, SHEAF_SYSTEM, "can not write %s", path);
    if (file) {
        fputs("k,v\n", file);
        for (int i = 0; i < 10000; i++)
            fprintf(file, "%d,%d\n", i % 7, i);
        fclose(file);
    }
    if (status == SHEAF_OK)
        status = sheaf_dataset_open(paths, 1, &options, &dataset, error);
    sheaf_stage stage = {.kind = SHEAF_STAGE_GROUP, .by = "k", .text = "sum(v) as s"};
    sheaf_job job = {.struct_size = sizeof job,
                     .dataset = dataset,
                     .stages = &stage,
                     .stage_count = 1,
                     .executor = {.workers = 2}};
    if (status == SHEAF_OK)
        status = sheaf_run(&job, &result, error);
    if (status == SHEAF_OK && sheaf_result_batch(result)->rows != 7)
        status = sheaf_error_set(error, SHEAF_INTERNAL, "the answer is wrong");
    sheaf_result_close(result);
    sheaf_dataset_close(dataset);
    unlink(path);
    return status;
}

static sheaf_status try_compiler(sheaf_error *error)
{
    static const char source[] = "#include <sheaf/operator.h>\n"
                                 "struct n { int64_t rows; };\n"
                                 "static void fold(void *s, const sheaf_batch *b)\n"
                                 "{ ((struct n *)s)->rows += (int64_t)b->rows; }\n"
                                 "static void combine(void *s, const void *l)\n"
                                 "{ ((struct n *)s)->rows += ((const struct n *)l)->rows; }\n"
                                 "SHEAF_OPERATOR(doctor) = {.about = \"rows\",\n"
                                 "    .outputs = {SHEAF_OUTPUT(struct n, rows)},\n"
                                 "    .state_size = sizeof(struct n), .fold = fold,\n"
                                 "    .combine = combine};\n";
    char folder[] = "/tmp/sheaf-doctor-XXXXXX", path[64];
    sheaf_plugin *plugin = NULL;

    if (!mkdtemp(folder))
        return sheaf_error_set(error, SHEAF_SYSTEM, "can not make %s", folder);
    snprintf(path, sizeof path, "%s/doctor.c", folder);
    FILE *file = fopen(path, "we");
    if (file) {
        fputs(source, file);
        fclose(file);
    }
    sheaf_status status = sheaf_plugin_open(path, &plugin, error);
    sheaf_plugin_close(plugin);
    unlink(path);
    rmdir(folder);
    return status;
}

sheaf_status command_doctor(struct command *command, sheaf_error *error)
{
    struct diagnosis diagnosis = {0};
    sheaf_error trouble = {0};
    char *text = NULL;

    (void)command;
    SHEAF_TRY(sheaf_describe_build(&text, error));
    printf("sheaf %s\n%s\n", sheaf_version(), text);
    free(text);
    check_memfd(&diagnosis);
    check_descriptors(&diagnosis);
    bool works = try_workers(&trouble) == SHEAF_OK;
    say(&diagnosis, works, "two workers answer a question", works ? "" : trouble.message);
    bool compiles = try_compiler(&trouble) == SHEAF_OK;
    say(&diagnosis, compiles, "an operator from a .c file compiles and loads",
        compiles ? "" : trouble.message);
    if (diagnosis.troubles == 0)
        return SHEAF_OK;
    return sheaf_error_set(error, SHEAF_SYSTEM, "%d of the things above are not as they should be",
                           diagnosis.troubles);
}
