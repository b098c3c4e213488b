/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "gateway/ledger_internal.h"

#define DEVICE                                                                                                                   \
	"SELECT id, public_key, preshared, class, status, label, v4, v6, valid_from, valid_until, created, changed, last_seen, " \
	"last_timestamp, endpoint_ip, endpoint_port, coalesce(replaces, 0), key_since, coalesce(next_key, zeroblob(32)), "           \
	"next_made, next_until FROM device "

enum { FIRST_OFFSET = 2 }; /* after the network's own address and the gateway's */

const char *device_id_format(uint32_t id, char text[static DEVICE_ID_TEXT])
{
	snprintf(text, DEVICE_ID_TEXT, "d%u", id);
	return text;
}

int device_id_parse(const char *text, uint32_t *id)
{
	char again[DEVICE_ID_TEXT], *end;
	if (text[0] != 'd' || text[1] < '1' || text[1] > '9')
		return -EINVAL;
	unsigned long long value = strtoull(text + 1, &end, 10);
	if (*end || value > UINT32_MAX || strcmp(device_id_format((uint32_t)value, again), text))
		return -EINVAL;
	*id = (uint32_t)value;
	return 0;
}

static int device_users(struct ledger *l, struct device *d)
{
	struct query q = query(l, SLOT_DEVICE_USERS, "SELECT name FROM device_user WHERE device = ? ORDER BY position");
	query_put_int(&q, d->id);
	while (query_row(&q) == 1) {
		if (d->user_count == DEVICE_USERS_MAX) {
			q.error = -EUCLEAN;
			break;
		}
		query_text(&q, 0, d->users[d->user_count++], sizeof d->users[0]);
	}
	return query_end(&q);
}

/* Runs a query that begins with DEVICE and is bound, takes its first row, and ends it. */
static int device_take(struct query *q, struct device *out)
{
	char class_name[16], status[16];
	struct device d = {0};
	int r = query_row(q);
	if (r == 1) {
		d.id = (uint32_t)query_int(q, 0);
		query_blob(q, 1, d.public_key.bytes, KEY_SIZE);
		query_blob(q, 2, d.preshared.bytes, KEY_SIZE);
		query_text(q, 3, class_name, sizeof class_name);
		query_text(q, 4, status, sizeof status);
		query_text(q, 5, d.label, sizeof d.label);
		query_addr(q, 6, &d.v4);
		query_addr(q, 7, &d.v6);
		d.valid_from = query_int(q, 8);
		d.valid_until = query_int(q, 9);
		d.created = query_int(q, 10);
		d.changed = query_int(q, 11);
		d.last_seen = query_int(q, 12);
		query_blob(q, 13, d.last_timestamp, TAI64N_SIZE);
		query_addr(q, 14, &d.endpoint.addr);
		d.endpoint.port = (uint16_t)query_int(q, 15);
		d.replaces = (uint32_t)query_int(q, 16);
		d.key_since = query_int(q, 17);
		query_blob(q, 18, d.next_key.bytes, KEY_SIZE);
		d.next_made = query_int(q, 19);
		d.next_until = query_int(q, 20);
		r = query_end(q);
		if (!r && (device_class_parse(class_name, &d.device_class) < 0 || device_status_parse(status, &d.status) < 0))
			r = -EUCLEAN;
		if (!r)
			r = device_users(q->ledger, &d);
	} else {
		r = query_end(q);
		if (!r)
			r = -ENOENT;
	}
	if (!r)
		*out = d;
	secret_wipe(&d, sizeof d);
	return r;
}

int ledger_device_by_id(struct ledger *l, uint32_t id, struct device *out)
{
	struct query q = query(l, SLOT_DEVICE_BY_ID, DEVICE "WHERE id = ?");
	query_put_int(&q, id);
	return device_take(&q, out);
}

int ledger_device_by_address(struct ledger *l, const struct addr *a, struct device *out)
{
	if (!a->family)
		return -ENOENT;
	struct query q = a->family == 4 ? query(l, SLOT_DEVICE_BY_V4, DEVICE "WHERE v4 = ?")
					: query(l, SLOT_DEVICE_BY_V6, DEVICE "WHERE v6 = ?");
	query_put_addr(&q, a);
	return device_take(&q, out);
}

