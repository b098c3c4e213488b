/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/groups.h"
#include "auth/guard.h"
#include "auth/pamstack.h"
#include "auth/talk.h"
#include "common/message.h"
#include "common/say.h"

static int receive(int gateway, struct message_state *state, struct message **out)
{
	struct message *m = NULL;
	int err = message_receive(gateway, &m);
	if (!err)
		err = message_turn(state, SIDE_CLIENT, m);
	if (err) {
		message_free(m);
		if (err != -EPIPE)
			say_warning(
				"sekisho-gateway broke the rules of a recheck (%s); are both programs of one version? Restart "
				"sekisho.target",
				strerror(-err));
		return err;
	}
	*out = m;
	return 0;
}

static int answer(int gateway, struct message_state *state, const struct message *question)
{
	struct pamstack_result r;
	char(*groups)[USER_NAME_MAX + 1] = NULL;
	struct message *m = message_new(RECHECK_RESULT);
	if (!m)
		return -ENOMEM;
	pamstack_account(question->user, question->rhost, &r);
	int err = r.reason == LOGIN_OK ? groups_of(r.user, &groups, &m->group_count) : 0;
	if (err < 0) {
		say_error("cannot find the groups of user %s: %s; try: id %s", r.user, strerror(-err), r.user);
		r.reason = LOGIN_BACKEND_UNAVAILABLE;
	}
	m->result = (uint8_t)r.reason;
	m->groups = groups;
	m->pam_code = r.code;
	memcpy(m->user, question->user, sizeof m->user);
	memcpy(m->stage, pamstack_stage_name(r.stage), strlen(pamstack_stage_name(r.stage)) + 1);
	err = message_turn(state, SIDE_SERVER, m);
	if (!err)
		err = message_send(gateway, m);
	message_free(m);
	free(groups);
	return err;
}

int account_run(int gateway, int64_t pam_seconds)
{
	struct message_state state = {.channel = CHANNEL_RECHECK};
	struct message *question = NULL;
	int err = guard_set(pam_seconds);
	if (!err)
		err = guard_watch();
	if (!err)
		err = receive(gateway, &state, &question);
	if (!err)
		err = answer(gateway, &state, question);
	guard_rest();
	message_free(question);
	close(gateway);
	return err;
}
