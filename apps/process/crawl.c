/*
 * crawl.c - many pages fetched from a web server by a pool
 *
 * The pages come as a stream: links are read as they are needed, titles arrive as
 * they are ready, and a page that hangs costs its time-out and nothing else.  So
 * that the program can be tried anywhere it brings a little server along.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sheaf/pool.h>

enum { PAGES = 60, SLOW_PAGE = 23, MISSING_PAGE = 42 };

struct link {
    int port, page;
};

struct title {
    char text[80];
};

/* -- the server ----------------------------------------------------------------------------- */

static void serve_one(int client)
{
    char request[2000] = "", page[400], head[200];
    ssize_t size = read(client, request, sizeof request - 1);
    int number = 0;

    if (size <= 0 || sscanf(request, "GET /%d", &number) != 1)
        return;
    if (number == SLOW_PAGE)
        return; /* the caller of this leaves such a connection open */
    int length = snprintf(page, sizeof page, "<html><title>Page %d</title><p>...</html>", number);
    int used = snprintf(head, sizeof head, "HTTP/1.0 %s\r\nContent-Length: %d\r\n\r\n",
                        number == MISSING_PAGE ? "404 Not Found" : "200 OK", length);
    if (write(client, head, (size_t)used) < 0 || write(client, page, (size_t)length) < 0)
        perror("crawl: server");
    if (number != SLOW_PAGE)
        shutdown(client, SHUT_RDWR);
}

static sheaf_status serve(void *argument, sheaf_error *error)
{
    int listener = *(int *)argument;

    (void)error;
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        serve_one(client);
        char byte;
        if (recv(client, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
            close(client);
    }
    return SHEAF_OK;
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    *port = ntohs(address.sin_port);
    return fd;
}

/* -- the crawler ----------------------------------------------------------------------------- */

static sheaf_status next_link(void *context, void *input, sheaf_error *error)
{
    struct link *link = context;

    if (link->page == PAGES)
        return sheaf_error_set(error, SHEAF_CLOSED, "no more links");
    memcpy(input, link, sizeof *link);
    link->page++;
    return SHEAF_OK;
}

static sheaf_status fetch(const void *input, void *output, sheaf_error *error)
{
    const struct link *link = input;
    struct title *title = output;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)link->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char request[100], answer[4000];
    size_t used = 0;
    ssize_t size;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        sheaf_error_errno(error, "page %d", link->page);
        goto failed;
    }
    int length = snprintf(request, sizeof request, "GET /%d HTTP/1.0\r\n\r\n", link->page);
    if (write(fd, request, (size_t)length) != length) {
        sheaf_error_errno(error, "page %d", link->page);
        goto failed;
    }
    while (used < sizeof answer - 1 &&
           (size = read(fd, answer + used, sizeof answer - 1 - used)) > 0)
        used += (size_t)size;
    close(fd);
    answer[used] = '\0';
    const char *at = strstr(answer, "<title>");
    if (strncmp(answer, "HTTP/1.0 200", 12) != 0 || !at)
        return sheaf_error_set(error, SHEAF_BAD_DATA, "page %d: %.30s", link->page, answer);
    snprintf(title->text, sizeof title->text, "%.*s", (int)strcspn(at + 7, "<"), at + 7);
    return SHEAF_OK;
failed:
    if (fd >= 0)
        close(fd);
    return SHEAF_SYSTEM;
}

static sheaf_status crawl(sheaf_pool *pool, int port, int *fetched, int *failed, sheaf_error *error)
{
    struct link first = {port, 0};
    sheaf_stream_options options = {.struct_size = sizeof options,
                                    .task = fetch,
                                    .source = next_link,
                                    .context = &first,
                                    .input_size = sizeof(struct link),
                                    .output_size = sizeof(struct title),
                                    .unordered = true,
                                    .task_timeout_ms = 300};
    sheaf_stream *stream = NULL;
    struct title title;
    uint64_t page;
    sheaf_status status, outcome;

    SHEAF_TRY(sheaf_stream_open(pool, &options, &stream, error));
    while ((status = sheaf_stream_next(stream, &page, &title, &outcome, SHEAF_FOREVER, error)) ==
           SHEAF_OK) {
        if (outcome == SHEAF_OK) {
            ++*fetched;
        } else {
            ++*failed;
            printf("%d: %s\n", (int)page, error->message);
        }
    }
    sheaf_stream_close(stream);
    return status == SHEAF_CLOSED ? SHEAF_OK : status;
}

int main(void)
{
    sheaf_error error = {0};
    sheaf_process *server = NULL;
    sheaf_pool *pool = NULL;
    sheaf_pool_options options = {.struct_size = sizeof options, .workers = 4};
    int port = 0, fetched = 0, failed = 0;
    int listener = listen_anywhere(&port);
    sheaf_process_options keep = {.struct_size = sizeof keep, .keep = &listener, .keep_count = 1};

    if (listener < 0 ||
        sheaf_process_start(&keep, serve, &listener, sizeof listener, &server, &error) !=
            SHEAF_OK ||
        sheaf_pool_open(&options, &pool, &error) != SHEAF_OK ||
        crawl(pool, port, &fetched, &failed, &error) != SHEAF_OK) {
        fprintf(stderr, "crawl: %s\n", error.message);
        return 1;
    }
    sheaf_pool_terminate(pool);
    sheaf_process_close(server);
    printf("%d pages fetched, %d failed\n", fetched, failed);
    return fetched != PAGES - 2 || failed != 2;
}
