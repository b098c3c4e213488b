/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/ledger_internal.h"

#define GENERATION                                                                                                               \
	"SELECT number, archived, applied, uid, who, sha256, files, rules, bytes, internal, time_zone, change_total FROM "       \
	"generation "

void ledger_generation_clear(struct generation *g)
{
	free(g->changes);
	g->changes = NULL;
	g->change_count = 0;
}

int ledger_generation_next(struct ledger *l, uint64_t *out)
{
	int64_t generation = 0;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_counter_get(l, "acl-generation", 0, &generation);
	if (r == 0)
		r = ledger_counter_set(l, "acl-generation", ++generation);
	r = ledger_finish(l, r);
	if (r == 0)
		*out = (uint64_t)generation;
	return r;
}

static bool fits(const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	return length < size && text_utf8_valid(text, length);
}

static bool generation_valid(const struct generation *g)
{
	if (!fits(g->who, sizeof g->who) || !fits(g->sha256, sizeof g->sha256) || !fits(g->internal, sizeof g->internal) ||
		!fits(g->time_zone, sizeof g->time_zone) || g->change_count > GENERATION_CHANGES_MAX)
		return false;
	for (unsigned i = 0; i < g->change_count; i++)
		if (!fits(g->changes[i], sizeof g->changes[i]))
			return false;
	return true;
}

static int generation_insert(struct ledger *l, const struct generation *g)
{
	struct query q = query(l, SLOT_GENERATION_INSERT,
		"INSERT INTO generation (number, archived, applied, uid, who, sha256, files, rules, bytes, internal, time_zone, "
		"change_total) "
		"VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	query_put_int(&q, (int64_t)g->number);
	query_put_int(&q, g->archived);
	query_put_int(&q, g->uid);
	query_put_text(&q, g->who);
	query_put_text(&q, g->sha256);
	query_put_int(&q, g->files);
	query_put_int(&q, g->rules);
	query_put_int(&q, (int64_t)g->bytes);
	query_put_text(&q, g->internal);
	query_put_text(&q, g->time_zone);
	query_put_int(&q, g->change_total);
	int r = query_run(&q);
	for (unsigned i = 0; i < g->change_count && !r; i++) {
		q = query(l, SLOT_GENERATION_CHANGE_INSERT,
			"INSERT INTO generation_change (generation, position, text) VALUES (?, ?, ?)");
		query_put_int(&q, (int64_t)g->number);
		query_put_int(&q, i);
		query_put_text(&q, g->changes[i]);
		r = query_run(&q);
	}
	return r;
}

int ledger_generation_add(struct ledger *l, const struct generation *g)
{
	if (!generation_valid(g))
		return -EINVAL;
	int r = ledger_begin(l);
	return r < 0 ? r : ledger_finish(l, generation_insert(l, g));
}

int ledger_generation_enforce(struct ledger *l, uint64_t number, int64_t now)
{
	struct query q = query(l, SLOT_GENERATION_APPLIED,
		"UPDATE generation SET applied = ? WHERE number = ? AND applied = 0 "
		"AND number > (SELECT coalesce(max(number), 0) FROM generation WHERE applied > 0)");
	query_put_int(&q, now);
	query_put_int(&q, (int64_t)number);
	int r = query_run(&q);
	return r < 0 ? r : sqlite3_changes(l->db) ? 0 : -ENOENT;
}

int ledger_generation_drop(struct ledger *l, uint64_t number)
{
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	struct query q = query(l, SLOT_GENERATION_CHANGES_FORGET,
		"DELETE FROM generation_change WHERE generation = (SELECT number FROM generation WHERE number = ? AND applied = "
		"0)");
	query_put_int(&q, (int64_t)number);
	r = query_run(&q);
	if (!r) {
		q = query(l, SLOT_GENERATION_FORGET, "DELETE FROM generation WHERE number = ? AND applied = 0");
		query_put_int(&q, (int64_t)number);
		r = query_run(&q);
	}
	if (!r && !sqlite3_changes(l->db))
		r = -ENOENT;
	return ledger_finish(l, r);
}

static int changes_take(struct ledger *l, struct generation *g)
{
	g->changes = calloc(GENERATION_CHANGES_MAX, sizeof *g->changes);
	if (!g->changes)
		return -ENOMEM;
	struct query q = query(
		l, SLOT_GENERATION_CHANGES, "SELECT text FROM generation_change WHERE generation = ? ORDER BY position LIMIT ?");
	query_put_int(&q, (int64_t)g->number);
	query_put_int(&q, GENERATION_CHANGES_MAX);
	while (query_row(&q) == 1)
		query_text(&q, 0, g->changes[g->change_count++], sizeof *g->changes);
	return query_end(&q);
}

/* Runs a query that begins with GENERATION and is bound, takes its first row, and ends it. */
static int generation_take(struct query *q, struct generation *out)
{
	struct generation g = {0};
	int found = query_row(q);
	if (found == 1) {
		g.number = (uint64_t)query_int(q, 0);
		g.archived = query_int(q, 1);
		g.applied = query_int(q, 2);
		g.uid = (uint32_t)query_int(q, 3);
		query_text(q, 4, g.who, sizeof g.who);
		query_text(q, 5, g.sha256, sizeof g.sha256);
		g.files = (unsigned)query_int(q, 6);
		g.rules = (unsigned)query_int(q, 7);
		g.bytes = (uint64_t)query_int(q, 8);
		query_text(q, 9, g.internal, sizeof g.internal);
		query_text(q, 10, g.time_zone, sizeof g.time_zone);
		g.change_total = (unsigned)query_int(q, 11);
	}
	int r = query_end(q);
	if (!r && !found)
		r = -ENOENT;
	if (!r)
		r = changes_take(q->ledger, &g);
	if (!r)
		*out = g;
	else
		ledger_generation_clear(&g);
	return r;
}

int ledger_generation_in_force(struct ledger *l, struct generation *out)
{
	struct query q = query(l, SLOT_GENERATION_IN_FORCE, GENERATION "WHERE applied > 0 ORDER BY number DESC LIMIT 1");
	return generation_take(&q, out);
}

int ledger_generation_before(struct ledger *l, uint64_t number, struct generation *out)
{
	struct query q = query(l, SLOT_GENERATION_BEFORE, GENERATION "WHERE number < ? ORDER BY number DESC LIMIT 1");
	query_put_int(&q, number > INT64_MAX ? INT64_MAX : (int64_t)number);
	return generation_take(&q, out);
}

int ledger_generation_totals(struct ledger *l, uint64_t *count, uint64_t *bytes)
{
	uint64_t totals[2] = {0};
	struct query q = query(l, SLOT_GENERATION_TOTALS, "SELECT count(*), coalesce(sum(bytes), 0) FROM generation");
	if (query_row(&q) == 1) {
		totals[0] = (uint64_t)query_int(&q, 0);
		totals[1] = (uint64_t)query_int(&q, 1);
	}
	int r = query_end(&q);
	if (!r) {
		*count = totals[0];
		*bytes = totals[1];
	}
	return r;
}
