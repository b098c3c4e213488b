/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/html.h"
#include "auth/prompt.h"
#include "common/text.h"

enum { REACH_SHOWN = 5 }; /* more are folded away, so that the way out stays in sight */

static const int64_t SOON_USEC = 30 * 60 * INT64_C(1000000), ROUND_UP_USEC = 59 * INT64_C(1000000);

/* How the gate is drawn beside a page's state: shape and word say the same as the colour. */
enum gate { GATE_SHUT, GATE_OPEN, GATE_FAULT };

/* A page under way. */
struct sheet {
	struct html html;
	const struct page_view *view;
};

static const char *say(const struct sheet *s, enum page_text t)
{
	return page_text(s->view->language, t);
}

static void put_gate(struct html *h, enum gate gate)
{
	html_put(h, "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M1 5h22v3H1zM4 8h3v14H4zM17 8h3v14h-3z\"/>");
	if (gate == GATE_SHUT)
		html_put(h, "<path d=\"M8.2 11h3.3v11H8.2zM12.5 11h3.3v11h-3.3z\"/>");
	if (gate == GATE_FAULT)
		html_put(h, "<path d=\"M11 11h2v6h-2zM11 19h2v2.4h-2z\"/>");
	html_put(h, "</svg>");
}

/* Everything before the page's own content. `refresh` seconds, or 0. */
static void begin(struct sheet *s, const char *title, const char *refresh)
{
	const struct page_view *v = s->view;
	bool named = v->kind != PAGE_STRANGER;

	html_add(&s->html,
		"<!doctype html>\n<html lang=\"@\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">",
		page_language_tag(v->language));
	if (refresh)
		html_add(&s->html, "<meta http-equiv=\"refresh\" content=\"@;url=/\">", refresh);
	html_add(&s->html, "<title>@", title);
	if (named)
		html_add(&s->html, " – @", v->label);
	html_add(&s->html,
		"</title><link rel=\"stylesheet\" href=\"/style.css?@\">"
		"<link rel=\"icon\" href=\"/favicon.ico\" type=\"image/svg+xml\"></head><body>",
		SEKISHO_VERSION);
	if (named)
		html_add(&s->html, "<header>@</header>", v->label);
	html_put(&s->html, "<main>");
}

static void put_state(struct sheet *s, enum gate gate, enum page_text state, const char *title)
{
	static const char *const classes[] = {[GATE_SHUT] = "shut", [GATE_OPEN] = "open", [GATE_FAULT] = "fault"};

	html_add(&s->html, "<p class=\"state @\">", classes[gate]);
	put_gate(&s->html, gate);
	html_add(&s->html, "@</p><h1>@</h1>", say(s, state), title);
}

static void put_fact(struct sheet *s, enum page_text name, const char *value)
{
	html_add(&s->html, "<div><dt>@</dt><dd>@</dd></div>", say(s, name), value);
}

/* What every page of a state must say. */
static void put_facts(struct sheet *s, const char *open, const char *until, const char *next)
{
	html_put(&s->html, "<dl>");
	put_fact(s, TEXT_OPEN, open);
	put_fact(s, TEXT_UNTIL, until);
	put_fact(s, TEXT_NEXT, next);
	html_put(&s->html, "</dl>");
}

static void put_box(struct sheet *s, bool bad, const char *text)
{
	if (*text)
		html_add(&s->html, bad ? "<p class=\"box bad\" role=\"alert\">@</p>" : "<p class=\"box\">@</p>", text);
}

/* Why the gate is shut, and when it opens again where that is known. */
static void put_shut(struct sheet *s, bool bad, const char *why)
{
	const struct page_view *v = s->view;
	char at[PAGE_TIME_TEXT], opens[256];

	if (v->opens <= v->now) {
		put_box(s, bad, why);
		return;
	}
	page_text_instant(v->language, v->opens, v->now, at);
	page_text_fill(say(s, TEXT_LOGIN_OPENS), opens, sizeof opens, at, "");
	if (!*why) {
		put_box(s, bad, opens);
		return;
	}
	html_add(&s->html, bad ? "<p class=\"box bad\" role=\"alert\">@<br>@</p>" : "<p class=\"box\">@<br>@</p>", why, opens);
}

