/* tree.c - a job to execute in tests: see tree.h */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"

static uint64_t mix(uint64_t hash, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3u;
    return hash;
}

static size_t leaf_size(int node)
{
    return 8 + (size_t)(node * 37 % 5000);
}

static void fill_leaf(unsigned char *bytes, int node, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        bytes[i] = (unsigned char)((size_t)node * 131 + i * 7);
}

void sleep_us(long microseconds)
{
    struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};

    while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
        ;
}

uint32_t count_attempt(struct tree *tree, int node)
{
    return __atomic_add_fetch(&tree->shared->attempts[node], 1, __ATOMIC_SEQ_CST);
}

static void have_accident(struct tree *tree, struct sheaf_workplace *place, int node,
                          enum tree_moment moment)
{
    if (tree->accident)
        tree->accident(tree, place, node, moment);
}

static sheaf_status run_leaf(struct tree *tree, struct sheaf_workplace *place, int node,
                             sheaf_error *error)
{
    size_t size = leaf_size(node);
    unsigned char *bytes = sheaf_workplace_reserve(place, size / 2, error);

    if (!bytes)
        return SHEAF_NO_MEMORY;
    fill_leaf(bytes, node, 0, size / 2);
    have_accident(tree, place, node, TREE_HALF);
    bytes = sheaf_workplace_reserve(place, size, error);
    if (!bytes)
        return SHEAF_NO_MEMORY;
    fill_leaf(bytes, node, size / 2, size);
    return SHEAF_OK;
}

static uint64_t combine(const void *left, size_t left_size, const void *right, size_t right_size)
{
    return mix(mix(0xCBF29CE484222325u, left, left_size), right, right_size);
}

static sheaf_status run_pair(struct tree *tree, struct sheaf_workplace *place, int node,
                             const struct sheaf_extent *children, sheaf_error *error)
{
    const void *left = sheaf_workplace_view(place, &children[0]);
    const void *right = sheaf_workplace_view(place, &children[1]);
    uint64_t *answer = sheaf_workplace_reserve(place, sizeof *answer, error);

    if (!answer || !left || !right)
        return SHEAF_NO_MEMORY;
    have_accident(tree, place, node, TREE_HALF);
    *answer = combine(left, children[0].size, right, children[1].size);
    return SHEAF_OK;
}

static sheaf_status run_node(void *context, void *local, struct sheaf_workplace *place,
                             const struct sheaf_task *task, sheaf_error *error)
{
    struct tree *tree = context;
    struct sheaf_extent children[2];
    int node = (int)task->id;
    sheaf_status status;

    (void)local;
    count_attempt(tree, node);
    if (sheaf_workplace_careful(place))
        __atomic_add_fetch(&tree->shared->careful[node], 1, __ATOMIC_SEQ_CST);
    have_accident(tree, place, node, TREE_BEGIN);
    if (tree->pause_us)
        sleep_us(tree->pause_us);
    if (tree->refuse)
        SHEAF_TRY(tree->refuse(tree, node, error));
    memcpy(children, task->bytes, sizeof children);
    if (node >= tree->leaves)
        status = run_leaf(tree, place, node, error);
    else
        status = run_pair(tree, place, node, children, error);
    memcpy(sheaf_workplace_summary(place), &node, sizeof node);
    have_accident(tree, place, node, TREE_WRITTEN);
    return status;
}

static enum sheaf_next next_node(void *context, struct sheaf_execution *execution,
                                 struct sheaf_task *task)
{
    struct tree *tree = context;
    int node = 0;

    (void)execution;
    for (int k = 1; k < tree->leaves && !node; k++)
        if (!tree->given[k] && tree->there[2 * k] && tree->there[2 * k + 1])
            node = k;
    if (!node && tree->leaves_given < tree->leaves)
        node = tree->leaves + tree->leaves_given++;
    if (!node)
        return tree->there[1] ? SHEAF_NEXT_DONE : SHEAF_NEXT_WAIT;
    tree->given[node] = true;
    task->id = (uint64_t)node;
    task->size = 2 * sizeof tree->extents[0];
    memset(task->bytes, 0, task->size);
    if (node < tree->leaves)
        memcpy(task->bytes, &tree->extents[2 * node], task->size);
    return SHEAF_NEXT_TASK;
}

