/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to an image's configuration as Dockerfile instructions: commit -c, import -c. */
#ifndef BERTH_IMAGE_CHANGE_H
#define BERTH_IMAGE_CHANGE_H

#include "oci/image.h"

/* Applies one: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR, followed by a
 * blank or "=" and its arguments (Dockerfile reference: JSON form, shell form, quotes). Lists of *run
 * are replaced, never changed in place. Returns 0 or -EINVAL with a line that names the instruction. */
int change_apply(const char *instruction, struct arena *a, struct oci_image_run *run,
		 struct err *e);

/* Sets NAME=VALUE in an environment (the list is replaced); a key in pairs; adds a word that is not there. */
void change_set_env(struct str_slice *env, const char *word, struct arena *a);
void change_set_pair(struct oci_pairs *pairs, const char *key, const char *value, struct arena *a);
void change_add_word(struct str_slice *words, const char *word, struct arena *a);

#endif
