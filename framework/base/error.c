/* error.c - filling in a sheaf_error: see sheaf/error.h */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <sheaf/error.h>

/*
 * Append text to a buffer that holds `used` bytes, so that the whole stays one
 * printable line: control bytes come out as \xNN, and what does not fit is
 * left away in whole UTF-8 characters.
 */
static void append_printable(char *buffer, size_t capacity, const char *text)
{
    size_t used = strlen(buffer);
    const unsigned char *at = (const unsigned char *)text;

    for (; *at; at++) {
        bool control = *at < 0x20 || *at == 0x7f;
        if (used + (control ? 5 : 2) > capacity)
            break;
        if (control)
            snprintf(buffer + used, capacity - used, "\\x%02X", *at);
        else
            buffer[used] = (char)*at;
        used += control ? 4 : 1;
        buffer[used] = '\0';
    }
    /* Cut inside a character: take back what was copied of it. */
    if ((*at & 0xC0) == 0x80)
        while (used > 0) {
            bool lead = ((unsigned char)buffer[--used] & 0xC0) == 0xC0;
            buffer[used] = '\0';
            if (lead)
                break;
        }
}

static void begin(sheaf_error *error, sheaf_status status)
{
    memset(error, 0, sizeof *error);
    error->status = status;
    error->column = -1;
    error->byte = error->row = error->line = -1;
}

sheaf_status sheaf_error_set(sheaf_error *error, sheaf_status status, const char *format, ...)
{
    char text[2 * sizeof error->message];
    va_list arguments;

    if (!error)
        return status;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    begin(error, status);
    append_printable(error->message, sizeof error->message, text);
    return status;
}

sheaf_status sheaf_error_errno(sheaf_error *error, const char *format, ...)
{
    int number = errno;
    char text[2 * sizeof error->message];
    va_list arguments;

    if (!error)
        return SHEAF_SYSTEM;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    begin(error, SHEAF_SYSTEM);
    error->system = number;
    append_printable(error->message, sizeof error->message, text);
    append_printable(error->message, sizeof error->message, ": ");
    append_printable(error->message, sizeof error->message, strerror(number));
    return SHEAF_SYSTEM;
}

void sheaf_error_help(sheaf_error *error, const char *format, ...)
{
    char text[2 * sizeof error->help];
    va_list arguments;

    if (!error)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    size_t used = strlen(error->help);
    if (used > 0 && used + 2 < sizeof error->help) {
        error->help[used] = '\n';
        error->help[used + 1] = '\0';
    }
    append_printable(error->help, sizeof error->help, text);
}

static const struct {
    const char *name;
    int exit_code;
} statuses[] = {
    [SHEAF_OK] = {"SHEAF_OK", 0},
    [SHEAF_NO_MEMORY] = {"SHEAF_NO_MEMORY", 6},
    [SHEAF_SYSTEM] = {"SHEAF_SYSTEM", 2},
    [SHEAF_BAD_ARGUMENT] = {"SHEAF_BAD_ARGUMENT", 2},
    [SHEAF_BAD_DATA] = {"SHEAF_BAD_DATA", 5},
    [SHEAF_CHANGED] = {"SHEAF_CHANGED", 5},
    [SHEAF_BAD_OUTPUT] = {"SHEAF_BAD_OUTPUT", 3},
    [SHEAF_BAD_OPERATOR] = {"SHEAF_BAD_OPERATOR", 7},
    [SHEAF_REFUSED] = {"SHEAF_REFUSED", 4},
    [SHEAF_LOST] = {"SHEAF_LOST", 4},
    [SHEAF_LIMIT] = {"SHEAF_LIMIT", 6},
    [SHEAF_NOT_DETERMINISTIC] = {"SHEAF_NOT_DETERMINISTIC", 8},
    [SHEAF_INTERNAL] = {"SHEAF_INTERNAL", 70},
    [SHEAF_STOPPED] = {"SHEAF_STOPPED", 75},
    [SHEAF_INTERRUPTED] = {"SHEAF_INTERRUPTED", 128},
    [SHEAF_ABANDONED] = {"SHEAF_ABANDONED", 4},
    [SHEAF_BROKEN] = {"SHEAF_BROKEN", 4},
    [SHEAF_TIMEOUT] = {"SHEAF_TIMEOUT", 124},
    [SHEAF_CLOSED] = {"SHEAF_CLOSED", 4},
};

static bool is_known(sheaf_status status)
{
    return (unsigned)status < sizeof statuses / sizeof statuses[0];
}

const char *sheaf_status_name(sheaf_status status)
{
    return is_known(status) ? statuses[status].name : "unknown status";
}

int sheaf_exit_code(const sheaf_error *error)
{
    if (!is_known(error->status))
        return 70;
    if (error->status == SHEAF_INTERRUPTED)
        return 128 + error->system;
    return statuses[error->status].exit_code;
}
