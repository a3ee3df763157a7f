/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: the tables of its top level and of the process object. */
#include "oci/decode.h"

#include "base/json.h"
#include "oci/encode.h"
#include "oci/tables.h"

/* ---- shared ---------------------------------------------------------------------------------- */

static const struct json_field id_map_fields[] = {
	JSON_FIELD("containerID", struct oci_id_map, container_id, &json_u32_type, JSON_REQUIRED),
	JSON_FIELD("hostID", struct oci_id_map, host_id, &json_u32_type, JSON_REQUIRED),
	JSON_FIELD("size", struct oci_id_map, size, &json_u32_type, JSON_REQUIRED),
};
static const struct json_type id_map_type = JSON_OBJECT(struct oci_id_map, id_map_fields);
const struct json_type oci_id_maps_type = JSON_LIST(&id_map_type);
const struct json_type oci_pairs_type = JSON_PAIRS(struct oci_pair, key, value, &json_string_type);

/* ---- process --------------------------------------------------------------------------------- */

static const struct json_field console_size_fields[] = {
	OCI_INNER_FIELD("height", struct oci_process, console_size, height, &json_u64_type,
			JSON_REQUIRED),
	OCI_INNER_FIELD("width", struct oci_process, console_size, width, &json_u64_type,
			JSON_REQUIRED),
};
static const struct json_type console_size_type =
	OCI_INNER(struct oci_process, console_size, console_size_fields);

static const struct json_type gids_type = JSON_LIST(&json_u32_type);
static const struct json_field user_fields[] = {
	JSON_FIELD("uid", struct oci_user, uid, &json_u32_type, JSON_ALWAYS),
	JSON_FIELD("gid", struct oci_user, gid, &json_u32_type, JSON_ALWAYS),
	JSON_FIELD("umask", struct oci_user, umask, &json_maybe_u32_type, 0),
	JSON_FIELD("additionalGids", struct oci_user, additional_gids, &gids_type, 0),
};
static const struct json_type user_type = JSON_OBJECT(struct oci_user, user_fields);

static const struct json_field capabilities_fields[] = {
	JSON_FIELD("bounding", struct oci_capabilities, bounding, &json_strings_type, 0),
	JSON_FIELD("effective", struct oci_capabilities, effective, &json_strings_type, 0),
	JSON_FIELD("inheritable", struct oci_capabilities, inheritable, &json_strings_type, 0),
	JSON_FIELD("permitted", struct oci_capabilities, permitted, &json_strings_type, 0),
	JSON_FIELD("ambient", struct oci_capabilities, ambient, &json_strings_type, 0),
};
static const struct json_type capabilities_type =
	JSON_OBJECT_SET(struct oci_capabilities, capabilities_fields);

