/* pipeline.c - planning the way of a batch: see pipeline.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/hint.h"
#include "job/pipeline.h"
#include "job/words.h"

static sheaf_status add_register(struct pipeline *pipeline, sheaf_kind kind, int32_t born,
                                 int32_t *reg, sheaf_error *error)
{
    size_t count = pipeline->registers + 1;
    size_t kinds = pipeline->registers, borns = pipeline->registers, needed = pipeline->registers;

    SHEAF_TRY(sheaf_grow(&pipeline->kinds, &kinds, count, sizeof *pipeline->kinds, error));
    SHEAF_TRY(sheaf_grow(&pipeline->born, &borns, count, sizeof *pipeline->born, error));
    SHEAF_TRY(sheaf_grow(&pipeline->needed, &needed, count, sizeof *pipeline->needed, error));
    pipeline->kinds[pipeline->registers] = kind;
    pipeline->born[pipeline->registers] = born;
    pipeline->needed[pipeline->registers] = false;
    *reg = (int32_t)pipeline->registers++;
    return SHEAF_OK;
}

static sheaf_status add_step(struct pipeline *pipeline, struct step step, sheaf_error *error)
{
    size_t capacity = pipeline->step_count;

    SHEAF_TRY(
        sheaf_grow(&pipeline->steps, &capacity, pipeline->step_count + 1, sizeof step, error));
    pipeline->steps[pipeline->step_count++] = step;
    return SHEAF_OK;
}

static sheaf_status add_view(struct pipeline *pipeline, const char *name, sheaf_kind kind,
                             int32_t source, int32_t reg, sheaf_error *error)
{
    size_t capacity = pipeline->view_count;
    char *copy = NULL;

    SHEAF_TRY(sheaf_grow(&pipeline->view, &capacity, pipeline->view_count + 1,
                         sizeof *pipeline->view, error));
    SHEAF_TRY(sheaf_copy_string(name, &copy, error));
    pipeline->view[pipeline->view_count++] =
        (struct view_column){.name = copy, .kind = kind, .source = source, .reg = reg};
    return SHEAF_OK;
}

static void free_view(struct view_column *view, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(view[i].name);
    free(view);
}

sheaf_status sheaf_pipeline_begin(struct pipeline *pipeline, const sheaf_dataset *dataset,
                                  const struct sheaf_schema *result, sheaf_error *error)
{
    const struct sheaf_schema *schema = dataset ? &dataset->schema : result;

    *pipeline = (struct pipeline){.dataset = dataset};
    for (size_t i = 0; i < schema->count; i++) {
        int32_t reg = -1;
        if (!dataset)
            SHEAF_TRY(add_register(pipeline, schema->fields[i].kind, -1, &reg, error));
        SHEAF_TRY(add_view(pipeline, schema->fields[i].name, schema->fields[i].kind,
                           dataset ? (int32_t)i : -1, reg, error));
    }
    return SHEAF_OK;
}

static void free_step(struct step *step)
{
    sheaf_expression_close(step->expression);
    free(step->inputs);
    free(step->live);
    if (step->map) {
        struct sheaf_aggregate one = {step->map, 1, 0};
        sheaf_aggregate_free(&one);
    }
}

void sheaf_pipeline_free(struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->step_count; i++)
        free_step(&pipeline->steps[i]);
    free(pipeline->steps);
    free(pipeline->wanted);
    free(pipeline->wanted_register);
    free(pipeline->kinds);
    free(pipeline->born);
    free(pipeline->needed);
    free_view(pipeline->view, pipeline->view_count);
    *pipeline = (struct pipeline){0};
}

/* -- columns -------------------------------------------------------------------------------- */

