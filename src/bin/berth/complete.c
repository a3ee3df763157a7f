/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand at the end of a command line, from the tables of commands and options. */
#include "bin/berth/complete.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "engine/image/image.h"
#include "engine/pool/pool.h"
#include "kernel/signal.h"
#include "oci/reference.h"
#include "security/security.h"

/*
 * Theory of operation
 *
 * The scripts that `berth completion SHELL` prints know nothing of commands: they call
 * `berth __complete -- WORDS` with what was typed and show what it prints. So they never grow old, and
 * names of containers, images and volumes come from the store. Words after the command decide: an option
 * that waits for its value, an option being typed, or the word of that place in the command's usage line
 * (CONTAINER, IMAGE, VOLUME, FILE). Commands of berth-image are answered by berth-image.
 *
 * Nothing here may fail loudly: a person who presses a key has asked for no error. What cannot be found
 * out gives no candidates.
 */

struct completion {
	const struct invocation *in;
	const struct opt *globals;
	const char *root, *run_root;
	const char *current; /* the word to complete */
	const char *prefix;  /* what stands before it in the same word: "--name=" */
};

/* ---- candidates ---------------------------------------------------------------------------------- */

static void offer(const struct completion *c, const char *word, const char *help)
{
	if (str_starts(word, c->current))
		printf("%s%s\t%s\n", c->prefix, word, help ? help : "");
}

/* Words with blanks or bars between them. */
static void offer_all(const struct completion *c, const char *words)
{
	char word[64];

	for (size_t n; *words; words += n + (words[n] != '\0')) {
		n = strcspn(words, " |");
		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		offer(c, word, NULL);
	}
}

static bool open_store(const struct completion *c, struct engine *ret)
{
	return engine_open(c->root, c->run_root, c->in->arena, ret, NULL) == 0;
}

