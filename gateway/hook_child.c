/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/hook_internal.h"

enum { EXIT_CONFINE = 126, EXIT_EXEC = 127 };

/* A hook that runs wild stays small. Processes are counted over all of the user's (getrlimit(2)), wireguard-go's threads among
 * them. */
static const struct {
	int resource;
	rlim_t most;
} limits[] = {
	{RLIMIT_CORE, 0},
	{RLIMIT_NOFILE, 256},
	{RLIMIT_NPROC, 256},
	{RLIMIT_FSIZE, 64 << 20},
	{RLIMIT_DATA, 512 << 20},
	{RLIMIT_MEMLOCK, 0},
};

static void fail(const char *what, int code) __attribute__((noreturn));
static void fail(const char *what, int code)
{
	dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
	_exit(code);
}

static void take_files(int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0 ||
		close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(EXIT_CONFINE);
}

static void confine(int64_t seconds)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL); /* refused for SIGKILL, SIGSTOP and those of the C library: as it should be */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (setrlimit((__rlimit_resource_t)limits[i].resource, &(struct rlimit){limits[i].most, limits[i].most}) < 0)
			fail("cannot limit the hook", EXIT_CONFINE);
	const rlim_t cpu = (rlim_t)seconds + 1;
	if (setrlimit(RLIMIT_CPU, &(struct rlimit){cpu, cpu}) < 0 || chdir("/") < 0)
		fail("cannot limit the hook", EXIT_CONFINE);
	umask(077);
	(void)setpriority(PRIO_PROCESS, 0, 10);
}

void hook_become(const struct hook_order *order, const char *program, int in, int out)
{
	char reason[sizeof "SEKISHO_ALERT=" + HOOK_REASON_MAX], name[HOOK_PATH_MAX + 1];
	char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, (char[]){"LANG=C.UTF-8"}, reason, NULL};
	/* Without the runner nobody would end it in time. The group's name is the process': kill(2) of the group finds it from
	 * now on. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setsid() < 0)
		_exit(EXIT_CONFINE);
	take_files(in, out);
	confine(order->seconds);
	snprintf(reason, sizeof reason, "SEKISHO_ALERT=%s", order->reason);
	memcpy(name, order->path, sizeof name);
	execve(program, (char *const[]){name, NULL}, environment);
	fail("cannot be started", EXIT_EXEC);
}
