/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/say.h"

enum { ACCEPTS_PER_TURN = 32 };

static bool is_wildcard(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof zero) == 0;
}

int listener_check(const struct settings *s, const struct endpoint *local, char *why, size_t why_size)
{
	char text[ENDPOINT_TEXT], v4[ADDR_TEXT], v6[ADDR_TEXT];

	if ((addr_equal(&local->addr, &s->gateway4) || addr_equal(&local->addr, &s->gateway6)) && local->addr.family)
		return 0;
	snprintf(why, why_size,
		"refusing to listen at %s: %s. The portal belongs inside the tunnel only: set ListenStream= of "
		"sekisho-portal.socket to "
		"port %u of the gateway's tunnel address (%s%s%s)",
		endpoint_format(local, text),
		is_wildcard(&local->addr) ? "that is every address of this machine" : "that is not a tunnel address",
		s->portal_port, addr_format(&s->gateway4, v4), s->gateway6.family ? " and " : "",
		s->gateway6.family ? addr_format(&s->gateway6, v6) : "");
	return -EINVAL;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct clients *set = arg;

	(void)source, (void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage ss = {0};
		socklen_t size = sizeof ss;
		struct endpoint peer;
		const int on = 1;
		int client = accept4(fd, (struct sockaddr *)&ss, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0)
			break;
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (endpoint_from_sockaddr((const struct sockaddr *)&ss, size, &peer) < 0)
			close(client);
		else
			client_open(set, client, &peer.addr);
	}
	return 0;
}

/* One socket from the service manager. */
static int add(sd_event *loop, int fd, const struct settings *s, struct clients *set, char *why, size_t why_size)
{
	struct sockaddr_storage ss = {0};
	socklen_t size = sizeof ss;
	struct endpoint local;
	sd_event_source *source = NULL;
	int flags = fcntl(fd, F_GETFL);

	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 || getsockname(fd, (struct sockaddr *)&ss, &size) < 0 ||
		endpoint_from_sockaddr((const struct sockaddr *)&ss, size, &local) < 0) {
		snprintf(why, why_size,
			"descriptor %d is no listening TCP socket: sekisho-portal.socket needs ListenStream=ADDRESS:PORT", fd);
		return -EINVAL;
	}
	int err = listener_check(s, &local, why, why_size);
	if (err)
		return err;
	if (local.port != s->portal_port)
		say_warning("listening at port %u, but portal-port is %u: the firewall opens only the latter", local.port,
			s->portal_port);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		err = -errno;
	if (!err)
		err = sd_event_add_io(loop, &source, fd, EPOLLIN, on_connection, set);
	if (err >= 0)
		err = sd_event_source_set_floating(source, true);
	/* accept4(2) that fails for want of memory leaves the socket readable: that must not become a busy loop. */
	if (err >= 0)
		err = sd_event_source_set_ratelimit(source, 100000, 100);
	sd_event_source_unref(source);
	if (err < 0) {
		snprintf(why, why_size, "cannot watch the listening socket (%s)", strerror(-err));
		return err;
	}
	return 0;
}

int listener_open(sd_event *loop, const struct settings *s, struct clients *set, char *why, size_t why_size)
{
	int n = sd_listen_fds(1), err = 0;
	char v4[ADDR_TEXT];

	if (n <= 0) {
		snprintf(why, why_size,
			"no listening socket was handed over: start sekisho-portal.socket, or without systemd: "
			"systemd-socket-activate -l %s:%u "
			"sekisho-portal",
			addr_format(&s->gateway4, v4), s->portal_port);
		return -EINVAL;
	}
	for (int i = 0; i < n && !err; i++)
		err = add(loop, SD_LISTEN_FDS_START + i, s, set, why, why_size);
	return err;
}
