/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages (roff, man(7)) from the tables of commands and options. */
#include "bin/berth/manual.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/str.h"

/* Text for roff: no hyphen may become a dash, no word a macro. */
static void put_text(FILE *to, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool begins_line = i == 0 || s[i - 1] == '\n';

		if (s[i] == '\\')
			fputs("\\e", to);
		else if (s[i] == '-')
			fputs("\\-", to);
		else if (begins_line && (s[i] == '.' || s[i] == '\''))
			fprintf(to, "\\&%c", s[i]);
		else
			fputc(s[i], to);
	}
}

static void put(FILE *to, const char *s)
{
	put_text(to, s, strlen(s));
}

/* "image ls" as "image-ls", with the first letters of TH in capitals. */
static void put_page_name(FILE *to, const char *name, bool is_upper)
{
	put(to, is_upper ? "BERTH-" : "berth-");
	for (; *name; name++) {
		char c = *name == ' ' ? '-' : *name;

		if (is_upper && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		put_text(to, &c, 1);
	}
}

/* Words in capitals are placeholders. */
static void put_usage(FILE *to, const char *usage)
{
	while (*usage) {
		size_t n = strspn(usage, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

		if (n > 1) {
			fputs("\\fI", to);
			put_text(to, usage, n);
			fputs("\\fR", to);
		} else {
			n = 1;
			put_text(to, usage, n);
		}
		usage += n;
	}
}

/* Paragraphs, and lines that begin with a blank as examples. */
static void put_details(FILE *to, const char *text)
{
	bool in_example = false;

	while (*text) {
		size_t n = strcspn(text, "\n");
		bool is_example = text[0] == ' ' || text[0] == '\t';

		if (is_example && !in_example)
			fputs(".PP\n.nf\n", to);
		else if (!is_example && in_example)
			fputs(".fi\n.PP\n", to);
		in_example = is_example;
		if (n) {
			/* A blank at its beginning would break a line; in an example it is wanted. */
			put_text(to, text, n);
			fputc('\n', to);
		} else if (text[1] && text[1] != ' ' && text[1] != '\t') {
			fputs(".PP\n", to);
		}
		text += n + (text[n] == '\n');
	}
	if (in_example)
		fputs(".fi\n", to);
}

static const char *argument_of(const struct opt *o)
{
	if (o->kind == OPT_FLAG || o->kind == OPT_MAYBE)
		return NULL;
	return o->arg ? o->arg : "VALUE";
}

static void put_options(FILE *to, const struct opt *table)
{
	for (const struct opt *o = table; o && o->name; o++) {
		const char *arg = argument_of(o);

		if (o->is_hidden)
			continue;
		fputs(".TP\n", to);
		if (o->letter)
			fprintf(to, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB", to);
		put(to, "--");
		put(to, o->name);
		fputs("\\fR", to);
		if (arg) {
			fputs(" \\fI", to);
			put(to, arg);
			fputs("\\fR", to);
		}
		fputc('\n', to);
		put(to, o->help ? o->help : "");
		fputs(o->kind == OPT_LIST ? "; may be given more than once.\n" : ".\n", to);
	}
}

static void put_head(FILE *to)
{
	fputs(".\\\" Made from the tables of commands and options: do not edit.\n", to);
}

static void put_command(FILE *to, const struct command *c)
{
	bool has_options = c->options && c->options[0].name;

	put_head(to);
	fputs(".TH \"", to);
	put_page_name(to, c->name, true);
	fputs("\" 1 \"\" \"berth " BERTH_VERSION "\" \"berth\"\n.SH NAME\n", to);
	put_page_name(to, c->name, false);
	fputs(" \\- ", to);
	put(to, c->help);
	fputs("\n.SH SYNOPSIS\n\\fBberth ", to);
	put(to, c->name);
	fputs(has_options ? "\\fR [\\fIOPTIONS\\fR]" : "\\fR", to);
	fputs(c->usage[0] ? " " : "", to);
	put_usage(to, c->usage);
	fputs("\n.SH DESCRIPTION\n", to);
	put(to, c->help);
	fputs(".\n", to);
	if (c->details) {
		fputs(".PP\n", to);
		put_details(to, c->details);
	}
	if (has_options) {
		fputs(".SH OPTIONS\n", to);
		put_options(to, c->options);
	}
	fputs(".SH SEE ALSO\n.BR berth (1)\n", to);
}

/* The headings in the order in which they first appear. */
static bool is_first_of_group(size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!commands[i]->is_hidden && str_eq(commands[i]->group, commands[at]->group))
			return false;
	return true;
}

static void put_group(FILE *to, const char *group)
{
	fprintf(to, ".SS \"%c%s\"\n", group[0] - 'a' + 'A', group + 1);
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->is_hidden || !str_eq(commands[i]->group, group))
			continue;
		fputs(".TP\n.BR ", to);
		put_page_name(to, commands[i]->name, false);
		fputs(" (1)\n", to);
		put(to, commands[i]->help);
		fputs(".\n", to);
	}
}

