/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho acl check`, `diff` and `apply`, and `sekisho reload`: from files to rules in force. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/history.h"
#include "gateway/cli/option.h"
#include "gateway/cli/preview.h"

/* ---- check ---- */

static json_t *diagnostics_json(const struct diag *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->count; i++) {
		const struct diag_entry *e = &d->entries[i];
		/* A file's line may hold bytes that are no text, which JSON cannot: then it is left out. */
		json_t *source = e->source ? json_string(e->source) : NULL;
		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i, s:s, s:o*}", "level",
						    e->level == DIAG_ERROR ? "error" : "warning", "file", e->file, "line",
						    (int)e->line, "column", (int)e->column, "text", e->text, "source", source));
	}
	return list;
}

static size_t count_level(const struct diag *d, enum diag_level level)
{
	size_t n = 0;
	for (size_t i = 0; i < d->count; i++)
		n += d->entries[i].level == level;
	return n;
}

static int check_print(const char *dir, const struct policy *p, const struct diag *d)
{
	struct policy_counts counts = p ? policy_counts(p) : (struct policy_counts){0};
	size_t errors = count_level(d, DIAG_ERROR) + d->dropped;
	if (cli_json) {
		int code = cli_print_json(json_pack("{s:b, s:s, s:i, s:i, s:i, s:I, s:I, s:o}", "ok", p != NULL, "dir", dir,
			"files", (int)counts.files, "rules", (int)counts.rules, "systems", (int)counts.systems, "errors",
			(json_int_t)errors, "warnings", (json_int_t)count_level(d, DIAG_WARNING), "diagnostics",
			diagnostics_json(d)));
		return code ? code : p ? CLI_OK : CLI_FAILED;
	}
	char *text = diag_render(d);
	cli_lines(stderr, text ? text : "");
	free(text);
	if (!p)
		return cli_fail(CLI_FAILED, "mend what is shown above; what is in force stays in force", "%s: %zu mistake%s", dir,
			errors, errors == 1 ? "" : "s");
	printf("%s: well formed: %u files, %u rules, %u systems\n", dir, counts.files, counts.rules, counts.systems);
	return CLI_OK;
}

int acl_verb_check(int argc, char **argv)
{
	const char *config = NULL;
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "config", .value = &config}};
	int code = option_parse(argc, argv, specs, 1, &rest);
	if (!code)
		code = option_count(&rest, 0, 1, "");
	if (code)
		return code;
	const char *dir = rest.count ? rest.items[0] : PATH_ACL_DIR;
	struct diag d = diag_new();
	struct policy *p = NULL;
	int error = aclset_load(config, dir, &p, &d);
	if (error && !d.count)
		code = cli_fail(CLI_FAILED,
			error == -EACCES ? "use sudo" : "name the folder that holds systems.acl, groups/ and users/",
			"%s cannot be read: %s", dir, strerror(-error));
	else
		code = check_print(dir, p, &d);
	policy_unref(p);
	diag_free(&d);
	return code;
}

/* ---- diff ---- */

/* What `--against` names: a generation by its number, else a folder. */
static int open_against(const char *against, struct aclset *out, bool *ask)
{
	json_t *rows;
	char *behind;

	*ask = true;
	if (!against)
		return aclset_in_force(out);
	errno = 0;
	const long long number = strtoll(against, &behind, 10);
	if (against[strspn(against, "0123456789")]) {
		*ask = false;
		return aclset_of_files(NULL, against, out);
	}
	if (errno || *behind || number < 1)
		return cli_usage("'%s' is no generation, which is a number as `sekisho acl history` shows it", against);
	int code = history_ask(&rows);
	if (code)
		return code;
	const json_t *const row = history_number(rows, number);
	code = row ? aclset_of_generation(row, out) : CLI_FAILED;
	json_decref(rows);
	return code;
}

int acl_verb_diff(int argc, char **argv)
{
	const char *against = NULL;
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "against", .value = &against}};
	struct aclset before = {0}, after = {0};
	json_t *preview = NULL;
	bool ask = true;

	int code = option_parse(argc, argv, specs, 1, &rest);
	if (!code)
		code = option_count(&rest, 0, 1, "");
	if (!code)
		code = open_against(against, &before, &ask);
	if (!code)
		code = aclset_of_files(NULL, rest.count ? rest.items[0] : PATH_ACL_DIR, &after);
	if (!code)
		code = preview_make(&before, &after, ask, &preview);
	if (!code && cli_json)
		code = cli_print_json(json_incref(preview));
	else if (!code)
		code = preview_print(preview, &before, &after);
	json_decref(preview);
	aclset_close(&before);
	aclset_close(&after);
	return code;
}

/* ---- apply, reload ---- */

static json_int_t number(const json_t *end, const char *member)
{
	return json_integer_value(json_object_get(end, member));
}

/* Sends a request (stolen) that puts files in force, and says what came of it; `preview` may be NULL. */
static int put_in_force(json_t *request, const char *what, const json_t *preview)
{
	json_t *end = NULL;
	int code = client_ask(request, NULL, &end);
	if (code)
		return code;
	if (cli_json) {
		if (preview)
			json_object_set(end, "diff", (json_t *)preview);
		return cli_print_json(end);
	}
	cli_lines(stderr, cli_text(end, "diagnostics"));
	if (json_is_true(json_object_get(end, "unchanged")))
		printf("Nothing has changed since generation %" JSON_INTEGER_FORMAT ".\n", number(end, "generation"));
	printf("%s in force, generation %" JSON_INTEGER_FORMAT ": %" JSON_INTEGER_FORMAT " files, %" JSON_INTEGER_FORMAT
	       " rules; %" JSON_INTEGER_FORMAT " open sessions have other rules now\n",
		what, number(end, "generation"), number(end, "files"), number(end, "rules"), number(end, "sessions_changed"));
	json_decref(end);
	return CLI_OK;
}

/* May what is shown be done? Nobody is cut off unasked. */
static int consent(const json_t *preview, bool yes)
{
	if (yes || !preview_loss(preview))
		return CLI_OK;
	if (!cli_interactive() || cli_json)
		return cli_fail(CLI_FAILED, "sekisho acl diff  shows who; sekisho acl apply --yes  does it",
			"somebody loses access, and nobody was asked; nothing was changed");
	fputc('\n', stderr);
	return cli_confirm("Somebody loses access, or a session ends. Put this in force?")
		       ? CLI_OK
		       : cli_fail(CLI_FAILED, NULL, "nothing was changed");
}

static json_t *apply_request(const char *sha256)
{
	return json_pack("{s:s, s:s*}", "verb", "acl-apply", "sha256", sha256);
}

/* Files that cannot be shown: with mistakes the gateway refuses them, and records that; the digest is that of no set, in case
 * they are mended meanwhile. An administrator who may apply them but not read them has to say so. */
static int apply_unseen(int error, bool yes)
{
	static const char no_set[] = "0000000000000000000000000000000000000000000000000000000000000000";

	if (error == -EINVAL)
		return put_in_force(apply_request(no_set), "The ACLs are", NULL);
	if (error != -EACCES)
		return cli_fail(CLI_FAILED, "sekisho acl check", PATH_ACL_DIR " cannot be read: %s", strerror(-error));
	if (yes)
		return put_in_force(apply_request(NULL), "The ACLs are", NULL);
	return cli_fail(CLI_FAILED, "sudo sekisho acl apply  shows what would change; --yes applies it unseen",
		"you may not read " PATH_ACL_DIR ", so that nothing can be shown; nothing was changed");
}

static int apply_shown(const struct aclset *after, bool yes)
{
	struct aclset before = {0};
	json_t *preview = NULL;

	int code = aclset_in_force(&before);
	if (!code)
		code = preview_make(&before, after, true, &preview);
	if (!code && !cli_json)
		code = preview_print(preview, &before, after);
	if (!code)
		code = consent(preview, yes);
	/* The gateway reads the files anew: it refuses if they are not those any more that were looked at. */
	if (!code)
		code = put_in_force(apply_request(cli_text(preview, "sha256")), "The ACLs are", preview);
	json_decref(preview);
	aclset_close(&before);
	return code;
}

int acl_verb_apply(int argc, char **argv)
{
	bool yes = false;
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "yes", .flag = &yes}};
	int code = option_parse(argc, argv, specs, 1, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (code)
		return code;
	struct diag d = diag_new();
	struct aclset after = {0};
	const int r = aclset_read(NULL, PATH_ACL_DIR, &after, &d);
	diag_free(&d);
	code = r < 0 ? apply_unseen(r, yes) : apply_shown(&after, yes);
	aclset_close(&after);
	return code;
}

int acl_verb_reload(int argc, char **argv)
{
	int code = option_only(argc, argv, NULL, NULL);
	return code ? code : put_in_force(json_pack("{s:s}", "verb", "reload"), "Settings and ACLs are", NULL);
}
