/* SPDX-License-Identifier: Apache-2.0 */
/* criu as the worker that writes processes into files and makes them anew from there. */
#include "runtime/criu.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"

enum { MESSAGE_MAX = 1 << 16, LOG_TAIL = 1 << 16, WORDS_MAX = 3, LOG_LEVEL = 4 };

/* ---- options ---------------------------------------------------------------------------------- */

static const char *const cgroup_modes[] = {"ignore", "none", "props", "soft", "full", "strict"};
static const char *const network_locks[] = {NULL, "iptables", "nftables", "skip"};

static const char *image_path(const struct criu_options *o)
{
	return o->image_path ? o->image_path : "checkpoint";
}

static const char *work_path(const struct criu_options *o)
{
	return o->work_path ? o->work_path : image_path(o);
}

void criu_close(struct criu_call *c)
{
	if (c->image_fd >= 0)
		close(c->image_fd);
	if (c->work_fd >= 0)
		close(c->work_fd);
	c->image_fd = c->work_fd = -EBADF;
}

/* criu's default tool may be missing where its successor is there. */
static const char *default_network_lock(void)
{
	static const char *const places[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin",
					     "/usr/local/sbin"};
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(path, sizeof(path), "%s/iptables-restore", places[i]);
		if (access(path, X_OK) == 0)
			return "iptables";
	}
	return "nftables";
}

static int put_named(struct criu_call *c, const char *option, uint32_t field, const char *word,
		     const char *const *names, size_t n, struct err *e)
{
	int i = str_index(word, names, n);

	if (i < 0)
		return err_say(e, -EINVAL, "invalid value for %s: %s", option, word);
	pb_put_uint(&c->message, field, (uint64_t)i);
	return 0;
}

/* ADDRESS:PORT of a page server. */
static int put_page_server(struct criu_call *c, const char *word, struct err *e)
{
	struct pb_message inner = {.arena = c->arena};
	const char *colon = strrchr(word, ':');
	uint32_t port = 0;

	if (!colon || colon == word || str_to_u32(colon + 1, &port) < 0 || !port || port > 65535)
		return err_say(e, -EINVAL, "invalid --page-server \"%s\": use ADDRESS:PORT", word);
	pb_put_string(&inner, 1, arena_strndup(c->arena, word, (size_t)(colon - word)));
	pb_put_uint(&inner, 2, port);
	pb_put_message(&c->message, CRIU_PAGE_SERVER, &inner);
	return 0;
}

static int put_options(struct criu_call *c, struct err *e)
{
	const struct criu_options *o = c->options;
	const struct {
		uint32_t field;
		bool is_on;
	} flags[] = {
		{CRIU_EXT_UNIX_SK, o->ext_unix_sk},
		{CRIU_TCP_ESTABLISHED, o->tcp_established},
		{CRIU_EVASIVE_DEVICES, true},
		{CRIU_SHELL_JOB, o->shell_job},
		{CRIU_FILE_LOCKS, o->file_locks},
		{CRIU_AUTO_DEDUP, o->auto_dedup},
		{CRIU_LINK_REMAP, o->link_remap},
		{CRIU_TCP_SKIP_IN_FLIGHT, o->tcp_skip_in_flight},
		{CRIU_LAZY_PAGES, o->lazy_pages},
		{CRIU_ORPHAN_PTS_MASTER, true},
	};
	int r;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i].is_on)
			pb_put_uint(&c->message, flags[i].field, 1);
	pb_put_string(&c->message, CRIU_LSM_PROFILE, o->lsm_profile);
	pb_put_string(&c->message, CRIU_LSM_MOUNT_CONTEXT, o->lsm_mount_context);
	for (size_t i = 0; i < o->empty_ns.n; i++) {
		if (!str_eq(o->empty_ns.v[i], "network"))
			return err_say(e, -EINVAL,
				       "invalid --empty-ns \"%s\": only network can be empty",
				       o->empty_ns.v[i]);
		pb_put_uint(&c->message, CRIU_EMPTY_NS, CLONE_NEWNET);
	}
	if (o->page_server && (r = put_page_server(c, o->page_server, e)) < 0)
		return r;
	pb_put_uint(&c->message, CRIU_MANAGE_CGROUPS, 1);
	r = put_named(c, "manage-cgroups-mode", CRIU_MANAGE_CGROUPS_MODE,
		      o->manage_cgroups ? o->manage_cgroups : "soft", cgroup_modes,
		      ARRAY_LEN(cgroup_modes), e);
	if (r < 0)
		return r;
	return put_named(c, "network-lock", CRIU_NETWORK_LOCK,
			 o->network_lock ? o->network_lock : default_network_lock(), network_locks,
			 ARRAY_LEN(network_locks), e);
}

