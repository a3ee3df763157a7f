/* SPDX-License-Identifier: Apache-2.0 */
/* bpf(2), as far as device rules of cgroup v2 need it. */
#include "kernel/bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int sys_bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

int bpf_load_device(const struct bpf_insn *insns, size_t n, char *log, size_t log_size)
{
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = address(insns);
	attr.insn_cnt = (uint32_t)n;
	attr.license = address("Apache-2.0");
	strcpy(attr.prog_name, "berth_devices");
	do
		r = sys_bpf(BPF_PROG_LOAD, &attr);
	while (r == -EAGAIN); /* a signal interrupted the verifier */
	if (r < 0 && r != -EPERM && log && log_size) {
		log[0] = '\0';
		attr.log_buf = address(log);
		attr.log_size = (uint32_t)log_size;
		attr.log_level = 1;
		r = sys_bpf(BPF_PROG_LOAD, &attr);
	}
	return r; /* program descriptors are born close-on-exec */
}

int bpf_query_device(int cgroup_fd, uint32_t *ids, uint32_t max)
{
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = address(ids);
	attr.query.prog_cnt = max;
	r = sys_bpf(BPF_PROG_QUERY, &attr);
	/* ENOSPC: more than max; the count is told all the same */
	return r < 0 && r != -ENOSPC ? r : (int)attr.query.prog_cnt;
}

int bpf_open_id(uint32_t id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

int bpf_attach_device(int cgroup_fd, int prog_fd, int replaced_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced_fd;
	}
	return sys_bpf(BPF_PROG_ATTACH, &attr);
}

int bpf_detach_device(int cgroup_fd, int prog_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return sys_bpf(BPF_PROG_DETACH, &attr);
}
