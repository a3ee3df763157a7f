/* SPDX-License-Identifier: Apache-2.0 */
/* berth push: an image into a registry. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "bin/berth-image/commands.h"
#include "bin/berth-image/session.h"
#include "image/push.h"

struct options {
	bool is_all, is_quiet;
	struct maybe_bool tls_verify;
};

static const struct opt options[] = {
	{"all-tags", 'a', OPT_FLAG, offsetof(struct options, is_all), NULL,
	 "every tag that the repository has here", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, is_quiet), NULL,
	 "nothing but the name of the image", false},
	{"tls-verify", 0, OPT_MAYBE, offsetof(struct options, tls_verify), NULL, TLS_VERIFY_HELP,
	 false},
	{0},
};

static int push_one(const struct push *p, const struct oci_reference *ref, bool is_quiet,
		    struct err *e)
{
	struct push_result result = {0};
	const char *line;
	int r;

	progress_line(p->progress, "The push refers to repository [%s/%s]", ref->domain,
		      ref->repository);
	r = push_image(p, ref, &result, e);
	if (r < 0)
		return r;
	progress_line(p->progress, "%s: digest: %s size: %zu", ref->tag, result.digest,
		      result.size);
	if (!is_quiet)
		return 0;
	line = arena_printf(p->arena, "%s\n", ref->full);
	return print_text(line, strlen(line), e);
}

/* Every name of the repository that the store knows. */
static int push_all(const struct push *p, const struct oci_reference *ref, bool is_quiet,
		    struct err *e)
{
	struct image *images = NULL;
	size_t n = 0, pushed = 0;
	int r = image_list(p->g, p->arena, &images, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t k = 0; r == 0 && k < images[i].references.n; k++) {
			struct oci_reference one;

			r = oci_reference_parse(images[i].references.v[k], p->arena, &one, e);
			if (r < 0 || !str_eq(one.domain, ref->domain) ||
			    !str_eq(one.repository, ref->repository))
				continue;
			r = push_one(p, &one, is_quiet, e);
			pushed++;
		}
	if (r == 0 && !pushed)
		return err_say(e, -ENOENT, "no such image: %s/%s", ref->domain, ref->repository);
	return r;
}

static int push_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	auto_progress struct progress *progress = progress_open(STDOUT_FILENO, o->is_quiet);
	auto_session struct session session = {0};
	struct oci_reference ref;
	struct push push;
	int r = oci_reference_parse(in->words.v[0], in->arena, &ref, e);

	if (r < 0)
		return r;
	if (o->is_all && has_tag(in->words.v[0]))
		return err_say(e, -EINVAL, "tag can't be used with --all-tags/-a");
	r = session_open(ref.domain, &o->tls_verify, in->arena, &session, e);
	if (r < 0)
		return r;
	push = (struct push){&in->engine, session.http, in->arena, progress};
	r = o->is_all ? push_all(&push, &ref, o->is_quiet, e)
		      : push_one(&push, &ref, o->is_quiet, e);
	*ret_code = session_signal_code();
	return *ret_code ? 0 : r;
}

static const char details[] =
	"The name says where to: HOST[:PORT]/REPOSITORY:TAG (see `berth tag`). Layers go as they "
	"came, "
	"so digests stay; those that the registry has, here or in another repository, are not "
	"sent. "
	"See `berth pull` for credentials, registries without TLS, and proxies.";

#define PUSH(words, hidden)                                                                    \
	{                                                                                      \
		.name = (words), .usage = "NAME[:TAG]", .help = "Send an image to a registry", \
		.details = details, .group = "images", .options = options,                     \
		.values_size = sizeof(struct options), .words_min = 1, .words_max = 1,         \
		.is_hidden = (hidden), .enters = true, .main = push_main,                      \
	}

const struct command cmd_push = PUSH("push", false);
const struct command cmd_image_push = PUSH("image push", true);
