/* SPDX-License-Identifier: Apache-2.0 */
/* From the structs of oci/spec.h back to JSON: decoding what is printed gives the same value. */
#ifndef BERTH_OCI_ENCODE_H
#define BERTH_OCI_ENCODE_H

#include "oci/spec.h"

struct json_writer;

/* Each writes one JSON object, as config.json names its properties; what is absent is left out. */
void oci_spec_print(const struct oci_spec *spec, struct json_writer *w);
void oci_process_print(const struct oci_process *process, struct json_writer *w);
void oci_resources_print(const struct oci_resources *resources, struct json_writer *w);

#endif
