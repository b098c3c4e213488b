/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/event.h"
#include "gateway/log_internal.h"
#include "gateway/log_replay.h"
#include "gateway/sealer.h"

static const struct {
	const char *name, *dataset;
} files[LOG_FILES] = {
	[LOG_AUTH] = {"auth.jsonl", "sekisho.auth"},
	[LOG_ACCESS] = {"access.jsonl", "sekisho.access"},
	[LOG_AUDIT] = {"audit.jsonl", "sekisho.audit"},
};

struct chain_place {
	struct log *log;
	enum log_file file;
};

/* What could not be recorded since the last line of a file. */
struct gap {
	uint64_t count;
	char from[TIME_TEXT], to[TIME_TEXT];
	const char *reason; /* of the first */
};

struct log {
	int dir, lock;
	uint64_t reserve;
	char observer[256];
	struct log_stream streams[LOG_FILES];
	struct gap gaps[LOG_FILES];
	struct sealer *sealer; /* NULL: no seals */
	int seal_error;
	char line[LOG_LINE_MAX];
};

static const char *gap_reason(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		return "disk-full";
	case EROFS:
		return "read-only";
	case ENOMEM:
		return "no-memory";
	default:
		return "write-error";
	}
}

static void gap_count(struct log *l, enum log_file file, int64_t when, const char *reason)
{
	struct gap *gap = &l->gaps[file];
	time_format(when, gap->to);
	if (!gap->count++) {
		memcpy(gap->from, gap->to, sizeof gap->from);
		gap->reason = reason;
	}
}

/* One line, whole and numbered, or nothing. */
static int put_line(struct log *l, enum log_file file, int64_t when, json_t *event, bool durable)
{
	struct log_stream *s = &l->streams[file];
	struct log_envelope envelope = {when, s->sequence + 1, files[file].dataset, l->observer};
	ssize_t size = log_compose(event, &envelope, l->line);
	int r = size < 0 ? (int)size : log_stream_append(s, l->line, (size_t)size);
	if (r < 0)
		return r;
	r = durable ? log_stream_sync(s) : 0;
	if (r < 0) {
		log_stream_undo(s, (size_t)size);
		return r;
	}
	s->sequence++;
	if (l->sealer && sealer_line(l->sealer, file, s->sequence, l->line, (size_t)size) < 0)
		l->seal_error = -EIO;
	return 0;
}

/* Seals what the file has, on disk when this returns 0. */
static int put_seal(struct log *l, enum log_file file, const char *reason)
{
	struct seal seal;
	int64_t now = time_now();
	if (!l->sealer)
		return 0;
	int r = sealer_make(l->sealer, file, now, &seal);
	if (!r) {
		json_t *e = seal_event(&seal, reason);
		r = put_line(l, file, now, e, true);
		json_decref(e);
	}
	if (!r)
		r = sealer_made(l->sealer, file, time_boot());
	l->seal_error = r;
	return r;
}

static void seal_if_due(struct log *l, enum log_file file, const char *reason)
{
	/* After a failure only the timer tries again. */
	bool again = !l->seal_error || !strcmp(reason, "time");
	if (l->sealer && again && sealer_due(l->sealer, file, time_boot()))
		(void)put_seal(l, file, reason);
}

/* Records a gap, if there is one and it can be. 0, or -errno: it stays for later. */
static int gap_record(struct log *l, enum log_file file)
{
	struct gap *gap = &l->gaps[file];
	if (!gap->count)
		return 0;
	json_t *e = event_new("log-gap", NULL, gap->reason);
	event_number(e, "sekisho.count", (int64_t)gap->count);
	event_text(e, "sekisho.gap.from", gap->from);
	event_text(e, "sekisho.gap.to", gap->to);
	int r = put_line(l, file, time_now(), e, true);
	json_decref(e);
	if (!r)
		*gap = (struct gap){0};
	return r;
}

int log_write(struct log *l, enum log_file file, int64_t when, json_t *event, bool durable)
{
	int r = gap_record(l, file);
	if (!r)
		r = put_line(l, file, when, event, durable);
	if (r < 0)
		gap_count(l, file, when, gap_reason(r));
	else
		seal_if_due(l, file, "lines");
	json_decref(event);
	return r;
}

