/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages, their words, and the guesses about prompts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/html.h"
#include "auth/page.h"
#include "auth/prompt.h"
#include "common/text.h"

static const int64_t HOUR = 3600 * INT64_C(1000000);
static const int64_t NOW = INT64_C(1795399200) * 1000000; /* 2026-11-23 11:00 in Japan */
static const char HOSTILE[] = "<script>\"'&\x1b[2J\xe2\x80\xae@%s";

static struct message *prompts_of(uint8_t style, const char *text)
{
	struct message *m = message_new(AUTH_PROMPTS);
	assert_non_null(m);
	m->prompt_count = 1;
	m->prompts[0].style = style;
	snprintf(m->prompts[0].text, sizeof m->prompts[0].text, "%s", text);
	return m;
}

static struct page_view view(enum page_kind kind, enum language l)
{
	return (struct page_view){.kind = kind,
		.language = l,
		.label = HOSTILE,
		.now = NOW,
		.notice = PAGE_NO_NOTICE,
		.user = HOSTILE,
		.token = "0123",
		.round = 3,
		.until = NOW + HOUR / 30,
		.status = 404,
		.home = "/"};
}

/* The page as a string; well-formed UTF-8 in any case. The caller frees it. */
static char *render(const struct page_view *v)
{
	char *data = NULL, *text;
	size_t size;
	assert_int_equal(page_render(v, &data, &size), 0);
	assert_true(text_utf8_valid(data, size));
	text = strndup(data, size);
	free(data);
	assert_non_null(text);
	return text;
}

static void assert_has(const char *page, const char *word)
{
	if (!strstr(page, word))
		fail_msg("no '%s' in %s", word, page);
}

static void assert_lacks(const char *page, const char *word)
{
	if (strstr(page, word))
		fail_msg("'%s' in %s", word, page);
}

/* Everything from outside, on every page, in every language. */
static void test_escaping(void **state)
{
	(void)state;
	struct message *device = message_new(PORTAL_DEVICE), *notes = prompts_of(PROMPT_ERROR, HOSTILE);
	static struct reach reach[REACH_MAX];
	assert_non_null(device);
	snprintf(device->user, sizeof device->user, "%s", HOSTILE);
	snprintf(device->label, sizeof device->label, "%s", HOSTILE);
	for (size_t i = 0; i < REACH_MAX; i++) {
		snprintf(reach[i].name, sizeof reach[i].name, "%s", HOSTILE);
		snprintf(reach[i].reason, sizeof reach[i].reason, "%s", HOSTILE);
	}
	device->own_count = OWN_MAX;
	for (size_t i = 0; i < OWN_MAX; i++)
		snprintf(device->own[i].label, sizeof device->own[i].label, "%s", HOSTILE);
	static char hostile_terms[] = "<script>\"'&\x1b[2J\xe2\x80\xae@%s";
	device->terms = hostile_terms;
	device->reach = reach;
	device->reach_count = REACH_MAX;
	device->expires = NOW + HOUR;
	struct message *questions = prompts_of(PROMPT_VISIBLE, HOSTILE);
	for (enum page_kind kind = 0; kind <= PAGE_ERROR; kind++)
		for (enum language l = 0; l < LANGUAGES; l++) {
			struct page_view v = view(kind, l);
			v.device = v.terms = device;
			v.prompts = questions;
			v.notes = notes;
			char *page = render(&v);
			assert_lacks(page, "<script");
			assert_lacks(page, "\x1b");
			assert_lacks(page, "\xe2\x80\xae");
			assert_lacks(page, "style=");
			if (kind != PAGE_STRANGER)
				assert_has(page, "&lt;script&gt;&quot;&#39;&amp;\xef\xbf\xbd[2J\xef\xbf\xbd@%s");
			free(page);
		}
	message_free(device);
	message_free(notes);
	message_free(questions);
}

/* What is open, until when, what next. */
static void test_every_state_says_what_it_must(void **state)
{
	(void)state;
	static const enum page_kind kinds[] = {
		PAGE_LOGIN, PAGE_ROUND, PAGE_WAIT, PAGE_TERMS, PAGE_STATUS, PAGE_OTHER, PAGE_AWAY, PAGE_ERROR};
	struct message *device = message_new(PORTAL_DEVICE), *questions = prompts_of(PROMPT_SECRET, "Password:");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (enum language l = 0; l < LANGUAGES; l++) {
			struct page_view v = view(kinds[i], l);
			v.device = v.terms = device;
			v.prompts = questions;
			char *page = render(&v);
			assert_has(page, page_text(l, TEXT_OPEN));
			assert_has(page, page_text(l, TEXT_UNTIL));
			assert_has(page, page_text(l, TEXT_NEXT));
			free(page);
		}
	message_free(device);
	message_free(questions);
}

