/* SPDX-License-Identifier: Apache-2.0 */
/* An image made of a container: its own files as a layer, the way it runs as configuration. */
#include "image/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/event.h"
#include "image/change.h"
#include "image/draft.h"
#include "image/pack.h"
#include "kernel/fd.h"
#include "oci/decode.h"

enum { SPEC_MAX = 16 << 20 };

const char *commit_time(struct arena *a)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return arena_printf(a, "%s.%09ldZ", text, now.tv_nsec);
}

int commit_feed(void *job, const void *data, size_t n, struct err *e)
{
	return layer_feed(job, data, n, e);
}

/* ---- the configuration --------------------------------------------------------------------------- */

static void add_history(struct oci_image_config *c, const struct oci_history *step, struct arena *a)
{
	struct oci_history *v = arena_array(a, c->history.n + 1, sizeof(*v));

	if (c->history.n)
		memcpy(v, c->history.v, c->history.n * sizeof(*v));
	v[c->history.n++] = *step;
	c->history.v = v;
}

int commit_check(const struct commit_request *q, struct arena *a, struct err *e)
{
	struct oci_image_run run = {0};
	struct oci_reference reference = {0};
	int r = 0;

	if (q->reference)
		r = oci_reference_parse(q->reference, a, &reference, e);
	if (r == 0 && q->reference && reference.digest)
		r = err_say(e, -EINVAL, "%s: a new image cannot be named by a digest",
			    q->reference);
	for (size_t i = 0; r == 0 && i < q->changes.n; i++)
		r = change_apply(q->changes.v[i], a, &run, e);
	return r;
}

int commit_save(struct draft *d, struct oci_image_config *c, const struct oci_history *step,
		const struct commit_request *q, const char **ret_id, struct err *e)
{
	struct oci_reference reference = {0};
	struct str_slice names = {.v = &reference.full, .n = 1};
	auto_json_writer struct json_writer w = {0};
	int r = 0;

	if (q->reference)
		r = oci_reference_parse(q->reference, d->a, &reference, e);
	for (size_t i = 0; r == 0 && i < q->changes.n; i++)
		r = change_apply(q->changes.v[i], d->a, &c->config, e);
	if (r < 0)
		return r;
	add_history(c, step, d->a);
	c->created = step->created;
	c->rootfs.type = "layers";
	c->rootfs.diff_ids = d->diff_ids;
	oci_image_config_print(c, &w);
	return draft_save(d, w.buf, w.len, NULL, 0, q->reference ? &names : NULL, ret_id, e);
}

/* Is it in the environment of every container, whatever its image says? */
static bool is_of_containers(const char *word)
{
	return str_starts(word, "HOSTNAME=") || str_starts(word, "TERM=") ||
	       str_starts(word, "HOME=") || str_starts(word, "container=");
}

/* The environment and working folder that the container was given, from its config.json. */
static int take_process(int dir_fd, const struct record *r, const struct container_request *q,
			struct arena *a, struct oci_image_run *run, struct str_slice *ret_targets,
			struct err *e)
{
	struct oci_spec spec = {0};
	size_t n = 0;
	char *text;
	int status = file_read_at(dir_fd, "config.json", a, SPEC_MAX, &text, &n);

	if (status < 0)
		return err_sys(e, status, "read config.json of container %s", r->name);
	status = oci_decode_spec(text, n, a, &spec, e);
	if (status < 0)
		return status;
	for (size_t i = 0; i < spec.process.env.n; i++)
		if (!is_of_containers(spec.process.env.v[i]))
			change_set_env(&run->env, spec.process.env.v[i], a);
	if (q->workdir)
		run->working_dir = q->workdir;
	ret_targets->v = arena_array(a, spec.mounts.n + 1, sizeof(char *));
	for (size_t i = 0; i < spec.mounts.n; i++)
		ret_targets->v[ret_targets->n++] = str_clean_path(a, spec.mounts.v[i].destination);
	return 0;
}

static int take_container(int dir_fd, const struct record *r, struct arena *a,
			  struct oci_image_run *run, struct str_slice *ret_targets, struct err *e)
{
	struct container_request q = {0};
	int status;

