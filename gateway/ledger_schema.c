/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shape of the ledger, and how a file of an older program becomes one of today's. A published step is never edited: what
 * has to change comes as a new step.
 */
#include <errno.h>
#include <stdio.h>

#include "gateway/ledger_internal.h"

/* PRAGMA application_id: "SEKI". */
#define APPLICATION_ID "1397050185"
enum { APPLICATION = 0x53454b49 };

static const char step_1[] = "PRAGMA application_id = " APPLICATION_ID ";"
			     /* Where numbering goes on: next address of each network, next session serial. */
			     "CREATE TABLE counter ("
			     "	name TEXT PRIMARY KEY,"
			     "	value INTEGER NOT NULL"
			     ") STRICT, WITHOUT ROWID;"
			     /* Rows are never deleted: a key or an address that was once given is never given again. */
			     "CREATE TABLE device ("
			     "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
			     "	public_key BLOB NOT NULL UNIQUE CHECK (length(public_key) = 32),"
			     "	preshared BLOB NOT NULL CHECK (length(preshared) = 32),"
			     "	class TEXT NOT NULL CHECK (class IN ('ministry', 'private', 'shared')),"
			     "	status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'lost', 'revoked')),"
			     "	label TEXT NOT NULL,"
			     "	v4 BLOB UNIQUE CHECK (length(v4) = 4),"
			     "	v6 BLOB UNIQUE CHECK (length(v6) = 16),"
			     "	valid_from INTEGER NOT NULL,"
			     "	valid_until INTEGER NOT NULL,"
			     "	created INTEGER NOT NULL,"
			     "	changed INTEGER NOT NULL,"
			     "	last_seen INTEGER NOT NULL,"
			     "	last_timestamp BLOB NOT NULL CHECK (length(last_timestamp) = 12)"
			     ") STRICT;"
			     "CREATE TABLE device_user ("
			     "	device INTEGER NOT NULL REFERENCES device (id),"
			     "	position INTEGER NOT NULL,"
			     "	name TEXT NOT NULL,"
			     "	PRIMARY KEY (device, position),"
			     "	UNIQUE (device, name)"
			     ") STRICT, WITHOUT ROWID;"
			     "CREATE TABLE session ("
			     "	id INTEGER PRIMARY KEY AUTOINCREMENT," /* the serial wraps, this does not */
			     "	serial INTEGER NOT NULL CHECK (serial BETWEEN 1 AND 1048575),"
			     "	device INTEGER NOT NULL REFERENCES device (id),"
			     "	user TEXT NOT NULL,"
			     "	opened INTEGER NOT NULL,"
			     "	expires INTEGER NOT NULL,"
			     "	ended INTEGER NOT NULL,"
			     "	end_reason INTEGER NOT NULL,"
			     "	endpoint_ip BLOB CHECK (length(endpoint_ip) IN (4, 16)),"
			     "	endpoint_port INTEGER NOT NULL,"
			     "	source_bytes INTEGER NOT NULL,"
			     "	source_packets INTEGER NOT NULL,"
			     "	destination_bytes INTEGER NOT NULL,"
			     "	destination_packets INTEGER NOT NULL,"
			     "	connections INTEGER NOT NULL"
			     ") STRICT;"
			     "CREATE UNIQUE INDEX session_live ON session (id) WHERE ended = 0;"
			     "CREATE UNIQUE INDEX session_live_serial ON session (serial) WHERE ended = 0;"
			     "CREATE UNIQUE INDEX session_live_device ON session (device) WHERE ended = 0;"
			     "CREATE INDEX session_device ON session (device);"
			     "CREATE TABLE session_group ("
			     "	session INTEGER NOT NULL REFERENCES session (id),"
			     "	position INTEGER NOT NULL,"
			     "	name TEXT NOT NULL,"
			     "	PRIMARY KEY (session, position)"
			     ") STRICT, WITHOUT ROWID;";

