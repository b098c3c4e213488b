/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * oracle PHONE-NETNS LAN-NETNS FOLDER SEED POLICIES PACKETS
 *
 * Run in the gateway's namespace (in0 towards the phones, lan0 towards the LAN) by tests/system/test_oracle.py. A round is one
 * random set of ACL files, seven phones with random users, groups and classes (the last without a session), and PACKETS random
 * packets whose destinations lie on, beside and between the edges of everything that the files name. Each packet's fate in the
 * kernel must be what policy_decide() and profile_allows() say. Then the profiles are switched to the next set while the flows
 * are open: the same packets again, and the answers to them, must fare as that set says. Exit status 0: no disagreement.
 */
#include "tests/oracle/oracle.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "config/profile.h"
#include "gateway/firewall.h"
#include "gateway/netlink.h"

enum {
	PHONES = 7, /* one of them without a session */
	MARKER = PHONES, /* index of the phone that may always reach one place: its packets come last */
	PACKETS_MAX = 100000,
	DEADLINE_MS = 20000,
	AGAIN = 1 << 28, /* bit in the number of a packet that is sent a second time */
	RESOLVER_PORT = 53,
	TRIES = 50,
};

struct member {
	struct addr v4, v6;
	struct subject subject;
	const char *groups[GROUPS];
};

/* One set of files and what became of it. */
struct set {
	char dir[200];
	struct edges edges;
	struct policy *policy;
	struct profile *profiles[PHONES];
	int64_t at;
};

struct packet {
	struct probe probe;
	unsigned phone;
	bool passed, passed_again, answered;
};

struct oracle {
	uint64_t state;
	struct wire phone, lan;
	struct firewall *f;
	struct member members[PHONES + 1];
	struct packet *packets;
	unsigned packet_count, markers;
	uint64_t sent, allowed, disagreements, refused;
};

static void die(const char *what, int rc)
{
	fprintf(stderr, "oracle: %s: %s\n", what, strerror(-rc));
	exit(2);
}

static void must(const char *what, int rc)
{
	if (rc < 0)
		die(what, rc);
}

/* ---- sets ---- */

static void subject_choose(struct oracle *o, struct member *m)
{
	m->subject = (struct subject){.user = oracle_users[random_below(&o->state, USERS)],
		.groups = m->groups,
		.device_class = (enum device_class)random_below(&o->state, DEVICE_CLASSES)};
	for (unsigned i = 0; i < GROUPS; i++)
		if (random_below(&o->state, 2))
			m->groups[m->subject.group_count++] = oracle_groups[i];
}

static void set_load(struct oracle *o, struct set *s)
{
	struct prefix internal[3];
	struct policy_context context = {.internal = internal, .internal_count = 3};
	struct diag d;
	int rc = -EINVAL;

	must("prefix", prefix_parse("10.20.0.0/15", &internal[0]));
	must("prefix", prefix_parse("2001:db8:20::/48", &internal[1]));
	must("prefix", prefix_parse("10.64.0.0/10", &internal[2]));
	for (unsigned i = 0; i < TRIES && rc == -EINVAL; i++) {
		must("writing a set of files", text_write(s->dir, &o->state, &s->edges));
		d = diag_new();
		rc = policy_load(s->dir, &context, &s->policy, &d);
		diag_free(&d);
		o->refused += rc < 0; /* the generator says the same thing twice now and then */
	}
	must("the generator writes no set that loads", rc);
	s->at = (INT64_C(1767225600) + (int64_t)random_below(&o->state, 365 * 86400)) * 1000000;
}

static void set_free(struct set *s)
{
	for (unsigned i = 0; i < PHONES; i++) {
		profile_free(s->profiles[i]);
		s->profiles[i] = NULL;
	}
	policy_unref(s->policy);
	s->policy = NULL;
}

static void set_compile(struct oracle *o, struct set *s)
{
	for (unsigned i = 0; i < PHONES; i++)
		must("profile_compile", profile_compile(s->policy, &o->members[i].subject, s->at, &s->profiles[i]));
}

static bool expected(struct oracle *o, const struct set *s, const struct packet *p)
{
	struct rule_ref rules[1];
	size_t count;
	bool allowed;

	if (p->phone == PHONES - 1)
		return false;
	allowed = policy_decide(s->policy, &o->members[p->phone].subject, &p->probe.target, s->at, rules,
		sizeof(rules) / sizeof(rules[0]), &count);
	if (profile_allows(s->profiles[p->phone], &p->probe.target) != allowed) {
		fprintf(stderr, "policy_decide() and profile_allows() disagree\n");
		o->disagreements++;
	}
	return allowed;
}

