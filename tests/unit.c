/* unit.c - the frame of every test program: see unit.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/Basic.h>

#include "unit.h"

static int skipped;

void unit_skip(const char *why, int cases)
{
    printf("skipped %d cases: %s\n", cases, why);
    skipped += cases;
}

const char *unit_folder(const char *variable, const char *what)
{
    const char *path = getenv(variable);
    struct stat folder;

    if (path && *path && stat(path, &folder) == 0 && S_ISDIR(folder.st_mode))
        return path;
    printf("%s is not set to a folder with %s\n", variable, what);
    return NULL;
}

void unit_print(const char *file, int line, const char *message)
{
    printf("\n%s:%d: %s\n", file, line, message);
}

int unit_run(const char *suite, const struct unit_test *tests)
{
    const char *only = getenv("SHEAF_TEST");
    CU_pSuite added;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (CU_initialize_registry() != CUE_SUCCESS || !(added = CU_add_suite(suite, NULL, NULL)))
        return 2;
    for (; tests->name; tests++)
        if (!only || strcmp(only, tests->name) == 0)
            if (!CU_add_test(added, tests->name, tests->run))
                return 2;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    int failures = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    if (skipped)
        printf("%d cases were skipped\n", skipped);
    return failures > 0;
}

unsigned long long unit_random_next(struct unit_random *random)
{
    unsigned long long z = random->state += 0x9E3779B97F4A7C15ull;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

unsigned unit_random_below(struct unit_random *random, unsigned limit)
{
    return (unsigned)(unit_random_next(random) % limit);
}
