/*
 * lock.pml - the owner-word lock of mutex.c, with kills anywhere
 *
 * owner is the word: 0 free, id + 1 held.  flag is `sleepers` of the event count, and
 * a futex sleep is atomic with its check of the generation.  Who sleeps wakes by
 * itself after a slice; there is no supervisor.  Up to two of three are killed.
 *
 * Checked: never two alive inside; nobody who lives sleeps or waits for ever.
 *
 *   spin -DBUG=0 -a lock.pml && gcc -O2 -DSAFETY -o pan pan.c && ./pan -m1000000
 *
 * BUG=0  as in mutex.c                                               -> 0 errors
 * BUG=1  sleeps have no end: a kill takes a wake-up along            -> hang
 * BUG=2  nobody looks whether the owner is dead                      -> hang
 * BUG=3  the lock of a dead owner is freed by a plain store and then
 *        taken, instead of by one compare-and-swap                   -> two inside
 * BUG=4  unlock looks for sleepers before it frees the word, sleeps
 *        have no end                                                 -> hang
 */
#ifndef BUG
#define BUG 0
#endif
#define N 3

byte owner, generation, kills, inside;
bool flag;
bool sleeping[N], dead[N], done[N], in_it[N];

/* futex_wake(1): one of those who sleep, any of them, or none. */
#define WAKE_ONE                                \
    if                                          \
    :: sleeping[0] -> sleeping[0] = false       \
    :: sleeping[1] -> sleeping[1] = false       \
    :: sleeping[2] -> sleeping[2] = false       \
    :: else -> flag = false                     \
    fi

/* The end of a slice.  Waking to find all as it was changes nothing, so it is left out: then a
 * process that does nothing but that for ever is a deadlock, which spin finds. */
#if BUG == 2
#define WORTH_WAKING (owner == 0)
#else
#define WORTH_WAKING (owner == 0 || dead[owner - 1])
#endif

proctype User(byte me)
{
    byte seen, found;

again:
    if
    :: atomic { !dead[me] && owner == 0 -> owner = me + 1; goto in }
    :: atomic { !dead[me] && owner != 0 -> seen = generation; flag = true }
    :: dead[me] -> goto out
    fi;
    /* prepare is done; look once more before sleeping */
    if
    :: atomic { !dead[me] && owner == 0 -> owner = me + 1; goto in }
    :: atomic { !dead[me] && owner != 0 -> skip }
    :: dead[me] -> goto out
    fi;
    if
    :: atomic { !dead[me] && generation == seen -> sleeping[me] = true }
    :: atomic { !dead[me] && generation != seen -> goto again }
    :: dead[me] -> goto out
    fi;
    if
    :: atomic { !dead[me] && !sleeping[me] -> goto again }
#if BUG != 1 && BUG != 4
    :: atomic { !dead[me] && sleeping[me] && WORTH_WAKING -> sleeping[me] = false }
#endif
    :: dead[me] -> goto out
    fi;
    /* woken by time: is the owner dead? */
#if BUG != 2
    if
    :: atomic { !dead[me] && owner != 0 && dead[owner - 1] -> found = owner }
    :: atomic { !dead[me] && (owner == 0 || !dead[owner - 1]) -> goto again }
    :: dead[me] -> goto out
    fi;
#if BUG == 3
    if
    :: atomic { !dead[me] -> owner = 0 }
    :: dead[me] -> goto out
    fi;
    goto again;
#else
    if
    :: atomic { !dead[me] && owner == found -> owner = me + 1; goto in }
    :: atomic { !dead[me] && owner != found -> goto again }
    :: dead[me] -> goto out
    fi;
#endif
#else
    goto again;
#endif
in:
    if
    :: atomic { !dead[me] -> inside++; in_it[me] = true; assert(inside == 1) }
    :: dead[me] -> goto out
    fi;
#if BUG == 4
    if
    :: atomic { !dead[me] -> inside--; in_it[me] = false; found = flag }
    :: dead[me] -> goto out
    fi;
    if
    :: atomic { !dead[me] -> owner = 0 }
    :: dead[me] -> goto out
    fi;
    if
    :: atomic { !dead[me] -> if :: found -> generation = (generation + 1) % 8; WAKE_ONE :: else -> skip fi; done[me] = true }
    :: dead[me] -> skip
    fi;
#else
    if
    :: atomic { !dead[me] -> inside--; in_it[me] = false; owner = 0 }
    :: dead[me] -> goto out
    fi;
    if
    :: atomic { !dead[me] -> if :: flag -> generation = (generation + 1) % 8; WAKE_ONE :: else -> skip fi; done[me] = true }
    :: dead[me] -> skip
    fi;
#endif
out:
    skip
}

/* A kill takes effect at once, in the middle of anything; the dead do not count as inside. */
#define KILL(i)                                                            \
    atomic {                                                               \
        kills < 2 && !dead[i] && !done[i] ->                               \
            dead[i] = true; sleeping[i] = false; kills++;                  \
            if :: in_it[i] -> inside--; in_it[i] = false :: else -> skip fi   \
    }

active proctype Killer()
{
    do
    :: KILL(0)
    :: KILL(1)
    :: break
    od
}

init
{
    atomic { run User(0); run User(1); run User(2) }
}
