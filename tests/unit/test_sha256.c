/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 against FIPS 180-4's own samples and libcrypto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include <cmocka.h>

#include "base/sha256.h"

static void test_samples(void **state)
{
	static const struct {
		const char *text, *hex;
	} samples[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char hex[65];

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		sha256_hex(samples[i].text, strlen(samples[i].text), hex);
		assert_string_equal(hex, samples[i].hex);
	}
}

/* Every length around the ends of blocks. */
static void test_lengths(void **state)
{
	unsigned char text[300], sum[SHA256_DIGEST_LENGTH];
	char hex[65], wanted[65];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(text); n++) {
		SHA256(text, n, sum);
		for (size_t i = 0; i < sizeof(sum); i++)
			snprintf(wanted + 2 * i, 3, "%02x", sum[i]);
		sha256_hex(text, n, hex);
		assert_string_equal(hex, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
