/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Local sockets of the gateway: a listening Unix SOCK_SEQPACKET socket whose peers are known by what the kernel says of them
 * (SO_PEERCRED, unix(7)), and on top of it connections that speak the login messages under the table of who may say what.
 * File modes let everybody connect; who is not the right user is closed before a byte of his is read.
 */
#ifndef SEKISHO_CHANNEL_H
#define SEKISHO_CHANNEL_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/message.h"

struct channel_listener;

/* Called with a connected, non-blocking, close-on-exec socket, which is the callee's from then on. */
typedef void (*channel_accepted)(int fd, const struct ucred *peer, void *arg);

/* Replaces a socket file left by an earlier run. 0 or -errno. */
int channel_listen(sd_event *loop, const char *path, channel_accepted accepted, void *arg, struct channel_listener **out);
/* Removes the socket file. NULL is fine. */
void channel_unlisten(struct channel_listener *l);

struct channel;

struct channel_ops {
	/* One message in its turn; `m` is freed afterwards. The channel may be closed in here. */
	void (*message)(struct channel *c, const struct message *m, void *arg);
	/* The peer has gone or broke the rules; the channel is freed afterwards. Not called by channel_close(). */
	void (*gone)(struct channel *c, void *arg);
};

/* Takes the socket over, also on failure. We are the server side of `which`. 0 or -errno. */
int channel_new(
	sd_event *loop, int fd, enum message_channel which, const struct channel_ops *ops, void *arg, struct channel **out);
void channel_close(struct channel *c);

/* Sends if it is our turn. 0, or -errno: the channel is dead and will be reported as gone from the event loop. */
int channel_send(struct channel *c, const struct message *m);

#endif
