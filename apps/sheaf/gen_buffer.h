/*
 * gen_buffer.h - bytes that grow; failing to is remembered, and checked once at the end
 */
#ifndef SHEAF_APP_GEN_BUFFER_H
#define SHEAF_APP_GEN_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct gen_buffer {
    char *bytes;
    size_t size;
    size_t capacity;
    bool failed;
};

/* Room for `size` more bytes at buffer->bytes + buffer->size; false if memory was refused. */
bool gen_buffer_reserve(struct gen_buffer *buffer, size_t size);
void gen_buffer_bytes(struct gen_buffer *buffer, const void *bytes, size_t size);
void gen_buffer_text(struct gen_buffer *buffer, const char *text);
void gen_buffer_char(struct gen_buffer *buffer, char character);
void gen_buffer_free(struct gen_buffer *buffer);

#endif
