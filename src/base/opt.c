/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines by table: one row an option, one struct a command. */
#include "base/opt.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

static const struct opt *find(const struct opt *table, const char *name, size_t n)
{
	for (const struct opt *o = table; o->name; o++)
		if ((strlen(o->name) == n && strncmp(o->name, name, n) == 0) ||
		    (n == 1 && o->letter == name[0]))
			return o;
	return NULL;
}

static int parse_flag(const char *word, bool *ret)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	if (!word || str_index(word, yes, 6) >= 0)
		*ret = true;
	else if (str_index(word, no, 6) >= 0)
		*ret = false;
	else
		return -EINVAL;
	return 0;
}

static void add_word(struct str_slice *s, const char *word, struct arena *a)
{
	const char **grown = arena_array(a, s->n + 1, sizeof(*grown));

	if (s->n)
		memcpy(grown, s->v, s->n * sizeof(*grown));
	grown[s->n] = word;
	s->v = grown;
	s->n++;
}

static int set_value(const struct opt *o, const char *word, struct arena *a, void *values,
		     struct err *e)
{
	char *place = (char *)values + o->offset;
	int r = 0;

	switch (o->kind) {
	case OPT_FLAG:
		r = parse_flag(word, (bool *)place);
		break;
	case OPT_STRING:
		*(const char **)place = word;
		break;
	case OPT_LIST:
		add_word((struct str_slice *)place, word, a);
		break;
	case OPT_UINT:
		r = str_to_u64(word, (uint64_t *)place);
		break;
	}
	return r < 0 ? err_say(e, -EINVAL, "invalid value \"%s\" for flag -%s", word, o->name) : 0;
}

int opt_parse(const struct opt *table, int argc, char **argv, bool stops, struct arena *a,
	      void *values, struct str_slice *ret, struct err *e)
{
	const char **words = arena_array(a, (size_t)argc + 1, sizeof(*words));
	size_t n = 0;

	for (int i = 0; i < argc; i++) {
		const char *name = argv[i], *equals, *word;
		const struct opt *o;
		int r;

		if (name[0] != '-' || !name[1] || (stops && n)) {
			words[n++] = name;
			continue;
		}
		if (strcmp(name, "--") == 0) {
			while (++i < argc)
				words[n++] = argv[i];
			break;
		}
		name += name[1] == '-' ? 2 : 1;
		equals = strchr(name, '=');
		o = find(table, name, equals ? (size_t)(equals - name) : strlen(name));
		if (!o)
			return err_say(e, -EINVAL, "flag provided but not defined: -%.*s",
				       equals ? (int)(equals - name) : (int)strlen(name), name);
		word = equals ? equals + 1 : NULL;
		if (!word && o->kind != OPT_FLAG) {
			if (++i >= argc)
				return err_say(e, -EINVAL, "flag needs an argument: -%s", name);
			word = argv[i];
		}
		r = set_value(o, word, a, values, e);
		if (r < 0)
			return r;
	}
	*ret = (struct str_slice){ words, n };
	return 0;
}

void opt_print(const struct opt *table, FILE *to)
{
	for (const struct opt *o = table; o->name; o++) {
		char form[96];
		const char *arg = o->arg ? o->arg : o->kind == OPT_FLAG ? "" : "value";
		const char *blank = arg[0] ? " " : "";

		if (o->is_hidden)
			continue;
		if (o->letter)
			snprintf(form, sizeof(form), "--%s%s%s, -%c%s%s", o->name, blank, arg,
				 o->letter, blank, arg);
		else
			snprintf(form, sizeof(form), "--%s%s%s", o->name, blank, arg);
		fprintf(to, "   %-36s %s\n", form, o->help ? o->help : "");
	}
}
