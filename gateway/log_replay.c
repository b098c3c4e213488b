/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/log_replay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARTS_MAX = 64, FIRST_READ = 1 << 20 };

/* The end of one file, whole lines only. */
struct part {
	char *data; /* all of the memory */
	size_t from, size; /* of the lines in it */
	uint64_t first;
};

uint64_t log_line_number(const char *line, size_t size)
{
	static const char mark[] = "\"event\":{\"sequence\":";
	const char *at = memmem(line, size, mark, sizeof mark - 1), *end = line + size;
	uint64_t n = 0;
	if (!at)
		return 0;
	for (at += sizeof mark - 1; at < end && *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

static size_t line_size(const char *at, size_t left)
{
	const char *newline = memchr(at, '\n', left);
	return newline ? (size_t)(newline - at) + 1 : 0;
}

/* Reads the last `want` bytes, and finds their first whole line. 0 or -errno. */
static int part_read(int fd, off_t file_size, size_t want, struct part *out)
{
	off_t start = file_size - (off_t)want;
	struct part p = {.data = malloc(want + 1), .size = want};
	if (!p.data)
		return -ENOMEM;
	ssize_t n = pread(fd, p.data, want, start);
	if (n != (ssize_t)want) {
		int r = n < 0 ? -errno : -EIO;
		free(p.data);
		return r;
	}
	if (start) {
		p.from = line_size(p.data, p.size);
		p.from = p.from ? p.from : p.size;
	}
	size_t first = line_size(p.data + p.from, p.size - p.from);
	p.first = log_line_number(p.data + p.from, first);
	*out = p;
	return 0;
}

/* As much of the file's end as begins at or before number `wanted`, if it has that; 0 with data NULL when it has no lines. */
static int part_load(int fd, uint64_t wanted, struct part *out)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	*out = (struct part){0};
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return 0;
	for (size_t want = FIRST_READ;; want *= 2) {
		bool all = (off_t)want >= st.st_size;
		int r = part_read(fd, st.st_size, all ? (size_t)st.st_size : want, out);
		if (r < 0 || all || (out->first && out->first <= wanted))
			return r;
		free(out->data);
		*out = (struct part){0};
	}
}

static int part_compare(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

static bool is_of(const char *entry, const char *name)
{
	static const char *const compressed[] = {".gz", ".bz2", ".xz", ".zst"};
	size_t length = strlen(name);
	const char *suffix = strrchr(entry, '.');
	for (size_t i = 0; suffix && i < sizeof compressed / sizeof *compressed; i++)
		if (!strcmp(suffix, compressed[i]))
			return false;
	return !strncmp(entry, name, length) && (!entry[length] || entry[length] == '.' || entry[length] == '-');
}

static int parts_load(int dir, const char *name, uint64_t wanted, struct part *parts, size_t *count)
{
	int r = 0, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	if (!folder) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && *count < PARTS_MAX && (entry = readdir(folder))) {
		int file = is_of(entry->d_name, name) ? openat(dir, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
						      : -1;
		if (file < 0)
			continue;
		r = part_load(file, wanted, &parts[*count]);
		close(file);
		if (parts[*count].first)
			++*count;
		else
			free(parts[*count].data);
	}
	closedir(folder);
	qsort(parts, *count, sizeof *parts, part_compare);
	return r;
}

/* Goes through the lines in their order; without `each` it only looks whether they are all there. */
static int walk(const struct part *parts, size_t count, uint64_t after, uint64_t until,
	int (*each)(uint64_t, const char *, size_t, void *), void *arg)
{
	uint64_t next = after + 1;
	for (size_t i = 0; i < count && next <= until; i++) {
		size_t at = parts[i].from, size;
		while (next <= until && (size = line_size(parts[i].data + at, parts[i].size - at))) {
			const char *line = parts[i].data + at;
			at += size;
			if (log_line_number(line, size) != next)
				continue;
			int r = each ? each(next, line, size, arg) : 0;
			if (r < 0)
				return r;
			next++;
		}
	}
	return next > until ? 0 : -ENOENT;
}

int log_replay(int dir, const char *name, uint64_t after, uint64_t until,
	int (*each)(uint64_t sequence, const char *line, size_t size, void *arg), void *arg)
{
	struct part *parts = calloc(PARTS_MAX, sizeof *parts);
	size_t count = 0;
	if (!parts)
		return -ENOMEM;
	int r = parts_load(dir, name, after + 1, parts, &count);
	if (!r)
		r = walk(parts, count, after, until, NULL, NULL);
	if (!r)
		r = walk(parts, count, after, until, each, arg);
	for (size_t i = 0; i < count; i++)
		free(parts[i].data);
	free(parts);
	return r;
}
