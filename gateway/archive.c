/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/input.h"

enum { FOLDER_MODE = 0750, FILE_MODE = 0640, WALK_FDS = 16 };

#define STAGING ".new"

struct copying {
	int from, to; /* folders of the set */
	uint64_t bytes;
	int error;
};

const char *archive_path(const char *root, uint64_t number, char path[static ARCHIVE_PATH])
{
	snprintf(path, ARCHIVE_PATH, "%s/%06" PRIu64, root, number);
	return path;
}

bool archive_has(const char *root, uint64_t number)
{
	char path[ARCHIVE_PATH];
	return access(archive_path(root, number, path), F_OK) == 0;
}

/* ---- removing ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path) < 0 ? -errno : 0;
}

static int remove_tree(const char *path)
{
	int r = nftw(path, remove_one, WALK_FDS, FTW_DEPTH | FTW_PHYS);
	if (r == -1)
		r = -errno;
	return r == -ENOENT ? 0 : r;
}

int archive_unstage(const char *root)
{
	char path[ARCHIVE_PATH];
	snprintf(path, sizeof path, "%s/" STAGING, root);
	return remove_tree(path);
}

int archive_remove(const char *root, uint64_t number)
{
	char path[ARCHIVE_PATH];
	return remove_tree(archive_path(root, number, path));
}

/* ---- copying ---- */

static int make_folder(int dirfd, const char *name)
{
	return mkdirat(dirfd, name, FOLDER_MODE) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_file(int dirfd, const char *path, const char *data, size_t size)
{
	size_t done = 0;
	int r = 0;
	int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	while (!r && done < size) {
		ssize_t n = write(fd, data + done, size - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r = n == 0 ? -EIO : -errno;
	}
	if (close(fd) < 0 && !r)
		r = -errno;
	return r;
}

static int copy_file(struct copying *c, const struct policy_file *f)
{
	unsigned char sha256[EVP_MAX_MD_SIZE];
	char folder[NAME_MAX + 1], *data;
	size_t size;
	int r = input_read(c->from, f->path, false, &data, &size);
	if (r < 0)
		return r == -ENOENT || r == -ELOOP || r == -ENOTSUP || r == -EFBIG ? -ESTALE : r;
	if (EVP_Digest(data, size, sha256, NULL, EVP_sha256(), NULL) != 1)
		r = -EIO;
	else if (memcmp(sha256, f->sha256, POLICY_SHA256) != 0)
		r = -ESTALE;
	const char *slash = strchr(f->path, '/');
	if (!r && slash) {
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - f->path), f->path);
		r = make_folder(c->to, folder);
	}
	if (!r)
		r = write_file(c->to, f->path, data, size);
	if (!r)
		c->bytes += size;
	free(data);
	return r;
}

static bool copy_next(const struct policy_file *f, void *arg)
{
	struct copying *c = arg;
	c->error = copy_file(c, f);
	return !c->error;
}

static int open_folder(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int copy_all(struct copying *c, const struct policy *p)
{
	policy_files(p, copy_next, c);
	/* A set may have a thousand files, and fsync(2) of each takes seconds; this reports failed writes since Linux 5.8. */
	if (!c->error && syncfs(c->to) < 0)
		c->error = -errno;
	return c->error;
}

int archive_stage(const char *root, const char *source, const struct policy *p, uint64_t *bytes)
{
	struct copying c = {.from = -1, .to = -1};
	int dir = -1;
	int r = archive_unstage(root);
	if (r < 0)
		return r;
	r = dir = open_folder(AT_FDCWD, root);
	if (r >= 0)
		r = make_folder(dir, STAGING);
	if (r >= 0)
		r = c.to = open_folder(dir, STAGING);
	if (r >= 0)
		r = c.from = open_folder(AT_FDCWD, source);
	if (r >= 0)
		r = copy_all(&c, p);
	if (c.from >= 0)
		close(c.from);
	if (c.to >= 0)
		close(c.to);
	if (dir >= 0)
		close(dir);
	if (r < 0) {
		(void)archive_unstage(root);
		return r;
	}
	*bytes = c.bytes;
	return 0;
}

int archive_keep(const char *root, uint64_t number)
{
	char path[ARCHIVE_PATH];
	archive_path(root, number, path);
	int dir = open_folder(AT_FDCWD, root);
	if (dir < 0)
		return dir;
	/* rename(2) would take the place of an empty folder. */
	int r = archive_has(root, number) ? -EEXIST : 0;
	if (!r && renameat(dir, STAGING, dir, strrchr(path, '/') + 1) < 0)
		r = -errno;
	if (!r && fsync(dir) < 0)
		r = -errno;
	close(dir);
	return r;
}