int ledger_device_after(struct ledger *l, uint32_t id, struct device *out)
{
	struct query q = query(l, SLOT_DEVICE_AFTER, DEVICE "WHERE id > ? ORDER BY id LIMIT 1");
	query_put_int(&q, id);
	return device_take(&q, out);
}

int ledger_devices(struct ledger *l, int (*each)(const struct device *d, void *arg), void *arg)
{
	struct device d = {0};
	int r;
	/* One row a run: `each` may call back into the ledger, even change what it is shown. */
	do {
		r = ledger_device_after(l, d.id, &d);
		if (!r)
			r = each(&d, arg);
		else if (r == -ENOENT)
			break;
	} while (!r);
	secret_wipe(&d, sizeof d);
	return r == -ENOENT ? 0 : r;
}

/* The user's next device behind `d`, which starts at id 0, whatever its status. -ENOENT: no more. */
static int registered_after(struct ledger *l, const char *user, struct device *d)
{
	struct query q = query(l, SLOT_DEVICE_OF_USER_AFTER,
		DEVICE "WHERE id = (SELECT min(device) FROM device_user WHERE name = ? AND device > ?)");
	query_put_text(&q, user);
	query_put_int(&q, d->id);
	return device_take(&q, d);
}

int ledger_devices_registered(struct ledger *l, const char *user, int (*each)(const struct device *d, void *arg), void *arg)
{
	struct device d = {0};
	int r;
	while ((r = registered_after(l, user, &d)) == 0) {
		r = each(&d, arg);
		if (r)
			break;
	}
	secret_wipe(&d, sizeof d);
	return r == -ENOENT ? 0 : r;
}

int ledger_devices_of(struct ledger *l, const char *user, int64_t at, int (*each)(const struct device *d, void *arg), void *arg)
{
	struct device d = {0};
	int r;
	do {
		enum device_status status = DEVICE_REVOKED;
		r = registered_after(l, user, &d);
		if (r == -ENOENT)
			break;
		if (!r)
			r = ledger_status_at(l, d.id, at, &status);
		const bool within = at >= d.valid_from && (!d.valid_until || at < d.valid_until);
		if (r == -ENOENT)
			r = 0;
		else if (!r && status == DEVICE_ACTIVE && within)
			r = each(&d, arg);
	} while (!r);
	secret_wipe(&d, sizeof d);
	return r == -ENOENT ? 0 : r;
}

/* The last offset in a network that a device may have. */
static int64_t last_offset(const struct prefix *network)
{
	unsigned host_bits = (network->addr.family == 4 ? 32U : 128U) - network->bits;
	if (network->addr.family == 4)
		return ((int64_t)1 << host_bits) - 2; /* the one after it is the broadcast address */
	return host_bits > 62 ? INT64_MAX - 1 : ((int64_t)1 << host_bits) - 1;
}

static int address_taken(struct ledger *l, const struct addr *a)
{
	struct query q = a->family == 4 ? query(l, SLOT_DEVICE_V4_KNOWN, "SELECT 1 FROM device WHERE v4 = ?")
					: query(l, SLOT_DEVICE_V6_KNOWN, "SELECT 1 FROM device WHERE v6 = ?");
	query_put_addr(&q, a);
	return query_exists(&q);
}

/*
 * The counter belongs to the network, so that a changed tunnel-network starts afresh; addresses given while another,
 * overlapping network was in force are passed over.
 */
static int address_next(struct ledger *l, const struct prefix *network, struct addr *out)
{
	char name[PREFIX_TEXT + 8], text[PREFIX_TEXT];
	struct addr a = {0};
	int64_t offset = FIRST_OFFSET, last;
	if (!network || !network->addr.family) {
		*out = a;
		return 0;
	}
	snprintf(name, sizeof name, "next %s", prefix_format(network, text));
	last = last_offset(network);
	int r = ledger_counter_get(l, name, FIRST_OFFSET, &offset);
	while (!r) {
		if (offset > last || addr_add(&network->addr, (uint64_t)offset, &a) < 0)
			return -EADDRNOTAVAIL;
		offset++;
		r = address_taken(l, &a);
		if (!r)
			break;
		if (r == 1)
			r = 0;
	}
	if (!r)
		r = ledger_counter_set(l, name, offset);
	if (!r)
		*out = a;
	return r;
}

