/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/uapi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/text.h"

enum { PATIENCE_USEC = 10 * 1000000, CHUNK = 16384, KEY_HEX = 2 * KEY_SIZE };

/* --- the answer's values --- */

/* Decimal digits only, at most `max`. */
static int take_number(const char *value, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*value)
		return -EBADMSG;
	for (; *value; value++) {
		if (*value < '0' || *value > '9')
			return -EBADMSG;
		unsigned digit = (unsigned)(*value - '0');
		if (n > (max - digit) / 10)
			return -EBADMSG;
		n = 10 * n + digit;
	}
	*out = n;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int take_key(const char *value, struct key *out)
{
	if (strlen(value) != KEY_HEX)
		return -EBADMSG;
	for (size_t i = 0; i < KEY_HEX; i += 2) {
		int high = hex_digit(value[i]), low = hex_digit(value[i + 1]);
		if (high < 0 || low < 0)
			return -EBADMSG;
		out->bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* A link-local IPv6 endpoint comes as [fe80::1%eth0]:51820; the zone is of no use to us. */
static int take_endpoint(const char *value, struct endpoint *out)
{
	const char *zone = strchr(value, '%'), *end = zone ? strchr(zone, ']') : NULL;
	char text[UAPI_LINE_MAX];

	if (zone && !end)
		return -EBADMSG;
	if (zone)
		snprintf(text, sizeof text, "%.*s%s", (int)(zone - value), value, end);
	return endpoint_parse(zone ? text : value, out) ? -EBADMSG : 0;
}

static int take_allowed(char *value, struct tunnel_peer *p)
{
	char *slash = strchr(value, '/');
	struct addr a;
	uint64_t bits;

	if (!slash)
		return -EBADMSG;
	*slash = '\0';
	if (addr_parse(value, &a) || take_number(slash + 1, 8 * addr_size(&a), &bits))
		return -EBADMSG;
	tunnel_dump_allow(p, &a, (unsigned)bits);
	return 0;
}

static int take_error(struct uapi_answer *a, const char *value)
{
	uint64_t n;

	/* The protocol says positive, wireguard-go sends -EADDRINUSE and its like. */
	if (a->has_error || take_number(value + (*value == '-'), 4095, &n))
		return -EBADMSG;
	a->error = -(int)n;
	a->has_error = true;
	return 0;
}

/* --- its lines --- */

static int take_device_line(struct uapi_answer *a, const char *name, const char *value)
{
	uint64_t n;

	if (strcmp(name, "private_key") == 0)
		return take_key(value, &a->private_key);
	if (strcmp(name, "listen_port") == 0) {
		int ret = take_number(value, UINT16_MAX, &n);
		if (!ret)
			a->dump.listen_port = (uint16_t)n;
		return ret;
	}
	return 0; /* fwmark, and what later versions may add */
}

static int take_peer_line(struct uapi_answer *a, struct tunnel_peer *p, const char *name, char *value)
{
	uint64_t n = 0;
	int ret = 0;

	if (strcmp(name, "endpoint") == 0)
		return take_endpoint(value, &p->endpoint);
	if (strcmp(name, "allowed_ip") == 0)
		return take_allowed(value, p);
	if (strcmp(name, "rx_bytes") == 0)
		return take_number(value, UINT64_MAX, &p->rx_bytes);
	if (strcmp(name, "tx_bytes") == 0)
		return take_number(value, UINT64_MAX, &p->tx_bytes);
	if (strcmp(name, "persistent_keepalive_interval") == 0) {
		ret = take_number(value, UINT16_MAX, &n);
		p->keepalive = (uint16_t)n;
	} else if (strcmp(name, "last_handshake_time_sec") == 0) {
		ret = take_number(value, INT64_MAX / 1000000 - 1, &n);
		a->seconds = (int64_t)n;
		p->last_handshake = a->seconds * 1000000;
	} else if (strcmp(name, "last_handshake_time_nsec") == 0) {
		ret = take_number(value, 999999999, &n);
		p->last_handshake = a->seconds * 1000000 + (int64_t)n / 1000;
	}
	return ret; /* preshared_key is not wanted, and protocol_version is always 1 */
}

static int take_line(struct uapi_answer *a, char *line)
{
	char *value = strchr(line, '=');
	struct tunnel_peer *p = a->dump.count ? &a->dump.peers[a->dump.count - 1] : NULL;

	if (!*line) {
		a->ended = true;
		return a->has_error ? 0 : -EBADMSG;
	}
	if (!value || a->has_error)
		return -EBADMSG;
	*value++ = '\0';
	if (strcmp(line, "errno") == 0)
		return take_error(a, value);
	if (strcmp(line, "public_key") != 0)
		return p ? take_peer_line(a, p, line, value) : take_device_line(a, line, value);
	if (a->dump.count == UAPI_PEERS_MAX)
		return -EBADMSG;
	p = tunnel_dump_add(&a->dump);
	a->seconds = 0;
	return p ? take_key(value, &p->public_key) : -ENOMEM;
}

int uapi_feed(struct uapi_answer *a, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (a->ended || a->used == sizeof a->line || !data[i])
			return -EBADMSG;
		a->line[a->used++] = data[i];
		if (data[i] != '\n')
			continue;
		a->line[a->used - 1] = '\0';
		a->used = 0;
		int ret = take_line(a, a->line);
		if (ret)
			return ret;
	}
	return a->ended;
}

void uapi_answer_free(struct uapi_answer *a)
{
	tunnel_dump_free(&a->dump);
	secret_wipe(a, sizeof *a);
}

/* --- the conversation --- */

const char *uapi_path(const char *interface, char path[static UAPI_PATH_MAX])
{
	snprintf(path, UAPI_PATH_MAX, UAPI_DIR "/%.15s.sock", interface);
	return path;
}

int uapi_connect(const char *interface)
{
	const struct timeval patience = {.tv_sec = PATIENCE_USEC / 1000000};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char path[UAPI_PATH_MAX];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	memcpy(sa.sun_path, uapi_path(interface, path), UAPI_PATH_MAX);
	/* connect(2) waits only when the backlog is full, and then no longer than this (socket(7)). */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
		connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0) {
		ret = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return ret;
	}
	return fd;
}

