/* locate.c - places in a shard into places in a file: see locate.h */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/locate.h"
#include "job/task.h"

#define EXCERPT 72 /* bytes of a record that a message shows */

/* Bytes of the file, or of what was decoded of it. */
static ssize_t read_at(const struct sheaf_file *file, void *bytes, size_t size, uint64_t offset)
{
    int fd;

    if (sheaf_file_bytes(file, &fd, NULL) != SHEAF_OK)
        return -1;
    return pread(fd, bytes, size, (off_t)offset);
}

/* Line ends (LF, CR, CRLF) in [begin, end) of the file. */
static uint64_t count_lines(const struct sheaf_file *file, uint64_t begin, uint64_t end)
{
    char bytes[65536];
    uint64_t lines = 0;
    bool after_return = false;

    while (begin < end) {
        size_t wanted = end - begin < sizeof bytes ? (size_t)(end - begin) : sizeof bytes;
        ssize_t got = read_at(file, bytes, wanted, begin);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++) {
            lines += bytes[i] == '\r' || (bytes[i] == '\n' && !after_return);
            after_return = bytes[i] == '\r';
        }
        begin += (uint64_t)got;
    }
    return lines;
}

/* The record at a byte, up to its first line end: what a message shows. */
static void read_excerpt(const struct sheaf_file *file, uint64_t byte, char *excerpt)
{
    ssize_t got = read_at(file, excerpt, EXCERPT, byte);

    excerpt[got > 0 ? got : 0] = '\0';
    excerpt[strcspn(excerpt, "\r\n")] = '\0';
}

/* Cut " (E411)" from the end: it is written again, with the byte. */
static void drop_code(char *message)
{
    char *code = strrchr(message, '(');

    if (code && code > message && code[1] == 'E' && message[strlen(message) - 1] == ')')
        code[-1] = '\0';
}

static void locate_row(const struct plan *plan, uint32_t file_index, uint64_t begin, uint64_t lines,
                       sheaf_error *failure)
{
    const struct sheaf_file *file = &plan->job->dataset->files[file_index];
    uint64_t byte = (uint64_t)failure->byte;
    int32_t code = failure->code, system = failure->system;
    char message[sizeof failure->message], help[sizeof failure->help], excerpt[EXCERPT + 1];

    memcpy(message, failure->message, sizeof message);
    memcpy(help, failure->help, sizeof help);
    drop_code(message);
    if (failure->byte < 0) {
        sheaf_error_set(failure, failure->status, "%s: %s (E%d)", file->path, message, code);
    } else if (file->format == SHEAF_CSV) {
        uint64_t line = lines + count_lines(file, begin, byte) + 1;
        sheaf_error_set(failure, failure->status, "%s:%" PRIu64 ": %s (E%d, byte %" PRIu64 ")",
                        file->path, line, message, code, byte);
        failure->line = (int64_t)line;
        failure->byte = (int64_t)byte;
        read_excerpt(file, byte, excerpt);
        sheaf_error_help(failure, "  %" PRIu64 " | %s", line, excerpt);
    } else {
        uint64_t row = plan->job->dataset->record_size
                           ? (byte - file->data_begin) / plan->job->dataset->record_size + 1
                           : 0;
        sheaf_error_set(failure, failure->status,
                        "%s: record %" PRIu64 ": %s (E%d, byte %" PRIu64 ")", file->path, row,
                        message, code, byte);
        failure->row = (int64_t)row;
        failure->byte = (int64_t)byte;
    }
    failure->code = code;
    failure->system = system;
    if (help[0])
        sheaf_error_help(failure, "%s", help);
}

/* What killed a worker, as a user may know it. */
static void describe_death(const sheaf_error *failure, char *text, size_t size)
{
    if (failure->system > 0)
        snprintf(text, size, "signal %d, %s", failure->system, strsignal(failure->system));
    else
        snprintf(text, size, "it left the process");
}

