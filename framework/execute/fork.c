/*
 * fork.c - the executor with processes: the coordinator
 *
 * One loop: take what was published, bury who died, hand out what is to be done,
 * sleep until something happens.  A worker that published and died is seen as
 * having published, because publications are always looked at between noticing
 * a death and acting on it.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "execute/chaos.h"
#include "execute/crew.h"
#include "execute/interrupt.h"

static const int64_t tick_ns = 100000000;
static const int64_t feed_tick_ns = 2000000;

struct coordinator {
    struct sheaf_execution *execution;
    const struct sheaf_work *work;
    struct sheaf_crew crew;
    struct sheaf_books books;
    struct sheaf_chaos chaos;
    struct pollfd *events;  /* wake, feed, then the workers; -1 where there is none */
    enum sheaf_next answer; /* what next() said last */
    bool ask;               /* it may say something else now */
    int64_t now_ns, deadline_ns, next_tick_ns;
    struct sheaf_order order;
    struct sheaf_reply reply;
    struct sheaf_outcome outcome;
};

static void log_line(const struct coordinator *run, const struct sheaf_obituary *obituary,
                     const struct sheaf_entry *entry, uint64_t id)
{
    if (!run->execution->options.log)
        return;
    if (!entry)
        dprintf(STDERR_FILENO, "sheaf: %s\n", obituary->cause);
    else
        dprintf(STDERR_FILENO, "sheaf: %s at mark %llu of task %llu; failure %u of at most %u\n",
                obituary->cause, (unsigned long long)obituary->mark, (unsigned long long)id,
                entry->failures, run->books.retries + 1);
}

/* -- what comes back --------------------------------------------------------------------- */

static sheaf_status commit(struct coordinator *run, struct sheaf_entry *entry, sheaf_error *error)
{
    sheaf_status status =
        run->work->commit(run->work->context, run->execution, &entry->task, &run->outcome, error);

    sheaf_books_settle(entry);
    sheaf_storm_commit(&run->crew.storm);
    run->ask = true;
    return status;
}

static sheaf_status take_reply(struct coordinator *run, int index, sheaf_error *error)
{
    struct sheaf_hand *hand = &run->crew.hands[index];
    const struct sheaf_reply *reply = &run->reply;

    if (reply->entry_failed) {
        *error = reply->error;
        return reply->status != SHEAF_OK ? reply->status : SHEAF_INTERNAL;
    }
    sheaf_error why;
    sheaf_status status = sheaf_execution_accept(run->execution, index, reply, &run->outcome, &why);
    if (status == SHEAF_BAD_DATA) {
        sheaf_crew_kill(&run->crew, index, SHEAF_FATE_DAMAGED);
        return SHEAF_OK;
    }
    if (status != SHEAF_OK) {
        *error = why;
        return status;
    }
    struct sheaf_entry *entry = sheaf_books_publish(&run->books, (size_t)index, reply->ticket);
    assert(entry);
    hand->before = reply->ticket;
    run->outcome.attempts = entry->failures + 1;
    return commit(run, entry, error);
}

static sheaf_status collect(struct coordinator *run, sheaf_error *error)
{
    for (int i = 0; i < run->execution->workers; i++) {
        const struct sheaf_entry *entry = run->books.slots[i];
        const struct sheaf_hand *hand = &run->crew.hands[i];
        if (!entry || hand->fate == SHEAF_FATE_DAMAGED)
            continue;
        switch (sheaf_slot_look(sheaf_execution_slot(run->execution, i), hand->before,
                                entry->ticket, &run->reply)) {
        case SHEAF_SLOT_QUIET:
            break;
        case SHEAF_SLOT_DAMAGED:
            sheaf_crew_kill(&run->crew, i, SHEAF_FATE_DAMAGED);
            break;
        case SHEAF_SLOT_PUBLISHED:
            SHEAF_TRY(take_reply(run, i, error));
        }
    }
    return SHEAF_OK;
}

static sheaf_status commit_lost(struct coordinator *run, struct sheaf_entry *entry,
                                const struct sheaf_obituary *obituary, sheaf_error *error)
{
    run->outcome = (struct sheaf_outcome){
        .status = SHEAF_LOST, .attempts = entry->failures, .mark = obituary->mark};
    sheaf_error_set(&run->outcome.error, SHEAF_LOST, "task %llu was given up after %u attempts: %s",
                    (unsigned long long)entry->task.id, entry->failures, obituary->cause);
    run->outcome.error.system = obituary->signal;
    return commit(run, entry, error);
}

