/* file.c - a destination is replaced as a whole or not at all, and nothing is left behind */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output/file.h"
#include "unit.h"

/* -- calls that fail when they are told to ------------------------------------------------- */

static struct {
    const char *name; /* of the call that fails; NULL: none */
    int number;       /* with this errno */
    int countdown;    /* at its n-th use, counted from 1; 0: not any more */
    size_t most;      /* bytes that one write takes; 0: all */
} fault;

static bool strikes(const char *name)
{
    if (!fault.name || strcmp(fault.name, name) != 0 || fault.countdown == 0 ||
        --fault.countdown > 0)
        return false;
    errno = fault.number;
    return true;
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
int __real_fsync(int fd);
int __real_linkat(int from, const char *a, int to, const char *b, int flags);
int __real_renameat(int from, const char *a, int to, const char *b);
int __real_close(int fd);
int __real_fchmod(int fd, mode_t mode);
int __real_openat(int folder, const char *path, int flags, ...);
int __real_access(const char *path, int mode);

ssize_t __wrap_write(int fd, const void *bytes, size_t size);
int __wrap_fsync(int fd);
int __wrap_linkat(int from, const char *a, int to, const char *b, int flags);
int __wrap_renameat(int from, const char *a, int to, const char *b);
int __wrap_close(int fd);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_access(const char *path, int mode);

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (strikes("write"))
        return -1;
    return __real_write(fd, bytes, fault.most && size > fault.most ? fault.most : size);
}

int __wrap_fsync(int fd)
{
    return strikes("fsync") ? -1 : __real_fsync(fd);
}

int __wrap_linkat(int from, const char *a, int to, const char *b, int flags)
{
    return strikes("linkat") ? -1 : __real_linkat(from, a, to, b, flags);
}

int __wrap_renameat(int from, const char *a, int to, const char *b)
{
    return strikes("renameat") ? -1 : __real_renameat(from, a, to, b);
}

int __wrap_close(int fd)
{
    if (!strikes("close"))
        return __real_close(fd);
    __real_close(fd);
    errno = fault.number;
    return -1;
}

int __wrap_fchmod(int fd, mode_t mode)
{
    return strikes("fchmod") ? -1 : __real_fchmod(fd, mode);
}

/* "tmpfile": the file system knows no files without a name. */
int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    if ((flags & O_TMPFILE) == O_TMPFILE && fault.name && strcmp(fault.name, "tmpfile") == 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return strikes("openat") ? -1 : __real_openat(folder, path, flags, mode);
}

int __wrap_access(const char *path, int mode)
{
    return strikes("access") ? -1 : __real_access(path, mode);
}

/* -- a folder to play in ------------------------------------------------------------------- */

static char folder[] = "/tmp/sheaf-output-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[4][512];
    static int next;

    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static int entries(void)
{
    DIR *opened = opendir(folder);
    int count = 0;

    if (!opened)
        return -1;
    while (readdir(opened))
        count++;
    closedir(opened);
    return count - 2;
}

static void empty_folder(void)
{
    DIR *opened = opendir(folder);
    struct dirent *entry;

    while (opened && (entry = readdir(opened)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            unlink(in_folder(entry->d_name));
            rmdir(in_folder(entry->d_name));
        }
    if (opened)
        closedir(opened);
    memset(&fault, 0, sizeof fault);
}

static void put_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
}

static bool holds(const char *name, const char *text)
{
    char bytes[256] = {0};
    int fd = open(in_folder(name), O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);

    if (fd >= 0)
        close(fd);
    return size >= 0 && strcmp(bytes, text) == 0;
}

static mode_t mode_of(const char *name)
{
    struct stat file = {0};

    stat(in_folder(name), &file);
    return file.st_mode & 07777;
}

/* Open, write, commit, close. */
static sheaf_status put(const char *path, const char *text, sheaf_error *error)
{
    struct sheaf_output *output = NULL;
    sheaf_status status = sheaf_output_open(path, NULL, 0, &output, error);

    if (status == SHEAF_OK)
        status = sheaf_output_write(output, text, strlen(text), error);
    if (status == SHEAF_OK)
        status = sheaf_output_commit(output, error);
    sheaf_output_close(output);
    return status;
}

