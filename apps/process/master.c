/*
 * master.c - asymmetric multiprocessing: one master plans, others do as they are told
 *
 * The master alone knows what there is to do.  Its workers have a pipe each, along
 * which work comes and answers go; the master waits for all of them at once and
 * gives the next piece to whoever is free.
 */
#include <stdio.h>

#include <sheaf/process.h>

enum { WORKERS = 3, LAST = 40 };

/* The number of steps of the Collatz sequence of n down to 1. */
static sheaf_status work(void *argument, sheaf_error *error)
{
    sheaf_pipe *master = argument;
    sheaf_status status;
    long n;

    while ((status = sheaf_pipe_receive(master, &n, sizeof n, NULL, SHEAF_FOREVER, error)) ==
           SHEAF_OK) {
        long steps = 0;
        for (; n != 1; steps++)
            n = n % 2 ? 3 * n + 1 : n / 2;
        SHEAF_TRY(sheaf_pipe_send(master, &steps, sizeof steps, SHEAF_FOREVER, error));
    }
    return status == SHEAF_CLOSED ? SHEAF_OK : status;
}

static sheaf_status hand_out(sheaf_pipe *pipes, long *sum, sheaf_error *error)
{
    sheaf_waitable things[WORKERS] = {{0}};
    long next = 1, steps;
    int busy = 0;

    for (int i = 0; i < WORKERS; i++, next++, busy++) {
        things[i].pipe = &pipes[i];
        SHEAF_TRY(sheaf_pipe_send(&pipes[i], &next, sizeof next, SHEAF_FOREVER, error));
    }
    while (busy > 0) {
        size_t ready;
        SHEAF_TRY(sheaf_wait(things, WORKERS, &ready, 5000, error));
        for (int i = 0; i < WORKERS; i++) {
            if (!things[i].ready)
                continue;
            SHEAF_TRY(sheaf_pipe_receive(&pipes[i], &steps, sizeof steps, NULL, 0, error));
            *sum += steps;
            busy--;
            if (next > LAST)
                continue;
            SHEAF_TRY(sheaf_pipe_send(&pipes[i], &next, sizeof next, SHEAF_FOREVER, error));
            next++;
            busy++;
        }
    }
    return SHEAF_OK;
}

int main(void)
{
    sheaf_error error = {0};
    sheaf_process *workers[WORKERS] = {NULL};
    sheaf_pipe pipes[WORKERS], ends[2];
    sheaf_status status = SHEAF_OK;
    long sum = 0;

    for (int i = 0; i < WORKERS && status == SHEAF_OK; i++) {
        status = sheaf_pipe_pair(true, ends, &error);
        if (status != SHEAF_OK)
            break;
        sheaf_process_options options = {
            .struct_size = sizeof options, .keep = &ends[1].fd, .keep_count = 1};
        pipes[i] = ends[0];
        status = sheaf_process_start(&options, work, &ends[1], sizeof ends[1], &workers[i], &error);
        sheaf_pipe_close(&ends[1]);
    }
    if (status == SHEAF_OK)
        status = hand_out(pipes, &sum, &error);
    for (int i = 0; i < WORKERS; i++)
        sheaf_process_close(workers[i]);
    if (status != SHEAF_OK)
        fprintf(stderr, "master: %s\n", error.message);
    printf("the numbers up to %d take %ld steps\n", LAST, sum);
    return status != SHEAF_OK || sum != 709;
}
