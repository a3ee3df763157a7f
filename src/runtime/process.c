/* SPDX-License-Identifier: Apache-2.0 */
/* How a process inside a container gets what config.json says of it: the same for create and exec. */
#include "runtime/process.h"

#include <linux/audit.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/path.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "runtime/diagnose.h"
#include "runtime/handshake.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#else
#error "name the AUDIT_ARCH of this machine"
#endif

/* ---- the plan -------------------------------------------------------------------------------- */

static const char **null_terminated(const struct str_slice *s, struct arena *a)
{
	const char **v = arena_array(a, s->n + 1, sizeof(*v));

	if (s->n)
		memcpy(v, s->v, s->n * sizeof(*v));
	return v;
}

/* Of a variable given twice the last counts, as for runc; execve(2) would pass both. */
static const char **unique_env(const struct str_slice *env, struct arena *a, size_t *ret_n)
{
	const char **v = arena_array(a, env->n + 2, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < env->n; i++) {
		size_t name = strcspn(env->v[i], "="), k = 0;

		while (k < n && (strncmp(v[k], env->v[i], name) != 0 || v[k][name] != '='))
			k++;
		v[k] = env->v[i];
		n += k == n;
	}
	*ret_n = n;
	return v;
}

int process_plan_make(const struct oci_process *process, const struct oci_linux *linux_,
		      const char *mount_label, struct arena *a, struct process_plan *ret,
		      struct err *e)
{
	struct process_plan p = {.process = process, .linux_ = linux_};
	int r;

	if ((r = caps_plan_make(&process->capabilities, &p.caps, e)) < 0 ||
	    (r = seccomp_compile(&linux_->seccomp, NATIVE_ARCH, a, &p.seccomp, e)) < 0 ||
	    (r = rlimits_check(process, e)) < 0 || (r = personality_check(linux_, e)) < 0 ||
	    (r = scheduler_check(process, e)) < 0 || (r = io_priority_check(process, e)) < 0 ||
	    (r = memory_policy_check(linux_, e)) < 0 ||
	    (r = lsm_check(process, mount_label, e)) < 0)
		return r;
	if (p.seccomp.has_notify && !linux_->seccomp.listener_path)
		return err_say(e, -EINVAL, "linux.seccomp: SCMP_ACT_NOTIFY needs listenerPath");
	p.args = null_terminated(&process->args, a);
	p.env = unique_env(&process->env, a, &p.env_n);
	*ret = p;
	return 0;
}

/* ---- preparation ----------------------------------------------------------------------------- */

static const char *env_value(const struct process_plan *p, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = p->env_n; i-- > 0;)
		if (strncmp(p->env[i], name, n) == 0 && p->env[i][n] == '=')
			return p->env[i] + n + 1;
	return NULL;
}

/* HOME as the container's /etc/passwd tells it, "/" where it does not. Security: the file is the
 * container's: opened below its root, regular, of bounded size. */
static const char *find_home(uint32_t uid, struct arena *a)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd =
		path_open_in_root(root, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	char *text, *next;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    fd_read_all(fd, a, 1 << 20, &text, NULL) < 0)
		return "/";
	for (char *line = text; *line; line = next) {
		char *field[7] = {line};
		size_t n = 1;
		uint32_t found;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		for (char *c = line; *c && n < ARRAY_LEN(field); c++)
			if (*c == ':') {
				*c = '\0';
				field[n++] = c + 1;
			}
		if (n >= 6 && str_to_u32(field[2], &found) == 0 && found == uid && field[5][0])
			return field[5];
	}
	return "/";
}

static int enter_cwd(const struct process_plan *p, struct err *e)
{
	const char *cwd = p->process->cwd;

	if (chdir(cwd) == 0)
		return 0;
	if (errno == ENOENT && p->makes_cwd) {
		auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		auto_close int fd = path_mkdirs_in_root(root, cwd, 0755);

		if (fd >= 0 && fchdir(fd) == 0)
			return 0;
		return err_sys(e, fd < 0 ? fd : -errno, "make the working directory %s", cwd);
	}
	/* It may be the user's own, closed to root (a network file system): tried again later. */
	if (errno == EACCES)
		return 0;
	return err_sys(e, -errno, "chdir to cwd (\"%s\") set in config.json failed", cwd);
}

static int program_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode) || !(st.st_mode & 0111))
		return -EACCES;
	return 0;
}

static int find_program(const struct process_plan *p, struct arena *a, const char **ret,
			struct err *e)
{
	const char *name = p->args[0], *path = env_value(p, "PATH");
	int r, worst = -ENOENT;

	if (strchr(name, '/')) {
		r = program_check(name);
		if (r < 0)
			return err_sys(e, r, "exec: \"%s\"", name);
		*ret = name;
		return 0;
	}
	for (const char *dir = path && name[0] ? path : ""; *dir;) {
		size_t n = strcspn(dir, ":");
		char *file = arena_printf(a, "%.*s/%s", n ? (int)n : 1, n ? dir : ".", name);

		r = program_check(file);
		if (r == 0) {
			*ret = file;
			return 0;
		}
		if (r == -EACCES)
			worst = r;
		dir += n + (dir[n] == ':');
	}
	if (worst == -EACCES)
		return err_sys(e, worst, "exec: \"%s\"", name);
	return err_say(e, worst, "exec: \"%s\": executable file not found in $PATH", name);
}

