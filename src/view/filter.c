/* SPDX-License-Identifier: Apache-2.0 */
/* --filter: which rows stay. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "view/view.h"

enum { KEY_MAX = 64 };

struct filter {
	char key[KEY_MAX];
	const char *value;
	bool is_not;
};

static int read_filter(const char *text, struct filter *ret, struct err *e)
{
	size_t n = strcspn(text, "=");
	size_t key = n && text[n] && text[n - 1] == '!' ? n - 1 : n;

	if (!text[n] || !key || key >= KEY_MAX)
		return err_say(e, -EINVAL,
			       "--filter %s: invalid argument: want KEY=VALUE or KEY!=VALUE", text);
	memcpy(ret->key, text, key);
	ret->key[key] = '\0';
	ret->value = text + n + 1;
	ret->is_not = key != n;
	return 0;
}

/* Has a filter before number n the same key? Then its alternatives were asked already. */
static bool is_asked(const struct str_slice *filters, size_t n, const struct filter *f)
{
	struct filter other = {.is_not = false};

	for (size_t i = 0; i < n; i++)
		if (read_filter(filters->v[i], &other, NULL) == 0 && !other.is_not &&
		    strcmp(other.key, f->key) == 0)
			return true;
	return false;
}

static int match_any(const struct str_slice *filters, size_t from, const char *key,
		     int (*match)(void *arg, const char *key, const char *value, struct err *e),
		     void *arg, struct err *e)
{
	struct filter f = {.is_not = false};
	int r = 0;

	for (size_t i = from; r == 0 && i < filters->n; i++) {
		r = read_filter(filters->v[i], &f, e);
		if (r == 0 && !f.is_not && strcmp(f.key, key) == 0)
			r = match(arg, f.key, f.value, e);
	}
	return r;
}

int view_filter(const struct str_slice *filters,
		int (*match)(void *arg, const char *key, const char *value, struct err *e),
		void *arg, struct err *e)
{
	for (size_t i = 0; i < filters->n; i++) {
		struct filter f = {.is_not = false};
		int r = read_filter(filters->v[i], &f, e);

		if (r < 0)
			return r;
		if (f.is_not) {
			r = match(arg, f.key, f.value, e);
			if (r != 0)
				return r < 0 ? r : 0;
			continue;
		}
		if (is_asked(filters, i, &f))
			continue;
		r = match_any(filters, i, f.key, match, arg, e);
		if (r <= 0)
			return r;
	}
	return 1;
}