/* The names of the plan's own operators, those that are not built in. */
static const char *name_operators(const struct plan *plan, char *names, size_t size)
{
    size_t used = 0;

    names[0] = '\0';
    for (size_t i = 0; i < plan->plugin_count; i++)
        if (!sheaf_plugin_is_builtin(plan->plugins[i]) && used + 64 < size)
            used += (size_t)snprintf(names + used, size - used, "%s%.60s", used ? ", " : "",
                                     sheaf_plugin_name(plan->plugins[i]));
    if (!names[0])
        snprintf(names, size, "sheaf");
    return names;
}

static void locate_crash(const struct plan *plan, uint32_t file, uint64_t begin, uint64_t lines,
                         sheaf_error *failure)
{
    sheaf_error changed;
    char death[128], names[256];
    int64_t byte = failure->byte;
    int32_t system = failure->system;

    if (!plan->job->dataset->files[file].spool &&
        sheaf_file_verify(&plan->job->dataset->files[file], &changed) != SHEAF_OK) {
        *failure = changed;
        return;
    }
    describe_death(failure, death, sizeof death);
    sheaf_error_set(failure, SHEAF_LOST, "%s crashed on the record that begins here, each time: %s",
                    name_operators(plan, names, sizeof names), death);
    failure->byte = byte >= (int64_t)begin ? byte : -1;
    failure->system = system;
    failure->code = JOB_CRASHED;
    sheaf_error_help(failure,
                     "Mend the operator, or leave such records out: sheaf where '...' then "
                     "run ...");
    locate_row(plan, file, begin, lines, failure);
}

void sheaf_locate_failure(const struct plan *plan, uint32_t file, uint64_t begin, uint64_t lines,
                          uint64_t records, sheaf_error *failure)
{
    const struct sheaf_file *from = &plan->job->dataset->files[file];

    if (failure->status == SHEAF_LOST)
        locate_crash(plan, file, begin, lines, failure);
    else if (failure->code == JOB_REFUSED || failure->code == JOB_NO_VALUE)
        locate_row(plan, file, begin, lines, failure);
    else if (failure->status == SHEAF_BAD_DATA)
        /* The reader adds the header itself. */
        sheaf_reader_locate(plan->job->dataset, file, lines - from->header_lines,
                            records - from->header_records, failure);
}

void sheaf_locate_gluing(const struct plan *plan, sheaf_error *failure)
{
    char death[128], names[256];
    int32_t system = failure->system;

    describe_death(failure, death, sizeof death);
    sheaf_error_set(failure, SHEAF_LOST, "%s crashed while states were combined: %s (E%d)",
                    name_operators(plan, names, sizeof names), death, JOB_CRASHED);
    failure->system = system;
    failure->code = JOB_CRASHED;
    sheaf_error_help(failure, "Look at combine and finish; sheaf check OP FILE tries them on small "
                              "pieces");
}

sheaf_status sheaf_locate_rejects(const sheaf_dataset *dataset, uint32_t file, uint64_t lines,
                                  uint64_t records, const char *bytes, size_t size,
                                  sheaf_status (*write)(void *context, const char *bytes,
                                                        size_t size, sheaf_error *error),
                                  void *context, sheaf_error *error)
{
    struct sheaf_string out = {0};
    const char *end = bytes + size;

    /* Each line begins "line,record,": both counted from 0 in the shard.  A newline inside quotes
     * ends no line, so quotes are followed. */
    while (bytes < end) {
        char *rest;
        uint64_t line = strtoull(bytes, &rest, 10);
        uint64_t record = rest < end && *rest == ',' ? strtoull(rest + 1, &rest, 10) : 0;
        const char *stop = rest;
        bool quoted = false;

        while (stop < end && (quoted || *stop != '\n'))
            quoted ^= *stop++ == '"';
        sheaf_string_append(&out, dataset->files[file].path);
        sheaf_string_append_format(&out, ",%" PRIu64 ",%" PRIu64, line + lines + 1,
                                   record + records + 1);
        sheaf_string_append_bytes(&out, rest, (size_t)(stop - rest));
        sheaf_string_append_char(&out, '\n');
        bytes = stop + 1;
    }
    sheaf_status status = sheaf_string_check(&out, error);
    if (status == SHEAF_OK && out.size)
        status = write(context, out.bytes, out.size, error);
    sheaf_string_free(&out);
    return status;
}
