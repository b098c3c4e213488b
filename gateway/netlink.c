/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "common/secret.h"

enum { ANSWER_MAX_BYTES = 65536, PATIENCE_SECONDS = 10 };

static int receive(struct mnl_socket *s, unsigned sequence, void *buffer, mnl_cb_t each, void *arg)
{
	int more;

	do {
		ssize_t n = mnl_socket_recvfrom(s, buffer, ANSWER_MAX_BYTES);
		if (n < 0 && errno == EAGAIN)
			return -ETIMEDOUT;
		if (n < 0)
			return -errno;
		more = mnl_cb_run(buffer, (size_t)n, sequence, mnl_socket_get_portid(s), each, arg);
		if (more < 0)
			return -errno;
	} while (more > MNL_CB_STOP);
	return 0;
}

int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t each, void *arg)
{
	static unsigned sequence;
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC);
	void *buffer = NULL;
	int ret = 0;

	if (!s)
		return -errno;
	buffer = malloc(ANSWER_MAX_BYTES);
	if (!buffer)
		ret = -ENOMEM;
	else if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
		 setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
		ret = -errno;
	if (ret)
		goto out;

	request->nlmsg_seq = ++sequence;
	request->nlmsg_flags |= NLM_F_REQUEST;
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	ret = mnl_socket_sendto(s, request, request->nlmsg_len) < 0 ? -errno : receive(s, request->nlmsg_seq, buffer, each, arg);
	secret_wipe(buffer, ANSWER_MAX_BYTES);
out:
	free(buffer);
	mnl_socket_close(s);
	return ret;
}

struct table {
	const struct nlattr **entries;
	size_t size;
};

static int sort_one(const struct nlattr *a, void *arg)
{
	const struct table *t = arg;

	if (mnl_attr_get_type(a) < t->size)
		t->entries[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static void clear(const struct nlattr **table, size_t size)
{
	for (size_t i = 0; i < size; i++)
		table[i] = NULL;
}

void netlink_attributes(const struct nlmsghdr *nlh, size_t offset, const struct nlattr **table, size_t size)
{
	struct table t = {table, size};

	clear(table, size);
	if (mnl_nlmsg_get_payload_len(nlh) >= offset)
		mnl_attr_parse(nlh, (unsigned)offset, sort_one, &t);
}

void netlink_nested(const struct nlattr *nest, const struct nlattr **table, size_t size)
{
	struct table t = {table, size};

	clear(table, size);
	if (nest)
		mnl_attr_parse_nested(nest, sort_one, &t);
}

uint64_t netlink_u64(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) == sizeof(uint64_t) ? mnl_attr_get_u64(a) : 0;
}

uint32_t netlink_u32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) == sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
}

uint16_t netlink_u16(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) == sizeof(uint16_t) ? mnl_attr_get_u16(a) : 0;
}

const char *netlink_text(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(a) : "";
}

const void *netlink_bytes(const struct nlattr *a, size_t exactly)
{
	return a && mnl_attr_get_payload_len(a) == exactly ? mnl_attr_get_payload(a) : NULL;
}

static int family_each(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *at[CTRL_ATTR_FAMILY_ID + 1];

	netlink_attributes(nlh, sizeof(struct genlmsghdr), at, CTRL_ATTR_FAMILY_ID + 1);
	*(uint16_t *)arg = netlink_u16(at[CTRL_ATTR_FAMILY_ID]);
	return MNL_CB_OK;
}

int netlink_family(const char *name, uint16_t *out)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof *genl);
	uint16_t id = 0;
	int ret;

	nlh->nlmsg_type = GENL_ID_CTRL;
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, name);
	ret = netlink_ask(NETLINK_GENERIC, nlh, family_each, &id);
	if (!ret && !id)
		ret = -ENOENT;
	if (!ret)
		*out = id;
	return ret;
}
