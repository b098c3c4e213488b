/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WireGuard in the kernel: changes through the embeddable library of wireguard-tools, the rest in tunnel_genl.c. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <wireguard.h>

#include "common/secret.h"
#include "gateway/netif.h"
#include "gateway/tunnel_backend.h"

/*
 * The library frees its message buffer with the keys still in it. While it works, free(3) overwrites what it is given
 * (M_PERTURB, mallopt(3)); the buffer is larger than the blocks that glibc caches untouched.
 */
static int set_device(wg_device *device, const char *interface)
{
	int ret;

	memcpy(device->name, interface, strlen(interface) + 1);
	mallopt(M_PERTURB, 0xff);
	ret = wg_set_device(device);
	mallopt(M_PERTURB, 0);
	return ret;
}

static int set_peer(const char *interface, wg_peer *peer)
{
	wg_device device = {.first_peer = peer, .last_peer = peer};

	return set_device(&device, interface);
}

static int set_identity(const struct tunnel_spec *spec)
{
	wg_device device = {.flags = WGDEVICE_HAS_PRIVATE_KEY | WGDEVICE_HAS_LISTEN_PORT, .listen_port = spec->listen_port};
	int ret;

	memcpy(device.private_key, spec->private_key.bytes, KEY_SIZE);
	ret = set_device(&device, spec->interface);
	secret_wipe(&device, sizeof device);
	return ret;
}

static int kernel_start(const struct tunnel_spec *spec, char *why, size_t why_size)
{
	int ret = 0;

	if (netif_index(spec->interface) < 0)
		ret = netif_create_wireguard(spec->interface);
	if (ret && ret != -EEXIST) {
		snprintf(why, why_size, "cannot create the WireGuard interface '%s': %s%s", spec->interface, strerror(-ret),
			ret == -EOPNOTSUPP
				? "; this kernel has no WireGuard: set 'backend userspace' or install a kernel that has it"
			: ret == -EPERM ? "; start the gateway with CAP_NET_ADMIN"
					: "");
		return ret;
	}
	/* A device that is up binds its port here, one that is down when it comes up. */
	ret = set_identity(spec);
	if (!ret)
		ret = netif_up(spec->interface, spec->mtu);
	if (ret == -EADDRINUSE)
		return tunnel_port_taken(spec->listen_port, why, why_size);
	if (ret)
		snprintf(why, why_size,
			"cannot give the WireGuard interface '%s' its key and bring it up: %s; try: ip link del %s",
			spec->interface, strerror(-ret), spec->interface);
	return ret;
}

static void allow(wg_peer *peer, wg_allowedip *ip, const struct addr *a)
{
	ip->family = a->family == 4 ? AF_INET : AF_INET6;
	ip->cidr = (uint8_t)(8 * addr_size(a));
	memcpy(a->family == 4 ? (void *)&ip->ip4 : (void *)&ip->ip6, a->bytes, addr_size(a));
	if (peer->last_allowedip)
		peer->last_allowedip->next_allowedip = ip;
	else
		peer->first_allowedip = ip;
	peer->last_allowedip = ip;
}

static int kernel_install(const char *interface, const struct tunnel_peer *p)
{
	struct sockaddr_storage endpoint;
	wg_allowedip ips[2] = {0};
	wg_peer peer = {
		.flags = WGPEER_HAS_PUBLIC_KEY | WGPEER_HAS_PRESHARED_KEY | WGPEER_REPLACE_ALLOWEDIPS |
			 WGPEER_HAS_PERSISTENT_KEEPALIVE_INTERVAL,
		.persistent_keepalive_interval = p->keepalive,
	};
	socklen_t size = endpoint_to_sockaddr(&p->endpoint, &endpoint);
	int ret;

	memcpy(peer.public_key, p->public_key.bytes, KEY_SIZE);
	memcpy(peer.preshared_key, p->preshared.bytes, KEY_SIZE);
	if (size)
		memcpy(&peer.endpoint, &endpoint, size);
	if (p->v4.family)
		allow(&peer, &ips[0], &p->v4);
	if (p->v6.family)
		allow(&peer, &ips[1], &p->v6);
	ret = set_peer(interface, &peer);
	secret_wipe(&peer, sizeof peer);
	return ret;
}

static int kernel_remove(const char *interface, const struct key *public_key)
{
	wg_peer peer = {.flags = WGPEER_HAS_PUBLIC_KEY | WGPEER_REMOVE_ME};

	memcpy(peer.public_key, public_key->bytes, KEY_SIZE);
	return set_peer(interface, &peer);
}

static int kernel_clear(const char *interface)
{
	wg_device device = {.flags = WGDEVICE_REPLACE_PEERS};

	return set_device(&device, interface);
}

const struct tunnel_backend tunnel_kernel = {
	.name = "kernel",
	.kind = "wireguard",
	.start = kernel_start,
	.install = kernel_install,
	.keepalive = tunnel_genl_keepalive,
	.remove = kernel_remove,
	.clear = kernel_clear,
	.dump = tunnel_genl_dump,
	.stop = netif_delete,
};
