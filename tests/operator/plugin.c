/* plugin.c - operators come from sources and objects, and whatever those do, sheaf stays */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bound.h"
#include "process/capture.h"
#include "operator/plugin.h"

static char folder[64]; /* of this run, with the cache in it */

static const char *path_of(const char *name)
{
    static char path[4][200];
    static int which;

    which = (which + 1) % 4;
    snprintf(path[which], sizeof path[which], "%s/%s", folder, name);
    return path[which];
}

static const char *write_file(const char *name, const char *text)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
    return path;
}

/* A source with code of its own in front of a table that is right. */
static const char *write_operator(const char *name, const char *code, const char *more)
{
    char text[4000];

    snprintf(text, sizeof text,
             "#include <stdlib.h>\n#include <unistd.h>\n#include <sheaf/operator.h>\n%s\n"
             "struct s { int64_t n; };\n"
             "static void fold(void *s, const sheaf_batch *b) { ((struct s *)s)->n += "
             "(int64_t)b->rows; }\n"
             "static void combine(void *s, const void *t)\n"
             "{ ((struct s *)s)->n += ((const struct s *)t)->n; }\n"
             "SHEAF_OPERATOR(probe) = {.about = \"a probe\", .fold = fold, .combine = combine,\n"
             "    .outputs = {SHEAF_OUTPUT(struct s, n)}, .state_size = sizeof(struct s),%s};\n",
             code, more);
    return write_file(name, text);
}

static sheaf_status try_open(const char *path, sheaf_error *error)
{
    sheaf_plugin *plugin = NULL;
    sheaf_status status;

    memset(error, 0, sizeof *error);
    status = sheaf_plugin_open(path, &plugin, error);
    sheaf_plugin_close(plugin);
    return status;
}

static void refuse(const char *path, sheaf_status status, int code, const char *word)
{
    sheaf_error error;

    CU_ASSERT_EQUAL(try_open(path, &error), status);
    CU_ASSERT_EQUAL(error.code, code);
    if (!strstr(error.message, word))
        printf("\n\"%s\" lacks \"%s\"\n", error.message, word);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, word));
    CU_ASSERT(error.help[0] != '\0');
}

/* -- what works ------------------------------------------------------------------------------ */

static void run_loaded(sheaf_plugin *plugin)
{
    struct sheaf_bound bound =
        bound_to(sheaf_plugin_operator(plugin), "total", (sheaf_kind){SHEAF_F64, 0}, NULL);
    double amounts[] = {1, 2.5, 4};
    sheaf_column column = {.type = SHEAF_F64, .f64 = amounts};
    sheaf_batch batch = {.rows = 3, .columns = &column};
    _Alignas(16) struct {
        double amount;
        int64_t orders;
    } state = {0, 0};

    bound.op->fold(&state, &batch);
    CU_ASSERT(state.amount == 7.5 && state.orders == 3);
    bound_free(&bound);
}