static sheaf_status commit_node(void *context, struct sheaf_execution *execution,
                                const struct sheaf_task *task, const struct sheaf_outcome *outcome,
                                sheaf_error *error)
{
    struct tree *tree = context;
    int node = (int)task->id, named;

    tree->commits++;
    if ((int)outcome->attempts > tree->most_attempts)
        tree->most_attempts = (int)outcome->attempts;
    if (tree->before_commit)
        SHEAF_TRY(tree->before_commit(tree, node, error));
    if (outcome->status != SHEAF_OK) {
        if (tree->bad_outcome)
            return tree->bad_outcome(tree, task, outcome, error);
        *error = outcome->error;
        return outcome->status;
    }
    memcpy(&named, outcome->summary, sizeof named);
    if (named != node || tree->there[node])
        return sheaf_error_set(error, SHEAF_INTERNAL, "task %d was committed as %d", node, named);
    tree->there[node] = true;
    tree->extents[node] = outcome->extent;
    if (node < tree->leaves) {
        sheaf_execution_release(execution, &tree->extents[2 * node]);
        sheaf_execution_release(execution, &tree->extents[2 * node + 1]);
    }
    return SHEAF_OK;
}

static sheaf_status note_birth(void *context, struct sheaf_workplace *place, void **local,
                               sheaf_error *error)
{
    struct tree *tree = context;
    uint32_t birth = __atomic_fetch_add(&tree->shared->births, 1, __ATOMIC_SEQ_CST);

    (void)place;
    (void)local;
    (void)error;
    if (birth < 1024)
        tree->shared->workers[birth] = getpid();
    return SHEAF_OK;
}

void tree_open(struct tree *tree, int leaves)
{
    *tree = (struct tree){.leaves = leaves};
    tree->shared =
        mmap(NULL, sizeof *tree->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(tree->shared != MAP_FAILED);
    tree->work = (struct sheaf_work){.context = tree,
                                     .next = next_node,
                                     .run = run_node,
                                     .commit = commit_node,
                                     .enter = note_birth};
}

void tree_close(struct tree *tree)
{
    munmap(tree->shared, sizeof *tree->shared);
}

sheaf_status tree_run(struct tree *tree, struct sheaf_execution_options options, sheaf_error *error)
{
    struct sheaf_execution *execution = NULL;

    if (options.arena_bytes == 0)
        options.arena_bytes = UINT64_C(64)
                              << 20; /* a sanitizer keeps books of all that is mapped */
    memset(tree->given, 0, sizeof tree->given);
    memset(tree->there, 0, sizeof tree->there);
    memset(tree->shared, 0, sizeof *tree->shared);
    tree->answer = 0;
    tree->commits = tree->most_attempts = tree->leaves_given = 0;
    SHEAF_TRY(sheaf_execution_open(&options, &execution, error));
    sheaf_status status = sheaf_execution_run(execution, &tree->work, error);
    if (status == SHEAF_OK) {
        const void *answer = sheaf_execution_view(execution, &tree->extents[1]);
        memcpy(&tree->answer, answer, sizeof tree->answer);
    }
    sheaf_execution_close(execution);
    return status;
}

uint64_t tree_expected(int leaves)
{
    uint64_t values[TREE_NODES];

    for (int node = leaves - 1; node >= 1; node--) {
        unsigned char left[6000], right[6000];
        size_t left_size = 8, right_size = 8;
        if (2 * node >= leaves) {
            left_size = leaf_size(2 * node);
            right_size = leaf_size(2 * node + 1);
            fill_leaf(left, 2 * node, 0, left_size);
            fill_leaf(right, 2 * node + 1, 0, right_size);
        } else {
            memcpy(left, &values[2 * node], 8);
            memcpy(right, &values[2 * node + 1], 8);
        }
        values[node] = combine(left, left_size, right, right_size);
    }
    return values[1];
}

int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -3; /* itself, . and .. */

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

bool has_children(void)
{
    return waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
}
