/* SPDX-License-Identifier: Apache-2.0 */
/* Help, from the tables of commands and options. */
#include "bin/berth/help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/frame.h"

static const char *const groups[] = {"containers", "pools", "images", "volumes", "system"};

static void print_group(const char *group)
{
	printf("\n%c%s:\n", group[0] - 'a' + 'A', group + 1);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->is_hidden && str_eq(commands[i]->group, group))
			printf("   %-16s %s\n", commands[i]->name, commands[i]->help);
}

void help_print(bool is_short)
{
	fputs("berth runs containers: isolated by namespaces, limited by control groups, without a "
	      "daemon.\n\nUsage: berth [OPTIONS] COMMAND [WORDS]\n",
	      stdout);
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		print_group(groups[i]);
	fputs("\nOptions:\n", stdout);
	opt_print(global_options, stdout);
	fputs(is_short ? "\n`berth run` shows a short tour, `berth COMMAND --help` what a command "
			 "can do.\n"
		       : "\n`berth COMMAND --help` shows what a command can do.\n",
	      stdout);
}

size_t help_print_family(const char *first)
{
	size_t n = strlen(first), found = 0;

	for (size_t i = 0; commands[i]; i++) {
		const char *name = commands[i]->name;

		if (!str_starts(name, first) || name[n] != ' ')
			continue;
		if (!found++)
			printf("Usage: berth %s COMMAND [WORDS]\n\nCommands:\n", first);
		printf("   %-16s %s\n", name + n + 1, commands[i]->help);
	}
	if (found)
		printf("\n`berth %s COMMAND --help` shows what a command can do.\n", first);
	return found;
}

/* Levenshtein's distance; words of this length are no commands beyond. */
static size_t distance(const char *a, const char *b)
{
	enum { LENGTH_MAX = 32 };
	size_t row[LENGTH_MAX + 1], m = strlen(b);

	if (m > LENGTH_MAX)
		return m;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[m];
}

void help_suggest(const char *name, struct err *e)
{
	const char *nearest = NULL;
	size_t least = 3;

	for (size_t i = 0; commands[i]; i++) {
		size_t n = distance(name, commands[i]->name);

		if (n < least) {
			least = n;
			nearest = commands[i]->name;
		}
	}
	if (nearest)
		err_say(e, -EINVAL, "unknown command \"%s\", did you mean \"%s\"?", name, nearest);
	else
		err_say(e, -EINVAL, "unknown command \"%s\"", name);
}
