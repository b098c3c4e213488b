/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

enum {
	ATTEMPTS = 6,
	ELEMENTS_A_MESSAGE = 400, /* 96 bytes each at most: below NFT_MESSAGE_MAX */
	ASK_MAX = 256, /* elements of one set that are asked for one by one; more: the set is read */
};

/* ---- messages ---- */

/* Takes an element into a set under construction: with its data and timeout (`whole`), or its key only. */
static int element_put(struct nftnl_set *set, const struct nft_element *e, bool whole)
{
	struct nftnl_set_elem *element = nftnl_set_elem_alloc();
	int rc = 0;

	if (!element)
		return -ENOMEM;
	nftnl_set_elem_add(set, element); /* owned by the set from here on */
	rc |= nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, e->key, e->key_size);
	if (whole && e->timeout_ms)
		nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, e->timeout_ms);
	if (whole && e->mark)
		nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_DATA, e->mark);
	if (whole && e->jump) {
		nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_VERDICT, (uint32_t)NFT_JUMP);
		rc |= nftnl_set_elem_set_str(element, NFTNL_SET_ELEM_CHAIN, e->jump);
	}
	return rc < 0 ? -ENOMEM : 0;
}

static struct nftnl_set *set_named(const struct nft *n, const char *name)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (set && nftnl_set_set_str(set, NFTNL_SET_TABLE, n->table) == 0 && nftnl_set_set_str(set, NFTNL_SET_NAME, name) == 0)
		return set;
	if (set)
		nftnl_set_free(set);
	return NULL;
}

static void elements_message(struct nft *n, uint16_t type, uint16_t flags, struct nftnl_set *set)
{
	struct nlmsghdr *h = nft_message(n, type, flags);

	if (!h)
		return;
	nftnl_set_elems_nlmsg_build_payload(h, set);
	nft_message_end(n);
}

void nft_elements_add(struct nft *n, struct nftnl_set *set)
{
	elements_message(n, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, set);
}

void nft_element_add(struct nft *n, const struct nft_element *e)
{
	struct nftnl_set *set = set_named(n, e->set);
	int rc = set ? element_put(set, e, true) : -ENOMEM;

	if (rc == 0)
		nft_elements_add(n, set);
	else if (!n->error)
		n->error = rc;
	if (set)
		nftnl_set_free(set);
}

int nft_each_element(const struct nlmsghdr *message, int (*each)(struct nftnl_set_elem *e, void *arg), void *arg)
{
	struct nftnl_set *set = nftnl_set_alloc();
	int rc = 0;

	if (!set)
		return -ENOMEM;
	if (nftnl_set_elems_nlmsg_parse(message, set) < 0 || nftnl_set_elem_foreach(set, each, arg) < 0)
		rc = -EBADMSG;
	nftnl_set_free(set);
	return rc;
}

/* ---- is it there? ---- */

/* 1, 0, or -errno. */
static int element_exists(struct nft *n, const struct nft_element *e)
{
	struct nftnl_set *set = set_named(n, e->set);
	struct nlmsghdr *h;
	int rc = set ? element_put(set, e, false) : -ENOMEM;

	if (rc == 0) {
		h = nft_question(n, NFT_MSG_GETSETELEM, NLM_F_ACK);
		nftnl_set_elems_nlmsg_build_payload(h, set);
		rc = nft_ask(n, h);
	}
	if (set)
		nftnl_set_free(set);
	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}

static int compare_place(const struct nft_element *x, const struct nft_element *y)
{
	int order = x->set == y->set ? 0 : strcmp(x->set, y->set);

	return order ? order : memcmp(x->key, y->key, sizeof(x->key));
}

