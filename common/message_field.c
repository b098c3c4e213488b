/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of messages: what may stand in them, and their form on the wire. */
#include <string.h>

#include "common/message_internal.h"

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
		if (i >= REACH_MAX || m->reach[i].until < 0 || !text_ok(m->reach[i].name, sizeof m->reach[i].name) ||
			!text_ok(m->reach[i].reason, sizeof m->reach[i].reason))
			return false;
	return true;
}

static bool own_ok(const struct message *m)
{
	if (m->own_count > OWN_MAX)
		return false;
	for (size_t i = 0; i < m->own_count; i++)
		if (m->own[i].suspended > 1 || m->own[i].shared > 1 || !text_ok(m->own[i].label, sizeof m->own[i].label))
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

bool field_ok(const struct message *m, enum field f)
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
	case F_RENEWAL:
		return m->renewal <= 1;
	case F_SHARING:
		return m->sharing <= SHARING_TAKEOVER;
	case F_CHANGED:
		return m->password_changed <= 1;
	case F_OWN:
		return own_ok(m);
	case F_TERMS:
		return text_ok(m->terms_version, sizeof m->terms_version) && (!m->terms || text_ok(m->terms, TERMS_MAX));
	default:
		return !texts[f].size || text_ok((const char *)m + texts[f].offset, texts[f].size);
	}
}

static void own_put(struct wire_out *w, const struct own_device *d)
{
	wire_put_u32(w, d->id);
	wire_put_u8(w, d->suspended);
	wire_put_u8(w, d->shared);
	wire_put_u64(w, (uint64_t)d->seen);
	wire_put_text(w, d->label);
}

static void own_get(struct wire_in *r, struct own_device *d)
{
	d->id = wire_get_u32(r);
	d->suspended = wire_get_u8(r);
	d->shared = wire_get_u8(r);
	d->seen = (int64_t)wire_get_u64(r);
	wire_get_text(r, d->label, sizeof d->label);
}

void field_put(struct wire_out *w, const struct message *m, enum field f)
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
		for (size_t i = 0; i < m->reach_count; i++) {
			wire_put_text(w, m->reach[i].name);
			wire_put_text(w, m->reach[i].reason);
			wire_put_u64(w, (uint64_t)m->reach[i].until);
		}
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
	case F_DEVICE:
		wire_put_u32(w, m->device);
		break;
	case F_IDLE:
		wire_put_u32(w, m->idle_seconds);
		break;
	case F_RENEWAL:
		wire_put_u8(w, m->renewal);
		break;
	case F_SHARING:
		wire_put_u8(w, m->sharing);
		break;
	case F_CHANGED:
		wire_put_u8(w, m->password_changed);
		break;
	case F_OWN:
		wire_put_u8(w, m->own_count);
		for (size_t i = 0; i < m->own_count; i++)
			own_put(w, &m->own[i]);
		break;
	case F_TERMS:
		wire_put_text(w, m->terms_version);
		wire_put_bytes(w, m->terms_sha256, sizeof m->terms_sha256);
		wire_put_text(w, m->terms ? m->terms : "");
		break;
	default:
		wire_put_text(w, (const char *)m + texts[f].offset);
	}
}

void field_get(struct wire_in *r, struct message *m, enum field f)
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
		for (size_t i = 0; i < m->reach_count && i < REACH_MAX; i++) {
			wire_get_text(r, m->reach[i].name, sizeof m->reach[i].name);
			wire_get_text(r, m->reach[i].reason, sizeof m->reach[i].reason);
			m->reach[i].until = (int64_t)wire_get_u64(r);
		}
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
	case F_DEVICE:
		m->device = wire_get_u32(r);
		break;
	case F_IDLE:
		m->idle_seconds = wire_get_u32(r);
		break;
	case F_RENEWAL:
		m->renewal = wire_get_u8(r);
		break;
	case F_SHARING:
		m->sharing = wire_get_u8(r);
		break;
	case F_CHANGED:
		m->password_changed = wire_get_u8(r);
		break;
	case F_OWN:
		m->own_count = wire_get_u8(r);
		for (size_t i = 0; i < m->own_count && i < OWN_MAX; i++)
			own_get(r, &m->own[i]);
		break;
	case F_TERMS:
		wire_get_text(r, m->terms_version, sizeof m->terms_version);
		wire_get_bytes(r, m->terms_sha256, sizeof m->terms_sha256);
		wire_get_text(r, m->terms, TERMS_MAX);
		break;
	default:
		wire_get_text(r, (char *)m + texts[f].offset, texts[f].size);
	}
}
