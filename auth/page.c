/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/page_internal.h"
#include "auth/prompt.h"
#include "common/text.h"

static const int64_t ROUND_UP_USEC = 59 * INT64_C(1000000);

const char *sheet_say(const struct sheet *s, enum page_text t)
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

void sheet_begin(struct sheet *s, const char *title, int64_t refresh)
{
	const struct page_view *v = s->view;
	bool named = v->kind != PAGE_STRANGER;
	char seconds[24];

	html_add(&s->html,
		"<!doctype html>\n<html lang=\"@\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">",
		page_language_tag(v->language));
	if (refresh) {
		snprintf(seconds, sizeof seconds, "%" PRId64, refresh);
		html_add(&s->html, "<meta http-equiv=\"refresh\" content=\"@;url=@\">", seconds,
			v->kind == PAGE_QUEUE ? "/turn" : "/");
	}
	html_add(&s->html, "<title>@", title);
	if (named)
		html_add(&s->html,
			" – @</title><meta name=\"application-name\" content=\"@\">"
			"<meta name=\"apple-mobile-web-app-title\" content=\"@\"><link rel=\"apple-touch-icon\" "
			"href=\"/apple-touch-icon.png\">",
			v->label, v->label, v->label);
	else
		html_put(&s->html, "</title>");
	html_add(&s->html,
		"<link rel=\"stylesheet\" href=\"/style.css?@\">"
		"<link rel=\"icon\" href=\"/favicon.ico\" type=\"image/svg+xml\"></head><body>",
		SEKISHO_VERSION);
	if (named)
		html_add(&s->html, "<header>@</header>", v->label);
	html_put(&s->html, "<main>");
}

void sheet_state(struct sheet *s, enum gate gate, enum page_text state, const char *title)
{
	static const char *const classes[] = {[GATE_SHUT] = "shut", [GATE_OPEN] = "open", [GATE_FAULT] = "fault"};

	html_add(&s->html, "<p class=\"state @\">", classes[gate]);
	put_gate(&s->html, gate);
	html_add(&s->html, "@</p><h1>@</h1>", sheet_say(s, state), title);
}

void sheet_fact(struct sheet *s, enum page_text name, const char *value)
{
	html_add(&s->html, "<div><dt>@</dt><dd>@</dd></div>", sheet_say(s, name), value);
}

void sheet_facts(struct sheet *s, const char *open, const char *until, const char *next)
{
	html_put(&s->html, "<dl>");
	sheet_fact(s, TEXT_OPEN, open);
	sheet_fact(s, TEXT_UNTIL, until);
	sheet_fact(s, TEXT_NEXT, next);
	html_put(&s->html, "</dl>");
}

void sheet_box(struct sheet *s, bool bad, const char *text)
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
		sheet_box(s, bad, why);
		return;
	}
	page_text_instant(v->language, v->opens, v->now, at);
	page_text_fill(sheet_say(s, TEXT_LOGIN_OPENS), opens, sizeof opens, at, "");
	if (!*why) {
		sheet_box(s, bad, opens);
		return;
	}
	html_add(&s->html, bad ? "<p class=\"box bad\" role=\"alert\">@<br>@</p>" : "<p class=\"box\">@<br>@</p>", why, opens);
}

/* Informations and errors of a round; its questions are left out. */
static void put_notes(struct sheet *s, const struct message *m)
{
	for (unsigned i = 0; m && i < m->prompt_count; i++)
		if (m->prompts[i].style == PROMPT_INFO || m->prompts[i].style == PROMPT_ERROR)
			sheet_box(s, m->prompts[i].style == PROMPT_ERROR, m->prompts[i].text);
}

void sheet_notice(struct sheet *s)
{
	const struct page_view *v = s->view;

	if (v->renewed && v->notice == PUBLIC_GRANTED)
		sheet_box(s, false, sheet_say(s, TEXT_STATUS_RENEWED));
	else if (v->notice != PAGE_NO_NOTICE)
		put_shut(s, v->notice != PUBLIC_GRANTED, page_text_result(v->language, v->notice));
	put_notes(s, v->notes);
}

static void stranger(struct sheet *s)
{
	sheet_begin(s, sheet_say(s, TEXT_STRANGER_TITLE), 0);
	html_add(&s->html, "<h1>@</h1><p>@</p>", sheet_say(s, TEXT_STRANGER_TITLE), sheet_say(s, TEXT_STRANGER_LEAD));
}

void sheet_ask_user(struct sheet *s)
{
	const struct page_view *v = s->view;

	if (v->bad_user)
		html_add(&s->html, "<p class=\"box bad\" role=\"alert\" id=\"wrong\">@</p>", sheet_say(s, TEXT_USER_BAD));
	html_add(&s->html,
		"<form method=\"post\" action=\"/login\"><label for=\"user\">@</label>"
		"<input id=\"user\" name=\"user\" value=\"@\" autocomplete=\"username\" autocapitalize=\"none\" "
		"autocorrect=\"off\" "
		"spellcheck=\"false\" maxlength=\"64\" required autofocus",
		sheet_say(s, TEXT_USER_LABEL), v->user);
	html_add(&s->html, v->bad_user ? " aria-invalid=\"true\" aria-describedby=\"wrong\">" : ">");
	html_add(&s->html, "<button>@</button></form>", sheet_say(s, TEXT_NEXT_BUTTON));
}

