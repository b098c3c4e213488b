/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/netlink.h"

/* One datagram holds up to BATCH packets, and waits at most 10 ms for them: a knock is to be answered soon. */
enum { BATCH = 32, FLUSH_CENTISECONDS = 1, DATAGRAM_MAX = 1 << 17 };

struct nflog {
	struct mnl_socket *socket;
	uint16_t group;
	void (*each)(const struct nflog_packet *p, void *arg);
	void *arg;
	unsigned packets; /* in this nflog_read() */
	uint32_t next;	  /* sequence number of the next packet: the kernel counts each group's from 0 */
	uint64_t lost;
	bool overrun; /* one packet was counted as lost before its gap was seen */
	uint8_t *buffer;
};

/* Sends the configuration and waits for its acknowledgement. A packet that comes before it is counted by the gap it leaves. */
static int configure(struct nflog *n, struct nlmsghdr *nlh)
{
	int more;

	nlh->nlmsg_seq = 1;
	if (mnl_socket_sendto(n->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t size = mnl_socket_recvfrom(n->socket, n->buffer, DATAGRAM_MAX);
		if (size < 0)
			return -errno;
		more = mnl_cb_run(n->buffer, (size_t)size, 0, 0, NULL, NULL);
	} while (more > MNL_CB_STOP);
	return more < 0 ? -errno : 0;
}

static struct nlmsghdr *config_message(struct nflog *n, char *buffer)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(n->group);
	return nlh;
}

static int bind_group(struct nflog *n, uint32_t snaplen)
{
	const struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
	const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(snaplen), .copy_mode = NFULNL_COPY_PACKET};
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = config_message(n, buffer);

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof bind, &bind);
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(BATCH));
	mnl_attr_put_u32(nlh, NFULA_CFG_TIMEOUT, htonl(FLUSH_CENTISECONDS));
	mnl_attr_put_u32(nlh, NFULA_CFG_NLBUFSIZ, htonl(DATAGRAM_MAX));
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof mode, &mode);
	return configure(n, nlh);
}

static int nflog_start(struct nflog *n, uint32_t snaplen, int buffer)
{
	int fd;

	n->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	n->buffer = malloc(DATAGRAM_MAX);
	if (!n->socket || !n->buffer)
		return n->socket ? -ENOMEM : -errno;
	fd = mnl_socket_get_fd(n->socket);
	/* Beyond net.core.rmem_max with CAP_NET_ADMIN (socket(7)); without it as much as there is. */
	if (mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
		(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0 &&
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) < 0))
		return -errno;
	return bind_group(n, snaplen);
}

int nflog_open(uint16_t group, uint32_t snaplen, int buffer, void (*each)(const struct nflog_packet *p, void *arg), void *arg,
	struct nflog **out, char *why, size_t why_size)
{
	struct nflog *n = calloc(1, sizeof *n);
	int ret = -ENOMEM;

	if (n) {
		n->group = group;
		n->each = each;
		n->arg = arg;
		ret = nflog_start(n, snaplen, buffer);
	}
	if (!ret) {
		*out = n;
		return 0;
	}
	snprintf(why, why_size, "NFLOG group %u: %s%s", group, strerror(-ret),
		ret == -EPERM ? "; another program has it (see /proc/net/netfilter/nfnetlink_log), or CAP_NET_ADMIN is missing"
		: ret == -EINVAL || ret == -ENOENT ? "; load the module nfnetlink_log"
						   : "");
	nflog_close(n);
	return ret;
}

void nflog_close(struct nflog *n)
{
	if (!n)
		return;
	if (n->socket)
		mnl_socket_close(n->socket); /* the kernel unbinds the group with its socket */
	free(n->buffer);
	free(n);
}

int nflog_fd(const struct nflog *n)
{
	return mnl_socket_get_fd(n->socket);
}

static void count_gap(struct nflog *n, uint32_t sequence)
{
	uint32_t gap = sequence - n->next;

	/* Packets from before the overrun come after the news of it: only the gap itself settles the one counted ahead. */
	n->lost += gap - (gap && n->overrun);
	n->overrun = n->overrun && !gap;
	n->next = sequence + 1;
}

static int packet_each(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *at[NFULA_SEQ + 1];
	struct nflog *n = arg;
	struct nflog_packet p = {0};

	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		return MNL_CB_OK;
	netlink_attributes(nlh, sizeof(struct nfgenmsg), at, NFULA_SEQ + 1);
	if (at[NFULA_SEQ])
		count_gap(n, ntohl(netlink_u32(at[NFULA_SEQ])));
	p.prefix = netlink_text(at[NFULA_PREFIX]);
	if (!at[NFULA_PAYLOAD] ||
		nflog_parse(mnl_attr_get_payload(at[NFULA_PAYLOAD]), mnl_attr_get_payload_len(at[NFULA_PAYLOAD]), &p))
		return MNL_CB_OK;
	n->packets++;
	n->each(&p, n->arg);
	return MNL_CB_OK;
}

int nflog_read(struct nflog *n, unsigned batches)
{
	n->packets = 0;
	while (batches--) {
		ssize_t size = recv(nflog_fd(n), n->buffer, DATAGRAM_MAX, MSG_DONTWAIT);
		if (size < 0 && errno == ENOBUFS) {
			/* How many shows with the next packet's number; if none comes, one at least. */
			n->lost += !n->overrun;
			n->overrun = true;
			continue;
		}
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (size < 0)
			return -errno;
		if (mnl_cb_run(n->buffer, (size_t)size, 0, 0, packet_each, n) < 0)
			return -errno;
	}
	return (int)n->packets;
}

uint64_t nflog_lost(struct nflog *n)
{
	uint64_t lost = n->lost;

	n->lost = 0;
	return lost;
}