int log_sync(struct log *l)
{
	int result = 0;
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		int r = gap_record(l, i);
		if (!result)
			result = r;
		seal_if_due(l, i, "time");
		r = log_stream_sync(&l->streams[i]);
		if (!result)
			result = r;
	}
	return result;
}

int log_ready(struct log *l)
{
	struct statvfs v;
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		int r = gap_record(l, i);
		if (r < 0)
			return r;
	}
	if (fstatvfs(l->dir, &v) < 0)
		return -errno;
	if (v.f_flag & ST_RDONLY)
		return -EROFS;
	return (uint64_t)v.f_bavail * v.f_frsize > l->reserve ? 0 : -ENOSPC;
}

/* A failure is counted like that of any other line, and must not keep the gateway from starting, rotating or stopping. */
static void put_mark(struct log *l, enum log_file file, const char *action, const char *reason, const bool *clean)
{
	json_t *e = event_new(action, NULL, reason);
	if (clean)
		event_set(e, "sekisho.log.clean", json_boolean(*clean));
	/* Where the chain goes on, so that a file can be verified when those before it are gone. */
	if (l->sealer && !strcmp(action, "log-opened")) {
		struct seal_head head;
		char hash[SEAL_HASH_TEXT];
		sealer_head(l->sealer, file, &head);
		event_text(e, "sekisho.log.head", seal_hash_format(head.hash, hash));
	}
	(void)log_write(l, file, time_now(), e, true);
}

static int folder_open(struct log *l, const char *dir, char *why, size_t why_size)
{
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0) {
		int r = -errno;
		snprintf(why, why_size, "%s: %s: create it with 'install -d -m 2750 -o sekisho -g sekisho-logs %s'", dir,
			strerror(-r), dir);
		return r;
	}
	/* A file of its own, so that no reader of the logs can hold the lock. */
	l->lock = openat(l->dir, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock >= 0 && flock(l->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r == -EBUSY)
		snprintf(why, why_size, "%s: another gateway is writing here: stop it first", dir);
	else
		snprintf(why, why_size, "%s/.lock: %s: the gateway's user must own and be able to write the folder", dir,
			strerror(-r));
	return r;
}

static int file_open(struct log *l, enum log_file file, const char *dir, bool *clean, char *why, size_t why_size)
{
	struct log_stream *s = &l->streams[file];
	struct log_tail tail = {0};
	char text[512];
	int r = log_stream_open(l->dir, files[file].name, s, text, sizeof text);
	if (!r)
		r = log_stream_resume(s, files[file].name, &tail, text, sizeof text);
	if (r < 0) {
		snprintf(why, why_size, "%s/%s", dir, text);
		return r;
	}
	*clean = tail.closed;
	if (!s->sequence)
		s->sequence = log_stream_rotated(l->dir, files[file].name);
	if (tail.torn) {
		gap_count(l, file, time_now(), "torn-line");
		if (*tail.time)
			memcpy(l->gaps[file].from, tail.time, sizeof tail.time);
	}
	return 0;
}

static int resume_line(uint64_t sequence, const char *line, size_t size, void *arg)
{
	const struct chain_place *place = arg;
	return sealer_resume(place->log->sealer, place->file, sequence, line, size);
}

/* Goes on along the chain from the last seal to the end of the file. Lines that are gone are not our affair here: the first seal
 * of the new chain shows where it begins. */
static int chain_resume(struct log *l, enum log_file file)
{
	struct log_stream *s = &l->streams[file];
	uint64_t sealed = sealer_sealed(l->sealer, file);
	struct chain_place place = {l, file};
	if (s->sequence < sealed)
		s->sequence = sealed; /* no number is given twice, whatever became of the files */
	if (s->sequence == sealed)
		return 0;
	int r = log_replay(l->dir, files[file].name, sealed, s->sequence, resume_line, &place);
	if (r != -ENOENT)
		return r;
	sealer_restart(l->sealer, file, s->sequence);
	return 0;
}

