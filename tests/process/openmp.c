/* openmp.c - a program that has used OpenMP may start children that use it */
#include <glob.h>
#include <omp.h>

#include <sheaf/process.h>

#include "unit.h"

static long add_up(void)
{
    long sum = 0;

#pragma omp parallel for reduction(+ : sum) num_threads(2)
    for (int i = 0; i < 1000; i++)
        sum += i;
    return sum;
}

static sheaf_status add_up_in_child(void *argument, sheaf_error *error)
{
    (void)argument;
    if (add_up() != 499500)
        return sheaf_error_set(error, SHEAF_INTERNAL, "the sum is wrong");
    return SHEAF_OK;
}

static void child_uses_openmp(sheaf_start start)
{
    for (int i = 0; i < 5; i++) {
        sheaf_error error = {0};
        sheaf_process *process = NULL;
        sheaf_process_options options = {.struct_size = sizeof options, .start = start};
        CU_ASSERT_EQUAL(add_up(), 499500);
        UNIT_OK(sheaf_process_start(&options, add_up_in_child, NULL, 0, &process, &error), &error);
        UNIT_OK(sheaf_process_join(process, 10000, &error), &error);
        sheaf_process_close(process);
    }
}

/* Files of OpenMP runtimes in the shared-memory file system; clang's makes them. */
static int runtime_files(void)
{
    glob_t found = {0};
    int count = 0;

    if (glob("/dev/shm/__KMP_REGISTERED_LIB_*", 0, NULL, &found) == 0)
        count = (int)found.gl_pathc;
    globfree(&found);
    return count;
}

static void child_leaves_no_file_of_the_runtime(void)
{
    int before;

    CU_ASSERT_EQUAL(add_up(), 499500);
    before = runtime_files();
    child_uses_openmp(SHEAF_START_FORK);
    child_uses_openmp(SHEAF_START_SERVER);
    CU_ASSERT(runtime_files() <= before);
}

static void forked_child_does_not_hang(void)
{
    child_uses_openmp(SHEAF_START_FORK);
}

static void child_of_the_fork_server_does_not_hang(void)
{
    child_uses_openmp(SHEAF_START_SERVER);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(forked_child_does_not_hang),
        UNIT(child_of_the_fork_server_does_not_hang),
        UNIT(child_leaves_no_file_of_the_runtime),
        {0},
    };

    if (sheaf_init(NULL) != SHEAF_OK)
        return 2;
    return unit_run("openmp", tests);
}
