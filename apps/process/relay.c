/*
 * relay.c - two producers and two consumers share a queue
 *
 * The stream ends by itself when the last registered producer has finished, so
 * nobody needs to count or to send a sign for the end.
 */
#include <stdio.h>

#include <sheaf/process.h>
#include <sheaf/queue.h>
#include <sheaf/shared.h>

struct relay {
    sheaf_queue *queue;
    sheaf_counter *sum;
    sheaf_barrier *begin; /* consumers start when all producers have registered */
};

static sheaf_status produce(void *argument, sheaf_error *error)
{
    struct relay *relay = argument;

    SHEAF_TRY(sheaf_queue_register_producer(relay->queue, error));
    SHEAF_TRY(sheaf_barrier_wait(relay->begin, NULL, 5000, error));
    for (int number = 1; number <= 10000; number++)
        SHEAF_TRY(sheaf_queue_put(relay->queue, &number, sizeof number, 5000, error));
    sheaf_queue_finish(relay->queue);
    return SHEAF_OK;
}

static sheaf_status consume(void *argument, sheaf_error *error)
{
    struct relay *relay = argument;
    sheaf_status status;
    int number;

    SHEAF_TRY(sheaf_barrier_wait(relay->begin, NULL, 5000, error));
    while ((status = sheaf_queue_get(relay->queue, &number, sizeof number, NULL, 5000, error)) ==
           SHEAF_OK)
        sheaf_counter_add(relay->sum, number);
    return status == SHEAF_CLOSED ? SHEAF_OK : status;
}

int main(void)
{
    sheaf_error error = {0};
    sheaf_queue_options options = {.struct_size = sizeof options, .item_size = sizeof(int)};
    struct relay relay = {NULL, sheaf_shared_value(sheaf_counter, &error),
                          sheaf_shared_value(sheaf_barrier, &error)};
    sheaf_process *processes[4] = {NULL};
    sheaf_status status = relay.sum && relay.begin ? SHEAF_OK : SHEAF_NO_MEMORY;

    if (status == SHEAF_OK)
        status = sheaf_barrier_init(relay.begin, 4, &error);
    if (status == SHEAF_OK)
        status = sheaf_queue_open(&options, &relay.queue, &error);
    for (int i = 0; i < 4 && status == SHEAF_OK; i++)
        status = sheaf_process_start(NULL, i < 2 ? produce : consume, &relay, sizeof relay,
                                     &processes[i], &error);
    for (int i = 0; i < 4 && status == SHEAF_OK; i++)
        status = sheaf_process_join(processes[i], SHEAF_FOREVER, &error);
    for (int i = 0; i < 4; i++)
        sheaf_process_close(processes[i]);
    if (status != SHEAF_OK) {
        fprintf(stderr, "relay: %s\n", error.message);
        return 1;
    }
    printf("the sum of what came through is %lld\n", (long long)sheaf_counter_get(relay.sum));
    return sheaf_counter_get(relay.sum) != 2LL * 10000 * 10001 / 2;
}
