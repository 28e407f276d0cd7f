/*
 * tree.h - a job to execute in tests: leaves and pairs, with places for accidents
 *
 * 2^n leaves, each making some hundred bytes of its own; a pair is made of all
 * bytes of its two children.  The answer is a number that depends on every byte,
 * so a lost, doubled, torn or foreign result changes it.
 */
#ifndef SHEAF_TESTS_EXECUTE_TREE_H
#define SHEAF_TESTS_EXECUTE_TREE_H

#include "execute/execution.h"
#include "unit.h"

enum { TREE_LEAVES = 64, TREE_NODES = 2 * TREE_LEAVES };

/* Where in a task the accident may happen. */
enum tree_moment { TREE_BEGIN, TREE_HALF, TREE_WRITTEN };

/* Memory that the test and all workers see. */
struct tree_shared {
    uint32_t attempts[TREE_NODES];
    uint32_t careful[TREE_NODES];
    int32_t workers[1024];
    uint32_t births;
    uint32_t flag;
    uint32_t enough; /* of accidents */
};

struct tree {
    int leaves; /* a power of two; node 1 is the answer, 2k and 2k+1 make k, leaves come last */
    bool given[TREE_NODES], there[TREE_NODES];
    struct sheaf_extent extents[TREE_NODES];
    uint64_t answer;
    int commits, most_attempts;
    int pause_us; /* in each task */
    /* Called in the worker. */
    void (*accident)(struct tree *tree, struct sheaf_workplace *place, int node,
                     enum tree_moment moment);
    sheaf_status (*refuse)(struct tree *tree, int node, sheaf_error *error);
    /* Called in the coordinator for outcomes that are not SHEAF_OK; default: the run fails. */
    sheaf_status (*bad_outcome)(struct tree *tree, const struct sheaf_task *task,
                                const struct sheaf_outcome *outcome, sheaf_error *error);
    sheaf_status (*before_commit)(struct tree *tree, int node, sheaf_error *error);
    struct tree_shared *shared;
    struct sheaf_work work; /* to be changed by the test at will */
    int leaves_given;
};

void tree_open(struct tree *tree, int leaves);
void tree_close(struct tree *tree);

/* Run it from its beginning; the options' zeros are workers 2, fork, default retries. */
sheaf_status tree_run(struct tree *tree, struct sheaf_execution_options options,
                      sheaf_error *error);

/* What the answer must be. */
uint64_t tree_expected(int leaves);

/* Descriptors that are open in this process, and whether it has a child, dead or alive. */
int open_descriptors(void);
bool has_children(void);

/* A number that grows with each call, and so differs in each attempt; shared. */
uint32_t count_attempt(struct tree *tree, int node);

void sleep_us(long microseconds);

#endif
