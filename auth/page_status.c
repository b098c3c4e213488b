/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What somebody who is logged in sees: what is open and until when, and the other devices. */
#include <stdio.h>

#include "auth/page_internal.h"
#include "common/text.h"

enum { REACH_SHOWN = 5 }; /* more are folded away, so that the way out stays in sight */

static const int64_t SECOND_USEC = 1000000, SOON_USEC = 30 * 60 * INT64_C(1000000), NEAR_USEC = 10 * 60 * INT64_C(1000000);

/*
 * When the page shows itself anew: once when the end comes near, then each minute, then just after the end, to say why. Not more
 * often: each time is traffic, and a page that is left open must not keep an idle session alive.
 */
static int64_t refresh_after(const struct page_view *v)
{
	int64_t left = v->device->expires - v->now;

	if (!v->device->expires)
		return 0;
	if (left > SOON_USEC)
		return (left - SOON_USEC) / SECOND_USEC + 1;
	if (left > NEAR_USEC)
		return (left - NEAR_USEC) / SECOND_USEC + 1;
	return left > 60 * SECOND_USEC ? 60 : left > 0 ? left / SECOND_USEC + 2 : 2;
}

static void put_idle(struct sheet *s)
{
	char span[PAGE_TIME_TEXT], text[256];

	if (!s->view->device->idle_seconds)
		return;
	page_text_span(s->view->language, s->view->device->idle_seconds * SECOND_USEC, span);
	html_add(&s->html, "<p class=\"small\">@</p>",
		page_text_fill(sheet_say(s, TEXT_STATUS_IDLE), text, sizeof text, span, ""));
}

static void put_renew(struct sheet *s, bool soon)
{
	if (s->view->device->renewal)
		html_add(&s->html, "<form method=\"post\" action=\"/renew\"><button class=\"@\">@</button></form>",
			soon ? "renew" : "renew quiet", sheet_say(s, TEXT_RENEW_BUTTON));
}

/* Until when: the one thing people come back to this page for. */
static void put_until(struct sheet *s)
{
	const struct page_view *v = s->view;
	int64_t expires = v->device->expires;
	char clock[PAGE_TIME_TEXT], date[PAGE_TIME_TEXT], span[PAGE_TIME_TEXT], machine[TIME_TEXT], left[256];
	bool soon = expires && expires - v->now <= SOON_USEC;

	if (soon)
		sheet_box(s, true, sheet_say(s, TEXT_STATUS_SOON));
	html_add(&s->html, "<section class=\"until\"><h2>@</h2>", sheet_say(s, TEXT_UNTIL));
	if (expires) {
		page_text_clock(expires, clock);
		page_text_date(v->language, expires, date);
		time_format(expires, machine);
		html_add(&s->html, "<p><time datetime=\"@\"><b>@</b> <span>@</span></time></p>", machine, clock, date);
		page_text_span(v->language, expires - v->now, span);
		page_text_fill(sheet_say(s, TEXT_STATUS_LEFT), left, sizeof left, span, page_text_clock(v->now, clock));
		html_add(&s->html, "<p>@</p>", left);
	} else {
		html_add(&s->html, "<p>@</p>", sheet_say(s, TEXT_STATUS_FOREVER));
	}
	if (*page_text_bound(v->language, v->device->ends_reason))
		html_add(&s->html, "<p>@</p>", page_text_bound(v->language, v->device->ends_reason));
	put_idle(s);
	put_renew(s, soon);
	html_put(&s->html, "</section>");
}

/* A system by its name, why it is open, and until when where its rule lapses. */
static void put_reach_line(struct sheet *s, const struct reach *line)
{
	char at[PAGE_TIME_TEXT], until[128];

	html_add(&s->html, "<li>@", line->name);
	if (line->reason[0])
		html_add(&s->html, "<small>@</small>", line->reason);
	if (line->until) {
		page_text_instant(s->view->language, line->until, s->view->now, at);
		html_add(&s->html, "<small>@</small>",
			page_text_fill(sheet_say(s, TEXT_STATUS_LAPSES), until, sizeof until, at, ""));
	}
	html_put(&s->html, "</li>");
}

/* On a shared device nothing is in sight before somebody asks for it: others hold it too. */
static void put_reach(struct sheet *s)
{
	const struct message *d = s->view->device;
	unsigned shown = d->sharing ? 0 : d->reach_count > REACH_SHOWN + 1 ? REACH_SHOWN : d->reach_count;
	char rest[12], more[64];

	html_add(&s->html, "<section><h2>@</h2>", sheet_say(s, TEXT_OPEN));
	if (!d->reach_count)
		html_add(&s->html, "<p>@</p>", sheet_say(s, TEXT_STATUS_NOTHING));
	if (shown)
		html_put(&s->html, "<ul>");
	for (unsigned i = 0; i < shown; i++)
		put_reach_line(s, &d->reach[i]);
	if (shown)
		html_put(&s->html, "</ul>");
	if (shown < d->reach_count) {
		snprintf(rest, sizeof rest, "%u", d->reach_count - shown);
		page_text_fill(sheet_say(s, shown ? TEXT_STATUS_MORE : TEXT_STATUS_SHOW), more, sizeof more, rest, "");
		html_add(&s->html, "<details><summary>@</summary><ul>", more);
		for (unsigned i = shown; i < d->reach_count; i++)
			put_reach_line(s, &d->reach[i]);
		html_put(&s->html, "</ul></details>");
	}
	html_put(&s->html, "</section>");
}