/* -- files --------------------------------------------------------------------------------- */

static void new_file_has_the_mode_of_the_umask(void)
{
    static const mode_t masks[] = {022, 0, 077};
    sheaf_error error;

    for (size_t i = 0; i < 3; i++) {
        for (int named = 0; named < 2; named++) {
            empty_folder();
            fault.name = named ? "tmpfile" : NULL;
            mode_t before = umask(masks[i]);
            UNIT_OK(put(in_folder("new"), "text", &error), &error);
            umask(before);
            CU_ASSERT(holds("new", "text"));
            CU_ASSERT_EQUAL(mode_of("new"), 0666 & ~masks[i]);
            CU_ASSERT_EQUAL(entries(), 1);
        }
    }
}

static void replaced_file_keeps_its_mode(void)
{
    sheaf_error error;

    for (int named = 0; named < 2; named++) {
        empty_folder();
        put_file("old", "before", 0640);
        fault.name = named ? "tmpfile" : NULL;
        UNIT_OK(put(in_folder("old"), "after", &error), &error);
        CU_ASSERT(holds("old", "after"));
        CU_ASSERT_EQUAL(mode_of("old"), 0640);
        CU_ASSERT_EQUAL(entries(), 1);
    }
}

static void nothing_is_seen_before_the_commit(void)
{
    struct sheaf_output *output = NULL;
    sheaf_error error;

    empty_folder();
    put_file("old", "before", 0644);
    UNIT_OK(sheaf_output_open(in_folder("old"), NULL, 0, &output, &error), &error);
    UNIT_OK(sheaf_output_write(output, "after", 5, &error), &error);
    CU_ASSERT(holds("old", "before"));
    CU_ASSERT_EQUAL(entries(), 1);
    sheaf_output_close(output);
    CU_ASSERT(holds("old", "before"));
    CU_ASSERT_EQUAL(entries(), 1);
}

static void killed_writer_leaves_nothing(void)
{
    empty_folder();
    put_file("old", "before", 0644);
    pid_t child = fork();
    if (child == 0) {
        struct sheaf_output *output = NULL;
        if (sheaf_output_open(in_folder("old"), NULL, 0, &output, NULL) != SHEAF_OK ||
            sheaf_output_write(output, "after", 5, NULL) != SHEAF_OK)
            _exit(1);
        raise(SIGKILL);
    }
    int how;
    waitpid(child, &how, 0);
    CU_ASSERT(WIFSIGNALED(how));
    CU_ASSERT(holds("old", "before"));
    CU_ASSERT_EQUAL(entries(), 1);
}

/* Every call on the way fails once, and from then on; with and without files that have no name,
 * with and without a former file. */
static void failing_call_leaves_the_destination_alone(void)
{
    static const struct {
        const char *call;
        int number;
    } faults[] = {{"write", ENOSPC}, {"write", EIO},    {"write", EDQUOT}, {"fsync", EIO},
                  {"linkat", EPERM}, {"renameat", EIO}, {"fchmod", EPERM}, {"openat", EACCES}};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        for (int existed = 0; existed < 2; existed++) {
            sheaf_error error;
            empty_folder();
            if (existed)
                put_file("file", "before", 0600);
            fault.name = faults[i].call;
            fault.number = faults[i].number;
            fault.countdown = 1;
            bool used = existed || (strcmp(fault.name, "renameat") && strcmp(fault.name, "fchmod"));
            /* openat is used again, for a file with a name */
            used = used && strcmp(fault.name, "openat") != 0;
            sheaf_status status = put(in_folder("file"), "after", &error);
            CU_ASSERT_EQUAL(status, used ? SHEAF_BAD_OUTPUT : SHEAF_OK);
            if (used) {
                CU_ASSERT_EQUAL(error.code, 301);
                CU_ASSERT_EQUAL(error.system, faults[i].number);
                CU_ASSERT(strstr(error.message, strerror(faults[i].number)) != NULL);
                CU_ASSERT(strstr(error.message, in_folder("file")) != NULL);
                CU_ASSERT(existed ? holds("file", "before") : entries() == 0);
            }
            CU_ASSERT_EQUAL(entries(), existed || !used);
        }
}

