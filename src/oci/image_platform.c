/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms: this machine's, one that a person names, and the best entry of an index. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "oci/image.h"

/* uname(2)'s words and the specification's (Go's GOARCH; variants as in image-index.md). */
static const struct {
	const char *machine, *architecture, *variant;
} machines[] = {
	{"x86_64", "amd64", NULL},    {"i386", "386", NULL},
	{"i486", "386", NULL},        {"i586", "386", NULL},
	{"i686", "386", NULL},        {"aarch64", "arm64", "v8"},
	{"armv8l", "arm", "v8"},      {"armv7l", "arm", "v7"},
	{"armv6l", "arm", "v6"},      {"armv5tel", "arm", "v5"},
	{"ppc64le", "ppc64le", NULL}, {"s390x", "s390x", NULL},
	{"riscv64", "riscv64", NULL}, {"mips64", "mips64le", NULL},
	{"mips", "mipsle", NULL},     {"loongarch64", "loong64", NULL},
};

/* What people write for them. */
static const struct {
	const char *word, *architecture, *variant;
} aliases[] = {
	{"x86_64", "amd64", NULL},  {"x86-64", "amd64", NULL}, {"i386", "386", NULL},
	{"aarch64", "arm64", NULL}, {"armhf", "arm", "v7"},    {"armel", "arm", "v6"},
};

struct oci_platform oci_platform_own(void)
{
	struct oci_platform p = {.is_set = true, .os = "linux", .architecture = "unknown"};
	struct utsname name;

	if (uname(&name) < 0)
		return p;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (str_eq(machines[i].machine, name.machine)) {
			p.architecture = machines[i].architecture;
			p.variant = machines[i].variant;
		}
	return p;
}

/* The variant that an architecture has where none is written. */
static const char *usual_variant(const char *architecture, const char *variant)
{
	if (variant && *variant)
		return variant;
	if (str_eq(architecture, "arm64"))
		return "v8";
	return str_eq(architecture, "arm") ? "v7" : NULL;
}

static bool is_part(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "_.-")] == '\0';
}

int oci_platform_parse(const char *text, struct arena *a, struct oci_platform *ret, struct err *e)
{
	struct oci_platform p = {.is_set = true, .os = "linux"};
	char *rest = arena_strdup(a, text), *part[4] = {NULL};
	bool is_good = true;
	size_t n = 0;

	while (rest && n < ARRAY_LEN(part)) {
		part[n] = strsep(&rest, "/");
		is_good &= is_part(part[n++]);
	}
	if (!is_good || n > 3)
		return err_say(
			e, -EINVAL,
			"platform \"%.100s\": want OS/ARCHITECTURE[/VARIANT], as linux/arm64/v8",
			text);
	if (n == 1 && str_eq(part[0], "linux"))
		p.architecture = oci_platform_own().architecture;
	else if (n == 1)
		p.architecture = part[0];
	else {
		p.os = part[0];
		p.architecture = part[1];
		p.variant = part[2];
	}
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (str_eq(aliases[i].word, p.architecture)) {
			p.architecture = aliases[i].architecture;
			if (!p.variant)
				p.variant = aliases[i].variant;
		}
	*ret = p;
	return 0;
}

/* "v7" -> 7; 0: none or another word. */
static unsigned variant_level(const char *variant)
{
	uint32_t level = 0;

	if (!variant || variant[0] != 'v' || str_to_u32(variant + 1, &level) < 0 || level > 1000)
		return 0;
	return level;
}

/* How well an entry serves: 0 not at all; exact before older variants (the newest of them) before others. */
static unsigned score(const struct oci_descriptor *d, const struct oci_platform *wanted)
{
	const char *have, *want;

	if (!d->platform.is_set || !str_eq(d->platform.os, wanted->os) ||
	    !str_eq(d->platform.architecture, wanted->architecture))
		return 0;
	have = usual_variant(d->platform.architecture, d->platform.variant);
	want = usual_variant(wanted->architecture, wanted->variant);
	if (str_eq(have, want))
		return 10000;
	if (variant_level(have) <= variant_level(want))
		return 5000 + variant_level(have);
	return 2000 - variant_level(have);
}

int oci_platform_choose(const struct oci_descriptor_list *list, const struct oci_platform *wanted)
{
	unsigned best = 0;
	int found = -1;

	for (size_t i = 0; i < list->n; i++) {
		unsigned s = score(&list->v[i], wanted);

		if (s > best) {
			best = s;
			found = (int)i;
		}
	}
	return found;
}
