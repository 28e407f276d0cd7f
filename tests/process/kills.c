/*
 * kills.c - nobody waits for the dead
 *
 * A stage holds one object; three actors play on it, one of them the victim.  It
 * is killed, or stopped and continued, at a random moment, again and again; the
 * others, who wait without a time-out, must go on within 5 seconds, and what
 *  * they see must be whole; and nothing may grow: descriptors, children, mappings,
 * memory, in us and in those who go on.  SHEAF_KILLS sets the kills for each cell.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sheaf/manager.h>
#include <sheaf/pool.h>
#include <sheaf/process.h>
#include <sheaf/queue.h>
#include <sheaf/shared.h>

#include "base/clock.h"
#include "process/shared_heap.h"
#include "unit.h"

enum { ACTORS = 3, WARM = 5 /* kills, after which everything has been used */ };

struct stage {
    sheaf_mutex mutex;
    sheaf_condition condition;
    sheaf_event event;
    sheaf_semaphore semaphore;
    sheaf_barrier barrier;
    sheaf_queue *queue;
    sheaf_pipe ends[2];
    int64_t sent, received; /* the last numbers along the pipe */
    int64_t a, b;           /* equal unless someone died in between */
    sheaf_counter inside;   /* of those who hold a token, alive */
    sheaf_counter torn;     /* something that must never be seen */
    sheaf_counter told;     /* abandoned, broken: deaths that were reported */
    sheaf_counter returns[ACTORS];
    uint64_t seed;
    char manager[300];
};

typedef void (*role)(struct stage *stage, int actor, sheaf_error *error);

struct actor {
    struct stage *stage;
    role play;
    int number;
};

static void nap_us(long us)
{
    struct timespec span = {0, us * 1000};
    nanosleep(&span, NULL);
}

static sheaf_status act(void *argument, sheaf_error *error)
{
    const struct actor *actor = argument;

    for (;;) {
        actor->play(actor->stage, actor->number, error);
        sheaf_counter_add(&actor->stage->returns[actor->number], 1);
    }
    return SHEAF_OK;
}

/* -- the roles --------------------------------------------------------------------------- */

static void note(struct stage *stage, sheaf_status status)
{
    if (status == SHEAF_ABANDONED || status == SHEAF_BROKEN)
        sheaf_counter_add(&stage->told, 1);
    else if (status != SHEAF_OK)
        sheaf_counter_add(&stage->torn, 1);
}

static void lock_and_count(struct stage *stage, long hold_us, sheaf_error *error)
{
    sheaf_status status = sheaf_mutex_lock(&stage->mutex, SHEAF_FOREVER, error);

    note(stage, status);
    if (status == SHEAF_ABANDONED)
        stage->b = stage->a;
    if (stage->a != stage->b)
        sheaf_counter_add(&stage->torn, 1);
    stage->a++;
    if (hold_us)
        nap_us(hold_us);
    stage->b++;
    sheaf_mutex_unlock(&stage->mutex);
}

static void hold_shortly(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    lock_and_count(stage, 0, error);
}

static void hold_long(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    lock_and_count(stage, 300, error);
}

static void hold_token(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    note(stage, sheaf_semaphore_acquire(&stage->semaphore, SHEAF_FOREVER, error));
    nap_us(100);
    if (sheaf_semaphore_release(&stage->semaphore, error) != SHEAF_OK)
        sheaf_counter_add(&stage->torn, 1);
}

static void give_signal(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    if (sheaf_semaphore_value(&stage->semaphore) < 100)
        note(stage, sheaf_semaphore_release(&stage->semaphore, error));
    else
        nap_us(100);
}

static void take_signal(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    note(stage, sheaf_semaphore_acquire(&stage->semaphore, SHEAF_FOREVER, error));
}

static void set_event(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor, (void)error;
    sheaf_event_promise(&stage->event, true);
    sheaf_event_set(&stage->event);
    nap_us(100);
    sheaf_event_clear(&stage->event);
    nap_us(100);
}

static void await_event(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    note(stage, sheaf_event_wait(&stage->event, SHEAF_FOREVER, error));
    nap_us(50);
}

