/* SPDX-License-Identifier: Apache-2.0 */
/* Protection of our own binary against what runs inside containers. */
#include "runtime/exe.h"

#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/sys.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 0x0001
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#define F_SEAL_WRITE 0x0008
#endif

extern char **environ;

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static int copy_sealed(int exe, int copy)
{
	struct stat st;

	if (fstat(exe, &st) < 0)
		return -errno;
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = sendfile(copy, exe, NULL, (size_t)(st.st_size - done));

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += n;
	}
	return sys_return(fcntl(copy, F_ADD_SEALS, SEALS));
}

/* Security: without a copy: a clone of the mount that holds our program, read-only and attached nowhere.
 * It dies with the descriptor at the exec, and a mount that is in no namespace can be changed,
 * remounted, cloned or linked from by nobody (EINVAL, EXDEV); who opens /proc/PID/exe for writing once
 * we are gone gets EROFS. Returns only where that cannot be done (rootless, before Linux 5.12). */
static void exec_readonly(char **argv)
{
	struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
	auto_close int tree =
		sys_open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree >= 0 && sys_mount_setattr(tree, "", AT_EMPTY_PATH, &readonly) == 0)
		(void)sys_execveat(tree, "", argv, environ, AT_EMPTY_PATH);
}

/* execveat(2) of a descriptor calls the program /dev/fd/NUMBER. */
static bool is_readonly_exec(int exe)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	struct statvfs fs;

	return name && strncmp(name, "/dev/fd/", 8) == 0 && fstatvfs(exe, &fs) == 0 &&
	       fs.f_flag & ST_RDONLY;
}

int exe_seal(char **argv, struct err *e)
{
	auto_close int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_close int copy = -EBADF;
	int seals, r;

	if (exe < 0)
		return err_sys(e, -errno, "open our own program /proc/self/exe");
	seals = fcntl(exe, F_GET_SEALS);
	if ((seals >= 0 && (seals & SEALS) == SEALS) || is_readonly_exec(exe)) {
		/* execveat(2) names the process after the descriptor's number. */
		prctl(PR_SET_NAME, "berth-runtime");
		return 0;
	}
	exec_readonly(argv);
	copy = memfd_create("berth-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (copy < 0 && errno == EINVAL) /* MFD_EXEC came with Linux 6.3 */
		copy = memfd_create("berth-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return err_sys(e, -errno, "make a sealed copy of our own program");
	r = copy_sealed(exe, copy);
	if (r < 0)
		return err_sys(e, r, "make a sealed copy of our own program");
	r = sys_execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	return err_sys(e, r, "execute the sealed copy of our own program");
}
