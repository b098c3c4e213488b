/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of devices: which device a key is, was or will be of, and how one takes another's place. */
#include <errno.h>
#include <string.h>

#include "common/secret.h"
#include "gateway/ledger_internal.h"

int ledger_device_by_key(struct ledger *l, const struct key *k, struct device *out)
{
	struct device d = {0};
	struct key preshared = {0};
	uint8_t timestamp[TAI64N_SIZE] = {0};
	uint32_t id = 0;
	int64_t use = KEY_CURRENT;
	struct query q = query(l, SLOT_DEVICE_BY_KEY,
		"SELECT id, 0, preshared, last_timestamp FROM device WHERE public_key = ?1 UNION ALL "
		"SELECT id, 1, next_preshared, next_timestamp FROM device WHERE next_key = ?1 UNION ALL "
		"SELECT device, 2 + lapsed, zeroblob(32), last_timestamp FROM former_key WHERE public_key = ?1");
	query_put_blob(&q, k->bytes, KEY_SIZE);
	const int found = query_row(&q);
	if (found == 1) {
		id = (uint32_t)query_int(&q, 0);
		use = query_int(&q, 1);
		query_blob(&q, 2, preshared.bytes, KEY_SIZE);
		query_blob(&q, 3, timestamp, TAI64N_SIZE);
	}
	int r = query_end(&q);
	if (!r)
		r = found == 1 ? ledger_device_by_id(l, id, &d) : -ENOENT;
	if (!r) {
		*out = d;
		out->public_key = *k;
		out->preshared = preshared;
		out->key_use = (enum key_use)use;
		memcpy(out->last_timestamp, timestamp, TAI64N_SIZE);
	}
	secret_wipe(&preshared, sizeof preshared);
	secret_wipe(&d.preshared, sizeof d.preshared);
	return r;
}

int ledger_key_known(struct ledger *l, const struct key *k)
{
	struct query q = query(l, SLOT_DEVICE_KEY_KNOWN,
		"SELECT 1 FROM device WHERE public_key = ?1 UNION ALL SELECT 1 FROM device WHERE next_key = ?1 UNION ALL "
		"SELECT 1 FROM former_key WHERE public_key = ?1");
	query_put_blob(&q, k->bytes, KEY_SIZE);
	int r = query_exists(&q);
	return r == 1 ? -EEXIST : r;
}

/* 0, -ENOENT when nothing was changed, -errno. */
static int run_changing(struct query *q)
{
	int r = query_run(q);
	return r < 0 ? r : sqlite3_changes(q->ledger->db) ? 0 : -ENOENT;
}

int ledger_device_seen(struct ledger *l, uint32_t id, const struct key *key, const uint8_t timestamp[static TAI64N_SIZE],
	const struct endpoint *from, int64_t now)
{
	/* max() of two blobs compares bytewise: an older handshake never moves the mark back. */
	struct query q = query(l, SLOT_DEVICE_SEEN,
		"UPDATE device SET last_seen = ?1, "
		"last_timestamp = CASE WHEN public_key = ?2 THEN max(last_timestamp, ?3) ELSE last_timestamp END, "
		"next_timestamp = CASE WHEN next_key = ?2 THEN max(next_timestamp, ?3) ELSE next_timestamp END, "
		"endpoint_port = CASE WHEN ?4 IS NULL THEN endpoint_port ELSE ?5 END, endpoint_ip = coalesce(?4, endpoint_ip) "
		"WHERE id = ?6 AND (public_key = ?2 OR next_key = ?2)");
	query_put_int(&q, now);
	query_put_blob(&q, key->bytes, KEY_SIZE);
	query_put_blob(&q, timestamp, TAI64N_SIZE);
	query_put_addr(&q, &from->addr);
	query_put_int(&q, from->port);
	query_put_int(&q, id);
	int r = run_changing(&q);
	if (r != -ENOENT)
		return r;
	q = query(l, SLOT_KEY_SEEN_FORMER,
		"UPDATE former_key SET last_timestamp = max(last_timestamp, ?) WHERE public_key = ? AND device = ?");
	query_put_blob(&q, timestamp, TAI64N_SIZE);
	query_put_blob(&q, key->bytes, KEY_SIZE);
	query_put_int(&q, id);
	return run_changing(&q);
}

/* ---- within a transaction ---- */

