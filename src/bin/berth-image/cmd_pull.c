/* SPDX-License-Identifier: Apache-2.0 */
/* berth pull: an image from a registry. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "bin/berth-image/commands.h"
#include "bin/berth-image/session.h"
#include "image/pull.h"

struct options {
	bool is_all, is_quiet;
	const char *platform;
	struct maybe_bool tls_verify;
};

static const struct opt options[] = {
	{"all-tags", 'a', OPT_FLAG, offsetof(struct options, is_all), NULL,
	 "every tag of the repository", false},
	{"platform", 0, OPT_STRING, offsetof(struct options, platform), "OS/ARCH[/VARIANT]",
	 "not this machine's, but that of linux/arm64/v8 and the like", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, is_quiet), NULL,
	 "nothing but the name of the image", false},
	{"tls-verify", 0, OPT_MAYBE, offsetof(struct options, tls_verify), NULL, TLS_VERIFY_HELP,
	 false},
	{0},
};

struct report {
	struct arena *arena;
	struct progress *progress;
};

/* The last lines, which scripts read. */
static int tell(void *owner, const struct oci_reference *ref, const struct pull_result *result,
		struct err *e)
{
	const struct report *report = owner;
	const char *line = arena_printf(report->arena, "%s\n", ref->full);

	progress_line(report->progress, "Digest: %s", result->digest);
	progress_line(report->progress, "Status: %s %s",
		      result->is_new ? "Downloaded newer image for" : "Image is up to date for",
		      ref->familiar);
	return print_text(line, strlen(line), e);
}

static int pull_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	auto_progress struct progress *progress = progress_open(STDOUT_FILENO, o->is_quiet);
	struct report report = {in->arena, progress};
	auto_session struct session session = {0};
	struct pull_result result = {0};
	struct oci_reference ref;
	struct pull pull;
	int r = oci_reference_parse(in->words.v[0], in->arena, &ref, e);

	if (r < 0)
		return r;
	if (o->is_all && has_tag(in->words.v[0]))
		return err_say(e, -EINVAL, "tag can't be used with --all-tags/-a");
	r = session_open(ref.domain, &o->tls_verify, in->arena, &session, e);
	if (r < 0)
		return r;
	pull = (struct pull){&in->engine, session.http, in->arena, progress, o->platform};
	if (o->is_all) {
		r = pull_all(&pull, &ref, tell, &report, e);
	} else {
		if (!has_tag(in->words.v[0]))
			progress_line(progress, "Using default tag: %s", ref.tag);
		r = pull_image(&pull, &ref, &result, e);
		if (r == 0)
			r = tell(&report, &ref, &result, e);
	}
	*ret_code = session_signal_code();
	return *ret_code ? 0 : r;
}

static const char details[] =
	"Credentials come from Docker's config.json ($DOCKER_CONFIG, ~/.docker), its credential "
	"helpers, or containers' auth.json. Plain http is spoken to loopback only, and to "
	"registries "
	"with a line \"insecure HOST[:PORT]\" in /etc/berth/registries.conf or "
	"~/.config/berth/registries.conf. An authority of your own is "
	"/etc/berth/certs.d/HOST[:PORT]/ca.crt. Proxies come from https_proxy, http_proxy and "
	"no_proxy. BERTH_REGISTRY_TIMEOUT is how many seconds a connection may stand still (60).";

#define PULL(words, hidden)                                                                    \
	{                                                                                      \
		.name = (words), .usage = "NAME[:TAG|@DIGEST]",                                \
		.help = "Get an image from a registry", .details = details, .group = "images", \
		.options = options, .values_size = sizeof(struct options), .words_min = 1,     \
		.words_max = 1, .is_hidden = (hidden), .enters = true, .main = pull_main,      \
	}

const struct command cmd_pull = PULL("pull", false);
const struct command cmd_image_pull = PULL("image pull", true);
