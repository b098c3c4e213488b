/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs about users who may not log in for a while. */
#include <errno.h>
#include <string.h>

#include "common/paths.h"
#include "gateway/control_internal.h"
#include "gateway/suspension.h"

static json_t *suspension_json(const struct suspension *s)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s}", "user", s->user, "since", control_json_time(s->since), "until",
		control_json_time(s->until), "who", s->who, "role", s->role, "note", s->note);
}

static bool good(struct exchange *x, const char *user, const char *note)
{
	if (!text_name_valid(user) || *user == '@')
		exchange_error(
			x, "invalid", "a name has 1 to 64 letters, digits, '.', '_', '-', '@'", "'%s' is no user name", user);
	else if (note && strlen(note) > DEVICE_NOTE_MAX)
		exchange_error(x, "invalid", "shorten it", "the note is longer than %d bytes", DEVICE_NOTE_MAX);
	return !x->ended;
}

/* The desk may put nothing in place of what somebody else has said. */
static bool may_change(struct exchange *x, const char *user, int *found)
{
	struct suspension s;
	*found = ledger_suspension(x->gateway->ledger, user, &s);
	if (*found == -ENOENT || x->by.role >= ROLE_ADMIN)
		return true;
	return exchange_allowed(x, *found == 0 && !strcmp(s.role, role_name(ROLE_DESK)) ? ROLE_DESK : ROLE_ADMIN);
}

void control_user_suspend(struct exchange *x)
{
	const char *verb, *user, *note = NULL;
	json_int_t until = 0;
	unsigned ended = 0;
	int found;
	if (!exchange_unpack(x, "{s:s, s:s, s?I, s?s}", "verb", &verb, "user", &user, "until", &until, "note", &note) ||
		!good(x, user, note) || !may_change(x, user, &found))
		return;
	if (until && until <= time_now()) {
		exchange_error(x, "invalid", "name a date that is still to come", "the suspension would be over already");
		return;
	}
	int r = user_suspend(x->gateway, user, until > 0 ? until : 0, &x->by, note, &ended);
	if (r < 0)
		exchange_error(x, "failed", control_make_room,
			"the user's sessions are ended, but the ledger could not be written: %s. Until it is, the user can log "
			"in again",
			strerror(-r));
	else
		exchange_end(x, json_pack("{s:s, s:i}", "user", user, "sessions_ended", (int)ended));
}

void control_user_resume(struct exchange *x)
{
	const char *verb, *user, *note = NULL;
	bool unrecorded = false;
	int found;
	if (!exchange_unpack(x, "{s:s, s:s, s?s}", "verb", &verb, "user", &user, "note", &note) || !good(x, user, note) ||
		!may_change(x, user, &found))
		return;
	int r = found < 0 ? found : user_resume(x->gateway, user, &x->by, note, &unrecorded);
	if (r == -ENOENT)
		exchange_error(x, "not-found", "`sekisho user list` shows who is", "user %s is not suspended", user);
	else if (r < 0)
		exchange_error(x, "failed", unrecorded ? control_unrecordable : control_make_room,
			"the user stays suspended, the %s cannot be written: %s", unrecorded ? "log" : "ledger", strerror(-r));
	else
		exchange_end(x, json_pack("{s:s}", "user", user));
}

static void list_part(struct exchange *x)
{
	struct suspension s;
	int r = 0;
	for (unsigned i = 0; i < EXCHANGE_PART; i++) {
		r = ledger_suspension_after(x->gateway->ledger, x->position.name, &s);
		if (r < 0)
			break;
		memcpy(x->position.name, s.user, sizeof s.user);
		exchange_row(x, suspension_json(&s));
	}
	if (r == -ENOENT)
		exchange_end(x, json_object());
	else if (r < 0)
		exchange_error(x, "failed", control_make_room, "cannot read the ledger: %s", strerror(-r));
}

void control_user_list(struct exchange *x)
{
	const char *verb;
	if (!exchange_unpack(x, "{s:s}", "verb", &verb))
		return;
	x->more = list_part;
	list_part(x);
}
