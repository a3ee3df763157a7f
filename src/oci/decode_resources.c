/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: the tables of linux.resources, the limits of the cgroup. */
#include "oci/spec.h"
#include "oci/tables.h"

static const struct json_field device_rule_fields[] = {
	JSON_FIELD("allow", struct oci_device_rule, allow, &json_bool_type, JSON_REQUIRED),
	JSON_FIELD("type", struct oci_device_rule, type, &json_string_type, 0),
	JSON_FIELD("major", struct oci_device_rule, major, &json_maybe_i64_type, 0),
	JSON_FIELD("minor", struct oci_device_rule, minor, &json_maybe_i64_type, 0),
	JSON_FIELD("access", struct oci_device_rule, access, &json_string_type, 0),
};
static const struct json_type device_rule_type =
	JSON_OBJECT(struct oci_device_rule, device_rule_fields);
static const struct json_type device_rules_type = JSON_LIST(&device_rule_type);

static const struct json_field memory_fields[] = {
	JSON_FIELD("limit", struct oci_memory, limit, &json_maybe_i64_type, 0),
	JSON_FIELD("reservation", struct oci_memory, reservation, &json_maybe_i64_type, 0),
	JSON_FIELD("swap", struct oci_memory, swap, &json_maybe_i64_type, 0),
	JSON_FIELD("kernel", struct oci_memory, kernel, &json_maybe_i64_type, 0),
	JSON_FIELD("kernelTCP", struct oci_memory, kernel_tcp, &json_maybe_i64_type, 0),
	JSON_FIELD("swappiness", struct oci_memory, swappiness, &json_maybe_u64_type, 0),
	JSON_FIELD("disableOOMKiller", struct oci_memory, disable_oom_killer, &json_maybe_bool_type,
		   0),
	JSON_FIELD("useHierarchy", struct oci_memory, use_hierarchy, &json_maybe_bool_type, 0),
	JSON_FIELD("checkBeforeUpdate", struct oci_memory, check_before_update,
		   &json_maybe_bool_type, 0),
};
static const struct json_type memory_type = JSON_OBJECT(struct oci_memory, memory_fields);

static const struct json_field cpu_fields[] = {
	JSON_FIELD("shares", struct oci_cpu, shares, &json_maybe_u64_type, 0),
	JSON_FIELD("quota", struct oci_cpu, quota, &json_maybe_i64_type, 0),
	JSON_FIELD("burst", struct oci_cpu, burst, &json_maybe_u64_type, 0),
	JSON_FIELD("period", struct oci_cpu, period, &json_maybe_u64_type, 0),
	JSON_FIELD("realtimeRuntime", struct oci_cpu, realtime_runtime, &json_maybe_i64_type, 0),
	JSON_FIELD("realtimePeriod", struct oci_cpu, realtime_period, &json_maybe_u64_type, 0),
	JSON_FIELD("cpus", struct oci_cpu, cpus, &json_string_type, 0),
	JSON_FIELD("mems", struct oci_cpu, mems, &json_string_type, 0),
	JSON_FIELD("idle", struct oci_cpu, idle, &json_maybe_i64_type, 0),
};
static const struct json_type cpu_type = JSON_OBJECT(struct oci_cpu, cpu_fields);

/* pids holds nothing but limit, so its struct is the limit itself. null means not set. */
static const struct json_field pids_fields[] = {
	{.name = "limit", .name_len = 5, .offset = 0, .type = &json_maybe_i64_type},
};
static const struct json_type pids_type = JSON_OBJECT(struct maybe_i64, pids_fields);

static const struct json_field weight_device_fields[] = {
	JSON_FIELD("major", struct oci_weight_device, major, &json_i64_type, JSON_REQUIRED),
	JSON_FIELD("minor", struct oci_weight_device, minor, &json_i64_type, JSON_REQUIRED),
	JSON_FIELD("weight", struct oci_weight_device, weight, &json_maybe_u16_type, 0),
	JSON_FIELD("leafWeight", struct oci_weight_device, leaf_weight, &json_maybe_u16_type, 0),
};
static const struct json_type weight_device_type =
	JSON_OBJECT(struct oci_weight_device, weight_device_fields);
static const struct json_type weight_devices_type = JSON_LIST(&weight_device_type);

