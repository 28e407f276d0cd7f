/* shell.c - the command as its users meet it: see shell.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/shell.h"

#define KEPT 16

static char folder[64];
static char *kept[2 * KEPT];
static unsigned calls;

void shell_begin(void)
{
    char path[4096];

    snprintf(folder, sizeof folder, "/tmp/sheaf-test-XXXXXX");
    if (!mkdtemp(folder) || chdir(folder) != 0) {
        perror(folder);
        exit(2);
    }
    snprintf(path, sizeof path, "%s:%s", SHELL_BIN,
             getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    setenv("PATH", path, 1);
    snprintf(path, sizeof path, "%s/cache", folder);
    setenv("XDG_CACHE_HOME", path, 1);
    unsetenv("SHEAF_LOG");
    unsetenv("SHEAF_ISA");
    unsetenv("SHEAF_CHAOS");
    /* Where the command was built with sanitizers: a crash is to be seen as what it is. */
    setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0:handle_sigbus=0", 0);
    /* What a run leaves behind becomes a child of this process. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void shell_end(void)
{
    char command[128];

    if (chdir("/") != 0)
        perror("/");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        perror(folder);
    for (size_t i = 0; i < 2 * KEPT; i++)
        free(kept[i]);
}

static char *read_all(int fd, size_t *size)
{
    size_t capacity = 4096, used = 0;
    char *bytes = malloc(capacity);
    ssize_t got;

    lseek(fd, 0, SEEK_SET);
    while ((got = read(fd, bytes + used, capacity - used - 1)) > 0) {
        used += (size_t)got;
        if (capacity - used < 2)
            bytes = realloc(bytes, capacity *= 2);
    }
    bytes[used] = '\0';
    if (size)
        *size = used;
    return bytes;
}

static int anonymous_file(void)
{
    return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

struct shell_result shell(const char *format, ...)
{
    static char command[65536];
    struct shell_result result = {0};
    va_list arguments;
    int status = 0, out = anonymous_file(), err = anonymous_file();

    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(out, 1);
        dup2(err, 2);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.out = read_all(out, &result.out_size);
    result.err = read_all(err, NULL);
    close(out);
    close(err);
    unsigned slot = calls++ % KEPT;
    free(kept[2 * slot]);
    free(kept[2 * slot + 1]);
    kept[2 * slot] = result.out;
    kept[2 * slot + 1] = result.err;
    return result;
}

void shell_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(name, "we");

    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(name);
        exit(2);
    }
}

void shell_file(const char *name, const char *text)
{
    shell_bytes(name, text, strlen(text));
}

/* Entries of a folder that begin with a prefix; "." and ".." are none. */
static int count_entries(const char *path, const char *prefix)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int count = 0;

    if (!directory)
        return 0;
    while ((entry = readdir(directory)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                 strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(directory);
    return count;
}

int shell_file_count(void)
{
    return count_entries(folder, "");
}

const char *shell_leaks(void)
{
    int status;
    pid_t child = 0;

    /* Orphans of a run that ended a moment ago are being killed: give them two seconds. */
    for (int tries = 0; tries < 200; tries++) {
        child = waitpid(-1, &status, WNOHANG);
        if (child < 0)
            break;
        if (child == 0)
            usleep(10000);
    }
    if (child == 0)
        return "a process is left";
    if (count_entries("/dev/shm", "sheaf") > 0)
        return "shared memory is left";
    return NULL;
}

void shell_expect_at(const char *file, int line, struct shell_result result, int code,
                     const char *expected)
{
    bool same = result.code == code && (!expected || strcmp(result.out, expected) == 0);

    if (!same)
        printf("\n%s:%d: exit code %d, expected %d\n--- stdout\n%s--- expected\n%s--- stderr\n%s",
               file, line, result.code, code, result.out, expected ? expected : "(anything)\n",
               result.err);
    CU_assertImplementation(same, (unsigned)line, "what the command says", file, "", CU_FALSE);
}

void shell_refused_at(const char *file, int line, struct shell_result result, int code,
                      const char *const *words)
{
    bool good =
        result.code == code && result.out_size == 0 && strncmp(result.err, "sheaf: ", 7) == 0;
    const char *missing = "";

    for (; *words; words++)
        if (!strstr(result.err, *words)) {
            good = false;
            missing = *words;
        }
    if (!good)
        printf(
            "\n%s:%d: exit code %d, expected %d; missing \"%s\"\n--- stdout\n%.400s--- stderr\n%s",
            file, line, result.code, code, missing, result.out, result.err);
    CU_assertImplementation(good, (unsigned)line, "how the command refuses", file, "", CU_FALSE);
}