static void signal_condition(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    sheaf_condition_promise(&stage->condition, true);
    note(stage, sheaf_mutex_lock(&stage->mutex, SHEAF_FOREVER, error));
    stage->a++;
    if (stage->a % 2)
        sheaf_condition_wake_all(&stage->condition);
    else
        sheaf_condition_wake_one(&stage->condition);
    sheaf_mutex_unlock(&stage->mutex);
    nap_us(50);
}

static void await_condition(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    sheaf_status status = sheaf_mutex_lock(&stage->mutex, SHEAF_FOREVER, error);
    note(stage, status);
    note(stage, sheaf_condition_wait(&stage->condition, &stage->mutex, SHEAF_FOREVER, error));
    sheaf_mutex_unlock(&stage->mutex);
}

static void meet(struct stage *stage, int actor, sheaf_error *error)
{
    (void)actor;
    sheaf_status status = sheaf_barrier_wait(&stage->barrier, NULL, SHEAF_FOREVER, error);
    note(stage, status);
    if (status == SHEAF_BROKEN)
        nap_us(1000);
}

enum { MESSAGE = 1500 };

static void put_message(struct stage *stage, int actor, sheaf_error *error)
{
    static unsigned char message[MESSAGE], fill;
    size_t size = MESSAGE;

    (void)actor;
    fill++;
    if (stage->seed & 1) /* sizes vary */
        size = 1 + fill * 5u;
    memset(message, fill, size);
    note(stage, sheaf_queue_put(stage->queue, message, size, SHEAF_FOREVER, error));
}

static void get_message(struct stage *stage, int actor, sheaf_error *error)
{
    static unsigned char message[MESSAGE];
    size_t size = 0;

    (void)actor;
    note(stage,
         sheaf_queue_get(stage->queue, message, sizeof message, &size, SHEAF_FOREVER, error));
    if (size == 0 || (stage->seed & 1 && size != 1 + message[0] * 5u))
        sheaf_counter_add(&stage->torn, 1);
    for (size_t i = 1; i < size; i++)
        if (message[i] != message[0]) {
            sheaf_counter_add(&stage->torn, 1);
            break;
        }
}

static void get_and_do(struct stage *stage, int actor, sheaf_error *error)
{
    get_message(stage, actor, error);
    nap_us(50);
    sheaf_queue_done(stage->queue, error);
}

static void lock_at_manager(struct stage *stage, int actor, sheaf_error *error)
{
    static sheaf_manager *manager;

    (void)actor;
    if (!manager && sheaf_manager_connect(stage->manager, NULL, &manager, error) != SHEAF_OK) {
        sheaf_counter_add(&stage->torn, 1);
        return;
    }
    note(stage, sheaf_manager_lock(manager, "door", SHEAF_FOREVER, error));
    stage->a++;
    nap_us(100);
    if (sheaf_manager_unlock(manager, "door", error) != SHEAF_OK)
        sheaf_counter_add(&stage->torn, 1);
}

static void send_numbered(struct stage *stage, int actor, sheaf_error *error)
{
    static unsigned char message[MESSAGE * 4];
    int64_t number = ++stage->sent;
    size_t size = 8 + (size_t)(number * 7919 % (number % 2 ? 100 : MESSAGE * 4 - 8));

    (void)actor;
    memset(message, (int)(number & 255), size);
    memcpy(message, &number, 8);
    note(stage, sheaf_pipe_send(&stage->ends[1], message, size, SHEAF_FOREVER, error));
    if (number % 5 == 0)
        nap_us(30); /* let the receiver wait, so that some are handed over directly */
}

/* What came later is numbered higher; only what a dead receiver did not finish comes twice. */
static void receive_numbered(struct stage *stage, int actor, sheaf_error *error)
{
    static unsigned char message[MESSAGE * 4];
    int64_t number = 0;
    size_t size = 0;

    (void)actor;
    note(stage,
         sheaf_pipe_receive(&stage->ends[0], message, sizeof message, &size, SHEAF_FOREVER, error));
    memcpy(&number, message, 8);
    bool whole = size == 8 + (size_t)(number * 7919 % (number % 2 ? 100 : MESSAGE * 4 - 8));
    for (size_t i = 8; i < size; i++)
        whole = whole && message[i] == (number & 255);
    if (!whole || number < stage->received)
        sheaf_counter_add(&stage->torn, 1);
    stage->received = number;
}

