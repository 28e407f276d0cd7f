/*
 * equals.c - symmetric multiprocessing: equals draw work from shared memory
 *
 * Nobody plans.  Each process takes the next number from a shared counter and
 * adds what it found to a shared sum; all meet at a barrier, and one of them,
 * whichever came last, says the result.
 */
#include <stdio.h>

#include <sheaf/process.h>
#include <sheaf/shared.h>

enum { EQUALS = 3, LAST = 20000 };

struct table {
    sheaf_counter next, primes;
    sheaf_barrier end;
};

static int is_prime(int64_t n)
{
    for (int64_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return n > 1;
}

static sheaf_status take_part(void *argument, sheaf_error *error)
{
    struct table *table = *(struct table **)argument;
    int64_t n;
    bool last;

    while ((n = sheaf_counter_add(&table->next, 1)) <= LAST)
        sheaf_counter_add(&table->primes, is_prime(n));
    SHEAF_TRY(sheaf_barrier_wait(&table->end, &last, 10000, error));
    if (last)
        printf("%lld primes up to %d\n", (long long)sheaf_counter_get(&table->primes), LAST);
    return SHEAF_OK;
}

int main(void)
{
    sheaf_error error = {0};
    struct table *table = sheaf_shared_value(struct table, &error);
    sheaf_process *others[EQUALS - 1] = {NULL};
    sheaf_status status = table ? sheaf_barrier_init(&table->end, EQUALS, &error) : SHEAF_NO_MEMORY;

    for (int i = 0; i < EQUALS - 1 && status == SHEAF_OK; i++)
        status = sheaf_process_start(NULL, take_part, &table, sizeof table, &others[i], &error);
    if (status == SHEAF_OK)
        status = take_part(&table, &error); /* the one who started them is an equal, too */
    for (int i = 0; i < EQUALS - 1; i++) {
        if (status == SHEAF_OK)
            status = sheaf_process_join(others[i], 10000, &error);
        sheaf_process_close(others[i]);
    }
    if (status != SHEAF_OK)
        fprintf(stderr, "equals: %s\n", error.message);
    return status != SHEAF_OK || sheaf_counter_get(&table->primes) != 2262;
}
