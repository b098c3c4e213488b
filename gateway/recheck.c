/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/recheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/say.h"

struct recheck {
	int fd;
	sd_event_source *io, *deadline;
	struct message_state state;
	char user[USER_NAME_MAX + 1];
	recheck_done done;
	void *arg;
};

enum recheck_result recheck_judge(unsigned reason)
{
	switch (reason) {
	case LOGIN_OK:
		return RECHECK_VALID;
	case LOGIN_BAD_CREDENTIALS:
	case LOGIN_USER_UNKNOWN:
	case LOGIN_ACCOUNT_DENIED:
	case LOGIN_ACCOUNT_EXPIRED:
	case LOGIN_PASSWORD_EXPIRED:
	case LOGIN_MAX_TRIES:
		return RECHECK_INVALID;
	default:
		return RECHECK_UNAVAILABLE;
	}
}

void recheck_cancel(struct recheck *r)
{
	if (!r)
		return;
	sd_event_source_disable_unref(r->io);
	sd_event_source_disable_unref(r->deadline);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static void finish(struct recheck *r, const struct recheck_answer *answer)
{
	r->done(answer, r->arg);
	recheck_cancel(r);
}

static void give_up(struct recheck *r, const char *why)
{
	const struct recheck_answer answer = {
		.result = RECHECK_UNAVAILABLE, .reason = LOGIN_BACKEND_UNAVAILABLE, .why = why, .stage = ""};
	finish(r, &answer);
}

static void take_answer(struct recheck *r, const struct message *m)
{
	const struct recheck_answer answer = {.result = recheck_judge(m->result),
		.reason = (enum login_reason)m->result,
		.why = "PAM or the user directory does not answer",
		.stage = m->stage,
		.pam_code = m->pam_code,
		.groups = m->groups,
		.group_count = m->group_count};
	finish(r, &answer);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct recheck *r = arg;
	struct message *m = NULL;
	(void)source;
	(void)events;
	int err = message_receive(fd, &m);
	if (err == -EAGAIN)
		return 0;
	if (!err)
		err = message_turn(&r->state, SIDE_SERVER, m);
	if (!err && strcmp(m->user, r->user) != 0)
		err = -EPROTO;
	if (!err) {
		take_answer(r, m);
	} else if (err == -EPIPE) {
		give_up(r, "sekisho-auth ended without an answer; does a PAM module hang, or are too many attempts under way?");
	} else {
		say_warning("sekisho-auth broke the rules of a recheck (%s); are both programs of one version? Restart "
			    "sekisho.target",
			strerror(-err));
		give_up(r, "sekisho-auth broke the rules of the conversation");
	}
	message_free(m);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	give_up(arg, "sekisho-auth does not answer");
	return 0;
}

/* systemd listens for sekisho-auth, as root; whoever else does would be believed about every account. */
static int connect_auth(int fd, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t size = sizeof peer;
	if (strlen(path) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == 0 ? 0 : -EPERM;
}

static int ask(struct recheck *r, const char *rhost)
{
	struct message *m = message_new(RECHECK_ASK);
	if (!m)
		return -ENOMEM;
	memcpy(m->user, r->user, sizeof m->user);
	memcpy(m->rhost, rhost, strnlen(rhost, sizeof m->rhost - 1));
	int err = message_turn(&r->state, SIDE_CLIENT, m);
	if (!err)
		err = message_send(r->fd, m);
	message_free(m);
	return err;
}

int recheck_start(sd_event *loop, const char *path, const char *user, const char *rhost, int64_t seconds, recheck_done done,
	void *arg, struct recheck **out)
{
	struct recheck *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->state.channel = CHANNEL_RECHECK;
	r->done = done;
	r->arg = arg;
	memcpy(r->user, user, strnlen(user, USER_NAME_MAX));
	r->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = r->fd < 0 ? -errno : connect_auth(r->fd, path);
	if (!err)
		err = ask(r, rhost);
	if (!err)
		err = sd_event_add_io(loop, &r->io, r->fd, EPOLLIN, on_answer, r);
	if (err >= 0)
		err = sd_event_add_time_relative(
			loop, &r->deadline, CLOCK_BOOTTIME, (uint64_t)seconds * 1000000, 0, on_deadline, r);
	if (err < 0) {
		recheck_cancel(r);
		return err;
	}
	*out = r;
	return 0;
}