int criu_prepare(struct criu_call *c, bool is_dump, struct err *e)
{
	const char *image = image_path(c->options), *work = work_path(c->options);

	if (is_dump && mkdir(image, 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make the image folder %s", image);
	c->image_fd = open(image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->image_fd < 0)
		return err_sys(e, -errno, "open the image folder %s", image);
	if (c->options->work_path && mkdir(work, 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make the work folder %s", work);
	c->work_fd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->work_fd < 0)
		return err_sys(e, -errno, "open the work folder %s", work);
	c->log = is_dump ? "dump.log" : "restore.log";
	c->message.arena = c->arena;
	pb_put_uint(&c->message, CRIU_IMAGES_DIR_FD, (uint64_t)c->image_fd);
	pb_put_uint(&c->message, CRIU_WORK_DIR_FD, (uint64_t)c->work_fd);
	pb_put_uint(&c->message, CRIU_LOG_LEVEL, LOG_LEVEL);
	pb_put_string(&c->message, CRIU_LOG_FILE, c->log);
	return put_options(c, e);
}

/* ---- the worker ------------------------------------------------------------------------------- */

/* criu makes the container's root from a mount point; that one is seen by nobody else. Slaves, not private: mounts
 * of the container that were slaves of the host's get their propagation from ours. */
static int make_mount_point(const char *root)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	return 0;
}

/* A folder by its path again: a descriptor of another mount namespace leads to where criu cannot mount. */
static int open_again(const char *path, int fd)
{
	auto_close int found = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return found < 0 || dup2(found, fd) < 0 ? -errno : 0;
}

/* Up to the exec; sends our end of the socket to the parent. criu takes the maker of the socket pair, which is to
 * be itself, for whom descriptors in a request belong to. */
static int worker_prepare(const struct criu_call *c, int report, int *ret_socket)
{
	auto_close int ours = -EBADF;
	int pair[2], r = 0;

	if (c->group)
		r = cgroup_enter_self(c->group, NULL);
	if (r == 0 && c->root)
		r = make_mount_point(c->root);
	if (r == 0)
		r = open_again(image_path(c->options), c->image_fd);
	if (r == 0)
		r = open_again(work_path(c->options), c->work_fd);
	for (size_t i = 0; r == 0 && i < c->n_kept; i++)
		r = fd_set_cloexec(c->kept[i], false);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	*ret_socket = pair[1];
	r = fd_set_cloexec(pair[1], false);
	return r < 0 ? r : fd_send(report, &r, sizeof(r), ours);
}

static void __attribute__((noreturn)) worker_main(const struct criu_call *c, int report)
{
	const char *binary = c->options->binary ? c->options->binary : "criu";
	char number[16];
	sigset_t none;
	int socket = -EBADF, r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = worker_prepare(c, report, &socket);
	snprintf(number, sizeof(number), "%d", socket);
	if (r == 0) {
		execlp(binary, binary, "swrk", number, (char *)NULL);
		r = -errno;
	}
	fd_send(report, &r, sizeof(r), -1);
	_exit(127);
}

static int say_missing(const struct criu_call *c, int r, struct err *e)
{
	if (r == -ENOENT && !c->options->binary)
		return err_say(
			e, r,
			"criu is not installed: checkpoint and restore need it (Debian: apt-get "
			"install criu; else --criu PATH)");
	return err_sys(e, r, "start %s", c->options->binary ? c->options->binary : "criu");
}

/* Returns the socket to it, or -errno. */
static int worker_start(const struct criu_call *c, int *ret_pidfd, struct err *e)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)ret_pidfd};
	auto_close int report = -EBADF, reporter = -EBADF, socket = -EBADF, none = -EBADF;
	int pair[2], why = 0, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, -errno, "make a socket for criu");
	report = pair[0];
	reporter = pair[1];
	if (c->group && cgroup_clone_fd(c->group) >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_clone_fd(c->group);
	}
	r = sys_clone3(&args);
	if (r < 0)
		return err_sys(e, r, "clone a process for criu");
	if (r == 0)
		worker_main(c, reporter);
	close(TAKE_FD(reporter));
	if (fd_receive(report, &why, sizeof(why), &socket) != (ssize_t)sizeof(why))
		why = -ECHILD;
	/* The second message comes only where the exec failed. */
	if (why == 0 && fd_receive(report, &why, sizeof(why), &none) > 0 && why == 0)
		why = -EPROTO;
	if (why < 0)
		return say_missing(c, why, e);
	return TAKE_FD(socket);
}

/* ---- its words -------------------------------------------------------------------------------- */

/* "(00.012345) Error (criu/mount.c:691): text" without the time. */
static const char *error_line(char *line)
{
	char *found = strstr(line, "Error (");

	return found && found - line <= 32 ? found : NULL;
}

