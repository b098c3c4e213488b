/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/firewall.h"
#include "gateway/ledger_internal.h"

#define SESSION                                                                                                                  \
	"SELECT id, serial, device, user, opened, expires, ended, end_reason, endpoint_ip, endpoint_port, source_bytes, "        \
	"source_packets, "                                                                                                       \
	"destination_bytes, destination_packets, connections, renewed FROM session "

void ledger_session_clear(struct session_row *row)
{
	free(row->groups);
	row->groups = NULL;
	row->group_count = 0;
}

static bool session_valid(const struct session_row *row)
{
	if (strnlen(row->user, sizeof row->user) == sizeof row->user || !text_name_valid(row->user) ||
		row->group_count > GROUPS_MAX)
		return false;
	for (unsigned i = 0; i < row->group_count; i++)
		if (strnlen(row->groups[i], sizeof row->groups[i]) == sizeof row->groups[i] || !text_name_valid(row->groups[i]))
			return false;
	return true;
}

static int device_is_free(struct ledger *l, uint32_t device)
{
	struct query q = query(l, SLOT_SESSION_DEVICE_LIVE, "SELECT 1 FROM session WHERE device = ? AND ended = 0");
	query_put_int(&q, device);
	int r = query_exists(&q);
	return r == 1 ? -EBUSY : r;
}

static int serial_next(struct ledger *l, uint32_t *out)
{
	int64_t serial = 1;
	int r = ledger_counter_get(l, "next serial", 1, &serial);
	for (unsigned tries = 0; !r && tries < SESSION_SERIAL_MAX; tries++) {
		if (serial < 1 || serial > SESSION_SERIAL_MAX)
			serial = 1;
		struct query q = query(l, SLOT_SESSION_SERIAL_LIVE, "SELECT 1 FROM session WHERE serial = ? AND ended = 0");
		query_put_int(&q, serial);
		r = query_exists(&q);
		if (!r) {
			*out = (uint32_t)serial;
			return ledger_counter_set(l, "next serial", serial + 1);
		}
		if (r == 1)
			r = 0;
		serial++;
	}
	return r < 0 ? r : -EUSERS;
}

static void put_totals(struct query *q, const struct session_row *row)
{
	query_put_int(q, (int64_t)row->source_bytes);
	query_put_int(q, (int64_t)row->source_packets);
	query_put_int(q, (int64_t)row->destination_bytes);
	query_put_int(q, (int64_t)row->destination_packets);
	query_put_int(q, (int64_t)row->connections);
}

static int groups_insert(struct ledger *l, int64_t id, const struct session_row *row)
{
	int r = 0;
	for (unsigned i = 0; i < row->group_count && !r; i++) {
		struct query q = query(
			l, SLOT_SESSION_GROUP_INSERT, "INSERT INTO session_group (session, position, name) VALUES (?, ?, ?)");
		query_put_int(&q, id);
		query_put_int(&q, i);
		query_put_text(&q, row->groups[i]);
		r = query_run(&q);
	}
	return r;
}

static int session_insert(struct ledger *l, const struct session_row *row, uint32_t serial)
{
	struct query q = query(l, SLOT_SESSION_INSERT,
		"INSERT INTO session (serial, device, user, opened, expires, ended, end_reason, endpoint_ip, endpoint_port, "
		"source_bytes, "
		"source_packets, destination_bytes, destination_packets, connections) VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, "
		"?, ?, ?)");
	query_put_int(&q, serial);
	query_put_int(&q, row->device);
	query_put_text(&q, row->user);
	query_put_int(&q, row->opened);
	query_put_int(&q, row->expires);
	query_put_addr(&q, &row->endpoint.addr);
	query_put_int(&q, row->endpoint.port);
	put_totals(&q, row);
	int r = query_run(&q);
	return r < 0 ? r : groups_insert(l, sqlite3_last_insert_rowid(l->db), row);
}

int ledger_session_open(struct ledger *l, struct session_row *row)
{
	uint32_t serial = 0;
	if (!session_valid(row))
		return -EINVAL;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = device_is_free(l, row->device);
	if (!r)
		r = serial_next(l, &serial);
	if (!r)
		r = session_insert(l, row, serial);
	r = ledger_finish(l, r);
	if (!r)
		row->serial = serial;
	return r;
}

int ledger_session_end(struct ledger *l, const struct session_row *row)
{
	if (row->ended <= 0 || row->end_reason == END_NONE || row->end_reason >= SESSION_ENDS)
		return -EINVAL;
	struct query q = query(l, SLOT_SESSION_END,
		"UPDATE session SET source_bytes = ?, source_packets = ?, destination_bytes = ?, destination_packets = ?, "
		"connections = ?, "
		"ended = ?, end_reason = ? WHERE serial = ? AND ended = 0");
	put_totals(&q, row);
	query_put_int(&q, row->ended);
	query_put_int(&q, row->end_reason);
	query_put_int(&q, row->serial);
	int r = query_run(&q);
	return r < 0 ? r : sqlite3_changes(l->db) ? 0 : -ENOENT;
}