static void put_overview(FILE *to, const struct opt *globals)
{
	put_head(to);
	fputs(".TH BERTH 1 \"\" \"berth " BERTH_VERSION "\" \"berth\"\n"
	      ".SH NAME\nberth \\- containers and their images\n"
	      ".SH SYNOPSIS\n\\fBberth\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIWORDS\\fR]\n"
	      ".SH DESCRIPTION\n"
	      "Runs programs in containers: isolated by namespaces, limited by control groups, "
	      "without a daemon.\n"
	      "Without words \\fBberth run\\fR shows a short tour; \\fBberth\\fR "
	      "\\fICOMMAND\\fR \\fB\\-\\-help\\fR lists the options of a command.\n"
	      ".SH OPTIONS\n",
	      to);
	put_options(to, globals);
	fputs(".SH COMMANDS\n", to);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->is_hidden && is_first_of_group(i))
			put_group(to, commands[i]->group);
	fputs(".SH ENVIRONMENT\n.TP\n\\fBBERTH_ROOT\\fR, \\fBBERTH_RUN_ROOT\\fR\n"
	      "As \\fB\\-\\-root\\fR and \\fB\\-\\-run\\-root\\fR.\n"
	      ".SH EXIT STATUS\n"
	      "That of the container's program where one was run; 125 where berth itself failed to "
	      "run it, 126 where the program cannot be executed, 127 where it is not there; 128 "
	      "and the number of the signal that ended it.\n",
	      to);
}

/* ---- files --------------------------------------------------------------------------------------- */

static int finish(FILE *f, const char *path, struct err *e)
{
	bool is_bad = ferror(f);

	if (fflush(f) != 0 || is_bad)
		return err_sys(e, errno ? -errno : -EIO, "write %s", path);
	return 0;
}

static int open_page(const char *dir, const char *name, char path[PATH_MAX], FILE **ret,
		     struct err *e)
{
	int n = snprintf(path, PATH_MAX, "%s/berth%s%s.1", dir, *name ? "-" : "", name);

	if (n >= PATH_MAX)
		return err_sys(e, -ENAMETOOLONG, "write manual pages to %s", dir);
	for (char *p = path + strlen(dir); *p; p++)
		if (*p == ' ')
			*p = '-';
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make %s", dir);
	*ret = fopen(path, "we");
	return *ret ? 0 : err_sys(e, -errno, "open %s", path);
}

int manual_write_commands(const char *dir, struct err *e)
{
	for (size_t i = 0; commands[i]; i++) {
		auto_fclose FILE *f = NULL;
		char path[PATH_MAX];
		int r;

		/* Of what another program does that program knows the options. */
		if (commands[i]->is_hidden || commands[i]->program)
			continue;
		r = open_page(dir, commands[i]->name, path, &f, e);
		if (r < 0)
			return r;
		put_command(f, commands[i]);
		r = finish(f, path, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int manual_write_overview(const char *dir, const struct opt *globals, struct err *e)
{
	auto_fclose FILE *f = NULL;
	char path[PATH_MAX];
	int r = open_page(dir, "", path, &f, e);

	if (r < 0)
		return r;
	put_overview(f, globals);
	return finish(f, path, e);
}
