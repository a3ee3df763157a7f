/* SPDX-License-Identifier: Apache-2.0 */
/* Inside container/: who a seccomp profile is read for, and its foreign format. */
#ifndef BERTH_ENGINE_CONTAINER_SPEC_SECCOMP_H
#define BERTH_ENGINE_CONTAINER_SPEC_SECCOMP_H

#include <linux/audit.h>

#include "engine/container/spec_parts.h"

/* The machine that this program is built for: in our profile, in Docker's, in the kernel's words. */
#if defined(__x86_64__)
#define MACHINE_NAME "x86_64"
#define MACHINE_DOCKER "amd64"
#define MACHINE_AUDIT AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE_NAME "aarch64"
#define MACHINE_DOCKER "arm64"
#define MACHINE_AUDIT AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define MACHINE_NAME "riscv64"
#define MACHINE_DOCKER "riscv64"
#define MACHINE_AUDIT AUDIT_ARCH_RISCV64
#else
#error "name this machine as profiles do"
#endif

/* A profile as text, in either format. path: for errors. caps: the bounding set. Returns 0 or -EINVAL. */
int seccomp_read(const char *text, size_t n, const char *path, uint64_t caps, struct arena *a,
		 struct oci_seccomp *ret, struct err *e);

/* The format of Docker and Podman alone. */
int seccomp_read_docker(const char *text, size_t n, const char *path, uint64_t caps,
			struct arena *a, struct oci_seccomp *ret, struct err *e);

/* The number of an errno's name, or -EINVAL. */
int seccomp_errno(const char *name);

#endif
