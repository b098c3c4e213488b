/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/firewall.h"
#include "gateway/flow_settings.h"
#include "gateway/netlink.h"

enum {
	DATAGRAM_MAX = 65536, /* an event is one message of less than 1 KiB */
	RECEIVE_BUFFER = 32 << 20, /* only taken when needed */
	END_PATIENCE_USEC = 5 * 1000000,
	END_LOOK_MS = 10,
};

static const uint32_t serial_mask = ~(uint32_t)0 << PROFILE_BITS;

struct flow {
	struct mnl_socket *socket;
	void (*closed)(const struct flow_record *r, void *arg);
	void *arg;
	unsigned records; /* in this flow_read() */
	uint64_t overruns;
	uint8_t buffer[DATAGRAM_MAX];
};

/* --- one entry --- */

static void get_end(const struct nf_conntrack *ct, bool source, struct endpoint *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const void *bytes;

	if (nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO) == AF_INET) {
		bytes = nfct_get_attr(ct, source ? ATTR_ORIG_IPV4_SRC : ATTR_ORIG_IPV4_DST);
		if (bytes)
			memcpy(&v4.sin_addr, bytes, sizeof v4.sin_addr);
		endpoint_from_sockaddr((const struct sockaddr *)&v4, sizeof v4, out);
	} else {
		bytes = nfct_get_attr(ct, source ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV6_DST);
		if (bytes)
			memcpy(&v6.sin6_addr, bytes, sizeof v6.sin6_addr);
		endpoint_from_sockaddr((const struct sockaddr *)&v6, sizeof v6, out);
	}
	out->port = 0;
	switch (nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO)) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		out->port = ntohs(nfct_get_attr_u16(ct, source ? ATTR_ORIG_PORT_SRC : ATTR_ORIG_PORT_DST));
		break;
	default:
		break;
	}
}

/* The kernel keeps nanoseconds; an entry from before nf_conntrack_timestamp was switched on has none. */
static int64_t get_time(const struct nf_conntrack *ct, enum nf_conntrack_attr attribute, int64_t otherwise)
{
	uint64_t nanoseconds = nfct_get_attr_u64(ct, attribute);

	return nanoseconds ? (int64_t)(nanoseconds / 1000) : otherwise;
}

/* 1 with a record, 0 when the entry carries no session's mark, -errno. */
static int record_of(const struct nlmsghdr *nlh, struct flow_record *out)
{
	struct nf_conntrack *ct = nfct_new();
	int64_t now = time_now();
	uint32_t serial;
	int ret = 0;

	if (!ct)
		return -ENOMEM;
	if (nfct_nlmsg_parse(nlh, ct) < 0) {
		ret = -EBADMSG;
		goto out;
	}
	serial = nfct_get_attr_u32(ct, ATTR_MARK) >> PROFILE_BITS;
	if (!serial)
		goto out;
	*out = (struct flow_record){
		.serial = serial,
		.proto = nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO),
		.source_bytes = nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_BYTES),
		.source_packets = nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_PACKETS),
		.destination_bytes = nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_BYTES),
		.destination_packets = nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_PACKETS),
		.start = get_time(ct, ATTR_TIMESTAMP_START, now),
		.end = get_time(ct, ATTR_TIMESTAMP_STOP, now),
	};
	get_end(ct, true, &out->source);
	get_end(ct, false, &out->destination);
	ret = 1;
out:
	nfct_destroy(ct);
	return ret;
}

/* --- the reader --- */

/*
 * The kernel hands us only entries with a session's mark: the others are the host's own business, and many. A kernel without
 * socket filters sends all, which record_of() sorts out.
 */
