/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that speak to registries begin with: the HTTP client, whom it trusts, Ctrl-C. */
#ifndef BERTH_BIN_BERTH_IMAGE_SESSION_H
#define BERTH_BIN_BERTH_IMAGE_SESSION_H

#include <stdbool.h>

#include "base/slice.h"
#include "image/http.h"

struct arena;
struct err;

struct session {
	struct http_settings settings;
	struct http *http;
};

/* domain: the registry that tls_verify (--tls-verify=false) is about. From now on SIGINT, SIGTERM and SIGHUP
 * cancel what waits. Returns 0 or -errno. */
int session_open(const char *domain, const struct maybe_bool *tls_verify, struct arena *a,
		 struct session *ret, struct err *e);
void session_close(struct session *s);
#define auto_session __attribute__((cleanup(session_close)))

/* Does a reference as it was typed name a tag or a digest? */
bool has_tag(const char *word);

/* The exit code of a command that a signal ended (128 and its number), or 0. */
int session_signal_code(void);

#define TLS_VERIFY_HELP "false: this registry may do without TLS, or with an unknown certificate"

#endif