/* ---- the firewall ---- */

static struct firewall_session session_of(const struct oracle *o, unsigned phone, uint32_t serial)
{
	return (struct firewall_session){.serial = serial,
		.profile = (uint16_t)(phone + 1),
		.v4 = o->members[phone].v4,
		.v6 = o->members[phone].v6,
		.timeout_ms = 3600000};
}

/* Profiles of the set; with `serial`, also sessions that begin (those before them end). */
static void put_in_force(struct oracle *o, const struct set *s, uint32_t serial)
{
	struct firewall_change *c;

	must("firewall_change_new", firewall_change_new(o->f, &c));
	for (unsigned i = 0; i < PHONES - 1; i++) {
		struct firewall_session old = session_of(o, i, serial - PHONES + i), new = session_of(o, i, serial + i);

		must("firewall_change_profile", firewall_change_profile(c, (uint16_t)(i + 1), s->profiles[i]));
		if (!serial)
			continue;
		must("firewall_change_drop", serial > PHONES ? firewall_change_drop(c, &old) : 0);
		must("firewall_change_session", firewall_change_session(c, &new));
	}
	must("firewall_change_commit", firewall_change_commit(c));
	firewall_change_free(c);
}

static void forget_flows(void)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	g->nfgen_family = AF_UNSPEC;
	must("forgetting flows", netlink_ask(NETLINK_NETFILTER, h, NULL, NULL));
}

static void firewall_start(struct oracle *o)
{
	static struct profile_box box = {.proto_first = 17, .proto_last = 17, .port_first = 7, .port_last = 7};
	struct firewall_spec spec = {.interface = "in0", .listen_port = 51820, .portal_port = 443, .resolver_count = 1};
	struct profile p = {.count = 1, .boxes = &box};
	struct firewall_session s;
	char why[512];
	bool taken_over;

	must("address", prefix_parse("10.64.0.0/10", &spec.network4) | prefix_parse("fd64::/32", &spec.network6) |
				addr_parse("10.64.0.1", &spec.gateway4) | addr_parse("fd64::1", &spec.gateway6) |
				addr_parse("10.20.0.53", &spec.resolvers[0]) | addr_parse("10.20.0.99", &box.first));
	box.last = box.first;
	if (firewall_open(&spec, &o->f, &taken_over, why, sizeof(why)) < 0) {
		fprintf(stderr, "oracle: %s\n", why);
		exit(2);
	}
	must("firewall_alive", firewall_alive(o->f, 3600));
	must("the marker's profile", firewall_profile_set(o->f, MARKER + 1, &p));
	s = session_of(o, MARKER, SESSION_SERIAL_MAX);
	must("the marker's session", firewall_session_set(o->f, &s));
}

/* ---- packets ---- */

/* Only what routing treats as any other address, and not the resolver, which is open to all. */
static bool is_ordinary(const struct target *t)
{
	const uint8_t *b = t->addr.bytes;

	if (t->addr.family == 6)
		return b[0] > 0 && b[0] < 0xfe && !(b[0] == 0xfd && (b[1] == 0x64 || b[1] == 0x31));
	if (b[0] == 0 || b[0] == 127 || b[0] >= 224 || (b[0] == 10 && b[1] >= 64 && b[1] < 128) || (b[0] == 169 && b[1] == 254) ||
		(b[0] == 172 && b[1] == 31))
		return false;
	return !(t->port == RESOLVER_PORT && b[0] == 10 && b[1] == 20 && b[2] == 0 && b[3] == 53);
}

/* The address itself or a neighbour, also across a border of bytes. */
static struct addr beside(struct oracle *o, const struct addr *a)
{
	struct addr r = *a;
	unsigned way = random_below(&o->state, 4);

	for (size_t i = addr_size(a); way >= 2 && i-- > 0;) {
		r.bytes[i] = (uint8_t)(r.bytes[i] + (way == 2 ? 1 : -1));
		if (r.bytes[i] != (way == 2 ? 0 : 255))
			break;
	}
	return r;
}

static struct addr some_address(struct oracle *o, const struct edges *e)
{
	struct addr a;
	char text[32];

	if (e->address_count && random_below(&o->state, 8))
		return beside(o, &e->addresses[random_below(&o->state, e->address_count)]);
	snprintf(text, sizeof(text), random_below(&o->state, 2) ? "10.20.%u.%u" : "2001:db8:20:%x::%x",
		random_below(&o->state, 2), random_below(&o->state, 256));
	must("address", addr_parse(text, &a));
	return a;
}

