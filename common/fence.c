/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/say.h"

/* As much of landlock(7)'s struct landlock_ruleset_attr as is used here; headers may be older than the running kernel. */
struct ruleset {
	uint64_t files, net, scope;
};

/* 13 rights from the start; refer, truncate and ioctl-dev came with versions 2, 3 and 5. */
static const uint64_t REFER = UINT64_C(1) << 13, TRUNCATE = UINT64_C(1) << 14;

static uint64_t all_rights(int abi)
{
	return (UINT64_C(1) << (abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13)) - 1;
}

/* What concerns TCP came with version 4, what concerns other processes with 6. */
static size_t size_of_ruleset(int abi)
{
	return abi >= 6 ? sizeof(struct ruleset) : abi >= 4 ? offsetof(struct ruleset, scope) : offsetof(struct ruleset, net);
}

static uint64_t rights_of(const struct fence_place *p)
{
	const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
				 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				 REFER | TRUNCATE;
	return p->write ? reading | writing : reading;
}

static int add(int rules, const struct fence_place *p, uint64_t known)
{
	struct landlock_path_beneath_attr a = {
		.allowed_access = rights_of(p) & known, .parent_fd = open(p->path, O_PATH | O_CLOEXEC)};
	if (a.parent_fd < 0)
		return p->optional && errno == ENOENT ? 0 : -errno;
	int err = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0) < 0 ? -errno : 0;
	close(a.parent_fd);
	return err;
}

static int version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool fence_possible(void)
{
	return version() >= 1;
}

int fence_close(const struct fence_place *places, size_t count, char *why, size_t why_size)
{
	int abi = version();
	if (abi < 1) {
		say_warning("this kernel has no Landlock: files are guarded by their permissions alone; see landlock(7)");
		return 0;
	}
	/* TCP bind and connect; abstract Unix sockets and signals */
	const struct ruleset r = {.files = all_rights(abi), .net = 3, .scope = 3};
	const char *what = "a ruleset cannot be made";
	int rules = (int)syscall(SYS_landlock_create_ruleset, &r, size_of_ruleset(abi), 0);
	int err = rules < 0 ? -errno : 0;
	for (size_t i = 0; !err && i < count; i++) {
		what = places[i].path;
		err = add(rules, &places[i], r.files);
	}
	if (!err && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, rules, 0) < 0)) {
		what = "it cannot be put in force";
		err = -errno;
	}
	if (err)
		snprintf(why, why_size, "cannot fence the file system off with Landlock: %s: %s; see landlock(7)", what,
			strerror(-err));
	if (rules >= 0)
		close(rules);
	return err;
}
