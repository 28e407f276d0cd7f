/* order.h - keys in the order of their first rows */
#ifndef SHEAF_REDUCE_ORDER_H
#define SHEAF_REDUCE_ORDER_H

#include "reduce/keys.h"

/* *numbers: the numbers of all keys by first_row, those of equal first_row as they are; free() it.
 */
SHEAF_CHECKED sheaf_status sheaf_keys_order(const struct sheaf_keys *keys, uint32_t **numbers,
                                            sheaf_error *error);

#endif
