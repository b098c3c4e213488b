/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logfollow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/log_replay.h"
#include "gateway/seal.h"

/* What handing out one line says beside 0 and the codes of `each`, which are above. */
enum { LOST_TRACK = INT_MIN, TRIES = 10 };

static const int64_t PATIENCE = 10000000;

enum order {
	NEXT, /* the line has to be the next one */
	BEYOND, /* what was handed out before is left out; then comes the next one */
	ANY, /* the same, and lines may be missing: they are nowhere */
};

static void name(const struct logfollow *f, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.jsonl", f->dir, seal_file_name(f->file));
}

static int say(const struct logfollow *f, int error)
{
	char path[PATH_MAX];
	name(f, path);
	return cli_fail(CLI_FAILED, error == EACCES ? "use sudo, or join group sekisho-logs" : NULL, "cannot read %s: %s", path,
		strerror(error));
}

/* Takes the file that has the name now; without one there is none. 0 or -errno. */
static int take_file(struct logfollow *f, off_t offset)
{
	char path[PATH_MAX];
	struct stat st;
	name(f, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno != ENOENT)
		return -errno;
	if (fd >= 0 && fstat(fd, &st) < 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->device = fd < 0 ? 0 : st.st_dev;
	f->inode = fd < 0 ? 0 : st.st_ino;
	f->offset = offset;
	f->size = 0;
	f->skipping = false;
	return 0;
}

int logfollow_open(struct logfollow *f, const char *dir, enum log_file file, off_t offset,
	int (*each)(enum log_file file, const struct logset_line *line, void *arg), void *arg)
{
	*f = (struct logfollow){.dir = dir, .file = file, .fd = -1, .each = each, .arg = arg, .data = malloc(LOGREADER_BUFFER)};
	/* One byte before: if it is a newline, a line starts at `offset` itself. */
	int error = f->data ? take_file(f, offset ? offset - 1 : 0) : -ENOMEM;
	if (error)
		logfollow_close(f);
	f->skipping = offset > 0;
	return error;
}

void logfollow_close(struct logfollow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->data);
	*f = (struct logfollow){.fd = -1};
}

static int hand_out(struct logfollow *f, const struct logset_line *line, enum order order)
{
	const uint64_t number = log_line_number(line->text, line->size);
	if (order != NEXT && number && number <= f->last)
		return 0;
	if (order != ANY && number && f->last && number != f->last + 1)
		return LOST_TRACK;
	if (number)
		f->last = number;
	return f->each(f->file, line, f->arg);
}

/* The whole lines of what was read; keeps the piece behind them. */
static int hand_out_lines(struct logfollow *f, enum order order)
{
	size_t at = 0;
	int r = 0;
	for (const char *newline; !r && (newline = memchr(f->data + at, '\n', f->size - at));) {
		size_t size = (size_t)(newline - f->data) + 1 - at;
		const struct logset_line line = {.path = "", .text = f->data + at, .size = size};
		r = f->skipping ? 0 : hand_out(f, &line, order);
		f->skipping = false;
		at += size;
	}
	if (r)
		return r;
	memmove(f->data, f->data + at, f->size - at);
	f->size -= at;
	if (f->size == LOGREADER_BUFFER) {
		f->skipping = true;
		f->size = 0;
	}
	return 0;
}

/* Reads the file to its end. */
static int drain(struct logfollow *f, enum order order)
{
	for (int r = 0; f->fd >= 0;) {
		ssize_t n = pread(f->fd, f->data + f->size, LOGREADER_BUFFER - f->size, f->offset);
		if (n < 0 && errno != EINTR)
			return say(f, errno);
		if (n == 0)
			return 0;
		f->offset += n > 0 ? n : 0;
		f->size += n > 0 ? (size_t)n : 0;
		if ((r = hand_out_lines(f, order)))
			return r;
	}
	return 0;
}

struct older {
	struct logfollow *follow;
	enum order order;
	int result;
};

static bool hand_out_older(const struct logset_line *line, void *arg)
{
	struct older *o = arg;
	o->result = hand_out(o->follow, line, o->order);
	return !o->result;
}

/* Hands out what files before the one that is followed now have beyond the last line; without a last line there is nothing
 * that it could be beyond. */
static int read_older(struct logfollow *f, const struct logset *set, enum order order)
{
	struct older o = {f, order, 0};
	if (!f->last)
		return 0;
	const struct logset_file *files = set->files[f->file];
	for (size_t i = 0; i < set->count[f->file] && !o.result; i++) {
		if (files[i].device == f->device && files[i].inode == f->inode)
			break;
		if (i + 1 < set->count[f->file] && files[i + 1].first && files[i + 1].first <= f->last + 1)
			continue;
		const int code = logset_file_read(&files[i], hand_out_older, &o);
		if (!o.result)
			o.result = code;
	}
	return o.result;
}

/* A new file that begins with line 1 is that of a gateway that was set up anew. */
static void note_restart(struct logfollow *f, const struct logset *set, ino_t before)
{
	for (size_t i = 0; f->inode != before && i < set->count[f->file]; i++)
		if (set->files[f->file][i].inode == f->inode && set->files[f->file][i].first == 1)
			f->last = 0;
}

/* Takes the file of the name from its beginning, and hands out all that comes behind the last line, wherever it is. -ESTALE when
 * files were renamed meanwhile. */
static int catch_up_once(struct logfollow *f, enum order order)
{
	const ino_t before = f->inode;
	struct logset set;
	int error = take_file(f, 0);
	if (error)
		return say(f, -error);
	/* Also where nothing has the name right now. */
	f->offset = 0;
	f->size = 0;
	f->skipping = false;
	if (logset_open(f->dir, &set))
		return CLI_FAILED;
	note_restart(f, &set, before);
	int r = read_older(f, &set, order);
	logset_close(&set);
	return r ? r : drain(f, order);
}

/* Lines that are not found at first may be in a file that was just being renamed; a hundred old files take a while. */
static int catch_up(struct logfollow *f)
{
	int r = LOST_TRACK;
	for (unsigned tries = 0; (r == -ESTALE || r == LOST_TRACK) && tries < TRIES; tries++)
		r = catch_up_once(f, BEYOND);
	if (r == -ESTALE || r == LOST_TRACK) {
		const int64_t now = time_boot();
		f->lost_since = f->lost_since ? f->lost_since : now;
		if (f->patient && now - f->lost_since < PATIENCE)
			return 0;
		r = catch_up_once(f, ANY);
	}
	f->lost_since = 0;
	return r == -ESTALE ? say(f, ESTALE) : r;
}

/* Has another file taken the name, and begun? The gateway ends the old one before. While there is none of the name, the one that
 * had it last may be another than the one that is followed. */
static bool replaced(const struct logfollow *f)
{
	char path[PATH_MAX];
	struct stat st;
	name(f, path);
	if (stat(path, &st) < 0)
		return errno == ENOENT && f->last;
	return f->fd < 0 || (st.st_size > 0 && (st.st_dev != f->device || st.st_ino != f->inode));
}

/* A crash leaves half a line, which the next start cuts off. */
static bool cut_back(const struct logfollow *f)
{
	struct stat st;
	return f->fd >= 0 && !fstat(f->fd, &st) && st.st_size < f->offset;
}

int logfollow_read(struct logfollow *f)
{
	int r = f->lost_since || cut_back(f) ? LOST_TRACK : drain(f, NEXT);
	if (!r && replaced(f)) {
		r = drain(f, NEXT);
		if (!r)
			r = LOST_TRACK;
	}
	return r == LOST_TRACK ? catch_up(f) : r;
}
