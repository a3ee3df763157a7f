/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner below json_decode: strict RFC 8259, value by value. */
#include "base/json_scan.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/utf8.h"

static int say(struct json_scan *s, const char *at, const char *text)
{
	size_t line = 1, offset = (size_t)(at - s->start);
	const char *line_start = s->original;

	for (size_t i = 0; i < offset; i++)
		if (s->original[i] == '\n') {
			line++;
			line_start = s->original + i + 1;
		}
	return err_say(s->e, -EINVAL, "%s: line %zu byte %zu: %s", s->document, line,
		       (size_t)(s->original + offset - line_start) + 1, text);
}

int json_scan_fail(struct json_scan *s, const char *at, const char *wanted)
{
	unsigned char c = (unsigned char)*at;
	char text[160];

	if (at >= s->end)
		snprintf(text, sizeof(text), "expected %s, found the end", wanted);
	else if (c > ' ' && c < 0x7f)
		snprintf(text, sizeof(text), "expected %s, found '%c'", wanted, c);
	else
		snprintf(text, sizeof(text), "expected %s, found byte 0x%02x", wanted, c);
	return say(s, at, text);
}

int json_scan_expect(struct json_scan *s, char c, const char *wanted)
{
	if (json_scan_peek(s) != c || s->p >= s->end)
		return json_scan_fail(s, s->p, wanted);
	s->p++;
	return 0;
}

int json_scan_next(struct json_scan *s, char closing)
{
	char c = json_scan_peek(s);

	if (c != ',' && c != closing)
		return json_scan_fail(s, s->p, closing == '}' ? "',' or '}'" : "',' or ']'");
	s->p++;
	return c == ',';
}

int json_scan_end(struct json_scan *s)
{
	json_scan_peek(s);
	return s->p == s->end ? 0 : json_scan_fail(s, s->p, "the end");
}

int json_scan_depth(struct json_scan *s, unsigned depth)
{
	return depth < JSON_DEPTH_MAX ? 0 : say(s, s->p, "nested too deeply");
}

/* The first byte from p on that is not a plain character of a string. */
static char *find_special(char *p)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;

	for (;; p += 8) {
		uint64_t x, quote, escape, special;

		memcpy(&x, p, 8);
		x = le64toh(x);
		quote = x ^ ones * '"';
		escape = x ^ ones * '\\';
		/* A borrow can mark a plain byte, but only above one that is marked rightly: the
		 * lowest mark is true. */
		special = ((quote - ones) | (escape - ones) | (x - ones * ' ') | x) & highs;
		if (special)
			return p + (__builtin_ctzll(special) >> 3);
	}
}

static int read_hex(const char *p, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return -EINVAL;
	}
	*ret = v;
	return 0;
}

