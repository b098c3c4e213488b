/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folders that tests may fill, and a small file system of their own in a mount namespace that nobody else sees. */
#ifndef SEKISHO_TESTS_SCRATCH_H
#define SEKISHO_TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRATCH_PATH = 256, SCRATCH_SKIP = 77 };

/* For children, where cmocka's assertions cannot report: says what does not hold, and ends the child. */
#define CHILD_CHECK(condition)                                                                                                   \
	do {                                                                                                                     \
		if (!(condition)) {                                                                                              \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                           \
			_exit(1);                                                                                                \
		}                                                                                                                \
	} while (0)

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(const char *folder)
{
	nftw(folder, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static inline const char *scratch_make(char folder[static SCRATCH_PATH])
{
	snprintf(folder, SCRATCH_PATH, "/tmp/sekisho-test.XXXXXX");
	if (!mkdtemp(folder)) {
		perror("mkdtemp");
		exit(1);
	}
	return folder;
}

static inline const char *scratch_path(char path[static SCRATCH_PATH], const char *folder, const char *name)
{
	if (snprintf(path, SCRATCH_PATH, "%s/%s", folder, name) >= SCRATCH_PATH)
		abort();
	return path;
}

/* Runs `child` on a tmpfs of `options` mounted over `folder`, in a process and mount namespace of its own. Its exit status, or
 * SCRATCH_SKIP when that needs a privilege we lack. */
static inline int scratch_on_tmpfs(const char *folder, const char *options, void (*child)(const char *folder))
{
	int status = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
			mount("tmpfs", folder, "tmpfs", 0, options) < 0)
			_exit(SCRATCH_SKIP);
		child(folder);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Fills what is left of a file system with the file `path`. */
static inline void scratch_fill(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while (fd >= 0 && write(fd, block, sizeof block) > 0)
		;
	if (fd >= 0)
		close(fd);
}

#endif
