/* budget.h - arrays that grow within the memory a table may take */
#ifndef SHEAF_REDUCE_BUDGET_H
#define SHEAF_REDUCE_BUDGET_H

#include <stddef.h>

#include <sheaf/error.h>

struct sheaf_budget {
    size_t limit; /* bytes; 0: none */
    size_t used;  /* by all arrays that were grown with it */
};

/*
 * Make *memory (NULL or from here) hold at least `needed` items of `size` bytes,
 * doubling where that fits.  New bytes are not set.  SHEAF_LIMIT (E601) when the
 * budget does not allow `needed`, SHEAF_NO_MEMORY when the machine does not; in
 * both cases nothing changed.
 */
SHEAF_CHECKED sheaf_status sheaf_budget_grow(struct sheaf_budget *budget, void *memory,
                                             size_t *capacity, size_t needed, size_t size,
                                             sheaf_error *error);

/* As above for an array that is to be filled anew: *memory becomes `count` zero items. */
SHEAF_CHECKED sheaf_status sheaf_budget_renew(struct sheaf_budget *budget, void *memory,
                                              size_t *capacity, size_t count, size_t size,
                                              sheaf_error *error);

/* Free such an array. */
void sheaf_budget_free(struct sheaf_budget *budget, void *memory, size_t *capacity, size_t size);

/* SHEAF_LIMIT with the message that names the remedy. */
sheaf_status sheaf_budget_exceeded(const struct sheaf_budget *budget, sheaf_error *error);

#endif