sheaf_status sheaf_pipeline_find(const struct pipeline *pipeline, const char *name, size_t *index,
                                 sheaf_error *error)
{
    size_t size = strlen(name);
    char bare[512];

    if (size > 2 && size < sizeof bare && name[0] == '`' && name[size - 1] == '`') {
        memcpy(bare, name + 1, size - 2);
        bare[size - 2] = '\0';
        name = bare;
    }
    for (size_t i = 0; i < pipeline->view_count; i++)
        if (strcmp(pipeline->view[i].name, name) == 0) {
            *index = i;
            return SHEAF_OK;
        }
    if (name[0] == '#' && atoi(name + 1) >= 1 && (size_t)atoi(name + 1) <= pipeline->view_count) {
        *index = (size_t)atoi(name + 1) - 1;
        return SHEAF_OK;
    }
    struct sheaf_string names = {0};
    for (size_t i = 0; i < pipeline->view_count; i++)
        sheaf_string_append_format(&names, "%s%s", i ? ", " : "", pipeline->view[i].name);
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no column \"%s\" (E234)", name);
    sheaf_error_help(error, "The columns are: %.400s", names.bytes ? names.bytes : "none");
    sheaf_string_free(&names);
    return SHEAF_BAD_ARGUMENT;
}

/* A column of the file, decoded as `kind`. */
static sheaf_status want(struct pipeline *pipeline, int32_t column, sheaf_kind kind, int32_t *reg,
                         sheaf_error *error)
{
    size_t count = pipeline->wanted_count, wanted = count, registers = count;

    for (size_t i = 0; i < count; i++)
        if (pipeline->wanted[i].column == (uint32_t)column &&
            pipeline->wanted[i].kind.type == kind.type &&
            pipeline->wanted[i].kind.scale == kind.scale) {
            *reg = pipeline->wanted_register[i];
            return SHEAF_OK;
        }
    SHEAF_TRY(sheaf_grow(&pipeline->wanted, &wanted, count + 1, sizeof *pipeline->wanted, error));
    SHEAF_TRY(sheaf_grow(&pipeline->wanted_register, &registers, count + 1,
                         sizeof *pipeline->wanted_register, error));
    SHEAF_TRY(add_register(pipeline, kind, -1, reg, error));
    pipeline->wanted[count] = (struct sheaf_wanted){(uint32_t)column, kind};
    pipeline->wanted_register[count] = *reg;
    pipeline->wanted_count++;
    return SHEAF_OK;
}

static bool same_kind(sheaf_kind a, sheaf_kind b)
{
    return a.type == b.type && a.scale == b.scale;
}

sheaf_status sheaf_pipeline_convert(struct pipeline *pipeline, int32_t from, sheaf_kind kind,
                                    int32_t *to, sheaf_error *error)
{
    if (same_kind(pipeline->kinds[from], kind)) {
        *to = from;
        return SHEAF_OK;
    }
    for (size_t i = pipeline->step_count; i-- > 0;)
        if (pipeline->steps[i].kind == STEP_CONVERT && pipeline->steps[i].from == from &&
            same_kind(pipeline->steps[i].to_kind, kind)) {
            *to = pipeline->steps[i].to;
            return SHEAF_OK;
        }
    if (!sheaf_convert_possible(pipeline->kinds[from], kind))
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s can not be turned into %s (E235)",
                               sheaf_type_name(pipeline->kinds[from].type),
                               sheaf_type_name(kind.type));
    SHEAF_TRY(add_register(pipeline, kind, (int32_t)pipeline->step_count, to, error));
    return add_step(pipeline,
                    (struct step){.kind = STEP_CONVERT, .from = from, .to = *to, .to_kind = kind},
                    error);
}

sheaf_status sheaf_pipeline_register(struct pipeline *pipeline, size_t index, sheaf_kind kind,
                                     int32_t *reg, sheaf_error *error)
{
    struct view_column *column = &pipeline->view[index];

    if (column->source >= 0) {
        /* Text is parsed as whatever is asked for; binary values are as they are. */
        bool text = pipeline->dataset->format == SHEAF_CSV;
        if (text || same_kind(column->kind, kind))
            return want(pipeline, column->source, kind, reg, error);
        int32_t plain;
        SHEAF_TRY(want(pipeline, column->source, column->kind, &plain, error));
        return sheaf_pipeline_convert(pipeline, plain, kind, reg, error);
    }
    return sheaf_pipeline_convert(pipeline, column->reg, kind, reg, error);
}

void sheaf_pipeline_need(struct pipeline *pipeline, int32_t reg)
{
    pipeline->needed[reg] = true;
}

/* -- expressions ----------------------------------------------------------------------------- */