static void failing_sync_of_the_folder_is_told(void)
{
    sheaf_error error;

    empty_folder();
    fault.name = "fsync";
    fault.number = EIO;
    fault.countdown = 2;
    CU_ASSERT_EQUAL(put(in_folder("file"), "after", &error), SHEAF_BAD_OUTPUT);
    CU_ASSERT(strstr(error.message, "folder could not be synced") != NULL);
}

static void failing_close_is_told(void)
{
    sheaf_error error;
    struct sheaf_output *output = NULL;

    empty_folder();
    UNIT_OK(sheaf_output_open(in_folder("file"), NULL, 0, &output, &error), &error);
    fault.name = "close";
    fault.number = EIO;
    fault.countdown = 1;
    CU_ASSERT_EQUAL(sheaf_output_commit(output, &error), SHEAF_BAD_OUTPUT);
    sheaf_output_close(output);
}

static void no_proc_means_a_file_with_a_name(void)
{
    sheaf_error error;

    empty_folder();
    fault.name = "access";
    fault.number = ENOENT;
    fault.countdown = 1;
    UNIT_OK(put(in_folder("file"), "after", &error), &error);
    CU_ASSERT(holds("file", "after"));
    CU_ASSERT_EQUAL(entries(), 1);
}

static void short_and_interrupted_writes_go_on(void)
{
    struct sheaf_output *output = NULL;
    char text[100];
    sheaf_error error;

    empty_folder();
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fault.most = 7;
    fault.name = "write";
    fault.number = EINTR;
    fault.countdown = 3;
    UNIT_OK(sheaf_output_open(in_folder("file"), NULL, 0, &output, &error), &error);
    UNIT_OK(sheaf_output_write(output, text, sizeof text - 1, &error), &error);
    UNIT_OK(sheaf_output_write(output, NULL, 0, &error), &error);
    UNIT_OK(sheaf_output_commit(output, &error), &error);
    sheaf_output_close(output);
    CU_ASSERT(holds("file", text));
}

/* SIGXFSZ would kill; here it must become a message, with the default action still in place. */
static void file_size_limit_is_an_error(void)
{
    empty_folder();
    put_file("file", "before", 0600);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {1000, 1000};
        char text[2000];
        sheaf_error error;
        memset(text, 'x', sizeof text);
        text[sizeof text - 1] = '\0';
        signal(SIGXFSZ, SIG_DFL);
        setrlimit(RLIMIT_FSIZE, &limit);
        sheaf_status status = put(in_folder("file"), text, &error);
        _exit(status == SHEAF_BAD_OUTPUT && error.system == EFBIG ? 0 : 1);
    }
    int how;
    waitpid(child, &how, 0);
    CU_ASSERT(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    CU_ASSERT(holds("file", "before"));
    CU_ASSERT_EQUAL(entries(), 1);
}

static void link_is_replaced_and_its_target_kept(void)
{
    struct stat file;
    sheaf_error error;

    empty_folder();
    put_file("target", "before", 0644);
    CU_ASSERT_EQUAL(symlink("target", in_folder("link")), 0);
    UNIT_OK(put(in_folder("link"), "after", &error), &error);
    CU_ASSERT(holds("target", "before"));
    CU_ASSERT(holds("link", "after"));
    CU_ASSERT_EQUAL(lstat(in_folder("link"), &file), 0);
    CU_ASSERT(S_ISREG(file.st_mode));
    /* one that points nowhere, too */
    CU_ASSERT_EQUAL(symlink("nowhere", in_folder("dangling")), 0);
    UNIT_OK(put(in_folder("dangling"), "after", &error), &error);
    CU_ASSERT(holds("dangling", "after"));
    CU_ASSERT_EQUAL(entries(), 3);
}

