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
	NAME_MAX_BYTES = 40,
	ELEMENTS_A_MESSAGE = 400,
	KEY4_SIZE = 12, /* address, protocol and port, each padded to 4 bytes as nftables' registers are */
	KEY6_SIZE = 24,
};

struct names {
	char forward[NAME_MAX_BYTES], reply[NAME_MAX_BYTES], sets[FIREWALL_FAMILIES][NAME_MAX_BYTES];
};

static struct names names_of(uint16_t id, uint32_t generation)
{
	struct names x;

	(void)snprintf(x.forward, sizeof(x.forward), "profile_%u_%u", id, generation);
	(void)snprintf(x.reply, sizeof(x.reply), "profile_%u_%u_reply", id, generation);
	(void)snprintf(x.sets[0], sizeof(x.sets[0]), "profile_%u_%u_v4", id, generation);
	(void)snprintf(x.sets[1], sizeof(x.sets[1]), "profile_%u_%u_v6", id, generation);
	return x;
}

bool firewall_profile_name(const char *name, uint16_t *id, uint32_t *generation)
{
	unsigned number, count;
	struct names x;

	if (sscanf(name, "profile_%4u_%9u", &number, &count) != 2 || number == 0 || number > PROFILE_ID_MAX)
		return false;
	x = names_of((uint16_t)number, count);
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

static void add_objects(struct nft *n, const struct names *x)
{
	nft_chain_create(n, x->forward, NULL);
	nft_chain_create(n, x->reply, NULL);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		create_set(n, x->sets[i], i);
		add_match(n, x->forward, i, firewall_families[i].destination, FIREWALL_DESTINATION_PORT, x->sets[i]);
		nft_rule_goto(n, "grant");
		add_match(n, x->reply, i, firewall_families[i].source, FIREWALL_SOURCE_PORT, x->sets[i]);
		nft_rule_conclude(n, NF_ACCEPT);
	}
	nft_rule(n, x->forward);
	nft_rule_goto(n, "denied");
	nft_rule(n, x->reply);
	nft_rule_conclude(n, NF_DROP);
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
static void put_boxes(struct nft *n, const struct names *x, const struct profile *p, size_t *at)
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

/* The monitor is read on the way: a large profile makes as many events as it has boxes. */
static int commit(struct firewall *f)
{
	int rc = nft_commit(&f->nft);

	firewall_watch_collect(f);
	return rc;
}

static int build(struct firewall *f, const struct names *x, const struct profile *p)
{
	struct nft *n = &f->nft;
	size_t at = 0;
	int rc;

	nft_begin(n);
	add_objects(n, x);
	while (at < p->count) {
		if (!nft_has_room(n)) {
			rc = commit(f);
			if (rc < 0)
				return rc;
			nft_begin(n);
		}
		put_boxes(n, x, p, &at);
	}
	return commit(f);
}

/* Deletes what nothing refers to. 0 also when it was not there. */
static int discard(struct firewall *f, const struct names *x)
{
	struct nft *n = &f->nft;
	int rc;

	nft_begin(n);
	nft_chain_delete(n, x->forward);
	nft_chain_delete(n, x->reply);
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++)
		nft_set_delete(n, x->sets[i]);
	rc = commit(f);
	return rc == -ENOENT ? 0 : rc;
}

/* ---- in force ---- */

static void map_elements(struct nft_element e[static 2], uint16_t id, const struct names *x)
{
	uint32_t key = id;

	e[0] = (struct nft_element){.set = MAP_PROFILES, .key_size = sizeof(key), .jump = x->forward};
	e[1] = (struct nft_element){.set = MAP_PROFILES_REPLY, .key_size = sizeof(key), .jump = x->reply};
	memcpy(e[0].key, &key, sizeof(key));
	memcpy(e[1].key, &key, sizeof(key));
}

int firewall_profile_set(struct firewall *f, uint16_t id, const struct profile *p)
{
	struct nft_element e[2];
	struct names fresh, old;
	int rc;

	if (!id || id > PROFILE_ID_MAX || p->count > PROFILE_BOXES_MAX)
		return -EINVAL;
	fresh = names_of(id, ++f->generation);
	rc = build(f, &fresh, p);
	if (rc == 0) {
		map_elements(e, id, &fresh);
		rc = nft_elements_put(&f->nft, e, 2);
	}
	if (rc < 0) {
		(void)discard(f, &fresh);
		return rc;
	}
	old = names_of(id, f->profiles[id]);
	/* The new one is in force whatever becomes of the old one, which nothing refers to: firewall_open() removes such leftovers. */
	if (f->profiles[id])
		(void)discard(f, &old);
	f->profiles[id] = f->generation;
	return 0;
}

int firewall_profile_remove(struct firewall *f, uint16_t id)
{
	struct nft_element e[2];
	struct names x;
	int rc;

	if (id > PROFILE_ID_MAX || !f->profiles[id])
		return 0;
	x = names_of(id, f->profiles[id]);
	map_elements(e, id, &x);
	rc = nft_elements_drop(&f->nft, e, 2);
	if (rc < 0)
		return rc;
	f->profiles[id] = 0;
	return discard(f, &x);
}
