/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/secret.h"
#include "common/wire.h"

/* What a message consists of, in wire order. */
enum field {
	F_NONE,
	F_ID,
	F_LOGIN,
	F_PUBLIC,
	F_SOURCE,
	F_ATTEMPT,
	F_STATE,
	F_LAST_END,
	F_EXPIRES,
	F_ENDS_REASON,
	F_OPENS,
	F_REACH,
	F_PROMPTS,
	F_ANSWERS,
	F_CODE,
	F_GROUPS,
	F_USER,
	F_LABEL,
	F_LANGUAGE,
	F_TLS,
	F_AGENT,
	F_RHOST,
	F_STAGE,
	FIELDS
};

/* The fields that are one text. */
static const struct place {
	size_t offset, size;
} texts[FIELDS] = {
#define TEXT_FIELD(member)                                                                                                       \
	{                                                                                                                        \
		offsetof(struct message, member), sizeof(((struct message *)0)->member)                                          \
	}
	[F_USER] = TEXT_FIELD(user),
	[F_LABEL] = TEXT_FIELD(label),
	[F_LANGUAGE] = TEXT_FIELD(language),
	[F_TLS] = TEXT_FIELD(tls),
	[F_AGENT] = TEXT_FIELD(agent),
	[F_RHOST] = TEXT_FIELD(rhost),
	[F_STAGE] = TEXT_FIELD(stage),
#undef TEXT_FIELD
};

enum { ANY_TIME = 254, FIELDS_MAX = 9, AFTER_MAX = 4 };

/* Every message there is: who may say it, after which message (0: at the start), and what it holds. */
static const struct rule {
	uint8_t type, channel, from;
	uint8_t after[AFTER_MAX];
	uint8_t after_count;
	uint8_t fields[FIELDS_MAX];
} rules[] = {
	{PORTAL_WHO, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE}},
	{PORTAL_DEVICE, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1,
		{F_ID, F_STATE, F_LAST_END, F_EXPIRES, F_ENDS_REASON, F_OPENS, F_USER, F_LABEL, F_REACH}},
	{PORTAL_ATTEMPT, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE}},
	{PORTAL_ATTEMPT_ID, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1, {F_ID, F_LOGIN, F_ATTEMPT}},
	{PORTAL_LOGOUT, CHANNEL_PORTAL, SIDE_CLIENT, {ANY_TIME}, 1, {F_ID, F_SOURCE}},
	{PORTAL_DONE, CHANNEL_PORTAL, SIDE_SERVER, {ANY_TIME}, 1, {F_ID, F_LOGIN}},

	{AUTH_START, CHANNEL_AUTH, SIDE_CLIENT, {0}, 1, {F_ATTEMPT, F_USER, F_LANGUAGE, F_TLS, F_AGENT}},
	{AUTH_PROMPTS, CHANNEL_AUTH, SIDE_SERVER, {AUTH_START, AUTH_PROMPTS, AUTH_ANSWERS}, 3, {F_PROMPTS}},
	{AUTH_ANSWERS, CHANNEL_AUTH, SIDE_CLIENT, {AUTH_PROMPTS}, 1, {F_ANSWERS}},
	{AUTH_RESULT, CHANNEL_AUTH, SIDE_SERVER, {AUTH_START, AUTH_PROMPTS, AUTH_ANSWERS}, 3, {F_PUBLIC, F_OPENS}},

	{VERDICT_BEGIN, CHANNEL_VERDICT, SIDE_CLIENT, {0}, 1, {F_ATTEMPT, F_USER, F_LANGUAGE, F_TLS, F_AGENT}},
	{VERDICT_DEVICE, CHANNEL_VERDICT, SIDE_SERVER, {VERDICT_BEGIN}, 1, {F_LOGIN, F_RHOST}},
	{VERDICT_PAUSE, CHANNEL_VERDICT, SIDE_CLIENT, {VERDICT_DEVICE, VERDICT_TURN}, 2, {F_NONE}},
	{VERDICT_RESUME, CHANNEL_VERDICT, SIDE_CLIENT, {VERDICT_PAUSE}, 1, {F_NONE}},
	{VERDICT_TURN, CHANNEL_VERDICT, SIDE_SERVER, {VERDICT_RESUME}, 1, {F_NONE}},
	{VERDICT_END, CHANNEL_VERDICT, SIDE_CLIENT, {VERDICT_DEVICE, VERDICT_TURN, VERDICT_PAUSE}, 3,
		{F_LOGIN, F_USER, F_STAGE, F_CODE, F_GROUPS}},
	{VERDICT_ACK, CHANNEL_VERDICT, SIDE_SERVER, {VERDICT_END}, 1, {F_LOGIN, F_OPENS}},

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
	return holds(rule, F_REACH) ? REACH_MAX * REACH_TEXT : holds(rule, F_GROUPS) ? GROUPS_MAX * (USER_NAME_MAX + 1) : 0;
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

static bool text_ok(const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	return length < size && text_utf8_valid(text, length);
}

static bool prompts_ok(const struct message *m)
{
	if (m->prompt_count < 1 || m->prompt_count > PROMPTS_MAX)
		return false;
	for (size_t i = 0; i < m->prompt_count; i++) {
		const struct prompt *p = &m->prompts[i];
		if (p->style < PROMPT_SECRET || p->style > PROMPT_ERROR || !text_ok(p->text, sizeof p->text))
			return false;
	}
	return true;
}

static bool answers_ok(const struct message *m)
{
	if (m->answer_count < 1 || m->answer_count > PROMPTS_MAX)
		return false;
	for (size_t i = 0; i < m->answer_count; i++)
		if (!text_ok(m->answers[i], sizeof m->answers[i]))
			return false;
	return true;
}

