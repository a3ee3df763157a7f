/* SPDX-License-Identifier: Apache-2.0 */
/* An error as a value of fixed size. */
#include "base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *err_text(int code)
{
	static _Thread_local char text[96];

	snprintf(text, sizeof(text), "%s", strerror(code));
	/* "No such file" becomes "no such file", but "I/O error" keeps its capitals. */
	if (text[0] && islower((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static void one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

int err_sys(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!e || e->code)
		return r;
	e->code = -r;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", err_text(-r));
	one_line(e->text);
	return r;
}

int err_say(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;

	if (!e || e->code)
		return r;
	e->code = -r;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	one_line(e->text);
	return r;
}

int err_within(struct err *e, const char *fmt, ...)
{
	char prefix[256];
	va_list ap;
	size_t n, old;

	if (!e)
		return 0;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	n = strlen(prefix);
	old = strlen(e->text);
	if (n + 2 + old >= sizeof(e->text))
		old = sizeof(e->text) - n - 3;
	memmove(e->text + n + 2, e->text, old);
	e->text[n + 2 + old] = '\0';
	memcpy(e->text, prefix, n);
	memcpy(e->text + n, ": ", 2);
	one_line(e->text);
	return -e->code;
}
