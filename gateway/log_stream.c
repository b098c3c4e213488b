/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/log_stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640, TAIL_MAX = 1 << 20, AGAIN_BLOCK = 1 << 16 };

static int safe_file(int fd, const char *name, struct stat *out, char *why, size_t why_size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	*out = st;
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, why_size, "%s: is no regular file: move it away, then start again", name);
		return -EINVAL;
	}
	if (st.st_uid != geteuid()) {
		snprintf(why, why_size, "%s: belongs to uid %lu, not to the gateway's: run 'chown %lu %s' in the log folder",
			name, (unsigned long)st.st_uid, (unsigned long)geteuid(), name);
		return -EPERM;
	}
	if (st.st_mode & (07777U ^ FILE_MODE)) {
		snprintf(why, why_size,
			"%s: has mode %04o, so others could change or read the evidence: run 'chmod 640 %s' in the log folder",
			name, (unsigned)(st.st_mode & 07777), name);
		return -EACCES;
	}
	return 0;
}

int log_stream_open(int dir, const char *name, struct log_stream *out, char *why, size_t why_size)
{
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int r = 0;
	struct stat st = {0};
	int fd = openat(dir, name, flags | O_CREAT | O_EXCL, FILE_MODE);
	/* Whatever the umask: analysts read by their group. And the name must be on disk as well as the lines. */
	if (fd >= 0 && (fchmod(fd, FILE_MODE) < 0 || fsync(dir) < 0))
		r = -errno;
	if (fd < 0 && errno == EEXIST)
		fd = openat(dir, name, flags);
	if (fd < 0)
		r = -errno;
	*why = '\0';
	if (!r)
		r = safe_file(fd, name, &st, why, why_size);
	if (!r)
		*out = (struct log_stream){.fd = fd, .size = st.st_size, .cut = -1, .dirty = st.st_size > 0};
	else if (!*why)
		snprintf(why, why_size, "%s: cannot be opened for appending (%s): check its folder's disk, owner and mode", name,
			strerror(-r));
	if (r < 0 && fd >= 0)
		close(fd);
	return r;
}

void log_stream_close(struct log_stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* Is this JSON, and has it a number? -EBADMSG when it is no JSON, -EUCLEAN when it is no line of ours. */
static int line_parse(const char *line, size_t size, struct log_tail *out)
{
	json_t *root = size && size < LOG_LINE_MAX ? json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *event = json_object_get(root, "event");
	json_int_t sequence = json_integer_value(json_object_get(event, "sequence"));
	const char *time = json_string_value(json_object_get(root, "@timestamp"));
	const char *action = json_string_value(json_object_get(event, "action"));
	int r = !root ? -EBADMSG : sequence <= 0 || !time || !action ? -EUCLEAN : 0;
	if (!r) {
		out->sequence = (uint64_t)sequence;
		text_safe(time, out->time, sizeof out->time);
		const char *reason = json_string_value(json_object_get(event, "reason"));
		/* The seal of a clean end comes last. */
		out->closed = !strcmp(action, "log-closed") || (!strcmp(action, "log-seal") && reason && !strcmp(reason, "stop"));
	}
	json_decref(root);
	return r;
}

/* The start of the line that ends before `end`. */
static size_t line_start(const char *data, size_t end)
{
	const char *newline = end ? memrchr(data, '\n', end) : NULL;
	return newline ? (size_t)(newline - data) + 1 : 0;
}

/* Judges the last `size` bytes of a file; `whole` when that is all of it. `keep` is where the last whole line ends. */
static int tail_judge(const char *data, size_t size, bool whole, struct log_tail *out, size_t *keep)
{
	size_t end = size;
	int r = -EBADMSG;
	*out = (struct log_tail){.closed = true};
	for (int lines = 0; end && lines < 2; lines++) {
		/* Only the very last line may be torn: it lacks its newline, or blocks of it never reached the disk. */
		bool ended = data[end - 1] == '\n';
		size_t start = line_start(data, ended ? end - 1 : end);
		if (start == 0 && !whole)
			return -EUCLEAN;
		r = ended ? line_parse(data + start, end - start - 1, out) : -EBADMSG;
		if (r != -EBADMSG || lines)
			break;
		out->torn = true;
		end = start;
	}
	if (end && r < 0)
		return -EUCLEAN;
	out->closed = out->closed && !out->torn;
	*keep = end;
	return 0;
}

/* 0 and how many bytes of the file are good; -EUCLEAN; -errno. */
static int tail_read(int fd, struct log_tail *out, off_t *good)
{
	struct stat st;
	size_t keep = 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	size_t want = st.st_size < TAIL_MAX ? (size_t)st.st_size : TAIL_MAX;
	off_t from = st.st_size - (off_t)want;
	char *data = malloc(want ? want : 1);
	if (!data)
		return -ENOMEM;
	ssize_t n = pread(fd, data, want, from);
	int r = n < 0 ? -errno : (size_t)n != want ? -EIO : tail_judge(data, want, from == 0, out, &keep);
	if (!r)
		*good = from + (off_t)keep;
	free(data);
	return r;
}

int log_stream_resume(struct log_stream *s, const char *name, struct log_tail *out, char *why, size_t why_size)
{
	struct log_tail tail;
	off_t good = 0;
	int r = tail_read(s->fd, &tail, &good);
	if (!r && tail.torn && (ftruncate(s->fd, good) < 0 || fdatasync(s->fd) < 0))
		r = -errno;
	if (r == -EUCLEAN)
		snprintf(why, why_size,
			"%s: does not end with lines of this program: move it away ('mv %s %s.foreign' in the log folder)", name,
			name, name);
	else if (r < 0)
		snprintf(why, why_size,
			"%s: cannot continue behind its last whole line (%s): check the disk, and 'lsattr' for append-only", name,
			strerror(-r));
	if (r < 0)
		return r;
	s->sequence = tail.sequence;
	s->size = good;
	*out = tail;
	return 0;
}

static uint64_t rotated_sequence(int dir, const char *name)
{
	struct log_tail tail = {0};
	struct stat st;
	off_t good;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	int r = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? tail_read(fd, &tail, &good) : -EINVAL;
	close(fd);
	return r < 0 ? 0 : tail.sequence;
}

uint64_t log_stream_rotated(int dir, const char *name)
{
	uint64_t highest = 0;
	size_t length = strlen(name);
	struct dirent *entry;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(folder))) {
		if (strncmp(entry->d_name, name, length) || (entry->d_name[length] != '.' && entry->d_name[length] != '-'))
			continue;
		uint64_t sequence = rotated_sequence(dir, entry->d_name);
		if (sequence > highest)
			highest = sequence;
	}
	closedir(folder);
	return highest;
}

