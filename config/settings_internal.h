/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How sekisho.conf is read: a table of keywords (settings.c), a function for each (settings_names.c, settings_values.c), and for
 * some a function that compares the value with others once all are known (settings_check.c). Both kinds look at the lexer's
 * current line, so that every report has its place.
 */
#ifndef SEKISHO_SETTINGS_INTERNAL_H
#define SEKISHO_SETTINGS_INTERNAL_H

#include "config/lexer.h"
#include "config/settings.h"

enum keyword {
	KEY_ENDPOINT,
	KEY_LISTEN_PORT,
	KEY_EXTRA_PORTS,
	KEY_INTERFACE,
	KEY_BACKEND,
	KEY_TUNNEL_NETWORK,
	KEY_RESOLVER,
	KEY_INTERNAL_NETWORKS,
	KEY_PORTAL_NAME,
	KEY_PORTAL_PORT,
	KEY_PORTAL_DNS,
	KEY_SESSION,
	KEY_DEFAULT_ACCESS,
	KEY_PEER_IDLE,
	KEY_POLL_INTERVAL,
	KEY_DEAD_MAN,
	KEY_LOGIN_PARALLEL,
	KEY_LOGIN_ATTEMPTS_MAX,
	KEY_LOGIN_TIMEOUT,
	KEY_PAM_TIMEOUT,
	KEY_ACCOUNT_RECHECK,
	KEY_LEAVER_CHECK,
	KEY_KEY_OVERLAP,
	KEY_SHARED_LOGIN,
	KEY_DEVICE_FORM,
	KEY_LOGIN_FAILURES,
	KEY_SESSION_RENEW,
	KEY_PASSWORD_CHANGE,
	KEY_UNKNOWN_USERS,
	KEY_CONNECTION_OPENED,
	KEY_CONNECTION_INTERVAL,
	KEY_LOG_SPACE_RESERVE,
	KEY_LOG_SPACE_LOW,
	KEY_LOG_FULL_ACTION,
	KEY_LOG_COPY,
	KEY_ALERT_HOOK,
	KEY_ALERT_TIMEOUT,
	KEY_ALERT_RATE,
	KEY_ALERT_DEVICE_FAILURES,
	KEY_ALERT_USER_DEVICES,
	KEY_ALERT_REFUSED_KEYS,
	KEY_ON_STOP,
	KEY_SESSIONS_AFTER_REBOOT,
	KEY_DNS_SEARCH,
	KEY_TIME_ZONE,
	KEY_LABEL,
	KEYWORDS
};

struct reader {
	struct settings s;
	struct {
		unsigned line; /* where it was set, 0: nowhere */
		bool good; /* and its value is in `s` */
	} set[KEYWORDS];
	struct lexer lx;
};

/* What settings_load() reads, in new memory; fails like it. */
int settings_read(const char *path, char **text, size_t *size, struct diag *d);

/* Each puts the values of the current line into r->s, or reports what is wrong and returns false. */
bool settings_read_endpoint(struct reader *r);
bool settings_read_listen_port(struct reader *r);
bool settings_read_extra_ports(struct reader *r);
bool settings_read_interface(struct reader *r);
bool settings_read_backend(struct reader *r);
bool settings_read_tunnel_network(struct reader *r);
bool settings_read_resolver(struct reader *r);
bool settings_read_internal_networks(struct reader *r);
bool settings_read_portal_name(struct reader *r);
bool settings_read_portal_port(struct reader *r);
bool settings_read_portal_dns(struct reader *r);
bool settings_read_session(struct reader *r);
bool settings_read_default_access(struct reader *r);
bool settings_read_peer_idle(struct reader *r);
bool settings_read_poll_interval(struct reader *r);
bool settings_read_dead_man(struct reader *r);
bool settings_read_login_parallel(struct reader *r);
bool settings_read_login_attempts_max(struct reader *r);
bool settings_read_login_timeout(struct reader *r);
bool settings_read_pam_timeout(struct reader *r);
bool settings_read_account_recheck(struct reader *r);
bool settings_read_leaver_check(struct reader *r);
bool settings_read_key_overlap(struct reader *r);
bool settings_read_shared_login(struct reader *r);
bool settings_read_device_form(struct reader *r);
bool settings_read_login_failures(struct reader *r);
bool settings_read_session_renew(struct reader *r);
bool settings_read_password_change(struct reader *r);
bool settings_read_unknown_users(struct reader *r);
bool settings_read_connection_opened(struct reader *r);
bool settings_read_connection_interval(struct reader *r);
bool settings_read_log_space_reserve(struct reader *r);
bool settings_read_log_space_low(struct reader *r);
bool settings_read_log_full_action(struct reader *r);
bool settings_read_log_copy(struct reader *r);
bool settings_read_alert_hook(struct reader *r);
bool settings_read_alert_timeout(struct reader *r);
bool settings_read_alert_rate(struct reader *r);
bool settings_read_alert_device_failures(struct reader *r);
bool settings_read_alert_user_devices(struct reader *r);
bool settings_read_alert_refused_keys(struct reader *r);
bool settings_read_dns_search(struct reader *r);
bool settings_read_on_stop(struct reader *r);
bool settings_read_sessions_after_reboot(struct reader *r);
bool settings_read_time_zone(struct reader *r);
bool settings_read_label(struct reader *r);

/* `N per TIME`, N from 1 to 100, the shape of several of them. */
bool settings_read_per(struct reader *r, unsigned *count, int64_t *seconds);

/* Each reports in which way the values of the current line do not go together with other settings. */
void settings_check_endpoint(const struct reader *r);
void settings_check_extra_ports(const struct reader *r);
void settings_check_tunnel_network(const struct reader *r);
void settings_check_resolver(const struct reader *r);
void settings_check_internal_networks(const struct reader *r);
void settings_check_portal_name(const struct reader *r);
void settings_check_portal_port(const struct reader *r);
void settings_check_dead_man(const struct reader *r);
void settings_check_login_numbers(const struct reader *r);
void settings_check_login_times(const struct reader *r);
void settings_check_log_space(const struct reader *r);

#endif
