/* SPDX-License-Identifier: Apache-2.0 */
/* berth login: keeps the credentials of a registry, once the registry has taken them. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth-image/commands.h"
#include "bin/berth-image/session.h"
#include "image/registry.h"
#include "kernel/fd.h"
#include "oci/reference.h"

enum { SECRET_MAX = 64 << 10, LINE_MAX_BYTES = 4096 };

struct options {
	const char *username, *password;
	bool is_on_stdin;
	struct maybe_bool tls_verify;
};

static const struct opt options[] = {
	{"username", 'u', OPT_STRING, offsetof(struct options, username), "NAME", "who", false},
	{"password", 'p', OPT_STRING, offsetof(struct options, password), "SECRET",
	 "password or token; others see it in the list of processes", false},
	{"password-stdin", 0, OPT_FLAG, offsetof(struct options, is_on_stdin), NULL,
	 "take it from standard input", false},
	{"tls-verify", 0, OPT_MAYBE, offsetof(struct options, tls_verify), NULL, TLS_VERIFY_HELP,
	 false},
	{0},
};

/* ---- asking --------------------------------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number; /* only so that read(2) ends and the echo comes back */
}

static ssize_t read_line(char *line, size_t size)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction ours = {.sa_handler = on_signal};
	struct sigaction old[ARRAY_LEN(numbers)];
	ssize_t n;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		sigaction(numbers[i], &ours, &old[i]);
	n = read(STDIN_FILENO, line, size);
	n = n < 0 ? -errno : n;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		sigaction(numbers[i], &old[i], NULL);
	return n;
}

/* One line from the terminal, without echo if it is a secret. */
static int ask(const char *question, bool is_secret, struct arena *a, const char **ret,
	       struct err *e)
{
	struct termios old, quiet;
	char line[LINE_MAX_BYTES];
	bool is_quiet = false;
	ssize_t n;

	if (!isatty(STDIN_FILENO))
		return err_say(e, -ENOTTY,
			       "cannot ask for the %s: standard input is no terminal (use -u and "
			       "--password-stdin)",
			       is_secret ? "password" : "name");
	dprintf(STDERR_FILENO, "%s: ", question);
	if (is_secret && tcgetattr(STDIN_FILENO, &old) == 0) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		is_quiet = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
	}
	n = read_line(line, sizeof(line) - 1);
	if (is_quiet) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		dprintf(STDERR_FILENO, "\n");
	}
	if (n <= 0)
		return err_say(e, n < 0 ? (int)n : -ENODATA, "nothing was entered");
	line[n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (!*line)
		return err_say(e, -EINVAL, "%s required", is_secret ? "password" : "username");
	*ret = arena_strdup(a, line);
	return 0;
}

static int read_secret(struct arena *a, const char **ret, struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	int r = fd_read_all(STDIN_FILENO, a, SECRET_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, r, "read the password from standard input");
	/* The line's end is echo's, not the password's. */
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = '\0';
	if (!n)
		return err_say(e, -EINVAL, "password is empty");
	*ret = text;
	return 0;
}

static int get_credentials(const struct options *o, struct arena *a, struct auth_credentials *ret,
			   struct err *e)
{
	struct auth_credentials c = {.username = o->username, .password = o->password};
	int r = 0;

	if (o->is_on_stdin && o->password)
		return err_say(e, -EINVAL,
			       "--password and --password-stdin are mutually exclusive");
	if (o->is_on_stdin && !o->username)
		return err_say(e, -EINVAL, "must provide --username with --password-stdin");
	if (o->password)
		dprintf(STDERR_FILENO, "WARNING! Using --password via the CLI is insecure. Use "
				       "--password-stdin.\n");
	if (o->is_on_stdin)
		r = read_secret(a, &c.password, e);
	if (r == 0 && (!c.username || !*c.username))
		r = ask("Username", false, a, &c.username, e);
	if (r == 0 && (!c.password || !*c.password))
		r = ask("Password", true, a, &c.password, e);
	if (r == 0)
		*ret = c;
	return r;
}

/* ---- login ---------------------------------------------------------------------------------------- */

static int check(struct session *s, const char *domain, const struct auth_credentials *c,
		 struct arena *a, struct err *e)
{
	struct registry registry;
	bool was_challenged = false;
	int r = registry_open(s->http, domain, NULL, false, a, &registry, e);

	if (r < 0)
		return r;
	registry.auth.credentials = *c;
	registry.auth.is_looked_up = true;
	r = registry_ping(&registry, &was_challenged, e);
	if (r == 0 && !was_challenged)
		dprintf(STDERR_FILENO,
			"registry %s asks for no credentials: they are kept "
			"unchecked\n",
			domain);
	return r;
}

static int login_main(const struct invocation *in, int *ret_code, struct err *e)
{
	static const char done[] = "Login Succeeded\n";
	const struct options *o = in->values;
	const char *domain = oci_registry_domain(in->words.n ? in->words.v[0] : NULL, in->arena);
	auto_session struct session session = {0};
	struct auth_credentials c;
	const char *where = NULL;
	bool is_plain = false;
	int r = get_credentials(o, in->arena, &c, e);

	if (r == -EINTR) {
		*ret_code = 128 + SIGINT;
		return 0;
	}
	if (r == 0)
		r = session_open(domain, &o->tls_verify, in->arena, &session, e);
	if (r == 0)
		r = check(&session, domain, &c, in->arena, e);
	*ret_code = session_signal_code();
	if (r < 0)
		return *ret_code ? 0 : r;
	r = auth_store(domain, &c, in->arena, &where, &is_plain, e);
	if (r < 0)
		return r;
	if (is_plain)
		dprintf(STDERR_FILENO, "WARNING! Your password will be stored unencrypted in %s.\n",
			where);
	return print_text(done, sizeof(done) - 1, e);
}

static const char details[] =
	"The registry is asked whether it takes them. They are kept in Docker's config.json "
	"($DOCKER_CONFIG, ~/.docker), or by the credential helper that it names (credsStore, "
	"credHelpers).";

const struct command cmd_login = {
	.name = "login",
	.usage = "[REGISTRY]",
	.help = "Log in to a registry",
	.details = details,
	.group = "images",
	.options = options,
	.values_size = sizeof(struct options),
	.words_max = 1,
	.needs_no_engine = true,
	.main = login_main,
};
