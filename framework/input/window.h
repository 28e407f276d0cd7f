/*
 * window.h - a part of a file in memory, so that one may look a little over its edges
 *
 * A window is a piece of reserved address space into which the file is mapped,
 * between two pages of zeros.  So kernels that load whole vectors may read 64 bytes
 * before the first and after the last byte even where the file ends with a page.
 */
#ifndef SHEAF_INPUT_WINDOW_H
#define SHEAF_INPUT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/error.h>

/* More is mapped at a time only where a single record is longer. */
#define SHEAF_WINDOW_BYTES ((uint64_t)64 << 20)

/* All zero is a window of nothing. */
struct sheaf_window {
    const char *bytes; /* byte `from` of the file */
    uint64_t from, to;
    /* Its own. */
    char *space; /* reserved address space */
    size_t space_size;
    size_t mapped; /* bytes of it that are not plain zeros, from the second page on */
    int slot;      /* in the table of sheaf_window_covers(), from 1; 0: none */
};

/*
 * Have bytes [from, to) of the file, which must be there.  What was mapped before is gone.  A file
 * that gets shorter later makes reading raise SIGBUS: see sheaf_window_covers().
 */
SHEAF_CHECKED sheaf_status sheaf_window_map(struct sheaf_window *window, int fd, uint64_t from,
                                            uint64_t to, sheaf_error *error);
void sheaf_window_close(struct sheaf_window *window);

/*
 * Whether a window of this process lies there.  For a handler of SIGBUS, which may
 * call it: then an input was cut short while it was read, and nothing is wrong with the program.
 */
bool sheaf_window_covers(const void *address);

#endif
