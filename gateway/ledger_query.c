/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "gateway/ledger_internal.h"

static int system_errno(sqlite3 *db, int otherwise)
{
	int error = db ? sqlite3_system_errno(db) : 0;
	return error > 0 ? -error : -otherwise;
}

/* https://www.sqlite.org/rescode.html: the low byte is the primary code. */
int ledger_errno(sqlite3 *db, int code)
{
	switch (code) {
	case SQLITE_IOERR_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
		return -EEXIST;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return -ENOENT;
	case SQLITE_READONLY_DIRECTORY: /* the -wal file cannot be created */
		return -EACCES;
	default:
		break;
	}
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return -EINVAL;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return system_errno(db, EACCES);
	default:
		return system_errno(db, EIO);
	}
}

int ledger_integer(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	int r = code == SQLITE_DONE ? -EIO : ledger_errno(db, code);
	sqlite3_finalize(s);
	return r;
}

struct query query(struct ledger *l, enum ledger_slot slot, const char *sql)
{
	struct query q = {.ledger = l};
	if (!l->statements[slot])
		q.error = ledger_errno(
			l->db, sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &l->statements[slot], NULL));
	q.statement = l->statements[slot];
	return q;
}

static void bound(struct query *q, int code)
{
	if (!q->error)
		q->error = ledger_errno(q->ledger->db, code);
}

void query_put_int(struct query *q, int64_t v)
{
	if (!q->error)
		bound(q, sqlite3_bind_int64(q->statement, ++q->bound, v));
}

void query_put_null(struct query *q)
{
	if (!q->error)
		bound(q, sqlite3_bind_null(q->statement, ++q->bound));
}

void query_put_blob(struct query *q, const void *data, size_t size)
{
	if (!q->error)
		bound(q, sqlite3_bind_blob64(q->statement, ++q->bound, data, size, SQLITE_STATIC));
}

void query_put_text(struct query *q, const char *text)
{
	if (!q->error)
		bound(q, sqlite3_bind_text(q->statement, ++q->bound, text, -1, SQLITE_STATIC));
}

void query_put_addr(struct query *q, const struct addr *a)
{
	if (a->family)
		query_put_blob(q, a->bytes, addr_size(a));
	else
		query_put_null(q);
}

int query_row(struct query *q)
{
	if (q->error)
		return q->error;
	int code = sqlite3_step(q->statement);
	if (code == SQLITE_ROW)
		return 1;
	q->error = ledger_errno(q->ledger->db, code);
	return q->error;
}

int64_t query_int(struct query *q, int column)
{
	return q->error ? 0 : sqlite3_column_int64(q->statement, column);
}

void query_blob(struct query *q, int column, void *out, size_t size)
{
	if (q->error)
		return;
	const void *data = sqlite3_column_blob(q->statement, column);
	if (data && (size_t)sqlite3_column_bytes(q->statement, column) == size)
		memcpy(out, data, size);
	else
		q->error = -EUCLEAN;
}

void query_text(struct query *q, int column, char *out, size_t size)
{
	if (q->error)
		return;
	const unsigned char *text = sqlite3_column_text(q->statement, column);
	size_t length = (size_t)sqlite3_column_bytes(q->statement, column);
	if (text && length < size && !memchr(text, 0, length) && text_utf8_valid((const char *)text, length))
		memcpy(out, text, length + 1);
	else
		q->error = -EUCLEAN;
}

void query_addr(struct query *q, int column, struct addr *out)
{
	struct addr a = {0};
	if (q->error)
		return;
	if (sqlite3_column_type(q->statement, column) != SQLITE_NULL) {
		a.family = sqlite3_column_bytes(q->statement, column) == 4 ? 4 : 6;
		query_blob(q, column, a.bytes, addr_size(&a));
	}
	if (!q->error)
		*out = a;
}

int query_end(struct query *q)
{
	/* A failed run's error comes back from sqlite3_reset() once more; it was taken already. */
	sqlite3_reset(q->statement);
	sqlite3_clear_bindings(q->statement);
	return q->error;
}

int query_run(struct query *q)
{
	query_row(q);
	return query_end(q);
}

int query_exists(struct query *q)
{
	int found = query_row(q);
	int r = query_end(q);
	return r < 0 ? r : found;
}

int query_name(struct query *q, char out[static USER_NAME_MAX + 1])
{
	char name[USER_NAME_MAX + 1];
	int found = query_row(q);
	if (found == 1)
		query_text(q, 0, name, sizeof name);
	int r = query_end(q);
	if (!r && found != 1)
		r = -ENOENT;
	if (!r)
		memcpy(out, name, sizeof name);
	return r;
}

int ledger_begin(struct ledger *l)
{
	struct query q = query(l, SLOT_BEGIN, "BEGIN IMMEDIATE");
	return query_run(&q);
}

void ledger_record_first(struct ledger *l, int (*record)(void *arg), void *arg)
{
	l->record = record;
	l->record_arg = arg;
}

int ledger_finish(struct ledger *l, int result)
{
	if (!result && l->record)
		result = l->record(l->record_arg);
	l->record = NULL;
	if (!result) {
		struct query q = query(l, SLOT_COMMIT, "COMMIT");
		result = query_run(&q);
	}
	/* Some errors (full disk) have rolled back already, see https://www.sqlite.org/lang_transaction.html. */
	if (result && !sqlite3_get_autocommit(l->db)) {
		struct query q = query(l, SLOT_ROLLBACK, "ROLLBACK");
		query_run(&q);
	}
	return result;
}

int ledger_counter_get(struct ledger *l, const char *name, int64_t start, int64_t *out)
{
	struct query q = query(l, SLOT_COUNTER_GET, "SELECT value FROM counter WHERE name = ?");
	query_put_text(&q, name);
	int64_t value = query_row(&q) == 1 ? query_int(&q, 0) : start;
	int r = query_end(&q);
	if (!r)
		*out = value;
	return r;
}

int ledger_counter_set(struct ledger *l, const char *name, int64_t value)
{
	struct query q = query(l, SLOT_COUNTER_SET,
		"INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value");
	query_put_text(&q, name);
	query_put_int(&q, value);
	return query_run(&q);
}
