/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, times, choices and texts in sekisho.conf. */
#include <string.h>

#include "common/text.h"
#include "config/nearest.h"
#include "config/settings_internal.h"

enum { DAY = 86400, LOG_RESERVE_MAX = 1 << 20 };

/* A whole number of a range in word `i`. */
static bool read_number(struct reader *r, unsigned i, unsigned least, unsigned most, unsigned *out)
{
	const struct word w = lexer_word(&r->lx, i);
	unsigned n = 0;

	if (!word_number(w.text, strlen(w.text), most, &n) || n < least) {
		lexer_mistake(
			&r->lx, &w, "'%s' is not possible here; expected a whole number from %u to %u", w.text, least, most);
		return false;
	}
	*out = n;
	return true;
}

static bool read_port(struct reader *r, unsigned i, uint16_t *out)
{
	unsigned port = 0;

	if (!read_number(r, i, 1, UINT16_MAX, &port))
		return false;
	*out = (uint16_t)port;
	return true;
}

/* A time of a range in word `i`, in seconds; most 0: as long as the notation can say. */
static bool read_time(struct reader *r, unsigned i, int64_t least, int64_t most, int64_t *out)
{
	const struct word w = lexer_word(&r->lx, i);
	char from[DURATION_TEXT], to[DURATION_TEXT];
	int64_t seconds = 0;

	if (!*w.text) {
		lexer_mistake(&r->lx, &w, "a time is missing; expected one like 90s, 15m, 8h or 1h30m");
		return false;
	}
	if (duration_parse(w.text, &seconds) < 0) {
		lexer_mistake(&r->lx, &w, "'%s' is not a time; expected one like 90s, 15m, 8h or 1h30m, at most 3650d", w.text);
		return false;
	}
	if (seconds < least || (most && seconds > most)) {
		if (most)
			lexer_mistake(&r->lx, &w, "'%s' is out of range; expected a time from %s to %s", w.text,
				duration_format(least, from), duration_format(most, to));
		else
			lexer_mistake(
				&r->lx, &w, "'%s' is too short; expected at least %s", w.text, duration_format(least, from));
		return false;
	}
	*out = seconds;
	return true;
}

/* One of two or three words; `names` ends with NULL. */
static bool read_choice(struct reader *r, const char *const *names, const char *expected, unsigned *out)
{
	const struct word *const w = &r->lx.words[1];
	struct nearest n = nearest_to(w->text);
	char hint[NEAREST_TEXT];

	for (unsigned i = 0; names[i]; i++)
		if (lexer_is(&r->lx, 1, names[i])) {
			*out = i;
			return true;
		}
	nearest_offer_all(&n, names);
	lexer_mistake(&r->lx, w, "'%s' is not possible here; expected %s%s", w->text, expected, nearest_hint(&n, hint));
	return false;
}

bool settings_read_listen_port(struct reader *r)
{
	return read_port(r, 1, &r->s.listen_port);
}

bool settings_read_extra_ports(struct reader *r)
{
	uint16_t *const ports = r->s.extra_ports;
	bool good = true;

	for (unsigned i = 1; i < r->lx.count; i++) {
		if (!read_port(r, i, &ports[i - 1])) {
			good = false;
			continue;
		}
		for (unsigned j = 0; j + 1 < i; j++)
			if (ports[j] == ports[i - 1]) {
				lexer_mistake(
					&r->lx, &r->lx.words[i], "port %u stands here twice; remove one of the two", ports[j]);
				good = false;
				break;
			}
	}
	r->s.extra_port_count = r->lx.count - 1;
	return good;
}

bool settings_read_portal_port(struct reader *r)
{
	return read_port(r, 1, &r->s.portal_port);
}

bool settings_read_backend(struct reader *r)
{
	static const char *const names[] = {
		[BACKEND_AUTO] = "auto", [BACKEND_KERNEL] = "kernel", [BACKEND_USERSPACE] = "userspace", NULL};
	unsigned choice;

	if (!read_choice(r, names, "auto, kernel or userspace", &choice))
		return false;
	r->s.backend = (enum backend_choice)choice;
	return true;
}

