/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/device_form.h"
#include "config/input.h"
#include "config/nearest.h"
#include "config/settings_internal.h"

static const struct {
	const char *name;
	unsigned least, most; /* words after the keyword */
	const char *example; /* of the values */
	bool required;
	bool (*read)(struct reader *r);
	void (*check)(const struct reader *r);
} keywords[KEYWORDS] = {
	[KEY_ENDPOINT] = {"endpoint", 1, 1, "gate.example.jp:51820", true, settings_read_endpoint, settings_check_endpoint},
	[KEY_LISTEN_PORT] = {"listen-port", 1, 1, "51820", false, settings_read_listen_port, NULL},
	[KEY_EXTRA_PORTS] = {"extra-ports", 1, EXTRA_PORTS_MAX, "443 53", false, settings_read_extra_ports,
		settings_check_extra_ports},
	[KEY_INTERFACE] = {"interface", 1, 1, "sekisho0", false, settings_read_interface, NULL},
	[KEY_BACKEND] = {"backend", 1, 1, "auto", false, settings_read_backend, NULL},
	[KEY_TUNNEL_NETWORK] = {"tunnel-network", 1, 2, "10.64.0.0/16 fd64:0:0:1::/64", true, settings_read_tunnel_network,
		settings_check_tunnel_network},
	[KEY_RESOLVER] = {"resolver", 1, RESOLVERS_MAX, "10.20.0.53", true, settings_read_resolver, settings_check_resolver},
	[KEY_INTERNAL_NETWORKS] = {"internal-networks", 1, NETWORKS_MAX, "10.20.0.0/16 2001:db8:20::/48", true,
		settings_read_internal_networks, settings_check_internal_networks},
	[KEY_PORTAL_NAME] = {"portal-name", 1, 1, "login.example.jp", true, settings_read_portal_name,
		settings_check_portal_name},
	[KEY_PORTAL_PORT] = {"portal-port", 1, 1, "443", false, settings_read_portal_port, settings_check_portal_port},
	[KEY_PORTAL_DNS] = {"portal-dns", 1, 1, "off", false, settings_read_portal_dns, NULL},
	[KEY_SESSION] = {"session", 1, 3, "12h idle 1h", false, settings_read_session, NULL},
	[KEY_DEFAULT_ACCESS] = {"default-access", 1, 1, "deny", false, settings_read_default_access, NULL},
	[KEY_PEER_IDLE] = {"peer-idle", 1, 1, "15m", false, settings_read_peer_idle, NULL},
	[KEY_POLL_INTERVAL] = {"poll-interval", 1, 1, "10s", false, settings_read_poll_interval, settings_check_dead_man},
	[KEY_DEAD_MAN] = {"dead-man", 1, 1, "15m", false, settings_read_dead_man, settings_check_dead_man},
	[KEY_LOGIN_PARALLEL] = {"login-parallel", 1, 1, "4", false, settings_read_login_parallel, settings_check_login_numbers},
	[KEY_LOGIN_ATTEMPTS_MAX] = {"login-attempts-max", 1, 1, "200", false, settings_read_login_attempts_max,
		settings_check_login_numbers},
	[KEY_LOGIN_TIMEOUT] = {"login-timeout", 1, 1, "5m", false, settings_read_login_timeout, settings_check_login_times},
	[KEY_PAM_TIMEOUT] = {"pam-timeout", 1, 1, "20s", false, settings_read_pam_timeout, settings_check_login_times},
	[KEY_ACCOUNT_RECHECK] = {"account-recheck", 1, 1, "5m", false, settings_read_account_recheck, NULL},
	[KEY_LEAVER_CHECK] = {"leaver-check", 1, 1, "1d", false, settings_read_leaver_check, NULL},
	[KEY_KEY_OVERLAP] = {"key-overlap", 1, 1, "14d", false, settings_read_key_overlap, NULL},
	[KEY_SHARED_LOGIN] = {"shared-login", 1, 1, "refuse", false, settings_read_shared_login, NULL},
	[KEY_DEVICE_FORM] = {"device-form", 1, FORM_NAMES, "applicant department approver", false, settings_read_device_form,
		NULL},
	[KEY_LOGIN_FAILURES] = {"login-failures", 3, 3, "5 per 5m", false, settings_read_login_failures, NULL},
	[KEY_SESSION_RENEW] = {"session-renew", 1, 1, "full", false, settings_read_session_renew, NULL},
	[KEY_PASSWORD_CHANGE] = {"password-change", 1, 1, "explain", false, settings_read_password_change, NULL},
	[KEY_UNKNOWN_USERS] = {"unknown-users", 1, 1, "hash", false, settings_read_unknown_users, NULL},
	[KEY_CONNECTION_OPENED] = {"connection-opened", 1, 1, "off", false, settings_read_connection_opened, NULL},
	[KEY_CONNECTION_INTERVAL] = {"connection-interval", 1, 1, "1h", false, settings_read_connection_interval, NULL},
	[KEY_LOG_SPACE_RESERVE] = {"log-space-reserve", 1, 1, "64", false, settings_read_log_space_reserve,
		settings_check_log_space},
	[KEY_LOG_SPACE_LOW] = {"log-space-low", 1, 1, "256", false, settings_read_log_space_low, settings_check_log_space},
	[KEY_LOG_FULL_ACTION] = {"log-full-action", 1, 1, "refuse-logins", false, settings_read_log_full_action, NULL},
	[KEY_LOG_COPY] = {"log-copy", 1, 3, "auth audit", false, settings_read_log_copy, NULL},
	[KEY_ALERT_HOOK] = {"alert-hook", 1, 1, "/usr/local/sbin/sekisho-alert", false, settings_read_alert_hook, NULL},
	[KEY_ALERT_TIMEOUT] = {"alert-timeout", 1, 1, "30s", false, settings_read_alert_timeout, NULL},
	[KEY_ALERT_RATE] = {"alert-rate", 3, 3, "10 per 1m", false, settings_read_alert_rate, NULL},
	[KEY_ALERT_DEVICE_FAILURES] = {"alert-device-failures", 3, 3, "10 per 1h", false, settings_read_alert_device_failures,
		NULL},
	[KEY_ALERT_USER_DEVICES] = {"alert-user-devices", 3, 3, "3 per 1h", false, settings_read_alert_user_devices, NULL},
	[KEY_ALERT_REFUSED_KEYS] = {"alert-refused-keys", 3, 3, "10 per 1h", false, settings_read_alert_refused_keys, NULL},
	[KEY_ON_STOP] = {"on-stop", 1, 1, "close", false, settings_read_on_stop, NULL},
	[KEY_SESSIONS_AFTER_REBOOT] = {"sessions-after-reboot", 1, 1, "end", false, settings_read_sessions_after_reboot, NULL},
	[KEY_DNS_SEARCH] = {"dns-search", 1, SEARCH_MAX, "example.jp", false, settings_read_dns_search, NULL},
	[KEY_TIME_ZONE] = {"time-zone", 1, 1, "Asia/Tokyo", false, settings_read_time_zone, NULL},
	[KEY_LABEL] = {"label", 1, LEXER_WORDS_MAX, "\"Example Ministry\"", false, settings_read_label, NULL},
};

