/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/say.h"

enum { HUNG_UP = POLLRDHUP | POLLHUP | POLLERR | POLLNVAL };

static int peer_uid(int fd, uid_t *out)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	*out = peer.uid;
	return 0;
}

static int user_uid(const char *name, uid_t *out)
{
	const struct passwd *p = getpwnam(name);
	if (!p) {
		say_error("there is no user %s; create the users of this package: systemd-sysusers", name);
		return -ESRCH;
	}
	*out = p->pw_uid;
	return 0;
}

int talk_who(int fd, enum talk_peer *out)
{
	uid_t peer = (uid_t)-1, portal = 0, gateway = 0;
	int err = user_uid(USER_PORTAL, &portal);
	if (!err)
		err = user_uid(USER_GATEWAY, &gateway);
	if (!err)
		err = peer_uid(fd, &peer);
	if (err)
		return err;
	if (peer != portal && peer != gateway) {
		say_error("uid %u asked for a login; only %s may, and %s for a recheck: see who can open " PATH_AUTH_SOCKET
			  " (it belongs to root:%s, mode 0660)",
			(unsigned)peer, USER_PORTAL, USER_GATEWAY, GROUP_AUTH);
		return -EPERM;
	}
	/* Whoever accepted the connection may have made it non-blocking. */
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return -errno;
	*out = peer == portal ? PEER_PORTAL : PEER_GATEWAY;
	return 0;
}

void talk_open(struct talk *t, int portal)
{
	*t = (struct talk){.portal = portal, .gateway = -1, .since = time_boot()};
	t->portal_state.channel = CHANNEL_AUTH;
	t->gateway_state.channel = CHANNEL_VERDICT;
}

int talk_reach_gateway(struct talk *t)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = PATH_VERDICT_SOCKET};
	uid_t peer = (uid_t)-1, expected = 0;
	int err, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
		err = -errno;
		say_error("cannot reach the gateway at " PATH_VERDICT_SOCKET
			  " (%s): is it running? systemctl status sekisho-gateway",
			strerror(errno));
		goto fail;
	}
	err = peer_uid(fd, &peer);
	if (!err && peer != 0)
		err = user_uid(USER_GATEWAY, &expected);
	if (err)
		goto fail;
	if (peer != 0 && peer != expected) {
		say_error("uid %u listens at " PATH_VERDICT_SOCKET
			  " in the gateway's place; find it (ss -xlp) and see who may write to " PATH_RUN_DIR,
			(unsigned)peer);
		err = -EPERM;
		goto fail;
	}
	t->gateway = fd;
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	return err;
}

static bool *gone_flag(struct talk *t, enum message_channel channel)
{
	return channel == CHANNEL_AUTH ? &t->portal_gone : &t->gateway_gone;
}

int talk_send(struct talk *t, struct message *m)
{
	if (!m)
		return -ENOMEM;
	bool to_portal = m->type < VERDICT_BEGIN;
	int err = message_turn(to_portal ? &t->portal_state : &t->gateway_state, to_portal ? SIDE_SERVER : SIDE_CLIENT, m);
	if (!err) {
		err = message_send(to_portal ? t->portal : t->gateway, m);
		if (err)
			*gone_flag(t, to_portal ? CHANNEL_AUTH : CHANNEL_VERDICT) = true;
	}
	message_free(m);
	return err;
}

/* Until `channel` has something to read, or the other side leaves. */
static int wait_for(struct talk *t, enum message_channel channel)
{
	bool portal = channel == CHANNEL_AUTH;
	struct pollfd fds[] = {{.fd = portal ? t->portal : t->gateway, .events = POLLIN},
		{.fd = portal ? t->gateway : t->portal, .events = POLLRDHUP}};
	while (!(fds[0].revents | (fds[1].revents & HUNG_UP)))
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
	/* What was said before a side left still counts. */
	if (fds[0].revents)
		return 0;
	*gone_flag(t, portal ? CHANNEL_VERDICT : CHANNEL_AUTH) = true;
	return -EPIPE;
}

int talk_receive(struct talk *t, enum message_channel channel, struct message **out)
{
	bool portal = channel == CHANNEL_AUTH;
	struct message *m;
	int err = wait_for(t, channel);
	if (err)
		return err;
	err = message_receive(portal ? t->portal : t->gateway, &m);
	if (!err) {
		err = message_turn(portal ? &t->portal_state : &t->gateway_state, portal ? SIDE_CLIENT : SIDE_SERVER, m);
		if (!err) {
			*out = m;
			return 0;
		}
		message_free(m);
	}
	*gone_flag(t, channel) = true;
	if (err != -EPIPE)
		say_warning("%s broke the rules of a login's conversation (%s); are both programs of one version? Restart "
			    "sekisho.target",
			portal ? "sekisho-portal" : "sekisho-gateway", strerror(-err));
	return err;
}

int talk_hold(struct talk *t, int64_t until)
{
	struct pollfd fd = {.fd = t->portal, .events = POLLRDHUP};
	for (;;) {
		int64_t left = until - time_boot();
		int n = poll(&fd, 1, left > 0 ? (int)((left + 999) / 1000) : 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fd.revents & HUNG_UP) {
			t->portal_gone = true;
			return -EPIPE;
		}
		if (left <= 0)
			return 0;
	}
}

bool talk_portal_here(struct talk *t)
{
	return !t->portal_gone && talk_hold(t, 0) == 0;
}

void talk_close(struct talk *t)
{
	if (t->portal >= 0)
		close(t->portal);
	if (t->gateway >= 0)
		close(t->gateway);
	t->portal = t->gateway = -1;
}
