/* crew.c - the workers as processes: born, watched, buried: see crew.h */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "execute/crew.h"

enum { MOST_FAILED_BIRTHS = 8 };

static const int64_t second_ns = 1000000000;

struct feed_argument {
    const struct sheaf_work *work;
};

static sheaf_status feed_main(void *argument, sheaf_error *error)
{
    const struct feed_argument *given = argument;

    return given->work->feed(given->work->context, error);
}

/* Workers and feed keep what the work names and the descriptor that wakes us. */
static sheaf_status spawn(struct sheaf_crew *crew, struct sheaf_spawn *spawn,
                          sheaf_process **process, sheaf_error *error)
{
    int keep[SHEAF_KEEP_MAX];
    size_t count = crew->work->keep_count;

    if (count > SHEAF_KEEP_MAX - 4)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "workers can keep %d descriptors, not %zu", SHEAF_KEEP_MAX - 4,
                               count);
    if (count > 0)
        memcpy(keep, crew->work->keep, count * sizeof *keep);
    keep[count++] = crew->execution->wake;
    spawn->keep = keep;
    spawn->keep_count = count;
    spawn->standard_output = SHEAF_STDOUT_NULL;
    spawn->expendable = true;
    sheaf_status status = sheaf_zygote_spawn(crew->zygote, spawn, process, error);
    if (status == SHEAF_OK || status == SHEAF_BAD_ARGUMENT)
        return status;
    /* The fork server may have died as any process may: have another, once. */
    sheaf_zygote_close(crew->zygote);
    crew->zygote = NULL;
    SHEAF_TRY(sheaf_zygote_start(&crew->zygote, error));
    return sheaf_zygote_spawn(crew->zygote, spawn, process, error);
}

static sheaf_status start_feed(struct sheaf_crew *crew, sheaf_error *error)
{
    struct feed_argument argument = {.work = crew->work};
    struct sheaf_spawn feed = {
        .name = "feed", .body = feed_main, .argument = &argument, .size = sizeof argument};

    return spawn(crew, &feed, &crew->feed, error);
}

sheaf_status sheaf_crew_open(struct sheaf_crew *crew, struct sheaf_execution *execution,
                             const struct sheaf_work *work, sheaf_error *error)
{
    sheaf_status status;

    *crew =
        (struct sheaf_crew){.execution = execution, .work = work, .last_turn_ns = sheaf_clock_ns()};
    SHEAF_TRY(sheaf_allocate(&crew->hands, (size_t)execution->workers, sizeof *crew->hands, error));
    status = sheaf_zygote_start(&crew->zygote, error);
    if (status == SHEAF_OK && work->feed)
        status = start_feed(crew, error);
    if (status != SHEAF_OK)
        sheaf_crew_close(crew, false);
    return status;
}

/* All are told before any is waited for, so that they end side by side. */
void sheaf_crew_close(struct sheaf_crew *crew, bool orderly)
{
    int64_t deadline = sheaf_clock_ns() + second_ns / 5;
    int workers = crew->hands ? crew->execution->workers : 0;

    for (int i = 0; i < workers; i++) {
        if (!crew->hands[i].process)
            continue;
        if (orderly)
            sheaf_slot_dismiss(sheaf_execution_slot(crew->execution, i));
        else
            sheaf_process_signal(crew->hands[i].process, SIGKILL);
    }
    if (crew->feed)
        sheaf_process_signal(crew->feed, SIGKILL);
    for (int i = 0; i < workers; i++) {
        int64_t left = (deadline - sheaf_clock_ns()) / 1000000;
        if (crew->hands[i].process && orderly && left > 0)
            sheaf_process_join(crew->hands[i].process, left, NULL);
        sheaf_process_close(crew->hands[i].process); /* kills whoever is still there */
    }
    sheaf_process_close(crew->feed);
    sheaf_zygote_close(crew->zygote);
    free(crew->hands);
    *crew = (struct sheaf_crew){0};
}

