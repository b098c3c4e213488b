/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shared device that one person is logged in on, when another one comes. Whoever holds the device can open this page, so it
 * says no more about the first than the second needs: that there is somebody; and, to one who has shown who he is and may use the
 * device too, who has to log out, and when the session ends at the latest. What the first may reach stands on no page of this.
 */
#include <string.h>

#include "auth/page_internal.h"

static void ask(struct sheet *s)
{
	const struct page_view *v = s->view;
	bool takeover = v->device->sharing == SHARING_TAKEOVER;

	sheet_state(s, GATE_SHUT, TEXT_OTHER_STATE, sheet_say(s, TEXT_OTHER_TITLE));
	if (v->notice != PAGE_NO_NOTICE)
		sheet_notice(s);
	else if (!v->bad_user)
		sheet_box(s, false, sheet_say(s, takeover ? TEXT_OTHER_TAKEOVER : TEXT_OTHER_REFUSE));
	sheet_ask_user(s);
	sheet_facts(s, sheet_say(s, TEXT_OTHER_OPEN), sheet_say(s, TEXT_LOGIN_UNTIL), sheet_say(s, TEXT_LOGIN_NEXT));
	sheet_link(s, TEXT_BACK_BUTTON, "/");
}

static void refuse(struct sheet *s)
{
	const struct page_view *v = s->view;
	const char *first = v->device->user;
	char who[256], until[256], next[512], at[PAGE_TIME_TEXT];

	sheet_state(s, GATE_SHUT, TEXT_OTHER_STATE, sheet_say(s, TEXT_OTHER_SHUT));
	sheet_box(s, true, page_text_fill(sheet_say(s, TEXT_OTHER_WHO), who, sizeof who, first, ""));
	page_text_instant(v->language, v->device->expires, v->now, at);
	page_text_fill(sheet_say(s, TEXT_OTHER_UNTIL), until, sizeof until, first, at);
	page_text_fill(sheet_say(s, TEXT_OTHER_NEXT), next, sizeof next, first, first);
	sheet_facts(s, sheet_say(s, TEXT_OTHER_OPEN), until, next);
	sheet_link(s, TEXT_HOME_BUTTON, "/");
}

void page_other(struct sheet *s)
{
	sheet_begin(s, sheet_say(s, TEXT_OTHER_TITLE), 0);
	if (s->view->notice == PUBLIC_IN_USE)
		refuse(s);
	else
		ask(s);
}
