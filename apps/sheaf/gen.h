/*
 * gen.h - datasets of any size, made up
 *
 * Every row is a function of the seed and of its own number alone, so blocks may
 * be made in any order, by any number of workers: the bytes are the same.  Only
 * integers and correctly rounded operations are used, so every machine agrees.
 */
#ifndef SHEAF_APP_GEN_H
#define SHEAF_APP_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen_buffer.h"

struct gen_dataset {
    const char *name;
    const char *about;       /* one line */
    const char *header;      /* the line of names, with its newline */
    bool headless;           /* the header is written only when it is asked for */
    uint32_t rows_per_block; /* a good size of one task: some MB of text */
    /* Append rows [first_row, first_row + rows) to `out`.  Check out->failed. */
    void (*block)(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out);
};

/* Ends at the first without a name. */
extern const struct gen_dataset sheaf_gen_datasets[];

/* NULL if there is none of this name. */
const struct gen_dataset *sheaf_gen_find(const char *name);

#endif
