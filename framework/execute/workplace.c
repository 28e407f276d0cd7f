/* workplace.c - the worker's side: doing tasks one after the other */
#include <string.h>
#include <sys/mman.h>

#include "execute/execution.h"

void sheaf_workplace_init(struct sheaf_workplace *place, struct sheaf_execution *execution,
                          int index)
{
    *place = (struct sheaf_workplace){
        .execution = execution, .slot = sheaf_execution_slot(execution, index), .index = index};
}

static void show_life(struct sheaf_workplace *place)
{
    __atomic_store_n(&place->slot->beat, ++place->beat, __ATOMIC_RELAXED);
}

void *sheaf_workplace_reserve(struct sheaf_workplace *place, size_t size, sheaf_error *error)
{
    const struct sheaf_arena *arena = &place->execution->arenas[place->index];

    show_life(place);
    if (place->base > arena->size || size > arena->size - place->base) {
        sheaf_error_set(error, SHEAF_NO_MEMORY,
                        "a result of %zu bytes does not fit into the memory of worker %d (%zu of "
                        "%zu bytes are free)",
                        size, place->index, arena->size - place->base, arena->size);
        return NULL;
    }
    place->size = size;
    if (place->size > place->reserved)
        place->reserved = place->size;
    return arena->bytes + place->base;
}

void *sheaf_workplace_summary(struct sheaf_workplace *place)
{
    return place->summary;
}

const void *sheaf_workplace_view(struct sheaf_workplace *place, const struct sheaf_extent *extent)
{
    return sheaf_execution_view(place->execution, extent);
}

void sheaf_workplace_mark(struct sheaf_workplace *place, uint64_t mark)
{
    __atomic_store_n(&place->slot->mark, mark, __ATOMIC_RELAXED);
    show_life(place);
}

bool sheaf_workplace_careful(const struct sheaf_workplace *place)
{
    return place->careful;
}

int sheaf_workplace_index(const struct sheaf_workplace *place)
{
    return place->index;
}

void sheaf_workplace_perform(struct sheaf_workplace *place, const struct sheaf_work *work,
                             void *local, const struct sheaf_order *order,
                             struct sheaf_reply *reply)
{
    place->careful = order->careful != 0;
    place->base = order->base;
    place->size = 0;
    place->reserved = 0;
    memset(place->summary, 0, sizeof place->summary);
    sheaf_workplace_mark(place, 0);
    __atomic_store_n(&place->slot->started, order->ticket, __ATOMIC_RELAXED);

    memset(&reply->error, 0, sizeof reply->error);
    reply->status = work->run(work->context, local, place, &order->task, &reply->error);
    reply->ticket = order->ticket;
    reply->entry_failed = 0;
    reply->offset = place->base;
    reply->size = reply->status == SHEAF_OK ? place->size : 0;
    reply->reach = place->base + place->reserved;
    memcpy(reply->summary, place->summary, sizeof reply->summary);
    show_life(place);
}

/* The siblings' memory is there to be read.  Ours was made read-only by the coordinator. */
static sheaf_status take_own_memory(struct sheaf_execution *execution, int index,
                                    sheaf_error *error)
{
    for (int i = 0; i < execution->workers; i++) {
        const struct sheaf_arena *arena = &execution->arenas[i];
        int protection = i == index ? PROT_READ | PROT_WRITE : PROT_READ;
        if (mprotect(arena->bytes, arena->size, protection) < 0)
            return sheaf_error_errno(error, "cannot protect the memory of worker %d", i);
    }
    return SHEAF_OK;
}

static sheaf_status enter(const struct sheaf_work *work, struct sheaf_workplace *place,
                          void **local, sheaf_error *error)
{
    SHEAF_TRY(take_own_memory(place->execution, place->index, error));
    return work->enter ? work->enter(work->context, place, local, error) : SHEAF_OK;
}

sheaf_status sheaf_worker_main(void *argument, sheaf_error *error)
{
    const struct sheaf_worker_argument *given = argument;
    const struct sheaf_work *work = given->work;
    struct sheaf_workplace place;
    struct sheaf_order order;
    struct sheaf_reply reply = {0};
    void *local = NULL;
    uint64_t last = 0;

    sheaf_workplace_init(&place, given->execution, given->index);
    sheaf_status entered = enter(work, &place, &local, error);
    while (sheaf_slot_take(place.slot, last, &order)) {
        if (entered != SHEAF_OK) {
            reply = (struct sheaf_reply){
                .ticket = order.ticket, .entry_failed = 1, .status = entered, .error = *error};
        } else {
            sheaf_workplace_perform(&place, work, local, &order, &reply);
        }
        last = order.ticket;
        sheaf_slot_publish(place.slot, &reply);
        sheaf_execution_wake(given->execution);
    }
    return SHEAF_OK;
}
