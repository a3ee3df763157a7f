/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON tables of the runtime specification's objects; only oci/ includes it. */
#ifndef BERTH_OCI_TABLES_H
#define BERTH_OCI_TABLES_H

#include "base/json.h"

extern const struct json_type oci_id_maps_type, oci_pairs_type, oci_process_type,
	oci_resources_type, oci_linux_type, oci_spec_type;

/* The type of an anonymous struct member of struct s: offsets in its table count from it. */
#define OCI_INNER(s, member, table)                                                            \
	{                                                                                      \
		.kind = JSON_KIND_OBJECT, .size = sizeof(((s *)0)->member), .fields = (table), \
		.field_count = sizeof(table) / sizeof((table)[0]),                             \
	}
#define OCI_INNER_FIELD(text, s, outer, inner, kind_type, row_flags)                          \
	{                                                                                     \
		.name = (text), .name_len = sizeof(text) - 1,                                 \
		.offset = offsetof(s, outer.inner) - offsetof(s, outer), .type = (kind_type), \
		.flags = (row_flags),                                                         \
	}

#endif
