/* pool_worker.c - the life of a worker of a pool: see pool.h */
#include <string.h>

#include "process/log.h"
#include "process/pool.h"

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint64_t share(const struct lane *lane, const struct pool_core *core, uint64_t left)
{
    uint64_t chunk = lane->chunk ? lane->chunk : left / (4 * (uint64_t)core->workers);

    return chunk < 1 ? 1 : chunk < left ? chunk : left;
}

/* Write into the seat what is about to be claimed. */
static void intend(struct seat *seat, uint64_t begin, uint64_t end)
{
    __atomic_store_n(&seat->claimed, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&seat->version, seat->version + 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&seat->begin, begin, __ATOMIC_SEQ_CST);
    __atomic_store_n(&seat->end, end, __ATOMIC_SEQ_CST);
}

/* Try to make the claim that was announced. */
static bool move(struct seat *seat, uint64_t *word, uint64_t *from, uint64_t to)
{
    if (!__atomic_compare_exchange_n(word, from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    __atomic_store_n(&seat->claimed, 1, __ATOMIC_RELEASE);
    return true;
}

static bool claim_new(const struct pool_core *core, struct seat *seat, struct lane *lane,
                      uint64_t quota)
{
    uint64_t next = load(&lane->next), published = load(&lane->published);

    while (next < published) {
        uint64_t size = share(lane, core, published - next);
        if (size > quota)
            size = quota;
        intend(seat, next, next + size);
        if (move(seat, &lane->next, &next, next + size))
            return true;
    }
    return false;
}

static bool claim_retry(struct seat *seat, struct lane *lane)
{
    uint64_t next = load(&lane->retry_next);

    while (next < load(&lane->retry_put)) {
        uint64_t number = load(&lane->retries[next % RETRIES]);
        intend(seat, number, number + 1);
        if (move(seat, &lane->retry_next, &next, next + 1))
            return true;
    }
    return false;
}

/* Sit down at the first lane that has work.  False: stand up again. */
static bool claim(struct pool_core *core, struct seat *seat, uint64_t quota)
{
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = __atomic_load_n(&core->lanes[i], __ATOMIC_SEQ_CST);
        if (!lane)
            continue;
        /* Announced before it is looked at: from here on it will not be freed. */
        __atomic_store_n(&seat->lane, lane, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&core->lanes[i], __ATOMIC_SEQ_CST) == lane &&
            (claim_retry(seat, lane) || claim_new(core, seat, lane, quota)))
            return true;
        intend(seat, 0, 0);
        __atomic_store_n(&seat->lane, NULL, __ATOMIC_SEQ_CST);
    }
    return false;
}

static void fail(struct lane *lane, uint64_t number, sheaf_status status, sheaf_error *error)
{
    if (error->status != status) {
        if (error->message[0] == '\0')
            sheaf_error_set(error, status, "task %llu failed (%s)",
                            (unsigned long long)(lane->base + number), sheaf_status_name(status));
        error->status = status;
    }
    lane->errors[number & lane->mask] = *error;
    memset(error, 0, sizeof *error);
}

/* One task of a map or a stream. */
static void run_plain(struct lane *lane, uint64_t number, sheaf_error *error)
{
    uint64_t place = number & lane->mask;
    sheaf_status status = lane->task(lane->inputs + place * lane->input_size,
                                     lane->outputs + place * lane->output_size, error);

    if (__builtin_expect(status != SHEAF_OK, 0))
        fail(lane, number, status, error);
    __atomic_store_n(&lane->states[place], status == SHEAF_OK ? DONE : FAILED, __ATOMIC_RELEASE);
}

