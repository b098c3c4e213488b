/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which profiles does the kernel have, and what is left over of an unfinished change? */
#include "gateway/firewall_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

enum { NAMES_ROOM = 64, LEFTOVERS_A_TURN = 256 };

struct survey {
	struct firewall *f;
	/* The generation that each map refers to; 0: none. */
	uint32_t forward[PROFILE_ID_MAX + 1], reply[PROFILE_ID_MAX + 1];
	uint32_t *map; /* the one being read */
	/* Keys of elements that are none of ours, of the map being read. */
	uint32_t strange[LEFTOVERS_A_TURN];
	unsigned strange_count;
	/* Rules in the chains that the maps refer to. */
	uint8_t rules[PROFILE_ID_MAX + 1];
	/* Names of chains, or of sets, that nothing in force owns. */
	char leftovers[LEFTOVERS_A_TURN][NAMES_ROOM];
	unsigned leftover_count;
};

/* ---- the two maps ---- */

static void map_restart(void *arg)
{
	struct survey *s = arg;

	memset(s->map, 0, sizeof(s->forward));
	s->strange_count = 0;
}

static int map_take(struct nftnl_set_elem *e, void *arg)
{
	struct survey *s = arg;
	uint32_t size, key, generation;
	const void *data = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &size);
	const char *chain = nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_CHAIN) ? nftnl_set_elem_get_str(e, NFTNL_SET_ELEM_CHAIN) : "";
	bool reply = s->map == s->reply;
	uint16_t id;

	if (!data || size != sizeof(key))
		return -1;
	memcpy(&key, data, sizeof(key));
	if ((int)nftnl_set_elem_get_u32(e, NFTNL_SET_ELEM_VERDICT) == NFT_JUMP &&
		firewall_profile_name(chain, &id, &generation) && id == key && reply == (strstr(chain, "_reply") != NULL))
		s->map[id] = generation;
	else if (s->strange_count < LEFTOVERS_A_TURN)
		s->strange[s->strange_count++] = key;
	return 0;
}

static int map_message(const struct nlmsghdr *h, void *arg)
{
	return nft_each_element(h, map_take, arg);
}

static int read_map(struct survey *s, const char *name, uint32_t *map)
{
	s->map = map;
	return nft_dump(&s->f->nft, NFT_MSG_GETSETELEM, name, map_restart, map_message, s);
}

static int drop_key(struct firewall *f, const char *map, uint32_t key)
{
	struct nft_element e = {.set = map, .key_size = sizeof(key), .gone = true};

	memcpy(e.key, &key, sizeof(key));
	return nft_elements_apply(&f->nft, &e, 1);
}

/* Reads a map until nothing strange is in it any more. */
static int clean_map(struct survey *s, const char *name, uint32_t *map)
{
	int rc = read_map(s, name, map);

	while (rc == 0 && s->strange_count) {
		for (unsigned i = 0; i < s->strange_count && rc == 0; i++)
			rc = drop_key(s->f, name, s->strange[i]);
		if (rc == 0)
			rc = read_map(s, name, map);
	}
	return rc;
}

/* ---- chains and sets ---- */

static void rules_restart(void *arg)
{
	struct survey *s = arg;

	memset(s->rules, 0, sizeof(s->rules));
}

static int rules_take(const struct nlmsghdr *h, void *arg)
{
	struct survey *s = arg;
	uint32_t generation;
	uint16_t id;

	if (nft_is_ours(&s->f->nft, h) && firewall_profile_name(nft_text(h, NFTA_RULE_CHAIN), &id, &generation) &&
		generation == s->forward[id] && s->rules[id] < UINT8_MAX)
		s->rules[id]++;
	return 0;
}

static void leftovers_restart(void *arg)
{
	struct survey *s = arg;

	s->leftover_count = 0;
}

