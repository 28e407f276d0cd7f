/* commit.pml - each task is settled exactly once, whoever is killed when
 *
 * A model of books.c, slot.c and the loop of fork.c: TASKS tasks, SLOTS workers
 * that may be killed at most KILLS times at any step, FAILURES deaths until a
 * task is given up.  A reply is written in two steps, so it can be torn; what it
 * was made for is kept beside it, so it can be mistaken for another one.
 *
 * Checked: no torn or foreign reply is ever committed; when the coordinator has
 * finished each task was settled once; the coordinator always gets there.
 *
 * MISTAKE plants what the code must not do, to see that the model notices:
 *   1  a worker publishes before its reply is complete
 *   2  the ticket of a publication is not compared, and a slot not cleared at rebirth
 *   3  the task of a dead worker is forgotten
 *   4  a task is settled at its worker's death, published or not
 *   5  a result is thrown away when its worker died, but the task not tried again
 */
#ifndef TASKS
#define TASKS 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef KILLS
#define KILLS 3
#endif
#ifndef FAILURES
#define FAILURES 2
#endif
#ifndef MISTAKE
#define MISTAKE 0
#endif
#define NOTHING 255

/* Shared: what is in the slots.  The worker writes the second line. */
byte asked[SLOTS], task_asked[SLOTS];
byte published[SLOTS], made_for[SLOTS]; bool torn[SLOTS], begun[SLOTS];
bool alive[SLOTS];

/* The coordinator's books. */
byte runs[SLOTS];                       /* the task in each slot, or NOTHING */
byte ticket[SLOTS], next_ticket = 1;
bool waiting[TASKS];                    /* to be begun, for the first time or again */
byte failures[TASKS], commits[TASKS], losses[TASKS];
byte kills, unsettled = TASKS;

inline clear(s)
{
#if MISTAKE != 2
    asked[s] = 0; published[s] = 0; made_for[s] = NOTHING; torn[s] = false;
#endif
    begun[s] = false
}

inline settle(s)
{
    assert(!torn[s]);
    assert(made_for[s] == runs[s]);
    commits[runs[s]]++; unsettled--; runs[s] = NOTHING
}

inline begin(s, t)
{
    d_step {
        waiting[t] = false; runs[s] = t; ticket[s] = next_ticket; next_ticket++;
        task_asked[s] = t; asked[s] = ticket[s]
    }
}

inline bury(s)
{
    d_step {
        if
        :: runs[s] == NOTHING -> skip
#if MISTAKE == 4
        :: runs[s] != NOTHING -> settle(s)
#elif MISTAKE == 5
        :: runs[s] != NOTHING && published[s] == ticket[s] -> runs[s] = NOTHING
        :: runs[s] != NOTHING && published[s] != ticket[s] -> waiting[runs[s]] = true; runs[s] = NOTHING
#else
        :: runs[s] != NOTHING && published[s] == ticket[s] -> settle(s)
        :: runs[s] != NOTHING && published[s] != ticket[s] ->
#if MISTAKE != 3
            if
            :: begun[s] -> failures[runs[s]]++
            :: else -> skip
            fi;
            if
            :: failures[runs[s]] == FAILURES -> losses[runs[s]]++; unsettled--
            :: else -> waiting[runs[s]] = true
            fi;
#endif
            runs[s] = NOTHING
#endif
        fi;
        clear(s);
        alive[s] = true
    }
}

#if MISTAKE == 2
#define IS_NEWS(s) (runs[s] != NOTHING && published[s] != 0)
#else
#define IS_NEWS(s) (runs[s] != NOTHING && published[s] == ticket[s])
#endif
#define SLOT(s) \
    :: atomic { runs[s] == NOTHING && waiting[0] -> begin(s, 0) } \
    :: atomic { runs[s] == NOTHING && waiting[1] -> begin(s, 1) } \
    :: atomic { IS_NEWS(s) -> settle(s) } \
    :: atomic { !alive[s] -> bury(s) } \
    :: atomic { kills < KILLS && alive[s] && runs[s] != NOTHING -> kills++; alive[s] = false }

proctype Coordinator()
{
    byte i;

    do
    SLOT(0)
#if SLOTS > 1
    SLOT(1)
#endif
#if SLOTS > 2
    SLOT(2)
#endif
    :: atomic { unsettled == 0 -> break }
    od;
    for (i : 0 .. TASKS - 1) {
        assert(commits[i] + losses[i] == 1)
    }
}

/* A worker and those who take its place; a dead one does nothing until it is buried. */
proctype Worker(byte s)
{
end:
    do
    :: atomic { alive[s] && asked[s] != published[s] && !begun[s] ->
                begun[s] = true; made_for[s] = task_asked[s]; torn[s] = true }
#if MISTAKE == 1
    :: atomic { alive[s] && begun[s] && torn[s] && published[s] != asked[s] -> published[s] = asked[s] }
    :: atomic { alive[s] && begun[s] && torn[s] && published[s] == asked[s] -> torn[s] = false; begun[s] = false }
#else
    :: atomic { alive[s] && begun[s] && torn[s] -> torn[s] = false }
    :: atomic { alive[s] && begun[s] && !torn[s] -> published[s] = asked[s]; begun[s] = false }
#endif
    od
}

init
{
    byte i;

    atomic {
        for (i : 0 .. TASKS - 1) {
            waiting[i] = true
        }
        for (i : 0 .. SLOTS - 1) {
            alive[i] = true; runs[i] = NOTHING; made_for[i] = NOTHING; run Worker(i)
        }
        run Coordinator()
    }
}
