/*
 * unit.h - the frame of every test program
 *
 *     int main(void)
 *     {
 *         static const struct unit_test tests[] = {
 *             UNIT(quoted_newline_ends_no_record),
 *             {0},
 *         };
 *         return unit_run("lexer", tests);
 *     }
 *
 * With SHEAF_TEST=name in the environment just that test is run.
 */
#ifndef SHEAF_TESTS_UNIT_H
#define SHEAF_TESTS_UNIT_H

#include <CUnit/CUnit.h>
#include <sheaf/error.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

#define UNIT(function) {#function, function}

/* Run the tests up to the first without a name; 0 if all passed. */
int unit_run(const char *suite, const struct unit_test *tests);

/* Say that cases were left out, and why: printed with a count at the end of the run. */
void unit_skip(const char *why, int cases);

/* The folder in an environment variable, if it exists; else NULL and a skip is recorded. */
const char *unit_folder(const char *variable, const char *what);

/* Assert that a call succeeded, and print its message if it did not. */
#define UNIT_OK(call, error)                                                     \
    do {                                                                         \
        sheaf_status unit_status_ = (call);                                      \
        if (unit_status_ != SHEAF_OK)                                            \
            unit_print(__FILE__, __LINE__, (error)->message);                    \
        CU_ASSERT_EQUAL(unit_status_, SHEAF_OK);                                 \
    } while (0)

void unit_print(const char *file, int line, const char *message);

/* A small, fast, seeded source of random numbers (splitmix64). */
struct unit_random {
    unsigned long long state;
};
unsigned long long unit_random_next(struct unit_random *random);
unsigned unit_random_below(struct unit_random *random, unsigned limit);

#endif
