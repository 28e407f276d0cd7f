/*
 * manager_store.h - the named things that a manager keeps
 *
 * Maps remember the order in which their keys were first set.  Allocation may
 * fail; then nothing has changed.
 */
#ifndef SHEAF_PROCESS_MANAGER_STORE_H
#define SHEAF_PROCESS_MANAGER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind { NEW, MAP, COUNTER, LIST, LOCK };

struct value {
    struct value *next;  /* of a list, or in the order of first setting of a map */
    struct value *chain; /* same bucket */
    char *key;
    char *bytes;
    size_t size;
};

struct thing {
    struct thing *chain;
    char *name;
    enum kind kind;
    int64_t count;              /* values, or the number of a counter */
    int64_t limit;              /* values that a list takes; 0: any number */
    struct value *first, *last; /* of a list or map */
    struct value **buckets;     /* of a map */
    size_t bucket_count;
    struct client *holder; /* of a lock */
    bool abandoned;
};

enum { SHEAF_STORE_BUCKETS = 64 };

struct manager_store {
    struct thing *buckets[SHEAF_STORE_BUCKETS];
};

/* The thing with that name; NULL if there is none and none was to be (or could be) made. */
struct thing *sheaf_store_find(struct manager_store *store, const char *name, bool make);
void sheaf_store_forget(struct manager_store *store, struct thing *thing);

struct value *sheaf_value_make(const char *key, const char *bytes, size_t size);
void sheaf_value_free(struct value *value);

void sheaf_list_append(struct thing *list, struct value *value);
struct value *sheaf_list_take(struct thing *list); /* the first, which there must be */

struct value *sheaf_map_find(const struct thing *map, const char *key);

/* Takes the value over; one with that key is replaced in its place. */
bool sheaf_map_set(struct thing *map, struct value *value);
void sheaf_map_remove(struct thing *map, struct value *value);

#endif
