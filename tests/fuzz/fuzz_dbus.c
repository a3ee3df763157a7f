/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as a message of D-Bus; every string that is read lies in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_text(const char *s, const char *buf, size_t n)
{
	if (*s)
		check(s >= buf && s + strlen(s) < buf + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *buf = malloc(size + 1);
	struct dbus_message m;

	memcpy(buf, data, size);
	if (size >= DBUS_HEADER_SIZE && dbus_message_size(buf) >= 0)
		check(dbus_message_size(buf) >= DBUS_HEADER_SIZE);
	if (dbus_parse(buf, size, &m) == 0) {
		const char *text;
		uint32_t number;

		check_text(m.path, buf, size);
		check_text(m.interface, buf, size);
		check_text(m.member, buf, size);
		check_text(m.error, buf, size);
		check_text(m.signature, buf, size);
		for (int i = 0; i < 64 && m.body.at < m.body.n; i++) {
			if (i % 3 == 0 && dbus_get_u32(&m.body, &number) < 0)
				break;
			text = "";
			if (i % 3 && (i % 3 == 1 ? dbus_get_string(&m.body, &text)
						 : dbus_get_signature(&m.body, &text)) < 0)
				break;
			check_text(text, buf, size);
		}
	}
	free(buf);
	return 0;
}
