/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/access_line.h"
#include "gateway/event.h"
#include "gateway/flow_left.h"
#include "gateway/merge.h"
#include "gateway/peer.h"
#include "gateway/session.h"

enum { WHO_SLOTS = 64 };
#define KEPT_NAME "connections" /* of the socket, at the supervisor's */

struct access {
	struct flow_left *left; /* between access_open() and access_resume() */
	bool shut; /* what is left was left by a gateway that then closed everything */
	int64_t report; /* CLOCK_BOOTTIME microseconds: when open connections are next reported */
	bool thin; /* for want of room */
	uint64_t left_out; /* since it is */
	struct session past; /* the last that was looked up in the ledger; serial 0: none */
	struct addr past_source;
	struct access_who who[WHO_SLOTS]; /* by serial */
};

/* ---- whose connection, and by which line ---- */

/* A record that comes after its session's end, as after a restart: whose it was is in the ledger. */
static int look_up_past(struct gateway *g, const struct flow_record *r, struct session *s)
{
	*s = (struct session){0};
	int ret = ledger_device_by_address(g->ledger, &r->source.addr, &s->device);
	if (ret < 0)
		return ret;
	secret_wipe(&s->device.preshared, sizeof s->device.preshared);
	s->device_id = s->device.id;
	s->serial = r->serial;
	if (ledger_session_last(g->ledger, s->device_id, &s->row) < 0 || s->row.serial != r->serial)
		s->row = (struct session_row){0}; /* an older one's: the device is all that is known */
	return 0;
}

static const struct session *past_session(struct gateway *g, const struct flow_record *r)
{
	struct access *a = g->access;
	if (a->past.serial == r->serial && addr_equal(&a->past_source, &r->source.addr))
		return &a->past;
	if (look_up_past(g, r, &a->past) < 0) {
		a->past.serial = 0;
		return NULL;
	}
	a->past_source = r->source.addr;
	return &a->past;
}

/* A change closes what it does not allow any more while the rules before it are still the session's: see session_change_cut().
 * Where no allow is found nevertheless, as for a question to the resolver, none is named. */
static bool rule_of(struct gateway *g, const struct session *s, const struct flow_record *r, struct rule_ref *rule)
{
	struct target t = {.addr = r->destination.addr, .proto = r->proto, .port = r->destination.port};
	size_t count = 0;
	return session_decide(g, s, &t, rule, &count) && count;
}

/* The same for one that has ended, with the groups that its user was in then, if other rules have not come since. */
static bool past_rule_of(struct gateway *g, const struct session *s, const struct flow_record *r, struct rule_ref *rule)
{
	struct user_groups known = {0};
	struct session then = *s;
	if (!s->row.opened || r->end < g->applied)
		return false;
	(void)ledger_groups_at(g->ledger, s->row.user, r->end, &known);
	then.row.groups = known.names;
	then.row.group_count = known.count;
	then.judged = r->end;
	bool found = rule_of(g, &then, r, rule);
	ledger_groups_clear(&known);
	return found;
}

static void record(struct gateway *g, enum access_action action, const char *reason, const struct flow_record *r)
{
	char event[ACCESS_EVENT_MAX], rest[ACCESS_REST_MAX];
	struct session *s = session_by_serial(g, r->serial);
	struct peer *peer = s ? peer_by_device(g, s->device_id) : NULL;
	const struct endpoint nowhere = {0};
	struct rule_ref rule;
	struct access_story story = {
		.action = action, .reason = reason, .flow = r, .session = s, .outer = &nowhere, .generation = g->generation};
	if (s) {
		story.rule = rule_of(g, s, r, &rule) ? &rule : NULL;
	} else {
		story.session = past_session(g, r);
		story.rule = story.session && past_rule_of(g, story.session, r, &rule) ? &rule : NULL;
	}
	if (story.session)
		story.outer = peer && peer->endpoint.addr.family ? &peer->endpoint : &story.session->row.endpoint;
	if (s && action == ACCESS_CLOSED)
		session_count_flow(s, r);
	if (access_line(&story, &g->access->who[r->serial % WHO_SLOTS], event, rest) == 0)
		(void)log_write_text(g->log, LOG_ACCESS, time_now(), event, rest);
	else
		say_error("a connection's record is too long for a line; this is a fault of the program, report it");
}

static void closed(const struct flow_record *r, void *arg)
{
	record(arg, ACCESS_CLOSED, NULL, r);
}

static void closed_unseen(const struct flow_record *r, void *arg)
{
	record(arg, ACCESS_CLOSED, "gateway-down", r);
}

static void opened(const struct flow_record *r, void *arg)
{
	struct gateway *g = arg;
	if (g->access->thin)
		g->access->left_out++;
	else
		record(g, ACCESS_OPENED, NULL, r);
}

/* ---- start and stop ---- */

/* The socket of the run before, which the supervisor has kept: sd_listen_fds(3), systemd.service(5) FileDescriptorStoreMax=. */
static int kept_socket(void)
{
	char **names = NULL;
	int kept = -1, n = sd_listen_fds_with_names(1, &names);
	for (int i = 0; i < n; i++) {
		if (kept < 0 && !strcmp(names[i], KEPT_NAME))
			kept = SD_LISTEN_FDS_START + i;
		else
			close(SD_LISTEN_FDS_START + i);
		free(names[i]);
	}
	free(names);
	return kept;
}