static void attach_filter(int fd)
{
	struct nfct_filter *filter = nfct_filter_create();
	struct nfct_filter_dump_mark none = {.val = 0, .mask = serial_mask};

	if (!filter)
		return;
	nfct_filter_add_attr(filter, NFCT_FILTER_MARK, &none);
	nfct_filter_set_logic(filter, NFCT_FILTER_MARK, NFCT_FILTER_LOGIC_NEGATIVE);
	(void)nfct_filter_attach(fd, filter);
	nfct_filter_destroy(filter);
}

static int start(struct flow *f)
{
	int size = RECEIVE_BUFFER, on = 1, fd;

	f->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!f->socket)
		return -errno;
	fd = mnl_socket_get_fd(f->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0)
		return -errno;
	/*
	 * An end that finds our buffer full is kept by the kernel and reported again later (netlink(7),
	 * NETLINK_BROADCAST_ERROR): nothing is lost, so there is no need to hear of it. Where that cannot be had, flow_overruns()
	 * counts.
	 */
	if (mnl_socket_setsockopt(f->socket, NETLINK_BROADCAST_ERROR, &on, sizeof on) == 0)
		mnl_socket_setsockopt(f->socket, NETLINK_NO_ENOBUFS, &on, sizeof on);
	attach_filter(fd);
	return mnl_socket_bind(f->socket, NF_NETLINK_CONNTRACK_DESTROY, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

int flow_open(void (*closed)(const struct flow_record *r, void *arg), void *arg, struct flow **out, char *why, size_t why_size)
{
	struct flow *f;
	int ret = flow_settings(why, why_size);

	if (ret)
		return ret;
	f = calloc(1, sizeof *f);
	if (f) {
		f->closed = closed;
		f->arg = arg;
		ret = start(f);
	} else {
		ret = -ENOMEM;
	}
	if (ret) {
		snprintf(why, why_size, "connection tracking events: %s%s", strerror(-ret),
			ret == -EPERM ? "; start the gateway with CAP_NET_ADMIN" : "; load the module nf_conntrack_netlink");
		flow_close(f);
		return ret;
	}
	*out = f;
	return 0;
}

void flow_close(struct flow *f)
{
	if (!f)
		return;
	if (f->socket)
		mnl_socket_close(f->socket);
	free(f);
}

int flow_fd(const struct flow *f)
{
	return mnl_socket_get_fd(f->socket);
}

static int event_each(const struct nlmsghdr *nlh, void *arg)
{
	struct flow *f = arg;
	struct flow_record r;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE) || record_of(nlh, &r) != 1)
		return MNL_CB_OK;
	f->records++;
	f->closed(&r, f->arg);
	return MNL_CB_OK;
}

int flow_read(struct flow *f, unsigned batches)
{
	f->records = 0;
	while (batches--) {
		ssize_t size = recv(flow_fd(f), f->buffer, sizeof f->buffer, MSG_DONTWAIT);
		if (size < 0 && errno == ENOBUFS) {
			f->overruns++;
			continue;
		}
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (size < 0)
			return -errno;
		mnl_cb_run(f->buffer, (size_t)size, 0, 0, event_each, f);
	}
	return (int)f->records;
}

uint64_t flow_overruns(struct flow *f)
{
	uint64_t n = f->overruns;

	f->overruns = 0;
	return n;
}

/* --- one session's entries --- */

/* A message about all entries with a session's mark; the kernel compares (ct mark & mask) == mark. Serial 0: with any mark. */
static struct nlmsghdr *session_message(char *buffer, uint16_t type, uint16_t flags, uint32_t serial)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = flags;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	if (serial) {
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(serial << PROFILE_BITS));
		mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(serial_mask));
	}
	return nlh;
}

struct walk {
	uint32_t serial; /* 0: of any session */
	void (*each)(const struct flow_record *r, void *arg);
	void *arg;
	unsigned count;
};

static int walk_each(const struct nlmsghdr *nlh, void *arg)
{
	struct walk *w = arg;
	struct flow_record r;
	int ret = record_of(nlh, &r);

	if (ret < 0) {
		errno = -ret;
		return MNL_CB_ERROR;
	}
	if (!ret || (w->serial && r.serial != w->serial))
		return MNL_CB_OK;
	w->count++;
	if (w->each)
		w->each(&r, w->arg);
	return MNL_CB_OK;
}

