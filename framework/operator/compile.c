/* compile.c - an operator's source into a shared object: see compile.h */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "operator/cache.h"
#include "process/capture.h"
#include "operator/compile.h"
#include "operator/contract.h"

enum {
    TIMEOUT_MS = 120000,
    COMPILER_WORDS = 16, /* of $SHEAF_CC, arguments included */
    OUTPUT_MAX = 64 << 10,
};

/* No -march and no contraction: the same answer on every machine.  Hidden: a function that is not
 * static must not be mistaken for one of the same name in the program. */
static const char *const flags[] = {
    "-O2",
    "-g",
    "-std=gnu11",
    "-shared",
    "-fPIC",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-Wall",
    "-fvisibility=hidden",
    "-fdiagnostics-color=never",
};
#define FLAGS (sizeof flags / sizeof flags[0])

/* Everything that goes into one call of the compiler. */
struct compilation {
    const char *source; /* as the user wrote it */
    const char *absolute;
    struct sheaf_string compiler; /* its words, each ended by a zero byte */
    char *words[COMPILER_WORDS + 1];
    struct sheaf_string program; /* where the first word was found */
    struct sheaf_string include;
    struct sheaf_string folder;
    struct sheaf_string object, deps_file; /* temporary */
    struct sheaf_string deps;
    struct sheaf_cache_key key;
};

/* -- what to compile with -------------------------------------------------------------------- */

static sheaf_status split_words(struct compilation *work, const char *text, sheaf_error *error)
{
    size_t count = 0;
    char *at;

    sheaf_string_append(&work->compiler, text);
    SHEAF_TRY(sheaf_string_check(&work->compiler, error));
    at = work->compiler.bytes;
    while (*(at += strspn(at, " \t")) && count < COMPILER_WORDS) {
        work->words[count++] = at;
        at += strcspn(at, " \t");
        if (*at)
            *at++ = '\0';
    }
    return SHEAF_OK;
}

static bool is_program(const char *path)
{
    struct stat file;

    return stat(path, &file) == 0 && S_ISREG(file.st_mode) && access(path, X_OK) == 0;
}

static bool find_program(const char *word, struct sheaf_string *program)
{
    const char *folders = getenv("PATH");

    if (strchr(word, '/')) {
        sheaf_string_append(program, word);
        return !program->failed && is_program(program->bytes);
    }
    for (const char *at = folders ? folders : "/usr/bin:/bin"; *at;) {
        size_t size = strcspn(at, ":");

        sheaf_string_clear(program);
        sheaf_string_append_bytes(program, at, size);
        sheaf_string_append_char(program, '/');
        sheaf_string_append(program, word);
        if (size > 0 && !program->failed && is_program(program->bytes))
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

static sheaf_status find_compiler(struct compilation *work, sheaf_error *error)
{
    const char *names[] = {getenv("SHEAF_CC"), getenv("CC"), "cc"};
    size_t which = 0;

    while (!names[which] || !names[which][strspn(names[which], " \t")])
        which++;
    SHEAF_TRY(split_words(work, names[which], error));
    if (find_program(work->words[0], &work->program))
        return SHEAF_OK;
    sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 704,
                         "%s: there is no C compiler to compile it with: %s is not found",
                         work->source, work->words[0]);
    if (which == 2)
        sheaf_error_help(error, "Install one: apt install gcc libc6-dev");
    else
        sheaf_error_help(error, "It comes from the environment: change or unset %s.",
                         which ? "CC" : "SHEAF_CC");
    return SHEAF_BAD_OPERATOR;
}

static bool has_headers(struct sheaf_string *include, const char *folder, size_t size,
                        const char *more)
{
    struct sheaf_string header = {0};
    bool found;

    sheaf_string_clear(include);
    sheaf_string_append_bytes(include, folder, size);
    sheaf_string_append(include, more);
    sheaf_string_append_bytes(&header, include->bytes, include->size);
    sheaf_string_append(&header, "/sheaf/operator.h");
    found = !include->failed && !header.failed && access(header.bytes, R_OK) == 0;
    sheaf_string_free(&header);
    return found;
}

/* $SHEAF_INCLUDE; the source tree for a program that runs where it was built; beside the library
 * or program that this code is in, wherever it was moved to; where it was to be installed. */
static sheaf_status find_headers(struct compilation *work, sheaf_error *error)
{
    static const char *const near[] = {"/../include", "/../../include"};
    static const char built[] = SHEAF_BUILD_FOLDER "/";
    static const char here; /* any address in this object */
    const char *named = getenv("SHEAF_INCLUDE");
    Dl_info self = {0};
    char *own = NULL;
    bool found = false;

    if (named && *named) {
        found = has_headers(&work->include, named, strlen(named), "");
    } else {
        if (dladdr(&here, &self) && self.dli_fname)
            own = realpath(self.dli_fname, NULL);
        if (own && strncmp(own, built, sizeof built - 1) == 0)
            found =
                has_headers(&work->include, SHEAF_SOURCE_INCLUDE, strlen(SHEAF_SOURCE_INCLUDE), "");
        for (size_t i = 0; i < sizeof near / sizeof near[0] && own && !found; i++)
            found = has_headers(&work->include, own, (size_t)(strrchr(own, '/') - own), near[i]);
        if (!found)
            found = has_headers(&work->include, SHEAF_INSTALLED_INCLUDE,
                                strlen(SHEAF_INSTALLED_INCLUDE), "");
        free(own);
    }
    SHEAF_TRY(sheaf_string_check(&work->include, error));
    if (found)
        return SHEAF_OK;
    sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 704,
                         "%s: sheaf's headers are not in %s, so it can not be compiled",
                         work->source, work->include.bytes);
    sheaf_error_help(error, "Set SHEAF_INCLUDE to the folder that holds sheaf/operator.h.");
    return SHEAF_BAD_OPERATOR;
}

