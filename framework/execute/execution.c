/* execution.c - opening, closing, and the workers' memory: see work.h and execution.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "execute/execution.h"
#include "execute/standard.h"

enum {
    MOST_WORKERS = 1024,
    DEFAULT_RETRIES = 3,
    DEFAULT_STALL_MS = 60000,
};

/* What all arenas together may take of an address space of 47 bits.  The address sanitizer keeps
 * books of all that is mapped, which makes every fork slower. */
#if defined(__SANITIZE_ADDRESS__)
static const uint64_t all_bytes = UINT64_C(1) << 33;
#else
static const uint64_t all_bytes = UINT64_C(1) << 45;
#endif

/* Pages of released results that an arena keeps, so that the next result finds them warm. */
static const uint64_t warm_bytes = UINT64_C(64) << 20;

struct sheaf_slot *sheaf_execution_slot(const struct sheaf_execution *execution, int index)
{
    return (struct sheaf_slot *)(void *)execution->arenas[index].bytes;
}

/* Four times what the machine has, as pages are only paid for when touched. */
static uint64_t sensible_arena(int workers)
{
    uint64_t each = UINT64_C(1) << 26, memory = sheaf_memory_limit();

    while (each / 4 < memory && each * 2 <= all_bytes / (uint64_t)workers)
        each *= 2;
    return each;
}

static sheaf_status check_options(struct sheaf_execution_options *options, sheaf_error *error)
{
    if (options->workers < 0 || options->workers > MOST_WORKERS)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%d workers: expected 0 to %d",
                               options->workers, MOST_WORKERS);
    if (options->stall_timeout_ms < 0 || options->deadline_ms < 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a time-out is negative");
    if (options->kind == SHEAF_INLINE)
        options->workers = 1;
    else if (options->workers == 0)
        options->workers = sheaf_cpu_count() < MOST_WORKERS ? sheaf_cpu_count() : MOST_WORKERS;
    if (options->retries < 0)
        options->retries = DEFAULT_RETRIES;
    if (options->stall_timeout_ms == 0)
        options->stall_timeout_ms = DEFAULT_STALL_MS;
    if (options->arena_bytes == 0)
        options->arena_bytes = sensible_arena(options->workers);
    if (options->arena_bytes < SHEAF_SLOT_BYTES * 2)
        options->arena_bytes = SHEAF_SLOT_BYTES * 2;
    return SHEAF_OK;
}

static sheaf_status open_arena(struct sheaf_execution *execution, int index, sheaf_error *error)
{
    struct sheaf_arena *arena = &execution->arenas[index];
    uint64_t wanted = execution->options.arena_bytes;
    uint64_t least = wanted < UINT64_C(64) << 20 ? wanted : UINT64_C(64) << 20;

    SHEAF_TRY(sheaf_arena_open("sheaf-worker", wanted, least, arena, error));
    sheaf_ledger_init(&execution->ledgers[index], SHEAF_SLOT_BYTES, arena->size);
    execution->reaches[index] = SHEAF_SLOT_BYTES;
    /* Our own stray writes shall not reach results.  Without a descriptor pages can only be given
     * back through a mapping that is writable. */
    if (execution->options.kind == SHEAF_FORK && arena->fd >= 0 &&
        mprotect(arena->bytes + SHEAF_SLOT_BYTES, arena->size - SHEAF_SLOT_BYTES, PROT_READ) < 0)
        return sheaf_error_errno(error, "cannot protect the memory of worker %d", index);
    return SHEAF_OK;
}

/* A limit on descriptors is hit in many places and named in one. */
static sheaf_status name_limit(sheaf_status status, sheaf_error *error)
{
    struct rlimit limit = {0};

    if (!error || status != SHEAF_SYSTEM || (error->system != EMFILE && error->system != ENFILE))
        return status;
    getrlimit(RLIMIT_NOFILE, &limit);
    sheaf_error what = *error;
    sheaf_error_set(error, SHEAF_LIMIT, "too few file descriptors (limit %llu): %s",
                    (unsigned long long)limit.rlim_cur, what.message);
    sheaf_error_help(error, "Each worker needs two: fewer workers, or a higher limit (ulimit -n)");
    return SHEAF_LIMIT;
}

sheaf_status sheaf_execution_open(const struct sheaf_execution_options *options,
                                  struct sheaf_execution **execution, sheaf_error *error)
{
    struct sheaf_execution *made = NULL;
    struct sheaf_standard standard;
    sheaf_status status;

    SHEAF_TRY(sheaf_allocate(&made, 1, sizeof *made, error));
    made->options = *options;
    made->wake = -1;
    made->page = (uint64_t)sysconf(_SC_PAGESIZE);
    status = check_options(&made->options, error);
    if (status != SHEAF_OK)
        goto failed;
    size_t workers = (size_t)made->options.workers;
    if ((status = sheaf_allocate(&made->arenas, workers, sizeof *made->arenas, error)) ||
        (status = sheaf_allocate(&made->ledgers, workers, sizeof *made->ledgers, error)) ||
        (status = sheaf_allocate(&made->reaches, workers, sizeof *made->reaches, error)))
        goto failed;
    sheaf_standard_hold(&standard);
    while (made->workers < made->options.workers && status == SHEAF_OK) {
        made->arenas[made->workers].fd = -1;
        status = open_arena(made, made->workers, error);
        made->workers++;
    }
    sheaf_standard_free(&standard);
    if (status != SHEAF_OK)
        goto failed;
    *execution = made;
    return SHEAF_OK;
failed:
    sheaf_execution_close(made);
    return name_limit(status, error);
}