static void open_and_run(const char *path)
{
    sheaf_plugin *plugin = NULL;
    sheaf_error error = {0};

    UNIT_OK(sheaf_plugin_open(path, &plugin, &error), &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
    const sheaf_operator *op = sheaf_plugin_operator(plugin);
    CU_ASSERT_STRING_EQUAL(sheaf_plugin_name(plugin), "total");
    CU_ASSERT_FALSE(sheaf_plugin_is_builtin(plugin));
    CU_ASSERT_STRING_EQUAL(op->about, "total amount and number of orders");
    CU_ASSERT_STRING_EQUAL(op->inputs[0].name, "amount");
    CU_ASSERT_EQUAL(op->inputs[0].type, SHEAF_F64);
    CU_ASSERT_STRING_EQUAL(op->outputs[1].name, "orders");
    CU_ASSERT_EQUAL(op->outputs[1].offset, 8);
    CU_ASSERT(op->fold && op->combine && !op->finish && !op->map);
    UNIT_OK(sheaf_plugin_load(plugin, &error), &error);
    run_loaded(plugin);
    sheaf_plugin_close(plugin);
}

static void sources_and_objects_run(void)
{
    open_and_run(TOTAL_SO);
    open_and_run(TOTAL_C);
}

static void builtins_are_known_by_name(void)
{
    sheaf_plugin *plugin = NULL;
    sheaf_error error = {0};

    UNIT_OK(sheaf_plugin_open("sum", &plugin, &error), &error);
    CU_ASSERT(sheaf_plugin_is_builtin(plugin));
    CU_ASSERT_STRING_EQUAL(sheaf_plugin_name(plugin), "sum");
    UNIT_OK(sheaf_plugin_load(plugin, &error), &error);
    sheaf_plugin_close(plugin);
    CU_ASSERT(sheaf_plugin_is_spec("sum") && sheaf_plugin_is_spec("a/b.c") &&
              sheaf_plugin_is_spec("x.so"));
    CU_ASSERT_FALSE(sheaf_plugin_is_spec("orders.csv"));
    CU_ASSERT_FALSE(sheaf_plugin_is_spec(".c"));
    refuse("summ", SHEAF_BAD_ARGUMENT, 221, "no operator is called \"summ\"");
}

static void every_builtin_is_a_plug_in_too(void)
{
    for (const struct sheaf_builtin *at = sheaf_builtins; at->name; at++) {
        char path[300];
        sheaf_plugin *plugin = NULL;
        sheaf_error error = {0};

        snprintf(path, sizeof path, "%s/%s.c", OPERATORS, at->name);
        UNIT_OK(sheaf_plugin_open(path, &plugin, &error), &error);
        if (!plugin)
            continue;
        const sheaf_operator *op = sheaf_plugin_operator(plugin);
        CU_ASSERT_STRING_EQUAL(sheaf_plugin_name(plugin), at->name);
        CU_ASSERT_EQUAL(op->state_size, at->op->state_size);
        CU_ASSERT_EQUAL(op->exact, at->op->exact);
        UNIT_OK(sheaf_plugin_load(plugin, &error), &error);
        sheaf_plugin_close(plugin);
    }
}

static void a_descriptor_may_be_closed_before_loading(void)
{
    sheaf_plugin *plugin = NULL;
    sheaf_error error = {0};

    UNIT_OK(sheaf_plugin_open(TOTAL_SO, &plugin, &error), &error);
    int fd = sheaf_plugin_descriptor(plugin);
    int other = dup(0);
    dup2(other, fd); /* it is some other file now */
    UNIT_OK(sheaf_plugin_load(plugin, &error), &error);
    run_loaded(plugin);
    close(other);
    sheaf_plugin_close(plugin);
}

static void measure_runs_in_a_child_until_loaded(void)
{
    const char *path = write_operator("measure.c",
                                      "static size_t measure(const void *o)"
                                      "{ return 8 + (size_t)*(const int64_t *)o; }",
                                      ".measure = measure, .state_size = 0, .options_size = 8,"
                                      ".options = {{\"k\", SHEAF_I64, 0, \"5\", \"how many\"}}");
    sheaf_plugin *plugin = NULL;
    sheaf_error error = {0};
    void *options = NULL;
    size_t size = 0;

    UNIT_OK(sheaf_plugin_open(path, &plugin, &error), &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
    UNIT_OK(sheaf_bind_options("probe", sheaf_plugin_operator(plugin), "k=92", &options, &error),
            &error);
    UNIT_OK(sheaf_plugin_state_size(plugin, options, &size, &error), &error);
    CU_ASSERT_EQUAL(size, 100);
    UNIT_OK(sheaf_plugin_load(plugin, &error), &error);
    size = 0;
    UNIT_OK(sheaf_plugin_state_size(plugin, options, &size, &error), &error);
    CU_ASSERT_EQUAL(size, 100);
    free(options);
    sheaf_plugin_close(plugin);
}

/* -- compiling ------------------------------------------------------------------------------- */

static long count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    long lines = 0;
    int c;

    while (file && (c = getc(file)) != EOF)
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines;
}

static void what_was_compiled_once_is_found_again(void)
{
    char script[500], log[200];
    sheaf_error error;

    snprintf(log, sizeof log, "%s", path_of("log"));
    snprintf(script, sizeof script, "#!/bin/sh\necho run >>%s\nexec cc \"$@\"\n", log);
    const char *compiler = write_file("counting-cc", script);
    chmod(compiler, 0700);
    setenv("SHEAF_CC", compiler, 1);
    write_file("size.h", "#define EXTRA 1\n");
    const char *path = write_operator("cached.c", "#include \"size.h\"\n", "");

    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_OK);
    CU_ASSERT_EQUAL(count_lines(log), 1);
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_OK);
    CU_ASSERT_EQUAL(count_lines(log), 1);
    /* A changed header and a changed source are compiled again, whatever their times. */
    write_file("size.h", "#define EXTRA 2\n");
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_OK);
    CU_ASSERT_EQUAL(count_lines(log), 2);
    write_operator("cached.c", "#include \"size.h\"\n/* changed */", "");
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_OK);
    CU_ASSERT_EQUAL(count_lines(log), 3);
    setenv("SHEAF_CC", "cc", 1); /* another compiler is another object */
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_OK);
    unsetenv("SHEAF_CC");
    char cache[300];
    snprintf(cache, sizeof cache, "test $(ls %s/cache/sheaf | grep -c object) = 0", folder);
    CU_ASSERT_EQUAL(system(cache), 0); /* nothing temporary is left */
}

