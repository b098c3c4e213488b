/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/message_internal.h"
#include "common/secret.h"
#include "common/wire.h"

enum { ANY_TIME = 254, FIELDS_MAX = 13, AFTER_MAX = 5 };

/* Every message there is: who may say it, after which message (0: at the start), and what it holds. */
static const struct rule {
	uint8_t type, channel, from;
	uint8_t after[AFTER_MAX];
	uint8_t after_count;
	uint8_t fields[FIELDS_MAX];
} rules[] = {
	{PORTAL_WHO, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE}},
	{PORTAL_DEVICE, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1,
		{F_ID, F_DEVICE, F_STATE, F_LAST_END, F_EXPIRES, F_ENDS_REASON, F_IDLE, F_RENEWAL, F_SHARING, F_OPENS, F_USER,
			F_LABEL, F_REACH}},
	{PORTAL_ATTEMPT, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE}},
	{PORTAL_ATTEMPT_ID, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1, {F_ID, F_LOGIN, F_OPENS, F_DEVICE, F_ATTEMPT}},
	{PORTAL_LOGOUT, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE}},
	{PORTAL_DONE, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1, {F_ID, F_LOGIN}},

	{PORTAL_OWN, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE}},
	{PORTAL_DEVICES, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1, {F_ID, F_LOGIN, F_OWN}},
	{PORTAL_SUSPEND, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE, F_DEVICE}},
	{PORTAL_SUSPENDED, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1, {F_ID, F_LOGIN}},

	{AUTH_START, CHANNEL_AUTH, SIDE_CLIENT, {0}, 1, {F_ATTEMPT, F_USER, F_LANGUAGE, F_TLS, F_AGENT}},
	{AUTH_PROMPTS, CHANNEL_AUTH, SIDE_SERVER, {AUTH_START, AUTH_PROMPTS, AUTH_ANSWERS}, 3, {F_PROMPTS}},
	{AUTH_ANSWERS, CHANNEL_AUTH, SIDE_CLIENT, {AUTH_PROMPTS}, 1, {F_ANSWERS}},
	{AUTH_TERMS, CHANNEL_AUTH, SIDE_SERVER, {AUTH_START, AUTH_PROMPTS, AUTH_ANSWERS}, 3, {F_TERMS}},
	{AUTH_ACCEPT, CHANNEL_AUTH, SIDE_CLIENT, {AUTH_TERMS}, 1, {F_NONE}},
	{AUTH_RESULT, CHANNEL_AUTH, SIDE_SERVER, {AUTH_START, AUTH_PROMPTS, AUTH_ANSWERS, AUTH_TERMS, AUTH_ACCEPT}, 5,
		{F_PUBLIC, F_OPENS}},

	{VERDICT_BEGIN, CHANNEL_VERDICT, SIDE_CLIENT, {0}, 1, {F_ATTEMPT, F_USER, F_LANGUAGE, F_TLS, F_AGENT}},
	{VERDICT_DEVICE, CHANNEL_VERDICT, SIDE_SERVER, {VERDICT_BEGIN}, 1, {F_LOGIN, F_RENEWAL, F_RHOST}},
	{VERDICT_PAUSE, CHANNEL_VERDICT, SIDE_CLIENT, {VERDICT_DEVICE, VERDICT_TURN}, 2, {F_NONE}},
	{VERDICT_RESUME, CHANNEL_VERDICT, SIDE_CLIENT, {VERDICT_PAUSE}, 1, {F_NONE}},
	{VERDICT_TURN, CHANNEL_VERDICT, SIDE_SERVER, {VERDICT_RESUME}, 1, {F_NONE}},
	{VERDICT_END, CHANNEL_VERDICT, SIDE_CLIENT, {VERDICT_DEVICE, VERDICT_TURN, VERDICT_PAUSE}, 3,
		{F_LOGIN, F_USER, F_STAGE, F_CODE, F_CHANGED, F_GROUPS}},
	{VERDICT_TERMS, CHANNEL_VERDICT, SIDE_SERVER, {VERDICT_END}, 1, {F_TERMS}},
	{VERDICT_ACCEPT, CHANNEL_VERDICT, SIDE_CLIENT, {VERDICT_TERMS}, 1, {F_NONE}},
	{VERDICT_ACK, CHANNEL_VERDICT, SIDE_SERVER, {VERDICT_END, VERDICT_ACCEPT}, 2, {F_LOGIN, F_OPENS}},

	{RECHECK_ASK, CHANNEL_RECHECK, SIDE_CLIENT, {0}, 1, {F_USER, F_RHOST}},
	{RECHECK_RESULT, CHANNEL_RECHECK, SIDE_SERVER, {RECHECK_ASK}, 1, {F_LOGIN, F_USER, F_STAGE, F_CODE, F_GROUPS}},
};

static const struct rule *rule_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

static bool holds(const struct rule *rule, enum field f)
{
	return memchr(rule->fields, (int)f, sizeof rule->fields) != NULL;
}

