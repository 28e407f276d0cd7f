/*
 * bound.c - how long does it take to read these bytes at all?
 *
 *     bench_bound [-j PROCESSES] FILE
 *
 * Each process takes the next 8 MiB until none are left, reads them by pread in
 * pieces of 256 KiB, small enough to stay in its second-level cache, and counts
 * newlines.  Nobody who looks at each byte once can be quicker by much: this is
 * the bound that answers are measured against.  Printed is the number of newlines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#define FOR_EACH_MACHINE __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define FOR_EACH_MACHINE
#endif

enum { PIECE_BYTES = 256 << 10, TURN_BYTES = 8 << 20, MOST_PROCESSES = 1024 };

/* Between the processes; both only grow, and are read after all have ended. */
struct shared {
    _Atomic uint64_t next; /* first byte nobody has taken; ends above the size of the file */
    _Atomic uint64_t newlines;
};

static unsigned char piece[PIECE_BYTES] __attribute__((aligned(4096)));

/* In bytes first, then in words: the inner loop has no more than 255 rounds, so that no byte of
 * its sums can overflow, and compilers make it 64 bytes a step. */
__attribute__((target_clones("arch=x86-64-v4", "avx2", "default"))) static uint64_t count_newlines(
    const unsigned char *bytes, size_t size)
{
    uint64_t newlines = 0;
    size_t at = 0;

    for (; at + 64 * 255 <= size; at += 64 * 255) {
        uint8_t sums[64] = {0};
        for (size_t round = 0; round < 255; round++)
            for (size_t lane = 0; lane < 64; lane++)
                sums[lane] = (uint8_t)(sums[lane] + (bytes[at + 64 * round + lane] == '\n'));
        for (size_t lane = 0; lane < 64; lane++)
            newlines += sums[lane];
    }
    for (; at < size; at++)
        newlines += bytes[at] == '\n';
    return newlines;
}

static int count_turn(int fd, uint64_t from, uint64_t to, uint64_t *newlines)
{
    while (from < to) {
        size_t wanted = to - from < PIECE_BYTES ? (size_t)(to - from) : PIECE_BYTES;
        ssize_t got = pread(fd, piece, wanted, (off_t)from);
        if (got <= 0)
            return -1;
        *newlines += count_newlines(piece, (size_t)got);
        from += (uint64_t)got;
    }
    return 0;
}

static int work(int fd, uint64_t size, struct shared *shared)
{
    uint64_t newlines = 0, from;

    while ((from = atomic_fetch_add(&shared->next, TURN_BYTES)) < size) {
        uint64_t to = size - from < TURN_BYTES ? size : from + TURN_BYTES;
        if (count_turn(fd, from, to, &newlines) != 0)
            return 1;
    }
    atomic_fetch_add(&shared->newlines, newlines);
    return 0;
}

static int have_worked(int fd, uint64_t size, struct shared *shared, int processes)
{
    int failures = 0, started = 1, outcome;

    for (; started < processes; started++) {
        pid_t child = fork();
        if (child < 0)
            break;
        if (child == 0)
            _exit(work(fd, size, shared));
    }
    failures += started < processes;
    failures += work(fd, size, shared);
    while (--started > 0)
        if (wait(&outcome) < 0 || outcome != 0)
            failures++;
    return failures;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_bound [-j PROCESSES] FILE\n");
    return 2;
}

int main(int count, char **words)
{
    int processes = 1, option;
    struct stat file;

    while ((option = getopt(count, words, "j:")) != -1) {
        if (option != 'j')
            return usage();
        processes = atoi(optarg);
    }
    if (optind + 1 != count || processes < 1 || processes > MOST_PROCESSES)
        return usage();
    int fd = open(words[optind], O_RDONLY | O_CLOEXEC);
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || fstat(fd, &file) < 0 || shared == MAP_FAILED ||
        have_worked(fd, (uint64_t)file.st_size, shared, processes) != 0) {
        fprintf(stderr, "bench_bound: %s: %s\n", words[optind], strerror(errno));
        return 1;
    }
    printf("%llu\n", (unsigned long long)shared->newlines);
    return 0;
}
