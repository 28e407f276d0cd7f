/*
 * table.h - one state for each key, folded, published, glued and answered
 *
 * A table without key columns has one state from the start, in partition 0, so
 * unkeyed jobs take the same way, and have an answer where there are no rows.
 * Keys are numbered by first appearance; a published table is flat bytes in which
 * entries lie partition by partition (SHEAF_PARTITIONS, by the top bits of the
 * key's hash), so that partitions can be glued by different tasks.  For each
 * key, states are combined strictly in the order in which tables are glued.
 * Nothing here knows whether its memory is shared.
 */
#ifndef SHEAF_REDUCE_TABLE_H
#define SHEAF_REDUCE_TABLE_H

#include "operator/bind.h"
#include "operator/call.h"

#define SHEAF_PARTITIONS 64

struct sheaf_table;

struct sheaf_table_plan {
    const sheaf_kind *key_kinds;
    size_t keys;
    const struct sheaf_aggregate *aggregate;
    uint64_t seed;       /* of the hash; never shows in an answer */
    size_t memory_limit; /* bytes; 0: none.  Above: SHEAF_LIMIT that names --memory */
};

/* SHEAF_BAD_ARGUMENT for kinds that can not be keys (SHEAF_WIDE), and for an operator with `answer`
 * beside others.  What the plan points to must outlive the table. */
SHEAF_CHECKED sheaf_status sheaf_table_open(const struct sheaf_table_plan *plan,
                                            struct sheaf_table **table, sheaf_error *error);
void sheaf_table_close(struct sheaf_table *table);

/* Empty it, keeping memory; a new table is as after this with 0.  Rows folded from now on are
 * numbered from `first_row`: the order of first appearance over the whole job (shard number << 40
 * for instance). */
void sheaf_table_start(struct sheaf_table *table, uint64_t first_row);

/*
 * Fold at most SHEAF_BATCH_ROWS rows: keys[k] are the key columns, frame[] the columns that bound
 * inputs index.  An operator without keep_missing does not see rows in which one of its inputs is
 * missing.  SHEAF_REFUSED (E501) when an operator called sheaf_fail(): error->row is then the
 * earliest such row of this call, counted from 0.  After any failure the table can only be started
 * again or closed.
 */
SHEAF_CHECKED sheaf_status sheaf_table_fold(struct sheaf_table *table, const sheaf_column *keys,
                                            const sheaf_column *frame, size_t rows,
                                            sheaf_error *error);

/* Bytes that publishing takes; then write exactly so many to `to` (16-byte aligned). */
size_t sheaf_table_measure(struct sheaf_table *table);
void sheaf_table_publish(struct sheaf_table *table, void *to);

/* What can be said of published bytes without trusting them: how many entries there are and that
 * each is whole and where it belongs, or SHEAF_INTERNAL.  Of states nothing is known.  Gluing
 * checks all that memory safety needs again. */
SHEAF_CHECKED sheaf_status sheaf_published_check(const struct sheaf_table_plan *plan,
                                                 const void *bytes, size_t size, uint64_t *entries,
                                                 sheaf_error *error);

/*
 * Combine partitions [first, last) of published bytes (16-byte aligned) into the table, after what
 * it holds.  A key that is new is copied where the operator has just `combine`, and combined into a
 * state just begun where it has combine_with.  Its first row is the least of all that were glued.
 * The seed must be that of the table that was published.
 */
SHEAF_CHECKED sheaf_status sheaf_table_glue(struct sheaf_table *table, const void *bytes,
                                            size_t size, unsigned first, unsigned last,
                                            sheaf_error *error);

/*
 * Finish every key and append the answer to `flat` as one piece (reduce/flat.h): the
 * keys, then the outputs, then one i64 column with the number of the first row, by
 * which the rows are sorted; it ascends strictly unless the operator has `answer`,
 * which gives any number of rows for a key.  The table can only be started or closed
 * afterwards.
 */
SHEAF_CHECKED sheaf_status sheaf_table_answer(struct sheaf_table *table, struct sheaf_string *flat,
                                              sheaf_error *error);

#endif