bool settings_read_session(struct reader *r)
{
	const struct word idle = lexer_word(&r->lx, 3);

	if (!read_time(r, 1, 1, 0, &r->s.session_seconds))
		return false;
	if (r->lx.count == 2) {
		if (r->s.session_idle_seconds > r->s.session_seconds)
			r->s.session_idle_seconds = r->s.session_seconds;
		return true;
	}
	if (!lexer_is(&r->lx, 2, "idle")) {
		const struct word w = lexer_word(&r->lx, 2);
		lexer_mistake(&r->lx, &w, "'%s' does not belong here; expected idle and a time, or the end of the line", w.text);
		return false;
	}
	if (!read_time(r, 3, 1, 0, &r->s.session_idle_seconds))
		return false;
	if (r->s.session_idle_seconds > r->s.session_seconds) {
		lexer_mistake(
			&r->lx, &idle, "the idle time is longer than the session; expected at most %s", r->lx.words[1].text);
		return false;
	}
	return true;
}

bool settings_read_default_access(struct reader *r)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"deny", "login", NULL}, "deny or login", &choice))
		return false;
	r->s.default_login = choice == 1;
	return true;
}

bool settings_read_peer_idle(struct reader *r)
{
	return read_time(r, 1, 5, 0, &r->s.peer_idle_seconds);
}

bool settings_read_poll_interval(struct reader *r)
{
	return read_time(r, 1, 1, 60, &r->s.poll_seconds);
}

bool settings_read_dead_man(struct reader *r)
{
	return read_time(r, 1, 30, DAY, &r->s.dead_man_seconds);
}

bool settings_read_login_parallel(struct reader *r)
{
	return read_number(r, 1, 1, 64, &r->s.login_parallel);
}

bool settings_read_login_attempts_max(struct reader *r)
{
	return read_number(r, 1, 1, 2000, &r->s.login_attempts_max);
}

bool settings_read_login_timeout(struct reader *r)
{
	return read_time(r, 1, 10, 30 * 60, &r->s.login_timeout_seconds);
}

bool settings_read_pam_timeout(struct reader *r)
{
	return read_time(r, 1, 1, 5 * 60, &r->s.pam_timeout_seconds);
}

bool settings_read_account_recheck(struct reader *r)
{
	return read_time(r, 1, 5, 86400, &r->s.account_recheck_seconds);
}

bool settings_read_leaver_check(struct reader *r)
{
	return read_time(r, 1, 10, 30 * 86400, &r->s.leaver_check_seconds);
}

bool settings_read_key_overlap(struct reader *r)
{
	return read_time(r, 1, KEY_OVERLAP_LEAST, KEY_OVERLAP_MOST, &r->s.key_overlap_seconds);
}

bool settings_read_shared_login(struct reader *r)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"refuse", "takeover", NULL}, "refuse or takeover", &choice))
		return false;
	r->s.shared_takeover = choice == 1;
	return true;
}

bool settings_read_per(struct reader *r, unsigned *count, int64_t *seconds)
{
	const bool number = read_number(r, 1, 1, 100, count);

	if (!lexer_is(&r->lx, 2, "per")) {
		const struct word w = lexer_word(&r->lx, 2);
		lexer_mistake(
			&r->lx, &w, "'%s' does not belong here; expected a line like: %s 5 per 5m", w.text, r->lx.words[0].text);
		return false;
	}
	return read_time(r, 3, 1, 0, seconds) && number;
}

bool settings_read_login_failures(struct reader *r)
{
	return settings_read_per(r, &r->s.login_failures, &r->s.login_failures_seconds);
}

bool settings_read_session_renew(struct reader *r)
{
	static const enum renew_choice choices[] = {RENEW_FULL, RENEW_SHORT, RENEW_OFF};
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"full", "short", "off", NULL}, "full, short or off", &choice))
		return false;
	r->s.session_renew = choices[choice];
	return true;
}

bool settings_read_password_change(struct reader *r)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"explain", "page", NULL}, "explain or page", &choice))
		return false;
	r->s.password_page = choice == 1;
	return true;
}

