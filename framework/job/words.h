/*
 * words.h - the small lists a question is made of
 *
 *     "a, b, x * 2 as twice"              sheaf_words_items
 *     "mean(x) min(x) as low count()"     sheaf_words_calls
 *     "value=temperature,other=x"         sheaf_words_pairs
 *
 * Quotes ('..', "..", `..`) and brackets keep what is inside together.
 */
#ifndef SHEAF_JOB_WORDS_H
#define SHEAF_JOB_WORDS_H

#include <stddef.h>

#include <sheaf/error.h>

struct sheaf_item {
    char *text; /* the expression or column name, blanks trimmed */
    char *as;   /* the name it gets, or NULL */
};

struct sheaf_items {
    struct sheaf_item *items;
    size_t count;
};

/* `what` names the list in messages, e.g. "select". */
SHEAF_CHECKED sheaf_status sheaf_words_items(const char *text, const char *what,
                                             struct sheaf_items *items, sheaf_error *error);
void sheaf_words_items_free(struct sheaf_items *items);

/* name(argument, argument, option=value) [as alias] */
struct sheaf_call_words {
    char *whole; /* as it was written, without the alias: "mean(x)" */
    char *name;
    char *as;         /* or NULL */
    char **arguments; /* expressions */
    size_t count;
    char *set; /* "option=value,..." or NULL */
};

struct sheaf_calls {
    struct sheaf_call_words *calls;
    size_t count;
};

SHEAF_CHECKED sheaf_status sheaf_words_calls(const char *text, struct sheaf_calls *calls,
                                             sheaf_error *error);
void sheaf_words_calls_free(struct sheaf_calls *calls);

/* Find "name=value" in "a=b,name=value": the value copied to *value, NULL if it is not there. */
SHEAF_CHECKED sheaf_status sheaf_words_pair(const char *text, const char *name, char **value,
                                            sheaf_error *error);
/* The first left side of "a=b,c=d" that is none of `names` (ends at NULL), or NULL; freed by
 * caller. */
SHEAF_CHECKED sheaf_status sheaf_words_unknown(const char *text, const char *const *names,
                                               char **unknown, sheaf_error *error);

#endif