static void the_compilers_words_are_shown(void)
{
    const char *path = write_file("broken.c", "#include <sheaf/operator.h>\nint x = ;\n");
    sheaf_error error;

    refuse(path, SHEAF_BAD_OPERATOR, 704, "broken.c:2:9: error: expected expression");
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "int x = ;"));
    write_file("broken.c", "#include \"nowhere.h\"\n");
    refuse(path, SHEAF_BAD_OPERATOR, 704, "nowhere.h: No such file");
}

static void a_missing_compiler_has_a_remedy(void)
{
    const char *path = write_operator("fine.c", "/* no compiler */", "");
    char *old = strdup(getenv("PATH"));
    sheaf_error error;

    setenv("SHEAF_CC", "no-such-compiler", 1);
    refuse(path, SHEAF_BAD_OPERATOR, 704, "no-such-compiler is not found");
    unsetenv("SHEAF_CC");
    setenv("PATH", folder, 1);
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "apt install gcc"));
    setenv("PATH", old, 1);
    free(old);
    setenv("SHEAF_INCLUDE", folder, 1);
    refuse(path, SHEAF_BAD_OPERATOR, 704, "headers are not in");
    unsetenv("SHEAF_INCLUDE");
}

static void a_function_that_nobody_has_is_named(void)
{
    refuse(write_operator("undefined.c", "int nobody(void);\nint f(void) { return nobody(); }", ""),
           SHEAF_BAD_OPERATOR, 705, "undefined symbol: nobody");
    refuse(write_file("empty.c", "int f(void) { return 1; }\n"), SHEAF_BAD_OPERATOR, 701,
           "no stamp");
}

/* -- plug-ins that misbehave ----------------------------------------------------------------- */

#define CONSTRUCTOR "__attribute__((constructor)) static void start(void) "

static void a_crash_while_loading_is_reported(void)
{
    refuse(write_operator("crash.c", CONSTRUCTOR "{ *(volatile int *)8 = 1; }", ""),
           SHEAF_BAD_OPERATOR, 705, "signal 11");
    refuse(write_operator("abort.c", CONSTRUCTOR "{ abort(); }", ""), SHEAF_BAD_OPERATOR, 705,
           "signal 6");
    refuse(write_operator("exit.c", CONSTRUCTOR "{ _exit(0); }", ""), SHEAF_BAD_OPERATOR, 705,
           "no table");
    refuse(write_operator("exit3.c", CONSTRUCTOR "{ _exit(7); }", ""), SHEAF_BAD_OPERATOR, 705,
           "ended the process");
}

static void a_loop_while_loading_is_ended(void)
{
    refuse(write_operator("loop.c", CONSTRUCTOR "{ for (;;) pause(); }", ""), SHEAF_BAD_OPERATOR,
           705, "within 5 seconds");
}

static void a_table_that_points_nowhere_is_reported(void)
{
    refuse(write_operator("wild.c", "", ".by = (const char *)16"), SHEAF_BAD_OPERATOR, 705,
           "signal 11");
    refuse(
        write_operator("state.c", "", ".keep_missing = 0, .outputs = {{\"n\", SHEAF_I64, 9, 0}}"),
        SHEAF_BAD_OPERATOR, 706, "bytes 9 to 17 of a state of 8");
}

static void what_a_constructor_prints_does_not_come_out(void)
{
    sheaf_error error;

    CU_ASSERT_EQUAL(
        try_open(write_operator("print.c",
                                "#include <stdio.h>\n" CONSTRUCTOR
                                "{ write(1, \"SPOILED\\n\", 8); write(2, \"X\\n\", 2); }",
                                ""),
                 &error),
        SHEAF_OK);
}

/* -- who could have written it --------------------------------------------------------------- */

static void files_that_others_can_write_are_refused(void)
{
    const char *path = write_operator("open.c", "", "");
    sheaf_error error;

    chmod(path, 0666);
    refuse(path, SHEAF_BAD_OPERATOR, 703, "other users can write");
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "chmod go-w"));
    chmod(path, 0644);
    CU_ASSERT_EQUAL(try_open(path, &error), SHEAF_OK);
    if (geteuid() == 0) {
        CU_ASSERT_EQUAL(chown(path, 12345, 12345), 0);
        refuse(path, SHEAF_BAD_OPERATOR, 703, "another user");
    } else {
        unit_skip("only root can give a file to another user", 1);
    }
}

