/*
 * queue.c - a bounded queue in shared memory: see sheaf/queue.h
 *
 * A ring of bytes.  `tail` is moved by producers under put_lock, `head` by
 * consumers under get_lock; both only grow, and each is one store that makes a
 * message exist or cease to.  A lock that was abandoned is therefore as good as
 * any: whatever its holder was doing did not happen.
 *
 * Records of a fixed size without acknowledgement are bare.  Others begin with a
 * header.  With acknowledgement `next` walks ahead of `head`: records between
 * the two are held by consumers (their owner word says by whom) or done.
 */
#include <limits.h>
#include <string.h>

#include <sheaf/queue.h>
#include <sheaf/shared.h>

#include "process/child.h"
#include "process/futex.h"
#include "process/owner.h"
#include "process/queue.h"
#include "process/roles.h"

enum { LINE = 64 };

struct record {
    uint64_t size;
    uint64_t owner; /* 0: free for all; a consumer; or done */
};

static const uint64_t done_mark = UINT64_MAX;

struct sheaf_queue {
    uint64_t ring;   /* bytes, a multiple of the stride where there is one */
    uint64_t stride; /* bytes of a record of fixed size, 0 if sizes vary */
    uint64_t item_size;
    uint32_t delivery;
    uint32_t has_header;

    struct { /* written by producers */
        sheaf_mutex lock __attribute__((aligned(LINE)));
        uint64_t tail;      /* end of the last published record */
        uint64_t head_seen; /* `head` when we last looked: spares us the consumers' line */
    } in;
    struct { /* written by consumers */
        sheaf_mutex lock __attribute__((aligned(LINE)));
        uint64_t head; /* begin of the first record that is still needed */
        uint64_t next; /* begin of the first record that nobody was given */
        uint64_t tail_seen;
        uint64_t lost, again;
        uint64_t checked_ns; /* when we last looked for dead consumers */
    } out;

    struct sheaf_eventcount filled __attribute__((aligned(LINE)));
    struct sheaf_eventcount emptied __attribute__((aligned(LINE)));
    uint32_t finished;
    uint32_t loss_told;
    struct roles producers;
    struct roles consumers;

    unsigned char bytes[] __attribute__((aligned(LINE)));
};

sheaf_status sheaf_queue_open(const sheaf_queue_options *options, sheaf_queue **queue,
                              sheaf_error *error)
{
    sheaf_queue_options wish;

    SHEAF_TRY(sheaf_options_copy(&wish, sizeof wish, options, "sheaf_queue_options", error));
    size_t item = wish.item_size;
    size_t capacity = wish.capacity ? wish.capacity : item ? 1024 : 1 << 20;
    bool has_header = item == 0 || wish.delivery != SHEAF_DELIVER_ONCE;
    size_t stride = item ? (item + 7) / 8 * 8 + (has_header ? sizeof(struct record) : 0) : 0;
    size_t ring = (capacity + 63) / 64 * 64;

    if (item > SIZE_MAX / 4 || capacity > SIZE_MAX / 4 ||
        (item && __builtin_mul_overflow(stride, capacity, &ring)))
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "a queue of %zu items of %zu bytes is too large", capacity, item);
    sheaf_queue *made = sheaf_shared_alloc(1, sizeof *made + ring, error);
    if (!made)
        return SHEAF_NO_MEMORY;
    made->ring = ring;
    made->stride = stride;
    made->item_size = item;
    made->delivery = wish.delivery;
    made->has_header = has_header;
    *queue = made;
    return SHEAF_OK;
}

void sheaf_queue_close(sheaf_queue *queue)
{
    sheaf_shared_free(queue);
}

/* -- the ring ----------------------------------------------------------------------- */