static void test_a_stranger_sees_no_name(void **state)
{
	(void)state;
	struct page_view v = view(PAGE_STRANGER, LANGUAGE_EN);
	v.label = "Midori";
	char *page = render(&v);
	assert_lacks(page, "Midori");
	assert_lacks(page, "<form");
	free(page);
}

static void test_status(void **state)
{
	(void)state;
	struct message *device = message_new(PORTAL_DEVICE);
	struct page_view v = view(PAGE_STATUS, LANGUAGE_JA);
	v.device = device;
	device->expires = NOW + 7 * HOUR + HOUR / 2;
	char *page = render(&v);
	assert_has(page, "datetime=\"2026-11-23T18:30:00.000000+09:00\"");
	assert_has(page, "<b>18:30</b> <span>11月23日（月）JST</span>");
	assert_has(page, "あと 7時間30分（11:00 現在）");
	assert_has(page, page_text(LANGUAGE_JA, TEXT_STATUS_NOTHING));
	assert_lacks(page, page_text(LANGUAGE_JA, TEXT_STATUS_SOON));
	free(page);
	device->expires = NOW + HOUR / 2;
	v.language = LANGUAGE_EN;
	page = render(&v);
	assert_has(page, "Mon 23 November, JST");
	assert_has(page, "30 min left, as of 11:00");
	assert_has(page, page_text(LANGUAGE_EN, TEXT_STATUS_SOON));
	free(page);
	device->expires = 0;
	page = render(&v);
	assert_has(page, page_text(LANGUAGE_EN, TEXT_STATUS_FOREVER));
	free(page);
	message_free(device);
}

static unsigned count(const char *page, const char *word)
{
	unsigned n = 0;
	for (; (page = strstr(page, word)); page++)
		n++;
	return n;
}

static void test_reach_is_complete_and_folded(void **state)
{
	(void)state;
	static struct reach reach[REACH_MAX];
	struct message *device = message_new(PORTAL_DEVICE);
	struct page_view v = view(PAGE_STATUS, LANGUAGE_EN);
	v.device = device;
	device->reach = reach;
	for (uint16_t n = 0; n <= REACH_MAX; n++) {
		device->reach_count = n;
		char *page = render(&v);
		assert_int_equal(count(page, "<li>"), n);
		assert_int_equal(count(page, "<ul>"), count(page, "</ul>"));
		assert_int_equal(count(page, "<details>"), n > 6);
		free(page);
	}
	message_free(device);
}

/* A shared device: nothing of one person is in the sight of the next before that is needed. */
static void test_sharing(void **state)
{
	(void)state;
	static struct reach reach[REACH_MAX];
	struct message *device = message_new(PORTAL_DEVICE);
	struct page_view v = view(PAGE_STATUS, LANGUAGE_EN);
	v.device = device;
	device->reach = reach;
	device->sharing = SHARING_REFUSE;
	device->expires = NOW + HOUR;
	snprintf(device->user, sizeof device->user, "%s", HOSTILE);
	for (uint16_t n = 0; n <= REACH_MAX; n++) {
		device->reach_count = n;
		char *page = render(&v);
		assert_int_equal(count(page, "<li>"), n);
		assert_int_equal(count(page, "<ul>"), count(page, "</ul>"));
		assert_int_equal(count(page, "<ul>"), count(page, "<details>"));
		assert_has(page, "href=\"/other\"");
		assert_lacks(page, "/devices");
		free(page);
	}
	v.kind = PAGE_OTHER;
	v.user = v.label = "";
	for (uint8_t notice = 0; notice <= PUBLIC_RESULTS; notice++) {
		v.notice = notice < PUBLIC_RESULTS ? notice : PAGE_NO_NOTICE;
		char *page = render(&v);
		assert_lacks(page, "<li>");
		assert_lacks(page, "<script");
		assert_int_equal(count(page, "&lt;script&gt;"), notice == PUBLIC_IN_USE ? 4 : 0);
		assert_int_equal(count(page, "12:00"), notice == PUBLIC_IN_USE);
		free(page);
	}
	message_free(device);
}