static sheaf_status bury(struct coordinator *run, int index, sheaf_error *error)
{
    struct sheaf_entry *entry = run->books.slots[index];
    struct sheaf_obituary obituary;

    if (!sheaf_crew_bury(&run->crew, index, entry ? entry->ticket : 0, &obituary))
        return SHEAF_OK;
    struct sheaf_entry *lost = sheaf_books_death(&run->books, (size_t)index, obituary.death);
    log_line(run, &obituary, entry, entry ? entry->task.id : 0);
    if (lost)
        return commit_lost(run, lost, &obituary, error);
    if (!sheaf_storm_is_hopeless(&run->crew.storm))
        return SHEAF_OK;
    sheaf_error_set(error, SHEAF_LOST, "workers die before they can begin: %s", obituary.cause);
    if (error)
        error->system = obituary.signal;
    return SHEAF_LOST;
}

static sheaf_status bury_the_dead(struct coordinator *run, sheaf_error *error)
{
    for (int i = 0; i < run->execution->workers; i++)
        if (run->crew.hands[i].process && run->events[2 + i].revents)
            SHEAF_TRY(bury(run, i, error));
    return SHEAF_OK;
}

static sheaf_status check_feed(struct coordinator *run, sheaf_error *error)
{
    if (!run->crew.feed)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_crew_check_feed(&run->crew, error));
    if (!run->crew.feed)
        run->ask = true;
    return SHEAF_OK;
}

/* -- what goes out ------------------------------------------------------------------------- */

/* A worker that idles or, if none does, a vacant place; -1: none for now. */
static int free_hand(const struct coordinator *run)
{
    int vacant = -1;

    for (int i = 0; i < run->execution->workers; i++) {
        const struct sheaf_hand *hand = &run->crew.hands[i];
        if (run->books.slots[i] || hand->fate != SHEAF_FATE_OPEN)
            continue;
        if (hand->process)
            return i;
        if (vacant < 0)
            vacant = i;
    }
    return run->now_ns >= run->crew.next_birth_ns ? vacant : -1;
}

/* What is to be done next, or NULL for nothing. */
static struct sheaf_entry *find_task(struct coordinator *run)
{
    struct sheaf_entry *entry = sheaf_books_retry(&run->books);

    if (entry)
        return entry;
    if (!run->ask)
        return NULL;
    entry = sheaf_books_enter(&run->books);
    assert(entry);
    entry->task.size = 0;
    run->answer = run->work->next(run->work->context, run->execution, &entry->task);
    run->ask = run->answer == SHEAF_NEXT_TASK;
    assert(!run->ask || entry->task.size <= SHEAF_TASK_BYTES);
    return run->ask ? entry : NULL;
}

static void give(struct coordinator *run, int index, struct sheaf_entry *entry)
{
    struct sheaf_order *order = &run->order;

    order->ticket = entry->ticket;
    order->base = sheaf_execution_base(run->execution, index);
    order->careful = sheaf_books_careful(entry);
    order->task.id = entry->task.id;
    order->task.size = entry->task.size;
    memcpy(order->task.bytes, entry->task.bytes, entry->task.size);
    sheaf_crew_note_begin(&run->crew, index);
    sheaf_slot_ask(sheaf_execution_slot(run->execution, index), order);
}

static sheaf_status hand_out(struct coordinator *run, sheaf_error *error)
{
    struct sheaf_entry *entry;
    int index;

    while ((index = free_hand(run)) >= 0 && (entry = find_task(run))) {
        bool there = true;
        sheaf_books_begin(&run->books, entry, (size_t)index);
        if (!run->crew.hands[index].process)
            SHEAF_TRY(sheaf_crew_hire(&run->crew, index, &there, error));
        if (there)
            give(run, index, entry);
        else
            sheaf_books_death(&run->books, (size_t)index, SHEAF_DEATH_UNBEGUN);
    }
    return SHEAF_OK;
}

/* -- the loop ------------------------------------------------------------------------------ */

static void let_chaos_strike(struct coordinator *run)
{
    const struct sheaf_entry *entry;
    int victim;

    if (!sheaf_chaos_strikes(&run->chaos, run->now_ns, run->execution->workers, &victim))
        return;
    /* Bad luck four times in a row would rightly be reported; it is not what is tested. */
    entry = run->books.slots[victim];
    if (!entry || entry->failures < run->books.retries)
        sheaf_crew_kill(&run->crew, victim, SHEAF_FATE_CHAOS);
}

