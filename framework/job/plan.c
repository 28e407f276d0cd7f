/* plan.c - a question turned into what has to be done: see plan.h */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "job/plan.h"
#include "job/words.h"

/* -- operators ----------------------------------------------------------------------------- */

struct found {
    const sheaf_operator *op;
    const char *name;
    const sheaf_plugin *plugin; /* NULL: linked into the program */
};

/* The table of an operator by pointer or by name; a plug-in is kept by the plan. */
static sheaf_status find_operator(struct plan *plan, const sheaf_operator *op, const char *spec,
                                  struct found *found, sheaf_error *error)
{
    size_t capacity = plan->plugin_count;

    *found = (struct found){.op = op, .name = "operator"};
    if (op)
        return SHEAF_OK;
    if (!spec)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "a stage names no operator (E240)");
    SHEAF_TRY(sheaf_grow(&plan->plugins, &capacity, plan->plugin_count + 1, sizeof(void *), error));
    SHEAF_TRY(sheaf_plugin_open(spec, &plan->plugins[plan->plugin_count], error));
    found->plugin = plan->plugins[plan->plugin_count++];
    found->op = sheaf_plugin_operator(found->plugin);
    found->name = sheaf_plugin_name(found->plugin);
    return SHEAF_OK;
}

/* Everything of a bound operator but its inputs and its outputs' kinds. */
static sheaf_status begin_bound(const struct found *found, const char *set,
                                struct sheaf_bound *bound, sheaf_error *error)
{
    const sheaf_operator *op = found->op;
    size_t size = op->state_size;

    *bound = (struct sheaf_bound){.op = op, .name = found->name};
    while (bound->inputs < SHEAF_FIELDS_MAX && op->inputs[bound->inputs].name)
        bound->inputs++;
    SHEAF_TRY(sheaf_bind_options(found->name, op, set, &bound->options, error));
    if (found->plugin)
        SHEAF_TRY(sheaf_plugin_state_size(found->plugin, bound->options, &size, error));
    else if (op->measure)
        size = op->measure(bound->options);
    SHEAF_TRY(sheaf_bind_state(bound, size, error));
    while (bound->outputs < SHEAF_FIELDS_MAX && op->outputs[bound->outputs].name) {
        SHEAF_TRY(sheaf_copy_string(op->outputs[bound->outputs].name,
                                    &bound->output_name[bound->outputs], error));
        bound->outputs++;
    }
    return SHEAF_OK;
}

static void free_bound(struct sheaf_bound *bound)
{
    free(bound->options);
    for (size_t i = 0; i < SHEAF_FIELDS_MAX; i++)
        free(bound->output_name[i]);
}

static sheaf_status add_bound(struct plan *plan, const struct sheaf_bound *bound,
                              sheaf_error *error)
{
    size_t capacity = plan->aggregate.count;

    SHEAF_TRY(sheaf_grow(&plan->aggregate.bound, &capacity, plan->aggregate.count + 1,
                         sizeof *bound, error));
    plan->aggregate.bound[plan->aggregate.count++] = *bound;
    return SHEAF_OK;
}

static sheaf_status check_is_fold(const struct found *found, sheaf_error *error)
{
    const char *name = found->name;

    if (found->op->fold || found->op->fold_keyed)
        return SHEAF_OK;
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                    "operator %s turns rows into rows; nothing folds them (E241)", name);
    sheaf_error_help(error, "Put an operator that folds behind it: sheaf run %s count ...", name);
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status plan_map_stage(struct plan *plan, const sheaf_stage *stage, sheaf_error *error)
{
    struct found found;
    struct sheaf_bound *map = NULL;

    SHEAF_TRY(find_operator(plan, stage->op, stage->spec, &found, error));
    if (!found.op->map)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "operator %s folds rows, so nothing can come after it (E242)",
                               found.name);
    SHEAF_TRY(sheaf_allocate(&map, 1, sizeof *map, error));
    sheaf_status status = begin_bound(&found, stage->set, map, error);
    if (status != SHEAF_OK) {
        free_bound(map);
        free(map);
        return status;
    }
    return sheaf_pipeline_map(&plan->pipeline, map, stage->bind, error);
}

/* -- keys ------------------------------------------------------------------------------------ */

