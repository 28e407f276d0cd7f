/*
 * direct.c - small messages of a pipe, handed over in shared memory: see direct.h
 *
 * A place is IDLE until its receiver makes it AWAITED; the sender takes it from
 * there to FILLING and FULL, the receiver from FULL to IDLE.  A receiver that has
 * waited long enough takes its word back.  If the sender is just FILLING, and does
 * not come to an end, because it is dead or stopped, the receiver makes the place
 * REVOKED: the sender, should it go on, finds that out and sends through the
 * socket.  Nobody else uses a place in that state: the sender may still write.
 */
#include <string.h>

#include "base/clock.h"
#include "process/direct.h"
#include "process/futex.h"
#include "process/shared_heap.h"

enum kind { IDLE, AWAITED, FILLING, FULL, REVOKED };
enum { PLACES = 64, KIND_BITS = 3 };
enum { FILLING_NS = 20000000 }; /* far beyond what copying takes */

struct sheaf_direct {
    uint64_t state __attribute__((aligned(64))); /* turn and kind; changed by comparing only */
    uint64_t sent; /* turn and number of messages put into the socket; the sender's */
    uint64_t size; /* of the message in `bytes` */
    uint64_t received __attribute__((aligned(64))); /* likewise taken out; the receiver's */
    unsigned char bytes[SHEAF_DIRECT_BYTES] __attribute__((aligned(64)));
};

struct table {
    uint64_t turns; /* handed out so far */
    struct sheaf_direct places[PLACES][2] __attribute__((aligned(64)));
};

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static bool change(uint64_t *word, uint64_t from, uint64_t to)
{
    return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static uint64_t state(const sheaf_pipe *pipe, enum kind kind)
{
    return (uint64_t)pipe->turn << KIND_BITS | kind;
}

static bool move(const sheaf_pipe *pipe, struct sheaf_direct *place, enum kind from, enum kind to)
{
    return change(&place->state, state(pipe, from), state(pipe, to));
}

static uint64_t count_of(const sheaf_pipe *pipe, uint64_t word)
{
    return word >> 32 == pipe->turn ? word & UINT32_MAX : UINT64_MAX;
}

/* Whether all that went into the socket came out; false, too, when the place has been lost. */
static bool is_drained(const sheaf_pipe *pipe, const struct sheaf_direct *place)
{
    uint64_t sent = load(&place->sent);

    return sent >> 32 == pipe->turn && load(&place->received) == sent;
}

/* Whether the place can be touched here: a descriptor that was passed on its own has none. */
static bool is_here(const struct sheaf_direct *place)
{
    return place && sheaf_shared_contains(place);
}

/* -- the two ends -------------------------------------------------------------------------- */

/* Take a place for a new turn, unless its old sender may be writing or a message lies there. */
static bool occupy(struct sheaf_direct *place, uint32_t turn)
{
    uint64_t old = load(&place->state);
    enum kind kind = (enum kind)(old & ((1 << KIND_BITS) - 1));

    if ((kind != IDLE && kind != AWAITED) ||
        !change(&place->state, old, (uint64_t)turn << KIND_BITS | IDLE))
        return false;
    __atomic_store_n(&place->sent, (uint64_t)turn << 32, __ATOMIC_SEQ_CST);
    __atomic_store_n(&place->received, (uint64_t)turn << 32, __ATOMIC_SEQ_CST);
    return true;
}

void sheaf_direct_join(sheaf_pipe ends[2])
{
    struct table *table = sheaf_shared_corner(sizeof *table);

    if (!table)
        return;
    uint32_t turn = (uint32_t)__atomic_add_fetch(&table->turns, 1, __ATOMIC_SEQ_CST);
    if (turn == 0) /* means that there is no place */
        return;
    for (int end = 0; end < 2; end++) {
        struct sheaf_direct *place = &table->places[turn % PLACES][end];
        ends[end].turn = turn;
        if (occupy(place, turn))
            ends[end].out = ends[1 - end].in = place;
    }
}

bool sheaf_direct_send(const sheaf_pipe *pipe, const void *bytes, size_t size)
{
    struct sheaf_direct *place = pipe->out;

    if (size > SHEAF_DIRECT_BYTES || !is_here(place) || !is_drained(pipe, place) ||
        !move(pipe, place, AWAITED, FILLING))
        return false;
    memcpy(place->bytes, bytes, size);
    place->size = size;
    if (move(pipe, place, FILLING, FULL))
        return true;
    move(pipe, place, REVOKED, IDLE); /* we were too slow: the socket, then */
    return false;
}

static void count(const sheaf_pipe *pipe, uint64_t *word, int amount)
{
    uint64_t old = load(word), number = count_of(pipe, old);

    if (number != UINT64_MAX)
        change(word, old, (uint64_t)pipe->turn << 32 | (uint32_t)(number + (uint64_t)amount));
}

void sheaf_direct_count_sent(const sheaf_pipe *pipe, int amount)
{
    if (is_here(pipe->out))
        count(pipe, &pipe->out->sent, amount);
}

void sheaf_direct_count_received(const sheaf_pipe *pipe)
{
    if (is_here(pipe->in))
        count(pipe, &pipe->in->received, 1);
}

bool sheaf_direct_ready(const sheaf_pipe *pipe, size_t *size)
{
    const struct sheaf_direct *place = pipe->in;

    if (!is_here(place) || load(&place->state) != state(pipe, FULL))
        return false;
    *size = place->size;
    return true;
}

/* No longer AWAITED.  True if a message came in the last moment. */
static bool take_word_back(const sheaf_pipe *pipe, struct sheaf_direct *place, size_t *size)
{
    int64_t end = 0;

    while (!move(pipe, place, AWAITED, IDLE)) {
        if (sheaf_direct_ready(pipe, size))
            return true;
        if (load(&place->state) != state(pipe, FILLING))
            return false; /* the place belongs to another pipe now */
        if (end == 0)
            end = sheaf_clock_ns() + FILLING_NS;
        else if (sheaf_clock_ns() > end && move(pipe, place, FILLING, REVOKED))
            return false;
        sheaf_give_way();
    }
    return false;
}

bool sheaf_direct_await(const sheaf_pipe *pipe, bool patient, size_t *size)
{
    struct sheaf_direct *place = pipe->in;

    if (!is_here(place))
        return false;
    if (patient && is_drained(pipe, place)) {
        /* It may be AWAITED already, by a receiver that was killed and whose place we take. */
        move(pipe, place, IDLE, AWAITED);
        for (int rounds = sheaf_spin_rounds(); rounds > 0 && is_drained(pipe, place); rounds--) {
            if (sheaf_direct_ready(pipe, size))
                return true;
            sheaf_give_way();
        }
    }
    /* Never leave it AWAITED: the message would lie here while we sleep at the socket. */
    return take_word_back(pipe, place, size);
}

void sheaf_direct_take(const sheaf_pipe *pipe, void *bytes, size_t size)
{
    memcpy(bytes, pipe->in->bytes, size);
    move(pipe, pipe->in, FULL, IDLE);
}
