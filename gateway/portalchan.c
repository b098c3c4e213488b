/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/portalchan.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/device.h"
#include "gateway/channel.h"
#include "gateway/login.h"
#include "gateway/own.h"
#include "gateway/peer.h"
#include "gateway/rotation.h"
#include "gateway/session.h"

struct portalchan {
	struct gateway *gateway;
	struct channel_listener *listener;
	uid_t uid;
	struct reach reach[REACH_MAX]; /* of the answer being made */
	struct channel *channel; /* one at a time: a restarted portal replaces the old one */
};

/* The device at a tunnel address that WireGuard holds right now. */
static int device_at(struct gateway *g, const struct addr *source, struct device *d)
{
	int r = ledger_device_by_address(g->ledger, source, d);
	if (r == 0 && !rotation_settled(g, d->id))
		r = -ENOENT;
	else if (r == 0) /* with the key that it is in with */
		r = ledger_device_by_id(g->ledger, d->id, d);
	if (r < 0)
		return r;
	secret_wipe(&d->preshared, sizeof d->preshared);
	return device_judge(d, time_now()) || !peer_by_device(g, d->id) ? -ENOENT : 0;
}

/* One line for what several rules allow: the page's reader wants to know how long, so the longest counts. */
static bool reach_add(const struct rule_ref *rule, void *arg)
{
	struct message *m = arg;
	int64_t until = rule->until < INT64_MAX ? rule->until : 0;
	for (uint16_t i = 0; i < m->reach_count; i++) {
		struct reach *known = &m->reach[i];
		if (strcmp(known->name, rule->what) != 0)
			continue;
		known->until = !known->until || !until ? 0 : until > known->until ? until : known->until;
		if (!known->reason[0] && rule->reason)
			text_safe(rule->reason, known->reason, sizeof known->reason);
		return true;
	}
	struct reach *line = &m->reach[m->reach_count++];
	text_safe(rule->what, line->name, sizeof line->name);
	text_safe(rule->reason ? rule->reason : "", line->reason, sizeof line->reason);
	line->until = until;
	return m->reach_count < REACH_MAX;
}

static void answer_who(struct portalchan *p, const struct message *question, struct message *m)
{
	struct gateway *g = p->gateway;
	struct device d;
	struct session_row last = {0};
	if (device_at(g, &question->source, &d) < 0)
		return; /* STATE_UNKNOWN */
	m->device = d.id;
	memcpy(m->label, d.label, sizeof m->label);
	if (device_is_shared(&d))
		m->sharing = g->settings.shared_takeover ? SHARING_TAKEOVER : SHARING_REFUSE;
	struct session *s = session_by_device(g, d.id);
	if (!s) {
		m->state = STATE_LOGGED_OUT;
		if (ledger_session_last(g->ledger, d.id, &last) == 0)
			m->last_end = last.end_reason;
		ledger_session_clear(&last);
		m->opens = session_opens(g, &d);
		return;
	}
	m->state = STATE_LOGGED_IN;
	memcpy(m->user, s->row.user, sizeof m->user);
	m->expires = s->row.expires;
	m->ends_reason = (uint8_t)s->plan.reason;
	m->renewal = g->settings.session_renew != RENEW_OFF;
	m->idle_seconds = (uint32_t)s->plan.idle_seconds;
	m->reach = p->reach;
	session_each_reach(g, s, reach_add, m);
}

static void answer_attempt(struct portalchan *p, const struct message *question, struct message *m)
{
	struct gateway *g = p->gateway;
	struct device d;
	m->result = LOGIN_ABORTED;
	if (device_at(g, &question->source, &d) < 0)
		return;
	m->device = d.id;
	m->result = (uint8_t)login_attempt(g, &d, m->attempt, &m->opens);
}

static void answer_logout(struct portalchan *p, const struct message *question, struct message *m)
{
	struct gateway *g = p->gateway;
	struct device d;
	m->result = LOGIN_OK;
	if (device_at(g, &question->source, &d) == 0)
		(void)session_end_device(g, d.id, END_LOGOUT);
}

/* Whose other devices may be asked about from there. On a shared device it need not be the one who is logged in who asks. */
static struct session *owner_at(struct gateway *g, const struct addr *source)
{
	struct device d;
	return device_at(g, source, &d) == 0 && !device_is_shared(&d) ? session_by_device(g, d.id) : NULL;
}

static void answer_own(struct portalchan *p, const struct message *question, struct message *m)
{
	struct session *s = owner_at(p->gateway, &question->source);
	m->result = LOGIN_SESSION_OVER;
	if (!s)
		return;
	int r = own_list(p->gateway, s, m);
	if (r < 0)
		say_error("cannot read the devices of user %s: %s", s->row.user, strerror(-r));
	m->result = r < 0 ? LOGIN_INTERNAL_ERROR : LOGIN_OK;
}

static void answer_suspend(struct portalchan *p, const struct message *question, struct message *m)
{
	struct session *s = owner_at(p->gateway, &question->source);
	m->result = LOGIN_SESSION_OVER;
	if (!s)
		return;
	int r = own_suspend(p->gateway, s, question->device);
	m->result = r == 0 || r == -ENOENT ? LOGIN_OK : LOGIN_INTERNAL_ERROR;
}

static void on_message(struct channel *c, const struct message *question, void *arg)
{
	static const struct {
		uint8_t question, answer;
		void (*fill)(struct portalchan *, const struct message *, struct message *);
	} table[] = {
		{PORTAL_WHO, PORTAL_DEVICE, answer_who},
		{PORTAL_ATTEMPT, PORTAL_ATTEMPT_ID, answer_attempt},
		{PORTAL_LOGOUT, PORTAL_DONE, answer_logout},
		{PORTAL_OWN, PORTAL_DEVICES, answer_own},
		{PORTAL_SUSPEND, PORTAL_SUSPENDED, answer_suspend},
	};
	struct portalchan *p = arg;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].question != question->type)
			continue;
		struct message *m = message_new(table[i].answer);
		if (!m)
			return;
		m->id = question->id;
		table[i].fill(p, question, m);
		(void)channel_send(c, m);
		message_free(m);
	}
}

static void on_gone(struct channel *c, void *arg)
{
	struct portalchan *p = arg;
	if (p->channel == c)
		p->channel = NULL;
}

static void on_accepted(int fd, const struct ucred *peer, void *arg)
{
	static const struct channel_ops ops = {.message = on_message, .gone = on_gone};
	struct portalchan *p = arg;
	struct channel *c;
	if (peer->uid != p->uid) {
		say_warning("uid %u tried to speak as the portal; only user " USER_PORTAL " may", peer->uid);
		close(fd);
		return;
	}
	int r = channel_new(p->gateway->loop, fd, CHANNEL_PORTAL, &ops, p, &c);
	if (r < 0) {
		say_error("cannot serve the portal: %s", strerror(-r));
		return;
	}
	channel_close(p->channel);
	p->channel = c;
}

int portalchan_open(struct gateway *g, struct portalchan **out)
{
	const struct passwd *pw = getpwnam(USER_PORTAL);
	if (!pw)
		return -ESRCH;
	struct portalchan *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->gateway = g;
	p->uid = pw->pw_uid;
	int r = channel_listen(g->loop, PATH_PORTAL_SOCKET, on_accepted, p, &p->listener);
	if (r < 0) {
		free(p);
		return r;
	}
	*out = p;
	return 0;
}

void portalchan_close(struct portalchan *p)
{
	if (!p)
		return;
	channel_close(p->channel);
	channel_unlisten(p->listener);
	free(p);
}

bool portalchan_connected(const struct portalchan *p)
{
	return p && p->channel;
}
