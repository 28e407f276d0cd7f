/* contract.c - an operator's table, checked: see contract.h */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "operator/bind.h"
#include "operator/contract.h"

enum { NAME_MAX_BYTES = 63 };

sheaf_status sheaf_operator_error(sheaf_error *error, sheaf_status status, int code,
                                  const char *format, ...)
{
    char text[440];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sheaf_error_set(error, status, "%s (E%d)", text, code);
    if (error)
        error->code = code;
    return status;
}

uint32_t sheaf_count_inputs(const sheaf_operator *op)
{
    uint32_t count = 0;

    while (count < SHEAF_FIELDS_MAX && op->inputs[count].name)
        count++;
    return count;
}

uint32_t sheaf_count_outputs(const sheaf_operator *op)
{
    uint32_t count = 0;

    while (count < SHEAF_FIELDS_MAX && op->outputs[count].name)
        count++;
    return count;
}

uint32_t sheaf_count_options(const sheaf_operator *op)
{
    uint32_t count = 0;

    while (count < SHEAF_FIELDS_MAX && op->options[count].name)
        count++;
    return count;
}

/* One complaint: what is wrong, and what to write. */
SHEAF_PRINTF(4, 5)
static sheaf_status complain(sheaf_error *error, const char *name, const char *wrong,
                             const char *write, ...)
{
    char remedy[400];
    va_list arguments;

    sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 706, "operator %s: %s", name, wrong);
    va_start(arguments, write);
    vsnprintf(remedy, sizeof remedy, write, arguments);
    va_end(arguments);
    sheaf_error_help(error, "%s", remedy);
    return SHEAF_BAD_OPERATOR;
}

#define COMPLAIN(write, ...)                              \
    do {                                                  \
        snprintf(wrong, sizeof wrong, __VA_ARGS__);       \
        return complain(error, name, wrong, "%s", write); \
    } while (0)

static bool is_good_name(const char *name)
{
    size_t size = strnlen(name, NAME_MAX_BYTES + 1);

    if (size == 0 || size > NAME_MAX_BYTES)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return false;
    return true;
}

static bool is_good_option_name(const char *name)
{
    if (!is_good_name(name))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-' && *name != '.')
            return false;
    return true;
}

static sheaf_status check_verbs(const char *name, const sheaf_operator *op, sheaf_error *error)
{
    if (!op->about || !*op->about)
        return complain(error, name, "it has no description",
                        "Write .about = \"one line that says what it computes\",");
    if (op->map) {
        if (op->fold || op->combine || op->combine_with || op->finish || op->finish_with ||
            op->answer || op->begin || op->fold_keyed || op->measure)
            return complain(error, name, "it has .map and other functions too",
                            "A map stands alone; put the rest into an operator of its own.");
        return SHEAF_OK;
    }
    if (!op->fold)
        return complain(error, name, "it has no .fold",
                        "Write .fold = fold, with static void fold(void *state, const sheaf_batch "
                        "*batch), or .map for rows in, rows out.");
    if (!op->combine && !op->combine_with)
        return complain(error, name, "it has no .combine",
                        "Write .combine = combine, with static void combine(void *state, const "
                        "void *later), which adds what `later` holds to `state`.");
    if (op->combine && op->combine_with)
        return complain(error, name, "it has both .combine and .combine_with",
                        "Keep .combine_with if it needs options or a heap, else .combine.");
    if (op->finish && op->finish_with)
        return complain(error, name, "it has both .finish and .finish_with",
                        "Keep .finish_with if it needs options or a heap, else .finish.");
    if (op->measure && op->state_size)
        return complain(error, name, "it has both .state_size and .measure",
                        "Keep .measure if the size depends on options, else .state_size.");
    if (!op->measure && op->state_size == 0)
        return complain(error, name, "its state has no bytes",
                        "Write .state_size = sizeof(struct %s),", name);
    if (op->state_size > SHEAF_STATE_MAX)
        return complain(error, name, "its state is larger than 1 GiB",
                        "Keep large data in a sheaf_block, which grows as needed.");
    return SHEAF_OK;
}

static sheaf_status check_inputs(const char *name, const sheaf_operator *op, sheaf_error *error)
{
    char wrong[200];

    for (uint32_t i = 0; i < sheaf_count_inputs(op); i++) {
        const sheaf_input *input = &op->inputs[i];

        if (!is_good_name(input->name))
            COMPLAIN("Names have 1 to 63 bytes and no control characters.",
                     "the name of input %u is not usable", i);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(input->name, op->inputs[j].name) == 0)
                COMPLAIN("Give each input a name of its own.", "two inputs are called \"%s\"",
                         input->name);
        if (input->type == SHEAF_NONE)
            COMPLAIN("Write its type after the name, e.g. {\"amount\", SHEAF_F64}.",
                     "input \"%s\" has no type", input->name);
        if (input->type == SHEAF_WIDE || input->type == SHEAF_SAME ||
            (sheaf_type_size(input->type) == 0 && input->type != SHEAF_NUMBER &&
             input->type != SHEAF_ANY))
            COMPLAIN("Inputs are SHEAF_F64, SHEAF_I64, SHEAF_TEXT, ..., SHEAF_NUMBER or SHEAF_ANY.",
                     "input \"%s\" has a type that no column has", input->name);
    }
    return SHEAF_OK;
}