/* What follows the struct in a decoded message: room for the largest array its type may carry. */
static size_t tail_size(const struct rule *rule)
{
	return holds(rule, F_REACH)    ? REACH_MAX * sizeof(struct reach)
	       : holds(rule, F_GROUPS) ? GROUPS_MAX * (USER_NAME_MAX + 1)
	       : holds(rule, F_TERMS)  ? TERMS_MAX
				       : 0;
}

static struct message *message_allocate(uint8_t type, size_t tail)
{
	struct message *m = calloc(1, sizeof *m + tail);
	if (m)
		m->type = type;
	return m;
}

struct message *message_new(enum message_type type)
{
	return message_allocate((uint8_t)type, 0);
}

void message_free(struct message *m)
{
	if (!m)
		return;
	secret_wipe(m, sizeof *m);
	free(m);
}

ssize_t message_encode(const struct message *m, void *out, size_t size)
{
	const struct rule *rule = rule_of(m->type);
	if (!rule)
		return -EINVAL;
	for (size_t i = 0; i < FIELDS_MAX && rule->fields[i]; i++)
		if (!field_ok(m, rule->fields[i]))
			return -EINVAL;
	struct wire_out w = wire_out(out, size < MESSAGE_MAX ? size : MESSAGE_MAX);
	wire_put_u8(&w, m->type);
	for (size_t i = 0; i < FIELDS_MAX && rule->fields[i]; i++)
		field_put(&w, m, rule->fields[i]);
	return wire_out_end(&w);
}

int message_decode(const void *data, size_t size, struct message **out)
{
	struct wire_in r = wire_in(data, size);
	const struct rule *rule = rule_of(wire_get_u8(&r));
	int err = 0;
	if (!rule)
		return -EBADMSG;
	struct message *m = message_allocate(rule->type, tail_size(rule));
	if (!m)
		return -ENOMEM;
	if (holds(rule, F_REACH))
		m->reach = (void *)(m + 1);
	if (holds(rule, F_GROUPS))
		m->groups = (void *)(m + 1);
	if (holds(rule, F_TERMS))
		m->terms = (void *)(m + 1);
	for (size_t i = 0; !err && i < FIELDS_MAX && rule->fields[i]; i++) {
		field_get(&r, m, rule->fields[i]);
		if (r.failed || !field_ok(m, rule->fields[i]))
			err = -EBADMSG;
	}
	if (!err)
		err = wire_in_end(&r);
	if (err)
		message_free(m);
	else
		*out = m;
	return err;
}

int message_send(int fd, const struct message *m)
{
	uint8_t data[MESSAGE_MAX];
	ssize_t size = message_encode(m, data, sizeof data), n;
	if (size < 0)
		return (int)size;
	do
		n = send(fd, data, (size_t)size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	int err = n < 0 ? -errno : 0;
	secret_wipe(data, (size_t)size);
	return err;
}

int message_receive(int fd, struct message **out)
{
	uint8_t data[MESSAGE_MAX];
	struct iovec iov = {.iov_base = data, .iov_len = sizeof data};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;
	/* Without a control buffer the kernel closes descriptors that were sent along and sets MSG_CTRUNC: recvmsg(2). */
	do
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	int err = -EPIPE;
	if (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		err = -EBADMSG;
	else if (n > 0)
		err = message_decode(data, (size_t)n, out);
	secret_wipe(data, (size_t)n);
	return err;
}

static unsigned questions(const struct message *m)
{
	unsigned n = 0;
	for (size_t i = 0; i < m->prompt_count && i < PROMPTS_MAX; i++)
		n += m->prompts[i].style == PROMPT_SECRET || m->prompts[i].style == PROMPT_VISIBLE;
	return n;
}

/* Is this one of the messages after which the rule lets its own be said? */
static bool follows(const struct rule *rule, uint8_t last)
{
	for (size_t i = 0; i < rule->after_count; i++)
		if (rule->after[i] == ANY_TIME || rule->after[i] == last)
			return true;
	return false;
}

int message_turn(struct message_state *state, enum message_side from, const struct message *m)
{
	const struct rule *rule = rule_of(m->type);
	if (!rule || rule->channel != state->channel || rule->from != from || !follows(rule, state->last))
		return -EPROTO;
	/* Open questions want exactly their answers, and nobody may answer what was not asked. */
	if (state->asked ? m->type != AUTH_ANSWERS || m->answer_count != state->asked : m->type == AUTH_ANSWERS)
		return -EPROTO;
	unsigned asked = m->type == AUTH_PROMPTS ? questions(m) : 0;
	bool round = asked || m->type == VERDICT_RESUME;
	if (round && state->rounds >= ROUNDS_MAX)
		return -EPROTO;
	state->rounds = (uint16_t)(state->rounds + round);
	state->asked = (uint8_t)asked;
	state->last = m->type == VERDICT_DEVICE && m->result != LOGIN_OK ? MESSAGE_SHUT : m->type;
	return 0;
}
