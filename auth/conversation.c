/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/conversation.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/guard.h"
#include "common/say.h"
#include "common/secret.h"

static uint8_t wire_style(int style)
{
	switch (style) {
	case PAM_PROMPT_ECHO_OFF:
		return PROMPT_SECRET;
	case PAM_PROMPT_ECHO_ON:
		return PROMPT_VISIBLE;
	case PAM_TEXT_INFO:
		return PROMPT_INFO;
	case PAM_ERROR_MSG:
		return PROMPT_ERROR;
	default:
		return 0;
	}
}

static bool is_question(uint8_t style)
{
	return style == PROMPT_SECRET || style == PROMPT_VISIBLE;
}

/* Modules break lines for terminals; a page breaks its own. */
static void clean(const char *text, char out[static PROMPT_MAX])
{
	char line[2 * PROMPT_MAX];
	snprintf(line, sizeof line, "%s", text ? text : "");
	size_t size = strlen(line);
	for (size_t i = 0; i < size; i++)
		if (isspace((unsigned char)line[i]))
			line[i] = ' ';
	while (size && line[size - 1] == ' ')
		line[--size] = '\0';
	text_safe(line, out, PROMPT_MAX);
}

/* 1 when it was added, 0 when there is nothing to show. */
static int add(struct conversation *c, uint8_t style, const char *text)
{
	char shown[PROMPT_MAX];
	clean(text, shown);
	if (!shown[0] && !is_question(style))
		return 0;
	if (!c->pending)
		c->pending = message_new(AUTH_PROMPTS);
	if (!c->pending)
		return -ENOMEM;
	struct prompt *p = &c->pending->prompts[c->pending->prompt_count++];
	p->style = style;
	memcpy(p->text, shown, sizeof shown);
	return 1;
}

int conversation_flush(struct conversation *c)
{
	struct message *m = c->pending;
	c->pending = NULL;
	return m ? talk_send(c->talk, m) : 0;
}

static int take_answers(const struct message *m, struct pam_response *responses, const int *asked)
{
	for (unsigned i = 0; i < m->answer_count; i++) {
		responses[asked[i]].resp = strdup(m->answers[i]);
		if (!responses[asked[i]].resp)
			return -ENOMEM;
	}
	return 0;
}

/* One round: the k-th answer belongs to message asked[k]. */
static int ask(struct conversation *c, struct pam_response *responses, const int *asked)
{
	struct message *m = NULL;
	int err = conversation_flush(c);
	if (err == -EPROTO)
		say_error("a PAM module asked more than %d rounds of questions; look at the PAM service file: a 'retry=' that is "
			  "too large?",
			ROUNDS_MAX);
	if (!err)
		err = talk_send(c->talk, message_new(VERDICT_PAUSE));
	if (!err) {
		guard_rest();
		err = talk_receive(c->talk, CHANNEL_AUTH, &m);
	}
	if (err)
		goto out;
	c->talk->since = time_boot();
	err = take_answers(m, responses, asked);
	message_free(m);
	m = NULL;
	if (!err)
		err = talk_send(c->talk, message_new(VERDICT_RESUME));
	if (!err)
		err = talk_receive(c->talk, CHANNEL_VERDICT, &m);
	message_free(m);
out:
	/* Back in the module in any case. */
	return guard_watch() < 0 && !err ? -EAGAIN : err;
}

static void responses_free(struct pam_response *responses, int count)
{
	for (int i = 0; i < count; i++)
		if (responses[i].resp) {
			secret_wipe(responses[i].resp, strlen(responses[i].resp));
			free(responses[i].resp);
		}
	free(responses);
}

/* Collects the messages into rounds of at most PROMPTS_MAX and asks them. */
static int carry(
	struct conversation *c, int count, const struct pam_message **messages, struct pam_response *responses, bool wanted)
{
	int asked[PROMPTS_MAX] = {0}, err = 0;
	unsigned questions = 0;
	for (int i = 0; i < count && err >= 0; i++) {
		uint8_t style = wire_style(messages[i]->msg_style);
		if (!style || (is_question(style) && !wanted)) {
			say_error("a PAM module spoke in a way that no web page can show (style %d); remove it from the PAM "
				  "service file",
				messages[i]->msg_style);
			return -EINVAL;
		}
		err = add(c, style, messages[i]->msg);
		if (err == 1 && is_question(style))
			asked[questions++] = i;
		if (err == 1 && c->pending->prompt_count == PROMPTS_MAX) {
			err = questions ? ask(c, responses, asked) : conversation_flush(c);
			questions = 0;
		}
	}
	if (err >= 0 && questions)
		err = ask(c, responses, asked);
	return err < 0 ? err : 0;
}

int conversation_ask(int count, const struct pam_message **messages, struct pam_response **responses, void *conversation)
{
	struct conversation *c = conversation;
	if (c->broken || count < 1 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	struct pam_response *r = calloc((size_t)count, sizeof *r);
	if (!r)
		return PAM_BUF_ERR;
	int err = carry(c, count, messages, r, responses != NULL);
	c->broken = c->talk->portal_gone || c->talk->gateway_gone;
	if (err || !responses)
		responses_free(r, count);
	else
		*responses = r;
	return err ? PAM_CONV_ERR : PAM_SUCCESS;
}

int conversation_mute(int count, const struct pam_message **messages, struct pam_response **responses, void *conversation)
{
	(void)conversation;
	if (count < 1 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	for (int i = 0; i < count; i++) {
		uint8_t style = wire_style(messages[i]->msg_style);
		if (!style || is_question(style)) {
			say_error("a PAM module asked something in the account phase of a recheck, where nobody can answer: "
				  "remove it from the account lines of the PAM service file");
			return PAM_CONV_ERR;
		}
	}
	struct pam_response *r = responses ? calloc((size_t)count, sizeof *r) : NULL;
	if (responses && !r)
		return PAM_BUF_ERR;
	if (responses)
		*responses = r;
	return PAM_SUCCESS;
}

void conversation_end(struct conversation *c)
{
	message_free(c->pending);
	c->pending = NULL;
}
