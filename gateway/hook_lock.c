/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hook has the gateway's user. What is the gateway's own is closed to it all the same, by Landlock (landlock(7)). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/paths.h"
#include "gateway/hook_internal.h"

/* Landlock only opens; so all that lies beside these, on each level, is opened. */
static const char *const closed[] = {PATH_CONFIG_DIR, PATH_STATE_DIR, PATH_LOG_DIR, PATH_RUN_DIR, "/run/wireguard"};

enum { FOLDER_PATH_MAX = 512 };

/* The ruleset's attributes as far as they are used here; headers may be older than the running kernel. Signals to processes
 * outside, the gateway among them, came with version 6. */
struct ruleset {
	uint64_t files, net, scoped;
};
static const uint64_t SCOPE_SIGNAL = UINT64_C(1) << 1;

/* 13 rights from the start; refer, truncate and ioctl-dev came with versions 2, 3 and 5. */
static uint64_t all_rights(int abi)
{
	return (UINT64_C(1) << (abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13)) - 1;
}

static uint64_t file_rights(int abi)
{
	const uint64_t truncate = UINT64_C(1) << 14, ioctl_dev = UINT64_C(1) << 15;
	const uint64_t rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
	return (rights | truncate | ioctl_dev) & all_rights(abi);
}

struct lock {
	int rules, abi;
};

/* What cannot be opened for the look stays closed, and so do links: what counts is where they lead. */
static int allow(const struct lock *lock, const char *path, uint64_t rights)
{
	struct stat st;
	int r = 0;
	const int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISLNK(st.st_mode)) {
		const struct landlock_path_beneath_attr attr = {
			.allowed_access = S_ISDIR(st.st_mode) ? rights : rights & file_rights(lock->abi), .parent_fd = fd};
		if (syscall(SYS_landlock_add_rule, lock->rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
			r = -errno;
	}
	close(fd);
	return r;
}

enum place { PLACE_OPEN, PLACE_ABOVE /* a closed folder */, PLACE_CLOSED };

static enum place place_of(const char *path)
{
	const size_t size = strlen(path);
	enum place place = PLACE_OPEN;
	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
		if (!strcmp(closed[i], path))
			return PLACE_CLOSED;
		if (!strncmp(closed[i], path, size) && closed[i][size] == '/')
			place = PLACE_ABOVE;
	}
	return place;
}

/* Opens what is in the folder `path` ("" for the root) but for what is closed. */
static int allow_around(const struct lock *lock, const char *path)
{
	char inner[FOLDER_PATH_MAX];
	const struct dirent *entry;
	int r = 0;
	DIR *folder = opendir(*path ? path : "/");
	if (!folder)
		return errno == EACCES ? 0 : -errno;
	while (r == 0 && (entry = readdir(folder))) {
		const int size = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || size >= (int)sizeof inner)
			continue;
		const enum place place = place_of(inner);
		if (place == PLACE_ABOVE)
			r = allow_around(lock, inner); /* as deep as the paths above are */
		else if (place == PLACE_OPEN)
			r = allow(lock, inner, all_rights(lock->abi));
	}
	closedir(folder);
	return r;
}

int hook_lock(const char *program)
{
	struct lock lock = {.abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)};
	if (lock.abi < 1)
		return 0; /* a kernel without it */
	const struct ruleset attr = {.files = all_rights(lock.abi), .scoped = lock.abi >= 6 ? SCOPE_SIGNAL : 0};
	const size_t size = lock.abi >= 6 ? sizeof attr : sizeof attr.files;
	lock.rules = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (lock.rules < 0)
		return -errno;
	int r = allow_around(&lock, "");
	if (r == 0)
		r = allow(&lock, program, LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE);
	if (r == 0 && syscall(SYS_landlock_restrict_self, lock.rules, 0) < 0)
		r = -errno;
	close(lock.rules);
	return r;
}
