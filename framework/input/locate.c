/* locate.c - errors of a shard as errors of a file: see sheaf_reader_locate() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/badrow.h"
#include "input/reader.h"

static bool is_ours(const sheaf_error *error)
{
    switch (error->code) {
    case SHEAF_BAD_VALUE:
    case SHEAF_BAD_WIDTH:
    case SHEAF_BAD_ENCODING:
    case SHEAF_BAD_OPINION:
    case 404:
    case 405:
        return error->status == SHEAF_BAD_DATA && error->line >= 0;
    default:
        return false;
    }
}

/* "| text" becomes "  48211 | text", and the caret below it is moved as far. */
static void number_excerpt(sheaf_error *error)
{
    char help[sizeof error->help], number[32];
    char *rest = help;
    int width = snprintf(number, sizeof number, "%lld", (long long)error->line);

    memcpy(help, error->help, sizeof help);
    error->help[0] = '\0';
    for (int i = 0; rest; i++) {
        char *line = strsep(&rest, "\n");
        if (i < 2 && line[0] == '|')
            sheaf_error_help(error, "  %*s %s", width, i == 0 ? number : "", line);
        else
            sheaf_error_help(error, "%s", line);
    }
}

void sheaf_reader_locate(const sheaf_dataset *dataset, size_t index, uint64_t lines,
                         uint64_t records, sheaf_error *error)
{
    const struct sheaf_file *file = &dataset->files[index];
    sheaf_error old;

    if (!error || !is_ours(error))
        return;
    old = *error;
    int shown = error->code == SHEAF_BAD_OPINION ? SHEAF_BAD_VALUE : error->code;
    uint64_t line = file->header_lines + lines + (uint64_t)old.line + 1;
    sheaf_error_set(error, old.status, "%s:%llu:%s (E%d, byte %lld)", file->path,
                    (unsigned long long)line, old.message, shown, (long long)old.byte);
    memcpy(error->help, old.help, sizeof old.help);
    error->code = old.code;
    error->column = old.column;
    error->byte = old.byte;
    error->line = (int64_t)line;
    error->row = (int64_t)(file->header_records + records) + old.row + 1;
    number_excerpt(error);
}
