/* sha256.h - SHA-256 (FIPS 180-4) and HMAC (RFC 2104), for the manager's challenge */
#ifndef SHEAF_PROCESS_SHA256_H
#define SHEAF_PROCESS_SHA256_H

#include <stddef.h>

void sheaf_sha256(const void *bytes, size_t size, unsigned char digest[32]);

/* At most 192 bytes of text. */
void sheaf_hmac_sha256(const void *key, size_t key_size, const void *text, size_t size,
                       unsigned char digest[32]);

#endif
