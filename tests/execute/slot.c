/* slot.c - a reply is there as a whole or not at all, and stray bytes are none */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "execute/slot.h"
#include "unit.h"

static struct sheaf_slot *open_slot(void)
{
    struct sheaf_slot *slot = aligned_alloc(64, (sizeof *slot + 63) / 64 * 64);

    CU_ASSERT_PTR_NOT_NULL_FATAL(slot);
    sheaf_slot_clear(slot);
    return slot;
}

/* The worker's loop, here as a thread, so that a race would be seen by a race detector. */
static void *echo(void *argument)
{
    struct sheaf_slot *slot = argument;
    struct sheaf_order order;
    struct sheaf_reply reply = {0};
    uint64_t last = 0;

    while (sheaf_slot_take(slot, last, &order)) {
        last = order.ticket;
        reply.ticket = order.ticket;
        reply.offset = order.task.id * 64;
        reply.size = order.task.size;
        reply.status = order.task.id % 3 ? SHEAF_OK : SHEAF_REFUSED;
        memcpy(reply.summary, order.task.bytes, sizeof reply.summary);
        sheaf_error_set(&reply.error, SHEAF_REFUSED, "task %llu",
                        (unsigned long long)order.task.id);
        sheaf_slot_publish(slot, &reply);
    }
    return NULL;
}

static void orders_and_replies_go_through_unharmed(void)
{
    struct sheaf_slot *slot = open_slot();
    struct sheaf_order order = {.ticket = 0};
    struct sheaf_reply reply;
    pthread_t worker;
    int mistakes = 0;
    uint64_t before = 0;

    CU_ASSERT_EQUAL_FATAL(pthread_create(&worker, NULL, echo, slot), 0);
    for (uint64_t i = 1; i <= 5000; i++) {
        order.ticket = i * 7;
        order.task.id = i;
        order.task.size = (uint32_t)(i * 31 % (SHEAF_TASK_BYTES + 1));
        memset(order.task.bytes, (int)(i & 0x7F), sizeof order.task.bytes);
        sheaf_slot_ask(slot, &order);
        enum sheaf_slot_news news;
        while ((news = sheaf_slot_look(slot, before, order.ticket, &reply)) == SHEAF_SLOT_QUIET)
            sched_yield();
        before = order.ticket;
        mistakes +=
            news != SHEAF_SLOT_PUBLISHED || reply.offset != i * 64 || reply.size != order.task.size;
        mistakes += order.task.size > 0 && reply.summary[0] != (char)(i & 0x7F);
        mistakes += reply.status != (i % 3 ? SHEAF_OK : SHEAF_REFUSED);
        mistakes += (i % 3 == 0) != (strncmp(reply.error.message, "task ", 5) == 0);
    }
    CU_ASSERT_EQUAL(mistakes, 0);
    sheaf_slot_dismiss(slot);
    pthread_join(worker, NULL);
    free(slot);
}

static void publish_one(struct sheaf_slot *slot, sheaf_status status)
{
    struct sheaf_reply reply = {.ticket = 77, .offset = 64, .size = 128, .status = status};

    strcpy(reply.summary, "summary");
    strcpy(reply.error.message, "message");
    sheaf_slot_publish(slot, &reply);
}

static void each_changed_byte_of_a_reply_is_noticed(void)
{
    struct sheaf_slot *slot = open_slot();
    struct sheaf_reply reply;
    int believed = 0;

    publish_one(slot, SHEAF_REFUSED);
    unsigned char *bytes = (unsigned char *)&slot->reply;
    for (size_t i = 0; i < sizeof slot->reply; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            enum sheaf_slot_news news = sheaf_slot_look(slot, 0, 77, &reply);
            /* The status says how much is sealed: one that becomes 0 seals less, but differently.
             */
            believed += news != SHEAF_SLOT_DAMAGED;
            bytes[i] ^= (unsigned char)(1 << bit);
        }
    CU_ASSERT_EQUAL(believed, 0);
    CU_ASSERT_EQUAL(sheaf_slot_look(slot, 0, 77, &reply), SHEAF_SLOT_PUBLISHED);
    free(slot);
}

static void foreign_ticket_is_damage_not_news(void)
{
    struct sheaf_slot *slot = open_slot();
    struct sheaf_reply reply;

    publish_one(slot, SHEAF_OK);
    CU_ASSERT_EQUAL(sheaf_slot_look(slot, 0, 78, &reply), SHEAF_SLOT_DAMAGED);
    CU_ASSERT_EQUAL(sheaf_slot_look(slot, 77, 78, &reply), SHEAF_SLOT_QUIET);
    slot->published = 78; /* as if the next task were done already */
    CU_ASSERT_EQUAL(sheaf_slot_look(slot, 77, 78, &reply), SHEAF_SLOT_DAMAGED);
    free(slot);
}

static void unknown_status_is_damage_even_if_sealed(void)
{
    struct sheaf_slot *slot = open_slot();
    struct sheaf_reply reply;

    publish_one(slot, (sheaf_status)4711);
    CU_ASSERT_EQUAL(sheaf_slot_look(slot, 0, 77, &reply), SHEAF_SLOT_DAMAGED);
    publish_one(slot, (sheaf_status)-1);
    CU_ASSERT_EQUAL(sheaf_slot_look(slot, 0, 77, &reply), SHEAF_SLOT_DAMAGED);
    free(slot);
}

static void texts_without_an_end_are_ended(void)
{
    struct sheaf_slot *slot = open_slot();
    struct sheaf_reply reply = {.ticket = 5, .status = SHEAF_REFUSED};

    memset(reply.error.message, 'x', sizeof reply.error.message);
    memset(reply.error.help, 'y', sizeof reply.error.help);
    sheaf_slot_publish(slot, &reply);
    CU_ASSERT_EQUAL(sheaf_slot_look(slot, 0, 5, &reply), SHEAF_SLOT_PUBLISHED);
    CU_ASSERT_EQUAL(strlen(reply.error.message), sizeof reply.error.message - 1);
    CU_ASSERT_EQUAL(strlen(reply.error.help), sizeof reply.error.help - 1);
    free(slot);
}

/* A worker whose own memory is damaged must not work with it. */
static void damaged_order_ends_the_worker(void)
{
    for (int what = 0; what < 3; what++) {
        struct sheaf_slot *slot = open_slot();
        struct sheaf_order order = {.ticket = 9, .task = {.size = 100}};
        int status = 0;

        sheaf_slot_ask(slot, &order);
        if (what == 0)
            slot->order.task.bytes[50] ^= 1;
        else if (what == 1)
            slot->order.task.size = UINT32_MAX;
        else
            slot->asked = 10;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            sheaf_slot_take(slot, 0, &order);
            _exit(0);
        }
        waitpid(child, &status, 0);
        CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        free(slot);
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(orders_and_replies_go_through_unharmed),
        UNIT(each_changed_byte_of_a_reply_is_noticed),
        UNIT(foreign_ticket_is_damage_not_news),
        UNIT(unknown_status_is_damage_even_if_sealed),
        UNIT(texts_without_an_end_are_ended),
        UNIT(damaged_order_ends_the_worker),
        {0},
    };

    return unit_run("execute_slot", tests);
}
