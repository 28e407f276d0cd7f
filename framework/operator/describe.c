/* describe.c - tables across processes: see describe.h */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "process/capture.h"
#include "operator/contract.h"
#include "operator/describe.h"

enum {
    TIMEOUT_MS = 5000,
    TEXT_MAX = 1000,      /* bytes of one name or description; more is cut */
    FLAT_MAX = 256 << 10, /* bytes of a whole table */
    NO_TEXT = -1,         /* the size of a text that is NULL */
    FUNCTIONS = 10,
};

/* The name of a descriptor for the loader, which takes two objects of one name for one: a file
 * that came to have the number of another would be that other.  So each name is spelled in its own
 * way: between the slashes stands a dot, or none, by the bits of a count. */
static void spell(int fd, char *path, size_t size)
{
    static uint16_t count;
    char way[2 * 16 + 1];
    size_t used = 0;

    count++;
    for (int bit = 0; bit < 16; bit++) {
        way[used++] = '/';
        if (count >> bit & 1)
            way[used++] = '.';
    }
    way[used] = '\0';
    snprintf(path, size, "/proc/self/fd%s/%d", way, fd);
}

const sheaf_operator *sheaf_plugin_map(int fd, void **handle, const char **why)
{
    char path[80];

    /* By its descriptor, so that what was checked is what is loaded.  NOW: a missing symbol shows
     * here and not in the middle of a run.  LOCAL: plug-ins do not see each other's symbols. */
    spell(fd, path, sizeof path);
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*handle) {
        *why = dlerror();
        /* The loader begins with the name that it was given, which says nothing to anybody. */
        const char *words =
            *why && strncmp(*why, path, strlen(path)) == 0 ? strstr(*why, ": ") : NULL;
        *why = words ? words + 2 : *why ? *why : "unknown reason";
        return NULL;
    }
    const sheaf_operator *op = dlsym(*handle, "sheaf_plugin");
    if (!op) {
        *why = "it has no symbol sheaf_plugin";
        dlclose(*handle);
        *handle = NULL;
    }
    return op;
}

/* -- tables into bytes ----------------------------------------------------------------------- */

static void put_number(struct sheaf_string *flat, uint64_t number)
{
    sheaf_string_append_bytes(flat, &number, sizeof number);
}

static void put_text(struct sheaf_string *flat, const char *text)
{
    int32_t size = text ? (int32_t)strnlen(text, TEXT_MAX) : NO_TEXT;

    sheaf_string_append_bytes(flat, &size, sizeof size);
    if (text)
        sheaf_string_append_bytes(flat, text, (size_t)size);
}

static uint64_t which_functions(const sheaf_operator *op)
{
    const bool there[FUNCTIONS] = {op->begin,      op->fold,         op->combine,     op->finish,
                                   op->fold_keyed, op->combine_with, op->finish_with, op->measure,
                                   op->answer,     op->map};
    uint64_t bits = 0;

    for (int i = 0; i < FUNCTIONS; i++)
        bits |= (uint64_t)there[i] << i;
    return bits;
}

void sheaf_table_flatten(const sheaf_operator *op, struct sheaf_string *flat)
{
    put_number(flat, sheaf_count_inputs(op));
    put_number(flat, sheaf_count_outputs(op));
    put_number(flat, sheaf_count_options(op));
    put_number(flat, op->state_size);
    put_number(flat, op->options_size);
    put_number(flat, (uint64_t)op->keep_missing | (uint64_t)op->exact << 1);
    put_number(flat, which_functions(op));
    put_text(flat, op->about);
    put_text(flat, op->by);
    for (uint32_t i = 0; i < sheaf_count_inputs(op); i++) {
        put_text(flat, op->inputs[i].name);
        put_number(flat, op->inputs[i].type);
    }
    for (uint32_t i = 0; i < sheaf_count_outputs(op); i++) {
        put_text(flat, op->outputs[i].name);
        put_number(flat, op->outputs[i].type);
        put_number(flat, op->outputs[i].offset);
        put_number(flat, op->outputs[i].present);
    }
    for (uint32_t i = 0; i < sheaf_count_options(op); i++) {
        put_text(flat, op->options[i].name);
        put_number(flat, op->options[i].type);
        put_number(flat, op->options[i].offset);
        put_text(flat, op->options[i].standard);
        put_text(flat, op->options[i].about);
    }
}

