/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that speak to registries begin with: the HTTP client, whom it trusts, Ctrl-C. */
#include "bin/berth-image/session.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "image/trust.h"
#include "oci/reference.h"

static volatile sig_atomic_t signal_number;
static int cancel_fd = -1;
static pid_t owner;

static void on_signal(int number)
{
	const uint64_t one = 1;
	int saved = errno;

	/* A process that unpacks has our handler, but not our descriptors. */
	if (getpid() != owner)
		_exit(128 + number);
	signal_number = number;
	if (write(cancel_fd, &one, sizeof(one)) < 0)
		_exit(128 + number);
	errno = saved;
}

/* What was ignored from the start (nohup) stays so. */
static int catch_signals(struct err *e)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	owner = getpid();
	cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel_fd < 0)
		return err_sys(e, -errno, "make an eventfd");
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct sigaction old;

		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &ours, NULL);
	}
	return 0;
}

int session_signal_code(void)
{
	return signal_number ? 128 + signal_number : 0;
}

int session_open(const char *domain, const struct maybe_bool *tls_verify, struct arena *a,
		 struct session *ret, struct err *e)
{
	struct str_slice *list = &ret->settings.insecure;
	int r = catch_signals(e);

	if (r == 0)
		r = trust_load(a, list, e);
	if (r < 0)
		return r;
	if (tls_verify->is_set && !tls_verify->value) {
		list->v = arena_grow(a, list->v, list->n * sizeof(*list->v),
				     (list->n + 1) * sizeof(*list->v));
		list->v[list->n++] = oci_registry_host(domain);
	}
	ret->settings.needs_tls = tls_verify->is_set && tls_verify->value;
	ret->settings.cancel_fd = cancel_fd;
	return http_open(&ret->settings, &ret->http, e);
}

bool has_tag(const char *word)
{
	const char *slash = strrchr(word, '/');

	/* Before the last slash a colon belongs to a port. */
	return strpbrk(slash ? slash : word, ":@") != NULL;
}

void session_close(struct session *s)
{
	if (s->http)
		http_close(TAKE_PTR(s->http));
}