/* The kind in which expressions see a column: the narrow types of binary data are widened. */
static sheaf_kind plain_kind(sheaf_kind kind)
{
    if (kind.type >= SHEAF_I8 && kind.type <= SHEAF_U64)
        return (sheaf_kind){SHEAF_I64, 0};
    if (kind.type == SHEAF_F32 || kind.type == SHEAF_WIDE)
        return (sheaf_kind){SHEAF_F64, 0};
    if (kind.type == SHEAF_BYTES)
        return (sheaf_kind){SHEAF_TEXT, 0};
    return kind;
}

static sheaf_status parse(struct pipeline *pipeline, const char *text, struct step *step,
                          sheaf_error *error)
{
    struct sheaf_schema schema = {0};

    SHEAF_TRY(sheaf_allocate(&schema.fields, pipeline->view_count, sizeof *schema.fields, error));
    schema.count = pipeline->view_count;
    for (size_t i = 0; i < schema.count; i++)
        schema.fields[i] =
            (struct sheaf_field){pipeline->view[i].name, plain_kind(pipeline->view[i].kind)};
    sheaf_status status = sheaf_expression_parse(text, &schema, &step->expression, error);
    if (status == SHEAF_OK) {
        const uint32_t *columns;
        size_t count = sheaf_expression_needs(step->expression, &columns);
        status = sheaf_allocate(&step->inputs, count, sizeof *step->inputs, error);
        step->input_count = count;
        for (size_t i = 0; status == SHEAF_OK && i < count; i++)
            status = sheaf_pipeline_register(pipeline, columns[i], schema.fields[columns[i]].kind,
                                             &step->inputs[i], error);
    }
    free(schema.fields);
    return status;
}

sheaf_status sheaf_pipeline_where(struct pipeline *pipeline, const char *expression,
                                  sheaf_error *error)
{
    struct step step = {.kind = STEP_FILTER};
    sheaf_status status = parse(pipeline, expression, &step, error);

    if (status == SHEAF_OK && sheaf_expression_kind(step.expression).type != SHEAF_BOOL) {
        sheaf_kind kind = sheaf_expression_kind(step.expression);
        status = sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                                 "where '%s': this is %s, not a condition (E236)", expression,
                                 sheaf_type_name(kind.type));
        sheaf_error_help(error, "Compare it with something, for instance: %s > 0", expression);
    }
    if (status == SHEAF_OK)
        status = add_step(pipeline, step, error);
    if (status != SHEAF_OK)
        free_step(&step);
    return status;
}

sheaf_status sheaf_pipeline_value(struct pipeline *pipeline, const char *expression, int32_t *reg,
                                  sheaf_kind *kind, int *index, sheaf_error *error)
{
    struct step step = {.kind = STEP_EVALUATE};
    size_t found;

    *index = -1;
    *reg = -1;
    if (sheaf_pipeline_find(pipeline, expression, &found, NULL) == SHEAF_OK) {
        *index = (int)found;
        *kind = pipeline->view[found].kind;
        return SHEAF_OK;
    }
    sheaf_status status = parse(pipeline, expression, &step, error);
    if (status == SHEAF_OK) {
        *kind = sheaf_expression_kind(step.expression);
        status = add_register(pipeline, *kind, (int32_t)pipeline->step_count, &step.to, error);
    }
    *reg = step.to;
    if (status == SHEAF_OK)
        status = add_step(pipeline, step, error);
    if (status != SHEAF_OK)
        free_step(&step);
    return status;
}

/* "*": all columns, as they are. */
static sheaf_status add_all(struct pipeline *pipeline, const struct view_column *old, size_t count,
                            sheaf_error *error)
{
    for (size_t i = 0; i < count; i++)
        SHEAF_TRY(add_view(pipeline, old[i].name, old[i].kind, old[i].source, old[i].reg, error));
    return SHEAF_OK;
}

