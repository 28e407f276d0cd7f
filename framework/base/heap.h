/*
 * heap.h - the bytes that growing states own, in one piece that can be moved
 *
 * Blocks are handed out in order and addressed by their offset, so a heap can
 * be copied to other memory as a whole.  A resized block moves to the end; what
 * it left is not reused, so a heap that is doubled block by block holds at most
 * about twice what is in use.
 *
 * A heap is either owned (grows with realloc) or a view of published bytes
 * (`capacity` 0), which can only be read.
 */
#ifndef SHEAF_BASE_HEAP_H
#define SHEAF_BASE_HEAP_H

#include <setjmp.h>
#include <stddef.h>

#include <sheaf/batch.h>

struct sheaf_heap {
    char *bytes;
    size_t size; /* in use; the first 16 bytes are never handed out, so offset 0 means nothing */
    size_t capacity;
    size_t limit;    /* most bytes it may take; 0: no limit of its own */
    jmp_buf *escape; /* where to go, with value 1, when memory is refused; never NULL while an
                        operator runs */
};

void sheaf_heap_free(sheaf_heap *heap);

#endif