/* The last error lines of the log, which name the cause. */
static const char *last_words(const struct criu_call *c)
{
	auto_close int fd = openat(c->work_fd, c->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const char *words[WORDS_MAX] = {0}, *all = "";
	char *text, *line, *next;
	struct stat st;
	size_t n = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return "it left no log";
	text = arena_alloc(c->arena, LOG_TAIL + 1);
	got = pread(fd, text, LOG_TAIL, st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0);
	text[got > 0 ? got : 0] = '\0';
	for (line = text; *line; line = next) {
		const char *word;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		word = error_line(line);
		if (word)
			words[n++ % WORDS_MAX] = word;
	}
	for (size_t i = n > WORDS_MAX ? n - WORDS_MAX : 0; i < n; i++)
		all = arena_printf(c->arena, "%s%s%.240s", all, *all ? "; " : "",
				   words[i % WORDS_MAX]);
	return *all ? all : "no error in its log";
}

static int say_failed(const struct criu_call *c, enum criu_type type, int code, struct err *e)
{
	return err_say(e, code > 0 && code < 4096 ? -code : -EIO,
		       "criu could not %s the container: %s (see %s/%s)",
		       type == CRIU_RESTORE ? "restore" : "dump", last_words(c),
		       work_path(c->options), c->log);
}

/* ---- the conversation ------------------------------------------------------------------------- */

struct answer {
	uint64_t type, success, code;
	pid_t pid;
	const char *script;
};

static pid_t read_pid(uint64_t v)
{
	return v <= INT32_MAX ? (pid_t)v : 0;
}

static int read_notify(const struct criu_call *c, const struct pb_field *from, struct answer *ret)
{
	struct pb_reader reader = {from->v, from->v + from->n};
	struct pb_field f;
	int r;

	while ((r = pb_next(&reader, &f)) > 0) {
		if (f.number == 1 && f.v)
			ret->script = arena_strndup(c->arena, (const char *)f.v, f.n);
		else if (f.number == 2)
			ret->pid = read_pid(f.value);
	}
	return r;
}

/* criu_resp of rpc.proto. */
static int read_answer(const struct criu_call *c, const unsigned char *v, size_t n,
		       struct answer *ret)
{
	struct pb_reader reader = {v, v + n};
	struct pb_field f;
	int r;

	*ret = (struct answer){.script = ""};
	while ((r = pb_next(&reader, &f)) > 0) {
		switch (f.number) {
		case 1:
			ret->type = f.value;
			break;
		case 2:
			ret->success = f.value;
			break;
		case 4: { /* criu_restore_resp: its one field is the pid */
			struct pb_reader inner = {f.v, f.v + f.n};
			struct pb_field pid;

			if (f.v && pb_next(&inner, &pid) > 0 && pid.number == 1)
				ret->pid = read_pid(pid.value);
			break;
		}
		case 5:
			if (f.v && (r = read_notify(c, &f, ret)) < 0)
				return r;
			break;
		case 7:
			ret->code = f.value;
			break;
		default:
			break;
		}
	}
	return r;
}

static int send_request(const struct criu_call *c, int socket, enum criu_type type)
{
	struct pb_message request = {.arena = c->arena};

	pb_put_uint(&request, 1, type);
	if (type == CRIU_NOTIFY)
		pb_put_uint(&request, 3, 1);
	else
		pb_put_message(&request, 2, &c->message);
	return fd_send(socket, request.v, request.n, -1);
}

/* Answers notifications until the answer to the request itself. */
static int converse(struct criu_call *c, int socket, enum criu_type type, struct err *e)
{
	unsigned char *buf = arena_alloc(c->arena, MESSAGE_MAX);
	int r = send_request(c, socket, type);

	if (r < 0)
		return err_sys(e, r, "send criu its request");
	for (;;) {
		auto_close int fd = -EBADF;
		struct answer answer;
		ssize_t n = fd_receive(socket, buf, MESSAGE_MAX, &fd);

		if (n <= 0)
			return say_failed(c, type, 0, e);
		if (read_answer(c, buf, (size_t)n, &answer) < 0)
			return err_say(e, -EPROTO, "criu sent an answer that cannot be read");
		if (answer.type != CRIU_NOTIFY) {
			c->pid = answer.pid;
			return answer.success ? 0 : say_failed(c, type, (int)answer.code, e);
		}
		if (c->on_notify &&
		    (r = c->on_notify(c->arg, answer.script, answer.pid, &fd, e)) < 0)
			return r;
		r = send_request(c, socket, CRIU_NOTIFY);
		if (r < 0)
			return say_failed(c, type, 0, e);
	}
}

int criu_run(struct criu_call *c, enum criu_type type, struct err *e)
{
	auto_close int pidfd = -EBADF;
	int status, r;
	auto_close int socket = worker_start(c, &pidfd, e);

	r = socket < 0 ? socket : converse(c, socket, type, e);
	/* Our end closed, it undoes what it did where it failed, and ends. */
	if (socket >= 0)
		close(TAKE_FD(socket));
	if (pidfd >= 0)
		process_wait(pidfd, &status);
	return r;
}
