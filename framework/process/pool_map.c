/* pool_map.c - maps and streams of a pool: see sheaf/pool.h */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sheaf/shared.h>

#include "base/memory.h"
#include "process/child.h"
#include "process/pool.h"
#include "process/shared_heap.h"

/* Tasks of a map that are handed out at a time: enough to make the break between two pieces cheap,
 * few enough for their inputs and outputs to stay in the cache between copy and use. */
enum { PIECE = 1 << 17 };

/* -- map ------------------------------------------------------------------------------------ */

/* Shared memory can be used where it lies; the caller's own is copied. */
static void *in_place(const void *memory)
{
    void *plain;

    memcpy(&plain, &memory, sizeof plain);
    return memory && sheaf_shared_contains(memory) ? plain : NULL;
}

static sheaf_status await_map(sheaf_pool *pool, struct lane *lane, uint64_t count,
                              sheaf_error *error)
{
    uint64_t first = 0;
    int rounds = sheaf_spin_rounds();

    for (;;) {
        while (first < count && sheaf_lane_ended(lane, first))
            first++;
        if (first == count) {
            pool->early_deaths = 0;
            return SHEAF_OK;
        }
        SHEAF_TRY(sheaf_pool_check(pool, error));
        if (rounds-- > 0)
            sheaf_spin();
        else /* idle workers wake us; near the end the first unfinished task does, too */
            sheaf_pool_sleep(pool, lane, lane->published == lane->next ? first : SHEAF_WANT_NONE,
                             INT64_MAX);
    }
}

static sheaf_status collect_map(const struct lane *lane, const sheaf_map *map, sheaf_error *error)
{
    sheaf_status first = SHEAF_OK;

    for (size_t i = 0; i < map->count; i++) {
        sheaf_status status = sheaf_lane_state(lane, i) == DONE ? SHEAF_OK : lane->errors[i].status;
        if (map->statuses)
            map->statuses[i] = status;
        if (status == SHEAF_OK || first != SHEAF_OK)
            continue;
        first = status;
        if (error)
            *error = lane->errors[i];
    }
    return first;
}

/* Where workers find inputs and put outputs: with the caller, or here, for one piece after another
 * (fresh pages for each would cost more than the copying). */
struct bench {
    void *inputs, *outputs;
    bool own_inputs, own_outputs;
};

static void free_bench(const struct bench *bench)
{
    if (bench->own_inputs)
        sheaf_shared_free(bench->inputs);
    if (bench->own_outputs)
        sheaf_shared_free(bench->outputs);
}

static sheaf_status make_bench(const sheaf_map *map, struct bench *bench, sheaf_error *error)
{
    size_t count = map->count < PIECE ? map->count : PIECE;

    *bench = (struct bench){.inputs = in_place(map->inputs), .outputs = in_place(map->outputs)};
    bench->own_inputs = !bench->inputs;
    bench->own_outputs = !bench->outputs;
    if (bench->own_inputs)
        bench->inputs = sheaf_shared_alloc_own(count, map->input_size ? map->input_size : 1, error);
    if (bench->own_outputs && bench->inputs)
        bench->outputs =
            sheaf_shared_alloc_own(count, map->output_size ? map->output_size : 1, error);
    if (bench->inputs && bench->outputs)
        return SHEAF_OK;
    free_bench(bench);
    return SHEAF_NO_MEMORY;
}

/* One piece of a map, in a lane of its own. */
static sheaf_status map_piece(sheaf_pool *pool, const sheaf_map *map, const struct bench *bench,
                              uint64_t base, sheaf_error *error)
{
    struct lane *lane;
    struct lane like = {.task = map->task,
                        .inputs = bench->inputs,
                        .outputs = bench->outputs,
                        .input_size = map->input_size,
                        .output_size = map->output_size,
                        .mask = UINT64_MAX,
                        .base = base,
                        .chunk = map->chunk,
                        .timeout_ns = map->task_timeout_ms > 0 ? map->task_timeout_ms * 1000000
                                                               : pool->timeout_ns};

    SHEAF_TRY(sheaf_lane_open(pool, &like, map->count, &lane, error));
    if (bench->own_inputs && map->input_size > 0)
        memcpy(lane->inputs, map->inputs, map->count * map->input_size);
    if (bench->own_outputs && base > 0 && map->output_size > 0) /* zeros, as promised to tasks */
        memset(lane->outputs, 0, map->count * map->output_size);
    sheaf_lane_publish(pool, lane, map->count, INT_MAX);

    sheaf_status status = await_map(pool, lane, map->count, error);
    if (status == SHEAF_OK) {
        status = collect_map(lane, map, error);
        if (bench->own_outputs && map->output_size > 0)
            memcpy(map->outputs, lane->outputs, map->count * map->output_size);
    }
    sheaf_lane_close(pool, lane);
    return status;
}

