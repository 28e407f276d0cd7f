/*
 * monitor.c - periodic workers watch the machine and tell a queue what they see
 *
 * Three processes with a rhythm of their own each; the parent prints what comes
 * until every one has reported five times, and restarts one that died.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sheaf/process.h>
#include <sheaf/queue.h>

struct watch {
    sheaf_queue *queue;
    int number;
    int every_ms;
    char file[40];
};

struct sight {
    int number;
    char text[60];
};

static sheaf_status look(void *argument, sheaf_error *error)
{
    const struct watch *watch = argument;
    struct sight sight = {.number = watch->number};

    for (;;) {
        FILE *file = fopen(watch->file, "re");
        if (!file)
            return sheaf_error_errno(error, "cannot read %s", watch->file);
        if (!fgets(sight.text, sizeof sight.text, file))
            sight.text[0] = '\0';
        fclose(file);
        sight.text[strcspn(sight.text, "\n")] = '\0';
        SHEAF_TRY(sheaf_queue_put(watch->queue, &sight, sizeof sight, 1000, error));
        struct timespec pause = {0, watch->every_ms * 1000000L};
        nanosleep(&pause, NULL);
    }
    return SHEAF_OK;
}

int main(void)
{
    struct watch watches[3] = {{NULL, 0, 10, "/proc/loadavg"},
                               {NULL, 1, 15, "/proc/meminfo"},
                               {NULL, 2, 20, "/proc/uptime"}};
    sheaf_queue_options options = {.struct_size = sizeof options,
                                   .item_size = sizeof(struct sight)};
    sheaf_error error = {0};
    sheaf_process *processes[3] = {NULL};
    int seen[3] = {0};
    sheaf_queue *queue = NULL;

    sheaf_status status = sheaf_queue_open(&options, &queue, &error);
    while (status == SHEAF_OK && (seen[0] < 5 || seen[1] < 5 || seen[2] < 5)) {
        for (int i = 0; i < 3 && status == SHEAF_OK; i++) {
            if (processes[i] && sheaf_process_alive(processes[i]))
                continue;
            sheaf_process_close(processes[i]);
            watches[i].queue = queue;
            status = sheaf_process_start(NULL, look, &watches[i], sizeof watches[i], &processes[i],
                                         &error);
        }
        struct sight sight;
        if (status == SHEAF_OK)
            status = sheaf_queue_get(queue, &sight, sizeof sight, NULL, 5000, &error);
        if (status == SHEAF_OK) {
            printf("%-14s %s\n", watches[sight.number].file, sight.text);
            /* One of them dies, once, to show that it comes back. */
            if (++seen[sight.number] == 2 && sight.number == 1)
                sheaf_process_signal(processes[1], 9);
        }
    }
    for (int i = 0; i < 3; i++)
        sheaf_process_close(processes[i]);
    sheaf_queue_close(queue);
    if (status != SHEAF_OK)
        fprintf(stderr, "monitor: %s\n", error.message);
    return status != SHEAF_OK;
}
