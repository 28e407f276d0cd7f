/* roles.c - who takes part in something: see roles.h */
#include "process/roles.h"
#include "process/owner.h"

sheaf_status sheaf_roles_take(struct roles *roles, const char *what, sheaf_error *error)
{
    uint64_t self = sheaf_owner_self();

    for (int i = 0; i < ROLES; i++)
        if (__atomic_load_n(&roles->owners[i], __ATOMIC_SEQ_CST) == self)
            return SHEAF_OK;
    for (int i = 0; i < ROLES; i++) {
        uint64_t nobody = SHEAF_NOBODY;
        if (__atomic_compare_exchange_n(&roles->owners[i], &nobody, self, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            __atomic_store_n(&roles->registered, 1, __ATOMIC_SEQ_CST);
            return SHEAF_OK;
        }
    }
    return sheaf_error_set(error, SHEAF_LIMIT, "a queue knows %d %s at most", ROLES, what);
}

bool sheaf_roles_leave(struct roles *roles, uint64_t owner)
{
    for (int i = 0; i < ROLES; i++) {
        uint64_t expected = owner;
        if (__atomic_load_n(&roles->owners[i], __ATOMIC_SEQ_CST) == owner &&
            __atomic_compare_exchange_n(&roles->owners[i], &expected, SHEAF_NOBODY, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

bool sheaf_roles_all_left(struct roles *roles)
{
    bool left = true;

    if (!__atomic_load_n(&roles->registered, __ATOMIC_SEQ_CST))
        return false;
    for (int i = 0; i < ROLES; i++) {
        uint64_t owner = __atomic_load_n(&roles->owners[i], __ATOMIC_SEQ_CST);
        if (owner == SHEAF_NOBODY)
            continue;
        if (!sheaf_owner_is_dead(owner)) {
            left = false;
        } else {
            __atomic_store_n(&roles->died, 1, __ATOMIC_SEQ_CST);
            sheaf_roles_leave(roles, owner);
        }
    }
    return left;
}
