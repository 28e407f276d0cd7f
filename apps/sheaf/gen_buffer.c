/* gen_buffer.c - bytes that grow: see gen_buffer.h */
#include <stdlib.h>
#include <string.h>

#include "gen_buffer.h"

bool gen_buffer_reserve(struct gen_buffer *buffer, size_t size)
{
    size_t wanted = buffer->size + size + 1;

    if (buffer->failed || wanted <= buffer->capacity)
        return !buffer->failed;
    if (wanted < buffer->capacity + buffer->capacity / 2)
        wanted = buffer->capacity + buffer->capacity / 2;
    char *grown = realloc(buffer->bytes, wanted);
    buffer->failed = grown == NULL;
    if (grown) {
        buffer->bytes = grown;
        buffer->capacity = wanted;
    }
    return !buffer->failed;
}

void gen_buffer_bytes(struct gen_buffer *buffer, const void *bytes, size_t size)
{
    if (!gen_buffer_reserve(buffer, size))
        return;
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

void gen_buffer_text(struct gen_buffer *buffer, const char *text)
{
    gen_buffer_bytes(buffer, text, strlen(text));
}

void gen_buffer_char(struct gen_buffer *buffer, char character)
{
    gen_buffer_bytes(buffer, &character, 1);
}

void gen_buffer_free(struct gen_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct gen_buffer){0};
}
