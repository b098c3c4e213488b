/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's table as a whole: looking at the open flows, and closing some. */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <poll.h>

#include "common/text.h"
#include "gateway/firewall.h"
#include "gateway/flow_internal.h"

enum { END_PATIENCE_USEC = 5 * 1000000, END_LOOK_MS = 10 };

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
	int ret = flow_entry_read(nlh, &r);

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

	return netlink_ask(NETLINK_NETFILTER, flow_entry_request(buffer, type, NLM_F_DUMP, w->serial), walk_each, w);
}

/*
 * A deletion reports each entry to our socket before it is acknowledged, except those that found the buffer full: these wait on
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
			ret = flow_drain(f);
		if (ret || !dying.count)
			break;
		/* As long as more comes, reading it is cheaper than asking how much is left. */
		while (!ret && time_boot() < deadline && poll(&p, 1, END_LOOK_MS) > 0)
			ret = flow_drain(f);
		if (!ret && time_boot() >= deadline)
			ret = -ETIMEDOUT;
	}
	return ret;
}

int flow_settle(struct flow *f)
{
	return settle(f, 0);
}

int flow_end(struct flow *f, uint32_t serial)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	int ret;

	if (!serial || serial > SESSION_SERIAL_MAX)
		return -EINVAL;
	ret = netlink_ask(NETLINK_NETFILTER, flow_entry_request(buffer, IPCTNL_MSG_CT_DELETE, 0, serial), NULL, NULL);
	return ret ? ret : settle(f, serial);
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
	int ret = flow_entry_read(nlh, &r);

	if (ret == 1 && c->gone(&r, c->arg))
		ret = flow_entry_delete(nlh);
	if (ret < 0)
		c->error = ret;
	return MNL_CB_OK;
}

int flow_cut(struct flow *f, bool (*gone)(const struct flow_record *r, void *arg), void *arg)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct cut c = {.gone = gone, .arg = arg};
	int ret = netlink_ask(NETLINK_NETFILTER, flow_entry_request(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, 0), cut_each, &c);

	if (!ret)
		ret = flow_settle(f);
	return ret ? ret : c.error;
}

int flow_each(struct flow *f, uint32_t serial, void (*each)(const struct flow_record *r, void *arg), void *arg)
{
	struct walk w = {.serial = serial, .each = each, .arg = arg};

	(void)f;
	return walk(IPCTNL_MSG_CT_GET, &w);
}
