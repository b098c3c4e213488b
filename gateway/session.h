/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions: one user on one device, from a granted login to its end. Kept in three places that must agree: the ledger (survives
 * us), the firewall (decides, ends by itself), and here. A session is opened only when its record is on disk, and its end cuts
 * its flows before anything is written.
 */
#ifndef SEKISHO_SESSION_H
#define SEKISHO_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/gateway.h"

struct session {
	uint32_t serial;
	uint32_t device_id;
	struct session_row row; /* as in the ledger; totals of closed flows run here */
	struct device device; /* as at login, for the log; secrets wiped */
	uint16_t profile;
	int64_t active; /* CLOCK_REALTIME microseconds of the last traffic */
	struct session *prev, *next;
};

int sessions_new(struct sessions **out);
void sessions_free(struct sessions *s);

struct session *session_by_serial(struct gateway *g, uint32_t serial);
struct session *session_by_device(struct gateway *g, uint32_t device);
unsigned sessions_count(struct gateway *g);
/* In order of opening; NULL starts, NULL ends. The current one may be ended on the way if its next was asked for before. */
struct session *session_next(struct gateway *g, const struct session *s);

/* Could this user open a session on this device now? LOGIN_OK; LOGIN_ACCOUNT_DENIED when no ACL file names the user and
 * `default-access` is deny; LOGIN_DEVICE_IN_USE when somebody else is logged in on it. Changes nothing. */
enum login_reason session_may_open(
	struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1], uint16_t group_count);

/*
 * Opens a session after PAM and the device's own rules have said yes. Groups are copied. Returns an enum login_reason: LOGIN_OK
 * with the session in force and `out` set, or why not, with nothing changed.
 */
enum login_reason session_open(struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1],
	uint16_t group_count, const struct endpoint *from, struct session **out);

/* Ends a session: element out, flows cut, totals complete, ledger and log told. The session is gone when this returns; -errno
 * when the kernel could not be told (the device's peer is then taken out instead, and the fault shows in `status`). */
int session_end(struct gateway *g, struct session *s, enum session_end reason);

/* Ends the device's session if it has one; how many were ended (0 or 1). */
unsigned session_end_device(struct gateway *g, uint32_t device, enum session_end reason);

/* The timer's look: ends what is due at `now`. */
void sessions_tick(struct gateway *g, int64_t now);

/* Start-up, and after the firewall was lost: makes the firewall hold just the sessions that the ledger holds. 0 or -errno. */
int sessions_take_over(struct gateway *g);

/* Judges all sessions by `policy` and switches those whose rules differ; nothing has changed when it fails.
 * 0 with the number that changed, or -errno. */
int sessions_apply(struct gateway *g, struct policy *policy, unsigned *changed);

/* Running totals of all sessions into the ledger, so that a crash loses little of them. */
void sessions_save(struct gateway *g);

/* A flow of the session has ended: its totals grow. */
void session_count_flow(struct session *s, const struct flow_record *r);

/* The session's rules in force, as policy_rules() gives them; and what they say of one packet, as policy_decide() does, with
 * room for one rule. */
void session_each_reach(struct gateway *g, const struct session *s, bool (*each)(const struct rule_ref *, void *), void *arg);
bool session_decide(struct gateway *g, const struct session *s, const struct target *t, struct rule_ref *rule, size_t *count);

/* How many compiled profiles are in use. */
unsigned sessions_profiles(struct gateway *g);

/* ---- pure: when does a session end, and why ---- */
struct session_times {
	int64_t expires; /* microseconds since the epoch */
	int64_t device_until; /* 0: none */
	int64_t active;
	int64_t idle_seconds;
};
/* END_NONE while it lives; else the reason whose instant came first. */
enum session_end session_due(const struct session_times *t, int64_t now);

#endif
