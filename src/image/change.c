/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to an image's configuration as Dockerfile instructions: commit -c, import -c. */
#include "image/change.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* ---- lists that are replaced --------------------------------------------------------------------- */

static void append(struct str_slice *list, const char *word, struct arena *a)
{
	const char **v = arena_array(a, list->n + 2, sizeof(*v));

	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n] = word;
	*list = (struct str_slice){v, list->n + 1};
}

void change_add_word(struct str_slice *words, const char *word, struct arena *a)
{
	if (!words->n || str_index(word, words->v, words->n) < 0)
		append(words, word, a);
}

void change_set_env(struct str_slice *env, const char *word, struct arena *a)
{
	size_t n = strcspn(word, "=");
	struct str_slice fresh = {.v = arena_array(a, env->n + 2, sizeof(char *))};
	bool is_set = false;

	for (size_t i = 0; i < env->n; i++) {
		bool is_it = strncmp(env->v[i], word, n) == 0 && env->v[i][n] == '=';

		fresh.v[fresh.n++] = is_it ? word : env->v[i];
		is_set |= is_it;
	}
	if (!is_set)
		fresh.v[fresh.n++] = word;
	*env = fresh;
}

void change_set_pair(struct oci_pairs *pairs, const char *key, const char *value, struct arena *a)
{
	struct oci_pairs fresh = {.v = arena_array(a, pairs->n + 1, sizeof(*fresh.v))};
	bool is_set = false;

	for (size_t i = 0; i < pairs->n; i++) {
		bool is_it = str_eq(pairs->v[i].key, key);

		fresh.v[fresh.n].key = pairs->v[i].key;
		fresh.v[fresh.n++].value = is_it ? value : pairs->v[i].value;
		is_set |= is_it;
	}
	if (!is_set)
		fresh.v[fresh.n++] = (struct oci_pair){key, value};
	*pairs = fresh;
}

/* ---- words -------------------------------------------------------------------------------------- */

/* Cuts a text at blanks; quotes keep them, a backslash keeps what follows it. Returns 0 or -EINVAL: a
 * quote that does not end. */
static int split_words(const char *text, struct arena *a, struct str_slice *ret)
{
	struct str_slice words = {0};

	for (;;) {
		char *word, quote = '\0';
		size_t n = 0;

		text += strspn(text, " \t\n");
		if (!*text)
			break;
		word = arena_alloc(a, strlen(text) + 1);
		for (; *text && (quote || !strchr(" \t\n", *text)); text++) {
			if (*text == '\\' && text[1] && quote != '\'')
				word[n++] = *++text;
			else if (quote ? *text == quote : *text == '"' || *text == '\'')
				quote = quote ? '\0' : *text;
			else
				word[n++] = *text;
		}
		if (quote)
			return -EINVAL;
		append(&words, word, a);
	}
	*ret = words;
	return 0;
}

static bool is_json(const char *text, struct arena *a, struct str_slice *ret)
{
	return *text == '[' &&
	       json_decode(text, strlen(text), &json_strings_type, ret, a, "list", NULL) == 0;
}

/* ---- instructions -------------------------------------------------------------------------------- */

struct change {
	struct oci_image_run *run;
	struct arena *a;
};

/* CMD and ENTRYPOINT: a list, or a line for a shell. */
static int set_command(struct change *c, const char *text, struct str_slice *ret)
{
	struct str_slice list = {0};

	if (!is_json(text, c->a, &list) && *text) {
		append(&list, "/bin/sh", c->a);
		append(&list, "-c", c->a);
		append(&list, text, c->a);
	}
	*ret = list;
	return 0;
}

static int change_cmd(struct change *c, const char *text)
{
	return set_command(c, text, &c->run->cmd);
}

static int change_entrypoint(struct change *c, const char *text)
{
	return set_command(c, text, &c->run->entrypoint);
}

/* "A=1 B='2 3'", or the old "A 2 3". *ret: KEY=VALUE words. */
static int split_pairs(struct change *c, const char *text, struct str_slice *ret)
{
	size_t n = strcspn(text, " \t=");
	int r = 0;

	*ret = (struct str_slice){0};
	if (!*text || !n)
		return -EINVAL;
	if (text[n] == '=')
		r = split_words(text, c->a, ret);
	else
		append(ret,
		       arena_printf(c->a, "%.*s=%s", (int)n, text,
				    text + n + strspn(text + n, " \t")),
		       c->a);
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		if (!strchr(ret->v[i], '=') || ret->v[i][0] == '=')
			r = -EINVAL;
	return r;
}