/* -- and back -------------------------------------------------------------------------------- */

/* Reading is over once something did not fit: `bad` stays, and all else is zero. */
struct cursor {
    const char *at, *end;
    char *texts; /* where the next text goes; there is room for all, each with a zero byte */
    bool bad;
};

static void get_bytes(struct cursor *cursor, void *to, size_t size)
{
    if (cursor->bad || size > (size_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        memset(to, 0, size);
        return;
    }
    memcpy(to, cursor->at, size);
    cursor->at += size;
}

static uint64_t get_number(struct cursor *cursor, uint64_t most)
{
    uint64_t number;

    get_bytes(cursor, &number, sizeof number);
    if (number > most) {
        cursor->bad = true;
        number = 0;
    }
    return number;
}

static const char *get_text(struct cursor *cursor)
{
    char *text = cursor->texts;
    int32_t size;

    get_bytes(cursor, &size, sizeof size);
    if (size == NO_TEXT || cursor->bad)
        return NULL;
    if (size < 0 || size > TEXT_MAX || size > cursor->end - cursor->at ||
        memchr(cursor->at, '\0', (size_t)size)) {
        cursor->bad = true;
        return NULL;
    }
    get_bytes(cursor, text, (size_t)size);
    cursor->texts += size + 1;
    return text;
}

static void not_loaded(void)
{
    fputs("sheaf: a plug-in's function was called before the plug-in was loaded\n", stderr);
    abort();
}

/* Mark a function as there, for those who ask whether it is NULL. */
#define MARK(bit, member) op->member = bits >> (bit)&1 ? (__typeof__(op->member))not_loaded : NULL

static void mark_functions(sheaf_operator *op, uint64_t bits)
{
    MARK(0, begin);
    MARK(1, fold);
    MARK(2, combine);
    MARK(3, finish);
    MARK(4, fold_keyed);
    MARK(5, combine_with);
    MARK(6, finish_with);
    MARK(7, measure);
    MARK(8, answer);
    MARK(9, map);
}

static void get_fields(struct cursor *cursor, sheaf_operator *op, const uint64_t count[3])
{
    for (uint64_t i = 0; i < count[0]; i++) {
        op->inputs[i].name = get_text(cursor);
        op->inputs[i].type = (sheaf_type)get_number(cursor, SHEAF_SAME);
        cursor->bad |= !op->inputs[i].name;
    }
    for (uint64_t i = 0; i < count[1]; i++) {
        op->outputs[i].name = get_text(cursor);
        op->outputs[i].type = (sheaf_type)get_number(cursor, SHEAF_SAME);
        op->outputs[i].offset = get_number(cursor, SIZE_MAX);
        op->outputs[i].present = get_number(cursor, SIZE_MAX);
        cursor->bad |= !op->outputs[i].name;
    }
    for (uint64_t i = 0; i < count[2]; i++) {
        op->options[i].name = get_text(cursor);
        op->options[i].type = (sheaf_type)get_number(cursor, SHEAF_SAME);
        op->options[i].offset = get_number(cursor, SIZE_MAX);
        op->options[i].standard = get_text(cursor);
        op->options[i].about = get_text(cursor);
        cursor->bad |= !op->options[i].name;
    }
}

bool sheaf_table_unflatten(const void *bytes, size_t size, struct sheaf_described *described)
{
    struct cursor cursor = {.at = bytes, .end = (const char *)bytes + size};
    sheaf_operator *op = &described->op;
    uint64_t count[3];

    memset(described, 0, sizeof *described);
    /* Each text takes four bytes for its size there, and one for its zero here. */
    if (size > FLAT_MAX || sheaf_allocate(&described->texts, size + 1, 1, NULL) != SHEAF_OK)
        return false;
    cursor.texts = described->texts;
    for (int i = 0; i < 3; i++)
        count[i] = get_number(&cursor, SHEAF_FIELDS_MAX);
    op->state_size = get_number(&cursor, SIZE_MAX);
    op->options_size = get_number(&cursor, FLAT_MAX);
    uint64_t flags = get_number(&cursor, 3);
    op->keep_missing = flags & 1;
    op->exact = flags >> 1;
    mark_functions(op, get_number(&cursor, (UINT64_C(1) << FUNCTIONS) - 1));
    op->about = get_text(&cursor);
    op->by = get_text(&cursor);
    get_fields(&cursor, op, count);
    if (cursor.bad || cursor.at != cursor.end) {
        free(described->texts);
        memset(described, 0, sizeof *described);
        return false;
    }
    return true;
}

/* -- in a child ------------------------------------------------------------------------------ */

struct visit {
    int fd;
    const void *options;
    bool measure;
};

static int write_all(int to, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(to, bytes, size);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return 1;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

/* Exit codes: 0 the answer was written, 2 the loader's complaint was. */
static int visit_plugin(void *argument, int output)
{
    const struct visit *visit = argument;
    struct sheaf_string answer = {0};
    void *handle;
    const char *why = NULL;
    const sheaf_operator *op = sheaf_plugin_map(visit->fd, &handle, &why);
    int code = 0;

    if (!op) {
        sheaf_string_append(&answer, why);
        code = 2;
    } else if (visit->measure) {
        put_number(&answer, op->measure ? op->measure(visit->options) : op->state_size);
    } else {
        sheaf_table_flatten(op, &answer);
    }
    if (answer.failed || write_all(output, answer.bytes, answer.size) != 0)
        return 3;
    return code;
}

static sheaf_status explain(const char *path, const struct sheaf_capture *child, const char *doing,
                            sheaf_error *error)
{
    if (child->timed_out) {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705,
                             "%s: it did not come back within %d seconds while %s", path,
                             child->timeout_ms / 1000, doing);
    } else if (child->signal) {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705,
                             "%s: it crashed while %s: signal %d (%s)", path, doing, child->signal,
                             strsignal(child->signal));
    } else if (child->code == 2 && child->output.size) {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705, "%s: it can not be loaded: %.300s",
                             path, child->output.bytes);
        sheaf_error_help(error, "An undefined symbol is a function that neither it nor sheaf has.");
        return SHEAF_BAD_OPERATOR;
    } else {
        sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705, "%s: it ended the process while %s",
                             path, doing);
    }
    sheaf_error_help(error, "Operators are tables and functions; look for constructors and for "
                            "initialisers that run code.");
    return SHEAF_BAD_OPERATOR;
}

