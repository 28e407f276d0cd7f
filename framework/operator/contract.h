/*
 * contract.h - what can be said of an operator's table before any of it runs
 *
 * Everything that an author may have forgotten is found here, with the line to
 * write in the help.  What only running can show is for check.h.
 */
#ifndef SHEAF_OPERATOR_CONTRACT_H
#define SHEAF_OPERATOR_CONTRACT_H

#include <sheaf/operator.h>

#define SHEAF_STATE_MAX ((size_t)1 << 30) /* bytes; what is larger is a mistake or wants a heap */

/* How many inputs, outputs or options there are: those before the first without a name. */
uint32_t sheaf_count_inputs(const sheaf_operator *op);
uint32_t sheaf_count_outputs(const sheaf_operator *op);
uint32_t sheaf_count_options(const sheaf_operator *op);

/* SHEAF_BAD_OPERATOR (E706) with the first thing that is wrong. */
SHEAF_CHECKED sheaf_status sheaf_contract_check(const char *name, const sheaf_operator *op,
                                                sheaf_error *error);

/* Whether the outputs lie inside a state of this size. */
SHEAF_CHECKED sheaf_status sheaf_contract_state(const char *name, const sheaf_operator *op,
                                                size_t state_size, sheaf_error *error);

/* As sheaf_error_set(), with " (E<code>)" at the end and error->code set. */
sheaf_status sheaf_operator_error(sheaf_error *error, sheaf_status status, int code,
                                  const char *format, ...) SHEAF_PRINTF(4, 5);

#endif
