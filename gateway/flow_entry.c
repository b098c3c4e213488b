/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One conntrack entry in the kernel's words. Read by hand: a record for each of 100,000 ends a second. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "common/text.h"
#include "gateway/firewall.h"
#include "gateway/flow_internal.h"

static const uint32_t serial_mask = ~(uint32_t)0 << PROFILE_BITS;

static uint64_t big64(const struct nlattr *a)
{
	return be64toh(netlink_u64(a));
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

static int read_address(const struct nlattr *v4, const struct nlattr *v6, struct addr *out)
{
	const struct nlattr *a = v4 ? v4 : v6;
	return a ? addr_from_bytes(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a), out) : -EINVAL;
}

static int read_tuple(const struct nlattr *tuple, struct flow_record *r)
{
	const struct nlattr *parts[CTA_TUPLE_PROTO + 1], *ip[CTA_IP_V6_DST + 1], *proto[CTA_PROTO_DST_PORT + 1];
	netlink_nested(tuple, parts, CTA_TUPLE_PROTO + 1);
	netlink_nested(parts[CTA_TUPLE_IP], ip, CTA_IP_V6_DST + 1);
	netlink_nested(parts[CTA_TUPLE_PROTO], proto, CTA_PROTO_DST_PORT + 1);
	const uint8_t *number = netlink_bytes(proto[CTA_PROTO_NUM], 1);
	if (!number || read_address(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC], &r->source.addr) < 0 ||
		read_address(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST], &r->destination.addr) < 0)
		return -EBADMSG;
	r->proto = *number;
	if (has_ports(r->proto)) {
		r->source.port = ntohs(netlink_u16(proto[CTA_PROTO_SRC_PORT]));
		r->destination.port = ntohs(netlink_u16(proto[CTA_PROTO_DST_PORT]));
	}
	return 0;
}

static void read_counters(const struct nlattr *counters, uint64_t *packets, uint64_t *bytes)
{
	const struct nlattr *at[CTA_COUNTERS_BYTES + 1];
	netlink_nested(counters, at, CTA_COUNTERS_BYTES + 1);
	*packets = big64(at[CTA_COUNTERS_PACKETS]);
	*bytes = big64(at[CTA_COUNTERS_BYTES]);
}

/* The kernel keeps nanoseconds; an entry from before nf_conntrack_timestamp was switched on has none, nor has an open one an end.
 */
static int64_t read_time(const struct nlattr *a, int64_t *now)
{
	uint64_t nanoseconds = big64(a);
	if (nanoseconds)
		return (int64_t)(nanoseconds / 1000);
	if (!*now)
		*now = time_now();
	return *now;
}

int flow_entry_read(const struct nlmsghdr *nlh, struct flow_record *out)
{
	const struct nlattr *at[CTA_TIMESTAMP + 1], *times[CTA_TIMESTAMP_STOP + 1];
	struct flow_record r = {0};
	int64_t now = 0;
	netlink_attributes(nlh, sizeof(struct nfgenmsg), at, CTA_TIMESTAMP + 1);
	r.serial = ntohl(netlink_u32(at[CTA_MARK])) >> PROFILE_BITS;
	if (!r.serial)
		return 0;
	if (read_tuple(at[CTA_TUPLE_ORIG], &r) < 0)
		return -EBADMSG;
	r.id = ntohl(netlink_u32(at[CTA_ID]));
	read_counters(at[CTA_COUNTERS_ORIG], &r.source_packets, &r.source_bytes);
	read_counters(at[CTA_COUNTERS_REPLY], &r.destination_packets, &r.destination_bytes);
	netlink_nested(at[CTA_TIMESTAMP], times, CTA_TIMESTAMP_STOP + 1);
	r.start = read_time(times[CTA_TIMESTAMP_START], &now);
	r.end = read_time(times[CTA_TIMESTAMP_STOP], &now);
	*out = r;
	return 1;
}

/* The kernel compares (ct mark & mask) == mark. */
struct nlmsghdr *flow_entry_request(char buffer[static NETLINK_REQUEST_MAX], uint16_t type, uint16_t flags, uint32_t serial)
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

/* By its ends and its number, so that one that came after it with the same ends stays. */
int flow_entry_delete(const struct nlmsghdr *entry)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	const struct nfgenmsg *from = mnl_nlmsg_get_payload(entry);
	const struct nlattr *at[CTA_ID + 1], *copied[2];
	struct nlmsghdr *nlh = flow_entry_request(buffer, IPCTNL_MSG_CT_DELETE, 0, 0);
	netlink_attributes(entry, sizeof *from, at, CTA_ID + 1);
	if (!at[CTA_TUPLE_ORIG] || !at[CTA_ID])
		return -EBADMSG;
	((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family = from->nfgen_family;
	copied[0] = at[CTA_TUPLE_ORIG];
	copied[1] = at[CTA_ID];
	for (unsigned i = 0; i < 2; i++)
		if (!mnl_attr_put_check(nlh, sizeof buffer, copied[i]->nla_type, mnl_attr_get_payload_len(copied[i]),
			    mnl_attr_get_payload(copied[i])))
			return -EMSGSIZE;
	int r = netlink_ask(NETLINK_NETFILTER, nlh, NULL, NULL);
	return r == -ENOENT ? 0 : r;
}