static void test_questions(void **state)
{
	(void)state;
	struct message *m = prompts_of(PROMPT_SECRET, "Password: ");
	struct page_view v = view(PAGE_ROUND, LANGUAGE_JA);
	v.prompts = m;
	v.user = "t-yamada";
	v.round = 1;
	m->prompt_count = 3;
	m->prompts[1] = (struct prompt){.style = PROMPT_INFO, .text = "Hello"};
	m->prompts[2] = (struct prompt){.style = PROMPT_VISIBLE, .text = "Token code"};
	char *page = render(&v);
	assert_has(page, "name=\"attempt\" value=\"0123\"");
	assert_has(page, "name=\"round\" value=\"1\"");
	assert_has(page, "<label for=\"a0\">パスワード</label>");
	assert_has(page, "name=\"a0\" maxlength=\"511\" autocomplete=\"current-password\" type=\"password\"");
	assert_has(page, "name=\"a1\" maxlength=\"511\" autocomplete=\"one-time-code\" type=\"text\" inputmode=\"numeric\"");
	assert_lacks(page, "a2");
	assert_has(page, "<p class=\"box\">Hello</p>");
	assert_has(page, "2分以内（11:02 まで）");
	free(page);
	message_free(m);
}

static void test_notices(void **state)
{
	(void)state;
	for (enum language l = 0; l < LANGUAGES; l++) {
		for (uint8_t result = 0; result < PUBLIC_RESULTS; result++) {
			struct page_view v = view(PAGE_LOGIN, l);
			v.notice = result;
			v.last_end = END_IDLE;
			char *page = render(&v);
			assert_true(*page_text_result(l, result));
			assert_has(page, page_text_result(l, result));
			assert_lacks(page, page_text_end(l, END_IDLE));
			free(page);
		}
		for (uint8_t end = END_LOGOUT; end < SESSION_ENDS; end++) {
			struct page_view v = view(PAGE_LOGIN, l);
			v.last_end = end;
			char *page = render(&v);
			assert_true(*page_text_end(l, end));
			assert_has(page, page_text_end(l, end));
			free(page);
		}
		for (enum page_text t = 0; t < PAGE_TEXTS; t++)
			if (!page_text(l, t) || !*page_text(l, t))
				fail_msg("text %d is missing in language %d", t, l);
		assert_true(*page_text_error_title(l, 499) && *page_text_error_lead(l, 499));
	}
}

/* When it opens again stands beside the reason, in the same box, and nowhere else. */
static void test_opens_again(void **state)
{
	(void)state;
	struct page_view v = view(PAGE_LOGIN, LANGUAGE_JA);
	v.last_end = END_HOURS;
	v.opens = NOW + 164 * HOUR;
	char *page = render(&v);
	assert_has(page, "ログインしてください。<br>次に利用できるのは、11月30日（月）7:00（JST）からです。</p>");
	free(page);
	v.language = LANGUAGE_EN;
	v.notice = PUBLIC_PERIOD;
	v.opens = NOW + 24 * 365 * HOUR;
	page = render(&v);
	assert_has(page, "extend it.<br>You can log in from Tue 23 November 2027, 11:00 (JST).</p>");
	free(page);
	v.opens = NOW;
	page = render(&v);
	assert_lacks(page, "log in from");
	free(page);
	v = view(PAGE_LOGIN, LANGUAGE_EN);
	v.opens = NOW + HOUR;
	page = render(&v);
	assert_has(page, "<p class=\"box\">You can log in from Mon 23 November, 12:00 (JST).</p>");
	free(page);
}

/* An open session says why it will end then, where that is known. */
static void test_why_it_will_end(void **state)
{
	(void)state;
	struct message *device = message_new(PORTAL_DEVICE);
	device->expires = NOW + HOUR;
	for (enum language l = 0; l < LANGUAGES; l++)
		for (uint8_t end = 0; end < SESSION_ENDS; end++) {
			struct page_view v = view(PAGE_STATUS, l);
			v.device = device;
			device->ends_reason = end;
			char *page = render(&v);
			const char *why = page_text_bound(l, end);
			assert_int_equal(*why != '\0', end == END_EXPIRED || end == END_HOURS || end == END_PERIOD);
			assert_has(page, why);
			if (end != END_HOURS)
				assert_lacks(page, page_text_bound(l, END_HOURS));
			free(page);
		}
	assert_string_equal(page_text_bound(LANGUAGE_EN, SESSION_ENDS), "");
	message_free(device);
}

