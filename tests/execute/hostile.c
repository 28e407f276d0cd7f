/* hostile.c - whatever a worker writes into its memory, the answer is right or there is none */
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tree.h"

static const struct sheaf_execution_options forked = {
    .kind = SHEAF_FORK, .workers = 2, .retries = -1};

/* What to do to the own slot; then the worker sits and waits, as if nothing had been. */
enum mischief {
    GARBAGE_EVERYWHERE,
    FOREIGN_TICKET,
    GARBAGE_REPLY,
    OUTSIDE,
    BELOW_TOP,
    TOO_LARGE,
    CROOKED,
    WRAPPING,
    ZERO_OFFSET,
    UNKNOWN_STATUS,
    MISCHIEFS
};

static enum mischief mischief;
static uint32_t times; /* of the first attempts at the chosen node */

static struct sheaf_reply sealed_lie(struct sheaf_workplace *place, enum mischief kind)
{
    uint64_t end = place->execution->arenas[place->index].size;
    struct sheaf_reply reply = {
        .ticket = place->slot->asked, .offset = place->base, .size = 64, .status = SHEAF_OK};

    switch (kind) {
    case OUTSIDE:
        reply.offset = end + 64;
        break;
    case BELOW_TOP:
        reply.offset = 64;
        break;
    case TOO_LARGE:
        reply.size = end;
        break;
    case CROOKED:
        reply.offset += 8;
        break;
    case WRAPPING:
        reply.size = UINT64_MAX - reply.offset + 100;
        break;
    case ZERO_OFFSET:
        reply.offset = 0;
        break;
    case UNKNOWN_STATUS:
        reply.status = (sheaf_status)-77;
        break;
    default:
        break;
    }
    reply.reach = UINT64_MAX;
    return reply;
}

static void do_mischief(struct tree *tree, struct sheaf_workplace *place, int node,
                        enum tree_moment moment)
{
    struct sheaf_slot *slot = place->slot;
    uint64_t ticket = slot->asked;
    struct sheaf_reply reply;

    if (node != tree->leaves + 3 || moment != TREE_WRITTEN || tree->shared->attempts[node] > times)
        return;
    switch (mischief) {
    case GARBAGE_EVERYWHERE:
        memset(slot, 0xA5, SHEAF_SLOT_BYTES);
        break;
    case FOREIGN_TICKET:
        __atomic_store_n(&slot->published, ticket + 1, __ATOMIC_RELEASE);
        break;
    case GARBAGE_REPLY:
        memset(&slot->reply, 0x5A, sizeof slot->reply);
        __atomic_store_n(&slot->published, ticket, __ATOMIC_RELEASE);
        break;
    default:
        reply = sealed_lie(place, mischief);
        sheaf_slot_publish(slot, &reply);
    }
    sheaf_execution_wake(place->execution);
    for (;;)
        sleep_us(1000000);
}

static void lies_in_the_slot_cost_a_retry(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.accident = do_mischief;
    times = 1;
    for (int kind = 0; kind < MISCHIEFS; kind++) {
        mischief = (enum mischief)kind;
        UNIT_OK(tree_run(&tree, forked, &error), &error);
        CU_ASSERT_EQUAL(tree.answer, tree_expected(8));
        CU_ASSERT_EQUAL(tree.commits, 15);
        CU_ASSERT_EQUAL(tree.most_attempts, 2);
    }
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

static void notorious_liar_is_given_up(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.accident = do_mischief;
    times = 1000;
    mischief = TOO_LARGE;
    CU_ASSERT_EQUAL(tree_run(&tree, forked, &error), SHEAF_LOST);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "overwrote its own records"));
    CU_ASSERT_EQUAL(tree.shared->attempts[11], 4);
    tree_close(&tree);
}

/* The slot is garbage, and then the task goes on to its end and publishes as usual. */
static void scribble_and_go_on(struct tree *tree, struct sheaf_workplace *place, int node,
                               enum tree_moment moment)
{
    (void)tree;
    if (moment == TREE_HALF && node % 4 == 1)
        memset(place->slot, 0x11 * (1 + node % 15), SHEAF_SLOT_BYTES);
}

