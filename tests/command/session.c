/* session.c - text that shows commands and what they print, run: see session.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/session.h"
#include "command/shell.h"

char *session_read(const char *path)
{
    FILE *file = fopen(path, "re");
    size_t size = 0, capacity = 1 << 20;
    char *text = file ? malloc(capacity) : NULL;

    if (text)
        size = fread(text, 1, capacity - 1, file);
    if (text)
        text[size] = '\0';
    if (file)
        fclose(file);
    return text;
}

static const char *next_line(const char *at)
{
    const char *end = strchr(at, '\n');

    return end ? end + 1 : at + strlen(at);
}

/* Behind the command that begins at `at`, its continuations included. */
static const char *end_of_command(const char *at)
{
    const char *end = next_line(at);

    while (end - at >= 2 && end[-1] == '\n' && end[-2] == '\\' && *end) {
        at = end;
        end = next_line(at);
    }
    return end;
}

static bool equals(const char *said, const char *text, size_t size)
{
    return strlen(said) == size && memcmp(said, text, size) == 0;
}

static void run_one(const char *name, const char *command, size_t command_size,
                    const char *expected, size_t size)
{
    struct shell_result r = shell("%.*s", (int)command_size, command);
    bool good = size == 0 ? r.code == 0 : equals(r.code == 0 ? r.out : r.err, expected, size);

    if (!good)
        printf("\n%s: %.*sexit code %d\n--- stdout\n%s--- expected\n%.*s--- stderr\n%s", name,
               (int)command_size, command, r.code, r.out, (int)size, expected, r.err);
    CU_ASSERT(good);
}

int session_run(const char *name, const char *text)
{
    int commands = 0;

    while (*text) {
        if (strncmp(text, "$ ", 2) != 0) {
            text = next_line(text);
            continue;
        }
        const char *command = text + 2, *end = end_of_command(command), *stop = end;
        while (*stop && strncmp(stop, "$ ", 2) != 0)
            stop = next_line(stop);
        run_one(name, command, (size_t)(end - command), end, (size_t)(stop - end));
        text = stop;
        commands++;
    }
    return commands;
}