/* Keys are compared as values: integers of any width as i64, floats as f64. */
static sheaf_kind key_kind(sheaf_kind kind)
{
    if (kind.type >= SHEAF_I8 && kind.type <= SHEAF_U64 && kind.type != SHEAF_U64)
        return (sheaf_kind){SHEAF_I64, 0};
    if (kind.type == SHEAF_F32)
        return (sheaf_kind){SHEAF_F64, 0};
    return kind;
}

static sheaf_status add_out(struct plan *plan, const char *name, sheaf_kind kind,
                            sheaf_error *error)
{
    size_t capacity = plan->out.count;
    char *copy = NULL;

    SHEAF_TRY(sheaf_grow(&plan->out.fields, &capacity, plan->out.count + 1,
                         sizeof *plan->out.fields, error));
    SHEAF_TRY(sheaf_copy_string(name, &copy, error));
    plan->out.fields[plan->out.count++] = (struct sheaf_field){copy, kind};
    return SHEAF_OK;
}

static sheaf_status plan_key(struct plan *plan, const struct sheaf_item *item, sheaf_error *error)
{
    sheaf_kind kind;
    int32_t reg;
    int index;

    SHEAF_TRY(sheaf_pipeline_value(&plan->pipeline, item->text, &reg, &kind, &index, error));
    sheaf_kind wanted = key_kind(kind);
    if (index >= 0)
        SHEAF_TRY(sheaf_pipeline_register(&plan->pipeline, (size_t)index, wanted, &reg, error));
    else
        SHEAF_TRY(sheaf_pipeline_convert(&plan->pipeline, reg, wanted, &reg, error));
    sheaf_pipeline_need(&plan->pipeline, reg);
    plan->key_registers[plan->keys] = reg;
    plan->key_kinds[plan->keys++] = wanted;
    const char *name = item->as     ? item->as
                       : index >= 0 ? plan->pipeline.view[index].name
                                    : item->text;
    return add_out(plan, name, wanted, error);
}

static sheaf_status plan_keys(struct plan *plan, const char *by, sheaf_error *error)
{
    struct sheaf_items items;

    if (!by || !*by)
        return SHEAF_OK;
    SHEAF_TRY(sheaf_words_items(by, "by", &items, error));
    sheaf_status status =
        sheaf_allocate(&plan->key_kinds, items.count, sizeof *plan->key_kinds, error);
    if (status == SHEAF_OK)
        status =
            sheaf_allocate(&plan->key_registers, items.count, sizeof *plan->key_registers, error);
    for (size_t i = 0; status == SHEAF_OK && i < items.count; i++)
        status = plan_key(plan, &items.items[i], error);
    sheaf_words_items_free(&items);
    return status;
}

/* -- folds ------------------------------------------------------------------------------------- */

/* Names and kinds of the outputs, and what the fold reads. */
static sheaf_status finish_bound(struct plan *plan, struct sheaf_bound *bound, sheaf_error *error)
{
    sheaf_bind_outputs(bound);
    for (uint32_t i = 0; i < bound->inputs; i++)
        sheaf_pipeline_need(&plan->pipeline, bound->input[i]);
    for (uint32_t i = 0; i < bound->outputs; i++)
        SHEAF_TRY(add_out(plan, bound->output_name[i], bound->output_kind[i], error));
    return SHEAF_OK;
}

static sheaf_status plan_fold_stage(struct plan *plan, const sheaf_stage *stage, sheaf_error *error)
{
    struct found found;
    struct sheaf_bound bound = {0};

    SHEAF_TRY(find_operator(plan, stage->op, stage->spec, &found, error));
    SHEAF_TRY(check_is_fold(&found, error));
    SHEAF_TRY(plan_keys(plan, stage->by ? stage->by : found.op->by, error));
    sheaf_status status = begin_bound(&found, stage->set, &bound, error);
    if (status == SHEAF_OK)
        status = sheaf_pipeline_bind(&plan->pipeline, &bound, stage->bind, error);
    if (status == SHEAF_OK)
        status = finish_bound(plan, &bound, error);
    if (status == SHEAF_OK)
        status = add_bound(plan, &bound, error);
    if (status != SHEAF_OK)
        free_bound(&bound);
    return status;
}