void sheaf_execution_close(struct sheaf_execution *execution)
{
    if (!execution)
        return;
    for (int i = 0; i < execution->workers; i++) {
        sheaf_arena_close(&execution->arenas[i]);
        sheaf_ledger_destroy(&execution->ledgers[i]);
    }
    free(execution->reaches);
    free(execution->ledgers);
    free(execution->arenas);
    free(execution);
}

sheaf_status sheaf_execution_run(struct sheaf_execution *execution, const struct sheaf_work *work,
                                 sheaf_error *error)
{
    struct sheaf_standard standard;
    sheaf_error own;
    sheaf_status status;

    if (!error)
        error = &own;
    execution->runs++;
    for (int i = 0; i < execution->workers; i++)
        sheaf_slot_clear(sheaf_execution_slot(execution, i));
    sheaf_standard_hold(&standard);
    execution->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (execution->wake < 0) {
        status = sheaf_error_errno(error, "cannot start a run");
    } else if (execution->options.kind == SHEAF_INLINE) {
        status = sheaf_inline_run(execution, work, error);
    } else {
        status = sheaf_fork_run(execution, work, error);
    }
    if (execution->wake >= 0)
        close(execution->wake);
    execution->wake = -1;
    sheaf_standard_free(&standard);
    return name_limit(status, error);
}

void sheaf_execution_wake(struct sheaf_execution *execution)
{
    uint64_t one = 1;

    /* Full means that it is awake already. */
    if (execution->wake >= 0 && write(execution->wake, &one, sizeof one) < 0)
        return;
}

int sheaf_execution_workers(const struct sheaf_execution *execution)
{
    return execution->workers;
}

uint64_t sheaf_execution_deaths(const struct sheaf_execution *execution)
{
    return execution->deaths;
}

/* -- memory -------------------------------------------------------------------------- */

const void *sheaf_execution_view(struct sheaf_execution *execution,
                                 const struct sheaf_extent *extent)
{
    if (extent->arena >= (uint32_t)execution->workers)
        return NULL;
    const struct sheaf_arena *arena = &execution->arenas[extent->arena];
    if (extent->offset < SHEAF_SLOT_BYTES || extent->offset > arena->size ||
        extent->size > arena->size - extent->offset)
        return NULL;
    return arena->bytes + extent->offset;
}

static void discard(struct sheaf_execution *execution, int index, uint64_t begin, uint64_t end)
{
    if (begin < end)
        sheaf_arena_discard(&execution->arenas[index], begin, end - begin);
}

void sheaf_execution_release(struct sheaf_execution *execution, const struct sheaf_extent *extent)
{
    struct sheaf_span gone;

    if (extent->size == 0 || extent->arena >= (uint32_t)execution->workers)
        return;
    struct sheaf_ledger *ledger = &execution->ledgers[extent->arena];
    if (!sheaf_ledger_release(ledger, extent->offset, extent->size, execution->page, &gone))
        return;
    if (!sheaf_ledger_is_empty(ledger) || extent->size > warm_bytes)
        discard(execution, (int)extent->arena, gone.begin, gone.end);
}

uint64_t sheaf_execution_base(struct sheaf_execution *execution, int index)
{
    uint64_t top = sheaf_ledger_top(&execution->ledgers[index]);

    if (execution->reaches[index] > top && execution->reaches[index] - top > warm_bytes) {
        discard(execution, index, top + warm_bytes, execution->reaches[index]);
        execution->reaches[index] = top + warm_bytes;
    }
    return top;
}

void sheaf_execution_forsake(struct sheaf_execution *execution, int index)
{
    uint64_t top = sheaf_ledger_top(&execution->ledgers[index]);

    discard(execution, index, top, execution->arenas[index].size);
    execution->reaches[index] = top;
}

sheaf_status sheaf_execution_accept(struct sheaf_execution *execution, int index,
                                    const struct sheaf_reply *reply, struct sheaf_outcome *outcome,
                                    sheaf_error *error)
{
    uint64_t limit = execution->arenas[index].size;

    *outcome = (struct sheaf_outcome){.status = reply->status, .error = reply->error};
    memcpy(outcome->summary, reply->summary, sizeof outcome->summary);
    if (reply->reach > execution->reaches[index])
        execution->reaches[index] = reply->reach < limit ? reply->reach : limit;
    if (reply->status != SHEAF_OK || reply->size == 0)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_ledger_hold(&execution->ledgers[index], reply->offset, reply->size, error));
    outcome->extent = (struct sheaf_extent){
        .arena = (uint32_t)index, .offset = reply->offset, .size = reply->size};
    return SHEAF_OK;
}
