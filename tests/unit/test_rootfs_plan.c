/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs/plan: the option table, a whole plan against its golden text, and every error. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "kernel/mount.h"
#include "rootfs/options.h"
#include "rootfs/rootfs.h"

enum { OPTIONS_MAX = 16, MOUNTS_MAX = 16 };

static struct arena arena;
static struct oci_spec spec;
static struct rootfs_facts facts;
static struct rootfs_plan plan;
static struct err error;
static struct oci_mount mounts[MOUNTS_MAX];

static int set_up(void **state)
{
	(void)state;
	memset(&spec, 0, sizeof(spec));
	memset(mounts, 0, sizeof(mounts));
	spec.root.path = "rootfs";
	spec.mounts.v = mounts;
	facts = (struct rootfs_facts){
		.bundle = "/bundle",
		.has_net_ns = true,
		.has_pid_ns = true,
		.has_cgroup_ns = true,
		.has_mount_ns = true,
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* options: words separated by blanks, commas stay inside a word */
static struct oci_mount *add(const char *destination, const char *type, const char *source,
			     const char *options)
{
	struct oci_mount *m = &mounts[spec.mounts.n++];
	char *save = NULL;

	m->destination = destination;
	m->type = type;
	m->source = source;
	m->options.v = arena_array(&arena, OPTIONS_MAX, sizeof(char *));
	for (char *o = strtok_r(arena_strdup(&arena, options), " ", &save); o;
	     o = strtok_r(NULL, " ", &save))
		m->options.v[m->options.n++] = o;
	return m;
}

static int make(void)
{
	error.code = 0;
	return rootfs_plan_make(&spec, &facts, &arena, &plan, &error);
}

static const struct rootfs_mount *make_one(const char *destination, const char *type,
					   const char *source, const char *options)
{
	spec.mounts.n = 0;
	memset(mounts, 0, sizeof(mounts));
	add(destination, type, source, options);
	if (make() < 0)
		fail_msg("%s: %s", options, error.text);
	assert_int_equal(plan.mounts.n, 1);
	return &plan.mounts.v[0];
}

static void expect_error(const char *part)
{
	int r = make();

	assert_true(r < 0);
	assert_int_equal(r, -error.code);
	if (!strstr(error.text, part))
		fail_msg("\"%s\" does not say \"%s\"", error.text, part);
}

/* ---- options ----------------------------------------------------------------------------------- */

static void test_flags(void **state)
{
	static const struct {
		const char *options;
		uint64_t set, clear, rset, rclear;
		unsigned super;
	} row[] = {
		{"defaults", 0, 0, 0, 0, 0},
		{"ro", MOUNT_ATTR_RDONLY, 0, 0, 0, MS_RDONLY},
		{"rw", 0, MOUNT_ATTR_RDONLY, 0, 0, 0},
		{"ro rw", 0, MOUNT_ATTR_RDONLY, 0, 0, 0},
		{"rw ro", MOUNT_ATTR_RDONLY, 0, 0, 0, MS_RDONLY},
		{"nosuid nodev noexec", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
		 0, 0, 0},
		{"nosuid suid dev exec", 0,
		 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, 0, 0},
		{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, 0, 0},
		{"noatime strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, 0, 0},
		{"noatime atime", 0, MOUNT_ATTR__ATIME, 0, 0, 0},
		{"strictatime nostrictatime", 0, MOUNT_ATTR__ATIME, 0, 0, 0},
		{"relatime", 0, MOUNT_ATTR__ATIME, 0, 0, 0},
		{"norelatime", 0, MOUNT_ATTR__ATIME, 0, 0, 0},
		{"nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, 0, 0},
		{"diratime", 0, MOUNT_ATTR_NODIRATIME, 0, 0, 0},
		{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0, 0},
		{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0},
		{"rro", 0, 0, MOUNT_ATTR_RDONLY, 0, 0},
		{"rro rrw", 0, 0, 0, MOUNT_ATTR_RDONLY, 0},
		{"rnosuid rnodev rnoexec rnosymfollow rnodiratime", 0, 0,
		 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW |
			 MOUNT_ATTR_NODIRATIME,
		 0, 0},
		{"rsuid rdev rexec rsymfollow rdiratime", 0, 0, 0,
		 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW |
			 MOUNT_ATTR_NODIRATIME,
		 0},
		{"rnoatime", 0, 0, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0},
		{"rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0},
		{"rnoatime ratime", 0, 0, 0, MOUNT_ATTR__ATIME, 0},
		{"rrelatime", 0, 0, 0, MOUNT_ATTR__ATIME, 0},
		{"rnorelatime", 0, 0, 0, MOUNT_ATTR__ATIME, 0},
		{"rnostrictatime", 0, 0, 0, MOUNT_ATTR__ATIME, 0},
		{"sync dirsync mand lazytime iversion silent acl", 0, 0, 0, 0,
		 MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME | MS_I_VERSION |
			 MS_SILENT | MS_POSIXACL},
		{"sync mand lazytime iversion silent acl async nomand nolazytime noiversion loud "
		 "noacl",
		 0, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const struct rootfs_mount *m = make_one("/data", "ext4", "/disk", row[i].options);

		if (m->attr_set != row[i].set || m->attr_clear != row[i].clear ||
		    m->rattr_set != row[i].rset || m->rattr_clear != row[i].rclear ||
		    m->sb_flags != row[i].super || m->data)
			fail_msg("%s: set %lx clear %lx rset %lx rclear %lx super %x data %s",
				 row[i].options, (long)m->attr_set, (long)m->attr_clear,
				 (long)m->rattr_set, (long)m->rattr_clear, m->sb_flags,
				 m->data ? m->data : "none");
	}
}

static void test_propagation(void **state)
{
	static const struct {
		const char *option;
		uint64_t flag;
		bool is_recursive;
	} row[] = {
		{"private", MS_PRIVATE, false},       {"rprivate", MS_PRIVATE, true},
		{"shared", MS_SHARED, false},         {"rshared", MS_SHARED, true},
		{"slave", MS_SLAVE, false},           {"rslave", MS_SLAVE, true},
		{"unbindable", MS_UNBINDABLE, false}, {"runbindable", MS_UNBINDABLE, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const struct rootfs_mount *m = make_one("/data", "ext4", "/disk", row[i].option);

		assert_int_equal(m->propagation, row[i].flag);
		assert_int_equal(m->is_propagation_recursive, row[i].is_recursive);
		spec.linux_.rootfs_propagation = row[i].option;
		assert_int_equal(make(), 0);
		assert_int_equal(plan.propagation,
				 row[i].flag | (row[i].is_recursive ? MS_REC : 0));
		spec.linux_.rootfs_propagation = NULL;
	}
	spec.linux_.rootfs_propagation = "ro";
	expect_error("rootfsPropagation \"ro\"");
}

/* Every option that config.md names as a MUST, SHOULD or MAY is in the table. */
static void test_checklist(void **state)
{
	static const char *const name[] = {
		"async",
		"atime",
		"bind",
		"defaults",
		"dev",
		"diratime",
		"dirsync",
		"exec",
		"iversion",
		"lazytime",
		"loud",
		"noatime",
		"nodev",
		"nodiratime",
		"noexec",
		"noiversion",
		"nolazytime",
		"norelatime",
		"nostrictatime",
		"nosuid",
		"private",
		"rbind",
		"relatime",
		"remount",
		"ro",
		"rprivate",
		"rshared",
		"rslave",
		"runbindable",
		"rw",
		"shared",
		"silent",
		"slave",
		"strictatime",
		"suid",
		"sync",
		"unbindable",
		"nosymfollow",
		"symfollow",
		"ratime",
		"rdev",
		"rdiratime",
		"rexec",
		"rnoatime",
		"rnodev",
		"rnodiratime",
		"rnoexec",
		"rnorelatime",
		"rnostrictatime",
		"rnosuid",
		"rnosymfollow",
		"rrelatime",
		"rro",
		"rrw",
		"rstrictatime",
		"rsuid",
		"rsymfollow",
		"idmap",
		"ridmap",
		"mand",
		"nomand",
		"tmpcopyup",
	};
	struct rootfs_mount m = {0};
	enum mount_word word;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(name); i++)
		if (!mount_option_apply(name[i], &m, &word))
			fail_msg("%s is not in the table", name[i]);
	assert_false(mount_option_apply("size=1m", &m, &word));
	assert_false(mount_option_apply("rdonly", &m, &word));
	while (rootfs_mount_option(n))
		n++;
	assert_true(n >= ARRAY_LEN(name));
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			assert_string_not_equal(rootfs_mount_option(i), rootfs_mount_option(j));
}

/* ---- kinds ------------------------------------------------------------------------------------- */

static void test_kinds(void **state)
{
	const struct rootfs_mount *m;

	(void)state;
	m = make_one("data//x/../y", "bind", "src/./dir", "ro");
	assert_int_equal(m->kind, ROOTFS_BIND);
	assert_string_equal(m->destination, "/data/y");
	assert_string_equal(m->source, "/bundle/src/dir");
	assert_false(m->is_recursive);
	assert_int_equal(m->sb_flags, 0);
	m = make_one("/../../etc", NULL, "/abs", "rbind");
	assert_int_equal(m->kind, ROOTFS_BIND);
	assert_string_equal(m->destination, "/etc");
	assert_true(m->is_recursive);
	m = make_one("/d", "tmpfs", "tmpfs", "size=1m foo,bar uid=7 tmpcopyup");
	assert_int_equal(m->kind, ROOTFS_NEW);
	assert_string_equal(m->data, "size=1m,foo,bar,uid=7");
	assert_true(m->copies_up);
	m = make_one("/d", "none", "none", "remount ro");
	assert_int_equal(m->kind, ROOTFS_REMOUNT);
	m = make_one("/sys", "sysfs", "sysfs", "ro");
	assert_int_equal(m->kind, ROOTFS_NEW);
	assert_int_equal(m->sb_flags, 0); /* the super block may be somebody else's as well */
	facts.has_user_ns = true;
	facts.has_net_ns = false;
	m = make_one("/sys", "sysfs", "sysfs", "nosuid");
	assert_int_equal(m->kind, ROOTFS_BIND);
	assert_string_equal(m->source, "/sys");
	assert_true(m->is_recursive);
	assert_int_equal(m->rattr_set, MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY);
}

static void test_cgroup(void **state)
{
	struct rootfs_cgroup_view v1[] = {
		{false, "memory", "/sys/fs/cgroup/memory/x", "/sys/fs/cgroup/memory"},
		{true, "unified", "/sys/fs/cgroup/unified/x", "/sys/fs/cgroup/unified"},
	};
	struct rootfs_cgroup_view v2 = {true, "", "/sys/fs/cgroup/x", "/sys/fs/cgroup"};
	const struct rootfs_mount *m;

	(void)state;
	facts.cgroup = v1;
	facts.n_cgroup = 2;
	m = make_one("/sys/fs/cgroup", "cgroup", "cgroup", "ro");
	assert_int_equal(m->kind, ROOTFS_CGROUP_V1);
	facts.cgroup = &v2;
	facts.n_cgroup = 1;
	m = make_one("/sys/fs/cgroup", "cgroup", "cgroup", "rw");
	assert_int_equal(m->kind, ROOTFS_NEW);
	assert_string_equal(m->type, "cgroup2");
	facts.has_cgroup_ns = false;
	m = make_one("/sys/fs/cgroup", "cgroup", "cgroup", "rw");
	assert_int_equal(m->kind, ROOTFS_BIND);
	assert_string_equal(m->source, "/sys/fs/cgroup/x");
	assert_int_equal(m->rattr_set, MOUNT_ATTR_RDONLY); /* CVE-2023-25809 */
	assert_int_equal(m->attr_clear, 0);
}

static void test_idmap(void **state)
{
	struct oci_id_map map = {0, 100000, 65536};
	const struct rootfs_mount *m;

	(void)state;
	facts.has_user_ns = true;
	m = make_one("/d", "bind", "/s", "bind ridmap");
	assert_true(m->is_idmap && m->is_idmap_recursive);
	facts.has_user_ns = false;
	expect_error("idmap needs");
	mounts[0].uid_mappings = (struct oci_id_maps){&map, 1};
	expect_error("both uidMappings and gidMappings");
	mounts[0].gid_mappings = (struct oci_id_maps){&map, 1};
	assert_int_equal(make(), 0);
	mounts[0].options.n = 1; /* without an idmap option: of the top alone */
	assert_int_equal(make(), 0);
	assert_true(plan.mounts.v[0].is_idmap);
	assert_false(plan.mounts.v[0].is_idmap_recursive);
	mounts[0].options.n = 0;
	mounts[0].type = "tmpfs";
	assert_int_equal(make(), 0);
	assert_true(plan.mounts.v[0].is_idmap);
	mounts[0].type = "xfs";
	assert_int_equal(make(), 0);
	mounts[0].type = "proc";
	expect_error("id-mapped mounts are for binds, tmpfs");
}

static void test_idmap_of_the_root(void **state)
{
	static struct oci_pair pair = {ROOTFS_IDMAP_ANNOTATION, "idmap"};

	(void)state;
	make_one("/d", "tmpfs", "t", "");
	spec.annotations = (struct oci_pairs){&pair, 1};
	expect_error("needs a user and a mount namespace");
	facts.has_user_ns = true;
	assert_int_equal(make(), 0);
	assert_true(plan.is_idmap);
	assert_false(plan.is_idmap_recursive);
	pair.value = "ridmap";
	assert_int_equal(make(), 0);
	assert_true(plan.is_idmap && plan.is_idmap_recursive);
	pair.value = "true";
	expect_error("neither idmap nor ridmap");
	spec.annotations.n = 0;
	assert_int_equal(make(), 0);
	assert_false(plan.is_idmap);
}

/* ---- errors ------------------------------------------------------------------------------------ */

static void test_mount_errors(void **state)
{
	static const struct {
		const char *destination, *type, *source, *options, *says;
	} row[] = {
		{NULL, "tmpfs", "tmpfs", "", "has no destination"},
		{"", "tmpfs", "tmpfs", "", "has no destination"},
		{"/", "tmpfs", "tmpfs", "", "root itself"},
		{"/a/..", "bind", "/x", "bind", "root itself"},
		{"/d", "bind", NULL, "bind", "has no source"},
		{"/d", NULL, "/x", "", "neither a type"},
		{"/proc/self", "bind", "/x", "bind", "inside /proc"},
		{"/proc/sysrq-trigger", "bind", "/x", "bind", "inside /proc"},
		{"/x/../proc/1", "tmpfs", "tmpfs", "", "inside /proc"},
		{"/proc", "tmpfs", "tmpfs", "", "not of type proc"},
		{"/d", "bind", "/x", "bind tmpcopyup", "tmpcopyup is for tmpfs only"},
		{"/d", "proc", "proc", "tmpcopyup", "tmpcopyup is for tmpfs only"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		spec.mounts.n = 0;
		memset(mounts, 0, sizeof(mounts));
		add(row[i].destination, row[i].type, row[i].source, row[i].options);
		expect_error(row[i].says);
	}
	make_one("/proc/uptime", "bind", "/x", "bind");
	make_one("/proc", "bind", "/proc", "rbind");
}

static void test_other_errors(void **state)
{
	static const char *relative = "proc/kcore";

	(void)state;
	spec.root.path = NULL;
	expect_error("root.path");
	spec.root.path = "/abs";
	spec.linux_.masked_paths = (struct str_slice){&relative, 1};
	expect_error("maskedPaths: \"proc/kcore\" is not absolute");
	spec.linux_.readonly_paths = spec.linux_.masked_paths;
	spec.linux_.masked_paths.n = 0;
	expect_error("readonlyPaths");
	facts.has_mount_ns = false;
	expect_error("private MNT namespace");
	spec.linux_.readonly_paths.n = 0;
	spec.root.readonly = true;
	expect_error("mount namespace");
	spec.root.readonly = false;
	assert_int_equal(make(), 0);
	assert_string_equal(plan.root, "/abs");
	add("/d", "tmpfs", "tmpfs", "");
	expect_error("mount namespace");
}

static void test_devices(void **state)
{
	struct oci_device d[] = {
		{.type = "c", .path = "/dev/fuse", .major = 10, .minor = 229},
		{.type = "u",
		 .path = "/dev//null",
		 .major = 1,
		 .minor = 3,
		 .file_mode = {true, 0600}},
		{.type = "c", .path = "/dev/ptmx", .major = 5, .minor = 2},
		{.type = "p", .path = "/run/pipe"},
	};

	(void)state;
	spec.linux_.devices.v = d;
	spec.linux_.devices.n = ARRAY_LEN(d);
	assert_int_equal(make(), 0);
	assert_int_equal(plan.devices.n, 8); /* six defaults, one of them replaced; no ptmx */
	assert_string_equal(plan.devices.v[0].path, "/dev/null");
	assert_int_equal(plan.devices.v[0].file_mode.value, 0600);
	assert_string_equal(plan.devices.v[7].path, "/run/pipe");
	d[0].type = "x";
	expect_error("type \"x\"");
	d[0].type = NULL;
	expect_error("device /dev/fuse");
	d[0].type = "b";
	d[0].path = "fuse";
	expect_error("not absolute");
	d[0].path = "/dev/fuse";
	d[0].minor = -1;
	expect_error("out of range");
	spec.linux_.devices.n = 0;
	add("/dev", "bind", "/dev", "rbind");
	assert_int_equal(make(), 0);
	assert_false(plan.makes_devices);
}

/* ---- the golden plan --------------------------------------------------------------------------- */

static const char golden[] =
	"{\"root\":\"/bundle/rootfs\",\"readonly\":true,\"entered\":\"pivot\","
	"\"propagation\":\"rslave\",\"mounts\":["
	"{\"kind\":\"new\",\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
	"\"attributes\":[\"nosuid\",\"nodev\",\"noexec\"]},"
	"{\"kind\":\"new\",\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"data\":\"mode=755,size=65536k,context=\\\"l:s0\\\"\","
	"\"attributes\":[\"nosuid\",\"strictatime\"]},"
	"{\"kind\":\"cgroup-v1\",\"destination\":\"/sys/fs/cgroup\",\"source\":\"cgroup\","
	"\"attributes\":[\"ro\",\"nosuid\"]},"
	"{\"kind\":\"bind\",\"destination\":\"/etc/hosts\",\"source\":\"/var/"
	"hosts\",\"recursive\":true,"
	"\"attributes\":[\"rw\"],\"recursiveAttributes\":[\"nodev\"],\"propagation\":\"rprivate\"}]"
	","
	"\"cgroup\":[{\"version\":1,\"name\":\"memory\",\"source\":\"/sys/fs/cgroup/memory/c\"}],"
	"\"devices\":["
	"{\"path\":\"/dev/"
	"null\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":438,\"uid\":0,\"gid\":0},"
	"{\"path\":\"/dev/"
	"zero\",\"type\":\"c\",\"major\":1,\"minor\":5,\"fileMode\":438,\"uid\":0,\"gid\":0},"
	"{\"path\":\"/dev/"
	"full\",\"type\":\"c\",\"major\":1,\"minor\":7,\"fileMode\":438,\"uid\":0,\"gid\":0},"
	"{\"path\":\"/dev/"
	"random\",\"type\":\"c\",\"major\":1,\"minor\":8,\"fileMode\":438,\"uid\":0,\"gid\":0},"
	"{\"path\":\"/dev/"
	"urandom\",\"type\":\"c\",\"major\":1,\"minor\":9,\"fileMode\":438,\"uid\":0,\"gid\":0},"
	"{\"path\":\"/dev/"
	"tty\",\"type\":\"c\",\"major\":5,\"minor\":0,\"fileMode\":438,\"uid\":0,\"gid\":0}],"
	"\"console\":true,\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],"
	"\"mountLabel\":\"l:s0\"}";

/* How the writer spaces its output is not what this tests. */
static void drop_blanks(char *s)
{
	bool is_string = false;
	char *out = s;

	for (; *s; s++) {
		if (*s == '"' && s[-(s > out)] != '\\')
			is_string = !is_string;
		if (is_string || (*s != ' ' && *s != '\n' && *s != '\t'))
			*out++ = *s;
	}
	*out = '\0';
}

static void test_golden(void **state)
{
	static const char *masked = "/proc/kcore", *closed = "/proc/sys";
	struct rootfs_cgroup_view view = {false, "memory", "/sys/fs/cgroup/memory/c",
					  "/sys/fs/cgroup/memory"};
	auto_json_writer struct json_writer w = {0};
	char *text;

	(void)state;
	facts.cgroup = &view;
	facts.n_cgroup = 1;
	facts.has_terminal = true;
	spec.root.readonly = true;
	spec.linux_.mount_label = "l:s0";
	spec.linux_.rootfs_propagation = "rslave";
	spec.linux_.masked_paths = (struct str_slice){&masked, 1};
	spec.linux_.readonly_paths = (struct str_slice){&closed, 1};
	add("/proc", "proc", "proc", "nosuid noexec nodev");
	add("/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k");
	add("/sys/fs/cgroup", "cgroup", "cgroup", "ro nosuid");
	add("/etc/hosts", "bind", "/var/hosts", "rbind rprivate rw rnodev");
	assert_int_equal(make(), 0);
	rootfs_plan_print(&plan, &w);
	text = arena_strndup(&arena, w.buf, w.len);
	drop_blanks(text);
	assert_string_equal(text, golden);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_flags),
		TEST(test_propagation),
		TEST(test_checklist),
		TEST(test_kinds),
		TEST(test_cgroup),
		TEST(test_idmap),
		TEST(test_idmap_of_the_root),
		TEST(test_mount_errors),
		TEST(test_other_errors),
		TEST(test_devices),
		TEST(test_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