static int session_save(struct ledger *l, const struct session_row *row)
{
	struct query q = query(l, SLOT_SESSION_SAVE,
		"UPDATE session SET source_bytes = ?, source_packets = ?, destination_bytes = ?, destination_packets = ?, "
		"connections = ?, expires = ? "
		"WHERE serial = ? AND ended = 0");
	put_totals(&q, row);
	query_put_int(&q, row->expires);
	query_put_int(&q, row->serial);
	return query_run(&q);
}

int ledger_sessions_save(struct ledger *l, const struct session_row *(*next)(void *arg), void *arg)
{
	const struct session_row *row;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	while (!r && (row = next(arg)))
		r = session_save(l, row);
	return ledger_finish(l, r);
}

int ledger_session_renew(struct ledger *l, const struct session_row *row)
{
	struct query q =
		query(l, SLOT_SESSION_RENEW, "UPDATE session SET renewed = ?, expires = ? WHERE serial = ? AND ended = 0");
	query_put_int(&q, row->renewed);
	query_put_int(&q, row->expires);
	query_put_int(&q, row->serial);
	int r = query_run(&q);
	return r < 0 ? r : sqlite3_changes(l->db) ? 0 : -ENOENT;
}

static int live_id(struct ledger *l, uint32_t serial, int64_t *out)
{
	struct query q = query(l, SLOT_SESSION_LIVE_ID, "SELECT id FROM session WHERE serial = ? AND ended = 0");
	query_put_int(&q, serial);
	int found = query_row(&q);
	if (found == 1)
		*out = query_int(&q, 0);
	int r = query_end(&q);
	return r < 0 ? r : found ? 0 : -ENOENT;
}

int ledger_session_regroup(struct ledger *l, const struct session_row *row)
{
	int64_t id = 0;
	if (!session_valid(row))
		return -EINVAL;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = live_id(l, row->serial, &id);
	if (!r) {
		struct query q = query(l, SLOT_SESSION_GROUPS_FORGET, "DELETE FROM session_group WHERE session = ?");
		query_put_int(&q, id);
		r = query_run(&q);
	}
	if (!r)
		r = groups_insert(l, id, row);
	return ledger_finish(l, r);
}

/* Runs a query that begins with SESSION and is bound, takes its first row, and ends it. */
static int session_take(struct query *q, struct session_row *out, int64_t *id)
{
	struct session_row row = {0};
	int found = query_row(q);
	if (found == 1) {
		*id = query_int(q, 0);
		row.serial = (uint32_t)query_int(q, 1);
		row.device = (uint32_t)query_int(q, 2);
		query_text(q, 3, row.user, sizeof row.user);
		row.opened = query_int(q, 4);
		row.expires = query_int(q, 5);
		row.ended = query_int(q, 6);
		row.end_reason = (uint8_t)query_int(q, 7);
		query_addr(q, 8, &row.endpoint.addr);
		row.endpoint.port = (uint16_t)query_int(q, 9);
		row.source_bytes = (uint64_t)query_int(q, 10);
		row.source_packets = (uint64_t)query_int(q, 11);
		row.destination_bytes = (uint64_t)query_int(q, 12);
		row.destination_packets = (uint64_t)query_int(q, 13);
		row.connections = (uint64_t)query_int(q, 14);
		row.renewed = query_int(q, 15);
	}
	int r = query_end(q);
	if (!r && !found)
		r = -ENOENT;
	if (!r)
		*out = row;
	return r;
}

static int session_groups(struct ledger *l, int64_t id, struct session_row *row)
{
	row->groups = calloc(GROUPS_MAX, sizeof *row->groups);
	if (!row->groups)
		return -ENOMEM;
	struct query q =
		query(l, SLOT_SESSION_GROUPS, "SELECT name FROM session_group WHERE session = ? ORDER BY position LIMIT ?");
	query_put_int(&q, id);
	query_put_int(&q, GROUPS_MAX);
	while (query_row(&q) == 1)
		query_text(&q, 0, row->groups[row->group_count++], sizeof *row->groups);
	return query_end(&q);
}

int ledger_sessions_live(struct ledger *l, int (*each)(const struct session_row *row, void *arg), void *arg)
{
	int64_t id = 0;
	int r;
	/* One row a run: `each` may call back into the ledger, even end the session it is shown. */
	do {
		struct session_row row = {0};
		struct query q = query(l, SLOT_SESSION_LIVE_AFTER, SESSION "WHERE ended = 0 AND id > ? ORDER BY id LIMIT 1");
		query_put_int(&q, id);
		r = session_take(&q, &row, &id);
		if (r == -ENOENT)
			return 0;
		if (!r)
			r = session_groups(l, id, &row);
		if (!r)
			r = each(&row, arg);
		ledger_session_clear(&row);
	} while (!r);
	return r;
}

int ledger_session_last(struct ledger *l, uint32_t device, struct session_row *out)
{
	int64_t id = 0;
	struct query q = query(l, SLOT_SESSION_LAST, SESSION "WHERE device = ? AND ended > 0 ORDER BY id DESC LIMIT 1");
	query_put_int(&q, device);
	return session_take(&q, out, &id);
}