static sheaf_status square(const void *input, void *output, sheaf_error *error)
{
    int64_t number;

    (void)error;
    memcpy(&number, input, sizeof number);
    number *= number;
    memcpy(output, &number, sizeof number);
    return SHEAF_OK;
}

static void take_from_pool(struct stage *stage, int actor, sheaf_error *error)
{
    static sheaf_pool *pool;
    sheaf_pool_options options = {.struct_size = sizeof options, .workers = 2};
    int64_t in[50], out[50];
    sheaf_map map = {sizeof map, square, in, sizeof *in, out, sizeof *out, 50, 0, NULL, 0};

    for (int i = 0; i < 50; i++)
        in[i] = i + actor;
    if (!pool)
        note(stage, sheaf_pool_open(&options, &pool, error));
    note(stage, sheaf_pool_map(pool, &map, error));
    for (int i = 0; i < 50; i++)
        if (out[i] != in[i] * in[i])
            sheaf_counter_add(&stage->torn, 1);
}

/* -- what is left behind ------------------------------------------------------------------------
 */

struct belongings {
    int descriptors, children, mappings;
    size_t heap_bytes;
    long resident_kb;
};

/* The quarantine of AddressSanitizer counts as memory. */
#ifdef __SANITIZE_ADDRESS__
enum { RESIDENT_SLACK_KB = 65536 };
#else
enum { RESIDENT_SLACK_KB = 2048 };
#endif

static int count_entries(int id, const char *folder)
{
    char path[128];
    int count = 0;

    snprintf(path, sizeof path, "/proc/%d/%s", id, folder);
    DIR *open = opendir(path);
    while (open && readdir(open))
        count++;
    if (open)
        closedir(open);
    return count;
}

static int count_in_file(int id, const char *file, char what)
{
    char path[128];
    int count = 0, byte;

    snprintf(path, sizeof path, "/proc/%d/%s", id, file);
    FILE *open = fopen(path, "r");
    while (open && (byte = getc(open)) != EOF)
        count += byte == what;
    if (open)
        fclose(open);
    return count;
}

static struct belongings look_at(int id)
{
    struct belongings belongings = {.descriptors = count_entries(id, "fd"),
                                    .mappings = count_in_file(id, "maps", '\n'),
                                    .heap_bytes = sheaf_shared_used()};
    char folder[32], path[64];
    long size, resident = 0;

    snprintf(folder, sizeof folder, "task/%d/children", id);
    belongings.children = count_in_file(id, folder, ' ');
    snprintf(path, sizeof path, "/proc/%d/statm", id);
    FILE *open = fopen(path, "r");
    if (open) {
        if (fscanf(open, "%ld %ld", &size, &resident) != 2)
            resident = 0;
        fclose(open);
    }
    belongings.resident_kb = resident * (sysconf(_SC_PAGESIZE) / 1024);
    return belongings;
}

/* A process killed while it cuts a block of the heap leaks that one; 64 KB are many of these. */
static void nothing_has_grown(const char *who, const char *cell, struct belongings before,
                              struct belongings after)
{
    bool good = after.descriptors <= before.descriptors && after.children <= before.children &&
                after.mappings <= before.mappings + 4 &&
                after.heap_bytes <= before.heap_bytes + 65536 &&
                after.resident_kb <= before.resident_kb + RESIDENT_SLACK_KB;

    CU_ASSERT(good);
    if (!good)
        printf("\n%s, %s: %d -> %d descriptors, %d -> %d children, %d -> %d mappings, "
               "%zu -> %zu bytes shared, %ld -> %ld KB resident\n",
               cell, who, before.descriptors, after.descriptors, before.children, after.children,
               before.mappings, after.mappings, before.heap_bytes, after.heap_bytes,
               before.resident_kb, after.resident_kb);
}

/* -- the play -------------------------------------------------------------------------------- */

