/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/firewall_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/*
 * A profile's chains and sets are never changed: each content is a generation with names of its own. Built in as many
 * transactions as it takes while nothing refers to it, put in force by one, the old deleted by another. Flushing and refilling
 * a set, or filling and repointing in one transaction, loses packets on some kernels.
 */
enum {
	ELEMENTS_A_MESSAGE = 400,
	KEY4_SIZE = 12, /* address, protocol and port, each padded to 4 bytes as nftables' registers are */
	KEY6_SIZE = 24,
};

struct profile_names firewall_profile_names(uint16_t id, uint32_t generation)
{
	struct profile_names x;

	(void)snprintf(x.forward, sizeof(x.forward), "profile_%u_%u", id, generation);
	(void)snprintf(x.reply, sizeof(x.reply), "profile_%u_%u_reply", id, generation);
	(void)snprintf(x.sets[0], sizeof(x.sets[0]), "profile_%u_%u_v4", id, generation);
	(void)snprintf(x.sets[1], sizeof(x.sets[1]), "profile_%u_%u_v6", id, generation);
	return x;
}

bool firewall_profile_name(const char *name, uint16_t *id, uint32_t *generation)
{
	unsigned number, count;
	struct profile_names x;

	if (sscanf(name, "profile_%4u_%9u", &number, &count) != 2 || number == 0 || number > PROFILE_ID_MAX)
		return false;
	x = firewall_profile_names((uint16_t)number, count);
	if (strcmp(name, x.forward) != 0 && strcmp(name, x.reply) != 0 && strcmp(name, x.sets[0]) != 0 &&
		strcmp(name, x.sets[1]) != 0)
		return false;
	*id = (uint16_t)number;
	*generation = count;
	return true;
}

/* ---- building ---- */

static void create_set(struct nft *n, const char *name, unsigned family)
{
	static const uint8_t fields[FIREWALL_FAMILIES][3] = {{4, 1, 2}, {16, 1, 2}};
	uint32_t address = family == 0 ? NFT_TYPE_IPV4 : NFT_TYPE_IPV6;

	nft_set_create(n, &(struct nft_set_shape){.name = name,
				  .flags = NFT_SET_INTERVAL | NFT_SET_CONCAT,
				  .key_type = ((address << NFT_TYPE_CONCAT_BITS | NFT_TYPE_PROTOCOL) << NFT_TYPE_CONCAT_BITS) |
					      NFT_TYPE_SERVICE,
				  .key_size = family == 0 ? KEY4_SIZE : KEY6_SIZE,
				  .fields = fields[family],
				  .field_count = 3});
}

/* address . protocol . port in the set -> `chain`. */
static void add_match(struct nft *n, const char *chain, unsigned family, uint8_t address, uint32_t port, const char *set)
{
	const struct firewall_family *v = &firewall_families[family];

	nft_rule(n, chain);
	nft_rule_load_address(n, v->nfproto, address, v->size);
	nft_rule_meta(n, NFT_META_L4PROTO, family == 0 ? NFT_R32_1 : NFT_R32_4);
	nft_rule_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, port, sizeof(uint16_t), family == 0 ? NFT_R32_2 : NFT_R32_5);
	nft_rule_lookup(n, set, false);
}

static void add_objects(struct nft *n, const struct profile_names *x)
{
	nft_chain_create(n, x->forward, NULL);
	nft_chain_create(n, x->reply, NULL);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		create_set(n, x->sets[i], i);
		add_match(n, x->forward, i, firewall_families[i].destination, FIREWALL_DESTINATION_PORT, x->sets[i]);
		nft_rule_goto(n, "grant");
		add_match(n, x->reply, i, firewall_families[i].source, FIREWALL_SOURCE_PORT, x->sets[i]);
		nft_rule_goto(n, "pass");
	}
	nft_rule(n, x->forward);
	nft_rule_goto(n, "unlisted");
	nft_rule(n, x->reply);
	nft_rule_goto(n, "unlisted_reply");
}

static void put_key(uint8_t key[static KEY6_SIZE], const struct addr *a, uint8_t proto, uint16_t port)
{
	size_t size = addr_size(a);

	memset(key, 0, KEY6_SIZE);
	memcpy(key, a->bytes, size);
	key[size] = proto;
	key[size + 4] = (uint8_t)(port >> 8);
	key[size + 5] = (uint8_t)port;
}

