/* bind.c - columns for inputs, values for options, places for states: see bind.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/string.h"
#include "column/parse.h"
#include "column/types.h"
#include "operator/bind.h"
#include "operator/contract.h"

/* -- inputs ---------------------------------------------------------------------------------- */

static bool is_integer(sheaf_type type)
{
    return sheaf_type_signed(type) || sheaf_type_unsigned(type);
}

static bool is_float(sheaf_type type)
{
    return type == SHEAF_F32 || type == SHEAF_F64;
}

static bool is_number(sheaf_type type)
{
    return is_integer(type) || is_float(type) || type == SHEAF_DECIMAL;
}

/* Every integer of type `have` is also one of type `wanted`. */
static bool holds_all(sheaf_type wanted, sheaf_type have)
{
    size_t room = sheaf_type_size(wanted), size = sheaf_type_size(have);

    if (sheaf_type_signed(wanted) == sheaf_type_signed(have))
        return room >= size;
    return sheaf_type_signed(wanted) && room > size;
}

/* The type that NUMBER and ANY see. */
static sheaf_type plain(sheaf_type type)
{
    if (is_integer(type))
        return SHEAF_I64;
    return type == SHEAF_F32 ? SHEAF_F64 : type;
}

/* Types whose values a CSV column can have, so that they stand as text in the data. */
static bool is_written(sheaf_type type)
{
    return type == SHEAF_BOOL || type == SHEAF_I64 || type == SHEAF_F64 || type == SHEAF_DECIMAL ||
           type == SHEAF_DATE || type == SHEAF_TIME || type == SHEAF_TEXT;
}

static bool takes(sheaf_type wanted, sheaf_type have)
{
    switch (wanted) {
    case SHEAF_ANY:
        return sheaf_type_size(have) != 0 && have != SHEAF_WIDE;
    case SHEAF_NUMBER:
    case SHEAF_F64:
        return is_number(have);
    case SHEAF_DECIMAL:
        return have == SHEAF_DECIMAL || is_integer(have);
    case SHEAF_I64: /* a u64 above INT64_MAX is refused where it is read */
        return is_integer(have);
    case SHEAF_TEXT:
        return is_written(have);
    case SHEAF_BYTES:
        return have == SHEAF_BYTES || have == SHEAF_TEXT;
    default:
        return have == wanted ||
               (is_integer(wanted) && is_integer(have) && holds_all(wanted, have));
    }
}

static const char *in_words(sheaf_type wanted)
{
    switch (wanted) {
    case SHEAF_NUMBER:
    case SHEAF_F64:
        return "a number";
    case SHEAF_I64:
        return "an integer";
    case SHEAF_ANY:
        return "a value";
    default:
        return sheaf_type_name(wanted);
    }
}

/* A type that the user could say the column has. */
static const char *as_schema(sheaf_type wanted)
{
    return wanted == SHEAF_NUMBER || wanted == SHEAF_ANY ? "f64" : sheaf_type_name(wanted);
}

sheaf_status sheaf_bind_kind(const char *operator_name, const sheaf_input *input,
                             const char *column, sheaf_kind have, sheaf_kind *kind,
                             sheaf_error *error)
{
    sheaf_type wanted = input->type;

    if (!takes(wanted, have.type)) {
        sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 223,
                             "%s: input \"%s\" wants %s, but column \"%s\" is %s", operator_name,
                             input->name, in_words(wanted), column, sheaf_type_name(have.type));
        sheaf_error_help(error, "Read another column: --bind %s=COLUMN", input->name);
        if (is_written(have.type) && (is_written(wanted) || wanted == SHEAF_NUMBER))
            sheaf_error_help(error, "Or say what the column holds: --schema '%s:%s'", column,
                             as_schema(wanted));
        return SHEAF_BAD_ARGUMENT;
    }
    if (wanted == SHEAF_NUMBER || wanted == SHEAF_ANY)
        *kind = (sheaf_kind){plain(have.type), have.scale};
    else
        *kind = (sheaf_kind){wanted, have.type == wanted ? have.scale : 0};
    return SHEAF_OK;
}

/* -- options --------------------------------------------------------------------------------- */

static void help_options(const sheaf_operator *op, sheaf_error *error)
{
    struct sheaf_string list = {0};

    for (uint32_t i = 0; i < sheaf_count_options(op); i++) {
        const sheaf_option *option = &op->options[i];

        sheaf_string_append_format(&list, "%s%s (%s%s%s)", i ? ", " : "It has: ", option->name,
                                   sheaf_type_name(option->type),
                                   option->standard ? ", else " : ", must be set",
                                   option->standard ? option->standard : "");
    }
    if (list.size)
        sheaf_error_help(error, "%s", list.bytes);
    else
        sheaf_error_help(error, "It has no options.");
    sheaf_string_free(&list);
}