static sheaf_status check_time(struct coordinator *run, sheaf_error *error)
{
    const struct sheaf_execution_options *options = &run->execution->options;
    int number = sheaf_interrupt_signal();

    run->now_ns = sheaf_clock_ns();
    sheaf_crew_tick(&run->crew, run->now_ns);
    if (number)
        return sheaf_interrupt_error(number, error);
    if (options->deadline_ms > 0 && run->now_ns >= run->deadline_ns)
        return sheaf_error_set(error, SHEAF_TIMEOUT, "not done within %lld ms",
                               (long long)options->deadline_ms);
    if (run->now_ns >= run->next_tick_ns) {
        sheaf_crew_inspect(&run->crew, &run->books);
        if (options->progress)
            options->progress(options->progress_context);
        run->next_tick_ns = run->now_ns + tick_ns;
    }
    let_chaos_strike(run);
    return SHEAF_OK;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Until when there is nothing to do unless somebody calls. */
static int64_t next_moment(const struct coordinator *run)
{
    int64_t moment = run->next_tick_ns;

    if (run->execution->options.deadline_ms > 0)
        moment = least(moment, run->deadline_ns);
    if (run->crew.next_birth_ns > run->now_ns)
        moment = least(moment, run->crew.next_birth_ns);
    if (run->chaos.period_ns > 0)
        moment = least(moment, run->chaos.next_ns);
    if (run->crew.feed && !run->ask)
        moment = least(moment, run->now_ns + feed_tick_ns);
    return moment;
}

static void sleep_until_something_happens(struct coordinator *run)
{
    int workers = run->execution->workers;
    int64_t span = next_moment(run) - sheaf_clock_ns();
    uint64_t count;

    if (span < 0)
        span = 0;
    struct timespec timeout = {.tv_sec = (time_t)(span / 1000000000),
                               .tv_nsec = (long)(span % 1000000000)};
    run->events[0].fd = run->execution->wake;
    run->events[1].fd = run->crew.feed ? sheaf_process_sentinel(run->crew.feed) : -1;
    for (int i = 0; i < workers; i++) {
        const sheaf_process *process = run->crew.hands[i].process;
        run->events[2 + i].fd = process ? sheaf_process_sentinel(process) : -1;
    }
    int ready = ppoll(run->events, (nfds_t)(2 + workers), &timeout, NULL);
    if (ready < 0) { /* EINTR, mostly: then nothing is known */
        for (int i = 0; i < 2 + workers; i++)
            run->events[i].revents = 0;
        return;
    }
    bool woken = run->events[0].revents && read(run->events[0].fd, &count, sizeof count) > 0;
    if (run->crew.feed && (woken || ready == 0))
        run->ask = true;
}

static bool is_over(const struct coordinator *run)
{
    if (run->answer == SHEAF_NEXT_STOP)
        return true;
    return !run->ask && run->books.running == 0 && run->books.waiting == 0 && !run->crew.feed;
}

static sheaf_status work_on(struct coordinator *run, sheaf_error *error)
{
    for (;;) {
        SHEAF_TRY(check_time(run, error));
        SHEAF_TRY(collect(run, error));
        SHEAF_TRY(bury_the_dead(run, error));
        SHEAF_TRY(check_feed(run, error));
        SHEAF_TRY(hand_out(run, error));
        if (!is_over(run)) {
            sleep_until_something_happens(run);
            continue;
        }
        if (run->answer == SHEAF_NEXT_DONE || run->answer == SHEAF_NEXT_STOP)
            return SHEAF_OK;
        return sheaf_error_set(error, SHEAF_INTERNAL,
                               "there are tasks left, but they wait for each other");
    }
}

static sheaf_status prepare(struct coordinator *run, sheaf_error *error)
{
    size_t workers = (size_t)run->execution->workers;
    const struct sheaf_execution_options *options = &run->execution->options;
    /* Tickets of different runs shall not be mistaken for each other. */
    uint64_t first = ((uint64_t)sheaf_clock_ns() << 20) | 1;

    run->ask = true;
    run->deadline_ns = sheaf_deadline(options->deadline_ms);
    run->next_tick_ns = sheaf_clock_ns() + tick_ns;
    SHEAF_TRY(sheaf_chaos_init(&run->chaos, error));
    SHEAF_TRY(sheaf_allocate(&run->events, 2 + workers, sizeof *run->events, error));
    for (size_t i = 0; i < 2 + workers; i++)
        run->events[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    return sheaf_books_open(&run->books, workers, (uint32_t)options->retries, first, error);
}

sheaf_status sheaf_fork_run(struct sheaf_execution *execution, const struct sheaf_work *work,
                            sheaf_error *error)
{
    struct coordinator *run = NULL;
    sheaf_status status;

    SHEAF_TRY(sheaf_allocate(&run, 1, sizeof *run, error));
    run->execution = execution;
    run->work = work;
    status = prepare(run, error);
    if (status == SHEAF_OK)
        status = sheaf_crew_open(&run->crew, execution, work, error);
    if (status == SHEAF_OK) {
        status = sheaf_interrupt_watch(execution->wake, error);
        if (status == SHEAF_OK) {
            status = work_on(run, error);
            sheaf_interrupt_unwatch(execution->wake);
        }
        sheaf_crew_close(&run->crew, status == SHEAF_OK);
    }
    sheaf_books_close(&run->books);
    free(run->events);
    free(run);
    return status;
}
