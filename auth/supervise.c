/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/supervise.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/say.h"
#include "common/text.h"

static const int64_t SECOND = 1000000;

enum { DYING_SECONDS = 5 }; /* for killed processes to be gone; longer only in the kernel's uninterruptible sleep */

/* The next of our signals, or 0 at the instant `until` of CLOCK_BOOTTIME. */
static int wait_signal(const sigset_t *set, int64_t until)
{
	int64_t left = until - time_boot();
	struct timespec ts = {.tv_sec = left > 0 ? left / SECOND : 0, .tv_nsec = left > 0 ? left % SECOND * 1000 : 0};
	int signal = sigtimedwait(set, NULL, &ts);
	return signal < 0 ? 0 : signal;
}

/* Reaps what has ended. True and the status when the worker is among it; *none when no child is left. */
static bool reap(pid_t worker, int *status, bool *none)
{
	bool found = false;
	for (;;) {
		int s;
		pid_t pid = waitpid(-1, &s, WNOHANG | __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		*none = pid < 0;
		if (pid <= 0)
			return found;
		if (pid == worker) {
			*status = s;
			found = true;
		}
	}
}

/* proc(5): the list may miss one that changes at this moment, so it is read again until there is no child. */
static void kill_children(void)
{
	char path[64];
	int pid;
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "re");
	if (!f) {
		say_error("cannot see the processes that PAM modules left (%s): %s; is /proc mounted?", path, strerror(errno));
		return;
	}
	while (fscanf(f, "%d", &pid) == 1)
		if (pid > 1)
			kill(pid, SIGKILL);
	fclose(f);
}

/* Children of children come to us as their parents die. */
static void kill_all(const sigset_t *set)
{
	const int64_t until = time_boot() + DYING_SECONDS * SECOND;
	int status;
	for (;;) {
		bool none;
		kill_children();
		reap(-1, &status, &none);
		if (none)
			return;
		int64_t now = time_boot();
		if (now >= until)
			break;
		/* A child may also have come to us without ending: look again soon. */
		wait_signal(set, now + SECOND / 10 < until ? now + SECOND / 10 : until);
	}
	say_warning("a process that a PAM module started cannot be killed; see: ps -eo pid,ppid,stat,wchan:30,args");
}

static int run_child(int (*work)(void *), void *argument, const sigset_t *old, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before that took effect. */
	if (getppid() != parent)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_SETMASK, old, NULL);
	return work(argument);
}

static int wait_worker(pid_t worker, const sigset_t *set, int64_t seconds)
{
	const int64_t until = time_boot() + seconds * SECOND;
	for (;;) {
		int status;
		bool none;
		if (reap(worker, &status, &none)) {
			if (WIFEXITED(status))
				return WEXITSTATUS(status);
			if (WTERMSIG(status) == SIGKILL)
				say_error("a login attempt or recheck was killed: a PAM module did not answer within pam-timeout "
					  "(sekisho.conf), or "
					  "the system ran out of memory");
			else if (WTERMSIG(status) == SIGSYS)
				say_error("a login attempt or recheck was killed: a PAM module did what none may (see \"What PAM "
					  "modules need\" in operations.md); the call's number: journalctl -k --grep type=1326");
			else
				say_error("a login attempt or recheck died of signal %d: a PAM module has a fault; see: "
					  "coredumpctl, "
					  "journalctl -t "
					  "sekisho-auth",
					WTERMSIG(status));
			return -ECHILD;
		}
		int got = wait_signal(set, until);
		if (got == SIGTERM || got == SIGINT)
			return -EINTR;
		if (time_boot() >= until) {
			say_warning("a login attempt was ended after %" PRId64 " s (login-timeout of sekisho.conf)", seconds);
			return -ETIMEDOUT;
		}
	}
}

int supervise(int (*work)(void *argument), void (*started)(void *argument), void *argument, int64_t seconds)
{
	sigset_t set, old;
	pid_t me = getpid();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pid_t worker = -1;
	if (sigprocmask(SIG_BLOCK, &set, &old) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0)
		worker = fork();
	if (worker < 0) {
		int err = -errno;
		say_error("cannot start a login attempt: %s; too many processes?", strerror(errno));
		return err;
	}
	if (worker == 0)
		_exit(run_child(work, argument, &old, me));
	if (started)
		started(argument);
	int result = wait_worker(worker, &set, seconds);
	kill_all(&set);
	return result;
}