/* One submitted task, unless it was cancelled. */
static void run_call(struct seat *seat, struct lane *lane, uint64_t number, sheaf_error *error)
{
    uint64_t place = number & lane->mask;
    struct call *call = (struct call *)(void *)(lane->inputs + place * lane->input_size);
    uint8_t pending = PENDING;

    if (!__atomic_compare_exchange_n(&lane->states[place], &pending, RUNNING, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    if (call->timeout_ns > 0) {
        seat->timeout_ns = call->timeout_ns;
        __atomic_store_n(&seat->since_ns, sheaf_clock_ns(), __ATOMIC_RELEASE);
    }
    sheaf_status status = call->task(call->input, call->output, error);
    __atomic_store_n(&seat->since_ns, 0, __ATOMIC_RELEASE);
    if (status != SHEAF_OK)
        fail(lane, number, status, error);
    __atomic_store_n(&lane->states[place], status == SHEAF_OK ? DONE : FAILED, __ATOMIC_SEQ_CST);
}

static void run_timed(struct seat *seat, struct lane *lane, uint64_t number, sheaf_error *error)
{
    __atomic_store_n(&seat->since_ns, sheaf_clock_ns(), __ATOMIC_RELEASE);
    run_plain(lane, number, error);
    __atomic_store_n(&seat->since_ns, 0, __ATOMIC_RELEASE);
}

static bool is_wanted(const struct lane *lane, uint64_t begin, uint64_t end)
{
    uint64_t wanted = __atomic_load_n(&lane->wanted, __ATOMIC_SEQ_CST);

    return (wanted >= begin && wanted < end) || wanted == SHEAF_WANT_ANY;
}

static void run_range(struct pool_core *core, struct seat *seat, sheaf_error *error)
{
    struct lane *lane = seat->lane;
    uint64_t begin = seat->begin, end = seat->end;

    __atomic_store_n(&seat->timeout_ns, lane->timeout_ns, __ATOMIC_RELAXED);
    store(&seat->current, begin);
    __atomic_store_n(&seat->busy, 1, __ATOMIC_RELEASE);
    for (uint64_t number = begin; number < end; number++) {
        store(&seat->current, number);
        if (!lane->task)
            run_call(seat, lane, number, error);
        else if (lane->timeout_ns > 0)
            run_timed(seat, lane, number, error);
        else
            run_plain(lane, number, error);
        /* A look that may come too early by the width of a store buffer; the next one does not. */
        if (is_wanted(lane, number, number + 1))
            sheaf_eventcount_wake(&core->answers, 1);
    }
    __atomic_exchange_n(&seat->busy, 0, __ATOMIC_SEQ_CST);
    if (is_wanted(lane, begin, end))
        sheaf_eventcount_wake(&core->answers, 1);
}

static bool is_closing(const struct pool_core *core)
{
    return __atomic_load_n(&core->closing, __ATOMIC_SEQ_CST) != 0;
}

/* Whether another worker spins already: one is enough to take the next task at once. */
static bool may_spin(const struct pool_core *core)
{
    for (uint32_t i = 0; i < core->workers; i++)
        if (__atomic_load_n(&core->seats[i].spinning, __ATOMIC_RELAXED))
            return false;
    return sheaf_spin_rounds() > 0;
}

/* Claim work, waiting for it.  False when the pool is closing. */
static bool wait_for_work(struct pool_core *core, struct seat *seat, uint64_t quota)
{
    if (claim(core, seat, quota))
        return true;
    /* A map may be over now: who waits for it looks at all its tasks. */
    sheaf_eventcount_wake(&core->answers, 1);
    if (may_spin(core)) {
        int64_t end = sheaf_clock_ns() + 50000;
        bool found = false;
        __atomic_store_n(&seat->spinning, 1, __ATOMIC_RELAXED);
        while (!found && sheaf_clock_ns() < end) {
            for (int i = 0; i < 8; i++)
                sheaf_spin();
            sheaf_give_way();
            found = claim(core, seat, quota);
        }
        __atomic_store_n(&seat->spinning, 0, __ATOMIC_RELAXED);
        if (found)
            return true;
    }
    for (;;) {
        uint32_t seen = sheaf_eventcount_prepare(&core->bell);
        if (claim(core, seat, quota))
            return true;
        if (is_closing(core))
            return false;
        /* No slices: a worker that misses its bell because another took it along into death is
         * rung again by the coordinator, who tends the pool while he waits. */
        sheaf_futex_wait(&core->bell.generation, seen, INT64_MAX);
    }
}

sheaf_status sheaf_pool_worker(void *argument, sheaf_error *error)
{
    const struct pool_seat *mine = argument;
    struct pool_core *core = mine->core;
    struct seat *seat = &core->seats[mine->seat];
    uint64_t quota = core->tasks_per_worker ? core->tasks_per_worker : UINT64_MAX;

    if (core->begin)
        SHEAF_TRY(core->begin(core->argument, error));
    __atomic_store_n(&seat->ready, 1, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(&core->answers, 1);
    while (quota > 0 && wait_for_work(core, seat, quota)) {
        uint64_t done = seat->end - seat->begin;
        run_range(core, seat, error);
        intend(seat, 0, 0);
        __atomic_store_n(&seat->lane, NULL, __ATOMIC_SEQ_CST);
        quota -= core->tasks_per_worker ? done : 0;
    }
    return SHEAF_OK;
}