/* "mean(x)" has one output and is called so; "moments(x)" has several: "moments(x).mean". */
static sheaf_status name_outputs(struct sheaf_bound *bound, const struct sheaf_call_words *call,
                                 sheaf_error *error)
{
    const char *base = call->as ? call->as : call->whole;

    for (uint32_t i = 0; i < bound->outputs; i++) {
        struct sheaf_string name = {0};
        sheaf_string_append(&name, base);
        if (bound->outputs > 1)
            sheaf_string_append_format(&name, ".%s", bound->output_name[i]);
        SHEAF_TRY(sheaf_string_check(&name, error));
        free(bound->output_name[i]);
        bound->output_name[i] = name.bytes;
    }
    return SHEAF_OK;
}

static sheaf_status plan_call(struct plan *plan, const struct sheaf_call_words *call,
                              sheaf_error *error)
{
    struct found found;
    struct sheaf_bound bound = {0};

    SHEAF_TRY(find_operator(plan, NULL, call->name, &found, error));
    SHEAF_TRY(check_is_fold(&found, error));
    sheaf_status status = begin_bound(&found, call->set, &bound, error);
    if (status == SHEAF_OK)
        status = name_outputs(&bound, call, error);
    if (status == SHEAF_OK)
        status = sheaf_pipeline_bind_arguments(&plan->pipeline, &bound, call->arguments,
                                               call->count, call->whole, error);
    if (status == SHEAF_OK)
        status = finish_bound(plan, &bound, error);
    if (status == SHEAF_OK)
        status = add_bound(plan, &bound, error);
    if (status != SHEAF_OK)
        free_bound(&bound);
    return status;
}

static sheaf_status plan_group_stage(struct plan *plan, const sheaf_stage *stage,
                                     sheaf_error *error)
{
    struct sheaf_calls calls;

    SHEAF_TRY(plan_keys(plan, stage->by, error));
    SHEAF_TRY(sheaf_words_calls(stage->text ? stage->text : "", &calls, error));
    sheaf_status status = SHEAF_OK;
    for (size_t i = 0; status == SHEAF_OK && i < calls.count; i++)
        status = plan_call(plan, &calls.calls[i], error);
    sheaf_words_calls_free(&calls);
    return status;
}

/* The operator `stats` for each column; its outputs become a row of the answer (result.c). */
static sheaf_status plan_stats_stage(struct plan *plan, sheaf_error *error)
{
    struct found found;

    SHEAF_TRY(find_operator(plan, NULL, "stats", &found, error));
    plan->stats = plan->pipeline.view_count;
    SHEAF_TRY(sheaf_allocate(&plan->stats_kinds, plan->stats, sizeof *plan->stats_kinds, error));
    for (size_t i = 0; i < plan->stats; i++) {
        const struct view_column *column = &plan->pipeline.view[i];
        struct sheaf_bound bound;
        struct sheaf_call_words call = {.whole = column->name, .count = 1};
        struct sheaf_string quoted = {0};

        sheaf_string_append_format(&quoted, "`%s`", column->name);
        SHEAF_TRY(sheaf_string_check(&quoted, error));
        call.arguments = &quoted.bytes;
        plan->stats_kinds[i] = column->kind;
        sheaf_status status = begin_bound(&found, NULL, &bound, error);
        if (status == SHEAF_OK)
            status = name_outputs(&bound, &call, error);
        if (status == SHEAF_OK)
            status = sheaf_pipeline_bind_arguments(&plan->pipeline, &bound, call.arguments, 1,
                                                   "stats", error);
        sheaf_string_free(&quoted);
        if (status == SHEAF_OK)
            status = finish_bound(plan, &bound, error);
        if (status == SHEAF_OK)
            status = add_bound(plan, &bound, error);
        if (status != SHEAF_OK) {
            free_bound(&bound);
            return status;
        }
    }
    return SHEAF_OK;
}

static sheaf_status check_names(const struct plan *plan, sheaf_error *error)
{
    for (size_t i = 0; i < plan->out.count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(plan->out.fields[i].name, plan->out.fields[j].name) == 0) {
                sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                "two columns of the answer are called \"%s\" (E243)",
                                plan->out.fields[i].name);
                sheaf_error_help(error, "Give one another name: ... as NAME");
                return SHEAF_BAD_ARGUMENT;
            }
    return SHEAF_OK;
}