static sheaf_process *enter(struct stage *stage, role play, int number)
{
    sheaf_error error = {0};
    sheaf_process *process = NULL;
    struct actor actor = {stage, play, number};
    int keep[2] = {stage->ends[0].fd, stage->ends[1].fd};
    sheaf_process_options options = {
        .struct_size = sizeof options, .keep = keep, .keep_count = keep[0] > 0 ? 2 : 0};

    UNIT_OK(sheaf_process_start(&options, act, &actor, sizeof actor, &process, &error), &error);
    return process;
}

/* Whether these actors come round `times` more times within 5 seconds. */
static bool get_on(struct stage *stage, int first, int last, int times)
{
    int64_t target[ACTORS], end = sheaf_clock_ns() + 5000000000;

    for (int i = first; i <= last; i++)
        target[i] = sheaf_counter_get(&stage->returns[i]) + times;
    for (int i = first; i <= last; i++)
        while (sheaf_counter_get(&stage->returns[i]) < target[i]) {
            if (sheaf_clock_ns() > end)
                return false;
            nap_us(100);
        }
    return true;
}

struct cell {
    const char *name;
    role victim, first, second;
    bool barrier;
    long gap_us; /* from a death to the next victim */
};

static int kills_wanted(void)
{
    const char *wish = getenv("SHEAF_KILLS");

    return wish && atoi(wish) > WARM ? atoi(wish) : 20;
}

static void play(struct stage *stage, const struct cell *cell)
{
    struct unit_random random = {stage->seed + 17};
    sheaf_process *victim = enter(stage, cell->victim, 0);
    sheaf_process *first = enter(stage, cell->first, 1);
    sheaf_process *second = enter(stage, cell->second, 2);
    struct belongings before[3] = {{0}};
    int ids[3] = {(int)getpid(), sheaf_process_id(first), sheaf_process_id(second)};
    int hangs = 0, kills = kills_wanted();

    for (int i = 0; i < kills && hangs == 0; i++) {
        hangs += !get_on(stage, 0, 2, 2);
        for (int k = 0; k < 3 && i == WARM; k++)
            before[k] = look_at(ids[k]);
        nap_us((long)unit_random_below(&random, 500));
        sheaf_process_signal(victim, SIGKILL);
        sheaf_process_close(victim);
        nap_us(cell->gap_us);
        if (cell->barrier) {
            int64_t told = sheaf_counter_get(&stage->told);
            int64_t end = sheaf_clock_ns() + 5000000000;
            while (sheaf_counter_get(&stage->told) < told + 4 && sheaf_clock_ns() < end)
                nap_us(200);
            hangs += sheaf_clock_ns() >= end;
            nap_us(2000);
            sheaf_barrier_reset(&stage->barrier);
        }
        victim = enter(stage, cell->victim, 0);
    }
    CU_ASSERT_EQUAL(hangs, 0);
    hangs += hangs == 0 && !get_on(stage, 0, 2, 2);
    for (int k = 0; k < 3 && hangs == 0; k++)
        nothing_has_grown(k ? "who goes on" : "we", cell->name, before[k], look_at(ids[k]));
    for (int i = 0; i < kills / 4 && hangs == 0; i++) {
        hangs += !get_on(stage, 0, 2, 2);
        sheaf_process_signal(victim, SIGSTOP);
        nap_us(2000);
        sheaf_process_signal(victim, SIGCONT);
    }
    hangs += hangs == 0 && !get_on(stage, 0, 2, 2);
    CU_ASSERT_EQUAL(hangs, 0);
    CU_ASSERT_EQUAL(sheaf_counter_get(&stage->torn), 0);
    if (hangs || sheaf_counter_get(&stage->torn))
        printf("\n%s: %d hangs, %lld torn, %lld told\n", cell->name, hangs,
               (long long)sheaf_counter_get(&stage->torn),
               (long long)sheaf_counter_get(&stage->told));
    sheaf_process_close(victim);
    sheaf_process_close(first);
    sheaf_process_close(second);
}

static struct stage *set_up(uint64_t seed)
{
    sheaf_error error = {0};
    struct stage *stage = sheaf_shared_value(struct stage, &error);

    stage->seed = seed;
    return stage;
}

static void mutex_outlives_its_holder(void)
{
    struct stage *stage = set_up(2);
    struct cell cell = {"mutex holder", hold_long, hold_shortly, hold_shortly, false, 0};

    play(stage, &cell);
    CU_ASSERT(sheaf_counter_get(&stage->told) > 0);
    sheaf_shared_free(stage);
}