static void keep_socket(struct gateway *g)
{
	int fd = flow_fd(g->flow);
	int r = sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" KEPT_NAME "\nFDPOLL=0", &fd, 1);
	if (r < 0)
		say_warning(
			"the supervisor cannot be given the socket of connections to keep: %s; what ends during a restart is not "
			"seen, and the log says so",
			strerror(-r));
}

/* What the run before left; nothing when it died. */
static void open_left(struct gateway *g)
{
	int r = flow_left_open(g->flow, PATH_FLOWS_SHUT, &g->access->left);
	g->access->shut = r == 0;
	if (r == -ENOENT)
		r = flow_left_open(g->flow, PATH_FLOWS, &g->access->left);
	if (r < 0 && r != -ENOENT)
		say_warning("cannot read which connections were open when the gateway stopped: %s; the log says that some may be "
			    "missing",
			strerror(-r));
}

int access_open(struct gateway *g, char *why, size_t why_size)
{
	const struct flow_sink sink = {.closed = closed, .opened = opened, .arg = g};
	int r;
	g->access = calloc(1, sizeof *g->access);
	if (!g->access)
		return -ENOMEM;
	r = flow_open(&sink, kept_socket(), &g->flow, why, why_size);
	if (r < 0)
		return r;
	if (!flow_inherited(g->flow)) {
		open_left(g);
		keep_socket(g);
	}
	return 0;
}

void access_log_down(struct gateway *g, const char *what)
{
	json_t *e = event_new("log-gap", NULL, "gateway-down");
	event_text(e, "sekisho.gap.what", what);
	event_time(e, "sekisho.gap.from", g->last_line < g->started ? g->last_line : g->started);
	event_time(e, "sekisho.gap.to", g->started);
	(void)log_write(g->log, LOG_ACCESS, time_now(), e, false);
}

void access_resume(struct gateway *g)
{
	struct access *a = g->access;
	bool all_known = false;
	if (a->left) {
		int r = flow_left_finish(g->flow, a->left, closed_unseen, g);
		a->left = NULL;
		all_known = r == 0 && a->shut;
		if (r < 0)
			say_warning("cannot tell which connections have ended while no gateway ran: %s", strerror(-r));
	}
	flow_left_forget(PATH_FLOWS);
	flow_left_forget(PATH_FLOWS_SHUT);
	if (g->last_line && flow_inherited(g->flow)) {
		if (!g->was_clean)
			access_log_down(g, "the connection that was being recorded, if there was one");
	} else if (g->last_line && !all_known) {
		access_log_down(g, "connections that ended meanwhile");
	}
	access_settings(g);
}

void access_close(struct gateway *g)
{
	if (!g->flow) {
		free(g->access);
		return;
	}
	int r = g->running ? flow_left_save(g->flow, PATH_FLOWS) : 0;
	if (r < 0)
		say_warning("cannot note which connections are open: %s; check space in " PATH_STATE_DIR
			    "; the next start says in the log that some may be missing",
			strerror(-r));
	flow_left_close(g->flow, g->access->left);
	flow_close(g->flow);
	g->flow = NULL;
	free(g->access);
	g->access = NULL;
}

/* ---- what the settings ask for, as long as there is room ---- */

void access_settings(struct gateway *g)
{
	struct access *a = g->access;
	int r = flow_watch(g->flow, g->settings.connection_opened);
	if (r < 0)
		say_error("cannot watch for connections that begin: %s; connection-opened is missing in the log", strerror(-r));
	a->report = g->settings.connection_interval_seconds ? time_boot() + g->settings.connection_interval_seconds * 1000000
							    : INT64_MAX;
}

static void log_thin(struct gateway *g, bool thin)
{
	struct access *a = g->access;
	json_t *e = event_new("log-thinned", NULL, thin ? "space-low" : "space-back");
	if (!thin)
		event_number(e, "sekisho.count", (int64_t)a->left_out);
	(void)log_write(g->log, LOG_ACCESS, time_now(), e, false);
	a->thin = thin;
	a->left_out = 0;
	merge_thin(g->refusals, thin);
}

static void report_open(const struct flow_record *r, void *arg)
{
	struct gateway *g = arg;
	if (r->end - r->start < g->settings.connection_interval_seconds * 1000000)
		return;
	if (g->access->thin)
		g->access->left_out++;
	else
		record(g, ACCESS_OPEN, NULL, r);
}

static void log_lost(struct gateway *g, const struct flow_loss *loss)
{
	json_t *e = event_new("log-gap", NULL, "kernel-overrun");
	event_text(e, "sekisho.gap.what", "connections that began");
	event_number(e, "sekisho.count", (int64_t)loss->count);
	event_time(e, "sekisho.gap.from", loss->from);
	event_time(e, "sekisho.gap.to", loss->to);
	(void)log_write(g->log, LOG_ACCESS, time_now(), e, false);
}

void access_tick(struct gateway *g)
{
	struct access *a = g->access;
	struct flow_loss loss;
	bool thin = log_room(g->log) != LOG_ROOM_GOOD;
	int64_t boot = time_boot();
	int r = 0;
	a->past.serial = 0;
	if (thin != a->thin)
		log_thin(g, thin);
	r = flow_resync(g->flow);
	if (boot >= a->report) {
		a->report = boot + g->settings.connection_interval_seconds * 1000000;
		int reported = flow_each(g->flow, 0, report_open, g);
		r = r < 0 ? r : reported;
	}
	if (r < 0)
		say_warning("cannot look at the open connections: %s; trying again", strerror(-r));
	if (flow_lost(g->flow, &loss))
		log_lost(g, &loss);
}
