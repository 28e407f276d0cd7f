/*
 * standard.h - descriptors 0, 1 and 2 stay what they are: input, output, error
 *
 * In a program that was started with one of them closed, the next open() gets its
 * number, and a message to stderr would go into a worker's memory or into the
 * channel of the fork server.  So while we open things they are occupied.
 */
#ifndef SHEAF_EXECUTE_STANDARD_H
#define SHEAF_EXECUTE_STANDARD_H

struct sheaf_standard {
    int opened[3];
    int count;
};

/* Occupy those that are closed, as well as possible; give them back. */
void sheaf_standard_hold(struct sheaf_standard *standard);
void sheaf_standard_free(struct sheaf_standard *standard);

#endif
