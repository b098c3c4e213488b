/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/say.h"

enum { BACKLOG = 128, SEND_BUFFER = 4 << 20, MESSAGES_PER_TURN = 16 };

struct channel_listener {
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	sd_event_source *source;
	channel_accepted accepted;
	void *arg;
};

struct channel {
	int fd;
	sd_event_source *source;
	struct message_state state;
	const struct channel_ops *ops;
	void *arg;
	bool closed; /* by channel_close(), perhaps in the middle of a callback */
	bool busy;
};

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct channel_listener *l = arg;
	struct ucred peer;
	socklen_t size = sizeof peer;
	int big = SEND_BUFFER;
	(void)source;
	(void)events;
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (connection < 0)
		return 0;
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof peer) {
		close(connection);
		return 0;
	}
	if (setsockopt(connection, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big) < 0)
		(void)setsockopt(connection, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	l->accepted(connection, &peer, l->arg);
	return 0;
}

int channel_listen(sd_event *loop, const char *path, channel_accepted accepted, void *arg, struct channel_listener **out)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int r = 0;
	if (strlen(path) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	struct channel_listener *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	memcpy(l->path, sa.sun_path, sizeof l->path);
	l->accepted = accepted;
	l->arg = arg;
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0) {
		r = -errno;
		goto fail;
	}
	if ((unlink(path) < 0 && errno != ENOENT) || bind(l->fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
		chmod(path, 0666) < 0 || listen(l->fd, BACKLOG) < 0) {
		r = -errno;
		goto fail;
	}
	r = sd_event_add_io(loop, &l->source, l->fd, EPOLLIN, on_connection, l);
	if (r < 0)
		goto fail;
	*out = l;
	return 0;
fail:
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	return r;
}

void channel_unlisten(struct channel_listener *l)
{
	if (!l)
		return;
	sd_event_source_disable_unref(l->source);
	close(l->fd);
	(void)unlink(l->path);
	free(l);
}

static void channel_free(struct channel *c)
{
	sd_event_source_disable_unref(c->source);
	close(c->fd);
	free(c);
}

void channel_close(struct channel *c)
{
	if (!c)
		return;
	c->closed = true;
	if (!c->busy)
		channel_free(c);
}

/* 0 to go on, 1 when there is no more to read now, -errno when the peer is done with. */
static int channel_read_one(struct channel *c)
{
	struct message *m;
	int r = message_receive(c->fd, &m);
	if (r == -EAGAIN || r == -EINTR)
		return 1;
	if (r < 0)
		return r;
	r = message_turn(&c->state, SIDE_CLIENT, m);
	if (r == 0)
		c->ops->message(c, m, c->arg);
	message_free(m);
	return r;
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct channel *c = arg;
	int r = 0;
	(void)source;
	(void)fd;
	(void)events;
	c->busy = true;
	for (unsigned i = 0; i < MESSAGES_PER_TURN && r == 0 && !c->closed; i++)
		r = channel_read_one(c);
	if (r < 0 && !c->closed) {
		if (r != -EPIPE && r != -ECONNRESET)
			say_warning(
				"a local peer broke the rules of its conversation (%s); its connection is closed", strerror(-r));
		c->ops->gone(c, c->arg);
		c->closed = true;
	}
	c->busy = false;
	if (c->closed)
		channel_free(c);
	return 0;
}

int channel_new(
	sd_event *loop, int fd, enum message_channel which, const struct channel_ops *ops, void *arg, struct channel **out)
{
	struct channel *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->state.channel = which;
	c->ops = ops;
	c->arg = arg;
	int r = sd_event_add_io(loop, &c->source, fd, EPOLLIN, on_message, c);
	if (r < 0) {
		channel_free(c);
		return r;
	}
	*out = c;
	return 0;
}

int channel_send(struct channel *c, const struct message *m)
{
	int r = message_turn(&c->state, SIDE_SERVER, m);
	if (r == 0)
		r = message_send(c->fd, m);
	if (r < 0)
		(void)shutdown(c->fd, SHUT_RDWR); /* the loop then sees its end */
	return r;
}
