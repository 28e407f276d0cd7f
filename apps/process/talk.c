/* talk.c - two processes talk along a pipe; the child answers in capitals */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sheaf/process.h>

static sheaf_status answer(void *argument, sheaf_error *error)
{
    sheaf_pipe *end = argument;
    char text[200];
    size_t size;
    sheaf_status status;

    while ((status = sheaf_pipe_receive(end, text, sizeof text, &size, SHEAF_FOREVER, error)) ==
           SHEAF_OK) {
        for (size_t i = 0; i < size; i++)
            text[i] = (char)toupper((unsigned char)text[i]);
        SHEAF_TRY(sheaf_pipe_send(end, text, size, SHEAF_FOREVER, error));
    }
    return status == SHEAF_CLOSED ? SHEAF_OK : status;
}

int main(void)
{
    static const char *const lines[] = {"hello", "how are you?", "good bye"};
    sheaf_error error = {0};
    sheaf_pipe ends[2];
    sheaf_process *process = NULL;
    char text[200] = "";

    sheaf_status status = sheaf_pipe_pair(true, ends, &error);
    if (status == SHEAF_OK) {
        sheaf_process_options options = {
            .struct_size = sizeof options, .keep = &ends[1].fd, .keep_count = 1};
        status = sheaf_process_start(&options, answer, &ends[1], sizeof ends[1], &process, &error);
        sheaf_pipe_close(&ends[1]);
    }
    for (int i = 0; i < 3 && status == SHEAF_OK; i++) {
        size_t size = 0;
        status = sheaf_pipe_send(&ends[0], lines[i], strlen(lines[i]) + 1, 1000, &error);
        if (status == SHEAF_OK)
            status = sheaf_pipe_receive(&ends[0], text, sizeof text, &size, 5000, &error);
        printf("%s -> %s\n", lines[i], text);
    }
    sheaf_pipe_close(&ends[0]);
    if (status == SHEAF_OK)
        status = sheaf_process_join(process, 5000, &error);
    sheaf_process_close(process);
    if (status != SHEAF_OK)
        fprintf(stderr, "talk: %s\n", error.message);
    return status != SHEAF_OK || strcmp(text, "GOOD BYE") != 0;
}