static int promote(struct ledger *l, uint32_t id, const struct key *next, int64_t now)
{
	struct query q = query(l, SLOT_KEY_RETIRE,
		"INSERT INTO former_key (public_key, device, since, until, lapsed, last_timestamp) "
		"SELECT public_key, id, key_since, ?, 0, last_timestamp FROM device WHERE id = ? AND next_key = ?");
	query_put_int(&q, now);
	query_put_int(&q, id);
	query_put_blob(&q, next->bytes, KEY_SIZE);
	int r = run_changing(&q);
	if (r < 0)
		return r;
	q = query(l, SLOT_KEY_PROMOTE,
		"UPDATE device SET public_key = next_key, preshared = next_preshared, last_timestamp = next_timestamp, "
		"key_since = ?, next_key = NULL, next_preshared = NULL, next_timestamp = NULL, next_made = 0, next_until = 0 "
		"WHERE id = ?");
	query_put_int(&q, now);
	query_put_int(&q, id);
	return run_changing(&q);
}

/* -ENOENT when there is no next key. */
static int lapse(struct ledger *l, uint32_t id, int64_t now)
{
	struct query q = query(l, SLOT_KEY_RETIRE_NEXT,
		"INSERT INTO former_key (public_key, device, since, until, lapsed, last_timestamp) "
		"SELECT next_key, id, next_made, ?, 1, next_timestamp FROM device WHERE id = ? AND next_key IS NOT NULL");
	query_put_int(&q, now);
	query_put_int(&q, id);
	int r = run_changing(&q);
	if (r < 0)
		return r;
	q = query(l, SLOT_KEY_FORGET_NEXT,
		"UPDATE device SET next_key = NULL, next_preshared = NULL, next_timestamp = NULL, next_made = 0, next_until = 0 "
		"WHERE id = ?");
	query_put_int(&q, id);
	return run_changing(&q);
}

/* 0 for a device that may have another key, -EPERM, -ENOENT. */
static int may_rotate(struct ledger *l, uint32_t id)
{
	struct query q = query(l, SLOT_KEY_STATUS, "SELECT status IN ('active', 'suspended') FROM device WHERE id = ?");
	query_put_int(&q, id);
	const int found = query_row(&q);
	const bool may = found == 1 && query_int(&q, 0) == 1;
	int r = query_end(&q);
	return r < 0 ? r : found != 1 ? -ENOENT : may ? 0 : -EPERM;
}

static int set_next(struct ledger *l, uint32_t id, const struct key_pair *next, int64_t until, int64_t now)
{
	struct query q = query(l, SLOT_KEY_SET_NEXT,
		"UPDATE device SET next_key = ?, next_preshared = ?, next_timestamp = zeroblob(12), next_made = ?, next_until = "
		"? "
		"WHERE id = ?");
	query_put_blob(&q, next->public_key.bytes, KEY_SIZE);
	query_put_blob(&q, next->preshared.bytes, KEY_SIZE);
	query_put_int(&q, now);
	query_put_int(&q, until);
	query_put_int(&q, id);
	return run_changing(&q);
}

/* ---- changes ---- */

int ledger_device_rotate(struct ledger *l, uint32_t id, const struct key_pair *next, int64_t until, bool at_once, int64_t now)
{
	if (key_is_zero(&next->public_key))
		return -EINVAL;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = may_rotate(l, id);
	if (!r)
		r = ledger_key_known(l, &next->public_key);
	if (!r) {
		r = lapse(l, id, now);
		if (r == -ENOENT)
			r = 0;
	}
	if (!r)
		r = set_next(l, id, next, until, now);
	if (!r && at_once)
		r = promote(l, id, &next->public_key, now);
	return ledger_finish(l, r);
}

int ledger_key_promote(struct ledger *l, uint32_t id, const struct key *next, int64_t now)
{
	int r = ledger_begin(l);
	return r < 0 ? r : ledger_finish(l, promote(l, id, next, now));
}

int ledger_key_lapse(struct ledger *l, uint32_t id, int64_t now)
{
	int r = ledger_begin(l);
	return r < 0 ? r : ledger_finish(l, lapse(l, id, now));
}

int ledger_key_overdue(struct ledger *l, int64_t now, uint32_t *id)
{
	struct query q = query(l, SLOT_KEY_OVERDUE,
		"SELECT id FROM device WHERE next_key IS NOT NULL AND next_until <= ? AND status IN ('active', 'suspended') "
		"LIMIT 1");
	query_put_int(&q, now);
	const int found = query_row(&q);
	const int64_t first = found == 1 ? query_int(&q, 0) : 0;
	int r = query_end(&q);
	if (!r && found != 1)
		r = -ENOENT;
	if (!r)
		*id = (uint32_t)first;
	return r;
}