static sheaf_status refuse_value(const char *operator_name, const sheaf_option *option,
                                 const char *value, size_t size, sheaf_error *error)
{
    sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 222,
                         "%s: option %s wants a value of type %s, got \"%.*s\"", operator_name,
                         option->name, sheaf_type_name(option->type), size < 100 ? (int)size : 100,
                         value);
    sheaf_error_help(error, "%s: %s.  Write --set %s=VALUE", option->name, option->about,
                     option->name);
    return SHEAF_BAD_ARGUMENT;
}

static bool equals(const char *text, const char *bytes, size_t size)
{
    return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

static bool parse_bool(const char *bytes, size_t size, uint8_t *value)
{
    *value = equals("true", bytes, size) || equals("yes", bytes, size) || equals("1", bytes, size);
    return *value || equals("false", bytes, size) || equals("no", bytes, size) ||
           equals("0", bytes, size);
}

/* Store a value that is not text at the option's place. */
static bool store_value(const sheaf_option *option, const char *bytes, size_t size, char *options)
{
    sheaf_type type = option->type;
    char *to = options + option->offset;
    uint8_t truth;
    int64_t integer = 0;
    double number = 0;

    if (type == SHEAF_BOOL) {
        if (!parse_bool(bytes, size, &truth))
            return false;
        memcpy(to, &truth, sizeof truth);
    } else if (type == SHEAF_I64 || type == SHEAF_I32) {
        if (!sheaf_parse_value((sheaf_kind){SHEAF_I64, 0}, bytes, size, &integer) ||
            (type == SHEAF_I32 && (integer < INT32_MIN || integer > INT32_MAX)))
            return false;
        int32_t narrow = (int32_t)integer;
        memcpy(to, type == SHEAF_I32 ? (void *)&narrow : (void *)&integer, sheaf_type_size(type));
    } else {
        if (!sheaf_parse_value((sheaf_kind){SHEAF_F64, 0}, bytes, size, &number))
            return false;
        float narrow = (float)number;
        memcpy(to, type == SHEAF_F32 ? (void *)&narrow : (void *)&number, sheaf_type_size(type));
    }
    return true;
}

/* One name=value of the text of --set; the value's quotes are resolved into `value`. */
struct setting {
    const char *name;
    size_t name_size;
    const char *value; /* in `unquoted` or in the text itself */
    size_t value_size;
};

/* Read one setting at *at and move behind its comma.  `unquoted` has room for the whole text. */
static bool next_setting(const char **at, char *unquoted, struct setting *setting)
{
    const char *c = *at;

    setting->name = c;
    c += strcspn(c, "=,");
    setting->name_size = (size_t)(c - setting->name);
    if (*c != '=')
        return false;
    c++;
    if (*c != '"') {
        setting->value = c;
        c += strcspn(c, ",");
        setting->value_size = (size_t)(c - setting->value);
    } else {
        size_t size = 0;

        for (c++; *c && (*c != '"' || c[1] == '"'); c++) {
            c += *c == '"';
            unquoted[size++] = *c;
        }
        if (*c++ != '"' || (*c && *c != ','))
            return false;
        setting->value = unquoted;
        setting->value_size = size;
    }
    *at = *c ? c + 1 : c;
    return true;
}

static const sheaf_option *find_option(const sheaf_operator *op, const struct setting *setting)
{
    for (uint32_t i = 0; i < sheaf_count_options(op); i++)
        if (equals(op->options[i].name, setting->name, setting->name_size))
            return &op->options[i];
    return NULL;
}

/* Where texts of options go: behind the options, in the same allocation. */
struct target {
    char *options;
    char *texts;
};

static bool set_option(const sheaf_option *option, const char *value, size_t size,
                       struct target *target)
{
    if (option->type != SHEAF_TEXT)
        return store_value(option, value, size, target->options);
    memcpy(target->texts, value, size);
    target->texts[size] = '\0';
    memcpy(target->options + option->offset, &target->texts, sizeof target->texts);
    target->texts += size + 1;
    return true;
}

static sheaf_status set_standards(const char *name, const sheaf_operator *op, bool *is_set,
                                  struct target *target, sheaf_error *error)
{
    for (uint32_t i = 0; i < sheaf_count_options(op); i++) {
        const sheaf_option *option = &op->options[i];

        if (is_set[i])
            continue;
        if (!option->standard) {
            sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 222, "%s: option %s must be set", name,
                                 option->name);
            sheaf_error_help(error, "%s: %s.  Write --set %s=VALUE", option->name, option->about,
                             option->name);
            return SHEAF_BAD_ARGUMENT;
        }
        if (!set_option(option, option->standard, strlen(option->standard), target)) {
            sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 706,
                                 "operator %s: the standard \"%s\" of option %s is not %s", name,
                                 option->standard, option->name, sheaf_type_name(option->type));
            sheaf_error_help(error, "Write a value of the option's type, as a user would.");
            return SHEAF_BAD_OPERATOR;
        }
    }
    return SHEAF_OK;
}

