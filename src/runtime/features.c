/* SPDX-License-Identifier: Apache-2.0 */
/* The features document: what this build can do on a kernel that has it. */
#include "base/auto.h"
#include "base/json.h"
#include "namespace/namespace.h"
#include "rootfs/rootfs.h"
#include "runtime/runtime.h"
#include "security/seccomp.h"
#include "security/security.h"
#include "security/syscalls.h"

static const char *const hook_names[] = {"prestart",       "createRuntime", "createContainer",
					 "startContainer", "poststart",     "poststop"};
static const char *const seccomp_actions[] = {
	"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
	"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG",   "SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_NOTIFY",       "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
};
static const char *const seccomp_operators[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
						"SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
						"SCMP_CMP_NE"};
static const char *const seccomp_flags[] = {
	"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
static const char *const policy_modes[] = {
	"MPOL_BIND",      "MPOL_DEFAULT",        "MPOL_INTERLEAVE",         "MPOL_LOCAL",
	"MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"};
static const char *const policy_flags[] = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
					   "MPOL_F_STATIC_NODES"};

/* What a caller must trust who wrote it: it changes what the container may reach. */
static const char *const unsafe_annotations[] = {ROOTFS_IDMAP_ANNOTATION};

static void put_list(struct json_writer *w, const char *key, const char *const *v, size_t n)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		json_string(w, v[i]);
	json_end_array(w);
}

static void put_enabled(struct json_writer *w, const char *key, bool is_enabled)
{
	json_key(w, key);
	json_begin_object(w);
	json_put_bool(w, "enabled", is_enabled);
	json_end_object(w);
}

static void print_security(struct json_writer *w)
{
	json_key(w, "capabilities");
	json_begin_array(w);
	for (unsigned c = 0; c <= caps_last(); c++)
		json_string(w, caps_name(c));
	json_end_array(w);
	json_key(w, "seccomp");
	json_begin_object(w);
	json_put_bool(w, "enabled", true);
	put_list(w, "actions", seccomp_actions, ARRAY_LEN(seccomp_actions));
	put_list(w, "operators", seccomp_operators, ARRAY_LEN(seccomp_operators));
	json_key(w, "archs");
	json_begin_array(w);
	for (size_t i = 0; syscall_arch_at(i); i++)
		json_string(w, syscall_arch_at(i)->oci_name);
	json_end_array(w);
	put_list(w, "knownFlags", seccomp_flags, ARRAY_LEN(seccomp_flags));
	put_list(w, "supportedFlags", seccomp_flags, ARRAY_LEN(seccomp_flags));
	json_end_object(w);
	put_enabled(w, "apparmor", true);
	put_enabled(w, "selinux", true);
}

static void print_linux(struct json_writer *w)
{
	json_begin_object(w);
	json_key(w, "namespaces");
	json_begin_array(w);
	for (int i = 0; i < NS_TYPE_COUNT; i++)
		json_string(w, ns_kinds[i]->oci_name);
	json_end_array(w);
	json_key(w, "cgroup");
	json_begin_object(w);
	json_put_bool(w, "v1", true);
	json_put_bool(w, "v2", true);
	json_put_bool(w, "systemd", true);
	json_put_bool(w, "systemdUser", true);
	json_put_bool(w, "rdma", true);
	json_end_object(w);
	print_security(w);
	json_key(w, "memoryPolicy");
	json_begin_object(w);
	put_list(w, "modes", policy_modes, ARRAY_LEN(policy_modes));
	put_list(w, "flags", policy_flags, ARRAY_LEN(policy_flags));
	json_end_object(w);
	json_key(w, "intelRdt");
	json_begin_object(w);
	json_put_bool(w, "enabled", true);
	json_put_bool(w, "schemata", true);
	json_put_bool(w, "monitoring", true);
	json_end_object(w);
	json_key(w, "mountExtensions");
	json_begin_object(w);
	put_enabled(w, "idmap", true);
	json_end_object(w);
	put_enabled(w, "netDevices", true);
	json_end_object(w);
}

void runtime_features_print(struct json_writer *w)
{
	json_begin_object(w);
	json_put_string(w, "ociVersionMin", "1.0.0");
	json_put_string(w, "ociVersionMax", "1.3.0");
	put_list(w, "hooks", hook_names, ARRAY_LEN(hook_names));
	json_key(w, "mountOptions");
	json_begin_array(w);
	for (size_t i = 0; rootfs_mount_option(i); i++)
		json_string(w, rootfs_mount_option(i));
	json_end_array(w);
	json_key(w, "linux");
	print_linux(w);
	json_key(w, "annotations");
	json_begin_object(w);
	json_put_string(w, "io.berth.version", BERTH_VERSION);
	json_end_object(w);
	put_list(w, "potentiallyUnsafeConfigAnnotations", unsafe_annotations,
		 ARRAY_LEN(unsafe_annotations));
	json_end_object(w);
}