bool settings_read_unknown_users(struct reader *r)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"hash", "plain", NULL}, "hash or plain", &choice))
		return false;
	r->s.unknown_users_plain = choice == 1;
	return true;
}

static bool read_switch(struct reader *r, bool *out)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"off", "on", NULL}, "on or off", &choice))
		return false;
	*out = choice == 1;
	return true;
}

bool settings_read_connection_opened(struct reader *r)
{
	return read_switch(r, &r->s.connection_opened);
}

bool settings_read_portal_dns(struct reader *r)
{
	return read_switch(r, &r->s.portal_dns);
}

bool settings_read_connection_interval(struct reader *r)
{
	if (lexer_is(&r->lx, 1, "off")) {
		r->s.connection_interval_seconds = 0;
		return true;
	}
	return read_time(r, 1, 60, 0, &r->s.connection_interval_seconds);
}

static bool read_mib(struct reader *r, uint64_t *out)
{
	unsigned mib = 0;

	if (!read_number(r, 1, 1, LOG_RESERVE_MAX, &mib))
		return false;
	*out = (uint64_t)mib << 20;
	return true;
}

bool settings_read_log_space_reserve(struct reader *r)
{
	return read_mib(r, &r->s.log_reserve_bytes);
}

bool settings_read_log_space_low(struct reader *r)
{
	return read_mib(r, &r->s.log_low_bytes);
}

bool settings_read_log_full_action(struct reader *r)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"refuse-logins", "close-sessions", "continue", NULL},
		    "refuse-logins, close-sessions or continue", &choice))
		return false;
	r->s.log_full_action = (enum log_full_action)choice;
	return true;
}

bool settings_read_log_copy(struct reader *r)
{
	static const char *const names[] = {"auth", "access", "audit"};
	bool *const chosen[] = {&r->s.log_copy_auth, &r->s.log_copy_access, &r->s.log_copy_audit};

	if (r->lx.count == 2 && lexer_is(&r->lx, 1, "none"))
		return true;
	for (unsigned i = 1; i < r->lx.count; i++) {
		unsigned n = 0;

		while (n < 3 && !lexer_is(&r->lx, i, names[n]))
			n++;
		if (n == 3) {
			lexer_mistake(&r->lx, &r->lx.words[i],
				"'%s' is not possible here; expected none, or some of auth, audit and access",
				r->lx.words[i].text);
			return false;
		}
		if (*chosen[n]) {
			lexer_mistake(&r->lx, &r->lx.words[i], "%s is named twice; name each file once", names[n]);
			return false;
		}
		*chosen[n] = true;
	}
	return true;
}

bool settings_read_alert_timeout(struct reader *r)
{
	return read_time(r, 1, 1, 5 * 60, &r->s.alert_timeout_seconds);
}

bool settings_read_on_stop(struct reader *r)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"close", "leave", NULL}, "close or leave", &choice))
		return false;
	r->s.stop_leaves = choice == 1;
	return true;
}

bool settings_read_sessions_after_reboot(struct reader *r)
{
	unsigned choice;

	if (!read_choice(r, (const char *const[]){"end", "keep", NULL}, "end or keep", &choice))
		return false;
	r->s.reboot_keeps = choice == 1;
	return true;
}

/* One text in quotes, or the words of the line. */
bool settings_read_label(struct reader *r)
{
	const struct word first = lexer_word(&r->lx, 1);
	char joined[LEXER_LINE_MAX + 1];
	const char *text = first.text;

	for (unsigned i = 1; i < r->lx.count; i++)
		if (r->lx.words[i].quoted && r->lx.count > 2) {
			lexer_mistake(&r->lx, &r->lx.words[i], "expected either one text in quotes or words without quotes");
			return false;
		}
	if (r->lx.count > 2) {
		lexer_join(&r->lx, 1, r->lx.count, joined);
		text = joined;
	}
	const size_t size = strlen(text);
	if (!text[strspn(text, " \t")] || size >= sizeof r->s.label) {
		lexer_mistake(&r->lx, &first, "expected a label of 1 to %zu bytes that is not only blanks; this one has %zu",
			sizeof r->s.label - 1, size);
		return false;
	}
	memcpy(r->s.label, text, size + 1);
	return true;
}