static inline uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void publish(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* Headers never wrap: positions and the ring are multiples of 8, and a header of 16 bytes that
 * would is found by its two words. */
static uint64_t *word_at(sheaf_queue *queue, uint64_t position)
{
    return (uint64_t *)(void *)(queue->bytes + position % queue->ring);
}

static uint64_t *owner_at(sheaf_queue *queue, uint64_t position)
{
    return word_at(queue, position + sizeof(uint64_t));
}

static void copy_in(sheaf_queue *queue, uint64_t position, const void *bytes, size_t size)
{
    size_t at = position % queue->ring, first = queue->ring - at;

    if (first > size)
        first = size;
    memcpy(queue->bytes + at, bytes, first);
    if (first < size)
        memcpy(queue->bytes, (const unsigned char *)bytes + first, size - first);
}

static void copy_out(const sheaf_queue *queue, uint64_t position, void *bytes, size_t size)
{
    size_t at = position % queue->ring, first = queue->ring - at;

    if (first > size)
        first = size;
    memcpy(bytes, queue->bytes + at, first);
    if (first < size)
        memcpy((unsigned char *)bytes + first, queue->bytes, size - first);
}

static uint64_t record_bytes(const sheaf_queue *queue, size_t size)
{
    return queue->stride ? queue->stride : sizeof(struct record) + (size + 7) / 8 * 8;
}

static size_t record_size(sheaf_queue *queue, uint64_t position)
{
    return queue->item_size ? queue->item_size : *word_at(queue, position);
}

/* -- roles ---------------------------------------------------------------------------- */

sheaf_status sheaf_queue_register_producer(sheaf_queue *queue, sheaf_error *error)
{
    return sheaf_roles_take(&queue->producers, "producers", error);
}

sheaf_status sheaf_queue_register_consumer(sheaf_queue *queue, sheaf_error *error)
{
    return sheaf_roles_take(&queue->consumers, "consumers", error);
}

static bool is_finished(const sheaf_queue *queue)
{
    return __atomic_load_n(&queue->finished, __ATOMIC_SEQ_CST) != 0;
}

static void end_stream(sheaf_queue *queue)
{
    __atomic_store_n(&queue->finished, 1, __ATOMIC_SEQ_CST);
    sheaf_eventcount_wake(&queue->filled, INT_MAX);
    sheaf_eventcount_wake(&queue->emptied, INT_MAX);
}

void sheaf_queue_finish(sheaf_queue *queue)
{
    if (sheaf_roles_leave(&queue->producers, sheaf_owner_self()) &&
        !sheaf_roles_all_left(&queue->producers))
        return;
    end_stream(queue);
}

/* -- put ----------------------------------------------------------------------------- */

static bool has_room(sheaf_queue *queue, uint64_t needed)
{
    return queue->ring - (load(&queue->in.tail) - load(&queue->out.head)) >= needed;
}

/* Under put_lock: publish the message if there is room. */
static bool put_locked(sheaf_queue *queue, const void *message, size_t size, uint64_t needed)
{
    uint64_t tail = queue->in.tail;

    if (queue->ring - (tail - queue->in.head_seen) < needed) {
        queue->in.head_seen = load(&queue->out.head);
        if (queue->ring - (tail - queue->in.head_seen) < needed)
            return false;
    }
    uint64_t at = tail;
    if (queue->has_header) {
        *word_at(queue, at) = size;
        __atomic_store_n(owner_at(queue, at), SHEAF_NOBODY, __ATOMIC_RELAXED);
        at += sizeof(struct record);
    }
    copy_in(queue, at, message, size);
    publish(&queue->in.tail, tail + needed);
    return true;
}

static sheaf_status wait_for_room(sheaf_queue *queue, uint64_t needed, int64_t deadline,
                                  sheaf_error *error)
{
    for (int round = sheaf_spin_rounds() * 4; round > 0; round--) {
        sheaf_spin();
        if (round % 16 != 0)
            continue;
        if (has_room(queue, needed))
            return SHEAF_OK;
        sheaf_give_way();
    }
    uint32_t seen = sheaf_eventcount_prepare(&queue->emptied);
    if (has_room(queue, needed) || is_finished(queue))
        return SHEAF_OK;
    sheaf_eventcount_wait(&queue->emptied, seen, deadline);
    if (has_room(queue, needed))
        return SHEAF_OK;
    if (sheaf_roles_all_left(&queue->consumers))
        return sheaf_error_set(error, SHEAF_LOST, "the queue is full and its consumers are gone");
    if (sheaf_deadline_passed(deadline))
        return sheaf_error_set(error, SHEAF_TIMEOUT, "the queue stayed full");
    return SHEAF_OK;
}

static sheaf_status check_size(const sheaf_queue *queue, size_t size, sheaf_error *error)
{
    if (queue->item_size ? size == queue->item_size : size <= queue->ring - sizeof(struct record))
        return SHEAF_OK;
    return queue->item_size
               ? sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                 "this queue takes messages of %llu bytes, not of %zu",
                                 (unsigned long long)queue->item_size, size)
               : sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                 "a message of %zu bytes never fits into a queue of %llu", size,
                                 (unsigned long long)queue->ring);
}

