/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint and restore: a running container into files and back, with runc's options. */
#include <errno.h>

#include "base/str.h"
#include "bin/berth-runtime/command.h"

struct values {
	/* both */
	struct str_slice empty_ns;
	const char *image_path, *work_path, *manage_cgroups, *network_lock;
	bool tcp_established, tcp_skip_in_flight, ext_unix_sk, shell_job, file_locks, auto_dedup;
	bool lazy_pages, link_remap;
	/* checkpoint */
	const char *parent_path, *page_server, *status_fd;
	bool leave_running, is_pre_dump;
	/* restore */
	const char *bundle, *console_socket, *pid_file, *lsm_profile, *lsm_mount_context;
	bool is_detached, no_subreaper, no_pivot;
};

#define ROW(name, letter, kind, member, arg, help)                                    \
	{                                                                             \
		name, letter, kind, offsetof(struct values, member), arg, help, false \
	}
#define COMMON_OPTIONS                                                                         \
	ROW("image-path", 0, OPT_STRING, image_path, "DIR",                                    \
	    "folder of the images (default: ./checkpoint)"),                                   \
		ROW("work-path", 0, OPT_STRING, work_path, "DIR",                              \
		    "folder of criu's log and statistics (default: the image path)"),          \
		ROW("tcp-established", 0, OPT_FLAG, tcp_established, NULL,                     \
		    "allow open TCP connections"),                                             \
		ROW("tcp-skip-in-flight", 0, OPT_FLAG, tcp_skip_in_flight, NULL,               \
		    "leave out TCP connections that are being made"),                          \
		ROW("ext-unix-sk", 0, OPT_FLAG, ext_unix_sk, NULL,                             \
		    "allow unix sockets with an end outside"),                                 \
		ROW("shell-job", 0, OPT_FLAG, shell_job, NULL, "allow a terminal of outside"), \
		ROW("lazy-pages", 0, OPT_FLAG, lazy_pages, NULL,                               \
		    "bring memory when it is touched (userfaultfd)"),                          \
		ROW("file-locks", 0, OPT_FLAG, file_locks, NULL, "keep file locks"),           \
		ROW("link-remap", 0, OPT_FLAG, link_remap, NULL,                               \
		    "link removed open files back while they are written away"),               \
		ROW("manage-cgroups-mode", 0, OPT_STRING, manage_cgroups, "MODE",              \
		    "soft (default), full, strict, props, none or ignore"),                    \
		ROW("network-lock", 0, OPT_STRING, network_lock, "METHOD",                     \
		    "iptables (default where installed), nftables or skip"),                   \
		ROW("empty-ns", 0, OPT_LIST, empty_ns, "NAMESPACE",                            \
		    "network: leave its contents out"),                                        \
		ROW("auto-dedup", 0, OPT_FLAG, auto_dedup, NULL,                               \
		    "drop what a later image has as well")

static const struct opt checkpoint_options[] = {
	COMMON_OPTIONS,
	ROW("parent-path", 0, OPT_STRING, parent_path, "DIR",
	    "images of an earlier --pre-dump, relative to the image path"),
	ROW("leave-running", 0, OPT_FLAG, leave_running, NULL, "let the container run on"),
	ROW("pre-dump", 0, OPT_FLAG, is_pre_dump, NULL,
	    "only the memory, for a later checkpoint with --parent-path"),
	ROW("page-server", 0, OPT_STRING, page_server, "ADDRESS:PORT",
	    "send the memory to a page server, or with --lazy-pages serve it there"),
	ROW("status-fd", 0, OPT_STRING, status_fd, "FD",
	    "descriptor that gets a byte once lazy pages are served"),
	{0},
};

static const struct opt restore_options[] = {
	COMMON_OPTIONS,
	ROW("bundle", 'b', OPT_STRING, bundle, "PATH",
	    "folder with config.json (default: the working directory)"),
	ROW("console-socket", 0, OPT_STRING, console_socket, "PATH",
	    "unix socket that gets the terminal's master"),
	ROW("pid-file", 0, OPT_STRING, pid_file, "FILE", "write the pid to FILE"),
	ROW("detach", 'd', OPT_FLAG, is_detached, NULL, "return once the container runs"),
	ROW("no-subreaper", 0, OPT_FLAG, no_subreaper, NULL, "do not reap orphans"),
	ROW("no-pivot", 0, OPT_FLAG, no_pivot, NULL, "accepted; criu decides"),
	ROW("lsm-profile", 0, OPT_STRING, lsm_profile, "TYPE:NAME",
	    "another LSM profile than before"),
	ROW("lsm-mount-context", 0, OPT_STRING, lsm_mount_context, "CONTEXT",
	    "another SELinux mount context than before"),
	{0},
};

static int make_options(const struct invocation *in, struct criu_options *ret, struct err *e)
{
	const struct values *v = in->values;
	uint32_t fd = 0;

	if (v->status_fd && (str_to_u32(v->status_fd, &fd) < 0 || fd > INT32_MAX))
		return err_say(e, -EINVAL, "invalid value for status-fd: %s", v->status_fd);
	*ret = (struct criu_options){
		.binary = in->criu,
		.image_path = v->image_path,
		.work_path = v->work_path,
		.parent_path = v->parent_path,
		.page_server = v->page_server,
		.manage_cgroups = v->manage_cgroups,
		.network_lock = v->network_lock,
		.lsm_profile = v->lsm_profile,
		.lsm_mount_context = v->lsm_mount_context,
		.empty_ns = v->empty_ns,
		.tcp_established = v->tcp_established,
		.tcp_skip_in_flight = v->tcp_skip_in_flight,
		.ext_unix_sk = v->ext_unix_sk,
		.shell_job = v->shell_job,
		.file_locks = v->file_locks,
		.auto_dedup = v->auto_dedup,
		.lazy_pages = v->lazy_pages,
		.link_remap = v->link_remap,
		.leave_running = v->leave_running,
		.is_pre_dump = v->is_pre_dump,
		.has_status_fd = v->status_fd,
		.status_fd = (int)fd,
	};
	return 0;
}

static int checkpoint_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct criu_options o;
	int r = make_options(in, &o, e);

	*ret_code = 0;
	return r < 0 ? r : runtime_checkpoint(&in->rt, in->words.v[0], &o, e);
}

static int restore_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct values *v = in->values;
	struct create_request q = {
		.id = in->words.v[0],
		.bundle = v->bundle,
		.console_socket = v->console_socket,
		.pid_file = v->pid_file,
		.no_pivot = v->no_pivot,
		.is_detached = v->is_detached,
		.no_subreaper = v->no_subreaper,
	};
	struct criu_options o;
	int r = make_options(in, &o, e);

	return r < 0 ? r : runtime_restore(&in->rt, &q, &o, ret_code, e);
}

const struct command cmd_checkpoint = {
	.name = "checkpoint",
	.usage = "[options] <container-id>",
	.help = "write a running container into files",
	.options = checkpoint_options,
	.values_size = sizeof(struct values),
	.words_min = 1,
	.words_max = 1,
	.main = checkpoint_main,
};

const struct command cmd_restore = {
	.name = "restore",
	.usage = "[options] <container-id>",
	.help = "make a container anew from the files of a checkpoint",
	.options = restore_options,
	.values_size = sizeof(struct values),
	.words_min = 1,
	.words_max = 1,
	.main = restore_main,
};