/* -- compiling ------------------------------------------------------------------------------- */

static void make_key(struct compilation *work)
{
    const uint32_t interface[] = {SHEAF_OPERATOR_ABI, sizeof(sheaf_operator), SHEAF_BATCH_ROWS};
    struct sheaf_digest digest = {0};
    struct stat program = {0};
    char identity[120];
    int size;

    sheaf_digest_add(&digest, interface, sizeof interface);
    sheaf_digest_add(&digest, work->absolute, strlen(work->absolute));
    sheaf_digest_add(&digest, work->program.bytes, work->program.size);
    sheaf_digest_add(&digest, work->include.bytes, work->include.size);
    for (size_t i = 1; work->words[i]; i++)
        sheaf_digest_add(&digest, work->words[i], strlen(work->words[i]));
    for (size_t i = 0; i < FLAGS; i++)
        sheaf_digest_add(&digest, flags[i], strlen(flags[i]));
    /* An updated compiler is another compiler. */
    if (stat(work->program.bytes, &program) != 0)
        memset(&program, 0, sizeof program);
    size =
        snprintf(identity, sizeof identity, "%ju %ju %jd %jd", (uintmax_t)program.st_dev,
                 (uintmax_t)program.st_ino, (intmax_t)program.st_size, (intmax_t)program.st_mtime);
    sheaf_digest_add(&digest, identity, (size_t)size);
    work->key = sheaf_digest_end(&digest);
}

/* Everything was prepared before: between fork and exec nothing is allocated. */
static int run_compiler(void *argument, int output)
{
    const struct compilation *work = argument;
    char *command[COMPILER_WORDS + FLAGS + 16];
    size_t count = 0;

    for (size_t i = 0; work->words[i]; i++)
        command[count++] = work->words[i];
    for (size_t i = 0; i < FLAGS; i++)
        command[count++] = (char *)(uintptr_t)flags[i];
    command[count++] = (char[]){"-I"};
    command[count++] = work->include.bytes;
    command[count++] = (char[]){"-MMD"};
    command[count++] = (char[]){"-MF"};
    command[count++] = work->deps_file.bytes;
    command[count++] = (char[]){"-o"};
    command[count++] = work->object.bytes;
    command[count++] = (char *)(uintptr_t)work->absolute;
    command[count++] = (char[]){"-lm"};
    command[count] = NULL;
    dup2(output, 2);
    setenv("LC_ALL", "C", 1); /* its messages are read */
    execv(work->program.bytes, command);
    return 127;
}

/* The first line that has `mark`, else NULL. */
static const char *find_line(const char *text, const char *mark)
{
    const char *found = strstr(text, mark);

    while (found && found > text && found[-1] != '\n')
        found--;
    return found;
}

/* Show a line of the compiler's, the source called as the user called it. */
static void name_as_user(const struct compilation *work, const char *line, size_t size,
                         struct sheaf_string *shown)
{
    size_t prefix = strlen(work->absolute);

    sheaf_string_clear(shown);
    if (size > prefix && memcmp(line, work->absolute, prefix) == 0) {
        sheaf_string_append(shown, work->source);
        line += prefix;
        size -= prefix;
    }
    sheaf_string_append_bytes(shown, line, size);
}

static sheaf_status explain(const struct compilation *work, const struct sheaf_capture *child,
                            sheaf_error *error)
{
    const char *text = child->output.size ? child->output.bytes : "";
    const char *line = find_line(text, "error:");
    struct sheaf_string shown = {0};

    if (child->timed_out) {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 704,
                             "%s: the compiler did not end within %d seconds", work->source,
                             TIMEOUT_MS / 1000);
        return SHEAF_BAD_OPERATOR;
    }
    if (!line)
        line = text;
    if (!*line) {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 704,
                             "%s: the compiler %s failed without a word (exit %d, signal %d)",
                             work->source, work->program.bytes, child->code, child->signal);
        return SHEAF_BAD_OPERATOR;
    }
    size_t size = strcspn(line, "\n");
    name_as_user(work, line, size, &shown);
    sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 704, "%.400s",
                         shown.size ? shown.bytes : work->source);
    for (int i = 0; i < 3 && line[size]; i++) {
        line += size + 1;
        size = strcspn(line, "\n");
        name_as_user(work, line, size, &shown);
        if (size > 0 && shown.size)
            sheaf_error_help(error, "%.150s", shown.bytes);
    }
    sheaf_string_free(&shown);
    return SHEAF_BAD_OPERATOR;
}

