/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/hook.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/hook_internal.h"

static int describe_files(posix_spawn_file_actions_t *files, int socket)
{
	int r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", 0, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(files, socket, HOOK_FD);
	return r ? r : posix_spawn_file_actions_addclosefrom_np(files, HOOK_FD + 1);
}

static int describe_process(posix_spawnattr_t *attributes)
{
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	int r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!r)
		r = posix_spawnattr_setsigmask(attributes, &none);
	return r ? r : posix_spawnattr_setsigdefault(attributes, &all);
}

/* This same program, started anew, so that nothing of the gateway's memory is in it. Returns errno. */
static int spawn(int socket, pid_t *pid)
{
	char *const arguments[] = {(char[]){"sekisho-gateway"}, (char[]){"--alert-runner"}, NULL};
	char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, (char[]){"LANG=C.UTF-8"}, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&files);
	if (r)
		return r;
	r = posix_spawnattr_init(&attributes);
	if (r)
		goto out;
	r = describe_files(&files, socket);
	if (!r)
		r = describe_process(&attributes);
	if (!r)
		r = posix_spawn(pid, "/proc/self/exe", &files, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
out:
	posix_spawn_file_actions_destroy(&files);
	return r;
}

int hook_runner_start(struct hook_runner *r)
{
	int ends[2], room = HOOK_WAITING_BYTES / 2; /* the kernel doubles it, socket(7) */
	pid_t pid;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	int error = spawn(ends[1], &pid);
	close(ends[1]);
	if (error) {
		close(ends[0]);
		return -error;
	}
	*r = (struct hook_runner){.fd = ends[0], .pid = pid};
	return 0;
}

void hook_runner_stop(struct hook_runner *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1; /* whoever becomes its parent reaps it */
}

void hook_runner_bury(struct hook_runner *r)
{
	hook_runner_stop(r);
	if (r->pid <= 0)
		return;
	(void)kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	r->pid = 0;
}

int hook_send(const struct hook_runner *r, const char *path, int64_t seconds, const char *reason, const char *record)
{
	struct hook_order order = {.seconds = seconds};
	size_t size = strlen(record);
	if (r->fd < 0)
		return -ESRCH;
	if (strlen(path) > HOOK_PATH_MAX || strlen(reason) >= HOOK_REASON_MAX || size > sizeof order.record)
		return -EMSGSIZE;
	memcpy(order.path, path, strlen(path));
	memcpy(order.reason, reason, strlen(reason));
	memcpy(order.record, record, size);
	ssize_t sent = send(r->fd, &order, offsetof(struct hook_order, record) + size, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent >= 0 ? 0 : errno == EPIPE || errno == ECONNRESET ? -ESRCH : -errno;
}

int hook_receive(const struct hook_runner *r, struct hook_report *out)
{
	struct hook_report report;
	ssize_t n = recv(r->fd, &report, sizeof report, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n != sizeof report || report.end > HOOK_REFUSED)
		return -ESRCH;
	*out = report;
	return 0;
}