static void login(struct sheet *s)
{
	const struct page_view *v = s->view;

	sheet_begin(s, sheet_say(s, TEXT_LOGIN_TITLE), 0);
	sheet_state(s, GATE_SHUT, TEXT_LOGIN_STATE, sheet_say(s, TEXT_LOGIN_TITLE));
	if (v->lost)
		sheet_box(s, true, sheet_say(s, TEXT_LOGIN_LOST));
	else if (v->notice != PAGE_NO_NOTICE || v->bad_user)
		sheet_notice(s);
	else
		put_shut(s, false, page_text_end(v->language, v->last_end));
	sheet_ask_user(s);
	sheet_facts(s, sheet_say(s, TEXT_LOGIN_OPEN), sheet_say(s, TEXT_LOGIN_UNTIL), sheet_say(s, TEXT_LOGIN_NEXT));
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
		prompt_is_plain_password(label) ? sheet_say(s, TEXT_PASSWORD_LABEL) : label, name, name, autocomplete[kind]);
	html_put(&s->html, p->style == PROMPT_SECRET ? " type=\"password\"" : " type=\"text\"");
	if (kind == PROMPT_IS_CODE)
		html_put(&s->html, " inputmode=\"numeric\" class=\"code\"");
	html_put(&s->html, number ? " autocapitalize=\"none\" spellcheck=\"false\">"
				  : " autocapitalize=\"none\" spellcheck=\"false\" autofocus>");
}

static void put_cancel(struct sheet *s, enum page_text text)
{
	html_add(&s->html,
		"<form method=\"post\" action=\"/cancel\" class=\"aside\">"
		"<input type=\"hidden\" name=\"attempt\" value=\"@\"><button class=\"quiet\">@</button></form>",
		s->view->token, sheet_say(s, text));
}

/* A login under way leaves what is open as it is: nothing, the session that is being renewed, or somebody else's. */
static void put_login_state(struct sheet *s, enum page_text title)
{
	const struct page_view *v = s->view;
	enum page_text state = v->open ? TEXT_RENEW_STATE : v->other ? TEXT_OTHER_STATE : TEXT_ROUND_STATE;

	sheet_state(s, v->open ? GATE_OPEN : GATE_SHUT, state, sheet_say(s, title));
}

static const char *open_now(const struct sheet *s)
{
	const struct page_view *v = s->view;

	return sheet_say(s, v->open ? TEXT_RENEW_OPEN : v->other ? TEXT_OTHER_OPEN : TEXT_LOGIN_OPEN);
}

/* Seconds until just after an instant, when a page of before it is out of date: it then shows by itself what came of it. */
static int64_t after(const struct sheet *s, int64_t instant)
{
	int64_t left = (instant - s->view->now) / 1000000;

	return left > 0 ? left + 2 : 2;
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
		v->token, round, sheet_say(s, TEXT_ROUND_USER), v->user);
	for (unsigned i = 0; i < v->prompts->prompt_count; i++) {
		const struct prompt *p = &v->prompts->prompts[i];
		if (p->style != PROMPT_SECRET && p->style != PROMPT_VISIBLE)
			continue;
		put_question(s, p, number, v->round == 1 && !number);
		number++;
	}
	html_add(&s->html, "<button>@</button></form>", sheet_say(s, TEXT_ANSWER_BUTTON));
	put_cancel(s, TEXT_CANCEL_BUTTON);
}

static void round_page(struct sheet *s)
{
	const struct page_view *v = s->view;
	char clock[PAGE_TIME_TEXT], span[PAGE_TIME_TEXT], until[256];

	sheet_begin(s, sheet_say(s, TEXT_ROUND_TITLE), after(s, v->until));
	put_login_state(s, TEXT_ROUND_TITLE);
	put_notes(s, v->notes);
	put_notes(s, v->prompts);
	put_questions(s);
	page_text_fill(sheet_say(s, TEXT_ROUND_UNTIL), until, sizeof until,
		page_text_span(v->language, v->until - v->now + ROUND_UP_USEC, span), page_text_clock(v->until, clock));
	sheet_facts(s, open_now(s), until, sheet_say(s, TEXT_ROUND_NEXT));
}

