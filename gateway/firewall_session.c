/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/firewall_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

#include "common/array.h"

unsigned firewall_session_elements(const struct firewall_session *s, bool gone, struct nft_element e[static SESSION_ELEMENTS_MAX])
{
	const struct addr *addresses[] = {&s->v4, &s->v6};
	uint32_t serial = s->serial << PROFILE_BITS;
	uint64_t timeout_ms = s->timeout_ms > 0 ? (uint64_t)s->timeout_ms : 0;
	unsigned count = 0;

	e[count] = (struct nft_element){.set = SET_LIVE, .key_size = sizeof(serial), .timeout_ms = timeout_ms, .gone = gone};
	memcpy(e[count++].key, &serial, sizeof(serial));
	for (unsigned i = 0; i < FIREWALL_FAMILIES; i++) {
		const struct addr *a = addresses[i];

		if (!a->family)
			continue;
		e[count] = (struct nft_element){.set = firewall_families[i].sessions,
			.key_size = (uint8_t)addr_size(a),
			.mark = serial | s->profile,
			.timeout_ms = timeout_ms,
			.gone = gone};
		memcpy(e[count++].key, a->bytes, sizeof(a->bytes));
	}
	return count;
}

bool firewall_session_valid(const struct firewall_session *s)
{
	return s->serial && s->serial <= SESSION_SERIAL_MAX && s->profile <= PROFILE_ID_MAX && s->timeout_ms > 0 &&
	       (!s->v4.family || s->v4.family == 4) && (!s->v6.family || s->v6.family == 6) && (s->v4.family || s->v6.family);
}

int firewall_session_set(struct firewall *f, const struct firewall_session *s)
{
	struct nft_element e[SESSION_ELEMENTS_MAX];

	if (!firewall_session_valid(s))
		return -EINVAL;
	return nft_elements_apply(&f->nft, e, firewall_session_elements(s, false, e));
}

int firewall_session_remove(struct firewall *f, const struct firewall_session *s)
{
	struct nft_element e[SESSION_ELEMENTS_MAX];

	return nft_elements_apply(&f->nft, e, firewall_session_elements(s, true, e));
}

/* ---- dump ---- */

/* One element of sess4, sess6 or live as the kernel has it. */
struct found {
	uint32_t mark;
	struct addr addr; /* family 0: of live */
	int64_t left_ms;
};

struct reading {
	struct found *found;
	size_t count, room, mine; /* mine: where those of the set being read begin */
	uint8_t family;
};

static void reading_restart(void *arg)
{
	struct reading *r = arg;

	r->count = r->mine;
}

static int reading_take(struct nftnl_set_elem *e, void *arg)
{
	struct reading *r = arg;
	struct found x = {.left_ms = INT64_MAX};
	uint32_t key_size, data_size;
	const void *key = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &key_size);
	const void *data = nftnl_set_elem_get(e, NFTNL_SET_ELEM_DATA, &data_size);

	struct found *found = array_room(r->found, &r->room, r->count, 1, sizeof(*found));

	if (!found)
		return -1;
	r->found = found;
	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_EXPIRATION))
		x.left_ms = (int64_t)nftnl_set_elem_get_u64(e, NFTNL_SET_ELEM_EXPIRATION);
	if (r->family) {
		x.addr.family = r->family;
		if (!key || key_size != addr_size(&x.addr) || !data || data_size != sizeof(x.mark))
			return -1;
		memcpy(x.addr.bytes, key, key_size);
		memcpy(&x.mark, data, sizeof(x.mark));
	} else {
		if (!key || key_size != sizeof(x.mark))
			return -1;
		memcpy(&x.mark, key, sizeof(x.mark));
	}
	r->found[r->count++] = x;
	return 0;
}

static int reading_message(const struct nlmsghdr *h, void *arg)
{
	return nft_each_element(h, reading_take, arg);
}

static int read_set(struct firewall *f, struct reading *r, const char *set, uint8_t family)
{
	r->mine = r->count;
	r->family = family;
	return nft_dump(&f->nft, NFT_MSG_GETSETELEM, set, reading_restart, reading_message, r);
}

/* By serial; within one the element of live first, then IPv4, then IPv6. */
static int found_compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	uint32_t p = x->mark >> PROFILE_BITS, q = y->mark >> PROFILE_BITS;

	if (p != q)
		return p < q ? -1 : 1;
	return addr_compare(&x->addr, &y->addr);
}

/* Joins the elements of one serial, from `at` on; returns where the next session begins. */
static size_t join(const struct reading *r, size_t at, struct firewall_session *s)
{
	uint32_t serial = r->found[at].mark >> PROFILE_BITS;
	bool live = false;

	*s = (struct firewall_session){.serial = serial, .timeout_ms = INT64_MAX};
	for (; at < r->count && r->found[at].mark >> PROFILE_BITS == serial; at++) {
		const struct found *x = &r->found[at];
		uint16_t profile = (uint16_t)(x->mark & MARK_PROFILE_MASK);
		struct addr *a = x->addr.family == 4 ? &s->v4 : &s->v6;

		if (x->left_ms < s->timeout_ms)
			s->timeout_ms = x->left_ms;
		if (!x->addr.family) {
			live = true;
			continue;
		}
		if (a->family)
			break; /* a second address of that family: not ours, reported by itself */
		if ((s->v4.family || s->v6.family) && profile != s->profile)
			live = false;
		*a = x->addr;
		s->profile = profile;
	}
	if (!live)
		s->timeout_ms = 0;
	return at;
}

int firewall_sessions(struct firewall *f, int (*each)(const struct firewall_session *s, void *arg), void *arg)
{
	struct reading r = {0};
	struct firewall_session s;
	int rc;

	rc = read_set(f, &r, SET_LIVE, 0);
	if (rc == 0)
		rc = read_set(f, &r, firewall_families[0].sessions, 4);
	if (rc == 0)
		rc = read_set(f, &r, firewall_families[1].sessions, 6);
	if (rc < 0)
		goto out;
	if (r.count)
		qsort(r.found, r.count, sizeof(*r.found), found_compare);
	for (size_t at = 0; at < r.count && rc == 0;) {
		at = join(&r, at, &s);
		rc = each(&s, arg);
	}
out:
	free(r.found);
	return rc;
}
