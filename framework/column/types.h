/* types.h - what one wants to know of a type beside its name and size */
#ifndef SHEAF_COLUMN_TYPES_H
#define SHEAF_COLUMN_TYPES_H

#include <stdbool.h>

#include <sheaf/batch.h>

bool sheaf_type_signed(sheaf_type type);   /* I8 to I64 */
bool sheaf_type_unsigned(sheaf_type type); /* U8 to U64 */

#endif
