/*
 * locate.h - places in a shard into places in a file
 *
 * Workers do not know what stands before their shard.  When the coordinator
 * believes a complaint, it knows the lines and records before it, and completes the message.
 */
#ifndef SHEAF_JOB_LOCATE_H
#define SHEAF_JOB_LOCATE_H

#include "job/plan.h"

/* Complete a shard's failure.  `begin`: the shard's first byte; lines and records of the file
 * before it. */
void sheaf_locate_failure(const struct plan *plan, uint32_t file, uint64_t begin, uint64_t lines,
                          uint64_t records, sheaf_error *failure);

/* A glue task was lost: name the operators that combine. */
void sheaf_locate_gluing(const struct plan *plan, sheaf_error *failure);

/* Rejected rows of a shard, as the reader wrote them, into lines of the rejects file. */
SHEAF_CHECKED sheaf_status sheaf_locate_rejects(
    const sheaf_dataset *dataset, uint32_t file, uint64_t lines, uint64_t records,
    const char *bytes, size_t size,
    sheaf_status (*write)(void *context, const char *bytes, size_t size, sheaf_error *error),
    void *context, sheaf_error *error);

#endif