/* SHEAF_OK with the lock held: an abandoned one is whole, see above. */
static sheaf_status lock_queue(sheaf_mutex *lock, int64_t timeout_ms, sheaf_error *error)
{
    sheaf_status status = sheaf_mutex_lock(lock, timeout_ms, error);

    return status == SHEAF_ABANDONED ? SHEAF_OK : status;
}

static int64_t time_left(int64_t timeout_ms, int64_t deadline)
{
    int64_t left;

    if (timeout_ms <= 0)
        return timeout_ms;
    left = (deadline - sheaf_clock_ns() + 999999) / 1000000;
    return left < 0 ? 0 : left;
}

sheaf_status sheaf_queue_put(sheaf_queue *queue, const void *message, size_t size,
                             int64_t timeout_ms, sheaf_error *error)
{
    uint64_t needed = record_bytes(queue, size);
    int64_t deadline = 0, left = timeout_ms;

    SHEAF_TRY(check_size(queue, size, error));
    for (;;) {
        if (is_finished(queue))
            return sheaf_error_set(error, SHEAF_CLOSED, "the stream of this queue has ended");
        SHEAF_TRY(lock_queue(&queue->in.lock, left, error));
        bool put = put_locked(queue, message, size, needed);
        sheaf_mutex_unlock(&queue->in.lock);
        if (put) {
            sheaf_eventcount_wake(&queue->filled, 1);
            return SHEAF_OK;
        }
        if (timeout_ms == 0)
            return sheaf_error_set(error, SHEAF_TIMEOUT, "the queue is full");
        if (deadline == 0)
            deadline = sheaf_deadline(timeout_ms);
        SHEAF_TRY(wait_for_room(queue, needed, deadline, error));
        left = time_left(timeout_ms, deadline);
    }
}

/* -- get ------------------------------------------------------------------------------- */

enum outcome { GOT, NOTHING, TOO_LARGE };

/* Move `head` over all records that are done.  Under get_lock. */
static bool release_done(sheaf_queue *queue)
{
    uint64_t head = queue->out.head;

    while (head != queue->out.next && load(owner_at(queue, head)) == done_mark) {
        head += record_bytes(queue, record_size(queue, head));
    }
    if (head == queue->out.head)
        return false;
    publish(&queue->out.head, head);
    return true;
}

/* The first record whose consumer died, or `next` if there is none.  Under get_lock. */
static uint64_t find_orphan(sheaf_queue *queue)
{
    uint64_t last_alive = SHEAF_NOBODY, at = queue->out.head;

    for (; at != queue->out.next; at += record_bytes(queue, record_size(queue, at))) {
        uint64_t owner = load(owner_at(queue, at));
        if (owner == done_mark || owner == last_alive)
            continue;
        if (sheaf_owner_is_dead(owner))
            return at;
        last_alive = owner;
    }
    return at;
}

/* Under get_lock, now and then: what to do with messages of consumers that died. */
static uint64_t next_orphan(sheaf_queue *queue)
{
    uint64_t at;

    while ((at = find_orphan(queue)) != queue->out.next) {
        if (queue->delivery == SHEAF_DELIVER_AGAIN)
            return at;
        publish(owner_at(queue, at), done_mark);
        queue->out.lost++;
    }
    if (queue->delivery == SHEAF_DELIVER_OR_COUNT)
        release_done(queue);
    return at;
}

static enum outcome copy_record(sheaf_queue *queue, uint64_t at, void *message, size_t capacity,
                                size_t *size)
{
    size_t bytes = record_size(queue, at);

    if (size)
        *size = bytes;
    if (bytes > capacity)
        return TOO_LARGE;
    copy_out(queue, at + (queue->has_header ? sizeof(struct record) : 0), message, bytes);
    return GOT;
}

static enum outcome get_once_locked(sheaf_queue *queue, void *message, size_t capacity,
                                    size_t *size)
{
    uint64_t head = queue->out.head;

    if (head == queue->out.tail_seen) {
        queue->out.tail_seen = load(&queue->in.tail);
        if (head == queue->out.tail_seen)
            return NOTHING;
    }
    if (copy_record(queue, head, message, capacity, size) != GOT)
        return TOO_LARGE;
    publish(&queue->out.head, head + record_bytes(queue, record_size(queue, head)));
    return GOT;
}

