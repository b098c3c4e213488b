/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The status of devices: what it may become, what it was, and who changed it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/ledger_internal.h"

static const char *const status_names[DEVICE_STATUSES] = {"active", "suspended", "lost", "revoked"};

const char *device_status_name(enum device_status s)
{
	return (unsigned)s < DEVICE_STATUSES ? status_names[s] : "unknown";
}

int device_status_parse(const char *text, enum device_status *out)
{
	for (unsigned i = 0; i < DEVICE_STATUSES; i++)
		if (!strcmp(text, status_names[i])) {
			*out = (enum device_status)i;
			return 0;
		}
	return -EINVAL;
}

/* Ends a bound query for one status with its first row. 0, -ENOENT without one, -errno. */
static int status_take(struct query *q, enum device_status *out)
{
	char text[16];
	int found = query_row(q);
	if (found == 1)
		query_text(q, 0, text, sizeof text);
	int r = query_end(q);
	if (r < 0)
		return r;
	if (!found)
		return -ENOENT;
	return device_status_parse(text, out) < 0 ? -EUCLEAN : 0;
}

int ledger_status_at(struct ledger *l, uint32_t id, int64_t at, enum device_status *out)
{
	struct query q = query(l, SLOT_DEVICE_STATUS_AT,
		"SELECT status FROM device_history WHERE device = ? AND since <= ? ORDER BY since DESC, id DESC LIMIT 1");
	query_put_int(&q, id);
	query_put_int(&q, at);
	return status_take(&q, out);
}

bool device_status_allowed(enum device_status from, enum device_status to)
{
	switch (to) {
	case DEVICE_ACTIVE:
		return from == DEVICE_SUSPENDED;
	case DEVICE_SUSPENDED:
		return from == DEVICE_ACTIVE;
	case DEVICE_LOST:
		return from != DEVICE_REVOKED;
	case DEVICE_REVOKED:
		return true;
	default:
		return false;
	}
}

void query_put_actor(struct query *q, const struct actor *by)
{
	if (by && by->role != ROLE_NONE) /* a user on the login page has no uid here */
		query_put_int(q, by->uid);
	else
		query_put_null(q);
	query_put_text(q, by ? by->name : "");
	query_put_text(q, by ? role_name(by->role) : "");
}

int ledger_history_add(
	struct ledger *l, uint32_t id, enum device_status status, const struct actor *by, const char *note, int64_t now)
{
	struct query q = query(l, SLOT_DEVICE_HISTORY_INSERT,
		"INSERT INTO device_history (device, since, status, uid, who, role, note) VALUES (?, ?, ?, ?, ?, ?, ?)");
	query_put_int(&q, id);
	query_put_int(&q, now);
	query_put_text(&q, device_status_name(status));
	query_put_actor(&q, by);
	query_put_text(&q, note ? note : "");
	return query_run(&q);
}

static int status_get(struct ledger *l, uint32_t id, enum device_status *out)
{
	struct query q = query(l, SLOT_DEVICE_STATUS, "SELECT status FROM device WHERE id = ?");
	query_put_int(&q, id);
	return status_take(&q, out);
}

int ledger_device_status(
	struct ledger *l, uint32_t id, enum device_status status, const struct actor *by, const char *note, int64_t now)
{
	enum device_status old = DEVICE_REVOKED;
	if (note && (strnlen(note, DEVICE_NOTE_MAX + 1) > DEVICE_NOTE_MAX || !text_utf8_valid(note, strlen(note))))
		return -EINVAL;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = status_get(l, id, &old);
	if (!r && !device_status_allowed(old, status))
		r = -EPERM;
	if (!r && old != status) {
		struct query q = query(l, SLOT_DEVICE_SET_STATUS, "UPDATE device SET status = ?, changed = ? WHERE id = ?");
		query_put_text(&q, device_status_name(status));
		query_put_int(&q, now);
		query_put_int(&q, id);
		r = query_run(&q);
		if (!r)
			r = ledger_history_add(l, id, status, by, note, now);
	}
	return ledger_finish(l, r);
}

int ledger_device_last_change(struct ledger *l, uint32_t id, struct status_change *out)
{
	struct status_change c = {0};
	char text[16];
	struct query q = query(l, SLOT_DEVICE_LAST_CHANGE,
		"SELECT status, since, coalesce(uid, -1), who, role, note FROM device_history WHERE device = ? "
		"ORDER BY since DESC, id DESC LIMIT 1");
	query_put_int(&q, id);
	int found = query_row(&q);
	if (found == 1) {
		query_text(&q, 0, text, sizeof text);
		c.since = query_int(&q, 1);
		c.uid = query_int(&q, 2);
		query_text(&q, 3, c.who, sizeof c.who);
		query_text(&q, 4, c.role, sizeof c.role);
		query_text(&q, 5, c.note, sizeof c.note);
	}
	int r = query_end(&q);
	if (!r)
		r = found != 1 ? -ENOENT : device_status_parse(text, &c.status) < 0 ? -EUCLEAN : 0;
	if (!r)
		*out = c;
	return r;
}
