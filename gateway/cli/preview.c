/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/preview.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "config/policy_diff.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/people.h"
#include "gateway/cli/preview_session.h"

struct maker {
	const struct policy *before, *after;
	int64_t now;
	struct policy_changes files;
	const char **touched; /* files in which something that matters has changed; sorted */
	size_t touched_count;
	struct people people;
	json_t *out;
};

static int say_failed(int error)
{
	return cli_fail(CLI_FAILED,
		error == -E2BIG ? "somebody's rules come to too many ranges: use networks and ranges"
				: "free some memory and try again",
		"cannot compare: %s", strerror(-error));
}

static const char *kind_word(enum policy_change_kind kind)
{
	static const char *const words[POLICY_CHANGES] = {
		[CHANGE_FILE_ADDED] = "new",
		[CHANGE_FILE_REMOVED] = "removed",
		[CHANGE_GAINS] = "gains",
		[CHANGE_LOSES] = "loses",
		[CHANGE_DENIES] = "denies",
		[CHANGE_DENIES_NO_MORE] = "denies-no-more",
		[CHANGE_ADDS] = "adds",
		[CHANGE_REMOVES] = "removes",
		[CHANGE_REWORDED] = "reworded",
	};
	return words[kind];
}

json_t *preview_changes(const struct policy_changes *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->count; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s?, s:s, s:s, s:b}", "file", c->change[i].file, "change",
				      kind_word(c->change[i].kind), "text", c->change[i].text, "loss", (int)c->change[i].loss));
	return list;
}

/* ---- files ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_files(struct maker *m)
{
	int r = policy_diff(m->before, m->after, m->now, &m->files);

	if (r < 0)
		return r;
	m->touched = calloc(m->files.count + 1, sizeof(char *));
	if (!m->touched)
		return -ENOMEM;
	for (size_t i = 0; i < m->files.count; i++)
		if (m->files.change[i].kind != CHANGE_REWORDED)
			m->touched[m->touched_count++] = m->files.change[i].file;
	qsort(m->touched, m->touched_count, sizeof(char *), compare_names);
	json_object_set_new(m->out, "files", preview_changes(&m->files));
	json_object_set_new(m->out, "loss", json_boolean(m->files.loss));
	return 0;
}

static bool touched(const struct maker *m, const char *folder, const char *name)
{
	char path[USER_NAME_MAX + 32];
	const char *key = path;

	snprintf(path, sizeof path, "%s/%s.acl", folder, name);
	return m->touched_count && bsearch(&key, m->touched, m->touched_count, sizeof(char *), compare_names);
}

/* Has anything changed in the files of a subject? Most people are done with this. */
static bool concerned(const struct maker *m, const struct subject *s)
{
	bool any = touched(m, "users", s->user) || touched(m, "devices", device_class_name(s->device_class));

	for (size_t i = 0; i < s->group_count && !any; i++)
		any = touched(m, "groups", s->groups[i]);
	return any;
}

/* ---- people ---- */

/* People of one class for whom the same changes. */
struct fate {
	struct fate *next;
	struct policy_changes changes;
	json_t *users;
};

static int add_to_fate(struct fate **fates, struct policy_changes *changes, const char *user)
{
	for (; *fates; fates = &(*fates)->next)
		if (policy_changes_equal(&(*fates)->changes, changes)) {
			policy_changes_free(changes);
			return json_array_append_new((*fates)->users, json_string(user)) ? -ENOMEM : 0;
		}
	struct fate *const fresh = calloc(1, sizeof *fresh);
	if (!fresh) {
		policy_changes_free(changes);
		return -ENOMEM;
	}
	*fresh = (struct fate){.changes = *changes, .users = json_pack("[s]", user)};
	*fates = fresh;
	return 0;
}

