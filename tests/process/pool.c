/* pool.c - a pool gives every task its due, whatever dies */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sheaf/pool.h>
#include <sheaf/shared.h>

#include "base/clock.h"
#include "unit.h"

static void sleep_ms(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static sheaf_status square(const void *input, void *output, sheaf_error *error)
{
    const int64_t *number = input;
    int64_t *result = output;

    (void)error;
    *result = *number * *number;
    return SHEAF_OK;
}

/* Fails for 13, dies for 7, dies the first time for 5 (its flag is shared). */
struct risky {
    int64_t number;
    sheaf_counter *tries;
};

static sheaf_status risk(const void *input, void *output, sheaf_error *error)
{
    const struct risky *risky = input;

    if (risky->number == 13)
        return sheaf_error_set(error, SHEAF_BAD_DATA, "thirteen is not served");
    if (risky->number == 7)
        raise(SIGSEGV);
    if (risky->number == 5 && sheaf_counter_add(risky->tries, 1) == 1)
        raise(SIGKILL);
    return square(&risky->number, output, error);
}

static sheaf_status leave(const void *input, void *output, sheaf_error *error)
{
    (void)input, (void)output, (void)error;
    exit(3);
}

static sheaf_status dawdle(const void *input, void *output, sheaf_error *error)
{
    const int64_t *ms = input;

    sleep_ms(*ms);
    return square(input, output, error);
}

static sheaf_pool *open_pool(int workers)
{
    sheaf_error error = {0};
    sheaf_pool *pool = NULL;
    sheaf_pool_options options = {.struct_size = sizeof options, .workers = workers};

    UNIT_OK(sheaf_pool_open(&options, &pool, &error), &error);
    return pool;
}

static void map_keeps_the_order_for_all_sizes(void)
{
    static const size_t counts[] = {0, 1, 2, 3, 17, 1000, 100003};
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(3);
    int64_t *in = sheaf_shared_array(int64_t, 100003, &error);
    int64_t *out = calloc(100003, sizeof *out);

    for (size_t i = 0; i < 100003; i++)
        in[i] = (int64_t)i - 50;
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        for (size_t chunk = 0; chunk < 3; chunk++) {
            memset(out, 0, 100003 * sizeof *out);
            sheaf_map map = {sizeof map,  square,    in,    sizeof *in, out,
                             sizeof *out, counts[k], chunk, NULL,       0};
            UNIT_OK(sheaf_pool_map(pool, &map, &error), &error);
            size_t wrong = 0;
            for (size_t i = 0; i < counts[k]; i++)
                wrong += out[i] != in[i] * in[i];
            CU_ASSERT_EQUAL(wrong, 0);
        }
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
    sheaf_shared_free(in);
    free(out);
}

static void one_bad_task_costs_no_other(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    struct risky in[40];
    int64_t out[40];
    sheaf_status statuses[40];
    sheaf_counter *tries = sheaf_shared_value(sheaf_counter, &error);

    for (int i = 0; i < 40; i++)
        in[i] = (struct risky){i, tries};
    for (size_t chunk = 0; chunk < 10; chunk += 3) {
        sheaf_counter_set(tries, 0);
        sheaf_map map = {sizeof map,  risk, in,    sizeof *in, out,
                         sizeof *out, 40,   chunk, statuses,   0};
        CU_ASSERT_EQUAL(sheaf_pool_map(pool, &map, &error), SHEAF_LOST);
        CU_ASSERT_EQUAL(error.system, SIGSEGV);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "task 7"));
        for (int i = 0; i < 40; i++) {
            sheaf_status expected = i == 7 ? SHEAF_LOST : i == 13 ? SHEAF_BAD_DATA : SHEAF_OK;
            CU_ASSERT_EQUAL(statuses[i], expected);
            if (expected == SHEAF_OK)
                CU_ASSERT_EQUAL(out[i], (int64_t)i * i);
        }
        CU_ASSERT_EQUAL(sheaf_counter_get(tries), 2);
    }
    CU_ASSERT_EQUAL(sheaf_pool_deaths(pool), 4 * 4);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
    sheaf_shared_free(tries);
}