static sheaf_status visit_in_child(const char *path, struct visit *visit, struct sheaf_capture *child,
                                   const char *doing, sheaf_error *error)
{
    child->body = visit_plugin;
    child->argument = visit;
    child->timeout_ms = TIMEOUT_MS;
    child->limit = FLAT_MAX;
    SHEAF_TRY(sheaf_capture_run(child, error));
    if (child->code != 0 || child->timed_out)
        return explain(path, child, doing, error);
    return SHEAF_OK;
}

sheaf_status sheaf_describe(const char *path, int fd, struct sheaf_described *described,
                            sheaf_error *error)
{
    struct visit visit = {.fd = fd};
    struct sheaf_capture child = {0};
    sheaf_status status = visit_in_child(path, &visit, &child, "it was loaded", error);

    if (status == SHEAF_OK &&
        !sheaf_table_unflatten(child.output.bytes, child.output.size, described)) {
        status =
            sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705,
                                 "%s: it gave no table of an operator when it was loaded", path);
        sheaf_error_help(error, "Compile it again; its last words must be SHEAF_OPERATOR(name) = "
                                "{...};");
    }
    sheaf_string_free(&child.output);
    return status;
}

sheaf_status sheaf_describe_measure(const char *path, int fd, const void *options,
                                    size_t *state_size, sheaf_error *error)
{
    struct visit visit = {.fd = fd, .options = options, .measure = true};
    struct sheaf_capture child = {0};
    sheaf_status status = visit_in_child(path, &visit, &child, "measure ran", error);

    if (status == SHEAF_OK && child.output.size != sizeof(uint64_t))
        status = sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 705,
                                      "%s: measure gave no size of a state", path);
    if (status == SHEAF_OK)
        memcpy(state_size, child.output.bytes, sizeof *state_size);
    sheaf_string_free(&child.output);
    return status;
}