/* In pieces, so that a huge map needs no more shared memory at a time than a large one. */
static sheaf_status map_pieces(sheaf_pool *pool, const sheaf_map *map, sheaf_error *error)
{
    sheaf_status first = SHEAF_OK;
    sheaf_map piece = *map;
    struct bench bench;

    SHEAF_TRY(make_bench(map, &bench, error));
    for (size_t begin = 0; begin < map->count; begin += piece.count) {
        sheaf_error failure = {0};
        size_t left = map->count - begin;
        piece.count = left < PIECE ? left : PIECE;
        sheaf_status status = map_piece(pool, &piece, &bench, begin, &failure);
        if (status != SHEAF_OK && first == SHEAF_OK) {
            first = status;
            if (error)
                *error = failure;
        }
        if (sheaf_pool_check(pool, error) != SHEAF_OK) {
            first = sheaf_pool_check(pool, error);
            break;
        }
        if (piece.inputs)
            piece.inputs = (const char *)piece.inputs + piece.count * piece.input_size;
        if (piece.outputs)
            piece.outputs = (char *)piece.outputs + piece.count * piece.output_size;
        if (!bench.own_inputs)
            bench.inputs = (char *)bench.inputs + piece.count * piece.input_size;
        if (!bench.own_outputs)
            bench.outputs = (char *)bench.outputs + piece.count * piece.output_size;
        if (piece.statuses)
            piece.statuses += piece.count;
    }
    free_bench(&bench);
    return first;
}

sheaf_status sheaf_pool_map(sheaf_pool *pool, const sheaf_map *wish, sheaf_error *error)
{
    sheaf_map map;

    SHEAF_TRY(sheaf_pool_check(pool, error));
    SHEAF_TRY(sheaf_options_copy(&map, sizeof map, wish, "sheaf_map", error));
    if (!map.task || (map.count > 0 && ((map.input_size > 0 && !map.inputs) ||
                                        (map.output_size > 0 && !map.outputs))))
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a map needs a task, inputs and outputs");
    return map_pieces(pool, &map, error);
}

/* -- stream ---------------------------------------------------------------------------------- */

struct sheaf_stream {
    sheaf_pool *pool;
    struct lane *lane;
    sheaf_stream_options options;
    uint64_t window;
    uint64_t begin; /* the first number whose output was not taken */
    uint64_t read;  /* inputs read, all published */
    uint8_t *taken; /* by place: taken out of turn */
    bool ended;     /* the source has no more */
    sheaf_status failed;
    sheaf_error error;
};

static sheaf_status open_stream(sheaf_pool *pool, const sheaf_stream_options *options,
                                sheaf_stream *stream, sheaf_error *error)
{
    uint64_t wanted = options->window ? options->window : 64 * (uint64_t)pool->count, window = 1;

    if (!options->task || !options->source || wanted > UINT64_C(1) << 32)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "a stream needs a task, a source and a window of at most 2^32");
    while (window < wanted)
        window *= 2;
    stream->pool = pool;
    stream->window = wanted;
    struct lane like = {.task = options->task,
                        .input_size = options->input_size,
                        .output_size = options->output_size,
                        .mask = window - 1,
                        .timeout_ns = options->task_timeout_ms > 0
                                          ? options->task_timeout_ms * 1000000
                                          : pool->timeout_ns};
    SHEAF_TRY(sheaf_allocate(&stream->taken, window, 1, error));
    return sheaf_lane_open(pool, &like, window, &stream->lane, error);
}

