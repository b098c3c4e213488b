/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into every program of a run of the tests (/etc/ld.so.preload of tests/system/run, with SEKISHO_FILTERS=log): a filter
 * of system calls (common/filter.h) stops nothing. What it would have killed goes to filter_log.py, which lets it pass and writes
 * it down (seccomp_unotify(2)).
 */
#include <dlfcn.h>
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENER "/dev/net/filters"

/* man(1) has filters, too. */
static bool ours(void)
{
	return !strncmp(program_invocation_short_name, "sekisho", strlen("sekisho"));
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

scmp_filter_ctx seccomp_init(uint32_t otherwise)
{
	scmp_filter_ctx (*real)(uint32_t) = (scmp_filter_ctx(*)(uint32_t))next("seccomp_init");
	return real(ours() && otherwise == SCMP_ACT_KILL_PROCESS ? SCMP_ACT_NOTIFY : otherwise);
}

int seccomp_rule_add_array(scmp_filter_ctx filter, uint32_t action, int call, unsigned count, const struct scmp_arg_cmp *only)
{
	int (*real)(scmp_filter_ctx, uint32_t, int, unsigned, const struct scmp_arg_cmp *) =
		(int (*)(scmp_filter_ctx, uint32_t, int, unsigned, const struct scmp_arg_cmp *))next("seccomp_rule_add_array");
	return real(filter, ours() && action == SCMP_ACT_KILL_PROCESS ? SCMP_ACT_NOTIFY : action, call, count, only);
}

static void hand_over(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof fd)];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	char byte = 0;
	struct iovec one = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	if (sendmsg(socket, &message, MSG_NOSIGNAL) != 1)
		abort();
}

int seccomp_load(const scmp_filter_ctx filter)
{
	int (*real)(scmp_filter_ctx) = (int (*)(scmp_filter_ctx))next("seccomp_load");
	if (!ours())
		return real(filter);
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = LISTENER};
	int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (socket_fd < 0 || connect(socket_fd, (struct sockaddr *)&to, sizeof to) < 0)
		abort();
	/* The one call that must pass before anybody answers. */
	(void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 0);
	int r = real(filter);
	if (r == 0) {
		int fd = seccomp_notify_fd(filter);
		hand_over(socket_fd, fd);
		close(fd);
	}
	close(socket_fd);
	return r;
}
