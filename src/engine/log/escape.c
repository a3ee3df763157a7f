/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a program's output as JSON text, without losing one. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "engine/log/sink.h"

static const char digits[] = "0123456789abcdef";

/* The length of the character at text, which has n bytes, or 0. */
static size_t character(const char *text, size_t n)
{
	char padded[5] = {0};

	if (n >= 4)
		return utf8_length(text);
	memcpy(padded, text, n); /* the NUL behind ends every character that is cut */
	return utf8_length(padded);
}

/* A control character, quote or backslash. */
static char *escape_ascii(char *to, unsigned char c)
{
	static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = c ? strchr(names, c) : NULL;

	*to++ = '\\';
	if (found) {
		*to++ = letters[found - names];
		return to;
	}
	to[0] = 'u';
	to[1] = to[2] = '0';
	to[3] = digits[c >> 4];
	to[4] = digits[c & 15];
	return to + 5;
}

static char *escape_byte(char *to, unsigned char c)
{
	to[0] = '\\';
	to[1] = 'u';
	to[2] = 'd';
	to[3] = 'c';
	to[4] = digits[c >> 4];
	to[5] = digits[c & 15];
	return to + 6;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

size_t log_escape(char *to, const char *text, size_t n)
{
	char *begin = to;
	size_t i = 0;

	while (i < n) {
		unsigned char c = (unsigned char)text[i];
		size_t length;

		if (is_plain(c)) {
			*to++ = text[i++];
			continue;
		}
		if (c < 0x80) {
			to = escape_ascii(to, c);
			i++;
			continue;
		}
		length = character(text + i, n - i);
		if (length == 0) {
			to = escape_byte(to, c);
			i++;
			continue;
		}
		memcpy(to, text + i, length);
		to += length;
		i += length;
	}
	return (size_t)(to - begin);
}

size_t log_cut_character(const char *text, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)text[n - back];

		if (c < 0x80)
			return 0;
		if (c >= 0xc2 && c <= 0xf4) {
			size_t whole = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

			return whole > back ? back : 0;
		}
	}
	return 0;
}

void log_time_text(int64_t ns, char ret[31])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(ret, 31, "%Y-%m-%dT%H:%M:%S.", &tm);
	snprintf(ret + 20, 11, "%09uZ", (unsigned)(ns % 1000000000));
}
