/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nft.h"

#include <errno.h>

#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

enum { ATTEMPTS = 6 };

static int element_describe(struct nftnl_set *set, const struct nft *n, const struct nft_element *e, bool whole)
{
	struct nftnl_set_elem *element;
	int rc = 0;

	if (nftnl_set_set_str(set, NFTNL_SET_TABLE, n->table) < 0 || nftnl_set_set_str(set, NFTNL_SET_NAME, e->set) < 0)
		return -ENOMEM;
	element = nftnl_set_elem_alloc();
	if (!element)
		return -ENOMEM;
	rc |= nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, e->key, e->key_size);
	if (whole && e->timeout_ms)
		nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, e->timeout_ms);
	if (whole && e->mark)
		nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_DATA, e->mark);
	if (whole && e->jump) {
		nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_VERDICT, (uint32_t)NFT_JUMP);
		rc |= nftnl_set_elem_set_str(element, NFTNL_SET_ELEM_CHAIN, e->jump);
	}
	nftnl_set_elem_add(set, element); /* owned by the set from here on */
	return rc < 0 ? -ENOMEM : 0;
}

/* Fills a message with one element: with its data and timeout (`whole`), or its key only. */
static int element_build(struct nlmsghdr *h, const struct nft *n, const struct nft_element *e, bool whole)
{
	struct nftnl_set *set = nftnl_set_alloc();
	int rc = -ENOMEM;

	if (!set)
		return rc;
	rc = element_describe(set, n, e, whole);
	if (rc == 0)
		nftnl_set_elems_nlmsg_build_payload(h, set);
	nftnl_set_free(set);
	return rc;
}

static void element_message(struct nft *n, const struct nft_element *e, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = nft_message(n, type, flags);

	if (!h)
		return;
	n->error = element_build(h, n, e, type == NFT_MSG_NEWSETELEM);
	if (!n->error)
		nft_message_end(n);
}

/* 1, 0, or -errno. */
static int element_exists(struct nft *n, const struct nft_element *e)
{
	struct nlmsghdr *h = nft_question(n, NFT_MSG_GETSETELEM, NLM_F_ACK);
	int rc = element_build(h, n, e, false);

	if (rc == 0)
		rc = nft_ask(n, h);
	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}

void nft_element_add(struct nft *n, const struct nft_element *e)
{
	element_message(n, e, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
}

void nft_element_delete(struct nft *n, const struct nft_element *e)
{
	element_message(n, e, NFT_MSG_DELSETELEM, 0);
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

/* Which element does message number `message` belong to, in the order in which elements_change() adds messages? */
static struct nft_element *element_of(struct nft_element *elements, unsigned count, unsigned message, bool put, bool *deletes)
{
	unsigned at = 0, i;

	for (i = 0; i < count; i++) {
		*deletes = true;
		if (elements[i].present && at++ == message)
			return &elements[i];
		*deletes = false;
		if (put && at++ == message)
			return &elements[i];
	}
	return NULL;
}

/* Corrects what was believed by what the kernel said: -EAGAIN when that explains every failure, else the error. */
static int elements_learn(struct nft *n, struct nft_element *elements, unsigned count, bool put)
{
	struct nft_element *wrong[NFT_FAILURES_MAX];
	unsigned i, failures = n->failure_count;
	bool deletes;
	int error;

	if (failures == 0 || failures > NFT_FAILURES_MAX)
		return n->error;
	for (i = 0; i < failures; i++) {
		wrong[i] = element_of(elements, count, n->failures[i].message, put, &deletes);
		error = n->failures[i].error;
		/* Other data under the same key is -EBUSY on some kernels, -EEXIST on others. */
		if (!wrong[i] || (deletes ? error != -ENOENT : error != -EEXIST && error != -EBUSY))
			return error;
	}
	for (i = 0; i < failures; i++)
		wrong[i]->present = !wrong[i]->present;
	return -EAGAIN;
}

/*
 * An element may be deleted only when it is there and added only when it is not, and the kernel may expire it at any moment: so
 * ask first (a transaction that fails costs a grace period of RCU, milliseconds; a question does not), then try until it fits.
 * 'Destroy' messages, which do not mind, came with Linux 6.3: older ones are to be served.
 */
static int elements_change(struct nft *n, struct nft_element *elements, unsigned count, bool put)
{
	unsigned attempt, i;
	int rc;

	for (i = 0; i < count; i++) {
		rc = element_exists(n, &elements[i]);
		if (rc < 0)
			return rc;
		elements[i].present = rc;
	}
	rc = -EAGAIN;
	for (attempt = 0; attempt < ATTEMPTS && rc == -EAGAIN; attempt++) {
		nft_begin(n);
		for (i = 0; i < count; i++) {
			if (elements[i].present)
				nft_element_delete(n, &elements[i]);
			if (put)
				nft_element_add(n, &elements[i]);
		}
		rc = nft_commit(n);
		if (rc < 0)
			rc = elements_learn(n, elements, count, put);
	}
	return rc;
}

int nft_elements_put(struct nft *n, struct nft_element *elements, unsigned count)
{
	return elements_change(n, elements, count, true);
}

int nft_elements_drop(struct nft *n, struct nft_element *elements, unsigned count)
{
	return elements_change(n, elements, count, false);
}

void nft_elements_add(struct nft *n, struct nftnl_set *set)
{
	struct nlmsghdr *h = nft_message(n, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);

	if (!h)
		return;
	nftnl_set_elems_nlmsg_build_payload(h, set);
	nft_message_end(n);
}