static bool reach_ok(const struct message *m)
{
	if (m->reach_count && !m->reach)
		return false;
	for (size_t i = 0; i < m->reach_count; i++)
		if (i >= REACH_MAX || !text_ok(m->reach[i], sizeof m->reach[i]))
			return false;
	return true;
}

static bool groups_ok(const struct message *m)
{
	if (m->group_count && !m->groups)
		return false;
	for (size_t i = 0; i < m->group_count; i++)
		if (i >= GROUPS_MAX || !text_name_valid(m->groups[i]))
			return false;
	return true;
}

/* Is the field something that this message may hold? Asked before it is sent and after it has come. */
static bool field_ok(const struct message *m, enum field f)
{
	switch (f) {
	case F_LOGIN:
		return m->result < LOGIN_REASONS;
	case F_PUBLIC:
		return m->result < PUBLIC_RESULTS;
	case F_STATE:
		return m->state <= STATE_LOGGED_IN;
	case F_LAST_END:
		return m->last_end < SESSION_ENDS;
	case F_ENDS_REASON:
		return m->ends_reason < SESSION_ENDS;
	case F_OPENS:
		return m->opens >= 0;
	case F_USER:
		return m->user[0] == '\0' || text_name_valid(m->user);
	case F_REACH:
		return reach_ok(m);
	case F_PROMPTS:
		return prompts_ok(m);
	case F_ANSWERS:
		return answers_ok(m);
	case F_GROUPS:
		return groups_ok(m);
	default:
		return !texts[f].size || text_ok((const char *)m + texts[f].offset, texts[f].size);
	}
}

static void field_put(struct wire_out *w, const struct message *m, enum field f)
{
	switch (f) {
	case F_ID:
		wire_put_u32(w, m->id);
		break;
	case F_LOGIN:
	case F_PUBLIC:
		wire_put_u8(w, m->result);
		break;
	case F_SOURCE:
		wire_put_addr(w, &m->source);
		break;
	case F_ATTEMPT:
		wire_put_bytes(w, m->attempt, sizeof m->attempt);
		break;
	case F_STATE:
		wire_put_u8(w, m->state);
		break;
	case F_LAST_END:
		wire_put_u8(w, m->last_end);
		break;
	case F_EXPIRES:
		wire_put_u64(w, (uint64_t)m->expires);
		break;
	case F_ENDS_REASON:
		wire_put_u8(w, m->ends_reason);
		break;
	case F_OPENS:
		wire_put_u64(w, (uint64_t)m->opens);
		break;
	case F_CODE:
		wire_put_u32(w, (uint32_t)m->pam_code);
		break;
	case F_REACH:
		wire_put_u16(w, m->reach_count);
		for (size_t i = 0; i < m->reach_count; i++)
			wire_put_text(w, m->reach[i]);
		break;
	case F_PROMPTS:
		wire_put_u8(w, m->prompt_count);
		for (size_t i = 0; i < m->prompt_count; i++) {
			wire_put_u8(w, m->prompts[i].style);
			wire_put_text(w, m->prompts[i].text);
		}
		break;
	case F_ANSWERS:
		wire_put_u8(w, m->answer_count);
		for (size_t i = 0; i < m->answer_count; i++)
			wire_put_text(w, m->answers[i]);
		break;
	case F_GROUPS:
		wire_put_u16(w, m->group_count);
		for (size_t i = 0; i < m->group_count; i++)
			wire_put_text(w, m->groups[i]);
		break;
	default:
		wire_put_text(w, (const char *)m + texts[f].offset);
	}
}

/* Counts are cut to what there is room for; field_ok() then refuses the message. */
static void field_get(struct wire_in *r, struct message *m, enum field f)
{
	switch (f) {
	case F_ID:
		m->id = wire_get_u32(r);
		break;
	case F_LOGIN:
	case F_PUBLIC:
		m->result = wire_get_u8(r);
		break;
	case F_SOURCE:
		wire_get_addr(r, &m->source);
		break;
	case F_ATTEMPT:
		wire_get_bytes(r, m->attempt, sizeof m->attempt);
		break;
	case F_STATE:
		m->state = wire_get_u8(r);
		break;
	case F_LAST_END:
		m->last_end = wire_get_u8(r);
		break;
	case F_EXPIRES:
		m->expires = (int64_t)wire_get_u64(r);
		break;
	case F_ENDS_REASON:
		m->ends_reason = wire_get_u8(r);
		break;
	case F_OPENS:
		m->opens = (int64_t)wire_get_u64(r);
		break;
	case F_CODE:
		m->pam_code = (int32_t)wire_get_u32(r);
		break;
	case F_REACH:
		m->reach_count = wire_get_u16(r);
		for (size_t i = 0; i < m->reach_count && i < REACH_MAX; i++)
			wire_get_text(r, m->reach[i], sizeof m->reach[i]);
		break;
	case F_PROMPTS:
		m->prompt_count = wire_get_u8(r);
		for (size_t i = 0; i < m->prompt_count && i < PROMPTS_MAX; i++) {
			m->prompts[i].style = wire_get_u8(r);
			wire_get_text(r, m->prompts[i].text, sizeof m->prompts[i].text);
		}
		break;
	case F_ANSWERS:
		m->answer_count = wire_get_u8(r);
		for (size_t i = 0; i < m->answer_count && i < PROMPTS_MAX; i++)
			wire_get_text(r, m->answers[i], sizeof m->answers[i]);
		break;
	case F_GROUPS:
		m->group_count = wire_get_u16(r);
		for (size_t i = 0; i < m->group_count && i < GROUPS_MAX; i++)
			wire_get_text(r, m->groups[i], sizeof m->groups[i]);
		break;
	default:
		wire_get_text(r, (char *)m + texts[f].offset, texts[f].size);
	}
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
