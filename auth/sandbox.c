/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/say.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED
/* The search for leaks at the end traces the process with ptrace(2), which is just what the sandbox forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static int become(const char *user, char *why, size_t why_size)
{
	const struct passwd *p = getpwnam(user);

	if (!p) {
		snprintf(why, why_size,
			"there is no user '%s': create it with systemd-sysusers, or start this program as that user", user);
		return -ENOENT;
	}
	capng_clear(CAPNG_SELECT_ALL);
	int err =
		capng_change_id((int)p->pw_uid, (int)p->pw_gid, CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
	if (err) {
		snprintf(why, why_size,
			"cannot become user '%s' (libcap-ng says %d): it takes CAP_SETUID, CAP_SETGID and CAP_SETPCAP", user,
			err);
		return -EPERM;
	}
	return 0;
}

static int limit(int resource, rlim_t value)
{
	struct rlimit r = {.rlim_cur = value, .rlim_max = value};

	return setrlimit((__rlimit_resource_t)resource, &r) < 0 ? -errno : 0;
}

/* A process without any does not ask: the unit's filter of system calls forbids even that. */
static int drop_capabilities(void)
{
	if (capng_get_caps_process() == 0 && capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
		return 0;
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return -EPERM;
	return 0;
}

int sandbox_drop(const char *user, unsigned descriptors, char *why, size_t why_size)
{
	int err = limit(RLIMIT_NOFILE, descriptors);

	if (err) {
		snprintf(why, why_size, "cannot have %u descriptors (%s): raise LimitNOFILE= of sekisho-portal.service",
			descriptors, strerror(-err));
		return err;
	}
	err = geteuid() == 0 ? become(user, why, why_size) : 0;
	if (err)
		return err;
	if (geteuid() == 0 || getuid() == 0) {
		snprintf(why, why_size, "user '%s' is root: give the portal a user of its own", user);
		return -EPERM;
	}
	if (drop_capabilities() < 0) {
		snprintf(why, why_size, "cannot give up the capabilities: see capabilities(7)");
		return -EPERM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		err = -errno;
	if (!err)
		err = limit(RLIMIT_CORE, 0);
	if (!err)
		err = limit(RLIMIT_NPROC, 0);
	if (err)
		snprintf(why, why_size, "cannot harden the process (%s): see prctl(2) and setrlimit(2)", strerror(-err));
	return err;
}

/* As much of landlock(7)'s struct landlock_ruleset_attr as is used here; headers may be older than the running kernel. */
struct ruleset {
	uint64_t files, net;
};

static int lock_files(const char *folder, char *why, size_t why_size)
{
	const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int rules = -1, err = 0;

	if (abi < 1) {
		say_info("this kernel has no Landlock: files are guarded by their permissions alone");
		return 0;
	}
	/* 13 rights from the start; refer, truncate and ioctl-dev came with versions 2, 3 and 5, TCP bind and connect with 4. */
	struct ruleset r = {.files = (UINT64_C(1) << (abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13)) - 1, .net = 3};
	struct landlock_path_beneath_attr allowed = {.allowed_access = reading, .parent_fd = open(folder, O_PATH | O_CLOEXEC)};
	if (allowed.parent_fd < 0) {
		err = -errno;
		goto out;
	}
	rules = (int)syscall(SYS_landlock_create_ruleset, &r, abi >= 4 ? sizeof r : sizeof r.files, 0);
	if (rules < 0 || syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &allowed, 0) < 0 ||
		syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		err = -errno;
out:
	if (err)
		snprintf(why, why_size, "cannot lock the file system but %s with Landlock (%s)", folder, strerror(-err));
	if (rules >= 0)
		close(rules);
	if (allowed.parent_fd >= 0)
		close(allowed.parent_fd);
	return err;
}

/* Calls that are harmless whatever their arguments, given what is open and who we are. */
static const int plain_calls[] = {
	/* event loop and time */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(signalfd4),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(restart_syscall),
	/* descriptors and connections */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(accept4),
	SCMP_SYS(connect),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(shutdown),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	/* memory, locks, randomness */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	/* the process itself */
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#ifdef SANITIZED
	/* the sanitizers' own */
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(readlink),
	SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64),
	SCMP_SYS(uname),
#endif
};

static int allow_plain(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof plain_calls / sizeof *plain_calls; i++) {
		/* a call that this architecture does not have needs no rule */
		int err = plain_calls[i] < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);
		if (err)
			return err;
	}
	return 0;
}

/* Calls that are allowed only if one 32-bit argument, masked, has a value. */
static int allow_narrow(scmp_filter_ctx filter)
{
	enum { WHOLE = -1 };
	const struct {
		int call;
		unsigned argument;
		int mask, value;
	} narrow[] = {
		{SCMP_SYS(socket), 0, WHOLE, AF_UNIX}, {SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
		{SCMP_SYS(mmap), 2, PROT_EXEC, 0}, {SCMP_SYS(mprotect), 2, PROT_EXEC, 0}, {SCMP_SYS(fcntl), 1, WHOLE, F_GETFL},
		{SCMP_SYS(fcntl), 1, WHOLE, F_SETFL}, {SCMP_SYS(fcntl), 1, WHOLE, F_GETFD}, {SCMP_SYS(fcntl), 1, WHOLE, F_SETFD},
		{SCMP_SYS(ioctl), 1, WHOLE, TCGETS}, /* is standard error a terminal? */
		{SCMP_SYS(tgkill), 0, WHOLE, getpid()}, /* abort(3) */
	};

	for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
		const struct scmp_arg_cmp only = {.arg = narrow[i].argument,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = (uint32_t)narrow[i].mask,
			.datum_b = (uint32_t)narrow[i].value};
		int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, narrow[i].call, 1, only);
		if (err)
			return err;
	}
	return 0;
}

int sandbox_lock(const char *folder, char *why, size_t why_size)
{
	int err = lock_files(folder, why, why_size);
	scmp_filter_ctx filter;

	if (err)
		return err;
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	err = filter ? allow_plain(filter) : -ENOMEM;
	if (!err)
		err = allow_narrow(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	if (err)
		snprintf(why, why_size, "cannot install the system call filter (%s): the kernel needs CONFIG_SECCOMP_FILTER",
			strerror(-err));
	return err;
}
