/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the ledger share: the connection, queries with sticky errors (as in common/wire.h), transactions, and the
 * schema's steps. Nobody but ledger*.c and its test includes this.
 */
#ifndef SEKISHO_LEDGER_INTERNAL_H
#define SEKISHO_LEDGER_INTERNAL_H

#include <sqlite3.h>

#include "gateway/ledger.h"

/* One slot for each statement that is prepared once and kept. */
enum ledger_slot {
	SLOT_BEGIN,
	SLOT_COMMIT,
	SLOT_ROLLBACK,
	SLOT_COUNTER_GET,
	SLOT_COUNTER_SET,
	SLOT_DEVICE_INSERT,
	SLOT_DEVICE_USER_INSERT,
	SLOT_DEVICE_USERS,
	SLOT_DEVICE_BY_ID,
	SLOT_DEVICE_BY_KEY,
	SLOT_DEVICE_BY_V4,
	SLOT_DEVICE_BY_V6,
	SLOT_DEVICE_AFTER,
	SLOT_DEVICE_KEY_KNOWN,
	SLOT_DEVICE_V4_KNOWN,
	SLOT_DEVICE_V6_KNOWN,
	SLOT_DEVICE_STATUS,
	SLOT_DEVICE_SET_STATUS,
	SLOT_DEVICE_SEEN,
	SLOT_SESSION_INSERT,
	SLOT_SESSION_GROUP_INSERT,
	SLOT_SESSION_GROUPS,
	SLOT_SESSION_SERIAL_LIVE,
	SLOT_SESSION_DEVICE_LIVE,
	SLOT_SESSION_END,
	SLOT_SESSION_SAVE,
	SLOT_SESSION_RENEW,
	SLOT_TERMS_ACCEPTED,
	SLOT_TERMS_KEEP,
	SLOT_TERMS_ACCEPT,
	SLOT_SESSION_LIVE_AFTER,
	SLOT_SESSION_LAST,
	SLOT_SESSION_LIVE_ID,
	SLOT_SESSION_GROUPS_FORGET,
	SLOT_GENERATION_INSERT,
	SLOT_GENERATION_CHANGE_INSERT,
	SLOT_GENERATION_CHANGES,
	SLOT_GENERATION_APPLIED,
	SLOT_GENERATION_STATE,
	SLOT_GENERATION_CHANGES_FORGET,
	SLOT_GENERATION_FORGET,
	SLOT_GENERATION_IN_FORCE,
	SLOT_GENERATION_BEFORE,
	SLOT_GENERATION_TOTALS,
	SLOT_GROUPS_INSERT,
	SLOT_GROUPS_LAST,
	SLOT_GROUPS_AT,
	SLOT_NOTICE,
	SLOT_DEVICE_HISTORY_INSERT,
	SLOT_DEVICE_STATUS_AT,
	SLOT_DEVICE_LAST_CHANGE,
	SLOT_DEVICE_UPDATE,
	SLOT_DEVICE_USERS_FORGET,
	SLOT_FORM_FORGET,
	SLOT_FORM_INSERT,
	SLOT_FORM_GET,
	SLOT_CHANGE_INSERT,
	SLOT_SUSPENSION_END,
	SLOT_SUSPENSION_INSERT,
	SLOT_SUSPENSION,
	SLOT_SUSPENSION_AFTER,
	SLOT_SUSPENSION_OVER,
	SLOT_ACCOUNT_NEXT,
	SLOT_ACCOUNT_USERS,
	SLOT_LEAVERS_DEVICES,
	SLOT_ACCOUNT_NOTE,
	SLOT_ACCOUNT,
	SLOT_SESSIONS_SINCE,
	SLOT_DEVICE_OF_USER_AFTER,
	SLOT_USER_AFTER,
	SLOT_KEY_SEEN_FORMER,
	SLOT_KEY_SET_NEXT,
	SLOT_KEY_STATUS,
	SLOT_KEY_RETIRE,
	SLOT_KEY_PROMOTE,
	SLOT_KEY_RETIRE_NEXT,
	SLOT_KEY_FORGET_NEXT,
	SLOT_KEY_OVERDUE,
	LEDGER_SLOTS
};

