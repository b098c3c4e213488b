/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ledger_user.h"

#include <errno.h>
#include <string.h>

#include "gateway/ledger_internal.h"

#define SUSPENSION "SELECT user, since, until, who, role, note FROM user_suspension WHERE ended = 0 "
#define USERS                                                                                                                    \
	"FROM (SELECT DISTINCT name FROM device_user JOIN device ON device.id = device_user.device "                             \
	"WHERE status IN ('active', 'suspended') AND name NOT LIKE '@%') LEFT JOIN account ON user = name "

/* ---- suspensions ---- */

static int end(struct ledger *l, const char *user, int64_t now)
{
	struct query q = query(l, SLOT_SUSPENSION_END, "UPDATE user_suspension SET ended = ? WHERE user = ? AND ended = 0");
	query_put_int(&q, now);
	query_put_text(&q, user);
	const int r = query_run(&q);
	return r < 0 ? r : sqlite3_changes(l->db) ? 0 : -ENOENT;
}

static int begin(struct ledger *l, const char *user, int64_t until, const struct actor *by, const char *note, int64_t now)
{
	struct query q = query(l, SLOT_SUSPENSION_INSERT,
		"INSERT INTO user_suspension (user, since, until, ended, uid, who, role, note) VALUES (?, ?, ?, 0, ?, ?, ?, ?)");
	query_put_text(&q, user);
	query_put_int(&q, now);
	query_put_int(&q, until);
	query_put_actor(&q, by);
	query_put_text(&q, note ? note : "");
	return query_run(&q);
}

int ledger_user_suspend(struct ledger *l, const char *user, int64_t until, const struct actor *by, const char *note, int64_t now)
{
	if (!text_name_valid(user) || now <= 0 || until < 0 ||
		(note && (strnlen(note, DEVICE_NOTE_MAX + 1) > DEVICE_NOTE_MAX || !text_utf8_valid(note, strlen(note)))))
		return -EINVAL;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = end(l, user, now);
	if (!r || r == -ENOENT)
		r = begin(l, user, until, by, note, now);
	return ledger_finish(l, r);
}

int ledger_user_resume(struct ledger *l, const char *user, int64_t now)
{
	int r = ledger_begin(l);
	return r < 0 ? r : ledger_finish(l, end(l, user, now));
}

static int take(struct query *q, struct suspension *out)
{
	struct suspension s = {0};
	const int found = query_row(q);
	if (found == 1) {
		query_text(q, 0, s.user, sizeof s.user);
		s.since = query_int(q, 1);
		s.until = query_int(q, 2);
		query_text(q, 3, s.who, sizeof s.who);
		query_text(q, 4, s.role, sizeof s.role);
		query_text(q, 5, s.note, sizeof s.note);
	}
	int r = query_end(q);
	if (!r && found != 1)
		r = -ENOENT;
	if (!r)
		*out = s;
	return r;
}

int ledger_suspension(struct ledger *l, const char *user, struct suspension *out)
{
	struct query q = query(l, SLOT_SUSPENSION, SUSPENSION "AND user = ?");
	query_put_text(&q, user);
	return take(&q, out);
}

int ledger_suspension_after(struct ledger *l, const char *after, struct suspension *out)
{
	struct query q = query(l, SLOT_SUSPENSION_AFTER, SUSPENSION "AND user > ? ORDER BY user LIMIT 1");
	query_put_text(&q, after);
	return take(&q, out);
}

int ledger_suspension_over(struct ledger *l, int64_t now, struct suspension *out)
{
	struct query q = query(l, SLOT_SUSPENSION_OVER, SUSPENSION "AND until > 0 AND until <= ? ORDER BY until LIMIT 1");
	query_put_int(&q, now);
	return take(&q, out);
}

/* ---- accounts ---- */

int ledger_account_next(struct ledger *l, int64_t before, char out[static USER_NAME_MAX + 1])
{
	struct query q = query(l, SLOT_ACCOUNT_NEXT,
		"SELECT name " USERS "WHERE coalesce(looked, 0) < ? ORDER BY coalesce(looked, 0), name LIMIT 1");
	query_put_int(&q, before);
	return query_name(&q, out);
}

static int count(struct query *q, unsigned *out)
{
	int64_t n = 0;
	if (query_row(q) == 1)
		n = query_int(q, 0);
	const int r = query_end(q);
	if (!r)
		*out = (unsigned)n;
	return r;
}

int ledger_account_users(struct ledger *l, unsigned *out)
{
	struct query q = query(l, SLOT_ACCOUNT_USERS, "SELECT count(*) " USERS);
	return count(&q, out);
}

int ledger_leavers_devices(struct ledger *l, unsigned *out)
{
	struct query q = query(l, SLOT_LEAVERS_DEVICES,
		"SELECT count(DISTINCT device.id) FROM device JOIN device_user ON device.id = device_user.device "
		"JOIN account ON user = name WHERE status IN ('active', 'suspended') AND refused <> ''");
	return count(&q, out);
}

int ledger_account_note(struct ledger *l, const char *user, const char *refused, int64_t now)
{
	struct query q = query(l, SLOT_ACCOUNT_NOTE,
		"INSERT INTO account (user, looked, since, refused) VALUES (?1, ?2, ?2, ?3) ON CONFLICT (user) DO UPDATE SET "
		"looked = ?2, since = iif(refused = ?3, since, ?2), refused = ?3");
	query_put_text(&q, user);
	query_put_int(&q, now);
	query_put_text(&q, refused);
	return query_run(&q);
}

int ledger_account(struct ledger *l, const char *user, char refused[static ACCOUNT_TEXT])
{
	struct query q = query(l, SLOT_ACCOUNT, "SELECT refused FROM account WHERE user = ?");
	query_put_text(&q, user);
	refused[0] = '\0';
	if (query_row(&q) == 1)
		query_text(&q, 0, refused, ACCOUNT_TEXT);
	return query_end(&q);
}

/* ---- sessions ---- */

int ledger_sessions_since(
	struct ledger *l, uint32_t device, int64_t since, bool (*each)(const struct session_row *row, void *arg), void *arg)
{
	struct query q = query(l, SLOT_SESSIONS_SINCE,
		"SELECT serial, user, opened, ended, end_reason, endpoint_ip, endpoint_port, source_bytes, destination_bytes, "
		"connections FROM session WHERE device = ? AND (ended = 0 OR ended >= ?) ORDER BY id");
	query_put_int(&q, device);
	query_put_int(&q, since);
	while (query_row(&q) == 1) {
		struct session_row row = {.device = device};
		row.serial = (uint32_t)query_int(&q, 0);
		query_text(&q, 1, row.user, sizeof row.user);
		row.opened = query_int(&q, 2);
		row.ended = query_int(&q, 3);
		row.end_reason = (uint8_t)query_int(&q, 4);
		query_addr(&q, 5, &row.endpoint.addr);
		row.endpoint.port = (uint16_t)query_int(&q, 6);
		row.source_bytes = (uint64_t)query_int(&q, 7);
		row.destination_bytes = (uint64_t)query_int(&q, 8);
		row.connections = (uint64_t)query_int(&q, 9);
		if (!q.error && !each(&row, arg))
			break;
	}
	return query_end(&q);
}