/* Whose login it is comes first where it may not be that of the one who looks. */
static void put_whose(struct sheet *s)
{
	char whose[256];

	page_text_fill(sheet_say(s, TEXT_STATUS_SHARED), whose, sizeof whose, s->view->device->user, "");
	sheet_box(s, false, whose);
}

/* What leads away from here: for others who share the device, for the user's own other devices. */
static void put_ways(struct sheet *s, bool shared)
{
	if (shared) {
		sheet_link(s, TEXT_OTHER_LINK, "/other");
		html_add(&s->html, "<p class=\"small\">@</p>", sheet_say(s, TEXT_STATUS_DESK));
	} else {
		html_add(&s->html, "<p class=\"aside\"><a class=\"link\" href=\"/devices\">@</a></p>",
			sheet_say(s, TEXT_DEVICES_LINK));
	}
}

void page_status(struct sheet *s)
{
	const struct page_view *v = s->view;

	sheet_begin(s, sheet_say(s, TEXT_STATUS_STATE), refresh_after(v));
	sheet_state(s, GATE_OPEN, TEXT_STATUS_STATE, sheet_say(s, TEXT_STATUS_TITLE));
	sheet_notice(s);
	if (v->device->sharing)
		put_whose(s);
	put_until(s);
	put_reach(s);
	html_put(&s->html, "<dl>");
	sheet_fact(s, TEXT_NEXT, sheet_say(s, TEXT_STATUS_NEXT));
	sheet_fact(s, TEXT_STATUS_USER, v->device->user);
	sheet_fact(s, TEXT_STATUS_DEVICE, v->device->label);
	html_add(&s->html, "</dl><form method=\"post\" action=\"/logout\"><button class=\"quiet\">@</button></form>",
		sheet_say(s, TEXT_LOGOUT_BUTTON));
	put_ways(s, v->device->sharing);
}

/* ---- the other devices ---- */

static void put_stop(struct sheet *s, const struct own_device *d)
{
	char id[12];

	snprintf(id, sizeof id, "%u", d->id);
	html_add(&s->html, "<details><summary>@</summary><p>@</p>", sheet_say(s, TEXT_DEVICES_ASK),
		sheet_say(s, TEXT_DEVICES_SURE));
	if (d->shared)
		sheet_box(s, true, sheet_say(s, TEXT_DEVICES_SHARED));
	html_add(&s->html,
		"<form method=\"post\" action=\"/suspend\"><input type=\"hidden\" name=\"device\" value=\"@\">"
		"<button class=\"stop\">@</button></form></details>",
		id, sheet_say(s, TEXT_DEVICES_BUTTON));
}

static void put_device(struct sheet *s, const struct own_device *d)
{
	const struct page_view *v = s->view;
	char at[PAGE_TIME_TEXT], seen[128], id[16];

	snprintf(id, sizeof id, "d%u", d->id);
	page_text_fill(sheet_say(s, d->seen ? TEXT_DEVICES_SEEN : TEXT_DEVICES_NEVER), seen, sizeof seen,
		d->seen ? page_text_instant(v->language, d->seen, v->now, at) : "", "");
	html_add(&s->html, "<li><b>@</b><small>@</small><small>@</small>", d->label[0] ? d->label : id, id, seen);
	if (d->suspended)
		html_add(&s->html, "<p class=\"stopped\">@</p>", sheet_say(s, TEXT_DEVICES_STOPPED));
	else
		put_stop(s, d);
	html_put(&s->html, "</li>");
}

void page_devices(struct sheet *s)
{
	const struct message *m = s->view->device;

	sheet_begin(s, sheet_say(s, TEXT_DEVICES_TITLE), 0);
	html_add(&s->html, "<h1>@</h1><p>@</p>", sheet_say(s, TEXT_DEVICES_TITLE),
		sheet_say(s, m->own_count ? TEXT_DEVICES_LEAD : TEXT_DEVICES_NONE));
	if (m->own_count)
		html_put(&s->html, "<ul class=\"devices\">");
	for (unsigned i = 0; i < m->own_count; i++)
		put_device(s, &m->own[i]);
	if (m->own_count)
		html_put(&s->html, "</ul>");
	sheet_link(s, TEXT_BACK_BUTTON, "/");
}