struct ledger {
	sqlite3 *db;
	int fd; /* of the database file: holds the flock(2) that keeps a second gateway out */
	sqlite3_stmt *statements[LEDGER_SLOTS];
	int (*record)(void *arg); /* see ledger_record_first() */
	void *record_arg;
};

/* A step brings the schema from version-1 to version; steps are numbered 1, 2, ... without a gap. */
struct ledger_step {
	int version;
	const char *sql;
};

extern const struct ledger_step ledger_steps[];
extern const size_t ledger_step_count;

/* Brings an open database forward, one transaction a step. -ENOTSUP when it is newer than the steps, -EINVAL when it is no
 * ledger, -errno; `why` gets the reason and the remedy. Foreign keys must be off (a step may rebuild a table); they are checked
 * after it. */
int ledger_migrate(sqlite3 *db, const char *path, const struct ledger_step *steps, size_t count, char *why, size_t why_size);

/* ledger_open() with a schema of the caller's choice. */
int ledger_open_steps(
	const char *path, const struct ledger_step *steps, size_t count, struct ledger **out, char *why, size_t why_size);

/* A result code of SQLite as -errno; 0 for SQLITE_OK. */
int ledger_errno(sqlite3 *db, int code);

/* Runs one PRAGMA or SELECT that gives one integer. 0 or -errno. */
int ledger_integer(sqlite3 *db, const char *sql, int64_t *out);

/* One run of a kept statement. After an error every call is a no-op, and query_row() or query_run() returns it. */
struct query {
	struct ledger *ledger;
	sqlite3_stmt *statement;
	int bound, error;
};

/* Starts a run; `sql` is prepared at the first use of the slot. Ended by query_run() or query_end(). */
struct query query(struct ledger *l, enum ledger_slot slot, const char *sql);

/* Bind the next parameter; memory must stay as it is until the end of the run (secrets are not copied). */
void query_put_int(struct query *q, int64_t v);
void query_put_null(struct query *q);
void query_put_blob(struct query *q, const void *data, size_t size);
void query_put_text(struct query *q, const char *text);
void query_put_addr(struct query *q, const struct addr *a); /* NULL for family 0 */
void query_put_actor(struct query *q, const struct actor *by); /* three: uid, name, role; NULL for the gateway itself */

/* 1: there is a row; 0: no more; -errno. */
int query_row(struct query *q);

/* Columns of the current row. What does not fit or has another size is -EUCLEAN at the end. */
int64_t query_int(struct query *q, int column);
void query_blob(struct query *q, int column, void *out, size_t size);
void query_text(struct query *q, int column, char *out, size_t size);
void query_addr(struct query *q, int column, struct addr *out); /* NULL: family 0 */

/* Resets the statement and forgets what was bound. 0 or the sticky error. */
int query_end(struct query *q);

/* For statements without rows: runs and ends. 0 or -errno. */
int query_run(struct query *q);

/* Is there a row? Runs and ends. 1, 0, or -errno. */
int query_exists(struct query *q);

/* Runs and ends: the name in the first column of the first row. 0, -ENOENT without a row, -errno. */
int query_name(struct query *q, char out[static USER_NAME_MAX + 1]);

int ledger_begin(struct ledger *l);

/* Commits when `result` is 0, else rolls back. `result`, or why the commit failed: then nothing has changed. */
int ledger_finish(struct ledger *l, int result);

bool ledger_device_valid(const struct device *d);

/* Within a transaction: ledger_device_add() itself, and the users of a device that has its id. */
int ledger_device_insert(struct ledger *l, struct device *d, const struct prefix *network4, const struct prefix *network6,
	const struct actor *by, int64_t now);
int ledger_device_users_insert(struct ledger *l, const struct device *d);

/* Within a transaction: notes a status in the device's history. `by` and `note` may be NULL. */
int ledger_history_add(
	struct ledger *l, uint32_t id, enum device_status status, const struct actor *by, const char *note, int64_t now);

/* The status of a device at an instant; -ENOENT when it was not registered yet. */
int ledger_status_at(struct ledger *l, uint32_t id, int64_t at, enum device_status *out);

/* A named number that survives; `start` when it was never set. 0 or -errno. */
int ledger_counter_get(struct ledger *l, const char *name, int64_t start, int64_t *out);
int ledger_counter_set(struct ledger *l, const char *name, int64_t value);

#endif
