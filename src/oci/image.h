/* SPDX-License-Identifier: Apache-2.0 */
/* Image manifests, indexes and configurations (OCI image-spec 1.1, Docker schema 2): pure data. */
#ifndef BERTH_OCI_IMAGE_H
#define BERTH_OCI_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"

struct json_writer;

struct oci_platform {
	bool is_set;
	const char *architecture, *os, *os_version, *variant;
};

struct oci_descriptor {
	const char *media_type, *digest;
	int64_t size; /* bytes */
	struct oci_pairs annotations;
	struct oci_platform platform;
};

struct oci_descriptor_list {
	struct oci_descriptor *v;
	size_t n;
};

/* A manifest or an index: which one it is tells is_index. */
struct oci_manifest {
	int64_t schema_version;
	const char *media_type;
	bool is_index;
	struct oci_descriptor config;         /* manifest */
	struct oci_descriptor_list layers;    /* manifest; base first */
	struct oci_descriptor_list manifests; /* index */
	struct oci_pairs annotations;
};

struct oci_health {
	bool is_set;
	struct str_slice test; /* {"NONE"}, {"CMD", args...}, {"CMD-SHELL", command} */
	int64_t interval, timeout, start_period, start_interval; /* nanoseconds; 0: default */
	int64_t retries;
};

/* The "config" object: what a container inherits. */
struct oci_image_run {
	const char *user, *working_dir, *stop_signal, *hostname;
	struct str_slice env, entrypoint, cmd, shell, on_build;
	struct str_slice exposed_ports, volumes; /* the keys of their objects */
	struct oci_pairs labels;
	struct oci_health health;
	bool args_escaped;
};

struct oci_history {
	const char *created, *created_by, *author, *comment;
	bool empty_layer;
};

struct oci_image_config {
	const char *created, *author, *architecture, *os, *os_version, *variant;
	struct oci_image_run config;
	struct {
		const char *type;          /* "layers" */
		struct str_slice diff_ids; /* base first */
	} rootfs;
	struct {
		struct oci_history *v;
		size_t n;
	} history;
};

/* Decode untrusted documents. Errors name the JSON path. A document that could be read both as a
 * manifest and as an index (CVE-2021-41190), a digest that is none, a negative size, more than 1024
 * layers: refused. document names the text in errors. Return 0 or -EINVAL. */
int oci_decode_manifest(const char *text, size_t n, const char *document, struct arena *a,
			struct oci_manifest *ret, struct err *e);
int oci_decode_image_config(const char *text, size_t n, const char *document, struct arena *a,
			    struct oci_image_config *ret, struct err *e);

/* Write them, so that decoding gives the same value. */
void oci_manifest_print(const struct oci_manifest *m, struct json_writer *w);
void oci_image_config_print(const struct oci_image_config *c, struct json_writer *w);

/* The platform of this machine in the specification's words ("amd64", "arm64" + variant "v8"), from
 * the names of uname(2). */
struct oci_platform oci_platform_own(void);
/* "linux/arm64/v8" or "arm64"; Returns 0 or -EINVAL. */
int oci_platform_parse(const char *text, struct arena *a, struct oci_platform *ret, struct err *e);
/* The index's entry for a platform: exact variant first, then the same architecture; -1: none.
 * Entries of unknown platform ("unknown/unknown": attestations) never match. */
int oci_platform_choose(const struct oci_descriptor_list *list, const struct oci_platform *wanted);

/* The chain ids of a list of diff ids (image-spec config.md "Layer ChainID"): ret[i] in the arena. */
void oci_chain_ids(const struct str_slice *diff_ids, struct arena *a, struct str_slice *ret);

#define OCI_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_TYPE_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_TYPE_LAYER "application/vnd.oci.image.layer.v1.tar"
#define OCI_TYPE_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_TYPE_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define DOCKER_TYPE_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_TYPE_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_TYPE_CONFIG "application/vnd.docker.container.image.v1+json"
#define DOCKER_TYPE_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_TYPE_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

#endif