/* Informations and errors of a round; its questions are left out. */
static void put_notes(struct sheet *s, const struct message *m)
{
	for (unsigned i = 0; m && i < m->prompt_count; i++)
		if (m->prompts[i].style == PROMPT_INFO || m->prompts[i].style == PROMPT_ERROR)
			put_box(s, m->prompts[i].style == PROMPT_ERROR, m->prompts[i].text);
}

static void put_notice(struct sheet *s)
{
	const struct page_view *v = s->view;

	if (v->notice != PAGE_NO_NOTICE)
		put_shut(s, v->notice != PUBLIC_GRANTED, page_text_result(v->language, v->notice));
	put_notes(s, v->notes);
}

static void stranger(struct sheet *s)
{
	begin(s, say(s, TEXT_STRANGER_TITLE), NULL);
	html_add(&s->html, "<h1>@</h1><p>@</p>", say(s, TEXT_STRANGER_TITLE), say(s, TEXT_STRANGER_LEAD));
}

static void login(struct sheet *s)
{
	const struct page_view *v = s->view;

	begin(s, say(s, TEXT_LOGIN_TITLE), NULL);
	put_state(s, GATE_SHUT, TEXT_LOGIN_STATE, say(s, TEXT_LOGIN_TITLE));
	if (v->notice != PAGE_NO_NOTICE || v->bad_user)
		put_notice(s);
	else
		put_shut(s, false, page_text_end(v->language, v->last_end));
	if (v->bad_user)
		html_add(&s->html, "<p class=\"box bad\" role=\"alert\" id=\"wrong\">@</p>", say(s, TEXT_USER_BAD));
	html_add(&s->html,
		"<form method=\"post\" action=\"/login\"><label for=\"user\">@</label>"
		"<input id=\"user\" name=\"user\" value=\"@\" autocomplete=\"username\" autocapitalize=\"none\" "
		"autocorrect=\"off\" "
		"spellcheck=\"false\" maxlength=\"64\" required autofocus",
		say(s, TEXT_USER_LABEL), v->user);
	html_add(&s->html, v->bad_user ? " aria-invalid=\"true\" aria-describedby=\"wrong\">" : ">");
	html_add(&s->html, "<button>@</button></form>", say(s, TEXT_NEXT_BUTTON));
	put_facts(s, say(s, TEXT_LOGIN_OPEN), say(s, TEXT_LOGIN_UNTIL), say(s, TEXT_LOGIN_NEXT));
}

/* One input for one question. `number` is its place among the round's questions, `first` says that no round came before. */
static void put_question(struct sheet *s, const struct prompt *p, unsigned number, bool first)
{
	static const char *const autocomplete[] = {
		[PROMPT_IS_PASSWORD] = "current-password",
		[PROMPT_IS_NEW_PASSWORD] = "new-password",
		[PROMPT_IS_CODE] = "one-time-code",
		[PROMPT_IS_TEXT] = "off",
	};
	enum prompt_kind kind = prompt_kind(p, first);
	char name[8], label[PROMPT_MAX];

	snprintf(name, sizeof name, "a%u", number);
	prompt_label(p, label);
	html_add(&s->html, "<label for=\"@\">@</label><input id=\"@\" name=\"@\" maxlength=\"511\" autocomplete=\"@\"", name,
		prompt_is_plain_password(label) ? say(s, TEXT_PASSWORD_LABEL) : label, name, name, autocomplete[kind]);
	html_put(&s->html, p->style == PROMPT_SECRET ? " type=\"password\"" : " type=\"text\"");
	if (kind == PROMPT_IS_CODE)
		html_put(&s->html, " inputmode=\"numeric\" class=\"code\"");
	html_put(&s->html, number ? " autocapitalize=\"none\" spellcheck=\"false\">"
				  : " autocapitalize=\"none\" spellcheck=\"false\" autofocus>");
}