static void exit_in_a_task_is_a_failure(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    sheaf_call call = {.struct_size = sizeof call, .task = leave};

    CU_ASSERT_EQUAL(sheaf_pool_apply(pool, &call, NULL, 5000, &error), SHEAF_LOST);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "exit code 3"));
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static void idle_workers_may_be_killed(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(3);
    int64_t in[100], out[100];

    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++)
            in[i] = i + round;
        for (int i = 0; i < 3; i++)
            if (sheaf_pool_worker_id(pool, i) > 0)
                kill(sheaf_pool_worker_id(pool, i), SIGKILL);
        sheaf_map map = {sizeof map, square, in, sizeof *in, out, sizeof *out, 100, 1, NULL, 0};
        UNIT_OK(sheaf_pool_map(pool, &map, &error), &error);
        for (int i = 0; i < 100; i++)
            CU_ASSERT_EQUAL(out[i], in[i] * in[i]);
    }
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static void late_task_is_ended_and_frees_its_worker(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    int64_t in[8] = {0, 30000, 1, 2, 30000, 3, 4, 5}, out[8];
    sheaf_status statuses[8];
    sheaf_map map = {sizeof map, dawdle, in, sizeof *in, out, sizeof *out, 8, 0, statuses, 100};

    CU_ASSERT_EQUAL(sheaf_pool_map(pool, &map, &error), SHEAF_LIMIT);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(statuses[i], in[i] > 100 ? SHEAF_LIMIT : SHEAF_OK);
    int64_t ms = 30000;
    sheaf_call call = {.struct_size = sizeof call,
                       .task = dawdle,
                       .input = &ms,
                       .input_size = sizeof ms,
                       .output_size = sizeof ms,
                       .task_timeout_ms = 50};
    CU_ASSERT_EQUAL(sheaf_pool_apply(pool, &call, &ms, 5000, &error), SHEAF_LIMIT);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static void cancelled_future_is_not_run(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(1);
    int64_t long_ms = 20000, short_ms = 1, result = 0;
    sheaf_call slow = {.struct_size = sizeof slow,
                       .task = dawdle,
                       .input = &long_ms,
                       .input_size = sizeof long_ms,
                       .output_size = sizeof result};
    sheaf_call quick = slow;
    sheaf_future *first = NULL, *second = NULL, *third = NULL;

    quick.input = &short_ms;
    UNIT_OK(sheaf_pool_submit(pool, &slow, &first, &error), &error);
    UNIT_OK(sheaf_pool_submit(pool, &slow, &second, &error), &error);
    UNIT_OK(sheaf_pool_submit(pool, &quick, &third, &error), &error);
    CU_ASSERT_EQUAL(sheaf_future_get(first, &result, 50, &error), SHEAF_TIMEOUT);
    CU_ASSERT(sheaf_future_cancel(second, false));
    CU_ASSERT(!sheaf_future_cancel(first, false));
    CU_ASSERT(sheaf_future_cancel(first, true));
    CU_ASSERT_EQUAL(sheaf_future_get(first, &result, 5000, &error), SHEAF_STOPPED);
    CU_ASSERT_EQUAL(sheaf_future_get(second, &result, 5000, &error), SHEAF_STOPPED);
    UNIT_OK(sheaf_future_get(third, &result, 5000, &error), &error);
    CU_ASSERT_EQUAL(result, 1);
    sheaf_future_close(first);
    sheaf_future_close(second);
    sheaf_future_close(third);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static void many_futures_and_large_outputs_arrive(void)
{
    enum { MANY = 5000 };
    static sheaf_future *futures[MANY];
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    size_t wrong = 0;

    for (int64_t i = 0; i < MANY; i++) {
        sheaf_call call = {.struct_size = sizeof call,
                           .task = square,
                           .input = &i,
                           .input_size = sizeof i,
                           .output_size = i % 10 ? sizeof i : 1000};
        UNIT_OK(sheaf_pool_submit(pool, &call, &futures[i], &error), &error);
    }
    for (int64_t i = MANY - 1; i >= 0; i--) {
        int64_t result[125] = {0};
        wrong +=
            sheaf_future_get(futures[i], result, 10000, &error) != SHEAF_OK || result[0] != i * i;
        sheaf_future_close(futures[i]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static void count_call(sheaf_status outcome, const void *output, const sheaf_error *error,
                       void *context)
{
    int64_t *sums = context;
    const int64_t *value = output;

    (void)error;
    if (outcome == SHEAF_OK)
        sums[0] += *value;
    else
        sums[1]++;
}

static void callbacks_run_and_unasked_errors_are_told(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    int64_t sums[2] = {0, 0};

    for (int64_t i = 0; i < 10; i++) {
        struct risky risky = {i + 6, NULL};
        sheaf_call call = {.struct_size = sizeof call,
                           .task = risk,
                           .input = &risky,
                           .input_size = sizeof risky,
                           .output_size = sizeof i,
                           .callback = count_call,
                           .context = sums};
        UNIT_OK(sheaf_pool_submit(pool, &call, NULL, &error), &error);
    }
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
    CU_ASSERT_EQUAL(sums[0], 36 + 64 + 81 + 100 + 121 + 144 + 196 + 225);
    CU_ASSERT_EQUAL(sums[1], 2);

    pool = open_pool(1);
    struct risky thirteen = {13, NULL};
    sheaf_call call = {.struct_size = sizeof call,
                       .task = risk,
                       .input = &thirteen,
                       .input_size = sizeof thirteen,
                       .output_size = 8};
    UNIT_OK(sheaf_pool_submit(pool, &call, NULL, &error), &error);
    CU_ASSERT_EQUAL(sheaf_pool_close(pool, &error), SHEAF_BAD_DATA);
    CU_ASSERT_STRING_EQUAL(error.message, "thirteen is not served");
}

struct numbers {
    int64_t next, end;
    int64_t ahead, taken;
};

static sheaf_status next_number(void *context, void *input, sheaf_error *error)
{
    struct numbers *numbers = context;
    int64_t *number = input;

    if (numbers->next == numbers->end)
        return sheaf_error_set(error, SHEAF_CLOSED, "no more");
    *number = numbers->next++;
    if (numbers->next - numbers->taken > numbers->ahead)
        numbers->ahead = numbers->next - numbers->taken;
    return SHEAF_OK;
}

static void stream_is_lazy_and_bounded(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);

    for (int unordered = 0; unordered < 2; unordered++) {
        struct numbers numbers = {0, 20000, 0, 0};
        sheaf_stream_options options = {.struct_size = sizeof options,
                                        .task = square,
                                        .source = next_number,
                                        .context = &numbers,
                                        .input_size = 8,
                                        .output_size = 8,
                                        .window = 100,
                                        .unordered = unordered};
        sheaf_stream *stream = NULL;
        int64_t output;
        uint64_t index, wrong = 0;
        sheaf_status outcome, status;

        UNIT_OK(sheaf_stream_open(pool, &options, &stream, &error), &error);
        while ((status = sheaf_stream_next(stream, &index, &output, &outcome, 5000, &error)) ==
               SHEAF_OK) {
            wrong += outcome != SHEAF_OK || output != (int64_t)(index * index) ||
                     (!unordered && index != (uint64_t)numbers.taken);
            numbers.taken++;
        }
        CU_ASSERT_EQUAL(status, SHEAF_CLOSED);
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(numbers.taken, 20000);
        CU_ASSERT(numbers.ahead <= 101);
        sheaf_stream_close(stream);
    }
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static void stream_survives_kills(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    struct numbers numbers = {0, 3000, 0, 0};
    sheaf_stream_options options = {.struct_size = sizeof options,
                                    .task = square,
                                    .source = next_number,
                                    .context = &numbers,
                                    .input_size = 8,
                                    .output_size = 8,
                                    .window = 64,
                                    .unordered = true};
    sheaf_stream *stream = NULL;
    int64_t output, sum = 0, expected = 0;
    uint64_t index;
    sheaf_status outcome;

    UNIT_OK(sheaf_stream_open(pool, &options, &stream, &error), &error);
    while (sheaf_stream_next(stream, &index, &output, &outcome, 5000, &error) == SHEAF_OK) {
        CU_ASSERT_EQUAL(outcome, SHEAF_OK);
        sum += output;
        if (index % 100 == 0 && sheaf_pool_worker_id(pool, (int)(index / 100 % 2)) > 0)
            kill(sheaf_pool_worker_id(pool, (int)(index / 100 % 2)), SIGKILL);
    }
    for (int64_t i = 0; i < 3000; i++)
        expected += i * i;
    CU_ASSERT_EQUAL(sum, expected);
    CU_ASSERT(sheaf_pool_deaths(pool) > 0);
    sheaf_stream_close(stream);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static sheaf_status refuse(void *argument, sheaf_error *error)
{
    (void)argument;
    return sheaf_error_set(error, SHEAF_REFUSED, "no licence");
}

static sheaf_status count_begin(void *argument, sheaf_error *error)
{
    (void)error;
    sheaf_counter_add(*(sheaf_counter **)argument, 1);
    return SHEAF_OK;
}

static void failing_begin_is_told_once(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = NULL;
    sheaf_pool_options options = {.struct_size = sizeof options, .workers = 2, .begin = refuse};

    CU_ASSERT_EQUAL(sheaf_pool_open(&options, &pool, &error), SHEAF_REFUSED);
    CU_ASSERT_STRING_EQUAL(error.message, "no licence");
}

static void workers_are_replaced_after_their_tasks(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = NULL;
    sheaf_counter *begun = sheaf_shared_value(sheaf_counter, &error);
    sheaf_pool_options options = {.struct_size = sizeof options,
                                  .workers = 2,
                                  .begin = count_begin,
                                  .argument = &begun,
                                  .argument_size = sizeof begun,
                                  .tasks_per_worker = 3};
    int64_t in[60], out[60];

    UNIT_OK(sheaf_pool_open(&options, &pool, &error), &error);
    for (int i = 0; i < 60; i++)
        in[i] = i;
    sheaf_map map = {sizeof map, square, in, sizeof *in, out, sizeof *out, 60, 0, NULL, 0};
    UNIT_OK(sheaf_pool_map(pool, &map, &error), &error);
    CU_ASSERT(sheaf_counter_get(begun) >= 20);
    CU_ASSERT_EQUAL(sheaf_pool_deaths(pool), 0);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
    sheaf_shared_free(begun);
}

static void terminate_ends_everything(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    int64_t ms = 30000;
    sheaf_call call = {.struct_size = sizeof call,
                       .task = dawdle,
                       .input = &ms,
                       .input_size = sizeof ms,
                       .output_size = sizeof ms};
    sheaf_future *future = NULL;

    UNIT_OK(sheaf_pool_submit(pool, &call, &future, &error), &error);
    sheaf_pool_terminate(pool);
    CU_ASSERT_EQUAL(sheaf_future_get(future, NULL, 0, &error), SHEAF_STOPPED);
    sheaf_future_close(future);
    CU_ASSERT_EQUAL(sheaf_process_active(NULL, 0), 0);
}

static void forked_copy_keeps_its_hands_off(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(1);
    sheaf_call call = {.struct_size = sizeof call, .task = square};
    pid_t copy = fork();

    if (copy == 0) {
        bool refused = sheaf_pool_submit(pool, &call, NULL, NULL) == SHEAF_BAD_ARGUMENT &&
                       sheaf_pool_close(pool, NULL) == SHEAF_BAD_ARGUMENT;
        sheaf_pool_terminate(pool);
        _exit(!refused);
    }
    int status;
    waitpid(copy, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    int64_t number = 9;
    call = (sheaf_call){sizeof call, square, &number, 8, 8, 0, NULL, NULL};
    UNIT_OK(sheaf_pool_apply(pool, &call, &number, 5000, &error), &error);
    CU_ASSERT_EQUAL(number, 81);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static void wrong_arguments_are_told(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(1), *other = NULL;
    sheaf_pool_options unsized = {.workers = 1},
                       many = {.struct_size = sizeof many, .workers = 5000};
    sheaf_map map = {.struct_size = sizeof map, .task = square, .count = 3, .input_size = 8};
    sheaf_stream *stream = NULL;
    sheaf_stream_options options = {.struct_size = sizeof options, .task = square};

    CU_ASSERT_EQUAL(sheaf_pool_open(&unsized, &other, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(sheaf_pool_open(&many, &other, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(sheaf_pool_map(pool, &map, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(sheaf_stream_open(pool, &options, &stream, &error), SHEAF_BAD_ARGUMENT);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

static sheaf_status fail_late(const void *input, void *output, sheaf_error *error)
{
    (void)output, (void)error;
    return *(const uint32_t *)input == 2000000 ? SHEAF_REFUSED : SHEAF_OK;
}

static void huge_map_names_its_task(void)
{
    enum { COUNT = 2500000 };
    sheaf_error error = {0};
    sheaf_pool *pool = open_pool(2);
    uint32_t *in = malloc(COUNT * sizeof *in);
    sheaf_status *statuses = malloc(COUNT * sizeof *statuses);

    for (uint32_t i = 0; i < COUNT; i++)
        in[i] = i;
    sheaf_map map = {sizeof map, fail_late, in, sizeof *in, NULL, 0, COUNT, 0, statuses, 0};
    CU_ASSERT_EQUAL(sheaf_pool_map(pool, &map, &error), SHEAF_REFUSED);
    CU_ASSERT_STRING_EQUAL(error.message, "task 2000000 failed (SHEAF_REFUSED)");
    CU_ASSERT_EQUAL(statuses[2000000], SHEAF_REFUSED);
    CU_ASSERT_EQUAL(statuses[2000001], SHEAF_OK);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
    free(in);
    free(statuses);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(map_keeps_the_order_for_all_sizes),
        UNIT(one_bad_task_costs_no_other),
        UNIT(exit_in_a_task_is_a_failure),
        UNIT(idle_workers_may_be_killed),
        UNIT(late_task_is_ended_and_frees_its_worker),
        UNIT(cancelled_future_is_not_run),
        UNIT(many_futures_and_large_outputs_arrive),
        UNIT(callbacks_run_and_unasked_errors_are_told),
        UNIT(stream_is_lazy_and_bounded),
        UNIT(stream_survives_kills),
        UNIT(failing_begin_is_told_once),
        UNIT(workers_are_replaced_after_their_tasks),
        UNIT(terminate_ends_everything),
        UNIT(forked_copy_keeps_its_hands_off),
        UNIT(wrong_arguments_are_told),
        UNIT(huge_map_names_its_task),
        {0},
    };

    return unit_run("pool", tests);
}
