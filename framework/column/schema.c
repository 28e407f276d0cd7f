/* schema.c - names and kinds, in words and in memory: see schema.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "column/schema.h"

static const char kinds_help[] =
    "Types: bool i64 f64 decimal decimal(SCALE) date time time(utc) text; in binary "
    "data also i8 i16 i32 u8 u16 u32 u64 f32 bytes";

static const sheaf_type plain_types[] = {
    SHEAF_BOOL, SHEAF_I8,  SHEAF_I16, SHEAF_I32,  SHEAF_I64,  SHEAF_U8,   SHEAF_U16,  SHEAF_U32,
    SHEAF_U64,  SHEAF_F32, SHEAF_F64, SHEAF_DATE, SHEAF_TIME, SHEAF_TEXT, SHEAF_BYTES};

static bool equals(const char *words, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(words, word, size) == 0;
}

/* The S of "decimal(S)"; -2 if the words are not of that form or S is not 0 to 18. */
static int32_t read_scale(const char *words, size_t size)
{
    static const char head[] = "decimal(";
    const size_t skip = sizeof head - 1;
    int32_t scale = 0;

    if (size < skip + 2 || size > skip + 3 || memcmp(words, head, skip) != 0 ||
        words[size - 1] != ')')
        return -2;
    for (size_t i = skip; i + 1 < size; i++) {
        if (words[i] < '0' || words[i] > '9')
            return -2;
        scale = 10 * scale + (words[i] - '0');
    }
    return scale <= 18 ? scale : -2;
}

/* How much of unknown words a message repeats. */
static int shown(size_t size)
{
    return size > 40 ? 40 : (int)size;
}

sheaf_status sheaf_kind_parse(const char *words, size_t size, sheaf_kind *kind, sheaf_error *error)
{
    *kind = (sheaf_kind){SHEAF_NONE, 0};
    for (size_t i = 0; i < sizeof plain_types / sizeof plain_types[0]; i++)
        if (equals(words, size, sheaf_type_name(plain_types[i]))) {
            kind->type = plain_types[i];
            return SHEAF_OK;
        }
    if (equals(words, size, "time(utc)")) {
        *kind = (sheaf_kind){SHEAF_TIME, 1};
        return SHEAF_OK;
    }
    int32_t scale = equals(words, size, "decimal") ? -1 : read_scale(words, size);
    if (scale >= -1) {
        *kind = (sheaf_kind){SHEAF_DECIMAL, scale};
        return SHEAF_OK;
    }
    if (size >= 8 && memcmp(words, "decimal(", 8) == 0)
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                        "the scale of a decimal is 0 to 18, as in decimal(2), not \"%.*s\"",
                        shown(size), words);
    else
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "there is no type \"%.*s\"", shown(size), words);
    sheaf_error_help(error, "%s", kinds_help);
    return SHEAF_BAD_ARGUMENT;
}

/* -- reading ------------------------------------------------------------------------------- */

struct scanner {
    const char *words;
    const char *at;
    sheaf_error *error;
};

static sheaf_status wanted(const struct scanner *scan, const char *what)
{
    size_t place = (size_t)(scan->at - scan->words) + 1;

    if (*scan->at)
        sheaf_error_set(scan->error, SHEAF_BAD_ARGUMENT,
                        "schema, character %zu: expected %s, got \"%.20s\"", place, what, scan->at);
    else
        sheaf_error_set(scan->error, SHEAF_BAD_ARGUMENT,
                        "schema, character %zu: expected %s, got the end", place, what);
    sheaf_error_help(scan->error, "A schema is NAME:TYPE,NAME:TYPE,... such as "
                                  "station:text,amount:decimal(2)");
    return SHEAF_BAD_ARGUMENT;
}

static void skip_blanks(struct scanner *scan)
{
    scan->at += strspn(scan->at, " \t\n");
}

static size_t without_blanks_at_end(const char *words, size_t size)
{
    while (size > 0 && strchr(" \t\n", words[size - 1]))
        size--;
    return size;
}

/* "like ""this""", the scanner standing at the opening quote. */
static sheaf_status read_quoted_name(struct scanner *scan, char **name)
{
    const char *from = scan->at + 1;
    char *to;

    SHEAF_TRY(sheaf_copy_string(from, name, scan->error));
    to = *name;
    while (*from && (*from != '"' || from[1] == '"')) {
        from += *from == '"';
        *to++ = *from++;
    }
    *to = '\0';
    if (*from != '"') {
        free(*name);
        *name = NULL;
        scan->at = from;
        return wanted(scan, "a closing quote");
    }
    scan->at = from + 1;
    return SHEAF_OK;
}

static sheaf_status read_name(struct scanner *scan, char **name)
{
    size_t size = strcspn(scan->at, ",:\"()");

    if (*scan->at == '"')
        return read_quoted_name(scan, name);
    size = without_blanks_at_end(scan->at, size);
    if (size == 0)
        return wanted(scan, "the name of a column");
    SHEAF_TRY(sheaf_copy_bytes(scan->at, size, name, scan->error));
    scan->at += size;
    return SHEAF_OK;
}