static const struct settings defaults = {
	.portal_port = 443,
	.interface = "sekisho0",
	.backend = BACKEND_AUTO,
	.session_seconds = 12 * 3600,
	.session_idle_seconds = 3600,
	.peer_idle_seconds = 15 * 60,
	.poll_seconds = 10,
	.dead_man_seconds = 15 * 60,
	.login_parallel = 4,
	.login_attempts_max = 200,
	.login_timeout_seconds = 5 * 60,
	.pam_timeout_seconds = 20,
	.account_recheck_seconds = 5 * 60,
	.leaver_check_seconds = 86400,
	.key_overlap_seconds = 14 * 86400,
	.login_failures = 5,
	.login_failures_seconds = 5 * 60,
	.log_reserve_bytes = UINT64_C(64) << 20,
	.alert_timeout_seconds = 30,
	.alert_rate = 10,
	.alert_rate_seconds = 60,
	.alert_device_failures = 10,
	.alert_device_failures_seconds = 3600,
	.alert_user_devices = 3,
	.alert_user_devices_seconds = 3600,
	.alert_refused_keys = 10,
	.alert_refused_keys_seconds = 3600,
};

/* The keyword that the line begins with, or KEYWORDS. */
static unsigned find_keyword(const struct lexer *lx)
{
	unsigned k = 0;

	while (k < KEYWORDS && !lexer_is(lx, 0, keywords[k].name))
		k++;
	return k;
}

