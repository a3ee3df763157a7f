/* SPDX-License-Identifier: Apache-2.0 */
/* berth version and berth info: what this is, and where it runs. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "cgroup/limits.h"
#include "engine/container/container.h"
#include "engine/image/image.h"
#include "engine/volume/volume.h"
#include "oci/image.h"
#include "security/security.h"
#include "view/view.h"

struct options {
	const char *format;
};

static const struct opt options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "json, or such as '{{.Version}}'", false},
	{0},
};

/* One object: a line for each member, by template, or as JSON. */
static int print_object(const struct invocation *in, struct json_writer *w, struct err *e)
{
	const struct options *o = in->values;
	auto_view_text struct view_text text = {0};
	struct view_value v;
	int r = view_parse(w->buf, w->len, in->arena, &v, e);

	if (r < 0)
		return r;
	if (str_eq(o->format, "json"))
		return print_json(w, e);
	if (o->format) {
		r = view_template(o->format, &v, &text, e);
		view_append(&text, "\n", 1);
		return r < 0 ? r : print_text(text.buf, text.len, e);
	}
	for (size_t i = 0; i < v.n; i++) {
		auto_view_text struct view_text value = {0};
		const char *line;

		if (v.items[i].kind == VIEW_LIST)
			r = view_template("{{join . \", \"}}", &v.items[i], &value, e);
		else
			r = view_template("{{.}}", &v.items[i], &value, e);
		if (r < 0)
			return r;
		line = arena_printf(in->arena, "%s: %s\n", v.keys[i], value.buf ? value.buf : "");
		view_append(&text, line, strlen(line));
	}
	return print_text(text.buf ? text.buf : "", text.len, e);
}

static void put_platform(struct json_writer *w)
{
	struct oci_platform p = oci_platform_own();
	struct utsname u;

	json_put_string(w, "Os", p.os);
	json_put_string(w, "Arch", p.architecture);
	if (uname(&u) == 0)
		json_put_string(w, "KernelVersion", u.release);
}

static int version_main(const struct invocation *in, int *ret_code, struct err *e)
{
	auto_json_writer struct json_writer w = {0};

	(void)ret_code;
	json_begin_object(&w);
	json_put_string(&w, "Version", BERTH_VERSION);
	json_put_string(&w, "OciVersion", "1.3.0");
	put_platform(&w);
	json_end_object(&w);
	return print_object(in, &w, e);
}

const struct command cmd_version = {
	.name = "version",
	.usage = "",
	.help = "Show the version",
	.group = "system",
	.options = options,
	.values_size = sizeof(struct options),
	.needs_no_engine = true,
	.main = version_main,
};

/* ---- info ---------------------------------------------------------------------------------------- */

static int put_counts(const struct invocation *in, struct json_writer *w, struct err *e)
{
	size_t count[CONTAINER_DEAD + 1] = {0}, n, images, volumes;
	struct container_info *list;
	struct image *image;
	struct volume *volume;
	int r;

	if ((r = container_list(&in->engine, false, in->arena, &list, &n, e)) < 0 ||
	    (r = image_list(&in->engine, in->arena, &image, &images, e)) < 0 ||
	    (r = volume_list(&in->engine, in->arena, &volume, &volumes, e)) < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		count[list[i].status.state]++;
	json_put_uint(w, "Containers", n);
	json_put_uint(w, "ContainersRunning", count[CONTAINER_RUNNING]);
	json_put_uint(w, "ContainersPaused", count[CONTAINER_PAUSED]);
	json_put_uint(w, "ContainersStopped",
		      n - count[CONTAINER_RUNNING] - count[CONTAINER_PAUSED]);
	json_put_uint(w, "Images", images);
	json_put_uint(w, "Volumes", volumes);
	return 0;
}

static int put_groups(const struct invocation *in, struct json_writer *w, struct err *e)
{
	static const char *const modes[] = {"none", "v1", "hybrid", "v2"};
	struct cgroup_layout layout = {0};
	int r = cgroup_detect(in->arena, &layout, e);

	if (r < 0)
		return r;
	json_put_string(w, "CgroupVersion", modes[layout.mode]);
	json_key(w, "CgroupControllers");
	json_begin_array(w);
	for (unsigned c = 0; c < CG_CONTROLLER_COUNT; c++)
		if (layout.of[c] >= 0)
			json_string(w, controller_names[c].v1);
	json_end_array(w);
	return 0;
}

static int info_main(const struct invocation *in, int *ret_code, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	struct sysinfo s = {0};
	int r;

	(void)ret_code;
	json_begin_object(&w);
	r = put_counts(in, &w, e);
	if (r < 0)
		return r;
	json_put_string(&w, "ServerVersion", BERTH_VERSION);
	json_put_string(&w, "Driver", "overlay");
	json_put_string(&w, "LoggingDriver", "json-file");
	r = put_groups(in, &w, e);
	if (r < 0)
		return r;
	put_platform(&w);
	sysinfo(&s);
	json_put_int(&w, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
	json_put_int(&w, "MemTotal", (int64_t)s.totalram * s.mem_unit);
	json_put_string(&w, "BerthRootDir", in->engine.data);
	json_put_string(&w, "BerthRunDir", in->engine.run);
	json_put_string(&w, "ProgramsDir", in->engine.lib);
	json_put_bool(&w, "Rootless", in->engine.is_rootless);
	json_put_bool(&w, "AppArmor", lsm_has_apparmor());
	json_put_bool(&w, "SELinux", lsm_has_selinux());
	json_end_object(&w);
	return print_object(in, &w, e);
}

#define INFO(words, hidden)                                                                     \
	{                                                                                       \
		.name = (words), .usage = "", .help = "Show what is here and where it is kept", \
		.group = "system", .options = options, .values_size = sizeof(struct options),   \
		.is_hidden = (hidden), .main = info_main,                                       \
	}
const struct command cmd_info = INFO("info", false);
const struct command cmd_system_info = INFO("system info", true);
