/* cache.c - compiled operators, kept: see cache.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "operator/cache.h"

enum { FILE_MAX = 64 << 20 };

/* -- digests --------------------------------------------------------------------------------- */

/* FNV-1a with 128 bits.  It guards against chance, not against an enemy: the folder is private. */
void sheaf_digest_add(struct sheaf_digest *digest, const void *bytes, size_t size)
{
    __extension__ typedef unsigned __int128 wide;
    const wide prime = ((wide)1 << 88) + 0x13b;
    wide hash = (wide)digest->high << 64 | digest->low;
    const unsigned char *at = bytes;

    if (digest->size == 0)
        hash = (wide)0x6c62272e07bb0142 << 64 | 0x62b821756295c58d;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * prime;
    hash = (hash ^ 0xff) * prime; /* where one piece ends and the next begins counts too */
    digest->high = (uint64_t)(hash >> 64);
    digest->low = (uint64_t)hash;
    digest->size += size + 1;
}

struct sheaf_cache_key sheaf_digest_end(const struct sheaf_digest *digest)
{
    struct sheaf_cache_key key;

    snprintf(key.hex, sizeof key.hex, "%016llx%016llx", (unsigned long long)digest->high,
             (unsigned long long)digest->low);
    return key;
}

/* -- the folder ------------------------------------------------------------------------------ */

