/* SPDX-License-Identifier: Apache-2.0 */
/* berth completion SHELL: prints the script by which a shell completes command lines. */
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"

static const struct opt options[] = {{0}};

/*
 * bash cuts words at ':' and '=', so the line is cut at blanks again, and of each candidate only what
 * follows the last such character is handed back.
 */
static const char bash[] =
	"# bash completion for berth: source it, or install it as "
	"bash-completion/completions/berth\n"
	"_berth()\n"
	"{\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} word cut\n"
	"\tlocal -a words\n"
	"\n"
	"\tread -ra words <<<\"$line\"\n"
	"\tcase $line in\n"
	"\t*[[:space:]]) words+=(\"\") ;;\n"
	"\tesac\n"
	"\tword=${words[${#words[@]} - 1]}\n"
	"\tcut=${word%\"${word##*[:=]}\"}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS=$'\\t' read -r line _; do\n"
	"\t\tif [[ $line == :files ]]; then\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\twhile IFS= read -r line; do\n"
	"\t\t\t\tCOMPREPLY+=(\"$line\")\n"
	"\t\t\tdone < <(compgen -f -- \"${word##*[:=]}\")\n"
	"\t\telse\n"
	"\t\t\tCOMPREPLY+=(\"${line#\"$cut\"}\")\n"
	"\t\tfi\n"
	"\tdone < <(\"${words[0]}\" __complete -- \"${words[@]:1}\" 2>/dev/null)\n"
	"\tif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=] ]]; then\n"
	"\t\tcompopt -o nospace 2>/dev/null\n"
	"\tfi\n"
	"}\n"
	"complete -F _berth berth\n";

static const char zsh[] =
	"#compdef berth\n"
	"# zsh completion for berth: install it as _berth in a folder of $fpath, or source it\n"
	"_berth()\n"
	"{\n"
	"\tlocal line word\n"
	"\tlocal -a found\n"
	"\tlocal files=0\n"
	"\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [[ $line == :files ]]; then\n"
	"\t\t\tfiles=1\n"
	"\t\t\tcontinue\n"
	"\t\tfi\n"
	"\t\tword=${line%%$'\\t'*}\n"
	"\t\tfound+=(\"${word//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\tdone < <(\"${words[1]}\" __complete -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\t(( ${#found} )) && _describe -V berth found\n"
	"\tif (( files )); then\n"
	"\t\tcompset -P '*[:=]'\n"
	"\t\t_files\n"
	"\tfi\n"
	"}\n"
	"if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then\n"
	"\t_berth \"$@\"\n"
	"else\n"
	"\tcompdef _berth berth\n"
	"fi\n";

static const char fish[] = "# fish completion for berth: install it as completions/berth.fish\n"
			   "function __berth_complete\n"
			   "    set -l words (commandline -opc) (commandline -ct)\n"
			   "    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)\n"
			   "        if test \"$line\" = :files\n"
			   "            __fish_complete_path (commandline -ct)\n"
			   "        else\n"
			   "            echo $line\n"
			   "        end\n"
			   "    end\n"
			   "end\n"
			   "complete -c berth -f -a '(__berth_complete)'\n";

static const struct {
	const char *name, *script;
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

static int completion_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const char *name = in->words.v[0];

	(void)ret_code;
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (str_eq(shells[i].name, name))
			return print_text(shells[i].script, strlen(shells[i].script), e);
	return err_say(e, -EINVAL, "no completion for the shell \"%s\": want bash, zsh or fish",
		       name);
}

const struct command cmd_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.help = "Print the script by which a shell completes berth's command lines",
	.group = "system",
	.details = "For the running shell:\n\n"
		   "  bash:  source <(berth completion bash)\n"
		   "  zsh:   source <(berth completion zsh)\n"
		   "  fish:  berth completion fish | source\n\n"
		   "`make install` installs all three. Names of containers, images and volumes are "
		   "completed too.",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.needs_no_engine = true,
	.main = completion_main,
};