/* So that a process which is not root can open /dev/stdout and its like again. */
static void own_stdio(uint32_t uid)
{
	struct stat st, null;
	bool has_null = stat("/dev/null", &null) == 0;

	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) < 0 || st.st_uid == uid || S_ISREG(st.st_mode) ||
		    (has_null && st.st_rdev == null.st_rdev && S_ISCHR(st.st_mode)))
			continue;
		/* What cannot be given (another user namespace, a read-only place) stays as it is. */
		if (fchown(fd, uid, (gid_t)-1) < 0)
			continue;
	}
}

int process_prepare(const struct process_plan *p, struct arena *a, const char **ret_program,
		    struct err *e)
{
	const struct oci_process *process = p->process;
	int r;

	if (p->keyring && (r = keyring_join(p->keyring, e)) < 0)
		return r;
	if ((r = personality_apply(p->linux_, e)) < 0 || (r = scheduler_apply(process, e)) < 0 ||
	    (r = io_priority_apply(process, e)) < 0 ||
	    (r = memory_policy_apply(p->linux_, e)) < 0 || (r = rlimits_apply(process, e)) < 0)
		return r;
	if (process->apparmor_profile || process->selinux_label) {
		auto_close int proc = proc_open();

		if (proc < 0)
			return err_sys(e, proc, "open a private procfs for the security label");
		r = lsm_set_exec_label(process, proc, e);
		if (r < 0)
			return r;
	}
	if (!env_value(p, "HOME"))
		p->env[p->env_n] = arena_printf(a, "HOME=%s", find_home(process->user.uid, a));
	if (process->user.uid)
		own_stdio(process->user.uid);
	r = enter_cwd(p, e);
	return r < 0 ? r : find_program(p, a, ret_program, e);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Security: a leaked descriptor could have been the way into this directory (CVE-2024-21626): the
 * kernel names a directory outside the root "(unreachable)". */
static int check_cwd(const struct process_plan *p, struct err *e)
{
	char path[4096];

	if (chdir(p->process->cwd) < 0)
		return err_sys(e, -errno, "chdir to cwd (\"%s\") set in config.json failed",
			       p->process->cwd);
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		return errno == ERANGE ? 0 : err_sys(e, -errno, "current working directory");
	if (path[0] != '/')
		return err_say(e, -EPERM,
			       "current working directory is outside of container mount "
			       "namespace root");
	return 0;
}

/* Security: nothing but the standard streams and what was asked for crosses the exec. Closed, not marked:
 * execve(2) finds its program before it closes what is marked, and /proc/self/fd/N/../.. in args[0] or
 * in a link of the image would run a program of the host (CVE-2024-21626). */
static int close_others(unsigned first, unsigned socket, struct err *e)
{
	int r = 0;

	/* What the caller handed over survived our own exec; what is marked below FIRST is ours. */
	for (unsigned fd = 3; fd < first; fd++)
		if (fd != socket && fcntl((int)fd, F_GETFD) == FD_CLOEXEC)
			close((int)fd);
	if (socket > first)
		r = sys_close_range(first, socket - 1, 0);
	if (r >= 0)
		r = sys_close_range(socket < first ? first : socket + 1, ~0U, 0);
	return r < 0 ? err_sys(e, r, "close descriptors (needs Linux 5.9)") : 0;
}

static int load_seccomp(const struct process_plan *p, int socket, struct err *e)
{
	auto_close int listener = -EBADF;
	int r = seccomp_load(&p->seccomp, e);

	if (r < 0 || !p->seccomp.has_notify)
		return r;
	listener = r;
	return handshake_ask(socket, STEP_LISTENER, 0, listener, NULL, NULL, e);
}

int process_exec(const struct process_plan *p, const char *program, bool can_setgroups, int socket,
		 struct err *e)
{
	bool has_seccomp = p->seccomp.n > 0, is_last = p->process->no_new_privileges;
	int r;

	/* Order: without no_new_privs loading a filter takes CAP_SYS_ADMIN, so it comes before the
	 * rights go; with it, it comes last and need not allow what stands between. */
	if (has_seccomp && !is_last && (r = load_seccomp(p, socket, e)) < 0)
		return r;
	if ((r = caps_drop_bounding(&p->caps, e)) < 0 ||
	    (r = user_apply(&p->process->user, can_setgroups, e)) < 0 ||
	    (r = caps_apply(&p->caps, e)) < 0)
		return r;
	if (is_last && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, -errno, "set no_new_privs");
	r = close_others(3 + p->preserve_fds, (unsigned)socket, e);
	if (r < 0)
		return r;
	r = check_cwd(p, e);
	if (r < 0)
		return r;
	if (has_seccomp && is_last && (r = load_seccomp(p, socket, e)) < 0)
		return r;
	execve(program, (char *const *)p->args, (char *const *)p->env);
	return diagnose_exec(program, -errno, e);
}