static void hard_link_is_left_with_its_bytes(void)
{
    sheaf_error error;

    empty_folder();
    put_file("one", "before", 0644);
    CU_ASSERT_EQUAL(link(in_folder("one"), in_folder("two")), 0);
    UNIT_OK(put(in_folder("two"), "after", &error), &error);
    CU_ASSERT(holds("one", "before"));
    CU_ASSERT(holds("two", "after"));
}

static void folders_and_strange_places_are_refused(void)
{
    static const char *const paths[] = {
        "", "/", "/tmp/", "/tmp", "/nonexistent/file", "/proc/version/file", "/dev/fd/987"};
    sheaf_error error;

    empty_folder();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        CU_ASSERT_EQUAL(put(paths[i], "text", &error), SHEAF_BAD_OUTPUT);
        CU_ASSERT_EQUAL(error.code, 301);
    }
    char long_path[5000];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    CU_ASSERT_EQUAL(put(long_path, "text", &error), SHEAF_BAD_OUTPUT);
}

static void file_that_may_not_be_written_is_kept(void)
{
    empty_folder();
    put_file("file", "before", 0444);
    pid_t child = fork();
    if (child == 0) {
        sheaf_error error;
        /* As root everything may be written. */
        if (geteuid() == 0 && (chmod(folder, 0777) < 0 || seteuid(65534) < 0))
            _exit(2);
        sheaf_status status = put(in_folder("file"), "after", &error);
        bool refused = status == SHEAF_BAD_OUTPUT && error.system == EACCES;
        if (seteuid(0) == 0 && chmod(folder, 0555) == 0 && seteuid(65534) == 0) {
            status = put(in_folder("new"), "after", &error);
            refused = refused && status == SHEAF_BAD_OUTPUT && error.system == EACCES;
        }
        _exit(refused ? 0 : 1);
    }
    int how;
    waitpid(child, &how, 0);
    chmod(folder, 0700);
    CU_ASSERT(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    CU_ASSERT(holds("file", "before"));
    CU_ASSERT_EQUAL(entries(), 1);
}

static void odd_names_are_names(void)
{
    sheaf_error error;

    empty_folder();
    UNIT_OK(put(in_folder("new\nline \xFF"), "text", &error), &error);
    CU_ASSERT(holds("new\nline \xFF", "text"));
    int before = open(".", O_RDONLY | O_DIRECTORY);
    CU_ASSERT_EQUAL(chdir(folder), 0);
    UNIT_OK(put("relative", "text", &error), &error);
    CU_ASSERT(holds("relative", "text"));
    CU_ASSERT_EQUAL(fchdir(before), 0);
    close(before);
}

static void input_is_never_the_output(void)
{
    struct sheaf_output *output = NULL;
    struct sheaf_identity inputs[2] = {{0, 0}, {0, 0}};
    struct stat file;
    sheaf_error error;

    empty_folder();
    put_file("data", "before", 0644);
    CU_ASSERT_EQUAL(link(in_folder("data"), in_folder("hard")), 0);
    CU_ASSERT_EQUAL(symlink("data", in_folder("soft")), 0);
    stat(in_folder("data"), &file);
    inputs[1] = (struct sheaf_identity){file.st_dev, file.st_ino};
    static const char *const destinations[] = {"data", "hard", "soft"};
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(sheaf_output_open(in_folder(destinations[i]), inputs, 2, &output, &error),
                        SHEAF_BAD_ARGUMENT);
        CU_ASSERT(strstr(error.message, "one of the inputs") != NULL);
    }
    /* as standard output would be */
    int fd = open(in_folder("data"), O_WRONLY | O_APPEND);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    CU_ASSERT_EQUAL(sheaf_output_open(path, inputs, 2, &output, &error), SHEAF_BAD_ARGUMENT);
    close(fd);
    CU_ASSERT(holds("data", "before"));
}

/* -- streams ------------------------------------------------------------------------------- */

