/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flow_flood MARK SOURCE DESTINATION COUNT CHUNK: makes COUNT connections in the conntrack table of its network namespace and
 * ends them again, CHUNK at a time, as fast as the kernel does: each an entry with the kernel's own events, as of a flow that was
 * forwarded, but without the cost of its packets. Prints how many there were and how long that took in nanoseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/addr.h"

enum { BATCH = 64, MESSAGE_MAX = 512, TIMEOUT_SECONDS = 600, PORT = 7000, PORTS = 60000, FIRST_PORT = 1024 };

struct flood {
	struct mnl_socket *socket;
	uint32_t mark;
	struct addr source, destination;
	unsigned failed;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct nlmsghdr *message(void *at, struct flood *f, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nfg->nfgen_family = f->source.family == 4 ? AF_INET : AF_INET6;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static void put_tuple(
	struct nlmsghdr *nlh, uint16_t type, const struct addr *from, uint16_t from_port, const struct addr *to, uint16_t to_port)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	mnl_attr_put(nlh, from->family == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, addr_size(from), from->bytes);
	mnl_attr_put(nlh, to->family == 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, addr_size(to), to->bytes);
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(from_port));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(to_port));
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, tuple);
}

/* Answers are errors only: nothing else was asked for. */
static void count_failures(struct flood *f)
{
	char buffer[8192];
	ssize_t size;

	while ((size = recv(mnl_socket_get_fd(f->socket), buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
		f->failed++;
}

static void open_some(struct flood *f, unsigned first, unsigned count)
{
	_Alignas(struct nlmsghdr) char buffer[BATCH * MESSAGE_MAX];
	size_t used = 0;

	for (unsigned i = 0; i < count; i++) {
		uint16_t port = (uint16_t)(FIRST_PORT + (first + i) % PORTS);
		struct nlmsghdr *nlh = message(buffer + used, f, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL);
		put_tuple(nlh, CTA_TUPLE_ORIG | NLA_F_NESTED, &f->source, port, &f->destination, PORT);
		put_tuple(nlh, CTA_TUPLE_REPLY | NLA_F_NESTED, &f->destination, PORT, &f->source, port);
		mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(TIMEOUT_SECONDS));
		mnl_attr_put_u32(nlh, CTA_STATUS, htonl(IPS_CONFIRMED));
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(f->mark));
		used += (nlh->nlmsg_len + 3U) & ~3U; /* NLMSG_ALIGN */
	}
	if (mnl_socket_sendto(f->socket, buffer, used) < 0)
		fail("flow_flood: making connections");
	count_failures(f);
}

static void close_all(struct flood *f)
{
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_MAX];
	struct nlmsghdr *nlh = message(buffer, f, IPCTNL_MSG_CT_DELETE, 0);

	mnl_attr_put_u32(nlh, CTA_MARK, htonl(f->mark));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(UINT32_MAX));
	if (mnl_socket_sendto(f->socket, buffer, nlh->nlmsg_len) < 0)
		fail("flow_flood: ending connections");
}

int main(int argc, char **argv)
{
	struct flood f = {0};
	struct timespec start, end;

	if (argc != 6 || addr_parse(argv[2], &f.source) < 0 || addr_parse(argv[3], &f.destination) < 0 ||
		f.source.family != f.destination.family) {
		fputs("usage: flow_flood MARK SOURCE DESTINATION COUNT CHUNK\n", stderr);
		return 2;
	}
	unsigned count = (unsigned)strtoul(argv[4], NULL, 10), chunk = (unsigned)strtoul(argv[5], NULL, 10);
	f.mark = (uint32_t)strtoul(argv[1], NULL, 0);
	if (!chunk || chunk > PORTS)
		chunk = PORTS;
	f.socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!f.socket || mnl_socket_bind(f.socket, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("flow_flood: netlink");
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned done = 0; done < count;) {
		unsigned until = done + chunk < count ? done + chunk : count;
		for (; done < until; done += until - done < BATCH ? until - done : BATCH)
			open_some(&f, done, until - done < BATCH ? until - done : BATCH);
		close_all(&f);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%u %lld\n", count - f.failed, (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec);
	mnl_socket_close(f.socket);
	return 0;
}
