/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nft.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

enum {
	ANSWER_TIMEOUT_MS = 5000,
	ANSWER_SIZE = 16384,
	ROOM = 2 * NFT_MESSAGE_MAX, /* behind the last message there is always room for one more and for the end */
	BUFFER_MIN = NFT_BATCH_MAX + ROOM,
	SEND_OVERHEAD = 1024, /* what the kernel counts towards SO_SNDBUF beside the message */
};

/* The kernel takes a transaction only whole, in one datagram that fits into SO_SNDBUF. With a larger one refused the default does
 * for all but the largest transactions, which send(2) then refuses. The kernel doubles what it is told. */
static void send_buffer(struct nft *n, size_t size)
{
	int wanted = (int)(size / 2 + SEND_OVERHEAD);

	if (size > n->send_size &&
		setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) == 0)
		n->send_size = size;
}

int nft_open(struct nft *n, const char *table)
{
	int one = 1, rc;

	*n = (struct nft){.table = table, .size = BUFFER_MIN};
	/* Nobody writes what pads the attributes: it should not be what the heap held before. */
	n->buffer = calloc(1, n->size);
	if (!n->buffer)
		return -ENOMEM;
	n->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!n->socket || mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		rc = -errno;
		nft_close(n);
		return rc;
	}
	send_buffer(n, BUFFER_MIN);
	/* It only makes room. */
	(void)mnl_socket_setsockopt(n->socket, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

void nft_close(struct nft *n)
{
	if (n->rule)
		nftnl_rule_free(n->rule);
	if (n->socket)
		mnl_socket_close(n->socket);
	free(n->buffer);
	*n = (struct nft){0};
}

uint32_t nft_port(const struct nft *n)
{
	return mnl_socket_get_portid(n->socket);
}

static struct nlmsghdr *message_at(struct nft *n, size_t at)
{
	return (struct nlmsghdr *)(void *)(n->buffer + at);
}

void nft_begin(struct nft *n)
{
	if (n->rule)
		nftnl_rule_free(n->rule);
	n->rule = NULL;
	n->rules = 0;
	n->error = 0;
	n->failure_count = 0;
	n->last = 0;
	n->first = ++n->sequence;
	nftnl_batch_begin(n->buffer, n->first);
	n->used = message_at(n, 0)->nlmsg_len;
}

unsigned nft_count(const struct nft *n)
{
	return n->sequence - n->first;
}

bool nft_has_room(const struct nft *n)
{
	return n->used < NFT_BATCH_MAX;
}

/* Makes room for one more message. */
static int grow(struct nft *n)
{
	char *more;

	if (n->size - n->used >= ROOM)
		return 0;
	if (n->size >= NFT_TRANSACTION_MAX)
		return -EMSGSIZE;
	more = realloc(n->buffer, 2 * n->size);
	if (!more)
		return -ENOMEM;
	memset(more + n->size, 0, n->size);
	n->buffer = more;
	n->size *= 2;
	return 0;
}

struct nlmsghdr *nft_message(struct nft *n, uint16_t type, uint16_t flags)
{
	if (!n->error)
		n->error = grow(n);
	if (n->error)
		return NULL;
	n->last = n->used;
	return nftnl_nlmsg_build_hdr(n->buffer + n->used, type, NFPROTO_INET, flags, ++n->sequence);
}

void nft_message_end(struct nft *n)
{
	n->used += (message_at(n, n->last)->nlmsg_len + MNL_ALIGNTO - 1U) & ~(MNL_ALIGNTO - 1U);
}

static void note_failure(struct nft *n, uint32_t sequence, int error)
{
	if (n->failure_count < NFT_FAILURES_MAX)
		n->failures[n->failure_count] = (struct nft_failure){.message = sequence - n->first - 1, .error = error};
	n->failure_count++;
	if (!n->error)
		n->error = error;
}

/* Takes in one datagram of acknowledgements; true when that of the last message was among them. What an earlier exchange that
 * timed out may have left behind is passed over by its sequence number. */
static bool take_answers(struct nft *n, const char *data, size_t size)
{
	const struct nlmsghdr *h = (const void *)data;
	const struct nlmsgerr *e;
	int left = (int)size;
	bool done = false;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof(*e) ||
			h->nlmsg_seq - n->first > nft_count(n))
			continue;
		e = mnl_nlmsg_get_payload(h);
		if (e->error)
			note_failure(n, h->nlmsg_seq, e->error);
		if (h->nlmsg_seq == n->sequence)
			done = true;
	}
	return done;
}

/* The kernel works a transaction off within send(2), so normally everything is there at once and poll(2) is never reached. */
static int collect(struct nft *n)
{
	struct pollfd p = {.fd = mnl_socket_get_fd(n->socket), .events = POLLIN};
	char answer[ANSWER_SIZE] __attribute__((aligned(8)));
	bool done = false;
	ssize_t size;

	for (;;) {
		size = recv(p.fd, answer, sizeof(answer), MSG_DONTWAIT);
		if (size >= 0) {
			done |= take_answers(n, answer, (size_t)size);
		} else if (errno == EAGAIN) {
			if (done || n->error)
				return n->error;
			if (poll(&p, 1, ANSWER_TIMEOUT_MS) == 0)
				return -ETIMEDOUT;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
}

int nft_commit(struct nft *n)
{
	if (n->error || !n->last)
		return n->error;
	message_at(n, n->last)->nlmsg_flags |= NLM_F_ACK;
	nftnl_batch_end(n->buffer + n->used, n->sequence + 1);
	n->used += message_at(n, n->used)->nlmsg_len;
	send_buffer(n, n->used);
	if (mnl_socket_sendto(n->socket, n->buffer, n->used) < 0)
		n->error = -errno;
	else
		n->error = collect(n);
	n->sequence++; /* the end message's */
	return n->error;
}