static void test_language(void **state)
{
	(void)state;
	static const struct {
		const char *accept;
		enum language language;
	} cases[] = {{"", LANGUAGE_JA}, {"fr", LANGUAGE_JA}, {"*", LANGUAGE_JA}, {"en", LANGUAGE_EN},
		{"EN-us,en;q=0.9", LANGUAGE_EN}, {"ja,en;q=0.9", LANGUAGE_JA}, {"en;q=0.8, ja;q=0.9", LANGUAGE_JA},
		{"en;q=0.9,ja;q=0.85", LANGUAGE_EN}, {"ja;q=0,en;q=0.1", LANGUAGE_EN}, {"en;q=0", LANGUAGE_JA},
		{"eng, jav;q=1", LANGUAGE_JA}, {"en,ja", LANGUAGE_EN}, {"en;x=1", LANGUAGE_JA}, {",,;q=", LANGUAGE_JA},
		{"en; q=1.5", LANGUAGE_EN}, {"en;q=0.00000000001", LANGUAGE_JA}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (page_language(cases[i].accept) != cases[i].language)
			fail_msg("%s", cases[i].accept);
}

static void test_spans(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *ja, *en;
	} cases[] = {{-5, "0秒", "0 s"}, {59, "59秒", "59 s"}, {60, "1分", "1 min"}, {3599, "59分", "59 min"},
		{3600, "1時間0分", "1 h 0 min"}, {86399, "23時間59分", "23 h 59 min"}, {90000, "1日1時間", "1 d 1 h"}};
	char text[PAGE_TIME_TEXT];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_string_equal(page_text_span(LANGUAGE_JA, cases[i].seconds * 1000000, text), cases[i].ja);
		assert_string_equal(page_text_span(LANGUAGE_EN, cases[i].seconds * 1000000, text), cases[i].en);
	}
	char out[16];
	assert_string_equal(page_text_fill("a @ b @ c", out, sizeof out, "1", "@"), "a 1 b @ c");
	assert_string_equal(page_text_fill("none", out, sizeof out, "1", "2"), "none");
}

static void test_prompts(void **state)
{
	(void)state;
	static const struct {
		const char *text, *label;
		uint8_t style;
		bool first;
		enum prompt_kind kind;
	} cases[] = {
		{"Password: ", "Password", PROMPT_SECRET, true, PROMPT_IS_PASSWORD},
		{"何か：　", "何か", PROMPT_SECRET, true, PROMPT_IS_PASSWORD},
		{"PIN", "PIN", PROMPT_SECRET, false, PROMPT_IS_CODE},
		{"Password:", "Password", PROMPT_SECRET, false, PROMPT_IS_PASSWORD},
		{"(current) UNIX password:", "(current) UNIX password", PROMPT_SECRET, false, PROMPT_IS_PASSWORD},
		{"New password:", "New password", PROMPT_SECRET, false, PROMPT_IS_NEW_PASSWORD},
		{"Retype new password:", "Retype new password", PROMPT_SECRET, false, PROMPT_IS_NEW_PASSWORD},
		{"新しいパスワード:", "新しいパスワード", PROMPT_SECRET, false, PROMPT_IS_NEW_PASSWORD},
		{"One-time password (OATH) for `x': ", "One-time password (OATH) for `x'", PROMPT_SECRET, true, PROMPT_IS_CODE},
		{"Verification code: ", "Verification code", PROMPT_SECRET, true, PROMPT_IS_CODE},
		{"認証コード：", "認証コード", PROMPT_VISIBLE, true, PROMPT_IS_CODE},
		{"Your newspaper?", "Your newspaper?", PROMPT_VISIBLE, true, PROMPT_IS_TEXT},
		{"Decoder", "Decoder", PROMPT_SECRET, true, PROMPT_IS_PASSWORD},
		{" : \n", "", PROMPT_SECRET, true, PROMPT_IS_PASSWORD},
	};
	char label[PROMPT_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct prompt p = {.style = cases[i].style};
		snprintf(p.text, sizeof p.text, "%s", cases[i].text);
		assert_string_equal(prompt_label(&p, label), cases[i].label);
		if (prompt_kind(&p, cases[i].first) != cases[i].kind)
			fail_msg("%s: %d", cases[i].text, prompt_kind(&p, cases[i].first));
	}
}

static void test_html_is_bounded(void **state)
{
	(void)state;
	struct html h = {0};
	for (size_t i = 0; i < HTML_MAX; i++)
		html_text(&h, "a");
	assert_int_equal(h.err, 0);
	html_text(&h, "b");
	assert_true(h.err < 0);
	assert_int_equal(h.used, HTML_MAX);
	assert_int_equal(h.data[HTML_MAX - 1], 'a');
	free(h.data);
}

int main(void)
{
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_every_state_says_what_it_must),
		cmocka_unit_test(test_a_stranger_sees_no_name),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_reach_is_complete_and_folded),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_opens_again),
		cmocka_unit_test(test_why_it_will_end),
		cmocka_unit_test(test_language),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_prompts),
		cmocka_unit_test(test_html_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
