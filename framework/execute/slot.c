/* slot.c - where coordinator and worker meet: see slot.h */
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "execute/slot.h"

_Static_assert(sizeof(struct sheaf_slot) <= SHEAF_SLOT_BYTES, "a slot fits into its place");

/* Not against forgers, who could compute it as well, but against stray bytes. */
static uint64_t digest(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    uint64_t hash = 0x9E3779B97F4A7C15u ^ size, word;

    for (; size >= sizeof word; size -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, bytes, size);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
    return hash ^ (hash >> 29);
}

/* What is not used of a task, or of an error that is none, is neither copied nor sealed. */
static size_t order_size(const struct sheaf_order *order)
{
    return offsetof(struct sheaf_order, task.bytes) + order->task.size;
}

static size_t reply_size(const struct sheaf_reply *reply)
{
    return reply->status == SHEAF_OK ? offsetof(struct sheaf_reply, error)
                                     : sizeof(struct sheaf_reply);
}

static uint64_t order_digest(const struct sheaf_order *order)
{
    return digest(&order->ticket, order_size(order) - offsetof(struct sheaf_order, ticket));
}

static uint64_t reply_digest(const struct sheaf_reply *reply)
{
    return digest(&reply->ticket, reply_size(reply) - offsetof(struct sheaf_reply, ticket));
}

void sheaf_slot_clear(struct sheaf_slot *slot)
{
    memset(slot, 0, sizeof *slot);
}

void sheaf_slot_ask(struct sheaf_slot *slot, struct sheaf_order *order)
{
    order->digest = order_digest(order);
    memcpy(&slot->order, order, order_size(order));
    __atomic_store_n(&slot->asked, order->ticket, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(&slot->bell, INT_MAX);
}

void sheaf_slot_dismiss(struct sheaf_slot *slot)
{
    __atomic_store_n(&slot->leave, 1, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(&slot->bell, INT_MAX);
}

static bool is_due(const struct sheaf_slot *slot, uint64_t last)
{
    return __atomic_load_n(&slot->asked, __ATOMIC_SEQ_CST) != last ||
           __atomic_load_n(&slot->leave, __ATOMIC_SEQ_CST) != 0;
}

static void wait_for_order(struct sheaf_slot *slot, uint64_t last)
{
    for (int round = sheaf_spin_rounds(); round > 0; round--) {
        if (is_due(slot, last))
            return;
        sheaf_spin();
    }
    while (!is_due(slot, last)) {
        uint32_t seen = sheaf_eventcount_prepare(&slot->bell);
        if (is_due(slot, last))
            return;
        sheaf_eventcount_wait(&slot->bell, seen, INT64_MAX);
    }
}

bool sheaf_slot_take(struct sheaf_slot *slot, uint64_t last, struct sheaf_order *order)
{
    wait_for_order(slot, last);
    uint64_t asked = __atomic_load_n(&slot->asked, __ATOMIC_ACQUIRE);
    if (asked == last)
        return false;
    memcpy(order, &slot->order, offsetof(struct sheaf_order, task.bytes));
    if (order->ticket != asked || order->task.size > SHEAF_TASK_BYTES)
        abort();
    memcpy(order->task.bytes, slot->order.task.bytes, order->task.size);
    if (order->digest != order_digest(order))
        abort();
    return true;
}

void sheaf_slot_publish(struct sheaf_slot *slot, struct sheaf_reply *reply)
{
    reply->digest = reply_digest(reply);
    memcpy(&slot->reply, reply, reply_size(reply));
    __atomic_store_n(&slot->published, reply->ticket, __ATOMIC_RELEASE);
}

enum sheaf_slot_news sheaf_slot_look(const struct sheaf_slot *slot, uint64_t before,
                                     uint64_t ticket, struct sheaf_reply *reply)
{
    uint64_t published = __atomic_load_n(&slot->published, __ATOMIC_ACQUIRE);

    if (published != ticket)
        return published == before ? SHEAF_SLOT_QUIET : SHEAF_SLOT_DAMAGED;
    memcpy(reply, &slot->reply, offsetof(struct sheaf_reply, error));
    if (reply->status != SHEAF_OK)
        memcpy(&reply->error, &slot->reply.error, sizeof reply->error);
    else
        memset(&reply->error, 0, sizeof reply->error);
    if (reply->ticket != ticket || reply->digest != reply_digest(reply) ||
        (unsigned)reply->status > SHEAF_CLOSED)
        return SHEAF_SLOT_DAMAGED;
    reply->error.status = reply->status;
    reply->error.message[sizeof reply->error.message - 1] = '\0';
    reply->error.help[sizeof reply->error.help - 1] = '\0';
    return SHEAF_SLOT_PUBLISHED;
}