/* The names of a folder below DATA: names/, volumes/. */
static void offer_names(const struct completion *c, const char *folder)
{
	struct engine g = {.data_fd = -EBADF, .run_fd = -EBADF};
	const struct dirent *entry;
	int fd = open_store(c, &g) ? openat(g.data_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				   : -EBADF;
	auto_closedir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			offer(c, entry->d_name, NULL);
	engine_close(&g);
}

static void offer_pools(const struct completion *c)
{
	struct engine g = {.data_fd = -EBADF, .run_fd = -EBADF};
	struct pool *list = NULL;
	size_t n = 0;

	if (open_store(c, &g) && pool_list(&g, c->in->arena, &list, &n, NULL) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		offer(c, list[i].name, NULL);
	engine_close(&g);
}

static void offer_images(const struct completion *c)
{
	struct engine g = {.data_fd = -EBADF, .run_fd = -EBADF};
	struct oci_reference ref;
	struct image *list;
	size_t n = 0;

	if (open_store(c, &g) && image_list(&g, c->in->arena, &list, &n, NULL) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < list[i].references.n; k++)
			if (oci_reference_parse(list[i].references.v[k], c->in->arena, &ref,
						NULL) == 0)
				offer(c, ref.familiar, NULL);
	engine_close(&g);
}

static void offer_capabilities(const struct completion *c)
{
	offer(c, "ALL", NULL);
	for (unsigned i = 0; i <= caps_last(); i++)
		offer(c, caps_name(i) + strlen("CAP_"), NULL);
}

static void offer_signals(const struct completion *c)
{
	char buf[16];

	for (int i = 1; i < 32; i++)
		offer(c, signal_name(i, buf), NULL);
}

static void offer_files(void)
{
	puts(":files");
}

static void offer_everything(const struct completion *c)
{
	offer_names(c, "names");
	offer_images(c);
	offer_names(c, "volumes");
}

/* What a placeholder of a usage line or of an option stands for. */
static void offer_kind(const struct completion *c, const char *kind)
{
	if (strstr(kind, "CONTAINER"))
		offer_names(c, "names");
	else if (strchr(kind, '|') && kind[0] >= 'a' && kind[0] <= 'z')
		offer_all(c, kind);
	else if (strstr(kind, "IMAGE") || strstr(kind, "REPOSITORY") || strstr(kind, "[:TAG]"))
		offer_images(c);
	else if (strstr(kind, "POOL"))
		offer_pools(c);
	else if (strstr(kind, "VOLUME"))
		offer_names(c, "volumes");
	else if (str_eq(kind, "NAME..."))
		offer_everything(c);
	else if (strstr(kind, "SIGNAL"))
		offer_signals(c);
	else if (strstr(kind, "CAPABILITY"))
		offer_capabilities(c);
	else if (str_starts(kind, "COMMAND"))
		return;
	else if (strstr(kind, "FILE") || strstr(kind, "PATH") || strstr(kind, "DIR") ||
		 strstr(kind, "SOURCE") || str_starts(kind, "HOST"))
		offer_files();
}

/* Values of options that have few. */
static const struct {
	const char *name, *words;
} values[] = {
	{"network", "none host container: ns:"},
	{"pid", "host container: ns:"},
	{"ipc", "private shareable none host container: ns:"},
	{"uts", "host container: ns:"},
	{"userns", "host auto keep-id container: ns:"},
	{"cgroupns", "private host container: ns:"},
	{"pull", "missing always never"},
	{"restart", "no on-failure always unless-stopped"},
	{"log-driver", "json-file journald none passthrough"},
	{"security-opt", "no-new-privileges seccomp= seccomp=unconfined apparmor= label=disable "
			 "mask= unmask=ALL systempaths=unconfined"},
	{"platform", "linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/riscv64"},
	{"mount", "type=bind,source= type=volume,source= type=tmpfs,target= type=image,source="},
	{"attach", "stdin stdout stderr"},
	{"format", "json table"},
	{"cpu-idle", "0 1"},
	{"sig-proxy", "true false"},
};

static void offer_value(const struct completion *c, const struct opt *o)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (str_eq(values[i].name, o->name)) {
			offer_all(c, values[i].words);
			return;
		}
	offer_kind(c, o->arg ? o->arg : "");
}

static void offer_options(const struct completion *c, const struct opt *table)
{
	char word[80];

	for (const struct opt *o = table; o && o->name; o++) {
		if (o->is_hidden)
			continue;
		snprintf(word, sizeof(word), "--%s", o->name);
		offer(c, word, o->help);
	}
	if (str_starts("--help", c->current) && c->current[0])
		offer(c, "--help", "show help");
}

/* ---- commands ------------------------------------------------------------------------------------ */

/* First words: "run", and "image" once. */
static void offer_commands(const struct completion *c)
{
	for (size_t i = 0; commands[i]; i++) {
		size_t n = strcspn(commands[i]->name, " ");
		char word[64];
		bool is_new = true;

		snprintf(word, sizeof(word), "%.*s", (int)n, commands[i]->name);
		if (commands[i]->is_hidden)
			continue;
		for (size_t k = 0; k < i && commands[i]->name[n]; k++)
			is_new &= commands[k]->is_hidden || !str_starts(commands[k]->name, word) ||
				  commands[k]->name[n] != ' ';
		if (is_new)
			offer(c, word,
			      commands[i]->name[n] ? commands[i]->group : commands[i]->help);
	}
	offer(c, "help", "show the commands, or what one can do");
}

/* Second words after "image": all, since "image pull" is a fine name for "pull" there. */
static void offer_second_words(const struct completion *c, const char *first)
{
	size_t n = strlen(first);

	for (size_t i = 0; commands[i]; i++)
		if (str_starts(commands[i]->name, first) && commands[i]->name[n] == ' ')
			offer(c, commands[i]->name + n + 1, commands[i]->help);
}

static const struct command *find(const char *first, const char *second, struct arena *a)
{
	const char *name = second ? arena_printf(a, "%s %s", first, second) : first;

	for (size_t i = 0; commands[i]; i++)
		if (str_eq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* ---- options ------------------------------------------------------------------------------------- */

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_MAYBE;
}

static const struct opt *find_option(const struct opt *table, const char *word)
{
	const char *name = word + 1 + (word[1] == '-');
	size_t n = strcspn(name, "=");

	for (const struct opt *o = table; o && o->name; o++) {
		if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
			return o;
		/* Of letters side by side the last one may take a value. */
		if (word[1] != '-' && o->letter && n && name[n - 1] == o->letter && !name[n])
			return o;
	}
	return NULL;
}

/* The option that the words leave waiting for its value; *ret_words: how many are no options. */
static const struct opt *walk_options(const struct opt *table, bool stops, const char **words,
				      size_t n, size_t *ret_words, bool *ret_ended)
{
	const struct opt *waits = NULL;

	*ret_words = 0;
	*ret_ended = false;
	for (size_t i = 0; i < n; i++) {
		const struct opt *o;

		if (waits) {
			waits = NULL;
			continue;
		}
		if (*ret_ended || words[i][0] != '-' || !words[i][1]) {
			++*ret_words;
			*ret_ended |= stops;
			continue;
		}
		if (str_eq(words[i], "--")) {
			*ret_ended = true;
			continue;
		}
		o = find_option(table, words[i]);
		if (o && takes_value(o) && !strchr(words[i], '='))
			waits = o;
	}
	return waits;
}

/* The i-th placeholder of "IMAGE [COMMAND] [ARGUMENT...]"; one with "..." stands for all that follow. */
static const char *placeholder(const char *usage, size_t at, struct arena *a)
{
	const char *last = "";

	for (size_t i = 0; *usage; i++) {
		size_t n = strcspn(usage, " ");

		last = arena_strndup(a, usage, n);
		if (i == at)
			return last;
		usage += n + (usage[n] == ' ');
	}
	return strstr(last, "...") ? last : "";
}

static void complete_words(struct completion *c, const struct command *cmd, const char **words,
			   size_t n)
{
	size_t at;
	bool has_ended;
	const struct opt *o = walk_options(cmd->options, cmd->stops, words, n, &at, &has_ended);
	const char *value = strchr(c->current, '=');

	if (o) {
		offer_value(c, o);
	} else if (!has_ended && c->current[0] == '-' && value) {
		o = find_option(cmd->options, c->current);
		c->prefix =
			arena_strndup(c->in->arena, c->current, (size_t)(value + 1 - c->current));
		c->current = value + 1;
		if (o && takes_value(o))
			offer_value(c, o);
	} else if (!has_ended && c->current[0] == '-') {
		offer_options(c, cmd->options);
	} else {
		offer_kind(c, placeholder(cmd->usage, at, c->in->arena));
	}
}

static int hand_over(const struct completion *c, const struct command *cmd, struct err *e)
{
	struct engine g = {.data_fd = -EBADF, .run_fd = -EBADF};
	const struct str_slice *words = &c->in->words;
	const char **argv = arena_array(c->in->arena, words->n + 4, sizeof(*argv));
	int r;

	argv[0] = cmd->program;
	argv[1] = "__complete";
	argv[2] = "--";
	for (size_t i = 0; i < words->n; i++)
		argv[3 + i] = words->v[i];
	if (!open_store(c, &g))
		return 0;
	fflush(stdout);
	r = engine_exec_program(&g, cmd->program, argv, e);
	engine_close(&g);
	return r;
}

int complete_print(const struct invocation *in, const struct opt *globals, struct err *e)
{
	struct completion c = {.in = in, .globals = globals, .current = "", .prefix = ""};
	size_t n = in->words.n ? in->words.n - 1 : 0, at = 0;
	const char **words = in->words.v;
	const struct command *cmd = NULL;

	if (in->words.n)
		c.current = words[n];
	for (; at < n && words[at][0] == '-'; at++) {
		const struct opt *o = find_option(globals, words[at]);

		if (!o || !takes_value(o) || strchr(words[at], '=') || at + 1 >= n)
			continue;
		if (str_eq(o->name, "root"))
			c.root = words[at + 1];
		else if (str_eq(o->name, "run-root"))
			c.run_root = words[at + 1];
		at++;
	}
	if (n - at >= 1 && str_eq(words[at], "help"))
		at++;
	if (n - at >= 1 && str_eq(words[at], "container"))
		at++;
	if (n - at >= 2)
		cmd = find(words[at], words[at + 1], in->arena);
	if (cmd)
		at += 2;
	else if (n - at >= 1 && (cmd = find(words[at], NULL, in->arena)))
		at++;
	if (cmd && cmd->program)
		return hand_over(&c, cmd, e);
	if (cmd)
		complete_words(&c, cmd, words + at, n - at);
	else if (n - at == 1)
		offer_second_words(&c, words[at]);
	else if (at == n && c.current[0] == '-')
		offer_options(&c, globals);
	else if (at == n)
		offer_commands(&c);
	return 0;
}