sheaf_status sheaf_stream_open(sheaf_pool *pool, const sheaf_stream_options *options,
                               sheaf_stream **stream, sheaf_error *error)
{
    sheaf_stream *made;

    SHEAF_TRY(sheaf_pool_check(pool, error));
    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    sheaf_status status = sheaf_options_copy(&made->options, sizeof made->options, options,
                                             "sheaf_stream_options", error);
    if (status == SHEAF_OK)
        status = open_stream(pool, &made->options, made, error);
    if (status != SHEAF_OK) {
        free(made->taken);
        free(made);
        return status;
    }
    *stream = made;
    return SHEAF_OK;
}

void sheaf_stream_close(sheaf_stream *stream)
{
    if (!stream)
        return;
    sheaf_lane_close(stream->pool, stream->lane);
    free(stream->taken);
    free(stream);
}

/* Read inputs until the window is full or the source has no more. */
static void fill(sheaf_stream *stream)
{
    struct lane *lane = stream->lane;
    uint64_t before = stream->read;

    while (!stream->ended && stream->read - stream->begin < stream->window) {
        uint64_t place = stream->read & lane->mask;
        lane->states[place] = PENDING;
        sheaf_status status = stream->options.source(
            stream->options.context, lane->inputs + place * lane->input_size, &stream->error);
        if (status != SHEAF_OK) {
            stream->ended = true;
            stream->failed = status == SHEAF_CLOSED ? SHEAF_OK : status;
            break;
        }
        stream->taken[place] = 0;
        stream->read++;
        /* Let the workers begin with the first ones while the rest is read. */
        if (stream->read - before == 1 || (stream->read - before) % 16 == 0)
            sheaf_lane_publish(stream->pool, lane, stream->read, 1);
    }
    if (stream->read > lane->published)
        sheaf_lane_publish(stream->pool, lane, stream->read, INT_MAX);
}

/* The number of an output that can be taken now, or `read` if there is none. */
static uint64_t find_ready(const sheaf_stream *stream)
{
    if (!stream->options.unordered)
        return stream->begin < stream->read && sheaf_lane_ended(stream->lane, stream->begin)
                   ? stream->begin
                   : stream->read;
    for (uint64_t number = stream->begin; number < stream->read; number++)
        if (!stream->taken[number & stream->lane->mask] && sheaf_lane_ended(stream->lane, number))
            return number;
    return stream->read;
}

static void take(sheaf_stream *stream, uint64_t number, void *output, sheaf_status *outcome,
                 sheaf_error *error)
{
    const struct lane *lane = stream->lane;
    uint64_t place = number & lane->mask;

    *outcome = SHEAF_OK;
    stream->pool->early_deaths = 0;
    if (sheaf_lane_state(lane, number) == DONE) {
        if (output && lane->output_size > 0)
            memcpy(output, lane->outputs + place * lane->output_size, lane->output_size);
    } else {
        *outcome = lane->errors[place].status;
        if (error)
            *error = lane->errors[place];
    }
    stream->taken[place] = 1;
    while (stream->begin < stream->read && stream->taken[stream->begin & lane->mask])
        stream->begin++;
}

sheaf_status sheaf_stream_next(sheaf_stream *stream, uint64_t *index, void *output,
                               sheaf_status *outcome, int64_t timeout_ms, sheaf_error *error)
{
    int64_t deadline = sheaf_deadline(timeout_ms);
    int rounds = sheaf_spin_rounds();

    for (;;) {
        /* In large steps: the source is asked when half of the window is free. */
        if (!stream->ended && stream->read - stream->begin <= stream->window / 2)
            fill(stream);
        uint64_t number = find_ready(stream);
        if (number < stream->read) {
            if (index)
                *index = number;
            take(stream, number, output, outcome, error);
            return SHEAF_OK;
        }
        if (stream->ended && stream->begin == stream->read) {
            if (stream->failed == SHEAF_OK)
                return sheaf_error_set(error, SHEAF_CLOSED, "the stream has ended");
            if (error)
                *error = stream->error;
            return stream->failed;
        }
        SHEAF_TRY(sheaf_pool_check(stream->pool, error));
        if (sheaf_deadline_passed(deadline))
            return sheaf_error_set(error, SHEAF_TIMEOUT, "no output was ready within %lld ms",
                                   (long long)timeout_ms);
        if (rounds-- > 0)
            sheaf_spin();
        else
            sheaf_pool_sleep(stream->pool, stream->lane,
                             stream->options.unordered ? SHEAF_WANT_ANY : stream->begin, deadline);
    }
}
