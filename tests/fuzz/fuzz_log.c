/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a line of log.json, and what a writer makes of them read back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/container/attach_packet.h"
#include "engine/log/line.h"
#include "engine/log/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char head[] = "{\"log\":\"",
			  tail[] = "\",\"stream\":\"stderr\",\"time\":\"T\"}";
	char *line = malloc(n * 6 + sizeof(head) + sizeof(tail)), *text, keys[4];
	struct log_line l;
	size_t length;

	if (log_line_parse((const char *)data, n, &l) == 0) {
		char *out = malloc(l.text_n + 1);

		if (log_line_unescape(&l, out) > l.text_n)
			abort();
		free(out);
	}
	memcpy(line, head, sizeof(head) - 1);
	length = sizeof(head) - 1 + log_escape(line + sizeof(head) - 1, (const char *)data, n);
	memcpy(line + length, tail, sizeof(tail) - 1);
	length += sizeof(tail) - 1;
	if (log_line_parse(line, length, &l) < 0 || !l.is_err)
		abort();
	text = malloc(l.text_n + 1);
	if (log_line_unescape(&l, text) != n || memcmp(text, data, n) != 0)
		abort();
	if (l.ends != (n > 0 && data[n - 1] == '\n'))
		abort();
	memcpy(line, data, n);
	line[n] = '\0';
	attach_parse_keys(line, keys, sizeof(keys));
	if (log_cut_character((const char *)data, n) > 3)
		abort();
	free(line);
	free(text);
	return 0;
}
