/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sekisho.conf: the gateway's settings, one `keyword value...` a line, '#' starts a comment; see sekisho.conf(5). Every
 * keyword may stand once; unknown ones are errors with the nearest known name. Read by all three programs and by the
 * command; checked as a whole before anything uses it.
 *
 *   keyword              value                         default
 *   endpoint             HOST-OR-ADDRESS:PORT          (required) what phones dial; PORT is also listen-port's default
 *   listen-port          PORT                          the endpoint's port
 *   extra-ports          PORT...                       none; at most 15 UDP ports that lead to listen-port too
 *   interface            NAME (<=15, [a-z0-9_.-])      sekisho0
 *   backend              auto|kernel|userspace         auto
 *   tunnel-network       PREFIX [PREFIX]               (required) one IPv4 (/8../28) and at most one IPv6 (/32../120); phones live there
 *                                                      the gateway is its first host address
 *   resolver             ADDRESS...                    (required) 1..4 DNS servers that phones use, reachable before login
 *   internal-networks    PREFIX...                     (required) 1..64; what lies behind the gateway
 *   portal-name          NAME                          (required) DNS name of the login page
 *   portal-port          PORT                          443
 *   session              TIME [idle TIME]              12h idle 1h
 *   default-access       deny|login                    deny    may a user without any ACL file log in (reaching nothing)?
 *   peer-idle            TIME                          15m (>= 5s) peers without traffic or handshake are taken out
 *   poll-interval        TIME                          10s (1s..60s)
 *   dead-man             TIME                          15m (30s..1d)
 *   login-parallel       N                             4 (1..64) PAM computations at the same time
 *   login-attempts-max   N                             200 (1..2000) attempts under way at the same time
 *   login-timeout        TIME                          5m (10s..30m) one attempt from first to last
 *   pam-timeout          TIME                          20s (1s..5m) how long one PAM computation may take
 *   account-recheck      TIME                          5m (5s..1d) how often the account of a user who is logged in is looked at
 *   leaver-check         TIME                          1d (10s..30d) how often the account of every user of a device is looked at
 *   key-overlap          TIME                          14d (10s..90d) how long a device's next key is good when it is not used
 *   shared-login         refuse|takeover               refuse  somebody logs in on a device that another user is logged in on
 *   device-form          FIELD...                      none; what `device add` must be given, see config/device_form.h
 *   login-failures       N per TIME                    5 per 5m, 1..100: failed attempts of one device before it must wait
 *   session-renew        full|short|off                full    what renewing a session asks: as a login, PAM service sekisho-renew, never
 *   password-change      explain|page                  explain what the login page makes of a password that has expired
 *   unknown-users        hash|plain                    hash    how unknown user names are logged
 *   connection-opened    on|off                        off     are connections recorded when they begin, too?
 *   connection-interval  TIME|off                      off     (>= 1m) how often those that stay open are recorded
 *   log-space-reserve    MIB                           64      logins are refused when less is free in the log folder
 *   log-space-low        MIB                           4 x log-space-reserve; with less, access is logged in less detail
 *   log-full-action      refuse-logins|close-sessions|continue   refuse-logins; what happens when nothing can be recorded
 *   log-copy             none|FILE...                  none    of auth, audit, access: lines that also go to syslog
 *   alert-hook           PATH|none                     none    a program that is run for each alert
 *   alert-timeout        TIME                          30s (1s..5m) how long it may take
 *   alert-rate           N per TIME                    10 per 1m, 1..100: alerts of one kind; the rest is summed up
 *   alert-device-failures N per TIME                   10 per 1h, 1..100: failed logins of one device that are an alert
 *   alert-user-devices   N per TIME                    3 per 1h, 1..100: devices on which one user name fails to log in
 *   alert-refused-keys   N per TIME                    10 per 1h, 1..100: refused keys from one outer address
 *   on-stop              close|leave                   close   what happens to the tunnel when the gateway is stopped, not restarted
 *   sessions-after-reboot end|keep                     end     do sessions survive a start of the machine?
 *   dns-search           NAME...                       none; at most 4
 *   time-zone            NAME                          the system's; of dates and hours in ACL files and on the page
 *   portal-dns           on|off                        off     does the gateway itself answer for portal-name before a login?
 *   label                TEXT                          portal-name; shown on the page and in phone configurations (comment)
 */
#ifndef SEKISHO_SETTINGS_H
#define SEKISHO_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/diag.h"
#include "config/policy.h"

enum { RESOLVERS_MAX = 4, NETWORKS_MAX = 64, HOST_NAME_LIMIT = 254, INTERFACE_NAME_MAX = 16, SEARCH_MAX = 4, TIME_ZONE_MAX = 63 };
enum { KEY_OVERLAP_LEAST = 10, KEY_OVERLAP_MOST = 90 * 86400 /* seconds */ };
enum { EXTRA_PORTS_MAX = 15, ALERT_HOOK_MAX = 255 };
enum { SETTINGS_SHA256_TEXT = 65, SETTINGS_KEYWORDS = 64 /* room for as many */ };

