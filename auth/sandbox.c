/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/fence.h"
#include "common/filter.h"
#include "common/paths.h"

#ifdef FILTER_SANITIZED
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

int sandbox_close_inherited(char *why, size_t why_size)
{
	const int handed = sd_listen_fds(0);
	const unsigned first = SD_LISTEN_FDS_START + (unsigned)(handed > 0 ? handed : 0);
	int err = close_range(first, ~0U, 0) < 0 ? -errno : 0;

	if (err)
		snprintf(why, why_size, "cannot close inherited descriptors: %s", strerror(-err));
	return err;
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

/*
 * What the portal asks of the kernel once it serves. Nothing here makes a process, executes, listens, or reaches another machine:
 * sockets that can be made are Unix ones, and a descriptor is worth only what it was when it was handed over.
 */
/* clang-format off */
static const struct filter_rule rules[] = {
	/* its work: browsers come in, gateway and sekisho-auth are asked, one loop waits for all of them */
	ALLOW(accept4),
	ALLOW_IF(socket, 0, FILTER_WHOLE, AF_UNIX),
	ALLOW(connect),
	ALLOW(read),
	ALLOW(write),
	ALLOW(recvfrom),
	ALLOW(recvmsg),
	ALLOW_IF(sendto, 3, MSG_FASTOPEN, 0), /* which would be a connect(2) to elsewhere */
	ALLOW_IF(sendmsg, 2, MSG_FASTOPEN, 0),
	ALLOW(getsockopt),
	ALLOW(setsockopt),
	ALLOW(shutdown),
	ALLOW(close),
	ALLOW(epoll_wait),
	ALLOW(epoll_pwait2), /* what libsystemd takes instead, where libc and kernel have it */
	ALLOW(epoll_ctl),
	ALLOW(timerfd_create), /* libsystemd makes a clock's timer at its first use, which a flood may be */
	ALLOW(timerfd_settime),
	/* settings, certificate and time zone at a reload; as far as the fence goes */
	ALLOW_IF(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY),
	ALLOW(newfstatat),
	ALLOW(fstat),
	ALLOW(lseek),
	ALLOW_IF(fcntl, 1, FILTER_WHOLE, F_GETFL),
	ALLOW_IF(fcntl, 1, FILTER_WHOLE, F_SETFL),
	ALLOW_IF(ioctl, 1, FILTER_WHOLE, TCGETS), /* is standard error a terminal? */
	/* memory, none of it ever to be executed; malloc(3), OpenSSL and their locks */
	ALLOW(brk),
	ALLOW_IF(mmap, 2, PROT_EXEC, 0),
	ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(futex),
	ALLOW(getrandom),
	/* the clock, where the kernel cannot answer without being called (vdso(7)) */
	ALLOW(clock_gettime),
	ALLOW(gettimeofday),
	/* who am I? sd_notify(3) and sd-event(3) ask each time */
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	/* signals and the end, an orderly one or libc's last words on a corrupted heap */
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigreturn),
	ALLOW(restart_syscall),
	ALLOW(signalfd4),
	ALLOW(writev),
	ALLOW(exit_group),
	/* glibc 2.41 counts the processors when it sets up the randomness of getrandom(3), and takes a number of its own instead */
	REFUSE(sched_getaffinity, EPERM),
	FILTER_OF_SANITIZERS
};
/* clang-format on */

int sandbox_lock(char *why, size_t why_size)
{
	/* What a reload reads. */
	static const struct fence_place places[] = {{.path = PATH_CONFIG_DIR}, {.path = "/usr/share/zoneinfo", .optional = true}};
	int err = fence_close(places, sizeof places / sizeof *places, why, why_size);

	if (err)
		return err;
	err = filter_load(SCMP_ACT_KILL_PROCESS, rules, sizeof rules / sizeof *rules);
	if (err)
		snprintf(why, why_size, "cannot install the system call filter (%s): the kernel needs CONFIG_SECCOMP_FILTER",
			strerror(-err));
	return err;
}
