/* data.h - random rows, cut anywhere, and the answer that a naive program gives */
#ifndef SHEAF_TESTS_REDUCE_DATA_H
#define SHEAF_TESTS_REDUCE_DATA_H

#include "base/string.h"
#include "reduce/flat.h"
#include "reduce/table.h"
#include "unit.h"

enum { DATA_KEYS = 4, DATA_FRAME = 2 };

struct data {
    size_t rows;
    size_t keys;
    sheaf_kind kinds[DATA_KEYS];
    sheaf_column key[DATA_KEYS];    /* owned */
    sheaf_column frame[DATA_FRAME]; /* i64 */
};

/* Keys drawn from about `distinct`; one of `holes` values is missing, 0: none. */
struct data data_make(const sheaf_kind *kinds, size_t keys, size_t rows, size_t distinct,
                      unsigned holes, struct unit_random *random);
void data_free(struct data *data);

/* Rows [first, first + count) as columns of their own; free with data_free(). */
struct data data_cut(const struct data *data, size_t first, size_t count);

/* Fold rows [first, end) in batches of at most `most` rows. */
sheaf_status data_fold(struct sheaf_table *table, const struct data *data, size_t first, size_t end,
                       size_t most, sheaf_error *error);

/* The key of a row in words, so that equal keys are equal texts. */
void data_key(const sheaf_column *columns, size_t count, size_t row, struct sheaf_string *words);

/* What count, sum, list and so on should give, in words, key by key in order of appearance; one
 * line for each: "key|rows|sum|list|values|missing|products|pairs\n". */
void data_expect(const struct data *data, struct sheaf_string *words);

/* The same of an answer by data_aggregate(), which counts its rows. */
void data_answer(const sheaf_column *columns, size_t keys, size_t rows, struct sheaf_string *words);

/* count, sum, keyed, list, missing, pair side by side. */
enum { DATA_OPERATORS = 6 };
struct sheaf_aggregate data_aggregate(struct sheaf_bound *bound);

/* A copy at the end of its own memory, 16-byte aligned, so that reading behind it is seen. */
void *data_copy(const void *bytes, size_t size);

#endif
