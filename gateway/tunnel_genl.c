/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two calls to the kernel's WireGuard (linux/wireguard.h) that the embeddable library cannot make: changing a peer only if it is
 * still there (WGPEER_F_UPDATE_ONLY), and a dump that wipes the keys in its buffer and gives up after some interruptions: the
 * library's wg_get_device() never leaves its loop once a dump was interrupted by somebody else's change.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <string.h>

#include "gateway/netlink.h"
#include "gateway/tunnel_backend.h"

enum { DUMP_TRIES = 16 };

struct message {
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_MAX];
};

static struct nlmsghdr *message(struct message *m, uint16_t family, uint8_t command, const char *interface)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(m->buffer);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof *genl);

	nlh->nlmsg_type = family;
	genl->cmd = command;
	genl->version = WG_GENL_VERSION;
	mnl_attr_put_strz_check(nlh, sizeof m->buffer, WGDEVICE_A_IFNAME, interface);
	return nlh;
}

static int allowed_each(const struct nlattr *nest, void *arg)
{
	const struct nlattr *at[WGALLOWEDIP_A_MAX + 1];
	struct addr a = {0};
	const void *bytes;
	const uint8_t *bits;

	netlink_nested(nest, at, WGALLOWEDIP_A_MAX + 1);
	a.family = netlink_u16(at[WGALLOWEDIP_A_FAMILY]) == AF_INET ? 4 : 6;
	bytes = netlink_bytes(at[WGALLOWEDIP_A_IPADDR], addr_size(&a));
	bits = netlink_bytes(at[WGALLOWEDIP_A_CIDR_MASK], 1);
	if (!bytes || !bits) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	memcpy(a.bytes, bytes, addr_size(&a));
	tunnel_dump_allow(arg, &a, *bits);
	return MNL_CB_OK;
}

static int peer_each(const struct nlattr *nest, void *arg)
{
	const struct nlattr *at[WGPEER_A_MAX + 1];
	struct tunnel_dump *d = arg;
	struct tunnel_peer *p = d->count ? &d->peers[d->count - 1] : NULL;
	struct __kernel_timespec last;
	const void *key, *time;

	netlink_nested(nest, at, WGPEER_A_MAX + 1);
	key = netlink_bytes(at[WGPEER_A_PUBLIC_KEY], KEY_SIZE);
	if (!key) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	/* A peer whose addresses did not fit goes on in the next message, with its key and no more (linux/wireguard.h). */
	if (!p || memcmp(p->public_key.bytes, key, KEY_SIZE) != 0) {
		p = tunnel_dump_add(d);
		if (!p)
			return MNL_CB_ERROR;
		memcpy(p->public_key.bytes, key, KEY_SIZE);
		if (at[WGPEER_A_ENDPOINT])
			endpoint_from_sockaddr(mnl_attr_get_payload(at[WGPEER_A_ENDPOINT]),
				mnl_attr_get_payload_len(at[WGPEER_A_ENDPOINT]), &p->endpoint);
		p->keepalive = netlink_u16(at[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
		time = netlink_bytes(at[WGPEER_A_LAST_HANDSHAKE_TIME], sizeof last);
		if (time) {
			memcpy(&last, time, sizeof last); /* attributes are aligned to 4 bytes only */
			p->last_handshake = last.tv_sec * 1000000 + last.tv_nsec / 1000;
		}
		p->rx_bytes = netlink_u64(at[WGPEER_A_RX_BYTES]);
		p->tx_bytes = netlink_u64(at[WGPEER_A_TX_BYTES]);
	}
	return at[WGPEER_A_ALLOWEDIPS] ? mnl_attr_parse_nested(at[WGPEER_A_ALLOWEDIPS], allowed_each, p) : MNL_CB_OK;
}

static int device_each(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *at[WGDEVICE_A_MAX + 1];
	struct tunnel_dump *d = arg;
	const void *key;

	netlink_attributes(nlh, sizeof(struct genlmsghdr), at, WGDEVICE_A_MAX + 1);
	key = netlink_bytes(at[WGDEVICE_A_PUBLIC_KEY], KEY_SIZE);
	if (key)
		memcpy(d->public_key.bytes, key, KEY_SIZE);
	if (at[WGDEVICE_A_LISTEN_PORT])
		d->listen_port = netlink_u16(at[WGDEVICE_A_LISTEN_PORT]);
	return at[WGDEVICE_A_PEERS] ? mnl_attr_parse_nested(at[WGDEVICE_A_PEERS], peer_each, d) : MNL_CB_OK;
}

int tunnel_genl_dump(const char *interface, struct tunnel_dump *out)
{
	struct tunnel_dump d = {0};
	uint16_t family;
	int ret = netlink_family(WG_GENL_NAME, &family);

	if (ret)
		return ret;
	ret = -EINTR;
	for (int i = 0; ret == -EINTR && i < DUMP_TRIES; i++) {
		struct message m;
		struct nlmsghdr *nlh = message(&m, family, WG_CMD_GET_DEVICE, interface);

		nlh->nlmsg_flags = NLM_F_DUMP;
		tunnel_dump_free(&d);
		ret = netlink_ask(NETLINK_GENERIC, nlh, device_each, &d);
	}
	if (ret)
		tunnel_dump_free(&d);
	else
		*out = d;
	return ret;
}

int tunnel_genl_keepalive(const char *interface, const struct key *public_key, uint16_t seconds)
{
	struct message m;
	struct nlattr *peers, *peer;
	struct nlmsghdr *nlh;
	uint16_t family;
	int ret = netlink_family(WG_GENL_NAME, &family);

	if (ret)
		return ret;
	nlh = message(&m, family, WG_CMD_SET_DEVICE, interface);
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, KEY_SIZE, public_key->bytes);
	mnl_attr_put_u32(nlh, WGPEER_A_FLAGS, WGPEER_F_UPDATE_ONLY);
	mnl_attr_put_u16(nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, seconds);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	return netlink_ask(NETLINK_GENERIC, nlh, NULL, NULL);
}
