/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs that look back: which sets of ACLs there were, and who there was to be judged by them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "gateway/control_internal.h"

enum { ROW_DEVICES = 200 }; /* of one user in one row, which has to fit CONTROL_MAX */

static const char check_ledger[] = "look at the gateway's journal, and at the disk of " PATH_STATE_DIR;

/* ---- generations ---- */

static json_t *networks_json(const char *text)
{
	json_t *array = json_array();
	for (size_t n; *text; text += n + strspn(text + n, " ")) {
		n = strcspn(text, " ");
		(void)json_array_append_new(array, json_stringn(text, n));
	}
	return array;
}

static json_t *generation_json(const struct generation *row, uint64_t in_force)
{
	json_t *changes = json_array();
	for (unsigned i = 0; i < row->change_count; i++)
		(void)json_array_append_new(changes, json_string(row->changes[i]));
	return json_pack("{s:I, s:o, s:o, s:I, s:s, s:s, s:i, s:i, s:I, s:b, s:i, s:o, s:o, s:s}", "generation",
		(json_int_t)row->number, "archived", control_json_time(row->archived), "applied", control_json_time(row->applied),
		"uid", (json_int_t)row->uid, "who", row->who, "sha256", row->sha256, "files", (int)row->files, "rules",
		(int)row->rules, "bytes", (json_int_t)row->bytes, "in_force", row->number == in_force, "changes_total",
		(int)row->change_total, "changes", changes, "internal", networks_json(row->internal), "time_zone",
		row->time_zone);
}

static void history_part(struct exchange *x)
{
	int r = 0;
	for (unsigned i = 0; i < EXCHANGE_PART; i++) {
		struct generation row = {0};
		r = ledger_generation_before(x->gateway->ledger, x->position.number, &row);
		if (r < 0)
			break;
		x->position.number = row.number;
		exchange_row(x, generation_json(&row, x->gateway->generation));
		ledger_generation_clear(&row);
	}
	if (r == -ENOENT)
		exchange_end(x, json_object());
	else if (r < 0)
		exchange_error(x, "failed", check_ledger, "cannot read the ledger: %s", strerror(-r));
}

void control_acl_history(struct exchange *x)
{
	const char *verb;
	if (!exchange_unpack(x, "{s:s}", "verb", &verb))
		return;
	x->position.number = UINT64_MAX;
	x->more = history_part;
	history_part(x);
}

/* ---- subjects ---- */

struct subject_rows {
	struct exchange *x;
	const char *user;
	json_t *groups, *observed, *devices;
};

static void add_row(struct subject_rows *s)
{
	exchange_row(s->x, json_pack("{s:s, s:o, s:O, s:O}", "user", s->user, "devices", s->devices, "groups", s->groups,
				   "observed", s->observed));
	s->devices = json_array();
}

static int add_device(const struct device *d, void *arg)
{
	struct subject_rows *s = arg;
	char id[DEVICE_ID_TEXT];
	if (json_array_size(s->devices) == ROW_DEVICES)
		add_row(s);
	(void)json_array_append_new(s->devices, json_pack("{s:s, s:s, s:s}", "id", device_id_format(d->id, id), "class",
							device_class_name(d->device_class), "label", d->label));
	return 0;
}

static int subject_groups(struct subject_rows *s, int64_t at)
{
	struct user_groups groups = {0};
	int r = ledger_groups_at(s->x->gateway->ledger, s->user, at, &groups);
	if (r == -ENOENT) {
		s->groups = json_null();
		s->observed = json_null();
		return 0;
	}
	if (r < 0)
		return r;
	s->groups = json_array();
	for (unsigned i = 0; i < groups.count; i++)
		(void)json_array_append_new(s->groups, json_string(groups.names[i]));
	s->observed = control_json_time(groups.observed);
	ledger_groups_clear(&groups);
	return 0;
}

static int subject(struct exchange *x, const char *user, int64_t at)
{
	struct subject_rows s = {.x = x, .user = user};
	int r = subject_groups(&s, at);
	if (r < 0)
		return r;
	s.devices = json_array();
	r = ledger_devices_of(x->gateway->ledger, user, at, add_device, &s);
	if (r == 0)
		add_row(&s);
	json_decref(s.devices);
	json_decref(s.groups);
	json_decref(s.observed);
	return r;
}

static void subjects_part(struct exchange *x)
{
	int r = 0;
	for (unsigned i = 0; i < EXCHANGE_PART && !r; i++) {
		r = ledger_user_after(x->gateway->ledger, x->position.name, x->position.at, x->position.name);
		if (!r)
			r = subject(x, x->position.name, x->position.at);
	}
	if (r == -ENOENT)
		exchange_end(x, json_object());
	else if (r < 0)
		exchange_error(x, "failed", check_ledger, "cannot read the ledger: %s", strerror(-r));
}

void control_acl_subjects(struct exchange *x)
{
	const char *verb;
	json_int_t on = 0;
	if (!exchange_unpack(x, "{s:s, s?I}", "verb", &verb, "on", &on))
		return;
	x->position.at = on > 0 ? on : time_now();
	x->more = subjects_part;
	subjects_part(x);
}