/* What renewing an open session asks its user for. */
enum renew_choice { RENEW_FULL, RENEW_SHORT, RENEW_OFF };

enum backend_choice { BACKEND_AUTO, BACKEND_KERNEL, BACKEND_USERSPACE };

enum log_full_action { LOG_FULL_REFUSE_LOGINS, LOG_FULL_CLOSE_SESSIONS, LOG_FULL_CONTINUE };

struct settings {
	char endpoint_host[HOST_NAME_LIMIT]; /* without brackets */
	uint16_t endpoint_port, listen_port, portal_port;
	uint16_t extra_ports[EXTRA_PORTS_MAX];
	unsigned extra_port_count;
	char interface[INTERFACE_NAME_MAX];
	enum backend_choice backend;
	struct prefix tunnel4, tunnel6; /* tunnel6.addr.family == 0 when there is none */
	struct addr gateway4, gateway6; /* first host address of each */
	struct addr resolvers[RESOLVERS_MAX];
	unsigned resolver_count;
	struct prefix networks[NETWORKS_MAX];
	unsigned network_count;
	char portal_name[HOST_NAME_LIMIT];
	bool portal_dns;
	char search[SEARCH_MAX][HOST_NAME_LIMIT];
	unsigned search_count;
	char label[128];
	char time_zone[TIME_ZONE_MAX + 1]; /* "" for the system's */
	int64_t session_seconds, session_idle_seconds;
	bool default_login;
	int64_t peer_idle_seconds, poll_seconds, dead_man_seconds;
	unsigned login_parallel, login_attempts_max;
	int64_t login_timeout_seconds, pam_timeout_seconds, account_recheck_seconds, leaver_check_seconds;
	int64_t key_overlap_seconds;
	bool shared_takeover;
	unsigned device_form; /* 1 << enum form_field for each field that a new device must have */
	unsigned login_failures;
	int64_t login_failures_seconds;
	enum renew_choice session_renew;
	bool password_page; /* an expired password may be changed on the page */
	bool unknown_users_plain;
	bool connection_opened;
	int64_t connection_interval_seconds; /* 0: off */
	uint64_t log_reserve_bytes, log_low_bytes;
	enum log_full_action log_full_action;
	bool log_copy_auth, log_copy_access, log_copy_audit;
	bool stop_leaves, reboot_keeps;
	char alert_hook[ALERT_HOOK_MAX + 1]; /* "" for none */
	unsigned alert_hook_line, alert_hook_column; /* where it stands, for who looks at the program */
	int64_t alert_timeout_seconds;
	unsigned alert_rate, alert_device_failures, alert_user_devices, alert_refused_keys;
	int64_t alert_rate_seconds, alert_device_failures_seconds, alert_user_devices_seconds, alert_refused_keys_seconds;
	/* Last, how it was written, which may differ where all before is the same: */
	char sha256[SETTINGS_SHA256_TEXT]; /* of the file as read: settings_load_digest() only, else "" */
	uint64_t said[SETTINGS_KEYWORDS]; /* a fingerprint of each keyword's values as written, 0 where it is not */
};

/* Reads and checks the file. 0; or -EINVAL with every mistake in `d`; or -errno from opening it (also put into `d`, with
 * what to do). `out` is untouched on failure. */
int settings_load(const char *path, struct settings *out, struct diag *d);

/* The same, with `sha256`; -EIO when libcrypto fails. */
int settings_load_digest(const char *path, struct settings *out, struct diag *d);

/* settings_load() from memory; `name` stands in messages. */
int settings_parse(const char *name, const char *text, size_t size, struct settings *out, struct diag *d);

/* Makes local time (localtime_r(3), mktime(3)) that of the settings, by TZ; to be called after each settings_load(), before ACL
 * files are read, and before the file system is locked. Not thread-safe. 0, or -errno: nothing has changed. */
int settings_apply_time_zone(const struct settings *s);

/* What ACL files refer to: the internal networks and the tunnel's own, put into `room`, which must live as long as the context is
 * used. `now` is left 0. */
struct policy_context settings_policy_context(const struct settings *s, struct prefix room[static NETWORKS_MAX + 2]);

/* policy_load() of a set as these settings would have it in force at `now`. `s` NULL: there are none. */
int settings_policy_load(const struct settings *s, const char *dir, int64_t now, struct policy **out, struct diag *d);

/* Where the login page is: "login.example.jp", with ":PORT" where that is not 443. What comes before it in an address is
 * "https://". Returns `text`. */
enum { SETTINGS_PORTAL_HOST = HOST_NAME_LIMIT + 8 };
const char *settings_portal_host(const struct settings *s, char text[static SETTINGS_PORTAL_HOST]);

/* The keyword of the first setting that differs and cannot change while the gateway runs (interface, backend, listen-port,
 * tunnel-network), or NULL. */
const char *settings_fixed_difference(const struct settings *a, const struct settings *b);

/* The keyword of the next setting that is written otherwise in `b` than in `a`, or is in one of them only; NULL when there is no
 * more. `*at` is 0 for the first. */
const char *settings_difference(const struct settings *a, const struct settings *b, unsigned *at);

#endif
