/*
 * kept.h - one value of any type, kept in a state
 *
 * A text lies in a block that is as large as the largest text that was kept, so
 * that keeping another one seldom moves it; kept_finish() cuts it to size.
 */
#ifndef SHEAF_OPERATORS_KEPT_H
#define SHEAF_OPERATORS_KEPT_H

#include "load.h"

struct kept {
    union {
        uint8_t boolean;
        int32_t i32;
        int64_t i64;
        double f64;
        sheaf_block block;
    };
    uint64_t size; /* of the text in the block */
};

static inline sheaf_text kept_text(const struct kept *kept, const sheaf_heap *heap)
{
    return (sheaf_text){.bytes = sheaf_block_bytes(heap, &kept->block),
                        .size = (uint32_t)kept->size};
}

static inline void kept_set_text(struct kept *kept, sheaf_heap *heap, sheaf_text text)
{
    if (text.size > kept->block.size)
        sheaf_block_resize(heap, &kept->block, text.size + kept->block.size / 2);
    if (text.size > 0)
        memcpy(sheaf_block_bytes(heap, &kept->block), text.bytes, text.size);
    kept->size = text.size;
}

static inline void kept_set(struct kept *kept, const sheaf_batch *batch, size_t row)
{
    const sheaf_column *column = &batch->columns[0];

    if (is_text(column->type))
        kept_set_text(kept, batch->heap, column->text[row]);
    else if (column->type == SHEAF_BOOL)
        kept->boolean = column->boolean[row];
    else if (column->type == SHEAF_DATE)
        kept->i32 = load_i32(column, row);
    else
        kept->i64 = load_i64(column, row); /* the bytes of a double too */
}

/* Make it what `from` is, which lives in another state. */
static inline void kept_copy(struct kept *kept, const struct kept *from, sheaf_type type,
                             const sheaf_gluing *with)
{
    if (is_text(type))
        kept_set_text(kept, with->heap, kept_text(from, with->later_heap));
    else
        *kept = *from;
}

static inline void kept_finish(struct kept *kept, sheaf_type type, const sheaf_gluing *with)
{
    if (is_text(type))
        sheaf_block_resize(with->heap, &kept->block, kept->size);
}

#endif