/* By set and key; of those for one place the one that counts last. */
static int compare_elements(const void *a, const void *b)
{
	const struct nft_element *x = a, *y = b;
	int order = compare_place(x, y);

	if (order)
		return order;
	if (x->gone != y->gone)
		return x->gone ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Sorts, and leaves one for each place; returns how many are left. */
static unsigned elements_sort(struct nft_element *elements, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		elements[i].order = i;
	if (count > 1)
		qsort(elements, count, sizeof(*elements), compare_elements);
	for (unsigned i = 0; i < count; i++)
		if (i + 1 == count || compare_place(&elements[i], &elements[i + 1]) != 0)
			elements[kept++] = elements[i];
	return kept;
}

/* Where the elements of the next set begin. */
static unsigned set_end(const struct nft_element *elements, unsigned count, unsigned at)
{
	const char *set = elements[at].set;

	while (at < count && strcmp(elements[at].set, set) == 0)
		at++;
	return at;
}

/* The elements of one set while that is being read. */
struct slice {
	struct nft_element *elements;
	unsigned count;
};

static void slice_restart(void *arg)
{
	struct slice *s = arg;

	for (unsigned i = 0; i < s->count; i++)
		s->elements[i].present = false;
}

static int slice_take(struct nftnl_set_elem *e, void *arg)
{
	struct slice *s = arg;
	struct nft_element wanted = {.set = s->elements->set}, *found;
	uint32_t size;
	const void *key = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &size);
	unsigned low = 0, high = s->count;

	if (!key || size > sizeof(wanted.key))
		return -1;
	memcpy(wanted.key, key, size);
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = memcmp(s->elements[middle].key, wanted.key, sizeof(wanted.key));

		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	found = low < s->count ? &s->elements[low] : NULL;
	if (found && memcmp(found->key, wanted.key, sizeof(wanted.key)) == 0)
		found->present = true;
	return 0;
}

static int slice_message(const struct nlmsghdr *h, void *arg)
{
	return nft_each_element(h, slice_take, arg);
}

/* Sets `present`. */
static int look(struct nft *n, struct nft_element *elements, unsigned count)
{
	unsigned at, end;
	int rc = 0;

	for (at = 0; at < count && rc == 0; at = end) {
		end = set_end(elements, count, at);
		if (end - at > ASK_MAX) {
			rc = nft_dump(n, NFT_MSG_GETSETELEM, elements[at].set, slice_restart, slice_message,
				&(struct slice){elements + at, end - at});
			continue;
		}
		for (unsigned i = at; i < end && rc >= 0; i++) {
			rc = element_exists(n, &elements[i]);
			elements[i].present = rc == 1;
		}
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

/* ---- changes ---- */

/* Messages for those elements of one set that are to be deleted, or to be added. */
static void add_messages(struct nft *n, const struct nft_element *elements, unsigned count, bool add)
{
	uint16_t type = add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nftnl_set *set = NULL;
	unsigned filled = 0;
	int rc = 0;

	for (unsigned i = 0; i < count && rc == 0; i++) {
		if (add ? elements[i].gone : !elements[i].present)
			continue;
		if (!set)
			set = set_named(n, elements->set);
		rc = set ? element_put(set, &elements[i], add) : -ENOMEM;
		if (rc == 0 && ++filled == ELEMENTS_A_MESSAGE) {
			elements_message(n, type, flags, set);
			nftnl_set_free(set);
			set = NULL;
			filled = 0;
		}
	}
	if (rc == 0 && set)
		elements_message(n, type, flags, set);
	if (set)
		nftnl_set_free(set);
	if (rc < 0 && !n->error)
		n->error = rc;
}

/* Is it worth looking again? An element came or went meanwhile (other data under the same key is -EBUSY on some kernels, -EEXIST
 * on others), or the kernel's answer was lost: what was to be done may be done again. */
static bool retry(int rc)
{
	return rc == -ENOENT || rc == -EEXIST || rc == -EBUSY || rc == -ENOBUFS || rc == -ETIMEDOUT;
}

/*
 * An element may be deleted only when it is there and added only when it is not, and the kernel may expire it at any moment: so
 * ask first (a transaction that fails costs a grace period of RCU, milliseconds; a question does not), then try until it fits.
 * 'Destroy' messages, which do not mind, came with Linux 6.3: older ones are to be served.
 */
int nft_elements_apply(struct nft *n, struct nft_element *elements, unsigned count)
{
	int rc = -EAGAIN;

	count = elements_sort(elements, count);
	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		unsigned at, end;

		rc = look(n, elements, count);
		if (rc < 0)
			return rc;
		nft_begin(n);
		for (at = 0; at < count; at = end) {
			end = set_end(elements, count, at);
			add_messages(n, elements + at, end - at, false);
			add_messages(n, elements + at, end - at, true);
		}
		rc = nft_commit(n);
		if (!retry(rc))
			return rc;
	}
	return rc;
}
