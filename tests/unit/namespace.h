/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests that need root and a network of their own: they run as the first process of new PID, network and mount namespaces, so
 * that whatever they start or make ends with them, also when they fail. wireguard-go's sockets get a private folder.
 */
#ifndef SEKISHO_TESTS_NAMESPACE_H
#define SEKISHO_TESTS_NAMESPACE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a program with this input on its standard input (NULL: none); its output is dropped unless `loud`. Its exit status, 127
 * when it cannot be started. */
static inline int run_program(const char *input, int loud, const char *const argv[])
{
	int ends[2], status = 0;
	pid_t pid;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return 127;
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(ends[0], 0);
		if (!loud) {
			dup2(null, 1);
			dup2(null, 2);
		}
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(ends[0]);
	if (input && write(ends[1], input, strlen(input)) < 0)
		perror("write");
	close(ends[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define RUN(...) run_program(NULL, 1, (const char *const[]){__VA_ARGS__, NULL})
#define RUN_QUIET(...) run_program(NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

/* The first process of the namespaces: prepares them, runs `body` in a second one, and reaps whatever is left to it. */
static inline int namespace_init(int (*body)(void))
{
	int status = 0;
	pid_t pid, ended;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0 ||
		(mkdir("/run/wireguard", 0755) < 0 && errno != EEXIST) ||
		mount("tmpfs", "/run/wireguard", "tmpfs", 0, NULL) < 0 || RUN("ip", "link", "set", "lo", "up") != 0) {
		perror("namespace_init");
		return 1;
	}
	pid = fork();
	if (!pid)
		exit(body());
	if (pid < 0)
		return 1;
	do {
		ended = waitpid(-1, &status, 0);
	} while (ended != pid && (ended > 0 || errno == EINTR));
	if (WIFSIGNALED(status))
		fprintf(stderr, "the test was ended by signal %d\n", WTERMSIG(status));
	return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static inline int namespace_wait(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* In a process of its own, since one that has called unshare(CLONE_NEWPID) can start no others once its first child has ended. */
static inline int namespace_launch(int (*body)(void))
{
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS) < 0) {
		printf("SKIPPED: no namespaces here: %s\n", strerror(errno));
		fflush(stdout);
		return 0;
	}
	pid = fork();
	if (!pid)
		_exit(namespace_init(body));
	return namespace_wait(pid);
}

/* Runs `body` in new namespaces and returns what it returned; 0 with a line that says so when that is not possible here. */
static inline int namespace_main(int (*body)(void))
{
	pid_t pid;

	if (geteuid() != 0) {
		puts("SKIPPED: needs root, for namespaces of its own");
		return 0;
	}
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(namespace_launch(body));
	return namespace_wait(pid);
}

#endif