static const char step_2[] = "CREATE TABLE generation ("
			     "	number INTEGER PRIMARY KEY CHECK (number > 0),"
			     "	archived INTEGER NOT NULL,"
			     "	applied INTEGER NOT NULL," /* 0: was never confirmed to be in force */
			     "	uid INTEGER NOT NULL,"
			     "	who TEXT NOT NULL,"
			     "	sha256 TEXT NOT NULL CHECK (length(sha256) = 64),"
			     "	files INTEGER NOT NULL,"
			     "	rules INTEGER NOT NULL,"
			     "	bytes INTEGER NOT NULL,"
			     "	internal TEXT NOT NULL," /* prefixes, separated by spaces */
			     "	time_zone TEXT NOT NULL,"
			     "	change_total INTEGER NOT NULL"
			     ") STRICT;"
			     "CREATE TABLE generation_change ("
			     "	generation INTEGER NOT NULL REFERENCES generation (number),"
			     "	position INTEGER NOT NULL,"
			     "	text TEXT NOT NULL,"
			     "	PRIMARY KEY (generation, position)"
			     ") STRICT, WITHOUT ROWID;"
			     /* What a user's groups were found to be, whenever they differ from the row before. */
			     "CREATE TABLE user_groups ("
			     "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
			     "	user TEXT NOT NULL,"
			     "	observed INTEGER NOT NULL,"
			     "	names TEXT NOT NULL" /* sorted, separated by spaces */
			     ") STRICT;"
			     "CREATE INDEX user_groups_user ON user_groups (user, observed);"
			     /* What has been said and is not to be said again. */
			     "CREATE TABLE notice ("
			     "	key TEXT PRIMARY KEY,"
			     "	said INTEGER NOT NULL"
			     ") STRICT, WITHOUT ROWID;"
			     /* Each status a device has had; what lay between creation and last change was not kept before. */
			     "CREATE TABLE device_history ("
			     "	id INTEGER PRIMARY KEY AUTOINCREMENT,"
			     "	device INTEGER NOT NULL REFERENCES device (id),"
			     "	since INTEGER NOT NULL,"
			     "	status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'lost', 'revoked'))"
			     ") STRICT;"
			     "CREATE INDEX device_history_device ON device_history (device, since);"
			     "INSERT INTO device_history (device, since, status) SELECT id, created, 'active' FROM device;"
			     "INSERT INTO device_history (device, since, status) SELECT id, changed, status FROM device"
			     "	WHERE changed > created;"
			     "CREATE INDEX device_user_name ON device_user (name);";

static const char step_3[] = /* Where it was last seen from, and which lost device it takes the place of. */
	"ALTER TABLE device ADD COLUMN endpoint_ip BLOB CHECK (length(endpoint_ip) IN (4, 16));"
	"ALTER TABLE device ADD COLUMN endpoint_port INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE device ADD COLUMN replaces INTEGER REFERENCES device (id);"
	/* Who changed the status; uid NULL: nobody, or not known. */
	"ALTER TABLE device_history ADD COLUMN uid INTEGER;"
	"ALTER TABLE device_history ADD COLUMN who TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE device_history ADD COLUMN role TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE device_history ADD COLUMN note TEXT NOT NULL DEFAULT '';"
	/* The application form; a field that is empty has no row. */
	"CREATE TABLE device_form ("
	"	device INTEGER NOT NULL REFERENCES device (id),"
	"	field TEXT NOT NULL,"
	"	value TEXT NOT NULL CHECK (value <> ''),"
	"	PRIMARY KEY (device, field)"
	") STRICT, WITHOUT ROWID;"
	/* What else was changed of a device: every field, before and after. */
	"CREATE TABLE device_change ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	device INTEGER NOT NULL REFERENCES device (id),"
	"	at INTEGER NOT NULL,"
	"	uid INTEGER,"
	"	who TEXT NOT NULL,"
	"	role TEXT NOT NULL,"
	"	field TEXT NOT NULL,"
	"	before TEXT NOT NULL,"
	"	after TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX device_change_device ON device_change (device, at);"
	"CREATE TABLE user_suspension ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	user TEXT NOT NULL,"
	"	since INTEGER NOT NULL,"
	"	until INTEGER NOT NULL," /* 0: until somebody resumes it */
	"	ended INTEGER NOT NULL," /* 0: it is in force */
	"	uid INTEGER,"
	"	who TEXT NOT NULL,"
	"	role TEXT NOT NULL,"
	"	note TEXT NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX user_suspension_live ON user_suspension (user) WHERE ended = 0;"
	/* What the directory last said of the users of devices: '' or why a login would be refused. */
	"CREATE TABLE account ("
	"	user TEXT PRIMARY KEY,"
	"	looked INTEGER NOT NULL,"
	"	since INTEGER NOT NULL," /* when that was first found */
	"	refused TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;";

