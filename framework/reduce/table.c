/* table.c - a table's life, and its states: see table.h */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reduce/state.h"

/* `answer` has any number of rows for each key, so two of them do not fit side by side. */
static sheaf_status check_answers(const struct sheaf_aggregate *aggregate, sheaf_error *error)
{
    for (size_t i = 0; i < aggregate->count && aggregate->count > 1; i++)
        if (aggregate->bound[i].op->answer) {
            sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                            "%s answers in rows of its own, so it can not be asked together with "
                            "other operators (E217)",
                            aggregate->bound[i].name);
            if (error)
                error->code = 217;
            sheaf_error_help(error, "Ask for it alone.");
            return SHEAF_BAD_ARGUMENT;
        }
    return SHEAF_OK;
}

/* A table without key columns has its one state from the start. */
static sheaf_status begin_unkeyed(struct sheaf_table *table, uint64_t first_row, sheaf_error *error)
{
    struct sheaf_key key = {.first_row = first_row};
    uint32_t number;

    SHEAF_TRY(sheaf_keys_add(&table->keys, &key, &number, error));
    table->untouched = true;
    return sheaf_table_begin_states(table, true, error);
}

sheaf_status sheaf_table_open(const struct sheaf_table_plan *plan, struct sheaf_table **table,
                              sheaf_error *error)
{
    struct sheaf_table *opened = NULL;
    sheaf_status status;

    SHEAF_TRY(check_answers(plan->aggregate, error));
    SHEAF_TRY(sheaf_allocate(&opened, 1, sizeof *opened, error));
    opened->aggregate = plan->aggregate;
    opened->stride = plan->aggregate->stride ? plan->aggregate->stride : 16;
    opened->seed = plan->seed;
    opened->budget.limit = plan->memory_limit;
    status = sheaf_keys_init(&opened->keys, plan->key_kinds, plan->keys, plan->seed,
                             &opened->budget, error);
    if (status == SHEAF_OK)
        status = sheaf_fold_scratch_open(plan->aggregate, &opened->scratch, error);
    if (status == SHEAF_OK && plan->keys == 0)
        status = begin_unkeyed(opened, 0, error);
    if (status != SHEAF_OK) {
        sheaf_table_close(opened);
        return status;
    }
    *table = opened;
    return SHEAF_OK;
}

void sheaf_table_close(struct sheaf_table *table)
{
    if (!table)
        return;
    sheaf_fold_scratch_close(table->scratch);
    sheaf_heap_free(&table->heap);
    sheaf_budget_free(&table->budget, &table->states, &table->state_capacity, table->stride);
    sheaf_keys_destroy(&table->keys);
    free(table);
}

void sheaf_table_start(struct sheaf_table *table, uint64_t first_row)
{
    sheaf_keys_clear(&table->keys);
    table->state_count = 0;
    table->heap.size = 0;
    table->next_row = first_row;
    if (table->keys.mode == SHEAF_KEYS_NONE) {
        sheaf_status status = begin_unkeyed(table, first_row, NULL);

        assert(status == SHEAF_OK); /* opening made the room */
        (void)status;
    }
}

void sheaf_table_begin_state(const struct sheaf_table *table, size_t number)
{
    char *state = sheaf_table_state(table, number);

    memset(state, 0, table->stride);
    for (size_t i = 0; i < table->aggregate->count; i++) {
        const struct sheaf_bound *bound = &table->aggregate->bound[i];

        if (bound->op->begin)
            bound->op->begin(state + bound->state_offset, bound->options);
    }
}

sheaf_status sheaf_table_begin_states(struct sheaf_table *table, bool with_begin,
                                      sheaf_error *error)
{
    SHEAF_TRY(sheaf_budget_grow(&table->budget, &table->states, &table->state_capacity,
                                table->keys.count, table->stride, error));
    for (; table->state_count < table->keys.count; table->state_count++)
        if (with_begin)
            sheaf_table_begin_state(table, table->state_count);
    return SHEAF_OK;
}

/* What the arrays leave of the budget is the heap's; 0 would be no limit. */
static void limit_heap(struct sheaf_table *table)
{
    size_t limit = table->budget.limit;
    size_t arrays = table->budget.used - table->heap_counted;

    table->heap.limit = 0;
    if (limit)
        table->heap.limit = limit > arrays ? limit - arrays : 1;
}

static void count_heap(struct sheaf_table *table)
{
    table->budget.used += table->heap.capacity - table->heap_counted;
    table->heap_counted = table->heap.capacity;
}

sheaf_status sheaf_table_guard(struct sheaf_table *table,
                               sheaf_status (*body)(struct sheaf_table *table, void *argument,
                                                    sheaf_error *error),
                               void *argument, sheaf_error *error)
{
    sheaf_status status;
    jmp_buf escape;

    limit_heap(table);
    table->heap.escape = &escape;
    if (setjmp(escape) == 0) {
        status = body(table, argument, error);
        table->heap.escape = NULL;
        count_heap(table);
        return status;
    }
    table->heap.escape = NULL;
    count_heap(table);
    if (table->budget.limit)
        return sheaf_budget_exceeded(&table->budget, error);
    return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory for the states of operators");
}