static uint16_t some_port(struct oracle *o, const struct edges *e)
{
	if (e->port_count && random_below(&o->state, 8))
		return (uint16_t)(e->ports[random_below(&o->state, e->port_count)] + random_below(&o->state, 3) - 1);
	return (uint16_t)random_below(&o->state, 65536);
}

/* A corner of a box of the profile, or beside it. */
static struct target corner(struct oracle *o, const struct profile *p)
{
	const struct profile_box *b = &p->boxes[random_below(&o->state, (unsigned)p->count)];
	unsigned way = random_below(&o->state, 4), port = way & 1 ? b->port_first : b->port_last;

	return (struct target){.addr = beside(o, way & 2 ? &b->first : &b->last),
		.proto = b->proto_first == b->proto_last ? b->proto_first : 0,
		.port = (uint16_t)(port + random_below(&o->state, 3) - 1)};
}

static struct packet some_packet(struct oracle *o, const struct set *s)
{
	static const uint8_t others[] = {50, 89, 253};
	struct packet p = {.phone = random_below(&o->state, PHONES)};
	struct target *t = &p.probe.target;
	unsigned kind;

	do {
		const struct profile *allowed = s->profiles[p.phone];

		if (allowed->count && random_below(&o->state, 2))
			*t = corner(o, allowed);
		else
			*t = (struct target){.addr = some_address(o, &s->edges), .port = some_port(o, &s->edges)};
		kind = random_below(&o->state, 16);
		if (!t->proto || kind < 4)
			t->proto = kind < 7 ? 6 : kind < 12 ? 17 : kind < 15 ? (t->addr.family == 4 ? 1 : 58) : others[kind % 3];
		t->port = t->proto == 6 || t->proto == 17 ? t->port : 0;
	} while (!is_ordinary(t));
	p.probe.phone = t->addr.family == 4 ? o->members[p.phone].v4 : o->members[p.phone].v6;
	p.probe.source_port = (uint16_t)(1024 + random_below(&o->state, 60000));
	return p;
}

static void arrive(struct oracle *o, uint32_t number, bool answer)
{
	unsigned at = number & (AGAIN - 1);

	if (at >= o->packet_count)
		die("a packet that was not sent", -EPROTO);
	*(answer ? &o->packets[at].answered : number & AGAIN ? &o->packets[at].passed_again : &o->packets[at].passed) = true;
}

/* Everything that was sent before has come out, or never will, when the marker has. */
static void settle(struct oracle *o, bool answer)
{
	struct probe marker = {.phone = o->members[MARKER].v4, .target = {.proto = 17, .port = 7}, .source_port = 7};
	const struct wire *in = answer ? &o->lan : &o->phone, *out = answer ? &o->phone : &o->lan;
	uint32_t last = UINT32_MAX - o->markers++, number;
	struct pollfd p = {.fd = out->fd, .events = POLLIN};
	int rc;

	must("address", addr_parse("10.20.0.99", &marker.target.addr));
	must("sending", wire_send(in, &marker, answer, last));
	for (;;) {
		rc = wire_receive(out, &number);
		must("receiving", rc);
		if (rc == 1 && number == last)
			return;
		if (rc == 1)
			arrive(o, number, answer);
		else if (poll(&p, 1, DEADLINE_MS) != 1)
			die("the marker does not come out", -ETIMEDOUT);
	}
}

static void complain(struct oracle *o, const struct set *s, const struct packet *p, const char *what, bool allowed)
{
	const struct subject *who = &o->members[p->phone].subject;
	char to[ADDR_TEXT];

	o->disagreements++;
	fprintf(stderr, "DISAGREEMENT, set in %s at %" PRId64 ": user %s, class %s, groups", s->dir, s->at / 1000000, who->user,
		device_class_name(who->device_class));
	for (size_t i = 0; i < who->group_count; i++)
		fprintf(stderr, " %s", who->groups[i]);
	fprintf(stderr, "%s: %s %s proto %u port %u: the files say %s, the kernel does the opposite\n",
		p->phone == PHONES - 1 ? " (no session)" : "", what, addr_format(&p->probe.target.addr, to),
		p->probe.target.proto, p->probe.target.port, allowed ? "yes" : "no");
}

/* ---- rounds ---- */

