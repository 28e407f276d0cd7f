/*
 * shell.h - the command as its users meet it: typed into a shell, in a folder of its own
 *
 *     struct shell_result r = shell("sheaf count %s", "a.csv");
 *     CU_ASSERT_EQUAL(r.code, 0);
 *     CU_ASSERT_STRING_EQUAL(r.out, "count\n3\n");
 *
 * `sheaf` is the one that was built beside the test.  Every test program works
 * in a temporary folder, which is removed at its end; shell_leaks() says
 * whether processes, shared memory or temporary files were left behind.
 */
#ifndef SHEAF_TESTS_SHELL_H
#define SHEAF_TESTS_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "unit.h"

struct shell_result {
    int code;  /* as a shell says it: 128 + n for a signal */
    char *out; /* what it wrote; valid until 16 more calls were made */
    char *err;
    size_t out_size;
};

/* Make the folder and go there; to be called once, first. */
void shell_begin(void);
void shell_end(void);

struct shell_result shell(const char *format, ...) SHEAF_PRINTF(1, 2);

/* Write a file into the folder. */
void shell_file(const char *name, const char *text);
void shell_bytes(const char *name, const void *bytes, size_t size);

/* Files in the folder now. */
int shell_file_count(void);

/* NULL, or what a run left: children of this test, files of ours in /dev/shm or /tmp. */
const char *shell_leaks(void);

/* Assert code, and that stdout is `expected`; prints both when not. */
void shell_expect_at(const char *file, int line, struct shell_result result, int code,
                     const char *expected);
#define SHELL_EXPECT(result, code, expected) \
    shell_expect_at(__FILE__, __LINE__, (result), (code), (expected))

/* Assert code, an empty stdout, and that stderr begins "sheaf: " and contains each of the words. */
void shell_refused_at(const char *file, int line, struct shell_result result, int code,
                      const char *const *words);
#define SHELL_REFUSED(result, code, ...) \
    shell_refused_at(__FILE__, __LINE__, (result), (code), (const char *const[]){__VA_ARGS__, NULL})

#endif
