/* SPDX-License-Identifier: Apache-2.0 */
/* What runs, where and with which environment; labels and annotations. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"

#define STANDARD_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define INIT_PATH "/sbin/berth-init"

/* ---- words --------------------------------------------------------------------------------------- */

/* One word, or as JSON several: --entrypoint '["sh","-c"]'. */
static void set_entrypoint(struct spec_plan *p, struct str_slice *ret)
{
	const char *text = p->q->entrypoint;

	if (text[0] == '[' && json_decode(text, strlen(text), &json_strings_type, ret, p->a,
					  "--entrypoint", NULL) == 0)
		return;
	strings_add(ret, text, p->a);
}

static int plan_words(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	const struct oci_image_run *image = &p->image->config.config;
	bool is_replaced = q->entrypoint;
	struct str_slice *args = &p->s->process.args;
	struct record *r = p->r;

	r->command = q->command;
	if (!is_replaced) {
		r->entrypoint = image->entrypoint;
		/* As Docker: the image's words belong to the image's entry point. */
		if (!q->command.n)
			r->command = image->cmd;
	} else if (q->entrypoint[0]) {
		set_entrypoint(p, &r->entrypoint);
	}
	r->has_init = q->init;
	if (q->init) {
		strings_add(args, INIT_PATH, p->a);
		strings_add(args, "--", p->a);
	}
	for (size_t i = 0; i < r->entrypoint.n; i++)
		strings_add(args, r->entrypoint.v[i], p->a);
	for (size_t i = 0; i < r->command.n; i++)
		strings_add(args, r->command.v[i], p->a);
	if (!r->entrypoint.n && !r->command.n)
		return err_say(
			e, -EINVAL,
			"no command specified: the image has none, so name a program after it");
	return 0;
}

static int plan_init(struct spec_plan *p, struct err *e)
{
	static const char *const options[] = {"bind", "ro", "rprivate", NULL};
	const char *path;

	if (!p->q->init)
		return 0;
	path = arena_printf(p->a, "%s/berth-init", p->g->lib);
	if (access(path, X_OK) < 0)
		return err_sys(e, -errno,
			       "--init: %s (it belongs beside berth: is the installation whole?)",
			       path);
	mounts_add_bind(p, path, INIT_PATH, options);
	return 0;
}

static int plan_cwd(struct spec_plan *p, struct err *e)
{
	const char *image = p->image->config.config.working_dir;
	const char *cwd = p->q->workdir ? p->q->workdir : image && image[0] ? image : "/";

	if (cwd[0] != '/')
		return err_say(e, -EINVAL,
			       "--workdir %s: the working directory is invalid, it needs to be an "
			       "absolute path",
			       cwd);
	p->s->process.cwd = cwd;
	return 0;
}

/* ---- environment --------------------------------------------------------------------------------- */

static void env_remove(struct str_slice *env, const char *name, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) != 0 || env->v[i][n] != '=')
			env->v[kept++] = env->v[i];
	/* The list's room goes with its length, so that stays and what is behind is told apart. */
	while (env->n > kept)
		env->v[--env->n] = NULL;
}

static void env_set(struct str_slice *env, const char *word, struct arena *a)
{
	size_t n = strcspn(word, "=") + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], word, n) == 0) {
			env->v[i] = word;
			return;
		}
	strings_add(env, word, a);
}

/* "NAME=VALUE", or "NAME": the caller's value, and where he has none, the container has none. Security: the value
 * may be a secret and is no part of an error. */
static int env_add(struct spec_plan *p, const char *option, const char *word, struct err *e)
{
	struct str_slice *env = &p->s->process.env;
	size_t n = strcspn(word, "=");
	const char *value;

	if (n == 0 || strcspn(word, " \t") < n)
		return err_say(e, -EINVAL,
			       "%s: \"%.*s\" is no name of a variable: want NAME=VALUE or NAME",
			       option, (int)n, word);
	if (!word[n]) {
		value = getenv(word);
		if (!value) {
			env_remove(env, word, n);
			return 0;
		}
		word = arena_printf(p->a, "%s=%s", word, value);
	}
	env_set(env, word, p->a);
	return 0;
}

/* Lines; blank ones and those that begin with "#" say nothing. */
static int each_line(struct spec_plan *p, const char *option, const char *path,
		     int (*take)(struct spec_plan *p, const char *option, const char *word,
				 struct err *e),
		     struct err *e)
{
	char *text, *line;
	unsigned n = 0;
	int r = read_text(option, path, p->a, &text, NULL, e);

	if (r == 0 && str_starts(text, "\xef\xbb\xbf"))
		text += 3; /* a byte order mark */
	while (r == 0 && (line = next_line(&text))) {
		n++;
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		r = take(p, arena_printf(p->a, "%s %s: line %u", option, path, n), line, e);
	}
	return r;
}

static int plan_env(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	const struct str_slice *image = &p->image->config.config.env;
	struct str_slice *env = &p->s->process.env;
	int r = 0;

	strings_add(env, STANDARD_PATH, p->a);
	strings_add(env, arena_printf(p->a, "HOSTNAME=%s", p->r->hostname), p->a);
	if (q->tty)
		strings_add(env, "TERM=xterm", p->a);
	/* HOME is for the runtime: of each process, in exec too, by its own user. */
	for (size_t i = 0; i < image->n; i++)
		if (strchr(image->v[i], '=') && image->v[i][0] != '=')
			env_set(env, image->v[i], p->a);
	for (size_t i = 0; r == 0 && i < q->env_file.n; i++)
		r = each_line(p, "--env-file", q->env_file.v[i], env_add, e);
	for (size_t i = 0; r == 0 && i < q->env.n; i++)
		r = env_add(p, "--env", q->env.v[i], e);
	return r;
}

/* ---- labels, annotations ------------------------------------------------------------------------- */

static int label_add(struct spec_plan *p, const char *option, const char *word, struct err *e)
{
	size_t n = strcspn(word, "=");

	if (n == 0)
		return err_say(e, -EINVAL, "%s: \"%s\" has no name: want NAME=VALUE", option, word);
	pairs_set(&p->r->labels, arena_strndup(p->a, word, n), word[n] ? word + n + 1 : "", p->a);
	return 0;
}

static int plan_labels(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	int r = 0;

	p->r->labels = p->image->config.config.labels;
	for (size_t i = 0; r == 0 && i < q->label_file.n; i++)
		r = each_line(p, "--label-file", q->label_file.v[i], label_add, e);
	for (size_t i = 0; r == 0 && i < q->label.n; i++)
		r = label_add(p, "--label", q->label.v[i], e);
	for (size_t i = 0; r == 0 && i < q->annotation.n; i++) {
		const char *word = q->annotation.v[i], *sign = strchr(word, '=');

		if (!sign || sign == word)
			return err_say(e, -EINVAL, "--annotation %s: want NAME=VALUE", word);
		pairs_set(&p->s->annotations, arena_strndup(p->a, word, (size_t)(sign - word)),
			  sign + 1, p->a);
	}
	return r;
}

int command_plan(struct spec_plan *p, struct err *e)
{
	int r;

	p->s->process.is_set = true;
	p->s->process.terminal = p->q->tty;
	if ((r = plan_words(p, e)) < 0 || (r = plan_init(p, e)) < 0 || (r = plan_cwd(p, e)) < 0 ||
	    (r = plan_env(p, e)) < 0)
		return r;
	return plan_labels(p, e);
}
