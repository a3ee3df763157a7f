/* SPDX-License-Identifier: Apache-2.0 */
/* eBPF programs on control groups: load, query, attach, replace, detach. */
#ifndef BERTH_KERNEL_BPF_H
#define BERTH_KERNEL_BPF_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* Loads a BPF_PROG_TYPE_CGROUP_DEVICE program. log (may be NULL) gets the verifier's words where it
 * refuses. Returns the program's descriptor (O_CLOEXEC) or -errno. */
int bpf_load_device(const struct bpf_insn *insns, size_t n, char *log, size_t log_size);

/* The ids of the device programs attached to the group itself; at most max are written. Returns how
 * many there are, or -errno. */
int bpf_query_device(int cgroup_fd, uint32_t *ids, uint32_t max);

/* A descriptor of a loaded program, or -errno. */
int bpf_open_id(uint32_t id);

/* Attaches with BPF_F_ALLOW_MULTI; replaced_fd >= 0: in the place of that program, in one step
 * (kernel 5.6). Returns 0 or -errno. */
int bpf_attach_device(int cgroup_fd, int prog_fd, int replaced_fd);
int bpf_detach_device(int cgroup_fd, int prog_fd);

#endif
