/* SPDX-License-Identifier: Apache-2.0 */
/* One line of log.json taken apart, and its text given back byte by byte. */
#include "engine/log/line.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PREFIX "{\"log\":\""

static const char *find(const char *at, const char *end, const char *what)
{
	return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* The string value behind "key":" in the part after the text. */
static int find_string(const char *at, const char *end, const char *key, const char **ret,
		       size_t *ret_n)
{
	const char *begin = find(at, end, key), *quote;

	if (!begin)
		return -EINVAL;
	begin += strlen(key);
	quote = memchr(begin, '"', (size_t)(end - begin));
	if (!quote)
		return -EINVAL;
	*ret = begin;
	*ret_n = (size_t)(quote - begin);
	return 0;
}

int log_line_parse(const char *line, size_t n, struct log_line *ret)
{
	struct log_line l = {0};
	const char *end = line + n, *at = line + strlen(PREFIX), *attrs, *stream;
	size_t stream_n;

	if (n <= strlen(PREFIX) || memcmp(line, PREFIX, strlen(PREFIX)) != 0 || end[-1] != '}')
		return -EINVAL;
	l.text = at;
	while (at < end && *at != '"') {
		l.ends = end - at > 1 && at[0] == '\\' && at[1] == 'n';
		at += *at == '\\' ? 2 : 1;
	}
	if (at >= end)
		return -EINVAL;
	l.text_n = (size_t)(at - l.text);
	/* Order: a label in attrs may hold any text, so the stream comes before and the time is the last. */
	if (find_string(at, end, ",\"stream\":\"", &stream, &stream_n) < 0)
		return -EINVAL;
	l.is_err = stream_n == 6 && memcmp(stream, "stderr", 6) == 0;
	for (const char *p = at; (p = find(p, end, ",\"time\":\"")); p++)
		if (find_string(p, end, ",\"time\":\"", &l.time, &l.time_n) < 0)
			break;
	if (!l.time)
		return -EINVAL;
	attrs = find(stream, end, ",\"attrs\":");
	if (attrs && attrs < l.time) {
		l.attrs = attrs + strlen(",\"attrs\":");
		l.attrs_n = (size_t)(l.time - strlen(",\"time\":\"") - l.attrs);
	}
	*ret = l;
	return 0;
}

/* ---- the text ------------------------------------------------------------------------------------ */

static int hex(const char *at, const char *end)
{
	int v = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static char *put_character(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	}
	return to;
}

/* at: behind "\u". Returns where the text goes on. */
static const char *unescape_code(const char *at, const char *end, char **to)
{
	int c = hex(at, end), low;

	if (c < 0)
		return end;
	at += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
	    (low = hex(at + 2, end)) >= 0xdc00 && low < 0xe000) {
		*to = put_character(*to, 0x10000 + (((uint32_t)c - 0xd800) << 10) +
						 ((uint32_t)low - 0xdc00));
		return at + 6;
	}
	if (c >= 0xdc80 && c <= 0xdcff) /* a byte that was no UTF-8 */
		*(*to)++ = (char)(c & 0xff);
	else
		*to = put_character(*to, c >= 0xd800 && c < 0xe000 ? 0xfffd : (uint32_t)c);
	return at;
}

size_t log_line_unescape(const struct log_line *l, char *to)
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	const char *at = l->text, *end = at + l->text_n, *found;
	char *begin = to;

	while (at < end) {
		const char *slash = memchr(at, '\\', (size_t)(end - at));
		size_t plain = (size_t)((slash ? slash : end) - at);

		memcpy(to, at, plain);
		to += plain;
		at += plain;
		if (end - at < 2)
			break;
		at += 2;
		if (at[-1] == 'u') {
			at = unescape_code(at, end, &to);
			continue;
		}
		found = at[-1] ? strchr(letters, at[-1]) : NULL;
		*to++ = found ? bytes[found - letters] : at[-1];
	}
	return (size_t)(to - begin);
}