	if (r->request && request_decode(r->request, strlen(r->request), a, &q, e) < 0)
		return e ? -e->code : -EINVAL;
	status = take_process(dir_fd, r, &q, a, run, ret_targets, e);
	if (status < 0)
		return status;
	run->entrypoint = r->entrypoint;
	run->cmd = r->command;
	if (q.user)
		run->user = q.user;
	if (q.stop_signal)
		run->stop_signal = q.stop_signal;
	for (size_t i = 0; i < r->labels.n; i++)
		change_set_pair(&run->labels, r->labels.v[i].key, r->labels.v[i].value, a);
	for (size_t i = 0; i < q.expose.n; i++)
		if (!strchr(q.expose.v[i], '-'))
			change_add_word(&run->exposed_ports,
					strchr(q.expose.v[i], '/')
						? q.expose.v[i]
						: arena_printf(a, "%s/tcp", q.expose.v[i]),
					a);
	return 0;
}

/* "sh -c ..." as history shows it. */
static const char *command_line(const struct record *r, struct arena *a)
{
	const char *line = "";

	for (size_t i = 0; i < r->entrypoint.n; i++)
		line = arena_printf(a, "%s%s%s", line, *line ? " " : "", r->entrypoint.v[i]);
	for (size_t i = 0; i < r->command.n; i++)
		line = arena_printf(a, "%s%s%s", line, *line ? " " : "", r->command.v[i]);
	return line;
}

/* ---- the layer ----------------------------------------------------------------------------------- */

static int pack_layer(const struct engine *g, struct draft *d, int upper_fd,
		      const struct str_slice *targets, struct err *e)
{
	const struct oci_descriptor descriptor = {.media_type = OCI_TYPE_LAYER_GZIP, .size = -1};
	const struct pack_options options = {
		.is_layer = true, .is_rootless = g->is_rootless, .targets = *targets};
	auto_sink_gzip struct sink_gzip *gzip = NULL;
	struct layer_job *job = NULL;
	int r = draft_layer_begin(d, &descriptor, NULL, &job, e);

	if (r < 0)
		return r;
	gzip = sink_gzip_open((struct sink){commit_feed, job});
	r = gzip ? pack_folder(upper_fd, &options, &(struct sink){sink_gzip_write, gzip}, NULL, e)
		 : err_sys(e, -ENOMEM, "pack a layer");
	if (r == 0)
		r = sink_gzip_finish(gzip, e);
	if (r < 0) {
		layer_abort(job);
		return r;
	}
	return draft_layer_end(d, job, OCI_TYPE_LAYER_GZIP, e);
}

int commit_container(const struct engine *g, const struct container_info *c,
		     const struct commit_request *q, struct arena *a, const char **ret_id,
		     struct err *e)
{
	const struct record *record = &c->record;
	auto_close int dir = record_open(g, record->id, e), upper = -EBADF;
	auto_draft struct draft d = {.lock = -EBADF};
	struct oci_history step = {.created = commit_time(a),
				   .created_by = command_line(record, a),
				   .author = q->author,
				   .comment = q->message};
	struct str_slice targets = {0};
	struct image image = {0};
	int r;

	if (dir < 0)
		return dir;
	r = commit_check(q, a, e);
	if (r == 0)
		r = draft_open(g, a, &d, e);
	if (r == 0)
		r = image_find(g, record->image_id, a, &image, e);
	if (r == 0)
		r = draft_inherit(&d, &image, e);
	if (r == 0)
		r = take_container(dir, record, a, &image.config.config, &targets, e);
	if (r < 0)
		return r;
	upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0 && errno != ENOENT)
		return err_sys(e, -errno, "open the files of container %s", record->name);
	/* One that never ran has no files of its own. */
	step.empty_layer = upper < 0;
	if (upper >= 0)
		r = pack_layer(g, &d, upper, &targets, e);
	if (q->author)
		image.config.author = q->author;
	if (r == 0)
		r = commit_save(&d, &image.config, &step, q, ret_id, e);
	if (r == 0)
		event_emit(g, "container", "commit", record->id, record->name, NULL);
	return r;
}