static int put_box(struct nftnl_set *set, const struct profile_box *b)
{
	struct nftnl_set_elem *e = nftnl_set_elem_alloc();
	uint32_t size = b->first.family == 4 ? KEY4_SIZE : KEY6_SIZE;
	uint8_t first[KEY6_SIZE], last[KEY6_SIZE];

	if (!e)
		return -ENOMEM;
	nftnl_set_elem_add(set, e); /* owned by the set from here on */
	put_key(first, &b->first, b->proto_first, b->port_first);
	put_key(last, &b->last, b->proto_last, b->port_last);
	if (nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, first, size) < 0 ||
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY_END, last, size) < 0)
		return -ENOMEM;
	return 0;
}

/* One message with the boxes that belong into one set, from `at` on; `at` moves behind them. */
static void put_boxes(struct nft *n, const struct profile_names *x, const struct profile *p, size_t *at)
{
	struct nftnl_set *set = nftnl_set_alloc();
	uint8_t family = p->boxes[*at].first.family;
	int rc = -ENOMEM;

	if (set && nftnl_set_set_str(set, NFTNL_SET_TABLE, n->table) == 0 &&
		nftnl_set_set_str(set, NFTNL_SET_NAME, x->sets[family == 6]) == 0)
		rc = 0;
	for (unsigned i = 0; i < ELEMENTS_A_MESSAGE && rc == 0 && *at < p->count && p->boxes[*at].first.family == family; i++)
		rc = put_box(set, &p->boxes[(*at)++]);
	if (rc == 0)
		nft_elements_add(n, set);
	else if (n->error == 0)
		n->error = rc;
	if (set)
		nftnl_set_free(set);
}

int firewall_profile_commit(struct firewall *f)
{
	int rc = nft_commit(&f->nft);

	firewall_watch_collect(f);
	return rc;
}

static int commit_when_full(struct firewall *f)
{
	int rc;

	if (nft_has_room(&f->nft))
		return 0;
	rc = firewall_profile_commit(f);
	nft_begin(&f->nft);
	return rc;
}

int firewall_profile_build(struct firewall *f, const struct profile_names *x, const struct profile *p)
{
	size_t at = 0;
	int rc = commit_when_full(f);

	if (rc == 0)
		add_objects(&f->nft, x);
	while (at < p->count && rc == 0) {
		rc = commit_when_full(f);
		if (rc == 0)
			put_boxes(&f->nft, x, p, &at);
	}
	return rc;
}

int firewall_profile_discard(struct firewall *f, const struct profile_names *x)
{
	struct nft *n = &f->nft;
	int rc = commit_when_full(f);

	if (rc < 0)
		return rc;
	nft_chain_delete(n, x->forward);
	nft_chain_delete(n, x->reply);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++)
		nft_set_delete(n, x->sets[i]);
	return 0;
}

/* ---- in force ---- */

void firewall_profile_elements(uint16_t id, const struct profile_names *x, struct nft_element e[static PROFILE_ELEMENTS])
{
	uint32_t key = id;

	e[0] = (struct nft_element){.set = MAP_PROFILES, .key_size = sizeof(key), .jump = x ? x->forward : NULL, .gone = !x};
	e[1] = (struct nft_element){.set = MAP_PROFILES_REPLY, .key_size = sizeof(key), .jump = x ? x->reply : NULL, .gone = !x};
	memcpy(e[0].key, &key, sizeof(key));
	memcpy(e[1].key, &key, sizeof(key));
}

int firewall_profile_set(struct firewall *f, uint16_t id, const struct profile *p)
{
	struct firewall_change *c;
	int rc = firewall_change_new(f, &c);

	if (rc < 0)
		return rc;
	rc = firewall_change_profile(c, id, p);
	if (rc == 0)
		rc = firewall_change_commit(c);
	firewall_change_free(c);
	return rc;
}

int firewall_profile_remove(struct firewall *f, uint16_t id)
{
	struct nft_element e[PROFILE_ELEMENTS];
	struct profile_names x;
	int rc;

	if (id > PROFILE_ID_MAX || !f->profiles[id])
		return 0;
	firewall_profile_elements(id, NULL, e);
	rc = nft_elements_apply(&f->nft, e, PROFILE_ELEMENTS);
	if (rc < 0)
		return rc;
	x = firewall_profile_names(id, f->profiles[id]);
	f->profiles[id] = 0;
	nft_begin(&f->nft);
	(void)firewall_profile_discard(f, &x); /* there is room in a new transaction */
	rc = firewall_profile_commit(f);
	return rc == -ENOENT ? 0 : rc;
}
