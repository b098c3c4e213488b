/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/aclset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/history.h"

int aclset_load(const char *config, const char *dir, struct policy **out, struct diag *d)
{
	struct diag of_settings = diag_new();
	struct settings s;

	int r = settings_load(config ? config : PATH_CONFIG, &s, config ? d : &of_settings);
	diag_free(&of_settings);
	if (config && r < 0)
		return r;
	const bool known = r == 0;
	r = known ? settings_apply_time_zone(&s) : 0;
	return r < 0 ? r : settings_policy_load(known ? &s : NULL, dir, time_now(), out, d);
}

static int out_of_memory(void)
{
	return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
}

/* Names what was loaded; takes the policy over, also when it fails. `origin` is stolen. 0 or -ENOMEM. */
static int finish(struct policy *policy, json_t *origin, const char *name, struct aclset *out)
{
	if (!origin) {
		policy_unref(policy);
		return -ENOMEM;
	}
	*out = (struct aclset){.policy = policy, .origin = origin};
	snprintf(out->name, sizeof out->name, "%s", name);
	return 0;
}

static int say_unusable(const char *dir, const char *hint, int error, struct diag *d)
{
	char *text = diag_render(d);

	cli_lines(stderr, text ? text : "");
	free(text);
	return cli_fail(CLI_FAILED, error == -EACCES || error == -EPERM ? "use sudo" : hint, "the files in %s cannot be used: %s",
		dir, error == -EINVAL ? "they have mistakes" : strerror(-error));
}

int aclset_read(const char *config, const char *dir, struct aclset *out, struct diag *d)
{
	struct policy *policy = NULL;
	char name[sizeof out->name];

	const int r = aclset_load(config, dir, &policy, d);
	if (r < 0)
		return r;
	snprintf(name, sizeof name, "the files in %.500s", dir);
	return finish(policy, json_pack("{s:s}", "dir", dir), name, out);
}

int aclset_of_files(const char *config, const char *dir, struct aclset *out)
{
	struct diag d = diag_new();
	const int r = aclset_read(config, dir, out, &d);
	const int code = r < 0 ? say_unusable(dir, "sekisho acl check", r, &d) : CLI_OK;

	diag_free(&d);
	return code;
}

/* What the rules of a generation referred to when it came into force. */
static size_t networks_of(const json_t *row, struct prefix *room, size_t max)
{
	const json_t *item;
	size_t i, count = 0;

	json_array_foreach(json_object_get(row, "internal"), i, item)
	{
		const char *const text = json_string_value(item);
		if (text && count < max && prefix_parse(text, &room[count]) == 0)
			count++;
	}
	return count;
}

static void apply_zone(const json_t *row)
{
	struct settings s = {0};

	snprintf(s.time_zone, sizeof s.time_zone, "%s", cli_text(row, "time_zone"));
	(void)settings_apply_time_zone(&s);
}

void aclset_local_time(void)
{
	struct diag d = diag_new();
	struct settings s;

	if (settings_load(PATH_CONFIG, &s, &d) == 0)
		(void)settings_apply_time_zone(&s);
	diag_free(&d);
}

int aclset_of_generation(const json_t *row, struct aclset *out)
{
	const json_int_t number = json_integer_value(json_object_get(row, "generation"));
	struct prefix internal[NETWORKS_MAX + 2];
	const struct policy_context context = {
		.internal = internal, .internal_count = networks_of(row, internal, NETWORKS_MAX + 2)};
	char path[HISTORY_PATH], digest[POLICY_DIGEST_TEXT], name[sizeof out->name];
	struct diag d = diag_new();
	struct policy *policy = NULL;
	int code;

	apply_zone(row);
	const int r = policy_load(history_path(number, path), &context, &policy, &d);
	if (r < 0) {
		code = say_unusable(path, "is it in the backup? the gateway never removes a generation", r, &d);
	} else if (policy_digest(policy, digest) < 0 || strcmp(digest, cli_text(row, "sha256")) != 0) {
		policy_unref(policy);
		code = cli_fail(CLI_FAILED, "put the folder back from a backup, and find out who changed it",
			"%s does not hold what came into force as generation %" JSON_INTEGER_FORMAT, path, number);
	} else {
		snprintf(name, sizeof name, "generation %" JSON_INTEGER_FORMAT, number);
		code = finish(policy, json_pack("{s:I}", "generation", number), name, out) ? out_of_memory() : CLI_OK;
	}
	diag_free(&d);
	return code;
}

void aclset_close(struct aclset *s)
{
	policy_unref(s->policy);
	json_decref(s->origin);
	*s = (struct aclset){0};
}

static int of_row(json_t *row, struct aclset *out)
{
	return row ? aclset_of_generation(row, out) : CLI_FAILED;
}

int aclset_in_force(struct aclset *out)
{
	json_t *rows;
	int code = history_ask(&rows);

	if (code)
		return code;
	code = of_row(history_in_force(rows), out);
	json_decref(rows);
	return code;
}

int aclset_choose(const struct aclset_choice *c, struct aclset *out)
{
	json_t *rows;

	if (c->files)
		return aclset_of_files(NULL, c->dir ? c->dir : PATH_ACL_DIR, out);
	if (!c->on)
		return aclset_in_force(out);
	int code = history_ask(&rows);
	if (code)
		return code;
	code = of_row(history_at(rows, c->on), out);
	json_decref(rows);
	return code;
}
