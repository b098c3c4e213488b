/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/forbid.h"
#include "common/paths.h"

struct folder {
	const char *path, *group;
	mode_t mode;
};

static const struct folder folders[] = {
	{PATH_RUN_DIR, USER_GATEWAY, 0755}, {PATH_STATE_DIR, USER_GATEWAY, 0711}, {PATH_ARCHIVE, GROUP_ADMIN, 02750},
	{PATH_LOG_DIR, GROUP_LOGS, 02750}, {"/run/wireguard", USER_GATEWAY, 0750}, /* where wireguard-go puts its sockets */
};

/* What systemd-tmpfiles does on an installed system; existing folders keep their modes but must be ours. */
static int make_folder(const struct folder *f, const struct passwd *user, char *why, size_t why_size)
{
	struct stat st;
	const struct group *group = getgrnam(f->group);
	if (!group) {
		snprintf(why, why_size, "group %s does not exist; run systemd-sysusers", f->group);
		return -ESRCH;
	}
	if (mkdir(f->path, f->mode) == 0) {
		if (chown(f->path, user->pw_uid, group->gr_gid) == 0 && chmod(f->path, f->mode) == 0)
			return 0;
	} else if (errno == EEXIST && lstat(f->path, &st) == 0) {
		if (S_ISDIR(st.st_mode) && (st.st_uid == user->pw_uid || chown(f->path, user->pw_uid, group->gr_gid) == 0))
			return 0;
	}
	int r = errno ? -errno : -ENOTDIR;
	snprintf(why, why_size, "cannot make folder %s for user %s: %s; make it by hand: install -d -o %s -g %s -m %04o %s",
		f->path, USER_GATEWAY, strerror(-r), USER_GATEWAY, f->group, (unsigned)f->mode, f->path);
	return r;
}

static int become(const struct passwd *user, char *why, size_t why_size)
{
	capng_clear(CAPNG_SELECT_ALL);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_BOUNDING_SET, CAP_NET_ADMIN);
	int r = capng_change_id((int)user->pw_uid, (int)user->pw_gid, CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (r < 0) {
		snprintf(why, why_size, "cannot become user %s (libcap-ng error %d); start as root or through systemd",
			USER_GATEWAY, r);
		return -EPERM;
	}
	return 0;
}

static int harden(char *why, size_t why_size)
{
	const struct rlimit none = {0, 0};
	(void)setrlimit(RLIMIT_CORE, &none);
	umask(027);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) {
		int r = -errno;
		snprintf(why, why_size, "cannot confine the process: %s; start sekisho-gateway.service or as root", strerror(-r));
		return r;
	}
	/* Its own sockets, and wireguard-go's. */
	const int r = forbid(true);
	if (r < 0)
		snprintf(why, why_size, "cannot install the system call filter (%s): the kernel needs CONFIG_SECCOMP_FILTER",
			strerror(-r));
	return r;
}

/* Does the process, as capng_get_caps_process() found it, have no capability? */
static bool has_none(void)
{
	for (unsigned c = 0; c <= CAP_LAST_CAP; c++)
		if (capng_have_capability(CAPNG_EFFECTIVE, c) || capng_have_capability(CAPNG_PERMITTED, c))
			return false;
	return true;
}

int privileges_drop_all(char *why, size_t why_size)
{
	const struct rlimit none = {0, 0};
	int r = geteuid() == 0 ? -EPERM : 0;
	if (r == 0 && (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
			      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0))
		r = -errno;
	/* The unit's filter forbids giving up what is merely inheritable, which is worth nothing to whoever may gain no privileges
	 * (execve(2), no_new_privs): what counts is what is left. */
	if (r == 0) {
		capng_clear(CAPNG_SELECT_CAPS);
		(void)capng_apply(CAPNG_SELECT_CAPS);
		if (capng_get_caps_process() < 0 || !has_none())
			r = -EPERM;
	}
	if (r < 0)
		snprintf(why, why_size, "cannot give up the gateway's capabilities: %s", strerror(-r));
	umask(077);
	return r;
}

int privileges_drop(char *why, size_t why_size)
{
	const struct passwd *user = getpwnam(USER_GATEWAY);
	int r;
	if (!user) {
		snprintf(why, why_size, "user %s does not exist; run systemd-sysusers", USER_GATEWAY);
		return -ESRCH;
	}
	if (geteuid() == 0) {
		for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
			r = make_folder(&folders[i], user, why, why_size);
			if (r < 0)
				return r;
		}
		r = become(user, why, why_size);
		if (r < 0)
			return r;
	} else if (geteuid() != user->pw_uid) {
		snprintf(why, why_size, "start sekisho-gateway as root or as user %s (systemctl start sekisho-gateway)",
			USER_GATEWAY);
		return -EPERM;
	}
	if (capng_get_caps_process() < 0 || !capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN)) {
		snprintf(why, why_size, "CAP_NET_ADMIN is missing; start sekisho-gateway.service or as root");
		return -EPERM;
	}
	return harden(why, why_size);
}
