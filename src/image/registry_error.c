/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry's refusal means, in one line. */
#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/registry.h"
#include "oci/reference.h"

enum { MESSAGE_MAX = 300 };

struct problem {
	const char *code, *message;
};
struct problems {
	SLICE(struct problem) errors;
	const char *details; /* of token servers */
};
static const struct json_field problem_fields[] = {
	JSON_FIELD("code", struct problem, code, &json_string_type, 0),
	JSON_FIELD("message", struct problem, message, &json_string_type, 0),
};
static const struct json_type problem_type = JSON_OBJECT(struct problem, problem_fields);
static const struct json_type problem_list_type = JSON_LIST(&problem_type);
static const struct json_field problems_fields[] = {
	JSON_FIELD("errors", struct problems, errors, &problem_list_type, 0),
	JSON_FIELD("details", struct problems, details, &json_string_type, 0),
};
static const struct json_type problems_type = JSON_OBJECT(struct problems, problems_fields);

/* Statuses, and the words for them where the body has none. */
static const struct {
	int status, number;
	const char *text;
} statuses[] = {
	{400, -EINVAL, "bad request"},
	{401, -EACCES, "unauthorized: authentication required"},
	{403, -EACCES, "denied: requested access to the resource is denied"},
	{404, -ENOENT, "not found"},
	{405, -EOPNOTSUPP, "unsupported: the registry does not allow that"},
	{413, -EFBIG, "too large for the registry"},
	{429, -EAGAIN, "toomanyrequests: too many requests, try again later"},
	{500, -EIO, "internal server error"},
	{502, -EIO, "bad gateway"},
	{503, -EIO, "service unavailable"},
	{504, -EIO, "gateway timeout"},
};

/* Codes of the specification ("Error Codes") in the words that Docker's users know; ours where the message
 * would only say it again. */
static const struct {
	const char *code, *text;
	int number;
} codes[] = {
	{"MANIFEST_UNKNOWN", "manifest unknown", -ENOENT},
	{"NAME_UNKNOWN", "repository name not known to registry", -ENOENT},
	{"BLOB_UNKNOWN", "blob unknown to registry", -ENOENT},
	{"UNAUTHORIZED", "unauthorized", -EACCES},
	{"DENIED", "denied", -EACCES},
	{"TOOMANYREQUESTS", "toomanyrequests", -EAGAIN},
	{"UNSUPPORTED", "unsupported", -EOPNOTSUPP},
};

static const char *describe(const struct problem *p, int *number, struct arena *a)
{
	const char *message = p->message ? http_clean(p->message, MESSAGE_MAX, a) : "";
	const char *code = p->code ? http_clean(p->code, 64, a) : "unknown";

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (!str_eq(p->code, codes[i].code))
			continue;
		*number = codes[i].number;
		code = codes[i].text;
	}
	/* "manifest unknown: manifest unknown" says nothing more. */
	if (!*message || str_starts(message, code))
		return *message ? message : code;
	return arena_printf(a, "%s: %s", code, message);
}

int registry_fail(struct registry *r, const char *what, const struct http_answer *answer,
		  struct err *e)
{
	struct problems list = {0};
	struct arena *a = r->arena;
	const char *text = NULL;
	int number = -EIO;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].status == answer->status) {
			number = statuses[i].number;
			text = statuses[i].text;
		}
	if (answer->n &&
	    json_decode(answer->body, answer->n, &problems_type, &list, a, "the registry's answer",
			NULL) == 0 &&
	    list.errors.n)
		text = describe(&list.errors.v[0], &number, a);
	if (!text)
		text = arena_printf(a, "the registry answers with status %d", answer->status);
	if (number == -EACCES)
		return err_say(e, number, "%s: %s (\"berth login%s%s\" may help)", what, text,
			       str_eq(r->domain, oci_registry_host(r->domain)) ? " " : "",
			       str_eq(r->domain, oci_registry_host(r->domain)) ? r->domain : "");
	return err_say(e, number, "%s: %s", what, text);
}