/* The type after a name, if there is one. */
static sheaf_status read_kind(struct scanner *scan, sheaf_kind *kind)
{
    *kind = (sheaf_kind){SHEAF_NONE, 0};
    skip_blanks(scan);
    if (*scan->at != ':')
        return SHEAF_OK;
    scan->at++;
    skip_blanks(scan);
    size_t size = without_blanks_at_end(scan->at, strcspn(scan->at, ",:\""));
    if (size == 0)
        return wanted(scan, "a type");
    sheaf_status status = sheaf_kind_parse(scan->at, size, kind, scan->error);
    if (status != SHEAF_OK && scan->error) {
        char message[sizeof scan->error->message], help[sizeof scan->error->help];
        memcpy(message, scan->error->message, sizeof message);
        memcpy(help, scan->error->help, sizeof help);
        sheaf_error_set(scan->error, status, "schema, character %zu: %s",
                        (size_t)(scan->at - scan->words) + 1, message);
        sheaf_error_help(scan->error, "%s", help);
    }
    scan->at += size;
    skip_blanks(scan);
    return status;
}

static sheaf_status read_field(struct scanner *scan, struct sheaf_schema *schema, size_t *capacity)
{
    struct sheaf_field field = {NULL, {SHEAF_NONE, 0}};

    skip_blanks(scan);
    SHEAF_TRY(sheaf_grow(&schema->fields, capacity, schema->count + 1, sizeof *schema->fields,
                         scan->error));
    SHEAF_TRY(read_name(scan, &field.name));
    schema->fields[schema->count++] = field; /* from here on it is freed with the others */
    return read_kind(scan, &schema->fields[schema->count - 1].kind);
}

sheaf_status sheaf_schema_parse(const char *words, struct sheaf_schema *schema, sheaf_error *error)
{
    struct scanner scan = {words, words, error};
    size_t capacity = 0;
    sheaf_status status;

    *schema = (struct sheaf_schema){NULL, 0};
    for (;;) {
        status = read_field(&scan, schema, &capacity);
        if (status != SHEAF_OK || *scan.at != ',')
            break;
        scan.at++;
    }
    if (status == SHEAF_OK && *scan.at)
        status = wanted(&scan, "a comma or a colon");
    if (status != SHEAF_OK)
        sheaf_schema_free(schema);
    return status;
}

/* -- the rest ------------------------------------------------------------------------------ */

sheaf_status sheaf_schema_copy(const struct sheaf_schema *from, struct sheaf_schema *to,
                               sheaf_error *error)
{
    sheaf_status status;

    *to = (struct sheaf_schema){NULL, 0};
    SHEAF_TRY(sheaf_allocate(&to->fields, from->count, sizeof *to->fields, error));
    for (; to->count < from->count; to->count++) {
        struct sheaf_field *field = &to->fields[to->count];
        field->kind = from->fields[to->count].kind;
        status = sheaf_copy_string(from->fields[to->count].name, &field->name, error);
        if (status != SHEAF_OK) {
            sheaf_schema_free(to);
            return status;
        }
    }
    return SHEAF_OK;
}

void sheaf_schema_free(struct sheaf_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        free(schema->fields[i].name);
    free(schema->fields);
    *schema = (struct sheaf_schema){NULL, 0};
}

/* Whether a name would be read as something else if it stood without quotes. */
static bool needs_quotes(const char *name)
{
    size_t size = strlen(name);

    return size == 0 || name[strcspn(name, ",:\"()")] != '\0' || strchr(" \t\n", name[0]) ||
           strchr(" \t\n", name[size - 1]);
}

static void print_name(const char *name, struct sheaf_string *words)
{
    if (!needs_quotes(name)) {
        sheaf_string_append(words, name);
        return;
    }
    sheaf_string_append_char(words, '"');
    for (; *name; name++) {
        if (*name == '"')
            sheaf_string_append_char(words, '"');
        sheaf_string_append_char(words, *name);
    }
    sheaf_string_append_char(words, '"');
}

void sheaf_kind_print(sheaf_kind kind, struct sheaf_string *words)
{
    sheaf_string_append(words, sheaf_type_name(kind.type));
    if (kind.type == SHEAF_DECIMAL && kind.scale >= 0)
        sheaf_string_append_format(words, "(%d)", kind.scale);
    if (kind.type == SHEAF_TIME && kind.scale == 1)
        sheaf_string_append(words, "(utc)");
}

void sheaf_schema_print(const struct sheaf_schema *schema, struct sheaf_string *words)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (i > 0)
            sheaf_string_append_char(words, ',');
        print_name(schema->fields[i].name, words);
        if (schema->fields[i].kind.type != SHEAF_NONE) {
            sheaf_string_append_char(words, ':');
            sheaf_kind_print(schema->fields[i].kind, words);
        }
    }
}

/* The index that "#3" stands for, or -1. */
static int read_position(const char *name, size_t size, size_t count)
{
    size_t position = 0;

    if (size < 2 || size > 8 || name[0] != '#')
        return -1;
    for (size_t i = 1; i < size; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -1;
        position = 10 * position + (size_t)(name[i] - '0');
    }
    return position >= 1 && position <= count ? (int)position - 1 : -1;
}

int sheaf_schema_find(const struct sheaf_schema *schema, const char *name, size_t size)
{
    for (size_t i = 0; i < schema->count; i++)
        if (equals(name, size, schema->fields[i].name))
            return (int)i;
    return read_position(name, size, schema->count);
}