static const struct json_field rlimit_fields[] = {
	JSON_FIELD("type", struct oci_rlimit, type, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("hard", struct oci_rlimit, hard, &json_u64_type, JSON_REQUIRED),
	JSON_FIELD("soft", struct oci_rlimit, soft, &json_u64_type, JSON_REQUIRED),
};
static const struct json_type rlimit_type = JSON_OBJECT(struct oci_rlimit, rlimit_fields);
static const struct json_type rlimits_type = JSON_LIST(&rlimit_type);

static const struct json_field scheduler_fields[] = {
	JSON_FIELD("policy", struct oci_scheduler, policy, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("nice", struct oci_scheduler, nice, &json_i32_type, 0),
	JSON_FIELD("priority", struct oci_scheduler, priority, &json_i32_type, 0),
	JSON_FIELD("flags", struct oci_scheduler, flags, &json_strings_type, 0),
	JSON_FIELD("runtime", struct oci_scheduler, runtime, &json_u64_type, 0),
	JSON_FIELD("deadline", struct oci_scheduler, deadline, &json_u64_type, 0),
	JSON_FIELD("period", struct oci_scheduler, period, &json_u64_type, 0),
};
static const struct json_type scheduler_type = JSON_OBJECT(struct oci_scheduler, scheduler_fields);

static const struct json_field io_priority_fields[] = {
	JSON_FIELD("class", struct oci_io_priority, class, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("priority", struct oci_io_priority, priority, &json_i32_type, JSON_ALWAYS),
};
static const struct json_type io_priority_type =
	JSON_OBJECT(struct oci_io_priority, io_priority_fields);

static const struct json_field affinity_fields[] = {
	OCI_INNER_FIELD("initial", struct oci_process, exec_cpu_affinity, initial,
			&json_string_type, 0),
	OCI_INNER_FIELD("final", struct oci_process, exec_cpu_affinity, final, &json_string_type,
			0),
};
static const struct json_type affinity_type =
	OCI_INNER(struct oci_process, exec_cpu_affinity, affinity_fields);

static const struct json_field process_fields[] = {
	JSON_FIELD("terminal", struct oci_process, terminal, &json_bool_type, 0),
	JSON_FIELD("consoleSize", struct oci_process, console_size, &console_size_type, 0),
	JSON_FIELD("user", struct oci_process, user, &user_type, JSON_ALWAYS),
	JSON_FIELD("args", struct oci_process, args, &json_strings_type, 0),
	JSON_FIELD("env", struct oci_process, env, &json_strings_type, 0),
	JSON_FIELD("cwd", struct oci_process, cwd, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("capabilities", struct oci_process, capabilities, &capabilities_type, 0),
	JSON_FIELD("rlimits", struct oci_process, rlimits, &rlimits_type, 0),
	JSON_FIELD("noNewPrivileges", struct oci_process, no_new_privileges, &json_bool_type, 0),
	JSON_FIELD("apparmorProfile", struct oci_process, apparmor_profile, &json_string_type, 0),
	JSON_FIELD("oomScoreAdj", struct oci_process, oom_score_adj, &json_maybe_i64_type, 0),
	JSON_FIELD("scheduler", struct oci_process, scheduler, &scheduler_type, 0),
	JSON_FIELD("selinuxLabel", struct oci_process, selinux_label, &json_string_type, 0),
	JSON_FIELD("ioPriority", struct oci_process, io_priority, &io_priority_type, 0),
	JSON_FIELD("execCPUAffinity", struct oci_process, exec_cpu_affinity, &affinity_type, 0),
};
const struct json_type oci_process_type = JSON_OBJECT_SET(struct oci_process, process_fields);

/* ---- root, mounts, hooks --------------------------------------------------------------------- */

static const struct json_field root_fields[] = {
	JSON_FIELD("path", struct oci_root, path, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("readonly", struct oci_root, readonly, &json_bool_type, 0),
};
static const struct json_type root_type = JSON_OBJECT(struct oci_root, root_fields);

static const struct json_field mount_fields[] = {
	JSON_FIELD("destination", struct oci_mount, destination, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("type", struct oci_mount, type, &json_string_type, 0),
	JSON_FIELD("source", struct oci_mount, source, &json_string_type, 0),
	JSON_FIELD("options", struct oci_mount, options, &json_strings_type, 0),
	JSON_FIELD("uidMappings", struct oci_mount, uid_mappings, &oci_id_maps_type, 0),
	JSON_FIELD("gidMappings", struct oci_mount, gid_mappings, &oci_id_maps_type, 0),
};
static const struct json_type mount_type = JSON_OBJECT(struct oci_mount, mount_fields);
static const struct json_type mounts_type = JSON_LIST(&mount_type);

static const struct json_field hook_fields[] = {
	JSON_FIELD("path", struct oci_hook, path, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("args", struct oci_hook, args, &json_strings_type, 0),
	JSON_FIELD("env", struct oci_hook, env, &json_strings_type, 0),
	JSON_FIELD("timeout", struct oci_hook, timeout, &json_maybe_i64_type, 0),
};
static const struct json_type hook_type = JSON_OBJECT(struct oci_hook, hook_fields);
static const struct json_type hook_list_type = JSON_LIST(&hook_type);

static const struct json_field hooks_fields[] = {
	JSON_FIELD("prestart", struct oci_hooks, prestart, &hook_list_type, 0),
	JSON_FIELD("createRuntime", struct oci_hooks, create_runtime, &hook_list_type, 0),
	JSON_FIELD("createContainer", struct oci_hooks, create_container, &hook_list_type, 0),
	JSON_FIELD("startContainer", struct oci_hooks, start_container, &hook_list_type, 0),
	JSON_FIELD("poststart", struct oci_hooks, poststart, &hook_list_type, 0),
	JSON_FIELD("poststop", struct oci_hooks, poststop, &hook_list_type, 0),
};
static const struct json_type hooks_type = JSON_OBJECT(struct oci_hooks, hooks_fields);

/* ---- the top level --------------------------------------------------------------------------- */

static const struct json_field spec_fields[] = {
	JSON_FIELD("ociVersion", struct oci_spec, oci_version, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("process", struct oci_spec, process, &oci_process_type, 0),
	JSON_FIELD("root", struct oci_spec, root, &root_type, 0),
	JSON_FIELD("hostname", struct oci_spec, hostname, &json_string_type, 0),
	JSON_FIELD("domainname", struct oci_spec, domainname, &json_string_type, 0),
	JSON_FIELD("mounts", struct oci_spec, mounts, &mounts_type, 0),
	JSON_FIELD("hooks", struct oci_spec, hooks, &hooks_type, 0),
	JSON_FIELD("annotations", struct oci_spec, annotations, &oci_pairs_type, 0),
	JSON_FIELD("linux", struct oci_spec, linux_, &oci_linux_type, 0),
};
const struct json_type oci_spec_type = JSON_OBJECT(struct oci_spec, spec_fields);

int oci_decode_spec(const char *text, size_t n, struct arena *a, struct oci_spec *ret,
		    struct err *e)
{
	return json_decode(text, n, &oci_spec_type, ret, a, "config.json", e);
}

int oci_decode_process(const char *text, size_t n, struct arena *a, struct oci_process *ret,
		       struct err *e)
{
	return json_decode(text, n, &oci_process_type, ret, a, "process", e);
}

int oci_decode_resources(const char *text, size_t n, struct arena *a, struct oci_resources *ret,
			 struct err *e)
{
	return json_decode(text, n, &oci_resources_type, ret, a, "resources", e);
}

void oci_spec_print(const struct oci_spec *spec, struct json_writer *w)
{
	json_encode(&oci_spec_type, spec, w);
}

void oci_process_print(const struct oci_process *process, struct json_writer *w)
{
	json_encode(&oci_process_type, process, w);
}

void oci_resources_print(const struct oci_resources *resources, struct json_writer *w)
{
	json_encode(&oci_resources_type, resources, w);
}
