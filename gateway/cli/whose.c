/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/whose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/people.h"

enum { SAFE_MAX = 512 };

static int out_of_memory(void)
{
	return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
}

static int check_words(const struct whose_words *words, struct whose *out)
{
	if (!text_name_valid(words->user))
		return cli_usage("'%s' is no user's name", words->user);
	if (words->class && words->device)
		return cli_usage("a device has its class: leave --class or --device out");
	if (words->class && device_class_parse(words->class, &out->class))
		return cli_usage("'%s' is no class of device: ministry, private or shared", words->class);
	for (size_t i = 0; i < words->groups->count; i++)
		if (!text_name_valid(words->groups->items[i]))
			return cli_usage("'%s' is no group's name", words->groups->items[i]);
	if (words->groups->count > GROUPS_MAX)
		return cli_usage("more than %d groups", GROUPS_MAX);
	return CLI_OK;
}

static int named_groups(const struct option_words *words, json_t **out)
{
	*out = json_array();
	for (size_t i = 0; i < words->count; i++)
		if (json_array_append_new(*out, json_string(words->items[i])))
			return out_of_memory();
	return CLI_OK;
}

static int groups_of_now(const char *user, json_t **out)
{
	const int r = people_directory_groups(user, out);

	if (r == -ENOENT)
		return cli_fail(CLI_FAILED, "name the groups yourself: --group G...",
			"no user '%s' in the directory of this machine", user);
	if (r == -E2BIG)
		return cli_fail(
			CLI_FAILED, "name those that matter: --group G...", "'%s' is in more than %d groups", user, GROUPS_MAX);
	return r < 0 ? out_of_memory() : CLI_OK;
}

static int groups_of_then(const char *user, int64_t at, struct whose *out)
{
	struct people people;
	const int code = people_ask(at, &people);

	if (code)
		return code;
	const struct person *const p = people_find(&people, user);
	out->groups_unknown = !p || !p->groups;
	out->groups = out->groups_unknown ? json_array() : json_incref(p->groups);
	people_free(&people);
	return CLI_OK;
}

static bool listed(const json_t *names, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(names, i, item)
	{
		if (json_is_string(item) && !strcmp(json_string_value(item), name))
			return true;
	}
	return false;
}

/* A device's users are names, or "@" and a group's name. */
static bool permitted(const json_t *users, const struct whose *w)
{
	const json_t *item;
	size_t i;

	json_array_foreach(users, i, item)
	{
		const char *const name = json_string_value(item);
		if (name && *name == '@' && listed(w->groups, name + 1))
			return true;
	}
	return listed(users, w->user);
}

static bool within(const json_t *device, int64_t at)
{
	int64_t usec;

	if (cli_instant(cli_text(device, "valid_from"), &usec) == 0 && at < usec)
		return false;
	return cli_instant(cli_text(device, "valid_until"), &usec) != 0 || at < usec;
}

static int find_device(const char *id, int64_t at, struct whose *out)
{
	json_t *end;
	const int code = client_device(id, &end);

	if (code)
		return code;
	const json_t *const device = json_object_get(end, "device");
	(void)device_class_parse(cli_text(device, "class"), &out->class);
	out->device = json_pack("{s:s, s:s, s:b, s:b}", "id", cli_text(device, "id"), "status", cli_text(device, "status"),
		"permitted", (int)permitted(json_object_get(device, "users"), out), "valid", (int)within(device, at));
	json_decref(end);
	return out->device ? CLI_OK : out_of_memory();
}

int whose_find(const struct whose_words *words, int64_t at, bool past, struct whose *out)
{
	struct whose w = {.user = words->user, .class = CLASS_MINISTRY};

	int code = check_words(words, &w);
	if (!code && words->groups->count)
		code = named_groups(words->groups, &w.groups);
	else if (!code)
		code = past ? groups_of_then(w.user, at, &w) : groups_of_now(w.user, &w.groups);
	if (!code && words->device)
		code = find_device(words->device, at, &w);
	if (code)
		whose_clear(&w);
	else
		*out = w;
	return code;
}

void whose_clear(struct whose *w)
{
	json_decref(w->groups);
	json_decref(w->device);
	*w = (struct whose){0};
}

struct subject whose_subject(const struct whose *w, const char *room[static GROUPS_MAX])
{
	return people_subject(w->user, w->groups, w->class, room);
}

void whose_print(const struct whose *w)
{
	const json_t *name;
	char safe[SAFE_MAX];
	size_t i;

	printf("class %s, groups:", device_class_name(w->class));
	json_array_foreach(w->groups, i, name)
	{
		printf(" %s", text_safe(json_string_value(name), safe, sizeof safe));
	}
	if (w->groups_unknown)
		printf(" unknown at that time, so that only the user's own file counts here");
	else if (!json_array_size(w->groups))
		printf(" none");
	if (!w->device)
		return;
	printf(", device %s", text_safe(cli_text(w->device, "id"), safe, sizeof safe));
	if (!json_is_true(json_object_get(w->device, "permitted")))
		printf(" which is not this user's");
	if (strcmp(cli_text(w->device, "status"), "active") != 0)
		printf(" which is %s", text_safe(cli_text(w->device, "status"), safe, sizeof safe));
	if (!json_is_true(json_object_get(w->device, "valid")))
		printf(" which is outside its period of use");
}
