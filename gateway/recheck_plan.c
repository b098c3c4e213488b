/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/alert.h"
#include "gateway/event.h"
#include "gateway/index.h"
#include "gateway/peer.h"
#include "gateway/recheck.h"
#include "gateway/session.h"

static const int64_t SECOND = 1000000;
enum {
	AT_ONCE = 2,
	MARGIN_SECONDS = 5, /* beyond one PAM computation: a process is started, a hanging one killed */
};

/* One who is logged in. */
struct account {
	char user[USER_NAME_MAX + 1];
	int64_t due; /* CLOCK_BOOTTIME microseconds */
	struct rechecks *all;
	struct recheck *running;
	bool stale; /* logged in again while it was running: what it finds is older than that */
	bool failing;
	struct account *prev, *next;
};

struct rechecks {
	struct gateway *gateway;
	struct account *queue; /* in order of `due`: everybody has the same interval */
	struct account *under_way;
	unsigned queued, running, failing;
	int64_t interval; /* microseconds */
	struct index by_user;
	sd_event_source *timer;
	char why[160]; /* of the last that could not be looked at */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct account *)a)->user, ((const struct account *)b)->user);
}

static void arm(struct rechecks *all)
{
	bool wanted = all->queue && all->running < AT_ONCE;
	if (wanted)
		(void)sd_event_source_set_time(all->timer, (uint64_t)all->queue->due);
	(void)sd_event_source_set_enabled(all->timer, wanted ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void enqueue(struct rechecks *all, struct account *a, int64_t due)
{
	a->due = due;
	DL_APPEND(all->queue, a);
	all->queued++;
}

static void dequeue(struct rechecks *all, struct account *a)
{
	DL_DELETE(all->queue, a);
	all->queued--;
}

/* ---- what cannot be looked at ---- */

static void set_failing(struct account *a, const char *why)
{
	struct rechecks *all = a->all;
	struct gateway *g = all->gateway;
	bool first = !all->failing;
	snprintf(all->why, sizeof all->why, "%s", why);
	if (a->failing)
		return;
	a->failing = true;
	all->failing++;
	if (!first)
		return;
	json_t *e = alert_new(ALERT_ACCOUNT_RECHECK);
	event_user(e, a->user);
	event_text(e, "error.message", why);
	alert_raise(g, e);
}

static void clear_failing(struct account *a)
{
	struct rechecks *all = a->all;
	if (!a->failing)
		return;
	a->failing = false;
	if (--all->failing == 0)
		say_info("all accounts of users who are logged in can be looked at again");
}

bool rechecks_problem(const struct gateway *g, char *text, size_t size)
{
	const struct rechecks *all = g->rechecks;
	if (!all || !all->failing)
		return false;
	snprintf(text, size,
		"the accounts of %u logged-in users cannot be looked at (%s), so that locked ones stay logged in: "
		"journalctl -t sekisho-auth",
		all->failing, all->why);
	return true;
}

/* ---- one account ---- */

static void drop(struct account *a)
{
	clear_failing(a);
	index_remove(&a->all->by_user, a);
	recheck_cancel(a->running);
	free(a);
}

static void take_answer(struct account *a, const struct recheck_answer *answer)
{
	struct gateway *g = a->all->gateway;
	if (answer->result == RECHECK_UNAVAILABLE) {
		set_failing(a, answer->why);
		return;
	}
	clear_failing(a);
	if (a->stale)
		return;
	if (answer->result == RECHECK_VALID) {
		int r = ledger_groups_note(g->ledger, a->user, answer->groups, answer->group_count, time_now());
		if (r < 0)
			say_error("cannot note the groups of user %s: %s; check space in " PATH_STATE_DIR, a->user, strerror(-r));
	}
	sessions_account(g, a->user, answer);
}

/* Where the user's last session is seen, for modules that look at PAM_RHOST. False when there is none any more. */
static bool find_origin(struct gateway *g, const char *user, char rhost[static ADDR_TEXT])
{
	const struct session *s, *last = NULL;
	for (s = session_next(g, NULL); s; s = session_next(g, s))
		if (!strcmp(s->row.user, user))
			last = s;
	if (!last)
		return false;
	const struct peer *peer = peer_by_device(g, last->device_id);
	const struct endpoint *from = peer && peer->endpoint.addr.family ? &peer->endpoint : &last->row.endpoint;
	rhost[0] = '\0';
	if (from->addr.family)
		addr_format(&from->addr, rhost);
	return true;
}

static void on_done(const struct recheck_answer *answer, void *arg)
{
	struct account *a = arg;
	struct rechecks *all = a->all;
	a->running = NULL;
	all->running--;
	DL_DELETE(all->under_way, a);
	take_answer(a, answer);
	a->stale = false;
	enqueue(all, a, time_boot() + all->interval);
	arm(all);
}

static void start(struct rechecks *all, struct account *a)
{
	struct gateway *g = all->gateway;
	char rhost[ADDR_TEXT];
	dequeue(all, a);
	if (!find_origin(g, a->user, rhost)) {
		drop(a);
		return;
	}
	int r = recheck_start(g->loop, PATH_AUTH_SOCKET, a->user, rhost, g->settings.pam_timeout_seconds + MARGIN_SECONDS,
		on_done, a, &a->running);
	if (r < 0) {
		char why[128];
		snprintf(why, sizeof why, "cannot reach sekisho-auth at " PATH_AUTH_SOCKET ": %s", strerror(-r));
		set_failing(a, why);
		enqueue(all, a, time_boot() + all->interval);
		return;
	}
	DL_APPEND(all->under_way, a);
	all->running++;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct rechecks *all = arg;
	int64_t now = time_boot();
	(void)source;
	(void)usec;
	while (all->queue && all->queue->due <= now && all->running < AT_ONCE)
		start(all, all->queue);
	arm(all);
	return 0;
}

/* ---- everybody ---- */

static struct account *add(struct rechecks *all, const char *user)
{
	struct account *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->all = all;
	memcpy(a->user, user, strnlen(user, USER_NAME_MAX));
	if (index_add(&all->by_user, a) < 0) {
		free(a);
		return NULL;
	}
	return a;
}

static struct account *find(struct rechecks *all, const char *user)
{
	struct account like = {.all = all};
	memcpy(like.user, user, strnlen(user, USER_NAME_MAX));
	return index_find(&all->by_user, &like);
}

static void note(struct rechecks *all, const char *user)
{
	struct account *a = find(all, user);
	if (a && a->running) {
		a->stale = true;
		return;
	}
	if (a)
		dequeue(all, a);
	else
		a = add(all, user);
	if (!a) {
		say_error("the account of user %s will not be looked at again: out of memory", user);
		return;
	}
	clear_failing(a);
	enqueue(all, a, time_boot() + all->interval);
	arm(all);
}

void rechecks_note(struct gateway *g, const char *user)
{
	note(g->rechecks, user);
}

static void respread(struct rechecks *all)
{
	struct account *a;
	int64_t now = time_boot(), i = 0;
	DL_FOREACH(all->queue, a)
	{
		a->due = now + all->interval / all->queued * ++i;
	}
	arm(all);
}

void rechecks_reload(struct gateway *g)
{
	if (g->rechecks->interval == g->settings.account_recheck_seconds * SECOND)
		return;
	g->rechecks->interval = g->settings.account_recheck_seconds * SECOND;
	respread(g->rechecks);
}

int rechecks_open(struct gateway *g, struct rechecks **out)
{
	struct rechecks *all = calloc(1, sizeof *all);
	if (!all)
		return -ENOMEM;
	all->gateway = g;
	all->interval = g->settings.account_recheck_seconds * SECOND;
	all->by_user.compare = compare;
	int r = sd_event_add_time(g->loop, &all->timer, CLOCK_BOOTTIME, UINT64_MAX, 0, on_timer, all);
	if (r < 0) {
		free(all);
		return r;
	}
	for (const struct session *s = session_next(g, NULL); s; s = session_next(g, s))
		note(all, s->row.user);
	respread(all);
	*out = all;
	return 0;
}

void rechecks_close(struct rechecks *all)
{
	struct account *a, *next;
	if (!all)
		return;
	all->failing = 0;
	DL_FOREACH_SAFE(all->queue, a, next)
	{
		a->failing = false;
		drop(a);
	}
	DL_FOREACH_SAFE(all->under_way, a, next)
	{
		a->failing = false;
		drop(a);
	}
	sd_event_source_disable_unref(all->timer);
	free(all);
}