/* The rule that the compiler wrote for make, "object: source header \<newline> header", as a list
 * with one path a line.  A blank in a path is written "\ ", a dollar "$$". */
static void list_of_rule(const struct sheaf_string *rule, struct sheaf_string *list)
{
    const char *at = rule->size ? strstr(rule->bytes, ": ") : NULL;

    for (at = at ? at + 1 : NULL; at && *at; at++) {
        bool ends = *at == ' ' || *at == '\n';

        if (*at == '\\' && at[1] == '\n') {
            at++;
            ends = true;
        }
        if (ends) {
            if (list->size && list->bytes[list->size - 1] != '\n')
                sheaf_string_append_char(list, '\n');
        } else {
            if ((*at == '\\' && (at[1] == ' ' || at[1] == '#')) || (*at == '$' && at[1] == '$'))
                at++;
            sheaf_string_append_char(list, *at);
        }
    }
}

static sheaf_status read_deps(struct compilation *work, sheaf_error *error)
{
    struct sheaf_string rule = {0};
    int fd = open(work->deps_file.bytes, O_RDONLY | O_CLOEXEC);
    sheaf_status status = SHEAF_OK;

    if (fd >= 0) {
        status = sheaf_read_file(fd, work->deps_file.bytes, 1 << 20, &rule, error);
        if (status == SHEAF_OK && rule.size) {
            rule.bytes[rule.size] = '\0';
            list_of_rule(&rule, &work->deps);
        }
        close(fd);
    }
    if (work->deps.size == 0) /* a compiler that does not know the option */
        sheaf_string_append_format(&work->deps, "%s\n", work->absolute);
    sheaf_string_free(&rule);
    return status == SHEAF_OK ? sheaf_string_check(&work->deps, error) : status;
}

static sheaf_status compile_now(struct compilation *work, struct sheaf_string *object,
                                sheaf_error *error)
{
    struct sheaf_capture child = {
        .body = run_compiler, .argument = work, .timeout_ms = TIMEOUT_MS, .limit = OUTPUT_MAX};
    sheaf_status status = SHEAF_OK;
    int fd;

    sheaf_string_append_format(&work->object, "%s/object-XXXXXX", work->folder.bytes);
    SHEAF_TRY(sheaf_string_check(&work->object, error));
    fd = mkostemp(work->object.bytes, O_CLOEXEC);
    if (fd < 0)
        return sheaf_error_errno(error, "cannot write to %s", work->folder.bytes);
    close(fd);
    sheaf_string_append_format(&work->deps_file, "%s.d", work->object.bytes);
    status = sheaf_string_check(&work->deps_file, error);
    if (status == SHEAF_OK)
        status = sheaf_capture_run(&child, error);
    if (status == SHEAF_OK && (child.code != 0 || child.timed_out))
        status = explain(work, &child, error);
    if (status == SHEAF_OK)
        status = read_deps(work, error);
    if (status == SHEAF_OK)
        status = sheaf_cache_keep(work->folder.bytes, &work->key, work->object.bytes, &work->deps,
                                  object, error);
    if (status != SHEAF_OK)
        unlink(work->object.bytes);
    if (work->deps_file.size)
        unlink(work->deps_file.bytes);
    sheaf_string_free(&child.output);
    return status;
}

sheaf_status sheaf_compile(const char *source, const char *absolute, struct sheaf_string *object,
                           sheaf_error *error)
{
    struct compilation work = {.source = source, .absolute = absolute};
    sheaf_status status = find_compiler(&work, error);

    if (status == SHEAF_OK)
        status = find_headers(&work, error);
    if (status == SHEAF_OK)
        status = sheaf_cache_folder(&work.folder, error);
    if (status == SHEAF_OK) {
        make_key(&work);
        if (!sheaf_cache_path(work.folder.bytes, &work.key, NULL, object) ||
            access(object->bytes, R_OK) != 0)
            status = compile_now(&work, object, error);
    }
    sheaf_string_free(&work.compiler);
    sheaf_string_free(&work.program);
    sheaf_string_free(&work.include);
    sheaf_string_free(&work.folder);
    sheaf_string_free(&work.object);
    sheaf_string_free(&work.deps_file);
    sheaf_string_free(&work.deps);
    return status;
}
