/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/log_copy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/text.h"

static const int64_t AGAIN_USEC = 1000000;
enum { HEADER_MAX = 96 };

/* The second is what the first is a link to where systemd runs; a private /dev may lack it. */
static const char *const sockets[] = {"/dev/log", "/run/systemd/journal/dev-log"};

static int connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	memcpy(to.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

static bool is_connected(struct log_copy *c)
{
	int64_t now = time_boot();
	if (c->fd >= 0 || now < c->again)
		return c->fd >= 0;
	for (size_t i = 0; c->fd < 0 && i < sizeof sockets / sizeof *sockets; i++)
		c->fd = connect_to(sockets[i]);
	c->again = now + AGAIN_USEC;
	c->reached = c->reached || c->fd >= 0;
	return c->fd >= 0;
}

void log_copy_close(struct log_copy *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* RFC 3164 as syslog(3) writes it to a local socket: no host name. */
static int send_text(struct log_copy *c, int priority, const char *text, size_t size)
{
	char header[HEADER_MAX], when[32];
	struct tm tm;
	time_t now = (time_t)(time_now() / 1000000);
	if (!localtime_r(&now, &tm) || !strftime(when, sizeof when, "%b %e %H:%M:%S", &tm))
		return -EINVAL;
	int n = snprintf(header, sizeof header, "<%d>%s sekisho-log[%d]: ", priority, when, (int)getpid());
	struct iovec parts[] = {{header, (size_t)n}, {(void *)(uintptr_t)text, size}};
	const struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
	return sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int priority_of(enum log_file file, const char *line, size_t size)
{
	static const char alert[] = "\"kind\":\"alert\"";
	int level = memmem(line, size, alert, sizeof alert - 1) ? LOG_WARNING : file == LOG_AUDIT ? LOG_NOTICE : LOG_INFO;
	return (file == LOG_ACCESS ? LOG_DAEMON : LOG_AUTHPRIV) | level;
}

static int tell_lost(struct log_copy *c)
{
	char text[160];
	if (!c->untold)
		return 0;
	int n = snprintf(text, sizeof text,
		"%llu line(s) could not be copied here before this; the files in " PATH_LOG_DIR " have them",
		(unsigned long long)c->untold);
	int r = send_text(c, LOG_AUTHPRIV | LOG_WARNING, text, (size_t)n);
	if (r == 0)
		c->untold = 0;
	return r;
}

void log_copy_line(struct log_copy *c, enum log_file file, bool is_seal, const char *line, size_t size)
{
	if (!is_seal && !c->wanted[file])
		return;
	int r = is_connected(c) ? tell_lost(c) : -ENOTCONN;
	if (r == 0)
		r = send_text(c, priority_of(file, line, size), line, size - 1);
	if (r == 0)
		return;
	/* Slow is not gone. */
	if (r != -EAGAIN && r != -ENOBUFS && r != -EMSGSIZE)
		log_copy_close(c);
	/* Where nobody ever was and nothing is asked for, nothing is lost. */
	bool asked = c->reached;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		asked = asked || c->wanted[i];
	c->lost += asked;
	c->untold += asked;
}