static bool anybody_lives(const struct sheaf_crew *crew)
{
    for (int i = 0; i < crew->execution->workers; i++)
        if (crew->hands[i].process)
            return true;
    return false;
}

sheaf_status sheaf_crew_hire(struct sheaf_crew *crew, int index, bool *born, sheaf_error *error)
{
    struct sheaf_hand *hand = &crew->hands[index];
    struct sheaf_worker_argument argument = {
        .execution = crew->execution, .work = crew->work, .index = index};
    char name[32];
    struct sheaf_spawn worker = {
        .name = name, .body = sheaf_worker_main, .argument = &argument, .size = sizeof argument};

    snprintf(name, sizeof name, "worker %d", index);
    *hand = (struct sheaf_hand){0};
    sheaf_slot_clear(sheaf_execution_slot(crew->execution, index));
    sheaf_status status = spawn(crew, &worker, &hand->process, error);
    *born = status == SHEAF_OK;
    hand->born_ns = sheaf_clock_ns();
    if (*born) {
        crew->failed_births = 0;
        return SHEAF_OK;
    }
    hand->process = NULL;
    /* With fewer workers it takes longer, that is all. */
    crew->failed_births++;
    crew->next_birth_ns =
        hand->born_ns +
        (crew->failed_births < 8 ? INT64_C(5000000) << crew->failed_births : second_ns);
    if (anybody_lives(crew))
        return SHEAF_OK;
    if (status == SHEAF_SYSTEM && crew->failed_births < MOST_FAILED_BIRTHS)
        return SHEAF_OK;
    return status;
}

void sheaf_crew_kill(struct sheaf_crew *crew, int index, enum sheaf_fate fate)
{
    struct sheaf_hand *hand = &crew->hands[index];

    if (!hand->process || hand->fate != SHEAF_FATE_OPEN)
        return;
    hand->fate = fate;
    sheaf_process_signal(hand->process, SIGKILL);
}

void sheaf_crew_tick(struct sheaf_crew *crew, int64_t now_ns)
{
    int64_t passed = now_ns - crew->last_turn_ns;

    crew->awake_ns += passed < second_ns ? passed : second_ns;
    crew->last_turn_ns = now_ns;
}

void sheaf_crew_note_begin(struct sheaf_crew *crew, int index)
{
    crew->hands[index].seen_ns = crew->awake_ns;
    crew->hands[index].prodded_ns = 0;
}

/* Whether anything moved in the slot since we looked last. */
static bool gives_sign(struct sheaf_hand *hand, const struct sheaf_slot *slot)
{
    uint64_t mark = __atomic_load_n(&slot->mark, __ATOMIC_RELAXED);
    uint64_t beat = __atomic_load_n(&slot->beat, __ATOMIC_RELAXED);
    bool moved = mark != hand->seen_mark || beat != hand->seen_beat;

    hand->seen_mark = mark;
    hand->seen_beat = beat;
    return moved;
}

static void inspect(struct sheaf_crew *crew, int index, bool busy)
{
    struct sheaf_hand *hand = &crew->hands[index];
    const struct sheaf_slot *slot = sheaf_execution_slot(crew->execution, index);
    int64_t patience = crew->execution->options.stall_timeout_ms * 1000000;
    bool stopped = sheaf_process_stopped(hand->process);

    if (gives_sign(hand, slot) || (!busy && !stopped)) {
        hand->seen_ns = crew->awake_ns;
        hand->prodded_ns = 0;
        return;
    }
    if (hand->prodded_ns == 0) {
        if (stopped || crew->awake_ns - hand->seen_ns > patience) {
            hand->prodded_ns = crew->awake_ns > 0 ? crew->awake_ns : 1;
            sheaf_process_signal(hand->process, SIGCONT);
        }
        return;
    }
    if (crew->awake_ns - hand->prodded_ns < second_ns)
        return;
    if (stopped || crew->awake_ns - hand->seen_ns > patience)
        sheaf_crew_kill(crew, index, SHEAF_FATE_STALLED);
    else
        hand->prodded_ns = 0; /* it was stopped, and goes on */
}