static void first_pass(struct oracle *o, const struct set *s)
{
	for (unsigned i = 0; i < o->packet_count; i++) {
		o->packets[i] = some_packet(o, s);
		must("sending", wire_send(&o->phone, &o->packets[i].probe, false, i));
	}
	settle(o, false);
	for (unsigned i = 0; i < o->packet_count; i++) {
		bool allowed = expected(o, s, &o->packets[i]);

		o->allowed += allowed;
		if (o->packets[i].passed != allowed)
			complain(o, s, &o->packets[i], "a first packet to", allowed);
	}
	o->sent += o->packet_count;
}

/* Over the flows that the first pass opened. */
static void second_pass(struct oracle *o, const struct set *s)
{
	for (unsigned i = 0; i < o->packet_count; i++)
		if (o->packets[i].passed)
			must("sending", wire_send(&o->phone, &o->packets[i].probe, false, i | AGAIN));
	settle(o, false);
	for (unsigned i = 0; i < o->packet_count; i++)
		if (o->packets[i].passed)
			must("sending", wire_send(&o->lan, &o->packets[i].probe, true, i));
	settle(o, true);
	for (unsigned i = 0; i < o->packet_count; i++) {
		const struct packet *p = &o->packets[i];
		bool allowed;

		if (!p->passed)
			continue;
		o->sent += 2;
		allowed = expected(o, s, p);
		if (p->passed_again != allowed)
			complain(o, s, p, "on an open flow, to", allowed);
		if (p->answered != allowed)
			complain(o, s, p, "on an open flow, an answer from", allowed);
	}
}

static void phones_name(struct oracle *o)
{
	char text[32];

	for (unsigned i = 0; i <= PHONES; i++) {
		snprintf(text, sizeof(text), "10.64.2.%u", i + 1);
		must("address", addr_parse(text, &o->members[i].v4));
		snprintf(text, sizeof(text), "fd64::2:%x", i + 1);
		must("address", addr_parse(text, &o->members[i].v6));
	}
}

int main(int argc, char **argv)
{
	static struct set sets[2];
	static struct oracle o;
	unsigned policies;
	cpu_set_t one;

	if (argc != 7) {
		fprintf(stderr, "usage: oracle PHONE-NETNS LAN-NETNS FOLDER SEED POLICIES PACKETS\n");
		return 64;
	}
	o.state = strtoull(argv[4], NULL, 10);
	policies = (unsigned)strtoul(argv[5], NULL, 10);
	o.packet_count = (unsigned)strtoul(argv[6], NULL, 10);
	printf("oracle: seed %s, %u policies, %u packets each\n", argv[4], policies, o.packet_count);
	if (!o.packet_count || o.packet_count > PACKETS_MAX)
		return 64;
	o.packets = calloc(o.packet_count, sizeof(*o.packets));
	if (!o.packets)
		die("packets", -ENOMEM);
	CPU_ZERO(&one); /* packets then stay in the order in which they are sent */
	CPU_SET((size_t)sched_getcpu(), &one);
	must("sched_setaffinity", sched_setaffinity(0, sizeof(one), &one));
	phones_name(&o);
	must("the phones' side", wire_open(argv[1], "fwphone", "in0", &o.phone));
	must("the LAN's side", wire_open(argv[2], "fwlan", "lan0", &o.lan));
	firewall_start(&o);
	for (unsigned i = 0; i < 2; i++)
		snprintf(sets[i].dir, sizeof(sets[i].dir), "%s/%u", argv[3], i);
	set_load(&o, &sets[0]);
	for (unsigned i = 0; i < policies && !o.disagreements; i++) {
		struct set *now = &sets[i % 2], *next = &sets[1 - i % 2];

		for (unsigned j = 0; j < PHONES; j++)
			subject_choose(&o, &o.members[j]);
		set_compile(&o, now);
		put_in_force(&o, now, 1 + PHONES * (i + 1));
		first_pass(&o, now);
		set_load(&o, next);
		set_compile(&o, next);
		put_in_force(&o, next, 0);
		second_pass(&o, next);
		forget_flows();
		set_free(now);
		for (unsigned j = 0; j < PHONES; j++) {
			profile_free(next->profiles[j]); /* the next round has other subjects */
			next->profiles[j] = NULL;
		}
	}
	printf("oracle: %" PRIu64 " packets, %" PRIu64 " first ones allowed, %" PRIu64 " disagreements (%" PRIu64
	       " sets refused and made anew)\n",
		o.sent, o.allowed, o.disagreements, o.refused);
	firewall_close(o.f);
	free(o.packets);
	return o.disagreements || !o.allowed ? 1 : 0;
}