/* Make a folder and those above it; an existing one is fine. */
static bool make_folders(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* What lies here will be run: nobody else may be able to put it here. */
static bool is_ours(const char *path)
{
    struct stat folder;

    return lstat(path, &folder) == 0 && S_ISDIR(folder.st_mode) && folder.st_uid == geteuid() &&
           (folder.st_mode & 022) == 0 && access(path, W_OK | X_OK) == 0;
}

static bool try_folder(struct sheaf_string *folder, const char *base, const char *name)
{
    sheaf_string_clear(folder);
    if (!base || base[0] != '/')
        return false;
    sheaf_string_append_format(folder, "%s/%s", base, name);
    return !folder->failed && make_folders(folder->bytes) && is_ours(folder->bytes);
}

sheaf_status sheaf_cache_folder(struct sheaf_string *folder, sheaf_error *error)
{
    const char *temporary = getenv("TMPDIR");
    char name[40];

    snprintf(name, sizeof name, "sheaf-%u", (unsigned)geteuid());
    if (try_folder(folder, getenv("XDG_CACHE_HOME"), "sheaf") ||
        try_folder(folder, getenv("HOME"), ".cache/sheaf") || try_folder(folder, temporary, name) ||
        try_folder(folder, "/tmp", name))
        return SHEAF_OK;
    SHEAF_TRY(sheaf_string_check(folder, error));
    sheaf_error_set(error, SHEAF_SYSTEM,
                    "no folder to keep compiled operators in: %s is not a folder of ours alone",
                    folder->bytes);
    sheaf_error_help(error, "Set XDG_CACHE_HOME to a folder that only you can write to.");
    return SHEAF_SYSTEM;
}

/* -- files ----------------------------------------------------------------------------------- */

sheaf_status sheaf_read_file(int fd, const char *path, size_t limit, struct sheaf_string *bytes,
                             sheaf_error *error)
{
    enum { STEP = 1 << 16 };

    sheaf_string_clear(bytes);
    for (;;) {
        ssize_t got;

        if (!sheaf_string_reserve(bytes, STEP))
            return sheaf_string_check(bytes, error);
        got = pread(fd, bytes->bytes + bytes->size, STEP, (off_t)bytes->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sheaf_error_errno(error, "cannot read %s", path);
        if (got == 0)
            return SHEAF_OK;
        bytes->size += (size_t)got;
        if (bytes->size > limit)
            return sheaf_error_set(error, SHEAF_LIMIT, "%s is larger than %zu bytes", path, limit);
    }
}

static bool read_path(const char *path, struct sheaf_string *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool done = fd >= 0 && sheaf_read_file(fd, path, FILE_MAX, bytes, NULL) == SHEAF_OK;

    if (fd >= 0)
        close(fd);
    return done;
}

/* The digest of all files that a list names. */
static bool digest_files(const struct sheaf_string *deps, struct sheaf_digest *digest)
{
    struct sheaf_string bytes = {0}, path = {0};
    const char *at = deps->bytes, *end = at + deps->size;
    bool done = deps->size > 0;

    while (done && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size = stop ? (size_t)(stop - at) : (size_t)(end - at);

        sheaf_string_clear(&path);
        sheaf_string_append_bytes(&path, at, size);
        done = !path.failed && read_path(path.bytes, &bytes);
        if (done) {
            sheaf_digest_add(digest, at, size);
            sheaf_digest_add(digest, bytes.bytes, bytes.size);
        }
        at += size + 1;
    }
    sheaf_string_free(&bytes);
    sheaf_string_free(&path);
    return done;
}

bool sheaf_cache_path(const char *folder, const struct sheaf_cache_key *key,
                      const struct sheaf_string *deps, struct sheaf_string *path)
{
    struct sheaf_string kept = {0};
    struct sheaf_digest digest = {0};
    bool done;

    sheaf_string_clear(path);
    sheaf_string_append_format(path, "%s/%s.deps", folder, key->hex);
    done = !path->failed &&
           ((deps && deps->size) || (read_path(path->bytes, &kept) && kept.size > 0)) &&
           digest_files(deps ? deps : &kept, &digest);
    sheaf_string_free(&kept);
    sheaf_string_clear(path);
    sheaf_string_append_format(path, "%s/%s-%s.so", folder, key->hex,
                               sheaf_digest_end(&digest).hex);
    return done && !path->failed;
}

/* Remove what was compiled from the same source before it changed. */
static void remove_older(const char *folder, const struct sheaf_cache_key *key, const char *keep)
{
    DIR *directory = opendir(folder);
    const char *kept_name = strrchr(keep, '/') + 1;
    struct dirent *entry;

    if (!directory)
        return;
    while ((entry = readdir(directory)))
        if (strncmp(entry->d_name, key->hex, strlen(key->hex)) == 0 &&
            entry->d_name[strlen(key->hex)] == '-' && strcmp(entry->d_name, kept_name) != 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
}

static sheaf_status write_list(const char *folder, const struct sheaf_cache_key *key,
                               const struct sheaf_string *deps, sheaf_error *error)
{
    struct sheaf_string temporary = {0}, path = {0};
    sheaf_status status;
    int fd = -1;

    sheaf_string_append_format(&temporary, "%s/list-XXXXXX", folder);
    sheaf_string_append_format(&path, "%s/%s.deps", folder, key->hex);
    status = sheaf_string_check(temporary.failed ? &temporary : &path, error);
    if (status == SHEAF_OK && ((fd = mkostemp(temporary.bytes, O_CLOEXEC)) < 0 ||
                               write(fd, deps->bytes, deps->size) != (ssize_t)deps->size ||
                               rename(temporary.bytes, path.bytes) < 0)) {
        status = sheaf_error_errno(error, "cannot write %s", path.bytes);
        if (fd >= 0)
            unlink(temporary.bytes);
    }
    if (fd >= 0)
        close(fd);
    sheaf_string_free(&temporary);
    sheaf_string_free(&path);
    return status;
}

sheaf_status sheaf_cache_keep(const char *folder, const struct sheaf_cache_key *key,
                              const char *object, const struct sheaf_string *deps,
                              struct sheaf_string *path, sheaf_error *error)
{
    if (!sheaf_cache_path(folder, key, deps, path))
        return sheaf_error_set(error, SHEAF_SYSTEM,
                               "a source of an operator vanished while it was compiled: %s",
                               deps->bytes);
    if (rename(object, path->bytes) < 0)
        return sheaf_error_errno(error, "cannot keep a compiled operator as %s", path->bytes);
    /* The list comes last: it never names contents of which there is no object. */
    SHEAF_TRY(write_list(folder, key, deps, error));
    remove_older(folder, key, path->bytes);
    return SHEAF_OK;
}
