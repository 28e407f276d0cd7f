/*
 * roles.h - who takes part in something, so that the others notice when all have gone
 *
 * A table of owner words in shared memory; all zeros is an empty one.
 */
#ifndef SHEAF_PROCESS_ROLES_H
#define SHEAF_PROCESS_ROLES_H

#include <stdbool.h>
#include <stdint.h>

#include <sheaf/error.h>

enum { ROLES = 64 };

struct roles {
    uint32_t registered; /* ever; roles are looked at when this is not 0 */
    uint32_t died;       /* someone with this role died before he finished */
    uint64_t owners[ROLES];
};

/* Enter the calling thread; again: does nothing.  `what` is for the message when it is full. */
SHEAF_CHECKED sheaf_status sheaf_roles_take(struct roles *roles, const char *what,
                                            sheaf_error *error);

/* Strike an owner out; false if he was not in. */
bool sheaf_roles_leave(struct roles *roles, uint64_t owner);

/* Strike out the dead.  True if somebody was in, once, and nobody is left. */
bool sheaf_roles_all_left(struct roles *roles);

#endif
