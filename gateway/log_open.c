/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening, rotation and closing: where the numbers and the chain of hashes go on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/log_internal.h"
#include "gateway/log_replay.h"
#include "gateway/sealer.h"

struct chain_place {
	struct log *log;
	enum log_file file;
};

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
	int r = log_stream_open(l->dir, log_file_name(file), s, text, sizeof text);
	if (!r)
		r = log_stream_resume(s, log_file_name(file), &tail, text, sizeof text);
	if (r < 0) {
		snprintf(why, why_size, "%s/%s", dir, text);
		return r;
	}
	*clean = tail.closed;
	if (!s->sequence)
		s->sequence = log_stream_rotated(l->dir, log_file_name(file));
	if (tail.torn) {
		log_count_missing(l, file, time_now(), "torn-line");
		if (*tail.time)
			memcpy(l->missing[file].from, tail.time, sizeof tail.time);
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
	int r = log_replay(l->dir, log_file_name(file), sealed, s->sequence, resume_line, &place);
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
				log_file_name(i), strerror(-r));
	}
	return r;
}

static void log_free(struct log *l)
{
	sealer_close(l->sealer);
	log_copy_close(&l->copy);
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
	l->copy = LOG_COPY_NONE;
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
	log_limits(l, reserve_bytes, 0);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		log_mark(l, i, "log-opened", "start", &clean[i]);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		(void)log_seal(l, i, "start"); /* what a crash left unsealed is covered from here on */
	*out = l;
	return 0;
}

void log_close(struct log *l)
{
	if (!l)
		return;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		log_mark(l, i, "log-closed", "stop", NULL);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		(void)log_seal(l, i, "stop");
	log_free(l);
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
		r = log_stream_open(l->dir, log_file_name(i), &fresh[i], why, sizeof why);
		if (!r)
			r = same[i] = file_same(&l->streams[i], &fresh[i]);
	}
	for (enum log_file i = 0; r >= 0 && i < LOG_FILES; i++) {
		log_mark(l, i, "log-closed", "rotation", NULL);
		(void)log_seal(l, i, "rotation");
		if (!same[i]) {
			struct log_stream old = l->streams[i];
			(void)log_stream_sync(&old);
			log_stream_trim(&old);
			fresh[i].sequence = old.sequence;
			l->streams[i] = fresh[i];
			fresh[i] = old;
		}
		log_mark(l, i, "log-opened", "rotation", NULL);
	}
	for (enum log_file i = 0; i < LOG_FILES; i++)
		log_stream_close(&fresh[i]);
	return r < 0 ? r : 0;
}
