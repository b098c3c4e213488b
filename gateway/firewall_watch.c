/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/firewall_internal.h"

#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnftnl/object.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

enum { MONITOR_BUFFER = 8 << 20, EVENT_SIZE = 65536, DRAIN_DATAGRAMS = 4096 };

/* ---- monitor ---- */

int firewall_watch_open(struct firewall *f)
{
	int size = MONITOR_BUFFER;

	f->monitor = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!f->monitor || mnl_socket_bind(f->monitor, 1U << (NFNLGRP_NFTABLES - 1), MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* A smaller buffer only means that lost events are taken for somebody else's a little more often. */
	(void)setsockopt(mnl_socket_get_fd(f->monitor), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

/* Events carry the netlink port id of the socket whose transaction caused them. */
static bool is_foreign(struct firewall *f, const struct nlmsghdr *h)
{
	unsigned type = h->nlmsg_type & 0xffU;

	return h->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES && type != NFT_MSG_NEWGEN && type != NFT_MSG_TRACE &&
	       h->nlmsg_pid != nft_port(&f->nft) && nft_is_ours(&f->nft, h);
}

int firewall_monitor_fd(const struct firewall *f)
{
	return mnl_socket_get_fd(f->monitor);
}

static int collect(struct firewall *f)
{
	char buffer[EVENT_SIZE] __attribute__((aligned(8)));
	const struct nlmsghdr *h;
	ssize_t size;
	int left;

	for (unsigned i = 0; i < DRAIN_DATAGRAMS; i++) {
		size = recv(firewall_monitor_fd(f), buffer, sizeof(buffer), MSG_DONTWAIT);
		if (size < 0 && errno == EAGAIN)
			return 0;
		if (size < 0 && errno == ENOBUFS)
			f->touched = true; /* who knows whose */
		else if (size < 0 && errno != EINTR)
			return -errno;
		left = size < 0 ? 0 : (int)size;
		for (h = (const void *)buffer; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			if (is_foreign(f, h))
				f->touched = f->foreign = true;
	}
	return 0; /* a flood: the rest waits, the event loop calls again */
}

void firewall_watch_collect(struct firewall *f)
{
	(void)collect(f); /* a lasting error shows up in firewall_monitor_drain() */
}

int firewall_monitor_drain(struct firewall *f)
{
	int rc = collect(f);
	bool touched = f->touched;

	if (rc < 0)
		return rc;
	f->touched = false;
	return touched;
}

/* ---- wholeness ---- */

/* What the table holds now. */
struct inventory {
	struct firewall *f;
	uint64_t print; /* FNV-1a over names, handles, hooks and expressions of everything outside profiles */
	unsigned rules; /* outside profiles */
	unsigned profile_chains, profile_rules, profile_sets; /* of profiles in force */
	/* since the last restart */
	uint64_t print_before;
	unsigned rules_before, counted;
};

static void inventory_restart(void *arg)
{
	struct inventory *v = arg;

	v->print = v->print_before;
	v->rules = v->rules_before;
	v->counted = 0;
}

static void print_add(struct inventory *v, const struct nlmsghdr *h, const uint16_t *attributes)
{
	const uint8_t *data;
	size_t size;

	for (; *attributes; attributes++) {
		data = nft_attribute(h, *attributes, &size);
		v->print = (v->print ^ *attributes) * UINT64_C(0x100000001b3);
		for (size_t i = 0; i < size; i++)
			v->print = (v->print ^ data[i]) * UINT64_C(0x100000001b3);
	}
}

/* Counts what belongs to a profile in force; the rest goes into the fingerprint. False: it was a profile's. */
static bool take_in(struct inventory *v, const struct nlmsghdr *h, uint16_t name, const uint16_t *attributes)
{
	uint32_t generation;
	uint16_t id;

	if (!nft_is_ours(&v->f->nft, h))
		return false;
	if (firewall_profile_name(nft_text(h, name), &id, &generation)) {
		v->counted += v->f->profiles[id] == generation;
		return false;
	}
	print_add(v, h, attributes);
	return true;
}

static int take_chain(const struct nlmsghdr *h, void *arg)
{
	static const uint16_t attributes[] = {NFTA_CHAIN_NAME, NFTA_CHAIN_HANDLE, NFTA_CHAIN_HOOK, NFTA_CHAIN_POLICY, 0};

	(void)take_in(arg, h, NFTA_CHAIN_NAME, attributes);
	return 0;
}

static int take_rule(const struct nlmsghdr *h, void *arg)
{
	static const uint16_t attributes[] = {NFTA_RULE_CHAIN, NFTA_RULE_HANDLE, NFTA_RULE_EXPRESSIONS, 0};
	struct inventory *v = arg;

	v->rules += take_in(v, h, NFTA_RULE_CHAIN, attributes);
	return 0;
}

static int take_set(const struct nlmsghdr *h, void *arg)
{
	static const uint16_t attributes[] = {NFTA_SET_NAME, NFTA_SET_HANDLE, 0};

	(void)take_in(arg, h, NFTA_SET_NAME, attributes);
	return 0;
}

static int take_table(const struct nlmsghdr *h, void *arg)
{
	static const uint16_t attributes[] = {NFTA_TABLE_HANDLE, NFTA_TABLE_FLAGS, 0}; /* flags: dormant */
	struct inventory *v = arg;

	if (nft_is_ours(&v->f->nft, h))
		print_add(v, h, attributes);
	return 0;
}

static int inventory_read(struct firewall *f, struct inventory *v)
{
	const struct {
		uint16_t type;
		int (*take)(const struct nlmsghdr *h, void *arg);
		unsigned *count;
	} kinds[] = {{NFT_MSG_GETTABLE, take_table, NULL}, {NFT_MSG_GETCHAIN, take_chain, &v->profile_chains},
		{NFT_MSG_GETRULE, take_rule, &v->profile_rules}, {NFT_MSG_GETSET, take_set, &v->profile_sets}};
	int rc = 0;

	*v = (struct inventory){.f = f, .print = UINT64_C(0xcbf29ce484222325)};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; i++) {
		v->print_before = v->print;
		v->rules_before = v->rules;
		rc = nft_dump(&f->nft, kinds[i].type, NULL, inventory_restart, kinds[i].take, v);
		if (kinds[i].count)
			*kinds[i].count = v->counted;
	}
	return rc;
}

int firewall_watch_seal(struct firewall *f)
{
	struct inventory v;
	int rc = inventory_read(f, &v);

	if (rc == 0)
		f->base_print = v.print;
	return rc;
}

int firewall_whole(struct firewall *f)
{
	struct inventory v;
	unsigned profiles = 0;
	int rc = collect(f);

	if (rc == 0 && f->foreign)
		return 0; /* whatever they did, in elements too: only opening again makes sure */
	if (rc == 0)
		rc = inventory_read(f, &v);
	if (rc == -ENOENT)
		return 0; /* the table is gone */
	if (rc < 0)
		return rc;
	for (unsigned id = 1; id <= PROFILE_ID_MAX; id++)
		profiles += f->profiles[id] != 0;
	return v.print == f->base_print && v.rules == f->base_rules && v.profile_chains == 2 * profiles &&
	       v.profile_rules == 2 * FIREWALL_PROFILE_RULES * profiles && v.profile_sets == 2 * profiles;
}

/* ---- counters ---- */

static void counters_restart(void *arg)
{
	*(struct firewall_counters *)arg = (struct firewall_counters){0};
}

static int take_counter(const struct nlmsghdr *h, void *arg)
{
	struct firewall_counters *c = arg;
	const struct {
		const char *name;
		uint64_t *value;
	} names[] = {{"denied", &c->refused[FIREWALL_DENIED].all}, {"denied_limited", &c->refused[FIREWALL_DENIED].limited},
		{"no_session", &c->refused[FIREWALL_NO_SESSION].all},
		{"no_session_limited", &c->refused[FIREWALL_NO_SESSION].limited}, {"spoofed", &c->refused[FIREWALL_SPOOFED].all},
		{"spoofed_limited", &c->refused[FIREWALL_SPOOFED].limited}, {"stale", &c->stale}, {"knocks", &c->knocks}};
	struct nftnl_obj *o = nftnl_obj_alloc();
	const char *table, *name;

	if (!o)
		return -ENOMEM;
	if (nftnl_obj_nlmsg_parse(h, o) == 0 && nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER) {
		table = nftnl_obj_get_str(o, NFTNL_OBJ_TABLE);
		name = nftnl_obj_get_str(o, NFTNL_OBJ_NAME);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && table && name; i++)
			if (strcmp(table, FIREWALL_TABLE) == 0 && strcmp(name, names[i].name) == 0)
				*names[i].value = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_PKTS);
	}
	nftnl_obj_free(o);
	return 0;
}

int firewall_counters(struct firewall *f, struct firewall_counters *out)
{
	struct firewall_counters c;
	int rc = nft_dump(&f->nft, NFT_MSG_GETOBJ, NULL, counters_restart, take_counter, &c);

	if (rc == 0)
		*out = c;
	return rc;
}
