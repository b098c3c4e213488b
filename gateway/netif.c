/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/netif.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "gateway/netlink.h"

struct request {
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
};

static int family_of(const struct addr *a)
{
	return a->family == 4 ? AF_INET : AF_INET6;
}

int netif_index(const char *name)
{
	unsigned index = if_nametoindex(name);

	return index ? (int)index : -ENODEV;
}

/* A message about a link, by index, or by name when the index is 0. */
static struct nlmsghdr *link_message(struct request *r, uint16_t type, uint16_t flags, int index, const char *name)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->buffer);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof *info);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	info->ifi_index = index;
	if (!index)
		mnl_attr_put_strz_check(nlh, sizeof r->buffer, IFLA_IFNAME, name); /* without it the kernel says EINVAL */
	return nlh;
}

int netif_create_wireguard(const char *name)
{
	struct request r;
	struct nlmsghdr *nlh = link_message(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, name);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "wireguard");
	mnl_attr_nest_end(nlh, info);
	return netlink_ask(NETLINK_ROUTE, nlh, NULL, NULL);
}

struct link_state {
	char kind[32];
	unsigned flags;
};

static int link_each(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *at[IFLA_LINKINFO + 1], *in[IFLA_INFO_KIND + 1];
	struct link_state *state = arg;

	netlink_attributes(nlh, sizeof *info, at, IFLA_LINKINFO + 1);
	netlink_nested(at[IFLA_LINKINFO], in, IFLA_INFO_KIND + 1);
	snprintf(state->kind, sizeof state->kind, "%s", netlink_text(in[IFLA_INFO_KIND]));
	state->flags = info->ifi_flags;
	return MNL_CB_OK;
}

static int link_get(const char *name, struct link_state *out)
{
	struct request r;
	struct link_state state = {0};
	int ret = netlink_ask(NETLINK_ROUTE, link_message(&r, RTM_GETLINK, 0, 0, name), link_each, &state);

	if (!ret)
		*out = state;
	return ret;
}

int netif_is_kind(const char *name, const char *kind)
{
	struct link_state state;
	int ret = link_get(name, &state);

	return ret ? ret : strcmp(state.kind, kind) == 0;
}

int netif_is_up(const char *name)
{
	struct link_state state;
	int ret = link_get(name, &state);

	return ret ? ret : (state.flags & IFF_UP) != 0;
}

int netif_delete(const char *name)
{
	struct request r;
	int index = netif_index(name);

	return index < 0 ? index : netlink_ask(NETLINK_ROUTE, link_message(&r, RTM_DELLINK, 0, index, name), NULL, NULL);
}

int netif_up(const char *name, unsigned mtu)
{
	struct request r;
	int index = netif_index(name);
	struct nlmsghdr *nlh;
	struct ifinfomsg *info;

	if (index < 0)
		return index;
	nlh = link_message(&r, RTM_NEWLINK, 0, index, name);
	info = mnl_nlmsg_get_payload(nlh);
	info->ifi_flags = info->ifi_change = IFF_UP;
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return netlink_ask(NETLINK_ROUTE, nlh, NULL, NULL);
}

enum { FOREIGN_MAX = 64 }; /* addresses of others removed in one round */

struct address_scan {
	int index;
	const struct addr *wanted; /* of this family, or NULL */
	int family;
	bool there;
	struct prefix foreign[FOREIGN_MAX];
	unsigned foreign_count;
};

static int address_each(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *at[IFA_LOCAL + 1];
	struct address_scan *scan = arg;
	struct prefix found = {.addr.family = scan->family == AF_INET ? 4 : 6, .bits = info->ifa_prefixlen};
	size_t size = addr_size(&found.addr);
	const void *bytes;

	if (info->ifa_family != scan->family || (int)info->ifa_index != scan->index ||
		(scan->family == AF_INET6 && info->ifa_scope == RT_SCOPE_LINK))
		return MNL_CB_OK;
	netlink_attributes(nlh, sizeof *info, at, IFA_LOCAL + 1);
	/* With a peer address IFA_ADDRESS is the other end's and IFA_LOCAL ours (linux/if_addr.h); IPv6 may send only the first.
	 */
	bytes = netlink_bytes(at[at[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS], size);
	if (!bytes)
		return MNL_CB_OK;
	memcpy(found.addr.bytes, bytes, size);
	if (scan->wanted && found.bits == 8 * size && addr_equal(&found.addr, scan->wanted))
		scan->there = true;
	else if (scan->foreign_count < FOREIGN_MAX)
		scan->foreign[scan->foreign_count++] = found;
	return MNL_CB_OK;
}

static int address_scan(struct address_scan *scan)
{
	enum { TRIES = 16 };
	int ret = -EINTR;

	for (int i = 0; ret == -EINTR && i < TRIES; i++) {
		struct request r;
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(r.buffer);
		struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof *info);

		nlh->nlmsg_type = RTM_GETADDR;
		nlh->nlmsg_flags = NLM_F_DUMP;
		info->ifa_family = (uint8_t)scan->family;
		scan->there = false;
		scan->foreign_count = 0;
		ret = netlink_ask(NETLINK_ROUTE, nlh, address_each, scan);
	}
	return ret;
}

static int address_change(uint16_t type, uint16_t flags, int index, const struct addr *a, uint8_t bits)
{
	struct request r;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r.buffer);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof *info);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	info->ifa_family = (uint8_t)family_of(a);
	info->ifa_prefixlen = bits;
	info->ifa_index = (unsigned)index;
	/* No other host can be on this link: nothing to probe for (RFC 4862 section 5.4), and the address works at once. */
	if (a->family == 6)
		info->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(nlh, IFA_LOCAL, addr_size(a), a->bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, addr_size(a), a->bytes);
	return netlink_ask(NETLINK_ROUTE, nlh, NULL, NULL);
}

static int address_family(int index, int family, const struct addr *wanted)
{
	struct address_scan scan = {.index = index, .family = family, .wanted = wanted->family ? wanted : NULL};
	int ret;

	do {
		ret = address_scan(&scan);
		for (unsigned i = 0; !ret && i < scan.foreign_count; i++) {
			ret = address_change(RTM_DELADDR, 0, index, &scan.foreign[i].addr, scan.foreign[i].bits);
			if (ret == -EADDRNOTAVAIL)
				ret = 0;
		}
	} while (!ret && scan.foreign_count == FOREIGN_MAX);
	if (!ret && scan.wanted && !scan.there)
		ret = address_change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, wanted, (uint8_t)(8 * addr_size(wanted)));
	return ret;
}

int netif_addresses(const char *name, const struct addr *v4, const struct addr *v6)
{
	int index = netif_index(name);
	int ret = index < 0 ? index : address_family(index, AF_INET, v4);

	return ret ? ret : address_family(index, AF_INET6, v6);
}

int netif_route(const char *name, const struct prefix *network)
{
	struct request r;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r.buffer);
	struct rtmsg *info = mnl_nlmsg_put_extra_header(nlh, sizeof *info);
	int index = netif_index(name);

	if (index < 0)
		return index;
	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	info->rtm_family = (uint8_t)family_of(&network->addr);
	info->rtm_dst_len = network->bits;
	info->rtm_table = RT_TABLE_MAIN;
	info->rtm_protocol = RTPROT_STATIC;
	info->rtm_scope = network->addr.family == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	info->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_DST, addr_size(&network->addr), network->addr.bytes);
	mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)index);
	return netlink_ask(NETLINK_ROUTE, nlh, NULL, NULL);
}
