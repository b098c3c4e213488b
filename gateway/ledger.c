/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/ledger_internal.h"

enum { BUSY_TIMEOUT_MS = 500 }; /* how long somebody with an SQLite shell may hold us up */

/* What to do about an error of the file as a whole; the sentence follows "PATH: ". */
static const char *remedy(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		return "no space left on its disk: free some, then start again";
	case EROFS:
		return "is on a read-only file system: mount it writable, or look into the kernel log why it became so";
	case EUCLEAN:
		return "is damaged: keep a copy of it with its -wal file, then restore the last good copy, or try 'sqlite3 FILE "
		       ".recover'";
	case EBUSY:
		return "another process is using it: stop the other gateway or close the SQLite shell, then start again";
	case EACCES:
	case EPERM:
		return "no permission: the gateway's user must own the file and its folder";
	case ENOENT:
	case ENOTDIR:
		return "its folder does not exist: create it with 'install -d -m 700 -o sekisho -g sekisho FOLDER'";
	case ELOOP:
		return "is a symbolic link: put the file itself there";
	default:
		return "cannot be used: look into the kernel log for faults of its disk";
	}
}

static int explain(const char *path, int error, const char *detail, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s (%s)", path, remedy(error), detail);
	return error;
}

/* Opens or creates the file before SQLite does, so that it is never readable for others, and locks it. */
static int file_open(const char *path, int *out, char *why, size_t why_size)
{
	struct stat st;
	int r = 0;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		explain(path, r, strerror(-r), why, why_size);
	} else if (!S_ISREG(st.st_mode)) {
		r = -EINVAL;
		snprintf(why, why_size, "%s: is no regular file: move it away, then start again", path);
	} else if (st.st_uid != geteuid()) {
		r = -EPERM;
		snprintf(why, why_size, "%s: belongs to uid %lu, not to the gateway's: run 'chown %lu %s'", path,
			(unsigned long)st.st_uid, (unsigned long)geteuid(), path);
	} else if (st.st_mode & 077) {
		r = -EACCES;
		snprintf(why, why_size, "%s: has mode %04o, but holds secrets: run 'chmod 600 %s' and think about who read it",
			path, (unsigned)(st.st_mode & 07777), path);
	} else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		explain(path, r, "locked", why, why_size);
	}
	if (!r)
		*out = fd;
	else if (fd >= 0)
		close(fd);
	return r;
}

static int database_settings(sqlite3 *db)
{
	static const char settings[] = "PRAGMA trusted_schema = OFF;"
				       "PRAGMA cell_size_check = ON;"
				       "PRAGMA secure_delete = ON;"
				       "PRAGMA temp_store = MEMORY;"
				       "PRAGMA synchronous = FULL;";
	int64_t wal = 0;
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	int code = sqlite3_exec(db, settings, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return ledger_errno(db, code);
	/* The pragma does not fail when the mode cannot be changed, it tells the old one. */
	int r = ledger_integer(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &wal);
	if (!r && !wal)
		r = -EIO;
	return r;
}

static int database_check(sqlite3 *db, char *detail, size_t detail_size)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL);
	int r = ledger_errno(db, code);
	if (!r) {
		code = sqlite3_step(s);
		const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
		if (code != SQLITE_ROW)
			r = ledger_errno(db, code);
		else if (!said || strcmp(said, "ok")) {
			r = -EUCLEAN;
			snprintf(detail, detail_size, "%s", said ? said : "");
		}
	}
	sqlite3_finalize(s);
	return r;
}

static int database_open(
	struct ledger *l, const char *path, const struct ledger_step *steps, size_t count, char *why, size_t why_size)
{
	char detail[256] = "";
	int64_t on = 0;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int r = ledger_errno(l->db, sqlite3_open_v2(path, &l->db, flags, NULL));
	if (!r)
		r = database_settings(l->db);
	if (!r)
		r = database_check(l->db, detail, sizeof detail);
	if (r < 0)
		return explain(path, r, *detail ? detail : l->db ? sqlite3_errmsg(l->db) : strerror(-r), why, why_size);
	r = ledger_migrate(l->db, path, steps, count, why, why_size);
	if (r < 0)
		return r;
	r = ledger_errno(l->db, sqlite3_exec(l->db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL));
	if (!r)
		r = ledger_integer(l->db, "PRAGMA foreign_keys", &on);
	if (!r && !on)
		r = -EIO;
	return r < 0 ? explain(path, r, "foreign keys cannot be switched on", why, why_size) : 0;
}

int ledger_open_steps(
	const char *path, const struct ledger_step *steps, size_t count, struct ledger **out, char *why, size_t why_size)
{
	struct ledger *l = calloc(1, sizeof *l);
	if (!l)
		return explain(path, -ENOMEM, "out of memory", why, why_size);
	l->fd = -1;
	int r = file_open(path, &l->fd, why, why_size);
	if (!r)
		r = database_open(l, path, steps, count, why, why_size);
	if (r < 0)
		ledger_close(l);
	else
		*out = l;
	return r;
}

int ledger_open(const char *path, struct ledger **out, char *why, size_t why_size)
{
	return ledger_open_steps(path, ledger_steps, ledger_step_count, out, why, why_size);
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < LEDGER_SLOTS; i++)
		sqlite3_finalize(l->statements[i]);
	sqlite3_close(l->db);
	/* Only now: closing any descriptor of the file drops SQLite's own POSIX locks on it, see fcntl(2). */
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

bool ledger_in_use(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}
