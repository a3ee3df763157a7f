/* SPDX-License-Identifier: Apache-2.0 */
/* The config.json that `spec` writes for a start. */
#include "oci/default_spec.h"

#include <unistd.h>

#include "base/auto.h"
#include "oci/encode.h"
#include "oci/spec.h"

/* A static list as a slice of strings. */
#define STRINGS(...)                                             \
	{                                                        \
		.v = (const char *[]){__VA_ARGS__},              \
		.n = ARRAY_LEN(((const char *[]){__VA_ARGS__})), \
	}
#define CAPABILITIES STRINGS("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")

static struct oci_rlimit rlimits[] = {
	{.type = "RLIMIT_NOFILE", .hard = 1024, .soft = 1024},
};

#define MOUNT_PROC                                                        \
	{                                                                 \
		.destination = "/proc", .type = "proc", .source = "proc", \
	}
#define MOUNT_DEV                                                                       \
	{                                                                               \
		.destination = "/dev", .type = "tmpfs", .source = "tmpfs",              \
		.options = STRINGS("nosuid", "strictatime", "mode=755", "size=65536k"), \
	}
#define MOUNT_SHM                                                                            \
	{                                                                                    \
		.destination = "/dev/shm", .type = "tmpfs", .source = "shm",                 \
		.options = STRINGS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k"), \
	}
#define MOUNT_MQUEUE                                                                \
	{                                                                           \
		.destination = "/dev/mqueue", .type = "mqueue", .source = "mqueue", \
		.options = STRINGS("nosuid", "noexec", "nodev"),                    \
	}
#define MOUNT_CGROUP                                                                   \
	{                                                                              \
		.destination = "/sys/fs/cgroup", .type = "cgroup", .source = "cgroup", \
		.options = STRINGS("nosuid", "noexec", "nodev", "relatime", "ro"),     \
	}

static struct oci_mount mounts[] = {
	MOUNT_PROC,
	MOUNT_DEV,
	{.destination = "/dev/pts",
	 .type = "devpts",
	 .source = "devpts",
	 .options =
		 STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")},
	MOUNT_SHM,
	MOUNT_MQUEUE,
	{.destination = "/sys",
	 .type = "sysfs",
	 .source = "sysfs",
	 .options = STRINGS("nosuid", "noexec", "nodev", "ro")},
	MOUNT_CGROUP,
};

/* Without a network namespace of its own a user cannot mount sysfs, and gid 5 is not mapped. */
static struct oci_mount rootless_mounts[] = {
	MOUNT_PROC,
	MOUNT_DEV,
	{.destination = "/dev/pts",
	 .type = "devpts",
	 .source = "devpts",
	 .options = STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")},
	MOUNT_SHM,
	MOUNT_MQUEUE,
	{.destination = "/sys",
	 .type = "none",
	 .source = "/sys",
	 .options = STRINGS("rbind", "nosuid", "noexec", "nodev", "ro")},
	MOUNT_CGROUP,
};

static struct oci_namespace namespaces[] = {
	{.type = "pid"}, {.type = "network"}, {.type = "ipc"},
	{.type = "uts"}, {.type = "mount"},   {.type = "cgroup"},
};
static struct oci_namespace rootless_namespaces[] = {
	{.type = "pid"},   {.type = "ipc"},    {.type = "uts"},
	{.type = "mount"}, {.type = "cgroup"}, {.type = "user"},
};

static struct oci_device_rule device_rules[] = {{.allow = false, .access = "rwm"}};

#define SLICE_OF(array)                              \
	{                                            \
		.v = (array), .n = ARRAY_LEN(array), \
	}

static const struct oci_spec default_spec = {
	.oci_version = "1.3.0",
	.process =
		{
			.is_set = true,
			.terminal = true,
			.args = STRINGS("sh"),
			.env = STRINGS(
				"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"TERM=xterm"),
			.cwd = "/",
			.capabilities =
				{
					.is_set = true,
					.bounding = CAPABILITIES,
					.effective = CAPABILITIES,
					.permitted = CAPABILITIES,
				},
			.rlimits = SLICE_OF(rlimits),
			.no_new_privileges = true,
		},
	.root = {.path = "rootfs", .readonly = true},
	.hostname = "berth",
	.mounts = SLICE_OF(mounts),
	.linux_ =
		{
			.resources = {.is_set = true, .devices = SLICE_OF(device_rules)},
			.namespaces = SLICE_OF(namespaces),
			.masked_paths = STRINGS("/proc/acpi", "/proc/asound", "/proc/kcore",
						"/proc/keys", "/proc/latency_stats",
						"/proc/timer_list", "/proc/timer_stats",
						"/proc/sched_debug", "/sys/firmware", "/proc/scsi"),
			.readonly_paths = STRINGS("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
						  "/proc/sysrq-trigger"),
		},
};

int oci_default_spec_print(bool is_rootless, struct json_writer *w)
{
	struct oci_id_map uid_map = {.host_id = geteuid(), .size = 1};
	struct oci_id_map gid_map = {.host_id = getegid(), .size = 1};
	struct oci_spec spec = default_spec;

	if (is_rootless) {
		spec.mounts.v = rootless_mounts;
		spec.mounts.n = ARRAY_LEN(rootless_mounts);
		spec.linux_.namespaces.v = rootless_namespaces;
		spec.linux_.namespaces.n = ARRAY_LEN(rootless_namespaces);
		spec.linux_.resources = (struct oci_resources){0};
		spec.linux_.uid_mappings = (struct oci_id_maps){&uid_map, 1};
		spec.linux_.gid_mappings = (struct oci_id_maps){&gid_map, 1};
	}
	oci_spec_print(&spec, w);
	return 0;
}
