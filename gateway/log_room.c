/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much room there is, the reserve that is kept for what must be recorded, and the trouble that somebody must hear of. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "gateway/log_internal.h"

/* Of what is called the reserve, this much is allocated to the files. The access log only needs to say what it lacks, to be
 * sealed and to be closed. */
static const struct {
	uint64_t most, part;
} own_room[LOG_FILES] = {
	[LOG_AUTH] = {8 << 20, 4},
	[LOG_ACCESS] = {256 << 10, 16},
	[LOG_AUDIT] = {8 << 20, 4},
};

static size_t own_size(const struct log *l, enum log_file file)
{
	uint64_t size = l->reserve / own_room[file].part;
	return (size_t)(size < own_room[file].most ? size : own_room[file].most);
}

int log_room_beside_reserve(struct log *l, enum log_file file, size_t size)
{
	size_t own = own_size(l, file);
	return own ? log_stream_reserve(&l->streams[file], size + own) : 0;
}

/* ---- trouble ---- */

void log_trouble_note(struct log *l, enum log_trouble kind, enum log_file file, const char *format, ...)
{
	struct log_news *n = &l->news[kind][file];
	va_list args;
	if (n->told)
		return;
	va_start(args, format);
	vsnprintf(n->text, sizeof n->text, format, args);
	va_end(args);
	n->told = n->waits = true;
}

void log_trouble_over(struct log *l, enum log_trouble kind, enum log_file file)
{
	l->news[kind][file].told = false;
}

bool log_trouble(struct log *l, enum log_trouble *kind, enum log_file *file, char *text, size_t size)
{
	for (enum log_trouble k = 0; k < LOG_TROUBLES; k++)
		for (enum log_file f = 0; f < LOG_FILES; f++) {
			struct log_news *n = &l->news[k][f];
			if (!n->waits)
				continue;
			n->waits = false;
			*kind = k;
			*file = f;
			snprintf(text, size, "%s", n->text);
			return true;
		}
	return false;
}

/* ---- room ---- */

/* Once below a limit, a little more than the limit must be free, so that nothing flutters. */
static bool is_below(uint64_t available, uint64_t limit, bool was_below)
{
	if (was_below && limit < UINT64_MAX - limit / 16)
		limit += limit / 16;
	return available <= limit;
}

static int first_failing(const struct log *l)
{
	for (enum log_file i = 0; i < LOG_FILES; i++)
		if (l->failing[i])
			return l->failing[i];
	return 0;
}

static enum log_room measure(struct log *l, int *error)
{
	struct statvfs v;
	*error = first_failing(l);
	if (!*error && fstatvfs(l->dir, &v) < 0)
		*error = -errno;
	else if (!*error && v.f_flag & ST_RDONLY)
		*error = -EROFS;
	if (*error)
		return LOG_ROOM_NONE;
	uint64_t available = (uint64_t)v.f_bavail * v.f_frsize;
	if (is_below(available, l->reserve, l->room == LOG_ROOM_NONE)) {
		*error = -ENOSPC;
		return LOG_ROOM_NONE;
	}
	return is_below(available, l->low, l->room != LOG_ROOM_GOOD) ? LOG_ROOM_LOW : LOG_ROOM_GOOD;
}

static void set_room(struct log *l, enum log_room room, int error)
{
	l->room = room;
	l->room_error = error;
	if (room != LOG_ROOM_NONE || l->outage_error)
		return;
	l->outage_error = error;
	l->outage_since = time_now();
}

int log_outage(const struct log *l, int64_t *since)
{
	*since = l->outage_since;
	return l->outage_error;
}

void log_outage_end(struct log *l)
{
	l->outage_error = 0;
}

void log_room_look(struct log *l)
{
	int error;
	enum log_room room = measure(l, &error);
	set_room(l, room, error);
	if (l->room == LOG_ROOM_GOOD)
		log_trouble_over(l, LOG_TROUBLE_SPACE_LOW, LOG_AUDIT);
	else if (l->room == LOG_ROOM_LOW)
		log_trouble_note(l, LOG_TROUBLE_SPACE_LOW, LOG_AUDIT,
			"less than log-space-low is free for the logs, so access is recorded in less detail: make room");
	if (l->room != LOG_ROOM_NONE)
		log_trouble_over(l, LOG_TROUBLE_FULL, LOG_AUDIT);
	else if (l->room_error == -ENOSPC || l->room_error == -EDQUOT)
		log_trouble_note(l, LOG_TROUBLE_FULL, LOG_AUDIT,
			"less than log-space-reserve is free for the logs: make room, for example by moving old files away");
	else if (l->room_error == -EROFS)
		log_trouble_note(l, LOG_TROUBLE_ERROR, LOG_AUDIT,
			"the logs' file system is mounted read-only: look at the disk, then mount it writable");
	/* What others have given up becomes the reserve's again. */
	for (enum log_file i = 0; l->room_error != -EROFS && i < LOG_FILES; i++)
		(void)log_room_beside_reserve(l, i, 0);
}

void log_room_note(struct log *l, enum log_file file, int result)
{
	if (result == -ENOMEM || result == -EMSGSIZE)
		return; /* not the disk's fault */
	l->failing[file] = result;
	if (!result) {
		log_trouble_over(l, LOG_TROUBLE_ERROR, file);
		return;
	}
	set_room(l, LOG_ROOM_NONE, result);
	if (result == -ENOSPC || result == -EDQUOT)
		log_trouble_note(l, LOG_TROUBLE_FULL, LOG_AUDIT, "the disk of the logs is full: make room");
	else
		log_trouble_note(l, LOG_TROUBLE_ERROR, file,
			"%s cannot be written (%s): look at the disk and the kernel's messages", log_file_name(file),
			strerror(-result));
}

void log_limits(struct log *l, uint64_t reserve, uint64_t low)
{
	l->reserve = reserve;
	l->low = low;
	log_room_look(l);
}

enum log_room log_room(const struct log *l)
{
	return l->room;
}

int log_failing(const struct log *l)
{
	return first_failing(l);
}

uint64_t log_lacking(const struct log *l)
{
	uint64_t count = 0;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		count += l->missing[i].count;
	return count;
}

int log_ready(struct log *l)
{
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		int r = log_record_missing(l, i);
		if (r < 0)
			return r;
	}
	log_room_look(l);
	return l->room == LOG_ROOM_NONE ? l->room_error : 0;
}
