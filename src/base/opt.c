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
	static const char *const yes[] = {"true", "1", "t", "T", "TRUE", "True"};
	static const char *const no[] = {"false", "0", "f", "F", "FALSE", "False"};

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

/* Does it stand without a value? */
static bool is_flag_kind(enum opt_kind kind)
{
	return kind == OPT_FLAG || kind == OPT_MAYBE;
}

/* name: as it was given, for the error. word NULL: a flag without value. */
static int set_value(const struct opt *o, const char *name, int name_len, const char *word,
		     struct arena *a, void *values, struct err *e)
{
	bool is_flag = is_flag_kind(o->kind);
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
	case OPT_MAYBE:
		r = parse_flag(word, &((struct maybe_bool *)place)->value);
		if (r == 0)
			((struct maybe_bool *)place)->is_set = true;
		break;
	case OPT_UINT:
		r = str_to_u64(word, (uint64_t *)place);
		break;
	}
	if (r == 0)
		return 0;
	return err_say(e, -EINVAL, "invalid %svalue \"%s\" for %s-%.*s: %s",
		       is_flag ? "boolean " : "", word, is_flag ? "" : "flag ", name_len, name,
		       r == -ERANGE ? "value out of range" : "parse error");
}

/* "-it", "-p80:80": letters of flags, the last one may take the rest or the next word as its value. */
static int parse_letters(const struct opt *table, int argc, char **argv, int *at, struct arena *a,
			 void *values, struct err *e)
{
	const char *all = argv[*at] + 1;

	for (const char *c = all; *c; c++) {
		const struct opt *o = find(table, c, 1);
		const char *word = NULL;
		int r;

		if (!o && *c == 'h' && !c[1])
			return OPT_HELP;
		if (!o)
			return err_say(e, -EINVAL, "flag provided but not defined: -%.*s",
				       (int)strcspn(all, "="), all);
		if (c[1] == '=' || (!is_flag_kind(o->kind) && c[1]))
			word = c + 1 + (c[1] == '=');
		else if (!is_flag_kind(o->kind) && *at + 1 >= argc)
			return err_say(e, -EINVAL, "flag needs an argument: -%c", *c);
		else if (!is_flag_kind(o->kind))
			word = argv[++*at];
		r = set_value(o, c, 1, word, a, values, e);
		if (r < 0 || word)
			return r;
	}
	return 0;
}

/* One option at argv[*at]; moves *at to its last word. */
static int parse_option(const struct opt *table, int argc, char **argv, int *at, struct arena *a,
			void *values, struct err *e)
{
	const char *name = argv[*at] + (argv[*at][1] == '-' ? 2 : 1), *word = NULL;
	size_t n = strcspn(name, "=");
	const struct opt *o;

	if (n == 0 || name[0] == '-')
		return err_say(e, -EINVAL, "bad flag syntax: %s", argv[*at]);
	o = find(table, name, n);
	if (!o && ((n == 4 && str_starts(name, "help")) || (n == 1 && name[0] == 'h')))
		return OPT_HELP;
	if (!o && argv[*at][1] != '-')
		return parse_letters(table, argc, argv, at, a, values, e);
	if (!o)
		return err_say(e, -EINVAL, "flag provided but not defined: -%.*s", (int)n, name);
	if (name[n] == '=')
		word = name + n + 1;
	else if (!is_flag_kind(o->kind) && *at + 1 >= argc)
		return err_say(e, -EINVAL, "flag needs an argument: -%s", name);
	else if (!is_flag_kind(o->kind))
		word = argv[++*at];
	return set_value(o, name, (int)n, word, a, values, e);
}

int opt_parse(const struct opt *table, int argc, char **argv, bool stops, struct arena *a,
	      void *values, struct str_slice *ret, struct err *e)
{
	const char **words = arena_array(a, (size_t)argc + 1, sizeof(*words));
	bool has_ended = false;
	size_t n = 0;

	for (int i = 0; i < argc; i++) {
		int r;

		if (has_ended || argv[i][0] != '-' || !argv[i][1]) {
			words[n++] = argv[i];
			has_ended |= stops;
			continue;
		}
		if (str_eq(argv[i], "--")) {
			has_ended = true;
			continue;
		}
		r = parse_option(table, argc, argv, &i, a, values, e);
		if (r != 0)
			return r;
	}
	*ret = (struct str_slice){words, n};
	return 0;
}

void opt_print(const struct opt *table, FILE *to)
{
	for (const struct opt *o = table; o->name; o++) {
		char form[96];
		const char *arg = o->arg ? o->arg : is_flag_kind(o->kind) ? "" : "value";
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
