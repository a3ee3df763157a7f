/* SPDX-License-Identifier: Apache-2.0 */
/* create and run: a container from a bundle. */
#include "bin/berth-runtime/command.h"

struct values {
	const char *bundle, *console_socket, *pidfd_socket, *pid_file;
	bool is_detached, keeps, no_subreaper, no_pivot, no_new_keyring;
	uint64_t preserve_fds;
};

#define VALUE(member) offsetof(struct values, member)
#define COMMON_OPTIONS                                                                        \
	{"bundle",      'b',    OPT_STRING,                                                   \
	 VALUE(bundle), "PATH", "folder with config.json (default: the working directory)",   \
	 false},                                                                              \
		{"console-socket",                                                            \
		 0,                                                                           \
		 OPT_STRING,                                                                  \
		 VALUE(console_socket),                                                       \
		 "PATH",                                                                      \
		 "unix socket that gets the terminal's master",                               \
		 false},                                                                      \
		{"pidfd-socket", 0,                                                           \
		 OPT_STRING,     VALUE(pidfd_socket),                                         \
		 "PATH",         "unix socket that gets a pidfd of the first process",        \
		 false},                                                                      \
		{"pid-file", 0, OPT_STRING, VALUE(pid_file), "FILE", "write the pid to FILE", \
		 false},                                                                      \
		{"no-pivot", 0,                                                               \
		 OPT_FLAG,   VALUE(no_pivot),                                                 \
		 NULL,       "move the root instead of pivot_root (for a root on a ramdisk)", \
		 false},                                                                      \
		{"no-new-keyring",                                                            \
		 0,                                                                           \
		 OPT_FLAG,                                                                    \
		 VALUE(no_new_keyring),                                                       \
		 NULL,                                                                        \
		 "keep the caller's session keyring",                                         \
		 false},                                                                      \
	{                                                                                     \
		"preserve-fds", 0, OPT_UINT, VALUE(preserve_fds), "N",                        \
			"pass N more descriptors than standard streams and LISTEN_FDS", false \
	}

static const struct opt create_options[] = {COMMON_OPTIONS, {0}};

static const struct opt run_options[] = {
	COMMON_OPTIONS,
	{"detach", 'd', OPT_FLAG, VALUE(is_detached), NULL, "return once the program runs", false},
	{"keep", 0, OPT_FLAG, VALUE(keeps), NULL, "keep the state after the end", false},
	{"no-subreaper", 0, OPT_FLAG, VALUE(no_subreaper), NULL, "do not reap orphans", false},
	{0},
};

static int make_request(const struct invocation *in, struct create_request *q, struct err *e)
{
	const struct values *v = in->values;

	if (v->preserve_fds > 1024)
		return err_say(e, -22, "--preserve-fds %llu: at most 1024",
			       (unsigned long long)v->preserve_fds);
	*q = (struct create_request){
		.id = in->words.v[0],
		.bundle = v->bundle,
		.console_socket = v->console_socket,
		.pid_file = v->pid_file,
		.pidfd_socket = v->pidfd_socket,
		.preserve_fds = (unsigned)v->preserve_fds,
		.no_pivot = v->no_pivot,
		.no_new_keyring = v->no_new_keyring,
		.is_detached = v->is_detached,
		.keeps = v->keeps,
		.no_subreaper = v->no_subreaper,
	};
	return 0;
}

static int create_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct create_request q;
	int r = make_request(in, &q, e);

	*ret_code = 0;
	return r < 0 ? r : runtime_create(&in->rt, &q, e);
}

static int run_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct create_request q;
	int r = make_request(in, &q, e);

	return r < 0 ? r : runtime_run(&in->rt, &q, ret_code, e);
}

const struct command cmd_create = {
	.name = "create",
	.usage = "[options] <container-id>",
	.help = "make a container that waits for its start",
	.options = create_options,
	.values_size = sizeof(struct values),
	.words_min = 1,
	.words_max = 1,
	.is_sealed = true,
	.main = create_main,
};

const struct command cmd_run = {
	.name = "run",
	.usage = "[options] <container-id>",
	.help = "create a container, start it and wait for its end",
	.options = run_options,
	.values_size = sizeof(struct values),
	.words_min = 1,
	.words_max = 1,
	.is_sealed = true,
	.main = run_main,
};