/* Not for each message: a producer who is woken finds room for half a ring, or sleeps to the end
 * of his slice.  Otherwise a slow consumer would pay for a wake-up with every get. */
static void wake_producers(sheaf_queue *queue)
{
    if (!__atomic_load_n(&queue->emptied.sleepers, __ATOMIC_SEQ_CST))
        return;
    uint64_t used = load(&queue->in.tail) - load(&queue->out.head);
    if (used <= queue->ring / 2)
        sheaf_eventcount_wake(&queue->emptied, INT_MAX);
}

static enum outcome get_held_locked(sheaf_queue *queue, void *message, size_t capacity,
                                    size_t *size)
{
    int64_t now = sheaf_clock_ns();
    uint64_t tail = load(&queue->in.tail), at = queue->out.next;

    /* Orphans first, but looked for only when there is time: often, and when nothing else is. */
    if (queue->out.head != queue->out.next &&
        (now - (int64_t)queue->out.checked_ns > 10000000 || at == tail)) {
        queue->out.checked_ns = (uint64_t)now;
        at = next_orphan(queue);
    }
    bool orphan = at != queue->out.next;
    if (!orphan && at == tail)
        return NOTHING;
    if (copy_record(queue, at, message, capacity, size) != GOT)
        return TOO_LARGE;
    publish(owner_at(queue, at), sheaf_owner_self());
    if (orphan)
        queue->out.again++;
    else
        publish(&queue->out.next, at + record_bytes(queue, record_size(queue, at)));
    return GOT;
}

static bool is_empty(sheaf_queue *queue)
{
    return load(queue->delivery == SHEAF_DELIVER_ONCE ? &queue->out.head : &queue->out.next) ==
           load(&queue->in.tail);
}

/* Whether there will be nothing more: ended, everything given out, and nothing to come back. */
static bool is_over(sheaf_queue *queue)
{
    return is_finished(queue) && is_empty(queue) && load(&queue->out.head) == load(&queue->in.tail);
}

static sheaf_status say_over(sheaf_queue *queue, sheaf_error *error)
{
    if (__atomic_load_n(&queue->producers.died, __ATOMIC_SEQ_CST) &&
        !__atomic_exchange_n(&queue->loss_told, 1, __ATOMIC_SEQ_CST))
        return sheaf_error_set(error, SHEAF_LOST,
                               "the stream of this queue ended because a producer died");
    return sheaf_error_set(error, SHEAF_CLOSED, "the stream of this queue has ended");
}

static sheaf_status wait_for_message(sheaf_queue *queue, int64_t deadline, sheaf_error *error)
{
    for (int round = sheaf_spin_rounds() * 4; round > 0; round--) {
        sheaf_spin();
        if (round % 16 != 0)
            continue;
        if (!is_empty(queue))
            return SHEAF_OK;
        sheaf_give_way();
    }
    uint32_t seen = sheaf_eventcount_prepare(&queue->filled);
    if (!is_empty(queue) || is_over(queue))
        return SHEAF_OK;
    sheaf_eventcount_wait(&queue->filled, seen, deadline);
    if (!is_empty(queue))
        return SHEAF_OK;
    if (!is_finished(queue) && sheaf_roles_all_left(&queue->producers))
        end_stream(queue);
    if (sheaf_deadline_passed(deadline) && !is_over(queue))
        return sheaf_error_set(error, SHEAF_TIMEOUT, "the queue stayed empty");
    return SHEAF_OK;
}

