/*
 * toolkit.c - how fast are the primitives, and how far from what the machine allows?
 *
 * Prints one line for each figure: its name, a tab, operations per second (median
 * of five runs), a tab, least and greatest.  toolkit.py puts Python's
 * multiprocessing beside it.
 */
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sheaf/manager.h>
#include <sheaf/pool.h>
#include <sheaf/process.h>
#include <sheaf/queue.h>
#include <sheaf/shared.h>

enum { RUNS = 5 };

static double now(void)
{
    struct timespec moment;

    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (double)moment.tv_sec + (double)moment.tv_nsec * 1e-9;
}

static sheaf_error error;

static void must(sheaf_status status)
{
    if (status == SHEAF_OK)
        return;
    fprintf(stderr, "bench_toolkit: %s\n", error.message);
    exit(1);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static void report(const char *name, double (*measure)(void))
{
    double rates[RUNS];

    measure(); /* warm up */
    for (int i = 0; i < RUNS; i++)
        rates[i] = measure();
    qsort(rates, RUNS, sizeof *rates, compare);
    printf("%s\t%.1f\t%.1f\t%.1f\n", name, rates[RUNS / 2], rates[0], rates[RUNS - 1]);
    fflush(stdout);
}

/* -- pool -------------------------------------------------------------------------------- */

static sheaf_pool *pool;

static sheaf_status nothing(const void *input, void *output, sheaf_error *failure)
{
    (void)failure;
    memcpy(output, input, 8);
    return SHEAF_OK;
}

static double map_with(size_t count, size_t chunk)
{
    int64_t *in = calloc(count, 8), *out = calloc(count, 8);
    sheaf_map map = {sizeof map, nothing, in, 8, out, 8, count, chunk, NULL, 0};
    double start = now();

    must(sheaf_pool_map(pool, &map, &error));
    double rate = (double)count / (now() - start);
    free(in);
    free(out);
    return rate;
}

static double map_one(void)
{
    return map_with(200000, 1);
}

static double map_default(void)
{
    return map_with(2000000, 0);
}

static double submit_latency(void)
{
    enum { N = 20000 };
    int64_t value = 1;
    sheaf_call call = {.struct_size = sizeof call,
                       .task = nothing,
                       .input = &value,
                       .input_size = 8,
                       .output_size = 8};
    double start = now();

    for (int i = 0; i < N; i++)
        must(sheaf_pool_apply(pool, &call, &value, SHEAF_FOREVER, &error));
    return N / (now() - start);
}

static sheaf_status count_up(void *context, void *input, sheaf_error *failure)
{
    int64_t *next = context, value = *next;

    if (value == 200000)
        return sheaf_error_set(failure, SHEAF_CLOSED, "end");
    memcpy(input, &value, 8);
    (*next)++;
    return SHEAF_OK;
}

static double stream(void)
{
    int64_t next = 0, output;
    sheaf_stream_options options = {.struct_size = sizeof options,
                                    .task = nothing,
                                    .source = count_up,
                                    .context = &next,
                                    .input_size = 8,
                                    .output_size = 8,
                                    .window = 4096};
    sheaf_stream *opened;
    sheaf_status outcome;
    double start = now();

    must(sheaf_stream_open(pool, &options, &opened, &error));
    while (sheaf_stream_next(opened, NULL, &output, &outcome, SHEAF_FOREVER, &error) == SHEAF_OK)
        ;
    sheaf_stream_close(opened);
    return 200000 / (now() - start);
}

/* -- queue -------------------------------------------------------------------------------- */

struct traffic {
    sheaf_queue *queue;
    size_t size;
    int64_t count;
};

static sheaf_status produce(void *argument, sheaf_error *failure)
{
    const struct traffic *traffic = argument;
    char *message = calloc(1, traffic->size);

    for (int64_t i = 0; i < traffic->count; i++)
        SHEAF_TRY(sheaf_queue_put(traffic->queue, message, traffic->size, SHEAF_FOREVER, failure));
    free(message);
    return SHEAF_OK;
}

static sheaf_status consume(void *argument, sheaf_error *failure)
{
    const struct traffic *traffic = argument;
    char *message = calloc(1, traffic->size);

    for (int64_t i = 0; i < traffic->count; i++)
        SHEAF_TRY(
            sheaf_queue_get(traffic->queue, message, traffic->size, NULL, SHEAF_FOREVER, failure));
    free(message);
    return SHEAF_OK;
}

static double queue_with(size_t size, bool fixed, int pairs, int64_t count)
{
    sheaf_queue_options options = {.struct_size = sizeof options,
                                   .item_size = fixed ? size : 0,
                                   .capacity = fixed ? (size > 4096 ? 8 : 4096) : 4 << 20};
    struct traffic traffic = {NULL, size, count / pairs};
    sheaf_process *children[8];

    must(sheaf_queue_open(&options, &traffic.queue, &error));
    double start = now();
    for (int i = 0; i < pairs; i++) {
        must(
            sheaf_process_start(NULL, produce, &traffic, sizeof traffic, &children[2 * i], &error));
        if (pairs > 1)
            must(sheaf_process_start(NULL, consume, &traffic, sizeof traffic, &children[2 * i + 1],
                                     &error));
    }
    if (pairs == 1)
        must(consume(&traffic, &error));
    for (int i = 0; i < 2 * pairs; i++)
        if (pairs > 1 || i == 0) {
            must(sheaf_process_join(children[i], SHEAF_FOREVER, &error));
            sheaf_process_close(children[i]);
        }
    double rate = (double)count / (now() - start);
    sheaf_queue_close(traffic.queue);
    return rate;
}

static double queue_small(void)
{
    return queue_with(64, true, 1, 2000000);
}

static double queue_small_any_size(void)
{
    return queue_with(64, false, 1, 2000000);
}

static double queue_several(void)
{
    return queue_with(64, true, 2, 1000000);
}

static double queue_large(void)
{
    return queue_with(1 << 20, true, 1, 4000);
}

/* -- pipe, lock, manager, process ------------------------------------------------------------ */

static sheaf_status echo(void *argument, sheaf_error *failure)
{
    sheaf_pipe *end = argument;
    char message[64];
    size_t size;

    while (sheaf_pipe_receive(end, message, sizeof message, &size, SHEAF_FOREVER, failure) ==
           SHEAF_OK)
        SHEAF_TRY(sheaf_pipe_send(end, message, size, SHEAF_FOREVER, failure));
    return SHEAF_OK;
}

static double pipe_round_trip(void)
{
    enum { N = 20000 };
    sheaf_pipe ends[2];
    sheaf_process *child;
    char message[64] = {0};

    must(sheaf_pipe_pair(true, ends, &error));
    sheaf_process_options options = {
        .struct_size = sizeof options, .keep = &ends[1].fd, .keep_count = 1};
    must(sheaf_process_start(&options, echo, &ends[1], sizeof ends[1], &child, &error));
    sheaf_pipe_close(&ends[1]);
    double start = now();
    for (int i = 0; i < N; i++) {
        must(sheaf_pipe_send(&ends[0], message, sizeof message, SHEAF_FOREVER, &error));
        must(sheaf_pipe_receive(&ends[0], message, sizeof message, NULL, SHEAF_FOREVER, &error));
    }
    double rate = N / (now() - start);
    sheaf_pipe_close(&ends[0]);
    sheaf_process_join(child, SHEAF_FOREVER, &error);
    sheaf_process_close(child);
    return rate;
}

struct tally {
    sheaf_mutex lock;
    int64_t count;
    int64_t each;
};

static sheaf_status tally_up(void *argument, sheaf_error *failure)
{
    struct tally *tally = argument;

    for (int64_t i = 0; i < tally->each; i++) {
        SHEAF_TRY(sheaf_mutex_lock(&tally->lock, SHEAF_FOREVER, failure));
        tally->count++;
        sheaf_mutex_unlock(&tally->lock);
    }
    return SHEAF_OK;
}

static double locked_counter(void)
{
    struct tally *tally = sheaf_shared_value(struct tally, &error);
    sheaf_process *children[2];

    tally->each = 5000000;
    double start = now();
    for (int i = 0; i < 2; i++)
        must(sheaf_process_start(NULL, tally_up, tally, 0, &children[i], &error));
    for (int i = 0; i < 2; i++) {
        must(sheaf_process_join(children[i], SHEAF_FOREVER, &error));
        sheaf_process_close(children[i]);
    }
    double rate = (double)tally->count / (now() - start);
    sheaf_shared_free(tally);
    return rate;
}

static double lock_alone(void)
{
    struct tally *tally = sheaf_shared_value(struct tally, &error);

    tally->each = 10000000;
    double start = now();
    must(tally_up(tally, &error));
    double rate = (double)tally->each / (now() - start);
    sheaf_shared_free(tally);
    return rate;
}

static double manager_set(void)
{
    enum { N = 20000 };
    sheaf_manager *manager;

    must(sheaf_manager_start(NULL, &manager, &error));
    double start = now();
    for (int64_t i = 0; i < N; i++)
        must(sheaf_manager_set(manager, "map", "key", &i, sizeof i, &error));
    double rate = N / (now() - start);
    sheaf_manager_close(manager);
    return rate;
}

static sheaf_status do_nothing(void *argument, sheaf_error *failure)
{
    (void)argument, (void)failure;
    return SHEAF_OK;
}

static double start_with(sheaf_start method)
{
    enum { N = 300 };
    sheaf_process_options options = {.struct_size = sizeof options, .start = method};
    double start = now();

    for (int i = 0; i < N; i++) {
        sheaf_process *child;
        must(sheaf_process_start(&options, do_nothing, NULL, 0, &child, &error));
        must(sheaf_process_join(child, SHEAF_FOREVER, &error));
        sheaf_process_close(child);
    }
    return N / (now() - start);
}

static double start_by_fork(void)
{
    return start_with(SHEAF_START_FORK);
}

static double start_by_server(void)
{
    return start_with(SHEAF_START_SERVER);
}

/* -- the machine ----------------------------------------------------------------------------------
 */

static double bare_fork(void)
{
    enum { N = 300 };
    double start = now();

    for (int i = 0; i < N; i++) {
        pid_t id = fork();
        if (id == 0)
            _exit(0);
        waitpid(id, NULL, 0);
    }
    return N / (now() - start);
}

static double eventfd_round_trip(void)
{
    enum { N = 20000 };
    int there = eventfd(0, 0), back = eventfd(0, 0);
    uint64_t one = 1;
    pid_t id = fork();

    if (id == 0) {
        while (read(there, &one, 8) == 8 && one == 1)
            if (write(back, &one, 8) != 8)
                break;
        _exit(0);
    }
    double start = now();
    for (int i = 0; i < N; i++)
        if (write(there, &one, 8) != 8 || read(back, &one, 8) != 8)
            exit(1);
    double rate = N / (now() - start);
    one = 2;
    if (write(there, &one, 8) != 8)
        exit(1);
    waitpid(id, NULL, 0);
    close(there);
    close(back);
    return rate;
}

/* Two processes that put each other to sleep and wake each other on words of shared memory. */
static double futex_round_trip(void)
{
    enum { N = 20000 };
    uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint32_t *there = words, *back = words + 64;
    pid_t id = fork();

    for (uint32_t i = 1; id == 0 && i <= N; i++) {
        while (__atomic_load_n(there, __ATOMIC_SEQ_CST) != i)
            syscall(SYS_futex, there, FUTEX_WAIT, i - 1, NULL, NULL, 0);
        __atomic_store_n(back, i, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, back, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
    if (id == 0)
        _exit(0);
    double start = now();
    for (uint32_t i = 1; i <= N; i++) {
        __atomic_store_n(there, i, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, there, FUTEX_WAKE, 1, NULL, NULL, 0);
        while (__atomic_load_n(back, __ATOMIC_SEQ_CST) != i)
            syscall(SYS_futex, back, FUTEX_WAIT, i - 1, NULL, NULL, 0);
    }
    double rate = N / (now() - start);
    waitpid(id, NULL, 0);
    munmap(words, 4096);
    return rate;
}

/* The least that a queue can do: one producer, one consumer, no locks, no sleep. */
struct ring {
    uint64_t tail __attribute__((aligned(64)));
    uint64_t head __attribute__((aligned(64)));
    char slots[4096][64] __attribute__((aligned(64)));
};

static double bare_ring(void)
{
    enum { N = 5000000 };
    struct ring *ring =
        mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char message[64] = {0};
    double start = now();
    pid_t id = fork();

    if (id == 0) {
        uint64_t head = 0;
        for (uint64_t i = 0; i < N; i++) {
            while (i - head >= 4096)
                head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
            memcpy(ring->slots[i % 4096], message, 64);
            __atomic_store_n(&ring->tail, i + 1, __ATOMIC_RELEASE);
        }
        _exit(0);
    }
    uint64_t tail = 0;
    for (uint64_t i = 0; i < N; i++) {
        while (i >= tail)
            tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
        memcpy(message, ring->slots[i % 4096], 64);
        __atomic_store_n(&ring->head, i + 1, __ATOMIC_RELEASE);
    }
    waitpid(id, NULL, 0);
    double rate = N / (now() - start);
    munmap(ring, sizeof *ring);
    return rate;
}

static double copy_megabytes(void)
{
    enum { N = 4000 };
    char *from = calloc(1, 1 << 20), *to = calloc(1, 1 << 20);
    double start = now();

    for (int i = 0; i < N; i++) {
        memcpy(to, from, 1 << 20);
        __asm__ __volatile__("" ::"r"(to) : "memory");
    }
    double rate = N / (now() - start);
    free(from);
    free(to);
    return rate;
}

int main(void)
{
    sheaf_pool_options options = {.struct_size = sizeof options, .workers = 2};

    must(sheaf_init(&error));
    must(sheaf_pool_open(&options, &pool, &error));
    report("map, tasks one by one", map_one);
    report("map, default chunks", map_default);
    report("submit and get, one after another", submit_latency);
    report("stream in order", stream);
    must(sheaf_pool_close(pool, &error));
    report("queue, 64 B", queue_small);
    report("queue, 64 B, any size", queue_small_any_size);
    report("queue, 64 B, 2 producers 2 consumers", queue_several);
    report("queue, 1 MiB", queue_large);
    report("pipe round trip", pipe_round_trip);
    report("locked counter, 2 processes", locked_counter);
    report("lock and unlock, alone", lock_alone);
    report("manager: set a key", manager_set);
    report("process start and join, fork", start_by_fork);
    report("process start and join, server", start_by_server);
    report("bound: fork, exit, wait", bare_fork);
    report("bound: eventfd round trip", eventfd_round_trip);
    report("bound: futex round trip", futex_round_trip);
    report("bound: ring of one writer and one reader, 64 B", bare_ring);
    report("bound: copy of 1 MiB", copy_megabytes);
    return 0;
}
