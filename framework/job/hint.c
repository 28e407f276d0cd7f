/* hint.c - what may have gone wrong, found by a look at the data: see hint.h */
#include <stdio.h>
#include <string.h>

#include "column/parse.h"
#include "job/hint.h"

#define LOOK ((uint64_t)1 << 20) /* bytes */

struct look {
    size_t numbers;
    char other[32]; /* the first value that is no number; empty: none */
};

static void look_at(struct look *look, const sheaf_column *column, size_t rows)
{
    for (size_t row = 0; row < rows; row++) {
        const sheaf_text *text = &column->text[row];
        double number;

        if (!sheaf_present(column, row))
            continue;
        if (sheaf_parse_value((sheaf_kind){SHEAF_F64, 0}, text->bytes, text->size, &number))
            look->numbers++;
        else if (!look->other[0] && text->size < sizeof look->other)
            memcpy(look->other, text->bytes, text->size);
    }
}

static void read_some(const sheaf_dataset *dataset, uint32_t column, struct look *look)
{
    const struct sheaf_file *file = &dataset->files[0];
    struct sheaf_wanted wanted = {column, {SHEAF_TEXT, 0}};
    uint64_t end = file->data_begin + LOOK < file->size ? file->data_begin + LOOK : file->size;
    struct sheaf_reader *reader = NULL;
    struct sheaf_read read = {0};

    sheaf_status status = sheaf_reader_open(dataset, &wanted, 1, &reader, NULL);
    if (status == SHEAF_OK)
        status = sheaf_reader_start(reader, 0, file->data_begin, end, NULL);
    while (status == SHEAF_OK && sheaf_reader_next(reader, &read, NULL) == SHEAF_OK && read.rows)
        look_at(look, &read.columns[0], read.rows);
    sheaf_reader_close(reader);
}

void sheaf_hint_text(const struct pipeline *pipeline, size_t index, sheaf_error *error)
{
    const struct view_column *column = &pipeline->view[index];
    const sheaf_dataset *dataset = pipeline->dataset;
    struct look look = {0};

    if (!error || !dataset || column->source < 0 || column->kind.type != SHEAF_TEXT ||
        dataset->format != SHEAF_CSV || dataset->file_count == 0 || dataset->files[0].spool)
        return;
    read_some(dataset, (uint32_t)column->source, &look);
    if (look.numbers == 0 || !look.other[0])
        return;
    error->help[0] = '\0';
    sheaf_error_help(error,
                     "Numbers stand in it, and \"%s\".  If that means missing, say so: --null '%s'",
                     look.other, look.other);
}
