/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/install.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/cli/cli.h"

bool install_present(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

static int report(struct install *in, const char *path, bool wrote)
{
	const char *result = wrote ? "wrote" : "kept";
	if (!cli_json)
		printf("%s %s\n", wrote ? "wrote" : "kept ", path);
	if (json_array_append_new(in->report, json_pack("{s:s, s:s}", "path", path, "result", result)))
		return -ENOMEM;
	return wrote;
}

static int fail(const char *path, int error)
{
	const char *hint = error == -EROFS    ? "is /etc on a read-only file system?"
			   : error == -ENOENT ? "make the folder it belongs into, then run this again"
					      : "mend that, then run this again: what is there already is kept";
	cli_fail(CLI_FAILED, hint, "%s cannot be made: %s", path, strerror(-error));
	return error;
}

/* ".NAME.XXXXXX" beside the path, for mkostemp(3) and mkdtemp(3). */
static int temporary_name(const char *path, char out[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int n = snprintf(out, PATH_MAX, "%.*s.%s.XXXXXX", (int)(slash - path + 1), path, slash + 1);
	return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Gives the finished file its name, taking it from another. 1 or -errno. */
static int supersede(const char *temporary, const char *path, bool is_file)
{
	(void)is_file;
	return rename(temporary, path) ? -errno : 1;
}

/* Gives the finished thing its name. 1, 0 when the name is taken, -errno. */
static int publish(const char *temporary, const char *path, bool is_file)
{
	if (!renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE))
		return 1;
	/* File systems without that flag: a hard link does not replace either. */
	if (errno == EINVAL && is_file && !link(temporary, path)) {
		unlink(temporary);
		return 1;
	}
	return errno == EEXIST ? 0 : -errno;
}

/* The new name survives a power failure. */
static int sync_folder(const char *path)
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof copy, "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = fsync(fd) ? -errno : 0;
	close(fd);
	return error;
}

static int own(int fd, struct install_mode m)
{
	return fchown(fd, 0, m.group) || fchmod(fd, m.mode) ? -errno : 0;
}

static int dir_make(const char *path, struct install_mode m)
{
	char temporary[PATH_MAX];
	int error = temporary_name(path, temporary);
	if (error)
		return error;
	if (!mkdtemp(temporary))
		return -errno;
	int fd = open(temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	error = fd < 0 ? -errno : own(fd, m);
	if (!error)
		error = publish(temporary, path, false);
	if (fd >= 0)
		close(fd);
	if (error != 1)
		rmdir(temporary);
	return error;
}

static int file_make(const char *path, const char *text, struct install_mode m,
	int (*name)(const char *temporary, const char *path, bool is_file))
{
	char temporary[PATH_MAX];
	int error = temporary_name(path, temporary);
	if (error)
		return error;
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = cli_write(fd, text, strlen(text));
	if (!error)
		error = own(fd, m);
	if (!error && fsync(fd))
		error = -errno;
	close(fd);
	if (!error)
		error = name(temporary, path, true);
	if (error != 1)
		unlink(temporary);
	return error;
}

static int finish(struct install *in, const char *path, int made)
{
	if (made == 1) {
		int error = sync_folder(path);
		if (error)
			made = error;
	}
	return made < 0 ? fail(path, made) : report(in, path, made);
}

int install_keep(struct install *in, const char *path)
{
	return report(in, path, false);
}

int install_dir(struct install *in, const char *path, struct install_mode m)
{
	return finish(in, path, install_present(path) ? 0 : dir_make(path, m));
}

int install_file(struct install *in, const char *path, const char *text, struct install_mode m)
{
	return finish(in, path, install_present(path) ? 0 : file_make(path, text, m, publish));
}

int install_replace(const char *path, const char *text, struct install_mode m)
{
	int error = file_make(path, text, m, supersede);
	if (error == 1)
		error = sync_folder(path);
	return error ? fail(path, error) : 0;
}

int install_move(const char *from, const char *to)
{
	int error = rename(from, to) ? -errno : sync_folder(to);
	return error ? fail(to, error) : 0;
}

int install_export(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return cli_fail(CLI_FAILED, errno == EEXIST ? "name another file, or remove this one" : "name another file",
			"%s cannot be made: %s", path, strerror(errno));
	int error = cli_write(fd, data, size);
	if (!error && fsync(fd))
		error = -errno;
	close(fd);
	if (!error)
		return CLI_OK;
	unlink(path);
	return cli_fail(CLI_FAILED, "make room, or name a file elsewhere", "%s cannot be written: %s", path, strerror(-error));
}
