/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A function run in a child process that is ended, or whose system call is made to fail, at a chosen one of its system calls on
 * sockets: so that a test can go through every point at which work with the kernel may be cut off. ptrace(2). Failing needs
 * x86-64. Include cmocka first.
 */
#ifndef SEKISHO_TESTS_STEP_H
#define SEKISHO_TESTS_STEP_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum { STEP_KILLED = 256, STEP_BROKEN = 257 };

static inline bool step_counts(uint64_t number)
{
	return number == SYS_sendto || number == SYS_recvfrom || number == SYS_setsockopt || number == SYS_poll;
}

static inline int step_wait(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid ? status : STEP_BROKEN << 8;
}

/* To the next stop at a system call; its exit status when it has ended, -1 while it runs. */
static inline int step_next(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return STEP_BROKEN;
	status = step_wait(pid);
	if (WIFSTOPPED(status))
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STEP_BROKEN;
}

/* Stopped at the entry of a call: it is not made and returns -ENOBUFS. */
static inline int step_fail(pid_t pid)
{
#ifdef __x86_64__
	int ended;

	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), (void *)-1L) < 0)
		return STEP_BROKEN;
	ended = step_next(pid);
	if (ended >= 0)
		return ended;
	return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), (void *)(long)-ENOBUFS) < 0 ? STEP_BROKEN
														: -1;
#else
	(void)pid;
	return STEP_BROKEN;
#endif
}

/*
 * Runs body(arg) in a child. At call number `at` (from 1) of those that count the child is killed: STEP_KILLED; or, with `fail`,
 * the call fails once and the child goes on. What body() returned (0..255) when it came to its end; `reached` says whether
 * there were so many calls.
 */
static inline int step_run(int (*body)(void *arg), void *arg, unsigned at, bool fail, bool *reached)
{
	struct ptrace_syscall_info info;
	unsigned count = 0;
	int ended = -1;
	pid_t pid = fork();

	*reached = false;
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
			_exit(255);
		_exit(body(arg));
	}
	if (pid < 0 || !WIFSTOPPED(step_wait(pid)) || ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) < 0)
		return STEP_BROKEN;
	while (ended < 0) {
		ended = step_next(pid);
		if (ended >= 0 || *reached || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
			info.op != PTRACE_SYSCALL_INFO_ENTRY || !step_counts(info.entry.nr) || ++count != at)
			continue;
		*reached = true;
		if (fail) {
			ended = step_fail(pid);
			continue;
		}
		kill(pid, SIGKILL);
		step_wait(pid);
		ended = STEP_KILLED;
	}
	return ended;
}

#endif
