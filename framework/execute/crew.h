/*
 * crew.h - the workers as processes: born, watched, buried
 *
 * A hand is a place for a worker: its process comes and goes, its slot and arena
 * stay.  All workers and the feed are born by one fork server, so each begins with
 * the memory that the program had when the run began.
 */
#ifndef SHEAF_EXECUTE_CREW_H
#define SHEAF_EXECUTE_CREW_H

#include "execute/books.h"
#include "execute/execution.h"
#include "process/zygote.h"

/* Why we killed a worker ourselves. */
enum sheaf_fate {
    SHEAF_FATE_OPEN,    /* we did not */
    SHEAF_FATE_STALLED, /* it gave no sign of life, or stayed stopped */
    SHEAF_FATE_DAMAGED, /* it wrote into its slot what can not be true */
    SHEAF_FATE_CHAOS    /* a test wants it so */
};

struct sheaf_hand {
    sheaf_process *process; /* NULL: vacant */
    int64_t born_ns;
    uint64_t before; /* the ticket it published last, 0 for none */
    enum sheaf_fate fate;
    uint64_t seen_mark, seen_beat;
    int64_t seen_ns;    /* when they changed last, on the crew's clock */
    int64_t prodded_ns; /* when it was told to continue, on the crew's clock; 0: it was not */
};

struct sheaf_crew {
    struct sheaf_execution *execution;
    const struct sheaf_work *work;
    struct sheaf_zygote *zygote;
    struct sheaf_hand *hands;
    sheaf_process *feed; /* NULL: none, or it has ended well */
    struct sheaf_storm storm;
    /* A clock that stands still while this process is stopped: no turn of the loop counts for more
     * than a second, so that our own sleep is not held against the workers. */
    int64_t awake_ns, last_turn_ns;
    int64_t next_birth_ns;  /* no worker is born before */
    uint32_t failed_births; /* in a row */
};

/* How a worker ended. */
struct sheaf_obituary {
    enum sheaf_death death;
    int signal;      /* 0: by exit */
    uint64_t mark;   /* the last that it set */
    char cause[160]; /* "worker 3 (pid 123) was killed by signal 11 (Segmentation fault)" */
};

/* Start the fork server and the feed, if there is one. */
SHEAF_CHECKED sheaf_status sheaf_crew_open(struct sheaf_crew *crew,
                                           struct sheaf_execution *execution,
                                           const struct sheaf_work *work, sheaf_error *error);

/* End everybody, those who are idle in good order if `orderly`, and the fork server. */
void sheaf_crew_close(struct sheaf_crew *crew, bool orderly);

/*
 * Fill a vacant place.  *born is false if the machine would not let us now and
 * others are at work or there is hope; an error if it is to be given up.
 */
SHEAF_CHECKED sheaf_status sheaf_crew_hire(struct sheaf_crew *crew, int index, bool *born,
                                           sheaf_error *error);

void sheaf_crew_kill(struct sheaf_crew *crew, int index, enum sheaf_fate fate);

/* Once in each turn of the loop: move the crew's clock on. */
void sheaf_crew_tick(struct sheaf_crew *crew, int64_t now_ns);

/* The hand was given a task: its time begins. */
void sheaf_crew_note_begin(struct sheaf_crew *crew, int index);

/* About ten times a second: find those who are stopped, or busy without a sign of life; first tell
 * them to continue, a second later kill them. */
void sheaf_crew_inspect(struct sheaf_crew *crew, const struct sheaf_books *books);

/*
 * Bury a worker whose sentinel spoke; `ticket` is the order it had, 0 for none.
 * False if it lives.  Its place is vacant then and its memory above what is held given back.
 */
bool sheaf_crew_bury(struct sheaf_crew *crew, int index, uint64_t ticket,
                     struct sheaf_obituary *obituary);

/* SHEAF_OK while the feed runs or when it ended well, which sets crew->feed to NULL. */
SHEAF_CHECKED sheaf_status sheaf_crew_check_feed(struct sheaf_crew *crew, sheaf_error *error);

#endif
