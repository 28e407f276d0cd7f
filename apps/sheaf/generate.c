/*
 * generate.c - `sheaf gen`: blocks of made-up rows by a pool of workers, written in order
 *
 * A block is a function of the seed and of its rows' numbers alone, so the bytes
 * are the same with any number of workers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sheaf/pool.h>

#include "command.h"
#include "gen.h"
#include "gen_buffer.h"

#define BLOCK_BYTES (8 << 20) /* of text that a block may take */

struct block_task {
    uint32_t dataset; /* index into sheaf_gen_datasets */
    uint32_t rows;
    uint64_t seed;
    uint64_t first_row;
};

struct block_text {
    uint64_t size;
    char bytes[BLOCK_BYTES];
};

struct generation {
    struct block_task next;
    uint64_t rows; /* of all */
    uint32_t rows_per_block;
    struct sheaf_destination *to;
};

static sheaf_status make_block(const void *input, void *output, sheaf_error *error)
{
    static struct gen_buffer buffer; /* kept from task to task */
    const struct block_task *task = input;
    struct block_text *text = output;

    buffer.size = 0;
    sheaf_gen_datasets[task->dataset].block(task->seed, task->first_row, task->rows, &buffer);
    if (buffer.failed || buffer.size > BLOCK_BYTES)
        return sheaf_error_set(error, SHEAF_LIMIT, "gen: %u rows do not fit %d bytes (E603)",
                               task->rows, BLOCK_BYTES);
    memcpy(text->bytes, buffer.bytes, buffer.size);
    text->size = buffer.size;
    return SHEAF_OK;
}

static sheaf_status next_block(void *context, void *input, sheaf_error *error)
{
    struct generation *generation = context;
    uint64_t left = generation->rows - generation->next.first_row;

    (void)error;
    if (left == 0)
        return SHEAF_CLOSED;
    generation->next.rows =
        left < generation->rows_per_block ? (uint32_t)left : generation->rows_per_block;
    memcpy(input, &generation->next, sizeof generation->next);
    generation->next.first_row += generation->next.rows;
    return SHEAF_OK;
}

static sheaf_status write_blocks(struct generation *generation, sheaf_pool *pool,
                                 sheaf_error *error)
{
    sheaf_stream_options options = {.struct_size = sizeof options,
                                    .task = make_block,
                                    .source = next_block,
                                    .context = generation,
                                    .input_size = sizeof(struct block_task),
                                    .output_size = sizeof(struct block_text),
                                    .window = 4 * (size_t)sheaf_pool_workers(pool)};
    struct block_text *text = malloc(sizeof *text);
    sheaf_stream *stream = NULL;

    if (!text)
        return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory");
    sheaf_status status = sheaf_stream_open(pool, &options, &stream, error);
    while (status == SHEAF_OK) {
        uint64_t index;
        sheaf_status outcome = SHEAF_OK;
        status = sheaf_stream_next(stream, &index, text, &outcome, SHEAF_FOREVER, error);
        if (status == SHEAF_OK)
            status = outcome;
        if (status == SHEAF_OK)
            status = sheaf_destination_write(generation->to, text->bytes, text->size, error);
    }
    sheaf_stream_close(stream);
    free(text);
    return status == SHEAF_CLOSED ? SHEAF_OK : status;
}

static sheaf_status unknown_dataset(const char *name, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "gen: there is no dataset \"%s\" (E111)", name);
    for (const struct gen_dataset *dataset = sheaf_gen_datasets; dataset->name; dataset++)
        sheaf_error_help(error, "%-8s %s", dataset->name, dataset->about);
    return SHEAF_BAD_ARGUMENT;
}

sheaf_status command_gen(struct command *command, sheaf_error *error)
{
    sheaf_pool_options options = {.struct_size = sizeof options,
                                  .workers = command->job.executor.workers};
    struct generation generation = {.rows = command->rows_given ? command->rows : 1000};
    sheaf_pool *pool = NULL;

    if (command->count != 2) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "gen wants the name of a dataset (E107)");
        sheaf_error_help(error, "Usage: sheaf gen NAME --rows N --seed S -o FILE");
        return SHEAF_BAD_ARGUMENT;
    }
    const struct gen_dataset *dataset = sheaf_gen_find(command->words[1]);
    if (!dataset)
        return unknown_dataset(command->words[1], error);
    generation.next.dataset = (uint32_t)(dataset - sheaf_gen_datasets);
    generation.next.seed = command->job.seed;
    generation.rows_per_block = dataset->rows_per_block;
    SHEAF_TRY(sheaf_destination_open(command->target.path, &generation.to, error));
    sheaf_status status = SHEAF_OK;
    if (command->header || !dataset->headless)
        status =
            sheaf_destination_write(generation.to, dataset->header, strlen(dataset->header), error);
    if (status == SHEAF_OK)
        status = sheaf_pool_open(&options, &pool, error);
    if (status == SHEAF_OK) {
        status = write_blocks(&generation, pool, error);
        sheaf_pool_terminate(pool);
    }
    if (status == SHEAF_OK)
        status = sheaf_destination_commit(generation.to, error);
    sheaf_destination_close(generation.to);
    return status;
}