static char *write_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* \uXXXX, one or two of them; *p is behind the "u". */
static int read_unicode(struct json_scan *s, char **p, char **to)
{
	const char *at = *p - 2;
	uint32_t c, low;

	if (read_hex(*p, &c) < 0)
		return say(s, at, "a \\u escape needs four hexadecimal digits");
	*p += 4;
	if (c == 0)
		return say(s, at, "a string must not hold a NUL byte");
	if (c >= 0xd800 && c < 0xe000) {
		if (c >= 0xdc00 || (*p)[0] != '\\' || (*p)[1] != 'u' ||
		    read_hex(*p + 2, &low) < 0 || low < 0xdc00 || low >= 0xe000)
			return say(s, at, "half of a surrogate pair");
		*p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = write_utf8(*to, c);
	return 0;
}

static int read_escape(struct json_scan *s, char **p, char **to)
{
	static const char from[] = "\"\\/bfnrt", made[] = "\"\\/\b\f\n\r\t";
	char c = (*p)[1];
	const char *which = c ? strchr(from, c) : NULL;

	if (c == 'u') {
		*p += 2;
		return read_unicode(s, p, to);
	}
	if (!which)
		return json_scan_fail(s, *p + 1, "an escape: one of \" \\ / b f n r t u");
	*(*to)++ = made[which - from];
	*p += 2;
	return 0;
}

int json_scan_string(struct json_scan *s, const char **ret, size_t *ret_len)
{
	char *from = s->p + 1, *to, *p = find_special(from);

	for (to = p; *p != '"';) {
		char *next;
		size_t n;

		if (*p == '\\') {
			if (read_escape(s, &p, &to) < 0)
				return -EINVAL;
		} else if (p >= s->end) {
			return json_scan_fail(s, p, "'\"'");
		} else if ((unsigned char)*p < ' ') {
			return say(s, p, "a control character in a string must be escaped");
		} else {
			n = utf8_length(p);
			if (!n)
				return say(s, p, "a string is not valid UTF-8");
			memmove(to, p, n);
			to += n;
			p += n;
		}
		next = find_special(p);
		if (to != p)
			memmove(to, p, (size_t)(next - p));
		to += next - p;
		p = next;
	}
	*to = '\0';
	s->p = p + 1;
	*ret = from;
	if (ret_len)
		*ret_len = (size_t)(to - from);
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int skip_digits(struct json_scan *s)
{
	if (!is_digit(*s->p))
		return json_scan_fail(s, s->p, "a digit");
	while (is_digit(*s->p))
		s->p++;
	return 0;
}

int json_scan_number(struct json_scan *s, struct json_number *ret)
{
	struct json_number n = {.is_integer = true, .at = (size_t)(s->p - s->start)};

	n.is_negative = *s->p == '-';
	s->p += n.is_negative;
	if (!is_digit(*s->p))
		return json_scan_fail(s, s->p, "a digit");
	if (*s->p == '0') {
		s->p++;
	} else {
		for (; is_digit(*s->p); s->p++) {
			unsigned digit = (unsigned)(*s->p - '0');

			if (__builtin_mul_overflow(n.magnitude, 10, &n.magnitude) ||
			    __builtin_add_overflow(n.magnitude, digit, &n.magnitude))
				n.is_too_long = true;
		}
	}
	if (*s->p == '.') {
		n.is_integer = false;
		s->p++;
		if (skip_digits(s) < 0)
			return -EINVAL;
	}
	if (*s->p == 'e' || *s->p == 'E') {
		n.is_integer = false;
		s->p++;
		s->p += *s->p == '+' || *s->p == '-';
		if (skip_digits(s) < 0)
			return -EINVAL;
	}
	n.len = (size_t)(s->p - s->start) - n.at;
	*ret = n;
	return 0;
}

int json_scan_literal(struct json_scan *s, char *ret)
{
	const char *word = *s->p == 't' ? "true" : *s->p == 'f' ? "false" : "null";

	for (const char *w = word, *p = s->p; *w; w++, p++)
		if (*w != *p)
			return json_scan_fail(s, s->p, "a value");
	*ret = word[0];
	s->p += strlen(word);
	return 0;
}

static int skip_members(struct json_scan *s, char closing, unsigned depth)
{
	const char *key;
	int r = json_scan_depth(s, depth);

	if (r < 0)
		return r;
	s->p++;
	if (json_scan_peek(s) == closing) {
		s->p++;
		return 0;
	}
	do {
		if (closing == '}') {
			if (json_scan_peek(s) != '"')
				return json_scan_fail(s, s->p, "a name in quotes");
			r = json_scan_string(s, &key, NULL);
			if (r == 0)
				r = json_scan_expect(s, ':', "':'");
			if (r < 0)
				return r;
		}
		r = json_scan_skip(s, depth + 1);
		if (r < 0)
			return r;
		r = json_scan_next(s, closing);
	} while (r > 0);
	return r;
}

int json_scan_skip(struct json_scan *s, unsigned depth)
{
	struct json_number number;
	const char *string;
	char c = json_scan_peek(s);

	switch (c) {
	case '{':
		return skip_members(s, '}', depth);
	case '[':
		return skip_members(s, ']', depth);
	case '"':
		return json_scan_string(s, &string, NULL);
	case 't':
	case 'f':
	case 'n':
		return json_scan_literal(s, &c);
	default:
		if (c != '-' && !is_digit(c))
			return json_scan_fail(s, s->p, "a value");
		return json_scan_number(s, &number);
	}
}