static void worker_that_scribbles_and_goes_on_does_no_harm(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 32);
    tree.accident = scribble_and_go_on;
    for (int run = 0; run < 5; run++) {
        sheaf_status status = tree_run(&tree, forked, &error);
        CU_ASSERT(status == SHEAF_OK || status == SHEAF_LOST);
        if (status == SHEAF_OK)
            CU_ASSERT_EQUAL(tree.answer, tree_expected(32));
    }
    CU_ASSERT_FALSE(has_children());
    tree_close(&tree);
}

/* A stray pointer of one worker can not reach what another one published. */
static void write_to_siblings(struct tree *tree, struct sheaf_workplace *place, int node,
                              enum tree_moment moment)
{
    if (moment != TREE_BEGIN || tree->shared->attempts[node] > 1 || node >= tree->leaves)
        return;
    for (int i = 0; i < place->execution->workers; i++)
        if (i != place->index)
            memset(place->execution->arenas[i].bytes + SHEAF_SLOT_BYTES, 0xEE, 100);
}

static void write_to_sibling_slots(struct tree *tree, struct sheaf_workplace *place, int node,
                                   enum tree_moment moment)
{
    if (moment != TREE_BEGIN || tree->shared->attempts[node] > 1)
        return;
    for (int i = 0; i < place->execution->workers; i++)
        if (i != place->index)
            memset(place->execution->arenas[i].bytes, 0xEE, SHEAF_SLOT_BYTES);
}

static void siblings_are_out_of_reach(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.accident = write_to_siblings;
    UNIT_OK(tree_run(&tree, forked, &error), &error);
    CU_ASSERT_EQUAL(tree.answer, tree_expected(8));
    for (int node = 1; node < 8; node++)
        CU_ASSERT_EQUAL(tree.shared->attempts[node], 2); /* each died of it once */
    tree.accident = write_to_sibling_slots;
    UNIT_OK(tree_run(&tree, forked, &error), &error);
    CU_ASSERT_EQUAL(tree.answer, tree_expected(8));
    tree_close(&tree);
}

static void close_everything(struct tree *tree, struct sheaf_workplace *place, int node,
                             enum tree_moment moment)
{
    (void)tree;
    (void)place;
    (void)node;
    if (moment == TREE_BEGIN)
        for (int fd = 0; fd < 64; fd++)
            close(fd);
}

/* Without the descriptor that wakes us the coordinator still looks ten times a second. */
static void worker_that_closes_its_descriptors_is_still_heard(void)
{
    struct sheaf_execution_options options = forked;
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 2);
    tree.accident = close_everything;
    UNIT_OK(tree_run(&tree, options, &error), &error);
    CU_ASSERT_EQUAL(tree.answer, tree_expected(2));
    tree_close(&tree);
}

static void ring_without_end(struct tree *tree, struct sheaf_workplace *place, int node,
                             enum tree_moment moment)
{
    (void)tree;
    if (moment == TREE_BEGIN && node % 2)
        for (int i = 0; i < 20000; i++)
            sheaf_execution_wake(place->execution);
    if (moment == TREE_BEGIN)
        eventfd_write(place->execution->wake, UINT64_MAX - 1);
}

static void false_alarms_do_no_harm(void)
{
    struct tree tree;
    sheaf_error error;

    tree_open(&tree, 8);
    tree.accident = ring_without_end;
    UNIT_OK(tree_run(&tree, forked, &error), &error);
    CU_ASSERT_EQUAL(tree.answer, tree_expected(8));
    tree_close(&tree);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(lies_in_the_slot_cost_a_retry),
        UNIT(notorious_liar_is_given_up),
        UNIT(worker_that_scribbles_and_goes_on_does_no_harm),
        UNIT(siblings_are_out_of_reach),
        UNIT(worker_that_closes_its_descriptors_is_still_heard),
        UNIT(false_alarms_do_no_harm),
        {0},
    };

    return unit_run("execute_hostile", tests);
}