static void terms_page(struct sheet *s)
{
	const struct page_view *v = s->view;
	char span[PAGE_TIME_TEXT], clock[PAGE_TIME_TEXT], until[256], version[256], sha256[2 * TERMS_SHA256 + 1];

	sheet_begin(s, sheet_say(s, TEXT_TERMS_TITLE), after(s, v->until));
	put_login_state(s, TEXT_TERMS_TITLE);
	put_notes(s, v->notes);
	page_text_fill(sheet_say(s, TEXT_TERMS_VERSION), version, sizeof version, v->terms->terms_version, "");
	html_add(&s->html, "<p class=\"version\">@</p><div class=\"terms\" tabindex=\"0\">@</div>", version,
		v->terms->terms ? v->terms->terms : "");
	for (size_t i = 0; i < TERMS_SHA256; i++)
		snprintf(sha256 + 2 * i, 3, "%02x", v->terms->terms_sha256[i]);
	html_add(&s->html,
		"<form method=\"post\" action=\"/accept\"><input type=\"hidden\" name=\"attempt\" value=\"@\">"
		"<input type=\"hidden\" name=\"terms\" value=\"@\"><button>@</button></form>",
		v->token, sha256, sheet_say(s, TEXT_TERMS_BUTTON));
	put_cancel(s, TEXT_TERMS_REFUSE);
	page_text_fill(sheet_say(s, TEXT_TERMS_UNTIL), until, sizeof until,
		page_text_span(v->language, v->until - v->now + ROUND_UP_USEC, span), page_text_clock(v->until, clock));
	sheet_facts(s, open_now(s), until, sheet_say(s, TEXT_TERMS_NEXT));
}

void sheet_link(struct sheet *s, enum page_text text, const char *to)
{
	html_add(&s->html, "<p class=\"aside\"><a class=\"button\" href=\"@\">@</a></p>", to, sheet_say(s, text));
}

/* Who is far behind reloads seldom: a long line must not keep the gateway busy with looking at it. */
static void queue_page(struct sheet *s)
{
	enum { RELOAD_FIRST = 2, RELOAD_LAST = 20, BEFORE_A_SECOND = 20 };
	unsigned reload = RELOAD_FIRST + s->view->before / BEFORE_A_SECOND;
	char before[12], lead[256];

	sheet_begin(s, sheet_say(s, TEXT_QUEUE_TITLE), reload < RELOAD_LAST ? reload : RELOAD_LAST);
	put_login_state(s, TEXT_QUEUE_TITLE);
	snprintf(before, sizeof before, "%u", s->view->before);
	page_text_fill(sheet_say(s, TEXT_QUEUE_LEAD), lead, sizeof lead, before, "");
	html_add(&s->html, "<p>@</p>", lead);
	sheet_facts(s, open_now(s), sheet_say(s, TEXT_QUEUE_UNTIL), sheet_say(s, TEXT_WAIT_NEXT));
	sheet_link(s, TEXT_SHOW_BUTTON, "/");
	put_cancel(s, TEXT_CANCEL_BUTTON);
}

static void wait_page(struct sheet *s)
{
	sheet_begin(s, sheet_say(s, TEXT_WAIT_TITLE), 2);
	put_login_state(s, TEXT_WAIT_TITLE);
	html_add(&s->html, "<p>@</p>", sheet_say(s, TEXT_WAIT_LEAD));
	put_notes(s, s->view->notes);
	sheet_facts(s, open_now(s), sheet_say(s, TEXT_WAIT_UNTIL), sheet_say(s, TEXT_WAIT_NEXT));
	sheet_link(s, TEXT_SHOW_BUTTON, "/");
}

static void away(struct sheet *s)
{
	sheet_begin(s, sheet_say(s, TEXT_AWAY_TITLE), 5);
	sheet_state(s, GATE_FAULT, TEXT_AWAY_STATE, sheet_say(s, TEXT_AWAY_TITLE));
	html_add(&s->html, "<p>@</p>", sheet_say(s, TEXT_AWAY_LEAD));
	sheet_facts(s, sheet_say(s, TEXT_AWAY_OPEN), sheet_say(s, TEXT_AWAY_UNTIL), sheet_say(s, TEXT_AWAY_NEXT));
	sheet_link(s, TEXT_RETRY_BUTTON, "/");
}

static void error_page(struct sheet *s)
{
	const struct page_view *v = s->view;
	const char *title = page_text_error_title(v->language, v->status);

	sheet_begin(s, title, 0);
	sheet_state(s, GATE_FAULT, TEXT_ERROR_STATE, title);
	sheet_facts(
		s, sheet_say(s, TEXT_ERROR_OPEN), sheet_say(s, TEXT_ERROR_UNTIL), page_text_error_lead(v->language, v->status));
	sheet_link(s, TEXT_HOME_BUTTON, v->home);
}

int page_render(const struct page_view *v, char **out, size_t *size)
{
	static void (*const pages[])(struct sheet *) = {
		[PAGE_STRANGER] = stranger,
		[PAGE_LOGIN] = login,
		[PAGE_ROUND] = round_page,
		[PAGE_QUEUE] = queue_page,
		[PAGE_WAIT] = wait_page,
		[PAGE_TERMS] = terms_page,
		[PAGE_STATUS] = page_status,
		[PAGE_OTHER] = page_other,
		[PAGE_DEVICES] = page_devices,
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
