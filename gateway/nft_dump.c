/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nft.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

enum { ANSWER_TIMEOUT_MS = 5000, RESTARTS = 16 };

struct dump {
	int (*each)(const struct nlmsghdr *message, void *arg);
	void *arg;
	int result; /* what `each` stopped with, or the kernel's error */
	bool disturbed, done;
};

static void take_message(struct dump *d, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e;

	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		d->disturbed = true;
	if (h->nlmsg_type == NLMSG_DONE) {
		d->done = true;
	} else if (h->nlmsg_type == NLMSG_ERROR) {
		e = mnl_nlmsg_get_payload(h);
		if (d->result == 0)
			d->result = mnl_nlmsg_get_payload_len(h) < sizeof(*e) ? -EBADMSG : e->error;
		d->done = true;
	} else if (d->each && d->result == 0) {
		d->result = d->each(h, d->arg); /* after a stop the rest is still read: it would be in the way later */
	}
}

static int receive(struct nft *n, struct dump *d)
{
	struct pollfd p = {.fd = mnl_socket_get_fd(n->socket), .events = POLLIN};
	const struct nlmsghdr *h;
	ssize_t size;
	int left;

	while (!d->done) {
		/* The transaction buffer is free: none is being built during a dump. */
		size = recv(p.fd, n->buffer, NFT_MESSAGE_MAX, MSG_DONTWAIT);
		if (size < 0 && errno == EAGAIN && poll(&p, 1, ANSWER_TIMEOUT_MS) == 0)
			return -ETIMEDOUT;
		if (size < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		left = size < 0 ? 0 : (int)size;
		for (h = (const void *)n->buffer; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_seq == n->sequence)
				take_message(d, h);
		}
	}
	return 0;
}

struct nlmsghdr *nft_question(struct nft *n, uint16_t type, uint16_t flags)
{
	nft_begin(n);
	return nftnl_nlmsg_build_hdr(n->buffer, type, NFPROTO_INET, flags, ++n->sequence);
}

static int ask(struct nft *n, const struct nlmsghdr *h, struct dump *d)
{
	if (mnl_socket_sendto(n->socket, h, h->nlmsg_len) < 0)
		return -errno;
	return receive(n, d);
}

int nft_ask(struct nft *n, const struct nlmsghdr *question)
{
	struct dump d = {0};
	int rc = ask(n, question, &d);

	return rc < 0 ? rc : d.result;
}

int nft_dump(struct nft *n, uint16_t type, const char *set, void (*restart)(void *arg),
	int (*each)(const struct nlmsghdr *message, void *arg), void *arg)
{
	struct nlmsghdr *h;
	struct dump d;
	int tries, rc;

	for (tries = 0; tries < RESTARTS; tries++) {
		d = (struct dump){.each = each, .arg = arg};
		restart(arg);
		h = nft_question(n, type, NLM_F_DUMP);
		mnl_attr_put_strz(h, NFTA_TABLE_NAME, n->table); /* attribute 1 of all kinds */
		if (set)
			mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
		rc = ask(n, h, &d);
		if (rc < 0)
			return rc;
		if (!d.disturbed)
			return d.result;
	}
	return -EINTR;
}

static int exists(struct nft *n, uint16_t type, const char *name)
{
	struct nlmsghdr *h = nft_question(n, type, NLM_F_ACK);
	int rc;

	mnl_attr_put_strz(h, NFTA_TABLE_NAME, n->table);
	if (name)
		mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	rc = nft_ask(n, h);
	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}

int nft_table_exists(struct nft *n)
{
	return exists(n, NFT_MSG_GETTABLE, NULL);
}

int nft_chain_exists(struct nft *n, const char *name)
{
	return exists(n, NFT_MSG_GETCHAIN, name);
}

struct wanted {
	uint16_t type;
	const struct nlattr *found;
};

static int on_attribute(const struct nlattr *a, void *arg)
{
	struct wanted *w = arg;

	if (mnl_attr_get_type(a) != w->type)
		return MNL_CB_OK;
	w->found = a;
	return MNL_CB_STOP;
}

static const struct nlattr *attribute(const struct nlmsghdr *message, uint16_t type)
{
	struct wanted w = {.type = type};

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(struct nfgenmsg))
		(void)mnl_attr_parse(message, sizeof(struct nfgenmsg), on_attribute, &w);
	return w.found;
}

const void *nft_attribute(const struct nlmsghdr *message, uint16_t type, size_t *size)
{
	const struct nlattr *a = attribute(message, type);

	*size = a ? mnl_attr_get_payload_len(a) : 0;
	return a ? mnl_attr_get_payload(a) : NULL;
}

const char *nft_text(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *a = attribute(message, type);

	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(a) : "";
}

bool nft_is_ours(const struct nft *n, const struct nlmsghdr *message)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) >= sizeof(*g) && g->nfgen_family == NFPROTO_INET &&
	       strcmp(nft_text(message, NFTA_TABLE_NAME), n->table) == 0;
}