static void put_questions(struct sheet *s)
{
	const struct page_view *v = s->view;
	char round[12];
	unsigned number = 0;

	snprintf(round, sizeof round, "%u", v->round);
	html_add(&s->html,
		"<form method=\"post\" action=\"/answer\"><input type=\"hidden\" name=\"attempt\" value=\"@\">"
		"<input type=\"hidden\" name=\"round\" value=\"@\"><label for=\"user\">@</label>"
		"<input id=\"user\" name=\"user\" value=\"@\" autocomplete=\"username\" readonly tabindex=\"-1\">",
		v->token, round, say(s, TEXT_ROUND_USER), v->user);
	for (unsigned i = 0; i < v->prompts->prompt_count; i++) {
		const struct prompt *p = &v->prompts->prompts[i];
		if (p->style != PROMPT_SECRET && p->style != PROMPT_VISIBLE)
			continue;
		put_question(s, p, number, v->round == 1 && !number);
		number++;
	}
	html_add(&s->html,
		"<button>@</button></form><form method=\"post\" action=\"/cancel\" class=\"aside\">"
		"<input type=\"hidden\" name=\"attempt\" value=\"@\"><button class=\"quiet\">@</button></form>",
		say(s, TEXT_ANSWER_BUTTON), v->token, say(s, TEXT_CANCEL_BUTTON));
}

static void round_page(struct sheet *s)
{
	const struct page_view *v = s->view;
	char clock[PAGE_TIME_TEXT], span[PAGE_TIME_TEXT], until[256];

	begin(s, say(s, TEXT_ROUND_TITLE), NULL);
	put_state(s, GATE_SHUT, TEXT_ROUND_STATE, say(s, TEXT_ROUND_TITLE));
	put_notes(s, v->notes);
	put_notes(s, v->prompts);
	put_questions(s);
	page_text_fill(say(s, TEXT_ROUND_UNTIL), until, sizeof until,
		page_text_span(v->language, v->until - v->now + ROUND_UP_USEC, span), page_text_clock(v->until, clock));
	put_facts(s, say(s, TEXT_LOGIN_OPEN), until, say(s, TEXT_ROUND_NEXT));
}

static void put_link(struct sheet *s, enum page_text text, const char *to)
{
	html_add(&s->html, "<p class=\"aside\"><a class=\"button\" href=\"@\">@</a></p>", to, say(s, text));
}

static void wait_page(struct sheet *s)
{
	begin(s, say(s, TEXT_WAIT_TITLE), "2");
	put_state(s, GATE_SHUT, TEXT_WAIT_STATE, say(s, TEXT_WAIT_TITLE));
	html_add(&s->html, "<p>@</p>", say(s, TEXT_WAIT_LEAD));
	put_notes(s, s->view->notes);
	put_facts(s, say(s, TEXT_LOGIN_OPEN), say(s, TEXT_WAIT_UNTIL), say(s, TEXT_WAIT_NEXT));
	put_link(s, TEXT_SHOW_BUTTON, "/");
}

/* Until when: the one thing people come back to this page for. */
static void put_until(struct sheet *s)
{
	const struct page_view *v = s->view;
	int64_t expires = v->device->expires;
	char clock[PAGE_TIME_TEXT], date[PAGE_TIME_TEXT], span[PAGE_TIME_TEXT], machine[TIME_TEXT], left[256];

	if (!expires) {
		html_add(&s->html, "<section class=\"until\"><h2>@</h2><p>@</p></section>", say(s, TEXT_UNTIL),
			say(s, TEXT_STATUS_FOREVER));
		return;
	}
	page_text_clock(expires, clock);
	page_text_date(v->language, expires, date);
	time_format(expires, machine);
	html_add(&s->html, "<section class=\"until\"><h2>@</h2><p><time datetime=\"@\"><b>@</b> <span>@</span></time></p>",
		say(s, TEXT_UNTIL), machine, clock, date);
	page_text_span(v->language, expires - v->now, span);
	page_text_fill(say(s, TEXT_STATUS_LEFT), left, sizeof left, span, page_text_clock(v->now, clock));
	html_add(&s->html, "<p>@</p>", left);
	if (*page_text_bound(v->language, v->device->ends_reason))
		html_add(&s->html, "<p>@</p>", page_text_bound(v->language, v->device->ends_reason));
	html_put(&s->html, "</section>");
	if (expires - v->now <= SOON_USEC)
		put_box(s, true, say(s, TEXT_STATUS_SOON));
}