static int leftovers_take(struct survey *s, const char *name)
{
	uint32_t generation;
	uint16_t id;

	if (!firewall_profile_name(name, &id, &generation))
		return 0;
	if (generation > s->f->generation)
		s->f->generation = generation;
	if (s->f->profiles[id] != generation && s->leftover_count < LEFTOVERS_A_TURN)
		memcpy(s->leftovers[s->leftover_count++], name, strnlen(name, NAMES_ROOM - 1) + 1);
	return 0;
}

static int leftover_chain(const struct nlmsghdr *h, void *arg)
{
	struct survey *s = arg;

	return nft_is_ours(&s->f->nft, h) ? leftovers_take(s, nft_text(h, NFTA_CHAIN_NAME)) : 0;
}

static int leftover_set(const struct nlmsghdr *h, void *arg)
{
	struct survey *s = arg;

	return nft_is_ours(&s->f->nft, h) ? leftovers_take(s, nft_text(h, NFTA_SET_NAME)) : 0;
}

/* As many turns as it takes, each bounded: chains first, since they refer to the sets. */
static int remove_leftovers(struct survey *s, uint16_t type, int (*take)(const struct nlmsghdr *h, void *arg),
	void (*delete)(struct nft *n, const char *name))
{
	struct nft *n = &s->f->nft;
	int rc;

	for (;;) {
		rc = nft_dump(n, type, NULL, leftovers_restart, take, s);
		if (rc < 0 || !s->leftover_count)
			return rc;
		nft_begin(n);
		for (unsigned i = 0; i < s->leftover_count; i++)
			delete (n, s->leftovers[i]);
		rc = nft_commit(n);
		firewall_watch_collect(s->f);
		if (rc == -EBUSY)
			return 0; /* somebody else's rule holds on to one: let it be, nothing of ours refers to it */
		if (rc < 0)
			return rc;
	}
}

/* ---- together ---- */

/* A profile is in force when both maps agree on it and its chains have their rules; half of one is taken out: closed. */
static int settle(struct survey *s)
{
	int rc = 0;

	for (uint16_t id = 1; id <= PROFILE_ID_MAX && rc == 0; id++) {
		s->f->profiles[id] = 0;
		if (s->forward[id] && s->forward[id] == s->reply[id] && s->rules[id] == 2 * FIREWALL_PROFILE_RULES) {
			s->f->profiles[id] = s->forward[id];
			continue;
		}
		if (s->forward[id])
			rc = drop_key(s->f, MAP_PROFILES, id);
		if (s->reply[id] && rc == 0)
			rc = drop_key(s->f, MAP_PROFILES_REPLY, id);
	}
	return rc;
}

static int sweep(struct survey *s)
{
	int rc = remove_leftovers(s, NFT_MSG_GETCHAIN, leftover_chain, nft_chain_delete);

	return rc < 0 ? rc : remove_leftovers(s, NFT_MSG_GETSET, leftover_set, nft_set_delete);
}

int firewall_profile_sweep(struct firewall *f)
{
	struct survey *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->f = f;
	rc = sweep(s);
	free(s);
	return rc;
}

int firewall_profile_adopt(struct firewall *f)
{
	struct survey *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->f = f;
	rc = clean_map(s, MAP_PROFILES, s->forward);
	if (rc == 0)
		rc = clean_map(s, MAP_PROFILES_REPLY, s->reply);
	if (rc == 0)
		rc = nft_dump(&f->nft, NFT_MSG_GETRULE, NULL, rules_restart, rules_take, s);
	if (rc == 0)
		rc = settle(s);
	if (rc == 0)
		rc = sweep(s);
	free(s);
	return rc;
}

int firewall_profiles(struct firewall *f, int (*each)(uint16_t id, void *arg), void *arg)
{
	struct survey *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->f = f;
	rc = read_map(s, MAP_PROFILES, s->forward);
	for (uint16_t id = 1; id <= PROFILE_ID_MAX && rc == 0; id++)
		if (s->forward[id])
			rc = each(id, arg);
	free(s);
	return rc;
}
