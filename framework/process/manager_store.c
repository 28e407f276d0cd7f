/* manager_store.c - the named things that a manager keeps: see manager_store.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "process/manager_store.h"

static uint64_t hash(const char *text)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    while (*text)
        sum = (sum ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
    return sum ^ sum >> 29;
}

struct thing *sheaf_store_find(struct manager_store *store, const char *name, bool make)
{
    struct thing **bucket = &store->buckets[hash(name) % SHEAF_STORE_BUCKETS], *thing;

    for (thing = *bucket; thing; thing = thing->chain)
        if (strcmp(thing->name, name) == 0)
            return thing;
    if (!make || sheaf_allocate(&thing, 1, sizeof *thing, NULL) != SHEAF_OK)
        return NULL;
    if (sheaf_copy_string(name, &thing->name, NULL) != SHEAF_OK) {
        free(thing);
        return NULL;
    }
    thing->chain = *bucket;
    *bucket = thing;
    return thing;
}

void sheaf_value_free(struct value *value)
{
    free(value->key);
    free(value->bytes);
    free(value);
}

struct value *sheaf_value_make(const char *key, const char *bytes, size_t size)
{
    struct value *value;

    if (sheaf_allocate(&value, 1, sizeof *value, NULL) != SHEAF_OK)
        return NULL;
    if ((key && sheaf_copy_string(key, &value->key, NULL) != SHEAF_OK) ||
        sheaf_copy_bytes(bytes, size, &value->bytes, NULL) != SHEAF_OK) {
        sheaf_value_free(value);
        return NULL;
    }
    value->size = size;
    return value;
}

void sheaf_list_append(struct thing *thing, struct value *value)
{
    if (thing->last)
        thing->last->next = value;
    else
        thing->first = value;
    thing->last = value;
    thing->count++;
}

struct value *sheaf_list_take(struct thing *list)
{
    struct value *value = list->first;

    list->first = value->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    return value;
}

struct value *sheaf_map_find(const struct thing *map, const char *key)
{
    struct value *value = map->bucket_count ? map->buckets[hash(key) % map->bucket_count] : NULL;

    while (value && strcmp(value->key, key) != 0)
        value = value->chain;
    return value;
}

/* Keep chains short; a map that can not grow goes on with long ones. */
static bool grow_map(struct thing *map)
{
    struct value **buckets;
    size_t wanted = map->bucket_count ? map->bucket_count * 4 : 16;

    if ((size_t)map->count < map->bucket_count)
        return true;
    if (sheaf_allocate(&buckets, wanted, sizeof(struct value *), NULL) != SHEAF_OK)
        return map->bucket_count > 0;
    for (struct value *value = map->first; value; value = value->next) {
        struct value **bucket = &buckets[hash(value->key) % wanted];
        value->chain = *bucket;
        *bucket = value;
    }
    free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = wanted;
    return true;
}

bool sheaf_map_set(struct thing *map, struct value *value)
{
    struct value *old = sheaf_map_find(map, value->key);

    if (old) { /* keeps its place in the order */
        char *bytes = old->bytes;
        old->bytes = value->bytes;
        old->size = value->size;
        value->bytes = bytes;
        sheaf_value_free(value);
        return true;
    }
    if (!grow_map(map))
        return false;
    struct value **bucket = &map->buckets[hash(value->key) % map->bucket_count];
    value->chain = *bucket;
    *bucket = value;
    sheaf_list_append(map, value);
    return true;
}

void sheaf_map_remove(struct thing *map, struct value *value)
{
    struct value **link = &map->buckets[hash(value->key) % map->bucket_count];
    struct value *before = NULL;

    while (*link != value)
        link = &(*link)->chain;
    *link = value->chain;
    for (struct value *at = map->first; at != value; at = at->next)
        before = at;
    *(before ? &before->next : &map->first) = value->next;
    if (map->last == value)
        map->last = before;
    map->count--;
    sheaf_value_free(value);
}

void sheaf_store_forget(struct manager_store *store, struct thing *thing)
{
    struct thing **link = &store->buckets[hash(thing->name) % SHEAF_STORE_BUCKETS];

    while (*link != thing)
        link = &(*link)->chain;
    *link = thing->chain;
    for (struct value *value = thing->first, *next; value; value = next) {
        next = value->next;
        sheaf_value_free(value);
    }
    free(thing->buckets);
    free(thing->name);
    free(thing);
}