/* Waits until the socket is ready. 0, -ETIMEDOUT, -errno. */
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left = deadline - time_boot();
		int n = left > 0 ? poll(&p, 1, (int)(left / 1000 + 1)) : 0;

		if (n > 0)
			return 0;
		if (!n)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int uapi_wait_end(int fd, int64_t usec)
{
	return wait_for(fd, POLLIN | POLLRDHUP, time_boot() + usec);
}

static int uapi_send(int fd, const char *request, size_t size, int64_t deadline)
{
	while (size) {
		ssize_t n = send(fd, request, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret = 0;

		if (n >= 0) {
			request += n;
			size -= (size_t)n;
		} else if (errno == EAGAIN) {
			ret = wait_for(fd, POLLOUT, deadline);
		} else if (errno != EINTR) {
			ret = -errno;
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int uapi_receive(int fd, struct uapi_answer *a, int64_t deadline)
{
	char chunk[CHUNK];
	int ret = 0;

	while (!ret) {
		ret = wait_for(fd, POLLIN, deadline);
		if (ret)
			break;
		ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
		if (n > 0)
			ret = uapi_feed(a, chunk, (size_t)n);
		else if (n == 0)
			ret = -ECONNRESET; /* it ended in the middle of its answer */
		else if (errno != EAGAIN && errno != EINTR)
			ret = -errno;
	}
	secret_wipe(chunk, sizeof chunk);
	return ret < 0 ? ret : 0;
}

int uapi_ask(const char *interface, const char *request, size_t size, struct uapi_answer *out)
{
	int64_t deadline = time_boot() + PATIENCE_USEC;
	struct uapi_answer a = {0};
	int fd = uapi_connect(interface), ret;

	if (fd < 0)
		return fd;
	ret = uapi_send(fd, request, size, deadline);
	if (!ret)
		ret = uapi_receive(fd, &a, deadline);
	if (!ret)
		ret = a.error;
	if (ret)
		uapi_answer_free(&a);
	else
		*out = a;
	secret_wipe(&a, sizeof a);
	close(fd);
	return ret;
}
