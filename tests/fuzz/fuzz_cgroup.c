/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as /proc/PID/cgroup, as a list of controllers and as a file of pressure. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "cgroup/detect.h"
#include "cgroup/figures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct detect_line lines[32];
	struct pressure_line pressure = {0};
	struct arena a = {0};
	const char *text = arena_strndup(&a, (const char *)data, size);
	int n = detect_parse_self(text, lines, ARRAY_LEN(lines), &a);

	check(n <= (int)ARRAY_LEN(lines));
	for (int i = 0; i < n; i++)
		check(!strchr(lines[i].controllers, ':') && !strchr(lines[i].path, '\n'));
	detect_parse_controllers(text, true);
	detect_parse_controllers(text, false);
	(void)pressure_parse(text, "some", &pressure);
	(void)pressure_parse(text, "full", &pressure);
	arena_free(&a);
	return 0;
}
