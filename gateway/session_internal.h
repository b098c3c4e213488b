/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What session*.c share among themselves: the tables, and the steps that opening, taking over and changing have in common. */
#ifndef SEKISHO_SESSION_INTERNAL_H
#define SEKISHO_SESSION_INTERNAL_H

#include <jansson.h>

#include "gateway/index.h"
#include "gateway/profiles.h"
#include "gateway/session.h"
#include "gateway/session_rules.h"

struct sessions {
	struct session *all; /* in order of opening */
	unsigned count;
	struct index by_serial, by_device;
	struct profiles *profiles;
	struct policy *judged_by; /* whose lines the plans name: a reference */
	bool unsettled; /* the clock was set, and not all have been judged by the new time yet */
};

/* All plans are from this policy now. */
void sessions_judged_by(struct sessions *all, struct policy *policy);

/* A session of this device, not yet in the tables; NULL when out of memory. session_discard() frees one that is in none. */
struct session *session_note(const struct device *d, int64_t now);
void session_discard(struct session *s);

/* Into the tables once row.serial is known: 0, -ENOMEM, or -EEXIST for a serial or device that is in. And out (freed). */
int session_index(struct sessions *all, struct session *s);
void session_forget(struct sessions *all, struct session *s);

/* What the firewall should hold for it at `now`. */
struct firewall_session session_element(const struct session *s, int64_t now);

/* Whose rules: a user with groups on a device. `groups` is memory for the names, which stay the caller's. */
struct subject session_subject(const struct device *d, const char *user, char (*names)[USER_NAME_MAX + 1], uint16_t count,
	const char *groups[static GROUPS_MAX]);

/* What terms of that instant make of it: into s->plan and row.expires. */
struct session_plan session_plan_of(struct gateway *g, const struct session *s, const struct policy_terms *terms, int64_t at);
void session_set_plan(struct session *s, const struct session_plan *plan, int64_t at);

/* One session event as every one has it, to be completed and given to log_write(). */
json_t *session_event(struct gateway *g, const struct session *s, const char *action, const char *reason);

/* Names of groups at a path of an event. */
void session_put_groups(json_t *e, const char *path, char (*groups)[USER_NAME_MAX + 1], uint16_t count);

/* A copy of groups, NULL for none. 0 or -ENOMEM. */
int session_copy_groups(char (*groups)[USER_NAME_MAX + 1], uint16_t count, char (**out)[USER_NAME_MAX + 1]);

/* session_end() with the instant at which it was over and what did it. */
struct end_cause {
	struct line_ref line; /* of an ACL file; file NULL: none */
	const struct recheck_answer *account; /* what the user directory says of the account; NULL: nothing */
	bool flushed_later; /* the caller flushes the log, for many ends at once */
};
int session_end_at(struct gateway *g, struct session *s, enum session_end reason, int64_t when, const struct end_cause *cause);

/* What sessions_tick() returns when there is more to end now. */
#define SESSIONS_MORE INT64_C(0)

/* Judges all by the present time if the clock was set and that has not worked yet. */
void sessions_settle(struct gateway *g);

/* Switches the sessions of whom a rule has lapsed by `now`. What cannot be narrowed for a while is ended. */
void sessions_lapse(struct gateway *g, int64_t now);

/*
 * A change of what sessions may do: new ACLs, a rule that lapsed, other groups, another clock. All live sessions are told to it,
 * either judged anew or kept; then one transaction of the firewall switches all that differ, and records, tables and ledger
 * follow. Until session_change_commit() returns 0 nothing has changed, in no table of ours either.
 *
 * `policy` is what they are judged by and is borrowed; while the change runs, g->policy, still the former one, names the lines of
 * the connections that are cut. `reason` is the word of session-narrowed.
 */
#define SESSION_LAPSED "lapsed" /* a reason: then the rule that lapsed is named */
struct session_change;
int session_change_new(struct gateway *g, struct policy *policy, int64_t now, const char *reason, struct session_change **out);
int session_change_keep(struct session_change *c, struct session *s);
int session_change_judge(struct session_change *c, struct session *s);
int session_change_end(struct session_change *c, struct session *s, enum session_end reason);
/* The same with other groups, copied. */
int session_change_regroup(struct session_change *c, struct session *s, char (*groups)[USER_NAME_MAX + 1], uint16_t count);
/* `changed` (may be NULL): how many reach something else now, or have ended. */
int session_change_commit(struct session_change *c, unsigned *changed);
void session_change_free(struct session_change *c); /* NULL is fine */

/* Does `after` allow everything that `before` allowed? NULL stands for a profile that allows nothing. Pure. */
bool session_still_covers(const struct profile *after, const struct profile *before);

#endif