static void mutex_outlives_its_waiters(void)
{
    struct stage *stage = set_up(4);
    struct cell cell = {"mutex waiter", hold_shortly, hold_long, hold_shortly, false, 0};

    play(stage, &cell);
    sheaf_shared_free(stage);
}

static void tokens_come_back_from_the_dead(void)
{
    struct stage *stage = set_up(6);
    struct cell cell = {"semaphore holder", hold_token, hold_token, hold_token, false, 0};

    CU_ASSERT_EQUAL(sheaf_semaphore_init(&stage->semaphore, 1, 1, NULL), SHEAF_OK);
    play(stage, &cell);
    CU_ASSERT(sheaf_counter_get(&stage->told) > 0);
    sheaf_shared_free(stage);
}

static void signalling_semaphore_survives_both_sides(void)
{
    struct stage *stage = set_up(8);
    struct cell giver = {"semaphore signaller", give_signal, give_signal, take_signal, false, 0};
    struct cell taker = {"semaphore waiter", take_signal, give_signal, take_signal, false, 0};

    CU_ASSERT_EQUAL(sheaf_semaphore_init(&stage->semaphore, 0, 0, NULL), SHEAF_OK);
    play(stage, &giver);
    play(stage, &taker);
    sheaf_shared_free(stage);
}

static void event_survives_setter_and_waiter(void)
{
    struct stage *stage = set_up(10);
    struct cell setter = {"event setter", set_event, await_event, await_event, false, 25000};
    struct cell waiter = {"event waiter", await_event, set_event, await_event, false, 0};

    play(stage, &setter);
    CU_ASSERT(sheaf_counter_get(&stage->told) > 0);
    sheaf_event_init(&stage->event);
    play(stage, &waiter);
    sheaf_shared_free(stage);
}

static void condition_survives_signaller_and_waiter(void)
{
    struct stage *stage = set_up(12);
    struct cell signaller = {
        "signaller", signal_condition, await_condition, await_condition, false, 0};
    struct cell waiter = {"condition waiter", await_condition, signal_condition,
                          await_condition,    false,           0};

    play(stage, &signaller);
    memset(&stage->mutex, 0, sizeof stage->mutex);
    sheaf_condition_init(&stage->condition);
    play(stage, &waiter);
    sheaf_shared_free(stage);
}

static void barrier_breaks_when_a_party_dies(void)
{
    struct stage *stage = set_up(14);
    struct cell cell = {"barrier", meet, meet, meet, true, 0};

    CU_ASSERT_EQUAL(sheaf_barrier_init(&stage->barrier, 3, NULL), SHEAF_OK);
    play(stage, &cell);
    CU_ASSERT(sheaf_counter_get(&stage->told) > 0);
    sheaf_shared_free(stage);
}

static void play_queue(size_t item, sheaf_delivery delivery, role get)
{
    struct stage *stage = set_up(item ? 16 : 17);
    sheaf_queue_options options = {.struct_size = sizeof options,
                                   .item_size = item,
                                   .capacity = item ? 20 : 30000,
                                   .delivery = delivery};
    struct cell producer = {"queue producer", put_message, put_message, get, false, 0};
    struct cell consumer = {"queue consumer", get, put_message, get, false, 0};
    sheaf_error error = {0};

    UNIT_OK(sheaf_queue_open(&options, &stage->queue, &error), &error);
    play(stage, &producer);
    play(stage, &consumer);
    sheaf_queue_close(stage->queue);
    sheaf_shared_free(stage);
}

static void queue_of_items_survives_both_sides(void)
{
    play_queue(MESSAGE, SHEAF_DELIVER_ONCE, get_message);
}

static void queue_of_messages_survives_both_sides(void)
{
    play_queue(0, SHEAF_DELIVER_ONCE, get_message);
}

static void queue_delivers_again_what_the_dead_had(void)
{
    play_queue(0, SHEAF_DELIVER_AGAIN, get_and_do);
    play_queue(MESSAGE, SHEAF_DELIVER_OR_COUNT, get_and_do);
}

