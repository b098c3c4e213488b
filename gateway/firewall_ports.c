/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extra ports and what knocked on them before they led anywhere. */
#include "gateway/firewall_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "gateway/netlink.h"

enum { A_TURN = 256 };

struct search {
	const struct firewall *f;
	struct nf_conntrack *found[A_TURN];
	unsigned count;
};

static bool is_extra(const struct firewall *f, uint16_t port)
{
	for (unsigned i = 0; i < f->spec.extra_port_count; i++)
		if (f->spec.extra_ports[i] == port)
			return true;
	return false;
}

/* Not redirected, and nobody has answered. */
static bool is_stuck(const struct firewall *f, const struct nf_conntrack *ct)
{
	uint16_t dialled = nfct_get_attr_u16(ct, ATTR_ORIG_PORT_DST);

	return nfct_get_attr_u8(ct, ATTR_L4PROTO) == IPPROTO_UDP && is_extra(f, ntohs(dialled)) &&
	       nfct_get_attr_u16(ct, ATTR_REPL_PORT_SRC) == dialled && !(nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_SEEN_REPLY);
}

static int search_each(const struct nlmsghdr *h, void *arg)
{
	struct search *s = arg;
	struct nf_conntrack *ct = nfct_new();

	if (!ct)
		return MNL_CB_ERROR;
	if (s->count < A_TURN && nfct_nlmsg_parse(h, ct) == 0 && is_stuck(s->f, ct))
		s->found[s->count++] = ct;
	else
		nfct_destroy(ct);
	return MNL_CB_OK;
}

static struct nlmsghdr *message(char *buffer, uint16_t type, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

static void forget(struct nf_conntrack *ct)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct nlmsghdr *h = message(buffer, IPCTNL_MSG_CT_DELETE, nfct_get_attr_u8(ct, ATTR_L3PROTO));

	if (nfct_nlmsg_build(h, ct) == 0)
		(void)netlink_ask(NETLINK_NETFILTER, h, NULL, NULL); /* one that is gone by now is as good */
	nfct_destroy(ct);
}

void firewall_ports_release(const struct firewall *f)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct search s = {.f = f};
	unsigned turns = f->spec.extra_port_count ? A_TURN : 0;
	struct nlmsghdr *h;

	while (turns--) {
		s.count = 0;
		h = message(buffer, IPCTNL_MSG_CT_GET, AF_UNSPEC);
		h->nlmsg_flags = NLM_F_DUMP;
		(void)netlink_ask(NETLINK_NETFILTER, h, search_each, &s);
		for (unsigned i = 0; i < s.count; i++)
			forget(s.found[i]);
		if (s.count < A_TURN)
			break;
	}
}
