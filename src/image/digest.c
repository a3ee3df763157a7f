/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of bulk data, by libcrypto. */
#include "image/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int digest_begin(struct digest *d, struct err *e)
{
	d->context = EVP_MD_CTX_new();
	if (!d->context || EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) != 1) {
		digest_free(d);
		return err_say(e, -ENOMEM, "libcrypto gives no SHA-256");
	}
	return 0;
}

int digest_add(struct digest *d, const void *data, size_t n)
{
	return EVP_DigestUpdate(d->context, data, n) == 1 ? 0 : -EIO;
}

int digest_end(struct digest *d, char ret[DIGEST_SIZE])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int r = EVP_DigestFinal_ex(d->context, sum, &n) == 1 ? 0 : -EIO;

	strcpy(ret, "sha256:");
	for (unsigned i = 0; r == 0 && i < n && i < 32; i++)
		snprintf(ret + 7 + 2 * i, 3, "%02x", sum[i]);
	digest_free(d);
	return r;
}

void digest_free(struct digest *d)
{
	EVP_MD_CTX_free(d->context);
	d->context = NULL;
}
