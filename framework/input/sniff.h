/*
 * sniff.h - the delimiter of a file and whether it has a header, from its first bytes
 *
 * The rules are in docs/csv.md, "Found from the data".
 */
#ifndef SHEAF_INPUT_SNIFF_H
#define SHEAF_INPUT_SNIFF_H

#include "input/examine.h"

/*
 * Set dialect->delimiter from the first bytes of a file (`whole`: all of them).
 * SHEAF_BAD_DATA (E410) if none fits, or two fit equally well.
 */
SHEAF_CHECKED sheaf_status sheaf_sniff_delimiter(const char *path, const char *bytes, size_t size,
                                                 bool whole, struct sheaf_dialect *dialect,
                                                 sheaf_error *error);

/* Whether the first record, whose fields are `cells`, is a header; below[] is the evidence of the
 * records after it, `repeated` says that one of the cells stands again in its own column. */
bool sheaf_sniff_header(const char *const *cells, size_t count, const struct sheaf_evidence *below,
                        bool repeated);

#endif
