/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON tables of an image's configuration, for files that hold one inside. */
#ifndef BERTH_OCI_IMAGE_TABLES_H
#define BERTH_OCI_IMAGE_TABLES_H

#include "base/json.h"

/* struct oci_image_config, struct oci_image_run */
extern const struct json_type oci_image_config_type, oci_image_run_type;

#endif
