/* bound.h - operators bound and run in a test, without a job around them */
#ifndef SHEAF_TESTS_OPERATOR_BOUND_H
#define SHEAF_TESTS_OPERATOR_BOUND_H

#include "operator/bind.h"
#include "operator/plugin.h"
#include "operator/trial.h"
#include "unit.h"

/* Bind an operator to one column of this kind; asserts.  Free with bound_free(). */
struct sheaf_bound bound_to(const sheaf_operator *op, const char *name, sheaf_kind kind,
                            const char *set);
void bound_free(struct sheaf_bound *bound);
const sheaf_operator *bound_builtin(const char *name);

/* A column in memory, owned. */
struct data {
    sheaf_column column;
    size_t rows;
    void *values;
    uint64_t *present;
    char *texts;
};

/* Rows of any kind: many equal, some extreme, doubles with NaN, infinities and -0; about one of
 * `missing` is missing, none if 0. */
struct data data_make(sheaf_kind kind, size_t rows, unsigned missing, struct unit_random *random);
void data_free(struct data *data);

/* Fold a column in one go and print the answer, "name=value name=value", into a static buffer. */
const char *bound_answer(const char *name, const char *set, const struct data *data);
const char *bound_answer_f64(const char *name, const char *set, const double *values, size_t rows);
const char *bound_answer_i64(const char *name, const char *set, sheaf_kind kind,
                             const int64_t *values, size_t rows);
const char *bound_answer_text(const char *name, const char *const *values, size_t rows);

#endif