bool ledger_device_valid(const struct device *d)
{
	size_t label = strnlen(d->label, sizeof d->label);
	if (key_is_zero(&d->public_key) || (unsigned)d->device_class >= DEVICE_CLASSES ||
		(unsigned)d->status >= DEVICE_STATUSES || label == sizeof d->label || !text_utf8_valid(d->label, label) ||
		d->user_count > DEVICE_USERS_MAX)
		return false;
	for (unsigned i = 0; i < d->user_count; i++) {
		if (strnlen(d->users[i], sizeof d->users[i]) == sizeof d->users[i] || !text_name_valid(d->users[i]))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(d->users[i], d->users[j]))
				return false;
	}
	return true;
}

int ledger_device_users_insert(struct ledger *l, const struct device *d)
{
	int r = 0;
	for (unsigned i = 0; i < d->user_count && !r; i++) {
		struct query q =
			query(l, SLOT_DEVICE_USER_INSERT, "INSERT INTO device_user (device, position, name) VALUES (?, ?, ?)");
		query_put_int(&q, d->id);
		query_put_int(&q, i);
		query_put_text(&q, d->users[i]);
		r = query_run(&q);
	}
	return r;
}

static int device_insert(struct ledger *l, struct device *d)
{
	struct query q = query(l, SLOT_DEVICE_INSERT,
		"INSERT INTO device (public_key, preshared, class, status, label, v4, v6, valid_from, valid_until, created, "
		"changed, "
		"last_seen, last_timestamp, replaces, key_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?)");
	query_put_blob(&q, d->public_key.bytes, KEY_SIZE);
	query_put_blob(&q, d->preshared.bytes, KEY_SIZE);
	query_put_text(&q, device_class_name(d->device_class));
	query_put_text(&q, device_status_name(d->status));
	query_put_text(&q, d->label);
	query_put_addr(&q, &d->v4);
	query_put_addr(&q, &d->v6);
	query_put_int(&q, d->valid_from);
	query_put_int(&q, d->valid_until);
	query_put_int(&q, d->created);
	query_put_int(&q, d->changed);
	query_put_int(&q, d->last_seen);
	query_put_blob(&q, d->last_timestamp, TAI64N_SIZE);
	query_put_int(&q, d->replaces);
	query_put_int(&q, d->key_since);
	int r = query_run(&q);
	if (r < 0)
		return r;
	d->id = (uint32_t)sqlite3_last_insert_rowid(l->db);
	return ledger_device_users_insert(l, d);
}

int ledger_device_insert(struct ledger *l, struct device *d, const struct prefix *network4, const struct prefix *network6,
	const struct actor *by, int64_t now)
{
	if (!ledger_device_valid(d))
		return -EINVAL;
	struct device new_device = *d;
	new_device.created = new_device.changed = new_device.key_since = now;
	int r = ledger_key_known(l, &d->public_key);
	if (!r)
		r = address_next(l, network4, &new_device.v4);
	if (!r)
		r = address_next(l, network6, &new_device.v6);
	if (!r)
		r = device_insert(l, &new_device);
	if (!r)
		r = ledger_history_add(l, new_device.id, new_device.status, by, NULL, now);
	if (!r)
		*d = new_device;
	secret_wipe(&new_device, sizeof new_device);
	return r;
}

int ledger_device_add(struct ledger *l, struct device *d, const struct prefix *network4, const struct prefix *network6,
	const struct actor *by, int64_t now)
{
	struct device before = *d;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	/* Whoever records it first must see all of it. */
	r = ledger_finish(l, ledger_device_insert(l, d, network4, network6, by, now));
	if (r < 0)
		*d = before;
	secret_wipe(&before, sizeof before);
	return r;
}