static const char step_4[] = "ALTER TABLE session ADD COLUMN renewed INTEGER NOT NULL DEFAULT 0;"
			     /* What was to be accepted, and who did: never deleted. */
			     "CREATE TABLE terms ("
			     "	digest BLOB PRIMARY KEY CHECK (length(digest) = 32),"
			     "	version TEXT NOT NULL,"
			     "	first INTEGER NOT NULL," /* when somebody first accepted it */
			     "	ja TEXT NOT NULL,"
			     "	en TEXT NOT NULL"
			     ") STRICT, WITHOUT ROWID;"
			     "CREATE TABLE terms_accepted ("
			     "	user TEXT NOT NULL,"
			     "	digest BLOB NOT NULL REFERENCES terms (digest),"
			     "	accepted INTEGER NOT NULL,"
			     "	device INTEGER NOT NULL REFERENCES device (id),"
			     "	language TEXT NOT NULL,"
			     "	PRIMARY KEY (user, digest)"
			     ") STRICT, WITHOUT ROWID;";

static const char step_5[] = /* The key that is to take the place of the device's own. */
	"ALTER TABLE device ADD COLUMN key_since INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE device ADD COLUMN next_key BLOB CHECK (length(next_key) = 32);"
	"ALTER TABLE device ADD COLUMN next_preshared BLOB CHECK (length(next_preshared) = 32);"
	"ALTER TABLE device ADD COLUMN next_timestamp BLOB CHECK (length(next_timestamp) = 12);"
	"ALTER TABLE device ADD COLUMN next_made INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE device ADD COLUMN next_until INTEGER NOT NULL DEFAULT 0;"
	"CREATE UNIQUE INDEX device_next_key ON device (next_key) WHERE next_key IS NOT NULL;"
	"CREATE INDEX device_next_until ON device (next_until) WHERE next_key IS NOT NULL;"
	"UPDATE device SET key_since = created;"
	/* Keys that are no device's any more, or never came to be. */
	"CREATE TABLE former_key ("
	"	public_key BLOB PRIMARY KEY CHECK (length(public_key) = 32),"
	"	device INTEGER NOT NULL REFERENCES device (id),"
	"	since INTEGER NOT NULL," /* when it became the device's, or was made to be */
	"	until INTEGER NOT NULL," /* when it ceased to be */
	"	lapsed INTEGER NOT NULL," /* 1: it never was the device's own */
	"	last_timestamp BLOB NOT NULL CHECK (length(last_timestamp) = 12)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX former_key_device ON former_key (device);";

const struct ledger_step ledger_steps[] = {
	{1, step_1},
	{2, step_2},
	{3, step_3},
	{4, step_4},
	{5, step_5},
};
const size_t ledger_step_count = sizeof ledger_steps / sizeof *ledger_steps;

static int execute(sqlite3 *db, const char *sql)
{
	return ledger_errno(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int step_run(sqlite3 *db, const struct ledger_step *step)
{
	char set_version[48];
	int64_t orphans = 0;
	int r = execute(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", step->version);
	r = execute(db, step->sql);
	if (!r)
		r = ledger_integer(db, "SELECT count(*) FROM pragma_foreign_key_check", &orphans);
	if (!r && orphans)
		r = -EUCLEAN;
	if (!r)
		r = execute(db, set_version);
	if (!r)
		r = execute(db, "COMMIT");
	if (r < 0 && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int ledger_migrate(sqlite3 *db, const char *path, const struct ledger_step *steps, size_t count, char *why, size_t why_size)
{
	int64_t version = 0, application = 0, objects = 0;
	int r = ledger_integer(db, "PRAGMA user_version", &version);
	if (!r)
		r = ledger_integer(db, "PRAGMA application_id", &application);
	if (!r)
		r = ledger_integer(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (r < 0) {
		snprintf(why, why_size, "%s: cannot read its schema: %s", path, sqlite3_errmsg(db));
		return r;
	}
	if (version < 0 || (version ? application != APPLICATION : application || objects)) {
		snprintf(why, why_size, "%s: is an SQLite database, but no ledger of this program: move it away and start again",
			path);
		return -EINVAL;
	}
	if ((uint64_t)version > count) {
		snprintf(why, why_size,
			"%s: was written by a newer program (schema %lld, this one knows %zu): "
			"install the newer program again, or restore the copy made before the upgrade",
			path, (long long)version, count);
		return -ENOTSUP;
	}
	for (size_t i = (size_t)version; i < count; i++) {
		r = step_run(db, &steps[i]);
		if (r < 0) {
			snprintf(why, why_size,
				"%s: cannot bring the schema to version %d (%s): it stays at %zu; free space or mend the file, "
				"then start again",
				path, steps[i].version,
				r == -EUCLEAN ? "rows without their device or session" : sqlite3_errmsg(db), i);
			return r;
		}
	}
	return 0;
}
