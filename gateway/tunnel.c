/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/tunnel.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "gateway/netif.h"
#include "gateway/tunnel_backend.h"

/* In the order of their bytes. */
struct key_list {
	struct key *keys;
	size_t count, room;
};

struct tunnel {
	const struct tunnel_backend *backend;
	char interface[IFNAMSIZ];
	struct key public_key;
	uint16_t listen_port;
	struct key_list installed; /* the peers that are in, as of the last dump and our changes since */
};

int tunnel_port_taken(uint16_t port, char *why, size_t why_size)
{
	snprintf(why, why_size,
		"UDP port %u, where WireGuard should listen, is taken by another program; find it with: ss -ulpn 'sport = %u'",
		port, port);
	return -EADDRINUSE;
}

/* --- the keys that are in --- */

static int key_order(const void *a, const void *b)
{
	return memcmp(a, b, KEY_SIZE);
}

/* Where the key is, or would have to stand. */
static size_t place_of(const struct key_list *l, const struct key *k)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (key_order(&l->keys[middle], k) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct key_list *l, size_t place, const struct key *k)
{
	return place < l->count && key_order(&l->keys[place], k) == 0;
}

static int installed_add(struct key_list *l, const struct key *k)
{
	size_t place = place_of(l, k);

	if (is_at(l, place, k))
		return 0;
	struct key *keys = array_room(l->keys, &l->room, l->count, 1, sizeof *keys);
	if (!keys)
		return -ENOMEM;
	l->keys = keys;
	memmove(&l->keys[place + 1], &l->keys[place], (l->count - place) * sizeof *k);
	l->keys[place] = *k;
	l->count++;
	return 0;
}

static void installed_remove(struct key_list *l, const struct key *k)
{
	size_t place = place_of(l, k);

	if (is_at(l, place, k))
		memmove(&l->keys[place], &l->keys[place + 1], (--l->count - place) * sizeof *k);
}

/* Reads the device, and takes note of its peers. */
static int look(struct tunnel *t, struct tunnel_dump *out)
{
	struct tunnel_dump d = {0};
	struct key_list l = {0};
	int ret = t->backend->dump(t->interface, &d);

	if (ret)
		return ret;
	l.keys = calloc(d.count + 1, sizeof *l.keys);
	if (!l.keys) {
		tunnel_dump_free(&d);
		return -ENOMEM;
	}
	l.count = d.count;
	l.room = d.count + 1;
	for (size_t i = 0; i < d.count; i++)
		l.keys[i] = d.peers[i].public_key;
	qsort(l.keys, l.count, sizeof *l.keys, key_order);
	free(t->installed.keys);
	t->installed = l;
	*out = d;
	return 0;
}

/* --- bringing it up --- */

/* Which of them an interface is of, by its kind; NULL for neither. */
static const struct tunnel_backend *backend_of(const char *interface)
{
	static const struct tunnel_backend *const all[] = {&tunnel_kernel, &tunnel_uapi};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (netif_is_kind(interface, all[i]->kind) == 1)
			return all[i];
	return NULL;
}

/* An interface that is there decides, else the kernel's answer to the wish for one. */
static int choose(const struct tunnel_spec *spec, const struct tunnel_backend **out, char *why, size_t why_size)
{
	const struct tunnel_backend *wish = spec->backend == BACKEND_KERNEL	 ? &tunnel_kernel
					    : spec->backend == BACKEND_USERSPACE ? &tunnel_uapi
										 : NULL;

	if (netif_index(spec->interface) >= 0) {
		const struct tunnel_backend *there = backend_of(spec->interface);
		if (there && (!wish || wish == there)) {
			*out = there;
			return 0;
		}
		snprintf(why, why_size,
			"an interface '%s' is there already and is not WireGuard of the kind that 'backend' asks for: "
			"remove it (ip link del %s) or choose another name for 'interface'",
			spec->interface, spec->interface);
		return -EEXIST;
	}
	if (!wish) {
		int ret = netif_create_wireguard(spec->interface);
		if (ret && ret != -EEXIST && ret != -EOPNOTSUPP) {
			snprintf(why, why_size, "cannot create the interface '%s': %s%s", spec->interface, strerror(-ret),
				ret == -EPERM ? "; start the gateway with CAP_NET_ADMIN" : "");
			return ret;
		}
		wish = ret == -EOPNOTSUPP ? &tunnel_uapi : &tunnel_kernel;
	}
	*out = wish;
	return 0;
}

