/* words.c - the small lists a question is made of: see words.h */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/words.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * From `at`, the first place outside quotes and brackets where `stops` says so,
 * or the end.  NULL if a quote or bracket stays open.
 */
static const char *skip_to(const char *at, const char *stops)
{
    int depth = 0;

    for (; *at; at++) {
        if (depth == 0 && strchr(stops, *at))
            return at;
        if (*at == '\'' || *at == '"' || *at == '`') {
            const char *end = strchr(at + 1, *at);
            if (!end)
                return NULL;
            at = end;
        } else if (*at == '(') {
            depth++;
        } else if (*at == ')' && --depth < 0) {
            return NULL;
        }
    }
    return depth == 0 ? at : NULL;
}

static sheaf_status trimmed(const char *begin, const char *end, char **copy, sheaf_error *error)
{
    while (begin < end && is_blank(*begin))
        begin++;
    while (end > begin && is_blank(end[-1]))
        end--;
    return sheaf_copy_bytes(begin, (size_t)(end - begin), copy, error);
}

/* The " as " outside quotes and brackets in [begin, end), or NULL. */
static const char *find_as(const char *begin, const char *end)
{
    for (const char *at = begin; at < end; at++) {
        at = skip_to(at, " \t\n");
        if (!at || at >= end)
            return NULL;
        const char *word = at;
        while (word < end && is_blank(*word))
            word++;
        if (word + 2 < end && strncmp(word, "as", 2) == 0 && is_blank(word[2]))
            return word;
        at = word - 1;
    }
    return NULL;
}

static sheaf_status unbalanced(const char *what, const char *text, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s '%s': a quote or bracket is not closed (E231)",
                    what, text);
    return SHEAF_BAD_ARGUMENT;
}

sheaf_status sheaf_words_items(const char *text, const char *what, struct sheaf_items *items,
                               sheaf_error *error)
{
    size_t capacity = 0;

    *items = (struct sheaf_items){0};
    for (const char *at = text;; at++) {
        const char *end = skip_to(at, ",");
        struct sheaf_item item = {0};

        if (!end) {
            sheaf_words_items_free(items);
            return unbalanced(what, text, error);
        }
        const char *as = find_as(at, end);
        sheaf_status status =
            sheaf_grow(&items->items, &capacity, items->count + 1, sizeof *items->items, error);
        if (status == SHEAF_OK)
            status = trimmed(at, as ? as : end, &item.text, error);
        if (status == SHEAF_OK && as)
            status = trimmed(as + 2, end, &item.as, error);
        if (status == SHEAF_OK && (!item.text[0] || (item.as && !item.as[0])))
            status = sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "%s '%s': an item is empty (E232)",
                                     what, text);
        if (status != SHEAF_OK) {
            free(item.text);
            free(item.as);
            sheaf_words_items_free(items);
            return status;
        }
        items->items[items->count++] = item;
        if (!*end)
            return SHEAF_OK;
        at = end;
    }
}

void sheaf_words_items_free(struct sheaf_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        free(items->items[i].text);
        free(items->items[i].as);
    }
    free(items->items);
    *items = (struct sheaf_items){0};
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '/' || c == '-';
}

static void free_call(struct sheaf_call_words *call)
{
    free(call->whole);
    free(call->name);
    free(call->as);
    for (size_t i = 0; i < call->count; i++)
        free(call->arguments[i]);
    free(call->arguments);
    free(call->set);
}

void sheaf_words_calls_free(struct sheaf_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        free_call(&calls->calls[i]);
    free(calls->calls);
    *calls = (struct sheaf_calls){0};
}

/* Whether [begin, end) is "name=value", and not "a == b" or "a <= b". */
static const char *find_assignment(const char *begin, const char *end)
{
    const char *at = begin;

    while (at < end && (is_name_char(*at) || is_blank(*at)))
        at++;
    if (at == begin || at >= end || *at != '=' || at[1] == '=')
        return NULL;
    return at;
}

static sheaf_status add_argument(struct sheaf_call_words *call, const char *begin, const char *end,
                                 sheaf_error *error)
{
    const char *assignment = find_assignment(begin, end);
    size_t capacity = call->count;

    if (assignment) {
        char *pair = NULL;
        SHEAF_TRY(trimmed(begin, end, &pair, error));
        size_t have = call->set ? strlen(call->set) : 0;
        char *joined = realloc(call->set, have + strlen(pair) + 2);
        if (!joined) {
            free(pair);
            return sheaf_error_set(error, SHEAF_NO_MEMORY, "out of memory");
        }
        joined[have] = '\0';
        if (have)
            strcat(joined, ",");
        strcat(joined, pair);
        call->set = joined;
        free(pair);
        return SHEAF_OK;
    }
    SHEAF_TRY(sheaf_grow(&call->arguments, &capacity, call->count + 1, sizeof(char *), error));
    SHEAF_TRY(trimmed(begin, end, &call->arguments[call->count], error));
    call->count++;
    return SHEAF_OK;
}

