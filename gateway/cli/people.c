/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/people.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"

int people_directory_groups(const char *user, json_t **out)
{
	const struct passwd *const pw = getpwnam(user);
	gid_t ids[GROUPS_MAX];
	int count = GROUPS_MAX;

	if (!pw)
		return -ENOENT;
	if (getgrouplist(user, pw->pw_gid, ids, &count) < 0)
		return -E2BIG;
	json_t *const names = json_array();
	for (int i = 0; i < count; i++) {
		const struct group *const group = getgrgid(ids[i]);
		/* A group whose name no ACL file can bear has no rules. */
		if (group && text_name_valid(group->gr_name) && json_array_append_new(names, json_string(group->gr_name))) {
			json_decref(names);
			return -ENOMEM;
		}
	}
	if (!names)
		return -ENOMEM;
	*out = names;
	return 0;
}

/* A user with many devices comes in several rows, one after the other. */
static int add_row(struct people *p, json_t *row)
{
	const char *const user = cli_text(row, "user");
	struct person *const last = p->count ? &p->list[p->count - 1] : NULL;
	json_t *const groups = json_object_get(row, "groups"), *const devices = json_object_get(row, "devices");

	if (last && !strcmp(last->user, user))
		return json_array_extend(last->devices, devices);
	p->list[p->count++] =
		(struct person){.user = user, .groups = json_is_array(groups) ? json_incref(groups) : NULL, .devices = devices};
	return 0;
}

static int compare_people(const void *a, const void *b)
{
	return strcmp(((const struct person *)a)->user, ((const struct person *)b)->user);
}

/* Who is in the directory has the groups of now; who is not, those of the last login. */
static int look_up(struct person *p)
{
	json_t *groups;
	const int r = people_directory_groups(p->user, &groups);

	if (r == -ENOMEM)
		return r;
	if (r == 0) {
		json_decref(p->groups);
		p->groups = groups;
	}
	return 0;
}

/* ---- groups that have devices ---- */

static bool is_group(const struct person *p)
{
	return p->user[0] == '@';
}

static bool in_group(const struct person *p, const char *group)
{
	const json_t *name;
	size_t i;

	json_array_foreach(p->groups, i, name)
	{
		if (!strcmp(json_string_value(name), group))
			return true;
	}
	return false;
}

/* Somebody whom the directory names, unless the person is on the list already. 0 or -ENOMEM. */
static int add_member(struct people *p, const char *user)
{
	for (size_t i = 0; i < p->count; i++)
		if (!strcmp(p->list[i].user, user))
			return 0;
	struct person *const list = reallocarray(p->list, p->count + 1, sizeof *list);
	if (!list)
		return -ENOMEM;
	p->list = list;
	json_t *const row = json_pack("{s:s, s:[]}", "user", user, "devices");
	if (!row || json_array_append_new(p->rows, row))
		return -ENOMEM;
	list[p->count] = (struct person){.user = cli_text(row, "user"), .devices = json_object_get(row, "devices")};
	return look_up(&list[p->count++]);
}

/* Its members by group(5), and those whose primary group it is. New memory; NULL: no such group, or no memory (`r`). */
static json_t *member_names(const char *name, int *r)
{
	const struct group *const group = getgrnam(name);
	const gid_t gid = group ? group->gr_gid : 0;
	const struct passwd *pw;
	json_t *const names = group ? json_array() : NULL;

	*r = !group ? -ENOENT : !names ? -ENOMEM : 0;
	for (char **member = group ? group->gr_mem : NULL; !*r && *member; member++)
		(void)json_array_append_new(names, json_string(*member));
	setpwent();
	while (!*r && (pw = getpwent()))
		if (pw->pw_gid == gid)
			(void)json_array_append_new(names, json_string(pw->pw_name));
	endpwent();
	return names;
}

/* 0; -ENOENT: no such group; -ENOMEM. */
static int add_members(struct people *p, const char *group)
{
	int r;
	/* All first: looking a member up uses the memory that getgrnam(3) answered in. */
	json_t *const names = member_names(group, &r), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (!r && text_name_valid(json_string_value(name)))
			r = add_member(p, json_string_value(name));
	}
	json_decref(names);
	return r;
}

static bool has_device(const struct person *p, const char *id)
{
	const json_t *device;
	size_t i;

	json_array_foreach(p->devices, i, device)
	{
		if (!strcmp(cli_text(device, "id"), id))
			return true;
	}
	return false;
}

static int give_devices(struct person *p, const json_t *devices)
{
	json_t *device;
	size_t i;

	json_array_foreach(devices, i, device)
	{
		if (!has_device(p, cli_text(device, "id")) && json_array_append(p->devices, device))
			return -ENOMEM;
	}
	return 0;
}

/* Puts the members in a group's place: it is they who log in. 0 or -ENOMEM. */
static int expand(struct people *p, bool past)
{
	int r = 0;

	p->partly = json_array();
	for (size_t i = 0; i < p->count && !r; i++) {
		if (!is_group(&p->list[i]))
			continue;
		const char *const name = p->list[i].user;
		r = past ? -ENOENT : add_members(p, name + 1);
		if (r == -ENOENT)
			r = json_array_append_new(p->partly, json_string(name)) ? -ENOMEM : 0;
		for (size_t j = 0; j < p->count && !r; j++)
			if (in_group(&p->list[j], name + 1))
				r = give_devices(&p->list[j], p->list[i].devices);
	}
	size_t kept = 0;
	for (size_t i = 0; i < p->count && !r; i++)
		if (!is_group(&p->list[i]))
			p->list[kept++] = p->list[i];
	p->count = r ? p->count : kept;
	return r;
}

int people_ask(int64_t on, struct people *out)
{
	json_t *rows = NULL, *row, *request = json_pack("{s:s}", "verb", "acl-subjects");
	size_t i;

	if (on && json_object_set_new(request, "on", json_integer(on)))
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	const int code = client_rows(request, &rows);
	if (code)
		return code;
	struct people p = {.rows = rows};
	p.list = calloc(json_array_size(p.rows) + 1, sizeof *p.list);
	bool failed = !p.list;
	json_array_foreach(p.rows, i, row)
	{
		failed = failed || add_row(&p, row);
	}
	for (i = 0; !on && i < p.count && !failed; i++)
		failed = look_up(&p.list[i]) < 0;
	if (failed || expand(&p, on) < 0) {
		people_free(&p);
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	}
	qsort(p.list, p.count, sizeof *p.list, compare_people);
	*out = p;
	return CLI_OK;
}

void people_free(struct people *p)
{
	for (size_t i = 0; i < p->count; i++)
		json_decref(p->list[i].groups);
	free(p->list);
	json_decref(p->partly);
	json_decref(p->rows);
	*p = (struct people){0};
}

const struct person *people_find(const struct people *p, const char *user)
{
	const struct person key = {.user = user};

	return p->count ? bsearch(&key, p->list, p->count, sizeof key, compare_people) : NULL;
}

struct subject people_subject(
	const char *user, const json_t *groups, enum device_class class, const char *room[static GROUPS_MAX])
{
	struct subject s = {.user = user, .groups = room, .device_class = class};
	const json_t *name;
	size_t i;

	json_array_foreach(groups, i, name)
	{
		if (s.group_count < GROUPS_MAX && json_is_string(name))
			room[s.group_count++] = json_string_value(name);
	}
	return s;
}

bool people_has_class(const struct person *p, enum device_class class)
{
	const json_t *device;
	size_t i;

	json_array_foreach(p->devices, i, device)
	{
		if (!strcmp(cli_text(device, "class"), device_class_name(class)))
			return true;
	}
	return false;
}
