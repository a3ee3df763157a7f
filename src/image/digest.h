/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of bulk data, by libcrypto. */
#ifndef BERTH_IMAGE_DIGEST_H
#define BERTH_IMAGE_DIGEST_H

#include <openssl/evp.h>
#include <stddef.h>

#include "base/err.h"

enum { DIGEST_SIZE = 72 }; /* "sha256:", 64 digits, NUL */

struct digest {
	EVP_MD_CTX *context;
};

int digest_begin(struct digest *d, struct err *e);
int digest_add(struct digest *d, const void *data, size_t n);
/* Writes "sha256:HEX" and frees it. */
int digest_end(struct digest *d, char ret[DIGEST_SIZE]);
void digest_free(struct digest *d);

#endif
