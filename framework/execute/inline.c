/* inline.c - the executor without processes: every task here, one after the other */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "execute/execution.h"
#include "execute/interrupt.h"

struct inline_run {
    struct sheaf_execution *execution;
    const struct sheaf_work *work;
    struct sheaf_workplace place;
    struct sheaf_order order;
    struct sheaf_reply reply;
    struct sheaf_outcome outcome;
    int64_t deadline_ns, progress_ns;
    void *local;
};

static sheaf_status check_time(struct inline_run *run, sheaf_error *error)
{
    const struct sheaf_execution_options *options = &run->execution->options;
    int64_t now = sheaf_clock_ns();
    int number = sheaf_interrupt_signal();

    if (number)
        return sheaf_interrupt_error(number, error);
    if (options->deadline_ms > 0 && now >= run->deadline_ns)
        return sheaf_error_set(error, SHEAF_TIMEOUT, "not done within %lld ms",
                               (long long)options->deadline_ms);
    if (options->progress && now >= run->progress_ns) {
        options->progress(options->progress_context);
        run->progress_ns = sheaf_clock_ns() + 100000000;
    }
    return SHEAF_OK;
}

static sheaf_status do_task(struct inline_run *run, sheaf_error *error)
{
    run->order.ticket++;
    run->order.base = sheaf_execution_base(run->execution, 0);
    sheaf_workplace_perform(&run->place, run->work, run->local, &run->order, &run->reply);
    run->reply.error.status = run->reply.status;
    SHEAF_TRY(sheaf_execution_accept(run->execution, 0, &run->reply, &run->outcome, error));
    run->outcome.attempts = 1;
    return run->work->commit(run->work->context, run->execution, &run->order.task, &run->outcome,
                             error);
}

static sheaf_status do_tasks(struct inline_run *run, sheaf_error *error)
{
    for (;;) {
        SHEAF_TRY(check_time(run, error));
        run->order.task.size = 0;
        switch (run->work->next(run->work->context, run->execution, &run->order.task)) {
        case SHEAF_NEXT_DONE:
        case SHEAF_NEXT_STOP:
            return SHEAF_OK;
        case SHEAF_NEXT_WAIT:
            return sheaf_error_set(error, SHEAF_INTERNAL,
                                   "there are tasks left, but they wait for each other");
        case SHEAF_NEXT_TASK:
            SHEAF_TRY(do_task(run, error));
        }
    }
}

sheaf_status sheaf_inline_run(struct sheaf_execution *execution, const struct sheaf_work *work,
                              sheaf_error *error)
{
    struct inline_run run = {.execution = execution, .work = work};
    sheaf_status status = SHEAF_OK;

    run.deadline_ns = sheaf_deadline(execution->options.deadline_ms);
    run.progress_ns = sheaf_clock_ns() + 100000000;
    sheaf_workplace_init(&run.place, execution, 0);
    SHEAF_TRY(sheaf_interrupt_watch(execution->wake, error));
    if (work->feed)
        status = work->feed(work->context, error);
    if (status == SHEAF_OK && work->enter)
        status = work->enter(work->context, &run.place, &run.local, error);
    if (status == SHEAF_OK) {
        status = do_tasks(&run, error);
        if (work->leave)
            work->leave(work->context, run.local);
    }
    sheaf_interrupt_unwatch(execution->wake);
    return status;
}
