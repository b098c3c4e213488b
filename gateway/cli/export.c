/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/input.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/history.h"

static const char *const folders[] = {"lists", "groups", "users", "devices"};

enum { FOLDERS = sizeof folders / sizeof *folders };

struct copy {
	int from, to; /* folders */
	int error;
	size_t count;
};

static int make_folder(int dirfd, const char *path)
{
	char name[64];
	const size_t size = strcspn(path, "/");

	if (!path[size] || size >= sizeof name)
		return 0;
	snprintf(name, sizeof name, "%.*s", (int)size, path);
	return mkdirat(dirfd, name, 0755) && errno != EEXIST ? -errno : 0;
}

static bool copy_file(const struct policy_file *f, void *arg)
{
	struct copy *const c = arg;
	char *text = NULL;
	size_t size = 0;
	int fd = -1;

	c->error = make_folder(c->to, f->path);
	if (!c->error)
		c->error = input_read(c->from, f->path, false, &text, &size);
	if (!c->error) {
		fd = openat(c->to, f->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		c->error = fd < 0 ? -errno : cli_write(fd, text, size);
	}
	if (fd >= 0 && close(fd) < 0 && !c->error)
		c->error = -errno;
	free(text);
	c->count++;
	return !c->error;
}

static bool remove_file(const struct policy_file *f, void *arg)
{
	(void)unlinkat(*(const int *)arg, f->path, 0);
	return true;
}

static void remove_copy(const struct policy *p, int fd, const char *path)
{
	policy_files(p, remove_file, &fd);
	for (size_t i = 0; i < FOLDERS; i++)
		(void)unlinkat(fd, folders[i], AT_REMOVEDIR);
	(void)rmdir(path);
}

/* Copies into a folder beside, which then gets the name. */
static int copy_set(const struct policy *p, const char *from, const char *dir, size_t *count)
{
	struct copy c = {.from = -1, .to = -1};
	char *path;

	if (asprintf(&path, "%s.XXXXXX", dir) < 0)
		return -ENOMEM;
	if (!mkdtemp(path)) {
		const int r = -errno;
		free(path);
		return r;
	}
	c.from = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c.to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.from < 0 || c.to < 0)
		c.error = -errno;
	else
		policy_files(p, copy_file, &c);
	if (!c.error && (fchmod(c.to, 0755) < 0 || renameat2(AT_FDCWD, path, AT_FDCWD, dir, RENAME_NOREPLACE) < 0))
		c.error = -errno;
	if (c.error)
		remove_copy(p, c.to, path);
	if (c.from >= 0)
		close(c.from);
	if (c.to >= 0)
		close(c.to);
	free(path);
	*count = c.count;
	return c.error;
}

int export_generation(const json_t *row, const char *dir)
{
	const json_int_t number = json_integer_value(json_object_get(row, "generation"));
	char from[HISTORY_PATH], whole[4096];
	struct aclset set;
	size_t count = 0;

	/* "acl/" and "acl" are the same new folder. */
	snprintf(whole, sizeof whole, "%s", dir);
	for (size_t size = strlen(whole); size > 1 && whole[size - 1] == '/'; size--)
		whole[size - 1] = '\0';
	if (strlen(dir) >= sizeof whole || !*whole)
		return cli_usage("'%s' is no folder's name", dir);
	int code = aclset_of_generation(row, &set);
	if (code)
		return code;
	const int r = copy_set(set.policy, history_path(number, from), whole, &count);
	if (r < 0)
		code = cli_fail(CLI_FAILED, "name a folder that does not exist yet, where you may write", "cannot make %s: %s",
			whole, strerror(-r));
	else if (cli_json)
		code = cli_print_json(
			json_pack("{s:I, s:s, s:I}", "generation", number, "dir", whole, "files", (json_int_t)count));
	else
		printf("%zu files of generation %" JSON_INTEGER_FORMAT " are in %s\n", count, number, whole);
	aclset_close(&set);
	return code;
}
