/* utf8.h - whether a large piece of text is UTF-8, for each instruction set */
#ifndef SHEAF_COLUMN_UTF8_H
#define SHEAF_COLUMN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool sheaf_utf8_is_valid_avx512(const char *bytes, size_t size); /* x86 with AVX-512 only */

#endif
