/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzing what a registry says about itself: WWW-Authenticate, and config.json on the way. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "image/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_arena struct arena a = {0};
	struct auth_challenge challenge;
	struct auth_config config;

	auth_challenge_parse(arena_strndup(&a, (const char *)data, n), &a, &challenge);
	if (auth_config_parse((const char *)data, n, "fuzz", &a, &config, NULL) == 0)
		auth_config_pick(&config, "reg.test", "team/app", &a);
	return 0;
}