static sheaf_status check_outputs(const char *name, const sheaf_operator *op, sheaf_error *error)
{
    char wrong[200];
    bool rows = op->map || op->answer;

    if (sheaf_count_outputs(op) == 0)
        return complain(error, name, "it has no outputs",
                        rows ? "Write .outputs = {{\"word\", SHEAF_TEXT}}, say.%s"
                             : "Write .outputs = {SHEAF_OUTPUT(struct %s, member)},",
                        rows ? "" : name);
    for (uint32_t i = 0; i < sheaf_count_outputs(op); i++) {
        const sheaf_output *output = &op->outputs[i];

        if (!is_good_name(output->name))
            COMPLAIN("Names have 1 to 63 bytes and no control characters.",
                     "the name of output %u is not usable", i);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(output->name, op->outputs[j].name) == 0)
                COMPLAIN("Give each output a name of its own.", "two outputs are called \"%s\"",
                         output->name);
        if (rows && output->type != SHEAF_BOOL && output->type != SHEAF_I64 &&
            output->type != SHEAF_F64 && output->type != SHEAF_TEXT)
            COMPLAIN("Rows hold SHEAF_BOOL, SHEAF_I64, SHEAF_F64 and SHEAF_TEXT.",
                     "output \"%s\" is %s, which rows can not hold", output->name,
                     sheaf_type_name(output->type));
        if (output->type == SHEAF_SAME
                ? op->inputs[0].name == NULL
                : sheaf_type_size(output->type) == 0 || output->type == SHEAF_BYTES)
            COMPLAIN("Write SHEAF_OUTPUT(struct, member), which takes the type from the member.",
                     "output \"%s\" has a type that no member of a state has", output->name);
    }
    return SHEAF_OK;
}

/* Bytes that the member behind an output takes. */
static size_t member_size(sheaf_type type)
{
    /* SAME may be a text, whose member is a block. */
    return type == SHEAF_SAME || type == SHEAF_TEXT ? sizeof(sheaf_block) : sheaf_type_size(type);
}

sheaf_status sheaf_contract_state(const char *name, const sheaf_operator *op, size_t state_size,
                                  sheaf_error *error)
{
    char wrong[200];

    if (op->map)
        return SHEAF_OK;
    if (state_size == 0 || state_size > SHEAF_STATE_MAX)
        COMPLAIN("A state has 1 byte to 1 GiB; keep larger data in a sheaf_block.",
                 ".measure gives a state of %zu bytes", state_size);
    if (op->answer)
        return SHEAF_OK;
    for (uint32_t i = 0; i < sheaf_count_outputs(op); i++) {
        const sheaf_output *output = &op->outputs[i];
        size_t size = member_size(output->type);

        if (size > state_size || output->offset > state_size - size)
            COMPLAIN("Is .state_size the size of the struct that .outputs name?  Members of "
                     "SHEAF_SAME and SHEAF_TEXT take 16 bytes.",
                     "output \"%s\" lies at bytes %zu to %zu of a state of %zu", output->name,
                     output->offset, output->offset + size, state_size);
        if (output->present &&
            (state_size < sizeof(int64_t) || output->present - 1 > state_size - sizeof(int64_t)))
            COMPLAIN("Use SHEAF_OUTPUT_IF(struct, member, count) with an int64_t count.",
                     "what says whether output \"%s\" is missing lies outside the state",
                     output->name);
    }
    return SHEAF_OK;
}

static sheaf_status check_options(const char *name, const sheaf_operator *op, sheaf_error *error)
{
    char wrong[200];

    for (uint32_t i = 0; i < sheaf_count_options(op); i++) {
        const sheaf_option *option = &op->options[i];
        sheaf_type type = option->type;

        if (!is_good_option_name(option->name))
            COMPLAIN("Names of options have letters, digits, and _ - . between.",
                     "the name of option %u is not usable", i);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(option->name, op->options[j].name) == 0)
                COMPLAIN("Give each option a name of its own.", "two options are called \"%s\"",
                         option->name);
        if (type != SHEAF_BOOL && type != SHEAF_I32 && type != SHEAF_I64 && type != SHEAF_F32 &&
            type != SHEAF_F64 && type != SHEAF_TEXT)
            COMPLAIN("Options are bool, int32_t, int64_t, float, double or const char *.",
                     "option \"%s\" has a type that options can not have", option->name);
        if (!option->about || !*option->about)
            COMPLAIN("Say what it does: SHEAF_OPTION(struct, member, \"standard\", \"about\").",
                     "option \"%s\" has no description", option->name);

        size_t size = type == SHEAF_TEXT ? sizeof(char *) : sheaf_type_size(type);
        if (size > op->options_size || option->offset > op->options_size - size)
            COMPLAIN("Write .options_size = sizeof of the struct that .options name,",
                     "option \"%s\" lies outside the %zu bytes of options", option->name,
                     op->options_size);
    }
    return SHEAF_OK;
}

sheaf_status sheaf_contract_check(const char *name, const sheaf_operator *op, sheaf_error *error)
{
    if (!is_good_name(name))
        return complain(error, "?", "its name is not usable",
                        "Names have 1 to 63 bytes and no control characters.");
    SHEAF_TRY(check_verbs(name, op, error));
    SHEAF_TRY(check_inputs(name, op, error));
    SHEAF_TRY(check_outputs(name, op, error));
    SHEAF_TRY(check_options(name, op, error));
    if (!op->measure)
        SHEAF_TRY(sheaf_contract_state(name, op, op->state_size, error));
    return SHEAF_OK;
}
