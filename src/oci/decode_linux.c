/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: the tables of the linux object. */
#include "oci/spec.h"
#include "oci/tables.h"

static const struct json_field namespace_fields[] = {
	JSON_FIELD("type", struct oci_namespace, type, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("path", struct oci_namespace, path, &json_string_type, 0),
};
static const struct json_type namespace_type = JSON_OBJECT(struct oci_namespace, namespace_fields);
static const struct json_type namespaces_type = JSON_LIST(&namespace_type);

static const struct json_field time_offset_fields[] = {
	JSON_FIELD("secs", struct oci_time_offset, secs, &json_i64_type, 0),
	JSON_FIELD("nanosecs", struct oci_time_offset, nanosecs, &json_u32_type, 0),
};
static const struct json_type time_offset_type =
	JSON_OBJECT_SET(struct oci_time_offset, time_offset_fields);

static const struct json_field time_offsets_fields[] = {
	OCI_INNER_FIELD("monotonic", struct oci_linux, time_offsets, monotonic, &time_offset_type,
			0),
	OCI_INNER_FIELD("boottime", struct oci_linux, time_offsets, boottime, &time_offset_type, 0),
};
static const struct json_type time_offsets_type =
	OCI_INNER(struct oci_linux, time_offsets, time_offsets_fields);

static const struct json_field device_fields[] = {
	JSON_FIELD("type", struct oci_device, type, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("path", struct oci_device, path, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("major", struct oci_device, major, &json_i64_type, JSON_ALWAYS),
	JSON_FIELD("minor", struct oci_device, minor, &json_i64_type, JSON_ALWAYS),
	JSON_FIELD("fileMode", struct oci_device, file_mode, &json_maybe_u32_type, 0),
	JSON_FIELD("uid", struct oci_device, uid, &json_maybe_u32_type, 0),
	JSON_FIELD("gid", struct oci_device, gid, &json_maybe_u32_type, 0),
};
static const struct json_type device_type = JSON_OBJECT(struct oci_device, device_fields);
static const struct json_type devices_type = JSON_LIST(&device_type);

static const struct json_field net_device_fields[] = {
	JSON_FIELD("name", struct oci_net_device, name, &json_string_type, 0),
};
static const struct json_type net_device_type =
	JSON_OBJECT(struct oci_net_device, net_device_fields);
static const struct json_type net_devices_type =
	JSON_MAP(struct oci_net_device, host_name, &net_device_type);

static const struct json_field seccomp_arg_fields[] = {
	JSON_FIELD("index", struct oci_seccomp_arg, index, &json_u32_type, JSON_REQUIRED),
	JSON_FIELD("value", struct oci_seccomp_arg, value, &json_u64_type, JSON_REQUIRED),
	JSON_FIELD("valueTwo", struct oci_seccomp_arg, value_two, &json_u64_type, 0),
	JSON_FIELD("op", struct oci_seccomp_arg, op, &json_string_type, JSON_REQUIRED),
};
static const struct json_type seccomp_arg_type =
	JSON_OBJECT(struct oci_seccomp_arg, seccomp_arg_fields);
static const struct json_type seccomp_args_type = JSON_LIST(&seccomp_arg_type);

static const struct json_field seccomp_rule_fields[] = {
	JSON_FIELD("names", struct oci_seccomp_rule, names, &json_strings_type, JSON_REQUIRED),
	JSON_FIELD("action", struct oci_seccomp_rule, action, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("errnoRet", struct oci_seccomp_rule, errno_ret, &json_maybe_u32_type, 0),
	JSON_FIELD("args", struct oci_seccomp_rule, args, &seccomp_args_type, 0),
};
static const struct json_type seccomp_rule_type =
	JSON_OBJECT(struct oci_seccomp_rule, seccomp_rule_fields);
static const struct json_type seccomp_rules_type = JSON_LIST(&seccomp_rule_type);

static const struct json_field seccomp_fields[] = {
	JSON_FIELD("defaultAction", struct oci_seccomp, default_action, &json_string_type,
		   JSON_REQUIRED),
	JSON_FIELD("defaultErrnoRet", struct oci_seccomp, default_errno_ret, &json_maybe_u32_type,
		   0),
	JSON_FIELD("architectures", struct oci_seccomp, architectures, &json_strings_type, 0),
	JSON_FIELD("flags", struct oci_seccomp, flags, &json_strings_type, 0),
	JSON_FIELD("listenerPath", struct oci_seccomp, listener_path, &json_string_type, 0),
	JSON_FIELD("listenerMetadata", struct oci_seccomp, listener_metadata, &json_string_type, 0),
	JSON_FIELD("syscalls", struct oci_seccomp, syscalls, &seccomp_rules_type, 0),
};
static const struct json_type seccomp_type = JSON_OBJECT_SET(struct oci_seccomp, seccomp_fields);

static const struct json_field intel_rdt_fields[] = {
	JSON_FIELD("closID", struct oci_intel_rdt, clos_id, &json_string_type, 0),
	JSON_FIELD("schemata", struct oci_intel_rdt, schemata, &json_strings_type, 0),
	JSON_FIELD("l3CacheSchema", struct oci_intel_rdt, l3_cache_schema, &json_string_type, 0),
	JSON_FIELD("memBwSchema", struct oci_intel_rdt, mem_bw_schema, &json_string_type, 0),
	JSON_FIELD("enableMonitoring", struct oci_intel_rdt, enable_monitoring, &json_bool_type, 0),
};
static const struct json_type intel_rdt_type =
	JSON_OBJECT_SET(struct oci_intel_rdt, intel_rdt_fields);

static const struct json_field memory_policy_fields[] = {
	JSON_FIELD("mode", struct oci_memory_policy, mode, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("nodes", struct oci_memory_policy, nodes, &json_string_type, 0),
	JSON_FIELD("flags", struct oci_memory_policy, flags, &json_strings_type, 0),
};
static const struct json_type memory_policy_type =
	JSON_OBJECT(struct oci_memory_policy, memory_policy_fields);

static const struct json_field personality_fields[] = {
	OCI_INNER_FIELD("domain", struct oci_linux, personality, domain, &json_string_type,
			JSON_REQUIRED),
	OCI_INNER_FIELD("flags", struct oci_linux, personality, flags, &json_strings_type, 0),
};
static const struct json_type personality_type =
	OCI_INNER(struct oci_linux, personality, personality_fields);

static const struct json_field linux_fields[] = {
	JSON_FIELD("uidMappings", struct oci_linux, uid_mappings, &oci_id_maps_type, 0),
	JSON_FIELD("gidMappings", struct oci_linux, gid_mappings, &oci_id_maps_type, 0),
	JSON_FIELD("sysctl", struct oci_linux, sysctl, &oci_pairs_type, 0),
	JSON_FIELD("resources", struct oci_linux, resources, &oci_resources_type, 0),
	JSON_FIELD("cgroupsPath", struct oci_linux, cgroups_path, &json_string_type, 0),
	JSON_FIELD("namespaces", struct oci_linux, namespaces, &namespaces_type, 0),
	JSON_FIELD("devices", struct oci_linux, devices, &devices_type, 0),
	JSON_FIELD("netDevices", struct oci_linux, net_devices, &net_devices_type, 0),
	JSON_FIELD("seccomp", struct oci_linux, seccomp, &seccomp_type, 0),
	JSON_FIELD("rootfsPropagation", struct oci_linux, rootfs_propagation, &json_string_type, 0),
	JSON_FIELD("maskedPaths", struct oci_linux, masked_paths, &json_strings_type, 0),
	JSON_FIELD("readonlyPaths", struct oci_linux, readonly_paths, &json_strings_type, 0),
	JSON_FIELD("mountLabel", struct oci_linux, mount_label, &json_string_type, 0),
	JSON_FIELD("intelRdt", struct oci_linux, intel_rdt, &intel_rdt_type, 0),
	JSON_FIELD("memoryPolicy", struct oci_linux, memory_policy, &memory_policy_type, 0),
	JSON_FIELD("personality", struct oci_linux, personality, &personality_type, 0),
	JSON_FIELD("timeOffsets", struct oci_linux, time_offsets, &time_offsets_type, 0),
};
const struct json_type oci_linux_type = JSON_OBJECT(struct oci_linux, linux_fields);
