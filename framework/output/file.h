/*
 * file.h - where bytes go: standard output, a stream, or a file that is replaced as a whole
 *
 * A regular destination is written beside its place, in a file that has no name
 * (or, where the file system can not do that, an odd one), and takes the place in
 * one rename, after its bytes are on the disk.  Until then, and after any
 * failure, the destination is what it was, and nothing else is left behind.
 *
 *   - a symbolic link is replaced itself; what it pointed to keeps its bytes;
 *   - devices and FIFOs, also through links, are streams and written directly;
 *   - "-", "/dev/stdout", "/dev/stderr" and "/dev/fd/N" are descriptors;
 *   - a destination that may not be written, a folder, a socket, or one of
 *     the inputs is refused before anything is written;
 *   - a new file has the mode 0666 less the umask, a replaced one keeps its mode.
 *
 * Writing raises no SIGPIPE and no SIGXFSZ, whatever the program does with these signals.
 */
#ifndef SHEAF_OUTPUT_FILE_H
#define SHEAF_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <sheaf/error.h>

struct sheaf_output;

/* Which file it is, whatever its name: st_dev and st_ino. */
struct sheaf_identity {
    dev_t device;
    ino_t inode;
};

/*
 * Get ready to write to `path`; NULL and "-" are standard output.  Waits for a
 * reader when it is a FIFO.  SHEAF_BAD_ARGUMENT when the destination is one of the inputs,
 * else SHEAF_BAD_OUTPUT (E301) when it can not be written.
 */
SHEAF_CHECKED sheaf_status sheaf_output_open(const char *path, const struct sheaf_identity *inputs,
                                             size_t input_count, struct sheaf_output **output,
                                             sheaf_error *error);

/*
 * Write all of the bytes.  `output` is a struct sheaf_output, void so that this is a sheaf_write.
 * SHEAF_BAD_OUTPUT (E301) with errno in error.system; SHEAF_INTERRUPTED with SIGPIPE in
 * error.system, exit code 141, when the reader of a stream has left: nothing to be said about.
 */
SHEAF_CHECKED sheaf_status sheaf_output_write(void *output, const void *bytes, size_t size,
                                              sheaf_error *error);

/*
 * Make it so: after success the bytes are in their place, and the file and its folder on the disk.
 * After a failure the destination is what it was, but for one case, which the message names: the
 * folder could not be synced after the rename.  Call it once; then close.
 */
SHEAF_CHECKED sheaf_status sheaf_output_commit(struct sheaf_output *output, sheaf_error *error);

/* Without a commit before it, this takes everything back (what a stream was given is gone). */
void sheaf_output_close(struct sheaf_output *output);

/* Whether it goes to a terminal: then a table is the better default. */
bool sheaf_output_is_terminal(const struct sheaf_output *output);

#endif