static int seals_open(struct log *l, const char *dir, char *why, size_t why_size)
{
	int r = sealer_open(dir, &l->sealer, NULL, why, why_size);
	for (enum log_file i = 0; !r && i < LOG_FILES; i++) {
		r = chain_resume(l, i);
		if (r < 0)
			snprintf(why, why_size, "%s: the lines behind the last seal cannot be read again: %s; check the disk",
				files[i].name, strerror(-r));
	}
	return r;
}

static void log_free(struct log *l)
{
	sealer_close(l->sealer);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		log_stream_close(&l->streams[i]);
	if (l->lock >= 0)
		close(l->lock);
	if (l->dir >= 0)
		close(l->dir);
	free(l);
}

int log_open(const char *dir, const char *seal_dir, const char *observer, uint64_t reserve_bytes, struct log **out, char *why,
	size_t why_size)
{
	bool clean[LOG_FILES] = {0};
	struct log *l = calloc(1, sizeof *l);
	if (!l) {
		snprintf(why, why_size, "%s: out of memory", dir);
		return -ENOMEM;
	}
	l->dir = l->lock = -1;
	l->reserve = reserve_bytes;
	text_safe(observer, l->observer, sizeof l->observer);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		l->streams[i].fd = -1;
	int r = folder_open(l, dir, why, why_size);
	for (enum log_file i = 0; !r && i < LOG_FILES; i++)
		r = file_open(l, i, dir, &clean[i], why, why_size);
	if (!r && seal_dir)
		r = seals_open(l, seal_dir, why, why_size);
	if (r < 0) {
		log_free(l);
		return r;
	}
	for (enum log_file i = 0; i < LOG_FILES; i++)
		put_mark(l, i, "log-opened", "start", &clean[i]);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		(void)put_seal(l, i, "start"); /* what a crash left unsealed is covered from here on */
	*out = l;
	return 0;
}

void log_close(struct log *l)
{
	if (!l)
		return;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		put_mark(l, i, "log-closed", "stop", NULL);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		(void)put_seal(l, i, "stop");
	log_free(l);
}

int log_sealing(const struct log *l)
{
	return l->seal_error;
}

bool log_key(const struct log *l, enum log_file file, struct key *out, uint64_t *epoch)
{
	if (l->sealer)
		sealer_key(l->sealer, file, out, epoch);
	return l->sealer != NULL;
}

/* 1: `fresh` is the file that we write already; 0: it is another one and empty; -EEXIST: it has lines that are not ours. */
static int file_same(const struct log_stream *old, const struct log_stream *fresh)
{
	struct stat a, b;
	if (fstat(old->fd, &a) < 0 || fstat(fresh->fd, &b) < 0)
		return -errno;
	if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return 1;
	return b.st_size ? -EEXIST : 0;
}

int log_reopen(struct log *l)
{
	struct log_stream fresh[LOG_FILES];
	int same[LOG_FILES] = {0}, r = 0;
	char why[512]; /* the caller knows the folder; what is wrong in it is said at the next start */
	for (enum log_file i = 0; i < LOG_FILES; i++)
		fresh[i].fd = -1;
	for (enum log_file i = 0; r >= 0 && i < LOG_FILES; i++) {
		r = log_stream_open(l->dir, files[i].name, &fresh[i], why, sizeof why);
		if (!r)
			r = same[i] = file_same(&l->streams[i], &fresh[i]);
	}
	for (enum log_file i = 0; r >= 0 && i < LOG_FILES; i++) {
		put_mark(l, i, "log-closed", "rotation", NULL);
		(void)put_seal(l, i, "rotation");
		if (!same[i]) {
			struct log_stream old = l->streams[i];
			(void)log_stream_sync(&old);
			fresh[i].sequence = old.sequence;
			l->streams[i] = fresh[i];
			fresh[i] = old;
		}
		put_mark(l, i, "log-opened", "rotation", NULL);
	}
	for (enum log_file i = 0; i < LOG_FILES; i++)
		log_stream_close(&fresh[i]);
	return r < 0 ? r : 0;
}
