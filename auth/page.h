/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pages that people see, in Japanese and English, made from plain values. Every page of a state says what is open, until
 * when, and what to do next. No script, no cookie, nothing from elsewhere; whatever comes from outside is escaped here and
 * nowhere else. Pure but for the time zone (localtime_r(3)).
 */
#ifndef SEKISHO_PAGE_H
#define SEKISHO_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/message.h"

enum language { LANGUAGE_JA, LANGUAGE_EN, LANGUAGES };

enum page_kind {
	PAGE_STRANGER, /* not one of our devices: says nothing about us */
	PAGE_LOGIN,
	PAGE_ROUND, /* the user is asked something */
	PAGE_QUEUE, /* others are before the user */
	PAGE_WAIT, /* the answers are being checked */
	PAGE_TERMS, /* the user is to accept the conditions of use */
	PAGE_STATUS, /* logged in */
	PAGE_OTHER, /* somebody else is logged in on this shared device, and another person comes */
	PAGE_DEVICES, /* the user's other devices */
	PAGE_AWAY, /* the gateway does not answer */
	PAGE_ERROR,
};

enum { PAGE_NO_NOTICE = 255 };

struct page_view {
	enum page_kind kind;
	enum language language;
	const char *label; /* settings.label: the name of the place */
	int64_t now; /* microseconds since the epoch */

	/* PAGE_LOGIN, PAGE_STATUS, PAGE_OTHER: what the last attempt came to, enum public_result or PAGE_NO_NOTICE */
	uint8_t notice;
	const struct message *notes; /* AUTH_PROMPTS of informations, or NULL; also PAGE_ROUND */

	/* PAGE_LOGIN */
	uint8_t last_end; /* enum session_end */
	int64_t opens; /* when a login will be possible, microseconds since the epoch; 0 when not known, or now */
	const char *user; /* to fill in, "" for none, also PAGE_OTHER; PAGE_ROUND: who is logging in */
	bool lost; /* the login that was under way is not known any more */
	bool bad_user; /* what was typed is no user name; also PAGE_OTHER */

	unsigned before; /* PAGE_QUEUE: how many */

	/* PAGE_QUEUE, PAGE_ROUND, PAGE_WAIT, PAGE_TERMS */
	bool open; /* the device is logged in meanwhile: this renews its session */
	bool other; /* it is, but for somebody else */
	const struct message *prompts; /* PAGE_ROUND: AUTH_PROMPTS */
	const struct message *terms; /* PAGE_TERMS: AUTH_TERMS */
	const char *token;
	unsigned round;
	int64_t until; /* microseconds since the epoch */

	const struct message *device; /* PAGE_STATUS, PAGE_OTHER: PORTAL_DEVICE; PAGE_DEVICES: PORTAL_DEVICES */
	bool renewed; /* PAGE_STATUS: the last attempt was a renewal */

	unsigned status; /* PAGE_ERROR */
	const char *home; /* PAGE_ERROR: where to go, "/" or "https://name/" */
};

/* Renders into memory from malloc(3), not NUL-terminated. 0, -ENOMEM, or -EMSGSIZE beyond HTML_MAX. */
int page_render(const struct page_view *v, char **out, size_t *size);

/* Which language an Accept-Language field (RFC 9110 section 12.5.4) prefers; Japanese when it says neither. */
enum language page_language(const char *accept);
const char *page_language_tag(enum language l); /* "ja", "en" */

/* The style sheet and the icon, both static; and the icon for home screens, a PNG without transparency whose outer fifth may be
 * cut off, as phones do. */
const char *page_style(void);
const char *page_icon(void);
const void *page_home_icon(size_t *size);

