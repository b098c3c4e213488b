/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change consists of: shared by session_change.c (judging and switching) and session_change_record.c (what came of it). */
#ifndef SEKISHO_SESSION_CHANGE_H
#define SEKISHO_SESSION_CHANGE_H

#include "gateway/session_internal.h"

/* One session's part. */
struct session_step {
	struct session *session;
	bool judged; /* anew; else it stays as it is */
	enum session_end end; /* END_NONE: it goes on, with */
	struct profile_want *want; /* these contents */
	struct session_plan plan;
	struct line_ref line; /* why it ends */
	bool regrouped;
	char (*groups)[USER_NAME_MAX + 1]; /* owned; of a regrouped one: the new, after the switch the former */
	uint16_t group_count;
	int64_t judged_before;
	bool narrowed, widened;
};

struct session_change {
	struct gateway *gateway;
	struct policy *policy;
	int64_t now;
	const char *reason;
	struct rule_book *book;
	struct firewall_change *firewall;
	bool touches; /* the firewall has to be told something */
	struct session_step *steps;
	size_t count;
};

/* After the firewall's switch, while the tables are as before: who lost, who gained. */
void session_change_compare(struct session_change *c);

/* Closes the connections that were allowed and are not any more; their records still name the former rules. */
void session_change_cut(struct session_change *c);

/* When the tables are as after: one record for each session that reaches something else. How many changed or ended. */
unsigned session_change_record(struct session_change *c);

#endif