static void manager_takes_locks_back(void)
{
    struct stage *stage = set_up(18);
    struct cell cell = {"manager", lock_at_manager, lock_at_manager, lock_at_manager, false, 0};
    sheaf_manager *manager = NULL;
    sheaf_error error = {0};

    UNIT_OK(sheaf_manager_start(NULL, &manager, &error), &error);
    snprintf(stage->manager, sizeof stage->manager, "%s", sheaf_manager_address(manager));
    play(stage, &cell);
    CU_ASSERT(sheaf_counter_get(&stage->told) > 0);
    sheaf_manager_close(manager);
    sheaf_shared_free(stage);
}

static void pipe_survives_both_sides(void)
{
    struct stage *stage = set_up(20);
    struct cell sender = {"pipe sender", send_numbered, receive_numbered, hold_shortly, false, 0};
    struct cell receiver = {
        "pipe receiver", receive_numbered, send_numbered, hold_shortly, false, 0};
    sheaf_error error = {0};

    UNIT_OK(sheaf_pipe_pair(false, stage->ends, &error), &error);
    play(stage, &sender);
    sheaf_pipe_close(&stage->ends[0]);
    sheaf_pipe_close(&stage->ends[1]);
    stage->sent = stage->received = 0;
    UNIT_OK(sheaf_pipe_pair(false, stage->ends, &error), &error);
    play(stage, &receiver);
    sheaf_pipe_close(&stage->ends[0]);
    sheaf_pipe_close(&stage->ends[1]);
    sheaf_shared_free(stage);
}

static void pool_goes_with_the_one_who_takes_from_it(void)
{
    struct stage *stage = set_up(22);
    struct cell cell = {"pool taker", take_from_pool, take_from_pool, hold_shortly, false, 0};

    play(stage, &cell);
    sheaf_shared_free(stage);
}

/* -- workers of a pool ----------------------------------------------------------------------------
 */

static sheaf_status count_up(void *context, void *input, sheaf_error *error)
{
    int64_t *next = context;

    (void)error;
    memcpy(input, next, sizeof *next);
    (*next)++;
    return SHEAF_OK;
}

/* Take that many outputs, each within 5 seconds.  False: one did not come, or a wrong one. */
static bool take_outputs(sheaf_stream *stream, int count, sheaf_error *error)
{
    for (int i = 0; i < count; i++) {
        sheaf_status outcome = SHEAF_OK;
        uint64_t index = 0, output = 0;
        if (sheaf_stream_next(stream, &index, &output, &outcome, 5000, error) != SHEAF_OK ||
            outcome != SHEAF_OK || output != index * index) {
            printf("\npool worker: output %llu: %s\n", (unsigned long long)index, error->message);
            return false;
        }
    }
    return true;
}

static void pool_outlives_its_workers(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = NULL;
    sheaf_stream *stream = NULL;
    int64_t next = 0;
    struct unit_random random = {23};
    struct belongings before = {0};
    sheaf_pool_options pool_options = {
        .struct_size = sizeof pool_options, .workers = 3, .attempts = 20};
    sheaf_stream_options options = {.struct_size = sizeof options,
                                    .task = square,
                                    .source = count_up,
                                    .context = &next,
                                    .input_size = 8,
                                    .output_size = 8,
                                    .window = 1024,
                                    .unordered = true};
    bool good = true;
    int kills = kills_wanted();

    UNIT_OK(sheaf_pool_open(&pool_options, &pool, &error), &error);
    UNIT_OK(sheaf_stream_open(pool, &options, &stream, &error), &error);
    for (int i = 0; i < kills * 5 / 4 && good; i++) {
        int victim = sheaf_pool_worker_id(pool, (int)unit_random_below(&random, 3));
        bool stop = i >= kills;
        uint64_t deaths = sheaf_pool_deaths(pool);
        if (i == WARM)
            before = look_at((int)getpid());
        nap_us((long)unit_random_below(&random, 200));
        if (victim > 0)
            kill(victim, stop ? SIGSTOP : SIGKILL);
        int64_t end = sheaf_clock_ns() + 5000000000;
        do { /* go on at least until the death was noticed */
            good = take_outputs(stream, 20 + (int)unit_random_below(&random, 100), &error);
            good = good && sheaf_clock_ns() < end;
        } while (good && !stop && victim > 0 && sheaf_pool_deaths(pool) == deaths);
        if (victim > 0 && stop)
            kill(victim, SIGCONT);
    }
    CU_ASSERT(good && take_outputs(stream, 2000, &error));
    CU_ASSERT(sheaf_pool_deaths(pool) >= (uint64_t)kills / 2);
    nothing_has_grown("we", "pool worker", before, look_at((int)getpid()));
    sheaf_stream_close(stream);
    UNIT_OK(sheaf_pool_close(pool, &error), &error);
}