static void put_reach_line(struct sheet *s, const char *line)
{
	html_add(&s->html, "<li>@</li>", line);
}

static void put_reach(struct sheet *s)
{
	const struct message *d = s->view->device;
	unsigned shown = d->reach_count > REACH_SHOWN + 1 ? REACH_SHOWN : d->reach_count;
	char rest[12], more[64];

	html_add(&s->html, "<section><h2>@</h2>", say(s, TEXT_OPEN));
	if (!d->reach_count)
		html_add(&s->html, "<p>@</p>", say(s, TEXT_STATUS_NOTHING));
	else
		html_put(&s->html, "<ul>");
	for (unsigned i = 0; i < shown; i++)
		put_reach_line(s, d->reach[i]);
	if (d->reach_count)
		html_put(&s->html, "</ul>");
	if (shown < d->reach_count) {
		snprintf(rest, sizeof rest, "%u", d->reach_count - shown);
		page_text_fill(say(s, TEXT_STATUS_MORE), more, sizeof more, rest, "");
		html_add(&s->html, "<details><summary>@</summary><ul>", more);
		for (unsigned i = shown; i < d->reach_count; i++)
			put_reach_line(s, d->reach[i]);
		html_put(&s->html, "</ul></details>");
	}
	html_put(&s->html, "</section>");
}

static void status_page(struct sheet *s)
{
	const struct page_view *v = s->view;

	begin(s, say(s, TEXT_STATUS_STATE), NULL);
	put_state(s, GATE_OPEN, TEXT_STATUS_STATE, say(s, TEXT_STATUS_TITLE));
	put_notice(s);
	put_until(s);
	put_reach(s);
	html_put(&s->html, "<dl>");
	put_fact(s, TEXT_NEXT, say(s, TEXT_STATUS_NEXT));
	put_fact(s, TEXT_STATUS_USER, v->device->user);
	put_fact(s, TEXT_STATUS_DEVICE, v->device->label);
	html_add(&s->html, "</dl><form method=\"post\" action=\"/logout\"><button class=\"quiet\">@</button></form>",
		say(s, TEXT_LOGOUT_BUTTON));
}

static void away(struct sheet *s)
{
	begin(s, say(s, TEXT_AWAY_TITLE), "5");
	put_state(s, GATE_FAULT, TEXT_AWAY_STATE, say(s, TEXT_AWAY_TITLE));
	html_add(&s->html, "<p>@</p>", say(s, TEXT_AWAY_LEAD));
	put_facts(s, say(s, TEXT_AWAY_OPEN), say(s, TEXT_AWAY_UNTIL), say(s, TEXT_AWAY_NEXT));
	put_link(s, TEXT_RETRY_BUTTON, "/");
}

static void error_page(struct sheet *s)
{
	const struct page_view *v = s->view;
	const char *title = page_text_error_title(v->language, v->status);

	begin(s, title, NULL);
	put_state(s, GATE_FAULT, TEXT_ERROR_STATE, title);
	put_facts(s, say(s, TEXT_ERROR_OPEN), say(s, TEXT_ERROR_UNTIL), page_text_error_lead(v->language, v->status));
	put_link(s, TEXT_HOME_BUTTON, v->home);
}

int page_render(const struct page_view *v, char **out, size_t *size)
{
	static void (*const pages[])(struct sheet *) = {
		[PAGE_STRANGER] = stranger,
		[PAGE_LOGIN] = login,
		[PAGE_ROUND] = round_page,
		[PAGE_WAIT] = wait_page,
		[PAGE_STATUS] = status_page,
		[PAGE_AWAY] = away,
		[PAGE_ERROR] = error_page,
	};
	struct sheet s = {.view = v};

	pages[v->kind](&s);
	html_put(&s.html, "</main></body></html>\n");
	if (s.html.err) {
		free(s.html.data);
		return s.html.err;
	}
	*out = s.html.data;
	*size = s.html.used;
	return 0;
}
