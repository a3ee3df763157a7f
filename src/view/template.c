/* SPDX-License-Identifier: Apache-2.0 */
/* Go's text/template as far as people use it with --format. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "view/value.h"

/*
 * Theory of operation
 *
 * The template is read once and carried out while it is read: a block that is not to be shown (the other side of an
 * if, the body of an empty range) is read all the same, with is_off set, so that its end is found and its errors
 * are told. A range goes back to the beginning of its body for each element.
 */

enum { DEPTH_MAX = 32, ARGS_MAX = 32, VARIABLES_MAX = 32, WORD_MAX = 128 };

struct variable {
	const char *name;
	struct view_value value;
};

struct run {
	const char *p; /* what is read next */
	bool is_in_action;
	struct arena *a;
	struct view_text *out;
	struct err *e;
	struct view_value top, dot;
	struct variable variables[VARIABLES_MAX];
	size_t n_variables;
	unsigned depth;
	bool is_off; /* reads only */
};

static const struct view_value nothing = {.kind = VIEW_NULL};

static int fail(struct run *t, const char *what)
{
	return err_say(t->e, -EINVAL, "template: %s near \"%.20s\"", what, t->p);
}

/* ---- words --------------------------------------------------------------------------------------- */

static void skip_blanks(struct run *t)
{
	while (isspace((unsigned char)*t->p))
		t->p++;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Takes a name into word; its length, 0 where there is none. */
static size_t take_word(struct run *t, char *word)
{
	size_t n = 0;

	while (is_word(t->p[n]) && n + 1 < WORD_MAX) {
		word[n] = t->p[n];
		n++;
	}
	word[n] = '\0';
	t->p += n;
	return n;
}

/* Is this word next? Takes it. */
static bool take_keyword(struct run *t, const char *keyword)
{
	size_t n = strlen(keyword);

	skip_blanks(t);
	if (strncmp(t->p, keyword, n) != 0 || is_word(t->p[n]))
		return false;
	t->p += n;
	return true;
}

static int take_string(struct run *t, struct view_value *ret)
{
	char quote = *t->p++;
	char *text = arena_alloc(t->a, strlen(t->p) + 1);
	size_t n = 0;

	while (*t->p && *t->p != quote) {
		if (*t->p == '\\' && quote == '"' && t->p[1]) {
			static const char from[] = "ntr\"\\", to[] = "\n\t\r\"\\";
			const char *known = strchr(from, t->p[1]);

			if (!known)
				return fail(t, "unknown escape");
			text[n++] = to[known - from];
			t->p += 2;
			continue;
		}
		text[n++] = *t->p++;
	}
	if (!*t->p)
		return fail(t, "unterminated quoted string");
	t->p++;
	*ret = (struct view_value){.kind = VIEW_STRING, .text = text};
	return 0;
}

/* ---- values -------------------------------------------------------------------------------------- */

/* A field of a row must be there; deeper ones are keys of maps, where Go says "<no value>". */
static int get_field(struct run *t, const struct view_value *of, const char *name, bool is_row,
		     struct view_value *ret)
{
	const struct view_value *found = view_get(of, name);

	if (!found && is_row && !t->is_off && of->kind == VIEW_OBJECT)
		return err_say(t->e, -EINVAL, "template: can't evaluate field %s: there is none",
			       name);
	if (!found && of->kind != VIEW_OBJECT && of->kind != VIEW_NULL && !t->is_off)
		return err_say(t->e, -EINVAL,
			       "template: can't evaluate field %s: the value has no fields", name);
	*ret = found ? *found : nothing;
	return 0;
}

/* ".A.B" behind a value. */
static int take_chain(struct run *t, struct view_value *v, bool is_row)
{
	char word[WORD_MAX];
	int r = 0;

	while (r == 0 && *t->p == '.' && is_word(t->p[1])) {
		t->p++;
		take_word(t, word);
		r = get_field(t, v, word, is_row, v);
		is_row = false;
	}
	return r;
}

static int take_variable(struct run *t, struct view_value *ret)
{
	char word[WORD_MAX];

	t->p++;
	if (!take_word(t, word)) {
		*ret = t->top;
		return take_chain(t, ret, true);
	}
	for (size_t i = t->n_variables; i-- > 0;)
		if (str_eq(t->variables[i].name, word)) {
			*ret = t->variables[i].value;
			return take_chain(t, ret, false);
		}
	return err_say(t->e, -EINVAL, "template: undefined variable \"$%s\"", word);
}

static int take_number(struct run *t, struct view_value *ret)
{
	size_t n = 1 + strspn(t->p + 1, "0123456789.");

	*ret = (struct view_value){.kind = VIEW_NUMBER, .text = arena_strndup(t->a, t->p, n)};
	t->p += n;
	return 0;
}

static int take_pipeline(struct run *t, struct view_value *ret);

static int take_parenthesis(struct run *t, struct view_value *ret)
{
	int r;

	t->p++;
	if (++t->depth > DEPTH_MAX)
		return fail(t, "too deep");
	r = take_pipeline(t, ret);
	t->depth--;
	skip_blanks(t);
	if (r == 0 && *t->p != ')')
		return fail(t, "unclosed left parenthesis");
	if (r < 0)
		return r;
	t->p++;
	return take_chain(t, ret, false);
}

/* One operand that is no function. Returns 1, 0 where none is next, or -errno. */
static int take_operand(struct run *t, struct view_value *ret)
{
	int r;

	skip_blanks(t);
	if (*t->p == '"' || *t->p == '`')
		r = take_string(t, ret);
	else if (*t->p == '$')
		r = take_variable(t, ret);
	else if (*t->p == '(')
		r = take_parenthesis(t, ret);
	else if (isdigit((unsigned char)*t->p) || (*t->p == '-' && isdigit((unsigned char)t->p[1])))
		r = take_number(t, ret);
	else if (*t->p == '.') {
		*ret = t->dot;
		r = take_chain(t, ret, true);
		if (r == 0 && *t->p == '.')
			t->p++;
	} else if (take_keyword(t, "true") || take_keyword(t, "false")) {
		*ret = (struct view_value){.kind = VIEW_BOOL, .is_true = t->p[-2] == 'u'};
		r = 0;
	} else if (take_keyword(t, "nil")) {
		*ret = nothing;
		r = 0;
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

/* A value, or a function with its arguments; piped: what the command before gave, or NULL. */
static int take_command(struct run *t, const struct view_value *piped, struct view_value *ret)
{
	struct view_value *args = arena_array(t->a, ARGS_MAX + 1, sizeof(*args));
	char name[WORD_MAX];
	size_t n = 0;
	int r = take_operand(t, ret);

	if (r < 0)
		return r;
	if (r > 0)
		return piped ? fail(t, "no function to pipe into") : 0;
	if (!take_word(t, name))
		return fail(t, *t->p ? "unexpected character" : "unclosed action");
	while (n < ARGS_MAX && (r = take_operand(t, &args[n])) > 0)
		n++;
	if (r < 0)
		return r;
	/* A function without arguments as an operand is not known here. */
	if (piped)
		args[n++] = *piped;
	if (t->is_off) {
		*ret = nothing;
		return 0;
	}
	return function_call(name, args, n, t->a, ret, t->e);
}

static int take_pipeline(struct run *t, struct view_value *ret)
{
	struct view_value v;
	int r = take_command(t, NULL, &v);

	for (skip_blanks(t); r == 0 && *t->p == '|'; skip_blanks(t)) {
		struct view_value piped = v;

		t->p++;
		r = take_command(t, &piped, &v);
	}
	if (r == 0)
		*ret = v;
	return r;
}

/* ---- actions ------------------------------------------------------------------------------------- */

/* "}}" or "-}}". */
static int close_action(struct run *t)
{
	bool trims;

	skip_blanks(t);
	trims = strncmp(t->p, "-}}", 3) == 0;
	if (!trims && strncmp(t->p, "}}", 2) != 0)
		return fail(t, *t->p ? "unexpected text in an action" : "unclosed action");
	t->p += trims ? 3 : 2;
	if (trims)
		skip_blanks(t);
	return 0;
}

static int set_variable(struct run *t, const char *name, const struct view_value *v, bool is_new)
{
	for (size_t i = t->n_variables; !is_new && i-- > 0;)
		if (str_eq(t->variables[i].name, name)) {
			t->variables[i].value = *v;
			return 0;
		}
	if (!is_new)
		return err_say(t->e, -EINVAL, "template: undefined variable \"$%s\"", name);
	if (t->n_variables == VARIABLES_MAX)
		return fail(t, "too many variables");
	t->variables[t->n_variables++] = (struct variable){arena_strdup(t->a, name), *v};
	return 0;
}

/* "$k, $v :=" or "$v :=" or "$v ="; 0 names where there is none of it. */
static size_t take_names(struct run *t, char names[2][WORD_MAX], bool *ret_is_new)
{
	const char *start = t->p;
	size_t n = 0;

	skip_blanks(t);
	while (n < 2 && *t->p == '$' && is_word(t->p[1])) {
		t->p++;
		take_word(t, names[n++]);
		skip_blanks(t);
		if (*t->p != ',')
			break;
		t->p++;
		skip_blanks(t);
	}
	*ret_is_new = *t->p == ':';
	if (n && (*t->p == '=' || (*t->p == ':' && t->p[1] == '='))) {
		t->p += *ret_is_new ? 2 : 1;
		return n;
	}
	t->p = start;
	return 0;
}

enum ending { ENDING_TEXT, ENDING_END, ENDING_ELSE };

static int run_block(struct run *t, enum ending *ret);

/* Reads or carries out a block, with the variables it makes taken back. */
static int run_body(struct run *t, bool is_on, enum ending *ret)
{
	size_t kept = t->n_variables;
	bool was_off = t->is_off;
	int r;

	t->is_off |= !is_on;
	r = run_block(t, ret);
	t->is_off = was_off;
	t->n_variables = kept;
	return r;
}

static int run_condition(struct run *t, bool is_with, bool is_done);

/* Behind {{else}}: its block, or {{else if}} with all that follows. */
static int run_else(struct run *t, bool is_with, bool is_done)
{
	enum ending ending = ENDING_TEXT;
	int r;

	if (take_keyword(t, "if") || (is_with && take_keyword(t, "with")))
		return run_condition(t, is_with, is_done);
	r = close_action(t);
	if (r == 0)
		r = run_body(t, !is_done, &ending);
	if (r == 0 && ending != ENDING_END)
		return err_say(t->e, -EINVAL, "template: unexpected EOF: {{end}} is missing");
	return r;
}

/* {{if PIPE}} and {{with PIPE}}. is_done: a branch before this one was taken. */
static int run_condition(struct run *t, bool is_with, bool is_done)
{
	struct view_value v = nothing, dot = t->dot;
	char names[2][WORD_MAX];
	size_t kept = t->n_variables;
	enum ending ending = ENDING_TEXT;
	bool is_new, is_true;
	size_t n = take_names(t, names, &is_new);
	int r = take_pipeline(t, &v);

	if (r == 0 && n)
		r = set_variable(t, names[0], &v, is_new);
	if (r == 0)
		r = close_action(t);
	if (r < 0)
		return r;
	is_true = !is_done && value_is_true(&v);
	if (is_with && is_true)
		t->dot = v;
	r = run_body(t, is_true, &ending);
	t->dot = dot;
	if (r == 0 && ending == ENDING_ELSE)
		r = run_else(t, is_with, is_done || is_true);
	else if (r == 0 && ending != ENDING_END)
		r = err_say(t->e, -EINVAL, "template: unexpected EOF: {{end}} is missing");
	t->n_variables = kept;
	return r;
}

static int run_element(struct run *t, const struct view_value *list, size_t i,
		       char names[2][WORD_MAX], size_t n, enum ending *ret)
{
	struct view_value key = {.kind = VIEW_NUMBER};
	size_t kept = t->n_variables;
	int r = 0;

	if (list->kind == VIEW_OBJECT)
		key = (struct view_value){.kind = VIEW_STRING, .text = list->keys[i]};
	else
		key.text = arena_printf(t->a, "%zu", i);
	if (n == 2)
		r = set_variable(t, names[0], &key, true);
	if (r == 0 && n)
		r = set_variable(t, names[n - 1], &list->items[i], true);
	t->dot = list->items[i];
	if (r == 0)
		r = run_body(t, true, ret);
	t->n_variables = kept;
	return r;
}

static int run_range(struct run *t)
{
	struct view_value list = nothing, dot = t->dot;
	char names[2][WORD_MAX];
	enum ending ending = ENDING_END;
	const char *body;
	bool is_new, is_empty;
	size_t n = take_names(t, names, &is_new);
	int r = take_pipeline(t, &list);

	if (r == 0)
		r = close_action(t);
	if (r < 0)
		return r;
	if (!t->is_off && list.kind != VIEW_LIST && list.kind != VIEW_OBJECT &&
	    list.kind != VIEW_NULL)
		return err_say(t->e, -EINVAL, "template: range can't iterate over it");
	body = t->p;
	is_empty = t->is_off || !list.n || list.kind == VIEW_NULL;
	if (is_empty && n) {
		/* Its names must be known while the body is read. */
		for (size_t i = 0; r == 0 && i < n; i++)
			r = set_variable(t, names[i], &nothing, true);
	}
	if (is_empty && r == 0)
		r = run_body(t, false, &ending);
	for (size_t i = 0; r == 0 && !is_empty && i < list.n; i++) {
		t->p = body;
		r = run_element(t, &list, i, names, n, &ending);
	}
	if (is_empty && n)
		t->n_variables -= n;
	t->dot = dot;
	if (r == 0 && ending == ENDING_ELSE)
		return run_else(t, false, !is_empty || t->is_off);
	if (r == 0 && ending != ENDING_END)
		return err_say(t->e, -EINVAL, "template: unexpected EOF: {{end}} is missing");
	return r;
}

/* {{PIPE}} or {{$x := PIPE}}. */
static int run_value(struct run *t)
{
	char names[2][WORD_MAX];
	struct view_value v;
	bool is_new;
	size_t n = take_names(t, names, &is_new);
	int r = take_pipeline(t, &v);

	if (r == 0 && n)
		r = set_variable(t, names[0], &v, is_new);
	if (r == 0)
		r = close_action(t);
	if (r == 0 && !n && !t->is_off)
		value_print(&v, t->out);
	return r;
}

/* ---- text ---------------------------------------------------------------------------------------- */

/* Docker's rule: the words \t and \n outside of actions are the characters. */
static void put_text(struct run *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n && !t->is_off; i++) {
		bool is_escape = s[i] == '\\' && i + 1 < n && (s[i + 1] == 't' || s[i + 1] == 'n');

		if (is_escape)
			view_append(t->out, s[i + 1] == 't' ? "\t" : "\n", 1);
		else
			view_append(t->out, s + i, 1);
		i += is_escape;
	}
}

/* Text up to the next action or the end; false at the end. */
static bool take_text(struct run *t)
{
	const char *start = t->p, *open = strstr(start, "{{");
	size_t n = open ? (size_t)(open - start) : strlen(start);
	bool trims = open && open[2] == '-' && isspace((unsigned char)open[3]);

	t->p = start + n + (open ? 2 + trims : 0);
	while (trims && n && isspace((unsigned char)start[n - 1]))
		n--;
	put_text(t, start, n);
	return open != NULL;
}

static int skip_comment(struct run *t)
{
	const char *end = strstr(t->p, "*/");

	if (!end)
		return fail(t, "unclosed comment");
	t->p = end + 2;
	return close_action(t);
}

/* Up to the block's end; says which end it was. For {{else}} the rest of its action is still to be read. */
static int run_block(struct run *t, enum ending *ret)
{
	int r = 0;

	if (++t->depth > DEPTH_MAX)
		return fail(t, "too deep");
	*ret = ENDING_TEXT;
	while (r == 0 && take_text(t)) {
		skip_blanks(t);
		if (strncmp(t->p, "/*", 2) == 0)
			r = skip_comment(t);
		else if (take_keyword(t, "if"))
			r = run_condition(t, false, t->is_off);
		else if (take_keyword(t, "with"))
			r = run_condition(t, true, t->is_off);
		else if (take_keyword(t, "range"))
			r = run_range(t);
		else if (take_keyword(t, "end")) {
			*ret = ENDING_END;
			r = close_action(t);
			break;
		} else if (take_keyword(t, "else")) {
			*ret = ENDING_ELSE;
			break;
		} else {
			r = run_value(t);
		}
	}
	t->depth--;
	return r;
}

int view_template(const char *template, const struct view_value *v, struct view_text *ret,
		  struct err *e)
{
	auto_arena struct arena a = {0};
	struct run t = {.p = template, .a = &a, .out = ret, .e = e, .top = *v, .dot = *v};
	enum ending ending = ENDING_TEXT;
	size_t kept = ret->len;
	int r = run_block(&t, &ending);

	if (r == 0 && ending != ENDING_TEXT)
		r = err_say(e, -EINVAL, "template: unexpected {{%s}}",
			    ending == ENDING_END ? "end" : "else");
	if (r < 0 && ret->buf) {
		ret->len = kept;
		ret->buf[kept] = '\0';
	}
	return r;
}
