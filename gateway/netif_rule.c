/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second lock: the policy rules of netif.h. */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "gateway/netif.h"
#include "gateway/netlink.h"

enum { LOCK_PREFERENCE = 90, LOCK_TRIES = 16 };
static const uint32_t lock_mask = 0xffffffff;
static const int families[] = {AF_INET, AF_INET6};

static int rule_change(const char *name, int family, uint16_t type, uint16_t flags)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(nlh, sizeof *rule);

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -EINVAL; /* without its name the rule would hold for every interface */
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	rule->family = (uint8_t)family;
	rule->action = FR_ACT_PROHIBIT;
	mnl_attr_put_u32(nlh, FRA_PRIORITY, LOCK_PREFERENCE);
	mnl_attr_put_strz(nlh, FRA_IIFNAME, name);
	mnl_attr_put_u32(nlh, FRA_FWMARK, 0);
	mnl_attr_put_u32(nlh, FRA_FWMASK, lock_mask);
	return netlink_ask(NETLINK_ROUTE, nlh, NULL, NULL);
}

struct rule_scan {
	const char *name;
	int family;
	bool there;
};

/* A rule counts as ours only if it does exactly what ours does: a narrower one at the same place is no lock. */
static int rule_each(const struct nlmsghdr *nlh, void *arg)
{
	static const uint16_t narrowing[] = {
		FRA_OIFNAME, FRA_TUN_ID, FRA_UID_RANGE, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE};
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *at[FRA_DPORT_RANGE + 1];
	struct rule_scan *scan = arg;
	bool narrow = rule->src_len || rule->dst_len || rule->tos || (rule->flags & FIB_RULE_INVERT);

	netlink_attributes(nlh, sizeof *rule, at, FRA_DPORT_RANGE + 1);
	for (unsigned i = 0; i < sizeof narrowing / sizeof narrowing[0]; i++)
		narrow = narrow || at[narrowing[i]];
	if (rule->family == scan->family && rule->action == FR_ACT_PROHIBIT && !narrow && !netlink_u32(at[FRA_FWMARK]) &&
		netlink_u32(at[FRA_PRIORITY]) == LOCK_PREFERENCE && netlink_u32(at[FRA_FWMASK]) == lock_mask &&
		strcmp(netlink_text(at[FRA_IIFNAME]), scan->name) == 0)
		scan->there = true;
	return MNL_CB_OK;
}

/* 1, 0, -errno. */
static int rule_there(const char *name, int family)
{
	struct rule_scan scan = {.name = name, .family = family};
	int ret = -EINTR;

	for (int i = 0; ret == -EINTR && i < LOCK_TRIES; i++) {
		_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
		struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(nlh, sizeof *rule);

		nlh->nlmsg_type = RTM_GETRULE;
		nlh->nlmsg_flags = NLM_F_DUMP;
		rule->family = (uint8_t)family;
		scan.there = false;
		ret = netlink_ask(NETLINK_ROUTE, nlh, rule_each, &scan);
	}
	return ret ? ret : scan.there;
}

int netif_lock(const char *name)
{
	for (unsigned i = 0; i < sizeof families / sizeof families[0]; i++) {
		int ret = rule_there(name, families[i]);
		/* Not with NLM_F_EXCL: the kernel takes a narrower rule for the same one then. */
		if (!ret)
			ret = rule_change(name, families[i], RTM_NEWRULE, NLM_F_CREATE);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int netif_unlock(const char *name)
{
	for (unsigned i = 0; i < sizeof families / sizeof families[0]; i++) {
		int ret;
		/* More than one is there when somebody added the same rule by hand. */
		for (int n = 0; (ret = rule_there(name, families[i])) == 1 && n < LOCK_TRIES; n++) {
			ret = rule_change(name, families[i], RTM_DELRULE, 0);
			if (ret)
				break;
		}
		if (ret)
			return ret < 0 ? ret : -EBUSY;
	}
	return 0;
}

int netif_lock_check(const char *name)
{
	int ret = 1;

	for (unsigned i = 0; ret == 1 && i < sizeof families / sizeof families[0]; i++)
		ret = rule_there(name, families[i]);
	return ret;
}