/* -- a stopped holder ------------------------------------------------------------------------- */

struct held {
    sheaf_mutex mutex;
    sheaf_semaphore semaphore;
    sheaf_event ready;
};

static sheaf_status hold_both(void *argument, sheaf_error *error)
{
    struct held *held = *(struct held **)argument;

    SHEAF_TRY(sheaf_mutex_lock(&held->mutex, 0, error));
    SHEAF_TRY(sheaf_semaphore_acquire(&held->semaphore, 0, error));
    sheaf_event_set(&held->ready);
    raise(SIGSTOP);
    sheaf_mutex_unlock(&held->mutex);
    return sheaf_semaphore_release(&held->semaphore, error);
}

static void stopped_holder_makes_others_time_out_until_it_goes_on(void)
{
    sheaf_error error = {0};
    struct held *held = sheaf_shared_value(struct held, &error);
    sheaf_process *process = NULL;

    UNIT_OK(sheaf_semaphore_init(&held->semaphore, 1, 1, &error), &error);
    UNIT_OK(sheaf_process_start(NULL, hold_both, &held, sizeof held, &process, &error), &error);
    UNIT_OK(sheaf_event_wait(&held->ready, 5000, &error), &error);
    for (int i = 0; i < 1000 && !sheaf_process_stopped(process); i++)
        nap_us(1000);
    CU_ASSERT_EQUAL(sheaf_mutex_lock(&held->mutex, 60, &error), SHEAF_TIMEOUT);
    CU_ASSERT_EQUAL(sheaf_mutex_lock(&held->mutex, 0, &error), SHEAF_TIMEOUT);
    CU_ASSERT_EQUAL(sheaf_semaphore_acquire(&held->semaphore, 60, &error), SHEAF_TIMEOUT);
    sheaf_process_signal(process, SIGCONT);
    UNIT_OK(sheaf_mutex_lock(&held->mutex, 5000, &error), &error);
    UNIT_OK(sheaf_semaphore_acquire(&held->semaphore, 5000, &error), &error);
    UNIT_OK(sheaf_process_join(process, 5000, &error), &error);
    sheaf_process_close(process);
    sheaf_shared_free(held);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(mutex_outlives_its_holder),
        UNIT(mutex_outlives_its_waiters),
        UNIT(tokens_come_back_from_the_dead),
        UNIT(signalling_semaphore_survives_both_sides),
        UNIT(event_survives_setter_and_waiter),
        UNIT(condition_survives_signaller_and_waiter),
        UNIT(barrier_breaks_when_a_party_dies),
        UNIT(queue_of_items_survives_both_sides),
        UNIT(queue_of_messages_survives_both_sides),
        UNIT(queue_delivers_again_what_the_dead_had),
        UNIT(manager_takes_locks_back),
        UNIT(pipe_survives_both_sides),
        UNIT(pool_outlives_its_workers),
        UNIT(pool_goes_with_the_one_who_takes_from_it),
        UNIT(stopped_holder_makes_others_time_out_until_it_goes_on),
        {0},
    };
    int before = 0, after = 0;

    sheaf_shared_free(sheaf_shared_alloc(1, 1, NULL));
    for (int fd = 0; fd < 256; fd++)
        before += fcntl(fd, F_GETFD) >= 0;
    int result = unit_run("kills", tests);
    for (int fd = 0; fd < 256; fd++)
        after += fcntl(fd, F_GETFD) >= 0;
    if (after != before || sheaf_process_active(NULL, 0) != 0) {
        printf("left behind: %d descriptors, %zu processes\n", after - before,
               sheaf_process_active(NULL, 0));
        return 1;
    }
    return result;
}
