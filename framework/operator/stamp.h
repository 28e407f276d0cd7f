/*
 * stamp.h - what a plug-in says of itself, read from its bytes
 *
 * dlopen() runs constructors before anyone could ask a question, and dies of
 * SIGBUS on a file that was cut.  So the stamp (sheaf/operator.h) is read by
 * this parser, which looks at bytes only and never outside of them.
 */
#ifndef SHEAF_OPERATOR_STAMP_H
#define SHEAF_OPERATOR_STAMP_H

#include <sheaf/operator.h>

/*
 * Find the stamp in the bytes of an ELF shared object for this machine and
 * check it.  `path` is for messages.  SHEAF_BAD_OPERATOR: E701 if this is no
 * plug-in, E702 if it was made for another interface.
 */
SHEAF_CHECKED sheaf_status sheaf_stamp_read(const char *path, const void *bytes, size_t size,
                                            sheaf_stamp *stamp, sheaf_error *error);

#endif
