/*
 * cache.h - compiled operators, kept by what they were made from
 *
 * The folder holds two files for each source: KEY.deps, the paths of the source
 * and of all headers that are not the system's, and KEY-CONTENT.so, where
 * CONTENT is the hash of all those files as they were when it was compiled.  KEY
 * is the hash of the source's path, the compiler and the flags.  So a changed
 * header is noticed, and nothing is ever compared by its time.
 */
#ifndef SHEAF_OPERATOR_CACHE_H
#define SHEAF_OPERATOR_CACHE_H

#include "base/string.h"
#include <sheaf/error.h>

struct sheaf_cache_key {
    char hex[33];
};

/* 128 bits of what was given, in order; start with {0}. */
struct sheaf_digest {
    uint64_t high, low;
    uint64_t size;
};
void sheaf_digest_add(struct sheaf_digest *digest, const void *bytes, size_t size);
struct sheaf_cache_key sheaf_digest_end(const struct sheaf_digest *digest);

/*
 * The folder, made where it is missing: $XDG_CACHE_HOME/sheaf, else ~/.cache/sheaf, else
 * ${TMPDIR:-/tmp}/sheaf-UID; the first that is ours alone.  SHEAF_SYSTEM if there is none.
 */
SHEAF_CHECKED sheaf_status sheaf_cache_folder(struct sheaf_string *folder, sheaf_error *error);

/* The whole file; SHEAF_LIMIT above `limit` bytes. */
SHEAF_CHECKED sheaf_status sheaf_read_file(int fd, const char *path, size_t limit,
                                           struct sheaf_string *bytes, sheaf_error *error);

/* The path that a compiled object has or will have: from KEY.deps or, if `deps` is given, from this
 * list, one path a line.  False if there is no list or one of its files can not be read. */
bool sheaf_cache_path(const char *folder, const struct sheaf_cache_key *key,
                      const struct sheaf_string *deps, struct sheaf_string *path);

/* Put a compiled object and its list in place, and remove those that it replaces. */
SHEAF_CHECKED sheaf_status sheaf_cache_keep(const char *folder, const struct sheaf_cache_key *key,
                                            const char *object, const struct sheaf_string *deps,
                                            struct sheaf_string *path, sheaf_error *error);

#endif
