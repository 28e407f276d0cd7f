/*
 * claim.pml - how workers of a pool claim tasks, with kills anywhere (pool_worker.c, pool.c)
 *
 * A worker writes into its seat what it is about to claim, claims it by moving `next`
 * or `rnext` with a compare-and-swap, then marks the seat as claimed.  The
 * coordinator reads the seat of a dead worker: a task that is marked is tried
 * again; of one that is not, it finds out whether the dead or a living worker
 * has it, or waits until that is decided.
 *
 * Checked: no task is run by two at once or again after its end; all tasks end.
 *
 *   spin -DBUG=0 -a claim.pml && gcc -O2 -DSAFETY -o pan pan.c && ./pan -m1000000
 *
 * BUG=0  as in the code                                          -> 0 errors
 * BUG=1  the seat is written after the claim                     -> a task is lost: hang
 * BUG=2  tasks that nobody has claimed yet are tried again       -> run twice
 * BUG=3  tasks that wait for another try are tried once more     -> run twice
 * BUG=4  what a living worker is about to claim counts as its    -> a task is lost: hang
 */
#ifndef BUG
#define BUG 0
#endif
#define TASKS 2
#define WORKERS 2
#define KILLS 2
#define NONE 9

byte next, rput, rnext, kills;
byte retry[6];
byte num[WORKERS];                /* the seat */
bool claimed[WORKERS], alive[WORKERS], gone[WORKERS], in_it[WORKERS];
bool ended[TASKS], undecided[TASKS];
byte running[TASKS];

#define ALL_ENDED (ended[0] && ended[1])

proctype Worker(byte me)
{
    byte n, at;

again:
    if
    :: atomic { alive[me] && rnext < rput -> at = rnext; n = retry[at]; claimed[me] = false }
#if BUG != 1
       if
       :: atomic { alive[me] -> num[me] = n }
       :: !alive[me] -> goto out
       fi;
#endif
       if
       :: atomic { alive[me] && rnext == at -> rnext++ }
       :: atomic { alive[me] && rnext != at -> goto again }
       :: !alive[me] -> goto out
       fi
    :: atomic { alive[me] && rnext == rput && next < TASKS -> n = next; claimed[me] = false }
#if BUG != 1
       if
       :: atomic { alive[me] -> num[me] = n }
       :: !alive[me] -> goto out
       fi;
#endif
       if
       :: atomic { alive[me] && next == n -> next++ }
       :: atomic { alive[me] && next != n -> goto again }
       :: !alive[me] -> goto out
       fi
    :: atomic { alive[me] && ALL_ENDED -> goto out }
    :: !alive[me] -> goto out
    fi;
#if BUG == 1
    if
    :: atomic { alive[me] -> num[me] = n }
    :: !alive[me] -> goto out
    fi;
#endif
    if
    :: atomic { alive[me] -> claimed[me] = true }
    :: !alive[me] -> goto out
    fi;
    if
    :: atomic { alive[me] -> assert(!ended[n]); running[n]++; in_it[me] = true; assert(running[n] == 1) }
    :: !alive[me] -> goto out
    fi;
    if
    :: atomic { alive[me] -> ended[n] = true; running[n]--; in_it[me] = false }
    :: !alive[me] -> goto out
    fi;
    if
    :: atomic { alive[me] -> num[me] = NONE; claimed[me] = false; goto again }
    :: !alive[me] -> skip
    fi;
out:
    atomic { gone[me] = true }
}

#define IN_RING(n) ((rnext < rput && retry[rnext] == n) || (rnext + 1 < rput && retry[rnext + 1] == n))

#define KILL(i)                                                               \
    atomic {                                                                  \
        kills < KILLS && alive[i] && !gone[i] ->                              \
            alive[i] = false; kills++;                                        \
            if :: in_it[i] -> running[num[i]]--; in_it[i] = false :: else -> skip fi \
    }

active proctype Killer()
{
    do
    :: KILL(0)
    :: KILL(1)
    :: break
    od
}

active proctype Coordinator()
{
    byte w, n, other;
    bool had;

    atomic {
        num[0] = NONE; num[1] = NONE; alive[0] = true; alive[1] = true;
        run Worker(0); run Worker(1)
    }
idle:
    if
    :: atomic { !alive[0] && gone[0] -> w = 0 }
    :: atomic { !alive[1] && gone[1] -> w = 1 }
    :: atomic { undecided[0] -> undecided[0] = false; n = 0; w = NONE; goto decide }
    :: atomic { undecided[1] -> undecided[1] = false; n = 1; w = NONE; goto decide }
    :: atomic { ALL_ENDED && alive[0] && alive[1] -> goto over }
    fi;
    atomic { n = num[w]; had = claimed[w]; num[w] = NONE; claimed[w] = false };
    if
    :: n == NONE -> goto replace
    :: atomic { n != NONE && had && !ended[n] -> retry[rput] = n; rput++; goto replace }
    :: atomic { n != NONE && had && ended[n] -> goto replace }
    :: n != NONE && !had -> skip
    fi;
decide: /* each look is a moment of its own */
#if BUG != 3
    if
    :: atomic { IN_RING(n) -> goto replace }
    :: atomic { !IN_RING(n) -> skip }
    fi;
#endif
#if BUG != 2
    if
    :: atomic { n >= next -> goto replace }
    :: atomic { n < next -> skip }
    fi;
#endif
    other = 0;
    do
    :: other == WORKERS -> break
    :: atomic { other < WORKERS && (other == w || num[other] != n) -> other++ }
    :: atomic { other < WORKERS && other != w && num[other] == n && claimed[other] -> goto replace }
    :: atomic { other < WORKERS && other != w && num[other] == n && !claimed[other] ->
#if BUG != 4
           undecided[n] = true;
#endif
           goto replace }
    od;
    if
    :: atomic { ended[n] -> skip }
    :: atomic { !ended[n] -> retry[rput] = n; rput++ }
    fi;
replace:
    atomic {
        if
        :: w != NONE -> gone[w] = false; alive[w] = true; run Worker(w)
        :: else -> skip
        fi;
        w = NONE
    };
    goto idle;
over:
    skip
}
