/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"

struct question {
	struct question *prev, *next;
	struct link *link;
	uint32_t id;
	uint8_t expected;
	sd_event_source *deadline;
	link_answer *answer;
	void *arg;
};

struct link {
	sd_event *loop;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	uid_t gateway;
	int fd; /* -1 while away */
	sd_event_source *io, *retry;
	unsigned pause_ms;
	int complained; /* the error that was last told, 0: none */
	struct message_state state;
	uint32_t next_id;
	struct question *questions;
};

enum { MESSAGES_PER_TURN = 32 };

static void link_try(struct link *l);

void link_forget(struct question *q)
{
	if (!q)
		return;
	DL_DELETE(q->link->questions, q);
	sd_event_source_disable_unref(q->deadline);
	free(q);
}

static void answer_question(struct question *q, const struct message *m)
{
	link_answer *answer = q->answer;
	void *arg = q->arg;

	link_forget(q);
	answer(m, arg);
}

static void disconnect(struct link *l)
{
	l->io = sd_event_source_disable_unref(l->io);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void fail_questions(struct link *l)
{
	for (struct question *q = l->questions, *next; q; q = next) {
		next = q->next;
		answer_question(q, NULL);
	}
}

static void try_later(struct link *l)
{
	sd_event_source_set_time_relative(l->retry, l->pause_ms * UINT64_C(1000));
	sd_event_source_set_enabled(l->retry, SD_EVENT_ONESHOT);
	l->pause_ms = l->pause_ms * 2 < LINK_PAUSE_MAX_MS ? l->pause_ms * 2 : LINK_PAUSE_MAX_MS;
}

static void link_lost(struct link *l, const char *why)
{
	disconnect(l);
	say_warning("the gateway at %s has gone (%s): logins wait until it is back", l->path, why);
	l->complained = -EPIPE;
	l->pause_ms = LINK_PAUSE_FIRST_MS;
	try_later(l);
	fail_questions(l);
}

/* An answer to a question that was forgotten meanwhile is nothing wrong. */
static void take_answer(struct link *l, const struct message *m)
{
	for (struct question *q = l->questions; q; q = q->next) {
		if (q->id == m->id) {
			answer_question(q, m->type == q->expected ? m : NULL);
			return;
		}
	}
}

static int on_message(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct link *l = arg;

	(void)s, (void)fd, (void)events;
	for (unsigned i = 0; i < MESSAGES_PER_TURN; i++) {
		struct message *m = NULL;
		int err = message_receive(l->fd, &m);
		if (err == -EAGAIN)
			break;
		if (!err)
			err = message_turn(&l->state, SIDE_SERVER, m);
		if (err) {
			message_free(m);
			link_lost(l, err == -EPIPE ? "it closed the connection" : strerror(-err));
			break;
		}
		take_answer(l, m);
		message_free(m);
	}
	return 0;
}

int link_connect(const char *path, uid_t uid)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t size = sizeof peer;
	int err = 0;

	if (snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path) >= (int)sizeof sun.sun_path)
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof sun) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		err = -errno;
	else if (peer.uid != 0 && peer.uid != uid)
		err = -EPERM;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s, (void)usec;
	link_try(arg);
	return 0;
}

static void link_try(struct link *l)
{
	int fd = link_connect(l->path, l->gateway);
	int err = fd < 0 ? fd : sd_event_add_io(l->loop, &l->io, fd, EPOLLIN, on_message, l);

	if (err < 0) {
		if (fd >= 0)
			close(fd);
		/* It may first not be there and then be somebody else's: each is told. */
		if (l->complained != err && l->complained != -EPIPE)
			say_warning("cannot reach the gateway at %s (%s): is sekisho-gateway.service running? Trying again",
				l->path, err == -EPERM ? "its owner is neither root nor " USER_GATEWAY : strerror(-err));
		l->complained = err;
		try_later(l);
		return;
	}
	l->fd = fd;
	l->state = (struct message_state){.channel = CHANNEL_PORTAL};
	l->pause_ms = LINK_PAUSE_FIRST_MS;
	if (l->complained)
		say_info("the gateway at %s answers", l->path);
	l->complained = 0;
}

int link_open(sd_event *loop, const char *path, uid_t gateway, struct link **out)
{
	struct link *l = calloc(1, sizeof *l);
	int err;

	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->gateway = gateway;
	l->fd = -1;
	l->pause_ms = LINK_PAUSE_FIRST_MS;
	snprintf(l->path, sizeof l->path, "%s", path);
	err = sd_event_add_time_relative(loop, &l->retry, CLOCK_BOOTTIME, 0, 0, on_retry, l);
	if (err >= 0)
		err = sd_event_source_set_enabled(l->retry, SD_EVENT_OFF);
	if (err < 0) {
		sd_event_source_unref(l->retry);
		free(l);
		return err;
	}
	link_try(l);
	*out = l;
	return 0;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	fail_questions(l);
	disconnect(l);
	sd_event_source_disable_unref(l->retry);
	free(l);
}

static int on_silence(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s, (void)usec;
	say_warning("the gateway did not answer within %d s: see `sekisho status`", LINK_ANSWER_SECONDS);
	answer_question(arg, NULL);
	return 0;
}

static int send_question(struct link *l, struct question *q, enum message_type type, const struct addr *source, uint32_t device)
{
	struct message *m = message_new(type);
	int err;

	if (!m)
		return -ENOMEM;
	m->id = q->id;
	m->source = *source;
	m->device = device;
	err = message_turn(&l->state, SIDE_CLIENT, m);
	if (!err)
		err = message_send(l->fd, m);
	message_free(m);
	return err;
}

int link_ask(struct link *l, enum message_type type, const struct addr *source, uint32_t device, link_answer *answer, void *arg,
	struct question **out)
{
	struct question *q = NULL;
	int err;

	if (l->fd < 0)
		return -ENOTCONN;
	q = calloc(1, sizeof *q);
	if (!q)
		return -ENOMEM;
	q->link = l;
	q->id = l->next_id++;
	q->expected = (uint8_t)(type + 1); /* each question's answer is the next type in message.h */
	q->answer = answer;
	q->arg = arg;
	err = sd_event_add_time_relative(
		l->loop, &q->deadline, CLOCK_BOOTTIME, LINK_ANSWER_SECONDS * UINT64_C(1000000), 0, on_silence, q);
	if (err >= 0)
		err = send_question(l, q, type, source, device);
	if (err < 0) {
		sd_event_source_disable_unref(q->deadline);
		free(q);
		return err;
	}
	DL_PREPEND(l->questions, q);
	*out = q;
	return 0;
}
