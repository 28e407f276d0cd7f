/*
 * docs.c - what README.md, docs/ and the help show is what happens
 *
 * A block marked ```sh is run where the samples of datasets/small lie: as a session (see
 * session.h) if it has lines with "$ ", else by sh, which must succeed.  "```sh no-run" is
 * left out.  A block of C that begins with a comment that names its file, is that file.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/session.h"
#include "command/shell.h"

static int commands;

/* "/ * total.c - ..." names a file; false for other blocks. */
static bool find_name(const char *block, char *name, size_t size)
{
    const char *at = block + 3;
    size_t length = strcspn(at, " \n");

    if (strncmp(block, "/* ", 3) != 0 || length < 3 || length >= size || at[length - 2] != '.')
        return false;
    memcpy(name, at, length);
    name[length] = '\0';
    return true;
}

static void run_block(const char *path, const char *mark, const char *block, size_t size)
{
    char *text = strndup(block, size), name[128];

    if (strncmp(mark, "```c\n", 5) == 0 && find_name(text, name, sizeof name)) {
        shell_file(name, text);
    } else if (strncmp(mark, "```sh\n", 6) == 0 && strstr(text, "$ ")) {
        commands += session_run(path, text);
    } else if (strncmp(mark, "```sh\n", 6) == 0) {
        struct shell_result r = shell("set -e\n%s", text);
        SHELL_EXPECT(r, 0, NULL);
        commands++;
    }
    free(text);
}

static void run_file(const char *path)
{
    char *text = session_read(path);

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (const char *at = text; (at = strstr(at, "```"));) {
        const char *block = strchr(at, '\n');
        const char *end = block ? strstr(block, "\n```") : NULL;
        if (!end)
            break;
        run_block(path, at, block + 1, (size_t)(end - block));
        at = end + 4;
    }
    free(text);
}

static void take_samples(void)
{
    SHELL_EXPECT(shell("cp %s/datasets/small/* . && cp %s/apps/total/total.c . && chmod -R +w .",
                       SHELL_SOURCE, SHELL_SOURCE),
                 0, "");
}

static void readme(void)
{
    take_samples();
    run_file(SHELL_SOURCE "/README.md");
    CU_ASSERT(commands > 3);
}

static void pages(void)
{
    glob_t found;

    CU_ASSERT_EQUAL_FATAL(glob(SHELL_SOURCE "/docs/*.md", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        take_samples();
        run_file(found.gl_pathv[i]);
    }
    globfree(&found);
}

/* Every example of the help runs and says something, or writes a file. */
static void help(void)
{
    struct shell_result verbs, examples;

    take_samples();
    verbs = shell("sheaf help | grep '^  [a-z]' | cut -d ' ' -f 3");
    char *names = strdup(verbs.out), *rest = names, *name;
    int count = 0;
    while ((name = strsep(&rest, "\n")) && *name) {
        examples = shell("sheaf help %s | grep '^    sheaf '", name);
        char *lines = strdup(examples.out), *more = lines, *line;
        while ((line = strsep(&more, "\n")) && *line) {
            struct shell_result r = shell("%s", line);
            if (r.code != 0 || (r.out_size == 0 && !strstr(line, " -o ")))
                printf("\n%s: exit code %d\n%s", line, r.code, r.err);
            CU_ASSERT(r.code == 0 && (r.out_size > 0 || strstr(line, " -o ")));
            count++;
        }
        free(lines);
    }
    free(names);
    CU_ASSERT(count >= 20);
}

/* Whatever the pages call by name is there: flags, exit codes and error codes of docs/commands.md.
 */
static void the_page_on_commands_is_complete(void)
{
    SHELL_EXPECT(shell("for f in $(sheaf help flags | grep -o -e '--[a-z][a-z-]*' | sort -u); do "
                       "grep -q -e \"$f\" %s/docs/commands.md || echo $f; done",
                       SHELL_SOURCE),
                 0, "");
    SHELL_EXPECT(shell("for v in $(sheaf help | grep '^  [a-z]' | cut -d ' ' -f 3); do "
                       "grep -q -e \"^| .$v\" %s/docs/commands.md || echo $v; done",
                       SHELL_SOURCE),
                 0, "");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(readme), UNIT(pages), UNIT(help), UNIT(the_page_on_commands_is_complete), {0},
    };

    shell_begin();
    int failed = unit_run("docs", tests);
    shell_end();
    return failed;
}