sheaf_status sheaf_pipeline_select(struct pipeline *pipeline, const char *words, sheaf_error *error)
{
    struct sheaf_items items;
    struct view_column *old = pipeline->view;
    size_t old_count = pipeline->view_count;
    struct pipeline next = *pipeline;
    sheaf_status status = sheaf_words_items(words, "select", &items, error);

    if (status != SHEAF_OK)
        return status;
    next.view = NULL;
    next.view_count = 0;
    for (size_t i = 0; status == SHEAF_OK && i < items.count; i++) {
        const struct sheaf_item *item = &items.items[i];
        sheaf_kind kind;
        int32_t reg;
        int index;

        if (strcmp(item->text, "*") == 0 && !item->as) {
            status = add_all(&next, old, old_count, error);
            continue;
        }
        status = sheaf_pipeline_value(pipeline, item->text, &reg, &kind, &index, error);
        if (status == SHEAF_OK && index >= 0)
            status = add_view(&next, item->as ? item->as : old[index].name, old[index].kind,
                              old[index].source, old[index].reg, error);
        else if (status == SHEAF_OK)
            status = add_view(&next, item->as ? item->as : item->text, kind, -1, reg, error);
    }
    sheaf_words_items_free(&items);
    if (status != SHEAF_OK) {
        free_view(next.view, next.view_count);
        return status;
    }
    free_view(old, old_count);
    pipeline->view = next.view;
    pipeline->view_count = next.view_count;
    return SHEAF_OK;
}

sheaf_status sheaf_pipeline_limit(struct pipeline *pipeline, uint64_t rows, sheaf_error *error)
{
    return add_step(pipeline, (struct step){.kind = STEP_LIMIT, .limit = rows}, error);
}

/* -- operators ------------------------------------------------------------------------------- */

static sheaf_status bind_input(struct pipeline *pipeline, struct sheaf_bound *bound, uint32_t input,
                               size_t index, sheaf_error *error)
{
    sheaf_status status =
        sheaf_bind_kind(bound->name, &bound->op->inputs[input], pipeline->view[index].name,
                        pipeline->view[index].kind, &bound->input_kind[input], error);
    if (status != SHEAF_OK) {
        sheaf_hint_text(pipeline, index, error);
        return status;
    }
    return sheaf_pipeline_register(pipeline, index, bound->input_kind[input], &bound->input[input],
                                   error);
}

static sheaf_status check_binding_names(const struct sheaf_bound *bound, const char *bind,
                                        sheaf_error *error)
{
    const char *names[SHEAF_FIELDS_MAX + 1] = {0};
    char *unknown = NULL;

    for (uint32_t i = 0; i < bound->inputs; i++)
        names[i] = bound->op->inputs[i].name;
    SHEAF_TRY(sheaf_words_unknown(bind, names, &unknown, error));
    if (!unknown)
        return SHEAF_OK;
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "operator %s has no input \"%s\" (E237)",
                    bound->name, unknown);
    struct sheaf_string list = {0};
    for (uint32_t i = 0; i < bound->inputs; i++)
        sheaf_string_append_format(&list, "%s%s", i ? ", " : "", names[i]);
    sheaf_error_help(error, "Its inputs are: %s.  Write --bind INPUT=COLUMN",
                     list.bytes ? list.bytes : "none");
    sheaf_string_free(&list);
    free(unknown);
    return SHEAF_BAD_ARGUMENT;
}

sheaf_status sheaf_pipeline_bind(struct pipeline *pipeline, struct sheaf_bound *bound,
                                 const char *bind, sheaf_error *error)
{
    SHEAF_TRY(check_binding_names(bound, bind, error));
    for (uint32_t i = 0; i < bound->inputs; i++) {
        const char *input = bound->op->inputs[i].name;
        char *column = NULL;
        size_t index;

        SHEAF_TRY(sheaf_words_pair(bind, input, &column, error));
        sheaf_status status = sheaf_pipeline_find(pipeline, column ? column : input, &index, error);
        if (status != SHEAF_OK && !column && pipeline->view_count == 1) {
            index = 0; /* a file of one column, a text of lines say: there is no other to mean */
            status = SHEAF_OK;
        }
        if (status != SHEAF_OK && !column && error) {
            char columns[sizeof error->help];
            memcpy(columns, error->help, sizeof columns);
            sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                            "operator %s reads \"%s\", and there is no such column (E238)",
                            bound->name, input);
            sheaf_error_help(error, "Say which one to read: --bind %s=COLUMN", input);
            sheaf_error_help(error, "%s", columns);
        }
        free(column);
        if (status != SHEAF_OK)
            return status;
        SHEAF_TRY(bind_input(pipeline, bound, i, index, error));
    }
    return SHEAF_OK;
}

