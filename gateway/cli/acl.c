/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/paths.h"
#include "config/policy.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/option.h"

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
	struct option_words rest = {0};
	int code = option_parse(argc, argv, NULL, 0, &rest);
	if (!code)
		code = option_count(&rest, 0, 1, "");
	if (code)
		return code;
	const char *dir = rest.count ? rest.items[0] : PATH_ACL_DIR;
	struct diag d = diag_new();
	struct policy *p = NULL;
	int error = aclset_load(dir, &p, &d);
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

static json_int_t number(const json_t *end, const char *member)
{
	return json_integer_value(json_object_get(end, member));
}

/* Asks for a verb without arguments that puts files in force. */
static int apply(int argc, char **argv, const char *verb, const char *what)
{
	struct option_words rest = {0};
	json_t *end = NULL;
	int code = option_parse(argc, argv, NULL, 0, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (!code)
		code = client_ask(json_pack("{s:s}", "verb", verb), NULL, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	if (json_is_true(json_object_get(end, "unchanged")))
		printf("Nothing has changed since generation %" JSON_INTEGER_FORMAT ".\n", number(end, "generation"));
	printf("%s in force, generation %" JSON_INTEGER_FORMAT ": %" JSON_INTEGER_FORMAT " files, %" JSON_INTEGER_FORMAT
	       " rules; %" JSON_INTEGER_FORMAT " open sessions have other rules now\n",
		what, number(end, "generation"), number(end, "files"), number(end, "rules"), number(end, "sessions_changed"));
	json_decref(end);
	return CLI_OK;
}

int acl_verb_apply(int argc, char **argv)
{
	return apply(argc, argv, "acl-apply", "The ACLs are");
}

int acl_verb_reload(int argc, char **argv)
{
	return apply(argc, argv, "reload", "Settings and ACLs are");
}