void sheaf_crew_inspect(struct sheaf_crew *crew, const struct sheaf_books *books)
{
    for (int i = 0; i < crew->execution->workers; i++)
        if (crew->hands[i].process && crew->hands[i].fate == SHEAF_FATE_OPEN)
            inspect(crew, i, books->slots[i] != NULL);
}

static void tell_cause(struct sheaf_crew *crew, int index, const sheaf_error *error,
                       struct sheaf_obituary *obituary)
{
    const struct sheaf_hand *hand = &crew->hands[index];
    int id = sheaf_process_id(hand->process);

    switch (hand->fate) {
    case SHEAF_FATE_STALLED:
        snprintf(obituary->cause, sizeof obituary->cause,
                 "worker %d (pid %d) was killed after %lld ms without a sign of life", index, id,
                 (long long)(crew->awake_ns - hand->seen_ns) / 1000000);
        break;
    case SHEAF_FATE_DAMAGED:
        snprintf(obituary->cause, sizeof obituary->cause,
                 "worker %d (pid %d) was killed as it overwrote its own records", index, id);
        break;
    case SHEAF_FATE_OPEN:
    case SHEAF_FATE_CHAOS:
        snprintf(obituary->cause, sizeof obituary->cause, "%.159s", error->message);
        break;
    }
}

static enum sheaf_death judge(const struct sheaf_hand *hand, bool begun, int number)
{
    if (!begun)
        return SHEAF_DEATH_UNBEGUN;
    if (hand->fate == SHEAF_FATE_STALLED || hand->fate == SHEAF_FATE_DAMAGED)
        return SHEAF_DEATH_CRASHED;
    return number == SIGKILL || number == SIGTERM ? SHEAF_DEATH_KILLED : SHEAF_DEATH_CRASHED;
}

bool sheaf_crew_bury(struct sheaf_crew *crew, int index, uint64_t ticket,
                     struct sheaf_obituary *obituary)
{
    struct sheaf_hand *hand = &crew->hands[index];
    const struct sheaf_slot *slot = sheaf_execution_slot(crew->execution, index);
    sheaf_error error = {.message = "the worker ended of its own accord"};

    if (sheaf_process_join(hand->process, 0, &error) == SHEAF_TIMEOUT)
        return false;
    bool begun = ticket != 0 && (slot->started == ticket || hand->fate == SHEAF_FATE_DAMAGED);
    *obituary = (struct sheaf_obituary){.death = judge(hand, begun, error.system),
                                        .signal = error.system,
                                        .mark = begun ? slot->mark : 0};
    tell_cause(crew, index, &error, obituary);
    crew->execution->deaths++;
    if (hand->fate != SHEAF_FATE_CHAOS) {
        int64_t now = sheaf_clock_ns();
        sheaf_storm_death(&crew->storm, hand->born_ns, now, begun || hand->before != 0);
        crew->next_birth_ns = now + sheaf_storm_pause_ns(&crew->storm);
    }
    sheaf_process_close(hand->process);
    *hand = (struct sheaf_hand){0};
    sheaf_execution_forsake(crew->execution, index);
    return true;
}

sheaf_status sheaf_crew_check_feed(struct sheaf_crew *crew, sheaf_error *error)
{
    if (!crew->feed)
        return SHEAF_OK;
    sheaf_status status = sheaf_process_join(crew->feed, 0, error);
    if (status == SHEAF_TIMEOUT && sheaf_process_alive(crew->feed))
        return SHEAF_OK;
    if (status == SHEAF_OK) {
        sheaf_process_close(crew->feed);
        crew->feed = NULL;
    }
    return status;
}