static sheaf_status read_call(const char **cursor, struct sheaf_call_words *call,
                              sheaf_error *error)
{
    const char *begin = *cursor, *at = begin;

    while (is_name_char(*at))
        at++;
    const char *name_end = at;
    if (at == begin || *at != '(') {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                        "expected an aggregate such as mean(x), got '%.40s' (E233)", begin);
        sheaf_error_help(error, "Write them one after the other: 'mean(x) min(x) as low count()'");
        return SHEAF_BAD_ARGUMENT;
    }
    SHEAF_TRY(sheaf_copy_bytes(begin, (size_t)(name_end - begin), &call->name, error));
    for (at++;;) {
        const char *end = skip_to(at, ",)");
        if (!end || !*end)
            return unbalanced("aggregate", begin, error);
        const char *inside = at;
        while (inside < end && is_blank(*inside))
            inside++;
        if (inside < end)
            SHEAF_TRY(add_argument(call, at, end, error));
        else if (*end == ',' || call->count)
            return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "'%s': an argument is empty (E232)",
                                   begin);
        at = end + 1;
        if (*end == ')')
            break;
    }
    SHEAF_TRY(sheaf_copy_bytes(begin, (size_t)(at - begin), &call->whole, error));
    const char *word = at;
    while (is_blank(*word))
        word++;
    if (word > at && strncmp(word, "as", 2) == 0 && is_blank(word[2])) {
        word += 2;
        while (is_blank(*word))
            word++;
        const char *end = skip_to(word, " \t\n,");
        if (!end)
            return unbalanced("aggregate", begin, error);
        if (*word == '`' && end - word > 2)
            SHEAF_TRY(sheaf_copy_bytes(word + 1, (size_t)(end - word - 2), &call->as, error));
        else
            SHEAF_TRY(sheaf_copy_bytes(word, (size_t)(end - word), &call->as, error));
        at = end;
    }
    while (is_blank(*at) || *at == ',')
        at++;
    *cursor = at;
    return SHEAF_OK;
}

sheaf_status sheaf_words_calls(const char *text, struct sheaf_calls *calls, sheaf_error *error)
{
    size_t capacity = 0;

    *calls = (struct sheaf_calls){0};
    while (is_blank(*text))
        text++;
    while (*text) {
        struct sheaf_call_words call = {0};
        sheaf_status status =
            sheaf_grow(&calls->calls, &capacity, calls->count + 1, sizeof call, error);

        if (status == SHEAF_OK)
            status = read_call(&text, &call, error);
        if (status != SHEAF_OK) {
            free_call(&call);
            sheaf_words_calls_free(calls);
            return status;
        }
        calls->calls[calls->count++] = call;
    }
    if (calls->count == 0)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT,
                               "no aggregates given: write for instance 'mean(x) count()' (E233)");
    return SHEAF_OK;
}

/* Step through "a=b,c=d": the parts of the next pair; false at the end. */
static bool next_pair(const char **cursor, const char **name, size_t *name_size, const char **value,
                      size_t *value_size)
{
    const char *at = *cursor;

    while (is_blank(*at) || *at == ',')
        at++;
    if (!*at)
        return false;
    const char *end = skip_to(at, ",");
    if (!end)
        end = at + strlen(at);
    const char *equals = memchr(at, '=', (size_t)(end - at));
    *name = at;
    *name_size = (size_t)((equals ? equals : end) - at);
    while (*name_size && is_blank((*name)[*name_size - 1]))
        --*name_size;
    *value = equals ? equals + 1 : end;
    *value_size = (size_t)(end - *value);
    *cursor = end;
    return true;
}

sheaf_status sheaf_words_pair(const char *text, const char *name, char **value, sheaf_error *error)
{
    const char *left, *right;
    size_t left_size, right_size;

    *value = NULL;
    while (text && next_pair(&text, &left, &left_size, &right, &right_size))
        if (left_size == strlen(name) && memcmp(left, name, left_size) == 0) {
            free(*value);
            SHEAF_TRY(trimmed(right, right + right_size, value, error));
        }
    return SHEAF_OK;
}

sheaf_status sheaf_words_unknown(const char *text, const char *const *names, char **unknown,
                                 sheaf_error *error)
{
    const char *left, *right;
    size_t left_size, right_size;

    *unknown = NULL;
    while (text && next_pair(&text, &left, &left_size, &right, &right_size)) {
        size_t i = 0;
        while (names[i] &&
               (strlen(names[i]) != left_size || memcmp(left, names[i], left_size) != 0))
            i++;
        if (!names[i])
            return trimmed(left, left + left_size, unknown, error);
    }
    return SHEAF_OK;
}