/* What one worker's table may take: as asked, else a share of six tenths of what there is. */
static size_t memory_limit(const sheaf_job *job)
{
    int workers = job->executor.name == SHEAF_EXECUTOR_INLINE ? 1
                  : job->executor.workers > 0                 ? job->executor.workers
                                                              : sheaf_cpu_count();

    return job->memory_bytes ? job->memory_bytes : sheaf_memory_limit() / 10 * 6 / (size_t)workers;
}

static sheaf_status end_fold(struct plan *plan, sheaf_error *error)
{
    SHEAF_TRY(check_names(plan, error));
    sheaf_aggregate_layout(&plan->aggregate);
    plan->table = (struct sheaf_table_plan){.key_kinds = plan->key_kinds,
                                            .keys = plan->keys,
                                            .aggregate = &plan->aggregate,
                                            .seed = plan->job->seed,
                                            .memory_limit = memory_limit(plan->job)};
    plan->kind = PLAN_FOLD;
    return sheaf_pipeline_end(&plan->pipeline, error);
}

/* -- rows -------------------------------------------------------------------------------------- */

static sheaf_status end_rows(struct plan *plan, sheaf_error *error)
{
    struct pipeline *pipeline = &plan->pipeline;

    SHEAF_TRY(sheaf_allocate(&plan->out_registers, pipeline->view_count,
                             sizeof *plan->out_registers, error));
    for (size_t i = 0; i < pipeline->view_count; i++) {
        const struct view_column *column = &pipeline->view[i];
        bool as_text = !plan->typed_rows && column->source >= 0 && column->kind.type != SHEAF_BYTES;
        sheaf_kind kind = as_text ? (sheaf_kind){SHEAF_TEXT, 0} : column->kind;
        int32_t reg;

        if (as_text && pipeline->dataset->format != SHEAF_CSV)
            kind = column->kind;
        SHEAF_TRY(sheaf_pipeline_register(pipeline, i, kind, &reg, error));
        sheaf_pipeline_need(pipeline, reg);
        plan->out_registers[i] = reg;
        SHEAF_TRY(add_out(plan, column->name, kind, error));
    }
    plan->kind = PLAN_ROWS;
    SHEAF_TRY(check_names(plan, error));
    return sheaf_pipeline_end(pipeline, error);
}

/* -- stages ------------------------------------------------------------------------------------ */

static sheaf_status collect_stages(const sheaf_job *job, struct plan *plan, sheaf_error *error)
{
    plan->stages = job->stages;
    plan->stage_count = job->stage_count;
    if (plan->stages || !job->operators[0])
        return SHEAF_OK;
    for (size_t i = 0; i < SHEAF_STAGES_MAX && job->operators[i]; i++) {
        bool last = i + 1 == SHEAF_STAGES_MAX || !job->operators[i + 1];
        if (!last && !job->operators[i]->map)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                   "only the last operator may fold; those before it map (E242)");
        bool maps = job->operators[i]->map != NULL;
        plan->own_stages[i] = (sheaf_stage){
            .kind = maps ? SHEAF_STAGE_MAP : SHEAF_STAGE_FOLD,
            .op = job->operators[i],
            .by = maps ? NULL : job->by,
            .bind = i == 0 ? job->bind : NULL,
            .set = last ? job->set : NULL,
        };
        plan->stage_count = i + 1;
    }
    plan->stages = plan->own_stages;
    return SHEAF_OK;
}

static sheaf_status plan_limit(struct plan *plan, uint64_t rows, sheaf_error *error)
{
    plan->limit = plan->limited && plan->limit < rows ? plan->limit : rows;
    plan->limited = true;
    return sheaf_pipeline_limit(&plan->pipeline, rows, error);
}