static void unknown_keyword(const struct lexer *lx)
{
	struct nearest n = nearest_to(lx->words[0].text);
	char hint[NEAREST_TEXT];

	for (unsigned k = 0; k < KEYWORDS; k++)
		nearest_offer(&n, keywords[k].name);
	lexer_mistake(lx, &lx->words[0], "'%s' is not a setting%s", lx->words[0].text,
		n.best ? nearest_hint(&n, hint) : "; sekisho.conf(5) lists all settings");
}

static bool count_good(const struct lexer *lx, unsigned k)
{
	if (lx->count - 1 < keywords[k].least) {
		const struct word w = lexer_word(lx, lx->count);
		lexer_mistake(lx, &w, "%s after %s; expected a line like: %s %s",
			lx->count == 1 ? "no value" : "a word is missing", lx->words[lx->count - 1].text, keywords[k].name,
			keywords[k].example);
		return false;
	}
	if (lx->count - 1 > keywords[k].most) {
		const struct word w = lexer_word(lx, keywords[k].most + 1);
		if (keywords[k].most == 1)
			lexer_mistake(lx, &w, "'%s' does not belong here; %s has one value, then the end of the line", w.text,
				keywords[k].name);
		else
			lexer_mistake(lx, &w, "'%s' does not belong here; %s has at most %u values, then the end of the line",
				w.text, keywords[k].name, keywords[k].most);
		return false;
	}
	return true;
}

/* Only a label is a text. */
static bool bare(const struct lexer *lx, unsigned k)
{
	bool good = true;

	for (unsigned i = 1; i < lx->count && k != KEY_LABEL; i++)
		if (lx->words[i].quoted) {
			lexer_mistake(lx, &lx->words[i], "\"%s\" stands in quotes; write it without quotes", lx->words[i].text);
			good = false;
		}
	return good;
}

/* FNV-1a, 64 bits (draft-eastlake-fnv), over the words, each with its end: says only whether somebody wrote something else. */
static uint64_t fingerprint(const struct lexer *lx)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (unsigned i = 1; i < lx->count; i++)
		for (const char *c = lx->words[i].text;; c++) {
			hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
			if (!*c)
				break;
		}
	return hash ? hash : 1;
}

static void read_line(struct reader *r)
{
	const unsigned k = find_keyword(&r->lx);

	if (r->lx.words[0].quoted) {
		lexer_mistake(
			&r->lx, &r->lx.words[0], "a text in quotes is not a setting; write the setting's name without quotes");
		return;
	}
	if (k == KEYWORDS) {
		unknown_keyword(&r->lx);
		return;
	}
	if (r->set[k].line) {
		lexer_mistake(&r->lx, &r->lx.words[0], "%s is set in line %u already; remove one of the two", keywords[k].name,
			r->set[k].line);
		return;
	}
	r->set[k].line = r->lx.line;
	r->set[k].good = count_good(&r->lx, k) && bare(&r->lx, k) && keywords[k].read(r);
	r->s.said[k] = fingerprint(&r->lx);
}