static const struct json_field throttle_fields[] = {
	JSON_FIELD("major", struct oci_throttle_device, major, &json_i64_type, JSON_REQUIRED),
	JSON_FIELD("minor", struct oci_throttle_device, minor, &json_i64_type, JSON_REQUIRED),
	JSON_FIELD("rate", struct oci_throttle_device, rate, &json_u64_type, JSON_ALWAYS),
};
static const struct json_type throttle_type =
	JSON_OBJECT(struct oci_throttle_device, throttle_fields);
static const struct json_type throttles_type = JSON_LIST(&throttle_type);

static const struct json_field block_io_fields[] = {
	JSON_FIELD("weight", struct oci_block_io, weight, &json_maybe_u16_type, 0),
	JSON_FIELD("leafWeight", struct oci_block_io, leaf_weight, &json_maybe_u16_type, 0),
	JSON_FIELD("weightDevice", struct oci_block_io, weight_device, &weight_devices_type, 0),
	JSON_FIELD("throttleReadBpsDevice", struct oci_block_io, throttle_read_bps, &throttles_type,
		   0),
	JSON_FIELD("throttleWriteBpsDevice", struct oci_block_io, throttle_write_bps,
		   &throttles_type, 0),
	JSON_FIELD("throttleReadIOPSDevice", struct oci_block_io, throttle_read_iops,
		   &throttles_type, 0),
	JSON_FIELD("throttleWriteIOPSDevice", struct oci_block_io, throttle_write_iops,
		   &throttles_type, 0),
};
static const struct json_type block_io_type = JSON_OBJECT(struct oci_block_io, block_io_fields);

static const struct json_field hugepage_fields[] = {
	JSON_FIELD("pageSize", struct oci_hugepage_limit, page_size, &json_string_type,
		   JSON_REQUIRED),
	JSON_FIELD("limit", struct oci_hugepage_limit, limit, &json_u64_type, JSON_REQUIRED),
};
static const struct json_type hugepage_type =
	JSON_OBJECT(struct oci_hugepage_limit, hugepage_fields);
static const struct json_type hugepages_type = JSON_LIST(&hugepage_type);

static const struct json_field priority_fields[] = {
	JSON_FIELD("name", struct oci_net_priority, name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("priority", struct oci_net_priority, priority, &json_u32_type, JSON_REQUIRED),
};
static const struct json_type priority_type = JSON_OBJECT(struct oci_net_priority, priority_fields);
static const struct json_type priorities_type = JSON_LIST(&priority_type);

static const struct json_field network_fields[] = {
	OCI_INNER_FIELD("classID", struct oci_resources, network, class_id, &json_maybe_u32_type,
			0),
	OCI_INNER_FIELD("priorities", struct oci_resources, network, priorities, &priorities_type,
			0),
};
static const struct json_type network_type =
	OCI_INNER(struct oci_resources, network, network_fields);

static const struct json_field rdma_fields[] = {
	JSON_FIELD("hcaHandles", struct oci_rdma, hca_handles, &json_maybe_u32_type, 0),
	JSON_FIELD("hcaObjects", struct oci_rdma, hca_objects, &json_maybe_u32_type, 0),
};
static const struct json_type rdma_type = JSON_OBJECT(struct oci_rdma, rdma_fields);
static const struct json_type rdmas_type = JSON_MAP(struct oci_rdma, device, &rdma_type);

static const struct json_field resources_fields[] = {
	JSON_FIELD("devices", struct oci_resources, devices, &device_rules_type, 0),
	JSON_FIELD("memory", struct oci_resources, memory, &memory_type, 0),
	JSON_FIELD("cpu", struct oci_resources, cpu, &cpu_type, 0),
	JSON_FIELD("pids", struct oci_resources, pids_limit, &pids_type, 0),
	JSON_FIELD("blockIO", struct oci_resources, block_io, &block_io_type, 0),
	JSON_FIELD("hugepageLimits", struct oci_resources, hugepage_limits, &hugepages_type, 0),
	JSON_FIELD("network", struct oci_resources, network, &network_type, 0),
	JSON_FIELD("rdma", struct oci_resources, rdma, &rdmas_type, 0),
	JSON_FIELD("unified", struct oci_resources, unified, &oci_pairs_type, 0),
};
const struct json_type oci_resources_type = JSON_OBJECT_SET(struct oci_resources, resources_fields);