static int change_env(struct change *c, const char *text)
{
	struct str_slice pairs;
	int r = split_pairs(c, text, &pairs);

	for (size_t i = 0; r == 0 && i < pairs.n; i++)
		change_set_env(&c->run->env, pairs.v[i], c->a);
	return r;
}

static int change_label(struct change *c, const char *text)
{
	struct str_slice pairs;
	int r = split_pairs(c, text, &pairs);

	for (size_t i = 0; r == 0 && i < pairs.n; i++) {
		size_t n = strcspn(pairs.v[i], "=");

		change_set_pair(&c->run->labels, arena_strndup(c->a, pairs.v[i], n),
				pairs.v[i] + n + 1, c->a);
	}
	return r;
}

static bool is_port(const char *word)
{
	size_t n = strspn(word, "0123456789");

	if (n && word[n] == '-')
		n += 1 + strspn(word + n + 1, "0123456789");
	return n && (!word[n] || str_eq(word + n, "/tcp") || str_eq(word + n, "/udp") ||
		     str_eq(word + n, "/sctp"));
}

static int change_expose(struct change *c, const char *text)
{
	struct str_slice words;
	int r = split_words(text, c->a, &words);

	if (r == 0 && !words.n)
		r = -EINVAL;
	for (size_t i = 0; r == 0 && i < words.n; i++) {
		const char *word = words.v[i];

		if (!is_port(word))
			return -EINVAL;
		if (!strchr(word, '/'))
			word = arena_printf(c->a, "%s/tcp", word);
		change_add_word(&c->run->exposed_ports, word, c->a);
	}
	return r;
}

static int change_volume(struct change *c, const char *text)
{
	struct str_slice words = {0};
	int r = is_json(text, c->a, &words) ? 0 : split_words(text, c->a, &words);

	if (r == 0 && !words.n)
		r = -EINVAL;
	for (size_t i = 0; r == 0 && i < words.n; i++)
		change_add_word(&c->run->volumes, words.v[i], c->a);
	return r;
}

static int change_user(struct change *c, const char *text)
{
	c->run->user = text;
	return 0;
}

static int change_workdir(struct change *c, const char *text)
{
	const char *now = c->run->working_dir && *c->run->working_dir ? c->run->working_dir : "/";

	if (!*text)
		return -EINVAL;
	c->run->working_dir =
		str_clean_path(c->a, *text == '/' ? text : arena_printf(c->a, "%s/%s", now, text));
	return 0;
}

static int change_stop_signal(struct change *c, const char *text)
{
	c->run->stop_signal = text;
	return *text ? 0 : -EINVAL;
}

static int change_on_build(struct change *c, const char *text)
{
	append(&c->run->on_build, text, c->a);
	return *text ? 0 : -EINVAL;
}

static const struct {
	const char *name;
	int (*apply)(struct change *c, const char *text);
} instructions[] = {
	{"CMD", change_cmd},       {"ENTRYPOINT", change_entrypoint},
	{"ENV", change_env},       {"EXPOSE", change_expose},
	{"LABEL", change_label},   {"ONBUILD", change_on_build},
	{"USER", change_user},     {"STOPSIGNAL", change_stop_signal},
	{"VOLUME", change_volume}, {"WORKDIR", change_workdir},
};

int change_apply(const char *instruction, struct arena *a, struct oci_image_run *run, struct err *e)
{
	size_t n = strcspn(instruction, " \t="), end;
	struct oci_image_run fresh = *run;
	struct change c = {.run = &fresh, .a = a};
	char *text = arena_strdup(a, instruction + n + (instruction[n] != '\0'));

	text += strspn(text, " \t");
	for (end = strlen(text); end && strchr(" \t\n", text[end - 1]);)
		text[--end] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(instructions); i++) {
		if (strlen(instructions[i].name) != n ||
		    strncasecmp(instructions[i].name, instruction, n) != 0)
			continue;
		if (instructions[i].apply(&c, text) < 0)
			return err_say(e, -EINVAL, "--change \"%.200s\": malformed", instruction);
		*run = fresh;
		return 0;
	}
	return err_say(
		e, -EINVAL,
		"--change \"%.200s\": not one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
		"STOPSIGNAL, USER, VOLUME, WORKDIR",
		instruction);
}
