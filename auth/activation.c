/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Is the variable just this number? */
static bool says(const char *name, long number)
{
	const char *value = getenv(name);
	char expected[24];
	snprintf(expected, sizeof expected, "%ld", number);
	return value && !strcmp(value, expected);
}

static bool socket_is(int option, int expected)
{
	int value = 0;
	socklen_t size = sizeof value;
	return getsockopt(ACTIVATION_FD, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

int activation_check(void)
{
	if (!says("LISTEN_PID", getpid()) || !says("LISTEN_FDS", 1))
		return -EINVAL;
	if (!socket_is(SO_DOMAIN, AF_UNIX) || !socket_is(SO_TYPE, SOCK_SEQPACKET) || !socket_is(SO_ACCEPTCONN, 0))
		return -EINVAL;
	return fcntl(ACTIVATION_FD, F_SETFD, FD_CLOEXEC) < 0 ? -EINVAL : 0;
}
