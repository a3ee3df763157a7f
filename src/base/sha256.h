/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 for small texts (names, chain ids); bulk data goes through libcrypto in berth-image. */
#ifndef BERTH_BASE_SHA256_H
#define BERTH_BASE_SHA256_H

#include <stddef.h>

/* Writes 64 lower-case hexadecimal digits and a NUL (FIPS 180-4). */
void sha256_hex(const void *data, size_t n, char ret[65]);

#endif