sheaf_status sheaf_pipeline_bind_arguments(struct pipeline *pipeline, struct sheaf_bound *bound,
                                           char *const *arguments, size_t count, const char *whole,
                                           sheaf_error *error)
{
    if (count != bound->inputs) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s: %s takes %u column%s, not %zu (E239)",
                        whole, bound->name, bound->inputs, bound->inputs == 1 ? "" : "s", count);
        sheaf_error_help(error, "sheaf describe %s says which", bound->name);
        return SHEAF_BAD_ARGUMENT;
    }
    for (uint32_t i = 0; i < bound->inputs; i++) {
        sheaf_kind kind;
        int32_t reg;
        int index;

        SHEAF_TRY(sheaf_pipeline_value(pipeline, arguments[i], &reg, &kind, &index, error));
        if (index >= 0) {
            SHEAF_TRY(bind_input(pipeline, bound, i, (size_t)index, error));
            continue;
        }
        SHEAF_TRY(sheaf_bind_kind(bound->name, &bound->op->inputs[i], arguments[i], kind,
                                  &bound->input_kind[i], error));
        SHEAF_TRY(
            sheaf_pipeline_convert(pipeline, reg, bound->input_kind[i], &bound->input[i], error));
    }
    return SHEAF_OK;
}

/* The map reads its inputs from step->inputs; its outputs are the only columns afterwards. */
static sheaf_status plan_map(struct pipeline *pipeline, struct step *step, const char *bind,
                             sheaf_error *error)
{
    struct sheaf_bound *map = step->map;

    SHEAF_TRY(sheaf_pipeline_bind(pipeline, map, bind, error));
    sheaf_bind_outputs(map);
    SHEAF_TRY(sheaf_allocate(&step->inputs, map->inputs, sizeof *step->inputs, error));
    step->input_count = map->inputs;
    for (uint32_t i = 0; i < map->inputs; i++) {
        step->inputs[i] = map->input[i];
        map->input[i] = (int32_t)i;
    }
    step->to = (int32_t)pipeline->registers;
    free_view(pipeline->view, pipeline->view_count);
    pipeline->view = NULL;
    pipeline->view_count = 0;
    for (uint32_t i = 0; i < map->outputs; i++) {
        int32_t reg;
        SHEAF_TRY(add_register(pipeline, map->output_kind[i], (int32_t)pipeline->step_count, &reg,
                               error));
        SHEAF_TRY(add_view(pipeline, map->output_name[i], map->output_kind[i], -1, reg, error));
    }
    pipeline->mapped = true;
    return add_step(pipeline, *step, error);
}

sheaf_status sheaf_pipeline_map(struct pipeline *pipeline, struct sheaf_bound *map,
                                const char *bind, sheaf_error *error)
{
    struct step step = {.kind = STEP_MAP, .map = map};
    sheaf_status status = plan_map(pipeline, &step, bind, error);

    if (status != SHEAF_OK)
        free_step(&step);
    return status;
}

/* -- the end ----------------------------------------------------------------------------------- */

/* What step `at` does with register `reg` as an input. */
static bool reads(const struct step *step, int32_t reg)
{
    if (step->kind == STEP_CONVERT)
        return step->from == reg;
    for (size_t i = 0; i < step->input_count; i++)
        if (step->inputs[i] == reg)
            return true;
    return false;
}

/* Whether the register, filled before step `at`, is read after it. */
static bool lives_past(const struct pipeline *pipeline, size_t at, int32_t reg)
{
    if (pipeline->born[reg] > (int32_t)at)
        return false;
    for (size_t i = at + 1; i < pipeline->step_count; i++) {
        if (reads(&pipeline->steps[i], reg))
            return true;
        if (pipeline->steps[i].kind == STEP_MAP)
            return false;
    }
    return pipeline->needed[reg];
}

sheaf_status sheaf_pipeline_end(struct pipeline *pipeline, sheaf_error *error)
{
    for (size_t at = 0; at < pipeline->step_count; at++) {
        struct step *step = &pipeline->steps[at];
        if (step->kind != STEP_FILTER && step->kind != STEP_LIMIT)
            continue;
        SHEAF_TRY(sheaf_allocate(&step->live, pipeline->registers, sizeof *step->live, error));
        for (size_t reg = 0; reg < pipeline->registers; reg++)
            if (lives_past(pipeline, at, (int32_t)reg))
                step->live[step->live_count++] = (int32_t)reg;
    }
    return SHEAF_OK;
}