static int judge_class(struct maker *m, enum device_class class, struct fate **fates)
{
	const char *room[GROUPS_MAX];
	int r = 0;

	for (size_t i = 0; i < m->people.count && !r; i++) {
		const struct person *const p = &m->people.list[i];
		struct policy_changes changes;
		const struct subject s = people_subject(p->user, p->groups, class, room);
		if (!people_has_class(p, class) || !concerned(m, &s))
			continue;
		r = policy_diff_subject(m->before, m->after, &s, m->now, &changes);
		if (!r && changes.count)
			r = add_to_fate(fates, &changes, p->user);
		else if (!r)
			policy_changes_free(&changes);
	}
	return r;
}

static int judge_people(struct maker *m)
{
	json_t *list = json_array();
	int r = 0;

	for (unsigned class = 0; class < DEVICE_CLASSES && !r; class ++) {
		struct fate *fates = NULL, *next;
		r = judge_class(m, (enum device_class) class, &fates);
		for (; fates; fates = next) {
			next = fates->next;
			if (fates->changes.loss)
				json_object_set_new(m->out, "loss", json_true());
			(void)json_array_append_new(
				list, json_pack("{s:o, s:s, s:b, s:o}", "users", fates->users, "class",
					      device_class_name((enum device_class) class), "loss", (int)fates->changes.loss,
					      "changes", preview_changes(&fates->changes)));
			policy_changes_free(&fates->changes);
			free(fates);
		}
	}
	json_object_set_new(m->out, "people", list);
	return r;
}

static void note_unknown(struct maker *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->people.count; i++)
		if (!m->people.list[i].groups)
			(void)json_array_append_new(list, json_string(m->people.list[i].user));
	json_object_set_new(m->out, "unknown", list);
}

/* ---- sessions ---- */

static int judge_sessions(struct maker *m)
{
	json_t *rows, *row, *list = json_array();
	struct preview_judge judge = {.before = m->before, .after = m->after, .now = m->now};
	size_t i;
	int r = 0;

	int code = client_rows(json_pack("{s:s}", "verb", "session-list"), &rows);
	if (code) {
		json_decref(list);
		return code;
	}
	preview_judge_settings(&judge);
	json_array_foreach(rows, i, row)
	{
		r = r ? r : preview_session(&judge, row, list);
	}
	json_object_set_new(m->out, "sessions", list);
	if (judge.loss)
		json_object_set_new(m->out, "loss", json_true());
	json_decref(rows);
	return r < 0 ? say_failed(r) : CLI_OK;
}

static int ask_gateway(struct maker *m)
{
	int code = people_ask(0, &m->people);
	if (code)
		return code;
	note_unknown(m);
	const int r = judge_people(m);
	return r < 0 ? say_failed(r) : judge_sessions(m);
}

int preview_make(const struct aclset *before, const struct aclset *after, bool ask, json_t **out)
{
	struct maker m = {.before = before->policy, .after = after->policy, .now = time_now()};
	char digest[POLICY_DIGEST_TEXT];
	int code = CLI_OK;

	aclset_local_time(); /* that of a generation may have been another */
	m.out = json_pack(
		"{s:O, s:O, s:n, s:n, s:n}", "before", before->origin, "after", after->origin, "people", "sessions", "unknown");
	int r = m.out ? policy_digest(after->policy, digest) : -ENOMEM;
	if (!r) {
		json_object_set_new(m.out, "sha256", json_string(digest));
		r = compare_files(&m);
	}
	if (r < 0)
		code = say_failed(r);
	else if (ask)
		code = ask_gateway(&m);
	policy_changes_free(&m.files);
	free(m.touched);
	people_free(&m.people);
	if (code)
		json_decref(m.out);
	else
		*out = m.out;
	return code;
}

bool preview_loss(const json_t *preview)
{
	return json_is_true(json_object_get(preview, "loss"));
}

bool preview_empty(const json_t *preview)
{
	const json_t *change;
	size_t i;

	json_array_foreach(json_object_get(preview, "files"), i, change)
	{
		if (strcmp(cli_text(change, "change"), "reworded") != 0)
			return false;
	}
	return json_array_size(json_object_get(preview, "sessions")) == 0;
}