static sheaf_status set_given(const char *name, const sheaf_operator *op, const char *set,
                              char *unquoted, bool *is_set, struct target *target,
                              sheaf_error *error)
{
    while (*set) {
        struct setting setting;
        const char *from = set;

        if (!next_setting(&set, unquoted, &setting)) {
            sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 222,
                                 "%s: expected option=value, got \"%.100s\"", name, from);
            help_options(op, error);
            return SHEAF_BAD_ARGUMENT;
        }
        const sheaf_option *option = find_option(op, &setting);
        if (!option) {
            sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 222, "%s has no option \"%.*s\"", name,
                                 setting.name_size < 100 ? (int)setting.name_size : 100,
                                 setting.name);
            help_options(op, error);
            return SHEAF_BAD_ARGUMENT;
        }
        if (is_set[option - op->options]) {
            sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 222, "%s: option %s is set twice", name,
                                 option->name);
            sheaf_error_help(error, "Keep one of the two.");
            return SHEAF_BAD_ARGUMENT;
        }
        if (memchr(setting.value, '\0', setting.value_size) ||
            !set_option(option, setting.value, setting.value_size, target))
            return refuse_value(name, option, setting.value, setting.value_size, error);
        is_set[option - op->options] = true;
    }
    return SHEAF_OK;
}

sheaf_status sheaf_bind_options(const char *operator_name, const sheaf_operator *op,
                                const char *set, void **options, sheaf_error *error)
{
    size_t set_size = set ? strlen(set) : 0;
    size_t texts = set_size + 1;
    bool is_set[SHEAF_FIELDS_MAX] = {false};
    struct target target;
    char *unquoted = NULL;
    sheaf_status status;

    *options = NULL;
    if (op->options_size == 0 && sheaf_count_options(op) == 0 && set_size == 0)
        return SHEAF_OK;
    for (uint32_t i = 0; i < sheaf_count_options(op); i++)
        texts += op->options[i].standard ? strlen(op->options[i].standard) + 1 : 1;
    SHEAF_TRY(sheaf_allocate(&target.options, 1, op->options_size + texts, error));
    target.texts = target.options + op->options_size;
    status = sheaf_allocate(&unquoted, set_size + 1, 1, error);
    if (status == SHEAF_OK && set)
        status = set_given(operator_name, op, set, unquoted, is_set, &target, error);
    if (status == SHEAF_OK)
        status = set_standards(operator_name, op, is_set, &target, error);
    free(unquoted);
    if (status == SHEAF_OK)
        *options = target.options;
    else
        free(target.options);
    return status;
}

/* -- states and outputs ---------------------------------------------------------------------- */

static size_t round_up(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

sheaf_status sheaf_bind_state(struct sheaf_bound *bound, size_t size, sheaf_error *error)
{
    if (size == 0 && bound->op->measure) {
        sheaf_operator_error(error, SHEAF_BAD_ARGUMENT, 222,
                             "%s: the values of its options make no sense together", bound->name);
        help_options(bound->op, error);
        return SHEAF_BAD_ARGUMENT;
    }
    SHEAF_TRY(sheaf_contract_state(bound->name, bound->op, size, error));
    bound->state_size = round_up(size);
    return SHEAF_OK;
}

void sheaf_aggregate_layout(struct sheaf_aggregate *aggregate)
{
    aggregate->stride = 0;
    for (size_t i = 0; i < aggregate->count; i++) {
        aggregate->bound[i].state_size = round_up(aggregate->bound[i].state_size);
        aggregate->bound[i].state_offset = aggregate->stride;
        aggregate->stride += aggregate->bound[i].state_size;
    }
}

void sheaf_aggregate_free(struct sheaf_aggregate *aggregate)
{
    for (size_t i = 0; i < aggregate->count; i++) {
        free(aggregate->bound[i].options);
        for (size_t j = 0; j < SHEAF_FIELDS_MAX; j++)
            free(aggregate->bound[i].output_name[j]);
    }
    free(aggregate->bound);
    *aggregate = (struct sheaf_aggregate){0};
}

/* The scale of the first input of this type, else 0. */
static int32_t scale_of(const struct sheaf_bound *bound, sheaf_type type)
{
    for (uint32_t i = 0; i < bound->inputs; i++)
        if (bound->input_kind[i].type == type)
            return bound->input_kind[i].scale;
    return 0;
}

void sheaf_bind_outputs(struct sheaf_bound *bound)
{
    sheaf_kind first = bound->inputs ? bound->input_kind[0] : (sheaf_kind){SHEAF_NONE, 0};

    bound->outputs = sheaf_count_outputs(bound->op);
    for (uint32_t i = 0; i < bound->outputs; i++) {
        sheaf_kind kind = {bound->op->outputs[i].type, 0};

        if (kind.type == SHEAF_SAME)
            kind = first;
        else if (kind.type == SHEAF_WIDE && is_float(first.type))
            kind.type = SHEAF_F64;
        else if (kind.type == SHEAF_WIDE)
            kind.scale = first.type == SHEAF_DECIMAL ? first.scale : 0;
        else if (kind.type == SHEAF_DECIMAL || kind.type == SHEAF_TIME)
            kind.scale = scale_of(bound, kind.type);
        bound->output_kind[i] = kind;
    }
}