/* ---- the words (page_text.c) ---- */
enum page_text {
	TEXT_LOGIN_STATE,
	TEXT_LOGIN_TITLE,
	TEXT_USER_LABEL,
	TEXT_USER_BAD,
	TEXT_LOGIN_LOST,
	TEXT_NEXT_BUTTON,
	TEXT_LOGIN_OPEN,
	TEXT_LOGIN_UNTIL,
	TEXT_LOGIN_NEXT,
	TEXT_LOGIN_OPENS,
	TEXT_ROUND_STATE,
	TEXT_ROUND_TITLE,
	TEXT_ROUND_USER,
	TEXT_ROUND_UNTIL,
	TEXT_ROUND_NEXT,
	TEXT_ANSWER_BUTTON,
	TEXT_CANCEL_BUTTON,
	TEXT_PASSWORD_LABEL,
	TEXT_RENEW_STATE,
	TEXT_RENEW_OPEN,
	TEXT_TERMS_TITLE,
	TEXT_TERMS_VERSION,
	TEXT_TERMS_UNTIL,
	TEXT_TERMS_NEXT,
	TEXT_TERMS_BUTTON,
	TEXT_TERMS_REFUSE,
	TEXT_QUEUE_TITLE,
	TEXT_QUEUE_LEAD,
	TEXT_QUEUE_UNTIL,
	TEXT_WAIT_STATE,
	TEXT_WAIT_TITLE,
	TEXT_WAIT_LEAD,
	TEXT_WAIT_UNTIL,
	TEXT_WAIT_NEXT,
	TEXT_SHOW_BUTTON,
	TEXT_STATUS_STATE,
	TEXT_STATUS_TITLE,
	TEXT_STATUS_LEFT,
	TEXT_STATUS_SOON,
	TEXT_STATUS_NEXT,
	TEXT_STATUS_NOTHING,
	TEXT_STATUS_USER,
	TEXT_STATUS_DEVICE,
	TEXT_STATUS_FOREVER,
	TEXT_STATUS_MORE,
	TEXT_STATUS_IDLE,
	TEXT_STATUS_RENEWED,
	TEXT_STATUS_LAPSES,
	TEXT_RENEW_BUTTON,
	TEXT_LOGOUT_BUTTON,
	TEXT_STATUS_SHOW,
	TEXT_STATUS_SHARED,
	TEXT_STATUS_DESK,
	TEXT_OTHER_LINK,
	TEXT_OTHER_STATE,
	TEXT_OTHER_TITLE,
	TEXT_OTHER_REFUSE,
	TEXT_OTHER_TAKEOVER,
	TEXT_OTHER_OPEN,
	TEXT_OTHER_SHUT,
	TEXT_OTHER_WHO,
	TEXT_OTHER_UNTIL,
	TEXT_OTHER_NEXT,
	TEXT_DEVICES_LINK,
	TEXT_DEVICES_TITLE,
	TEXT_DEVICES_LEAD,
	TEXT_DEVICES_NONE,
	TEXT_DEVICES_SEEN,
	TEXT_DEVICES_NEVER,
	TEXT_DEVICES_STOPPED,
	TEXT_DEVICES_SHARED,
	TEXT_DEVICES_ASK,
	TEXT_DEVICES_SURE,
	TEXT_DEVICES_BUTTON,
	TEXT_BACK_BUTTON,
	TEXT_OPEN,
	TEXT_UNTIL,
	TEXT_NEXT,
	TEXT_AWAY_STATE,
	TEXT_AWAY_TITLE,
	TEXT_AWAY_LEAD,
	TEXT_AWAY_OPEN,
	TEXT_AWAY_UNTIL,
	TEXT_AWAY_NEXT,
	TEXT_RETRY_BUTTON,
	TEXT_STRANGER_TITLE,
	TEXT_STRANGER_LEAD,
	TEXT_ERROR_STATE,
	TEXT_ERROR_OPEN,
	TEXT_ERROR_UNTIL,
	TEXT_HOME_BUTTON,
	PAGE_TEXTS
};
const char *page_text(enum language l, enum page_text t);

/* One sentence or two for people: what happened, what to do. "" where there is nothing to say. */
const char *page_text_result(enum language l, unsigned result);
const char *page_text_end(enum language l, unsigned session_end);
/* Why an open session will end at its time, and what that means for going on; enum session_end. */
const char *page_text_bound(enum language l, unsigned session_end);
/* Title and advice for an HTTP status. */
const char *page_text_error_title(enum language l, unsigned status);
const char *page_text_error_lead(enum language l, unsigned status);

/* A text with its two '@' replaced. Returns `out`. */
const char *page_text_fill(const char *text, char *out, size_t size, const char *first, const char *second);

enum { PAGE_TIME_TEXT = 64 };
/* "18:30" and "11月23日（月）JST" or "Mon 23 November, JST" in local time. */
const char *page_text_clock(int64_t usec, char text[static PAGE_TIME_TEXT]);
const char *page_text_date(enum language l, int64_t usec, char text[static PAGE_TIME_TEXT]);
/* Both, for a sentence, with the year where it is not that of `now`: "11月30日（月）7:00（JST）", "Mon 30 November, 7:00 (JST)".
 */
const char *page_text_instant(enum language l, int64_t usec, int64_t now, char text[static PAGE_TIME_TEXT]);
/* "7時間25分", "7 h 25 min", "30秒"; whole minutes from one minute up, at least "0秒". */
const char *page_text_span(enum language l, int64_t usec, char text[static PAGE_TIME_TEXT]);

#endif
