/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/drift.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "config/input.h"

static const char *const folders[] = {"lists", "groups", "users", "devices"};
static const char systems[] = "systems.acl", suffix[] = ".acl";

struct entry {
	char *path; /* relative to the set's folder */
	struct stat st;
	unsigned char sha256[POLICY_SHA256]; /* of the policy's files only */
};

struct entries {
	struct entry *all;
	size_t count, room;
	int error;
};

static void entries_free(struct entries *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->all[i].path);
	free(e->all);
}

/* A new entry of the path FOLDER/NAME (FOLDER may be NULL), or NULL with the error kept. */
static struct entry *entries_add(struct entries *e, const char *folder, const char *name)
{
	struct entry new = {0};
	struct entry *all = array_room(e->all, &e->room, e->count, 1, sizeof *all);
	if (!all) {
		e->error = -ENOMEM;
		return NULL;
	}
	e->all = all;
	if (asprintf(&new.path, "%s%s%s", folder ? folder : "", folder ? "/" : "", name) < 0) {
		e->error = -ENOMEM;
		return NULL;
	}
	e->all[e->count] = new;
	return &e->all[e->count++];
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return strcmp(x->path, y->path);
}

static bool is_acl(const char *name)
{
	const size_t size = strlen(name);
	return *name != '.' && size >= sizeof suffix && !strcmp(name + size - (sizeof suffix - 1), suffix);
}

/* ---- what lies there ---- */

static void find_file(struct entries *e, int dirfd, const char *folder, const char *name)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* gone meanwhile */
	struct entry *entry = entries_add(e, folder, name);
	if (entry)
		entry->st = st;
}

static void find_in(struct entries *e, int dirfd, const char *folder)
{
	int fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (errno != ENOENT && !e->error)
			e->error = -errno;
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *d; !e->error && (d = readdir(dir));)
		if (is_acl(d->d_name))
			find_file(e, fd, folder, d->d_name);
	closedir(dir);
}

static int find(int dirfd, struct entries *e)
{
	find_file(e, dirfd, NULL, systems);
	for (size_t i = 0; i < sizeof folders / sizeof *folders && !e->error; i++)
		find_in(e, dirfd, folders[i]);
	if (!e->error && e->count)
		qsort(e->all, e->count, sizeof *e->all, compare);
	return e->error;
}

static int stamp_of(const struct entries *e, unsigned char stamp[static POLICY_SHA256])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int good = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; good && i < e->count; i++) {
		const struct stat *st = &e->all[i].st;
		good = EVP_DigestUpdate(c, e->all[i].path, strlen(e->all[i].path) + 1) == 1 &&
		       EVP_DigestUpdate(c, &st->st_dev, sizeof st->st_dev) == 1 &&
		       EVP_DigestUpdate(c, &st->st_ino, sizeof st->st_ino) == 1 &&
		       EVP_DigestUpdate(c, &st->st_mode, sizeof st->st_mode) == 1 &&
		       EVP_DigestUpdate(c, &st->st_size, sizeof st->st_size) == 1 &&
		       EVP_DigestUpdate(c, &st->st_mtim, sizeof st->st_mtim) == 1 &&
		       EVP_DigestUpdate(c, &st->st_ctim, sizeof st->st_ctim) == 1;
	}
	good = good && EVP_DigestFinal_ex(c, stamp, NULL) == 1;
	EVP_MD_CTX_free(c);
	return good ? 0 : -ENOMEM;
}

/* ---- comparing ---- */

static bool take_file(const struct policy_file *f, void *arg)
{
	struct entry *entry = entries_add(arg, NULL, f->path);
	if (entry)
		memcpy(entry->sha256, f->sha256, sizeof entry->sha256);
	return entry;
}

static bool same(int dirfd, const struct entry *in_force)
{
	unsigned char sha256[EVP_MAX_MD_SIZE];
	char *data;
	size_t size;
	if (input_read(dirfd, in_force->path, false, &data, &size) < 0)
		return false;
	const bool equal =
		EVP_Digest(data, size, sha256, NULL, EVP_sha256(), NULL) == 1 && !memcmp(sha256, in_force->sha256, POLICY_SHA256);
	free(data);
	return equal;
}

/* Both are sorted by path. */
static unsigned count_differing(int dirfd, const struct entries *there, const struct entries *in_force)
{
	size_t i = 0, j = 0;
	unsigned n = 0;
	while (i < there->count || j < in_force->count) {
		const int order = i == there->count ? 1 : j == in_force->count ? -1 : compare(&there->all[i], &in_force->all[j]);
		n += order || !same(dirfd, &in_force->all[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return n;
}

static int compare_all(int dirfd, const struct entries *there, const struct policy *p, unsigned *differing)
{
	struct entries in_force = {0};
	policy_files(p, take_file, &in_force);
	if (!in_force.error) {
		if (in_force.count)
			qsort(in_force.all, in_force.count, sizeof *in_force.all, compare);
		*differing = count_differing(dirfd, there, &in_force);
	}
	entries_free(&in_force);
	return in_force.error;
}

int drift_look(struct drift *d, const char *dir, const struct policy *p, uint64_t generation, unsigned *differing)
{
	struct entries there = {0};
	struct drift now = {.known = true, .generation = generation};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = find(fd, &there);
	if (!r)
		r = stamp_of(&there, now.stamp);
	if (!r && (!d->known || d->generation != generation || memcmp(d->stamp, now.stamp, sizeof now.stamp) != 0)) {
		r = compare_all(fd, &there, p, &now.differing);
		if (!r)
			*d = now;
	}
	if (!r)
		*differing = d->differing;
	entries_free(&there);
	close(fd);
	return r;
}
