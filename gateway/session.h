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
#include "gateway/recheck.h"
#include "gateway/session_plan.h"

struct session {
	uint32_t serial;
	uint32_t device_id;
	struct session_row row; /* as in the ledger; totals of closed flows run here */
	struct device device; /* as at login, for the log; secrets wiped */
	uint16_t profile;
	int64_t began; /* when its lifetime began by today's clock: row.opened or row.renewed, moved with each step of the clock
			  since */
	int64_t active; /* CLOCK_REALTIME microseconds of the last traffic */
	int64_t judged; /* its profile holds the rules of this instant */
	struct session_plan plan; /* lines are those of g->policy */
	bool over; /* out of the firewall, for plan.reason; its records are still to be made */
	char (*former_groups)[USER_NAME_MAX + 1]; /* of one that is over because of its new groups; owned */
	uint16_t former_group_count;
	struct session_step *step; /* while it takes part in a change */
	struct profile_want *want; /* while it is taken over */
	struct session *prev, *next;
};

struct peer_login;
extern const struct peer_login session_peer_login; /* for peers_new() */

int sessions_new(struct sessions **out);
void sessions_free(struct sessions *s);

struct session *session_by_serial(struct gateway *g, uint32_t serial);
struct session *session_by_device(struct gateway *g, uint32_t device);
unsigned sessions_count(struct gateway *g);
/* In order of opening; NULL starts, NULL ends. The current one may be ended on the way if its next was asked for before. */
struct session *session_next(struct gateway *g, const struct session *s);

/*
 * Could this user open a session on this device now, coming from `from`? LOGIN_OK; LOGIN_ACCOUNT_DENIED when no ACL file names
 * the user and `default-access` is deny; LOGIN_HOURS or LOGIN_PERIOD outside what the rules permit, with `opens`, when they will
 * next (0: never, or not known); LOGIN_NETWORK from a place they do not permit; LOGIN_DEVICE_IN_USE when somebody else is logged
 * in on it and `shared-login` is refuse. Changes nothing.
 */
enum login_reason session_may_open(struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1],
	uint16_t group_count, const struct endpoint *from, int64_t *opens);

/* When the first of the device's users may log in by `hours` and `valid` of all their files, with the groups that they were last
 * found in, if none of them may now; 0 when one may, or none ever. */
int64_t session_opens(struct gateway *g, const struct device *d);

/*
 * Opens a session after PAM and the device's own rules have said yes. Groups are copied. Returns an enum login_reason: LOGIN_OK
 * with the session in force and `out` set, or why not, with nothing changed.
 */
enum login_reason session_open(struct gateway *g, const struct device *d, const char *user, char (*groups)[USER_NAME_MAX + 1],
	uint16_t group_count, const struct endpoint *from, struct session **out);

/*
 * The session's user has shown anew who it is, and session_may_open() still says yes: it goes on as the same session, its flows
 * too, and its lifetime begins now. The user's sessions are first given these groups, copied. LOGIN_OK; LOGIN_SESSION_OVER when
 * it has ended, perhaps by its new groups; LOGIN_INTERNAL_ERROR: it goes on until its former end.
 */
enum login_reason session_renew(struct gateway *g, struct session *s, char (*groups)[USER_NAME_MAX + 1], uint16_t group_count);

/* Ends a session: element out, flows cut, totals complete, ledger and log told. The session is gone when this returns; -errno
 * when the kernel could not be told (the device's peer is then taken out instead, and the fault shows in `status`). */
int session_end(struct gateway *g, struct session *s, enum session_end reason);

/* Ends all sessions: out of the firewall together, recorded by the timer's looks from now on. */
void sessions_end_all(struct gateway *g, enum session_end reason);

/* Ends the device's session if it has one; how many were ended (0 or 1). */
unsigned session_end_device(struct gateway *g, uint32_t device, enum session_end reason);

/*
 * The timer's look: ends what is due at `now` and switches those of whom a rule has lapsed. What ends is out of the kernel by
 * itself, at its instant; the records take time, so that after a while it returns for the loop's other work. The instant at which
 * to be called again, in the past when there is more to do now.
 */
int64_t sessions_tick(struct gateway *g, int64_t now);

/* The clock was set by `step` microseconds: lifetimes and idle times go on as if it had not, and everything that goes by the
 * calendar is judged anew. */
void sessions_clock_stepped(struct gateway *g, int64_t step);

/* Start-up, and after the firewall was lost: makes the firewall hold just the sessions that the ledger holds. 0 or -errno. */
int sessions_take_over(struct gateway *g);

/*
 * Judges all sessions by `policy` and g->settings and switches those that differ, together, in one transaction: whom nothing
 * changes for is not touched. Sessions that may not go on end, connections no longer allowed are closed and recorded with the
 * line that had allowed them. g->policy must still be the former one. 0 with the number of sessions that changed, or -errno:
 * nothing has changed.
 */
int sessions_apply(struct gateway *g, struct policy *policy, unsigned *changed);

/*
 * What the user directory says of a user who is logged in (recheck.h): the account is no longer valid (then all of the user's
 * sessions end), or the groups, by which they are judged anew if they are others. Groups are copied.
 */
void sessions_account(struct gateway *g, const char *user, const struct recheck_answer *answer);

/* The ledger has other facts of a device now (label, users, class, period): a session on it is judged anew by them, and ends if
 * its user may not be there any more. */
void sessions_device(struct gateway *g, const struct device *d);

/* May the session's user, with all that its rules say, come from this outer address? False with the line that bars. */
bool session_from(struct gateway *g, const struct session *s, const struct addr *outer, struct line_ref *line);

/* Ends the session for being where it may not be. */
void session_end_misplaced(struct gateway *g, struct session *s, const struct line_ref *line);

/* Running totals of all sessions into the ledger, so that a crash loses little of them. */
void sessions_save(struct gateway *g);

/* A flow of the session has ended: its totals grow. */
void session_count_flow(struct session *s, const struct flow_record *r);

/* What is open for the session, as policy_rules_open() gives it; and what they say of one packet, as policy_decide() does, with
 * room for one rule. */
void session_each_reach(struct gateway *g, const struct session *s, bool (*each)(const struct rule_ref *, void *), void *arg);
bool session_decide(struct gateway *g, const struct session *s, const struct target *t, struct rule_ref *rule, size_t *count);

/* How many compiled profiles are in use. */
unsigned sessions_profiles(struct gateway *g);

#endif