static int configure(struct tunnel *t, const struct tunnel_spec *spec, char *why, size_t why_size)
{
	const struct prefix *networks[] = {&spec->network4, &spec->network6};
	const char *what = "addresses";
	struct tunnel_dump d;
	int ret = netif_addresses(t->interface, &spec->gateway4, &spec->gateway6);

	for (size_t i = 0; !ret && i < sizeof networks / sizeof networks[0]; i++) {
		what = "route";
		if (networks[i]->addr.family)
			ret = netif_route(t->interface, networks[i]);
	}
	if (!ret) {
		what = "list of peers";
		ret = look(t, &d);
	}
	if (ret) {
		snprintf(why, why_size, "the %s of interface '%s': %s; look at: ip address show %s", what, t->interface,
			strerror(-ret), t->interface);
		return ret;
	}
	t->public_key = d.public_key;
	t->listen_port = spec->listen_port;
	tunnel_dump_free(&d);
	return 0;
}

int tunnel_open(const struct tunnel_spec *spec, struct tunnel **out, char *why, size_t why_size)
{
	struct tunnel *t;
	int ret;

	if (!*spec->interface || strlen(spec->interface) >= IFNAMSIZ || strchr(spec->interface, '/')) {
		snprintf(why, why_size, "'%s' cannot be the name of an interface: use 1 to 15 of a-z 0-9 _ . -", spec->interface);
		return -EINVAL;
	}
	t = calloc(1, sizeof *t);
	if (!t) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	memcpy(t->interface, spec->interface, strlen(spec->interface) + 1);
	ret = choose(spec, &t->backend, why, why_size);
	if (!ret)
		ret = t->backend->start(spec, why, why_size);
	if (!ret)
		ret = configure(t, spec, why, why_size);
	if (ret)
		tunnel_close(t);
	else
		*out = t;
	return ret;
}

void tunnel_close(struct tunnel *t)
{
	if (!t)
		return;
	free(t->installed.keys);
	free(t);
}

int tunnel_destroy(const char *interface, char *why, size_t why_size)
{
	const struct tunnel_backend *backend;
	int ret;

	if (netif_index(interface) < 0)
		return 0;
	backend = backend_of(interface);
	if (!backend) {
		snprintf(why, why_size,
			"the interface '%s' is not WireGuard, so it was left as it is: see what it is with ip -d link show %s, "
			"and "
			"remove it (ip link del %s) or choose another name for 'interface'",
			interface, interface, interface);
		return -EEXIST;
	}
	/* Where it cannot be emptied any more, removing it is as good. */
	(void)backend->clear(interface);
	ret = backend->stop(interface);
	if (ret)
		snprintf(why, why_size, "cannot remove the interface '%s': %s; remove it with: ip link del %s", interface,
			strerror(-ret), interface);
	return ret;
}

const char *tunnel_backend(const struct tunnel *t)
{
	return t->backend->name;
}

int tunnel_check(struct tunnel *t)
{
	struct tunnel_dump d;
	int ret = netif_is_up(t->interface);

	if (ret <= 0)
		return ret ? ret : -ENETDOWN;
	ret = t->backend->dump(t->interface, &d);
	if (ret)
		return ret;
	if (!key_equal(&d.public_key, &t->public_key))
		ret = -EKEYREJECTED;
	else if (d.listen_port != t->listen_port)
		ret = -ENOTCONN;
	tunnel_dump_free(&d);
	return ret;
}

/* --- peers --- */

int tunnel_peer_install(struct tunnel *t, const struct tunnel_peer *p)
{
	int ret = installed_add(&t->installed, &p->public_key);

	if (ret)
		return ret;
	return t->backend->install(t->interface, p);
}

int tunnel_peer_keepalive(struct tunnel *t, const struct key *public_key, uint16_t seconds)
{
	if (!is_at(&t->installed, place_of(&t->installed, public_key), public_key))
		return -ENOENT;
	return t->backend->keepalive(t->interface, public_key, seconds);
}

int tunnel_peer_remove(struct tunnel *t, const struct key *public_key)
{
	int ret = t->backend->remove(t->interface, public_key);

	if (!ret)
		installed_remove(&t->installed, public_key);
	return ret;
}

int tunnel_each(struct tunnel *t, int (*each)(const struct tunnel_peer *p, void *arg), void *arg)
{
	struct tunnel_dump d;
	int ret = look(t, &d);

	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < d.count; i++)
		ret = each(&d.peers[i], arg);
	tunnel_dump_free(&d);
	return ret;
}
