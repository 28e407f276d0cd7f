/*
 * main.c - the `sheaf` command: questions asked of large files
 *
 * Standard output carries the answer and nothing else.  What is to be said goes
 * to stderr: one line "sheaf: WHERE: WHAT (CODE)", then at most three of help.
 * The exit code says which class of trouble it was: see docs/commands.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

static void print_error(const sheaf_error *error)
{
    const char *line = error->help;

    if (error->status == SHEAF_INTERRUPTED && error->system == SIGPIPE)
        return; /* the reader of stdout has seen enough */
    /* Every message has a code: one of its own, or that of its class. */
    fprintf(stderr, "sheaf: %s", error->message);
    if (strstr(error->message, "(E"))
        fprintf(stderr, "\n");
    else
        fprintf(stderr, " (E0%02d)\n", (int)error->status);
    while (*line) {
        size_t size = strcspn(line, "\n");
        fprintf(stderr, "  %.*s\n", (int)size, line);
        line += size + (line[size] == '\n');
    }
}

/* Descriptors 0, 1 and 2 exist, whatever the caller closed, so that no file of ours becomes one. */
static void open_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

/* What a careless parent may have left us: ignored or blocked signals. */
static void reset_signals(void)
{
    static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    sigset_t none;

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction now;
        /* nohup's wish is respected. */
        if (signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            continue;
        signal(signals[i], SIG_DFL);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static sheaf_status print_version(const struct command *command)
{
    char *text = NULL;
    sheaf_error error;

    printf("sheaf %s\n", sheaf_version());
    if (command->verbose && sheaf_describe_build(&text, &error) == SHEAF_OK)
        fputs(text, stdout);
    free(text);
    return SHEAF_OK;
}

static sheaf_status unknown_verb(const char *name, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no command \"%s\" (E103)", name);
    for (const struct verb *verb = command_verbs; verb->name; verb++)
        if (strncmp(verb->name, name, 2) == 0)
            sheaf_error_help(error, "Did you mean: sheaf %s %s", verb->name, verb->usage);
    sheaf_error_help(error, "sheaf help lists them");
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status run(struct command *command, sheaf_error *error)
{
    if (command->version)
        return print_version(command);
    if (command->help || command->count == 0)
        return command_help(command, error);
    const struct verb *verb = command_verb(command->words[0]);
    if (!verb)
        return unknown_verb(command->words[0], error);
    return verb->run(command, error);
}

sheaf_status command_flush(sheaf_error *error)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return SHEAF_OK;
    if (errno == EPIPE) {
        sheaf_error_set(error, SHEAF_INTERRUPTED, "the reader of standard output has left");
        if (error)
            error->system = SIGPIPE;
        return SHEAF_INTERRUPTED;
    }
    return sheaf_error_set(error, SHEAF_BAD_OUTPUT, "can not write to standard output: %s (E301)",
                           strerror(errno));
}

int main(int argc, char **argv)
{
    struct command command = {0};
    sheaf_error error = {0};

    open_standard_descriptors();
    reset_signals();
    sheaf_status status = command_flags(argc, argv, &command, &error);
    if (status == SHEAF_OK)
        status = sheaf_check_machine(&error);
    if (status == SHEAF_OK)
        status = run(&command, &error);
    if (status == SHEAF_OK)
        status = command_flush(&error);
    free(command.words);
    if (status == SHEAF_OK)
        return 0;
    print_error(&error);
    return sheaf_exit_code(&error);
}
