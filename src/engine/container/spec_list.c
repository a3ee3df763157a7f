/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in the arena, and small files of the caller's. */
#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "kernel/fd.h"

enum { TEXT_MAX = 1 << 20, FIRST_ROOM = 8 };

void *list_grow(struct slice *list, size_t size, struct arena *a)
{
	size_t n = list->n;

	if (n == 0)
		list->v = arena_array(a, FIRST_ROOM, size);
	else if (n >= FIRST_ROOM && (n & (n - 1)) == 0)
		list->v = arena_grow(a, list->v, n * size, 2 * n * size);
	list->n = n + 1;
	return (char *)list->v + n * size;
}

void strings_add(struct str_slice *list, const char *word, struct arena *a)
{
	LIST_ADD(list, a) = word;
}

void strings_add_all(struct str_slice *list, const char *const *words, struct arena *a)
{
	for (; *words; words++)
		strings_add(list, *words, a);
}

bool strings_have(const struct str_slice *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i], word))
			return true;
	return false;
}

void strings_split(const char *text, char separator, struct arena *a, struct str_slice *ret)
{
	const char stop[2] = {separator, '\0'};

	while (*text) {
		size_t n = strcspn(text, stop);

		if (n)
			strings_add(ret, arena_strndup(a, text, n), a);
		text += n + (text[n] == separator);
	}
}

void pairs_set(struct oci_pairs *pairs, const char *key, const char *value, struct arena *a)
{
	struct oci_pair *v;
	size_t i = 0;

	while (i < pairs->n && !str_eq(pairs->v[i].key, key))
		i++;
	/* A copy: the list may be somebody else's, of the image for one. */
	v = arena_array(a, pairs->n + 1, sizeof(*v));
	if (pairs->n)
		memcpy(v, pairs->v, pairs->n * sizeof(*v));
	v[i] = (struct oci_pair){.key = key, .value = value};
	pairs->v = v;
	pairs->n += i == pairs->n;
}

const char *pairs_get(const struct oci_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (str_eq(pairs->v[i].key, key))
			return pairs->v[i].value;
	return NULL;
}

int read_text(const char *option, const char *path, struct arena *a, char **ret, size_t *ret_n,
	      struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t n = 0;
	int r = fd < 0 ? -errno : fd_read_all(fd, a, TEXT_MAX, ret, &n);

	if (r < 0)
		return err_sys(e, r, "%s %s", option, path);
	if (strlen(*ret) != n)
		return err_say(e, -EINVAL, "%s %s: is no text, it has a zero byte", option, path);
	if (ret_n)
		*ret_n = n;
	return 0;
}

char *next_line(char **text)
{
	char *line = *text;
	size_t n;

	if (!line || !*line)
		return NULL;
	n = strcspn(line, "\n");
	*text = line + n + (line[n] == '\n');
	line[n] = '\0';
	if (n && line[n - 1] == '\r')
		line[n - 1] = '\0';
	return line;
}