static int walk(uint16_t type, struct walk *w)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];

	return netlink_ask(NETLINK_NETFILTER, session_message(buffer, type, NLM_F_DUMP, w->serial), walk_each, w);
}

/* Everything that has been reported by now. */
static int drain(struct flow *f)
{
	int n;

	do {
		n = flow_read(f, 256);
	} while (n > 0);
	return n;
}

/*
 * The deletion reports each entry to our socket before it is acknowledged, except those that found the buffer full: these wait on
 * the kernel's list of dying entries to be reported again.
 */
static int settle(struct flow *f, uint32_t serial)
{
	int64_t deadline = time_boot() + END_PATIENCE_USEC;
	struct pollfd p = {.fd = flow_fd(f), .events = POLLIN};
	int ret = 0;

	while (!ret) {
		struct walk dying = {.serial = serial};
		ret = walk(IPCTNL_MSG_CT_GET_DYING, &dying);
		if (!ret)
			ret = drain(f);
		if (ret || !dying.count)
			break;
		if (time_boot() > deadline)
			ret = -ETIMEDOUT;
		else if (poll(&p, 1, END_LOOK_MS) < 0 && errno != EINTR)
			ret = -errno;
	}
	return ret;
}

int flow_end(struct flow *f, uint32_t serial)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	int ret;

	if (!serial || serial > SESSION_SERIAL_MAX)
		return -EINVAL;
	ret = netlink_ask(NETLINK_NETFILTER, session_message(buffer, IPCTNL_MSG_CT_DELETE, 0, serial), NULL, NULL);
	return ret ? ret : settle(f, serial);
}

/* Deletes one entry by what the kernel said of it. Gone meanwhile is as good. */
static int entry_delete(const struct nlmsghdr *entry)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct nf_conntrack *ct = nfct_new();
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
	int ret = -EBADMSG;

	if (!ct)
		return -ENOMEM;
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	nfg->version = NFNETLINK_V0;
	if (nfct_nlmsg_parse(entry, ct) == 0) {
		struct nf_conntrack *tuple = nfct_new();
		if (tuple) {
			nfct_copy(tuple, ct, NFCT_CP_ORIG);
			nfg->nfgen_family = nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO);
			ret = nfct_nlmsg_build(nlh, tuple) < 0 ? -EBADMSG : netlink_ask(NETLINK_NETFILTER, nlh, NULL, NULL);
			nfct_destroy(tuple);
		}
	}
	nfct_destroy(ct);
	return ret == -ENOENT ? 0 : ret;
}

struct cut {
	bool (*gone)(const struct flow_record *r, void *arg);
	void *arg;
	int error;
};

static int cut_each(const struct nlmsghdr *nlh, void *arg)
{
	struct cut *c = arg;
	struct flow_record r;
	int ret = record_of(nlh, &r);

	if (ret == 1 && c->gone(&r, c->arg))
		ret = entry_delete(nlh);
	if (ret < 0)
		c->error = ret;
	return MNL_CB_OK;
}

int flow_cut(struct flow *f, bool (*gone)(const struct flow_record *r, void *arg), void *arg)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct cut c = {.gone = gone, .arg = arg};
	int ret = netlink_ask(NETLINK_NETFILTER, session_message(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, 0), cut_each, &c);

	if (!ret)
		ret = settle(f, 0);
	return ret ? ret : c.error;
}

int flow_each(struct flow *f, uint32_t serial, void (*each)(const struct flow_record *r, void *arg), void *arg)
{
	struct walk w = {.serial = serial, .each = each, .arg = arg};

	(void)f;
	return walk(IPCTNL_MSG_CT_GET, &w);
}
