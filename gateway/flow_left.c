/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/flow_left.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/flow_internal.h"

enum { PATH_ROOM = 256 };

/* Read by the program that wrote it, or refused. */
struct left_head {
	char magic[8];
	uint32_t record_size, count;
};
static const char magic[8] = "sekflow1";

struct flow_left {
	struct flow_record *all;
	size_t count, size;
	struct flow_known *known;
	int error;
};

static void list_free(struct flow_left *l)
{
	if (!l)
		return;
	flow_known_free(l->known);
	free(l->all);
	free(l);
}

static int list_new(struct flow_left **out)
{
	struct flow_left *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->known = flow_known_new();
	if (!l->known) {
		list_free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

static void list_add(const struct flow_record *r, void *arg)
{
	struct flow_left *l = arg;
	if (l->count == l->size && !l->error) {
		size_t size = l->size ? 2 * l->size : 1024;
		struct flow_record *more = size > FLOW_KNOWN_MAX ? NULL : reallocarray(l->all, size, sizeof *more);
		if (more) {
			l->all = more;
			l->size = size;
		} else {
			l->error = -ENOMEM;
		}
	}
	if (!l->error && flow_known_add(l->known, flow_key(r)) < 0)
		l->error = -ENOMEM;
	if (!l->error)
		l->all[l->count++] = *r;
}

/* Those that are not known any more have been recorded as ended. */
static void list_thin(struct flow_left *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->count; i++)
		if (flow_known_has(l->known, flow_key(&l->all[i])))
			l->all[kept++] = l->all[i];
	l->count = kept;
}

static int put(int fd, const void *data, size_t size)
{
	const char *at = data;
	while (size) {
		ssize_t n = write(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int list_write(const struct flow_left *l, const char *path)
{
	char fresh[PATH_ROOM];
	struct left_head head = {.record_size = sizeof *l->all, .count = (uint32_t)l->count};
	memcpy(head.magic, magic, sizeof head.magic);
	if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
		return -ENAMETOOLONG;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = put(fd, &head, sizeof head);
	if (!r)
		r = put(fd, l->all, l->count * sizeof *l->all);
	if (!r && fdatasync(fd) < 0)
		r = -errno;
	close(fd);
	if (!r && rename(fresh, path) < 0)
		r = -errno;
	if (r)
		(void)unlink(fresh);
	return r;
}

int flow_left_save(struct flow *f, const char *path)
{
	struct flow_left *l = NULL;
	int r = list_new(&l);
	if (!r)
		r = flow_each(f, 0, list_add, l);
	if (!r)
		r = l->error;
	if (!r) {
		f->left = l->known;
		r = flow_settle(f);
		f->left = NULL;
	}
	if (!r) {
		list_thin(l);
		r = list_write(l, path);
	}
	list_free(l);
	return r;
}

static int get(int fd, void *data, size_t size)
{
	char *at = data;
	while (size) {
		ssize_t n = read(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int list_read(int fd, struct flow_left *l)
{
	struct left_head head;
	int r = get(fd, &head, sizeof head);
	if (r)
		return r;
	if (memcmp(head.magic, magic, sizeof magic) != 0 || head.record_size != sizeof *l->all || head.count > FLOW_KNOWN_MAX)
		return -EBADMSG;
	l->all = reallocarray(NULL, head.count + 1, sizeof *l->all);
	if (!l->all)
		return -ENOMEM;
	l->count = head.count;
	r = get(fd, l->all, l->count * sizeof *l->all);
	for (size_t i = 0; !r && i < l->count; i++)
		if (flow_known_add(l->known, flow_key(&l->all[i])) < 0)
			r = -ENOMEM;
	return r;
}

int flow_left_open(struct flow *f, const char *path, struct flow_left **out)
{
	struct flow_left *l = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int r = list_new(&l);
	if (!r)
		r = list_read(fd, l);
	close(fd);
	if (r) {
		list_free(l);
		return r;
	}
	f->left = l->known;
	*out = l;
	return 0;
}

static void key_remove(const struct flow_record *r, void *arg)
{
	struct flow_left *l = arg;
	(void)flow_known_remove(l->known, flow_key(r));
}

int flow_left_finish(struct flow *f, struct flow_left *l, void (*gone)(const struct flow_record *r, void *arg), void *arg)
{
	/* What ends between the two is in one of them. */
	int r = flow_each(f, 0, key_remove, l);
	if (!r)
		r = flow_settle(f);
	f->left = NULL;
	if (!r)
		list_thin(l);
	for (size_t i = 0; !r && i < l->count; i++)
		gone(&l->all[i], arg);
	list_free(l);
	return r;
}

void flow_left_close(struct flow *f, struct flow_left *l)
{
	f->left = NULL;
	list_free(l);
}

void flow_left_shut(const char *path, const char *shut)
{
	(void)rename(path, shut);
}

void flow_left_forget(const char *path)
{
	(void)unlink(path);
}