static void what_is_no_file_is_refused(void)
{
    const char *pipe = path_of("pipe.so");

    CU_ASSERT_EQUAL(mkfifo(pipe, 0600), 0);
    refuse(pipe, SHEAF_BAD_OPERATOR, 701, "not a regular file");
    CU_ASSERT_EQUAL(mkdir(path_of("folder.c"), 0700), 0);
    refuse(path_of("folder.c"), SHEAF_BAD_OPERATOR, 701, "not a regular file");
    sheaf_error error;
    CU_ASSERT_EQUAL(try_open("/nowhere/x.so", &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(try_open("/nowhere/x.c", &error), SHEAF_BAD_ARGUMENT);
    refuse(write_file("text.so", "hello"), SHEAF_BAD_OPERATOR, 701, "no ELF file");
    refuse(write_file("empty.so", ""), SHEAF_BAD_OPERATOR, 701, "no ELF file");
}

static void a_file_that_changes_after_the_check_is_not_loaded(void)
{
    char command[400];
    sheaf_plugin *plugin = NULL;
    sheaf_error error = {0};

    snprintf(command, sizeof command, "cp %s %s/copy.so && chmod 644 %s/copy.so", TOTAL_SO, folder,
             folder);
    CU_ASSERT_EQUAL(system(command), 0);
    UNIT_OK(sheaf_plugin_open(path_of("copy.so"), &plugin, &error), &error);
    CU_ASSERT_EQUAL(truncate(path_of("copy.so"), 5000), 0);
    CU_ASSERT_EQUAL(sheaf_plugin_load(plugin, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "changed after it was checked"));
    sheaf_plugin_close(plugin);
}

/* -- the child ------------------------------------------------------------------------------- */

static int leave_a_grandchild(void *argument, int output)
{
    (void)argument;
    if (fork() == 0) {
        pause();
        _exit(0);
    }
    return write(output, "done", 4) == 4 ? 0 : 1;
}

static void what_a_child_started_ends_with_it(void)
{
    struct sheaf_capture child = {.body = leave_a_grandchild, .timeout_ms = 300, .limit = 100};
    sheaf_error error = {0};

    UNIT_OK(sheaf_capture_run(&child, &error), &error);
    CU_ASSERT_EQUAL(child.output.size, 4);
    CU_ASSERT(child.timed_out); /* the grandchild held the pipe */
    CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
    sheaf_string_free(&child.output);
}

static int write_much(void *argument, int output)
{
    (void)argument;
    while (write(output, "xxxxxxxxxxxxxxxxxxxxxxxxx", 25) > 0)
        ;
    return 0;
}

static void output_has_a_limit(void)
{
    struct sheaf_capture child = {.body = write_much, .timeout_ms = 5000, .limit = 1000};
    sheaf_error error = {0};

    UNIT_OK(sheaf_capture_run(&child, &error), &error);
    CU_ASSERT_EQUAL(child.output.size, 1000);
    sheaf_string_free(&child.output);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(sources_and_objects_run),
        UNIT(builtins_are_known_by_name),
        UNIT(every_builtin_is_a_plug_in_too),
        UNIT(a_descriptor_may_be_closed_before_loading),
        UNIT(measure_runs_in_a_child_until_loaded),
        UNIT(what_was_compiled_once_is_found_again),
        UNIT(the_compilers_words_are_shown),
        UNIT(a_missing_compiler_has_a_remedy),
        UNIT(a_function_that_nobody_has_is_named),
        UNIT(a_crash_while_loading_is_reported),
        UNIT(a_loop_while_loading_is_ended),
        UNIT(a_table_that_points_nowhere_is_reported),
        UNIT(what_a_constructor_prints_does_not_come_out),
        UNIT(files_that_others_can_write_are_refused),
        UNIT(what_is_no_file_is_refused),
        UNIT(a_file_that_changes_after_the_check_is_not_loaded),
        UNIT(what_a_child_started_ends_with_it),
        UNIT(output_has_a_limit),
        {0},
    };
    char command[100], cache[100];

    strcpy(folder, "/tmp/sheaf-test-XXXXXX");
    if (!mkdtemp(folder))
        return 2;
    umask(022);
    snprintf(cache, sizeof cache, "%s/cache", folder);
    setenv("XDG_CACHE_HOME", cache, 1);
    int result = unit_run("operator plugin", tests);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0 || result;
}