/* *folded: this stage was the fold, so the rest works on the answer. */
static sheaf_status plan_stage(struct plan *plan, const sheaf_stage *stage, bool *folded,
                               sheaf_error *error)
{
    if (plan->limited && stage->kind != SHEAF_STAGE_SELECT) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                        "after head only select may follow, in the same question (E244)");
        sheaf_error_help(error, "Write the rows of head to a file and ask that");
        return SHEAF_BAD_ARGUMENT;
    }
    switch (stage->kind) {
    case SHEAF_STAGE_WHERE:
        return sheaf_pipeline_where(&plan->pipeline, stage->text, error);
    case SHEAF_STAGE_SELECT:
        return sheaf_pipeline_select(&plan->pipeline, stage->text, error);
    case SHEAF_STAGE_HEAD:
        return plan_limit(plan, stage->count, error);
    case SHEAF_STAGE_MAP:
        return plan_map_stage(plan, stage, error);
    case SHEAF_STAGE_FOLD:
        *folded = true;
        return plan_fold_stage(plan, stage, error);
    case SHEAF_STAGE_GROUP:
        *folded = true;
        return plan_group_stage(plan, stage, error);
    case SHEAF_STAGE_STATS:
        *folded = true;
        return plan_stats_stage(plan, error);
    case SHEAF_STAGE_SORT:
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                        "sort works on an answer, behind group or run, not on rows (E245)");
        return SHEAF_BAD_ARGUMENT;
    case SHEAF_STAGE_END:
        break;
    }
    return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "unknown stage %d (E240)", (int)stage->kind);
}

static sheaf_status make(const sheaf_job *job, struct plan *plan, sheaf_error *error)
{
    bool folded = false;

    SHEAF_TRY(collect_stages(job, plan, error));
    SHEAF_TRY(sheaf_pipeline_begin(&plan->pipeline, job->dataset, NULL, error));
    while (plan->post < plan->stage_count && !folded)
        SHEAF_TRY(plan_stage(plan, &plan->stages[plan->post++], &folded, error));
    return folded ? end_fold(plan, error) : end_rows(plan, error);
}

sheaf_status sheaf_plan_make(const sheaf_job *job, bool typed_rows, struct plan *plan,
                             sheaf_error *error)
{
    *plan = (struct plan){.job = job, .typed_rows = typed_rows};
    sheaf_status status = make(job, plan, error);

    if (status != SHEAF_OK)
        sheaf_plan_free(plan);
    return status;
}

void sheaf_plan_free(struct plan *plan)
{
    sheaf_pipeline_free(&plan->pipeline);
    sheaf_aggregate_free(&plan->aggregate);
    free(plan->key_kinds);
    free(plan->key_registers);
    free(plan->out_registers);
    free(plan->stats_kinds);
    sheaf_schema_free(&plan->out);
    for (size_t i = 0; i < plan->plugin_count; i++)
        sheaf_plugin_close(plan->plugins[i]);
    free(plan->plugins);
    *plan = (struct plan){0};
}

sheaf_status sheaf_plan_load(const struct plan *plan, sheaf_error *error)
{
    for (size_t i = 0; i < plan->plugin_count; i++)
        SHEAF_TRY(sheaf_plugin_load(plan->plugins[i], error));
    return SHEAF_OK;
}

/* -- kinds that are open --------------------------------------------------------------------------
 */

static bool is_open(const struct plan *plan, const struct sheaf_wanted *wanted)
{
    const sheaf_dataset *dataset = plan->job->dataset;

    return wanted->column < dataset->schema.count && dataset->open_kinds[wanted->column] &&
           wanted->kind.type != SHEAF_TEXT && wanted->kind.type != SHEAF_BYTES;
}

bool sheaf_plan_is_open(const struct plan *plan)
{
    for (size_t i = 0; i < plan->pipeline.wanted_count; i++)
        if (is_open(plan, &plan->pipeline.wanted[i]))
            return true;
    return false;
}

sheaf_status sheaf_plan_examine(const struct plan *made, struct plan *plan, sheaf_error *error)
{
    const sheaf_dataset *dataset = made->job->dataset;
    struct pipeline *pipeline = &plan->pipeline;

    *plan = (struct plan){.job = made->job, .kind = PLAN_EXAMINE};
    sheaf_status status = sheaf_pipeline_begin(pipeline, dataset, NULL, error);
    for (size_t column = 0; status == SHEAF_OK && column < dataset->schema.count; column++) {
        bool wanted = false;
        int32_t reg;
        for (size_t i = 0; i < made->pipeline.wanted_count; i++)
            wanted |= made->pipeline.wanted[i].column == column && dataset->open_kinds[column];
        if (wanted)
            status =
                sheaf_pipeline_register(pipeline, column, (sheaf_kind){SHEAF_TEXT, 0}, &reg, error);
    }
    if (status == SHEAF_OK)
        status = sheaf_pipeline_end(pipeline, error);
    if (status != SHEAF_OK)
        sheaf_plan_free(plan);
    return status;
}
