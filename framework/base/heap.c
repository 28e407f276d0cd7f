/* heap.c - the bytes that growing states own: see heap.h and sheaf/operator.h */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include <sheaf/operator.h>

enum { ALIGNMENT = 16 };

static _Noreturn void refuse(sheaf_heap *heap)
{
    if (heap->escape)
        longjmp(*heap->escape, 1);
    abort();
}

static size_t round_up(size_t size)
{
    return (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
}

/* Make room for `needed` bytes in all.  Doubling keeps appending linear; near the limit, or where
 * memory is short, just what is needed will do. */
static void reserve(sheaf_heap *heap, size_t needed)
{
    size_t wanted = heap->capacity < 1024 ? 1024 : 2 * heap->capacity;
    char *grown;

    if (needed <= heap->capacity)
        return;
    if (heap->limit && needed > heap->limit)
        refuse(heap);
    if (heap->limit && wanted > heap->limit)
        wanted = heap->limit;
    if (wanted < needed)
        wanted = needed;
    grown = realloc(heap->bytes, wanted);
    if (!grown) {
        wanted = needed;
        grown = realloc(heap->bytes, wanted);
    }
    if (!grown)
        refuse(heap);
    heap->bytes = grown;
    heap->capacity = wanted;
}

void *sheaf_block_bytes(const sheaf_heap *heap, const sheaf_block *block)
{
    return block->size ? heap->bytes + block->offset : NULL;
}

/* The last block of the heap grows where it is; any other moves to the end. */
static void move_or_extend(sheaf_heap *heap, sheaf_block *block, size_t size)
{
    size_t start = heap->size ? heap->size : ALIGNMENT;
    bool last = block->size && block->offset + round_up(block->size) == heap->size;
    size_t end;

    if (last)
        start = block->offset;
    if (size > SIZE_MAX / 4 || __builtin_add_overflow(start, round_up(size), &end))
        refuse(heap);
    reserve(heap, end);
    if (heap->size == 0)
        memset(heap->bytes, 0, ALIGNMENT);
    if (!last && block->size)
        memcpy(heap->bytes + start, heap->bytes + block->offset, block->size);
    memset(heap->bytes + start + block->size, 0, end - start - block->size);
    block->offset = start;
    heap->size = end;
}

void *sheaf_block_resize(sheaf_heap *heap, sheaf_block *block, size_t size)
{
    assert(!heap->bytes || heap->capacity > 0); /* a view is for reading */
    if (size > block->size) {
        if (block->size && size <= round_up(block->size))
            memset(heap->bytes + block->offset + block->size, 0, size - block->size);
        else
            move_or_extend(heap, block, size);
    } else {
        if (block->size && block->offset + round_up(block->size) == heap->size)
            heap->size = block->offset + round_up(size);
        if (size == 0)
            block->offset = 0;
    }
    block->size = size;
    return sheaf_block_bytes(heap, block);
}

void sheaf_heap_free(sheaf_heap *heap)
{
    if (heap->capacity)
        free(heap->bytes);
    heap->bytes = NULL;
    heap->size = heap->capacity = 0;
}