sheaf_status sheaf_queue_get(sheaf_queue *queue, void *message, size_t capacity, size_t *size,
                             int64_t timeout_ms, sheaf_error *error)
{
    int64_t deadline = 0, left = timeout_ms;

    for (;;) {
        bool over = is_over(queue);
        enum outcome outcome = NOTHING;
        if (!over) {
            SHEAF_TRY(lock_queue(&queue->out.lock, left, error));
            outcome = queue->delivery == SHEAF_DELIVER_ONCE
                          ? get_once_locked(queue, message, capacity, size)
                          : get_held_locked(queue, message, capacity, size);
            sheaf_mutex_unlock(&queue->out.lock);
        }
        if (outcome == GOT) {
            wake_producers(queue);
            return SHEAF_OK;
        }
        if (outcome == TOO_LARGE)
            return sheaf_error_set(error, SHEAF_LIMIT, "the message does not fit into %zu bytes",
                                   capacity);
        if (over)
            return say_over(queue, error);
        if (timeout_ms == 0 && !is_over(queue)) {
            if (sheaf_roles_all_left(&queue->producers))
                end_stream(queue);
            if (!is_over(queue))
                return sheaf_error_set(error, SHEAF_TIMEOUT, "the queue is empty");
        }
        if (deadline == 0)
            deadline = sheaf_deadline(timeout_ms);
        SHEAF_TRY(wait_for_message(queue, deadline, error));
        left = time_left(timeout_ms, deadline);
    }
}

sheaf_status sheaf_queue_done(sheaf_queue *queue, sheaf_error *error)
{
    uint64_t self = sheaf_owner_self();
    bool found = false;

    if (queue->delivery == SHEAF_DELIVER_ONCE)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "this queue was opened without acknowledgement");
    SHEAF_TRY(lock_queue(&queue->out.lock, SHEAF_FOREVER, error));
    for (uint64_t at = queue->out.head; at != queue->out.next;
         at += record_bytes(queue, record_size(queue, at)))
        if (load(owner_at(queue, at)) == self) {
            publish(owner_at(queue, at), done_mark);
            found = true;
        }
    bool moved = release_done(queue);
    sheaf_mutex_unlock(&queue->out.lock);
    if (!found)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the caller has nothing to be done with");
    if (moved)
        sheaf_eventcount_wake(&queue->emptied, INT_MAX);
    if (is_over(queue))
        sheaf_eventcount_wake(&queue->filled, INT_MAX);
    return SHEAF_OK;
}

sheaf_status sheaf_queue_join(sheaf_queue *queue, int64_t timeout_ms, sheaf_error *error)
{
    int64_t deadline = sheaf_deadline(timeout_ms);

    for (;;) {
        uint32_t seen = sheaf_eventcount_prepare(&queue->emptied);
        if (load(&queue->out.head) == load(&queue->in.tail))
            return SHEAF_OK;
        if (sheaf_roles_all_left(&queue->consumers))
            return sheaf_error_set(error, SHEAF_LOST,
                                   "messages are left and the consumers are gone");
        if (timeout_ms != 0)
            sheaf_eventcount_wait(&queue->emptied, seen, deadline);
        if (sheaf_deadline_passed(deadline) && load(&queue->out.head) != load(&queue->in.tail))
            return sheaf_error_set(error, SHEAF_TIMEOUT, "%zu messages are not done",
                                   sheaf_queue_length(queue));
        /* A dead consumer's messages count as lost even if nobody gets any more. */
        if (queue->delivery == SHEAF_DELIVER_OR_COUNT &&
            lock_queue(&queue->out.lock, 0, NULL) == SHEAF_OK) {
            next_orphan(queue);
            sheaf_mutex_unlock(&queue->out.lock);
        }
    }
}

bool sheaf_queue_ready(sheaf_queue *queue)
{
    if (!is_finished(queue) && is_empty(queue) && sheaf_roles_all_left(&queue->producers))
        end_stream(queue);
    return !is_empty(queue) || is_over(queue);
}

size_t sheaf_queue_length(sheaf_queue *queue)
{
    size_t count = 0;

    if (queue->stride)
        return (size_t)((load(&queue->in.tail) - load(&queue->out.head)) / queue->stride);
    /* Counted, not kept: a counter beside `tail` would be wrong after a kill between the two. */
    if (lock_queue(&queue->out.lock, SHEAF_FOREVER, NULL) != SHEAF_OK)
        return 0;
    uint64_t tail = load(&queue->in.tail);
    for (uint64_t at = queue->out.head; at != tail; count++)
        at += record_bytes(queue, record_size(queue, at));
    sheaf_mutex_unlock(&queue->out.lock);
    return count;
}

uint64_t sheaf_queue_lost(const sheaf_queue *queue)
{
    return load(&queue->out.lost);
}

uint64_t sheaf_queue_again(const sheaf_queue *queue)
{
    return load(&queue->out.again);
}
