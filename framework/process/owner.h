/*
 * owner.h - who holds something, in a word that outlives him
 *
 * An owner is a thread, named by its id and the moment of its birth.  Ids are
 * used again, births are not, so a word left in shared memory by a dead owner
 * can never mean an innocent newcomer.  Anybody may ask whether an owner is
 * dead: no registry, no supervisor, unrelated processes included, as long as
 * they see the same /proc.  Without /proc a dead owner counts as alive until
 * its parent has reaped it.
 */
#ifndef SHEAF_PROCESS_OWNER_H
#define SHEAF_PROCESS_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#define SHEAF_NOBODY UINT64_C(0)

/* The calling thread.  Cheap: kept per thread, made anew after fork. */
uint64_t sheaf_owner_self(void);

/* Whether the owner has ended (a zombie has).  About 10 us; false for a stopped one. */
bool sheaf_owner_is_dead(uint64_t owner);

/* The thread id in the word, for messages. */
int sheaf_owner_id(uint64_t owner);

/* The owner word of the main thread of another process, SHEAF_NOBODY if it is not there. */
uint64_t sheaf_owner_of(int id);

#endif