/* What follows from other settings where nothing is said. */
static void derive(struct reader *r)
{
	if (!r->set[KEY_LOG_SPACE_LOW].line)
		r->s.log_low_bytes = 4 * r->s.log_reserve_bytes;
	if (!r->set[KEY_LISTEN_PORT].line)
		r->s.listen_port = r->s.endpoint_port;
	if (!r->set[KEY_LABEL].line) {
		const size_t size = strnlen(r->s.portal_name, sizeof r->s.label - 1); /* a name is ASCII: cut anywhere */
		memcpy(r->s.label, r->s.portal_name, size);
		r->s.label[size] = '\0';
	}
}

/* Goes through the text once more, now that all settings are known. The lexer's own mistakes were reported the first time. */
static void check_lines(struct reader *r, const char *name, const char *text, size_t size, struct diag *d)
{
	lexer_start(&r->lx, name, text, size, NULL);
	while (lexer_next(&r->lx)) {
		const unsigned k = find_keyword(&r->lx);
		if (k == KEYWORDS || !keywords[k].check || !r->set[k].good || r->set[k].line != r->lx.line)
			continue;
		r->lx.d = d;
		keywords[k].check(r);
		r->lx.d = NULL;
	}
}

int settings_parse(const char *name, const char *text, size_t size, struct settings *out, struct diag *d)
{
	const bool failed_before = d->failed;

	if (size > INPUT_MAX) {
		input_complain(d, name, -EFBIG);
		return -EINVAL;
	}
	struct reader *const r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->s = defaults;
	d->failed = false;
	lexer_start(&r->lx, name, text, size, d);
	while (lexer_next(&r->lx))
		read_line(r);
	derive(r);
	check_lines(r, name, text, size, d);
	for (unsigned k = 0; k < KEYWORDS; k++)
		if (keywords[k].required && !r->set[k].line)
			diag_add(d, DIAG_ERROR, name, 0, 0, 1, NULL, "%s is missing; add a line like: %s %s", keywords[k].name,
				keywords[k].name, keywords[k].example);
	const int result = d->failed ? -EINVAL : 0;
	if (!result)
		*out = r->s;
	d->failed = d->failed || failed_before;
	free(r);
	return result;
}

int settings_read(const char *path, char **text, size_t *size, struct diag *d)
{
	int r = input_read(AT_FDCWD, path, true, text, size);
	if (r == 0)
		return 0;
	input_complain(d, path, r);
	return r == -ENOTSUP || r == -EFBIG ? -EINVAL : r;
}

int settings_load(const char *path, struct settings *out, struct diag *d)
{
	char *text;
	size_t size;
	int r = settings_read(path, &text, &size, d);
	if (r < 0)
		return r;
	r = settings_parse(path, text, size, out, d);
	free(text);
	return r;
}

const char *settings_portal_host(const struct settings *s, char text[static SETTINGS_PORTAL_HOST])
{
	if (s->portal_port == 443)
		snprintf(text, SETTINGS_PORTAL_HOST, "%s", s->portal_name);
	else
		snprintf(text, SETTINGS_PORTAL_HOST, "%s:%u", s->portal_name, s->portal_port);
	return text;
}

static bool prefix_same(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && addr_equal(&a->addr, &b->addr);
}

const char *settings_fixed_difference(const struct settings *a, const struct settings *b)
{
	if (strcmp(a->interface, b->interface))
		return keywords[KEY_INTERFACE].name;
	if (a->backend != b->backend)
		return keywords[KEY_BACKEND].name;
	if (a->listen_port != b->listen_port)
		return keywords[KEY_LISTEN_PORT].name;
	if (!prefix_same(&a->tunnel4, &b->tunnel4) || !prefix_same(&a->tunnel6, &b->tunnel6))
		return keywords[KEY_TUNNEL_NETWORK].name;
	return NULL;
}

const char *settings_difference(const struct settings *a, const struct settings *b, unsigned *at)
{
	_Static_assert((int)KEYWORDS <= (int)SETTINGS_KEYWORDS, "there is room for the fingerprint of each");
	while (*at < KEYWORDS) {
		const unsigned k = (*at)++;
		if (a->said[k] != b->said[k])
			return keywords[k].name;
	}
	return NULL;
}
