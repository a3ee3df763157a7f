/* SPDX-License-Identifier: Apache-2.0 */
/* From JSON text to the structs of oci/spec.h, and the checks that need no kernel. */
#ifndef BERTH_OCI_DECODE_H
#define BERTH_OCI_DECODE_H

#include <stddef.h>

#include "oci/spec.h"

/* Decodes config.json. Unknown properties are ignored; wrong types, missing required properties and
 * out-of-range numbers are errors that name the JSON path ("config.json: process.args[1]: ...").
 * text need not be NUL-terminated; it is not kept. Returns 0, -EINVAL. */
int oci_decode_spec(const char *text, size_t n, struct arena *a, struct oci_spec *ret,
		    struct err *e);

/* Decodes a process object by itself (exec --process). */
int oci_decode_process(const char *text, size_t n, struct arena *a, struct oci_process *ret,
		       struct err *e);

/* Decodes a resources object by itself (update --resources). */
int oci_decode_resources(const char *text, size_t n, struct arena *a, struct oci_resources *ret,
			 struct err *e);

/* Checks values that need no kernel: versions, absolute paths, enumerations, duplicates (rlimits,
 * namespaces), ranges, options that need a namespace which is not there, non-empty keys, hooks with
 * relative paths, ... Everything the specification calls an error and that the plan of one module
 * does not already find. Returns 0, -EINVAL. */
int oci_check_spec(const struct oci_spec *spec, struct err *e);

/* The same for one process (exec). */
int oci_check_process(const struct oci_process *process, struct err *e);

#endif
