/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Refused attempts, the line that denied them, and how many have no line of their own. */
#include <stdio.h>
#include <string.h>

#include "common/say.h"
#include "common/secret.h"
#include "gateway/access.h"
#include "gateway/enforcement.h"
#include "gateway/event.h"
#include "gateway/merge.h"
#include "gateway/peer.h"
#include "gateway/session.h"
#include "gateway/tally.h"

/* The line that decided, and the generation it is a line of. */
static void put_rule(struct gateway *g, json_t *e, const struct rule_ref *rule)
{
	event_rule(e, rule->file, rule->line);
	event_number(e, "sekisho.acl.generation", (int64_t)g->generation);
}

static void put_session(struct gateway *g, json_t *e, const struct session *s)
{
	struct peer *peer = peer_by_device(g, s->device_id);
	event_device(e, &s->device);
	event_endpoint(e, peer && peer->endpoint.addr.family ? &peer->endpoint : &s->row.endpoint);
	event_user(e, s->row.user);
	event_session(e, s->serial, s->row.opened);
}

/* Merged per what was tried, not per try: the source port changes with each. */
struct refused_key {
	struct addr source, destination;
	uint16_t port;
	uint8_t proto;
	char reason[16];
};

void access_refused(const struct nflog_packet *p, void *arg)
{
	struct gateway *g = arg;
	struct refused_key key;
	struct device d;
	struct rule_ref rule;
	size_t count = 0;
	int64_t now = time_now();
	memset(&key, 0, sizeof key);
	key.source = p->source.addr;
	key.destination = p->destination.addr;
	key.port = p->destination.port;
	key.proto = p->proto;
	snprintf(key.reason, sizeof key.reason, "%s", p->prefix);
	if (!merge_count(g->refusals, &key, sizeof key, now))
		return;

	const char *reason = p->prefix;
	bool spoofed = !strcmp(reason, FIREWALL_LOG_SPOOFED);
	bool known = !spoofed && ledger_device_by_address(g->ledger, &p->source.addr, &d) == 0;
	struct session *s = known ? session_by_device(g, d.id) : NULL;
	if (!s && !spoofed)
		reason = FIREWALL_LOG_NO_SESSION; /* also what is closed to everybody, tried without one */
	if (s && !strcmp(reason, FIREWALL_LOG_DENIED)) {
		struct target t = {.addr = p->destination.addr, .proto = p->proto, .port = p->destination.port};
		(void)session_decide(g, s, &t, &rule, &count);
		reason = count ? "denied" : "no-rule";
	}
	json_t *e = event_new("connection-refused", "failure", reason);
	if (s)
		put_session(g, e, s);
	else if (known)
		event_device(e, &d);
	if (s && count)
		put_rule(g, e, &rule);
	if (known)
		secret_wipe(&d.preshared, sizeof d.preshared);
	event_flow(e, p->proto, &p->source, &p->destination);
	merge_first(g->refusals, &key, sizeof key, LOG_ACCESS, now, e, false, tally_owed(g->tally, p->prefix));
}

/* ---- those that have no line ---- */

enum { BATCHES = 32, TURNS_MAX = 128 };

void access_refused_resume(struct gateway *g)
{
	/* A crash of the machine takes the tally with it, and somebody may have removed the file. */
	bool unknown = g->rebooted ? !g->was_clean : tally_is_new(g->tally);
	if (g->rebooted && tally_is_new(g->tally))
		tally_anew(g->tally); /* the table is of this boot, and nobody has read its counters yet */
	enforcement_count(g);
	tally_settle(g->tally, g->log, NULL, "unread");
	if (unknown && g->last_line)
		access_log_down(g, "refused packets");
}

static void drain(struct gateway *g)
{
	int r = 1;
	for (unsigned i = 0; i < TURNS_MAX && r > 0; i++)
		r = nflog_read(g->refusal_log, BATCHES);
	if (r < 0)
		say_warning("cannot read refused packets: %s", strerror(-r));
}

void access_refused_look(struct gateway *g)
{
	if (!tally_ripe(g->tally, time_now()))
		return;
	drain(g);
	tally_settle(g->tally, g->log, g->refusals, "kernel-overrun");
	enforcement_count(g);
}

void access_refused_close(struct gateway *g)
{
	if (g->running)
		drain(g);
	nflog_close(g->refusal_log);
	merge_free(g->refusals);
	g->refusals = NULL;
	if (g->running) {
		enforcement_count(g);
		tally_settle(g->tally, g->log, NULL, "unread");
	}
	tally_close(g->tally);
}