/* Cutting gives back what was reserved behind the end. */
static int cut_at(struct log_stream *s, off_t size)
{
	if (ftruncate(s->fd, size) < 0)
		return -errno;
	s->size = s->reserved = size;
	if (s->flushed > size)
		s->flushed = size;
	return 0;
}

/* Does what an earlier log_stream_undo() could not. */
static int cut_now(struct log_stream *s)
{
	struct stat st;
	if (s->cut < 0)
		return 0;
	if (fstat(s->fd, &st) < 0)
		return -errno;
	int r = st.st_size > s->cut ? cut_at(s, s->cut) : 0;
	if (!r)
		s->cut = -1;
	return r;
}

void log_stream_undo(struct log_stream *s, size_t size)
{
	struct stat st;
	/* From the size as it is: somebody may have truncated the file meanwhile. */
	if (fstat(s->fd, &st) == 0 && st.st_size >= (off_t)size) {
		s->cut = st.st_size - (off_t)size;
		(void)cut_now(s);
	}
}

int log_stream_append(struct log_stream *s, const char *line, size_t size)
{
	ssize_t n;
	int r = cut_now(s);
	if (r < 0)
		return r;
	do {
		n = write(s->fd, line, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	s->dirty = true;
	if ((size_t)n < size) {
		/* write(2): fewer bytes than asked for is what a disk gives that has just become full. */
		log_stream_undo(s, (size_t)n);
		return -ENOSPC;
	}
	s->size += n;
	return 0;
}

/* Writes what is not surely on disk once more to where it is. */
static int write_again(const struct log_stream *s)
{
	char data[AGAIN_BLOCK];
	struct stat st;
	int r = 0, flags = fcntl(s->fd, F_GETFL);
	/* pwrite(2), bugs: with O_APPEND it appends, wherever it is told to write. */
	if (flags < 0 || fstat(s->fd, &st) < 0 || fcntl(s->fd, F_SETFL, flags & ~O_APPEND) < 0)
		return -errno;
	for (off_t at = s->flushed; !r && at < st.st_size;) {
		ssize_t n = pread(s->fd, data, sizeof data, at);
		ssize_t done = n > 0 ? pwrite(s->fd, data, (size_t)n, at) : n;
		if (done <= 0)
			r = done < 0 ? -errno : -EIO;
		else
			at += done;
	}
	if (fcntl(s->fd, F_SETFL, flags) < 0 && !r)
		r = -errno;
	return r;
}

int log_stream_sync(struct log_stream *s)
{
	if (!s->dirty)
		return 0;
	int r = s->doubtful ? write_again(s) : 0;
	if (!r && fdatasync(s->fd) < 0)
		r = -errno;
	s->doubtful = r < 0;
	if (r < 0)
		return r;
	s->flushed = s->size;
	s->dirty = false;
	return 0;
}

int log_stream_reserve(struct log_stream *s, size_t size)
{
	off_t want = s->size + (off_t)size;
	if (want <= s->reserved)
		return 0;
	off_t more = (off_t)size + (off_t)size / 4;
	int r = fallocate(s->fd, FALLOC_FL_KEEP_SIZE, s->size, more) < 0 ? -errno : 0;
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	s->reserved = s->size + more;
	return 0;
}

void log_stream_trim(struct log_stream *s)
{
	if (s->reserved > s->size && s->cut < 0)
		(void)cut_at(s, s->size);
}