static void full_device_is_an_error(void)
{
    sheaf_error error;

    empty_folder();
    CU_ASSERT_EQUAL(put("/dev/full", "text", &error), SHEAF_BAD_OUTPUT);
    CU_ASSERT_EQUAL(error.system, ENOSPC);
    CU_ASSERT_STRING_EQUAL(error.message,
                           "/dev/full: cannot write: No space left on device (E301)");
    UNIT_OK(put("/dev/null", "text", &error), &error);
    struct stat file;
    CU_ASSERT(stat("/dev/null", &file) == 0 && S_ISCHR(file.st_mode));
}

static void fifo_is_a_stream(void)
{
    sheaf_error error;
    char bytes[16] = {0};

    empty_folder();
    CU_ASSERT_EQUAL(mkfifo(in_folder("fifo"), 0600), 0);
    int reader = open(in_folder("fifo"), O_RDONLY | O_NONBLOCK);
    UNIT_OK(put(in_folder("fifo"), "text", &error), &error);
    CU_ASSERT_EQUAL(read(reader, bytes, sizeof bytes), 4);
    CU_ASSERT_STRING_EQUAL(bytes, "text");
    close(reader);
}

/* With the default action of SIGPIPE in place: it is the caller who decides how to end. */
static void reader_that_left_is_sigpipe(void)
{
    int ends[2];
    char path[32];
    sheaf_error error;

    CU_ASSERT_EQUAL(pipe(ends), 0);
    close(ends[0]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    CU_ASSERT_EQUAL(put(path, "text", &error), SHEAF_INTERRUPTED);
    CU_ASSERT_EQUAL(error.system, SIGPIPE);
    CU_ASSERT_EQUAL(sheaf_exit_code(&error), 141);
    sigset_t pending;
    sigpending(&pending);
    CU_ASSERT_EQUAL(sigismember(&pending, SIGPIPE), 0);
    close(ends[1]);
}

static void stream_that_is_slow_is_waited_for(void)
{
    enum { SIZE = 1 << 20 };
    static char text[SIZE];
    int ends[2];
    char path[32];
    sheaf_error error;
    struct sheaf_output *output = NULL;

    CU_ASSERT_EQUAL(pipe2(ends, O_NONBLOCK), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    pid_t child = fork();
    if (child == 0) {
        static char bytes[4096];
        size_t got = 0;
        ssize_t size;
        close(ends[1]);
        fcntl(ends[0], F_SETFL, 0);
        while ((size = read(ends[0], bytes, sizeof bytes)) > 0)
            got += (size_t)size;
        _exit(got == SIZE ? 0 : 1);
    }
    close(ends[0]);
    UNIT_OK(sheaf_output_open(path, NULL, 0, &output, &error), &error);
    UNIT_OK(sheaf_output_write(output, text, SIZE, &error), &error);
    UNIT_OK(sheaf_output_commit(output, &error), &error);
    CU_ASSERT(!sheaf_output_is_terminal(output));
    sheaf_output_close(output);
    close(ends[1]);
    int how;
    waitpid(child, &how, 0);
    CU_ASSERT(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(new_file_has_the_mode_of_the_umask),
        UNIT(replaced_file_keeps_its_mode),
        UNIT(nothing_is_seen_before_the_commit),
        UNIT(killed_writer_leaves_nothing),
        UNIT(failing_call_leaves_the_destination_alone),
        UNIT(failing_sync_of_the_folder_is_told),
        UNIT(failing_close_is_told),
        UNIT(no_proc_means_a_file_with_a_name),
        UNIT(short_and_interrupted_writes_go_on),
        UNIT(file_size_limit_is_an_error),
        UNIT(link_is_replaced_and_its_target_kept),
        UNIT(hard_link_is_left_with_its_bytes),
        UNIT(folders_and_strange_places_are_refused),
        UNIT(file_that_may_not_be_written_is_kept),
        UNIT(odd_names_are_names),
        UNIT(input_is_never_the_output),
        UNIT(full_device_is_an_error),
        UNIT(fifo_is_a_stream),
        UNIT(reader_that_left_is_sigpipe),
        UNIT(stream_that_is_slow_is_waited_for),
        {0},
    };
    if (!mkdtemp(folder))
        return 2;
    int result = unit_run("output_file", tests);
    empty_folder();
    rmdir(folder);
    return result;
}
